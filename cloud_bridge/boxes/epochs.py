"""New epochs of a box's log: stored and shown at once, witnessed when two people have authorised it.

A box begins an epoch when its log was lost, damaged or moved to another card. Its records and alarms are wanted without
delay. The bridge's signature is not: it lets the box work again, and whoever can make a box forget could otherwise have
that forgetting witnessed.
"""

from django.db import transaction
from django.db.models import Q

from cloud_bridge.boxes import key_changes
from cloud_bridge.boxes.models import Alert, AlertKind, Box, Log, LogApproval, Notice, now_ms
from cloud_bridge.people.models import User
from cloud_bridge.people.roles import AUTHORISE
from contracts.checkpoint import NoteKey
from contracts.errors import ContractError
from contracts.event import Event

PEOPLE = 2
MAX_WAITING = 4
STARTED = "audit.epoch_started"
_MAX_EPOCH = 2**31 - 1


def find(box: Box, origin: str) -> Log:
    """The log of this box with that origin; an epoch after the newest one is begun here, unwitnessed.

    Raises:
        ContractError: the origin is not one of this box's logs.
    """
    log = Log.objects.filter(box=box, origin=origin).first()
    if log is not None:
        return log
    newest = box.logs.first()
    head, _slash, number = origin.rpartition("/")
    if newest is None or head != newest.origin.rpartition("/")[0] or not number.isascii() or not number.isdigit():
        raise ContractError("origin", f"a log of {box.pk}", repr(origin[:120]), "register the box's present log key")
    epoch = int(number)
    if number != str(epoch) or not newest.epoch < epoch <= _MAX_EPOCH:
        raise ContractError("origin", f"an epoch after {newest.epoch}", repr(origin[:120]), "it is no log we know")
    key = newest.chain().newest
    return begin(box, NoteKey(origin, key.kind, key.public), epoch)


def of_epoch(box: Box, epoch: int) -> Log:
    """The log of this box with that number, begun here when it comes after the newest one.

    Raises:
        ContractError: it is none of this box's logs.
    """
    newest = box.logs.first()
    if newest is None:
        raise ContractError("leaf.log", f"a log epoch of {box.pk}", str(epoch), "register the box's present log key")
    return find(box, f"{newest.origin.rpartition('/')[0]}/{epoch}")


def begin(box: Box, key: NoteKey, epoch: int) -> Log:
    """A new epoch that nobody has authorised yet, with an alert.

    Raises:
        ContractError: too many wait already.
    """
    if box.logs.filter(authorised=False).count() >= MAX_WAITING:
        raise ContractError(
            "origin", f"at most {MAX_WAITING} epochs that wait for two people", f"epoch {epoch}", "authorise one first"
        )
    before = box.logs.first()
    log = Log.objects.create(box=box, epoch=epoch, origin=key.name, vkey=key.vkey(), authorised=False)
    last, seen = (before.epoch, before.witnessed_size) if before else (0, 0)
    detail = f"日志第 {epoch} 代开始，此前第 {last} 代已见证 {seen} 条记录"
    detail += f" / epoch {epoch} of the log began after epoch {last}, of which {seen} records are witnessed"
    now = now_ms()
    Alert.objects.create(
        box=box, kind=AlertKind.EPOCH, epoch=epoch, seq=epoch, detail=detail, first_ms=now, last_ms=now
    )
    Notice.tell(Notice.Kind.BOX, box.pk, box.pk)
    return log


def explain(log: Log, leaf: Event) -> None:
    """The first record of a new epoch came: add to its alert what the box says of the epoch before it."""
    said = leaf.data if leaf.type == STARTED else {}
    origin, size, reason = str(said.get("origin", "")), said.get("size", 0), str(said.get("reason", ""))[:200]
    before = Log.objects.filter(box=log.box, origin=origin).first() or log.box.logs.filter(epoch__lt=log.epoch).first()
    witnessed = before.witnessed_size if before else 0
    named = size if isinstance(size, int) and origin else 0
    zh = f"日志第 {log.epoch} 代开始，盒子称此前有 {named} 条记录"
    en = f"epoch {log.epoch} of the log began, the box names {named} records before"
    if named < witnessed:
        zh += f"，而已见证 {witnessed} 条：请查明其余记录的去向"
        en += f", {witnessed} are witnessed: ask where the others are"
    detail = f"{zh} / {en} ({reason or '?'})"
    Alert.objects.filter(box=log.box, kind=AlertKind.EPOCH, seq=log.epoch).update(detail=detail[:500], last_ms=now_ms())


def waiting(box: Box) -> list[Log]:
    """Epochs of a box that two people have not authorised yet, the newest first."""
    return list(box.logs.filter(authorised=False))


@transaction.atomic
def authorise(user: User, box: Box, epoch: int, vkey: str) -> Log:
    """One person's word that this epoch may be witnessed with this key; the second person's makes it so.

    Args:
        user: who says it; somebody else must have said the same before, or must say it after.
        box: the box.
        epoch: the epoch, heard already or not.
        vkey: the key of its log. Another one than before, as of a new card, takes back who agreed to the one before.

    Raises:
        ContractError: no right, the same person again, not a new epoch, or not a key of it.
    """
    if not user.has_perm(AUTHORISE):
        raise ContractError("user", "a safety officer or an administrator", user.username, "ask one of them")
    key = NoteKey.parse(vkey)
    log = Log.objects.select_for_update().filter(box=box, epoch=epoch).first()
    newest = box.logs.first()
    if newest is None or (log is None and epoch <= newest.epoch):
        raise ContractError("epoch", "a new one", str(epoch), "see: hotbox-bridge box epochs")
    head = newest.origin.rpartition("/")[0]
    if key.kind != newest.key().kind or key.name != f"{head}/{epoch}":
        raise ContractError("vkey", f"a log key named {head}/{epoch}", key.name, "copy the line that the box prints")
    if log is None:
        log = begin(box, key, epoch)
    if log.authorised:
        raise ContractError("epoch", "one that waits for two people", f"{epoch}, authorised", "nothing is to be done")
    if log.vkey != key.vkey():
        log.approvals.all().delete()
        log.vkey = key.vkey()
        log.save(update_fields=["vkey"])
        key_changes.take_all(log)
    if log.approvals.filter(Q(by=user.identity) | Q(user=user.username)).exists():
        raise ContractError("user", "another person than the first", user.identity, "let somebody else authorise it")
    LogApproval.objects.create(
        log=log, by=user.identity, user=user.username, by_name=str(user), vkey=log.vkey, at_ms=now_ms()
    )
    if log.approvals.count() >= PEOPLE:
        log.authorised = True
        log.save(update_fields=["authorised"])
        Alert.objects.filter(box=box, kind=AlertKind.EPOCH, seq=epoch).update(open=False, last_ms=now_ms())
    Notice.tell(Notice.Kind.BOX, box.pk, box.pk)
    return log
