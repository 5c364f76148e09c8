"""What is worn on the head: a safety helmet, a welder's mask. Both turn with it."""

import numpy as np

from firmware_sim.people.brush import bgr, inside, line, paint
from firmware_sim.people.face import Face, Picture, Wear
from firmware_sim.people.shape import Grid, egg

_BRIM = -0.60
"""Height of a helmet's brim: over the brows, so that a face is seen."""
_PEAK = 0.22
_DOME = 0.20
_SHELL_TOP, _SHELL_BOTTOM = -0.90, 1.10
_SHELL_REACH = 1.40
_MASK = (0.09, 0.08, 0.08)


def put_on(face: Face, wear: Wear, grid: Grid, radius: Picture, colour: Picture) -> tuple[Picture, Picture]:
    """The head with it on: distance from the axis, and colour."""
    match wear:
        case Wear.HELMET:
            return _helmet(face, grid, radius, colour)
        case Wear.MASK:
            return _mask(face, grid, radius, colour)
        case Wear.NOTHING:
            return radius, colour


def _helmet(face: Face, grid: Grid, radius: Picture, colour: Picture) -> tuple[Picture, Picture]:
    brim = _BRIM + 0.05 * grid.side**2
    shell = inside(grid.y - brim, 0.02)
    dome = egg(face, grid.angle, grid.y, _DOME)
    peak = line(grid.y - brim + 0.03, 0.035) * (0.04 + _PEAK * line(grid.angle, 0.9))
    rib = 0.02 * line(dome * np.sin(grid.angle), 0.10) * (dome > 0.2)
    radius = np.where(shell > 0.5, np.maximum(radius, dome) + peak + rib, radius).astype(np.float32)
    shadow = inside(grid.y - brim - 0.16, 0.12) * grid.front
    colour = paint(colour, 0.30 * shadow, (0.12, 0.12, 0.14))
    plastic: Picture = bgr(face.helmet) * (1 - 0.35 * line(grid.y - brim, 0.02))[..., None].astype(np.float32)
    colour = colour + shell[..., None] * (plastic - colour)
    strap = line(np.abs(grid.angle) - 1.05 - 0.25 * (grid.y - 0.3), 0.025) * (grid.y > brim)
    return radius, paint(colour, 0.7 * strap, (0.15, 0.15, 0.15))


def _mask(face: Face, grid: Grid, radius: Picture, colour: Picture) -> tuple[Picture, Picture]:
    within = inside(np.maximum(_SHELL_TOP - grid.y, grid.y - _SHELL_BOTTOM), 0.03) * inside(
        np.abs(grid.angle) - _SHELL_REACH, 0.06
    )
    wide, deep = np.abs(np.sin(grid.angle)) / (face.width + 0.14), np.abs(np.cos(grid.angle)) / 1.22
    box = np.power(np.power(wide, 5) + np.power(deep, 5), -1 / 5)
    radius = np.where(within > 0.5, box - 0.10 * grid.y**2, radius).astype(np.float32)
    across = box * np.sin(grid.angle)
    window = inside(np.maximum(np.abs(across) - 0.46, np.abs(grid.y + 0.14) - 0.17), 0.02)
    edge = inside(np.abs(np.maximum(np.abs(across) - 0.49, np.abs(grid.y + 0.14) - 0.20)) - 0.012, 0.012)
    plate = paint(np.broadcast_to(bgr(_MASK), colour.shape), window, (0.05, 0.09, 0.04))
    plate = paint(plate, 0.5 * edge, (0.25, 0.25, 0.25))
    glare = window * line(across + 0.25 - 0.6 * grid.y, 0.06)
    plate = paint(plate, 0.25 * glare, (0.5, 0.6, 0.5))
    return radius, (colour + within[..., None] * (plate - colour)).astype(np.float32)
