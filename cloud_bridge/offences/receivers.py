"""A refused face in a box's log becomes a candidate: something to look into, and nobody's fault yet.

It names a person (`nearest`), so it waits for the witness: what nobody signed for puts no name before the
officers.
"""

from typing import Any

from cloud_bridge.boxes.following import follow
from cloud_bridge.boxes.models import Event
from cloud_bridge.offences.models import Candidate
from contracts import event as contract_event

SAME_MS = 600_000
"""A box records a face that stays once in some seconds; what is alike within so long of the first is one happening."""
REFUSED = "identity.refused"


def _number(data: dict[str, Any], name: str) -> int:
    value = data.get(name)
    return value if isinstance(value, int) and -(2**31) < value < 2**31 else -1


@follow(REFUSED, witnessed=True)
def on_event(event: Event, leaf: contract_event.Event) -> None:
    """Follow the box's refusals; times are the box's, so that what comes late is joined as it happened."""
    distance = _number(leaf.data, "distance_milli")
    # Two who come one after the other are two: they resemble different people, or one of them nobody.
    like = {"code": str(leaf.data.get("code") or "")[:40], "nearest": str(leaf.data.get("nearest") or "")[:64]}
    near = Candidate.objects.filter(
        box_id=event.box_id, permit=event.permit, state=Candidate.State.OPEN,
        first_ms__gte=event.t - SAME_MS, last_ms__lte=event.t + SAME_MS, **like,
    ).first()  # fmt: skip
    if near is None:
        Candidate.objects.get_or_create(
            box_id=event.box_id, log=event.log, seq=event.seq,
            defaults={
                "permit": event.permit, "first_ms": event.t, "last_ms": event.t, "distance_milli": distance,
                "limit_milli": _number(leaf.data, "limit_milli"), **like,
            },
        )  # fmt: skip
        return
    near.count += 1
    near.first_ms, near.last_ms = min(near.first_ms, event.t), max(near.last_ms, event.t)
    near.save(update_fields=["count", "first_ms", "last_ms"])
