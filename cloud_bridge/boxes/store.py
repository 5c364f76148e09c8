"""What the ingest does to the database, one message a call. Synchronous; every function is one transaction.

A leaf is stored only when it continues the log's chain. A second, different leaf under a number that is taken is
never stored: it becomes an alert with its bytes as evidence.
"""

from dataclasses import dataclass, field

import msgspec
from django.db import transaction
from django.db.models import F

from cloud_bridge.boxes import calls, epochs, following, gaps, key_changes
from cloud_bridge.boxes.models import (
    LATE_MS,
    OPEN_AGAIN,
    Alert,
    AlertKind,
    Box,
    BoxState,
    Command,
    Event,
    LiveEvent,
    Log,
    Notice,
    Rejection,
    now_ms,
)
from cloud_bridge.boxes.quota import Limits
from cloud_bridge.boxes.signals import box_answered
from contracts import event as contract_event
from contracts import topics
from contracts.errors import UNREADABLE, ContractError, from_msgspec
from contracts.key_chain import ROTATED
from contracts.merkle import leaf_hash
from contracts.permit import is_id

MAX_UNPROVEN = 1000
MAX_REASONS = 50
FRESH_MS = 60_000
"""Records that are older when they come are not announced one by one."""
UNKNOWN_BOX = "unknown box"


@dataclass
class Outcome:
    """What a batch did: leaves stored, leaves that were there already, and from where the box must send again."""

    origin: str
    size: int
    stored: int = 0
    known: int = 0
    want: int | None = None
    alerts: list[str] = field(default_factory=list)
    error: ContractError | None = None


def find_box(name: str) -> Box:
    """A registered, active box.

    Raises:
        ContractError: nobody registered it.
    """
    box = Box.objects.filter(pk=name, active=True).first()
    if box is None:
        raise ContractError("box", "a registered box", repr(name[:64]), UNKNOWN_BOX)
    return box


def limits(name: str) -> Limits | None:
    """What a box may send; None for a stranger."""
    found = Box.objects.filter(pk=name, active=True).values_list("leaves_per_min", "bytes_per_day").first()
    return Limits(*found) if found else None


def raise_alert(
    box: Box, kind: AlertKind, seq: int, detail: str, evidence: bytes = b"", *, epoch: int
) -> None:
    """Keep a finding about record `seq` of that epoch; the same finding again only counts."""
    now = now_ms()
    alert, created = Alert.objects.get_or_create(
        box=box,
        kind=kind,
        epoch=epoch,
        seq=seq,
        defaults={"detail": detail[:500], "evidence": evidence, "first_ms": now, "last_ms": now},
    )
    if not created:
        Alert.objects.filter(pk=alert.pk).update(count=F("count") + 1, last_ms=now, open=True, **OPEN_AGAIN)
    Notice.tell(Notice.Kind.BOX, box.pk, box.pk)


@transaction.atomic
def reject(box_name: str, leaf: str, error: Exception, times: int = 1) -> None:
    """Count refused messages under its box and reason; reasons are bounded, so a flood cannot fill the disk."""
    box = Box.objects.filter(pk=box_name).first()
    what = (error.field if isinstance(error, ContractError) else type(error).__name__)[:80]
    reasons = Rejection.objects.filter(box=box)
    leaf = leaf[:16]
    found = reasons.filter(leaf=leaf, field=what).first()
    if found is None and reasons.count() >= MAX_REASONS:
        what = "other"
        found = reasons.filter(leaf=leaf, field=what).first() or reasons.last()
    if found is None:
        said = str(error)[:500]
        Rejection.objects.create(box=box, leaf=leaf, field=what, count=times, detail=said, last_ms=now_ms())
    else:
        detail = str(error)[:500]
        Rejection.objects.filter(pk=found.pk).update(count=F("count") + times, last_ms=now_ms(), detail=detail)
    if box is not None:
        Notice.tell(Notice.Kind.BOX, box.pk, box.pk)


def _decode(body: bytes, log: Log, seq: int | None) -> contract_event.Event:
    """Read a leaf and make sure that it belongs to this log and number.

    Raises:
        ContractError: it does not.
    """
    if len(body) > contract_event.MAX_LEAF_BYTES:
        raise ContractError("leaf", f"at most {contract_event.MAX_LEAF_BYTES} bytes", f"{len(body)} bytes")
    leaf = contract_event.decode(body)
    if leaf.box != log.box_id:
        raise ContractError("leaf.box", log.box_id, repr(leaf.box), "a box speaks for itself only")
    if leaf.log != log.epoch:
        raise ContractError("leaf.log", str(log.epoch), str(leaf.log), "the leaf is of another log epoch")
    if seq is not None and leaf.seq != seq:
        raise ContractError("leaf.seq", str(seq), str(leaf.seq), "send leaves in order, without gaps")
    return leaf


def permit_number(text: str) -> str:
    """A permit's number as pages may link to it; "" for what is none: of that the leaf alone tells."""
    return text if is_id(text) else ""


def _columns(leaf: contract_event.Event, body: bytes, received_ms: int) -> dict[str, object]:
    return {
        "box_id": leaf.box,
        "log": leaf.log,
        "seq": leaf.seq,
        "leaf": body,
        "t": leaf.t,
        "type": leaf.type[:80],
        "cat": leaf.cat.value,
        "sev": leaf.sev.value,
        "permit": permit_number(leaf.permit),
        "received_ms": received_ms,
    }


def _settle_live(log: Log, stored: list[tuple[Event, contract_event.Event]]) -> set[int]:
    """The log now has what was shown as unproven; when the two differ, the box said two things.

    The numbers of which there was such an alarm.
    """
    bodies = {row.seq: bytes(row.leaf) for row, _leaf in stored}
    first, last = stored[0][0].seq, stored[-1][0].seq
    ahead = list(LiveEvent.objects.filter(box_id=log.box_id, log=log.epoch, seq__gte=first, seq__lte=last))
    for live in ahead:
        if bytes(live.leaf) != bodies[live.seq]:
            detail = f"live event {live.seq} of {log.origin} differs from the log"
            raise_alert(log.box, AlertKind.FORK, live.seq, detail, bytes(live.leaf), epoch=log.epoch)
    LiveEvent.objects.filter(pk__in=[live.pk for live in ahead]).delete()
    return {live.seq for live in ahead}


@transaction.atomic
def store_batch(box_name: str, head: topics.BatchHead, leaves: list[bytes]) -> Outcome:
    """Store what continues the log, skip what is there, refuse what contradicts.

    Raises:
        ContractError: unknown box or log. A leaf that is none ends the batch and is told in the outcome.
    """
    box = find_box(box_name)
    log = epochs.find(box, head.origin)
    outcome = Outcome(log.origin, log.size)
    if head.first > log.size:
        outcome.want = log.size
        gaps.missing(log, head.first)
        return outcome
    count = _known(log, head, leaves, outcome)
    if count is None:
        return outcome
    received = now_ms()
    fresh = _continuing(log, leaves[count:], outcome, received)
    if fresh:
        Event.objects.bulk_create([row for row, _leaf in fresh])
        _tell(log, fresh, received)
        log.heard_ms = received
        log.save(update_fields=["size", "last_hash", "frontier", "last_event_ms", "heard_ms"])
        gaps.filled(log)
        Notice.tell(Notice.Kind.BOX, box.pk, box.pk)
    outcome.stored, outcome.size = len(fresh), log.size
    return outcome


def _known(log: Log, head: topics.BatchHead, leaves: list[bytes], outcome: Outcome) -> int | None:
    """How many of the leaves are stored already; None when one of these differs, which is a fork."""
    count = min(len(leaves), log.size - head.first)
    if not count:
        return 0
    stored = Event.objects.filter(
        box_id=log.box_id, log=log.epoch, seq__gte=head.first, seq__lt=head.first + count
    ).order_by("seq")
    for known, body in zip(stored.values_list("leaf", flat=True), leaves, strict=False):
        if bytes(known) != body:
            seq = head.first + outcome.known
            detail = f"a second, different record {seq} of {log.origin}"
            raise_alert(log.box, AlertKind.FORK, seq, detail, body[:8192], epoch=log.epoch)
            outcome.alerts.append(AlertKind.FORK)
            return None
        outcome.known += 1
    return count


def _continuing(
    log: Log, leaves: list[bytes], outcome: Outcome, received: int
) -> list[tuple[Event, contract_event.Event]]:
    """Rows for the leaves that continue the log, up to the first that does not; `log` is carried along."""
    tree, rows = log.tree(), []
    for body in leaves:
        seq = log.size
        try:
            leaf = _decode(body, log, seq)
        except ContractError as error:
            outcome.error = error
            break
        if leaf.prev != log.last_hash:
            detail = f"record {seq} of {log.origin} names another predecessor"
            raise_alert(log.box, AlertKind.CHAIN, seq, detail, body, epoch=log.epoch)
            outcome.alerts.append(AlertKind.CHAIN)
            break
        digest = leaf_hash(body)
        tree = tree.append(digest)
        log.size, log.last_hash, log.last_event_ms = tree.size, digest.hex(), leaf.t
        late = received - leaf.t > LATE_MS
        rows.append((Event(**_columns(leaf, body, received), late=late), leaf))
    log.frontier = tree.pack()
    return rows


def _tell(log: Log, fresh: list[tuple[Event, contract_event.Event]], received: int) -> None:
    """Whoever has to hear of new records. Of old ones pages are told once: they are a month's, not today's."""
    ahead = _settle_live(log, fresh)
    news = []
    for row, leaf in fresh:
        if row.seq == 0 and not log.authorised:
            epochs.explain(log, leaf)
        if leaf.type == ROTATED:
            wrong = key_changes.take(log, leaf, received)
            if wrong:
                raise_alert(log.box, AlertKind.KEY, row.seq, wrong, bytes(row.leaf), epoch=log.epoch)
        if row.seq not in ahead and calls.kind_of(leaf) is not None:
            calls.ring(log.box, leaf, _columns(leaf, bytes(row.leaf), received))
        if received - leaf.t < FRESH_MS:
            news.append(Notice(kind=Notice.Kind.EVENT, ref=str(row.pk), box=log.box_id))
        following.tell(row, leaf)
    Notice.objects.bulk_create(news)


def _make_room(box: Box) -> None:
    """Before one more unproven alarm: the oldest give way, counted, for none is ever refused for coming late.

    A box that was a month without a line has more alarms than are kept ahead of its log; those that give way have rung,
    and come again with the log.
    """
    unproven = LiveEvent.objects.filter(box=box)
    over = unproven.count() - MAX_UNPROVEN + 1
    if over > 0:
        oldest = list(unproven.order_by("log", "seq").values_list("pk", flat=True)[:over])
        LiveEvent.objects.filter(pk__in=oldest).delete()
        reject(box.pk, "live", ContractError("unproven", f"at most {MAX_UNPROVEN}", "one more, the oldest gave way"))


@transaction.atomic
def store_live(box_name: str, body: bytes) -> None:
    """Show an alarm at once, as unproven, unless the log already has it.

    Raises:
        ContractError: unknown box or not a leaf.
    """
    box = find_box(box_name)
    if len(body) > contract_event.MAX_LEAF_BYTES:
        raise ContractError("leaf", f"at most {contract_event.MAX_LEAF_BYTES} bytes", f"{len(body)} bytes")
    leaf = contract_event.decode(body)
    log = epochs.of_epoch(box, leaf.log)
    leaf = _decode(body, log, None)
    for table in (Event, LiveEvent):
        known = table.objects.filter(box=box, log=leaf.log, seq=leaf.seq).first()
        if known is not None:
            if bytes(known.leaf) != body:
                detail = f"live event {leaf.seq} of {log.origin} differs"
                raise_alert(box, AlertKind.FORK, leaf.seq, detail, body, epoch=log.epoch)
            return
    _make_room(box)
    columns = _columns(leaf, body, now_ms())
    row = LiveEvent.objects.create(**columns)
    calls.ring(box, leaf, columns)
    Notice.tell(Notice.Kind.LIVE, row.pk, box.pk)
    Notice.tell(Notice.Kind.BOX, box.pk, box.pk)


@transaction.atomic
def store_state(box_name: str, payload: bytes) -> None:
    """Keep a box's newest state.

    Raises:
        ContractError: unknown box, not a state, or another box's.
    """
    box = find_box(box_name)
    try:
        state = msgspec.json.decode(payload, type=topics.BoxState)
    except UNREADABLE as error:
        raise from_msgspec(error, "state", payload, topics.BoxState) from error
    if state.box != box.pk:
        raise ContractError("state.box", box.pk, repr(state.box[:64]), "a box speaks for itself only")
    for name in ("t", "since", "size", "acked", "deadline", "fire_watch_until", "log"):
        if abs(getattr(state, name)) > contract_event.MAX_INT:
            raise ContractError(f"state.{name}", "an integer below 2^53", "a larger one")
    before = BoxState.objects.filter(pk=box).first()
    values = {"online": state.online, "received_ms": now_ms()}
    if state.online or state.state != "unknown" or before is None:
        values |= {
            "t": state.t,
            "state": state.state[:40],
            "since": state.since,
            "permit": permit_number(state.permit),
            "first_out": state.first_out[:200],
            "reasons": [r[:200] for r in state.reasons[:32]],
            "baseline": state.baseline[:64],
            "size": state.size,
            "acked": state.acked,
            "deadline": state.deadline,
            "fire_watch_until": state.fire_watch_until,
        }
    BoxState.objects.update_or_create(box=box, defaults=values)
    if state.online:
        wrong = gaps.set_back(box, state.log, state.size, state.t)
        if wrong:
            raise_alert(box, AlertKind.ROLLBACK, state.log, wrong, payload[:8192], epoch=state.log)
    Notice.tell(Notice.Kind.BOX, box.pk, box.pk)


@transaction.atomic
def store_response(box_name: str, payload: bytes) -> None:
    """Keep a box's answer to a permit, revocation list or command.

    Raises:
        ContractError: unknown box or not an answer.
    """
    box = find_box(box_name)
    try:
        response = msgspec.json.decode(payload, type=topics.Response)
    except UNREADABLE as error:
        raise from_msgspec(error, "response", payload, topics.Response) from error
    if response.kind == "command":
        answer = f"{response.code} {response.detail}".strip()[:300]
        Command.objects.filter(pk=response.id, box=box, answered_ms=0).update(
            answered_ms=now_ms(), ok=response.ok, answer=answer
        )
        Notice.tell(Notice.Kind.BOX, box.pk, box.pk)
    box_answered.send_robust(sender=Box, box=box, response=response)
