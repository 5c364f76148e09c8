"""The output module of the stack light: coils that record what they were and when, and two buttons beside them."""

import asyncio
import struct
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from firmware_sim.child import Offer, Request
from firmware_sim.clock import now_us
from firmware_sim.errors import SimulationError, within
from firmware_sim.gas import set_bus_fault
from firmware_sim.modbus import Faulty, TcpBus, pdu
from firmware_sim.settings import SiteSettings

COILS = ("red", "amber", "green", "white", "buzzer")
"""Coils from address 0."""
BUTTONS = ("silence", "lamp_test")
"""Discrete inputs from address 0, closed while pressed."""
_KEPT = 400
_PRESS_MS = 300
_LONGEST_PRESS_MS = 600_000


def strips(state: dict[str, Any], now_us: int, *, step_us: int = 75_000, columns: int = 80) -> list[str]:
    """Each output's last seconds from a recorded state: ``amber   ██··██··``, the newest on the right.

    What the record no longer reaches back to is drawn as it was at its oldest change.
    """
    lines = []
    for name in COILS:
        changes = [(at, on) for at, coil, on in state["log"] if coil == name]
        marks = ""
        for column in range(columns - 1, -1, -1):
            at_us = now_us - column * step_us
            before = [on for at, on in changes if at <= at_us]
            level = before[-1] if before else (not changes[0][1] if changes else state[name])
            marks += ("♪" if name == "buzzer" else "█") if level else "·"
        lines.append(f"{name:8}{marks}")
    return lines


class OutputModule:
    """Five coils, two inputs. `log` holds the last changes: CLOCK_BOOTTIME in microseconds, coil, level."""

    def __init__(self) -> None:
        """Dark."""
        self.pressed = dict.fromkeys(BUTTONS, False)
        self.levels = [False] * len(COILS)
        self.log: deque[tuple[int, str, bool]] = deque(maxlen=_KEPT)
        self.writes = 0

    def registers(self) -> Sequence[int]:
        """The module has none."""
        return ()

    def discrete_inputs(self) -> Sequence[bool]:
        """The buttons."""
        return [self.pressed[name] for name in BUTTONS]

    def respond(self, request: bytes) -> bytes:
        """Functions 1, 5 (one coil, 0xFF00 or 0x0000) and 15 (several, packed); everything else is about the inputs."""
        function = request[0]
        if function == pdu.READ_COILS:
            return self._coils(request)
        if function not in (pdu.WRITE_COIL, pdu.WRITE_COILS):
            return pdu.from_tables(self, request)
        if len(request) < 5:
            return pdu.exception(function, pdu.ILLEGAL_DATA_VALUE)
        start, value = struct.unpack(">HH", request[1:5])
        if function == pdu.WRITE_COIL:
            if len(request) != 5 or value not in (0x0000, 0xFF00):
                return pdu.exception(function, pdu.ILLEGAL_DATA_VALUE)
            levels = [value == 0xFF00]
        else:
            size = (value + 7) // 8
            if not value or len(request) != 6 + size or request[5] != size:
                return pdu.exception(function, pdu.ILLEGAL_DATA_VALUE)
            packed = int.from_bytes(request[6:], "little")
            levels = [bool(packed >> index & 1) for index in range(value)]
        if start + len(levels) > len(COILS):
            return pdu.exception(function, pdu.ILLEGAL_DATA_ADDRESS)
        self.switch(start, levels)
        return request[:5]

    def _coils(self, request: bytes) -> bytes:
        if len(request) != 5:
            return pdu.exception(pdu.READ_COILS, pdu.ILLEGAL_DATA_VALUE)
        start, count = struct.unpack(">HH", request[1:])
        if not count:
            return pdu.exception(pdu.READ_COILS, pdu.ILLEGAL_DATA_VALUE)
        if start + count > len(COILS):
            return pdu.exception(pdu.READ_COILS, pdu.ILLEGAL_DATA_ADDRESS)
        return pdu.bits_reply(pdu.READ_COILS, self.levels[start : start + count])

    def switch(self, start: int, levels: Sequence[bool]) -> None:
        """Take what was written; only changes are recorded."""
        self.writes += 1
        now = now_us()
        for place, level in enumerate(levels, start):
            if self.levels[place] is not level:
                self.levels[place] = level
                self.log.append((now, COILS[place], level))


class OutputsDevice:
    """The module on its own TCP port, as one device process."""

    def __init__(self, directory: Path, settings: SiteSettings) -> None:
        """Nothing is opened before `start`."""
        del directory
        if settings.outputs is None:
            raise SimulationError("this site has no output module")
        self._module = OutputModule()
        self._unit_id = settings.outputs.unit_id
        self._faulty = Faulty(self._module)
        self._bus = TcpBus({self._unit_id: self._faulty}, port=settings.outputs.port)
        self._releases: dict[str, asyncio.TimerHandle] = {}

    async def start(self) -> Offer:
        """Open the port."""
        await self._bus.start()
        return Offer(
            {"outputs": {"host": self._bus.host, "port": self._bus.port}},
            (f"outputs: {self._bus.host}:{self._bus.port} unit {self._unit_id} ({', '.join(COILS)})",),
            (), BUTTONS, ("outputs",),
        )  # fmt: skip

    async def handle(self, request: Request) -> dict[str, Any]:
        """``press silence|lamp_test [MS]``, ``fault outputs KIND``, ``state``."""
        if request.verb == "fault":
            await set_bus_fault(self._bus, self._faulty, request.args[1:])
        elif request.verb == "press":
            self._press(*request.args)
        module = self._module
        levels = dict(zip(COILS, module.levels, strict=True))
        log = [list(row) for row in module.log]
        return {"outputs": {**levels, "writes": module.writes, "log": log, "fault": self._faulty.fault.value}}

    def _press(self, name: str, ms: str = str(_PRESS_MS)) -> None:
        hold_s = within("press", ms, 1, _LONGEST_PRESS_MS, "ms") / 1000
        if name in self._releases:
            self._releases[name].cancel()
        self._module.pressed[name] = True
        self._releases[name] = asyncio.get_running_loop().call_later(hold_s, self._release, name)

    def _release(self, name: str) -> None:
        self._module.pressed[name] = False
        del self._releases[name]

    async def stop(self) -> None:
        """Close the port."""
        await self._bus.stop()
