"""A site's own rows over its baseline: each at least as strict, or refused with both values. Pure."""

from typing import Any

import msgspec

from contracts.errors import ContractError
from contracts.permit import Level
from edge.interlock.rules.describe import describe
from edge.interlock.rules.pack import Rules
from edge.interlock.rules.rows import LevelRule, Limit
from edge.interlock.rules.strictest import by_key
from edge.interlock.rules.strictness import AnyRow, Stricter, compare

_HINT = "a site may only tighten its baseline: correct the site's rules or leave this row out"


def tightened(baseline: Rules, rows: dict[str, Any]) -> dict[str, Any]:
    """The fields that the site's rows change.

    Raises:
        ContractError: a row that is weaker than the baseline's: its field, the baseline's value and clause, what came.
    """
    found: dict[str, Any] = {}
    for name, row in rows.items():
        match name:
            case "limits":
                found[name] = _limits(name, baseline.limits, (), row)
            case "confined":
                found[name] = _limits(name, baseline.confined, baseline.limits, row)
            case "levels":
                found[name] = {**baseline.levels, **_levels(baseline.levels, row)}
            case _:
                _refuse_weaker(name, name, getattr(baseline, name), row)
                found[name] = row
    return found


def _refuse_weaker(field: str, name: str, own: AnyRow, row: AnyRow) -> None:
    if compare(name, row, own) not in (Stricter.SAME, Stricter.LEFT):
        raise ContractError(
            f"site_rules.{field}",
            f"{describe(name, own)} or stricter ({own.clause})",
            f"{describe(name, row)} ({row.clause})",
            _HINT,
        )


def _levels(own: dict[Level, LevelRule], rows: dict[Level, LevelRule]) -> dict[Level, LevelRule]:
    for level, row in rows.items():
        _refuse_weaker(f"levels.{level.value}", level.value, own[level], row)
    return rows


def _limits(
    table: str, own: tuple[Limit, ...], otherwise: tuple[Limit, ...], rows: tuple[Limit, ...]
) -> tuple[Limit, ...]:
    """Each of the site's limits in the place of the baseline's; a bound that it leaves out stays the baseline's."""
    found = by_key(own)
    fallback = by_key(otherwise)
    for row in rows:
        key = (row.gas, row.quantity)
        base = found.get(key, fallback.get(key))
        found[key] = row if base is None else _over(f"{table}.{row.gas}", base, row)
    return tuple(found.values())


def _over(field: str, base: Limit, row: Limit) -> Limit:
    if row.temperature_c is None:
        row = msgspec.structs.replace(row, temperature_c=base.temperature_c)
    same = base.into(row.unit)
    no_top = row.high is None and row.below is None
    full = msgspec.structs.replace(
        row,
        low=same.low if row.low is None else row.low,
        high=same.high if no_top else row.high,
        below=same.below if no_top else row.below,
    )
    _refuse_weaker(field, row.gas, base, full)
    return full
