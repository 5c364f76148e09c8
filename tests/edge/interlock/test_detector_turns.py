"""A detector's test in the turn: when it may begin, what is kept of it and what is written down (GAS-05, KPI-16)."""

import msgspec
import pytest

from contracts.event import ActionResult, Category, Severity
from edge.interlock.detector_tests import begin, channel_terms, report_due, stop
from edge.interlock.happenings import DetectorTestBegun
from edge.interlock.proving import DetectorRecord, Exercise, Kind, Phase, Result
from edge.interlock.record import Note
from edge.interlock.state import Mode
from edge.interlock.turn import Turn
from tests.edge.interlock.bench import GB, WALL_S, Bench, bumped

replace = msgspec.structs.replace
CH = "ch4-1"
BUMP = DetectorTestBegun(Kind.BUMP, CH, 50.0, "leader", "bottle-7", 0)
CALIBRATE = replace(BUMP, kind=Kind.CALIBRATION)
BUMP_CLAUSE, CALIBRATION_CLAUSE = GB.bump_test_age_s.clause, GB.calibration_age_d.clause
LATEST_S = WALL_S + GB.calibration_age_d.value * 86_400


def turn_of(bench: Bench, **changes: object) -> Turn:
    """The next turn, before anything happens in it."""
    bench.step()
    return Turn(bench.site, GB, replace(bench.durable, **changes), bench.volatile, bench.snapshot(), bench.now)


def noted(kind: str, by: str = "leader", *, ok: bool = True, **data: object) -> Note:
    """What is written down when a test ends."""
    return Note(
        kind, Category.GAS, Severity.INFO if ok else Severity.WARNING, ActionResult.OK if ok else ActionResult.FAILED,
        ("person", by), "", 0, 0, False, data,
    )  # fmt: skip


def test_the_beginning_is_written_down_with_gas_bottle_and_what_it_read_before() -> None:
    bench = Bench()
    bench.gas[CH].value = 2.5
    turn = turn_of(bench)
    begin(turn, BUMP)
    assert turn.notes == [
        noted("detector.test_begun", chan=CH, test="bump", gas="CH4", unit="%LEL", applied_milli=50_000,
              bottle="bottle-7", baseline_milli=2_500),
    ]  # fmt: skip
    kept = turn.d.detectors[CH].bump
    assert kept is not None
    assert (kept.result, kept.code, kept.due_s) == (Result.ABORTED, "test_aborted", 0)
    assert turn.v.exercises[CH].baseline == 2.5


@pytest.mark.parametrize(("mode", "begins"), [(mode, mode not in (Mode.ARMED, Mode.RELEASED)) for mode in Mode])
def test_no_test_begins_while_the_box_is_armed_or_released(mode: Mode, begins: bool) -> None:
    """Gas on a detector would then be gas on the site."""
    turn = turn_of(Bench(), mode=mode)
    begin(turn, BUMP)
    assert bool(turn.notes) is begins
    assert (CH in turn.v.exercises) is begins


@pytest.mark.parametrize("missing", ["channel", "reading", "value"])
def test_no_test_begins_on_what_is_not_there(missing: str) -> None:
    turn = turn_of(Bench())
    readings = dict(turn.snapshot.readings)
    if missing == "reading":
        del readings[CH]
    elif missing == "value":
        readings[CH] = replace(readings[CH], value=None)
    else:
        readings["ch4-9"] = readings[CH]
    turn.snapshot = replace(turn.snapshot, readings=readings)
    begin(turn, replace(BUMP, channel="ch4-9") if missing == "channel" else BUMP)
    assert turn.notes == []
    assert turn.v.exercises == {}


@pytest.mark.parametrize(("asked_s", "due_s"), [(0, LATEST_S), (LATEST_S - 1, LATEST_S - 1), (LATEST_S + 1, LATEST_S)])
def test_a_calibration_ends_when_the_certificate_says_and_no_later_than_the_pack(asked_s: int, due_s: int) -> None:
    """calibration_age_d, one year (JJG 693)."""
    turn = turn_of(Bench())
    begin(turn, replace(CALIBRATE, due_s=asked_s))
    assert turn.v.exercises[CH].due_s == due_s


def test_a_test_is_dated_by_the_wall_clock_as_it_runs_on_since_it_was_read() -> None:
    turn = turn_of(Bench())
    clock = turn.snapshot.clock
    turn.snapshot = replace(turn.snapshot, clock=replace(clock, at_us=turn.now - 2_500_999))
    begin(turn, BUMP)
    assert turn.v.exercises[CH].t == clock.t + 2_500


def test_a_test_that_somebody_gave_up_has_not_passed() -> None:
    turn = turn_of(Bench())
    begin(turn, BUMP)
    stop(turn, CH)
    assert turn.v.exercises == {}
    assert turn.notes[1:] == [
        noted("detector.bump_aborted", ok=False, chan=CH, applied_milli=50_000, reading_milli=None, response_ms=None,
              bottle="bottle-7", clause=BUMP_CLAUSE, code="test_aborted"),
    ]  # fmt: skip
    stop(turn, CH)
    assert len(turn.notes) == 2


@pytest.mark.parametrize(
    ("begun", "kind", "clause", "more"),
    [
        (BUMP, "detector.bumped", BUMP_CLAUSE, {}),
        (CALIBRATE, "detector.calibrated", CALIBRATION_CLAUSE, {"due": LATEST_S}),
    ],
    ids=["bump", "calibration"],
)
def test_a_pass_is_written_down_with_what_was_shown_and_how_fast(
    begun: DetectorTestBegun, kind: str, clause: str, more: dict[str, object]
) -> None:
    bench = Bench()
    bench.step(begun)
    for value, seconds in ((49.0, GB.bump_hold_s.value + 1), (0.0, 1.0)):
        bench.gas[CH].value = value
        bench.run(seconds, ms=100)
    (note,) = bench.found(kind)
    response_ms = note.data["response_ms"]
    assert 0 < response_ms <= 200
    assert note == noted(
        kind, chan=CH, applied_milli=50_000, reading_milli=49_000, response_ms=response_ms, bottle="bottle-7",
        clause=clause, **more,
    )  # fmt: skip


def test_a_failure_is_written_down_as_a_warning_with_its_code() -> None:
    bench = Bench()
    bench.step(CALIBRATE)
    bench.gas[CH].quality = type(bench.gas[CH].quality).FAULT
    bench.run(0.2, ms=100)
    assert bench.found("detector.calibration_failed") == [
        noted("detector.calibration_failed", ok=False, chan=CH, applied_milli=50_000, reading_milli=None,
              response_ms=None, bottle="bottle-7", clause=CALIBRATION_CLAUSE, code="test_bad_reading", due=LATEST_S),
    ]  # fmt: skip


def test_of_two_failed_bump_tests_the_later_is_kept() -> None:
    bench = Bench()
    for at in (1, 2):
        bench.step(replace(BUMP, bottle=f"bottle-{at}"))
        bench.gas[CH].quality = type(bench.gas[CH].quality).FAULT
        bench.run(0.2, ms=100)
        bench.gas[CH].quality = type(bench.gas[CH].quality).GOOD
        bench.run(0.2, ms=100)
    kept = bench.durable.detectors[CH].bump
    assert kept is not None
    assert (kept.result, kept.bottle) == (Result.FAILED, "bottle-2")


def test_the_terms_are_those_of_the_step_and_of_the_range_in_the_measured_gas() -> None:
    """A tenth of the step is 3 for gas of 40 over 10; 5 % of full scale is 1.6 for a range of 20 times 1.6."""
    channel = replace(Bench().site.channels[0], range_high=20.0, factor=1.6)
    test = Exercise(Kind.CALIBRATION, CH, 40.0, 10.0, "leader", "7", 0, 0, 0, Phase.APPLY, 0, 0, 0)
    assert channel_terms(GB, channel, test).band == pytest.approx(1.6)
    bump = channel_terms(GB, channel, replace(test, kind=Kind.BUMP))
    assert bump.band == pytest.approx(30 * GB.bump_tolerance_percent.value / 100)


def _due(turn: Turn) -> list[tuple[str, str, Severity]]:
    turn.judge()
    report_due(turn)
    due = [note for note in turn.notes if note.type == "detector.due"]
    assert {(note.cat, note.res, note.actor) for note in due} <= {(Category.GAS, ActionResult.OK, ("box", ""))}
    return [(note.data["chan"], note.data["code"], note.sev) for note in due]


@pytest.mark.parametrize(("mode", "sev"), [(Mode.RELEASED, Severity.ALARM), (Mode.LOCKED, Severity.WARNING)])
def test_a_channel_that_becomes_due_rings_while_released_and_warns_otherwise(mode: Mode, sev: Severity) -> None:
    old = bumped(t=(WALL_S - 2 * 86_400) * 1000)
    bench = Bench()
    bench.step()
    turn = turn_of(bench, mode=mode, detectors={**bench.durable.detectors, CH: old})
    assert _due(turn) == [(CH, "bump_due", sev)]


def test_a_certificate_that_ends_is_reported_too() -> None:
    bench = Bench()
    first, *others = bench.site.groups
    ended = tuple(replace(channel, due_s=WALL_S - 1) for channel in first.channels)
    bench.step()
    bench.site = replace(bench.site, groups=(replace(first, channels=ended), *others))
    turn = Turn(bench.site, GB, bench.durable, bench.volatile, bench.snapshot(), bench.now)
    assert _due(turn) == [(CH, "calibration_due", Severity.WARNING)]


def test_each_channel_that_becomes_due_is_reported_once() -> None:
    """Also one that comes behind a channel that was due before, or that is being tested."""
    old = bumped(t=(WALL_S - 2 * 86_400) * 1000)
    bench = Bench()
    bench.step(BUMP)
    others: dict[str, DetectorRecord] = dict.fromkeys(("ch4-2", "ch4-3"), old)
    turn = turn_of(bench, detectors={**bench.durable.detectors, **others})
    turn.v = replace(turn.v, due=("ch4-2/bump_due",))
    assert _due(turn) == [("ch4-3", "bump_due", Severity.WARNING)]
    assert turn.v.due == ("ch4-2/bump_due", "ch4-3/bump_due")
    report_due(turn)
    assert len([note for note in turn.notes if note.type == "detector.due"]) == 1
