"""Soft shapes on a grid, and paint on a picture."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from firmware_sim.people.face import Bgr, Picture

Field = npt.NDArray[Any]
"""A number for each place."""


def bgr(colour: Bgr) -> Picture:
    """A colour as an array."""
    return np.asarray(colour, np.float32)


def bump(x: Field, y: Field, at: tuple[float, float], size: tuple[float, float]) -> Picture:
    """A hill of height 1 at a place; `size` is where it has fallen to 1/e, across and along."""
    hill: Picture = np.exp(-(((x - at[0]) / size[0]) ** 2) - ((y - at[1]) / size[1]) ** 2)
    return hill


def inside(distance: Field, softness: float) -> Picture:
    """1 where `distance` is negative, 0 where positive, with a soft edge."""
    amount: Picture = np.clip(0.5 - distance / softness, 0, 1).astype(np.float32)
    return amount


def line(distance: Field, width: float) -> Picture:
    """1 where `distance` is 0, a soft line of a width."""
    stroke: Picture = np.exp(-((distance / width) ** 2))
    return stroke


def paint(colour: Picture, amount: Field, with_colour: Bgr) -> Picture:
    """Lay a colour over a picture."""
    mixed: Picture = colour + amount[..., None] * (bgr(with_colour) - colour)
    return mixed


def grains(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[int, int]) -> Picture:
    """Noise of standard deviation about 1 that has `cells` cells whatever the grid's `shape`."""
    coarse = rng.standard_normal(cells, dtype=np.float32)
    fine: Picture = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return fine
