"""Drawn people: heads as shaded height fields that turn with true parallax and blink. Only numpy.

They prove that a picture goes the whole way from a camera to a decision; they say nothing about accuracy on real
faces. The three of the cast are drawn so that a face network tells them apart (tests measure it).
"""

from functools import cache

import msgspec
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.float32]
Bgr = tuple[float, float, float]

_LIGHT = (-0.35, -0.45, 0.82)
_WIDTH = 1.3
_TOP = -1.35
_BOTTOM = 2.3
_DEPTH = 0.95


class Face(msgspec.Struct, frozen=True):
    """What makes a person; lengths in half head heights, colours 0..1 as blue, green, red."""

    width: float = 0.78
    jaw: float = 0.35
    eye_x: float = 0.30
    eye_y: float = -0.12
    eye_size: float = 0.115
    eye_open: float = 0.45
    socket: float = 0.10
    brow_y: float = -0.32
    brow_tilt: float = 0.0
    brow_thick: float = 0.035
    nose_length: float = 0.42
    nose_width: float = 0.13
    nose_height: float = 0.22
    mouth_y: float = 0.55
    mouth_width: float = 0.24
    lip: float = 0.055
    cheek: float = 0.05
    chin: float = 0.06
    hairline: float = -0.62
    fringe: float = 0.0
    long_hair: float = 0.0
    beard: float = 0.0
    moustache: float = 0.0
    glasses: float = 0.0
    wrinkle: float = 0.0
    skin: Bgr = (0.52, 0.62, 0.80)
    hair: Bgr = (0.10, 0.12, 0.15)
    iris: Bgr = (0.15, 0.22, 0.30)
    lips: Bgr = (0.38, 0.36, 0.65)
    clothes: Bgr = (0.55, 0.35, 0.15)
    grain: int = 1


class _Relief(msgspec.Struct, frozen=True):
    """A head from the front: its height, and with eyes open and shut blue, green, red, height and cover."""

    height: Picture
    open_eyes: Picture
    shut_eyes: Picture


def _bgr(colour: Bgr) -> Picture:
    return np.asarray(colour, np.float32)


def _bump(x: Picture, y: Picture, at: tuple[float, float], size: tuple[float, float]) -> Picture:
    bump: Picture = np.exp(-(((x - at[0]) / size[0]) ** 2) - ((y - at[1]) / size[1]) ** 2)
    return bump


def _inside(distance: Picture, softness: float) -> Picture:
    """1 where `distance` is negative, 0 where positive, with a soft edge."""
    amount: Picture = np.clip(0.5 - distance / softness, 0, 1).astype(np.float32)
    return amount


def _paint(colour: Picture, amount: Picture, with_colour: Bgr) -> Picture:
    mixed: Picture = colour + amount[..., None] * (_bgr(with_colour) - colour)
    return mixed


@cache
def _relief(face: Face, pixels: int) -> _Relief:
    """Draw a head on a grid of `pixels` per half head height."""
    rng = np.random.default_rng(face.grain)
    y, x = np.mgrid[_TOP : _BOTTOM : 1 / pixels, -_WIDTH : _WIDTH : 1 / pixels].astype(np.float32)
    side = np.abs(x)

    narrowing = 1 - face.jaw * np.clip(y - 0.05, 0, None) ** 2 - 0.12 * np.clip(-0.45 - y, 0, None)
    half_width = face.width * narrowing
    round_ = 1 - (x / half_width) ** 2 - np.abs(y) ** 2.3
    height = _DEPTH * np.sqrt(np.clip(round_, 0, None))
    head = _inside(-round_, 0.05)

    eyes = _bump(side, y, (face.eye_x, face.eye_y), (0.17, 0.12))
    height -= face.socket * eyes
    brow_line = face.brow_y + face.brow_tilt * (side - face.eye_x) + 0.35 * (side - face.eye_x) ** 2
    height += 0.05 * np.exp(-(((y - brow_line) / 0.08) ** 2)) * _inside(side - 0.5, 0.2)
    tip = face.eye_y + face.nose_length
    along = np.clip((y - face.eye_y) / face.nose_length, 0, 1)
    ridge = np.exp(-((x / (0.05 + 0.5 * face.nose_width * along)) ** 2)) * along * _inside(y - tip - 0.03, 0.09)
    height += face.nose_height * ridge
    height += 0.10 * _bump(x, y, (0, tip - 0.03), (face.nose_width * 0.7, 0.07))
    height += 0.07 * _bump(side, y, (face.nose_width * 0.85, tip), (0.05, 0.05))
    height += face.cheek * _bump(side, y, (0.42, 0.22), (0.18, 0.16))
    height += face.chin * _bump(x, y, (0, 0.85), (0.2, 0.1))
    height += 0.05 * _bump(x, y, (0, face.mouth_y), (face.mouth_width, face.lip * 1.8))
    height -= 0.025 * _bump(x, y, (0, face.mouth_y), (face.mouth_width, 0.018))
    height -= (
        face.wrinkle
        * 0.03
        * np.exp(-(((side - 0.22 - 0.35 * (y - tip)) / 0.03) ** 2))
        * _inside(np.abs(y - tip - 0.12) - 0.16, 0.1)
    )

    texture = rng.normal(0, 1, (y.shape[0] // 3 + 2, x.shape[1] // 3 + 2)).astype(np.float32)
    texture = np.kron(texture, np.ones((3, 3), np.float32))[: y.shape[0], : x.shape[1]]
    colour: Picture = np.broadcast_to(_bgr(face.skin), (*y.shape, 3)) * (1 + 0.025 * texture[..., None])
    colour = _paint(colour, 0.25 * _bump(side, y, (0.42, 0.25), (0.16, 0.14)), (0.42, 0.45, 0.82))
    colour = _paint(colour, 0.35 * eyes, (0.30, 0.36, 0.50))
    colour = _paint(
        colour, 0.75 * _bump(side, y, (face.nose_width * 0.55, tip + 0.035), (0.035, 0.022)), (0.1, 0.12, 0.2)
    )

    shadow = face.beard * _inside(0.30 - y - 0.9 * np.clip(side - 0.25, 0, None), 0.16)
    shadow = np.maximum(
        shadow,
        face.moustache
        * _inside(np.abs(y - (tip + face.mouth_y) / 2 - 0.03) - 0.045, 0.04)
        * _inside(side - face.mouth_width, 0.08),
    )
    strands = np.clip(0.85 + 0.15 * texture, 0, 1)
    colour = _paint(colour, shadow * strands, face.hair)

    upper = face.mouth_y - face.lip * (0.9 - 0.35 * np.cos(x / face.mouth_width * 6)) * (
        1 - (x / face.mouth_width) ** 2
    )
    lower = face.mouth_y + face.lip * 1.1 * (1 - (x / face.mouth_width) ** 2)
    mouth = _inside(np.maximum(upper - y, y - lower), 0.02) * _inside(np.abs(x) - face.mouth_width, 0.03)
    colour = _paint(colour, 0.85 * mouth, face.lips)
    line = np.exp(-(((y - face.mouth_y - 0.02 * (x / face.mouth_width) ** 2) / 0.012) ** 2))
    colour = _paint(colour, 0.8 * line * _inside(np.abs(x) - face.mouth_width, 0.03), (0.12, 0.10, 0.22))

    thick = face.brow_thick * np.clip(1.25 - 1.1 * np.abs(side - face.eye_x) / 0.24, 0, 1)
    brows = _inside(np.abs(y - brow_line) - thick, 0.03) * _inside(np.abs(side - face.eye_x) - 0.21, 0.05)
    colour = _paint(colour, 0.85 * brows * strands, face.hair)

    # Hair: over the hairline, down the temples, and long hair beside the face.
    hairline = face.hairline + 0.55 * side**2 + face.fringe * 0.25 * (np.sin(7 * x + face.grain) + 1)
    hair = _inside(y - hairline, 0.06)
    temples = _inside(half_width * 0.93 - side, 0.05) * _inside(y - 0.05 - 0.15 * face.beard, 0.1)
    hair = np.maximum(hair, temples)
    crown_round = 1 - (x / (face.width * 1.1)) ** 2 - np.abs((y + 0.04) / 1.1) ** 2.2
    crown = _inside(-crown_round, 0.05) * _inside(y + 0.05, 0.35)
    curtain_edge = np.abs(x / (face.width * (1.2 + 0.04 * np.sin(5 * y)))) ** 3 + np.abs((y - 0.1) / 1.1) ** 3 - 1
    curtain = face.long_hair * _inside(curtain_edge, 0.1)
    scalp = (_DEPTH + 0.02) * np.sqrt(np.clip(crown_round, 0, None)) * _inside(y + 0.1, 0.5)
    below_hair = (hair < 0.5) & (head > 0.5)
    height = np.where(below_hair, height, np.maximum(height + 0.05 * hair, np.maximum(scalp, 0.05))).astype(np.float32)
    ears = _inside((side - half_width - 0.02) ** 2 / 0.10**2 + (y - 0.05) ** 2 / 0.2**2 - 1, 0.3) * (1 - head)
    ears = ears * (1 - min(1.0, face.long_hair * 2))
    neck = _inside(side - 0.42, 0.05) * _inside(0.5 - y, 0.1) * (1 - head)
    body = _inside(1.18 + 0.25 * side**2 + 12 * np.clip(side - 0.95, 0, None) ** 2 - y, 0.04) * (1 - head)

    stripes = 0.85 + 0.15 * np.sin(40 * x + 6 * np.sin(5 * y) + texture)
    hair_colour = _bgr(face.hair) * stripes[..., None]
    on_head = colour + (hair * head)[..., None] * (hair_colour - colour)
    outside = np.broadcast_to(_bgr(face.skin) * np.float32(0.72), colour.shape).copy()
    outside += (np.maximum(crown, curtain) * (1 - ears))[..., None] * (hair_colour - outside)
    outside = outside + body[..., None] * (_bgr(face.clothes) - outside)
    colour = outside + head[..., None] * (on_head - outside)
    cover = np.max([head, crown, ears, neck, body, curtain], axis=0)

    shut = _eyelids(face, colour, x, y, side)
    opened = _eyes(face, colour, x, y, side)
    if face.glasses:
        opened, shut = (_glasses(face, eyes_, side, y) for eyes_ in (opened, shut))
    beneath = np.stack([height, cover.astype(np.float32)], axis=-1)
    return _Relief(height, *(np.concatenate([eyes_, beneath], axis=-1, dtype=np.float32) for eyes_ in (opened, shut)))


def _eyes(face: Face, colour: Picture, x: Picture, y: Picture, side: Picture) -> Picture:
    across = (side - face.eye_x) / face.eye_size
    lid = face.eye_size * face.eye_open * np.clip(1 - across**2, 0, None)
    above = face.eye_y - lid - y
    below = y - face.eye_y - 0.75 * lid
    white = _inside(np.maximum(above, below), 0.018) * (np.abs(across) < 1)
    distance = np.hypot(side - face.eye_x, y - face.eye_y)
    colour = _paint(colour, white, (0.84, 0.86, 0.88))
    colour = _paint(colour, white * _inside(distance - face.eye_size * 0.48, 0.02), face.iris)
    colour = _paint(colour, white * _inside(distance - face.eye_size * 0.22, 0.015), (0.03, 0.03, 0.03))
    glint = _bump(x, y, (-face.eye_x - 0.02, face.eye_y - 0.02), (0.012, 0.012))
    glint = glint + _bump(x, y, (face.eye_x - 0.02, face.eye_y - 0.02), (0.012, 0.012))
    colour = _paint(colour, white * glint, (1, 1, 1))
    lashes = np.exp(-((above / 0.016) ** 2)) * (np.abs(across) < 1.12)
    return _paint(colour, 0.9 * lashes, (0.06, 0.06, 0.08))


def _eyelids(face: Face, colour: Picture, x: Picture, y: Picture, side: Picture) -> Picture:
    del x
    across = (side - face.eye_x) / face.eye_size
    lid = face.eye_size * face.eye_open * np.clip(1 - across**2, 0, None)
    lashes = np.exp(-(((y - face.eye_y - 0.6 * lid) / 0.014) ** 2)) * (np.abs(across) < 1.1)
    return _paint(colour, 0.85 * lashes, (0.08, 0.08, 0.12))


def _glasses(face: Face, colour: Picture, side: Picture, y: Picture) -> Picture:
    ring = np.hypot((side - face.eye_x) / 1.12, y - face.eye_y - 0.02) - 0.195
    frame = _inside(np.abs(ring) - 0.018, 0.015)
    bridge = _inside(np.abs(y - face.eye_y + 0.02) - 0.014, 0.015) * (side < face.eye_x - 0.2)
    temple = _inside(np.abs(y - face.eye_y + 0.03) - 0.015, 0.015) * (side > face.eye_x + 0.2) * (side < face.width)
    metal: Picture = face.glasses * np.max([frame, bridge, temple], axis=0)
    return _paint(colour, metal, (0.08, 0.08, 0.09))


def _turned(height: Picture, yaw: float, pixels: int) -> Picture:
    """For each pixel the column of the relief that a turn by `yaw` (radians) brings there.

    Depth converges in a few rounds at small angles; the nearest column is near enough on the way.
    """
    rows, columns = height.shape
    middle = np.float32((columns - 1) / 2)
    across: Picture = (np.arange(columns, dtype=np.float32) - middle)[None, :]
    first = (np.arange(rows, dtype=np.int32) * columns)[:, None]
    shift: Picture = (height - np.float32(0.3)) * np.float32(pixels * np.sin(yaw))
    straight: Picture = across / np.float32(np.cos(yaw))
    tilt = np.float32(0.5 / np.cos(yaw))
    source: Picture = np.repeat(across, rows, axis=0)
    for _ in range(6):
        nearest = np.clip(source + (middle + np.float32(0.5)), 0, columns - 1).astype(np.int32)
        source = np.float32(0.5) * (source + straight) - tilt * shift.take(first + nearest)
    where: Picture = source + middle
    return where


def _sample(picture: Picture, column: Picture) -> Picture:
    """Linear interpolation along the columns of each row of (rows, columns, values)."""
    row = np.arange(picture.shape[0])[:, None]
    left = np.clip(column, 0, picture.shape[1] - 2).astype(np.int32)
    part = np.clip(column - left, 0, 1)[..., None]
    before = picture[row, left]
    mixed: Picture = before + part * (picture[row, left + 1] - before)
    return mixed


def render(face: Face, yaw_deg: float, *, blink: bool = False, pixels: int = 100) -> tuple[Picture, Picture]:
    """Draw a head and shoulders.

    Args:
        face: whom.
        yaw_deg: turned by so much about the neck, positive to the viewer's right.
        blink: eyes shut.
        pixels: per half head height.

    Returns:
        Picture (rows, columns, blue-green-red 0..1) and cover (rows, columns, 0..1).
    """
    relief = _relief(face, pixels)
    where = _turned(relief.height, float(np.deg2rad(yaw_deg)), pixels)
    values = _sample(relief.shut_eyes if blink else relief.open_eyes, where)
    colour, height, cover = values[..., :3], values[..., 3], values[..., 4]
    down, right = np.gradient(height * pixels)
    length = np.sqrt(down**2 + right**2 + 1)
    light = np.clip((-right * _LIGHT[0] - down * _LIGHT[1] + _LIGHT[2]) / length, 0, 1)
    shade = 0.42 + 0.68 * light
    return np.clip(colour * shade[..., None], 0, 1), cover
