"""What the notify process reads and writes: which messages are due, who sends them, what became of them.

A delivery is claimed by one conditional update, so that of several processes one sends it. An attempt is written down
before it is made.
"""

from collections.abc import Collection, Iterable

import msgspec
from django.db import connection, transaction
from django.db.models import F, Q

from cloud_bridge.notify import telling, texts
from cloud_bridge.notify.book import Book
from cloud_bridge.notify.channels import Letter, Outcome
from cloud_bridge.notify.links import link_to
from cloud_bridge.notify.models import Attempt, Channel, Delivery, Wishes

LANGUAGE = "zh-hans"
_DETAIL = 300


class Job(msgspec.Struct, frozen=True):
    """Something to send now, as it was claimed."""

    delivery: str
    attempt: int
    channel: str
    address: str
    emergency: bool
    letter: Letter


def mirror(book: Book) -> None:
    """Write down which channels the file has, without secrets, for the pages."""
    with transaction.atomic():
        for name, channel in book.channels.items():
            Channel.objects.update_or_create(
                name=name,
                defaults={
                    "kind": channel.kind.value, "title": channel.title[:80], "shown": channel.shown[:200],
                    "hears": channel.hears.value, "present": True,
                },
            )  # fmt: skip
        Channel.objects.exclude(name__in=book.channels).update(present=False)


def has_channels() -> bool:
    """Whether the file had channels when it was read last."""
    return Channel.objects.filter(present=True).exists()


def release(me: str) -> int:
    """After a restart: what this bridge was sending was cut off, and is due at once. Gives how many."""
    return Delivery.objects.filter(state=Delivery.State.SENDING, claimed_by=me).update(lease_ms=0)


def claim(me: str, free: dict[str, int], calm: Collection[str], book: Book, now_ms: int, most: int = 16) -> list[Job]:
    """Take what is due, emergencies first.

    Args:
        me: who sends.
        free: channels that can send, and how many messages each may take now.
        calm: of those, the ones that may take ordinary messages.
        book: the channels file.
        now_ms: when.
        most: no more at once.
    """
    due = Q(state__in=[Delivery.State.HELD, Delivery.State.WAITING], due_ms__lte=now_ms) | Q(
        state=Delivery.State.SENDING, lease_ms__lte=now_ms
    )
    wanted = Delivery.objects.filter(due, channel__in=free).exclude(Q(emergency=False) & ~Q(channel__in=list(calm)))
    if not wanted.exists():  # reading takes no lock that others wait for
        return []
    jobs, left = [], dict(free)
    with transaction.atomic():
        rows = wanted.order_by("-emergency", "due_ms", "created_ms")
        if connection.features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True)
        for row in rows[: most * 4]:
            if left[row.channel] <= 0 or len(jobs) >= most:
                continue
            lease_ms = now_ms + int(book.channels[row.channel].timeout_s * 8_000) + 30_000
            taken = Delivery.objects.filter(pk=row.pk, attempts=row.attempts, state=row.state).update(
                state=Delivery.State.SENDING, claimed_by=me, lease_ms=lease_ms, attempts=F("attempts") + 1,
                began_ms=row.began_ms or now_ms,
            )  # fmt: skip
            if not taken:
                continue
            left[row.channel] -= 1
            Attempt.objects.create(delivery=row, number=row.attempts + 1, began_ms=now_ms)
            letter = letter_of(row, book)
            jobs.append(Job(row.pk, row.attempts + 1, row.channel, row.address, row.emergency, letter))
    return jobs


def letter_of(delivery: Delivery, book: Book) -> Letter:
    """What it says, in the reader's language."""
    wishes = Wishes.objects.filter(user=delivery.user_id).first() if delivery.user_id else None
    language = wishes.language if wishes else LANGUAGE
    messages = list(delivery.messages.order_by("created_ms", "pk"))
    title, text = texts.merged([texts.said(m.text_key, m.values, language) for m in messages], language)
    ends = [link_to(book.link_base, delivery.pk)] if book.link_base else []
    return Letter(
        id=delivery.pk, title=title, text="\n".join([text, *ends]), emergency=delivery.emergency,
        causes=tuple(f"{m.cause} {m.threshold}" for m in messages),
        subjects=tuple(sorted({m.subject for m in messages})),
        at_ms=min((m.created_ms for m in messages), default=delivery.created_ms),
    )  # fmt: skip


@transaction.atomic
def record(job: Job, outcome: Outcome, book: Book, now_ms: int) -> None:
    """Write down what became of an attempt, and what follows: delivered, again later, the next channel, or given up."""
    result = (
        Attempt.Result.TAKEN if outcome.ok
        else Attempt.Result.UNSURE if outcome.unsure
        else Attempt.Result.REFUSED if outcome.final
        else Attempt.Result.FAILED
    )  # fmt: skip
    detail = outcome.detail[:_DETAIL]
    Attempt.objects.filter(delivery=job.delivery, number=job.attempt).update(
        ended_ms=now_ms, result=result, detail=detail
    )
    _note_health(job.channel, outcome, now_ms)
    row = Delivery.objects.select_for_update().filter(pk=job.delivery).first()
    if row is None:
        return  # deleted meanwhile
    if outcome.ok:
        if row.state != Delivery.State.DELIVERED:
            row.state, row.ended_ms, row.detail = Delivery.State.DELIVERED, now_ms, detail
            row.save(update_fields=["state", "ended_ms", "detail"])
            row.messages.update(failed_ms=0)
        return
    if row.state != Delivery.State.SENDING or row.attempts != job.attempt:
        return  # somebody else has taken it meanwhile
    pace = book.pace(row.emergency)
    messages = list(row.messages.all())
    failing_s = (now_ms - row.began_ms) / 1000
    falls_back = not row.emergency and failing_s >= pace.fall_back_s and any(map(telling.has_next_way, messages))
    row.detail = detail
    if outcome.final or falls_back or failing_s >= pace.give_up_s:
        _give_up(row, detail, now_ms)
        return
    pause_ms = int(max(pace.pause_s(row.attempts), outcome.wait_s) * 1000)
    row.state = Delivery.State.WAITING
    row.due_ms = telling.due_ms(row.user_id, row.emergency, now_ms + pause_ms)
    row.save(update_fields=["state", "due_ms", "detail"])


def _note_health(name: str, outcome: Outcome, now_ms: int) -> None:
    """A refusal of one address says nothing about the channel's others, but it stands there to be read."""
    channel = Channel.objects.select_for_update().filter(pk=name).first()
    if channel is None:
        return
    channel.detail = outcome.detail[:_DETAIL]
    if outcome.ok:
        channel.ok_ms, channel.failing_since_ms, channel.failures = now_ms, 0, 0
        channel.sent += 1
    else:
        channel.failed_ms, channel.failures = now_ms, channel.failures + 1
        channel.failing_since_ms = channel.failing_since_ms or now_ms
    channel.save(update_fields=["detail", "ok_ms", "failing_since_ms", "failures", "sent", "failed_ms"])


def orphans(names: Iterable[str], now_ms: int) -> int:
    """What waits for channels that the file no longer has goes the next way, or is given up. Gives how many."""
    resting = Q(state__in=[Delivery.State.HELD, Delivery.State.WAITING]) | Q(
        state=Delivery.State.SENDING, lease_ms__lte=now_ms
    )
    orphaned = Delivery.objects.filter(resting).exclude(channel__in=list(names))
    if not orphaned.exists():  # reading takes no lock that others wait for
        return 0
    with transaction.atomic():
        found = list(orphaned.select_for_update())
        for row in found:
            _give_up(row, "the channel was removed", now_ms)
    return len(found)


def _give_up(row: Delivery, detail: str, now_ms: int) -> None:
    """This channel will not take it: the people's next one has to, or nobody is reached."""
    row.state, row.ended_ms, row.detail = Delivery.State.FAILED, now_ms, detail
    row.save(update_fields=["state", "ended_ms", "detail"])
    for message in row.messages.all():
        if not telling.next_way(message, now_ms):
            telling.gave_up(message, now_ms)
