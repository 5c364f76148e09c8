"""Plots as SVG text: no library, no script, nothing fetched. Coordinates of data in, one element out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

INK = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#57606a")
"""Genuine, impostor, and whatever comes after."""
_WIDE, _HIGH = 640, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 30, 16, 46


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`; logarithmic axes show whole decades. `percent`: shares 0..1 are shown as per cent."""

    title: str
    low: float
    high: float
    log: bool = False
    percent: bool = False

    def at(self, value: float) -> float:
        """0 at `low`, 1 at `high`; clipped."""
        value = min(max(value, self.low), self.high)
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[tuple[float, str]]:
        """Where ticks are and what they say."""
        if self.log:
            decades = range(math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9) + 1)
            values = [10.0**decade for decade in decades]
        else:
            step = _round_step((self.high - self.low) / 6)
            first = math.ceil(self.low / step - 1e-9)
            values = [step * number for number in range(first, math.floor(self.high / step + 1e-9) + 1)]
        return [(value, self._say(value)) for value in values]

    def _say(self, value: float) -> str:
        return f"{100 * value:.4g} %" if self.percent else f"{value:.4g}"


@dataclass
class Plot:
    """One picture: axes, then curves, bars and marks in the order in which they are added."""

    across: Axis
    up: Axis
    _parts: list[str] = field(default_factory=list)
    _legend: list[tuple[str, str]] = field(default_factory=list)

    def line(self, points: Sequence[tuple[float, float]], name: str, ink: str, *, dashed: bool = False) -> None:
        """A curve through points that rise along the axis."""
        if not points:
            return
        path = "M" + "L".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self._parts.append(f'<path d="{path}" fill="none" stroke="{ink}" stroke-width="2"{dash}/>')
        self._legend.append((name, ink))

    def bars(self, edges: Sequence[float], shares: Sequence[float], name: str, ink: str) -> None:
        """A histogram: one more edge than shares."""
        for left, right, share in zip(edges[:-1], edges[1:], shares, strict=True):
            if share > 0:
                x, y = self._x(left), self._y(share)
                wide, high = self._x(right) - x, self._y(self.up.low) - y
                self._parts.append(
                    f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" fill="{ink}" fill-opacity="0.45"/>'
                )
        self._legend.append((name, ink))

    def mark(self, x: float, name: str) -> None:
        """An upright line with a word beside it."""
        at = self._x(x)
        turned = f'text-anchor="end" transform="rotate(-90 {at - 5:.1f} {_TOP + 4})"'
        self._parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{_HIGH - _BOTTOM}" stroke="#000" stroke-dasharray="2 3"/>'
            f'<text x="{at - 5:.1f}" y="{_TOP + 4}" {turned}>{escape(name)}</text>'
        )

    def dot(self, x: float, y: float, name: str, ink: str) -> None:
        """One point with its name."""
        self._parts.append(f'<circle cx="{self._x(x):.1f}" cy="{self._y(y):.1f}" r="4.5" fill="{ink}"/>')
        self._legend.append((name, ink))

    def svg(self, title: str) -> str:
        """The whole element; `title` is read aloud to whoever does not see it."""
        legend = "".join(
            f'<rect x="{_WIDE - 214}" y="{_TOP + 6 + 18 * row}" width="12" height="12" fill="{ink}"/>'
            f'<text x="{_WIDE - 196}" y="{_TOP + 16 + 18 * row}">{escape(name)}</text>'
            for row, (name, ink) in enumerate(self._legend)
        )
        return (
            f'<svg viewBox="0 0 {_WIDE} {_HIGH}" role="img" aria-label="{escape(title, quote=True)}">'
            f"<title>{escape(title)}</title>{self._grid()}{''.join(self._parts)}{legend}</svg>"
        )

    def _grid(self) -> str:
        bottom, parts = _HIGH - _BOTTOM, []
        for value, says in self.across.ticks():
            x = self._x(value)
            parts.append(
                f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}"/>'
                f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{escape(says)}</text>'
            )
        for value, says in self.up.ticks():
            y = self._y(value)
            parts.append(
                f'<line class="grid" x1="{_LEFT}" x2="{_WIDE - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
                f'<text x="{_LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{escape(says)}</text>'
            )
        middle = (_TOP + bottom) / 2
        parts.append(
            f'<text x="{(_LEFT + _WIDE - _RIGHT) / 2}" y="{_HIGH - 8}" text-anchor="middle">{escape(self.across.title)}</text>'
            f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">{escape(self.up.title)}</text>'
        )
        return "".join(parts)

    def _x(self, value: float) -> float:
        return _LEFT + self.across.at(value) * (_WIDE - _LEFT - _RIGHT)

    def _y(self, value: float) -> float:
        return _HIGH - _BOTTOM - self.up.at(value) * (_HIGH - _TOP - _BOTTOM)


def rows(named: Sequence[tuple[str, float, tuple[float, float]]], limit: float, title: str) -> str:
    """Lying bars of shares 0..1 with their intervals, and an upright line at a limit."""
    across = max([limit * 1.5, 0.05, *(high for _, _, (_, high) in named)])
    across = min(1.0, across)
    left, step, wide = 150, 26, 400
    high = 26 + step * len(named) + 20

    def x(share: float) -> float:
        return left + wide * min(share, across) / across

    parts = []
    for number, (name, share, (low, most)) in enumerate(named):
        y = 26 + step * number
        ink = INK[1] if share > limit else INK[2]
        parts.append(
            f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{left}" y="{y + 3}" width="{max(1.0, x(share) - left):.1f}" height="14" fill="{ink}" fill-opacity="0.6"/>'
            f'<line x1="{x(low):.1f}" x2="{x(most):.1f}" y1="{y + 10}" y2="{y + 10}" stroke="#000"/>'
            f'<text x="{x(most) + 8:.1f}" y="{y + 14}">{100 * share:.1f} %</text>'
        )
    parts.append(
        f'<line x1="{x(limit):.1f}" x2="{x(limit):.1f}" y1="20" y2="{high - 16}" stroke="#000" stroke-dasharray="2 3"/>'
        f'<text x="{x(limit):.1f}" y="14" text-anchor="middle">{100 * limit:g} %</text>'
    )
    return (
        f'<svg viewBox="0 0 640 {high}" role="img" aria-label="{escape(title, quote=True)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def _round_step(rough: float) -> float:
    decade = 10.0 ** math.floor(math.log10(rough))
    return next(step * decade for step in (1, 2, 2.5, 5, 10) if step * decade >= rough - 1e-12)
