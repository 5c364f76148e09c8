"""Which of two rows is stricter, and the row that satisfies both. Pure."""

import functools
import typing
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from contracts.errors import ContractError
from edge.interlock.rules.pack import Rules
from edge.interlock.rules.rows import CLOCK, LIVENESS, Days, Flag, LevelRule, Limit, Number, Source, Word

AnyRow = Number | Flag | Word | Days | Limit | LevelRule
_Kind = TypeVar("_Kind", Number, Flag, Word, Days, Limit, LevelRule)
_LESS_SURE = tuple(Source)
_HEADER = ("name", "zh", "en", "simulation", "sha256", "site")
_OF_A_LEVEL = {"validity_h": "lower", "break_s": "lower"}
_TABLES = ("limits", "confined", "levels")


class Stricter(StrEnum):
    """Answer of a comparison. `BOTH`: each asks for something that the other does not."""

    SAME = "same"
    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"


@functools.cache
def directions() -> dict[str, str]:
    """Every row that is a field of its own, and which way is stricter: lower, higher, more (true, later), or ""."""
    found = {}
    for name, kind in typing.get_type_hints(Rules, include_extras=True).items():
        if name in _HEADER or name in _TABLES:
            continue
        notes = [meta.extra for meta in typing.get_args(kind) if isinstance(meta, msgspec.Meta) and meta.extra]
        found[name] = notes[0]["stricter"] if notes else ("" if kind is Number else "more")
    return found


def compare(name: str, left: AnyRow, right: AnyRow) -> Stricter:
    """Compare two rows of the same kind; `name` is the field of a number.

    Limits are compared by their effect: in every unit in which both can be stated, each at its own temperature.

    Raises:
        ContractError: limits whose units do not convert.
    """
    return _joined(_demands(name, left, right))


def stricter_of(name: str, left: _Kind, right: _Kind) -> _Kind:
    """The row that satisfies both, with the clause of the stricter one, or both when each adds something.

    Of two that ask for the same, the one whose source is surer.

    Raises:
        ContractError: a number that nobody may change differs, or units do not convert.
    """
    answer = compare(name, left, right)
    if answer is Stricter.SAME:
        return min(left, right, key=lambda row: _LESS_SURE.index(row.source))
    if answer is Stricter.LEFT:
        return left
    if answer is Stricter.RIGHT:
        return right
    if isinstance(left, Number) and isinstance(right, Number):
        raise ContractError(name, f"{left.value} ({left.clause})", f"{right.value}", "nobody may change this row")
    return msgspec.structs.replace(
        left,
        **_union(left, right),
        clause=f"{left.clause}; {right.clause}",
        source=max(left.source, right.source, key=_LESS_SURE.index),
    )


def _joined(answers: list[Stricter]) -> Stricter:
    found = set(answers) - {Stricter.SAME}
    if not found:
        return Stricter.SAME
    return found.pop() if len(found) == 1 else Stricter.BOTH


def _order(left: Any, right: Any) -> Stricter:
    """The larger is stricter."""
    if left == right:
        return Stricter.SAME
    return Stricter.LEFT if left > right else Stricter.RIGHT


def _contains(left: tuple[Any, ...], right: tuple[Any, ...]) -> Stricter:
    one, other = set(left), set(right)
    if one == other:
        return Stricter.SAME
    if one > other:
        return Stricter.LEFT
    return Stricter.RIGHT if one < other else Stricter.BOTH


def _demands(name: str, left: AnyRow, right: AnyRow) -> list[Stricter]:
    """One answer for each thing that the rows ask for."""
    match left, right:
        case Number(), Number():
            way = directions().get(name) or _OF_A_LEVEL.get(name)
            if way == "lower":
                return [_order(right.value, left.value)]
            if way == "higher":
                return [_order(left.value, right.value)]
            return [Stricter.SAME if left.value == right.value else Stricter.BOTH]
        case Flag(), Flag():
            return [_order(left.value, right.value)]
        case Word(), Word():
            words = LIVENESS if left.value in LIVENESS else CLOCK
            return [_order(words.index(left.value), words.index(right.value))]
        case Days(), Days():
            return [_contains(left.dates, right.dates), _contains(left.weekdays, right.weekdays)]
        case Limit(), Limit():
            units = [unit for unit in left.units if unit in right.units] or [left.unit]
            pairs = [(left.into(unit), right.into(unit)) for unit in units]
            return [
                order
                for one, other in pairs
                for order in (_order(one.bottom, other.bottom), _order(other.top, one.top))
            ]
        case LevelRule(), LevelRule():
            return [
                _order(right.validity_h, left.validity_h),
                _order(right.break_s, left.break_s),
                _order(left.camera, right.camera),
                _order(left.continuous_gas, right.continuous_gas),
            ]
    raise TypeError(f"{name}: {type(left).__name__} and {type(right).__name__} are no rows of one kind")


def _union(left: AnyRow, right: AnyRow) -> dict[str, Any]:
    """What both ask for, of rows that can ask for several things."""
    if isinstance(left, Days) and isinstance(right, Days):
        return {
            "dates": tuple(sorted({*left.dates, *right.dates})),
            "weekdays": tuple(sorted({*left.weekdays, *right.weekdays})),
        }
    if isinstance(left, Limit) and isinstance(right, Limit):
        same = right.restated(left.unit, left.temperature_c)
        lower = left if left.bottom >= same.bottom else same
        upper = left if left.top <= same.top else same
        return {"low": lower.low, "high": upper.high, "below": upper.below}
    assert isinstance(left, LevelRule)  # noqa: S101 - every other row asks for one thing only
    assert isinstance(right, LevelRule)  # noqa: S101
    return {
        "validity_h": min(left.validity_h, right.validity_h),
        "break_s": min(left.break_s, right.break_s),
        "camera": left.camera or right.camera,
        "continuous_gas": left.continuous_gas or right.continuous_gas,
    }
