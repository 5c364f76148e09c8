"""Relays in series: order of closing, and that nothing but an evaluated heartbeat leads from one to the next."""

import asyncio

import pytest

from edge.config import Relay, SeriesRelay
from edge.relay.chain import RelayChain
from edge.relay.driver import make
from firmware_sim.client import Site
from tests.edge.eventually import eventually

pytestmark = pytest.mark.alone


class ChainBench:
    """The simulated dead-man behind the simulated Waveshare board, each on its own line in another process."""

    def __init__(self, running) -> None:
        self.site = Site(running.directory)
        board = running.facts["relays"]["k2"]
        series = SeriesRelay("k2", "waveshare", 0, device=board["device"], baud=board["baud"], unit_id=board["unit_id"])
        config = Relay(running.facts["deadman"]["device"], series=(series,))
        self.statuses, self.elements = [], []
        self.driver = make(config, None, self.statuses.append, self.elements.append)
        assert isinstance(self.driver, RelayChain)
        self._beating: asyncio.Task[None] | None = None

    def beat(self, closed: bool) -> None:
        self.hold_breath()
        self._beating = asyncio.create_task(self._beat(closed))
        self.driver.heartbeat(closed)

    async def _beat(self, closed: bool) -> None:
        while True:
            await asyncio.sleep(0.04)
            self.driver.heartbeat(closed)

    def hold_breath(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
            self._beating = None

    def contacts(self) -> tuple[bool, bool]:
        """Board, dead-man."""
        state = self.site.state()
        return state["relays"]["k2"]["contact_closed"], state["deadman"]["contact"] == "C"

    async def ready(self) -> None:
        self.beat(closed=False)
        await eventually(
            lambda: self.statuses and self.elements and not self.statuses[-1].contact_closed
            and not self.elements[-1].contact_closed and self.statuses[-1].hb_age_ms < 100, 10,
        )  # fmt: skip

    async def close(self) -> None:
        await self.ready()
        assert self.driver.close_contact()
        self.beat(closed=True)
        await eventually(lambda: self.contacts() == (True, True), 5)

    async def end(self) -> None:
        self.hold_breath()
        self.driver.shut()
        await asyncio.sleep(0)
        self.site.fault("k2", "none")
        self.site.fault("deadman", "none")
        self.site.close()


@pytest.fixture
async def chain(boards):
    made = ChainBench(boards)
    made.driver.open_port()
    yield made
    await made.end()


async def test_the_relay_in_front_closes_first_and_the_primary_last(chain):
    await chain.close()
    state = chain.site.state()
    assert state["relays"]["k2"]["contact_closed_us"] < state["deadman"]["contact_closed_us"]


async def test_without_heartbeats_the_primary_is_never_told(chain):
    """The second half of a closing hangs on an evaluation that still says closed."""
    await chain.ready()
    chain.hold_breath()
    assert chain.driver.close_contact()
    await eventually(lambda: chain.contacts()[0], 5)
    await eventually(lambda: not chain.contacts()[0], 5)
    assert chain.site.state()["deadman"]["contact"] == "O"


async def test_both_open_at_once(chain):
    await chain.close()
    assert chain.driver.open_contact()
    chain.beat(closed=False)
    await eventually(lambda: chain.contacts() == (False, False), 2)


async def test_a_front_relay_that_does_not_close_keeps_the_primary_open(chain):
    await chain.ready()
    chain.site.fault("k2", "stuck_open")
    assert chain.driver.close_contact()
    chain.beat(closed=True)
    seen = len(chain.elements)
    await eventually(lambda: len(chain.elements) > seen + 5, 5)
    assert chain.contacts() == (False, False)


async def test_a_welded_relay_in_front_takes_no_close(chain):
    await chain.close()
    chain.site.fault("k2", "weld")
    chain.driver.open_contact()
    chain.beat(closed=False)
    await eventually(lambda: chain.contacts() == (True, False), 5)
    await eventually(lambda: chain.elements[-1].contact_closed and not chain.statuses[-1].contact_closed, 5)
    assert not chain.driver.close_contact()


async def test_a_heartbeat_that_says_open_takes_a_half_made_closing_back(chain):
    await chain.ready()
    assert chain.driver.close_contact()
    chain.driver.heartbeat(False)
    chain.beat(closed=True)
    seen = len(chain.elements)
    await eventually(lambda: len(chain.elements) > seen + 5, 5)
    assert chain.contacts()[1] is False


async def test_the_death_of_the_box_opens_both(chain):
    await chain.close()
    chain.hold_breath()
    await eventually(lambda: chain.contacts() == (False, False), 5)
    chain.beat(closed=True)
    seen = len(chain.elements)
    await eventually(lambda: len(chain.elements) > seen + 3, 5)
    assert chain.contacts() == (False, False)
