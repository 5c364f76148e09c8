"""Permits: accepted, refused, checked, suspended, ended; what else the bridge sent and the box did not believe."""

from typing import Annotated

from msgspec import UNSET

from contracts.event import ActionResult, Category, Severity
from contracts.events.fields import (
    Clause,
    Code,
    Data,
    DayOfPermit,
    Maybe,
    Nothing,
    Part,
    Reasoned,
    Record,
    digest,
    doc,
)
from contracts.events.kind import EventType
from contracts.permit import Level, Role

Precondition = Annotated[str, doc("the precondition, by its id on the permit")]


class Person(Data, frozen=True):
    """A person on the permit."""

    id: Annotated[str, doc("the person's id")]
    role: Annotated[Role, doc("what the person does on it")]
    badge: Annotated[int, doc("number of the badge")]


class Approval(Data, frozen=True):
    """A signature on the permit."""

    by: Annotated[str, doc("who signed, by id")]
    office: Annotated[str, doc("in which office")]
    at: Annotated[int, doc("when, seconds since 1970")]


class Accepted(Part, frozen=True, kw_only=True):
    """The box believes a permit and keeps it. The whole of it is written beside what people look for."""

    level: Annotated[Level, doc("the level by which the work is managed")]
    base_level: Annotated[Level, doc("the level by place and work alone")]
    nbf: Annotated[int, doc("valid from, seconds since 1970")]
    exp: Annotated[int, doc("valid to, seconds since 1970")]
    content_sha256: Annotated[str, digest("SHA-256 of what was approved")]
    people: Annotated[list[Person], doc("performers and guardians")]
    approvals: Annotated[list[Approval], doc("signatures, oldest first")]


class NotBelieved(Data, frozen=True):
    """Something from the bridge was not accepted. A flood of the like is one event every few seconds."""

    code: Code
    field: Annotated[str, doc("the field that does not fit; empty: the whole")]
    expected: Annotated[str, doc("what would have fitted")]
    came: Annotated[str, doc("what came")]
    n: Maybe[Annotated[int, doc("how many like it were left out before this one")]] = UNSET


class Checked(Data, frozen=True):
    """The shift leader checked the ticket before ignition; it holds for this day of the permit."""

    person: Annotated[str, doc("who checked, by id")]
    day: DayOfPermit
    clause: Clause
    snapshot: Record


class Confirmed(Data, frozen=True):
    """A named person confirmed a precondition on site."""

    id: Precondition


class Measured(Data, frozen=True):
    """A named person measured what a precondition limits, with a photo of the instrument."""

    id: Precondition
    value_milli: Annotated[int, doc("what was measured, in thousandths of `unit`")]
    unit: Annotated[str, doc("its unit")]
    commitment: Annotated[str, digest("commitment to the photo")]


class Tapped(Data, frozen=True):
    """A precondition's tag was read at its point by somebody whose badge was there."""

    id: Precondition
    tag: Annotated[str, doc("the point")]


class Withdrawn(Data, frozen=True):
    """Somebody took a confirmation back; work under the permit ends at once."""

    id: Precondition


class Reconfirmed(Data, frozen=True):
    """The guardian, verified here, said that an approval which had become too old still stands."""

    clause: Clause


class EndedByBridge(Data, frozen=True):
    """The bridge commanded it."""

    reason: Annotated[str, doc("why, in the words of whoever commanded it")]


class SuspendedHere(Data, frozen=True):
    """Somebody at the box stopped the work."""

    relief: Annotated[bool, doc("so that another guardian can take over")]
    present: Annotated[bool, doc("the person's badge was here")]


class NotCheckedIn(Reasoned, frozen=True, kw_only=True):
    """The crew did not check in in time: on the first day that voids the permit, on a later one it suspends it."""

    snapshot: Record


_DENIED = (ActionResult.DENIED,)
_WARNING = (Severity.WARNING,)

TYPES = (
    EventType("permit.accepted", Category.PERMIT, (Severity.INFO,), (Accepted,), "作业票已接收", "permit accepted"),
    EventType(
        "permit.checked", Category.PERMIT, (Severity.INFO,), (Checked,), "班长已验票",
        "ticket checked by the shift leader",
    ),
    EventType(
        "permit.precondition", Category.PERMIT, (Severity.INFO,), (Confirmed, Measured, Tapped), "前置条件已确认",
        "precondition confirmed",
    ),
    EventType(
        "permit.withdrawn", Category.PERMIT, _WARNING, (Withdrawn,), "前置条件的确认已撤回",
        "confirmation of a precondition taken back",
    ),
    EventType(
        "permit.reconfirmed", Category.PERMIT, (Severity.INFO,), (Reconfirmed,), "监护人重新确认审批",
        "approval re-confirmed",
    ),
    EventType("permit.refused", Category.PERMIT, _WARNING, (NotBelieved,), "作业票被拒", "permit refused", _DENIED),
    EventType("permit.revoked", Category.PERMIT, _WARNING, (Nothing,), "作业票已撤销", "permit revoked"),
    EventType(
        "permit.suspended", Category.PERMIT, _WARNING, (EndedByBridge, SuspendedHere, NotCheckedIn), "作业被暂停",
        "permit suspended",
    ),
    EventType("permit.void", Category.PERMIT, _WARNING, (EndedByBridge, NotCheckedIn), "作业票作废", "permit void"),
    EventType(
        "revocations.refused", Category.PERMIT, _WARNING, (NotBelieved,), "撤销名单被拒", "revocation list refused",
        _DENIED,
    ),
    EventType("command.refused", Category.PERMIT, _WARNING, (NotBelieved,), "远程指令被拒", "command refused", _DENIED),
)  # fmt: skip
