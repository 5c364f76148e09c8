"""The bridge's long silence: said once at each of two limits, and once when it is over. Pure.

It stops no work: a box works for weeks without a line (BOX-05). But what nobody has witnessed, nobody else can prove.
"""

from enum import IntEnum

import msgspec

from contracts.event import Severity
from edge.interlock.rules import Rules

OLD, WELL = "audit.outbox_old", "audit.outbox_well"


class Level(IntEnum):
    """What was said last of the oldest event that the bridge has not witnessed."""

    WELL = 0
    OLD = 1
    TOO_OLD = 2


class Said(msgspec.Struct, frozen=True):
    """An event to write."""

    type: str
    sev: Severity
    data: dict[str, object]


def judge(told: Level, age_s: int, rules: Rules) -> tuple[Level, Said | None]:
    """What has been said after this look, and what is to be said now.

    Args:
        told: what was said before.
        age_s: age of the oldest event that the bridge has not witnessed, 0 when it has all.
        rules: `outbox_warn_s` and `outbox_alarm_s`.
    """
    warn, alarm = rules.outbox_warn_s, rules.outbox_alarm_s
    if age_s > alarm.value:
        if told is Level.TOO_OLD:
            return told, None
        return Level.TOO_OLD, Said(OLD, Severity.ALARM, _data(age_s, alarm.value, alarm.clause))
    if age_s > warn.value:
        if told is not Level.WELL:
            return told, None
        return Level.OLD, Said(OLD, Severity.WARNING, _data(age_s, warn.value, warn.clause))
    if told is Level.WELL:
        return told, None
    return Level.WELL, Said(WELL, Severity.INFO, {"age_s": age_s})


def _data(age_s: int, limit_s: int, clause: str) -> dict[str, object]:
    return {"age_s": age_s, "limit_s": limit_s, "clause": clause}
