"""The GPIO relay on gpiozero's mock pins and on a libgpiod chip in memory: this machine has no real line."""

import asyncio

import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from edge.config import GpioChip, SeriesRelay
from edge.gpio.pc import PcGpio
from edge.gpio.pi import PiGpio
from edge.relay.gpio import GpioRelay
from tests.edge.eventually import eventually
from tests.edge.gpio.fake_gpiod import FakeChip
from tests.edge.gpio.lost import LosablePi, losable_pi
from tests.edge.relay.contract import SeriesBench, SeriesContract

__all__ = ["losable_pi"]

COIL, MIRROR = 17, 27


class Wiring:
    """A relay between the two lines: its mirror contact pulls its line down while the relay is open."""

    def __init__(self, drive_mirror) -> None:
        self.closed = False
        self.welded = self.stuck = False
        self._drive_mirror = drive_mirror
        drive_mirror(False)

    def coil(self, on: bool) -> None:
        self.closed = (on or (self.welded and self.closed)) and not self.stuck
        self._drive_mirror(self.closed)


class _CoilPin(MockPin):
    """The coil's pin: whatever is driven moves the relay, as findings/hardware 2 does it with `_get_state`."""

    wiring: Wiring | None = None

    def _set_state(self, value):
        super()._set_state(value)
        if self.wiring is not None:
            self.wiring.coil(bool(value))


class _WiredPin(MockPin):
    """An input that something outside drives: the resistor does not change its level, as it would an open wire's."""

    def _set_pull(self, value):
        self._pull = value


class GpioBench(SeriesBench):
    drop_ms = 150

    def __init__(self, family: str, monkeypatch) -> None:
        super().__init__()
        if family == "pi":
            factory = MockFactory()
            pin = factory.pin(COIL, pin_class=_CoilPin)
            mirror = factory.pin(MIRROR, pin_class=_WiredPin)
            mirror.drive_high()
            self.wiring = pin.wiring = Wiring(lambda level: mirror.drive_high() if level else mirror.drive_low())
            self.gpio = PiGpio(GpioChip("pi"), factory)
            self.end_of_process = factory.reset
        else:
            chip = _WiredChip()
            chip.install(monkeypatch)
            self.wiring = chip.wiring = Wiring(lambda level: chip.drive(MIRROR, level))
            self.gpio = PcGpio(GpioChip("pc"))
        self.config = SeriesRelay("k2", "gpio", MIRROR, line=COIL)
        self.drivers: list[GpioRelay] = []
        self.driver = self.fresh_driver()

    def fresh_driver(self) -> GpioRelay:
        driver = GpioRelay(self.config, self.gpio, self.statuses.append)
        if self.drivers:
            self.drivers[-1]._release()
        self.drivers.append(driver)
        return driver

    async def reboot(self) -> None:
        """A relay board without power lets its coil go."""
        self.wiring.coil(False)

    async def weld(self) -> None:
        self.wiring.welded = True

    async def mend(self) -> None:
        self.wiring.welded = False
        self.wiring.coil(False)

    async def jam_open(self) -> None:
        self.wiring.stuck = True

    async def break_line(self, fault: str) -> None:
        raise AssertionError(fault)

    def contact_closed(self) -> bool:
        return self.wiring.closed

    def end(self) -> None:
        self.hold_breath()
        for driver in self.drivers:
            driver.shut()


class _WiredChip(FakeChip):
    wiring: Wiring | None = None

    def _request(self, path, config, consumer):
        request = super()._request(path, config, consumer)
        if request.offset == COIL:
            drive = request.set_value

            def set_value(offset, value):
                drive(offset, value)
                self.wiring.coil(self.levels[offset])

            request.set_value = set_value
        return request


@pytest.fixture(params=["pi", "pc"])
async def bench(request, monkeypatch):
    made = GpioBench(request.param, monkeypatch)
    made.driver.open_port()
    await eventually(lambda: made.driver.status is not None)
    yield made
    made.end()
    await asyncio.sleep(0)


class TestGpioRelay(SeriesContract):
    """The contract, kept on both GPIO families."""


async def test_a_broken_feedback_wire_says_closed_and_no_close_is_taken(bench):
    """An open wire at an input with pull-up: nobody knows that the contact is open."""
    bench.wiring._drive_mirror(True)
    bench.beat(closed=False)
    await bench.told(closed=True)
    assert not bench.driver.close_contact()
    assert not bench.contact_closed()


async def test_a_line_that_somebody_else_has_is_taken_when_it_is_free(bench):
    other = GpioRelay(bench.config, bench.gpio, lambda _: None)
    other.open_port()
    assert other.status is None
    assert not other.close_contact()
    assert not other.open_contact()
    other.shut()
    await bench.close_contact()


async def test_each_edge_of_the_contact_is_told_at_once(bench):
    bench.beat(closed=False)
    await bench.told(closed=False)
    bench.hold_breath()
    seen = len(bench.statuses)
    for level in (True, False, True, False):
        bench.wiring._drive_mirror(level)
    await eventually(lambda: len(bench.statuses) >= seen + 4)
    assert [status.contact_closed for status in bench.statuses[-4:]] == [True, False, True, False]


async def test_a_chip_that_is_lost_while_closed_ends_nothing_and_is_tried_again(losable_pi: LosablePi, monkeypatch):
    """BOX-04: lgpio's own error must not end the interlock in the middle of an evaluation."""
    monkeypatch.setattr("edge.relay.gpio._RETRY_S", 0.01)
    losable_pi.factory.pin(MIRROR).drive_low()  # the mirror contact is closed while the relay is open
    driver = GpioRelay(SeriesRelay("k2", "gpio", MIRROR, line=COIL), losable_pi.gpio, lambda _: None)
    driver.open_port()
    losable_pi.factory.pin(MIRROR).drive_low()
    driver.heartbeat(False)
    await eventually(lambda: driver.status is not None and not driver.status.contact_closed)
    assert driver.close_contact()
    losable_pi.lose("unknown handle")
    assert not driver.open_contact()
    assert (driver.lost, driver.status) == (1, None)
    driver.heartbeat(False)
    assert not driver.close_contact()
    await eventually(lambda: driver.lost >= 3)
    losable_pi.find()
    await eventually(lambda: driver.status is not None)
    assert not losable_pi.factory.pin(COIL).state, "it comes back open"
    driver.shut()


async def test_a_mirror_line_that_cannot_be_read_is_no_feedback(losable_pi: LosablePi):
    driver = GpioRelay(SeriesRelay("k2", "gpio", MIRROR, line=COIL), losable_pi.gpio, lambda _: None)
    driver.open_port()
    await eventually(lambda: driver.status is not None)
    losable_pi.lose()
    driver.heartbeat(False)
    await eventually(lambda: driver.status is None)
    assert driver.lost == 1
    driver.shut()
