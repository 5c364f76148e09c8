"""A log that lives through power cuts: a real writer on a real file system, cut at any moment, started again on what is left."""

import contextlib
import ctypes.util
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Self

from edge.audit.keys import load_or_create
from tests.edge.audit.crash import CONTROL
from tests.edge.audit.crash.judge import EPOCH, LEAVES, Log, Verdict
from tests.edge.audit.site import Station

ROOT = Path(__file__).parents[4]
CUTS_A_LIFE = 10
"""Then a new log begins, as verifying a long one takes its time."""
_KEY = "log.pem"
_ACKS = (1, 400)
_PATIENCE_S = 20.0


def missing_means() -> str:
    """What this machine lacks to mount such a file system, empty when nothing."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "expected a /dev/fuse that this user may read and write: load the kernel's fuse module, run as root"
    if ctypes.util.find_library("fuse3") is None:
        return "expected libfuse 3, found none: scripts/bootstrap soak installs Debian's fuse3"
    return ""


class Life:
    """One log, from its first start through its cuts."""

    def __init__(self, folder: Path, chance: Random, *, liar: str = "", careless: bool = False, readers: bool = False) -> None:
        """`liar`: files that the disk never syncs; `careless`: the writer's synchronous=NORMAL; `readers` come and go."""
        self._folder, self._chance, self._liar, self._careless, self._readers = folder, chance, liar, careless, readers
        self._disk, self._mount = folder / "disk", folder / "mount"
        self._disk.mkdir(parents=True)
        self._mount.mkdir()
        station = Station(folder)
        station.path = self._mount / "audit.db"
        station.key = load_or_create(self._disk / _KEY)
        self._judge = Log(station, key=_KEY, whole=False)
        self.acknowledged = 0

    def cut(self) -> Verdict:
        """Write for a while, cut, look at what is left, and have the next writer start on it."""
        left = self._folder / "left"
        left.mkdir()
        with _Mounted(self._mount, self._disk, self._liar), contextlib.ExitStack() as readers:
            if self._readers:
                readers.enter_context(_Readers(self._mount / "audit.db"))
            self._write_and_cut(left)
        for file in left.iterdir():
            file.chmod(0o600)
        looked_at = self._folder / "looked-at"
        shutil.copytree(left, looked_at)
        told = {LEAVES: self.acknowledged, EPOCH: 1} if self.acknowledged else {}
        verdict = self._judge(looked_at, told, onward=True)
        shutil.rmtree(looked_at)
        shutil.rmtree(self._disk)
        left.rename(self._disk)
        return verdict

    def _write_and_cut(self, left: Path) -> None:
        command = [sys.executable, "-m", "tests.edge.audit.writer", str(self._mount / "audit.db"), "0"]
        command += ["careless"] if self._careless else []
        wanted = self._chance.randint(*_ACKS)
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert writer.stderr is not None
            try:
                told = [int(line) for _, line in zip(range(wanted), writer.stdout, strict=False)]
                if len(told) < wanted:
                    raise AssertionError(f"the writer ended: {writer.stderr.read().decode()[-2000:]}")
                writer.send_signal(signal.SIGSTOP)
                # Once all its threads stand still nothing is acknowledged any more: the cut is after every promise.
                os.waitid(os.P_PID, writer.pid, os.WSTOPPED)
                (self._mount / CONTROL).write_text(f"cut {self._chance.randrange(2**31)} {left}")
            finally:
                writer.kill()
            told += [int(line) for line in writer.stdout.read().split()]
        self.acknowledged = max(self.acknowledged, told[-1] + 1)


def until_lost(
    folder: Path, chance: Random, most: int, *, liar: str = "", careless: bool = False, readers: bool = False,
    told: Callable[[int], object] = int,
) -> tuple[int, int]:  # fmt: skip
    """A control: cuts until something is lost, each of a life of its own; how many it took, and how many events were lost.

    After `most` cuts it has lost 0. The rest as for `Life`; `told` is called after each cut.
    """
    for number in range(1, most + 1):
        verdict = Life(folder / str(number), chance, liar=liar, careless=careless, readers=readers).cut()
        told(number)
        if verdict.lost:
            return number, verdict.lost
    return most, 0


class _Mounted:
    """The file system, while it is served."""

    def __init__(self, mount: Path, disk: Path, liar: str) -> None:
        self._mount = mount
        self._command = [sys.executable, "-m", "tests.edge.audit.crash.filesystem", str(mount), str(disk)]
        self._command += [liar] if liar else []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, cwd=ROOT)
        end, pause = time.monotonic() + _PATIENCE_S, threading.Event()
        while not self._mount.is_mount():
            if time.monotonic() > end or self._process.poll() is not None:
                self.__exit__()
                raise AssertionError(f"the file system did not come up (exit code {self._process.returncode})")
            pause.wait(0.005)
        return self

    def __exit__(self, *exception: object) -> None:
        command = ["umount", "--lazy"] if os.geteuid() == 0 else ["fusermount3", "-u", "-z"]
        subprocess.run([*command, str(self._mount)], check=False)  # it ends when nothing is mounted any more
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _Readers:
    """Another process that opens the log, reads and closes it, again and again."""

    _CODE = """
import sqlite3, sys
from pathlib import Path
from edge.audit.reader import Reader
while True:
    try:
        reader = Reader.open(Path(sys.argv[1]))
    except (sqlite3.Error, ValueError, OSError):
        continue
    try:
        reader.leaves(max(0, reader.size() - 20), 20, 10**6)
    except sqlite3.Error:
        pass
    reader.close()
"""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        self._process = subprocess.Popen([sys.executable, "-c", self._CODE, str(self._path)], cwd=ROOT)
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.wait()
