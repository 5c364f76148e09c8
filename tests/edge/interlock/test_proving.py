"""A detector's test reading by reading: each limit at its value and one step to either side (GAS-05)."""

import msgspec
import pytest

from edge.gas.reading import Quality, Reading
from edge.interlock.proving import DetectorRecord, Exercise, Kind, Phase, Proof, Result, Terms, advance, terms
from tests.edge.interlock.bench import GB

replace = msgspec.structs.replace
S = 1_000_000
LIMITS = Terms(apply_us=10 * S, respond_us=5 * S, hold_us=2 * S, clear_us=4 * S, band=5.0, still_percent=10)
STALE_US = 500_000
TEST = Exercise(
    kind=Kind.BUMP, channel="ch4-1", applied=50.0, baseline=10.0, by="leader", bottle="7", due_s=0, t=1,
    began_us=100 * S, phase=Phase.APPLY, phase_us=100 * S, seen_us=100 * S, still_us=100 * S,
)  # fmt: skip
"""Gas of 50 on a detector that reads 10: up to 14 it is at its baseline, from 45 to 55 it is in the band."""


def reading(at_us: int, value: float | None, quality: Quality = Quality.GOOD) -> Reading:
    return Reading("ch4-1", value, quality, at_us, 0, None, "")


def see(test: Exercise, value: float, at_us: int, limits: Terms = LIMITS) -> Exercise | Proof:
    """The newest reading, judged as soon as it is there."""
    return advance(test, reading(at_us, value, Quality.GOOD), limits, STALE_US, at_us)


def going(test: Exercise | Proof) -> Exercise:
    assert isinstance(test, Exercise), test
    return test


def code(test: Exercise | Proof) -> str:
    assert isinstance(test, Proof), test
    return test.code


@pytest.mark.parametrize(
    ("applied", "baseline", "value", "moved"),
    [
        (50.0, 10.0, 14.0, False), (50.0, 10.0, 14.01, True), (50.0, 10.0, 0.0, False),
        (10.0, 20.0, 19.0, False), (10.0, 20.0, 18.99, True), (10.0, 20.0, 30.0, False),
        (0.5, 0.0, 0.05, False), (0.5, 0.0, 0.06, True),
    ],
)  # fmt: skip
def test_a_reading_beyond_a_tenth_of_the_step_has_moved(
    applied: float, baseline: float, value: float, moved: bool
) -> None:
    """Towards the gas, whether that is more or less than the air; the other way it is noise."""
    limits = replace(LIMITS, band=0.001)
    after = going(see(replace(TEST, applied=applied, baseline=baseline), value, 101 * S, limits))
    assert after.phase is (Phase.RESPOND if moved else Phase.APPLY)
    assert after.still_us == (100 * S if moved else 101 * S)


def test_the_moment_of_each_phase_is_the_readings_own() -> None:
    moved = going(see(TEST, 20.0, 101 * S))
    assert moved == replace(TEST, phase=Phase.RESPOND, phase_us=101 * S, seen_us=101 * S, reading=20.0)
    inside = going(see(moved, 45.0, 102 * S))
    assert inside == replace(moved, seen_us=102 * S, entered_us=102 * S, reading=45.0)
    held = going(see(inside, 55.0, 104 * S))
    assert held == replace(inside, seen_us=104 * S, reading=55.0, phase=Phase.CLEAR, phase_us=104 * S)


def test_a_reading_that_leaves_the_band_begins_anew() -> None:
    inside = going(see(going(see(TEST, 20.0, 101 * S)), 45.0, 102 * S))
    outside = going(see(inside, 44.9, 103 * S))
    assert outside == replace(inside, seen_us=103 * S, entered_us=0, reading=44.9)


@pytest.mark.parametrize(("after_us", "ended"), [(10 * S - 1, False), (10 * S, False), (10 * S + 1, True)])
def test_gas_must_come_within_the_time_to_apply_it(after_us: int, ended: bool) -> None:
    after = see(TEST, 10.0, 100 * S + after_us)
    assert (isinstance(after, Proof) and (after.result, after.code) == (Result.FAILED, "test_no_response")) is ended


@pytest.mark.parametrize(("after_us", "ended"), [(5 * S - 1, False), (5 * S, False), (5 * S + 1, True)])
@pytest.mark.parametrize("value", [45.0, 44.0])
def test_the_band_must_be_reached_within_the_time_to_respond(after_us: int, ended: bool, value: float) -> None:
    """In the band too late is as bad as not in the band in time."""
    after = see(going(see(TEST, 20.0, 101 * S)), value, 100 * S + after_us)
    assert (isinstance(after, Proof) and (after.result, after.code) == (Result.FAILED, "test_slow")) is ended


@pytest.mark.parametrize(
    ("value", "said"),
    [(60.0, "test_too_high"), (44.0, "test_slow"), (-30.0, "test_slow"), (-30.1, "test_too_high"), (0.0, "test_slow")],
)
def test_a_reading_further_from_the_air_than_the_gas_is_too_high(value: float, said: str) -> None:
    assert code(see(going(see(TEST, 20.0, 101 * S)), value, 106 * S)) == said


@pytest.mark.parametrize(("held_us", "phase"), [(2 * S - 1, Phase.RESPOND), (2 * S, Phase.CLEAR)])
def test_the_band_must_be_held(held_us: int, phase: Phase) -> None:
    assert going(see(going(see(TEST, 45.0, 101 * S)), 45.0, 101 * S + held_us)).phase is phase


CLEARING = replace(TEST, phase=Phase.CLEAR, phase_us=110 * S, seen_us=110 * S, entered_us=104 * S, reading=49.0)


@pytest.mark.parametrize(
    ("value", "passed"), [(14.0, True), (14.01, False), (6.0, True), (5.99, False), (10.0, True), (15.0, False)]
)
def test_a_detector_is_clear_when_it_is_at_its_baseline_again(value: float, passed: bool) -> None:
    after = see(CLEARING, value, 111 * S)
    assert (isinstance(after, Proof) and after.result is Result.PASSED) is passed


@pytest.mark.parametrize(("after_us", "ended"), [(4 * S, False), (4 * S + 1, True)])
def test_the_gas_must_leave_within_the_time_to_clear(after_us: int, ended: bool) -> None:
    after = see(CLEARING, 20.0, 110 * S + after_us)
    assert (isinstance(after, Proof) and (after.result, after.code) == (Result.FAILED, "test_not_clear")) is ended


LOST = (Quality.STALE, Quality.BAD_FRAME, Quality.NEVER)


@pytest.mark.parametrize(("age_us", "ended"), [(STALE_US, False), (STALE_US + 1, True)])
def test_a_test_whose_readings_stay_away_proves_nothing_either_way(age_us: int, ended: bool) -> None:
    """A bus that faltered for a moment is no failure that a calibration would have to cure."""
    after = advance(TEST, reading(101 * S, 10.0, Quality.GOOD), LIMITS, STALE_US, 101 * S + age_us)
    lost = Proof(TEST.t, TEST.began_us, Result.ABORTED, "test_lost_reading", TEST.applied, None, None, TEST.by, TEST.bottle)
    assert after == (lost if ended else replace(TEST, seen_us=101 * S, still_us=101 * S))


@pytest.mark.parametrize(
    ("seen", "result", "why"),
    [
        (None, Result.ABORTED, "test_lost_reading"),
        *((reading(101 * S, 10.0, lost), Result.ABORTED, "test_lost_reading") for lost in LOST),
        (reading(101 * S, None, Quality.GOOD), Result.FAILED, "test_bad_reading"),
        *(
            (reading(101 * S, 10.0, said), Result.FAILED, "test_bad_reading")
            for said in Quality
            if said not in (*LOST, Quality.GOOD)
        ),
    ],
)
def test_what_the_detector_says_fails_its_test_and_what_the_bus_loses_ends_it(
    seen: Reading | None, result: Result, why: str
) -> None:
    after = advance(TEST, seen, LIMITS, STALE_US, 101 * S)
    assert isinstance(after, Proof)
    assert (after.result, after.code) == (result, why)


@pytest.mark.parametrize("at_us", [100 * S, 100 * S - 1])
def test_the_same_reading_is_judged_once(at_us: int) -> None:
    assert advance(TEST, reading(at_us, 50.0, Quality.GOOD), LIMITS, STALE_US, 100 * S) is TEST


@pytest.mark.parametrize(("entered_us", "ms"), [(0, None), (103_000_999, 3_000), (103_001_000, 3_001)])
def test_the_response_is_in_whole_milliseconds_from_the_last_still_reading(entered_us: int, ms: int | None) -> None:
    assert replace(TEST, entered_us=entered_us).response_ms == ms


def _proof(t: int, result: Result) -> Proof:
    return Proof(t, 0, result, "", 50.0, None, None, "leader", "7")


@pytest.mark.parametrize(
    ("result", "t", "cured"),
    [
        (Result.PASSED, 11, True), (Result.PASSED, 10, True), (Result.PASSED, 9, False), (Result.FAILED, 11, False),
        (Result.ABORTED, 11, False), (Result.FAILED, 9, False),
    ],
)  # fmt: skip
def test_only_a_calibration_that_passed_since_cures_a_failed_bump_test(result: Result, t: int, cured: bool) -> None:
    """OSHA SHIB 2013: after a failed bump test, a full calibration."""
    record = DetectorRecord(_proof(10, Result.FAILED), _proof(t, result))
    assert record.uncured_bump is not cured
    assert DetectorRecord(_proof(10, Result.FAILED)).uncured_bump
    assert not DetectorRecord(_proof(10, Result.PASSED), _proof(t, result)).uncured_bump


@pytest.mark.parametrize(("result", "out"), [(Result.PASSED, False), (Result.FAILED, True), (Result.ABORTED, False)])
def test_only_a_failed_calibration_takes_a_head_out_of_service(result: Result, out: bool) -> None:
    assert DetectorRecord(_proof(10, Result.PASSED), _proof(11, result)).out_of_service is out
    assert not DetectorRecord(_proof(10, Result.FAILED)).out_of_service


@pytest.mark.parametrize("faster_us", [-1, 0, 1])
def test_the_terms_are_the_packs_and_the_channels_own_time_where_that_is_shorter(faster_us: int) -> None:
    """A calibration takes a person's time, and its band is the tighter one."""
    pack_us = GB.response_diffusion_s.value * S
    t90_us = pack_us - faster_us
    apply_us, hold_us, clear_us = (row.value * S for row in (GB.bump_apply_s, GB.bump_hold_s, GB.bump_clear_s))
    still = GB.bump_still_percent.value
    wide, tight = 50 * GB.bump_tolerance_percent.value / 100, 100 * GB.calibration_tolerance_percent.value / 100
    bump = terms(Kind.BUMP, GB, step=-50.0, full_scale=100.0, t90_us=t90_us)
    assert bump == Terms(apply_us, min(pack_us, t90_us), hold_us, clear_us, wide, still)
    calibration = terms(Kind.CALIBRATION, GB, step=-50.0, full_scale=100.0, t90_us=t90_us)
    assert calibration == Terms(apply_us, GB.calibration_window_s.value * S, hold_us, clear_us, min(wide, tight), still)
