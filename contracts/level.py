"""Raises a hot-work level by one on a holiday, a rest day or at night (GB 30871-2022 5.1.1). Pure.

The days and hours are a rule pack's rows; the function is here because the application decides by it as well.
"""

import datetime

import msgspec

from contracts.permit import Level

ORDER = (Level.GRADE_2, Level.GRADE_1, Level.SPECIAL)
"""From the lowest to the highest: 二级, 一级, 特级."""


class Calendar(msgspec.Struct, frozen=True):
    """When a level rises.

    Attributes:
        dates: holidays.
        weekdays: rest days, 1 Monday to 7 Sunday.
        night_from_h, night_to_h: night is from the one hour to the other on the next day; 24 and 0 is no night.
        wind_grade: Beaufort grade from which outdoor hot work is forbidden, or only done one level higher (5.2.15).
    """

    dates: frozenset[datetime.date]
    weekdays: frozenset[int]
    night_from_h: int
    night_to_h: int
    wind_grade: int

    @property
    def last_year(self) -> int | None:
        """The last year whose holidays are known; None without any."""
        return max((day.year for day in self.dates), default=None)


class Upgrade(msgspec.Struct, frozen=True):
    """The level that counts, and why it was raised: holiday, rest_day, night, wind, special_case, calendar_ended."""

    level: Level
    reasons: tuple[str, ...]


def upgrade_level(
    level: Level,
    start: datetime.datetime,
    end: datetime.datetime,
    calendar: Calendar,
    *,
    wind_grade: int | None = None,
    special_case: bool = False,
) -> Upgrade:
    """The level for work between `start` and `end` (local time at the site): one higher when anything speaks for it.

    However many reasons there are, the level rises by one. Days of a year whose holidays nobody has entered count as
    holidays: unknown is the stricter answer.

    Raises:
        ValueError: the end is not after the start.
    """
    if end <= start:
        raise ValueError(f"expected an end after {start}, got {end}")
    reasons = []
    days = _days(start, end)
    if any(day in calendar.dates for day in days):
        reasons.append("holiday")
    if any(day.isoweekday() in calendar.weekdays for day in days):
        reasons.append("rest_day")
    if _at_night(start, end, calendar):
        reasons.append("night")
    if wind_grade is not None and wind_grade >= calendar.wind_grade:
        reasons.append("wind")
    if special_case:
        reasons.append("special_case")
    if calendar.last_year is not None and days[-1].year > calendar.last_year:
        reasons.append("calendar_ended")
    step = 1 if reasons else 0
    return Upgrade(ORDER[min(ORDER.index(level) + step, len(ORDER) - 1)], tuple(reasons))


def _days(start: datetime.datetime, end: datetime.datetime) -> list[datetime.date]:
    """Every day on which there is work; an end at midnight belongs to the day before."""
    last = (end - datetime.timedelta(microseconds=1)).date()
    return [start.date() + datetime.timedelta(days=n) for n in range((last - start.date()).days + 1)]


def _at_night(start: datetime.datetime, end: datetime.datetime, calendar: Calendar) -> bool:
    """Whether any moment of the work lies in a night, that which began the day before included."""
    for day in [start.date() - datetime.timedelta(days=1), *_days(start, end)]:
        midnight = datetime.datetime.combine(day, datetime.time(), tzinfo=start.tzinfo)
        dusk = midnight + datetime.timedelta(hours=calendar.night_from_h)
        dawn = midnight + datetime.timedelta(days=1, hours=calendar.night_to_h)
        if max(start, dusk) < min(end, dawn):
            return True
    return False
