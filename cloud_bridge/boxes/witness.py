"""The bridge as witness: agree with a checkpoint durably, then cosign it (C2SP tlog-witness order)."""

import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from cloud_bridge.boxes import epochs, following
from cloud_bridge.boxes.models import AlertKind, Checkpoint, Event, Log, Notice, now_ms
from cloud_bridge.boxes.store import find_box, raise_alert
from contracts import checkpoint
from contracts.errors import ContractError
from contracts.merkle import Frontier, leaf_hash

MAX_NOTE_BYTES = 4096


class Ahead(Exception):  # noqa: N818 - a state of affairs, not an error
    """The checkpoint covers leaves that have not come yet; `log_size` is what the bridge has."""

    def __init__(self, origin: str, log_size: int, size: int) -> None:
        self.origin = origin
        self.log_size = log_size
        self.size = size
        super().__init__(f"{origin}: checkpoint at {size}, stored {log_size}")


class Held(Exception):  # noqa: N818 - a state of affairs, not an error
    """Two people have not authorised this epoch yet; `log_size` is what the bridge has of it."""

    def __init__(self, origin: str, log_size: int) -> None:
        self.origin = origin
        self.log_size = log_size
        super().__init__(f"{origin}: not authorised, stored {log_size}")


def tree_at(log: Log, size: int) -> Frontier:
    """The frontier of an earlier prefix, from the nearest checkpoint below it and the leaves since."""
    if size == log.size:
        return log.tree()
    base = log.checkpoints.filter(size__lte=size).order_by("-size").first()
    tree = Frontier.unpack(base.size, bytes(base.frontier)) if base else Frontier()
    rows = Event.objects.filter(box_id=log.box_id, log=log.epoch, seq__gte=tree.size, seq__lt=size).order_by("seq")
    for body in rows.values_list("leaf", flat=True).iterator():
        tree = tree.append(leaf_hash(bytes(body)))
    return tree


def _read(log: Log, text: str) -> checkpoint.Checkpoint:
    statement = log.chain().verify(text)
    if statement.origin != log.origin:
        raise ContractError("checkpoint.origin", log.origin, repr(statement.origin[:120]))
    return statement


@transaction.atomic
def agree(box_name: str, payload: bytes) -> Log:
    """Check a checkpoint against the stored log and commit to it; one that contradicts is kept as an alert.

    Raises:
        ContractError: unknown box or log, or no valid signature by the key of the log that is in force at its size.
        Ahead: leaves are missing.
        Held: it fits, but two people have to authorise this epoch first.
    """
    box = find_box(box_name)
    if len(payload) > MAX_NOTE_BYTES:
        raise ContractError("note", f"at most {MAX_NOTE_BYTES} bytes", f"{len(payload)} bytes")
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise ContractError("note", "UTF-8 text", str(error)) from error
    log = epochs.find(box, text.partition("\n")[0])
    statement = _read(log, text)
    if statement.size > log.size:
        raise Ahead(log.origin, log.size, statement.size)
    tree = tree_at(log, statement.size)
    if tree.root() != statement.root:
        raise_alert(
            box,
            AlertKind.ROOT,
            statement.size,
            f"the signed checkpoint at {statement.size} of {log.origin} has another root",
            payload,
            epoch=log.epoch,
        )
        return log
    if not log.authorised:
        raise Held(log.origin, log.size)
    if statement.size > log.witnessed_size:
        Checkpoint.objects.get_or_create(
            log=log,
            size=statement.size,
            defaults={
                "root": statement.root.hex(),
                "note": text,
                "frontier": tree.pack(),
                "received_ms": now_ms(),
            },
        )
        log.witnessed_size, log.witnessed_ms = statement.size, now_ms()
        log.save(update_fields=["witnessed_size", "witnessed_ms"])
        following.witnessed(log)
        Notice.tell(Notice.Kind.BOX, box.pk, box.pk)
    return log


def is_newest(log: Log) -> bool:
    """Whether no later epoch of the box is witnessed: its acknowledgement is the one that the broker keeps."""
    return not Log.objects.filter(box=log.box_id, epoch__gt=log.epoch, witnessed_size__gt=0).exists()


def newest_ack(log: Log, name: str, key: Ed25519PrivateKey) -> str:
    """The cosigned note of the newest checkpoint that the bridge committed to; "" when there is none.

    The commitment is on disk before this signs, so a crash in between never leaves a promise that is forgotten.
    """
    newest = log.checkpoints.order_by("-size").first()
    if newest is None:
        return ""
    if not newest.cosigned:
        newest.cosigned = checkpoint.cosign(newest.note, name, key, int(time.time()))
        with transaction.atomic():
            newest.save(update_fields=["cosigned"])
            Log.objects.filter(pk=log.pk).update(ack=newest.cosigned)
    return newest.cosigned
