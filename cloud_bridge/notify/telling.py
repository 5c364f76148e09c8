"""`tell`: somebody has to know something. Written in the caller's transaction; the notify process sends it."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC
from enum import StrEnum

from django.db import transaction
from django.utils import timezone

from cloud_bridge.notify import quiet, texts
from cloud_bridge.notify.book import ADDRESSED, PERSONAL, Hears, Kind
from cloud_bridge.notify.models import Channel, Delivery, Message, Part, Reach, Wishes
from cloud_bridge.people.models import User
from cloud_bridge.people.roles import Role
from cloud_bridge.site_time import from_ms
from contracts.errors import ContractError

TEST = "test"


class Urgency(StrEnum):
    """An emergency goes out on every channel of a person at once, whatever the hour."""

    ORDINARY = "ordinary"
    EMERGENCY = "emergency"


def holders(*roles: Role) -> list[User]:
    """Everybody who has one of the roles and may sign in."""
    names = [role.value for role in roles]
    return list(User.objects.filter(is_active=True, groups__name__in=names).distinct().order_by("username"))


@transaction.atomic
def tell(
    cause: str,
    threshold: str,
    subject_key: str,
    recipients: Iterable[User],
    urgency: Urgency,
    text_key: str,
    values: Mapping[str, texts.Value],
    now_ms: int,
    *,
    prefer: Collection[Kind] = (),
) -> list[Message]:
    """Tell people something, once for this cause and threshold; called again, it does nothing.

    Args:
        cause: what happened, such as ``permit:HW-1:step-1``.
        threshold: which limit it passed, such as ``2h``; each limit of a cause is told once.
        subject_key: the case whose page shows who was told, such as ``permit:HW-1``.
        recipients: who has to know. Nobody at all is written down too: the case then shows that nobody was told.
        urgency: an emergency is sent at once on all channels of everybody.
        text_key: which text of `notify.texts`.
        values: what its fields say.
        now_ms: when, in ms since 1970.
        prefer: kinds of channel that are tried first where a person has one, such as SMS.

    Returns:
        the messages that are new.

    Raises:
        ContractError: an unknown text, or a value that is missing.
    """
    texts.check(text_key, values)
    for name, value, most in (("cause", cause, 120), ("threshold", threshold, 60), ("subject_key", subject_key, 120)):
        if not value or len(value) > most:
            raise ContractError(name, f"1 to {most} characters", f"{len(value)}", "name the case shortly")
    emergency = urgency is Urgency.EMERGENCY
    common = {
        "subject": subject_key, "emergency": emergency, "text_key": text_key, "values": dict(values),
        "created_ms": now_ms,
    }  # fmt: skip
    made, people = [], list(recipients)
    for user in people:
        message, fresh = Message.objects.get_or_create(
            cause=cause, threshold=threshold, recipient=user.username,
            defaults=common | {"user": user, "name": str(user)[:80]},
        )  # fmt: skip
        if fresh:
            made.append(message)
            begin(message, now_ms, prefer)
    if not people:
        message, fresh = Message.objects.get_or_create(
            cause=cause, threshold=threshold, recipient="", defaults=common | {"failed_ms": now_ms}
        )
        made += [message] if fresh else []
    hearing = [Hears.ALL, Hears.EMERGENCY] if emergency else [Hears.ALL]
    for channel in Channel.objects.filter(present=True, hears__in=hearing):
        message, fresh = Message.objects.get_or_create(
            cause=cause, threshold=threshold, recipient=f"#{channel.name}", defaults=common | {"name": str(channel)}
        )
        if fresh:
            made.append(message)
            _send_by(message, channel.name, "", now_ms)
    return made


def tell_test(by: User, channel: Channel, now_ms: int) -> Message | None:
    """A test message to oneself, or to a channel's group; None while one of this minute exists."""
    reach = Reach.objects.filter(user=by, channel=channel.name).first()
    if reach is None and Kind(channel.kind) in PERSONAL:
        raise ContractError("address", f"your own address on {channel}", "none", "write it on your page first")
    message, fresh = Message.objects.get_or_create(
        cause=f"test:{channel.name}:{by.username}"[:120], threshold=str(now_ms // 60_000), recipient=by.username,
        defaults={
            "subject": f"channel:{channel.name}", "user": by, "name": str(by)[:80], "text_key": TEST,
            "values": {"by": str(by), "channel": str(channel)}, "created_ms": now_ms,
        },
    )  # fmt: skip
    if not fresh:
        return None
    _new(message, channel.name, reach.address if reach else "", now_ms, now_ms)
    return message


def begin(message: Message, now_ms: int, prefer: Collection[Kind] = ()) -> None:
    """Send a new message on the person's channels: an emergency on all, an ordinary one on the first."""
    ways = _ways(message, prefer)
    for reach in ways if message.emergency else ways[:1]:
        _send_by(message, reach.channel, reach.address, now_ms)
    if not ways:
        _nothing_left(message, now_ms)


def next_way(message: Message, now_ms: int) -> bool:
    """After a channel failed, send on the person's next one; False when there is none that was not tried."""
    if message.text_key == TEST:
        return False
    ways = _ways(message)
    if not ways:
        return False
    _send_by(message, ways[0].channel, ways[0].address, now_ms)
    return True


def has_next_way(message: Message) -> bool:
    """Whether the person has a channel that was not tried."""
    return message.text_key != TEST and bool(_ways(message))


def gave_up(message: Message, now_ms: int) -> None:
    """No channel took it, and none is left: it is shown as such until somebody sees it."""
    reached = Delivery.objects.filter(
        parts__message=message, state__in=[*Delivery.OPEN, Delivery.State.DELIVERED]
    ).exists()
    if not reached:
        _nothing_left(message, now_ms)


def _nothing_left(message: Message, now_ms: int) -> None:
    message.failed_ms = now_ms
    message.save(update_fields=["failed_ms"])


def _ways(message: Message, prefer: Collection[Kind] = ()) -> list[Reach]:
    """The person's channels that exist and were not tried for this message, in order."""
    if message.user_id is None:
        return []
    kinds = dict(Channel.objects.filter(present=True).values_list("name", "kind"))
    tried = set(message.parts.values_list("channel", flat=True))
    found = [
        reach
        for reach in Reach.objects.filter(user=message.user_id).order_by("position", "pk")
        if reach.channel in kinds and reach.channel not in tried and usable(kinds[reach.channel], reach.address)
    ]
    return sorted(found, key=lambda reach: kinds[reach.channel] not in prefer)


def usable(kind: str, address: str) -> bool:
    """Whether an address is good enough for the kind of channel."""
    return bool(address) or Kind(kind) not in PERSONAL


def due_ms(user_id: int | None, emergency: bool, at_ms: int) -> int:
    """When something may be sent that could be sent at a moment: an ordinary message not in the quiet hours."""
    wishes = Wishes.objects.filter(user=user_id).first() if user_id and not emergency else None
    if wishes is None:
        return at_ms
    now = from_ms(at_ms).astimezone(UTC)
    over = quiet.over_at(now, wishes.quiet_from, wishes.quiet_to, timezone.get_default_timezone())
    return at_ms if over is None else int(over.timestamp() * 1000)


def _send_by(message: Message, channel: str, address: str, now_ms: int) -> None:
    """One more way for a message: now, or with the others that wait for the same morning."""
    due = due_ms(message.user_id, message.emergency, now_ms)
    if due > now_ms:
        held = (
            Delivery.objects.select_for_update()
            .filter(user=message.user_id, channel=channel, address=address, state=Delivery.State.HELD, due_ms=due)
            .first()
        )
        if held is not None:
            Part.objects.create(message=message, delivery=held, channel=channel)
            return
    _new(message, channel, address, now_ms, due)


def _new(message: Message, channel: str, address: str, now_ms: int, due: int) -> None:
    made = Delivery.objects.create(
        user_id=message.user_id, channel=channel, address=address, emergency=message.emergency, due_ms=due,
        created_ms=now_ms, state=Delivery.State.HELD if due > now_ms else Delivery.State.WAITING,
    )  # fmt: skip
    Part.objects.create(message=message, delivery=made, channel=channel)


@transaction.atomic
def wishes_changed(user: User, now_ms: int) -> None:
    """What is held for somebody is held by the quiet hours that hold now, or goes out."""
    for held in Delivery.objects.select_for_update().filter(user=user, state=Delivery.State.HELD):
        held.due_ms = due_ms(user.pk, held.emergency, now_ms)
        held.save(update_fields=["due_ms"])


def seen(messages: Collection[int], how: Message.Seen, now_ms: int) -> int:
    """Somebody has read these; the first time counts. Gives how many were new."""
    return Message.objects.filter(pk__in=messages, seen_ms=0).update(seen_ms=now_ms, seen_how=how)


def wants_address(kind: str) -> str:
    """`mail`, `phone` or "": what somebody's address on such a channel is."""
    return ADDRESSED.get(Kind(kind), "")
