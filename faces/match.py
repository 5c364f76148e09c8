"""Who is in the picture: vectors against templates. Pure.

The distance of a face to a person is the mean of the best two distances to the person's 3 to 5 stills. The limit is a
row of the rule pack (0.50): at dlib's usual 0.6 more than a third of strangers passed against four people, at 0.50
1.4 % (measured on ORL). A face within the limit of two people is nobody's: it is the likeness of two, or one person
under two names, and enrolment and delivery refuse both.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faces.engine import FaceBox, Landmarks
from faces.policy import Policy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faces.engine import Vector


@dataclass(frozen=True)
class Matched:
    """A face's result: the person or None, and the nearest person with the distance (None without templates)."""

    person: str | None
    nearest: str
    distance: float | None


@dataclass(frozen=True)
class Seen:
    """A face of a picture that was given to a person. `held`: enough of the newest looks agree (`faces.vote`).

    `live_score` is a passive model's advice, None without one.
    """

    person: str
    face: FaceBox
    landmarks: Landmarks
    distance: float
    held: bool
    live_score: float | None


def distance(face: "Vector", templates: "NDArray[np.float32]") -> float:
    """Mean of the best two Euclidean distances of a vector to a person's vectors (rows; at least two)."""
    distances = np.sort(np.linalg.norm(templates - face, axis=1))
    return float(distances[:2].mean())


def apart(some: "NDArray[np.float32]", others: "NDArray[np.float32]") -> float:
    """How far two people's templates lie apart: the least of each row's distance to the other one, from both sides."""
    return min(*(distance(row, others) for row in some), *(distance(row, some) for row in others))


def match(
    faces: Sequence["Vector"], people: Mapping[str, "NDArray[np.float32]"], policy: Policy
) -> list[Matched]:
    """Give each face to at most one person and each person at most one face, the nearest.

    A face is only ever given to its own nearest person, so two faces never share a person and one face never stands
    for performer and guardian both.
    """
    results = [_nearest(face, people, policy) for face in faces]
    closest: dict[str, int] = {}
    for index, result in enumerate(results):
        rival = closest.get(result.person) if result.person else None
        if result.person and (rival is None or _gap(result) < _gap(results[rival])):
            closest[result.person] = index
    return [
        result if result.person and closest[result.person] == index else Matched(None, result.nearest, result.distance)
        for index, result in enumerate(results)
    ]


def _gap(result: Matched) -> float:
    return float("inf") if result.distance is None else result.distance


def _nearest(face: "Vector", people: Mapping[str, "NDArray[np.float32]"], policy: Policy) -> Matched:
    ranked = sorted((distance(face, templates), person) for person, templates in people.items())
    if not ranked or not all(math.isfinite(apart) for apart, _ in ranked):
        return Matched(None, "", None)
    best, person = ranked[0]
    # One head that two templates fit could stand for both, now for the one and now for the other as it turns.
    alone = len(ranked) == 1 or (ranked[1][0] > policy.limit and ranked[1][0] - best >= policy.margin)
    return Matched(person if best <= policy.limit and alone else None, person, best)
