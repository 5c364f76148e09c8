"""Turning a surface before a viewer who looks straight on: what comes in front hides what lies behind it.

A turn about the upright axis moves points along their row only; a nod moves them along their column only. In each the
visible points are those that lie further out than every point between them and the axis, so that one running maximum
and one interpolation find, for each pixel, the place on the surface that is seen there.
"""

import cv2
import numpy as np
import numpy.typing as npt

from firmware_sim.people.face import Picture

_BEHIND = 2.2
"""Radians from the viewer beyond which nothing of a head can be seen."""
_APART = 8.0
"""Distance that keeps one row's numbers from the next one's when all are looked up at once; nothing is that wide."""


def _look_up(
    edges: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64], values: npt.NDArray[np.float64]
) -> Picture:
    """For each row the value at each wanted place, between rising edges."""
    rows = edges.shape[0]
    off = (np.arange(rows) * _APART)[:, None]
    found = np.interp(
        (wanted[None, :] + off).ravel(), (edges + off).ravel(), np.broadcast_to(values, edges.shape).ravel()
    )
    places: Picture = found.reshape(rows, wanted.size).astype(np.float32)
    return places


def _covered(
    first: npt.NDArray[np.float64], last: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64], pixels: int
) -> Picture:
    """1 between first and last, with an edge of one pixel."""
    left = (wanted[None, :] - first[:, None]) * pixels + 0.5
    right = (last[:, None] - wanted[None, :]) * pixels + 0.5
    cover: Picture = np.clip(np.minimum(left, right), 0, 1).astype(np.float32)
    return cover


def turned(
    radius: Picture, angle: Picture, texture: Picture, yaw: float, pixels: int, half_width: float
) -> tuple[Picture, Picture]:
    """A turn by `yaw` radians, positive to the viewer's right.

    Args:
        radius: rows by angles, distance from the axis; 0 where nothing is.
        angle: of each column.
        texture: rows by angles by channels, at most 3 of them.
        yaw: the turn.
        pixels: per half head height.
        half_width: of the picture, in half head heights.

    Returns:
        Rows by columns by channels and depth towards the viewer; and cover.
    """
    shown = np.abs(angle + yaw) < _BEHIND
    first = int(np.argmax(shown))
    last = first + int(np.count_nonzero(shown))
    at = (angle[first:last] + yaw).astype(np.float64)
    near = radius[:, first:last]
    across = near * np.sin(at)
    middle = int(np.searchsorted(at, 0.0))
    edges = np.concatenate(
        [
            np.minimum.accumulate(across[:, :middle][:, ::-1], axis=1)[:, ::-1],
            np.maximum.accumulate(across[:, middle:], axis=1),
        ],
        axis=1,
    )
    columns = round(2 * half_width * pixels)
    wanted = (np.arange(columns) + 0.5) / pixels - half_width
    where = _look_up(edges, wanted, np.arange(first, last, dtype=np.float64)[None, :])
    depth = (near * np.cos(at)).astype(np.float32)
    layers = np.concatenate([texture[:, first:last], depth[..., None]], axis=2)
    down = np.broadcast_to(np.arange(radius.shape[0], dtype=np.float32)[:, None], where.shape)
    seen: Picture = cv2.remap(
        layers, where - np.float32(first), np.ascontiguousarray(down), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return seen, _covered(edges[:, 0], edges[:, -1], wanted, pixels)


def nodded(seen: Picture, cover: Picture, pitch: float, pixels: int, top: float) -> tuple[Picture, Picture]:
    """A nod by `pitch` radians, positive down, of what `turned` gives; `top` is the height of the first row."""
    rows = seen.shape[0]
    y = (top + np.arange(rows) / pixels)[:, None]
    depth = np.where(cover > 0.5, seen[..., 3], 0).astype(np.float64)
    along = (y * np.cos(pitch) + depth * np.sin(pitch)).T
    edges = (
        np.maximum.accumulate(along, axis=1) if pitch > 0 else np.minimum.accumulate(along[:, ::-1], axis=1)[:, ::-1]
    )
    where = _look_up(edges, y[:, 0], np.arange(rows, dtype=np.float64)[None, :]).T
    right = np.broadcast_to(np.arange(seen.shape[1], dtype=np.float32)[None, :], where.shape)
    layers = np.concatenate([seen[..., :3], cover[..., None]], axis=2)
    bent = cv2.remap(layers, np.ascontiguousarray(right), np.ascontiguousarray(where), cv2.INTER_LINEAR)
    return bent[..., :3], bent[..., 3]


def leaned(layers: Picture, roll_deg: float, pivot: tuple[float, float]) -> Picture:
    """Leant clockwise about a pivot in pixels."""
    matrix = cv2.getRotationMatrix2D(pivot, -roll_deg, 1.0)
    leant: Picture = cv2.warpAffine(layers, matrix, (layers.shape[1], layers.shape[0]), flags=cv2.INTER_LINEAR)
    return leant
