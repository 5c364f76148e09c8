"""Drawing a person: body, hair behind, and the head that turns over them with true parallax."""

from functools import lru_cache

import cv2
import msgspec
import numpy as np

from firmware_sim.people import hair, skin
from firmware_sim.people.brush import bgr, inside, paint
from firmware_sim.people.face import Face, Picture, Pose, Wear
from firmware_sim.people.shape import TOP, Grid, features, grid_of, normals
from firmware_sim.people.turn import leaned, nodded, turned
from firmware_sim.people.wear import put_on

HALF_WIDTH = 1.45
CANVAS_TOP, CANVAS_BOTTOM = -1.40, 2.30
"""The picture that `render` gives, in half head heights from the middle of the face."""
_LIGHT = (-0.35, -0.45, 0.82)
_DARK, _LIT = 0.42, 0.68
_HAIR_DEPTH = -0.25
_STEPS = 4
"""Lids and jaw are drawn at that many steps between shut and open."""
_BARE_KEPT, _HEADS_KEPT = 12, 24
"""Heads that stay drawn: about 5 MB each."""


class _Head(msgspec.Struct, frozen=True):
    grid: Grid
    radius: Picture
    facing: Picture
    colour: Picture


@lru_cache(maxsize=_BARE_KEPT)
def _bare(face: Face, mouth: float, pixels: int) -> tuple[Grid, Picture, Picture]:
    """Everything but what moves or is put on: places, distance from the axis, colour without eyes."""
    grid = grid_of(face, pixels)
    where = hair.grown(face, grid)
    radius = grid.round_ + np.where(grid.round_ > 0, features(face, grid, mouth), 0)
    radius = hair.stand_out(face, grid, radius, where)
    hairs = skin.strands(face, grid.y.shape)
    colour = skin.skin(face, grid)
    colour = skin.beard(face, grid, colour, hairs, mouth)
    colour = skin.mouth_of(face, grid, colour, mouth)
    colour = skin.brows(face, grid, colour, hairs)
    colour = hair.comb(face, grid, colour, where)
    return grid, radius, colour


@lru_cache(maxsize=_HEADS_KEPT)
def _head(face: Face, blink: float, mouth: float, wear: Wear, pixels: int) -> _Head:
    grid, radius, colour = _bare(face, mouth, pixels)
    colour = skin.eyes(face, grid, colour, blink)
    colour = skin.glasses(face, grid, colour)
    radius, colour = put_on(face, wear, grid, radius, colour)
    return _Head(grid, radius, normals(grid, radius, pixels), colour)


@lru_cache(maxsize=_BARE_KEPT)
def _behind(face: Face, pixels: int) -> tuple[Picture, Picture, Picture, Picture]:
    """Body and long hair, flat: colour and cover of each."""
    y, x = np.mgrid[CANVAS_TOP : CANVAS_BOTTOM : 1 / pixels, -HALF_WIDTH : HALF_WIDTH : 1 / pixels].astype(np.float32)
    side = np.abs(x)
    neck = inside(side - 0.42, 0.05) * inside(0.5 - y, 0.1)
    body = inside(1.18 + 0.25 * side**2 + 12 * np.clip(side - 0.95, 0, None) ** 2 - y, 0.04)
    throat = bgr(face.skin) * (0.62 - 0.25 * (side / 0.42) ** 2 + 0.12 * np.clip(y - 0.9, 0, 0.5))[..., None]
    cloth = bgr(face.clothes) * (0.95 - 0.25 * side**2 - 0.1 * x)[..., None]
    colour = throat + body[..., None] * (cloth - throat)
    collar = inside(np.abs(1.22 + 0.35 * side - y) - 0.05, 0.03) * inside(side - 0.5, 0.05)
    colour = paint(colour.astype(np.float32), 0.5 * collar, (0.1, 0.1, 0.1))
    return colour.astype(np.float32), np.maximum(neck, body), *hair.curtain(face, x, y)


def _shade(head: _Head, yaw: float, pitch: float) -> Picture:
    """How bright each place of the head is after it was turned; the light stays where it is."""
    right, down, near = _LIGHT
    down, near = down * np.cos(pitch) - near * np.sin(pitch), down * np.sin(pitch) + near * np.cos(pitch)
    right, near = right * np.cos(yaw) - near * np.sin(yaw), right * np.sin(yaw) + near * np.cos(yaw)
    lit = head.facing @ np.asarray((right, down, near), np.float32)
    bright: Picture = np.float32(_DARK) + np.float32(_LIT) * np.clip(lit, 0, 1)
    return bright


def _lay(picture: Picture, cover: Picture, colour: Picture, amount: Picture) -> None:
    """Put a layer over a picture and its cover, in place."""
    picture += amount[..., None] * (colour - picture)
    np.maximum(cover, amount, out=cover)


def render(face: Face, pose: Pose, wear: Wear = Wear.NOTHING, pixels: int = 125) -> tuple[Picture, Picture]:
    """Draw head and shoulders.

    Args:
        face: whom.
        pose: how the head is held; turns up to 60 degrees and nods up to 25 are drawn well.
        wear: what is on the head.
        pixels: per half head height.

    Returns:
        Picture (rows, columns, blue-green-red 0..1) and cover (rows, columns, 0..1); the face's middle lies at column
        HALF_WIDTH and row -CANVAS_TOP, times `pixels`.
    """
    yaw, pitch = float(np.deg2rad(pose.yaw_deg)), float(np.deg2rad(pose.pitch_deg))
    blink, mouth = round(pose.blink * _STEPS) / _STEPS, round(pose.mouth * _STEPS) / _STEPS
    head = _head(face, blink, mouth, wear, pixels)
    lit = head.colour * _shade(head, yaw, pitch)[..., None]
    seen, over = turned(head.radius, head.grid.angle[0], lit, yaw, pixels, HALF_WIDTH)
    if pitch:
        seen, over = nodded(seen, over, pitch, pixels, TOP)
    body, body_cover, curtain, curtain_cover = _behind(face, pixels)
    picture, cover = body.copy(), body_cover.copy()
    if face.long_hair:
        matrix = np.asarray([[1, 0, _HAIR_DEPTH * np.sin(yaw) * pixels], [0, 1, 0]], np.float32)
        size = (curtain.shape[1], curtain.shape[0])
        _lay(picture, cover, *(cv2.warpAffine(each, matrix, size) for each in (curtain, curtain_cover)))
    first = round((TOP - CANVAS_TOP) * pixels)
    rows, columns = min(over.shape[0], cover.shape[0] - first), min(over.shape[1], cover.shape[1])
    layers = np.concatenate([seen[..., :3], over[..., None]], axis=2)
    if pose.roll_deg:
        layers = leaned(layers, pose.roll_deg, (HALF_WIDTH * pixels, (1 - TOP) * pixels))
    layers = layers[:rows, :columns]
    part = (slice(first, first + rows), slice(0, columns))
    _lay(picture[part], cover[part], layers[..., :3], layers[..., 3])
    return np.clip(picture, 0, 1), cover
