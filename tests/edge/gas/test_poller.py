"""The schedule: fixed, without pile-up, and one dead unit does not slow the others."""

import asyncio
from itertools import pairwise

import pytest

from edge.gas.poller import BusPoller
from edge.gas.reading import InputReading, Quality
from edge.sockets import now_us
from firmware_sim.modbus import Fault
from tests.edge.gas.site import INPUT_UNIT, rtu_rig, tcp_rig

pytestmark = pytest.mark.alone


def gaps_ms(readings):
    stamps = [reading.at_us for reading in readings]
    return [(b - a) / 1000 for a, b in pairwise(stamps)]


def longer_than(limit_ms, gaps):
    return sum(gap > limit_ms for gap in gaps)


HICCUPS = 2
"""Gaps that a loaded machine may stretch; a dead unit that slowed the others would stretch all of them."""


async def test_every_unit_is_read_in_order_once_a_cycle():
    async with tcp_rig(4, poll_ms=50, turnaround_ms=1, inputs=True) as rig:
        await rig.heard.until(lambda: len(rig.heard.readings) >= 12)
        assert [r.channel for r in rig.heard.readings[:12]] == ["d1", "d2", "d3", "d4"] * 3
        assert isinstance(rig.heard.inputs[0], InputReading)


async def test_schedule_does_not_drift():
    """Twenty periods after the first reading the twenty-first comes, not later by twenty transactions."""
    async with tcp_rig(2, poll_ms=50) as rig:
        await rig.heard.until(lambda: len(rig.heard.of("d1")) > 20)
        stamps = [reading.at_us for reading in rig.heard.of("d1")]
        assert (stamps[20] - stamps[0]) / 1000 == pytest.approx(20 * 50, abs=45)


async def test_stamp_is_taken_before_the_request_goes_out():
    async with tcp_rig(1, poll_ms=20, turnaround_ms=0) as rig:
        await rig.heard.until(lambda: len(rig.heard.of("d1")) > 5)
        for reading in rig.heard.of("d1"):
            assert reading.at_us <= rig.heard.delivered_us[id(reading)]


async def test_gas_is_reported_within_one_poll_and_a_transaction():
    """BOX-04: crossing -> reading delivered."""
    async with tcp_rig(8, poll_ms=20, turnaround_ms=0) as rig:
        await rig.heard.until(lambda: len(rig.heard.good("d8")) > 2)
        for n in range(1, 16):
            set_us = rig.set(8, n)
            await rig.heard.until(lambda n=n: rig.heard.of("d8")[-1].value == n)
            assert now_us() - set_us < 60_000


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.EXCEPTION, Fault.LATE, Fault.WRONG_UNIT])
async def test_one_dead_unit_of_eight_costs_the_others_one_time_out_once(fault):
    """The others' trip time may grow by one time-out at most; it grows only in the cycle of the failure itself."""
    async with tcp_rig(8, poll_ms=50, turnaround_ms=0) as rig:
        heard, budget = rig.heard, rig.poller.budget
        await heard.until(lambda: len(heard.good("d8")) > 5)
        broken_us = await rig.fault(3, fault)
        await heard.until(lambda: len(heard.of("d8", broken_us)) >= 20)
        gaps = gaps_ms(heard.of("d8", broken_us - 100_000))
        assert longer_than(50 + budget.timeout_ms + 25, gaps) <= HICCUPS
        assert longer_than(50 + 25, gaps) <= 1 + HICCUPS
        assert all(reading.quality is Quality.GOOD for reading in heard.of("d8"))
        assert not heard.good("d3", broken_us)


async def test_one_dead_unit_on_a_serial_line_leaves_the_others_their_period(tmp_path):
    """On RTU too: the budget holds room for one time-out and its quiet window in every cycle."""
    async with rtu_rig(3, tmp_path, poll_ms=300) as rig:
        heard, budget = rig.heard, rig.poller.budget
        await heard.until(lambda: len(heard.good("d3")) > 1)
        broken_us = await rig.fault(1, Fault.SILENT)
        await heard.until(lambda: len(heard.of("d3", broken_us)) >= 8)
        gaps = gaps_ms(heard.of("d3"))
        assert longer_than(300 + budget.timeout_ms + budget.quiet_ms + 25, gaps) <= HICCUPS
        assert longer_than(300 + 40, gaps) <= 1 + HICCUPS
        assert all(reading.quality is Quality.GOOD for reading in heard.of("d3"))


@pytest.mark.parametrize(("readable", "rotates"), [(0, False), (8, False), (9, True), (16, True)])
async def test_a_module_of_buttons_is_left_alone_after_a_failure_where_its_length_cannot_rotate(
    tmp_path, readable, rotates
):
    """BOX-06: no late "not pressed" passes for the answer; the detectors of the line are read on. Five are wired, in one byte."""
    async with rtu_rig(1, tmp_path, poll_ms=200, readable=readable) as rig:
        heard, module = rig.heard, rig.units[INPUT_UNIT]
        await heard.until(lambda: heard.inputs and heard.inputs[-1] is not None)
        await rig.fault(INPUT_UNIT, Fault.SILENT)
        await heard.until(lambda: heard.inputs[-1] is None)
        silent, asked = now_us(), module.requests
        await rig.fault(INPUT_UNIT, Fault.NONE)
        await heard.until(lambda: module.requests > asked)
        waited_ms = (now_us() - silent) / 1000
        assert (waited_ms < 4 * 200) if rotates else (waited_ms >= 6 * 200 - 50)
        await heard.until(lambda: heard.inputs[-1] is not None)
        assert heard.good("d1", silent)


async def test_two_buses_are_polled_side_by_side(tmp_path):
    """A slow serial line and a fast TCP bus do not wait for each other."""
    async with tcp_rig(2, poll_ms=50) as fast, rtu_rig(2, tmp_path) as slow:
        await slow.heard.until(lambda: len(slow.heard.good("d2")) > 3)
        await slow.fault(1, Fault.SILENT)
        count = len(fast.heard.good("d1"))
        await slow.heard.polls("d2", 3)
        assert len(fast.heard.good("d1")) - count >= 10
        assert longer_than(50 + 25, gaps_ms(fast.heard.good("d1"))) <= HICCUPS


async def test_dead_unit_is_asked_at_once_and_then_with_growing_pauses():
    async with tcp_rig(2, poll_ms=100) as rig:
        heard = rig.heard
        await heard.until(lambda: heard.good("d1"))
        broken_us = await rig.fault(1, Fault.SILENT)
        await heard.polls("d1", 5, broken_us)
        # From one request to the next: the first time-out, then one, two, four polls, the time-outs among them.
        wanted = (rig.poller.budget.timeout_ms, 100, 200, 400)
        assert gaps_ms(heard.of("d1", broken_us)[:5]) == [pytest.approx(gap, abs=45) for gap in wanted]


async def test_bus_statistics_say_how_the_bus_does():
    async with tcp_rig(2, poll_ms=50) as rig:
        await rig.heard.polls("d2", 3)
        view = rig.poller.view()
        assert (view.name, view.ok, view.errors) == ("tcp", True, 0)
        assert view.polls >= 6
        assert 0 < view.cycle_ms < 50
        await rig.fault(1, Fault.EXCEPTION)
        await rig.heard.polls("d1", 2)
        view = rig.poller.view()
        assert not view.ok
        assert view.errors >= 1


async def test_error_in_the_interlocks_own_callback_ends_the_poller():
    """Nothing carries on when a reading could not be handed over."""
    async with tcp_rig(1) as rig:

        def refuse(reading):
            raise LookupError(reading.channel)

        poller = BusPoller(rig.config, rig.config.buses[0], rig.heard.deliver._replace(reading=refuse))
        with pytest.raises(LookupError, match="d1"):
            await poller.run()


async def test_connections_are_closed_when_the_poller_ends():
    async with tcp_rig(2) as rig:
        poller = BusPoller(rig.config, rig.config.buses[0], rig.heard.deliver)
        await rig.heard.polls("d1", 1)
        before = len(rig.bus._connections)
        task = asyncio.create_task(poller.run())
        await rig.heard.polls("d1", 2)
        assert len(rig.bus._connections) > before
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(2):
            while len(rig.bus._connections) > before:
                await rig.heard.polls("d1", 1)
