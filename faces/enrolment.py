"""Enrolment: 3 to 5 stills of one person become a template, or a reason why not that says what to do.

Box, bridge and bench enrol by this alone. Nothing is written here, and no picture is kept.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faces import pictures
from faces.engine import Engine
from faces.match import distance
from faces.policy import Policy
from faces.quality import Quality, fault, measure
from faces.refusals import EnrolmentRefusedError, Refusal
from faces.templates import FEWEST, MOST, VERSION, Template, pack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faces.engine import Image, Vector

_LONGEST_SIDE = 1280
"""A phone's picture is made smaller: the face is as large as it needs to be, and 12 megapixels take 36 MB."""


@dataclass(frozen=True)
class Still:
    """A picture of the person who is being enrolled, and what to call it; without an image it could not be read."""

    name: str
    image: "Image | None"


@dataclass(frozen=True)
class Described:
    """A still that was good enough: the vector of its one face, and what was measured."""

    name: str
    vector: "Vector"
    quality: Quality


@dataclass(frozen=True)
class Made:
    """An enrolment. Distances: largest between two stills; smallest to another person, None if there is none."""

    template: Template
    spread: float
    nearest: str
    nearest_distance: float | None


def decode(name: str, picture: bytes) -> Still:
    """A JPEG's or PNG's pixels, upright, at most 1280 a side; no image of anything else, or of what is too large."""
    image = pictures.read(picture)
    if image is None:
        return Still(name, None)
    import cv2

    shrink = max(image.shape[:2]) / _LONGEST_SIDE
    if shrink > 1:
        size = (max(1, round(image.shape[1] / shrink)), max(1, round(image.shape[0] / shrink)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return Still(name, image)


def refuse_count(count: int) -> None:
    """Refuse too few or too many stills.

    Raises:
        EnrolmentRefusedError: it is not 3 to 5.
    """
    if not FEWEST <= count <= MOST:
        raise EnrolmentRefusedError(Refusal.COUNT, few=FEWEST, many=MOST, came=count)


def describe(engine: Engine, still: Still, policy: Policy) -> Described:
    """The one face of a still (0.15 s with dlib).

    Raises:
        EnrolmentRefusedError: it cannot be read, has not exactly one face, or is too small, dark, bright, turned,
            tilted or blurred.
    """
    if still.image is None:
        raise EnrolmentRefusedError(Refusal.UNREADABLE, still=still.name)
    faces = engine.detect(still.image)
    if not faces:
        raise EnrolmentRefusedError(Refusal.NO_FACE, still=still.name)
    if len(faces) > 1:
        raise EnrolmentRefusedError(Refusal.TWO_FACES, still=still.name, came=len(faces))
    quality = measure(still.image, faces[0], engine.landmarks(still.image, faces[0]))
    found = fault(quality, policy)
    if found is not None:
        raise EnrolmentRefusedError(found[0], still=still.name, **found[1])
    return Described(still.name, engine.embed(still.image, faces[0]), quality)


def enrol(
    engine: Engine,
    person: str,
    stills: Sequence[Still],
    policy: Policy,
    others: Mapping[str, "NDArray[np.float32]"],
    *,
    created: int,
    permit: str = "",
    expires: int = 0,
) -> Made:
    """A template from a person's stills; `others` are the rows of everybody else whom this engine knows.

    Raises:
        EnrolmentRefusedError: with the reason in both languages.
    """
    refuse_count(len(stills))
    described = [describe(engine, still, policy) for still in stills]
    return join(engine, person, described, policy, others, created=created, permit=permit, expires=expires)


def join(
    engine: Engine,
    person: str,
    stills: Sequence[Described],
    policy: Policy,
    others: Mapping[str, "NDArray[np.float32]"],
    *,
    created: int,
    permit: str = "",
    expires: int = 0,
) -> Made:
    """A template from stills that were described one by one, as a camera gives them.

    Raises:
        EnrolmentRefusedError: too few or too many, one picture twice, two people, or somebody who is enrolled already.
    """
    refuse_count(len(stills))
    spread = _spread(stills, policy)
    nearest, nearest_distance = _nearest(person, stills, policy, others)
    vectors = pack(np.stack([still.vector for still in stills]))
    template = Template(VERSION, person, engine.name, engine.model_sha256, vectors, created, permit, expires)
    return Made(template, spread, nearest, nearest_distance)


def _spread(stills: Sequence[Described], policy: Policy) -> float:
    """The largest distance between two stills, when no two are one picture or two people."""
    spread = 0.0
    for a, b in itertools.combinations(stills, 2):
        apart = float(np.linalg.norm(a.vector - b.vector))
        spread = max(spread, apart)
        if policy.apart <= apart <= policy.limit:
            continue
        why, limit = (Refusal.SAME_PICTURE, policy.apart) if apart < policy.apart else (Refusal.DISAGREE, policy.limit)
        raise EnrolmentRefusedError(why, still=b.name, other=a.name, came=f"{apart:.2f}", limit=f"{limit:.2f}")
    return spread


def _nearest(
    person: str, stills: Sequence[Described], policy: Policy, others: Mapping[str, "NDArray[np.float32]"]
) -> tuple[str, float | None]:
    """Who of the others lies nearest, when nobody is near enough to be taken for this person."""
    name, nearest = "", None
    for other, rows in others.items():
        if other == person:
            continue
        for still in stills:
            apart = distance(still.vector, rows)
            if apart <= policy.limit:
                facts = {"still": still.name, "other": other, "came": f"{apart:.2f}", "limit": f"{policy.limit:.2f}"}
                raise EnrolmentRefusedError(Refusal.SOMEBODY_ELSE, **facts)
            if nearest is None or apart < nearest:
                name, nearest = other, apart
    return name, nearest
