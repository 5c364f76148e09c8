"""What a soak test found."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from tests.bench.report import Row

Told = Callable[[str, int, int], None]
"""Progress: what, how many are done, of how many."""


class Outcome(NamedTuple):
    """Figures by name, and what was not as it must be: empty when all was."""

    figures: dict[str, Any]
    problems: list[str]


class MissingMeansError(Exception):
    """This machine cannot run it; says what it lacks and how to get it."""


def missed(rows: Iterable[Row]) -> list[str]:
    """One line for each figure of a bench that misses its target."""
    return [
        f"{row.name}: expected {'at least' if row.at_least else 'at most'} {row.target:.2f} {row.unit}, got {row.value:.2f}".rstrip()
        for row in rows
        if not row.ok
    ]
