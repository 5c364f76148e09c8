"""Registers by their profile: numbers, word orders, NAMUR NE 43, status words and codes, age, warm-up, stillness."""

import math
import struct
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import Channel
from edge.gas.decoding import largest, number
from edge.gas.detector import Detector
from edge.gas.profile import complete
from edge.gas.reading import Quality, Reading

FROZEN_US = 380_000
GENERIC = {"unit": "%LEL", "range_low": -5, "range_high": 100}


def detector(profile: str, **changes: object) -> Detector:
    """A methane channel with that profile."""
    said = {"name": "d1", "bus": "b", "unit_id": 1, "gas": "CH4", "calibration_gas": "CH4", "profile": profile, **changes}
    return Detector(msgspec.convert(complete(said, "channels[0]"), Channel), FROZEN_US, 2_000_000)


def loop(span: tuple[float, float] = (0, 100)) -> Detector:
    """A transmitter of 4-20 mA that has been up for long."""
    found = detector("4-20ma-remote-io", point="ai0", unit="%LEL", span=list(span))
    found.decode(inputs(4.0), 0)
    return found


def inputs(ma: float, state: int = 0) -> list[int]:
    return [round(ma * 1000), *([0] * 7), state]


def seen(found: Detector, registers: list[int], at_us: int = 1_900_000) -> Reading:
    return found.decode(registers, at_us)


@pytest.mark.parametrize(
    ("ma", "quality"),
    [
        (0.0, Quality.FAULT),
        (3.599, Quality.FAULT),
        (3.6, Quality.UNDER_RANGE),
        (3.799, Quality.UNDER_RANGE),
        (3.8, Quality.GOOD),
        (4.0, Quality.GOOD),
        (20.0, Quality.GOOD),
        (20.5, Quality.GOOD),
        (20.501, Quality.OVER_RANGE),
        (21.0, Quality.OVER_RANGE),
        (21.001, Quality.FAULT),
        (65.534, Quality.FAULT),
        (65.535, Quality.FAULT),
    ],
)
def test_a_current_is_judged_by_namur_ne_43(ma: float, quality: Quality) -> None:
    """Below 3.6 and above 21 mA a fault, above 20.5 over-range, 3.8 to 20.5 a measurement: at each limit, one count on."""
    found = loop()
    found._settled_us = 0
    assert seen(found, inputs(ma)).quality is quality


@pytest.mark.parametrize(("ma", "value"), [(4.0, 0.0), (12.0, 50.0), (20.0, 100.0), (3.8, -1.25), (20.5, 103.125)])
def test_a_current_means_a_share_of_the_span(ma: float, value: float) -> None:
    assert seen(loop(), inputs(ma)).value == value
    assert seen(loop((-50, 150)), inputs(ma)).value == -50 + 2 * value


def test_the_modules_own_state_is_a_fault_of_every_input() -> None:
    found = loop()
    found._settled_us = 0
    assert seen(found, inputs(4.0, state=3)) == Reading("d1", 0.0, Quality.FAULT, 1_900_000, 4000, None, "status 3")


@pytest.mark.parametrize(("past_us", "quality"), [(-1, Quality.WARM_UP), (0, Quality.GOOD)])
def test_a_loop_counts_when_its_head_had_its_time_to_warm_up_and_follow(past_us: int, quality: Quality) -> None:
    """warm_up_s 30 and T90 20: after the first answer, after a dead loop, after a silence."""
    found = detector("4-20ma-remote-io", point="ai0", unit="%LEL", span=[0, 100])
    ready = 50_000_000
    assert found.decode(inputs(4), 0).quality is Quality.WARM_UP
    for at_us in range(1_000_000, ready, 1_000_000):
        found.decode(inputs(4), at_us)
    assert found.decode(inputs(4), ready + past_us).quality is quality
    found = _up(ready)
    found.decode(inputs(0), ready + 1)
    assert found.decode(inputs(4), ready + 2).quality is Quality.WARM_UP
    found = _up(ready)
    assert found.decode(inputs(4), ready + 2_000_000).quality is Quality.GOOD
    assert found.decode(inputs(4), ready + 4_000_001).quality is Quality.WARM_UP


def _up(ready: int) -> Detector:
    found = detector("4-20ma-remote-io", point="ai0", unit="%LEL", span=[0, 100])
    for at_us in range(0, ready + 1, 1_000_000):
        found.decode(inputs(4), at_us)
    return found


def test_gas_during_a_loops_warm_up_is_seen_as_a_fault_at_the_least() -> None:
    """No reading counts then, so the group trips all the same."""
    found = detector("4-20ma-remote-io", point="ai0", unit="%LEL", span=[0, 100])
    assert found.decode(inputs(20.4), 0).quality is Quality.WARM_UP


def test_a_loop_that_was_broken_is_no_over_range_but_a_fault() -> None:
    found = loop()
    reading = seen(found, inputs(21.5))
    assert (reading.quality, reading.detail) == (Quality.FAULT, "21.5 mA (NAMUR NE 43)")


@given(st.integers(-(2**31), 2**31 - 1))
def test_a_long_number_reads_back_in_both_word_orders(value: int) -> None:
    high, low = struct.unpack(">HH", struct.pack(">i", value))
    assert number([high, low], 0, "int32", "high_first") == (value, float(value))
    assert number([0, low, high], 1, "int32", "low_first") == (value, float(value))
    assert number([high, low], 0, "uint32", "high_first")[0] == value % 2**32


@given(st.floats(width=32))
def test_a_float_reads_back_in_both_word_orders(value: float) -> None:
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    for registers, order in (([high, low], "high_first"), ([low, high], "low_first")):
        _, got = number(registers, 0, "float32", order)
        assert got == value or (math.isnan(got) and math.isnan(value))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_float_that_is_no_number_is_a_fault_without_a_value(value: float) -> None:
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    reading = detector("generic-float", **GENERIC).decode([high, low, 0, 1], 1000)
    assert (reading.quality, reading.value, reading.detail) == (Quality.FAULT, None, "value is not a number")


def test_the_wrong_word_order_shows_gas_as_nothing_or_as_too_much() -> None:
    """Why `hotbox detector watch` is looked at with test gas: 12.5 read the other way round is 2.6e-41."""
    high, low = struct.unpack(">HH", struct.pack(">f", 12.5))
    assert detector("generic-float", **GENERIC).decode([high, low, 0, 1], 1000).value == 12.5
    assert detector("generic-float-low-first", **GENERIC).decode([low, high, 0, 1], 1000).value == 12.5
    assert detector("generic-float-low-first", **GENERIC).decode([high, low, 0, 1], 1000).value != 12.5


@pytest.mark.parametrize(
    ("status", "quality", "detail"),
    [
        (0x8000, Quality.GOOD, ""),
        (0x8000 | 0x340, Quality.GOOD, ""),
        (0x0000, Quality.FAULT, "status word 0x0000"),
        (0x8001, Quality.FAULT, "status word 0x8001"),
        (0x8080, Quality.FAULT, "status word 0x8080"),
        (0x8008, Quality.OVER_RANGE, "the detector says over-range"),
        (0x800A, Quality.OVER_RANGE, "the detector says over-range"),
        (0x8010, Quality.UNDER_RANGE, "the detector says under-range"),
        (0x8020, Quality.WARM_UP, "the detector warms up"),
    ],
)
def test_status_bits_by_meaning(status: int, quality: Quality, detail: str) -> None:
    """Declared harmless says nothing, unknown is a fault, and a bit that must be set and is not is one, too."""
    reading = detector("rtu-fixed-head", **GENERIC).decode([status, 0, 0, 0, 0], 1000)
    assert (reading.quality, reading.detail) == (quality, detail)


def test_a_value_that_is_a_code_is_no_measurement() -> None:
    reading = detector("rtu-fixed-head", **GENERIC).decode([0x8000, 0x8000, 0, 0, 0], 1000)
    assert (reading.quality, reading.value, reading.raw) == (Quality.FAULT, None, -32768)


PORTABLE = [0, 3, 0, 209, 0, 0, 0, 0, 0, 0, 7]


@pytest.mark.parametrize(
    ("at", "held", "quality"),
    [
        (1, 30, Quality.GOOD),
        (1, 31, Quality.FAULT),
        (6, 1, Quality.WARM_UP),
        (6, 2, Quality.OVER_RANGE),
        (6, 3, Quality.UNDER_RANGE),
        (6, 4, Quality.FAULT),
        (6, 9, Quality.FAULT),
        (7, 4, Quality.GOOD),
        (0, 0x10, Quality.GOOD),
        (0, 0x02, Quality.FAULT),
        (0, 0x80, Quality.FAULT),
    ],
)
def test_a_portable_behind_its_gateway(at: int, held: int, quality: Quality) -> None:
    """Age 3.0 s counts, 3.1 s is a lost portable; each sensor's own state, the unit's for all of them."""
    registers = list(PORTABLE)
    registers[at] = held
    assert detector("portable-multigas-gateway", point="lel").decode(registers, 1000).quality is quality


def test_how_long_ago_the_gateway_heard_it_is_said() -> None:
    registers = [0, 95, *PORTABLE[2:]]
    detail = detector("portable-multigas-gateway", point="lel").decode(registers, 1000).detail
    assert detail == "the gateway heard it 9.5 s ago"


NOISY = """
zh: 头
en: head
readable: 2
noisy_still_s: 2
points: {value: {at: 0, type: int16}}
status: [{at: 1, bits: {fault: [0]}}]
"""


@pytest.mark.parametrize(("past_us", "quality"), [(0, Quality.GOOD), (1, Quality.FROZEN)])
def test_only_a_noisy_familys_value_that_stands_perfectly_still_is_frozen(
    tmp_path: Path, past_us: int, quality: Quality
) -> None:
    """Clean air reads 0 all day on the others."""
    own = tmp_path / "noisy.yaml"
    own.write_text(NOISY, encoding="utf-8")
    noisy = detector(str(own), **GENERIC, scale=0.1)
    noisy.decode([3, 0], 1000)
    assert noisy.decode([3, 0], 2_001_000 + past_us).quality is quality
    assert noisy.decode([4, 0], 2_001_002).quality is Quality.GOOD
    plain = detector("rtu-fixed-head", **GENERIC)
    assert all(plain.decode([0x8000, 0, 0, 0, 0], hour * 3_600_000_000).quality is Quality.GOOD for hour in range(24))


@pytest.mark.parametrize(
    ("profile", "changes", "most"),
    [
        ("generic-int", {**GENERIC, "scale": 0.1}, 3276.7),
        ("generic-float", GENERIC, math.inf),
        ("4-20ma-remote-io", {"point": "ai3", "unit": "%LEL", "span": [0, 100]}, 106.25),
    ],
)
def test_the_largest_value_that_registers_can_hold(profile: str, changes: dict, most: float) -> None:
    assert largest(detector(profile, **changes).channel) == most
