"""What this process holds: the engine is in it, and so are the pictures of the moment."""

from pathlib import Path

_KIB = 1024


def figures() -> dict[str, float]:
    """Resident memory now and at most, in MiB."""
    said = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines())
    return {
        "rss_mib": round(int(said["VmRSS"].split()[0]) / _KIB, 1),
        "peak_rss_mib": round(int(said["VmHWM"].split()[0]) / _KIB, 1),
    }
