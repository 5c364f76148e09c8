"""What the ingest does to the database, one message a call. Synchronous; every function is one transaction.

A leaf is stored only when it continues the log's chain. A second, different leaf under a number that is taken is
never stored: it becomes an alert with its bytes as evidence.
"""

from dataclasses import dataclass, field

import msgspec
from django.db import transaction
from django.db.models import F

from cloud_bridge.boxes import calls, epochs
from cloud_bridge.boxes.models import (
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
from cloud_bridge.boxes.signals import box_answered, event_stored
from contracts import event as contract_event
from contracts import topics
from contracts.errors import ContractError, from_msgspec
from contracts.merkle import leaf_hash

MAX_UNPROVEN = 1000
MAX_REASONS = 50
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


def raise_alert(box: Box, kind: AlertKind, seq: int, detail: str, evidence: bytes = b"") -> None:
    """Keep a finding; the same finding again only counts."""
    now = now_ms()
    alert, created = Alert.objects.get_or_create(
        box=box,
        kind=kind,
        seq=seq,
        defaults={"detail": detail[:500], "evidence": evidence, "first_ms": now, "last_ms": now},
    )
    if not created:
        Alert.objects.filter(pk=alert.pk).update(count=F("count") + 1, last_ms=now, open=True)
    Notice.tell(Notice.Kind.BOX, box.pk, box.pk)


@transaction.atomic
def reject(box_name: str, leaf: str, error: Exception) -> None:
    """Count a refused message under its box and reason; reasons are bounded, so a flood cannot fill the disk."""
    box = Box.objects.filter(pk=box_name).first()
    what = (error.field if isinstance(error, ContractError) else type(error).__name__)[:80]
    reasons = Rejection.objects.filter(box=box)
    leaf = leaf[:16]
    found = reasons.filter(leaf=leaf, field=what).first()
    if found is None and reasons.count() >= MAX_REASONS:
        what = "other"
        found = reasons.filter(leaf=leaf, field=what).first() or reasons.last()
    if found is None:
        Rejection.objects.create(box=box, leaf=leaf, field=what, detail=str(error)[:500], last_ms=now_ms())
    else:
        Rejection.objects.filter(pk=found.pk).update(count=F("count") + 1, last_ms=now_ms(), detail=str(error)[:500])
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
        "permit": leaf.permit[:64],
        "received_ms": received_ms,
    }


def _settle_live(log: Log, seq: int, body: bytes) -> bool:
    """The log now has what was shown as unproven; when the two differ, the box said two things.

    Whether there was such an alarm.
    """
    live = LiveEvent.objects.filter(box_id=log.box_id, log=log.epoch, seq=seq).first()
    if live is None:
        return False
    if bytes(live.leaf) != body:
        raise_alert(
            log.box, AlertKind.FORK, seq, f"live event {seq} of {log.origin} differs from the log", bytes(live.leaf)
        )
    live.delete()
    return True


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
        return outcome
    tree, received = log.tree(), now_ms()
    for offset, body in enumerate(leaves):
        seq = head.first + offset
        if seq < log.size:
            known = Event.objects.only("leaf").get(box=box, log=log.epoch, seq=seq)
            if bytes(known.leaf) != body:
                raise_alert(box, AlertKind.FORK, seq, f"a second, different record {seq} of {log.origin}", body[:8192])
                outcome.alerts.append(AlertKind.FORK)
                break
            outcome.known += 1
            continue
        try:
            leaf = _decode(body, log, seq)
        except ContractError as error:
            outcome.error = error
            break
        if leaf.prev != log.last_hash:
            raise_alert(box, AlertKind.CHAIN, seq, f"record {seq} of {log.origin} names another predecessor", body)
            outcome.alerts.append(AlertKind.CHAIN)
            break
        digest = leaf_hash(body)
        tree = tree.append(digest)
        log.size, log.last_hash, log.last_event_ms = tree.size, digest.hex(), leaf.t
        columns = _columns(leaf, body, received)
        row = Event.objects.create(**columns)
        if seq == 0 and not log.authorised:
            epochs.explain(log, leaf)
        if not _settle_live(log, seq, body):
            calls.ring(box, leaf, columns)
        Notice.tell(Notice.Kind.EVENT, row.pk, box.pk)
        event_stored.send_robust(sender=Log, event=row, leaf=leaf)
        outcome.stored += 1
    if outcome.stored:
        log.frontier, log.heard_ms = tree.pack(), received
        log.save(update_fields=["size", "last_hash", "frontier", "last_event_ms", "heard_ms"])
        Notice.tell(Notice.Kind.BOX, box.pk, box.pk)
    outcome.size = log.size
    return outcome


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
                raise_alert(box, AlertKind.FORK, leaf.seq, f"live event {leaf.seq} of {log.origin} differs", body)
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
    except msgspec.MsgspecError as error:
        raise from_msgspec(error, "state", payload, topics.BoxState) from error
    except UnicodeDecodeError as error:
        raise ContractError("state", "UTF-8 JSON", str(error)) from error
    if state.box != box.pk:
        raise ContractError("state.box", box.pk, repr(state.box[:64]), "a box speaks for itself only")
    for name in ("t", "since", "size", "acked", "deadline", "fire_watch_until"):
        if abs(getattr(state, name)) > contract_event.MAX_INT:
            raise ContractError(f"state.{name}", "an integer below 2^53", "a larger one")
    before = BoxState.objects.filter(pk=box).first()
    values = {"online": state.online, "received_ms": now_ms()}
    if state.online or state.state != "unknown" or before is None:
        values |= {
            "t": state.t,
            "state": state.state[:40],
            "since": state.since,
            "permit": state.permit[:64],
            "first_out": state.first_out[:200],
            "reasons": [r[:200] for r in state.reasons[:32]],
            "baseline": state.baseline[:64],
            "size": state.size,
            "acked": state.acked,
            "deadline": state.deadline,
            "fire_watch_until": state.fire_watch_until,
        }
    BoxState.objects.update_or_create(box=box, defaults=values)
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
    except msgspec.MsgspecError as error:
        raise from_msgspec(error, "response", payload, topics.Response) from error
    except UnicodeDecodeError as error:
        raise ContractError("response", "UTF-8 JSON", str(error)) from error
    if response.kind == "command":
        answer = f"{response.code} {response.detail}".strip()[:300]
        Command.objects.filter(pk=response.id, box=box, answered_ms=0).update(
            answered_ms=now_ms(), ok=response.ok, answer=answer
        )
        Notice.tell(Notice.Kind.BOX, box.pk, box.pk)
    box_answered.send_robust(sender=Box, box=box, response=response)
