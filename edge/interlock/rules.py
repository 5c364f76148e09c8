"""Rule packs: every limit, timer and clause that the kernel decides by. Read from configs/rules/*.yaml.

A pack is data; the kernel has no number of its own. Its hash goes into every decision record.
"""

import hashlib
from pathlib import Path
from typing import Literal

import msgspec

from contracts.errors import ContractError, from_msgspec
from contracts.gas import Unit, convert, gas
from contracts.permit import Level
from edge import yaml_file

PACKS = Path(__file__).resolve().parents[2] / "configs" / "rules"
_LIVENESS = ("not_proven", "proven")
_CLOCK = ("none", "rtc", "sync", "gps")


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Limit(_Section, frozen=True):
    """A gas passes while ``low <= value <= high`` in `unit`."""

    gas: str
    unit: Unit
    clause: str
    low: float | None = None
    high: float | None = None


class LevelRule(_Section, frozen=True):
    """What a hot-work level asks for: longest validity, longest break without a new gas test, camera while released."""

    validity_h: int
    break_s: int
    camera: bool
    clause: str


class Number(_Section, frozen=True):
    """A number and the clause that it comes from."""

    value: int
    clause: str


class Word(_Section, frozen=True):
    """A word of a closed set and its clause."""

    value: Literal["proven", "not_proven", "none", "rtc", "sync", "gps"]
    clause: str


class Rules(_Section, frozen=True):
    """A whole pack; the YAML's keys, which say what each is. `sha256` is computed from the file."""

    name: str
    zh: str
    en: str
    simulation: bool
    limits: tuple[Limit, ...]
    levels: dict[Level, LevelRule]
    gas_test_age_s: Number
    check_in_s: Number
    guardian_grace_s: Number
    performer_grace_s: Number
    badge_ttl_s: Number
    position_ttl_s: Number
    position_min_satellites: Number
    position_max_hdop_centi: Number
    face_ttl_s: Number
    face_recheck_s: Number
    face_grace_s: Number
    face_distance_milli: Number
    stranger_distance_milli: Number
    stranger_s: Number
    liveness: Word
    camera_ttl_s: Number
    attempt_s: Number
    settle_ms: Number
    dead_man_ms: Number
    inputs_ttl_ms: Number
    audit_release_ms: Number
    audit_run_ms: Number
    reset_window_s: Number
    fire_watch_s: Number
    clock_quality: Word
    clock_step_ms: Number
    clock_behind_s: Number
    process_safety_time_s: Number
    sha256: str = ""

    def limit(self, code: str, unit: Unit) -> Limit:
        """The limit for a gas, expressed in the detector's unit.

        Raises:
            ContractError: the pack has no limit for this gas, or its unit cannot be converted.
        """
        for limit in self.limits:
            if limit.gas == code:
                return Limit(
                    gas=code,
                    unit=unit,
                    clause=limit.clause,
                    low=None if limit.low is None else convert(limit.low, code, limit.unit, unit),
                    high=None if limit.high is None else convert(limit.high, code, limit.unit, unit),
                )
        known = ", ".join(limit.gas for limit in self.limits)
        raise ContractError("gas", f"a gas with a limit in {self.name} ({known})", code, "add its limit and clause")

    def accepts_liveness(self, liveness: str) -> bool:
        """Whether a face with this liveness result counts."""
        return liveness in _LIVENESS and _LIVENESS.index(liveness) >= _LIVENESS.index(self.liveness.value)

    def accepts_clock(self, quality: str) -> bool:
        """Whether a clock of this quality may decide about a permit's window."""
        return quality in _CLOCK and _CLOCK.index(quality) >= _CLOCK.index(self.clock_quality.value)


def parse(text: str, origin: str) -> Rules:
    """Read a pack from YAML text; `origin` names it in errors.

    Raises:
        ContractError: names the key.
    """
    raw = yaml_file.load(text, origin)
    try:
        rules = msgspec.convert(raw, Rules)
    except msgspec.ValidationError as error:
        raise from_msgspec(error, f"rule pack {origin}", raw, Rules) from error
    for limit in rules.limits:
        gas(limit.gas)
        if limit.low is None and limit.high is None:
            raise ContractError(
                f"limits.{limit.gas}", "low or high", "neither", "a limit without a bound limits nothing"
            )
    missing = [level.value for level in Level if level not in rules.levels]
    if missing:
        raise ContractError("levels", "special, grade_1, grade_2", f"no {', '.join(missing)}")
    if rules.liveness.value not in _LIVENESS:
        raise ContractError("liveness", " or ".join(_LIVENESS), rules.liveness.value)
    if rules.clock_quality.value not in _CLOCK:
        raise ContractError("clock_quality", ", ".join(_CLOCK), rules.clock_quality.value)
    return msgspec.structs.replace(rules, sha256=hashlib.sha256(text.encode()).hexdigest())


def load(name: str, folder: Path = PACKS) -> Rules:
    """Load a pack by its name, such as ``gb30871-2022`` or ``SIMULATION``.

    Raises:
        ContractError: there is no such pack, or it does not read.
    """
    path = folder / f"{name.lower()}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in folder.glob("*.yaml")))
        raise ContractError("baseline", f"one of {known}", name, f"packs live in {folder.name}/")
    rules = parse(path.read_text(encoding="utf-8"), path.name)
    if rules.name != name:
        raise ContractError("name", name, rules.name, f"correct {path.name}")
    return rules
