"""The Waveshare driver on the simulated board, in another process, over Modbus RTU on a pseudo-terminal."""

import asyncio

import pytest

from edge.config import SeriesRelay
from edge.relay.rtu import Unanswered
from edge.relay.waveshare import FlashOn, WaveshareRelay
from firmware_sim.client import Site
from tests.edge.eventually import eventually
from tests.edge.relay.contract import SeriesBench, SeriesContract
from tests.edge.relay.test_icpdas import die

pytestmark = pytest.mark.alone


class WaveshareBench(SeriesBench):
    drop_ms = 1000  # twice the usual: this machine may keep a test's loop waiting for half a second
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
        place = running.facts["relays"]["k2"]
        self.config = SeriesRelay(
            "k2",
            "waveshare",
            0,
            device=place["device"],
            baud=place["baud"],
            unit_id=place["unit_id"],
            hold_ms=self.drop_ms,
        )
        self.drivers: list[WaveshareRelay] = []
        self.driver = self.fresh_driver()

    def board(self):
        return self.site.state()["relays"]["k2"]

    def fresh_driver(self) -> WaveshareRelay:
        driver = WaveshareRelay(self.config, self.statuses.append)
        if self.drivers:
            die(self.drivers[-1])
        self.drivers.append(driver)
        return driver

    async def reboot(self) -> None:
        self.site.fault("k2", "reboot")

    async def weld(self) -> None:
        self.site.fault("k2", "weld")

    async def mend(self) -> None:
        self.site.fault("k2", "none")

    async def jam_open(self) -> None:
        self.site.fault("k2", "stuck_open")

    async def break_line(self, fault: str) -> None:
        self.site.fault("k2", fault)

    def contact_closed(self) -> bool:
        return bool(self.board()["contact_closed"])

    async def end(self) -> None:
        self.hold_breath()
        for driver in self.drivers:
            driver.shut()
        await asyncio.sleep(0)
        self.site.fault("k2", "none")
        self.site.close()


@pytest.fixture
async def bench(boards):
    made = WaveshareBench(boards)
    made.site.fault("k2", "none")
    made.driver.open_port()
    made.beat(closed=False)
    await eventually(lambda: made.driver.status is not None, 10)
    made.hold_breath()
    yield made
    await made.end()


class TestWaveshare(SeriesContract):
    """The contract, kept by the Waveshare driver."""


def test_flash_on_is_what_the_maker_describes():
    """findings/hardware 6: function 05, 0x0200 + channel, n x 100 ms."""
    assert FlashOn.of(2, 500, 1).encode() == bytes.fromhex("0202 0005")


async def test_it_is_flashed_anew_every_200_ms_and_not_more_often(bench):
    await bench.close_contact()
    before, began = bench.board()["flashes"], asyncio.get_running_loop().time()
    await eventually(lambda: bench.board()["flashes"] >= before + 4, 10)
    assert asyncio.get_running_loop().time() - began >= 0.55
    assert bench.contact_closed()


async def test_without_heartbeats_no_flash_leaves(bench):
    """Never from a timer: only an evaluated heartbeat holds it."""
    await bench.close_contact()
    bench.hold_breath()
    await eventually(lambda: not bench.contact_closed())
    flashes = bench.board()["flashes"]
    await bench.stays_open(3)
    assert bench.board()["flashes"] == flashes


async def _late(bench, late_ms: int, times: int) -> int:
    """A board that answers so late, asked until so many looks have failed: how often was it believed?"""
    bench.site.fault("k2", "late", str(late_ms))
    bench.beat(closed=False)
    failed = bench.driver.counts.failed
    await eventually(lambda: bench.driver.counts.failed >= failed + 2, 10)  # what was under way is over
    bench.statuses.clear()
    await eventually(lambda: bench.driver.counts.failed >= failed + 2 + times or len(bench.statuses) > times, 20)
    return len(bench.statuses)


@pytest.mark.parametrize("late_ms", [75, 100, 130, 150, 170, 210, 270, 330])
async def test_a_reply_to_an_earlier_question_is_never_believed(bench, late_ms: int):
    """findings/hardware 1: whenever it comes, also in the very moment in which the next question waits for its own."""
    assert await _late(bench, late_ms, 10) == 0


async def test_a_board_that_is_late_within_its_time_is_believed(bench):
    bench.site.fault("k2", "late", "15")
    bench.beat(closed=False)
    bench.statuses.clear()
    await eventually(lambda: len(bench.statuses) > 10, 10)


async def test_without_the_order_of_questions_a_late_reply_would_be_believed(bench, monkeypatch):
    """The control: 150 ms is the middle of the next question's time."""
    monkeypatch.setattr(Unanswered, "waits", lambda *_: False)
    assert await _late(bench, 150, 10) > 0


def test_a_reply_is_taken_as_that_to_the_first_question_of_its_function():
    asked = Unanswered()
    for now, function in enumerate((2, 1, 1)):
        asked.ask(function, now / 100)
    assert [asked.waits(function, 0.03) for function in (1, 2, 3)] == [True, True, False]
    asked.answer(1)  # asked after 2, so 2 is over; the second 1 may still be answered
    assert [asked.waits(function, 0.03) for function in (1, 2)] == [True, False]
    asked.ask(2, 0.04)
    asked.answer(2)
    assert not any(asked.waits(function, 0.05) for function in (1, 2))


def test_what_was_never_answered_is_forgotten_in_the_end():
    asked = Unanswered()
    asked.ask(2, 10.0)
    assert [asked.waits(2, now) for now in (11.999, 12.0)] == [True, False]
