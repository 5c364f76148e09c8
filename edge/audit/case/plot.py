"""Gas values over time as an SVG drawing: no script, no outside address, readable in black and white. Pure.

A step line: a value holds until the next one is recorded. Values that alarmed are triangles, the limit is a dashed line
with its number, trips are upright lines with a number that the table of trips explains.
"""

import time
from collections.abc import Callable, Collection, Sequence
from html import escape

from contracts.errors import printable
from edge.audit.case.curve import Point

WIDTH, HEIGHT = 720, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 40, 30


def plot(
    chan: str, points: Sequence[Point], trips: Sequence[tuple[int, int]], span: tuple[int, int], title: str,
    allowed: Collection[int] = (),
) -> str:  # fmt: skip
    """One channel's drawing.

    Args:
        chan: the channel.
        points: its values, by time.
        trips: number and time (ms) of each trip.
        span: first and last time of the case, ms.
        title: what a screen reader says.
        allowed: limits that hold, whether a value went beyond them or not; in thousandths.
    """
    values = [point.row.value_milli for point in points if point.row.value_milli is not None]
    limits = sorted({*allowed, *(p.row.limit_milli for p in points if p.row.limit_milli is not None)})
    if not values:
        return ""
    lowest, highest = min(0, *values, *limits), max(*values, *limits, 1)
    first, last = span[0], max(span[1], span[0] + 1000)

    def x(t: int) -> float:
        return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * (min(max(t, first), last) - first) / (last - first), 1)

    def y(milli: int) -> float:
        top = highest + (highest - lowest) * 0.08
        return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * (milli - lowest) / (top - lowest), 1)

    unit = _safe(next((point.row.unit for point in points if point.row.unit), ""))
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{_safe(title)}">',
        f'<text class="name" x="{_LEFT}" y="16">{_safe(chan)} [{unit}]</text>',
        f'<path class="axis" d="M{_LEFT} {_TOP}V{HEIGHT - _BOTTOM}H{WIDTH - _RIGHT}"/>',
    ]
    parts += [
        f'<text class="tick" x="{_LEFT - 6}" y="{y(milli) + 4}" text-anchor="end">{milli / 1000:g}</text>'
        for milli in sorted({lowest, highest})
    ]
    for moment, anchor in ((first, "start"), ((first + last) // 2, "middle"), (last, "end")):
        shown = time.strftime("%H:%M:%S" if last - first < 86_400_000 else "%m-%d %H:%M", time.localtime(moment / 1000))
        parts.append(f'<text class="tick" x="{x(moment)}" y="{HEIGHT - 10}" text-anchor="{anchor}">{shown}</text>')
    for limit in limits:
        at = y(limit)
        parts.append(f'<path class="limit" d="M{_LEFT} {at}H{WIDTH - _RIGHT}"/>')
        where = f'x="{WIDTH - _RIGHT}" y="{at - 4}" text-anchor="end"'
        parts.append(f'<text class="limit-text" {where}>{limit / 1000:g}</text>')
    parts += [_trip(number, x(t)) for number, t in trips]
    parts.append(f'<path class="value" d="{_steps([(x(p.t), p.row.value_milli) for p in points], y, x(last))}"/>')
    parts += [
        f'<path class="alarm" d="M{x(p.t)} {y(p.row.value_milli) - 6}l5 9h-10z"/>'
        for p in points
        if p.row.limit_milli is not None and p.row.value_milli is not None
    ]
    return "".join([*parts, "</svg>"])


def _trip(number: int, at: float) -> str:
    return (
        f'<path class="trip" d="M{at} {_TOP}V{HEIGHT - _BOTTOM}"/>'
        f'<text class="trip-text" x="{at}" y="{_TOP - 3}" text-anchor="middle">{number}</text>'
    )


def _steps(points: Sequence[tuple[float, int | None]], y: Callable[[int], float], end: float) -> str:
    """A line that stays at each value until the next; broken where there is none."""
    drawn, pen = [], False
    for at, milli in points:
        if milli is None:
            drawn.append(f"H{at}" if pen else "")
            pen = False
        else:
            height = y(milli)
            drawn.append(f"H{at}V{height}" if pen else f"M{at} {height}")
            pen = True
    return "".join(drawn) + (f"H{end}" if pen else "")


def _safe(text: str) -> str:
    return escape(printable(text), quote=True)
