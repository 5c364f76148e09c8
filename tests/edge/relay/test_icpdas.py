"""The ICP DAS driver on the simulated module, in another process, over Modbus RTU on a pseudo-terminal."""

import asyncio

import pytest
from pymodbus.exceptions import ModbusIOException

from edge.config import Relay
from edge.relay.driver import make
from edge.relay.icpdas import IcpDasRelay
from edge.relay.timing import dead_man_ms
from firmware_sim.client import Site
from tests.edge.eventually import eventually
from tests.edge.relay.contract import PrimaryContract, RelayBench

pytestmark = pytest.mark.alone


class IcpDasBench(RelayBench):
    line_faults = (
        "silent",
        "exception",
        "late",
        "wrong_unit",
        "wrong_count",
        "crc",
        "garbage",
        "noise",
        "truncated",
        "short",
    )

    def __init__(self, running) -> None:
        super().__init__()
        self.site = Site(running.directory)
        place = running.facts["relays"]["k1"]
        # 300 ms: this machine may keep a test's loop waiting for longer than the 100 ms of a real box.
        self.config = Relay(place["device"], place["baud"], kind="icpdas", unit_id=place["unit_id"], watchdog_ms=300)
        self.dead_man_ms = dead_man_ms(self.config)
        self.drivers: list[IcpDasRelay] = []
        self.driver = self.fresh_driver()

    def module(self):
        return self.site.state()["relays"]["k1"]

    def fresh_driver(self) -> IcpDasRelay:
        driver = make(self.config, None, self.on_status, lambda _: None)
        assert isinstance(driver, IcpDasRelay)
        if self.drivers:
            die(self.drivers[-1])
        self.drivers.append(driver)
        return driver

    async def reboot(self) -> None:
        self.site.fault("k1", "reboot")

    async def weld(self) -> None:
        self.site.fault("k1", "weld")

    async def mend(self) -> None:
        self.site.fault("k1", "none")

    async def jam_open(self) -> None:
        self.site.fault("k1", "stuck_open")

    async def break_line(self, fault: str) -> None:
        self.site.fault("k1", fault)

    async def replug(self) -> None:
        self.site.fault("k1", "link_drop")
        await eventually(lambda: not self.driver.connected)
        self.site.fault("k1", "none")

    def contact_closed(self) -> bool:
        return bool(self.module()["contact_closed"])

    async def end(self) -> None:
        self.hold_breath()
        for driver in self.drivers:
            driver.shut()
        await asyncio.sleep(0)
        self.site.fault("k1", "none")
        self.site.close()


def die(driver) -> None:
    """Its process is dead: nothing more is sent, its descriptor is closed."""
    if driver._task is not None:
        driver._task.cancel()
        driver._task = None
    if driver._line is not None:
        driver._line._session.close()
        driver._line = None


@pytest.fixture
async def bench(boards):
    made = IcpDasBench(boards)
    made.site.fault("k1", "none")
    made.driver.open_port()
    await eventually(lambda: made.driver.connected and made.driver.status is not None, 10)
    yield made
    await made.end()


class TestIcpDas(PrimaryContract):
    """The contract, kept by the ICP DAS driver."""


async def test_the_module_is_set_up_before_anything_is_told(bench):
    """findings/hardware 6: safe value, value at power-on, refusal after a time-out, watchdog and its time."""
    module = bench.module()
    assert (module["safe"], module["power_on"], module["enabled"], module["period_ms"]) == (False, False, True, 300)


async def test_a_module_that_timed_out_is_cleared_by_a_close_alone(bench):
    """Latching: heartbeats that come back leave the time-out status as it is; the next CLOSE clears it."""
    await bench.close_contact()
    bench.hold_breath()
    await eventually(lambda: bench.module()["timed_out"])
    await bench.stays_open()
    assert bench.module()["timed_out"]
    await bench.close_contact()
    assert not bench.module()["timed_out"]


async def test_a_module_that_had_no_power_is_set_up_again(bench):
    bench.beat(closed=False)
    before = await bench.until(lambda s: s.hb_age_ms < 100)
    times = bench.driver.counts.set_up
    await bench.reboot()
    status = await bench.until(lambda s: s.boots > before.boots)
    assert status.cause == "power_up"
    assert bench.driver.counts.set_up == times + 1


async def test_no_frame_leaves_without_a_heartbeat(bench):
    """Every frame feeds the watchdog, so a box whose evaluation stands still sends none."""
    await bench.close_contact()  # takes back an earlier time-out, if there was one
    timeouts = bench.module()["timeouts"]
    bench.hold_breath()
    await eventually(lambda: bench.module()["timeouts"] > timeouts)


async def test_an_old_close_is_not_carried_out(bench):
    """The order waited behind a line that did not answer: it is dropped, not made up for."""
    bench.beat(closed=False)
    await bench.until(lambda s: s.hb_age_ms < 100)
    await bench.break_line("silent")
    failed = bench.driver.counts.failed
    bench.driver.close_contact()
    bench.beat(closed=True)
    await eventually(lambda: bench.driver.counts.failed > failed or bench.driver._cause == "bad_close")
    await bench.break_line("none")
    await bench.stays_open()


async def test_a_driver_shut_as_an_answer_comes_does_not_open_the_port_again(bench):
    """Python 3.11 loses a cancellation that arrives together with what was waited for."""
    bench.hold_breath()
    await bench.break_line("silent")
    bench.driver.heartbeat(False)
    task, line = bench.driver._task, bench.driver._line
    await eventually(lambda: line._session._asking)
    line._session.client.ctx.response_future.set_exception(ModbusIOException("a reply that ends the wait"))
    bench.driver.shut()
    await asyncio.wait([task], timeout=2)
    assert task.done()
    assert not line.connected
