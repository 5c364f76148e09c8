"""EIO and ENOSPC from fsync at a hundred random moments of a writer, and again and again under a whole box (BOX-05, ANT-09)."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from tests.bench.plant import LateError
from tests.edge.audit import faulty_fsync
from tests.edge.audit.faulty_fsync import ERRORS
from tests.soak.outcome import MissingMeansError, Outcome, Told

WRITERS = 100
BOXES = 10
FIRST = (30, 300)
"""Which sync of a thread is the first that fails; before, the log may not have opened yet, which has a test of its own."""


def run(folder: Path, seed: int, told: Told, *, writers: int = WRITERS, boxes: int = BOXES) -> Outcome:
    """Both, with each error in turns.

    Raises:
        MissingMeansError: there is no strace.
    """
    if shutil.which("strace") is None:
        raise MissingMeansError("expected strace: apt-get install strace")
    chance = Random(seed)
    problems: list[str] = []
    acknowledged = 0
    for number in range(writers):
        error, first = ERRORS[number % len(ERRORS)], chance.randrange(*FIRST)
        when = chance.choice((f"{first}..{first + 1}", f"{first}+"))
        place = folder / f"writer-{number}"
        place.mkdir()
        found = _asserted(lambda: faulty_fsync.under_a_writer(place, error, when), f"{error} at {when}", problems)  # noqa: B023
        acknowledged += found or 0
        shutil.rmtree(place)
        told("writers", number + 1, writers)
    place = folder / "boxes"
    place.mkdir()
    with faulty_fsync.tested(place) as site:
        for number in range(boxes):
            error = ERRORS[number % len(ERRORS)]
            _asserted(lambda: faulty_fsync.under_a_box(site, error), f"box {number}, {error}", problems)  # noqa: B023
            told("boxes, released and locked", number + 1, boxes)
    return Outcome({"writers": writers, "acknowledged_events": acknowledged, "boxes": boxes}, problems[:20])


def _asserted(call: Callable[[], Any], what: str, problems: list[str]) -> Any:
    """What it returns; what it finds wrong goes to the problems."""
    try:
        return call()
    except (AssertionError, LateError, subprocess.SubprocessError) as error:
        problems.append(f"{what}: {type(error).__name__}: {error}"[:500])
        return None
