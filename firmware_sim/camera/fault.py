"""What can be wrong with the camera, and what its picture is then."""

from enum import StrEnum
from functools import cache

import cv2
import numpy as np

from firmware_sim.people import Bgr, Picture
from firmware_sim.stage import HEIGHT, WIDTH, Shot, expose

LOOPED = 20
"""Pictures that a looping camera repeats when nothing is said."""
FEWEST_LOOPED, MOST_LOOPED = 2, 64
_GLOW_STEPS = 5
_HAND, _PAPER = (0.06, 0.08, 0.17), (0.74, 0.80, 0.82)


class CameraFault(StrEnum):
    """What can be wrong with the camera.

    Nothing more comes, the same picture comes for ever, the cap is on, something hangs before the lens, paper is taped
    over it by day, the last pictures come again and again, the cable is out.
    """

    NONE = "none"
    STALL = "stall"
    FROZEN = "frozen"
    BLACK = "black"
    COVERED = "covered"
    TAPED = "taped"
    LOOP = "loop"
    DISCONNECT = "disconnect"


@cache
def black() -> Shot:
    """What comes through a cap: nothing but the sensor's noise, which is added to this."""
    return np.zeros((HEIGHT, WIDTH, 3), np.uint8)


def covered(picture: int) -> Shot:
    """What comes through a hand or a cloth before the lens: a dim shapeless glow, never quite the same."""
    return _glow(picture // 2 % _GLOW_STEPS, _HAND, 0.6)


def taped(picture: int) -> Shot:
    """What comes through paper on the lens by day: bright, even, never quite the same."""
    return _glow(picture // 2 % _GLOW_STEPS, _PAPER, 0.9)


@cache
def _glow(step: int, colour: Bgr, darkest: float) -> Shot:
    rng = np.random.default_rng(5)
    spots: Picture = cv2.resize(
        rng.uniform(darkest, 1.0, (3, 4)).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC
    )
    glow = spots[..., None] * np.asarray(colour, np.float32) * np.float32(1 + 0.02 * step)
    return expose(glow)
