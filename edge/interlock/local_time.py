"""Moments as people read them. Records keep seconds since 1970; whoever stands at the box has a watch."""

import datetime


def local_time(unix_s: int) -> str:
    """Day and time of day where the box stands, such as ``2026-03-01 14:05:06``.

    A permit may name any second up to year 36812: what no calendar here reaches stays a number.
    """
    try:
        return datetime.datetime.fromtimestamp(unix_s).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return f"{unix_s} s after 1970"
