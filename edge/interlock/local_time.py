"""Moments as people read them. Records keep seconds since 1970; whoever stands at the box has a watch."""

import datetime
import os
import time


def local_time(unix_s: int) -> str:
    """Day and time of day where the box stands, such as ``2026-03-01 14:05:06``.

    A permit may name any second up to year 36812: what no calendar here reaches stays a number.
    """
    try:
        return datetime.datetime.fromtimestamp(unix_s).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return f"{unix_s} s after 1970"


def keep_site_clock(utc_offset_min: int) -> None:
    """From here on this process tells every moment by the site's clock, whatever zone its machine is set to.

    The bridge's pages do the same, so that one moment reads alike on the box and in the office.
    """
    sign = "-" if utc_offset_min >= 0 else "+"  # POSIX counts west of Greenwich
    hours, minutes = divmod(abs(utc_offset_min), 60)
    os.environ["TZ"] = f"<SITE>{sign}{hours}:{minutes:02}"
    time.tzset()


def zone_name(unix_s: int) -> str:
    """The zone in which this process tells that moment, such as ``UTC+8`` or ``UTC+5:30``."""
    offset = datetime.datetime.fromtimestamp(unix_s).astimezone().utcoffset() or datetime.timedelta()
    minutes = round(offset.total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")
