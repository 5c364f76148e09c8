"""What makes a drawn person, how the head is held, what it wears. Data only."""

from enum import StrEnum

import msgspec
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.float32]
Bgr = tuple[float, float, float]


class Wear(StrEnum):
    """What a welder has on the head."""

    NOTHING = "nothing"
    HELMET = "helmet"
    MASK = "mask"


class Pose(msgspec.Struct, frozen=True):
    """How a head is held.

    Attributes:
        yaw_deg: positive turns to the person's own left: in the picture the nose moves right.
        pitch_deg: positive looks down.
        roll_deg: positive leans clockwise as the viewer sees it.
        blink: 0 eyes open, 1 shut.
        mouth: 0 shut, 1 wide open.
    """

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    blink: float = 0.0
    mouth: float = 0.0


class Face(msgspec.Struct, frozen=True):
    """What makes a person; lengths in half head heights, amounts 0..1, colours 0..1 as blue, green, red.

    `grain` seeds what is different on every skin: its texture, moles, freckles and strands.
    """

    width: float = 0.78
    jaw: float = 0.35
    square: float = 2.0
    """Cross-section of the head: 2 is an ellipse, more is a box."""
    jowl: float = 0.0
    cheek: float = 0.05
    cheekbone: float = 0.0
    chin: float = 0.06
    cleft: float = 0.0
    ear: float = 0.10
    skew: float = 0.0
    """How far nose and mouth lean to one side."""
    uneven: float = 0.0
    """How much higher one brow and one corner of the mouth sit."""

    eye_x: float = 0.30
    eye_y: float = -0.12
    eye_size: float = 0.115
    eye_open: float = 0.45
    eye_tilt: float = 0.0
    hood: float = 0.0
    """How far the upper lid hangs over the eye."""
    bags: float = 0.0
    socket: float = 0.10
    lashes: float = 0.9

    brow_y: float = -0.32
    brow_tilt: float = 0.0
    brow_arch: float = 0.35
    brow_thick: float = 0.035
    brow_long: float = 0.21
    brow_dark: float = 0.85
    brow_joined: float = 0.0
    ridge: float = 0.05

    nose_length: float = 0.42
    nose_width: float = 0.13
    nose_height: float = 0.22
    nose_tip: float = 0.10
    nose_hump: float = 0.0

    mouth_y: float = 0.55
    mouth_width: float = 0.24
    lip: float = 0.055
    lower_lip: float = 1.1
    smile: float = 0.0

    hairline: float = -0.62
    recede: float = 0.0
    part: float = 0.0
    fringe: float = 0.0
    volume: float = 0.05
    curls: float = 0.0
    hair_cover: float = 1.0
    sideburn: float = 0.0
    long_hair: float = 0.0
    beard: float = 0.0
    beard_top: float = 0.30
    goatee: float = 0.0
    moustache: float = 0.0

    glasses: float = 0.0
    glasses_square: float = 2.0
    glasses_size: float = 0.195
    glasses_thick: float = 0.018
    glasses_tint: float = 0.0

    wrinkle: float = 0.0
    furrow: float = 0.0
    freckles: float = 0.0
    moles: float = 0.0
    scar: float = 0.0
    rough: float = 0.025
    blush: float = 0.25
    shade_eyes: float = 0.35

    skin: Bgr = (0.52, 0.62, 0.80)
    hair: Bgr = (0.10, 0.12, 0.15)
    iris: Bgr = (0.15, 0.22, 0.30)
    lips: Bgr = (0.38, 0.36, 0.65)
    frame: Bgr = (0.08, 0.08, 0.09)
    clothes: Bgr = (0.55, 0.35, 0.15)
    helmet: Bgr = (0.10, 0.72, 0.90)
    grain: int = 1
