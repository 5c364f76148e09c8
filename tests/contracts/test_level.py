"""The level rises by one on holidays, rest days and nights (GB 30871-2022 5.1.1, B.1)."""

import datetime

import pytest

from contracts.level import Calendar, Upgrade, next_raise, upgrade_level, why_raised
from contracts.permit import Level

CN = Calendar(frozenset({datetime.date(2026, 10, 1), datetime.date(2026, 12, 30)}), frozenset({6, 7}), 22, 6, 5)
NONE = Calendar(frozenset(), frozenset(), 24, 0, 13)
HOUR = datetime.timedelta(hours=1)


def _at(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone(8 * HOUR))


def _why(start: str, end: str, calendar: Calendar = CN, **more: object) -> tuple[str, ...]:
    return upgrade_level(Level.GRADE_2, _at(start), _at(end), calendar, **more).reasons


@pytest.mark.parametrize(
    ("level", "raised"),
    [(Level.GRADE_2, Level.GRADE_1), (Level.GRADE_1, Level.SPECIAL), (Level.SPECIAL, Level.SPECIAL)],
)
def test_the_level_rises_by_one_and_the_highest_stays(level: Level, raised: Level) -> None:
    found = upgrade_level(level, _at("2026-10-01T09:00"), _at("2026-10-01T10:00"), CN)
    assert found == Upgrade(raised, ("holiday",))


def test_an_ordinary_working_day_raises_nothing() -> None:
    found = upgrade_level(Level.GRADE_2, _at("2026-09-16T06:00"), _at("2026-09-16T22:00"), CN)
    assert found == Upgrade(Level.GRADE_2, ())


@pytest.mark.parametrize(
    ("start", "end", "why"),
    [
        ("2026-09-16T05:59", "2026-09-16T10:00", ("night",)),
        ("2026-09-16T20:00", "2026-09-16T22:00:01", ("night",)),
        ("2026-09-16T23:00", "2026-09-16T23:30", ("night",)),
        ("2026-09-16T00:30", "2026-09-16T01:00", ("night",)),
        ("2026-09-16T09:00", "2026-09-17T09:00", ("night",)),
        ("2026-09-19T09:00", "2026-09-19T10:00", ("rest_day",)),
        ("2026-09-20T09:00", "2026-09-20T10:00", ("rest_day",)),
        ("2026-09-18T09:00", "2026-09-21T09:00", ("rest_day", "night")),
        ("2026-09-30T21:00", "2026-10-01T00:00", ("night",)),
        ("2026-09-30T21:00", "2026-10-01T00:01", ("holiday", "night")),
    ],
)
def test_any_moment_of_the_work_counts(start: str, end: str, why: tuple[str, ...]) -> None:
    assert _why(start, end) == why


@pytest.mark.parametrize(("grade", "why"), [(4, ()), (5, ("wind",)), (6, ("wind",)), (None, ())])
def test_wind_of_grade_five_raises_the_level(grade: int | None, why: tuple[str, ...]) -> None:
    """GB 30871-2022 5.2.15."""
    assert _why("2026-09-16T09:00", "2026-09-16T10:00", wind_grade=grade) == why


def test_another_special_case_raises_it_and_many_reasons_raise_it_once() -> None:
    found = upgrade_level(
        Level.GRADE_2, _at("2026-10-01T21:00"), _at("2026-10-01T23:00"), CN, wind_grade=7, special_case=True
    )
    assert found == Upgrade(Level.GRADE_1, ("holiday", "night", "wind", "special_case"))


def test_a_year_without_known_holidays_counts_as_one() -> None:
    assert _why("2027-01-05T09:00", "2027-01-05T10:00") == ("calendar_ended",)


def test_without_such_rules_nothing_rises() -> None:
    """OSHA and NFPA know no upgrade: no holidays, a night from 24 to 0."""
    assert _why("2026-10-03T00:00", "2026-10-05T09:00", NONE, wind_grade=12) == ()


def test_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(ValueError, match="after"):
        upgrade_level(Level.GRADE_2, _at("2026-09-16T09:00"), _at("2026-09-16T09:00"), CN)


def _hour(text: str) -> int:
    return (datetime.datetime.fromisoformat(text) - datetime.datetime(1970, 1, 1)) // HOUR  # noqa: DTZ001


@pytest.mark.parametrize(
    ("now", "end", "raised"),
    [
        ("2026-09-16T09", "2026-09-19T09", "2026-09-16T22"),
        ("2026-09-16T23", "2026-09-19T09", "2026-09-16T23"),
        ("2026-09-16T09", "2026-09-16T23", "2026-09-16T22"),
        ("2026-09-16T09", "2026-09-16T22", None),
        ("2026-09-16T06", "2026-09-16T06", None),
    ],
)
def test_the_next_hour_in_which_the_level_is_higher(now: str, end: str, raised: str | None) -> None:
    assert next_raise(CN, _hour(now), _hour(end)) == (None if raised is None else _hour(raised))


def test_hours_without_a_calendar_are_never_raised() -> None:
    assert next_raise(NONE, 0, 10_000) is None
    assert why_raised(NONE, ()) == ()
