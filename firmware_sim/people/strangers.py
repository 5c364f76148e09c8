"""Random people: how far each feature may vary, and a person drawn by a seed."""

from typing import Any

import msgspec
import numpy as np

from firmware_sim.people.face import Bgr, Face

RANGES: dict[str, tuple[float, float]] = {
    "width": (0.68, 0.90), "jaw": (0.10, 0.48), "square": (1.9, 2.6), "jowl": (0.0, 1.0), "cheek": (0.0, 0.10),
    "cheekbone": (0.0, 1.0), "chin": (0.0, 0.12), "cleft": (0.0, 1.0), "ear": (0.05, 0.16), "skew": (-1.0, 1.0),
    "uneven": (-0.6, 0.6), "eye_x": (0.25, 0.36), "eye_y": (-0.20, -0.04), "eye_size": (0.090, 0.145),
    "eye_open": (0.28, 0.60), "eye_tilt": (-0.25, 0.25), "hood": (0.0, 0.7), "bags": (0.0, 1.0),
    "socket": (0.03, 0.14), "lashes": (0.5, 1.0), "brow_y": (-0.40, -0.26), "brow_tilt": (-0.25, 0.25),
    "brow_arch": (0.0, 0.9), "brow_thick": (0.015, 0.07), "brow_long": (0.15, 0.25), "brow_dark": (0.3, 0.95),
    "brow_joined": (0.0, 0.8), "ridge": (0.02, 0.10), "nose_length": (0.32, 0.50), "nose_width": (0.09, 0.20),
    "nose_height": (0.14, 0.32), "nose_tip": (0.05, 0.15), "nose_hump": (0.0, 1.0), "mouth_y": (0.50, 0.62),
    "mouth_width": (0.18, 0.34), "lip": (0.025, 0.095), "lower_lip": (0.7, 1.6), "smile": (-0.5, 1.0),
    "hairline": (-0.95, -0.45), "recede": (0.0, 0.4), "part": (-1.0, 1.0), "fringe": (0.0, 0.3),
    "volume": (0.0, 0.16), "curls": (0.0, 1.0), "hair_cover": (0.0, 1.0), "sideburn": (0.0, 1.0),
    "long_hair": (0.0, 1.0), "beard": (0.0, 0.95), "beard_top": (0.15, 0.70), "goatee": (0.0, 0.95),
    "moustache": (0.0, 0.95), "glasses": (0.0, 0.95), "glasses_square": (2.0, 5.0), "glasses_size": (0.16, 0.23),
    "glasses_thick": (0.008, 0.035), "glasses_tint": (0.0, 0.35), "wrinkle": (0.0, 1.0), "furrow": (0.0, 1.0),
    "freckles": (0.0, 1.0), "moles": (0.0, 1.0), "scar": (0.0, 1.0), "rough": (0.010, 0.060), "blush": (0.0, 0.5),
    "shade_eyes": (0.1, 0.6),
}  # fmt: skip
"""How far each number may go; further out the face finder no longer takes the drawing for a face."""
RARE = {
    "long_hair": 0.25, "beard": 0.30, "goatee": 0.20, "moustache": 0.25, "glasses": 0.30, "freckles": 0.20,
    "scar": 0.15, "brow_joined": 0.15, "furrow": 0.4, "glasses_tint": 0.4, "recede": 0.4, "fringe": 0.5, "curls": 0.4,
    "cleft": 0.3,
}  # fmt: skip
"""Share of people who have such a thing at all."""
SKINS: tuple[Bgr, ...] = (
    (0.62, 0.72, 0.90), (0.52, 0.62, 0.80), (0.45, 0.60, 0.78), (0.42, 0.55, 0.72), (0.32, 0.45, 0.64),
    (0.24, 0.34, 0.50), (0.18, 0.25, 0.38),
)  # fmt: skip
HAIRS: tuple[Bgr, ...] = (
    (0.05, 0.05, 0.06), (0.08, 0.10, 0.13), (0.10, 0.16, 0.24), (0.20, 0.40, 0.55), (0.30, 0.55, 0.70),
    (0.10, 0.20, 0.45), (0.55, 0.56, 0.57), (0.80, 0.80, 0.80),
)  # fmt: skip
IRISES: tuple[Bgr, ...] = ((0.10, 0.14, 0.20), (0.15, 0.25, 0.35), (0.50, 0.40, 0.25), (0.30, 0.45, 0.35))
MOUTHS: tuple[Bgr, ...] = ((0.38, 0.36, 0.65), (0.25, 0.20, 0.60), (0.35, 0.42, 0.62), (0.22, 0.24, 0.42))
FRAMES: tuple[Bgr, ...] = ((0.08, 0.08, 0.09), (0.45, 0.45, 0.47), (0.12, 0.20, 0.40))
CLOTHES: tuple[Bgr, ...] = (
    (0.12, 0.40, 0.85), (0.15, 0.75, 0.80), (0.38, 0.36, 0.34), (0.60, 0.35, 0.15), (0.30, 0.55, 0.20),
    (0.20, 0.15, 0.60),
)  # fmt: skip
HELMETS: tuple[Bgr, ...] = ((0.10, 0.72, 0.90), (0.92, 0.92, 0.92), (0.15, 0.15, 0.80), (0.75, 0.35, 0.10))
CHOICES: dict[str, tuple[Bgr, ...]] = {
    "skin": SKINS, "hair": HAIRS, "iris": IRISES, "lips": MOUTHS, "frame": FRAMES, "clothes": CLOTHES,
    "helmet": HELMETS,
}  # fmt: skip


def stranger(seed: int) -> Face:
    """A person whom nobody knows; the same one for the same seed."""
    rng = np.random.default_rng((seed, 7))
    values: dict[str, Any] = {}
    for name, (low, high) in RANGES.items():
        value = round(float(rng.uniform(low, high)), 3)
        values[name] = value if rng.random() < RARE.get(name, 1.0) else 0.0
    values["hair_cover"] = 1.0 if rng.random() < 0.85 else values["hair_cover"]
    values["long_hair"] = float(values["long_hair"] > 0)
    for name, choices in CHOICES.items():
        values[name] = choices[int(rng.integers(len(choices)))]
    return msgspec.structs.replace(Face(), grain=int(rng.integers(1, 100_000)), **values)
