"""One pack out of two: every row the stricter one, its clause naming the pack that it came from. Pure."""

from typing import Any

import msgspec

from contracts.permit import Level
from edge.interlock.rules.pack import Rules
from edge.interlock.rules.rows import LevelRule, Limit, Quantity
from edge.interlock.rules.strictness import directions, stricter_of

Key = tuple[str, Quantity]


def strictest(left: Rules, right: Rules) -> dict[str, Any]:
    """The rows that satisfy both packs, by field."""
    found: dict[str, Any] = {
        name: stricter_of(name, _named(getattr(left, name), left), _named(getattr(right, name), right))
        for name in directions()
    }
    found["limits"] = _limits(by_key(left.limits), by_key(right.limits), left, right)
    # Inside a confined space the open limits hold as well where a pack has none of its own.
    confined = tuple(dict.fromkeys((*by_key(left.confined), *by_key(right.confined))))
    one, other = (_inside(pack, confined) for pack in (left, right))
    found["confined"] = _limits(one, other, left, right)
    found["levels"] = {level: _level(level, left, right) for level in Level}
    return found


def by_key(limits: tuple[Limit, ...]) -> dict[Key, Limit]:
    """Limits by gas and by what they guard against."""
    return {(limit.gas, limit.quantity): limit for limit in limits}


def _inside(pack: Rules, keys: tuple[Key, ...]) -> dict[Key, Limit]:
    own = {**by_key(pack.limits), **by_key(pack.confined)}
    return {key: own[key] for key in keys if key in own}


def _named(row: Any, pack: Rules) -> Any:
    return msgspec.structs.replace(row, clause=f"{pack.name}: {row.clause}")


def _limits(one: dict[Key, Limit], other: dict[Key, Limit], left: Rules, right: Rules) -> tuple[Limit, ...]:
    found = []
    for key in dict.fromkeys((*one, *other)):
        rows = [_named(own[key], pack) for own, pack in ((one, left), (other, right)) if key in own]
        found.append(rows[0] if len(rows) == 1 else stricter_of(key[0], rows[0], rows[1]))
    return tuple(found)


def _level(level: Level, left: Rules, right: Rules) -> LevelRule:
    one, other = (_named(pack.levels[level], pack) for pack in (left, right))
    found: LevelRule = stricter_of(level.value, one, other)
    return found
