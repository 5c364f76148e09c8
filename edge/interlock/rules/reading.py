"""Reads packs from configs/rules/*.yaml, and a site's own rules over them.

    written      every row                       gb30871-2022, osha-nfpa
    based_on     another pack with some changes  SIMULATION
    strictest_of the stricter row of two packs   strictest
    tightens     a site's own rules: each row must be at least as strict as the baseline's

Every error names the key, what was expected and what came.
"""

import functools
import hashlib
import math
import typing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from contracts import yaml_file
from contracts.errors import ContractError, from_msgspec, quote
from contracts.gas import Kind, Unit, gas
from contracts.permit import Id, Level
from edge.interlock.evidence import FACES_AGAIN_MS
from edge.interlock.rules.pack import Rules
from edge.interlock.rules.rows import (
    CLOCK,
    COLDEST_C,
    HOTTEST_C,
    LIVENESS,
    Limit,
    Number,
    Word,
)
from edge.interlock.rules.strictest import strictest
from edge.interlock.rules.tighten import tightened

PACKS = Path(__file__).resolve().parents[3] / "configs" / "rules"


class _Strictest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    zh: str
    en: str
    strictest_of: tuple[Id, Id]


class SiteRules(NamedTuple):
    """A site's own rules: what they are called, which pack they tighten, their rows, the hash of the file."""

    name: str
    tightens: str
    rows: dict[str, Any]
    sha256: str


def parse(text: str, origin: str, folder: Path = PACKS) -> Rules:
    """Read a pack from YAML text; `origin` names it in errors, `folder` is where the packs are that it refers to.

    Raises:
        ContractError: names the key.
    """
    raw = yaml_file.load(text, origin)
    if isinstance(raw, dict) and "strictest_of" in raw:
        rules = _computed(raw, text, origin, folder)
    elif isinstance(raw, dict) and "based_on" in raw:
        rules = _changed(raw, text, origin, folder)
    else:
        rules = msgspec.structs.replace(_converted(raw, Rules, origin), sha256=_hash(text))
    check(rules)
    return with_temperature(rules)


def load(name: str, folder: Path = PACKS) -> Rules:
    """Load a pack by its name, such as ``gb30871-2022`` or ``SIMULATION``.

    Raises:
        ContractError: there is no such pack, or it does not read.
    """
    text, origin = _text(name, folder, "baseline")
    rules = parse(text, origin, folder)
    if rules.name != name:
        raise ContractError("name", name, rules.name, f"correct {origin}")
    return rules


def effective(baseline: str, site_rules: str, folder: Path = PACKS) -> Rules:
    """The rules of a box: its baseline, tightened by the file `site_rules` when it names one.

    Raises:
        ContractError: a pack or file that does not read, or a row weaker than the baseline's; both values are named.
    """
    rules = load(baseline, folder)
    if not site_rules:
        return rules
    path = Path(site_rules)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(
            "site_rules",
            "a file that can be read",
            f"{path} ({error.strerror if isinstance(error, OSError) else 'not UTF-8'})",
            "put the site's rules there, or empty `site_rules` if this site has none",
        ) from error
    return over(rules, parse_site(text, path.name))


def parse_site(text: str, origin: str) -> SiteRules:
    """Read a site's own rules.

    Raises:
        ContractError: names the key.
    """
    raw = yaml_file.load(text, origin)
    some = _converted(raw, _partial(("tightens",)), origin)
    rows = _stated(some)
    if not rows:
        raise ContractError("", "at least one row to tighten", "none", f"write rows into {origin} or drop `site_rules`")
    return SiteRules(some.name, some.tightens, rows, _hash(text))


def over(baseline: Rules, site: SiteRules) -> Rules:
    """The baseline with a site's rules over it. The pack's name stays: permits are issued under the baseline.

    Raises:
        ContractError: the rules are meant for another pack, or a row is weaker.
    """
    if site.tightens != baseline.name:
        raise ContractError(
            "site_rules.tightens", baseline.name, site.tightens, "a site's rules belong to one baseline"
        )
    check_rows(site.rows)
    rules = msgspec.structs.replace(
        baseline, **tightened(baseline, site.rows), site=site.name, sha256=_hash(baseline.sha256, site.sha256)
    )
    check(rules)
    return with_temperature(rules)


def check(rules: Rules) -> None:
    """Refuse a pack that contradicts itself.

    Raises:
        ContractError: names the key.
    """
    check_rows(msgspec.structs.asdict(rules))
    missing = [level.value for level in Level if level not in rules.levels]
    if missing:
        raise ContractError("levels", "special, grade_1, grade_2", f"no {', '.join(missing)}")
    least_s = rules.camera_ttl_s.value + -(-FACES_AGAIN_MS // 1000)
    if rules.stranger_s.value < least_s:
        came, why = str(rules.stranger_s.value), "a stranger who stays must not be lost between two looks of the camera"
        raise ContractError("stranger_s.value", f"at least {least_s}", came, why)
    if not 1 <= rules.face_frames_need_count.value <= rules.face_frames_of_count.value:
        wanted = f"1 to face_frames_of_count ({rules.face_frames_of_count.value})"
        came, why = str(rules.face_frames_need_count.value), "more looks cannot agree than vote"
        raise ContractError("face_frames_need_count.value", wanted, came, why)
    if rules.unknown_badge_s.value < rules.badge_ttl_s.value:
        came, why = str(rules.unknown_badge_s.value), "a scanner that is deaf must not lose the visitor before the crew"
        raise ContractError("unknown_badge_s.value", f"at least badge_ttl_s ({rules.badge_ttl_s.value})", came, why)


def check_rows(rows: dict[str, Any]) -> None:
    """Refuse rows that mean nothing, of a pack or of a site.

    Raises:
        ContractError: names the key.
    """
    for name, row in rows.items():
        if name in ("limits", "confined"):
            _check_limits(name, row)
        elif name == "levels":
            for level, rule in row.items():
                if min(rule.validity_h, rule.break_s) < 0:
                    came = f"{rule.validity_h} h, break {rule.break_s} s"
                    raise ContractError(f"levels.{Level(level).value}", "zero or more", came)
        elif isinstance(row, Number):
            _check_number(name, row)
        elif isinstance(row, Word):
            words = LIVENESS if name == "liveness" else CLOCK
            if row.value not in words:
                raise ContractError(name, ", ".join(words), row.value)


def _check_number(name: str, row: Number) -> None:
    if row.value < 0:
        raise ContractError(f"{name}.value", "zero or more", str(row.value))
    if name == "temperature_c" and row.value > HOTTEST_C:
        raise ContractError(f"{name}.value", f"0 to {HOTTEST_C}", str(row.value))


def _check_limits(table: str, limits: tuple[Limit, ...]) -> None:
    seen = set()
    for limit in limits:
        _check_limit(table, limit)
        key = (limit.gas, limit.quantity)
        if key in seen:
            raise ContractError(f"{table}.{limit.gas}", f"one {limit.quantity} limit", "two", "delete one")
        seen.add(key)


def _check_limit(table: str, limit: Limit) -> None:
    known = gas(limit.gas)
    where = f"{table}.{limit.gas}"
    if known.kind is Kind.OXYGEN and limit.unit is not Unit.VOL_PCT:
        raise ContractError(f"{where}.unit", "vol%", limit.unit.value, "oxygen is judged as a share of the air")
    if limit.unit is Unit.PCT_LEL and known.lel_vol_pct is None:
        raise ContractError(f"{where}.unit", "vol%, ppm, mg/m3", "%LEL", f"{limit.gas} has no lower explosive limit")
    warm = limit.temperature_c
    if warm is not None and not COLDEST_C <= warm <= HOTTEST_C:
        raise ContractError(
            f"{where}.temperature_c", f"{COLDEST_C} to {HOTTEST_C}", str(warm), "state the air's temperature on site"
        )
    bounds = [bound for bound in (limit.low, limit.high, limit.below) if bound is not None]
    if not bounds:
        raise ContractError(where, "low, high or below", "none", "a limit without a bound limits nothing")
    if not all(math.isfinite(bound) for bound in bounds):
        raise ContractError(where, "finite bounds", ", ".join(map(str, bounds)))
    if limit.top < 0:
        raise ContractError(where, "an upper bound of zero or more", f"{limit.top:g}", "no air holds less than nothing")
    if not limit.bottom <= limit.top:
        raise ContractError(where, "low at most high", f"{limit.bottom} to {limit.top}", "nothing would pass")


def with_temperature(rules: Rules) -> Rules:
    """Give every limit that has none the pack's own temperature."""

    def warm(limits: tuple[Limit, ...]) -> tuple[Limit, ...]:
        own = rules.temperature_c.value
        return tuple(
            limit if limit.temperature_c is not None else msgspec.structs.replace(limit, temperature_c=own)
            for limit in limits
        )

    return msgspec.structs.replace(rules, limits=warm(rules.limits), confined=warm(rules.confined))


def _text(name: str, folder: Path, field: str) -> tuple[str, str]:
    path = folder / f"{name.lower()}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in folder.glob("*.yaml")))
        raise ContractError(field, f"one of {known}", name, f"packs live in {folder.name}/")
    return path.read_text(encoding="utf-8"), path.name


def _written(name: str, folder: Path, field: str) -> Rules:
    """A pack that a derived one refers to; it must be written out, so that nothing refers in a circle."""
    text, origin = _text(name, folder, field)
    raw = yaml_file.load(text, origin)
    if isinstance(raw, dict) and ("strictest_of" in raw or "based_on" in raw):
        raise ContractError(field, "a pack that is written out", name, f"{origin} is itself derived from another")
    return parse(text, origin)


def _computed(raw: object, text: str, origin: str, folder: Path) -> Rules:
    asked = _converted(raw, _Strictest, origin)
    left, right = (_written(name, folder, "strictest_of") for name in asked.strictest_of)
    return Rules(
        name=asked.name,
        zh=asked.zh,
        en=asked.en,
        simulation=False,
        **strictest(left, right),
        sha256=_hash(text, left.sha256, right.sha256),
    )


def _changed(raw: object, text: str, origin: str, folder: Path) -> Rules:
    some = _converted(raw, _partial(("based_on", "simulation")), origin)
    base = _written(some.based_on, folder, "based_on")
    rows = _stated(some)
    if "levels" in rows:
        rows["levels"] = {**base.levels, **rows["levels"]}
    return msgspec.structs.replace(
        base,
        name=some.name,
        zh=some.zh,
        en=some.en,
        simulation=some.simulation,
        **rows,
        sha256=_hash(text, base.sha256),
    )


@functools.cache
def _partial(header: tuple[str, ...]) -> Any:
    """A struct of the header and of every row, of which a file states some."""
    kinds = {"tightens": Id, "based_on": Id, "simulation": bool}
    rows = {
        name: kind
        for name, kind in typing.get_type_hints(Rules).items()
        if name not in ("name", "zh", "en", "simulation", "sha256", "site")
    }
    return msgspec.defstruct(
        "SomeRules",
        [
            *((name, str) for name in ("name", "zh", "en")),
            *((name, kinds[name]) for name in header),
            *((name, kind | msgspec.UnsetType, msgspec.UNSET) for name, kind in rows.items()),
        ],
        forbid_unknown_fields=True,
    )


def _stated(some: Any) -> dict[str, Any]:
    rows = Rules.__struct_fields__
    found = {name: getattr(some, name) for name in some.__struct_fields__ if name in rows}
    header = ("name", "zh", "en", "simulation")
    return {name: row for name, row in found.items() if name not in header and row is not msgspec.UNSET}


def _converted(raw: object, into: Any, origin: str) -> Any:
    try:
        return msgspec.convert(raw, into)
    except msgspec.ValidationError as error:
        told = from_msgspec(error, f"rule pack {origin}", raw, into)
        bare = raw.get(told.field) if isinstance(raw, dict) else None
        if told.expected == quote({}) and isinstance(bare, int | float | str) and told.field != "levels":
            row = f'{told.field}: {{value: {quote(bare)}, clause: "…"}}'
            raise ContractError(told.field, told.expected, told.came, f"write {row} in {origin}") from error
        raise told from error


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
