"""The clock that every stamp of the simulated site uses, the same as the box's: CLOCK_BOOTTIME in microseconds."""

import time


def now_us() -> int:
    """CLOCK_BOOTTIME in microseconds."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
