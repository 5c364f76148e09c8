"""The interlock: trips, faults, resets, releases, the relay's contacts and their proof test, the fire watch."""

from typing import Annotated, Literal

from msgspec import UNSET

from contracts.event import ActionResult, Category, Severity
from contracts.events.fields import (
    Clause,
    Data,
    Decision,
    Maybe,
    More,
    People,
    Reasoned,
    Reasons,
    Record,
    Refused,
    digest,
    doc,
)
from contracts.events.kind import EventType

Quiet = Literal["LOCKED", "PERMISSIVE_OK", "TRIPPED"]


class Tripped(Reasoned, frozen=True, kw_only=True):
    """The relay is opened, or stays open, and latches: its own fields are the first-out, what came first."""

    others: Annotated[list[Reasoned], doc("what failed in the same evaluation")]
    more: Maybe[More] = UNSET
    released: Annotated[bool, doc("the relay was closed before")]
    snapshot: Record


class FaultLatched(Reasoned, frozen=True, kw_only=True):
    """The final element cannot be trusted, or what was remembered is lost: repair, proof test, two people."""

    snapshot: Maybe[Record] = UNSET


class ArmRefused(Refused, frozen=True):
    """Somebody pressed arm, and conditions of a release do not hold."""


class ResetRefused(Refused, frozen=True):
    """Somebody turned the reset, and a cause is still there, or nobody entitled is."""


class Abandoned(Refused, frozen=True):
    """An attempt ended without a release: a condition failed, arm was pressed again, the disk took too long."""


class Reset(Data, frozen=True):
    """Somebody entitled reset the latch on site. It releases nothing."""

    first_out: Annotated[str, doc("code of what had tripped; empty: nothing had")]
    snapshot: Record


class FaultCleared(Data, frozen=True):
    """After repair and proof test two entitled people turned a fault into a trip, which waits for its reset."""

    by: People
    snapshot: Record


class ResetWindow(Data, frozen=True):
    """`hotbox reset` opened the window in which the reset at the box counts."""

    by: Annotated[list[str], doc("for a fault: ids of the two people; else empty")]


class Changed(Data, frozen=True):
    """The state changed without another event that says so."""

    was: Annotated[Quiet, doc("before")]
    now: Annotated[Quiet, doc("after")]


class Authorised(Data, frozen=True):
    """Arm was pressed and every condition holds. The relay closes only once this is on the disk."""

    rules: Annotated[str, digest("SHA-256 of the rules that decided")]
    snapshot: Record


class Commanded(Decision, frozen=True):
    """The attempt is on the disk and every condition still holds: the relay is told to close."""


class Closed(Data, frozen=True):
    """The feedback contact followed the closing."""

    ms: Annotated[int, doc("from the command to the contact")]
    cycles: Annotated[int, doc("closings in the controller's life")]
    snapshot: Record


class Opened(Data, frozen=True):
    """The feedback contact followed the opening."""

    ms: Annotated[int, doc("from the command to the contact")]
    cause: Annotated[str, doc("why, as the controller says")]


class LifeNearlyUsed(Reasoned, frozen=True):
    """A contact has closed nearly as often as it is rated for."""


class ProofRefused(Data, frozen=True):
    """A proof test was asked for and not begun."""

    by: Annotated[list[str], doc("ids of the people who asked")]
    reasons: Reasons
    more: Maybe[Annotated[int, doc("how many more there were; absent: none")]] = UNSET


class ProofStarted(Data, frozen=True):
    """Two people began a proof test of the relay."""

    by: People
    isolated: Annotated[bool, doc("the load was isolated")]
    pulse: Annotated[bool, doc("the contact will be closed for a moment; else it is a drill")]


class ProofPulse(Data, frozen=True):
    """In a proof test the contact closes now, for a moment."""

    by: People
    limit_ms: Annotated[int, doc("for so long at most")]


class Step(Data, frozen=True):
    """A step of a proof test."""

    name: Annotated[str, doc("which")]
    ok: Annotated[bool, doc("it passed")]
    ms: Annotated[int, doc("what it took; of a drill: the controller's own time")]
    seen: Annotated[str, doc("what was wrong; empty: nothing")]


class ProofTest(Data, frozen=True):
    """A proof test ended; a failure is an alarm."""

    by: People
    boots: Annotated[int, doc("starts of the controller before it")]
    cycles: Annotated[int, doc("closings in its life before it")]
    pulse: Annotated[bool, doc("the contact was to be closed for a moment")]
    ms: Annotated[int, doc("what the whole took")]
    steps: Annotated[list[Step], doc("each step, the last is the one that failed if one did")]


class WatchStarted(Data, frozen=True):
    """The relay has opened after a release: somebody must watch for fire."""

    seconds: Annotated[int, doc("for how long")]
    clause: Clause


class WatchEnded(Data, frozen=True):
    """The watch has run its time, or the work went on."""

    resumed: Annotated[bool, doc("the relay was released again before the end")]


class Finished(Decision, frozen=True):
    """Somebody pressed finish: the permit is over."""


class Seen(Data, frozen=True, kw_only=True):
    """When one of the permit's people was last seen."""

    id: Annotated[str, doc("who")]
    face_ms: Maybe[Annotated[int, doc("how long ago the face was verified; absent: never")]] = UNSET
    badge_ms: Maybe[Annotated[int, doc("how long ago the badge was heard; absent: never")]] = UNSET
    held: Maybe[
        Annotated[bool, doc("true: of the crew, and the badge was never away since the face was verified; else absent")]
    ] = UNSET


class Minute(Data, frozen=True):
    """While released, each minute; and once after a start, as soon as the contact was seen."""

    mode: Annotated[Literal["LOCKED", "PERMISSIVE_OK", "ARMED", "RELEASED", "TRIPPED", "FAULT"], doc("the state")]
    contact: Annotated[Literal["open", "closed", "unknown"], doc("the contact, by a fresh status of its controller")]
    people: Annotated[list[Seen], doc("the permit's people")]


_INFO, _WARNING, _ALARM = (Severity.INFO,), (Severity.WARNING,), (Severity.ALARM,)
_DENIED = (ActionResult.DENIED,)
_CAT = Category.INTERLOCK

TYPES = (
    EventType("interlock.tripped", _CAT, _ALARM, (Tripped,), "切断", "tripped"),
    EventType("interlock.fault", _CAT, _ALARM, (FaultLatched,), "故障锁存", "fault latched"),
    EventType("interlock.arm_refused", _CAT, _WARNING, (ArmRefused,), "点火申请被拒", "arm refused", _DENIED),
    EventType("interlock.reset_refused", _CAT, _WARNING, (ResetRefused,), "复位被拒", "reset refused", _DENIED),
    EventType("interlock.reset", _CAT, _INFO, (Reset,), "现场复位", "reset on site"),
    EventType("interlock.fault_cleared", _CAT, _WARNING, (FaultCleared,), "故障解除", "fault cleared"),
    EventType("interlock.reset_window", _CAT, _INFO, (ResetWindow,), "复位窗口已打开", "reset window open"),
    EventType("interlock.state", _CAT, _INFO, (Changed,), "状态变化", "state changed"),
    EventType("interlock.minute", _CAT, _INFO, (Minute,), "每分钟人员与触点记录", "people and contact of a minute"),
    EventType("release.authorised", _CAT, _INFO, (Authorised,), "放行已授权", "release authorised"),
    EventType("release.commanded", _CAT, _INFO, (Commanded,), "已命令吸合", "closing commanded"),
    EventType("release.abandoned", _CAT, _WARNING, (Abandoned,), "放行中止", "release abandoned", _DENIED),
    EventType("relay.closed", _CAT, _INFO, (Closed,), "触点吸合", "contact closed"),
    EventType("relay.opened", _CAT, _INFO, (Opened,), "触点断开", "contact open"),
    EventType(
        "relay.contact_life", _CAT, _WARNING, (LifeNearlyUsed,), "触点寿命预警",
        "the contact's rated life is nearly used up",
    ),
    EventType("relay.proof_refused", _CAT, _WARNING, (ProofRefused,), "验证试验被拒", "proof test refused", _DENIED),
    EventType("relay.proof_started", _CAT, _INFO, (ProofStarted,), "验证试验开始", "proof test begun"),
    EventType(
        "relay.proof_pulse", _CAT, _INFO, (ProofPulse,), "验证试验：触点短时吸合",
        "proof test: the contact closes for a moment",
    ),
    EventType(
        "relay.proof_test", _CAT, (Severity.INFO, Severity.ALARM), (ProofTest,), "继电器验证试验",
        "proof test of the relay", (ActionResult.OK, ActionResult.FAILED),
    ),
    EventType("fire_watch.started", _CAT, _INFO, (WatchStarted,), "开始看火", "fire watch started"),
    EventType("fire_watch.ended", _CAT, _INFO, (WatchEnded,), "看火结束", "fire watch ended"),
    EventType("work.finished", _CAT, _INFO, (Finished,), "完工", "work finished"),
)  # fmt: skip
