"""Gas detectors that speak over MQTT: each publishes JSON with its value on a topic of its own, again and again.

They keep trying to reach the broker, which belongs to the bridge and may come later.
"""

import asyncio
import contextlib
from enum import StrEnum
from pathlib import Path
from typing import Any

import aiomqtt
import msgspec

from firmware_sim.child import Offer, Request
from firmware_sim.clock import now_us
from firmware_sim.errors import SimulationError, number, one_of
from firmware_sim.settings import MqttHeadSettings, MqttSettings, SiteSettings


class RemoteFault(StrEnum):
    """What can be wrong with a detector on MQTT."""

    NONE = "none"
    SILENT = "silent"
    GARBAGE = "garbage"
    OVER_RANGE = "over_range"


_AGAIN_S = 0.5
_GARBAGE = b"\x00\xff not a number"


class _Head:
    def __init__(self, settings: MqttHeadSettings) -> None:
        self.settings = settings
        self.value = settings.value
        self.set_us = now_us()
        self.fault = "none"
        self.changed = asyncio.Event()

    def message(self) -> bytes | None:
        """What it says just now, nothing while it is silent."""
        match self.fault:
            case "silent":
                return None
            case "garbage":
                return _GARBAGE
            case "over_range":
                return msgspec.json.encode({"value": self.settings.range_high, "over_range": True})
        return msgspec.json.encode({"value": self.value, "over_range": False})

    def view(self) -> dict[str, Any]:
        """Its state, as `state` shows it."""
        unit, topic = self.settings.unit, self.settings.topic
        return {"value": self.value, "unit": unit, "topic": topic, "fault": self.fault, "set_us": self.set_us}


class MqttHeads:
    """All detectors of one broker, as one device process."""

    def __init__(self, settings: MqttSettings) -> None:
        """Nothing is connected yet."""
        self._settings = settings
        self._heads = {head.name: _Head(head) for head in settings.detectors}
        self._task: asyncio.Task[None] | None = None
        self._ending = False

    async def start(self) -> Offer:
        """Begin to publish."""
        self._task = asyncio.create_task(self._connect_for_ever())
        names, settings = tuple(self._heads), self._settings
        told = f"gas_mqtt: {settings.host}:{settings.port} ({', '.join(names)})"
        return Offer({"gas_mqtt": {"host": settings.host, "port": settings.port}}, (told,), names, (), names)

    async def handle(self, request: Request) -> dict[str, Any]:
        """``set NAME VALUE``, ``fault NAME KIND``, ``state``."""
        if request.verb == "state":
            return {"remotes": {name: head.view() for name, head in self._heads.items()}}
        name, *args = request.args
        head = self._heads[name]
        if len(args) != 1:
            raise SimulationError(f"expected: set {name} VALUE, or fault {name} KIND; kinds: {', '.join(RemoteFault)}")
        if request.verb == "fault":
            head.fault = one_of("fault", args[0], RemoteFault)
        else:
            head.value, head.set_us = number(name, args[0]), now_us()
        head.changed.set()
        return head.view()

    async def stop(self) -> None:
        """Hang up."""
        # aiomqtt waits in wait_for(), which loses a cancellation before Python 3.12: hence the flag and the repetition.
        self._ending = True
        while self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=0.2)

    async def _connect_for_ever(self) -> None:
        while not self._ending:
            where = (self._settings.host, self._settings.port)
            try:
                async with aiomqtt.Client(*where, timeout=2) as client, asyncio.TaskGroup() as group:
                    for head in self._heads.values():
                        group.create_task(self._publish_for_ever(client, head))
            except* aiomqtt.MqttError:
                pass
            await asyncio.sleep(_AGAIN_S)

    async def _publish_for_ever(self, client: aiomqtt.Client, head: _Head) -> None:
        """At once after a change, else in the head's rhythm; a lost broker ends the group, and it begins anew."""
        while not self._ending:
            head.changed.clear()
            message = head.message()
            if message is not None:
                await client.publish(head.settings.topic, message, qos=1)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(head.settings.every_s):
                    await head.changed.wait()


def device(directory: Path, settings: SiteSettings) -> MqttHeads:
    """The MQTT detectors of a site."""
    del directory
    if settings.gas_mqtt is None:
        raise SimulationError("this site has no detectors on MQTT")
    return MqttHeads(settings.gas_mqtt)
