"""Every fault of the simulated site (BOX-04, BOX-06): no wrong value passes as good, and the loss is known within the limit."""

import asyncio

import pytest

from edge.gas.reading import Quality
from edge.sockets import now_us
from firmware_sim.modbus import Fault
from tests.edge.gas.site import answered_before_asked, rtu_rig, tcp_rig

ON_THE_WAY = [
    Fault.SILENT,
    Fault.EXCEPTION,
    Fault.LINK_DROP,
    Fault.CRC,
    Fault.GARBAGE,
    Fault.LATE,
    Fault.WRONG_UNIT,
    Fault.WRONG_COUNT,
]
IN_THE_HEAD = [
    (Fault.STATUS_FAULT, Quality.FAULT),
    (Fault.OVER_RANGE, Quality.OVER_RANGE),
    (Fault.FROZEN, Quality.FROZEN),
]


async def broken_and_healed(rig, fault, polls):
    """Break unit 1 while gas comes, watch, heal it; how long its last good reading lasted, in microseconds."""
    heard = rig.heard
    await heard.until(lambda: len(heard.good("d1")) > 2 and len(heard.good("d2")) > 2)
    broken_us = await rig.fault(1, fault)
    rig.set(1, 42.0)
    await heard.polls("d1", polls, broken_us)
    since = heard.good("d1", broken_us)
    assert since == []
    last_good_us = heard.good("d1")[-1].at_us
    healed_us = await rig.fault(1, Fault.NONE)
    await heard.until(lambda: heard.good("d1", healed_us), 5)
    assert heard.good("d1", healed_us)[0].value == 42.0
    assert not [reading for reading in heard.readings if answered_before_asked(reading)]
    return last_good_us + round(rig.poller.budget.stale_ms * 1000) - broken_us


@pytest.mark.parametrize("fault", ON_THE_WAY)
async def test_on_tcp_a_lost_detector_is_known_within_500_ms(fault):
    """Silent, exception, link drop, damaged and foreign frames: bad within 500 ms at a 100 ms poll."""
    async with tcp_rig(2) as rig:
        assert await broken_and_healed(rig, fault, 4) <= 500_000


@pytest.mark.parametrize("fault", ON_THE_WAY)
async def test_on_a_serial_line_a_lost_detector_is_known_within_the_bus_limit(fault, tmp_path):
    """The same on RTU, within the computed limit; at 9600 baud where the wire's time plays a part in it."""
    slow = fault in {Fault.SILENT, Fault.LATE}
    async with rtu_rig(2, tmp_path, poll_ms=250 if slow else 120, baud=9600 if slow else 115200) as rig:
        assert await broken_and_healed(rig, fault, 3) <= rig.poller.budget.worst_trip_ms * 1000


@pytest.mark.parametrize(("fault", "quality"), IN_THE_HEAD)
@pytest.mark.parametrize("kind", ["tcp", "rtu"])
async def test_what_the_detector_says_of_itself_is_handed_on_within_the_limit(kind, fault, quality, tmp_path):
    """Fault bit, over-range, and a live counter that stands still."""
    async with tcp_rig(2) if kind == "tcp" else rtu_rig(2, tmp_path) as rig:
        heard = rig.heard
        await heard.until(lambda: heard.good("d1"))
        broken_us = await rig.fault(1, fault)
        await heard.until(lambda: any(r.quality is quality for r in heard.of("d1", broken_us)))
        assert now_us() - broken_us <= rig.poller.budget.worst_trip_ms * 1000
        assert heard.of("d2")[-1].quality is Quality.GOOD


@pytest.mark.parametrize("kind", ["tcp", "rtu"])
async def test_one_damaged_frame_costs_one_reading_and_is_made_good_before_the_stale_limit(kind, tmp_path):
    """A single bad frame is tolerated until the channel's stale limit and counted as bus health."""
    async with tcp_rig(2) if kind == "tcp" else rtu_rig(2, tmp_path) as rig:
        heard = rig.heard
        await heard.until(lambda: heard.good("d1") and heard.good("d2"))
        broken_us = await rig.fault(1, Fault.CRC)
        await heard.until(lambda: heard.of("d1", broken_us))
        await rig.fault(1, Fault.NONE)
        before = heard.good("d1")[-1].at_us
        await heard.until(lambda: heard.good("d1", before + 1))
        after = heard.good("d1")[-1]
        assert now_us() - before <= rig.poller.budget.stale_ms * 1000
        assert after.at_us > before
        assert rig.poller.view().errors == 1
        await heard.until(lambda: rig.poller.view().ok)


async def test_always_late_unit_never_gives_a_good_reading_and_recovers_at_once(tmp_path):
    """The fault that fools bare pymodbus, with gas rising meanwhile, alone on the line."""
    async with rtu_rig(1, tmp_path, poll_ms=200, late_ms=150) as rig:
        heard = rig.heard
        await heard.until(lambda: heard.good("d1"))
        broken_us = await rig.fault(1, Fault.LATE)
        for step in range(5):
            rig.set(1, step)
            await heard.polls("d1", 1)
        assert heard.good("d1", broken_us) == []
        healed_us = await rig.fault(1, Fault.NONE)
        await heard.until(lambda: heard.good("d1", healed_us), 3)
        assert heard.good("d1", healed_us)[0].value == 4


@pytest.mark.parametrize("late_ms", [40, 90, 280, 410, 700])
async def test_no_lateness_gets_past_the_guards(late_ms, tmp_path):
    """Whatever the delay is to the poll period, an answer is fresh or it is nothing."""
    async with rtu_rig(1, tmp_path, poll_ms=150, baud=115200, late_ms=late_ms) as rig:
        heard = rig.heard
        await heard.until(lambda: heard.good("d1"))
        broken_us = await rig.fault(1, Fault.LATE)
        await heard.polls("d1", 3, broken_us)
        assert not [reading for reading in heard.good("d1") if answered_before_asked(reading)]
        assert heard.good("d1", broken_us) == []


async def test_buttons_that_cannot_be_read_are_told_as_none():
    async with tcp_rig(1, inputs=True) as rig:
        heard = rig.heard
        await heard.until(lambda: heard.inputs and heard.inputs[-1])
        assert heard.inputs[-1].stop
        assert heard.inputs[-1].estop
        await rig.fault(10, Fault.EXCEPTION)
        await heard.until(lambda: heard.inputs[-1] is None)
        assert heard.of("d1")[-1].quality is Quality.GOOD
        await rig.fault(10, Fault.NONE)
        await heard.until(lambda: heard.inputs[-1])


async def test_contacts_that_the_site_has_are_read_and_the_others_are_none():
    """PTW-24: the door's contact comes with the buttons, in the same request."""
    async with tcp_rig(1, inputs=True, contacts={"door": 5, "enclosure": 8}) as rig:
        heard = rig.heard
        await heard.until(lambda: heard.inputs and heard.inputs[-1])
        read = heard.inputs[-1]
        assert (read.door, read.mains, read.battery, read.enclosure) == (True, None, None, True)
        rig.module.closed["door"] = False
        await heard.until(lambda: heard.inputs[-1].door is False, 1)
        assert heard.inputs[-1].enclosure


async def test_serial_converter_pulled_and_plugged_comes_back(tmp_path):
    async with rtu_rig(1, tmp_path) as rig:
        heard = rig.heard
        await heard.until(lambda: heard.good("d1"))
        await rig.bus.stop()
        await heard.until(lambda: not rig.poller.view().ok)
        await rig.bus.start()
        healed_us = now_us()
        await heard.until(lambda: heard.good("d1", healed_us), 4)


async def test_gateway_that_is_not_there_at_start_is_found_later():
    async with tcp_rig(1) as rig:
        port = rig.bus.port
        await rig.bus.stop()
        heard = rig.heard
        await heard.until(lambda: heard.of("d1")[-1:] and heard.of("d1")[-1].detail == "not connected")
        assert not rig.poller.view().ok
        assert rig.bus.port == port
        await rig.bus.start()
        await heard.until(lambda: heard.of("d1")[-1].quality is Quality.GOOD, 4)
        async with asyncio.timeout(2):
            while not rig.poller.view().ok:
                await heard.polls("d1", 1)
