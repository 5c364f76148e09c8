"""A case's file, strictly read."""

import re
from pathlib import Path
from typing import Any

import msgspec

from contracts import yaml_file
from contracts.errors import ContractError, from_msgspec

HERE = Path(__file__).parent
_TIME = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)min)?(?:([\d.]+)s)?")


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One case.

    Attributes:
        what: one line on what happens.
        why: the requirement or clause that it proves.
        start: ``power_on``, ``ready`` (everything is met) or ``released``.
        timeline: entries of ``at`` (since the start, such as ``47min``) and one verb of `world.World`.
        until: when it ends.
        pack: rule pack.
        permit: changes to the permit that it starts with.
        pace: the kernel runs this often.
    """

    what: str
    why: str
    timeline: tuple[dict[str, Any], ...]
    until: str
    start: str = "released"
    pack: str = "gb30871-2022"
    permit: dict[str, Any] = {}
    pace: str = "0.05s"


def seconds(text: str) -> float:
    """``1h10min`` in seconds.

    Raises:
        ContractError: not a time.
    """
    found = _TIME.fullmatch(str(text))
    if not found or not any(found.groups()):
        raise ContractError("at", "a time such as 1.5s, 47min or 1h10min", repr(text))
    days, hours, minutes, rest = found.groups()
    return int(days or 0) * 86400 + int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(rest or 0)


def names() -> list[str]:
    """Every case."""
    return sorted(path.parent.name for path in HERE.glob("*/case.yaml"))


def load(name: str) -> Case:
    """Read a case.

    Raises:
        ContractError: names the field.
    """
    path = HERE / name / "case.yaml"
    raw = yaml_file.load(path.read_text(encoding="utf-8"), f"{name}/{path.name}")
    try:
        return msgspec.convert(raw, Case)
    except msgspec.ValidationError as error:
        raise from_msgspec(error, f"{name}/{path.name}") from error
