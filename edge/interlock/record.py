"""From the kernel's notes to events: reasons as data."""

from collections.abc import Sequence
from typing import Any

import msgspec

from contracts.event import MAX_INT, ActionResult, Category, Severity
from edge.interlock.state import Reason

MOST_REASONS = 16
"""Reasons that one event tells, at most 300 bytes each: a bus that falls silent fails fifty channels at once, and the
record of a trip must never be refused for its length. A decision's record has them all, among its verdicts."""


class Note(msgspec.Struct, frozen=True):
    """Something for the log.

    `token` asks for word when it is durable. `snapshot`: it is a decision, and everything that it was made from is
    written with it. `part` is written in full beside the data, so that decisions need only refer to it.
    """

    type: str
    cat: Category
    sev: Severity
    res: ActionResult
    actor: tuple[str, str]
    permit: str
    attempt: int
    token: int
    snapshot: bool
    data: dict[str, Any]
    part: msgspec.Struct | None = None


def reason_data(reason: Reason) -> dict[str, Any]:
    """A reason as event data; `code` and `chan` always, numbers where there are any that the log can keep."""
    data: dict[str, Any] = {"code": reason.code, "chan": reason.subject}
    if reason.value_milli is not None and abs(reason.value_milli) <= MAX_INT:
        data["value_milli"] = reason.value_milli
    if reason.limit_milli is not None and abs(reason.limit_milli) <= MAX_INT:
        data["limit_milli"] = reason.limit_milli
    if reason.unit:
        data["unit"] = reason.unit
    if reason.clause:
        data["clause"] = reason.clause
    return data


def reasons_data(name: str, reasons: Sequence[Reason]) -> dict[str, Any]:
    """Reasons as event data under `name`, the first ones of them; ``more`` says how many are not told, if any."""
    data: dict[str, Any] = {name: [reason_data(reason) for reason in reasons[:MOST_REASONS]]}
    if len(reasons) > MOST_REASONS:
        data["more"] = len(reasons) - MOST_REASONS
    return data
