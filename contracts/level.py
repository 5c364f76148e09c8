"""Raises a hot-work level by one on a holiday, a rest day or at night (GB 30871-2022 5.1.1). Pure.

The days and hours are a rule pack's rows; the functions are here because the application decides by them as well.
They change on the hour, so the question is always asked about whole hours of the site's own clock, counted from 1970.
"""

import datetime
from collections.abc import Iterable
from functools import cached_property

import msgspec

from contracts.permit import ORDER, Level

__all__ = ["ORDER", "Calendar", "Upgrade", "next_raise", "upgrade_level", "why_raised"]

DAY_H = 24
_EPOCH = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 - the site's own clock, whatever its zone
_EPOCH_DAY = _EPOCH.toordinal()
_THURSDAY = 4
"""1 January 1970 was one."""


class Calendar(msgspec.Struct, frozen=True, dict=True):
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

    @cached_property
    def holidays(self) -> frozenset[int]:
        """The holidays as days since 1970."""
        return frozenset(day.toordinal() - _EPOCH_DAY for day in self.dates)

    @cached_property
    def unknown_from(self) -> int | None:
        """The first day (since 1970) whose holidays nobody has entered; None without any holidays."""
        last = self.last_year
        return None if last is None else datetime.date(last, 12, 31).toordinal() + 1 - _EPOCH_DAY


class Upgrade(msgspec.Struct, frozen=True):
    """The level that counts, and why it was raised: holiday, rest_day, night, wind, special_case, calendar_ended."""

    level: Level
    reasons: tuple[str, ...]


def why_raised(
    calendar: Calendar, hours: Iterable[int], *, wind_grade: int | None = None, special_case: bool = False
) -> tuple[str, ...]:
    """Why work in these hours is managed one level higher; nothing when it is not.

    Args:
        calendar: the rule pack's days and hours.
        hours: every hour in which there is work, counted from 1970 on the site's own clock.
        wind_grade: measured or forecast Beaufort grade; None where nobody knows one.
        special_case: somebody declared another special case of 5.1.1.
    """
    holiday = rest_day = night = ended = False
    unknown_from = calendar.unknown_from
    for hour in hours:
        day, of_day = divmod(hour, DAY_H)
        holiday = holiday or day in calendar.holidays
        rest_day = rest_day or (day + _THURSDAY - 1) % 7 + 1 in calendar.weekdays
        night = night or of_day >= calendar.night_from_h or of_day < calendar.night_to_h
        ended = ended or (unknown_from is not None and day >= unknown_from)
    wind = wind_grade is not None and wind_grade >= calendar.wind_grade
    if not (holiday or rest_day or night or ended or wind or special_case):
        return ()
    found = (holiday, rest_day, night, wind, special_case, ended)
    return tuple(name for name, holds in zip(_WHY, found, strict=True) if holds)


_WHY = ("holiday", "rest_day", "night", "wind", "special_case", "calendar_ended")


def next_raise(calendar: Calendar, hour: int, end_hour: int) -> int | None:
    """The first hour from `hour` on and before `end_hour` in which the level is one higher; None without one."""
    return next((each for each in range(hour, end_hour) if why_raised(calendar, (each,))), None)


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
    last = end - datetime.timedelta(microseconds=1)
    reasons = why_raised(
        calendar, range(_hour(start), _hour(last) + 1), wind_grade=wind_grade, special_case=special_case
    )
    return Upgrade(level.higher if reasons else level, reasons)


def _hour(moment: datetime.datetime) -> int:
    """The whole hour of a local moment."""
    return (moment.replace(tzinfo=None) - _EPOCH) // datetime.timedelta(hours=1)
