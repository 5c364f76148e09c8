"""A site's own rows over its baseline: each at least as strict, or refused with both values. Pure."""

from typing import Any

import msgspec

from contracts.errors import ContractError
from contracts.gas import Unit
from contracts.permit import Level
from edge.interlock.rules.describe import bounds, describe
from edge.interlock.rules.pack import Rules
from edge.interlock.rules.rows import Days, LevelRule, Limit, Quantity
from edge.interlock.rules.strictest import by_key
from edge.interlock.rules.strictness import AnyRow, Stricter, compare, stricter_of

_HINT = "a site may only tighten its baseline: correct the site's rules or leave this row out"
_PPM = 10_000


def tightened(baseline: Rules, rows: dict[str, Any]) -> dict[str, Any]:
    """The fields that the site's rows change.

    Raises:
        ContractError: a row that is weaker than the baseline's: its field, the baseline's value and clause, what came.
    """
    found: dict[str, Any] = {}
    if "limits" in rows or "confined" in rows:
        own_c = rows.get("temperature_c", baseline.temperature_c).value
        beside = (*baseline.limits, *baseline.confined)
        for name, own in (("limits", baseline.limits), ("confined", baseline.confined)):
            stated = tuple(_warm(row, beside, own_c) for row in rows.get(name, ()))
            found[name] = _limits(name, own, found.get("limits", ()), stated, beside)
    for name, row in rows.items():
        match name:
            case "limits" | "confined":
                continue
            case "levels":
                found[name] = {**baseline.levels, **_levels(baseline.levels, row)}
            case _:
                _refuse_weaker(name, name, getattr(baseline, name), row)
                if isinstance(row, Days):
                    _refuse_later_years(baseline.upgrade_days, row)
                found[name] = row
    return found


def _refuse_weaker(field: str, name: str, own: AnyRow, row: AnyRow) -> None:
    if compare(name, row, own) not in (Stricter.SAME, Stricter.LEFT):
        raise _weaker(
            field, f"{describe(name, own)} or stricter ({own.clause})", f"{describe(name, row)} ({row.clause})"
        )


def _refuse_later_years(own: Days, row: Days) -> None:
    """Refuse a date behind the baseline's last year: one such date would make every other day of that year plain.

    Days of years whose holidays nobody entered count as holidays (`contracts.level.Calendar.unknown_from`).
    """
    last = max((day.year for day in own.dates), default=None)
    late = [day for day in row.dates if last is not None and day.year > last]
    if late:
        raise _weaker(
            "upgrade_days.dates",
            f"dates up to {last}: every day of later years counts as a holiday until the baseline has theirs",
            ", ".join(map(str, sorted(late)[:3])),
        )


def _levels(own: dict[Level, LevelRule], rows: dict[Level, LevelRule]) -> dict[Level, LevelRule]:
    for level, row in rows.items():
        _refuse_weaker(f"levels.{level.value}", level.value, own[level], row)
    return rows


def _warm(row: Limit, others: tuple[Limit, ...], own_c: int) -> Limit:
    """A row that states no temperature has that of the baseline's row in whose place it stands, or else the pack's."""
    if row.temperature_c is not None:
        return row
    base = next((limit for limit in others if (limit.gas, limit.quantity) == (row.gas, row.quantity)), None)
    return msgspec.structs.replace(row, temperature_c=own_c if base is None else base.temperature_c)


def _limits(
    table: str, own: tuple[Limit, ...], otherwise: tuple[Limit, ...], rows: tuple[Limit, ...], beside: tuple[Limit, ...]
) -> tuple[Limit, ...]:
    """Each of the site's limits in the place of the baseline's; a bound that it leaves out stays the baseline's.

    `otherwise` are limits that hold as well: inside a confined space those outside of it do (the stricter counts).
    `beside` are all that the baseline has, of which a limit of another kind must be as strict as each.
    """
    outside = by_key(otherwise)
    found = {key: stricter_of(key[0], row, outside[key]) if key in outside else row for key, row in by_key(own).items()}
    for row in rows:
        key = (row.gas, row.quantity)
        base = found.get(key, outside.get(key))
        if base is None:
            _refuse_another_kind(f"{table}.{row.gas}", beside, row)
            found[key] = row
        else:
            found[key] = _over(f"{table}.{row.gas}", base, row)
    return tuple(found.values())


def _over(field: str, base: Limit, row: Limit) -> Limit:
    same = base.restated(row.unit, row.temperature_c)
    no_top = row.high is None and row.below is None
    full = msgspec.structs.replace(
        row,
        low=same.low if row.low is None else row.low,
        high=same.high if no_top else row.high,
        below=same.below if no_top else row.below,
    )
    for unit in full.units:
        came, bound = full.into(unit), base.into(unit)
        if came.bottom >= bound.bottom and came.top <= bound.top:
            continue
        if unit is row.unit:
            raise _weaker(field, f"{_said(base)} or stricter ({base.clause})", f"{_said(full)} ({row.clause})")
        raise _weaker(
            field,
            f"{_said(bound)} or stricter ({base.clause}{_as_stated(base)})",
            f"{_said(came)} ({row.clause}{_as_stated(full)})",
        )
    return full


def _said(limit: Limit) -> str:
    """A limit with its unit."""
    return f"{bounds(limit)} {limit.unit.value}"


def _as_stated(limit: Limit) -> str:
    """A limit as its row has it, beside what it comes to in another unit."""
    at = f" at {limit.temperature_c} °C" if limit.quantity is Quantity.TOXIC else ""
    return f": {_said(limit)}{at}"


def _refuse_another_kind(field: str, others: tuple[Limit, ...], row: Limit) -> None:
    """Refuse a limit of a kind that the baseline has not got for this gas, unless it is as strict as each that it has.

    So a row against poison opens no way around the one against fire, or the other way: a share of the air is a share
    of the air, whatever a detector says of it.
    """
    for base in others:
        if base.gas != row.gas:
            continue
        came, bound = _by_volume(row), _by_volume(base)
        if came.bottom < bound.bottom or came.top > bound.top:
            raise _weaker(
                field,
                f"{_said(bound)} or stricter ({base.clause}{_as_stated(base)})",
                f"{_said(came)} ({row.clause}{_as_stated(row)})",
            )


def _by_volume(limit: Limit) -> Limit:
    """A limit as a share of the air, in ppm: 1 vol% is 10,000."""
    if limit.quantity is Quantity.TOXIC:
        return limit.into(Unit.PPM)
    share = limit.into(Unit.VOL_PCT)
    low, high, below = (None if bound is None else bound * _PPM for bound in (share.low, share.high, share.below))
    return msgspec.structs.replace(share, unit=Unit.PPM, low=low, high=high, below=below)


def _weaker(field: str, expected: str, came: str) -> ContractError:
    return ContractError(f"site_rules.{field}", expected, came, _HINT)
