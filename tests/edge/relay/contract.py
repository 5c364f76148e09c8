"""What every relay driver must keep, whatever it drives. A driver's test class inherits one of these and gives it a
`bench`: `PrimaryContract` for relays that open and latch by themselves, `SeriesContract` for those behind one."""

import abc
import asyncio
from collections.abc import Callable
from typing import Any

from edge.relay.driver import RelayDriver
from edge.relay.element import ElementStatus, SeriesDriver
from edge.relay.protocol import DeadmanStatus
from tests.edge.eventually import eventually


class RelayBench(abc.ABC):
    """A primary's driver on its simulated device, and a way to do to the device what happens to devices.

    `dead_man_ms` is what the driver declares; `line_faults` are what can happen to frames on their way.
    """

    driver: RelayDriver
    dead_man_ms = 180
    line_faults: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.statuses: list[DeadmanStatus] = []
        self._changed = asyncio.Event()
        self._beating: asyncio.Task[None] | None = None

    def on_status(self, status: DeadmanStatus) -> None:
        self.statuses.append(status)
        self._changed.set()

    async def until(self, true: Callable[[DeadmanStatus], Any], within_s: float = 3) -> DeadmanStatus:
        """The first status from now on that makes it true."""
        seen = len(self.statuses)
        async with asyncio.timeout(within_s):
            while True:
                for status in self.statuses[seen:]:
                    if true(status):
                        return status
                seen = len(self.statuses)
                self._changed.clear()
                await self._changed.wait()

    def beat(self, closed: bool) -> None:
        """Send this state as a heartbeat every 40 ms from now on, the first at once, as the interlock does."""
        self.hold_breath()
        self._beating = asyncio.create_task(self._beat(closed))
        self.driver.heartbeat(closed)

    async def _beat(self, closed: bool) -> None:
        while True:
            await asyncio.sleep(0.04)
            self.driver.heartbeat(closed)

    def hold_breath(self) -> None:
        """No more heartbeats."""
        if self._beating is not None:
            self._beating.cancel()
            self._beating = None

    async def close_contact(self) -> None:
        """Close it as the interlock does: heartbeats that say open, CLOSE, then heartbeats that say closed."""
        self.beat(closed=False)
        await self.until(lambda s: not s.latch_closed and not s.contact_closed and s.hb_age_ms < 100)
        assert self.driver.close_contact()
        self.beat(closed=True)
        await self.until(lambda s: s.latch_closed and s.contact_closed)

    @abc.abstractmethod
    async def reboot(self) -> None:
        """The device loses power for a moment."""

    @abc.abstractmethod
    async def weld(self) -> None:
        """From now on a closed contact stays closed."""

    @abc.abstractmethod
    async def mend(self) -> None:
        """A sound contact again."""

    @abc.abstractmethod
    async def jam_open(self) -> None:
        """From now on the contact never closes."""

    @abc.abstractmethod
    async def replug(self) -> None:
        """The line goes away and comes back."""

    @abc.abstractmethod
    async def break_line(self, fault: str) -> None:
        """One of `line_faults`, or ``none`` to mend it."""

    @abc.abstractmethod
    def contact_closed(self) -> bool:
        """The contact itself, seen from outside."""

    @abc.abstractmethod
    def fresh_driver(self) -> RelayDriver:
        """A second driver for the same device; the first one's process has died without a word."""

    async def restart(self) -> None:
        """The interlock's process dies and begins anew."""
        self.hold_breath()
        self.driver = self.fresh_driver()
        self.driver.open_port()

    async def stays_open(self, beats: int = 6) -> None:
        """Heartbeats that say closed come and come, and nothing closes."""
        self.beat(closed=True)
        for _ in range(beats):
            assert not (await self.until(lambda s: s.hb_age_ms < 100)).latch_closed
            assert not self.contact_closed()


class PrimaryContract:
    """Inherit and provide the fixture `bench`, its port open."""

    async def test_contact_is_open_on_start(self, bench):
        bench.beat(closed=False)
        status = await bench.until(lambda s: True)
        assert not status.latch_closed
        assert not status.contact_closed
        assert not bench.contact_closed()

    async def test_heartbeats_alone_never_close_it(self, bench):
        await bench.stays_open()

    async def test_close_needs_heartbeats_that_say_open(self, bench):
        bench.beat(closed=True)
        await bench.until(lambda s: True)
        bench.driver.close_contact()
        await bench.stays_open()

    async def test_close_closes_and_heartbeats_sustain_it(self, bench):
        await bench.close_contact()
        assert bench.contact_closed()
        opens = bench.statuses[-1].opens
        for _ in range(6):
            assert (await bench.until(lambda s: True)).contact_closed
        assert bench.statuses[-1].opens == opens

    async def test_open_opens(self, bench):
        await bench.close_contact()
        assert bench.driver.open_contact()
        status = await bench.until(lambda s: not s.contact_closed)
        assert status.cause == "commanded"
        assert not bench.contact_closed()

    async def test_missing_heartbeats_open_it(self, bench):
        """BOX-04: open by itself within the driver's declared time, measured from outside."""
        await bench.close_contact()
        bench.hold_breath()
        began = asyncio.get_running_loop().time()
        await eventually(lambda: not bench.contact_closed(), 5)
        took_ms = 1000 * (asyncio.get_running_loop().time() - began)
        assert took_ms <= bench.dead_man_ms + 250, "the device's own time is measured by its proof test"
        bench.beat(closed=True)
        assert (await bench.until(lambda s: not s.latch_closed)).cause == "heartbeat_lost"

    async def test_heartbeat_of_another_belief_opens_it(self, bench):
        await bench.close_contact()
        bench.beat(closed=False)
        assert (await bench.until(lambda s: not s.latch_closed)).cause == "state_mismatch"

    async def test_it_stays_open_when_heartbeats_come_back(self, bench):
        await bench.close_contact()
        bench.hold_breath()
        await eventually(lambda: not bench.contact_closed(), 5)
        await bench.stays_open()

    async def test_it_stays_open_after_the_device_reboots(self, bench):
        await bench.close_contact()
        await bench.reboot()
        status = await bench.until(lambda s: not s.latch_closed)
        assert status.cause == "power_up"
        await eventually(lambda: not bench.contact_closed())
        await bench.stays_open()

    async def test_it_opens_and_stays_open_when_the_interlock_restarts(self, bench):
        await bench.close_contact()
        await bench.restart()
        await eventually(lambda: not bench.contact_closed(), 5)
        await bench.stays_open()

    async def test_it_stays_open_when_interlock_and_device_restart(self, bench):
        await bench.close_contact()
        await bench.reboot()
        await bench.restart()
        await eventually(lambda: not bench.contact_closed(), 5)
        await bench.stays_open()

    async def test_it_opens_and_stays_open_when_the_line_goes_away_and_comes_back(self, bench):
        await bench.close_contact()
        await bench.replug()
        status = await bench.until(lambda s: True, 6)
        assert not status.latch_closed
        await eventually(lambda: not bench.contact_closed())
        await bench.stays_open()

    async def test_frames_that_are_lost_late_or_wrong_never_close_it(self, bench):
        for fault in bench.line_faults:
            bench.beat(closed=False)
            await bench.until(lambda s: not s.contact_closed and s.hb_age_ms < 100, 5)
            await bench.break_line(fault)
            bench.beat(closed=True)
            assert not bench.contact_closed(), fault
            bench.hold_breath()
            await bench.break_line("none")
            await bench.stays_open(2)

    async def test_a_line_that_breaks_while_closed_ends_open_and_stays_so(self, bench):
        for fault in bench.line_faults:
            await bench.close_contact()
            await bench.break_line(fault)
            bench.hold_breath()
            await eventually(lambda: not bench.contact_closed(), 5)
            await bench.break_line("none")
            await bench.stays_open(2)

    async def test_each_opening_asks_for_another_nonce(self, bench):
        await bench.close_contact()
        first = bench.statuses[-1].nonce
        bench.driver.open_contact()
        assert (await bench.until(lambda s: not s.contact_closed)).nonce != first

    async def test_welded_contact_is_reported_and_no_close_is_taken(self, bench):
        await bench.close_contact()
        await bench.weld()
        bench.driver.open_contact()
        bench.beat(closed=False)
        status = await bench.until(lambda s: not s.latch_closed and s.hb_age_ms < 100)
        assert status.contact_closed
        assert not bench.driver.close_contact()

    async def test_after_a_weld_is_mended_only_another_close_closes_it(self, bench):
        """A driver keeps no fault: nothing closes by itself, and whether a CLOSE is ordered again is the kernel's.

        That it orders none before two people cleared the fault after a proof test, restarts or not, is held by
        tests/edge/interlock/test_latch.py.
        """
        await bench.close_contact()
        await bench.weld()
        bench.driver.open_contact()
        bench.beat(closed=False)
        await bench.until(lambda s: not s.latch_closed and s.contact_closed)
        assert not bench.driver.close_contact()
        await bench.mend()
        await bench.until(lambda s: not s.contact_closed)
        await bench.stays_open()
        bench.driver.open_contact()
        await bench.close_contact()

    async def test_contact_that_does_not_close_is_reported(self, bench):
        await bench.jam_open()
        bench.beat(closed=False)
        await bench.until(lambda s: s.hb_age_ms < 100)
        assert bench.driver.close_contact()
        bench.beat(closed=True)
        status = await bench.until(lambda s: s.latch_closed)
        assert not status.contact_closed

    async def test_a_drill_drops_after_the_dead_man_time_and_moves_nothing(self, bench):
        """EN ISO 13849-1, proof test: the device's own timer, with the contact open all the time."""
        bench.beat(closed=False)
        before = await bench.until(lambda s: s.hb_age_ms < 100)
        bench.hold_breath()
        assert bench.driver.drill()
        status = await bench.until(lambda s: s.cause == "drill")
        assert bench.dead_man_ms <= status.hb_age_ms <= bench.dead_man_ms + 40
        assert not any(s.latch_closed or s.contact_closed for s in bench.statuses)
        assert (status.cycles, status.opens) == (before.cycles, before.opens)

    async def test_a_false_close_is_refused(self, bench):
        """As the proof test does it: after a drill and an OPEN."""
        bench.beat(closed=False)
        await bench.until(lambda s: s.hb_age_ms < 100)
        bench.hold_breath()
        assert bench.driver.drill()
        await bench.until(lambda s: s.cause == "drill")
        bench.driver.open_contact()
        before = await bench.until(lambda s: True)
        assert bench.driver.false_close()
        status = await bench.until(lambda s: s.cause == "bad_close")
        assert status.nonce != before.nonce
        assert not status.latch_closed
        assert not bench.contact_closed()

    async def test_neither_drill_nor_false_close_while_closed(self, bench):
        await bench.close_contact()
        assert not bench.driver.drill()
        assert not bench.driver.false_close()
        assert bench.contact_closed()

    async def test_shut_opens_the_contact(self, bench):
        await bench.close_contact()
        bench.hold_breath()
        bench.driver.shut()
        await eventually(lambda: not bench.contact_closed())
        assert not bench.driver.heartbeat(True)
        assert not bench.driver.close_contact()


class SeriesBench(abc.ABC):
    """A series relay's driver on its device. `drop_ms`: how long it may hold by itself."""

    driver: SeriesDriver
    drop_ms: int
    line_faults: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.statuses: list[ElementStatus] = []
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

    async def told(self, closed: bool) -> None:
        """A status from now on says so."""
        seen = len(self.statuses)
        await eventually(lambda: any(s.contact_closed is closed for s in self.statuses[seen:]), 5)

    async def close_contact(self) -> None:
        self.beat(closed=False)
        await self.told(closed=False)
        assert self.driver.close_contact()
        self.beat(closed=True)
        await self.told(closed=True)
        assert self.contact_closed()

    async def restart(self) -> None:
        """The interlock's process dies without a word and begins anew."""
        self.hold_breath()
        self.driver = self.fresh_driver()
        self.driver.open_port()

    async def stays_open(self, beats: int = 6) -> None:
        self.beat(closed=True)
        for _ in range(beats):
            await self.told(closed=False)
            assert not self.contact_closed()

    @abc.abstractmethod
    async def reboot(self) -> None:
        """The device loses power for a moment."""

    @abc.abstractmethod
    async def weld(self) -> None:
        """From now on a closed contact stays closed."""

    @abc.abstractmethod
    async def mend(self) -> None:
        """A sound contact again."""

    @abc.abstractmethod
    async def jam_open(self) -> None:
        """From now on the contact never closes."""

    @abc.abstractmethod
    async def break_line(self, fault: str) -> None:
        """One of `line_faults`, or ``none`` to mend it."""

    @abc.abstractmethod
    def contact_closed(self) -> bool:
        """The contact itself, seen from outside."""

    @abc.abstractmethod
    def fresh_driver(self) -> SeriesDriver:
        """A second driver for the same device; the first one's process has died."""


class SeriesContract:
    """Inherit and provide the fixture `bench`, its port open."""

    async def test_contact_is_open_on_start(self, bench):
        bench.beat(closed=False)
        await bench.told(closed=False)
        assert not bench.contact_closed()

    async def test_heartbeats_alone_never_close_it(self, bench):
        await bench.stays_open()

    async def test_close_closes_and_heartbeats_hold_it(self, bench):
        await bench.close_contact()
        for _ in range(3):
            await bench.told(closed=True)
            assert bench.contact_closed()

    async def test_open_opens(self, bench):
        await bench.close_contact()
        assert bench.driver.open_contact()
        await bench.told(closed=False)
        await bench.stays_open(3)

    async def test_heartbeat_that_says_open_opens_it(self, bench):
        await bench.close_contact()
        bench.beat(closed=False)
        await bench.told(closed=False)
        await bench.stays_open(3)

    async def test_missing_heartbeats_open_it(self, bench):
        await bench.close_contact()
        bench.hold_breath()
        began = asyncio.get_running_loop().time()
        await eventually(lambda: not bench.contact_closed(), 5)
        assert 1000 * (asyncio.get_running_loop().time() - began) <= bench.drop_ms + 250

    async def test_it_opens_and_stays_open_when_the_interlock_restarts(self, bench):
        await bench.close_contact()
        await bench.restart()
        await eventually(lambda: not bench.contact_closed(), 5)
        await bench.stays_open()

    async def test_it_stays_open_when_the_device_reboots_although_the_interlock_still_says_closed(self, bench):
        """Only a CLOSE closes: what holds a contact must not be what closes it again."""
        await bench.close_contact()
        await bench.reboot()
        await eventually(lambda: not bench.contact_closed(), 5)
        await bench.stays_open()

    async def test_it_opens_and_stays_open_when_interlock_and_device_restart(self, bench):
        await bench.close_contact()
        await bench.reboot()
        await bench.restart()
        await eventually(lambda: not bench.contact_closed(), 5)
        await bench.stays_open()

    async def test_it_does_not_close_on_frames_that_are_lost_late_or_wrong(self, bench):
        for fault in bench.line_faults:
            bench.beat(closed=False)
            await bench.told(closed=False)
            await bench.break_line(fault)
            bench.beat(closed=True)
            assert not bench.contact_closed(), fault
            await bench.break_line("none")
            await bench.stays_open(2)

    async def test_welded_contact_is_reported_and_no_close_is_taken(self, bench):
        await bench.close_contact()
        await bench.weld()
        bench.driver.open_contact()
        bench.beat(closed=False)
        await bench.told(closed=True)
        assert bench.contact_closed()
        assert not bench.driver.close_contact()

    async def test_after_a_weld_is_mended_only_another_close_closes_it(self, bench):
        """A driver keeps no fault: nothing closes by itself, and whether a CLOSE is ordered again is the kernel's."""
        await bench.close_contact()
        await bench.weld()
        bench.driver.open_contact()
        bench.beat(closed=False)
        await bench.told(closed=True)
        assert not bench.driver.close_contact()
        await bench.mend()
        await bench.told(closed=False)
        await bench.stays_open(3)
        await bench.close_contact()

    async def test_contact_that_does_not_close_is_reported(self, bench):
        await bench.jam_open()
        bench.beat(closed=False)
        await bench.told(closed=False)
        assert bench.driver.close_contact()
        bench.beat(closed=True)
        await bench.told(closed=False)

    async def test_shut_opens_the_contact(self, bench):
        await bench.close_contact()
        bench.hold_breath()
        bench.driver.shut()
        await eventually(lambda: not bench.contact_closed())
        assert not bench.driver.close_contact()
