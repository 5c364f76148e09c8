"""A phone that somebody holds before the camera: pictures on its screen one after the other, never quite still."""

import math
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from firmware_sim.errors import SimulationError
from firmware_sim.people import Picture

SHOWN_S = 0.5
"""How long each picture is on the phone's screen."""
SWAYS = 6
"""Positions of the hand; no two neighbours are alike."""
MOST = 64
_MOST_BYTES = 8 << 20
_TALL = 0.72
"""Height of the phone's screen in the scene, when its picture is as wide as it is high."""
_BLUR = 0.7
"""Standard deviation of the lens's blur in pixels."""
_BEZEL = 0.06

Shown = npt.NDArray[np.uint8]


def load(files: tuple[str, ...]) -> tuple[Shown, ...]:
    """Read pictures.

    Raises:
        SimulationError: none, too many, or one that is no picture.
    """
    if not 0 < len(files) <= MOST:
        raise SimulationError(f"show: expected 1 to {MOST} pictures, got {len(files)}")
    found = []
    for name in files:
        path = Path(name)
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            raise SimulationError(f"show: expected a picture of at most {_MOST_BYTES >> 20} MB, got {name}")
        image = cv2.imread(name, cv2.IMREAD_COLOR)
        if image is None:
            raise SimulationError(f"show: expected a PNG or JPEG picture, got {name}")
        found.append(cast("Shown", image))
    return tuple(found)


def held(scene: Picture, shown: Shown, sway: int) -> Picture:
    """The scene with the phone in it: tilted, a little out of focus, its hand at position `sway`."""
    turn = 2 * math.pi * sway / SWAYS
    height, width = scene.shape[:2]
    high, wide = shown.shape[:2]
    scale = min(_TALL * height / high, 0.8 * width / wide)
    half_w, half_h = wide * scale / 2, high * scale / 2
    angle, lean = math.radians(3 + 2 * math.sin(turn)), 0.03 * math.cos(turn)
    centre = (width / 2 + 6 * math.cos(turn), height / 2 + 4 * math.sin(turn))

    def corner(x: float, y: float) -> tuple[float, float]:
        far = 1 + lean * x
        x, y = x * half_w * far, y * half_h * far
        turned_x, turned_y = x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)
        return centre[0] + turned_x, centre[1] + turned_y

    edge = round(_BEZEL * max(high, wide))
    phone = cv2.copyMakeBorder(shown, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=(20, 20, 20))
    outer = 1 + 2 * edge / max(high, wide)
    corners = np.asarray([corner(x * outer, y * outer) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))], np.float32)
    high, wide = phone.shape[:2]
    flat = np.asarray([(0, 0), (wide, 0), (wide, high), (0, high)], np.float32)
    matrix = cv2.getPerspectiveTransform(flat, corners)
    # Shrinking by area first: a lens adds up light, it does not pick pixels.
    size = (width, height)
    small = min(1.0, 2 * scale)
    if small < 1:
        phone = cv2.resize(phone, None, fx=small, fy=small, interpolation=cv2.INTER_AREA)
        matrix = matrix @ np.diag([1 / small, 1 / small, 1.0])
    picture = cv2.warpPerspective(phone, matrix, size, flags=cv2.INTER_LINEAR)
    cover = cv2.warpPerspective(np.full(phone.shape[:2], 255, np.uint8), matrix, size, flags=cv2.INTER_LINEAR)
    alpha = (cover.astype(np.float32) / 255)[:, :, None]
    mixed = scene + alpha * (picture.astype(np.float32) / 255 * 0.9 + 0.04 - scene)
    return cast("Picture", cv2.GaussianBlur(mixed, (0, 0), _BLUR))
