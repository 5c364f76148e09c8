"""Process sensors on the gas detectors' buses: the same blocks, the same quality rules, and nothing about gas."""

import pytest

from edge.gas import budget
from edge.gas.detector import Detector
from edge.gas.reading import Quality
from edge.sockets import now_us
from firmware_sim.modbus import Fault
from tests.edge.gas.site import SENSOR_UNIT, configuration, rtu_rig, sensor, tcp_rig
from tests.edge.gas.test_poller import HICCUPS, gaps_ms, longer_than


def rig_on(kind, folder, count=2):
    return tcp_rig(count, sensors=True) if kind == "tcp" else rtu_rig(count, folder, poll_ms=500, sensors=True)


@pytest.mark.parametrize("kind", ["tcp", "rtu"])
async def test_a_sensor_is_read_in_the_cycle_behind_the_detectors_and_is_no_gas(kind, tmp_path):
    """PTW-11: the value that the site has, in °C, told to those who ask for sensors only."""
    async with rig_on(kind, tmp_path) as rig:
        rig.set(SENSOR_UNIT, 85.3)
        await rig.heard.until(lambda: rig.heard.sensors and rig.heard.sensors[-1].value == 85.3, 20)
        assert {reading.channel for reading in rig.heard.sensors} == {"temp-1"}
        assert "temp-1" not in {reading.channel for reading in rig.heard.readings}
        assert rig.poller.budget.units == 3


@pytest.mark.parametrize(
    ("fault", "quality"),
    [
        (Fault.SILENT, Quality.BAD_FRAME),
        (Fault.EXCEPTION, Quality.BAD_FRAME),
        (Fault.WRONG_UNIT, Quality.BAD_FRAME),
        (Fault.STATUS_FAULT, Quality.FAULT),
        (Fault.OVER_RANGE, Quality.OVER_RANGE),
        (Fault.WARM_UP, Quality.WARM_UP),
        (Fault.FROZEN, Quality.FROZEN),
    ],
)
async def test_what_a_detector_may_suffer_a_sensor_may_too(fault, quality):
    """BOX-04: silence, exception and a standing counter are faults of a sensor as well, and it comes back."""
    async with tcp_rig(1, sensors=True) as rig:
        await rig.heard.until(lambda: rig.heard.sensors and rig.heard.sensors[-1].quality is Quality.GOOD)
        await rig.fault(SENSOR_UNIT, fault)
        await rig.heard.until(lambda: rig.heard.sensors[-1].quality is quality)
        await rig.fault(SENSOR_UNIT, Fault.NONE)
        await rig.heard.until(lambda: rig.heard.sensors[-1].quality is Quality.GOOD)
        assert all(reading.quality is Quality.GOOD for reading in rig.heard.readings)


@pytest.mark.alone
@pytest.mark.parametrize("kind", ["tcp", "rtu"])
async def test_a_dead_sensor_delays_the_detectors_no_more_than_a_dead_detector(kind, tmp_path):
    """Findings edge 6: one dead unit costs the others one time-out once."""
    async with rig_on(kind, tmp_path) as rig:
        await rig.heard.until(lambda: rig.heard.good("d1") and rig.heard.sensors, 20)
        since = await rig.fault(SENSOR_UNIT, Fault.SILENT)
        await rig.heard.polls("d1", 8, since)
        gaps = gaps_ms(rig.heard.good("d1", since))
        limit = rig.poller.budget.poll_ms + rig.poller.budget.timeout_ms + rig.poller.budget.quiet_ms
        assert longer_than(limit, gaps) <= HICCUPS
        assert not [reading for reading in rig.heard.of("d2", since) if reading.quality is not Quality.GOOD]
        assert now_us() > since


def test_a_sensor_counts_in_the_bus_budget_and_has_the_bus_stale_limit():
    """A bus that the detectors fill has no room for a sensor."""
    rtu = {"name": "rtu", "kind": "rtu", "poll_ms": 250, "turnaround_ms": 20, "device": "/dev/ttyS9"}
    without, beside = configuration([rtu], []), configuration([rtu], [], (sensor("rtu"),))
    assert [budget.bus_budget(each, each.buses[0]).units for each in (without, beside)] == [0, 1]
    stale = round(budget.bus_budget(beside, beside.buses[0]).stale_ms * 1000)
    assert budget.stale_limits_us(beside) == {"temp-1": stale}


@pytest.mark.parametrize(
    ("raw", "quality", "value"),
    [
        (-401, Quality.UNDER_RANGE, -40.1),
        (-400, Quality.GOOD, -40.0),
        (0, Quality.GOOD, 0.0),
        (4000, Quality.GOOD, 400.0),
        (4001, Quality.OVER_RANGE, 400.1),
    ],
)
def test_a_sensors_range_is_judged_to_the_last_count(raw, quality, value):
    (thermometer,) = configuration([], [], (sensor("tcp", live_counter=False),)).sensors
    reading = Detector(thermometer, 170_000).decode([raw & 0xFFFF, 0, 0], 1)
    assert (reading.channel, reading.quality, reading.value, reading.counter) == ("temp-1", quality, value, None)


def test_a_sensor_that_was_warming_up_counts_as_soon_as_it_is_warm():
    """It has no T90 of a gas: its own word is enough."""
    (thermometer,) = configuration([], [], (sensor("tcp"),)).sensors
    detector = Detector(thermometer, 170_000)
    assert detector.decode([240, 4, 1], 1).quality is Quality.WARM_UP
    assert detector.decode([240, 0, 2], 2).quality is Quality.GOOD
