"""A scene: people before a wall, in some light."""

from collections.abc import Sequence
from functools import cache

import msgspec
import numpy as np

from firmware_sim.cast import CAST
from firmware_sim.people import CANVAS_TOP, HALF_WIDTH, Face, Picture, Pose, Wear, render
from firmware_sim.people.acting import PHASES, idle
from firmware_sim.stage.lens import HEIGHT, WIDTH, Shot, decode, jpeg

NEAR, FAR = 125, 84
"""Half a head's height in pixels: of one or two people, and of more."""
_PORTRAIT = (slice(42, 470), slice(140, 500))
_PIPES = (((8, 20), (0.16, 0.20, 0.24)), ((26, 34), (0.62, 0.72, 0.76)))
"""Rows and paint, of full light, of what runs along the wall above everybody's head."""
_HANGERS = (60, 240, 400, 580)
"""Columns of what holds it."""
DARKEST, BRIGHTEST = 0.6, 1.4


class Standing(msgspec.Struct, frozen=True):
    """A person before the camera."""

    face: Face
    pose: Pose = Pose()
    wear: Wear = Wear.NOTHING


class Scene(msgspec.Struct, frozen=True):
    """What is before the camera.

    Attributes:
        people: from left to right.
        light: brightness; 1 is usual.
        lift: how many pixels people stand higher.
        pixels: half a head's height; 0 is as near as their number leaves room for.
        places: among how many places they stand, from the left; 0 is as many as people.
    """

    people: tuple[Standing, ...] = ()
    light: float = 1.0
    lift: float = 0.0
    pixels: int = 0
    places: int = 0


@cache
def background() -> Picture:
    """A wall, lighter towards the floor, with pipes along its top: without an edge a workplace would be a covered lens.

    Shared: copy before painting on it.
    """
    rows: Picture = np.linspace(0.42, 0.62, HEIGHT, dtype=np.float32)[:, None, None]
    across: Picture = np.linspace(-1, 1, WIDTH, dtype=np.float32)[None, :, None]
    columns: Picture = 1 - np.float32(0.12) * np.abs(across)
    wall: Picture = rows * columns * np.asarray((0.96, 1.0, 1.0), np.float32)
    for column in _HANGERS:
        wall[: _PIPES[-1][0][1], column : column + 6] = 0.3
    for (top, bottom), paint_ in _PIPES:
        wall[top:bottom] = np.asarray(paint_, np.float32)
    return wall


def middle_of(scene: Scene, index: int) -> tuple[int, int]:
    """Row and column of a face's middle."""
    pixels, count = _pixels(scene), _count(scene)
    rows, _ = _size(pixels)
    # More than two stand further away and reach down to the picture's edge.
    top = HEIGHT - rows + (round(0.35 * pixels - scene.lift) if count <= 2 else 0)
    return top - round(CANVAS_TOP * pixels), WIDTH * (2 * index + 1) // (2 * count)


def _pixels(scene: Scene) -> int:
    return scene.pixels or (NEAR if _count(scene) <= 2 else FAR)


def _count(scene: Scene) -> int:
    return scene.places or len(scene.people)


@cache
def _size(pixels: int) -> tuple[int, int]:
    rows, columns = render(Face(), Pose(), pixels=pixels)[1].shape
    return rows, columns


def paint(scene: Scene) -> Picture:
    """A scene as light, 480 x 640 x blue, green, red, 0..1 and a little more where it is too bright."""
    painted = background().copy()
    pixels = _pixels(scene)
    for index, person in enumerate(scene.people):
        picture, cover = render(person.face, person.pose, person.wear, pixels)
        row, column = middle_of(scene, index)
        _put(painted, picture, cover, row + round(CANVAS_TOP * pixels), column - round(HALF_WIDTH * pixels))
    return painted if scene.light == 1 else painted * np.float32(scene.light)


def _put(scene: Picture, picture: Picture, cover: Picture, top: int, left: int) -> None:
    """Lay a picture over the scene, in place, as far as it lies within."""
    rows, columns = cover.shape
    up, down = max(0, -top), min(rows, HEIGHT - top)
    first, last = max(0, -left), min(columns, WIDTH - left)
    if up >= down or first >= last:
        return
    part = scene[top + up : top + down, left + first : left + last]
    part += cover[up:down, first:last, None] * (picture[up:down, first:last] - part)


def portrait(person: Standing) -> Picture:
    """A picture of one person as it is put on paper or on a screen: 428 x 360, head and shoulders."""
    return paint(Scene((person,)))[_PORTRAIT]


def compose(people: Sequence[tuple[str, float, bool]], lift: float = 0) -> Picture:
    """People of the cast: (name, yaw in degrees, eyes shut) from left to right; `lift` moves them up by pixels."""
    standing = (Standing(CAST[name], Pose(yaw_deg=yaw_deg, blink=float(shut))) for name, yaw_deg, shut in people)
    return paint(Scene(tuple(standing), lift=lift))


def scene_at(names: Sequence[str], phase: int) -> Picture:
    """People of the cast as they stand there by themselves, step `phase` of the loop."""
    people = (Standing(CAST[name], idle(phase, index)) for index, name in enumerate(names))
    return paint(Scene(tuple(people), lift=lift_at(phase)))


def lift_at(phase: float) -> float:
    """People breathe: how many pixels higher they stand at a step of the loop."""
    return 2 * float(np.sin(2 * np.pi * phase / PHASES))


def still(
    face: Face | str,
    yaw_deg: float = 0,
    *,
    pose: Pose | None = None,
    light: float = 1.0,
    wear: Wear = Wear.NOTHING,
    grain: int = 0,
) -> Shot:
    """One person alone, through the lens and JPEG; `pose` instead of `yaw_deg` says more."""
    known = CAST[face] if isinstance(face, str) else face
    scene = Scene((Standing(known, pose or Pose(yaw_deg=yaw_deg), wear),), light)
    return decode(jpeg(paint(scene), grain))
