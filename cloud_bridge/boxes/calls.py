"""Calls: what at a box must be heard by people at once, and who answered (PTW-24, INS-01, INS-05)."""

from collections.abc import Collection
from typing import Any

from django.db.models import F

from cloud_bridge.boxes.models import Box, Call, CallKind, Notice, now_ms
from cloud_bridge.boxes.signals import call_answered, call_rang
from cloud_bridge.people.models import User
from cloud_bridge.people.roles import Role
from contracts.event import Event

GAS = frozenset({"gas_high", "gas_low", "gas_over_range"})
"""First-outs that mean gas, and not a detector that failed."""
CALLED: dict[CallKind, tuple[Role, ...]] = {
    CallKind.ENTRY: (Role.SAFETY_OFFICER,),
    CallKind.GAS: (Role.SAFETY_OFFICER,),
    CallKind.HUMIDITY: (Role.STORE_KEEPER, Role.SAFETY_OFFICER),
    CallKind.EQUIPMENT: (Role.MAINTENANCE, Role.SAFETY_OFFICER),
}
"""Who is called; each role has a call of its own, so that the answer of one does not silence the other's."""
MOST_SUBJECTS = 32
"""So many sensors of a box ring side by side; what more there are share one call."""


def kind_of(leaf: Event) -> CallKind | None:
    """What an event calls for; None for one that nobody has to come running for."""
    if leaf.type == "entry.unauthorised":
        return CallKind.ENTRY
    if leaf.type == "interlock.tripped" and leaf.data.get("released") is True and leaf.data.get("code") in GAS:
        return CallKind.GAS
    if leaf.type == "sensor.warning":
        return CallKind.HUMIDITY if leaf.data.get("quantity") == "humidity" else CallKind.EQUIPMENT
    return None


def _subject(box: Box, leaf: Event) -> str:
    """Each sensor rings by itself, so that no machine hides behind another's warning; but no box fills a page."""
    if leaf.type != "sensor.warning":
        return ""
    subject = str(leaf.data.get("chan", ""))[:64]
    ringing = set(Call.objects.filter(box=box, answered_ms=0).exclude(subject="").values_list("subject", flat=True))
    return subject if subject in ringing or len(ringing) < MOST_SUBJECTS else ""


def ring(box: Box, leaf: Event, columns: dict[str, Any]) -> None:
    """Ring for an event that calls for somebody; while that rings already, only count it.

    Part of the transaction that stores the event. `columns` are the event's (`EventColumns`).
    """
    kind = kind_of(leaf)
    if kind is None:
        return
    now, subject = now_ms(), _subject(box, leaf)
    for role in CALLED[kind]:
        known = Call.objects.filter(box=box, kind=kind, subject=subject, role=role, answered_ms=0)
        if not known.update(count=F("count") + 1, last_ms=now):
            made = Call.objects.create(
                kind=kind, subject=subject, role=role, told=_told(role), last_ms=now, **columns
            )
            call_rang.send(Call, call=made)
    Notice.tell(Notice.Kind.CALL, box.pk, box.pk)


def _told(role: Role) -> list[str]:
    """Names of the users who hear a call for this role."""
    return [str(user) for user in User.objects.filter(is_active=True, groups__name=role.value).order_by("username")]


def ringing(roles: Collection[Role] = tuple(Role)) -> list[Call]:
    """Calls for these roles that nobody has answered, oldest first."""
    called = Call.objects.filter(answered_ms=0, role__in=[role.value for role in roles])
    return list(called.select_related("box").order_by("pk"))


def answer(call: Call, by: str, name: str, username: str = "") -> bool:
    """Whoever answers first is written down; False when somebody else was faster. `username`: whose account it is."""
    changed = Call.objects.filter(pk=call.pk, answered_ms=0).update(
        answered_ms=now_ms(), answered_by=by, answered_name=name[:80]
    )
    if changed:
        Notice.tell(Notice.Kind.CALL, call.box_id, call.box_id)
        call_answered.send(Call, call=call, by=username or by)
    return bool(changed)
