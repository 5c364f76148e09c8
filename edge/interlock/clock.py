"""Reads the wall clock and judges what it is worth: synchronised, backed by an RTC, or nothing."""

import ctypes
import time
from pathlib import Path

from edge.interlock.snapshot import Clock
from edge.sockets import now_us

_STA_UNSYNC = 0x0040
_RTC = Path("/sys/class/rtc")
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


class ClockReader:
    """Asks the kernel: adjtimex tells whether a time source disciplines the clock and how far it may be off."""

    def __init__(self, floor_ms: int) -> None:
        """`floor_ms`: newest time that is already known (last durable event, last cosignature)."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._floor_ms = max(floor_ms, BUILD_FLOOR_MS)
        self._has_rtc = _RTC.is_dir() and any(_RTC.iterdir())

    def raise_floor(self, floor_ms: int) -> None:
        """Newer knowledge from a signed source."""
        self._floor_ms = max(self._floor_ms, floor_ms)

    def read(self) -> Clock:
        """The clock now."""
        timex = _Timex()
        self._libc.adjtimex(ctypes.byref(timex))
        synchronised = not timex.status & _STA_UNSYNC
        quality = "sync" if synchronised else ("rtc" if self._has_rtc else "none")
        error_ms = timex.maxerror // 1000 if synchronised else 0
        return Clock(time.time_ns() // 1_000_000, now_us(), quality, error_ms, self._floor_ms)


def boot_id() -> str:
    """The kernel's boot, which tells whose CLOCK_BOOTTIME a number is."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
