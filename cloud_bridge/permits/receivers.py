"""What a box says about its permits: the log is the proof, up/rsp only tells earlier why it refused."""

import logging
from typing import Any

from django.dispatch import receiver

from cloud_bridge.boxes.following import follow
from cloud_bridge.boxes.models import Box
from cloud_bridge.boxes.models import Event as LogEvent
from cloud_bridge.boxes.signals import box_answered
from cloud_bridge.permits import service
from cloud_bridge.permits.models import Permit
from cloud_bridge.permits.workflow import Event
from cloud_bridge.site_time import with_times
from contracts import event as contract_event
from contracts.topics import Response

log = logging.getLogger(__name__)

MEANING = {
    "permit.accepted": Event.ACCEPT,
    "permit.refused": Event.REFUSE,
    "permit.revoked": Event.REVOKE,
    "permit.void": Event.REVOKE,
    "permit.expired": Event.EXPIRE,
    "work.finished": Event.FINISH,
}


def _note(data: dict[str, Any]) -> str:
    """The box's reason in one line, whatever shape it has."""
    words = [str(data[name]) for name in ("code", "reason", "field", "expected", "detail", "came") if data.get(name)]
    return with_times(" · ".join(words))


@follow(*MEANING)
def on_event(event: LogEvent, leaf: contract_event.Event) -> None:
    """Follow the box's permit events."""
    if not event.permit:
        return
    permit = Permit.objects.filter(jti=event.permit, box_id=event.box_id).first()
    if permit is None:
        return
    # A refusal says something about this permit only when the box had our own signed form of it: a forged permit
    # under the same number is refused too, and must not turn the real one down once it was accepted.
    service.by_machine(permit.jti, MEANING[event.type], _note(leaf.data), (event.box_id, event.box_id))


@receiver(box_answered)
def on_answer(box: Box, response: Response, **_kwargs: object) -> None:
    """Note that the box has answered; a refusal stops the republishing."""
    if response.kind != "permit":
        return
    permit = Permit.objects.filter(jti=response.id, box=box).first()
    if permit is None:
        return
    if not permit.answered:
        Permit.objects.filter(pk=permit.pk).update(answered=True)
    if not response.ok:
        service.by_machine(
            permit.jti, Event.REFUSE, with_times(f"{response.code} {response.detail}".strip()), (box.pk, box.pk)
        )
