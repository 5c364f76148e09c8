"""Work at night, on a rest day or a holiday is managed one level higher, judged at the box (GB 30871-2022 5.1.1).

The calendar is the pack's: night from 22:00 to 06:00, Saturday and Sunday, the holidays of 2026 and 2027. The site's
clock is eight hours before Greenwich's.
"""

import datetime

import msgspec
import pytest

from contracts.permit import Level, PermitClaims
from edge.interlock import rules, view
from edge.interlock.conditions.level import suffices_until_us
from edge.interlock.conditions.measures import measures
from edge.interlock.happenings import PermitAccepted
from edge.interlock.kernel import Relay
from edge.interlock.rules import Rules
from edge.interlock.state import Durable, Mode, Reason, decode, encode
from tests.edge.interlock.bench import BOOT_US, GB, SECOND, SITE, WALL_S, Bench, bumped, permit

replace = msgspec.structs.replace
HERE = datetime.timezone(datetime.timedelta(minutes=SITE.utc_offset_min))
NO_NIGHT = replace(GB, night_from_h=replace(GB.night_from_h, value=24), night_to_h=replace(GB.night_to_h, value=0))
"""Midnights lie in the night: what a day alone does shows without one."""


def _unix_ms(local: str) -> int:
    """The moment of the site's clock, such as ``2027-01-15T21:59:59.999``, in ms since 1970."""
    moment = datetime.datetime.fromisoformat(local).replace(tzinfo=HERE)
    return (moment - datetime.datetime.fromtimestamp(0, datetime.UTC)) // datetime.timedelta(milliseconds=1)


def _bench(local: str, pack: Rules = GB, **changes: object) -> tuple[Bench, PermitClaims]:
    """A box at that moment, everything met but the permit; and a permit whose window began a minute ago."""
    bench = Bench(pack=pack)
    bench.wall_jump_ms = _unix_ms(local) - WALL_S * 1000
    now_s = bench.wall_ms // 1000 - WALL_S
    proof = bumped(t=(WALL_S + now_s - 3600) * 1000)
    bench.durable = replace(bench.durable, detectors={channel.name: proof for channel in SITE.channels})
    claims = permit(start_s=now_s - 60, end_s=now_s + 7 * 3600, approved_s=now_s - 600)
    return bench, replace(claims, as_of=WALL_S + now_s, **changes)


def _reasons(local: str, pack: Rules = GB, error_ms: int = 0, **changes: object) -> list[Reason]:
    """What the condition `level` says at that moment."""
    bench, claims = _bench(local, pack, **changes)
    bench.clock_error_ms = error_ms
    step = bench.step(PermitAccepted(claims), ms=0)
    return list(step.verdicts["level"].reasons)


def _codes(local: str, pack: Rules = GB, error_ms: int = 0, **changes: object) -> list[str]:
    return [reason.code for reason in _reasons(local, pack, error_ms, **changes)]


@pytest.mark.rule("night_from_h")
@pytest.mark.parametrize(
    ("time", "codes"),
    [("21:59:59.999", []), ("22:00:00", ["level_night"]), ("22:00:00.001", ["level_night"])],
)
def test_the_level_suffices_until_the_night_begins(time: str, codes: list[str]) -> None:
    """GB 30871-2022 5.1.1 (night; hours by policy): from 22:00."""
    assert GB.night_from_h.value == 22
    found = _reasons(f"2027-01-15T{time}")
    assert [reason.code for reason in found] == codes
    assert all(reason.clause == "GB 30871-2022 5.1.1 (night; hours by policy)" for reason in found)
    assert all((reason.subject, reason.unit) == ("HW-1", "unix_s") for reason in found)


@pytest.mark.rule("night_to_h")
@pytest.mark.parametrize(
    ("time", "codes"), [("05:59:59.999", ["level_night"]), ("06:00:00", []), ("06:00:00.001", [])]
)
def test_the_level_suffices_again_when_the_night_ends(time: str, codes: list[str]) -> None:
    """GB 30871-2022 5.1.1 (night; hours by policy): until 06:00."""
    assert GB.night_to_h.value == 6
    assert _codes(f"2027-01-15T{time}") == codes


@pytest.mark.rule("upgrade_days")
@pytest.mark.parametrize(
    ("moment", "codes"),
    [
        ("2027-01-15T23:59:59.999", []),
        ("2027-01-16T00:00:00", ["level_rest_day"]),
        ("2027-01-17T23:59:59.999", ["level_rest_day"]),
        ("2027-01-18T00:00:00", []),
        ("2027-02-04T23:59:59.999", []),
        ("2027-02-05T00:00:00", ["level_holiday"]),
        ("2027-02-06T12:00:00", ["level_holiday", "level_rest_day"]),
        ("2027-02-08T23:59:59.999", ["level_holiday"]),
        ("2027-02-09T00:00:00", []),
    ],
)
def test_the_level_does_not_suffice_on_rest_days_and_holidays(moment: str, codes: list[str]) -> None:
    """GB 30871-2022 5.1.1: Saturday and Sunday; the Spring Festival of 2027, 5 to 8 February. Midnight is the site's."""
    found = _reasons(moment, NO_NIGHT)
    assert [reason.code for reason in found] == codes
    assert all(reason.clause == GB.upgrade_days.clause for reason in found)


@pytest.mark.parametrize(
    ("moment", "error_ms", "codes"),
    [
        ("2027-01-15T21:59:57.999", 2000, []),
        ("2027-01-15T21:59:58.000", 2000, ["level_night"]),
        ("2027-01-15T06:00:01.999", 2000, ["level_night"]),
        ("2027-01-15T06:00:02.000", 2000, []),
    ],
)
def test_what_the_clock_may_be_off_makes_the_night_longer_at_both_ends(
    moment: str, error_ms: int, codes: list[str]
) -> None:
    assert _codes(moment, error_ms=error_ms) == codes


def test_a_day_whose_holidays_nobody_entered_counts_as_one() -> None:
    """Unknown is the stricter answer; the text says what to enter."""
    assert _codes("2027-12-31T12:00:00") == []
    assert _codes("2028-01-03T12:00:00") == ["level_calendar_ended"]


@pytest.mark.parametrize(
    ("level", "base", "passes"),
    [
        (Level.GRADE_2, None, False),
        (Level.GRADE_2, Level.GRADE_2, False),
        (Level.GRADE_1, None, False),
        (Level.GRADE_1, Level.GRADE_1, False),
        (Level.GRADE_1, Level.GRADE_2, True),
        (Level.SPECIAL, None, True),
        (Level.SPECIAL, Level.SPECIAL, True),
        (Level.SPECIAL, Level.GRADE_1, True),
    ],
)
def test_at_night_the_approved_level_must_be_one_above_that_of_place_and_work(
    level: Level, base: Level | None, passes: bool
) -> None:
    """GB 30871-2022 5.1.1; nothing is above the special level."""
    assert (_codes("2027-01-15T23:00:00", level=level, base_level=base) == []) is passes


def test_a_pack_without_nights_and_rest_days_never_asks_for_more() -> None:
    """OSHA and NFPA know no upgrade; the strictest of the two packs does."""
    for moment in ("2027-01-16T23:00:00", "2027-02-06T03:00:00", "2030-06-01T12:00:00"):
        assert _codes(moment, rules.load("osha-nfpa")) == []
        assert _codes(moment, rules.load("strictest")) != []


def test_without_a_permit_the_level_says_nothing() -> None:
    assert Bench().step().verdicts["level"].ok


def test_nobody_arms_at_night_under_a_day_permit() -> None:
    """It is the only thing missing, and it is named."""
    bench, claims = _bench("2027-01-15T23:00:00")
    bench.step()
    bench.step(PermitAccepted(claims))
    bench.test_gas()
    bench.check_ticket()
    bench.press("arm")
    assert bench.refusal() == {"level_night"}
    assert bench.mode is Mode.LOCKED


def _released(local: str, pack: Rules = GB, **changes: object) -> Bench:
    bench, claims = _bench(local, pack, **changes)
    return bench.prepare(claims).release()


def test_a_run_ends_when_the_night_begins_whatever_the_wall_clock_says() -> None:
    """Fixed at the release on CLOCK_BOOTTIME: 22:00 is ten minutes away, and stays so when the clock creeps back."""
    bench = _released("2027-01-15T21:50:00")
    assert bench.durable.deadline_by == "level_night"
    assert 0 <= bench.durable.deadline_us - (BOOT_US + 600 * SECOND) < 1000
    bench.now = bench.durable.deadline_us - 1
    bench.wall_jump_ms -= 1000
    assert bench.step(ms=0).next_us == bench.durable.deadline_us
    assert bench.mode is Mode.RELEASED
    bench.now += 1
    assert bench.step(ms=0).relay is Relay.OPEN
    assert bench.durable.first_out == Reason("level_night", "HW-1", 0, 0, "s", GB.night_from_h.clause)


def test_a_clock_that_may_be_off_brings_the_night_nearer() -> None:
    bench, claims = _bench("2027-01-15T21:50:00")
    bench.clock_error_ms = 5000
    bench.prepare(claims).release()
    assert 0 <= bench.durable.deadline_us - (BOOT_US + 595 * SECOND) < 1000


@pytest.mark.parametrize(
    ("end", "by"),
    [("2027-01-15T21:59:59", "deadline"), ("2027-01-15T22:00:00", "deadline"), ("2027-01-15T22:00:01", "level_night")],
)
def test_the_first_of_window_and_night_ends_the_run_and_is_named(end: str, by: str) -> None:
    exp = _unix_ms(end) // 1000
    bench = _released("2027-01-15T21:50:00", exp=exp)
    assert bench.durable.deadline_by == by
    bench.now = bench.durable.deadline_us
    bench.step(ms=0)
    assert bench.first_out == by


@pytest.mark.parametrize(
    ("end", "found"),
    [("2027-01-15T21:59:59", None), ("2027-01-15T22:00:00", None), ("2027-01-15T22:00:01", "level_night")],
)
def test_a_night_after_the_window_is_none_of_the_permits_business(end: str, found: str | None) -> None:
    """GB 30871-2022 5.1.1: to the second, though a level changes at whole hours."""
    bench, claims = _bench("2027-01-15T21:50:00", exp=_unix_ms(end) // 1000)
    raised = suffices_until_us(bench.step(PermitAccepted(claims), ms=0).facts, claims)
    assert raised == (None if found is None else (_unix_ms("2027-01-15T22:00:00") * 1000, found))


@pytest.mark.parametrize(
    ("moment", "by"), [("2027-01-15T23:50:00", "level_rest_day"), ("2027-02-04T23:50:00", "level_holiday")]
)
def test_a_run_ends_at_the_midnight_before_a_rest_day_or_holiday(moment: str, by: str) -> None:
    bench = _released(moment, NO_NIGHT)
    assert bench.durable.deadline_by == by
    assert 0 <= bench.durable.deadline_us - (BOOT_US + 600 * SECOND) < 1000


def test_a_permit_one_level_higher_works_through_the_night_to_its_end() -> None:
    bench = _released("2027-01-15T21:50:00", base_level=Level.GRADE_2)
    assert bench.durable.deadline_by == "deadline"
    bench.run(660, ms=1000)
    assert bench.mode is Mode.RELEASED


def test_the_run_condition_opens_too_when_the_fixed_end_does_not() -> None:
    """The second line: a deadline that is later than it should be does not keep the relay closed at night."""
    bench = _released("2027-01-15T21:59:59")
    bench.durable = replace(bench.durable, deadline_us=bench.now + 3600 * SECOND)
    bench.run(1)
    assert bench.first_out == "level_night"


def test_an_older_memory_ends_by_its_window() -> None:
    """A state file of an older version says nothing about what ends the run."""
    assert decode(encode(Durable())).deadline_by == "deadline"


def test_the_reset_does_not_wait_for_the_morning() -> None:
    """Nobody on site can end the night: it blocks the next arming, not the reset."""
    bench = _released("2027-01-15T21:59:59")
    bench.run(2)
    assert bench.first_out == "level_night"
    bench.press("reset")
    assert bench.durable.reset_done
    bench.press("arm")
    assert bench.refusal() == {"level_night"}


def test_the_countdown_says_what_ends_the_run() -> None:
    for changes, words in (({}, ("夜间级别不够，距切断", "night, level too low: opens in")),
                           ({"base_level": Level.GRADE_2}, ("作业票剩余时间", "permit ends in"))):  # fmt: skip
        bench = _released("2027-01-15T21:50:00", **changes)
        assert bench.last is not None
        (found,) = [c for c in view._countdowns(bench.last.facts, bench.last.verdicts) if c.what == "deadline"]
        assert (found.zh, found.en) == words


def _shown(bench: Bench) -> list[tuple[str, float | None]]:
    assert bench.last is not None
    return [(measure.en, measure.value) for measure in measures("level", bench.last.facts)]


def test_levels_reasons_and_how_long_they_last_are_shown() -> None:
    """The night that follows a Friday ends on Monday morning; a permit one level higher counts down to nothing."""
    bench = _released("2027-01-15T21:50:00", level=Level.GRADE_2)
    levels, left = _shown(bench)
    assert levels == ("permit grade 2, by place and work grade 2", None)
    assert left == ("one level higher in", pytest.approx(600, abs=1))
    bench.run(601, ms=1000)
    night, ends = _shown(bench)[1:]
    assert night == ("night: one level higher", None)
    assert ends == ("ends in", pytest.approx(56 * 3600, abs=2))
    bench = _released("2027-01-15T21:50:00", base_level=Level.GRADE_2)
    assert _shown(bench) == [("permit grade 1, by place and work grade 2", None)]


def test_an_end_that_is_not_within_a_month_is_not_shown() -> None:
    """Nobody entered the holidays of 2028."""
    bench, claims = _bench("2028-01-03T12:00:00")
    bench.step(PermitAccepted(claims))
    assert [name for name, _ in _shown(bench)][1:] == ["this year's holidays are not entered: one level higher"]
    bare = Bench()
    bare.step()
    assert _shown(bare) == [("no permit", None)]
