"""Whether fixes can follow each other: nothing jumps, and time does not stand still. Pure."""

import math

import msgspec

from edge.presence.fence import on_plane
from edge.presence.nmea import Fix

JUMP, FROZEN = "jump", "frozen"


class Limits(msgspec.Struct, frozen=True):
    """How far a fix may lie from the last one: a receiver's scatter, and what is moved per second.

    `settle_us` is how long a position must stay after a jump before it counts again.
    """

    scatter_m: float
    speed_m_s: float
    settle_us: int


class Track(msgspec.Struct, frozen=True):
    """The last fix that was looked at, and since when the position stays after a jump (None: no jump to get over)."""

    last: Fix | None = None
    landed_us: int | None = None


def follow(track: Track, fix: Fix, limits: Limits) -> tuple[Track, str]:
    """Take in a fix; the second value says why it is not believed: jump, frozen, or "" when it is.

    A fix with the time of the last one is the same measurement told again, and proves nothing about now. After a jump
    the new place is compared with itself: it counts once it has stayed for the settling time.
    """
    last = track.last
    if last is None:
        return Track(fix), ""
    if fix.time_s == last.time_s:
        return track, FROZEN
    moved_m = math.hypot(*on_plane((last.latitude, last.longitude), (fix.latitude, fix.longitude)))
    allowed_m = limits.scatter_m + limits.speed_m_s * (fix.at_us - last.at_us) / 1e6
    if not moved_m <= allowed_m:
        return Track(fix, fix.at_us), JUMP
    if track.landed_us is not None and fix.at_us - track.landed_us < limits.settle_us:
        return Track(fix, track.landed_us), JUMP
    return Track(fix), ""
