"""What the face is painted with: skin and its marks, lips, brows, beard, eyes and lids, glasses."""

import numpy as np

from firmware_sim.people.brush import bgr, bump, grains, inside, line, paint
from firmware_sim.people.face import Face, Picture
from firmware_sim.people.shape import OPENING, Grid, brow_line, fallen, nose_tip

_MOST_MOLES = 9
_CELLS = (130, 250)


def strands(face: Face, shape: tuple[int, ...]) -> Picture:
    """Light and dark of single hairs and pores, 0.4 to 1."""
    rng = np.random.default_rng(face.grain)
    texture: Picture = np.clip(0.85 + 0.15 * grains(rng, (shape[0], shape[1]), _CELLS), 0.4, 1).astype(np.float32)
    return texture


def skin(face: Face, grid: Grid) -> Picture:
    """Bare skin with its marks."""
    x, y, side = grid.x, grid.y, grid.side
    shape = (y.shape[0], y.shape[1])
    rng = np.random.default_rng(face.grain)
    fine, coarse = grains(rng, shape, _CELLS), grains(rng, shape, (18, 34))
    tone = 1 + face.rough * (fine + 0.6 * coarse)
    colour: Picture = np.broadcast_to(bgr(face.skin), (*shape, 3)) * tone[..., None].astype(np.float32)
    red = (face.skin[0] * 0.81, face.skin[1] * 0.73, min(1.0, face.skin[2] * 1.03))
    dark = (face.skin[0] * 0.58, face.skin[1] * 0.58, face.skin[2] * 0.62)
    tip = nose_tip(face)
    colour = paint(colour, face.blush * bump(side, y, (0.42, 0.25), (0.16, 0.14)), red)
    colour = paint(colour, 0.6 * face.blush * bump(x, y, (0, tip), (face.nose_width, 0.09)), red)
    colour = paint(colour, face.shade_eyes * bump(side, y, (face.eye_x, face.eye_y), (0.17, 0.12)), dark)
    bag = line(y - face.eye_y - 0.15 - 0.8 * (side - face.eye_x) ** 2, 0.025) * inside(
        np.abs(side - face.eye_x) - 0.13, 0.06
    )
    colour = paint(colour, 0.35 * face.bags * bag, dark)
    fold = line(side - 0.22 - 0.35 * (y - tip), 0.022) * inside(np.abs(y - tip - 0.12) - 0.16, 0.1)
    colour = paint(colour, 0.30 * face.wrinkle * fold * grid.front, dark)
    if face.furrow:
        rows = np.clip(np.sin((y + 0.45 - 0.08 * x**2) * 75) - 0.3, 0, 1) * inside(np.abs(y + 0.50) - 0.10, 0.08)
        colour = paint(colour, 0.4 * face.furrow * rows * inside(side - 0.36, 0.15), dark)
    if face.freckles:
        spots = inside(1.35 - grains(rng, shape, (95, 180)), 0.5) * bump(side, y, (0.28, 0.12), (0.30, 0.17))
        colour = paint(colour, 0.7 * face.freckles * spots * grid.front, (0.22, 0.34, 0.55))
    colour = _moles(face, grid, colour, rng)
    if face.scar:
        cut = line(x - 0.33 - 0.25 * (y - 0.25), 0.014) * inside(np.abs(y - 0.25) - 0.20, 0.06) * grid.front
        colour = paint(colour, 0.8 * face.scar * cut, (0.60, 0.62, 0.86))
    nostrils = bump(
        np.abs(x - 0.12 * face.skew * (y - face.eye_y)), y, (face.nose_width * 0.55, tip + 0.035), (0.035, 0.022)
    )
    return paint(colour, 0.75 * nostrils * grid.front, (0.1, 0.12, 0.2))


def _moles(face: Face, grid: Grid, colour: Picture, rng: np.random.Generator) -> Picture:
    for _ in range(round(_MOST_MOLES * face.moles)):
        at = (float(rng.uniform(-0.5, 0.5)), float(rng.uniform(-0.15, 0.75)))
        size = float(rng.uniform(0.012, 0.028))
        colour = paint(
            colour,
            0.85 * inside(np.hypot(grid.x - at[0], grid.y - at[1]) - size, 0.015) * grid.front,
            (0.10, 0.14, 0.24),
        )
    return colour


def beard(face: Face, grid: Grid, colour: Picture, hairs: Picture, mouth: float) -> Picture:
    """Beard, goatee and moustache."""
    x, y, side = grid.x, fallen(face, grid.y, mouth), grid.side
    tip = nose_tip(face)
    grown = face.beard * inside(face.beard_top - y - 0.9 * np.clip(side - 0.25, 0, None), 0.16)
    grown = np.maximum(grown, face.goatee * inside(np.hypot(x / 0.75, y - 0.86) - 0.22, 0.12))
    above = np.abs(grid.y - (tip + face.mouth_y) / 2 - 0.03 - 0.25 * side**2) - 0.045
    grown = np.maximum(grown, face.moustache * inside(above, 0.04) * inside(side - face.mouth_width, 0.08))
    return paint(colour, grown * hairs * grid.front, face.hair)


def mouth_of(face: Face, grid: Grid, colour: Picture, mouth: float) -> Picture:
    """Lips, and the dark between them."""
    y = grid.y
    x = grid.x - 0.12 * face.skew * (y - face.eye_y)
    gap = OPENING * mouth
    across = x / face.mouth_width
    bend = -0.06 * face.smile * across**2 + 0.02 * face.uneven * across
    arch = np.clip(1 - across**2, 0, None)
    upper = face.mouth_y + bend - face.lip * (0.9 - 0.35 * np.cos(across * 6)) * (1 - across**2)
    lower = face.mouth_y + bend + (face.lip * face.lower_lip + gap) * (1 - across**2)
    wide = inside(np.abs(x) - face.mouth_width, 0.03) * grid.front
    lips = inside(np.maximum(upper - y, y - lower), 0.02) * wide
    colour = paint(colour, 0.85 * lips, face.lips)
    seam = line(y - face.mouth_y - bend - 0.02 * across**2, 0.012)
    colour = paint(colour, 0.8 * seam * wide, (0.12, 0.10, 0.22))
    if mouth:
        hollow = inside(np.maximum(face.mouth_y + bend - y, y - face.mouth_y - bend - gap * arch), 0.02) * wide
        colour = paint(colour, 0.95 * hollow, (0.08, 0.06, 0.14))
        teeth = hollow * inside(y - face.mouth_y - bend - 0.25 * gap, 0.02)
        colour = paint(colour, 0.7 * teeth, (0.78, 0.82, 0.84))
    return colour


def brows(face: Face, grid: Grid, colour: Picture, hairs: Picture) -> Picture:
    """Eyebrows."""
    out = np.abs(grid.side - face.eye_x)
    thick = face.brow_thick * np.clip(1.25 - 1.1 * out / 0.24, 0, 1)
    shape = inside(np.abs(grid.y - brow_line(face, grid)) - thick, 0.03) * inside(out - face.brow_long, 0.05)
    joined = (
        face.brow_joined
        * inside(np.abs(grid.y - brow_line(face, grid)) - 0.7 * face.brow_thick, 0.03)
        * inside(grid.side - face.eye_x, 0.05)
    )
    return paint(colour, face.brow_dark * np.maximum(shape, joined) * hairs * grid.front, face.hair)


def eyes(face: Face, grid: Grid, colour: Picture, blink: float) -> Picture:
    """Eyes with the lids down by `blink`, 0..1."""
    x, side = grid.x, grid.side
    y = grid.y + face.eye_tilt * (side - face.eye_x)
    across = (side - face.eye_x) / face.eye_size
    within = (np.abs(across) < 1) * grid.front
    full = face.eye_size * face.eye_open * np.clip(1 - across**2, 0, None)
    rim = face.eye_y - full * (1 - 0.6 * face.hood)
    under = face.eye_y + 0.75 * full
    lid = rim + (face.eye_y + 0.6 * full - rim) * blink
    above, below = lid - y, y - under
    if blink < 1:
        white = inside(np.maximum(above, below), 0.018) * within
        distance = np.hypot(side - face.eye_x, y - face.eye_y)
        colour = paint(colour, white, (0.84, 0.86, 0.88))
        colour = paint(colour, white * inside(distance - face.eye_size * 0.48, 0.02), face.iris)
        colour = paint(colour, white * inside(distance - face.eye_size * 0.22, 0.015), (0.03, 0.03, 0.03))
        glint = bump(np.abs(x + 0.02), y, (face.eye_x, face.eye_y - 0.02), (0.012, 0.012))
        colour = paint(colour, white * glint, (1, 1, 1))
    lashes = line(above, 0.016) * (np.abs(across) < 1.12) * grid.front
    colour = paint(colour, face.lashes * lashes, (0.06, 0.06, 0.08))
    crease = line(y - rim + 0.045, 0.012) * (np.abs(across) < 1) * grid.front
    return paint(colour, 0.3 * (1 - face.hood) * crease, (0.2, 0.24, 0.36))


def glasses(face: Face, grid: Grid, colour: Picture) -> Picture:
    """A frame and its temples, and the tint of the lenses."""
    if not face.glasses:
        return colour
    y, side = grid.y, grid.side
    power = face.glasses_square
    across, along = np.abs(side - face.eye_x) / 1.12, np.abs(y - face.eye_y - 0.02) * (1 + 0.12 * (power - 2))
    ring = (across**power + along**power) ** (1 / power) - face.glasses_size
    rim = inside(np.abs(ring) - face.glasses_thick, 0.015) * grid.front
    bridge = (
        inside(np.abs(y - face.eye_y + 0.02) - 0.014, 0.015)
        * inside(side - face.eye_x + face.glasses_size, 0.02)
        * grid.front
    )
    temple = inside(np.abs(y - face.eye_y + 0.03) - 0.015, 0.015) * inside(
        face.eye_x + 1.1 * face.glasses_size - side, 0.02
    )
    temple = temple * inside(np.abs(grid.angle) - 1.65, 0.05)
    colour = paint(colour, face.glasses_tint * inside(ring, 0.015) * grid.front, (0.10, 0.11, 0.10))
    return paint(colour, face.glasses * np.max([rim, bridge, temple], axis=0), face.frame)
