"""How full the log's storage is, and how much this process has written to it. Never from the interlock's loop.

Two things can run out: the budget that the configuration gives the log, and the filesystem that it lies on. Both warn
a while before the box refuses to arm; a release that runs goes on, and trips when a write fails in the end.
Flash wears out by what is written, and SQLite writes more than the events have bytes: one event a second, each in a
commit of its own, is 0.94 GB a day (findings/audit 2.3). So the kernel's own count is recorded, once an hour.
"""

import contextlib
import os
from enum import StrEnum
from pathlib import Path

import msgspec

WARN_PERCENT, STOP_PERCENT = 90, 95
SLACK_PERCENT = 2
"""So much must become free again before a level is left: at the edge of one it would be told over and over."""
LAST_BYTES = 64 * 2**20
"""What a filesystem must keep free for whoever else writes to it; of a small one its last twentieth."""
RESERVE_BYTES = 2**20
REFILL_PERCENT = 85
LOOK_S = 10.0
HEALTH_S = 3600.0
_SECTOR_BYTES = 512


class Fill(StrEnum):
    """How full: nothing to say, somebody should do something, no new release."""

    WELL = ""
    WARN = "warn"
    STOP = "stop"


class Space(msgspec.Struct, frozen=True):
    """Bytes: what the log uses of its budget, what is free on its filesystem, how large that is."""

    used: int = 0
    budget: int = 0
    fs_free: int = 0
    fs_total: int = 0

    def reaches(self, percent: int) -> bool:
        """Whether the log uses so much of its budget, or others have left the filesystem as little."""
        low = min(LAST_BYTES, self.fs_total // 20) * (100 - percent) // (100 - STOP_PERCENT)
        return self.used * 100 >= self.budget * percent or self.fs_free < low


def judge(space: Space, before: Fill) -> Fill:
    """How full it is, given how full it was: a level is left only some way below where it is entered."""
    stop, warn = STOP_PERCENT, WARN_PERCENT
    if before is Fill.STOP:
        stop -= SLACK_PERCENT
    if before is not Fill.WELL:
        warn -= SLACK_PERCENT
    if space.reaches(stop):
        return Fill.STOP
    return Fill.WARN if space.reaches(warn) else Fill.WELL


class Wear(msgspec.Struct, frozen=True):
    """What was written: by this process since its start, to the whole device since it was found; bytes.

    `life` are the eMMC's own estimates where it gives them (JEDEC EXT_CSD 267 to 269): of the life of its two kinds of
    cells in tenths, 1 is new and 11 beyond its rated life; and of its spare blocks, 1 well, 2 low, 3 urgent.
    """

    own: int = 0
    device: int = 0
    life: tuple[int, ...] = ()


class Storage:
    """The filesystem below one log."""

    def __init__(self, folder: Path, budget: int) -> None:
        """`folder` holds the log; `budget` are the bytes that it may use."""
        self._folder, self._budget = folder, budget
        self._reserve = folder / "audit.reserve"
        number = folder.stat().st_dev
        self._device = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")

    def look(self, used: int) -> Space:
        """Measure; `used` is what the log says of its own file.

        Raises:
            OSError: the filesystem does not answer.
        """
        found = os.statvfs(self._folder)
        return Space(used, self._budget, found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)

    def wear(self) -> Wear:
        """The kernel's counts; 0 and nothing where it has none (a network filesystem, a container)."""
        return Wear(own_bytes(), self._written_to_device(), self._life())

    def keep_reserve(self, space: Space) -> None:
        """Hold a little back, so that after a full disk there is room to say so; not while it is nearly full."""
        if self._reserve.exists() or space.reaches(REFILL_PERCENT):
            return
        with contextlib.suppress(OSError), self._reserve.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)

    def give_reserve(self) -> None:
        """The disk is full: what was held back is for the trip and for the next start."""
        with contextlib.suppress(OSError):
            self._reserve.unlink()

    def _written_to_device(self) -> int:
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int((self._device / "stat").read_text(encoding="ascii").split()[6]) * _SECTOR_BYTES
        return 0

    def _life(self) -> tuple[int, ...]:
        for device in (self._device / "device", self._device.resolve().parent / "device"):  # a partition's disk
            with contextlib.suppress(OSError, ValueError):
                words = [*(device / "life_time").read_text(encoding="ascii").split()]
                words += (device / "pre_eol_info").read_text(encoding="ascii").split()
                return tuple(int(word, 16) for word in words)
        return ()


def own_bytes() -> int:
    """Bytes that this process caused to be written to any disk since its start; 0 where the kernel does not count."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/self/io").read_text(encoding="ascii").splitlines():
            if line.startswith("write_bytes:"):
                return int(line.split()[1])
    return 0
