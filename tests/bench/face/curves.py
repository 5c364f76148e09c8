"""Genuine and impostor distances, and the errors at every threshold. Pure.

FMR: share of impostor comparisons at or below the threshold; FNMR: share of genuine comparisons above it (ISO/IEC 19795-1).
Distances are counted in bins of 1/10,000, so that a folder of any size takes the same memory.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDTH = 1e-4
BINS = 20_000
"""Distances of unit vectors end at 2; whatever lies beyond is counted there."""
Z_95 = 1.959964
_BLOCK = 256


@dataclass
class Curve:
    """Counts of distances of one person's pictures, and of two people's."""

    genuine: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    impostor: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))

    def add(self, genuine: NDArray[np.floating[Any]], impostor: NDArray[np.floating[Any]]) -> None:
        """Count more distances."""
        self.genuine += _binned(genuine)
        self.impostor += _binned(impostor)

    @property
    def thresholds(self) -> NDArray[np.float64]:
        """Upper edges of the bins: a distance is at or below the edge of its own bin."""
        return WIDTH * np.arange(1, BINS + 1)

    @property
    def fmr(self) -> NDArray[np.float64]:
        """False match rate at each threshold; NaN without impostors."""
        return _share(np.cumsum(self.impostor), self.impostor.sum())

    @property
    def fnmr(self) -> NDArray[np.float64]:
        """False non-match rate at each threshold; NaN without genuine pairs."""
        return _share(self.genuine.sum() - np.cumsum(self.genuine), self.genuine.sum())

    def at(self, threshold: float) -> tuple[float, float]:
        """FMR and FNMR at a threshold."""
        index = min(BINS - 1, max(0, round(threshold / WIDTH) - 1))
        return float(self.fmr[index]), float(self.fnmr[index])

    def eer(self) -> tuple[float, float]:
        """Equal error rate and its threshold: where FMR rises past FNMR, the mean of both."""
        fmr, fnmr = self.fmr, self.fnmr
        if not np.isfinite(fmr).all() or not np.isfinite(fnmr).all():
            return math.nan, math.nan
        index = int(np.argmax(fmr >= fnmr))
        return float(fmr[index] + fnmr[index]) / 2, float(self.thresholds[index])

    def fnmr_at_fmr(self, most: float) -> tuple[float, float]:
        """FNMR at the largest threshold whose FMR is at most `most`, and that threshold; NaN when nothing was counted."""
        fits = np.flatnonzero(self.fmr <= most)
        if not self.genuine.sum() or not self.impostor.sum():
            return math.nan, math.nan
        if not len(fits):
            return 1.0, 0.0
        return float(self.fnmr[fits[-1]]), float(self.thresholds[fits[-1]])

    def figures(self, shipped: float) -> dict[str, Any]:
        """All of it by name; rates 0..1, NaN as None. `too_few` when the folder cannot resolve FMR 0.1 %."""
        eer, eer_at = self.eer()
        found: dict[str, Any] = {
            "genuine": int(self.genuine.sum()), "impostor": int(self.impostor.sum()), "eer": eer, "eer_threshold": eer_at,
        }  # fmt: skip
        for name, most in (("1pct", 0.01), ("0_1pct", 0.001)):
            found[f"fnmr_at_fmr_{name}"], found[f"threshold_at_fmr_{name}"] = self.fnmr_at_fmr(most)
        fmr, fnmr = self.at(shipped)
        found |= {"shipped_threshold": shipped, "fmr": fmr, "fnmr": fnmr, "too_few": bool(self.impostor.sum() < 1000)}
        if found["impostor"] and found["genuine"]:
            found["fmr_95"] = interval(round(fmr * found["impostor"]), found["impostor"])
            found["fnmr_95"] = interval(round(fnmr * found["genuine"]), found["genuine"])
        return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in found.items()}


def pairs(people: Sequence[NDArray[np.float32]]) -> Curve:
    """Every picture against every other one; each person's vectors as rows."""
    curve = Curve()
    rows = np.concatenate([np.asarray(own, np.float64) for own in people]) if people else np.zeros((0, 1))
    whose = np.repeat(np.arange(len(people)), [len(own) for own in people])
    for first in range(0, len(rows), _BLOCK):
        apart = _distances(rows[first : first + _BLOCK], rows[first:])
        later = np.arange(apart.shape[1])[None, :] > np.arange(apart.shape[0])[:, None]
        same = whose[first : first + _BLOCK, None] == whose[None, first:]
        curve.add(apart[later & same], apart[later & ~same])
    return curve


def enrolled(people: Sequence[NDArray[np.float32]], stills: int, draws: int, chance: np.random.Generator) -> Curve:
    """As the box compares: a picture against a person's `stills`, mean of the best two; `draws` choices of the stills.

    Genuine: the person's remaining pictures. Impostor: the same pictures against everybody else's stills.
    """
    curve = Curve()
    able = [own for own in people if len(own) > stills]
    for _ in range(draws if able else 0):
        templates, probes = zip(*(_drawn(own, stills, chance) for own in able), strict=True)
        for index, probe in enumerate(probes):
            found = [best_two(probe, template) for template in templates]
            curve.add(found[index], _flat([other for number, other in enumerate(found) if number != index]))
    return curve


def best_two(probes: NDArray[np.float32], template: NDArray[np.float32]) -> NDArray[np.float64]:
    """For each probe (row) the mean of its best two distances to a template's rows: `faces.match.distance` for many."""
    found: NDArray[np.float64] = np.sort(_distances(probes, template), axis=1)[:, :2].mean(axis=1)
    return found


def interval(errors: int, of: int) -> tuple[float, float]:
    """95 % Wilson interval of a share. Pictures of one person are alike, so the true one is wider."""
    share, z2 = errors / of, Z_95**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z_95 * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return middle - half if errors else 0.0, middle + half if errors < of else 1.0


def thinned(curve: Curve, points: int = 240) -> Iterator[tuple[float, float, float]]:
    """Threshold, FMR and FNMR where either changes, for a plot."""
    fmr, fnmr, thresholds = curve.fmr, curve.fnmr, curve.thresholds
    changes = np.flatnonzero((np.diff(fmr, prepend=-1) != 0) | (np.diff(fnmr, prepend=-1) != 0))
    step = max(1, len(changes) // points)
    for index in changes[::step]:
        yield float(thresholds[index]), float(fmr[index]), float(fnmr[index])


def _binned(distances: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    # A distance on an edge belongs below it; the tenth of a millionth forgives what division adds.
    bins = np.ceil(np.asarray(distances, np.float64) / WIDTH - 1e-7) - 1
    return np.bincount(np.clip(bins, 0, BINS - 1).astype(np.int64), minlength=BINS)


def _drawn(own: NDArray[np.float32], stills: int, chance: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    order = chance.permutation(len(own))
    return own[order[:stills]], own[order[stills:]]


def _distances(left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.float64]:
    """Euclidean, row by row; by products, because differences of all pairs would not fit into memory."""
    a, b = np.asarray(left, np.float64), np.asarray(right, np.float64)
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None, :] - 2 * a @ b.T
    found: NDArray[np.float64] = np.sqrt(np.maximum(squares, 0))
    return found


def _flat(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.concatenate([part.ravel() for part in parts]) if parts else np.zeros(0)


def _share(counts: NDArray[np.int64], of: int) -> NDArray[np.float64]:
    return counts / of if of else np.full(BINS, math.nan)
