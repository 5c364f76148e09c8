"""Adverts of many badges through a real D-Bus into the presence process, beside a bare bleak scanner.

Three processes as at a site: the simulated radio (its bus, its ``org.bluez``, all badges), and in turns the box's
presence process and a scanner whose callback only counts. Each badge's battery byte counts the time in steps of 50 ms,
signed as a battery is, so that every verdict says when its broadcast was sent.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from edge import config, sockets
from edge.interlock.evidence import Badge, Device, decode
from edge.presence import process
from firmware_sim.badges import payload
from firmware_sim.bluez import Bluez
from firmware_sim.bus_daemon import BusDaemon
from tests.bench.figures import median
from tests.edge.eventually import eventually
from tests.edge.presence.box import FENCE, box

TRIALS = 30_000
"""Adverts: 10 s of them."""
PER_S = 3_000
BADGES = 100
STEP_US, STEPS = 50_000, 101
"""The battery counts to 100 and begins anew: verdicts older than 5 s would look young, and end the bench instead."""
_TICK_S = 0.01
_SETTLE_S = 20.0
_FOR_EVER_S = 120.0


def _secret(badge: int) -> bytes:
    return badge.to_bytes(4, "big") * 8


def _address(badge: int) -> str:
    return bytes((0xC0, 0x5A, *badge.to_bytes(4, "big"))).hex(":").upper()


async def _radio(directory: Path, adverts: int) -> None:
    """Wait for a scanner, send the adverts at their pace, tell when; again for each scanner, until it is ended."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)  # the air does not wait for a busy machine; the bus inherits it
    daemon = BusDaemon(directory)
    address = await daemon.start()
    bluez = Bluez(address)
    await bluez.start()
    print(json.dumps({"address": address.partition(",")[0]}), flush=True)
    try:
        while True:
            await eventually(lambda: bluez.discovering, _FOR_EVER_S)
            sent = await _send(bluez, adverts)
            print(json.dumps(sent), flush=True)
            await eventually(lambda: not bluez.discovering, _FOR_EVER_S)
            for badge in range(1, BADGES + 1):
                bluez.forget(_address(badge))
    finally:
        bluez.stop()
        await daemon.stop()


async def _send(bluez: Bluez, adverts: int) -> dict[str, Any]:
    began_us, sent, counted = sockets.now_us(), 0, -1
    said: dict[int, bytes] = {}
    while sent < adverts:
        now_us = sockets.now_us()
        if now_us // STEP_US != counted:
            counted = now_us // STEP_US
            said.clear()
        due = min(adverts, (now_us - began_us) * PER_S // 1_000_000)
        for number in range(sent, due):
            badge = 1 + number % BADGES
            if badge not in said:
                said[badge] = payload(_secret(badge), badge, time.time(), counted % STEPS)
            bluez.advertise(_address(badge), said[badge], -60 + number % 7)
        sent = due
        await asyncio.sleep(_TICK_S)
    return {"sent": sent, "took_s": (sockets.now_us() - began_us) / 1e6}


def _box(directory: Path, address: str) -> config.BoxConfig:
    secrets = directory / "secrets.json"
    secrets.write_text(json.dumps({str(badge): _secret(badge).hex() for badge in range(1, BADGES + 1)}))
    secrets.chmod(0o600)
    rules = config.BadgeRules(str(secrets), -75, -85, "", address)
    return box(directory, presence=config.Presence(FENCE, ("badge",), badges=rules))


async def _present(directory: Path, address: str, descriptor: int) -> None:
    """The box's presence process."""
    await process.run(_box(directory, address), sockets.inherited(descriptor))


async def _bare(address: str) -> None:
    """A scanner that only counts: what bleak and D-Bus cost by themselves."""
    os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = address
    from bleak import BleakScanner

    heard = 0

    def count(_device: object, _advertisement: object) -> None:
        nonlocal heard
        heard += 1

    async with BleakScanner(count, bluez={"filters": {"DuplicateData": True}}):
        while True:
            await asyncio.sleep(0.5)
            print(heard, flush=True)


def _cpu_s(pid: int) -> float:
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)


class Verdicts:
    """What the interlock's end of the socket sees: how old each verdict is, how many adverts were handled."""

    def __init__(self) -> None:
        self.ages_ms: list[float] = []
        self.badges: set[int] = set()
        self.handled = 0

    def take(self, datagram: bytes) -> None:
        item = decode(datagram)
        if isinstance(item, Badge) and item.battery is not None:
            now_us = sockets.now_us()
            steps = (now_us // STEP_US - item.battery) % STEPS
            self.ages_ms.append(max(0.0, steps * STEP_US / 1000))
            self.badges.add(item.badge)
        elif isinstance(item, Device) and item.device == "radio":
            self.handled = item.count


async def _child(*words: str, descriptors: tuple[int, ...] = ()) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.presence", *words, stdout=asyncio.subprocess.PIPE, pass_fds=descriptors
    )


async def _line(child: asyncio.subprocess.Process) -> Any:
    assert child.stdout is not None
    return json.loads(await child.stdout.readline())


async def _measure(directory: Path, adverts: int, told: Callable[[str, int, int], None]) -> dict[str, Any]:
    radio = await _child("radio", str(directory), str(adverts))
    try:
        address = (await _line(radio))["address"]
        bare = await _child("bare", address)
        try:
            while await _line(bare) == 0:
                pass
            before, began = _cpu_s(bare.pid), time.monotonic()
            await _line(radio)
            bare_cpu = 100 * (_cpu_s(bare.pid) - before) / (time.monotonic() - began)
            heard = 0
            while (now := await _line(bare)) != heard:
                heard = now
        finally:
            bare.kill()
            await bare.wait()
        told("bare", adverts, adverts)
        return {**await _ours(directory, address, radio, told), "bare_cpu_pct": bare_cpu, "bare_handled": heard}
    finally:
        radio.terminate()
        await radio.wait()


async def _ours(directory: Path, address: str, radio: asyncio.subprocess.Process, told: Callable[[str, int, int], None]) -> dict[str, Any]:
    ours, theirs = sockets.pair()
    ours.setblocking(False)
    verdicts, loop = Verdicts(), asyncio.get_running_loop()
    present = await _child("present", str(directory), address, str(theirs.fileno()), descriptors=(theirs.fileno(),))
    theirs.close()

    async def listen() -> None:
        while datagram := await loop.sock_recv(ours, sockets.MAX_DATAGRAM):
            verdicts.take(datagram)

    listening = asyncio.create_task(listen())
    try:
        await eventually(lambda: verdicts.handled, _FOR_EVER_S)
        before, from_count = _cpu_s(present.pid), verdicts.handled
        began = time.monotonic()
        sent = await _line(radio)
        cpu, took = _cpu_s(present.pid) - before, time.monotonic() - began
        with contextlib.suppress(TimeoutError):  # then some were lost
            await eventually(lambda: verdicts.handled >= sent["sent"], _SETTLE_S)
        told("hotbox", verdicts.handled, sent["sent"])
        assert verdicts.handled > from_count
        return {
            "adverts": sent["sent"], "per_s": sent["sent"] / sent["took_s"], "badges": BADGES,
            "handled": verdicts.handled, "lost": sent["sent"] - verdicts.handled, "badges_seen": len(verdicts.badges),
            "verdicts": len(verdicts.ages_ms), "verdict_age_median_ms": median(verdicts.ages_ms),
            "verdict_age_max_ms": max(verdicts.ages_ms), "cpu_pct": 100 * cpu / took,
            "rss_mib": psutil.Process(present.pid).memory_info().rss / 2**20,
        }  # fmt: skip
    finally:
        listening.cancel()
        present.terminate()
        await present.wait()
        ours.close()


def run(directory: Path, trials: int, told: Callable[[str, int, int], None]) -> dict[str, Any]:
    """Send so many adverts to each and measure."""
    return asyncio.run(_measure(directory, trials, told))


def main(argv: list[str]) -> None:
    """One of the child processes."""
    match argv:
        case ["radio", directory, adverts]:
            asyncio.run(_radio(Path(directory), int(adverts)))
        case ["bare", address]:
            asyncio.run(_bare(address))
        case ["present", directory, address, descriptor]:
            asyncio.run(_present(Path(directory), address, int(descriptor)))


if __name__ == "__main__":
    main(sys.argv[1:])
