"""How a head is turned, told by parallax: the nose stands before the eyes, so a turn moves it along the line between them.

A picture of a face that is tilted shrinks along that line, nose and all, so the nose's place in the frame of the eye
corners stays: no angle is fitted, because a fitted angle cannot tell a turned head from a tilted picture (a photo at 45
degrees reads up to 28). Pure.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faces.engine import Landmarks


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


def pose(points: "Landmarks") -> Pose | None:
    """A face's pose; None when its eye corners are no line."""
    left, right = points.left_eye_outer, points.right_eye_outer
    across, down = right.x - left.x, right.y - left.y
    apart = math.hypot(across, down)
    if apart < 1:
        return None
    ux, uy = across / apart, down / apart
    middle_x, middle_y = (left.x + right.x) / 2, (left.y + right.y) / 2

    def off(x: float, y: float) -> tuple[float, float]:
        dx, dy = x - middle_x, y - middle_y
        return (dx * ux + dy * uy) / apart, (dy * ux - dx * uy) / apart

    nose, drop = off(points.nose_tip.x, points.nose_tip.y)
    inner, _ = off(
        (points.left_eye_inner.x + points.right_eye_inner.x) / 2,
        (points.left_eye_inner.y + points.right_eye_inner.y) / 2,
    )
    return Pose(nose, inner, drop, math.degrees(math.atan2(down, across)), apart)
