"""20,000 proofs beside pymerkle's, 20,000 objects beside rfc8785's (ANT-09)."""

from pathlib import Path
from random import Random
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.bench.audit import build
from tests.edge.audit.oracles import DATA, TEXT, Trees, is_canonical
from tests.edge.audit.site import Station
from tests.soak.outcome import Outcome, Told

LEAVES = 20_000
PROOFS = 20_000
OBJECTS = 20_000
_MORE = 1.05
"""Some objects hold text that is not NFC and are refused: so many more are made."""
_TELL_EVERY = 100


def run(folder: Path, seed: int, told: Told, *, leaves: int = LEAVES, proofs: int = PROOFS, objects: int = OBJECTS) -> Outcome:
    """Leaves at random in trees of random sizes, then random objects."""
    chance, station = Random(seed), Station(folder)
    build(station, leaves, told)
    reader = station.reader()
    try:
        trees = Trees(reader)
        problems = []
        for number in range(1, proofs + 1):
            size = chance.randint(1, trees.size)
            difference = trees.differs(chance.randrange(size), size)
            problems += [f"pymerkle differs: {difference}"] if difference else []
            if not number % _TELL_EVERY:
                told("proofs", number, proofs)
    finally:
        reader.close()
    compared, unlike = _objects(seed, objects, told)
    problems += [f"rfc8785 differs: {what}" for what in unlike]
    if compared < objects:
        problems.append(f"expected {objects} objects to be compared, got {compared}")
    return Outcome({"leaves": leaves, "proofs": proofs, "objects": compared, "differences": len(problems)}, problems[:20])


def _objects(seed: int, least: int, told: Told) -> tuple[int, list[str]]:
    compared = 0
    unlike: list[str] = []

    @hypothesis.seed(seed)
    @settings(max_examples=round(least * _MORE), deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(data=DATA, what=TEXT)
    def compare(data: dict[str, Any], what: str) -> None:
        nonlocal compared
        found = is_canonical(data, what)
        compared += found is not None
        if found is False:
            unlike.append(f"{what!r}: {data!r}"[:300])
        if not compared % _TELL_EVERY:
            told("objects", min(compared, least), least)

    compare()
    return compared, unlike
