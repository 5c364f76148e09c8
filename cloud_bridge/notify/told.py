"""Who was told when: of a case, for its page and the API."""

from typing import Any

import msgspec

from cloud_bridge.notify import texts
from cloud_bridge.notify.models import Attempt, Channel, Delivery, Message


class Way(msgspec.Struct, frozen=True):
    """One channel that a message took. `taken_ms`: since when the channel has it; 0 while it has not."""

    channel: str
    address: str
    state: str
    state_title: str
    due_ms: int
    taken_ms: int
    attempts: int
    unsure: bool
    detail: str


class Told(msgspec.Struct, frozen=True):
    """A message: what, to whom, when, by which ways; `seen_ms` is 0 while nobody showed that it was read."""

    number: int
    title: str
    text: str
    cause: str
    threshold: str
    recipient: str
    name: str
    emergency: bool
    created_ms: int
    failed_ms: int
    seen_ms: int
    seen_how: str
    seen_title: str
    ways: list[Way]

    @property
    def taken_ms(self) -> int:
        """When the first channel took it; 0 while none has."""
        return min((way.taken_ms for way in self.ways if way.taken_ms), default=0)


def masked(address: str) -> str:
    """An address as others may see it: 138••••5678, z•••@example.com."""
    if "@" in address:
        name, _at, host = address.partition("@")
        return f"{name[:1]}•••@{host}"
    if not address:
        return ""
    return f"{address[:3]}••••{address[-4:]}" if len(address) >= 9 else "••••"


def told(language: str, most: int = 200, **conditions: Any) -> list[Told]:
    """Messages that fit the conditions (of `Message`), newest first, in a language."""
    rows = Message.objects.filter(**conditions).prefetch_related("parts__delivery__tries")[:most]
    known = {channel.name: channel for channel in Channel.objects.all()}
    found = []
    for row in rows:
        title, text = texts.said(row.text_key, row.values, language)
        ways = [_way(part.delivery, known.get(part.channel)) for part in row.parts.all()]
        found.append(
            Told(
                row.pk, title, text, row.cause, row.threshold, row.recipient, row.name, row.emergency, row.created_ms,
                row.failed_ms, row.seen_ms, row.seen_how, str(row.get_seen_how_display()), ways,
            )
        )
    return found


def _way(delivery: Delivery, channel: Channel | None) -> Way:
    taken = delivery.state == Delivery.State.DELIVERED
    return Way(
        channel=str(channel or delivery.channel), address=masked(delivery.address), state=delivery.state,
        state_title=str(delivery.get_state_display()), due_ms=delivery.due_ms,
        taken_ms=delivery.ended_ms if taken else 0, attempts=delivery.attempts,
        unsure=any(t.result in (Attempt.Result.UNSURE, Attempt.Result.BEGUN) for t in delivery.tries.all()
                   if delivery.state != Delivery.State.SENDING or t.number != delivery.attempts),
        detail="" if taken else delivery.detail,
    )  # fmt: skip
