"""The dead-man driver on the simulated controller: the firmware's own state machine behind a pseudo-terminal."""

import asyncio
import os
import pty
import tty
from pathlib import Path

import pytest

from edge.config import Relay
from edge.relay import protocol
from edge.relay.deadman import DeadManRelay
from edge.relay.driver import make
from edge.sockets import now_us
from firmware_sim.deadman.device import Controller
from firmware_sim.pty_line import PtyLine
from tests.edge.eventually import eventually
from tests.edge.relay.contract import PrimaryContract, RelayBench

pytestmark = pytest.mark.alone


class DeadmanBench(RelayBench):
    """The controller, stepped in the test's own loop."""

    line_faults = ("mute", "clogged", "late", "corrupt")

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.line = PtyLine(folder / "deadman")
        self.line.open()
        self.controller = Controller(self.line)
        self.config = Relay(str(self.line.link))
        self.drivers: list[DeadManRelay] = []
        self.driver = self.fresh_driver()
        self._steps = asyncio.create_task(self._step())

    async def _step(self) -> None:
        while True:
            self.controller.step()
            await asyncio.sleep(0.004)

    def fresh_driver(self) -> DeadManRelay:
        driver = make(self.config, None, self.on_status, lambda _: None)
        assert isinstance(driver, DeadManRelay)
        self.drivers.append(driver)
        if len(self.drivers) > 1:
            self.drivers[-2]._close(discard=True)  # the process before is dead: its descriptor is closed, nothing sent
        return driver

    async def reboot(self) -> None:
        self.controller.set_fault("reboot")

    async def weld(self) -> None:
        self.controller.set_fault("weld")

    async def mend(self) -> None:
        self.controller.set_fault("none")

    async def jam_open(self) -> None:
        self.controller.set_fault("stuck_open")

    async def replug(self) -> None:
        self.line.close()
        await eventually(lambda: not self.driver.connected)
        self.line.open()

    async def break_line(self, fault: str) -> None:
        self.controller.set_fault(fault)

    def contact_closed(self) -> bool:
        return self.controller.contact.closed

    async def end(self) -> None:
        self.hold_breath()
        for driver in self.drivers:
            driver.shut()
        self._steps.cancel()
        await asyncio.gather(self._steps, return_exceptions=True)
        self.line.close()


@pytest.fixture
async def bench(tmp_path):
    made = DeadmanBench(tmp_path)
    assert made.driver.open_port()
    yield made
    await made.end()


class TestDeadMan(PrimaryContract):
    """The contract, kept by the dead-man driver."""


async def test_close_without_heartbeats_that_say_open_is_refused_by_the_controller(bench):
    await bench.until(lambda s: True)
    bench.driver.close_contact()
    status = await bench.until(lambda s: s.cause == "bad_close")
    assert not status.latch_closed


async def test_close_quotes_the_nonce_that_was_shown_last(bench):
    bench.beat(closed=False)
    shown = await bench.until(lambda s: s.hb_age_ms < 100)
    assert bench.driver.close_contact()
    assert (await bench.until(lambda s: s.latch_closed)).nonce == shown.nonce


async def test_no_close_before_a_status_was_seen(tmp_path):
    line = PtyLine(tmp_path / "deadman")
    line.open()
    driver = DeadManRelay(Relay(str(line.link)), lambda status: None)
    assert driver.open_port()
    assert not driver.close_contact()
    assert line.read().startswith(b"O 1 ")
    assert line.read() == b""
    driver.shut()
    line.close()


async def test_no_close_on_an_old_nonce(bench):
    """A controller that has fallen silent cannot be told to close."""
    bench.beat(closed=False)
    status = await bench.until(lambda s: s.hb_age_ms < 100)
    bench.controller.set_fault("mute")
    await eventually(lambda: now_us() - bench.driver.status.at_us > 300_000)
    assert status.nonce
    assert not bench.driver.close_contact()
    assert not bench.controller.contact.closed


async def test_damaged_lines_are_counted_and_change_nothing(tmp_path):
    line = PtyLine(tmp_path / "deadman")
    line.open()
    heard = []
    driver = DeadManRelay(Relay(str(line.link)), heard.append)
    driver.open_port()
    sound = protocol.seal(b"S 1 1 O O 0000ABCD 5 0 0 power_up 1000")
    noise = os.urandom(40).replace(b"\n", b"x")
    line.write(noise + b"\n" + sound[:20])
    line.write(sound[20:] + sound.replace(b"O", b"C", 1))
    line.write(b"y" * 1000 + b"\n")
    await eventually(lambda: driver.counts.bad_lines >= 3)
    assert [status.nonce for status in heard] == ["0000ABCD"]
    assert (driver.counts.statuses, driver.counts.bad_lines) == (1, 3)
    driver.shut()
    line.close()


async def test_device_that_is_not_there_at_start_is_found_later(tmp_path):
    line = PtyLine(tmp_path / "deadman")
    driver = DeadManRelay(Relay(str(line.link)), lambda status: None)
    assert not driver.open_port()
    assert not driver.heartbeat(True)
    assert not driver.open_contact()
    line.open()
    await eventually(lambda: driver.connected)
    assert line.read().startswith(b"O ")
    driver.shut()
    line.close()


async def test_a_rate_that_the_line_cannot_do_is_a_device_that_is_not_there(tmp_path):
    """pyserial raises ValueError: the interlock runs on, with the relay open, and says so."""
    line = PtyLine(tmp_path / "deadman")
    line.open()
    driver = DeadManRelay(Relay(str(line.link), baud=-1), lambda _: None)
    assert not driver.open_port()
    assert not driver.connected
    driver.shut()
    line.close()


async def test_line_that_takes_nothing_never_blocks_the_interlock():
    """A full buffer is counted and told; heartbeats are dropped, not queued."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    driver = DeadManRelay(Relay(os.ttyname(slave)), lambda status: None)
    assert driver.open_port()
    loop = asyncio.get_running_loop()
    slowest = 0.0
    for _ in range(4000):
        started = loop.time()
        taken = driver.heartbeat(True)
        slowest = max(slowest, loop.time() - started)
        if not taken:
            break
    assert not taken
    assert driver.counts.refused == 1
    assert slowest < 0.05
    driver._close(discard=True)
    driver.shut()
    os.close(master)
    os.close(slave)


async def test_shut_during_the_wait_for_the_device_ends_the_search(tmp_path):
    driver = DeadManRelay(Relay(str(tmp_path / "nothing")), lambda status: None)
    assert not driver.open_port()
    driver.shut()
    assert driver._reopen is None
    assert not driver.open_port()
