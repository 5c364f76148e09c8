"""What a box's log says of templates: the key they are sealed to, and what became of each."""

from cloud_bridge.boxes.following import follow
from cloud_bridge.boxes.models import Event, now_ms
from cloud_bridge.enrolment.models import BoxFaceKey, FaceDelivery
from contracts import event as contract_event

STATES = {
    "template.kept": FaceDelivery.State.KEPT,
    "template.refused": FaceDelivery.State.REFUSED,
    "template.removed": FaceDelivery.State.REMOVED,
}


@follow(*STATES, witnessed=True)
def on_told(event: Event, leaf: contract_event.Event) -> None:
    """Follow the box's records. What an old log tells late of an older statement changes nothing.

    Only what is witnessed: or whoever can publish for a box could say that a withdrawn template is deleted there.
    """
    iat, person = leaf.data.get("iat"), leaf.data.get("chan")
    if not isinstance(iat, int) or not isinstance(person, str):
        return
    why = leaf.data.get("why") or leaf.data.get("code") or ""
    told = FaceDelivery.objects.filter(
        permit__jti=event.permit, permit__box_id=event.box_id, person__code=person, iat=iat
    )
    told.update(state=STATES[event.type], why=str(why)[:32], changed_ms=now_ms())


@follow("template.key", witnessed=True)
def on_key(event: Event, leaf: contract_event.Event) -> None:
    """The newest key that the box's log tells."""
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
