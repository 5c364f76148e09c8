"""Looks texts up in one language and says numbers, ages and times as people do."""

from typing import Literal, Protocol

import msgspec

from edge.cli.texts import TEXTS


class Bilingual(Protocol):
    """What the status document says in both languages."""

    @property
    def zh(self) -> str:
        """Chinese."""

    @property
    def en(self) -> str:
        """English."""


class _Reason(Bilingual, Protocol):
    @property
    def todo_zh(self) -> str: ...

    @property
    def todo_en(self) -> str: ...


class Words(msgspec.Struct, frozen=True):
    """The catalogue in one language."""

    lang: Literal["zh", "en"]

    def __call__(self, key: str, **values: object) -> str:
        """A text with its values put in.

        Raises:
            KeyError: the catalogue lacks it.
        """
        text = TEXTS[key][0 if self.lang == "zh" else 1]
        return text.format(**values) if values else text

    def known(self, key: str, otherwise: str) -> str:
        """A text, or the word itself where a controller or a newer interlock says something unknown."""
        return self(key) if key in TEXTS else otherwise

    def pick(self, view: Bilingual) -> str:
        """The view's own text."""
        return view.zh if self.lang == "zh" else view.en

    def todo(self, reason: _Reason) -> str:
        """What to do about a reason."""
        return reason.todo_zh if self.lang == "zh" else reason.todo_en

    def span(self, ms: float) -> str:
        """How long: 0.4 s, 42 s, 12:34, 1 h 59 min."""
        if ms < 9_950:
            return self("span_s", s=f"{max(ms, 0) / 1000:.1f}")
        seconds = round(ms / 1000)
        if seconds < 100:
            return self("span_s", s=seconds)
        if seconds < 3600:
            return f"{seconds // 60}:{seconds % 60:02d}"
        hours, minutes = seconds // 3600, seconds % 3600 // 60
        return (
            self("span_h", h=hours, m=f"{minutes:02d}") if hours < 48 else self("span_d", d=hours // 24, h=hours % 24)
        )

    def age(self, ms: int | None) -> str:
        """How long ago, or never."""
        return self("never") if ms is None else self.span(ms)


def number(value: float | None) -> str:
    """A value as the display of a detector would show it: at most three decimals, none that say nothing."""
    return "–" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")


def limits(low: float | None, high: float | None) -> str:
    """A pair of limits: ``≤ 10``, ``≥ 19.5`` or ``19.5–23.5``."""
    if low is not None and high is not None:
        return f"{number(low)}–{number(high)}"
    return f"≥ {number(low)}" if low is not None else f"≤ {number(high)}"
