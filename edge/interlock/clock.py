"""Reads the wall clock and judges what it is worth: synchronised, backed by an RTC, or nothing."""

import ctypes
import time
from pathlib import Path

from edge.interlock.snapshot import Clock
from edge.sockets import now_us

_STA_UNSYNC = 0x0040
BUILD_FLOOR_MS = 1_790_000_000_000
"""No box runs before this software was written (2026-09)."""


class _Timex(ctypes.Structure):
    """The head of the kernel's struct timex; the rest is room for it to write to."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 512),
    )


_LOOK_AGAIN_US = 60_000_000
"""The real-time clock is asked this seldom: on I2C the answer takes a millisecond, and jumps show at once anyway."""


def worth(*, synchronised: bool, rtc_s: int | None, wall_s: int, near_s: int) -> str:
    """Quality of the wall clock: ``sync``, ``rtc`` or ``none``.

    A real-time clock is worth something only while it keeps the same time as the wall clock: one with an empty battery
    begins at its zero, and one that was never set answers nothing.
    """
    if synchronised:
        return "sync"
    return "rtc" if rtc_s is not None and abs(rtc_s - wall_s) <= near_s else "none"


class ClockReader:
    """Asks the kernel: adjtimex tells whether a time source disciplines the clock and how far it may be off."""

    def __init__(self, floor_ms: int, rtc: str, near_s: int) -> None:
        """Prepare to read.

        Args:
            floor_ms: newest time that is already known (last durable event, last cosignature).
            rtc: folder of the real-time clock below /sys/class/rtc, "" when the box has none.
            near_s: how far the real-time clock and the wall clock may differ.
        """
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._floor_ms = max(floor_ms, BUILD_FLOOR_MS)
        self._rtc = Path(rtc, "since_epoch") if rtc else None
        self._near_s = near_s
        self._rtc_offset_s: int | None = None
        self._looked_us: int | None = None

    def raise_floor(self, floor_ms: int) -> None:
        """Newer knowledge from a signed source."""
        self._floor_ms = max(self._floor_ms, floor_ms)

    def read(self) -> Clock:
        """The clock now."""
        timex = _Timex()
        self._libc.adjtimex(ctypes.byref(timex))
        synchronised = not timex.status & _STA_UNSYNC
        t, now = time.time_ns() // 1_000_000, now_us()
        if self._looked_us is None or now - self._looked_us >= _LOOK_AGAIN_US:
            self._looked_us = now
            rtc_s = self._ask_rtc()
            self._rtc_offset_s = None if rtc_s is None else rtc_s - now // 1_000_000
        rtc_s = None if self._rtc_offset_s is None else self._rtc_offset_s + now // 1_000_000
        quality = worth(synchronised=synchronised, rtc_s=rtc_s, wall_s=t // 1000, near_s=self._near_s)
        # Rounded up: the permit's window and its deadline are narrowed by exactly this much.
        error_ms = -(-timex.maxerror // 1000) if synchronised else 0
        return Clock(t, now, quality, error_ms, self._floor_ms)

    def _ask_rtc(self) -> int | None:
        """Seconds since 1970 by the real-time clock; None when there is none, or it was never set."""
        if self._rtc is None:
            return None
        try:
            return int(self._rtc.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None


def boot_id() -> str:
    """The kernel's boot, which tells whose CLOCK_BOOTTIME a number is."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
