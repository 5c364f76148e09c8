"""The interlock with its buttons on GPIO lines and a screen: an edge wakes its loop, a chip that is gone is "no"."""

import asyncio
import contextlib

import msgspec
import pytest
from gpiozero.pins.mock import MockFactory

from contracts.place import read_keys, verify
from edge import config as box_config
from edge.config import GpioChip
from edge.gpio.pi import PiGpio
from edge.inputs.gpio import BUTTONS
from edge.interlock import process
from edge.sockets import now_us
from tests.edge.cli.box import make_idle

LINES = {"arm": 5, "stop": 6, "finish": 13, "reset": 19, "estop": 26, "flame": 16}


class Pins:
    """gpiozero's mock pins as the box's chip; `broken` is a chip that no longer answers."""

    def __init__(self):
        self.factory = MockFactory()
        self.gpio = PiGpio(GpioChip("pi"), self.factory)
        self.broken = False

    def input(self, line, pull):
        if self.broken:
            raise OSError("gone")
        made = self.gpio.input(line, pull)
        reading = made.read

        def read():
            if self.broken:
                raise OSError("gone")
            return reading()

        made.read = read
        return made

    def contact(self, name, closed):
        pin = self.factory.pin(LINES[name])
        pin.drive_low() if closed else pin.drive_high()


@pytest.fixture(scope="module")
def site():
    yield from make_idle()


@pytest.fixture
async def running(site, monkeypatch):
    """In this process, because a chip in memory cannot be handed to another one; nothing else is changed."""
    settings = site.read()
    settings.update(
        baseline="gb30871-2022", inputs={"kind": "gpio", "pull": "up", **LINES}, gpio={"family": "pi"},
        kiosk={"port": 0}, data=str(site.folder / "gpio-data"),
    )  # fmt: skip
    config = box_config.load(site.write(settings, "gpio.yaml"))
    pins = Pins()
    monkeypatch.setattr("edge.gpio.open_gpio", lambda chip: pins)
    monkeypatch.setattr(process, "_harden", lambda: None)  # it would make the whole test run real-time
    interlock = process.Interlock(config, None)
    task = asyncio.create_task(interlock.run())
    try:
        await _until(lambda: interlock._lines._lines and config.control_socket.exists(), task)
        for name in LINES:
            pins.contact(name, name not in BUTTONS)
        await _until(lambda: _read(interlock) is not None and _read(interlock).stop, task)
        yield interlock, pins, config, task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _until(true, task):
    async with asyncio.timeout(20):
        while not true():
            if task.done():
                task.result()
            await asyncio.sleep(0.002)


def _read(interlock):
    return interlock.step.facts.snapshot.inputs


def _codes(interlock, condition):
    return [reason.code for reason in interlock.step.verdicts[condition].reasons]


async def test_a_contact_that_opened_is_judged_and_a_chip_that_is_gone_counts_as_no(running):
    """BOX-04: the edge itself, long before the next look of 45 ms would be certain; then silence, then it comes back."""
    interlock, pins, _, task = running
    before = now_us()
    pins.contact("flame", closed=False)
    await _until(lambda: _codes(interlock, "flame") == ["flame_seen"], task)
    assert _read(interlock).at_us >= before - 1000
    pins.contact("flame", closed=True)
    await _until(lambda: not _codes(interlock, "flame"), task)
    pins.broken = True
    await _until(lambda: _codes(interlock, "inputs") == ["inputs_stale"], task)
    pins.broken = False
    await _until(lambda: not _codes(interlock, "inputs"), task)


async def test_it_hands_out_the_screens_token_with_its_status(running):
    interlock, _, config, _ = running
    status = interlock.status()
    keys = read_keys(config.place_keys.read_bytes())
    claims = verify(status.place_token, keys, box="box-1", now_s=status.t // 1000, max_age_s=30)
    assert claims.state == status.state
    assert interlock.status().place_token == status.place_token, "not another one each time"
    raw = msgspec.json.encode(status)
    assert b'"d":' not in raw, "no key leaves the process"
