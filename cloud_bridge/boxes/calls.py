"""Calls for the safety officer: what at a box must be heard by a person at once, and who answered (PTW-24)."""

from typing import Any

from django.db.models import F

from cloud_bridge.boxes.models import Box, Call, CallKind, Notice, now_ms
from contracts.event import Event

GAS = frozenset({"gas_high", "gas_low", "gas_over_range"})
"""First-outs that mean gas, and not a detector that failed."""


def kind_of(leaf: Event) -> CallKind | None:
    """What an event calls for; None for one that nobody has to come running for."""
    if leaf.type == "entry.unauthorised":
        return CallKind.ENTRY
    if leaf.type == "interlock.tripped" and leaf.data.get("released") is True and leaf.data.get("code") in GAS:
        return CallKind.GAS
    return None


def ring(box: Box, leaf: Event, columns: dict[str, Any]) -> None:
    """Ring for an event that calls for somebody; while that rings already, only count it.

    Part of the transaction that stores the event. `columns` are the event's (`EventColumns`).
    """
    kind = kind_of(leaf)
    if kind is None:
        return
    now = now_ms()
    if not Call.objects.filter(box=box, kind=kind, answered_ms=0).update(count=F("count") + 1, last_ms=now):
        Call.objects.create(kind=kind, last_ms=now, **columns)
    Notice.tell(Notice.Kind.CALL, box.pk, box.pk)


def ringing() -> list[Call]:
    """Calls that nobody has answered, oldest first."""
    return list(Call.objects.filter(answered_ms=0).select_related("box").order_by("pk"))


def answer(call: Call, by: str, name: str) -> bool:
    """Whoever answers first is written down; False when somebody else was faster."""
    changed = Call.objects.filter(pk=call.pk, answered_ms=0).update(
        answered_ms=now_ms(), answered_by=by, answered_name=name[:80]
    )
    if changed:
        Notice.tell(Notice.Kind.CALL, call.box_id, call.box_id)
    return bool(changed)
