"""How a head is turned, told by parallax: the nose stands before the eyes, so a turn moves it along their line.

A picture of a face that is tilted shrinks along that line, nose and all, so the nose's place in the frame of the eye
corners stays: no angle is fitted, because a fitted angle cannot tell a turned head from a tilted picture (a photo at 45
degrees reads up to 28). Pure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
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


def points(engine: Engine, image: "Image", box: FaceBox) -> Landmarks:
    """A face's points, each the mean over boxes about its own.

    Five points are told in whole pixels and depend on where the face was thought to be; a nose moves by ten of them.
    """
    found = [engine.landmarks(image, _moved(box, *place)) for place in _AROUND]
    means: dict[str, Any] = {name: _mean([getattr(one, name) for one in found]) for name in _POINTS}
    return replace(found[0], **means)


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
    """Where nose and inner eye corners lie in the frame of the outer eye corners; lengths in the corners' distance.

    Attributes:
        nose: nose off the middle, along the eye line; more to the picture's right is more to the person's own left.
        inner: the middle of the inner corners off that of the outer ones, likewise.
        drop: nose below the eye line.
        roll_deg: of the eye line; the picture's right eye lower is more.
        apart_px: distance of the outer corners in pixels.
    """

    nose: float
    inner: float
    drop: float
    roll_deg: float
    apart_px: float


def pose(face: Landmarks) -> Pose | None:
    """A face's pose; None when its eye corners are no line."""
    left, right = face.left_eye_outer, face.right_eye_outer
    across, down = right.x - left.x, right.y - left.y
    apart = math.hypot(across, down)
    if apart < 1:
        return None
    ux, uy = across / apart, down / apart
    middle_x, middle_y = (left.x + right.x) / 2, (left.y + right.y) / 2

    def off(x: float, y: float) -> tuple[float, float]:
        dx, dy = x - middle_x, y - middle_y
        return (dx * ux + dy * uy) / apart, (dy * ux - dx * uy) / apart

    nose, drop = off(face.nose_tip.x, face.nose_tip.y)
    inner, _ = off(
        (face.left_eye_inner.x + face.right_eye_inner.x) / 2, (face.left_eye_inner.y + face.right_eye_inner.y) / 2
    )
    return Pose(nose, inner, drop, math.degrees(math.atan2(down, across)), apart)
