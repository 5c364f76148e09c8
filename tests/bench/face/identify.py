"""Errors of the box's own question: which of the few people of a permit is this, if any? Pure.

A trial draws a permit of four people with three stills each, one other picture of each of the four, and four pictures of
outsiders. FPIR: an outsider is taken for somebody of the permit. FNIR: a person of the permit is not taken for himself;
`mistaken` is the part of it that is taken for another one of the permit (ISO/IEC 19795-1, open-set identification).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.bench.face.curves import best_two, interval

PEOPLE = 4
STILLS = 3
TRIALS = 2_000


class Answers(NamedTuple):
    """For each probe the nearest person's distance, how much further the second is, and whether the nearest is right."""

    best: NDArray[np.float64]
    gap: NDArray[np.float64]
    right: NDArray[np.bool_]

    def accepted(self, limit: float, margin: float) -> NDArray[np.bool_]:
        """Which probes are taken for their nearest person: the rule of `faces.match`."""
        return (self.best <= limit) & (self.gap >= margin)


class Found(NamedTuple):
    """Probes of people on the permit, and of outsiders."""

    members: Answers
    outsiders: Answers


def able(people: Mapping[str, NDArray[np.float32]]) -> list[str]:
    """People who have enough pictures to be enrolled and asked for."""
    return [person for person, own in people.items() if len(own) > STILLS]


def why_not(people: Mapping[str, NDArray[np.float32]]) -> str:
    """Why identification cannot be measured on these people; empty when it can."""
    enough = len(able(people))
    if enough < PEOPLE:
        return f"expected {PEOPLE} people with more than {STILLS} usable pictures, came {enough}"
    return "" if len(people) > PEOPLE else f"expected more than {PEOPLE} people, so that there are outsiders"


def run(people: Mapping[str, NDArray[np.float32]], trials: int, chance: np.random.Generator) -> Found:
    """Draw permits and ask; `why_not` must be empty."""
    inside, everybody = able(people), list(people)
    members: list[tuple[float, float, bool]] = []
    outsiders: list[tuple[float, float, bool]] = []
    for _ in range(trials):
        permit = [inside[index] for index in chance.choice(len(inside), PEOPLE, replace=False)]
        outside = [person for person in everybody if person not in permit]
        templates, probes = [], []
        for person in permit:
            order = chance.permutation(len(people[person]))
            templates.append(people[person][order[:STILLS]])
            probes.append(people[person][order[STILLS]])
        for index in chance.integers(0, len(outside), PEOPLE):
            own = people[outside[index]]
            probes.append(own[chance.integers(0, len(own))])
        answers = _answers(np.stack(probes), templates)
        members += [(best, gap, nearest == index) for index, (best, gap, nearest) in enumerate(answers[:PEOPLE])]
        outsiders += [(best, gap, False) for best, gap, _ in answers[PEOPLE:]]
    return Found(_columns(members), _columns(outsiders))


def figures(found: Found, limit: float, margin: float) -> dict[str, Any]:
    """Rates at a limit and margin, with 95 % intervals."""
    took = found.members.accepted(limit, margin)
    wrong = int((took & ~found.members.right).sum())
    missed = int((~(took & found.members.right)).sum())
    strangers = int(found.outsiders.accepted(limit, margin).sum())
    asked, outside = len(took), len(found.outsiders.best)
    return {
        "limit": limit, "margin": margin, "probes": asked, "outsiders": outside,
        "fpir": strangers / outside, "fpir_95": interval(strangers, outside),
        "fnir": missed / asked, "fnir_95": interval(missed, asked), "mistaken": wrong / asked,
    }  # fmt: skip


def _answers(probes: NDArray[np.float32], templates: list[NDArray[np.float32]]) -> list[tuple[float, float, int]]:
    apart = np.stack([best_two(probes, template) for template in templates], axis=1)
    order = np.argsort(apart, axis=1)
    ranked = np.take_along_axis(apart, order, axis=1)
    return [(float(row[0]), float(row[1] - row[0]), int(who[0])) for row, who in zip(ranked, order, strict=True)]


def _columns(rows: list[tuple[float, float, bool]]) -> Answers:
    best, gap, right = zip(*rows, strict=True)
    return Answers(np.asarray(best), np.asarray(gap), np.asarray(right, bool))
