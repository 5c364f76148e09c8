"""What the camera makes of a scene: exposure, the sensor's noise, JPEG. No two pictures are alike to the byte."""

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from firmware_sim.errors import SimulationError
from firmware_sim.people import Picture

WIDTH, HEIGHT = 640, 480
Shot = npt.NDArray[np.uint8]
"""A picture as a camera delivers it: HEIGHT rows, WIDTH columns, blue, green, red."""

_NOISE = 2.0
_QUALITY = 88
_ROOM = 128
"""The noise is drawn once, this much wider and higher than a picture: drawing it anew costs more than the people do."""
_PATTERNS = _ROOM * _ROOM * 8
_STRIDE = 40_503
"""Odd, so that one grain after the other comes to every pattern before the first one comes again: after 4 h."""


@cache
def _sensor_noise() -> npt.NDArray[np.int16]:
    drawn = np.random.default_rng(1).standard_normal((HEIGHT + _ROOM, WIDTH + _ROOM, 3), dtype=np.float32)
    return np.round(drawn * _NOISE).astype(np.int16)


def _noise(grain: int) -> npt.NDArray[np.int16]:
    pattern = grain * _STRIDE % _PATTERNS
    pattern, down = divmod(pattern, _ROOM)
    pattern, right = divmod(pattern, _ROOM)
    part = _sensor_noise()[down : down + HEIGHT, right : right + WIDTH]
    part = part[::-1] if pattern & 1 else part
    part = part[:, ::-1] if pattern & 2 else part
    return np.ascontiguousarray(-part if pattern & 4 else part)


def expose(scene: Picture) -> Shot:
    """A scene (0..1) in 256 steps, before the sensor adds its noise."""
    exposed: Shot = cv2.convertScaleAbs(np.clip(scene, 0, 1), alpha=255)
    return exposed


def noisy(exposed: Shot, grain: int) -> Shot:
    """With the sensor's noise; `grain` chooses one of 131,072 patterns."""
    grainy: Shot = cv2.add(exposed, _noise(grain), dtype=cv2.CV_8U)
    return grainy


def encode(shot: Shot) -> bytes:
    """As the camera's encoder sends it."""
    encoded, data = cv2.imencode(".jpg", shot, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not encoded:
        raise SimulationError("the picture could not be encoded")
    return bytes(data)


def decode(data: bytes) -> Shot:
    """As its reader sees it.

    Raises:
        SimulationError: it is no JPEG.
    """
    shot = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if shot is None:
        raise SimulationError("expected a JPEG picture, got something else")
    return np.asarray(shot, np.uint8)


def shoot(scene: Picture, grain: int) -> Shot:
    """A scene as the sensor sees it."""
    return noisy(expose(scene), grain)


def jpeg(scene: Picture, grain: int) -> bytes:
    """A scene as the sensor and its encoder deliver it."""
    return encode(shoot(scene, grain))
