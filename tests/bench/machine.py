"""The machine on which figures were taken: figures without it say nothing."""

import os
import platform
import time
from pathlib import Path
from typing import Any

import psutil

from tests.bench.priority import may_use_realtime


def facts() -> dict[str, Any]:
    """What does not change during a run."""
    return {
        "cpu_model": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_mib": psutil.virtual_memory().total // 2**20,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "realtime_allowed": may_use_realtime(),
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model"):
            return value.strip()
    return platform.machine()


class Load:
    """How busy the machine is beside what the bench itself starts."""

    def __init__(self) -> None:
        self._before = os.getloadavg()
        self._began = time.monotonic()
        psutil.cpu_percent()

    def figures(self) -> dict[str, Any]:
        """Load averages (1 min) before and after, busy share of all cores in between."""
        return {
            "load_before": round(self._before[0], 2),
            "load_after": round(os.getloadavg()[0], 2),
            "busy_pct": psutil.cpu_percent(),
            "took_s": round(time.monotonic() - self._began, 1),
        }
