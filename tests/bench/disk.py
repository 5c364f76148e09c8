"""A disk of its own for a bench: ext4 on a loop device, whose writes can be counted and which can be made to stall.

    python -m tests.bench.disk FOLDER MIB        the keeper; in a mount namespace of its own, see `LoopDisk`

The kernel's own freeze (FIFREEZE) is the stall: whoever writes or syncs hangs in the kernel until the thaw, as on a card
that is busy with itself. The mount lives in the keeper's namespace and ends with it. The keeper thaws when its standard
input ends, so that a bench that was killed leaves nothing frozen. Needs root and loop devices.
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from tests.bench.plant import LateError

_FIFREEZE, _FITHAW = 0xC0045877, 0xC0045878
_SECTOR_BYTES = 512
_END_S = 20.0


def why_not() -> str:
    """Why there can be no such disk here; empty when there can."""
    if os.geteuid():
        return "a disk that can stall needs root"
    return "" if Path("/dev/loop-control").exists() else "this machine has no loop devices"


class LoopDisk:
    """A mounted disk; usable as a context manager. `command` stands before a command that is to see it."""

    def __init__(self, folder: Path, mib: int = 128) -> None:
        """Make and mount it below `folder`.

        Raises:
            LateError: the machine does not let us; says what it said.
        """
        folder.mkdir(parents=True)
        self.place = folder / "disk"
        argv = ["unshare", "--mount", "--propagation", "private", sys.executable, "-m", "tests.bench.disk", str(folder), str(mib)]
        self._keeper = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._frozen = False
        self._read("up")

    @property
    def command(self) -> list[str]:
        """To be put before a command."""
        return ["nsenter", f"--mount=/proc/{self._keeper.pid}/ns/mnt", f"--wd={Path.cwd()}", "--"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.close()
        self._keeper.wait(_END_S)
        self._keeper.stdout.close()

    def freeze(self) -> None:
        """From now on every write to it hangs."""
        self._ask("freeze")
        self._frozen = True

    def thaw(self) -> None:
        """Let what hangs go on; nothing to do when it is not frozen."""
        if self._frozen:
            self._frozen = False
            self._ask("thaw")

    def written(self) -> int:
        """Bytes that reached the device so far, the filesystem's journal included; all that waits is written first."""
        return int(self._ask("written"))

    def _ask(self, word: str) -> str:
        assert self._keeper.stdin is not None
        self._keeper.stdin.write(word + "\n")
        self._keeper.stdin.flush()
        return self._read(word)

    def _read(self, word: str) -> str:
        assert self._keeper.stdout is not None
        said, _, value = self._keeper.stdout.readline().strip().partition(" ")
        if said != word:
            raise LateError(f"the bench's disk: expected {word!r}, got {said!r} {value}")
        return value


def _keep(folder: Path, mib: int) -> None:
    image, place = folder / "disk.img", folder / "disk"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(mib << 20)
    # Nothing of mkfs may be left for later: it would be counted as ours.
    lazy = "lazy_itable_init=0,lazy_journal_init=0"
    for argv in (["mkfs.ext4", "-q", "-F", "-E", lazy, str(image)], ["mount", "-o", "loop", str(image), str(place)]):
        try:
            subprocess.run(argv, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            _say(f"failed {' '.join(argv)}: {getattr(error, 'stderr', '') or error}".replace("\n", " "))
            return
    number, handle = place.stat().st_dev, os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    stat = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat")
    libc = ctypes.CDLL(None, use_errno=True)
    frozen = False
    _say("up")
    try:
        for line in sys.stdin:
            word = line.strip()
            if word == "freeze":
                fcntl.ioctl(handle, _FIFREEZE, 0)
                frozen = True
                _say(word)
            elif word == "thaw":
                fcntl.ioctl(handle, _FITHAW, 0)
                frozen = False
                _say(word)
            elif word == "written":
                libc.syncfs(handle)
                _say(f"{word} {int(stat.read_text(encoding='ascii').split()[6]) * _SECTOR_BYTES}")
    finally:
        if frozen:
            fcntl.ioctl(handle, _FITHAW, 0)
        os.close(handle)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _keep(Path(sys.argv[1]), int(sys.argv[2]))
