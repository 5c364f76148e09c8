"""Hair: where it grows on the head, how far it stands out, and what hangs behind the head."""

import numpy as np

from firmware_sim.people.brush import bgr, grains, inside
from firmware_sim.people.face import Face, Picture
from firmware_sim.people.shape import Grid, egg

_BEHIND_EAR = 1.78
_TEMPLE = 1.19
"""Radians from the nose."""


def grown(face: Face, grid: Grid) -> Picture:
    """Where hair grows, 0..1."""
    around = np.abs(grid.angle)
    line = face.hairline + 0.55 * grid.side**2 + 0.25 * face.part * grid.x
    line = line + face.fringe * 0.25 * (np.sin(7 * grid.x + face.grain) + 1)
    line = line - face.recede * (0.9 * np.exp(-(((grid.side - 0.34) / 0.16) ** 2)) + 0.25)
    top = inside(grid.y - line, 0.06)
    temples = inside(_TEMPLE - around, 0.07) * inside(grid.y - 0.02 - 0.4 * face.sideburn - 0.15 * face.beard, 0.1)
    nape = inside(_BEHIND_EAR - around, 0.1) * inside(grid.y - 0.55, 0.1)
    # Behind the ears and above them it grows on bald heads, too.
    where: Picture = np.max([top, temples, nape], axis=0).astype(np.float32)
    return where


def stand_out(face: Face, grid: Grid, radius: Picture, where: Picture) -> Picture:
    """The head with its hair: distance from the axis."""
    thick = 0.03 + face.volume
    over = egg(face, grid.angle, grid.y, thick) * inside(grid.y - 0.45, 0.6)
    if face.curls:
        rng = np.random.default_rng(face.grain + 1)
        locks = grains(rng, (grid.y.shape[0], grid.y.shape[1]), (34, 66))
        over = np.where(over > 0, over + 0.035 * face.curls * locks, over)
    higher = np.maximum(over - radius, 0.02 * (radius > 0)) * face.hair_cover
    standing: Picture = (radius + where * higher).astype(np.float32)
    return standing


def comb(face: Face, grid: Grid, colour: Picture, where: Picture) -> Picture:
    """Paint the hair on the head."""
    rng = np.random.default_rng(face.grain + 1)
    shape = (grid.y.shape[0], grid.y.shape[1])
    texture = grains(rng, shape, (130, 250))
    waves = np.sin(40 * grid.x + 6 * np.sin(5 * grid.y) + texture)
    locks = grains(rng, shape, (34, 66))
    light = 0.85 + 0.15 * ((1 - face.curls) * waves + face.curls * locks)
    tinted = bgr(face.hair) * light[..., None].astype(np.float32)
    mixed: Picture = colour + (where * face.hair_cover)[..., None] * (tinted - colour)
    return mixed


def curtain(face: Face, x: Picture, y: Picture) -> tuple[Picture, Picture]:
    """Long hair that hangs behind the head, flat: colour and cover."""
    edge = np.abs(x / (face.width * (1.2 + 0.04 * np.sin(5 * y)))) ** 3 + np.abs((y - 0.1) / 1.1) ** 3 - 1
    cover = face.long_hair * inside(edge, 0.1)
    stripes = 0.80 + 0.15 * np.sin(40 * x + 6 * np.sin(5 * y))
    colour: Picture = bgr(face.hair) * stripes[..., None].astype(np.float32)
    return colour, cover
