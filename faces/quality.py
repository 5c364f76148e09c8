"""Whether a picture of a face is good enough to know somebody by: size, sharpness, light, pose. Pure."""

from typing import TYPE_CHECKING, NamedTuple

from faces.engine import FaceBox, Landmarks
from faces.policy import Policy
from faces.refusals import Refusal

if TYPE_CHECKING:
    from faces.engine import Image

_SIDE = 112
"""Every face is measured at this size, so that sharpness does not depend on how near it stood."""
_NO_LIGHT, _TOO_BRIGHT = 20, 250
"""Of 255: what is darker or brighter holds no detail."""


class Quality(NamedTuple):
    """What was measured in a picture of a face.

    Attributes:
        size_px: the shorter side of the face.
        sharpness: how fast brightness changes from pixel to pixel, in the spread of the face's brightness, both at
            112x112: about 0.1 when out of focus, 0.3 and more when not.
        dark, bright: shares of the face without light, and overexposed.
        turn, roll_deg: see `faces.engine.Landmarks`.
    """

    size_px: int
    sharpness: float
    dark: float
    bright: float
    turn: float
    roll_deg: float


def measure(image: "Image", face: FaceBox, landmarks: Landmarks) -> Quality:
    """Measure a face in a BGR picture; parts of it outside of the picture count as absent."""
    import cv2
    import numpy as np

    rows, columns = image.shape[:2]
    top, bottom = max(0, face.top), min(rows, face.bottom)
    left, right = max(0, face.left), min(columns, face.right)
    cut = image[top:bottom, left:right]
    if cut.size == 0:
        return Quality(0, 0.0, 1.0, 0.0, landmarks.turn, landmarks.roll_deg)
    grey = cv2.cvtColor(cut, cv2.COLOR_BGR2GRAY)
    sized = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    # A light blur first: a dark picture's noise is no detail.
    smooth = cv2.GaussianBlur(sized, (3, 3), 0)
    steps = cv2.Laplacian(smooth, cv2.CV_32F)
    return Quality(
        size_px=min(right - left, bottom - top),
        sharpness=float(np.abs(steps).mean() / max(float(smooth.std()), 1.0)),
        dark=float((grey < _NO_LIGHT).mean()),
        bright=float((grey > _TOO_BRIGHT).mean()),
        turn=landmarks.turn,
        roll_deg=landmarks.roll_deg,
    )


def fault(quality: Quality, policy: Policy) -> tuple[Refusal, dict[str, str]] | None:
    """The first thing that is wrong with a picture, with its facts in words; None when it is good."""
    if quality.size_px < policy.size_px:
        return Refusal.SMALL, {"came": str(quality.size_px), "limit": str(policy.size_px)}
    if quality.dark > policy.dark:
        return Refusal.DARK, {"came": f"{quality.dark:.0%}", "limit": f"{policy.dark:.0%}"}
    if quality.bright > policy.bright:
        return Refusal.BRIGHT, {"came": f"{quality.bright:.0%}", "limit": f"{policy.bright:.0%}"}
    if abs(quality.turn) > policy.turn:
        return Refusal.TURNED, {"came": f"{abs(quality.turn):.2f}", "limit": f"{policy.turn:.2f}"}
    if abs(quality.roll_deg) > policy.roll_deg:
        return Refusal.TILTED, {"came": f"{abs(quality.roll_deg):.0f}°", "limit": f"{policy.roll_deg:.0f}°"}
    if quality.sharpness < policy.sharpness:
        return Refusal.BLURRED, {"came": f"{quality.sharpness:.3f}", "limit": f"{policy.sharpness:.3f}"}
    return None
