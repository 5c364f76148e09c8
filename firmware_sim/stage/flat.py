"""Flat things before the camera: a printed photograph, a tablet. In somebody's hand, tilted, or bent.

A plane, a piece of a cylinder and a fold are what paper takes in two hands without being torn or crumpled. What is on
it moves as one surface: it has no parallax of its own.
"""

import math
from typing import cast

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from firmware_sim.people import Picture
from firmware_sim.stage.lens import HEIGHT, WIDTH

FOCAL = 900.0
"""Focal length in pixels of a lens that sees 39 degrees across."""
_LIGHT = (-0.35, 0.82)
_STEPS = 257
_BLUR = 0.6
"""Standard deviation of the lens's blur in pixels."""


class Sheet(msgspec.Struct, frozen=True):
    """A flat thing and how it is held.

    Attributes:
        picture: rows, columns, blue, green, red, 0..1: what is on it, with its border.
        wide: its width in the scene when it faces the camera, in pixels.
        across, down: of its middle, in pixels.
        tilt_deg: about its upright axis; positive as a head's turn to its own left: the edge on the right is far.
        lean_deg: clockwise in the picture.
        bend_deg: the arc that its width makes; positive bulges towards the camera.
        fold_deg: how far each half is turned back along its upright middle; positive points it at the camera.
        shine: strength of a reflection of the sky on it.
        focal: of the lens, in pixels: the shorter, the nearer is a sheet that looks as wide, and the more its far edge
            shrinks when it is tilted.
    """

    picture: Picture
    wide: float
    across: float = WIDTH / 2
    down: float = HEIGHT / 2
    tilt_deg: float = 0.0
    lean_deg: float = 0.0
    bend_deg: float = 0.0
    fold_deg: float = 0.0
    shine: float = 0.0
    focal: float = FOCAL


def printed(content: Picture, border: float = 0.05) -> Picture:
    """A photograph on paper: ink is never quite black, nor colours as strong; a white border of that share."""
    grey = content.mean(axis=2, keepdims=True)
    ink = 0.06 + 0.86 * np.clip(grey + 0.9 * (content - grey), 0, 1)
    return _framed(ink.astype(np.float32), border, (0.90, 0.91, 0.91))


def on_screen(content: Picture, bezel: float = 0.07) -> Picture:
    """A picture on a tablet: bluish, its own light, the grid of its pixels just seen; a dark bezel of that share."""
    rows, columns = content.shape[:2]
    grid = 1 + 0.02 * np.sin(np.arange(columns) * 2.3)[None, :] * np.sin(np.arange(rows) * 2.3)[:, None]
    bright = np.clip(0.03 + 1.02 * np.power(np.clip(content, 0, 1), 1.08) * grid[..., None], 0, 1)
    tinted = bright * np.asarray((1.05, 1.0, 0.96), np.float32)
    return _framed(np.clip(tinted, 0, 1).astype(np.float32), bezel, (0.05, 0.05, 0.05))


def _framed(content: Picture, share: float, colour: tuple[float, float, float]) -> Picture:
    edge = round(share * max(content.shape[:2]))
    if not edge:
        return content
    return cast("Picture", cv2.copyMakeBorder(content, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=colour))


def hand(picture: Picture, turn: float, tilt_deg: float = 0.0, wide: float = 360.0, shine: float = 0.0) -> Sheet:
    """How a hand holds it: never quite still; `turn` counts rounds of the hand's sway, in 3 s or so each."""
    sway = 2 * math.pi * turn
    across, down = WIDTH / 2 + 6 * math.cos(sway), HEIGHT / 2 + 4 * math.sin(sway)
    return Sheet(picture, wide, across, down, tilt_deg + 2 * math.sin(sway), 1 + 1.5 * math.cos(sway), shine=shine)


def held(scene: Picture, sheet: Sheet) -> Picture:
    """The scene with the sheet in it, a little out of focus."""
    rows, columns = sheet.picture.shape[:2]
    half_wide, half_high = sheet.wide / 2, sheet.wide / 2 * rows / columns
    along, across, nearer, bright = _section(sheet, half_wide)
    # Shrinking by area first: a lens adds up light, it does not pick pixels.
    small = sheet.wide / columns
    content = (
        sheet.picture
        if small > 0.7
        else cv2.resize(sheet.picture, None, fx=small, fy=small, interpolation=cv2.INTER_AREA)
    )
    rows, columns = content.shape[:2]

    box = _box(sheet, half_wide, half_high)
    lean = math.radians(sheet.lean_deg)
    y, x = np.mgrid[box[0], box[1]].astype(np.float32)
    x, y = x - np.float32(sheet.across), y - np.float32(sheet.down)
    x, y = x * math.cos(lean) + y * math.sin(lean), y * math.cos(lean) - x * math.sin(lean)
    place = np.interp(x.ravel(), across, np.arange(_STEPS)).reshape(x.shape)
    index = np.arange(_STEPS)
    scale = np.interp(place, index, nearer).astype(np.float32)
    up = y / scale
    where = (np.interp(place, index, along) / half_wide + 1) * (columns / 2) - 0.5
    picture = cv2.remap(
        content,
        where.astype(np.float32),
        ((up / half_high + 1) * (rows / 2) - 0.5).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    lit = np.interp(place, index, bright)[..., None].astype(np.float32)
    glare = np.float32(sheet.shine) * np.exp(-(((where / columns - 0.3 - 0.2 * up / half_high) / 0.12) ** 2))[..., None]
    picture = picture * lit + glare.astype(np.float32)
    inside = np.minimum(np.minimum(x - across[0], across[-1] - x), (half_high - np.abs(up)) * scale)
    cover = np.clip(inside + 0.5, 0, 1)[..., None].astype(np.float32)
    mixed = scene.copy()
    part = mixed[box]
    part += cover * (picture - part)
    return cast("Picture", cv2.GaussianBlur(mixed, (0, 0), _BLUR))


_Line = npt.NDArray[np.float64]


def _section(sheet: Sheet, half_wide: float) -> tuple[_Line, _Line, _Line, _Line]:
    """Seen from above, at steps along the sheet: place on it, place in the picture, size there, brightness there."""
    along = np.linspace(-half_wide, half_wide, _STEPS)
    bend, tilt, fold = (math.radians(deg) for deg in (sheet.bend_deg, sheet.tilt_deg, sheet.fold_deg))
    if fold:
        right, near, facing = along * math.cos(fold), -np.abs(along) * math.sin(fold), np.sign(along) * fold
    elif abs(bend) < 1e-3:
        right, near, facing = along, np.zeros(_STEPS), np.zeros(_STEPS)
    else:
        bow = 2 * half_wide / bend
        facing = along / bow
        right, near = bow * np.sin(facing), bow * (np.cos(facing) - 1)
    right, near = right * math.cos(tilt) + near * math.sin(tilt), near * math.cos(tilt) - right * math.sin(tilt)
    nearer = sheet.focal / (sheet.focal - near)
    lit = np.sin(facing + tilt) * _LIGHT[0] + np.cos(facing + tilt) * _LIGHT[1]
    bright = 0.75 + 0.25 * np.clip(lit, 0, 1) / _LIGHT[1]
    # What turns away beyond the edge of a bent sheet is hidden behind it.
    return along, np.maximum.accumulate(right * nearer), nearer, bright


def _box(sheet: Sheet, half_wide: float, half_high: float) -> tuple[slice, slice]:
    """The part of the scene in which the sheet can lie."""
    far = math.hypot(half_wide, half_high) * 1.6
    top, left = max(0, int(sheet.down - far)), max(0, int(sheet.across - far))
    return slice(top, min(HEIGHT, int(sheet.down + far) + 1)), slice(left, min(WIDTH, int(sheet.across + far) + 1))
