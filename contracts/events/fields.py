"""Fields that events share, each with what it says, and the forms of data that many events have.

A field's meaning stands in its annotation: docs/events.md shows it. What may be left out is a `Maybe`, never null;
null is a value of its own ("was not measured") and written as ``| None``.
"""

from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

T = TypeVar("T")
Maybe: TypeAlias = T | UnsetType
_SHA256 = r"\A[0-9a-f]{64}\Z"


def doc(text: str) -> Meta:
    """What a field says."""
    return Meta(description=text)


def digest(text: str) -> Meta:
    """What a field says that holds a SHA-256 in 64 lower-case hex digits."""
    return Meta(pattern=_SHA256, description=text)


_CODE = "the reason's code; the box and the bridge have its words and what to do"
Code = Annotated[str, Meta(pattern=r"\A[a-z0-9_]+\Z", description=_CODE)]
Channel = Annotated[str, doc("the gas channel, by its name in the box's configuration")]
Milli = Annotated[int, doc("the value, in thousandths of `unit`")]
LimitMilli = Annotated[int, doc("the limit that it was held against, in thousandths of `unit`")]
Clause = Annotated[str, doc("where the number comes from: a clause of a standard, or a requirement")]
Gas = Annotated[str, doc("the gas, such as `ch4`")]
GasUnit = Annotated[str, doc("unit of the value: `%LEL`, `vol%`, `ppm` or `mg/m3`")]
People = Annotated[list[str], doc("ids of the people who asked for it and were here")]
DayOfPermit = Annotated[int, doc("which of the permit's days it counts for, 0 is the first")]


class Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an event carries besides its frame."""


class Nothing(Data, frozen=True):
    """The frame says it all."""


class Reasoned(Data, frozen=True, kw_only=True):
    """One reason: what it is about, and where there are numbers, value against limit."""

    code: Code
    chan: Annotated[str, doc("what or whom it is about: a channel, person, permit, relay or group; empty: the box")]
    value_milli: Maybe[Milli] = UNSET
    limit_milli: Maybe[LimitMilli] = UNSET
    unit: Maybe[Annotated[str, doc("unit of value and limit; `unix_s` marks a moment, seconds since 1970")]] = UNSET
    clause: Maybe[Clause] = UNSET


class Row(Data, frozen=True, kw_only=True):
    """A row of a decision's record: the arguments of the kernel, from which the decision is made again."""

    k: Annotated[str, doc("what it is: `decision`, `durable`, `volatile`, `snapshot`, `happened`, `verdicts`")]
    n: Maybe[Annotated[str, doc("which one of its kind, such as a channel")]] = UNSET
    v: Annotated[Any, doc('the value; floats as text, `{"$part": SHA256}` stands for a part')]


Record = Annotated[list[Row], doc("everything that it was decided from; long ones go on in the leaves that follow")]
More = Annotated[int, doc("how many more there were; the decision's record has them all; absent: none")]
Reasons = Annotated[list[Reasoned], doc("why, the most dangerous first")]


class Decision(Data, frozen=True):
    """A decision without further data."""

    snapshot: Record


class Refused(Data, frozen=True):
    """A decision against something, with its reasons."""

    reasons: Reasons
    snapshot: Record
    more: Maybe[More] = UNSET


class Part(Data, frozen=True, kw_only=True):
    """Something large and seldom changed, in full: decisions refer to it by the hash of its text."""

    part_of: Annotated[str, doc("what kind of thing it is")]
    sha256: Annotated[str, digest("SHA-256 of its text, by which decisions refer to it")]
    snapshot: Annotated[list[str], doc("its text, JSON, in pieces; long ones go on in the leaves that follow")]
