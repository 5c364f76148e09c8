"""What a box's log says of templates: the key they are sealed to, and what became of each."""

from django.dispatch import receiver

from cloud_bridge.boxes.models import Event, now_ms
from cloud_bridge.boxes.signals import event_stored
from cloud_bridge.enrolment.models import BoxFaceKey, FaceDelivery
from contracts import event as contract_event

STATES = {
    "template.kept": FaceDelivery.State.KEPT,
    "template.refused": FaceDelivery.State.REFUSED,
    "template.removed": FaceDelivery.State.REMOVED,
}


@receiver(event_stored)
def on_event(event: Event, leaf: contract_event.Event, **_kwargs: object) -> None:
    """Follow the box's records. What an old log tells late of an older statement changes nothing."""
    if event.type == "template.key":
        _take_key(event, leaf)
    elif event.type in STATES:
        iat, person = leaf.data.get("iat"), leaf.data.get("chan")
        if not isinstance(iat, int) or not isinstance(person, str):
            return
        why = leaf.data.get("why") or leaf.data.get("code") or ""
        told = FaceDelivery.objects.filter(
            permit__jti=event.permit, permit__box_id=event.box_id, person__code=person, iat=iat
        )
        told.update(state=STATES[event.type], why=str(why)[:32], changed_ms=now_ms())


def _take_key(event: Event, leaf: contract_event.Event) -> None:
    key = leaf.data.get("key")
    if not isinstance(key, str) or len(key) > 43:
        return
    known = BoxFaceKey.objects.filter(box_id=event.box_id).first()
    if known is not None and (known.epoch, known.seq) >= (event.log, event.seq):
        return
    if known is not None and known.key == key:
        return
    BoxFaceKey.objects.update_or_create(
        box_id=event.box_id, defaults={"key": key, "epoch": event.log, "seq": event.seq}
    )
