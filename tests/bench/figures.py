"""Order statistics of a run, and what a process costs."""

import math
import time
from collections.abc import Sequence
from typing import NamedTuple

import psutil


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: a value that occurred."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def median(values: Sequence[float]) -> float:
    return percentile(values, 0.5)


def p99(values: Sequence[float]) -> float:
    return percentile(values, 0.99)


class Cost(NamedTuple):
    """Share of one core in per cent, resident memory in MiB."""

    cpu_pct: float
    rss_mib: float


def cost(pid: int, seconds: float) -> Cost:
    """Watch a process for a while."""
    process = psutil.Process(pid)
    before, began = process.cpu_times(), time.monotonic()
    time.sleep(seconds)
    after, took = process.cpu_times(), time.monotonic() - began
    used = after.user + after.system - before.user - before.system
    return Cost(100 * used / took, process.memory_info().rss / 2**20)
