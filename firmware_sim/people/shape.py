"""The head as a surface about its upright axis: for each height and angle how far out the skin is.

A turn of the head is then a shift of the angle, and what the nose hides is hidden (`turn`).
"""

import msgspec
import numpy as np

from firmware_sim.people.brush import bump, inside, line
from firmware_sim.people.face import Face, Picture

TOP, BOTTOM = -1.36, 1.14
"""The head's rows, in half head heights; the chin is at 1."""
REACH = 2.4
"""The head is drawn that far round to both sides, in radians: what is seen at a turn of 45 degrees and more."""
DEPTH = 0.95
OPENING = 0.20
"""How far the lower lip falls when the mouth is wide open."""
_FEWEST = 1e-4


class Grid(msgspec.Struct, frozen=True):
    """Where things are on the head; all arrays have rows by angles.

    Attributes:
        angle: of each column from the nose, positive to the viewer's right.
        y: height of each row.
        round_: distance of the bare egg from the axis.
        x: how far a point of it lies to the right, as seen from the front.
        side: how far from the middle.
        front: 1 on the front half.
    """

    angle: Picture
    y: Picture
    round_: Picture
    x: Picture
    side: Picture
    front: Picture


def egg(face: Face, angle: Picture, y: Picture, grow: float = 0.0) -> Picture:
    """The head without its features, `grow` thicker all around and on top; 0 where there is none."""
    narrowing = 1 - face.jaw * np.clip(y - 0.05, 0, None) ** 2 - 0.12 * np.clip(-0.45 - y, 0, None)
    closing = np.sqrt(np.clip(1 - np.abs(y / (1 + grow)) ** 2.3, 0, None))
    wide = np.maximum((face.width * narrowing + grow) * closing, _FEWEST)
    deep = np.maximum((DEPTH + grow) * closing, _FEWEST)
    power = face.square
    out = ((np.abs(np.sin(angle)) / wide) ** power + (np.abs(np.cos(angle)) / deep) ** power) ** (-1 / power)
    return np.where(closing > 0, out, 0).astype(np.float32)


def grid_of(face: Face, pixels: int) -> Grid:
    """The places on a head that is drawn with `pixels` per half head height."""
    y: Picture = np.arange(TOP, BOTTOM, 1 / pixels, dtype=np.float32)[:, None]
    columns = round(2 * REACH * DEPTH * pixels)
    angle: Picture = np.linspace(-REACH, REACH, columns, dtype=np.float32)[None, :]
    around = egg(face, angle, y)
    x: Picture = around * np.sin(angle)
    y, angle = (np.broadcast_to(each, around.shape) for each in (y, angle))
    return Grid(angle, y, around, x, np.abs(x), inside(-np.cos(angle), 0.2))


def fallen(face: Face, y: Picture, mouth: float) -> Picture:
    """Heights as they would be with the mouth shut: what is below it falls by half the opening with the jaw."""
    below = inside(face.mouth_y + 0.04 - y, 0.2)
    return y - np.float32(0.5 * OPENING * mouth) * below


def brow_line(face: Face, grid: Grid) -> Picture:
    """Height of the brows at each place."""
    out = grid.side - face.eye_x
    lifted = face.brow_y + face.brow_tilt * out + face.brow_arch * out**2 + 0.05 * face.uneven * np.sign(grid.x)
    return lifted.astype(np.float32)


def nose_tip(face: Face) -> float:
    """Height of the nose's tip."""
    return face.eye_y + face.nose_length


def features(face: Face, grid: Grid, mouth: float) -> Picture:
    """How far the face stands out of the egg, in half head heights."""
    x, y, side = grid.x, grid.y, grid.side
    lean = x - 0.12 * face.skew * (y - face.eye_y)
    jaw = fallen(face, y, mouth)
    out = -face.socket * bump(side, y, (face.eye_x, face.eye_y), (0.17, 0.12))
    out += 0.03 * bump(side, y, (face.eye_x, face.eye_y), (face.eye_size, face.eye_size * 0.7))
    out += face.ridge * line(y - brow_line(face, grid), 0.08) * inside(side - 0.5, 0.2)
    out -= (
        0.02
        * face.bags
        * line(y - face.eye_y - 0.13 - 0.8 * (side - face.eye_x) ** 2, 0.02)
        * inside(np.abs(side - face.eye_x) - 0.13, 0.06)
    )
    tip = nose_tip(face)
    along = np.clip((y - face.eye_y) / face.nose_length, 0, 1)
    out += face.nose_height * line(lean, 0.05 + 0.5 * face.nose_width * along) * along * inside(y - tip - 0.03, 0.09)
    out += face.nose_hump * 0.08 * bump(lean, y, (0, face.eye_y + 0.45 * face.nose_length), (0.06, 0.10))
    out += face.nose_tip * bump(lean, y, (0, tip - 0.03), (face.nose_width * 0.7, 0.07))
    out += 0.07 * bump(np.abs(lean), y, (face.nose_width * 0.85, tip), (0.05, 0.05))
    out += face.cheek * bump(side, y, (0.42, 0.22), (0.18, 0.16))
    out += 0.08 * face.cheekbone * bump(side, y, (0.54, 0.06), (0.13, 0.09))
    out += 0.10 * face.jowl * bump(side, jaw, (0.46, 0.62), (0.16, 0.16))
    out += face.chin * bump(x, jaw, (0, 0.85), (0.2, 0.1))
    out -= 0.03 * face.cleft * bump(x, jaw, (0, 0.86), (0.02, 0.07))
    out += 0.05 * bump(lean, jaw, (0, face.mouth_y), (face.mouth_width, face.lip * 1.8))
    out -= (0.025 + 0.06 * mouth) * bump(
        lean, y, (0, face.mouth_y + 0.5 * OPENING * mouth), (face.mouth_width, 0.018 + 0.4 * OPENING * mouth)
    ) * inside(np.abs(lean) - face.mouth_width, 0.1)
    fold = line(side - 0.22 - 0.35 * (y - tip), 0.03) * inside(np.abs(y - tip - 0.12) - 0.16, 0.1)
    out -= 0.03 * face.wrinkle * fold
    rows = np.sin((y + 0.45 - 0.08 * x**2) * 75) * inside(np.abs(y + 0.50) - 0.10, 0.08) * inside(side - 0.36, 0.15)
    out += 0.006 * face.furrow * rows
    ears = bump(np.abs(grid.angle), y, (1.68, 0.02), (0.14, 0.2)) * face.ear
    return (out * grid.front + ears).astype(np.float32)


def normals(grid: Grid, radius: Picture, pixels: int) -> Picture:
    """Which way the surface faces: rows, angles, and right, down, towards the viewer of a head that looks ahead."""
    down = np.gradient(radius, axis=0) * np.float32(pixels)
    step = 2 * REACH / (radius.shape[1] - 1)
    around = np.gradient(radius, axis=1) / np.float32(step)
    sine, cosine = np.sin(grid.angle), np.cos(grid.angle)
    facing = np.stack([radius * sine - around * cosine, -radius * down, around * sine + radius * cosine], axis=-1)
    length = np.sqrt((facing**2).sum(axis=-1, keepdims=True)) + np.float32(1e-6)
    unit: Picture = (facing / length).astype(np.float32)
    return unit
