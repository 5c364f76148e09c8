"""The log about itself: epochs, what the bridge witnessed, what was deleted, lost or refused."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET

from contracts.event import Category, Severity
from contracts.events.fields import Clause, Data, Maybe, Part, digest, doc
from contracts.events.kind import EventType


class EpochStarted(Data, frozen=True):
    """The log before this one is lost or does not verify; this one may not arm until the bridge has witnessed it."""

    reason: Annotated[str, doc("what was wrong with the log before")]
    file: Annotated[str, doc("where what is left of it lies, beside this log; empty: nothing is left")]
    origin: Annotated[str, doc("the name under which it was signed; empty: not known")]
    size: Annotated[int, doc("leaves that its last known checkpoint covered")]
    root: Annotated[
        str,
        msgspec.Meta(pattern=r"\A([0-9a-f]{64})?\Z", description="root of that checkpoint, in hex; empty: not known"),
    ]
    contradicted: Maybe[Annotated[bool, doc("the bridge had witnessed another history than that file's")]] = UNSET


class EpochAuthorised(Data, frozen=True):
    """The bridge witnessed a log that follows a lost one, which two people allowed there: the box may arm again."""

    size: Annotated[int, doc("leaves that it witnessed")]
    witness: Annotated[str, doc("who, by the name in its key")]
    at_s: Annotated[int, doc("when, seconds since 1970 by its clock")]


class Contradicted(Data, frozen=True):
    """What the bridge witnessed is not what this log holds: the box arms no more."""

    witnessed: Annotated[int, doc("leaves that it witnessed")]
    root: Annotated[str, digest("root that it witnessed, in hex")]


class OutboxOld(Data, frozen=True):
    """The oldest event that the bridge has not witnessed is older than a limit; beyond the second limit an alarm."""

    age_s: Annotated[int, doc("how old it is")]
    limit_s: Annotated[int, doc("the limit")]
    clause: Clause


class OutboxWell(Data, frozen=True):
    """The bridge witnesses the log again."""

    age_s: Annotated[int, doc("how old the oldest event is that it has not witnessed")]


class Pruned(Data, frozen=True):
    """Old events were deleted here, as the bridge has them; their hashes stay."""

    first: Annotated[int, doc("the first that was deleted")] = msgspec.field(name="from")
    end: Annotated[int, doc("the first that was kept")] = msgspec.field(name="to")
    root: Annotated[str, digest("root over all that is gone, in hex")]
    size: Annotated[int, doc("leaves that the bridge had witnessed by then")]


class Taken(Data, frozen=True):
    """An alarm as the trip ring kept it."""

    type: Annotated[str, doc("its type")]
    t: Annotated[int, doc("wall clock of its capture, ms since 1970")]
    m: Annotated[int, doc("its CLOCK_BOOTTIME in microseconds")]
    permit: Annotated[str, doc("the permit's id; empty: none")]
    data: Annotated[dict[str, str | int | bool | None], doc("as many of its plain details as the ring holds")]


class Recovered(Data, frozen=True):
    """At a start: an alarm that the disk did not take when it came. The trip ring beside the log had it."""

    no: Annotated[int, doc("its number in the ring")]
    was: Annotated[Taken, doc("the alarm")]


class Overflow(Data, frozen=True):
    """The disk did not keep up, and events were dropped before this one. While that lasts nothing is released."""

    lost: Annotated[int, doc("how many")]


class DraftRefused(Data, frozen=True):
    """Something could not be written as it stood, and is lost. It ends any release."""

    type: Annotated[str, doc("its type")]
    error: Annotated[str, doc("what was wrong with it")]


class Written(Part, frozen=True):
    """A part that decisions refer to: written before the first one that does, and again after a day."""


class EvidenceRefused(Data, frozen=True):
    """A process of the box handed in evidence that was not believed. A flood of the like is one event now and then."""

    source: Annotated[str, doc("the process")]
    kind: Annotated[str, doc("what it handed in")]
    why: Annotated[str, doc("what was wrong with it")]


class KeyRotated(Data, frozen=True):
    """The key that signs this log was changed: the last record that the old one answers for."""

    old_vkey: Annotated[str, doc("the key until here, as a line of a key file")]
    new_vkey: Annotated[str, doc("the key from here on")]
    endorsed: Annotated[str, doc("the old key's signature over the change, in base64")]
    accepted: Annotated[str, doc("the new key's")]


class EvidenceErased(Data, frozen=True):
    """Somebody erased kept evidence and its salt. The log stays whole; what it holds of it tells nothing now."""

    kind: Annotated[Literal["photo", "video"], doc("what it was")]
    commitment: Annotated[str, digest("the commitment by which the log speaks of it")]
    why: Annotated[str, doc("why, in that person's words")]


_CAT = Category.AUDIT
_INFO, _WARNING, _ALARM = (Severity.INFO,), (Severity.WARNING,), (Severity.ALARM,)

TYPES = (
    EventType("audit.epoch_started", _CAT, _ALARM, (EpochStarted,), "新日志纪元", "new log epoch"),
    EventType(
        "audit.epoch_authorised", _CAT, _WARNING, (EpochAuthorised,), "新日志纪元已获批准", "new log epoch authorised"
    ),
    EventType("audit.rollback_detected", _CAT, _ALARM, (Contradicted,), "日志被回退", "log rolled back"),
    EventType(
        "audit.fork_detected", _CAT, _ALARM, (Contradicted,), "日志与平台见证不符", "the log contradicts the witness"
    ),
    EventType(
        "audit.outbox_old", _CAT, (Severity.WARNING, Severity.ALARM), (OutboxOld,), "记录久未获平台见证",
        "the bridge has not witnessed the log for long",
    ),
    EventType(
        "audit.outbox_well", _CAT, _INFO, (OutboxWell,), "平台已恢复见证", "the bridge witnesses the log again"
    ),
    EventType(
        "audit.pruned", _CAT, _INFO, (Pruned,), "旧记录已清理（平台已见证）",
        "old records deleted that the bridge has witnessed",
    ),
    EventType(
        "audit.ring_recovered", _CAT, _ALARM, (Recovered,), "从应急环恢复的记录", "taken over from the trip ring"
    ),
    EventType("audit.overflow", _CAT, _ALARM, (Overflow,), "日志溢出", "log overflow"),
    EventType("audit.draft_refused", _CAT, _ALARM, (DraftRefused,), "记录被拒", "record refused"),
    EventType("key.rotated", _CAT, _WARNING, (KeyRotated,), "日志密钥已更换", "the log's key was changed"),
    EventType("evidence.erased", _CAT, _WARNING, (EvidenceErased,), "证据已删除", "evidence erased"),
    EventType("record.part", _CAT, _INFO, (Written,), "记录附件", "part of a record"),
    EventType("evidence.refused", _CAT, _WARNING, (EvidenceRefused,), "证据被拒", "evidence refused"),
)  # fmt: skip
