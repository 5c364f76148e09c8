"""Two thousand permits that nobody approves, 2, 4 and 8 hours scaled, workers killed at random (PTW-13, -14, -15).

On SQLite with one worker, and on PostgreSQL with two: each threshold fires once, in its order, at most 2 s late.
"""

from pathlib import Path
from typing import Any

from tests.cloud_bridge.flows import escalation, postgres
from tests.cloud_bridge.flows.escalation import Size
from tests.soak.outcome import MissingMeansError, Outcome, Told

CASES = 2000
RATE = 12.0
HOUR_S = 10.0
KILL_EVERY_S = (1.0, 5.0)
MOST_S = 2.0


def run(folder: Path, seed: int, told: Told, *, cases: int = CASES, hour_s: float = HOUR_S) -> Outcome:
    """One database after the other.

    Raises:
        MissingMeansError: there is no PostgreSQL.
    """
    if postgres.binaries() is None:
        raise MissingMeansError(postgres.MISSING)
    figures: dict[str, Any] = {}
    problems: list[str] = []

    def take(name: str, workers: int, database: str) -> None:
        size = Size(cases, RATE, hour_s, workers, KILL_EVERY_S)
        found = escalation.run(folder / name, size, seed, lambda _what, done, of: told(name, done, of), database)
        figures.update({f"{name}_{what}": value for what, value in found.items()})
        problems.extend(f"{name}: {problem}" for problem in escalation.problems(found, cases, MOST_S))

    take("sqlite", 1, "")
    with postgres.cluster() as database:
        take("postgresql", 2, database)
    return Outcome(figures, problems)
