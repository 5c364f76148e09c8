"""The permit's conditions, the gas test and the detectors' proofs: each verdict whole, each limit to the step."""

from collections.abc import Callable

import msgspec
import pytest

from contracts.gas import Unit
from contracts.permit import Approval, Level, Precondition
from edge.gas.reading import Quality
from edge.interlock.conditions.detectors import (
    Life,
    bump_reason,
    calibration_end_s,
    calibration_reason,
    life,
)
from edge.interlock.conditions.facts import Facts, Verdict, facts
from edge.interlock.conditions.permit import day_of, error_s, late_s
from edge.interlock.conditions.preconditions import missing, proof_of
from edge.interlock.proving import DetectorRecord, Exercise, Kind, Phase, Proof, Result
from edge.interlock.site import SiteChannel
from edge.interlock.state import Confirmation, GasPoint, GasTest, Mode, Opening, Reason, Reconfirmation, TicketCheck
from tests.edge.interlock.bench import GB, SECOND, WALL_S, Bench, bumped, permit
from tests.edge.interlock.changes import turn

replace = msgspec.structs.replace
DAY_S = 86_400
NAN = float("nan")


@pytest.fixture
def at_start() -> Bench:
    """A box with permit and gas test, brought back to the very second `WALL_S`."""
    bench = Bench().prepare()
    bench.now = 1_000 * SECOND
    return bench


def _facts(bench: Bench, **durable: object) -> Facts:
    kept = replace(bench.durable, **durable)
    return facts(bench.site, bench.rules, kept, bench.volatile, bench.snapshot(), bench.now)


def _verdict(bench: Bench, name: str, **durable: object) -> Verdict:
    return turn(bench, **durable).verdicts[name]


# --- the permit and its window


@pytest.mark.parametrize(("error_ms", "seconds"), [(0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2)])
def test_what_the_clock_may_be_off_is_rounded_up(at_start: Bench, error_ms: int, seconds: int) -> None:
    at_start.clock_error_ms = error_ms
    assert error_s(_facts(at_start)) == seconds


@pytest.mark.parametrize(
    ("changes", "code"),
    [({}, ""), ({"lost_s": 0}, "revocations_unknown"), ({"revoked": ("HW-1",)}, "permit_revoked"),
     ({"void": ("HW-1",)}, "permit_void"), ({"finished": ("HW-1",)}, "permit_finished"), ({"permits": ()}, "permit_none"),
     ({"revoked": ("X",), "void": ("X",), "finished": ("X",)}, "")],
)  # fmt: skip
def test_a_permit_that_is_over_says_how(at_start: Bench, changes: dict[str, object], code: str) -> None:
    """PTW-17: the worst word first."""
    subject = "" if code in ("revocations_unknown", "permit_none") else "HW-1"
    assert _verdict(at_start, "permit", **changes) == (Verdict((Reason(code, subject),)) if code else Verdict())


def test_the_worst_word_comes_first(at_start: Bench) -> None:
    over: dict[str, object] = {"finished": ("HW-1",), "void": ("HW-1",), "revoked": ("HW-1",), "lost_s": 1}
    for code, gone in (
        ("revocations_unknown", "lost_s"), ("permit_revoked", "revoked"), ("permit_void", "void"), ("permit_finished", "finished"),
    ):  # fmt: skip
        assert [r.code for r in _verdict(at_start, "permit", **over).reasons] == [code]
        del over[gone]


@pytest.mark.parametrize(
    ("start_s", "end_s", "error_ms", "code"),
    [(0, 60, 0, ""), (1, 60, 0, "permit_not_yet"), (-1, 60, 1000, ""), (-1, 60, 1001, "permit_not_yet"),
     (-60, 1, 0, ""), (-60, 0, 0, "permit_expired"), (-60, 2, 1999, ""), (-60, 2, 2000, "permit_expired")],
)  # fmt: skip
def test_the_window_is_narrowed_by_the_clocks_error_to_the_millisecond(
    at_start: Bench, start_s: int, end_s: int, error_ms: int, code: str
) -> None:
    """BOX-02, PTW-05."""
    at_start.clock_error_ms = error_ms
    verdict = _verdict(at_start, "permit", permits=(permit(start_s=start_s, end_s=end_s),))
    bound = (WALL_S + start_s if code == "permit_not_yet" else WALL_S + end_s) * 1000
    assert verdict == (Verdict((Reason(code, "HW-1", WALL_S * 1000, bound, "unix_s"),)) if code else Verdict())


@pytest.mark.parametrize(
    ("mode", "past_us", "over_ms"),
    [(Mode.RELEASED, -1, None), (Mode.RELEASED, 0, 0), (Mode.RELEASED, 1_999, 1), (Mode.RELEASED, 1_001_999, 1001), (Mode.ARMED, 0, None), (Mode.TRIPPED, 5, None)],
)
def test_the_deadline_counts_while_released(at_start: Bench, mode: Mode, past_us: int, over_ms: int | None) -> None:
    """PTW-05: at that instant the time is over."""
    verdict = _verdict(at_start, "deadline", mode=mode, active="HW-1", deadline_us=at_start.now - past_us)
    assert verdict == (Verdict() if over_ms is None else Verdict((Reason("deadline", "HW-1", over_ms, 0, "s"),)))


def test_an_end_by_the_level_says_so_with_its_clause(at_start: Bench) -> None:
    """GB 30871-2022 5.1.1: what was fixed at arming is told when it comes."""
    clauses = {"level_night": GB.night_from_h.clause, "level_holiday": GB.upgrade_days.clause, "deadline": ""}
    for by, clause in clauses.items():
        verdict = _verdict(
            at_start, "deadline", mode=Mode.RELEASED, active="HW-1", deadline_us=at_start.now, deadline_by=by
        )
        assert verdict == Verdict((Reason(by, "HW-1", 0, 0, "s", clause),))


@pytest.mark.parametrize(
    ("as_of_ago_s", "heard_ago_s", "error_ms", "silent_s"),
    [(299, 9000, 0, None), (300, 9000, 0, 300), (9000, 299, 0, None), (9000, 300, 0, 300), (299, 9000, 1, 300), (0, 0, 0, None)],
)
def test_the_lease_counts_from_the_newest_signed_time(
    at_start: Bench, as_of_ago_s: int, heard_ago_s: int, error_ms: int, silent_s: int | None
) -> None:
    """BOX-05: its permit's or the bridge's newest word, less what the clock may be off."""
    at_start.clock_error_ms = error_ms
    claims = permit(lease_s=300, as_of=WALL_S - as_of_ago_s, start_s=-60)
    verdict = _verdict(at_start, "lease", permits=(claims,), as_of=WALL_S - heard_ago_s)
    late = () if silent_s is None else (Reason("lease", "HW-1", silent_s * 1000, 300_000, "s"),)
    assert verdict == Verdict(late)


@pytest.mark.parametrize("name", ["lease", "check_in", "approval", "preconditions"])
def test_without_a_permit_there_is_nothing_to_ask_of_it(at_start: Bench, name: str) -> None:
    assert _verdict(at_start, name, permits=()) == Verdict()


# --- the ticket's check


def test_the_ticket_is_checked_on_this_very_day_where_the_pack_asks_for_it(at_start: Bench) -> None:
    """PTW-16, GB 30871-2022 A.1; the permit's first day is day 0."""
    clause = GB.ticket_check.clause
    none = Verdict((Reason("ticket_check_none", "HW-1", clause=clause),))
    another_day = Verdict((Reason("ticket_check_day", "HW-1", clause=clause),))
    for day, wanted in ((None, none), (-1, another_day), (0, Verdict()), (1, another_day)):
        checks = {} if day is None else {"HW-1": TicketCheck("leader", WALL_S, day)}
        assert _verdict(at_start, "ticket_check", ticket_checks=checks) == wanted
        assert _verdict(at_start, "ticket_check", ticket_checks=checks, permits=()) == Verdict()
    assert _verdict(at_start, "ticket_check", ticket_checks={"HW-2": TicketCheck("leader", WALL_S, 0)}) == none
    at_start.rules = replace(GB, ticket_check=replace(GB.ticket_check, value=False))
    assert _verdict(at_start, "ticket_check", ticket_checks={}) == Verdict()


# --- the check-in

CHECK_S = GB.check_in_s.value


@pytest.mark.parametrize(
    ("end_s", "wall_s", "day"),
    [(3 * DAY_S, -CHECK_S - 1, 0), (3 * DAY_S, -9 * DAY_S, 0), (3 * DAY_S, 0, 0), (3 * DAY_S, DAY_S - CHECK_S - 1, 0),
     (3 * DAY_S, DAY_S - CHECK_S, 1), (3 * DAY_S, 2 * DAY_S, 2), (3 * DAY_S, 9 * DAY_S, 2), (3 * DAY_S + 1, 3 * DAY_S, 3),
     (DAY_S, DAY_S - 1, 0), (DAY_S + 1, DAY_S, 1), (3600, 3599, 0)],
)  # fmt: skip
def test_a_day_begins_at_the_planned_starts_time_of_day_and_the_end_begins_none(end_s: int, wall_s: int, day: int) -> None:
    """PTW-27."""
    claims = permit(start_s=0, end_s=end_s)
    assert day_of(claims, WALL_S + wall_s, CHECK_S) == day


def test_late_is_counted_from_the_planned_start_of_the_day(at_start: Bench) -> None:
    claims = permit(start_s=-DAY_S - 100, end_s=DAY_S)
    assert late_s(_facts(at_start), claims) == (1, 100)
    claims = permit(start_s=-DAY_S + 100, end_s=DAY_S)
    assert late_s(_facts(at_start), claims) == (1, -100)


@pytest.mark.parametrize(
    ("late", "came", "missed", "code", "value_s"),
    [
        (0, {"HW-1": 1}, ("", 0), "", 0), (0, {"HW-1": 0}, ("", 0), "check_in_none", 0),
        (-100, {"HW-1": 0}, ("", 0), "check_in_none", 0), (100, {}, ("", 0), "check_in_none", 100),
        (CHECK_S, {}, ("", 0), "check_in_none", CHECK_S), (CHECK_S + 1, {}, ("", 0), "check_in_late", CHECK_S + 1),
        (CHECK_S + 1, {"HW-1": 0}, ("", 0), "check_in_missed", CHECK_S + 1),
        (CHECK_S + 1, {"HW-1": 0}, ("HW-1", 1), "check_in_none", CHECK_S + 1),
        (CHECK_S + 1, {"HW-1": 0}, ("HW-1", 0), "check_in_missed", CHECK_S + 1),
        (CHECK_S + 1, {"HW-1": 0}, ("HW-2", 1), "check_in_missed", CHECK_S + 1),
    ],
)  # fmt: skip
def test_a_check_in_is_there_missing_late_or_missed(
    at_start: Bench, late: int, came: dict[str, int], missed: tuple[str, int], code: str, value_s: int
) -> None:
    """PTW-27."""
    claims = permit(start_s=-DAY_S - late, end_s=DAY_S)
    verdict = _verdict(at_start, "check_in", permits=(claims,), checked_in=came, missed=missed)
    rule = GB.check_in_s
    reason = Reason(code, "HW-1", value_s * 1000, rule.value * 1000, "s", rule.clause)
    assert verdict == (Verdict((reason,)) if code else Verdict())


# --- the approval

AGE_S = GB.approval_age_s.value
AGE_CLAUSE = GB.approval_age_s.clause


def _approved(ago_s: int, **changes: object):  # type: ignore[no-untyped-def]
    """A permit whose last approval, not the last in the list, was so long ago."""
    newest = Approval("boss", "b", "o", WALL_S - ago_s, "ab" * 32)
    older = replace(newest, by="ehs", at=WALL_S - ago_s - 50_000)
    return permit(approvals=(newest, older), **changes)


@pytest.mark.parametrize(
    ("ago_s", "error_ms", "age_us", "ok"),
    [(AGE_S, 0, AGE_S * SECOND, True), (AGE_S + 1, 0, 0, False), (AGE_S, 1, 0, False), (-5, 0, 0, True), (7, 1000, 8 * SECOND, True)],
)
def test_an_approval_is_as_old_as_the_last_of_it(at_start: Bench, ago_s: int, error_ms: int, age_us: int, ok: bool) -> None:
    """PTW-08: the 47 minutes between approval and ignition."""
    at_start.clock_error_ms = error_ms
    verdict = _verdict(at_start, "approval", permits=(_approved(ago_s),))
    old = Reason("approval_old", "HW-1", (AGE_S + 1) * 1000, AGE_S * 1000, "s", AGE_CLAUSE)
    assert verdict == (Verdict((), age_us) if ok else Verdict((old,)))


def test_what_was_ignited_once_has_used_its_approval(at_start: Bench) -> None:
    assert _verdict(at_start, "approval", permits=(_approved(9000),), ignited=("HW-1",)) == Verdict()
    assert not _verdict(at_start, "approval", permits=(_approved(9000),), ignited=("HW-2",)).ok


OLD_S = AGE_S + 600
"""The approval became too old 600 s ago."""


def _test_at(at_us: int) -> GasTest:
    return GasTest(at_us, WALL_S, "leader", "PGM", ())


@pytest.mark.parametrize(
    ("word", "word_ago_us", "test_ago_us", "code", "value_s"),
    [
        ("HW-1", 600 * SECOND, 600 * SECOND, "", 0), ("HW-1", 5, 0, "", 0), ("HW-1", 0, 0, "", 0),
        ("HW-1", 600 * SECOND + 1, 0, "approval_old", OLD_S), ("HW-2", 0, 0, "approval_old", OLD_S),
        (None, 0, 0, "approval_old", OLD_S), ("HW-1", -1, 0, "approval_old", None),
        ("HW-1", 0, 600 * SECOND + 1, "approval_gas_test", OLD_S), ("HW-1", 0, None, "approval_gas_test", OLD_S),
    ],
)  # fmt: skip
def test_word_and_gas_test_must_both_be_from_after_it_became_too_old(
    at_start: Bench, word: str | None, word_ago_us: int, test_ago_us: int | None, code: str, value_s: int | None
) -> None:
    """PTW-08: to the microsecond."""
    again = None if word is None else Reconfirmation(word, "guardian", at_start.now - word_ago_us)
    test = None if test_ago_us is None else _test_at(at_start.now - test_ago_us)
    verdict = _verdict(at_start, "approval", permits=(_approved(OLD_S),), reconfirmed=again, gas_test=test)
    value = -1 if value_s is None else value_s * 1000
    reason = Reason(code, "HW-1", value, AGE_S * 1000, "s", AGE_CLAUSE)
    assert verdict == (Verdict((reason,)) if code else Verdict((), word_ago_us))


@pytest.mark.parametrize(("ago_us", "ok"), [(AGE_S * SECOND, True), (AGE_S * SECOND + 1, False)])
def test_the_guardians_word_ages_like_an_approval(at_start: Bench, ago_us: int, ok: bool) -> None:
    at_start.now += 20_000 * SECOND
    claims = _approved(AGE_S + 10_000)
    again = Reconfirmation("HW-1", "guardian", at_start.now - ago_us)
    verdict = _verdict(at_start, "approval", permits=(claims,), reconfirmed=again, gas_test=_test_at(at_start.now))
    old = Reason("approval_old", "HW-1", ago_us // 1000, AGE_S * 1000, "s", AGE_CLAUSE)
    assert verdict == (Verdict((), ago_us) if ok else Verdict((old,)))


# --- preconditions

TTL = GB.precondition_ttl_s
COOLED = Precondition("cooled", "vessel below 60", "temperature", 60_000)


@pytest.mark.parametrize(
    ("wanted", "code", "clause"),
    [(Precondition("a", "text"), "precondition", "PTW-11"),
     (Precondition("a", "text", "isolation"), "isolation_unproven", "GB 30871-2022 5.2.2; PTW-11")],
)  # fmt: skip
def test_what_is_confirmed_or_proven_stands_and_what_is_not_is_named(
    at_start: Bench, wanted: Precondition, code: str, clause: str
) -> None:
    """PTW-11."""
    f = _facts(at_start, permits=(permit(preconditions=(wanted,)),))
    assert missing(f, wanted) == Reason(code, "text", None, None, "", clause)
    proof = Confirmation("guardian", 5)
    f = _facts(at_start, permits=(permit(preconditions=(wanted,)),), preconditions={"HW-1/a": proof, "HW-2/a": proof})
    assert missing(f, wanted) is None
    assert proof_of(f, wanted) == proof
    assert proof_of(f, Precondition("b", "text")) is None
    assert proof_of(replace(f, permit=None), wanted) is None


@pytest.mark.parametrize(
    ("value", "age_us", "reason"),
    [
        (60_000, 0, None), (60_000, TTL.value * SECOND, None), (-5, 0, None),
        (60_001, 0, Reason("temperature_high", "vessel below 60", 60_001, 60_000, "°C", TTL.clause)),
        (0, TTL.value * SECOND + 1,
         Reason("temperature_old", "vessel below 60", TTL.value * 1000, TTL.value * 1000, "s", TTL.clause)),
        (0, -1, Reason("temperature_old", "vessel below 60", -1, TTL.value * 1000, "s", TTL.clause)),
        (None, 0, Reason("temperature_none", "vessel below 60", None, 60_000, "°C", TTL.clause)),
    ],
)  # fmt: skip
def test_a_measured_temperature_counts_by_value_and_age(
    at_start: Bench, value: int | None, age_us: int, reason: Reason | None
) -> None:
    """PTW-11, precondition_ttl_s: to the thousandth and the microsecond."""
    proof = Confirmation("guardian", at_start.now - age_us, value, "photo")
    claims = permit(preconditions=(COOLED,))
    assert missing(_facts(at_start, permits=(claims,), preconditions={"HW-1/cooled": proof}), COOLED) == reason


def test_every_precondition_that_lacks_is_named_in_order(at_start: Bench) -> None:
    claims = permit(preconditions=(Precondition("a", "one"), COOLED, Precondition("b", "two", "isolation")))
    proofs = {"HW-1/cooled": Confirmation("x", at_start.now, 1)}
    verdict = _verdict(at_start, "preconditions", permits=(claims,), preconditions=proofs)
    assert [(r.code, r.subject) for r in verdict.reasons] == [("precondition", "one"), ("isolation_unproven", "two")]
    none = missing(_facts(at_start, permits=(claims,)), COOLED)
    assert none == Reason("temperature_none", "vessel below 60", None, 60_000, "°C", TTL.clause)


# --- the gas test

TEST = GB.gas_test_age_s
NONE = Reason("gas_test_none", "", None, TEST.value * 1000, "s", TEST.clause)
AFTER = Reason("gas_test_after_trip", "", None, TEST.value * 1000, "s", TEST.clause)


def _points(bench: Bench) -> tuple[GasPoint, ...]:
    assert bench.durable.gas_test is not None
    return bench.durable.gas_test.points


def _tested(bench: Bench, ago_us: int = 0, points: tuple[GasPoint, ...] | None = None, **durable: object) -> Verdict:
    test = GasTest(bench.now - ago_us, WALL_S, "leader", "PGM", _points(bench) if points is None else points)
    return _verdict(bench, "gas_test", gas_test=test, **durable)


@pytest.mark.parametrize(
    ("ago_us", "verdict"),
    [
        (0, Verdict((), 0)), (TEST.value * SECOND, Verdict((), TEST.value * SECOND)),
        (TEST.value * SECOND + 1, Verdict(
            (Reason("gas_test_old", "", TEST.value * 1000, TEST.value * 1000, "s", TEST.clause),), TEST.value * SECOND + 1)),
        (-1, Verdict((NONE,))),
    ],
)  # fmt: skip
def test_a_gas_test_counts_by_its_age(at_start: Bench, ago_us: int, verdict: Verdict) -> None:
    """GB 30871-2022 5.3.1 c: to the microsecond; one from the future is none."""
    assert _tested(at_start, ago_us) == verdict
    assert _verdict(at_start, "gas_test", gas_test=None) == Verdict((NONE,))


@pytest.mark.parametrize(
    ("opened_ago_us", "by_gas", "alarm_ago_us", "ok"),
    [(10, True, None, False), (9, True, None, False), (11, True, None, True), (9, False, None, True), (None, True, 10, False),
     (None, True, 11, True), (11, True, 9, False), (9, True, 11, False)],
)  # fmt: skip
def test_a_gas_test_must_be_from_after_the_last_gas(
    at_start: Bench, opened_ago_us: int | None, by_gas: bool, alarm_ago_us: int | None, ok: bool
) -> None:
    """5.3.1: after a trip by gas and after an alarm, whichever came last; the test is 10 us old."""
    opening = None if opened_ago_us is None else Opening("HW-1", at_start.now - opened_ago_us, by_gas)
    alarm = 0 if alarm_ago_us is None else at_start.now - alarm_ago_us
    assert _tested(at_start, 10, opening=opening, gas_alarm_us=alarm) == (Verdict((), 10) if ok else Verdict((AFTER,)))


def test_a_gas_test_of_the_boots_first_microsecond_counts_where_no_gas_came(at_start: Bench) -> None:
    test = GasTest(0, WALL_S, "leader", "PGM", _points(at_start))
    at_start.now = 5
    f = replace(_facts(at_start, gas_test=test), now_us=5)
    assert f.durable.gas_alarm_us == 0
    assert turn(at_start, gas_test=test).verdicts["gas_test"].ok


@pytest.mark.parametrize(("level", "break_s"), [(Level.GRADE_1, 1800), (Level.GRADE_2, 3600), (Level.SPECIAL, 1800)])
def test_a_short_break_of_the_same_permit_excuses_an_old_test(at_start: Bench, level: Level, break_s: int) -> None:
    """5.3.1 d: to the microsecond, the level's own."""
    at_start.now += 20_000 * SECOND
    claims = permit(level=level, end_s=20 * 3600)
    for away_us, number, permits, ok in (
        (break_s * SECOND, "HW-1", (claims,), True), (break_s * SECOND + 1, "HW-1", (claims,), False),
        (5, "HW-2", (claims,), False), (5, "HW-1", (), False),
    ):  # fmt: skip
        opening = Opening(number, at_start.now - away_us, by_gas=False)
        codes = [r.code for r in _tested(at_start, 7200 * SECOND, opening=opening, permits=permits).reasons]
        assert codes == ([] if ok else ["gas_test_old"])
    assert [r.code for r in _tested(at_start, 7200 * SECOND).reasons] == ["gas_test_old"], "no opening at all"


@pytest.mark.parametrize("offset_min", [0, 480, -300])
@pytest.mark.parametrize(("before_us", "same_day"), [(0, True), (1, False)])
def test_a_new_day_by_the_sites_midnight_asks_for_a_new_test(
    at_start: Bench, offset_min: int, before_us: int, same_day: bool
) -> None:
    """gas_test_daily: to the microsecond."""
    assert GB.gas_test_daily.value
    at_start.site = replace(at_start.site, utc_offset_min=offset_min)
    since_midnight_s = (WALL_S + offset_min * 60) % DAY_S
    at_start.now += DAY_S * SECOND
    verdict = _tested(at_start, since_midnight_s * SECOND + before_us)
    day = Reason("gas_test_day", "", since_midnight_s * 1000, None, "s", GB.gas_test_daily.clause)
    assert (day not in verdict.reasons) is same_day
    at_start.rules = replace(GB, gas_test_daily=replace(GB.gas_test_daily, value=False))
    assert day not in _tested(at_start, since_midnight_s * SECOND + before_us).reasons


def test_a_gas_test_of_this_evening_counts_to_the_last_microsecond_of_the_day(at_start: Bench) -> None:
    """gas_test_daily: days are counted from 1970, so a day that were a hair too short would end early by now."""
    to_midnight_s = DAY_S - (WALL_S + at_start.site.utc_offset_min * 60) % DAY_S
    at_start.now += to_midnight_s * SECOND - 1
    assert "gas_test_day" not in {reason.code for reason in _tested(at_start, 60 * SECOND).reasons}
    at_start.now += 1
    assert "gas_test_day" in {reason.code for reason in _tested(at_start, 60 * SECOND).reasons}



def test_every_gas_of_the_site_must_be_there_in_its_unit_and_at_every_place(at_start: Bench) -> None:
    """GB 30871-2022 5.3.1 a: gas lies in layers."""
    limits = {limit.gas: limit for limit in at_start.site.limits}
    rule = GB.gas_test_points_count
    points = _points(at_start)
    missing_co = tuple(p for p in points if p.gas != "CO")
    none = Reason("gas_test_missing", "CO", None, None, "ppm", limits["CO"].clause)
    assert _tested(at_start, points=missing_co) == Verdict((none,), 0)
    other_unit = tuple(replace(p, unit="mg/m3") if p.gas == "CO" else p for p in points)
    assert _tested(at_start, points=other_unit) == Verdict((none,), 0)
    low = tuple(p for p in points if p.gas != "O2" or p.position == "down")
    assert _tested(at_start, points=low) == Verdict(
        tuple(Reason("gas_test_point", f"O2 {where}", 1000, rule.value * 1000, "", rule.clause) for where in ("up", "middle")), 0
    )


def test_a_pack_that_asks_for_two_places_is_content_with_any_two(at_start: Bench) -> None:
    """gas_test_points_count: the number itself is enough, one less is not."""
    at_start.rules = replace(GB, gas_test_points_count=replace(GB.gas_test_points_count, value=2))
    two = tuple(p for p in _points(at_start) if p.position != "middle")
    assert _tested(at_start, points=two) == Verdict((), 0)
    one = tuple(p for p in two if p.position == "up")
    assert {r.subject for r in _tested(at_start, points=one).reasons} == {
        f"{gas} {where}" for gas in ("CH4", "O2", "CO") for where in ("middle", "down")
    }


@pytest.mark.parametrize(
    ("gas", "value", "bound"),
    [("CH4", 10.0, None), ("CH4", 10.001, "high"), ("O2", 19.5, None), ("O2", 19.499, "low"), ("O2", 23.5, None),
     ("O2", 23.501, "high"), ("CH4", NAN, "high"), ("O2", NAN, "high"), ("CH4", -1.0, None)],
)  # fmt: skip
def test_each_value_of_a_gas_test_is_judged_by_the_sites_limits(
    at_start: Bench, gas: str, value: float, bound: str | None
) -> None:
    """GB 30871-2022 5.3.2: the limit itself passes; what is no number does not."""
    limit = next(limit for limit in at_start.site.limits if limit.gas == gas)
    points = tuple(replace(p, value=value) if (p.gas, p.position) == (gas, "middle") else p for p in _points(at_start))
    verdict = _tested(at_start, points=points)
    if bound is None:
        assert verdict == Verdict((), 0)
        return
    limit_milli = round((limit.high if bound == "high" else limit.low) * 1000)  # type: ignore[operator]
    read = None if value != value else round(value * 1000)
    reason = Reason("gas_test_limit", f"{gas} middle", read, limit_milli, limit.unit.value, limit.clause)
    assert verdict == Verdict((reason,), 0)


# --- detectors that are due

BUMP, CAL = GB.bump_test_age_s, GB.calibration_age_d


def _channel(bench: Bench, name: str = "ch4-1") -> SiteChannel:
    return next(channel for channel in bench.site.channels if channel.name == name)


def _proof(result: Result = Result.PASSED, t: int = WALL_S * 1000, at_us: int = 0, due_s: int = 0) -> Proof:
    return Proof(t, at_us, result, "", 50.0, 49.0, 8_000, "leader", "bottle-1", due_s)


RUNNING = Exercise(Kind.BUMP, "ch4-1", 50.0, 0.0, "leader", "bottle", 0, 0, 0, Phase.APPLY, 0, 0, 0)


def _bumped(bench: Bench, record: DetectorRecord | None, **durable: object) -> Reason | None:
    detectors = {} if record is None else {"ch4-1": record}
    return bump_reason(_facts(bench, detectors=detectors, **durable), _channel(bench))


def test_a_bump_test_that_runs_failed_or_was_given_up_is_none(at_start: Bench) -> None:
    """bump_test_age_s (OSHA SHIB; IEC 60079-29-2)."""
    never = Reason("bump_never", "ch4-1", None, BUMP.value * 1000, "s", BUMP.clause)
    assert _bumped(at_start, None) == _bumped(at_start, DetectorRecord()) == never
    assert _bumped(at_start, DetectorRecord(bump=_proof())) is None
    for result, code in ((Result.FAILED, "bump_failed"), (Result.ABORTED, "bump_undone")):
        assert _bumped(at_start, DetectorRecord(bump=_proof(result))) == Reason(code, "ch4-1", None, None, "", BUMP.clause)
    cured = DetectorRecord(bump=_proof(Result.FAILED), calibration=_proof(t=WALL_S * 1000 + 1, due_s=WALL_S + 9))
    assert _bumped(at_start, cured) == Reason("bump_due", "ch4-1", None, BUMP.value * 1000, "s", BUMP.clause)
    at_start.volatile = replace(at_start.volatile, exercises={"ch4-1": RUNNING})
    assert _bumped(at_start, DetectorRecord(bump=_proof())) == Reason("test_running", "ch4-1", None, None, "", BUMP.clause)


@pytest.mark.parametrize(
    ("wall_ago_ms", "boot_ago_us", "age_ms"),
    [
        (BUMP.value * 1000, None, None), (BUMP.value * 1000 + 1, None, BUMP.value * 1000 + 1), (-1, None, -1), (0, None, None),
        (5, BUMP.value * SECOND, None), (5, BUMP.value * SECOND + 1, BUMP.value * 1000), (5, BUMP.value * SECOND + 1000, BUMP.value * 1000 + 1), (-1, 5, -1),
        (BUMP.value * 1000 + 1, 5, BUMP.value * 1000 + 1), (0, BUMP.value * SECOND + 1000, BUMP.value * 1000 + 1),
    ],
)  # fmt: skip
def test_a_bump_test_is_as_old_as_the_older_of_its_two_clocks_says(
    at_start: Bench, wall_ago_ms: int, boot_ago_us: int | None, age_ms: int | None
) -> None:
    """Wall clock and the kernel's; a wall clock before it says that it was set back."""
    at_start.now += 2 * BUMP.value * SECOND
    wall_ms = WALL_S * 1000 + 2 * BUMP.value * 1000
    at_us = 0 if boot_ago_us is None else at_start.now - boot_ago_us
    reason = _bumped(at_start, DetectorRecord(bump=_proof(t=wall_ms - wall_ago_ms, at_us=at_us)))
    due = Reason("bump_due", "ch4-1", age_ms, BUMP.value * 1000, "s", BUMP.clause)
    assert reason == (None if age_ms is None else due)


def _calibrated(bench: Bench, proof: Proof | None, due_s: int = WALL_S + 90 * DAY_S) -> Reason | None:
    channel = replace(_channel(bench), due_s=due_s)
    f = _facts(bench, detectors={} if proof is None else {"ch4-1": DetectorRecord(calibration=proof)})
    assert calibration_end_s(f, channel) == (due_s if proof is None else proof.due_s)
    return calibration_reason(f, channel)


def test_a_calibration_ends_by_its_certificate_or_by_what_was_done_here(at_start: Bench) -> None:
    """calibration_age_d (JJG 693): to the second, and never longer than the pack says."""
    longest_s = CAL.value * DAY_S
    due = Reason("calibration_due", "ch4-1", WALL_S * 1000, WALL_S * 1000, "unix_s", CAL.clause)
    too_long = Reason(
        "calibration_too_long", "ch4-1", (WALL_S + longest_s + 1) * 1000, (WALL_S + longest_s) * 1000, "unix_s", CAL.clause
    )
    never = Reason("calibration_never", "ch4-1", None, CAL.value * 1000, "d", CAL.clause)
    for end_s, reason in (
        (WALL_S + 1, None), (WALL_S, due), (WALL_S + longest_s, None), (WALL_S + longest_s + 1, too_long), (0, never),
    ):  # fmt: skip
        assert _calibrated(at_start, None, end_s) == reason
        assert _calibrated(at_start, _proof(due_s=end_s), WALL_S + 5) == reason
    at_start.now += 999
    assert _calibrated(at_start, None, WALL_S) == due
    at_start.now += 499_001
    assert _calibrated(at_start, None, WALL_S + longest_s + 2) == replace(too_long, value_milli=(WALL_S + longest_s + 2) * 1000)
    for result in (Result.FAILED, Result.ABORTED):
        undone = Reason("calibration_undone", "ch4-1", None, None, "", CAL.clause)
        assert _calibrated(at_start, _proof(result, due_s=WALL_S + 9)) == undone


def _sick(quality: Quality, value: float | None = 0.0) -> Callable[[Bench], None]:
    def change(bench: Bench) -> None:
        bench.gas["ch4-1"].quality, bench.gas["ch4-1"].value = quality, value

    return change


@pytest.mark.parametrize(
    ("quality", "value", "asked"),
    [(Quality.GOOD, 0.0, True), (Quality.GOOD, 40.0, True), (Quality.FAULT, 40.0, True), (Quality.OVER_RANGE, 100.0, True),
     (Quality.FAULT, 0.0, False), (Quality.NEVER, None, False), (Quality.WARM_UP, 0.0, False)],
)  # fmt: skip
def test_proofs_are_asked_of_a_detector_whose_word_counts(
    at_start: Bench, quality: Quality, value: float | None, asked: bool
) -> None:
    """A broken detector votes to trip already."""
    _sick(quality, value)(at_start)
    at_start.site = replace(
        at_start.site, groups=tuple(replace(g, channels=tuple(replace(c, due_s=0) for c in g.channels)) for g in at_start.site.groups)
    )
    made = turn(at_start, detectors={c.name: bumped() for c in at_start.site.channels if c.name != "ch4-1"})
    assert [r.subject for r in made.verdicts["bump_test"].reasons] == (["ch4-1"] if asked else [])
    assert ("ch4-1" in {r.subject for r in made.verdicts["calibration"].reasons}) is asked
    assert len(made.verdicts["calibration"].reasons) == 8 - (not asked)


def test_a_bead_without_oxygen_is_still_asked_and_a_running_test_always(at_start: Bench) -> None:
    at_start.gas["o2-1"].quality = Quality.FAULT
    made = turn(at_start, detectors={})
    subjects = {r.subject for r in made.verdicts["bump_test"].reasons}
    assert subjects == {c.name for c in at_start.site.channels} - {"o2-1"}
    at_start.volatile = replace(at_start.volatile, exercises={"o2-1": replace(RUNNING, channel="o2-1")})
    reasons = turn(at_start).verdicts["bump_test"].reasons
    assert [(r.code, r.subject) for r in reasons] == [("test_running", "o2-1")]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (_sick(Quality.GOOD), Life.IN_SERVICE), (_sick(Quality.STALE), Life.STALE), (_sick(Quality.BAD_FRAME), Life.STALE),
        (_sick(Quality.NEVER), Life.UNKNOWN), (_sick(Quality.WARM_UP), Life.WARMUP), (_sick(Quality.OVER_RANGE), Life.OVER_RANGE),
        (_sick(Quality.FAULT), Life.FAULT), (_sick(Quality.FROZEN), Life.FAULT), (_sick(Quality.UNDER_RANGE), Life.FAULT),
    ],
)  # fmt: skip
def test_the_life_of_a_detector_by_its_reading(at_start: Bench, change: Callable[[Bench], None], where: Life) -> None:
    """Workflows "Detector"."""
    change(at_start)
    assert life(_facts(at_start), _channel(at_start)) is where


@pytest.mark.parametrize(
    ("age_us", "detectors", "durable", "where"),
    [
        (500_000, {"bump": _proof()}, {}, Life.IN_SERVICE), (500_001, {"bump": _proof()}, {}, Life.STALE),
        (0, {"bump": _proof()}, {"over_range": ("ch4-1",)}, Life.OVER_RANGE),
        (500_001, {"bump": _proof()}, {"over_range": ("ch4-1",)}, Life.STALE),
        (0, {}, {}, Life.BUMP_DUE), (0, {"bump": _proof(Result.ABORTED)}, {}, Life.BUMP_DUE),
        (0, {"bump": _proof(Result.FAILED)}, {}, Life.CAL_DUE),
        (0, {"bump": _proof(), "calibration": _proof(due_s=WALL_S)}, {}, Life.CAL_DUE),
        (0, {"bump": _proof(), "calibration": _proof(Result.ABORTED, due_s=WALL_S + 9)}, {}, Life.CAL_DUE),
        (500_001, {"bump": _proof(), "calibration": _proof(Result.FAILED, due_s=1)}, {}, Life.OUT_OF_SERVICE),
    ],
)  # fmt: skip
def test_the_life_of_a_detector_by_its_age_and_proofs(
    at_start: Bench, age_us: int, detectors: dict[str, Proof], durable: dict[str, object], where: Life
) -> None:
    """What makes its readings worthless comes before what is due."""
    at_start.gas["ch4-1"].silent_since = at_start.now - age_us
    f = _facts(at_start, detectors={"ch4-1": DetectorRecord(**detectors)}, **durable)
    assert life(f, _channel(at_start)) is where
    if not detectors:
        assert life(_facts(at_start, detectors={}), _channel(at_start)) is where
    assert _channel(at_start).limit.unit is Unit.PCT_LEL
