"""Rows by which bump tests and calibrations are judged: just below the limit, at it, just above it."""

import msgspec
import pytest

from edge.gas.reading import Quality, Reading
from edge.interlock.proving import Exercise, Kind, Phase, Proof, Result, advance, terms
from tests.edge.interlock.bench import BOOT_US, GB, SECOND, WALL_S, Bench, bumped
from tests.edge.interlock.rules.test_boundaries import FROM, UP_TO

replace = msgspec.structs.replace
CH, APPLIED, FULL_SCALE = "ch4-1", 50.0, 100.0
SIDES = pytest.mark.parametrize("side", [-1, 0, 1], ids=["below", "at", "above"])


def _exercise(kind: Kind, phase: Phase, entered_us: int = 0) -> Exercise:
    """A test that began at zero with its last clean reading."""
    return Exercise(kind, CH, APPLIED, 0.0, "leader", "bottle-7", 0, 0, 0, phase, 0, 0, 0, entered_us)


def _next(test: Exercise, value: float, at_us: int) -> Exercise | Proof:
    """The test after one reading; the channel's own T90 is long enough not to matter."""
    limits = terms(test.kind, GB, step=APPLIED, full_scale=FULL_SCALE, t90_us=1000 * SECOND)
    reading = Reading(CH, value, Quality.GOOD, at_us, 0, 0, "")
    return advance(test, reading, limits, SECOND, at_us)


def _failed(found: Exercise | Proof) -> bool:
    return isinstance(found, Proof) and found.result is Result.FAILED


@SIDES
@pytest.mark.rule("bump_apply_s")
def test_gas_is_seen_in_time_or_the_head_is_blind(side: int) -> None:
    assert GB.bump_apply_s.clause == "policy: no response in this time is a failed test"
    found = _next(_exercise(Kind.BUMP, Phase.APPLY), 0.0, GB.bump_apply_s.value * SECOND + side)
    assert _failed(found) is not UP_TO[side + 1]


@SIDES
@pytest.mark.rule("response_diffusion_s")
def test_the_reading_arrives_within_the_response_time(side: int) -> None:
    assert GB.response_diffusion_s.clause == "JJG 693 (diffusion)"
    found = _next(_exercise(Kind.BUMP, Phase.RESPOND), APPLIED, GB.response_diffusion_s.value * SECOND + side)
    assert _failed(found) is not UP_TO[side + 1]


@SIDES
@pytest.mark.rule("bump_hold_s")
def test_a_reading_that_stayed_long_enough_has_arrived(side: int) -> None:
    assert GB.bump_hold_s.clause == "makers' practice (the reading settles within the tolerance)"
    test = _exercise(Kind.BUMP, Phase.RESPOND, entered_us=SECOND)
    found = _next(test, APPLIED, SECOND + GB.bump_hold_s.value * SECOND + side)
    assert isinstance(found, Exercise)
    assert (found.phase is Phase.CLEAR) is FROM[side + 1]


@SIDES
@pytest.mark.rule("bump_clear_s")
def test_the_head_is_clean_again_in_time(side: int) -> None:
    assert GB.bump_clear_s.clause == "makers' practice (and comes back to clean air)"
    found = _next(_exercise(Kind.BUMP, Phase.CLEAR), APPLIED, GB.bump_clear_s.value * SECOND + side)
    assert _failed(found) is not UP_TO[side + 1]


@SIDES
@pytest.mark.rule("bump_still_percent")
def test_up_to_its_share_of_the_applied_gas_a_reading_is_noise(side: int) -> None:
    """Before the gas it is no response yet; after the gas it is clean again."""
    assert GB.bump_still_percent.clause == "policy: up to this share of the applied gas is noise at the baseline"
    value = APPLIED * (GB.bump_still_percent.value * 1000 + side) / 100_000
    waiting = _next(_exercise(Kind.BUMP, Phase.APPLY), value, SECOND)
    assert isinstance(waiting, Exercise)
    assert (waiting.phase is Phase.APPLY) is UP_TO[side + 1]
    clearing = _next(_exercise(Kind.BUMP, Phase.CLEAR), value, SECOND)
    assert isinstance(clearing, Proof) is UP_TO[side + 1]


@SIDES
@pytest.mark.rule("bump_tolerance_percent")
def test_a_bump_tests_reading_is_within_its_share_of_the_applied_gas(side: int) -> None:
    assert GB.bump_tolerance_percent.clause == "makers' practice (10 to 20 % of the applied gas)"
    for sign in (-1, 1):
        value = APPLIED + sign * APPLIED * (GB.bump_tolerance_percent.value * 1000 + side) / 100_000
        found = _next(_exercise(Kind.BUMP, Phase.RESPOND), value, SECOND)
        assert isinstance(found, Exercise)
        assert bool(found.entered_us) is UP_TO[side + 1]


@SIDES
@pytest.mark.rule("calibration_tolerance_percent")
def test_a_calibrations_reading_is_within_its_share_of_full_scale(side: int) -> None:
    assert GB.calibration_tolerance_percent.clause == "JJG 693 (+-5 % of full scale)"
    for sign in (-1, 1):
        value = APPLIED + sign * FULL_SCALE * (GB.calibration_tolerance_percent.value * 1000 + side) / 100_000
        found = _next(_exercise(Kind.CALIBRATION, Phase.RESPOND), value, SECOND)
        assert isinstance(found, Exercise)
        assert bool(found.entered_us) is UP_TO[side + 1]


@SIDES
@pytest.mark.rule("calibration_window_s")
def test_a_person_has_so_long_to_adjust_a_head(side: int) -> None:
    assert GB.calibration_window_s.clause == "policy: time to adjust the head while its gas flows"
    found = _next(_exercise(Kind.CALIBRATION, Phase.RESPOND), 20.0, GB.calibration_window_s.value * SECOND + side)
    assert _failed(found) is not UP_TO[side + 1]


@SIDES
@pytest.mark.rule("bump_test_age_s")
def test_a_bump_test_is_good_for_its_time(side: int) -> None:
    assert GB.bump_test_age_s.clause == "IEC 60079-29-2; OSHA SHIB 2013 (before each day's use)"
    bench = Bench()
    bench.durable.detectors[CH] = bumped(t=(WALL_S - GB.bump_test_age_s.value) * 1000)
    bench.now = BOOT_US + side
    assert bench.step(ms=0).verdicts["bump_test"].ok is UP_TO[side + 1]


@SIDES
@pytest.mark.rule("calibration_age_d")
def test_a_certificate_counts_up_to_the_longest_interval(side: int) -> None:
    assert GB.calibration_age_d.clause == "JJG 693, 695, 915, 365"
    bench = Bench()
    end_s = WALL_S + GB.calibration_age_d.value * 86_400
    groups = tuple(
        replace(group, channels=tuple(replace(channel, due_s=end_s) for channel in group.channels))
        for group in bench.site.groups
    )
    bench.site = replace(bench.site, groups=groups)
    bench.now = BOOT_US - side  # the earlier it is, the longer the certificate still runs
    assert bench.step(ms=0).verdicts["calibration"].ok is UP_TO[side + 1]
