"""Bump tests and calibrations in the turn: begun, followed reading by reading, kept and written down."""

from typing import Any

from contracts.event import ActionResult, Category, Severity
from edge.interlock.happenings import DetectorTestBegun
from edge.interlock.proving import (
    DAY_S,
    UNPROVEN,
    Exercise,
    Kind,
    Phase,
    Proof,
    Result,
    Terms,
    advance,
    terms,
)
from edge.interlock.record import reason_data
from edge.interlock.rules import Rules
from edge.interlock.site import SiteChannel
from edge.interlock.state import Mode, milli
from edge.interlock.turn import Turn, replace

_EVENTS = {
    (Kind.BUMP, Result.PASSED): "detector.bumped",
    (Kind.BUMP, Result.FAILED): "detector.bump_failed",
    (Kind.BUMP, Result.ABORTED): "detector.bump_aborted",
    (Kind.CALIBRATION, Result.PASSED): "detector.calibrated",
    (Kind.CALIBRATION, Result.FAILED): "detector.calibration_failed",
    (Kind.CALIBRATION, Result.ABORTED): "detector.calibration_aborted",
}


def channel_terms(rules: Rules, channel: SiteChannel, test: Exercise) -> Terms:
    """What a running test must keep to."""
    return terms(
        test.kind, rules, step=test.applied - test.baseline, full_scale=channel.range_high * channel.factor,
        t90_us=channel.t90_us,
    )


def begin(turn: Turn, begun: DetectorTestBegun) -> None:
    """Begin a test, unless the box is armed or released: gas on a detector would then be gas on the site."""
    channel = next((channel for channel in turn.site.channels if channel.name == begun.channel), None)
    reading = turn.snapshot.readings.get(begun.channel)
    if channel is None or reading is None or reading.value is None or turn.d.mode in (Mode.ARMED, Mode.RELEASED):
        return
    clock = turn.snapshot.clock
    t = clock.t + (turn.now - clock.at_us) // 1000
    due_s = 0
    if begun.kind is Kind.CALIBRATION:
        latest = t // 1000 + turn.rules.calibration_age_d.value * DAY_S
        due_s = min(begun.due_s or latest, latest)
    test = Exercise(
        kind=begun.kind, channel=begun.channel, applied=begun.applied, baseline=reading.value, by=begun.by,
        bottle=begun.bottle, due_s=due_s, t=t, began_us=turn.now, phase=Phase.APPLY, phase_us=turn.now,
        seen_us=reading.at_us, still_us=reading.at_us,
    )  # fmt: skip
    turn.v = replace(turn.v, exercises={**turn.v.exercises, begun.channel: test})
    _keep(turn, test, test.ended(Result.ABORTED, "test_aborted"))
    turn.note(
        "detector.test_begun", Category.GAS, actor=("person", begun.by), chan=begun.channel, test=begun.kind.value,
        gas=channel.gas, unit=channel.limit.unit.value, applied_milli=milli(begun.applied), bottle=begun.bottle,
        baseline_milli=milli(reading.value),
    )  # fmt: skip


def stop(turn: Turn, name: str) -> None:
    """End a test that somebody gave up: it has not passed."""
    test = turn.v.exercises.get(name)
    if test is not None:
        _end(turn, test, test.ended(Result.ABORTED, "test_aborted"))


def follow(turn: Turn) -> None:
    """Judge the newest reading of every channel that is being tested."""
    for channel in turn.site.channels if turn.v.exercises else ():
        test = turn.v.exercises.get(channel.name)
        if test is None:
            continue
        now = advance(
            test, turn.snapshot.readings.get(channel.name), channel_terms(turn.rules, channel, test),
            channel.stale_us, turn.now,
        )  # fmt: skip
        if isinstance(now, Proof):
            _end(turn, test, now)
        elif now is not test:
            turn.v = replace(turn.v, exercises={**turn.v.exercises, channel.name: now})


def _keep(turn: Turn, test: Exercise, proof: Proof) -> None:
    """A failure stands until the test that cures it has passed: a calibration for both kinds."""
    record = turn.d.detectors.get(test.channel, UNPROVEN)
    failed = proof.result is Result.FAILED
    if test.kind is Kind.CALIBRATION:
        stands = record.out_of_service and proof.result is Result.ABORTED
        kept = record if stands else replace(record, calibration=proof)
    else:
        kept = record if record.uncured_bump and not failed else replace(record, bump=proof)
    turn.d = replace(turn.d, detectors={**turn.d.detectors, test.channel: kept})


def _end(turn: Turn, test: Exercise, proof: Proof) -> None:
    turn.v = replace(
        turn.v, exercises={name: other for name, other in turn.v.exercises.items() if name != test.channel}
    )
    _keep(turn, test, proof)
    passed = proof.result is Result.PASSED
    data: dict[str, Any] = {"code": proof.code} if proof.code else {}
    if test.kind is Kind.CALIBRATION:
        data["due"] = proof.due_s
    turn.note(
        _EVENTS[test.kind, proof.result], Category.GAS, Severity.INFO if passed else Severity.WARNING,
        ActionResult.OK if passed else ActionResult.FAILED, actor=("person", proof.by), chan=test.channel,
        applied_milli=milli(proof.applied), reading_milli=milli(proof.reading), response_ms=proof.response_ms,
        bottle=proof.bottle, clause=turn.rules.bump_test_age_s.clause if test.kind is Kind.BUMP
        else turn.rules.calibration_age_d.clause, **data,
    )  # fmt: skip


def report_due(turn: Turn) -> None:
    """One alarm when a channel becomes due in the middle of work; what was due at the start is in the status."""
    due: list[str] = []
    known = turn.v.due
    for reason in (*turn.verdicts["bump_test"].reasons, *turn.verdicts["calibration"].reasons):
        if reason.code == "test_running":
            continue
        due.append(f"{reason.subject}/{reason.code}")
        if known is not None and due[-1] not in known and reason.code in ("bump_due", "calibration_due"):
            sev = Severity.ALARM if turn.d.mode is Mode.RELEASED else Severity.WARNING
            turn.note("detector.due", Category.GAS, sev, **reason_data(reason))
    if tuple(due) != known:
        turn.v = replace(turn.v, due=tuple(due))
