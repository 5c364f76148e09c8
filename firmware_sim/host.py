"""The computer that the box runs on, as far as a site can break it: its wall clock and its disk.

Neither is a device on a wire, so both are the machine's own. The clock is Debian's libfaketime around the box's
processes (`interpreter`), which reads an offset from a file whenever a program asks for the time of day; CLOCK_BOOTTIME
and CLOCK_MONOTONIC stay true. The disk is a small tmpfs in a mount namespace (`command`) that ends with this process.
The box's programs are the same and know nothing of it.
"""

import ctypes
import os
import shlex
import sys
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any

from firmware_sim.child import Offer, Request
from firmware_sim.errors import SimulationError, one_of, within
from firmware_sim.settings import SiteSettings

_CLONE_NEWNS = 0x20000
_MS_REC_PRIVATE = 0x4000 | 0x40000
_YEAR_S = 366 * 86_400
_CLOCK_STEP_S = -3600.0
_CHUNK = bytes(1 << 16)


class HostFault(StrEnum):
    """What can be wrong with the machine: its clock was set by VALUE seconds, nothing more fits on its disk."""

    NONE = "none"
    CLOCK_STEP = "clock_step"
    DISK_FULL = "disk_full"


class HostDevice:
    """Clock and disk as one device process."""

    def __init__(self, directory: Path, settings: SiteSettings) -> None:
        """Nothing is mounted before `start`."""
        if settings.host is None:
            raise SimulationError("this site has no machine of its own")
        self._settings = settings.host
        self._clock = directory / "host-clock"
        self._disk = directory / "host-disk"
        self._fault = HostFault.NONE
        self._step_s = 0.0

    async def start(self) -> Offer:
        """Set the clock right and mount the disk."""
        self._set_clock(0)
        self._disk.mkdir(exist_ok=True)
        _mount(self._disk, self._settings.disk_mib)
        site = {
            "host": {
                "clock": str(self._clock),
                "libfaketime": str(_libfaketime()),
                "disk": str(self._disk),
                "namespace": f"/proc/{os.getpid()}/ns/mnt",
            }
        }
        return Offer(site, (f"host: {self._disk} {self._settings.disk_mib} MiB",), fault_targets=("host",))

    async def handle(self, request: Request) -> dict[str, Any]:
        """``fault host clock_step [SECONDS]``, ``fault host disk_full|none``, ``state``."""
        if request.verb == "fault":
            if not 2 <= len(request.args) <= 3:
                raise SimulationError(f"expected: fault host {'|'.join(HostFault)} [SECONDS]")
            fault = HostFault(one_of("fault host", request.args[1], HostFault))
            step = request.args[2] if len(request.args) == 3 else str(_CLOCK_STEP_S)
            step_s = within("clock_step", step, -_YEAR_S, _YEAR_S, "s")
            self._set_clock(step_s if fault is HostFault.CLOCK_STEP else 0)
            self._fill(full=fault is HostFault.DISK_FULL)
            self._fault = fault
        return {"host": {"fault": self._fault.value, "clock_step_s": self._step_s}}

    def _set_clock(self, step_s: float) -> None:
        self._step_s = step_s
        new = self._clock.with_name(self._clock.name + ".new")
        new.write_text(f"{step_s:+f}\n", encoding="ascii")
        new.replace(self._clock)

    def _fill(self, *, full: bool) -> None:
        filler = self._disk / "filler"
        if not full:
            filler.unlink(missing_ok=True)
            return
        with suppress(OSError), filler.open("ab", buffering=0) as file:
            while file.write(_CHUNK):
                pass

    async def stop(self) -> None:
        """The mount ends with the process; its folder and the clock's file go now."""
        self._clock.unlink(missing_ok=True)


def command(host: Mapping[str, str]) -> list[str]:
    """What stands before a command that is to see this machine's disk; `host` is site.json's."""
    return ["nsenter", f"--mount={host['namespace']}", f"--wd={Path.cwd()}", "--"]


def interpreter(host: Mapping[str, str], at: Path) -> Path:
    """Write a program `at` that is Python on this machine's time; gives its path.

    Only programs that never call clock_nanosleep (`time.sleep`) can be run by it: libfaketime 0.9.10 breaks that call.
    """
    words = {
        "LD_PRELOAD": host["libfaketime"],
        "FAKETIME_TIMESTAMP_FILE": host["clock"],
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        # With its cure for an old glibc two threads that share the interpreter's lock switch 14 times as often and get
        # a sixteenth of their work done (measured): the box's evaluations came up to 400 ms apart.
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
    }
    given = " ".join(f"{name}={shlex.quote(value)}" for name, value in words.items())
    at.write_text(f'#!/bin/sh\n{given} exec {shlex.quote(sys.executable)} "$@"\n', encoding="utf-8")
    at.chmod(0o755)
    return at


def _libfaketime() -> Path:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        raise SimulationError("the machine's clock needs Debian's package libfaketime: apt-get install libfaketime")
    return found[0]


def _mount(disk: Path, size_mib: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    # One after the other: without a namespace of its own nothing may be mounted.
    if (
        libc.unshare(_CLONE_NEWNS)
        or libc.mount(b"none", b"/", None, _MS_REC_PRIVATE, None)
        or libc.mount(b"hotbox", os.fsencode(disk), b"tmpfs", 0, f"size={size_mib}m".encode())
    ):
        reason = os.strerror(ctypes.get_errno())
        raise SimulationError(f"the machine's disk cannot be mounted ({reason}): be root, or leave `host` out")
