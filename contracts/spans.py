"""Spans of time, in any unit: what they cover, and what they leave uncovered. Pure."""

from collections.abc import Iterable

Span = tuple[int, int]
"""From and until."""


def cover(spans: list[Span], first: int, until: int) -> None:
    """One more span; evidence that follows on makes the last one longer."""
    if spans and spans[-1][0] <= first <= spans[-1][1]:
        spans[-1] = (spans[-1][0], max(spans[-1][1], until))
    else:
        spans.append((first, until))


def newest(spans: list[Span]) -> list[Span]:
    """What may still count for the next run: it begins after everything that is here."""
    return [max(spans, key=lambda span: span[1])] if spans else []


def uncovered(first: int, last: int, spans: Iterable[Span]) -> list[Span]:
    """What of ``[first, last]`` no span covers."""
    holes, at = [], first
    for begins, until in sorted(spans):
        if begins >= last:
            break
        if begins > at:
            holes.append((at, begins))
        at = max(at, until)
    if at < last:
        holes.append((at, last))
    return holes


def united(spans: Iterable[Span]) -> list[Span]:
    """The same time, each moment once."""
    merged: list[Span] = []
    for first, until in sorted(spans):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], until))
        elif first < until:
            merged.append((first, until))
    return merged
