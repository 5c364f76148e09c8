"""A box's call rings on people's phones, too (PTW-24, INS-01); who answers it has seen its message."""

from typing import Any

from django.dispatch import receiver

from cloud_bridge.boxes.models import Call, CallKind, now_ms
from cloud_bridge.boxes.signals import call_answered, call_rang
from cloud_bridge.notify import telling
from cloud_bridge.notify.models import Message
from cloud_bridge.people.roles import Role

EMERGENCIES = frozenset({CallKind.ENTRY, CallKind.GAS})
"""Somebody may be in danger now; a warning of a sensor can wait until the morning."""


def _cause(call: Call) -> str:
    return f"call:{call.pk}"


@receiver(call_rang)
def on_call(call: Call, **_kwargs: Any) -> None:
    """Tell everybody who has the role."""
    kind = CallKind(call.kind)
    telling.tell(
        _cause(call), "rang", f"permit:{call.permit}" if call.permit else f"box:{call.box_id}",
        telling.holders(Role(call.role)),
        telling.Urgency.EMERGENCY if kind in EMERGENCIES else telling.Urgency.ORDINARY,
        f"call.{kind.value}",
        {
            "box": str(call.box), "place": call.box.place, "permit": call.permit, "subject": call.subject,
            "at_ms": call.t,
        },
        now_ms(),
    )  # fmt: skip


@receiver(call_answered)
def on_answer(call: Call, by: str, **_kwargs: Any) -> None:
    """`by` is a user name: that person knows; the others were told all the same."""
    found = Message.objects.filter(cause=_cause(call), recipient=by).values_list("pk", flat=True)
    telling.seen(list(found), Message.Seen.ANSWER, now_ms())
