"""Registers become readings: value, status word, range, live counter."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import Channel
from edge.gas.decoding import number
from edge.gas.detector import Detector
from edge.gas.reading import Quality
from tests.edge.gas.site import channel

FROZEN_US = 380_000


def detector(**changes):
    return Detector(msgspec.convert(channel("ch4-1", "tcp", 1, **changes), Channel), FROZEN_US)


@pytest.mark.parametrize(
    ("value", "status", "quality", "detail"),
    [
        (0, 0, Quality.GOOD, ""),
        (125, 0, Quality.GOOD, ""),
        (1000, 0, Quality.GOOD, ""),
        (1001, 0, Quality.OVER_RANGE, "above 100 %LEL"),
        (0x10000 - 50, 0, Quality.GOOD, ""),
        (0x10000 - 51, 0, Quality.UNDER_RANGE, "below -5 %LEL"),
        (0x8000, 0, Quality.UNDER_RANGE, "below -5 %LEL"),
        (0x7FFF, 0, Quality.OVER_RANGE, "above 100 %LEL"),
        (0, 1, Quality.FAULT, "status word 0x0001"),
        (1000, 1, Quality.FAULT, "status word 0x0001"),
        (1001, 1, Quality.OVER_RANGE, "above 100 %LEL"),
        (0, 3, Quality.OVER_RANGE, "the detector says over-range"),
        (1001, 4, Quality.WARM_UP, "the detector warms up"),
        (0, 2, Quality.OVER_RANGE, "the detector says over-range"),
        (0, 4, Quality.WARM_UP, "the detector warms up"),
        (0, 6, Quality.OVER_RANGE, "the detector says over-range"),
        (0, 7, Quality.OVER_RANGE, "the detector says over-range"),
        (0, 5, Quality.FAULT, "status word 0x0005"),
        (0, 8, Quality.FAULT, "status word 0x0008"),
        (0, 0x8000, Quality.FAULT, "status word 0x8000"),
    ],
)
def test_too_much_gas_before_fault_before_warm_up_before_good(value, status, quality, detail):
    """A broken head's word of too much gas latches like a sound one's."""
    reading = detector().decode([value, status, 1], 1000)
    assert (reading.quality, reading.detail) == (quality, detail)


def test_value_is_the_signed_register_times_scale_without_binary_crumbs():
    reading = detector(scale=0.01, range_high=25).decode([2090, 0, 7, 0, 0], 1000)
    assert (reading.value, reading.raw, reading.counter, reading.at_us) == (20.9, 2090, 7, 1000)
    assert detector().decode([0x10000 - 3, 0, 7], 1000).value == -0.3


@given(st.integers(-32768, 32767))
def test_every_register_value_keeps_its_sign(value):
    assert number([value & 0xFFFF], 0, "int16", "high_first") == (value, value)


def test_counter_that_stands_still_too_long_is_frozen():
    unit = detector()
    start = 1_000_000
    assert unit.decode([0, 0, 9], start).quality is Quality.GOOD
    assert unit.decode([0, 0, 9], start + FROZEN_US).quality is Quality.GOOD
    frozen = unit.decode([0, 0, 9], start + FROZEN_US + 1)
    assert frozen.quality is Quality.FROZEN
    assert frozen.value == 0
    assert frozen.detail == "live counter 9 stands still for 380 ms"
    assert unit.decode([0, 0, 10], start + FROZEN_US + 2).quality is Quality.GOOD


def test_a_frozen_head_that_says_over_range_is_over_range():
    unit = detector()
    unit.decode([0, 0, 5], 1000)
    assert unit.decode([0, 2, 5], 1001 + FROZEN_US).quality is Quality.OVER_RANGE


def test_steady_value_is_no_fault_while_the_counter_moves():
    """Clean air reads 0 all day."""
    unit = detector()
    assert all(unit.decode([0, 0, n & 0xFFFF], n * 100_000).quality is Quality.GOOD for n in range(65_000, 66_000))


def test_channel_without_live_counter_is_never_called_frozen():
    unit = detector(live_counter=False)
    for at_us in (0, 10_000_000, 20_000_000):
        reading = unit.decode([0, 0, 5], at_us)
        assert (reading.quality, reading.counter) == (Quality.GOOD, None)


def test_counter_that_went_back_is_an_old_answer_once():
    unit = detector()
    unit.decode([0, 0, 500], 0)
    old = unit.decode([0, 0, 498], 100_000)
    assert (old.quality, old.value) == (Quality.BAD_FRAME, None)
    assert unit.decode([0, 0, 499], 200_000).quality is Quality.GOOD


def test_counter_may_wrap():
    unit = detector()
    unit.decode([0, 0, 0xFFFF], 0)
    assert unit.decode([0, 0, 1], 100_000).quality is Quality.GOOD


def test_failure_has_no_value():
    reading = detector().failed(77, "no reply within 60 ms")
    assert (reading.value, reading.quality, reading.at_us) == (None, Quality.BAD_FRAME, 77)
    assert reading.detail == "no reply within 60 ms"


def test_a_response_factor_raises_the_reading_and_leaves_the_sensors_range_alone():
    """A sensor calibrated with methane sees propane too low by the factor of its maker's table."""
    unit = detector(gas="C3H8", calibration_gas="CH4", response_factor={"factor": 1.6, "source": "manual, table 7"})
    reading = unit.decode([50, 0, 1], 1000)
    assert (reading.value, reading.raw, reading.quality) == (8.0, 50, Quality.GOOD)
    assert unit.decode([1000, 0, 2], 1000).quality is Quality.GOOD
    assert unit.decode([1001, 0, 3], 1000).quality is Quality.OVER_RANGE


@pytest.mark.parametrize(("past_us", "quality"), [(-1, Quality.WARM_UP), (0, Quality.GOOD), (1, Quality.GOOD)])
def test_after_warm_up_readings_count_from_the_channels_t90(past_us, quality):
    """Workflows "Detector", WARMUP(T90): T90 - 1 us, T90, T90 + 1 us after the warm-up was last seen."""
    unit = detector(t90_s=20)
    unit.decode([0, 4, 1], 1_000_000)
    assert unit.decode([0, 4, 2], 1_100_000).quality is Quality.WARM_UP
    early = unit.decode([0, 0, 3], 1_200_000)
    assert (early.quality, early.detail) == (Quality.WARM_UP, "warm, its readings count in 20 s (T90)")
    assert unit.decode([0, 0, 30], 21_100_000 + past_us).quality is quality


def test_a_fault_during_the_settling_is_a_fault():
    unit = detector(t90_s=20)
    unit.decode([0, 4, 1], 1_000_000)
    assert unit.decode([0, 1, 2], 2_000_000).quality is Quality.FAULT
