"""The input module that the buttons, the reset key and the E-stop contact are wired to: Modbus discrete inputs."""

import asyncio
import random
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from firmware_sim.child import Offer, Request
from firmware_sim.clock import now_us
from firmware_sim.errors import SimulationError, one_of, within
from firmware_sim.gas import set_bus_fault
from firmware_sim.modbus import Faulty, TcpBus
from firmware_sim.settings import SiteSettings

NAMES = (
    "arm", "stop", "finish", "reset", "estop", "door", "mains", "battery", "enclosure", "flame", "test_key", "isolated",
)  # fmt: skip
"""Discrete inputs from address 0."""
NORMALLY_CLOSED = frozenset(("stop", "estop", "door", "mains", "battery", "enclosure", "flame"))
"""Contacts that are closed (1) while nothing happens, so that a broken wire acts as if they were pressed."""
BUTTONS = ("arm", "stop", "finish", "reset")
SETTINGS = {
    "estop": ("open", "closed"),
    "stop": ("open", "closed"),
    "door": ("open", "closed"),
    "mains": ("off", "on"),
    "battery": ("low", "ok"),
    "enclosure": ("hot", "ok"),
    "flame": ("seen", "none"),
    "test_key": ("run", "test"),
    "isolated": ("no", "yes"),
}
"""What `set` may say of a contact: the word for open, the word for closed."""
_COUNT = 16
_PRESS_MS = 300
_LONGEST_PRESS_MS = 600_000
_BOUNCE_MS = 10
_LONGEST_BOUNCE_MS = 10_000


class ContactFault(StrEnum):
    """What can be wrong with one contact or its wire: broken, welded or shorted, or it bounces until it is mended."""

    NONE = "none"
    OPEN = "open"
    CLOSED = "closed"
    BOUNCE = "bounce"


class InputModule:
    """Sixteen inputs; those without a name are not wired and read 0."""

    def __init__(self) -> None:
        """Nobody touches anything."""
        self.closed = {name: name in NORMALLY_CLOSED for name in NAMES}
        self.faults = dict.fromkeys(NAMES, ContactFault.NONE)
        self.bounced: set[str] = set()
        """Bouncing contacts that are the other way round at this moment."""

    def level(self, name: str) -> bool:
        """What the module reads at one input."""
        match self.faults[name]:
            case ContactFault.OPEN:
                return False
            case ContactFault.CLOSED:
                return True
            case ContactFault.BOUNCE:
                return self.closed[name] ^ (name in self.bounced)
        return self.closed[name]

    def registers(self) -> Sequence[int]:
        """The module has none."""
        return ()

    def discrete_inputs(self) -> Sequence[bool]:
        """The inputs of this moment, 1 = contact closed."""
        wired = [self.level(name) for name in NAMES]
        return wired + [False] * (_COUNT - len(wired))


class InputsDevice:
    """The module on its own TCP port, as one device process."""

    def __init__(self, directory: Path, settings: SiteSettings) -> None:
        """Nothing is opened before `start`."""
        del directory
        if settings.inputs is None:
            raise SimulationError("this site has no input module")
        self._module = InputModule()
        self._unit_id = settings.inputs.unit_id
        self._faulty = Faulty(self._module)
        self._bus = TcpBus({self._unit_id: self._faulty}, port=settings.inputs.port)
        self._releases: dict[str, asyncio.TimerHandle] = {}
        self._pressed_us = dict.fromkeys(NAMES, 0)
        self._bouncing: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> Offer:
        """Open the port."""
        await self._bus.start()
        return Offer(
            {"inputs": {"host": self._bus.host, "port": self._bus.port}},
            (f"inputs: {self._bus.host}:{self._bus.port} unit {self._unit_id} ({', '.join(NAMES)})",),
            tuple(SETTINGS),
            BUTTONS,
            ("inputs", *NAMES),
        )

    async def handle(self, request: Request) -> dict[str, Any]:
        """``press BUTTON [MS]``, ``set door open`` and so on (`SETTINGS`), ``fault inputs|CONTACT KIND``, ``state``."""
        if request.verb == "fault" and request.args[0] in NAMES:
            self._contact_fault(*request.args)
        elif request.verb == "fault":
            await set_bus_fault(self._bus, self._faulty, request.args[1:])
        elif request.verb == "press":
            self._press(*request.args)
        elif request.verb == "set":
            if len(request.args) != 2:
                raise SimulationError(f"expected: set {request.args[0]} {'|'.join(SETTINGS[request.args[0]])}")
            name, wanted = request.args
            self._module.closed[name] = one_of(name, wanted, SETTINGS[name]) == SETTINGS[name][1]
            self._pressed_us[name] = now_us()
        state: dict[str, Any] = {
            name: {
                "closed": self._module.level(name),
                "at_us": self._pressed_us[name],
                "fault": self._module.faults[name].value,
            }
            for name in NAMES
        }
        return {"inputs": {**state, "fault": self._faulty.fault.value}}

    def _contact_fault(self, name: str, kind: str = "", ms: str = str(_BOUNCE_MS)) -> None:
        fault = ContactFault(one_of(f"fault {name}", kind, ContactFault))
        pause_ms = within("bounce", ms, 1, _LONGEST_BOUNCE_MS, "ms")
        bouncing = self._bouncing.pop(name, None)
        if bouncing:
            bouncing.cancel()
            self._module.bounced.discard(name)
        self._module.faults[name] = fault
        if fault is ContactFault.BOUNCE:
            self._bouncing[name] = asyncio.create_task(self._bounce(name, pause_ms / 1000))

    async def _bounce(self, name: str, pause_s: float) -> None:
        """Change over again and again, about every `pause_s`, in no rhythm that a poll could fall into."""
        while True:
            self._module.bounced ^= {name}
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))

    def _press(self, name: str, ms: str = str(_PRESS_MS)) -> None:
        hold_s = within("press", ms, 1, _LONGEST_PRESS_MS, "ms") / 1000
        idle = name in NORMALLY_CLOSED
        if name in self._releases:
            self._releases[name].cancel()
        self._module.closed[name] = not idle
        self._pressed_us[name] = now_us()
        self._releases[name] = asyncio.get_running_loop().call_later(hold_s, self._release, name, idle)

    def _release(self, name: str, idle: bool) -> None:
        self._module.closed[name] = idle
        del self._releases[name]

    async def stop(self) -> None:
        """Close the port."""
        for bouncing in self._bouncing.values():
            bouncing.cancel()
        await self._bus.stop()
