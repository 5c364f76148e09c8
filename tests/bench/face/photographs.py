"""`FACES=DIR`: everything that is measured on a folder of pictures per person, as plain figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.bench.face import curves, folder, identify, memory
from tests.bench.face.look import Eye, Seen, Told, duplicates, everybody, vectors
from tests.bench.face.rule import Rule, enrolment

DRAWS = 5
"""Choices of the three stills of each person for the curve that compares as the box does."""
LIMITS = (0.45, 0.50, 0.55, 0.60)
"""Besides the shipped one, for the table of identification."""
_HISTOGRAM = 50


@dataclass(frozen=True)
class Looked:
    """Everybody's pictures, looked at once; `twice` were left out as duplicates."""

    seen: Mapping[str, Sequence[Seen]]
    vectors: Mapping[str, NDArray[np.float32]]
    twice: int


def look(place: Path, eye: Eye, told: Told) -> Looked:
    """Look at every picture.

    Raises:
        FolderError: the folder has no pictures of people, or none with a face.
    """
    people = folder.people(place)
    twice = duplicates(people)
    seen = everybody(eye, {person: [path for path in paths if path not in twice] for person, paths in people.items()}, told)
    found = vectors(seen)
    if not found:
        raise folder.FolderError(
            f"{place}: expected faces, came pictures without one that is found;"
            " show faces from the front, 80 pixels wide or more"
        )
    return Looked(seen, found, len(twice))


def figures(
    place: Path, looked: Looked, eye: Eye, rule: Rule, *, seed: int = 1, trials: int = identify.TRIALS
) -> dict[str, Any]:
    """Count."""
    chance = np.random.default_rng(seed)
    every = list(looked.vectors.values())
    one, three = curves.pairs(every), curves.enrolled(every, identify.STILLS, DRAWS, chance)
    return {
        "folder": place.name, "synthetic": folder.label(place), "seed": seed,
        "engine": {"name": eye.engine.name, "model_sha256": eye.engine.model_sha256},
        "rule": rule.facts(),
        "pictures": _acquired(looked.seen, looked.twice),
        "enrolment": enrolment(rule, looked.seen),
        "pairs": one.figures(rule.limit), "three_stills": three.figures(rule.limit),
        "identification": _identified(looked.vectors, rule, trials, chance),
        "latency": eye.times.figures(), "memory": memory.figures(),
        "curves": {"pairs": _curve(one), "three_stills": _curve(three)},
    }  # fmt: skip


def _acquired(seen: Mapping[str, Sequence[Seen]], twice: int) -> dict[str, Any]:
    """What became of the pictures; failure to acquire counts those without a vector."""
    every = [one for own in seen.values() for one in own]
    none = [one for one in every if one.vector is None]
    widths = sorted(one.face_px for one in every if one.vector is not None)
    return {
        "people": len(seen), "pictures": len(every), "left_out_as_duplicates": twice,
        "unreadable": sum(not one.readable for one in every), "without_face": sum(one.readable for one in none),
        "fta": len(none) / len(every) if every else 0.0, "found_at_second_look": sum(one.again for one in every),
        "several_faces": sum(one.faces > 1 for one in every),
        "face_px_median": widths[len(widths) // 2] if widths else 0,
    }  # fmt: skip


def _identified(found: Mapping[str, Any], rule: Rule, trials: int, chance: np.random.Generator) -> dict[str, Any]:
    why = identify.why_not(found)
    if why:
        return {"measured": False, "why": why}
    answers = identify.run(found, trials, chance)
    limits = sorted({*LIMITS, round(rule.limit, 4)})
    rows = [identify.figures(answers, limit, margin) for limit in limits for margin in (0.0, rule.margin)]
    return {
        "measured": True, "people": identify.PEOPLE, "stills": identify.STILLS, "trials": trials,
        "shipped": identify.figures(answers, rule.limit, rule.margin), "by_limit": rows,
    }  # fmt: skip


def _curve(curve: curves.Curve) -> dict[str, Any]:
    """What the plots need: the errors where they change, and histograms."""
    top = max([1.0, *(float(curve.thresholds[counts.nonzero()[0][-1]]) for counts in (curve.genuine, curve.impostor) if counts.any())])
    bins = max(1, round(top / curves.WIDTH / _HISTOGRAM))
    edges = [round(index * bins * curves.WIDTH, 4) for index in range(_HISTOGRAM + 1)]

    def shares(counts: Any) -> list[float]:
        whole = counts.sum() or 1
        return [round(float(counts[i * bins : (i + 1) * bins].sum() / whole), 6) for i in range(_HISTOGRAM)]

    return {
        "errors": [(round(at, 4), round(fmr, 7), round(fnmr, 7)) for at, fmr, fnmr in curves.thinned(curve) if np.isfinite((fmr, fnmr)).all()],
        "edges": edges, "genuine": shares(curve.genuine), "impostor": shares(curve.impostor),
    }  # fmt: skip
