"""What a test run must not leave behind: processes that it started, and sockets that still listen."""

import os
import time
from pathlib import Path

MARK = "HB_TEST_RUN"
"""Environment variable that every process started by a test run inherits."""
GRACE_S = 5.0
_LISTEN = "0A"


def mark() -> str:
    """Mark everything that this process starts from now on; gives the marked line of the environment."""
    os.environ[MARK] = f"{os.getpid()}-{time.monotonic_ns()}"
    return f"{MARK}={os.environ[MARK]}"


def processes_with(line: str) -> list[str]:
    """Running processes that were started with this line in their environment, as `pid command`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue  # it ended, or is not ours
        # A process that only waits for its parent to look has no command line and no environment any more.
        if line.encode() in environment and int(folder.name) != os.getpid():
            found.append(f"{folder.name} {command}")
    return found


def children() -> list[str]:
    """Processes forked by this one that still run or wait for us to look, as `pid command`."""
    found = []
    for listing in Path("/proc/self/task").glob("*/children"):
        for pid in listing.read_text(encoding="ascii").split():
            stat = Path(f"/proc/{pid}/stat")
            if stat.exists():
                found.append(f"{pid} {stat.read_text(encoding='utf-8').partition(' ')[2][:60]}")
    return found


def listening() -> list[str]:
    """TCP sockets on which this process listens, as `address:port` in hex."""
    mine = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            mine.add(str(descriptor.readlink()))
        except OSError:
            continue  # the listing's own
    found = []
    for table in (Path("/proc/self/net/tcp"), Path("/proc/self/net/tcp6")):
        rows = table.read_text(encoding="ascii").splitlines()[1:] if table.exists() else []
        for row in rows:
            _, local, _, state, *rest = row.split()
            if state == _LISTEN and f"socket:[{rest[5]}]" in mine:
                found.append(local)
    return found


def left(line: str, grace_s: float = GRACE_S) -> list[str]:
    """What is left of a run after a moment's grace, as sentences; empty when all is clean."""
    end = time.monotonic() + grace_s
    while True:
        found = [f"process {each}" for each in sorted({*processes_with(line), *children()})]
        found += [f"listening socket {each}" for each in listening()]
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.05)
