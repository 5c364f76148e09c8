"""Quiet hours: from when to when somebody wants no ordinary message, by the site's clock. Pure."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo


def is_quiet(at: time, begins: time, ends: time) -> bool:
    """Whether the clock is in the quiet hours; from 22:00 to 07:00 they go over midnight; equal times mean none."""
    if begins < ends:
        return begins <= at < ends
    return begins != ends and (at >= begins or at < ends)


def over_at(now: datetime, begins: time | None, ends: time | None, zone: ZoneInfo) -> datetime | None:
    """When the quiet hours that hold now are over; None when none hold. `now` has a time zone.

    The clock on the wall counts. A time that the change to summer time leaves out is over when the clock has jumped
    over it; one that comes twice in autumn is over the first time, but while it is still to come it is waited for.
    """
    if begins is None or ends is None:
        return None
    local = now.astimezone(zone)
    if not is_quiet(local.time().replace(tzinfo=None), begins, ends):
        return None
    for days in (0, 1):
        for fold in (0, 1):
            end = datetime.combine(local.date() + timedelta(days), ends.replace(fold=fold), zone).astimezone(now.tzinfo)
            if end > now:
                return end
    raise AssertionError(f"quiet hours without an end after {now}")
