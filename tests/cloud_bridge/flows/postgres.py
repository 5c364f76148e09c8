"""A PostgreSQL cluster of one's own, on a Unix socket in a temporary folder, gone afterwards."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

WHERE = Path("/usr/lib/postgresql")
USER = "postgres"
MISSING = "expected PostgreSQL's server below /usr/lib/postgresql: apt-get install postgresql"


def binaries() -> Path | None:
    """The newest version that is installed."""
    found = sorted(WHERE.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def _as_user(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", USER, "--", *command] if os.geteuid() == 0 else command


def _run(command: list[str]) -> None:
    done = subprocess.run(_as_user(command), capture_output=True, text=True, timeout=60, check=False, cwd="/")
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """A running cluster; gives the address of an empty database in it."""
    home = binaries()
    assert home is not None, MISSING
    folder = Path(tempfile.mkdtemp(prefix="hb-pg-"))
    try:
        if os.geteuid() == 0:
            os.chown(folder, pwd.getpwnam(USER).pw_uid, -1)
        data = folder / "data"
        _run([str(home / "initdb"), "-D", str(data), "-U", "hotbox", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"])
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c max_connections=60 -c shared_buffers=64MB"
        _run([str(home / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start"])
        try:
            _run([str(home / "createdb"), "-h", str(folder), "-U", "hotbox", "hotbox"])
            yield f"postgresql://hotbox@/hotbox?host={folder}"
        finally:
            _run([str(home / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
