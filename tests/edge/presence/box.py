"""A simulated site with only the devices asked for, and a box configuration that points at it."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from edge import config, sockets
from edge.interlock.evidence import Evidence, TemplateLogged, TemplateUsed, Wanted, decode, encode_message
from firmware_sim.client import Site, facts

CENTRE = (31.230400, 121.473700)
HALF = 0.0005
FENCE = tuple((CENTRE[0] + a * HALF, CENTRE[1] + b * HALF) for a, b in ((-1, -1), (-1, 1), (1, 1), (1, -1)))
DEADLINE_S = 12.0
START_S = 60.0
"""A site with a camera draws its people first; how fast is nobody's promise."""
EVERYTHING = ("gas_tcp", "gas_rtu", "inputs", "badges", "gnss", "nfc", "camera")


@contextmanager
def simulated_site(directory: Path, *devices: str) -> Iterator[Site]:
    """A running site that has only these devices."""
    settings = directory / "settings.json"
    settings.write_bytes(msgspec.json.encode({name: None for name in EVERYTHING if name not in devices}))
    command = [sys.executable, "-c", "from firmware_sim.cli import main; main()"]
    process = subprocess.Popen([*command, "--dir", str(directory), "site", "--config", str(settings)], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_S
        while not (directory / "site.json").exists():
            assert process.poll() is None, "the site ended"
            assert time.monotonic() < deadline, "the site did not come up"
            time.sleep(0.02)
        with Site(directory) as site:
            yield site
    finally:
        process.terminate()
        process.wait(10)


def box(directory: Path, **sections: object) -> config.BoxConfig:
    """A box whose people-facing devices are the site's in `directory`; `sections` override."""
    known = facts(directory) if (directory / "site.json").exists() else {}
    secrets, bus = known.get("badges", ""), known.get("dbus", {}).get("address", "")
    whole = {
        "box": "box-1", "domain": "test", "baseline": config.SIMULATION,
        "data": str(directory / "data"), "run": str(directory),
        "buses": (), "channels": (), "groups": (),
        "inputs": config.Inputs("none", 1), "relay": config.Relay("none"),
        "presence": config.Presence(
            FENCE, ("gnss", "badge"), badges=config.BadgeRules(secrets, -75, -85, "", bus),
            gnss=config.Gnss(known["gnss"]["device"]) if "gnss" in known else None,
        ),
        "vision": config.Vision(known.get("camera", {}).get("url", ""), str(directory / "templates")),
        "roster": (), "bridge": config.Bridge("127.0.0.1", 1, "bridge", "", "", ""),
    } | sections
    return config.BoxConfig(**whole)


class Interlock:
    """The interlock's end of the evidence socket: collects evidence, says whom to look for."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        self.seen: list[Evidence] = []
        self.records = True
        """Its log takes what people are compared with."""

    def want(self, *people: str, urgency: str = "arming", nonce: str = "", prove: tuple[str, ...] = ()) -> None:
        sockets.send(self._end, encode_message(Wanted(people, (), nonce, urgency, prove)))

    def drain(self) -> None:
        """Forget what has come so far."""
        while True:
            try:
                self._end.recv(sockets.MAX_DATAGRAM)
            except BlockingIOError:
                self.seen.clear()
                return

    async def until(self, true: Callable[[Evidence], bool], within_s: float = DEADLINE_S) -> Evidence:
        """The first item from now on that is as asked; everything received is kept in `seen`."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(within_s):
                while True:
                    item = decode(await loop.sock_recv(self._end, sockets.MAX_DATAGRAM))
                    self.seen.append(item)
                    if isinstance(item, TemplateUsed) and self.records:
                        sockets.send(self._end, encode_message(TemplateLogged(item.person, item.digest)))
                    if true(item):
                        return item
        except TimeoutError:
            raise AssertionError(f"not seen within {within_s} s; last: {self.seen[-5:]}") from None

    async def listen(self, seconds: float) -> list[Evidence]:
        """Everything that comes within a time: for evidence that must not come."""
        first = len(self.seen)
        try:
            async with asyncio.timeout(seconds):
                await self.until(lambda _: False, within_s=seconds + 1)
        except TimeoutError:
            pass
        return self.seen[first:]
