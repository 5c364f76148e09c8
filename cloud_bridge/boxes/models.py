"""Boxes, their logs as received, and what the bridge concluded from them. Times ending in `_ms` are ms since 1970."""

import time
from typing import Any

import msgspec
from django.db import models
from django.utils.translation import gettext_lazy as _

from cloud_bridge.people.models import ID_PATTERN
from contracts.checkpoint import NoteKey
from contracts.merkle import Frontier


def now_ms() -> int:
    """Wall clock in ms since 1970."""
    return time.time_ns() // 1_000_000


class Box(models.Model):
    """A hot-work box. `id` is its name in topics, permits and origins."""

    id = models.CharField(_("box"), max_length=64, primary_key=True, validators=[ID_PATTERN])
    name = models.CharField(_("name"), max_length=80, blank=True)
    place = models.CharField(_("place"), max_length=80, blank=True)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        """Names, order and the right to command."""

        verbose_name = _("box")
        verbose_name_plural = _("boxes")
        ordering = ["id"]
        permissions = [
            ("command_box", "May suspend work at a box"),
            ("authorise_epoch", "May authorise a new epoch of a box's log"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.id})" if self.name else self.id


class Log(models.Model):
    """One log epoch of a box: its key, how far it is stored, how far it is witnessed.

    Attributes:
        size, last_hash, frontier: the stored prefix; `frontier` are the packed nodes for `size` leaves.
        witnessed_size: newest checkpoint that the bridge promised. It is committed before the cosignature exists.
        ack: the newest cosigned note, as published on dn/ack.
        last_event_ms, heard_ms: the last leaf's own time, and when the bridge received it.
        authorised: whether the bridge may witness it; a box's first epoch is, by its registration.
    """

    box = models.ForeignKey(Box, on_delete=models.PROTECT, related_name="logs")
    epoch = models.PositiveIntegerField()
    origin = models.CharField(max_length=200, unique=True)
    vkey = models.CharField(max_length=300)
    size = models.PositiveBigIntegerField(default=0)
    last_hash = models.CharField(max_length=64, default="0" * 64)
    frontier = models.BinaryField(default=b"")
    witnessed_size = models.PositiveBigIntegerField(default=0)
    witnessed_ms = models.PositiveBigIntegerField(default=0)
    ack = models.TextField(default="", blank=True)
    last_event_ms = models.PositiveBigIntegerField(default=0)
    heard_ms = models.PositiveBigIntegerField(default=0)
    authorised = models.BooleanField(default=True)

    class Meta:
        """One row an epoch."""

        constraints = [models.UniqueConstraint(fields=["box", "epoch"], name="one_log_an_epoch")]
        ordering = ["box", "-epoch"]

    def __str__(self) -> str:
        return self.origin

    def key(self) -> NoteKey:
        """The key that signs this log's checkpoints."""
        return NoteKey.parse(self.vkey)

    def tree(self) -> Frontier:
        """Frontier of the stored prefix."""
        return Frontier.unpack(self.size, bytes(self.frontier))

    @property
    def unwitnessed(self) -> int:
        """Stored leaves that no cosigned checkpoint covers yet."""
        return max(0, self.size - self.witnessed_size)


class LogApproval(models.Model):
    """One person's word that a new epoch may be witnessed; `by` is the person, `user` the account, `vkey` the key."""

    log = models.ForeignKey(Log, on_delete=models.PROTECT, related_name="approvals")
    by = models.CharField(max_length=150)
    user = models.CharField(max_length=150)
    by_name = models.CharField(max_length=80)
    vkey = models.CharField(max_length=300)
    at_ms = models.PositiveBigIntegerField()

    class Meta:
        """A person counts once."""

        constraints = [models.UniqueConstraint(fields=["log", "by"], name="one_word_a_person")]
        ordering = ["at_ms"]

    def __str__(self) -> str:
        return f"{self.log}: {self.by}"


class EventColumns(models.Model):
    """Columns that pages search by, copied from the leaf; the leaf's bytes are the truth."""

    box = models.ForeignKey(Box, on_delete=models.PROTECT)
    log = models.PositiveIntegerField()
    seq = models.PositiveBigIntegerField()
    leaf = models.BinaryField()
    t = models.PositiveBigIntegerField()
    type = models.CharField(max_length=80)
    cat = models.CharField(max_length=16)
    sev = models.CharField(max_length=16)
    permit = models.CharField(max_length=64, blank=True)
    received_ms = models.PositiveBigIntegerField()

    class Meta:
        """Not a table of its own."""

        abstract = True

    def __str__(self) -> str:
        return f"{self.box_id}/{self.log}/{self.seq} {self.type}"

    def read(self) -> dict[str, Any]:
        """The whole event as the leaf says it."""
        return msgspec.json.decode(bytes(self.leaf))


class Event(EventColumns):
    """A leaf of a box's log, proven to continue its chain. Never changed, never deleted."""

    class Meta:
        """Once each."""

        constraints = [models.UniqueConstraint(fields=["box", "log", "seq"], name="each_leaf_once")]
        indexes = [
            models.Index(fields=["box", "t"]),
            models.Index(fields=["permit"]),
            models.Index(fields=["sev", "t"]),
        ]

    proven = True


class LiveEvent(EventColumns):
    """An alarm that came ahead of the log; shown at once as unproven, and gone when the log has it."""

    class Meta:
        """Once each."""

        constraints = [models.UniqueConstraint(fields=["box", "log", "seq"], name="each_live_event_once")]

    proven = False


class CallKind(models.TextChoices):
    """Why a box calls for the safety officer (PTW-24)."""

    ENTRY = "entry", _("unauthorised entry")
    GAS = "gas", _("gas over its limit while ignition was released")


class Call(EventColumns):
    """A box calls for the safety officer, and rings on every page of theirs until one of them answers.

    The columns are those of the event that began it; `count` and `last_ms` tell of the same happening again before
    somebody answered. `answered_ms` is 0 while it rings.
    """

    kind = models.CharField(max_length=16, choices=CallKind.choices)
    count = models.PositiveIntegerField(default=1)
    last_ms = models.PositiveBigIntegerField()
    answered_ms = models.PositiveBigIntegerField(default=0)
    answered_by = models.CharField(max_length=64, blank=True)
    answered_name = models.CharField(max_length=80, blank=True)

    class Meta:
        """One call rings for each box and kind; newest first."""

        constraints = [
            models.UniqueConstraint(
                fields=["box", "kind"], condition=models.Q(answered_ms=0), name="one_call_rings_for_each_kind"
            )
        ]
        ordering = ["-pk"]
        permissions = [("answer_call", "May answer a box's call")]


class Checkpoint(models.Model):
    """A box's signed checkpoint that the bridge agreed with; `frontier` lets older roots be computed again."""

    log = models.ForeignKey(Log, on_delete=models.PROTECT, related_name="checkpoints")
    size = models.PositiveBigIntegerField()
    root = models.CharField(max_length=64)
    note = models.TextField()
    frontier = models.BinaryField()
    cosigned = models.TextField(default="", blank=True)
    received_ms = models.PositiveBigIntegerField()

    class Meta:
        """One agreed root for a size."""

        constraints = [models.UniqueConstraint(fields=["log", "size"], name="one_root_for_a_size")]

    def __str__(self) -> str:
        return f"{self.log} at {self.size}"


class BoxState(models.Model):
    """The last up/state of a box: what it believes. `received_ms` is by the bridge's clock."""

    box = models.OneToOneField(Box, on_delete=models.CASCADE, primary_key=True, related_name="last_state")
    online = models.BooleanField(default=False)
    t = models.BigIntegerField(default=0)
    state = models.CharField(max_length=40, default="unknown")
    since = models.BigIntegerField(default=0)
    permit = models.CharField(max_length=64, blank=True)
    first_out = models.CharField(max_length=200, blank=True)
    reasons = models.JSONField(default=list)
    baseline = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(default=0)
    acked = models.BigIntegerField(default=0)
    deadline = models.BigIntegerField(default=0)
    fire_watch_until = models.BigIntegerField(default=0)
    received_ms = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.box_id}: {self.state}"


class AlertKind(models.TextChoices):
    """Findings about a log that a person must look into."""

    FORK = "fork", _("two different records under one number")
    CHAIN = "chain", _("a record does not continue the chain")
    ROOT = "root", _("a signed checkpoint contradicts the stored log")
    EPOCH = "epoch", _("a new log epoch, not witnessed until two people authorise it")


class Alert(models.Model):
    """A finding that stays until a person has dealt with it; `evidence` keeps the contradicting bytes."""

    box = models.ForeignKey(Box, on_delete=models.PROTECT, related_name="alerts")
    kind = models.CharField(max_length=16, choices=AlertKind.choices)
    seq = models.BigIntegerField(default=-1)
    detail = models.CharField(max_length=500)
    evidence = models.BinaryField(default=b"")
    first_ms = models.PositiveBigIntegerField()
    last_ms = models.PositiveBigIntegerField()
    count = models.PositiveIntegerField(default=1)
    open = models.BooleanField(default=True)

    class Meta:
        """The same finding again only counts."""

        constraints = [models.UniqueConstraint(fields=["box", "kind", "seq"], name="each_finding_once")]
        ordering = ["-last_ms"]

    def __str__(self) -> str:
        return f"{self.box_id}: {self.kind} {self.seq}"


class Rejection(models.Model):
    """Messages that were refused, counted by reason. `box` is null for senders that are not registered."""

    box = models.ForeignKey(Box, on_delete=models.CASCADE, null=True, related_name="rejections")
    leaf = models.CharField(max_length=16)
    field = models.CharField(max_length=80)
    detail = models.CharField(max_length=500)
    count = models.PositiveIntegerField(default=1)
    last_ms = models.PositiveBigIntegerField()

    class Meta:
        """One row a reason."""

        constraints = [models.UniqueConstraint(fields=["box", "leaf", "field"], name="one_row_a_reason")]
        ordering = ["-last_ms"]

    def __str__(self) -> str:
        return f"{self.box_id}: {self.leaf} {self.field} x {self.count}"


class Notice(models.Model):
    """Something that open pages should show now. Written in the transaction of the change it announces."""

    class Kind(models.TextChoices):
        """What changed; `ref` is its primary key."""

        EVENT = "event"
        LIVE = "live"
        BOX = "box"
        PERMIT = "permit"
        CALL = "call"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    box = models.CharField(max_length=64, blank=True)
    ref = models.CharField(max_length=64)
    at_ms = models.PositiveBigIntegerField(default=now_ms)

    def __str__(self) -> str:
        return f"{self.kind} {self.ref}"

    @staticmethod
    def tell(kind: "Notice.Kind", ref: object, box: str = "") -> None:
        """Announce a change to open pages."""
        Notice.objects.create(kind=kind, ref=str(ref), box=box)


class Command(models.Model):
    """A request to a box: who asked, the signed form, and what the box answered."""

    id = models.CharField(max_length=64, primary_key=True)
    box = models.ForeignKey(Box, on_delete=models.PROTECT, related_name="commands")
    verb = models.CharField(max_length=16)
    permit = models.CharField(max_length=64, blank=True)
    from_seq = models.PositiveBigIntegerField(default=0)
    reason = models.CharField(max_length=200, blank=True)
    by = models.CharField(max_length=64)
    by_name = models.CharField(max_length=80)
    at_s = models.PositiveBigIntegerField()
    exp_s = models.PositiveBigIntegerField()
    jws = models.TextField(blank=True)
    sent_ms = models.PositiveBigIntegerField(default=0)
    answered_ms = models.PositiveBigIntegerField(default=0)
    ok = models.BooleanField(null=True)
    answer = models.CharField(max_length=300, blank=True)

    class Meta:
        """Newest first."""

        ordering = ["-at_s"]

    def __str__(self) -> str:
        return f"{self.box_id}: {self.verb}"


class RevocationList(models.Model):
    """The newest signed revocation list of a box; its renewal is the box's lease."""

    box = models.OneToOneField(Box, on_delete=models.CASCADE, primary_key=True, related_name="revocations")
    rev = models.PositiveBigIntegerField(default=0)
    revoked = models.JSONField(default=list)
    as_of = models.PositiveBigIntegerField(default=0)
    wanted = models.BooleanField(default=True)
    jws = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.box_id}: {self.rev}"
