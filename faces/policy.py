"""By which numbers a face is judged. They are rows of the rule packs, with their clauses; none stands in the code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from contracts.errors import ContractError

ROWS: dict[str, tuple[str, int]] = {
    "face_distance_milli": ("limit", 1000),
    "face_margin_milli": ("margin", 1000),
    "face_frames_need_count": ("need_frames", 1),
    "face_frames_of_count": ("of_frames", 1),
    "face_frames_s": ("frames_s", 1),
    "face_size_px": ("size_px", 1),
    "face_sharpness_milli": ("sharpness", 1000),
    "face_dark_percent": ("dark", 100),
    "face_bright_percent": ("bright", 100),
    "face_turn_milli": ("turn", 1000),
    "face_roll_deg": ("roll_deg", 1),
    "face_apart_milli": ("apart", 1000),
}
"""Rows of a rule pack: the attribute of `Policy` that each becomes, and what its whole number is divided by."""


class Policy(msgspec.Struct, frozen=True):
    """Distances are Euclidean, in the engines' common scale; shares are 0 to 1.

    Attributes:
        limit: furthest a face may lie from a person.
        margin: so much further away the second nearest person must be.
        need_frames, of_frames, frames_s: so many looks must agree, of the newest so many, none older than that.
        size_px: smallest side of a face that is enrolled.
        sharpness: least `faces.quality.Quality.sharpness` of a still.
        dark, bright: largest share of a face without any light, or overexposed.
        turn, roll_deg: furthest turned aside or leaning, see `faces.engine.Landmarks`.
        apart: stills nearer than this are one picture twice.
    """

    limit: float
    margin: float
    need_frames: int
    of_frames: int
    frames_s: float
    size_px: int
    sharpness: float
    dark: float
    bright: float
    turn: float
    roll_deg: float
    apart: float


def from_rows(rows: Mapping[str, int]) -> Policy:
    """A policy from the rule pack's rows: name of the row to its whole number.

    Raises:
        ContractError: a row is missing.
    """
    missing = next((name for name in ROWS if name not in rows), None)
    if missing is not None:
        raise ContractError(missing, "a row of the rule pack", "nothing", "take a pack of configs/rules")
    values = {field: rows[name] if part == 1 else rows[name] / part for name, (field, part) in ROWS.items()}
    return msgspec.convert(values, Policy)


def read(pack: Path) -> Policy:
    """A policy from a written rule pack, such as configs/rules/gb30871-2022.yaml; `based_on` is followed.

    The box reads its own rules whole (`edge.vision.policy`); this is for those who have no box: bridge and bench.

    Raises:
        ContractError: it is no written pack, or a row is missing.
        OSError: it cannot be read.
    """
    return from_rows(_numbers(pack))


def _numbers(pack: Path) -> dict[str, int]:
    import yaml

    raw: Any = yaml.safe_load(pack.read_text(encoding="utf-8"))
    if not isinstance(raw, dict):
        raise ContractError(pack.name, "a rule pack", type(raw).__name__, "take one of configs/rules")
    below = _numbers(pack.with_name(f"{raw['based_on']}.yaml")) if "based_on" in raw else {}
    return below | {name: row["value"] for name, row in raw.items() if isinstance(row, dict) and "value" in row}
