"""Whether both eyes are shut, told from the picture between their corners and from how the same eyes looked open.

An open eye has an iris between white: its brightness changes across. A shut one is skin over one line of lashes: its
brightness changes down. The share of change across, against that of the same eyes while the person looked straight,
falls when they shut. Deliberate and long: a natural blink lies between two looks.
"""

from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faces.engine import Image, Landmarks, Point

SHUT = 0.6
"""Of the open eyes' share; both must be below."""
_WIDE, _HIGH = 36, 20
_HELD = 7


class Eyes:
    """Those of one person in one try."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._open: list[tuple[float, float]] = []

    def shut(self, image: "Image", points: "Landmarks", *, learn: bool) -> bool | None:
        """Whether both are shut; None while it is not known how they look open. `learn`: they are open now."""
        now = openness(image, points)
        if learn:
            self._open = [*self._open, now][-_HELD:]
        if not self._open:
            return None
        usual = [median(each[eye] for each in self._open) for eye in (0, 1)]
        return all(eye < SHUT * was for eye, was in zip(now, usual, strict=True))


def openness(image: "Image", points: "Landmarks") -> tuple[float, float]:
    """Of the left and the right eye in the picture: the share of change across, 0 to 1."""
    return (
        _across(image, points.left_eye_outer, points.left_eye_inner),
        _across(image, points.right_eye_inner, points.right_eye_outer),
    )


def _across(image: "Image", left: "Point", right: "Point") -> float:
    import cv2
    import numpy as np

    ux, uy = (right.x - left.x) / _WIDE, (right.y - left.y) / _WIDE
    middle_x, middle_y = (left.x + right.x) / 2, (left.y + right.y) / 2
    # From the eye, upright and as wide as the patch, to the picture.
    turn = np.array(
        [[ux, -uy, middle_x - ux * _WIDE / 2 + uy * _HIGH / 2], [uy, ux, middle_y - uy * _WIDE / 2 - ux * _HIGH / 2]]
    )
    patch = cv2.warpAffine(image, turn, (_WIDE, _HIGH), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    grey = cv2.cvtColor(patch, cv2.COLOR_BGR2GRAY).astype(np.float32)
    across, down = float(np.abs(np.diff(grey, axis=1)).sum()), float(np.abs(np.diff(grey, axis=0)).sum())
    return across / (across + down) if across + down else 0.0
