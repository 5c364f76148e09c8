"""What a box records on an ordinary day, one event a second: the load of the log's benches.

Most are changes of a detector's value; each minute a summary of all channels; now and then people, buttons and the
box itself. Times go on by a second an event from a given one. Everything comes from a seed.
"""

import random
from collections.abc import Iterator
from typing import Any

from contracts.event import ActionResult, Actor, Category, Severity
from edge.audit import Draft
from tests.edge.audit.site import BOX

CHANNELS = (("ch4-1", "%LEL"), ("ch4-2", "%LEL"), ("o2-1", "vol%"), ("co-1", "ppm"), ("h2s-1", "ppm"))
MINUTE = 60
_PERMIT = "DH-2026-0412"


def record(what: str, data: dict[str, Any], t: int, *, cat: Category = Category.GAS, sev: Severity = Severity.INFO,
           actor: Actor | None = None, permit: str = _PERMIT, res: ActionResult = ActionResult.OK) -> Draft:  # fmt: skip
    """One event at `t` ms."""
    return Draft(
        cat=cat, type=what, sev=sev, src="interlock", actor=actor or Actor("box", BOX), res=res,
        permit=permit, corr="", data=data, t=t, m=t * 1000, tq="sync", te=12,
    )  # fmt: skip


def alarm(t: int, number: int = 0) -> Draft:
    """A trip at `t` ms."""
    data = {"code": "gas_high", "chan": "ch4-1", "value_milli": 10_100 + number, "limit_milli": 10_000, "unit": "%LEL",
            "others": [], "released": True, "snapshot": []}  # fmt: skip
    return record("interlock.tripped", data, t, cat=Category.INTERLOCK, sev=Severity.ALARM)


def _change(chance: random.Random, values: list[int]) -> dict[str, Any]:
    at = chance.randrange(len(CHANNELS))
    was = values[at]
    values[at] = max(0, was + chance.randint(-400, 400))
    name, unit = CHANNELS[at]
    return {"chan": name, "unit": unit, "value_milli": values[at], "was_milli": was}


def _minute(chance: random.Random, values: list[int]) -> dict[str, Any]:
    return {
        "ms": 60_000,
        "rows": [
            {"age_ms": chance.randrange(100), "bad": 0, "chan": name, "max_milli": value + chance.randrange(300), "mean_milli": value,
             "min_milli": max(0, value - chance.randrange(300)), "n": 600, "unit": unit}
            for (name, unit), value in zip(CHANNELS, values, strict=True)
        ],
    }  # fmt: skip


def day(count: int, first_ms: int, seed: int = 5) -> Iterator[Draft]:
    """So many events, the first at `first_ms`."""
    chance = random.Random(seed)
    values = [chance.randrange(2000), chance.randrange(2000), 20_900, chance.randrange(9000), chance.randrange(3000)]
    for number in range(count):
        t = first_ms + 1000 * number
        if number % MINUTE == MINUTE - 1:
            yield record("gas.minute", _minute(chance, values), t)
        elif number % 97 == 0:
            who = chance.choice(("zhang-san", "li-si"))
            seen = {"chan": who, "distance_milli": chance.randrange(180, 420), "engine": "sface", "liveness": "not_proven"}
            yield record("identity.verified", seen, t, cat=Category.IDENTITY, actor=Actor("person", who))
        elif number % 311 == 0:
            refused = {"reasons": [{"code": "gas_test_due", "chan": ""}, {"code": "place_unknown", "chan": ""}], "snapshot": []}
            yield record(
                "interlock.arm_refused", refused, t, cat=Category.INTERLOCK, sev=Severity.WARNING, res=ActionResult.DENIED
            )
        elif number % 3600 == 1:
            used = {"used": 9_000_000 + 500 * number, "budget": 2**31, "fs_free": 2**34, "fs_total": 2**35, "own_bytes": 2**20 + number,
                    "device_bytes": 2**24 + 9 * number, "life": [1, 1, 1]}  # fmt: skip
            yield record("storage.health", used, t, cat=Category.SYSTEM, permit="")
        else:
            yield record("gas.changed", _change(chance, values), t)
