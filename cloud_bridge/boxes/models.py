"""Boxes, their logs as received, and what the bridge concluded from them. Times ending in `_ms` are ms since 1970."""

import time
from typing import Any

import msgspec
from django.db import models
from django.utils.translation import gettext_lazy as _

from cloud_bridge.people.models import ID_PATTERN, User
from cloud_bridge.people.roles import CLOSE, TITLES, Role
from contracts.checkpoint import NoteKey
from contracts.errors import ContractError
from contracts.key_chain import KeyChain
from contracts.merkle import Frontier

LATE_MS = 120_000
"""A record that came so long after it happened was backfilled (ANT-07)."""


def now_ms() -> int:
    """Wall clock in ms since 1970."""
    return time.time_ns() // 1_000_000


class Box(models.Model):
    """A hot-work box. `id` is its name in topics, permits and origins."""

    id = models.CharField(_("box"), max_length=64, primary_key=True, validators=[ID_PATTERN])
    name = models.CharField(_("name"), max_length=80, blank=True)
    place = models.CharField(_("place"), max_length=80, blank=True)
    active = models.BooleanField(_("active"), default=True)
    leaves_per_min = models.PositiveIntegerField(_("records a minute at most"), default=120_000)
    bytes_per_day = models.PositiveBigIntegerField(_("bytes a day at most"), default=4 * 2**30)

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
        """The key that signed this log's first checkpoints; the registered one."""
        return NoteKey.parse(self.vkey)

    def chain(self) -> KeyChain:
        """All keys that sign this log, each for its span."""
        later = list(self.changes.order_by("first").values_list("vkey", "first"))
        keys = (self.key(), *(NoteKey.parse(vkey) for vkey, _first in later))
        return KeyChain(keys, (0, *(first for _vkey, first in later)))

    def tree(self) -> Frontier:
        """Frontier of the stored prefix."""
        return Frontier.unpack(self.size, bytes(self.frontier))

    @property
    def unwitnessed(self) -> int:
        """Stored leaves that no cosigned checkpoint covers yet."""
        return max(0, self.size - self.witnessed_size)


class LogKey(models.Model):
    """A later key of a log: it signs what has more than `first` leaves. Taken from a verified record of its change."""

    log = models.ForeignKey(Log, on_delete=models.PROTECT, related_name="changes")
    first = models.PositiveBigIntegerField()
    vkey = models.CharField(max_length=300)
    t = models.PositiveBigIntegerField()
    received_ms = models.PositiveBigIntegerField()

    class Meta:
        """One change at a place."""

        constraints = [models.UniqueConstraint(fields=["log", "first"], name="one_change_of_key_a_place")]
        ordering = ["first"]

    def __str__(self) -> str:
        return f"{self.log} from {self.first}"


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
    """A leaf of a box's log, proven to continue its chain. Never changed, never deleted.

    `late`: it came more than `LATE_MS` after it happened by the box's clock: it was backfilled (ANT-07).
    """

    late = models.BooleanField(default=False)

    class Meta:
        """Once each."""

        constraints = [models.UniqueConstraint(fields=["box", "log", "seq"], name="each_leaf_once")]
        indexes = [
            models.Index(fields=["box", "t"]),
            models.Index(fields=["permit"]),
            models.Index(fields=["sev", "t"]),
            models.Index(fields=["box", "log"], condition=models.Q(late=True), name="late_leaves"),
        ]

    proven = True


class PendingRecord(models.Model):
    """What somebody here has still to do about a record (`boxes.following`): it waits for the witness, or it failed.

    `unwitnessed`: no checkpoint that the bridge agreed with covers the record yet. `due_ms`: then it is tried again.
    """

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="pending")
    follower = models.CharField(max_length=120)
    unwitnessed = models.BooleanField(default=False)
    tries = models.PositiveIntegerField(default=0)
    due_ms = models.PositiveBigIntegerField(default=0)
    why = models.CharField(max_length=200, blank=True)

    class Meta:
        """Once each."""

        constraints = [models.UniqueConstraint(fields=["event", "follower"], name="each_record_once_a_follower")]
        indexes = [models.Index(fields=["unwitnessed", "due_ms"], name="pending_by_time")]

    def __str__(self) -> str:
        return f"{self.event_id} {self.follower}"


class LiveEvent(EventColumns):
    """An alarm that came ahead of the log; shown at once as unproven, and gone when the log has it."""

    class Meta:
        """Once each."""

        constraints = [models.UniqueConstraint(fields=["box", "log", "seq"], name="each_live_event_once")]

    proven = False

    @property
    def late(self) -> bool:
        """As `Event.late`."""
        return self.received_ms - self.t > LATE_MS


class CallKind(models.TextChoices):
    """Why a box calls for people (PTW-24, INS-01, INS-05)."""

    ENTRY = "entry", _("unauthorised entry")
    GAS = "gas", _("gas over its limit while ignition was released")
    HUMIDITY = "humidity", _("humidity warning")
    EQUIPMENT = "equipment", _("warning ticket: equipment")


class Call(EventColumns):
    """A box calls for everybody who has a role, and rings on every page of theirs until one of them answers.

    The columns are those of the event that began it; `count` and `last_ms` tell of the same happening again before
    somebody answered. `answered_ms` is 0 while it rings. What concerns two roles is a call for each: both answer.
    `subject` is what it is about where several of a box may ring side by side, and `told` are the names of those who
    had the role when it began: nobody is named where nobody could hear it.
    """

    kind = models.CharField(max_length=16, choices=CallKind.choices)
    role = models.CharField(
        max_length=20, choices=[(role.value, TITLES[role]) for role in Role], default=Role.SAFETY_OFFICER.value
    )
    subject = models.CharField(max_length=64, blank=True)
    told = models.JSONField(default=list)
    count = models.PositiveIntegerField(default=1)
    last_ms = models.PositiveBigIntegerField()
    answered_ms = models.PositiveBigIntegerField(default=0)
    answered_by = models.CharField(max_length=64, blank=True)
    answered_name = models.CharField(max_length=80, blank=True)

    class Meta:
        """One call rings for each box, kind, subject and role; newest first."""

        constraints = [
            models.UniqueConstraint(
                fields=["box", "kind", "subject", "role"],
                condition=models.Q(answered_ms=0),
                name="one_call_rings_for_each_role",
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
    GAP = "gap", _("records are missing")
    ROLLBACK = "rollback", _("the box has fewer records than were witnessed")
    KEY = "key", _("a change of the log key that the key before it did not endorse")


OPEN_AGAIN: dict[str, object] = {"closed_by": "", "closed_name": "", "closed_ms": 0, "why": ""}
"""What of a finding no longer holds once it is found again: who closed it, and why."""


class Alert(models.Model):
    """A finding that stays until a person has dealt with it; `evidence` keeps the contradicting bytes.

    `epoch` is of the log that it is about, 0 where none is. A gap closes itself once the log has `until` leaves, and an
    epoch once two people have authorised it; the others are closed by a person, with a reason.
    """

    box = models.ForeignKey(Box, on_delete=models.PROTECT, related_name="alerts")
    kind = models.CharField(max_length=16, choices=AlertKind.choices)
    seq = models.BigIntegerField(default=-1)
    detail = models.CharField(max_length=500)
    evidence = models.BinaryField(default=b"")
    first_ms = models.PositiveBigIntegerField()
    last_ms = models.PositiveBigIntegerField()
    count = models.PositiveIntegerField(default=1)
    open = models.BooleanField(default=True)
    epoch = models.PositiveIntegerField(default=0)
    until = models.BigIntegerField(default=-1)
    closed_by = models.CharField(max_length=150, default="", blank=True)
    closed_name = models.CharField(max_length=80, default="", blank=True)
    closed_ms = models.PositiveBigIntegerField(default=0)
    why = models.CharField(max_length=300, default="", blank=True)

    class Meta:
        """The same finding again only counts."""

        permissions = [("close_alert", "May close a finding about a log")]

        constraints = [models.UniqueConstraint(fields=["box", "kind", "epoch", "seq"], name="each_finding_once")]
        ordering = ["-last_ms"]

    def __str__(self) -> str:
        return f"{self.box_id}: {self.kind} {self.seq}"

    @property
    def closable(self) -> bool:
        """Whether a person's word closes it: that of an epoch takes two, who authorise it."""
        return self.open and self.kind != AlertKind.EPOCH

    def close(self, by: User, why: str) -> None:
        """A person has dealt with it, and says how; found again, it opens again.

        Raises:
            ContractError: no right, no reason, not open, or an epoch, which is authorised instead.
        """
        if not by.has_perm(CLOSE):
            raise ContractError("user", "a safety officer or an administrator", by.username, "ask one of them")
        if not why.strip():
            raise ContractError("why", "what was found and done", "nothing", "it stands on the page for whoever asks")
        if not self.closable:
            came = "a new epoch, which two people authorise" if self.open else "one that is closed"
            raise ContractError("alert", "an open finding", came, "see the log's page")
        self.open, self.closed_by, self.closed_name = False, by.identity, str(by)[:80]
        self.closed_ms, self.why = now_ms(), why.strip()[:300]
        self.save(update_fields=["open", "closed_by", "closed_name", "closed_ms", "why"])
        Notice.tell(Notice.Kind.BOX, self.box_id, self.box_id)


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
