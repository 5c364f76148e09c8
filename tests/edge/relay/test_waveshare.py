"""The Waveshare driver on the simulated board, in another process, over Modbus RTU on a pseudo-terminal."""

import asyncio

import pytest

from edge.config import SeriesRelay
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
