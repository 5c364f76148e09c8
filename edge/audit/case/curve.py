"""One channel's gas values for a drawing: bounded however long the case is, and whole where it matters. Pure.

Values near an alarm or a trip stay as they are. What is quiet is thinned to the lowest and the highest value of every
few, the oldest first: a drawing keeps its outline. Only where that is not enough, because alarms and trips alone exceed
the bound, their surroundings are thinned likewise, and last of all the alarms. The lowest and the highest always stay.
"""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from itertools import groupby

import msgspec

from edge.audit.case.facts import Allowed, GasRow

NEAR_MS = 60_000
"""As much as is traced around an alarm (`gas_trace_s`)."""
TOGETHER = 16
"""Of so many quiet values the lowest and the highest stay, and the last of those where the line breaks."""

_MOST_ALLOWED = 8
"""Limits of one channel that a drawing has room for."""


class Point(msgspec.Struct, frozen=True):
    """A gas value at a time."""

    t: int
    row: GasRow


class Curve:
    """One channel's.

    Attributes:
        points: what is drawn, in the log's order or by time.
        left_out: how many values are not.
        allowed: the limits that were told, with the channel's unit; several when the rules changed.
    """

    def __init__(self, most: int) -> None:
        """Nothing yet. `most` values are drawn; twice as many are held before they are thinned."""
        self._most = most
        self.points: list[Point] = []
        self.left_out = 0
        self.allowed: dict[tuple[Allowed, str], None] = {}

    def add(self, point: Point, trips: Collection[int]) -> None:
        """One more value; `trips` are the moments (ms) of the trips so far."""
        self.points.append(point)
        if point.row.allowed is not None and len(self.allowed) < _MOST_ALLOWED:
            self.allowed[point.row.allowed, point.row.unit] = None
        if len(self.points) >= 2 * self._most:
            self.thin(trips)

    def thin(self, trips: Collection[int]) -> None:
        """Come down to as many as are drawn: far from alarms and trips first, then near them, then alarms."""
        self.points.sort(key=lambda point: point.t)
        before = len(self.points)
        moments = sorted({*trips, *(point.t for point in self.points if _alarmed(point))})
        for near, alarms in ((moments, True), ((), True), ((), False)):
            fewer = True
            while fewer and len(self.points) > self._most:
                thinned = _thinned(self.points, near, self._most, alarms=alarms)
                fewer = len(thinned) < len(self.points)
                self.points = thinned
        self.left_out += before - len(self.points)


def _alarmed(point: Point) -> bool:
    return point.row.limit_milli is not None


def _thinned(points: list[Point], near: Sequence[int], most: int, *, alarms: bool) -> list[Point]:
    """Outlines of the quiet values, the oldest first, until few enough are left.

    Args:
        points: by time.
        near: moments, in their order, near which nothing is quiet.
        most: how many are few enough.
        alarms: a value that alarmed is not quiet either.
    """

    def quiet(point: Point) -> bool:
        at = bisect_left(near, point.t - NEAR_MS)
        return not (alarms and _alarmed(point)) and (at == len(near) or near[at] > point.t + NEAR_MS)

    kept: list[Point] = []
    left = len(points)
    for is_quiet, found in groupby(points, key=quiet):
        some = list(found)
        for at in range(0, len(some), TOGETHER):
            few = some[at : at + TOGETHER]
            if is_quiet and left > most:
                outline = _outline(few)
                left -= len(few) - len(outline)
                few = outline
            kept += few
    return kept


def _outline(points: list[Point]) -> list[Point]:
    """The lowest and the highest, and the last one without a value, in their order."""
    values = [(value, at) for at, point in enumerate(points) if (value := point.row.value_milli) is not None]
    breaks = [at for at, point in enumerate(points) if point.row.value_milli is None]
    chosen = {*breaks[-1:], *((min(values)[1], max(values)[1]) if values else ())}
    return [points[at] for at in sorted(chosen)]
