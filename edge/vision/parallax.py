"""How a head is turned, told by parallax: the nose stands before the eyes, so a turn moves it along their line.

A picture of a face that is tilted shrinks along that line, nose and all: no angle is fitted, because a fitted angle
cannot tell a turned head from a tilted picture (a photo at 45 degrees reads up to 28). This is how far a movement is
read, not whether it is a head's: near a wide lens the far half of a picture shrinks more, and its nose wanders between
the eyes; tilted sideways and back at once it does so anywhere. What tells the two apart is `edge.vision.relief`. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import pstdev
from typing import TYPE_CHECKING, Any

from faces.engine import Engine, FaceBox, Landmarks, Point

if TYPE_CHECKING:
    from faces.engine import Image

_ASIDE, _WIDER = 0.06, 0.05
_AROUND = tuple(
    (across, down, wider)
    for across, down in ((0.0, 0.0), (_ASIDE, 0.0), (-_ASIDE, 0.0), (0.0, _ASIDE), (0.0, -_ASIDE))
    for wider in (-_WIDER, _WIDER)
)
"""Boxes about a face's, in its width: aside, down, wider."""
_POINTS = ("left_eye_outer", "left_eye_inner", "right_eye_inner", "right_eye_outer", "nose_tip")
_HOLD = ("left_eye_outer", "right_eye_outer", "nose_tip")
LOOSE = 0.085
"""Points on a face stay where they are when the box is moved a little: their standard deviation in the distance of the
eyes is below 0.05 as a rule, under a helmet at times more. Beside a face they are guessed from the box and go along
with it, and such points look turned: from 0.09 on for drawn faces."""


def points(engine: Engine, image: "Image", box: FaceBox, most: float = LOOSE) -> Landmarks | None:
    """A face's points, each the mean over boxes about its own; None where they are looser than `most`.

    Five points are told in whole pixels and depend on where the face was thought to be; a nose moves by ten of them.
    """
    found = [engine.landmarks(image, _moved(box, *place)) for place in _AROUND]
    face = mean(found)
    loose = max(pstdev(getattr(one, name)[axis] for one in found) for name in _HOLD for axis in (0, 1))
    return face if loose <= most * face.apart_px else None


def face_in(engine: Engine, image: "Image", boxes: Sequence[FaceBox]) -> tuple[list[FaceBox], Landmarks | None]:
    """Which boxes of one face have points that hold, and the mean of these points."""
    read = [(box, face) for box in boxes if (face := points(engine, image, box)) is not None]
    return [box for box, _ in read], mean([face for _, face in read]) if read else None


def mean(faces: Sequence[Landmarks]) -> Landmarks:
    """The points of one face from several readings of it."""
    means: dict[str, Any] = {name: _mean([getattr(one, name) for one in faces]) for name in _POINTS}
    return replace(faces[0], **means)


def _moved(box: FaceBox, across: float, down: float, wider: float) -> FaceBox:
    wide = box.right - box.left
    left, top, more = across * wide, down * wide, wider * wide
    return FaceBox(
        round(box.left + left - more), round(box.top + top - more), round(box.right + left + more),
        round(box.bottom + top + more),
    )  # fmt: skip


def _mean(places: Sequence[Point]) -> Point:
    return Point(sum(at.x for at in places) / len(places), sum(at.y for at in places) / len(places))


@dataclass(frozen=True)
class Pose:
    """How far the nose lies off the middle of the outer eye corners, along their line and in their distance.

    More to the picture's right is more to the person's own left.
    """

    nose: float


def pose(face: Landmarks) -> Pose | None:
    """A face's pose; None when its eye corners are no line."""
    return Pose(face.turn) if face.apart_px >= 1 else None
