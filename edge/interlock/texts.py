"""What states and events say to a person, Chinese and English; the names of events are `contracts.events`."""

from typing import Any

from contracts.events import words
from edge.interlock.reasons import CATALOGUE, fill

STATES: dict[str, tuple[str, str]] = {
    "LOCKED": ("已锁定", "locked"),
    "PERMISSIVE_OK": ("条件满足，可申请点火", "all conditions met: press arm"),
    "ARMED": ("申请中", "armed, recording"),
    "RELEASED": ("已放行", "ignition released"),
    "TRIPPED": ("已切断（锁存）", "tripped, latched"),
    "FAULT": ("故障（锁存）", "fault, latched"),
}

ENDS: dict[str, tuple[str, str]] = {
    "deadline": ("作业票剩余时间", "permit ends in"),
    "level_night": ("夜间级别不够，距切断", "night, level too low: opens in"),
    "level_rest_day": ("休息日级别不够，距切断", "rest day, level too low: opens in"),
    "level_holiday": ("节假日级别不够，距切断", "holiday, level too low: opens in"),
    "level_calendar_ended": ("来年节假日未录入，距切断", "holidays not entered: opens in"),
}
"""The countdown of a run by what ends it (`Durable.deadline_by`)."""

LEVELS: dict[str, tuple[str, str]] = {
    "special": ("特级", "special"),
    "grade_1": ("一级", "grade 1"),
    "grade_2": ("二级", "grade 2"),
}

WHY_RAISED: dict[str, tuple[str, str]] = {
    "night": ("夜间", "night"),
    "rest_day": ("休息日", "rest day"),
    "holiday": ("节假日", "holiday"),
    "calendar_ended": ("本年节假日未录入", "this year's holidays are not entered"),
}
"""Why work is managed one level higher (GB 30871-2022 5.1.1)."""


UNTOLD = frozenset(
    ("gas.changed", "gas.minute", "gas.trace", "gas.trace_ended", "interlock.minute", "video.segment")
)
"""Records of quiet times, which no list of what happened shows: they would crowd out everything else."""


def describe(kind: str, data: dict[str, Any]) -> tuple[str, str]:
    """One line about an event: its name and the first reason behind it."""
    zh, en = words(kind)
    first = data if "code" in data else next(iter(data.get("reasons", ())), None)
    if not first or first.get("code") not in CATALOGUE:
        return zh, en
    text = CATALOGUE[first["code"]]
    subject = str(first.get("chan", ""))
    value = ""
    if "value_milli" in first and first.get("unit", "") not in ("", "s", "ms", "unix_s"):
        value = f" {first['value_milli'] / 1000:g} {first['unit']}"
    left_out = data.get("n") if kind.endswith(".refused") else None
    more_zh, more_en = (f"（此前另有 {left_out} 次）", f" ({left_out} more before)") if left_out else ("", "")
    return f"{zh}：{fill(text.zh, subject)}{value}{more_zh}", f"{en}: {fill(text.en, subject)}{value}{more_en}"
