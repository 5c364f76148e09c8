"""Bypasses of detectors that failed."""

from typing import Annotated

from contracts.event import Category, Severity
from contracts.events.fields import Channel, Clause, Data, People, Record, doc
from contracts.events.kind import EventType


class Started(Data, frozen=True):
    """Two people left a failed detector's vote out, for a while; its gas alarm still trips."""

    chan: Channel
    by: People
    reason: Annotated[str, doc("why, in their words")]
    measure: Annotated[str, doc("what makes up for it, in their words")]
    seconds: Annotated[int, doc("for how long")]
    clause: Clause
    snapshot: Record


class Ending(Data, frozen=True):
    """A bypass is over soon."""

    chan: Channel
    seconds: Annotated[int, doc("what is left")]


class Ended(Data, frozen=True):
    """The detector's vote counts again."""

    chan: Channel
    why: Annotated[str, doc("taken back by a person, run out, or the box was started anew")]


TYPES = (
    EventType("bypass.started", Category.BYPASS, (Severity.WARNING,), (Started,), "旁路开始", "bypass started"),
    EventType("bypass.ending", Category.BYPASS, (Severity.WARNING,), (Ending,), "旁路即将结束", "bypass ends soon"),
    EventType("bypass.ended", Category.BYPASS, (Severity.INFO, Severity.WARNING), (Ended,), "旁路结束", "bypass ended"),
)
