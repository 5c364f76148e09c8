"""Bump test and calibration: what passes, what is due, what a failure leaves, and that readings are never hidden."""

import msgspec
import pytest

from edge.gas.reading import Quality
from edge.interlock import view
from edge.interlock.conditions.detectors import Life, life
from edge.interlock.happenings import DetectorTestBegun, DetectorTestStopped
from edge.interlock.kernel import Relay
from edge.interlock.proving import DetectorRecord, Kind, Phase, Result
from edge.interlock.state import Mode, decode, encode
from tests.edge.interlock.bench import BOOT_US, GB, SECOND, WALL_S, Bench, bumped

replace = msgspec.structs.replace
CH = "ch4-1"
DAY_US = GB.bump_test_age_s.value * SECOND
CLAUSE = "IEC 60079-29-2; OSHA SHIB 2013 (before each day's use)"


def begin(bench: Bench, kind: Kind = Kind.BUMP, channel: str = CH, applied: float = 50.0, due_s: int = 0) -> None:
    bench.step(DetectorTestBegun(kind, channel, applied, "leader", "bottle-7", due_s))


def expose(bench: Bench, value: float, seconds: float, channel: str = CH) -> None:
    bench.gas[channel].value = value
    bench.run(seconds, ms=100)


def bump(bench: Bench, kind: Kind = Kind.BUMP) -> None:
    """A test that goes well: 8 s into the band, held, and clean again."""
    begin(bench, kind)
    expose(bench, 5.2, 8)
    expose(bench, 49.0, GB.bump_hold_s.value + 1)
    expose(bench, 0.4, 1)


def codes(bench: Bench, condition: str) -> dict[str, str]:
    assert bench.last is not None
    return {reason.subject: reason.code for reason in bench.last.verdicts[condition].reasons}


def lives(bench: Bench, channel: str = CH) -> Life:
    assert bench.last is not None
    return life(bench.last.facts, next(c for c in bench.site.channels if c.name == channel))


def unproven() -> Bench:
    bench = Bench()
    bench.durable = replace(bench.durable, detectors={})
    return bench


# --- what is due ---------------------------------------------------------------------------------------------------


def test_a_detector_that_was_never_bump_tested_blocks_the_release_alone() -> None:
    """bump_test_age_s (OSHA SHIB, IEC 60079-29-2): unknown is no."""
    bench = Bench().prepare()
    del bench.durable.detectors[CH]
    bench.press("arm")
    assert bench.refusal() == {"bump_never"}
    assert lives(bench) is Life.BUMP_DUE


@pytest.mark.parametrize(("past_us", "good"), [(-1, True), (0, True), (1, False)])
def test_a_bump_test_is_good_for_a_day_to_the_microsecond(past_us: int, good: bool) -> None:
    """bump_test_age_s, 24 h: limit - 1 us, limit, limit + 1 us."""
    bench = Bench()
    bench.step()
    bench.durable.detectors[CH] = bumped(t=WALL_S * 1000 - 86_400_000)
    bench.now = BOOT_US + past_us
    step = bench.step(ms=0)
    assert step.verdicts["bump_test"].ok is good
    if not good:
        (reason,) = step.verdicts["bump_test"].reasons
        assert (reason.code, reason.subject, reason.clause) == ("bump_due", CH, CLAUSE)
        assert reason.limit_milli == GB.bump_test_age_s.value * 1000


def test_a_clock_that_went_back_behind_the_bump_test_makes_it_due() -> None:
    bench = Bench()
    bench.durable.detectors[CH] = bumped(t=WALL_S * 1000 + 60_000)
    bench.step()
    assert codes(bench, "bump_test") == {CH: "bump_due"}


def test_a_clock_that_was_set_back_by_less_does_not_make_a_bump_test_younger() -> None:
    """Within one boot the kernel's own clock counts too."""
    bench = Bench()
    bench.durable.detectors[CH] = bumped(t=WALL_S * 1000 - 3_600_000, at_us=BOOT_US)
    bench.now = BOOT_US + DAY_US + SECOND
    bench.wall_jump_ms = -7_200_000
    bench.step()
    assert codes(bench, "bump_test") == {CH: "bump_due"}


@pytest.mark.parametrize(("before_us", "good"), [(1, True), (0, False), (-1, False)])
def test_a_calibration_ends_with_its_certificates_last_day(before_us: int, good: bool) -> None:
    """calibration_age_d (JJG 693): limit - 1 us, limit, limit + 1 us."""
    bench = Bench()
    end_us = 90 * 86400 * SECOND
    bench.durable = replace(
        bench.durable, detectors={c.name: bumped(t=(WALL_S + 90 * 86400 - 60) * 1000) for c in bench.site.channels}
    )
    bench.now = BOOT_US + end_us - before_us
    step = bench.step(ms=0)
    assert step.verdicts["calibration"].ok is good
    assert {r.code for r in step.verdicts["calibration"].reasons} == (set() if good else {"calibration_due"})
    assert step.verdicts["bump_test"].ok


@pytest.mark.parametrize(("ahead_us", "good"), [(-1, True), (0, True), (1, False)])
def test_a_certificate_longer_than_the_longest_interval_is_not_believed(ahead_us: int, good: bool) -> None:
    """calibration_age_d, one year (JJG 693): limit - 1 us, limit, limit + 1 us."""
    bench = Bench()
    end_s = WALL_S + GB.calibration_age_d.value * 86400
    bench.site = _due(bench, end_s)
    bench.now = BOOT_US - ahead_us
    step = bench.step(ms=0)
    assert {r.code for r in step.verdicts["calibration"].reasons} == (set() if good else {"calibration_too_long"})


def test_a_detector_without_any_calibration_date_blocks_the_release() -> None:
    bench = Bench()
    bench.site = _due(bench, 0)
    bench.step()
    assert codes(bench, "calibration")[CH] == "calibration_never"


def _due(bench: Bench, due_s: int):  # type: ignore[no-untyped-def]
    groups = tuple(
        replace(g, channels=tuple(replace(c, due_s=due_s) for c in g.channels)) for g in bench.site.groups
    )
    return replace(bench.site, groups=groups)


def test_what_becomes_due_in_the_middle_of_work_alarms_once_hides_nothing_and_blocks_the_next_release() -> None:
    """Workflows "Detector": no bump lock in the middle of a shift."""
    bench = Bench().prepare()
    bench.durable.detectors[CH] = bumped(t=WALL_S * 1000 - 86_400_000 + 2_000)
    bench.release()
    bench.run(4)
    (note,) = bench.found("detector.due")
    assert (note.data["code"], note.data["chan"], note.sev.value) == ("bump_due", CH, "alarm")
    assert bench.mode is Mode.RELEASED
    bench.gas[CH].value = 12.0
    assert bench.step().relay is Relay.OPEN
    assert bench.first_out == "gas_high"
    assert codes(bench, "bump_test") == {CH: "bump_due"}


def test_bump_tests_survive_a_restart_and_a_reboot_by_the_wall_clock() -> None:
    bench = unproven()
    bench.step()
    bump(bench)
    bench.durable = decode(encode(bench.durable))
    bench.restart()
    bench.step()
    assert CH not in codes(bench, "bump_test")
    bench.restart(boot_id="boot-2")
    assert bench.durable.detectors[CH].bump is not None
    assert bench.durable.detectors[CH].bump.at_us == 0
    bench.step()
    assert CH not in codes(bench, "bump_test")


# --- the test itself -----------------------------------------------------------------------------------------------


def test_a_bump_test_passes_and_its_response_is_measured_from_the_last_clean_reading() -> None:
    bench = unproven()
    bench.step()
    begin(bench)
    expose(bench, 0.0, 5)
    expose(bench, 20.0, 6)
    expose(bench, 45.0, 2)
    assert bench.volatile.exercises[CH].phase is Phase.RESPOND
    assert codes(bench, "bump_test")[CH] == "test_running"
    expose(bench, 45.0, 2)
    assert bench.volatile.exercises[CH].phase is Phase.CLEAR
    expose(bench, 2.0, 0.2)
    assert not bench.volatile.exercises
    (note,) = bench.found("detector.bumped")
    assert note.actor == ("person", "leader")
    assert note.data["bottle"] == "bottle-7"
    assert note.data["applied_milli"] == 50_000
    assert 6_000 <= note.data["response_ms"] <= 6_300
    proof = bench.durable.detectors[CH].bump
    assert proof is not None
    assert (proof.result, proof.response_ms, proof.reading) == (Result.PASSED, note.data["response_ms"], 45.0)
    assert lives(bench) is Life.IN_SERVICE


@pytest.mark.parametrize(("reading", "passes"), [(39.99, False), (40.0, True), (60.0, True), (60.01, False)])
def test_the_reading_must_be_within_a_fifth_of_the_applied_gas(reading: float, passes: bool) -> None:
    """bump_tolerance_percent: within 20 % of the applied gas (Honeywell, Blackline)."""
    bench = unproven()
    bench.step()
    begin(bench)
    expose(bench, reading, 25)
    expose(bench, 0.0, 1)
    found = bench.durable.detectors[CH].bump
    assert found is not None
    assert (found.result is Result.PASSED) is passes
    if not passes:
        assert found.code == ("test_slow" if reading < 50 else "test_too_high")


@pytest.mark.parametrize(("late_us", "passes"), [(-1, True), (0, True), (1, False)])
def test_the_response_may_take_the_channels_t90_and_not_longer(late_us: int, passes: bool) -> None:
    """response_diffusion_s (JJG 693) or the channel's own T90 of 20 s: limit - 1 us, limit, limit + 1 us."""
    bench = unproven()
    bench.step()
    begin(bench)
    zero = bench.now
    bench.gas[CH].value = 20.0
    for _ in range(199):
        bench.step(ms=100)
    bench.gas[CH].value = 50.0
    bench.now = zero + 20 * SECOND + late_us
    bench.step(ms=0)
    expose(bench, 50.0, 4)
    expose(bench, 0.0, 1)
    found = bench.durable.detectors[CH].bump
    assert found is not None
    assert found.result is (Result.PASSED if passes else Result.FAILED)
    assert found.code == ("" if passes else "test_slow")


def test_a_reading_that_swings_through_the_band_has_not_arrived() -> None:
    """bump_hold_s: it must stay."""
    bench = unproven()
    bench.step()
    begin(bench)
    for _ in range(12):
        expose(bench, 50.0, 1)
        expose(bench, 80.0, 1)
    assert bench.durable.detectors[CH].bump.code == "test_slow"  # type: ignore[union-attr]


def _silent(bench: Bench) -> None:
    bench.gas[CH].silent_since = bench.now


def _fault(bench: Bench) -> None:
    bench.gas[CH].quality = Quality.FAULT


@pytest.mark.parametrize(
    ("breaks", "event", "code", "due"),
    [
        (_silent, "detector.bump_aborted", "test_lost_reading", "bump_undone"),
        (_fault, "detector.bump_failed", "test_bad_reading", "bump_failed"),
    ],
)
def test_a_detector_that_breaks_during_its_test_does_not_pass_it(breaks, event: str, code: str, due: str) -> None:  # type: ignore[no-untyped-def]
    """One that fell silent is tested again; one that says it is broken is calibrated first."""
    bench = unproven()
    bench.step()
    begin(bench)
    expose(bench, 50.0, 1)
    breaks(bench)
    bench.run(1)
    (note,) = bench.found(event)
    assert note.data["code"] == code
    bench.gas[CH].silent_since, bench.gas[CH].quality = None, Quality.GOOD
    bench.run(1)
    assert due in [reason.code for reason in bench.step().verdicts["bump_test"].reasons]


def test_gas_that_never_comes_and_gas_that_never_leaves_are_failures() -> None:
    """bump_apply_s, bump_clear_s: a blind head is not excused by an empty bottle."""
    bench = unproven()
    bench.step()
    begin(bench)
    expose(bench, 4.9, GB.bump_apply_s.value + 1)
    assert bench.found("detector.bump_failed")[-1].data["code"] == "test_no_response"
    begin(bench, channel="ch4-2")
    expose(bench, 50.0, GB.bump_hold_s.value + GB.bump_clear_s.value + 2, "ch4-2")
    assert bench.found("detector.bump_failed")[-1].data["code"] == "test_not_clear"


def test_oxygen_is_tested_downwards() -> None:
    bench = unproven()
    bench.step()
    begin(bench, channel="o2-1", applied=15.0)
    expose(bench, 16.1, 4, "o2-1")
    expose(bench, 20.9, 1, "o2-1")
    assert bench.found("detector.bumped")


def test_a_failed_bump_test_asks_for_a_calibration_and_then_for_another_bump_test() -> None:
    """OSHA SHIB: failed bump test, full calibration."""
    bench = unproven()
    bench.step()
    begin(bench)
    expose(bench, 30.0, 25)
    expose(bench, 0.0, 1)
    assert codes(bench, "bump_test")[CH] == "bump_failed"
    assert lives(bench) is Life.CAL_DUE
    bump(bench)  # a bump test alone cures nothing
    assert codes(bench, "bump_test")[CH] == "bump_failed"
    bench.run(1)
    bump(bench, Kind.CALIBRATION)
    assert bench.found("detector.calibrated")
    assert codes(bench, "bump_test")[CH] == "bump_due"
    bump(bench)
    assert CH not in codes(bench, "bump_test")
    assert lives(bench) is Life.IN_SERVICE


def test_a_failed_calibration_takes_the_detector_out_of_service_for_good_until_one_passes() -> None:
    """Its vote is a trip vote, through restarts and boots; an abandoned calibration does not lift it."""
    bench = unproven()
    bench.step()
    begin(bench, Kind.CALIBRATION)
    expose(bench, 44.0, GB.calibration_window_s.value + 2)
    expose(bench, 0.0, 1)
    assert bench.found("detector.calibration_failed")
    assert lives(bench) is Life.OUT_OF_SERVICE
    assert codes(bench, "gas") == {CH: "gas_out_of_service"}
    bench.restart(boot_id="boot-2")
    begin(bench, Kind.CALIBRATION)
    bench.step(DetectorTestStopped(CH))
    bump(bench)
    assert codes(bench, "gas") == {CH: "gas_out_of_service"}
    bump(bench, Kind.CALIBRATION)
    assert bench.last is not None
    assert bench.last.verdicts["gas"].ok


def test_a_calibrations_band_is_a_share_of_full_scale() -> None:
    """calibration_tolerance_percent: 5 % of full scale (JJG 693): 45 to 55 %LEL around 50."""
    bench = unproven()
    bench.step()
    begin(bench, Kind.CALIBRATION)
    expose(bench, 44.9, 10)
    assert bench.volatile.exercises[CH].phase is Phase.RESPOND
    expose(bench, 45.0, 4)
    assert bench.volatile.exercises[CH].phase is Phase.CLEAR
    expose(bench, 0.0, 1)
    proof = bench.durable.detectors[CH].calibration
    assert proof is not None
    assert proof.due_s == proof.t // 1000 + GB.calibration_age_d.value * 86400


def test_a_test_that_was_begun_counts_as_not_passed_until_it_passes() -> None:
    """A restart in the middle leaves the channel without a good bump test, whatever it had before."""
    bench = Bench().prepare()
    begin(bench)
    assert bench.mode is Mode.LOCKED
    assert bench.missing() == {"test_running"}
    bench.restart()
    bench.step()
    assert codes(bench, "bump_test") == {CH: "bump_undone"}
    begin(bench)
    bench.step(DetectorTestStopped(CH))
    assert bench.found("detector.bump_aborted")
    assert codes(bench, "bump_test") == {CH: "bump_undone"}


def test_no_test_begins_while_armed_or_released() -> None:
    bench = Bench().prepare().release()
    begin(bench)
    assert not bench.volatile.exercises
    assert not bench.found("detector.test_begun")


def test_gas_on_a_detector_is_gas_and_makes_the_older_gas_test_worthless() -> None:
    bench = Bench().prepare()
    bump(bench)
    assert bench.found("gas.alarm")
    assert "gas_test_after_trip" in bench.missing()
    bench.test_gas()
    bench.step()
    assert bench.mode is Mode.PERMISSIVE_OK


def test_a_dead_detector_in_a_healthy_group_need_not_be_bump_tested() -> None:
    """2oo3 with one dead is 1oo2; the dead one's vote is counted, so its tests prove nothing more."""
    bench = Bench().prepare()
    del bench.durable.detectors["ch4-4"]
    bench.step()
    assert codes(bench, "bump_test") == {"ch4-4": "bump_never"}
    bench.gas["ch4-4"].quality = Quality.FAULT
    bench.release()
    assert bench.mode is Mode.RELEASED


def test_the_status_shows_life_results_and_the_running_test() -> None:
    bench = unproven()
    bench.step()
    bump(bench)
    begin(bench, channel="ch4-2")
    assert bench.last is not None
    shown = {c.name: c for c in view._channels(bench.last.facts)}
    assert shown[CH].life == "IN_SERVICE"
    assert shown[CH].bump is not None
    assert shown[CH].bump_due == shown[CH].bump.t // 1000 + 86400
    test = shown["ch4-2"].test
    assert test is not None
    assert (test.phase, test.low, test.high) == ("apply", 40.0, 60.0)
    assert shown["ch4-2"].life == "BUMP_DUE"


@pytest.mark.parametrize(
    ("quality", "expected"),
    [
        (Quality.WARM_UP, Life.WARMUP),
        (Quality.FAULT, Life.FAULT),
        (Quality.FROZEN, Life.FAULT),
        (Quality.UNDER_RANGE, Life.FAULT),
        (Quality.OVER_RANGE, Life.OVER_RANGE),
        (Quality.NEVER, Life.UNKNOWN),
    ],
)
def test_the_life_of_a_detector_follows_its_readings(quality: Quality, expected: Life) -> None:
    bench = Bench()
    bench.step()
    bench.gas[CH].quality = quality
    bench.step()
    assert lives(bench) is expected


def test_a_silent_detector_is_stale() -> None:
    bench = Bench()
    bench.step()
    _silent(bench)
    bench.run(1)
    assert lives(bench) is Life.STALE


def test_old_state_files_know_nothing_of_detectors() -> None:
    bench = Bench()
    assert DetectorRecord() == replace(DetectorRecord(), bump=None)
    assert decode(encode(replace(bench.durable, detectors={}))).detectors == {}
