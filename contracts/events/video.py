"""Recordings: which segments there are and what they hold, and how the recorder is. The pictures lie beside the log."""

from typing import Annotated, Literal

from contracts.event import Category, Severity
from contracts.events.fields import Code, Data, Reasoned, digest, doc
from contracts.events.kind import EventType


class Recorded(Data, frozen=True, kw_only=True):
    """A segment of the recording of a permit's work is on the box's disk, and is what was committed to.

    Its pictures may be erased, with their salt; what stands here then proves nothing about anybody, and the log is
    whole. Times of its pictures are CLOCK_BOOTTIME; with `offset_ms` they are the wall clock's (ANT-11).
    """

    commitment: Annotated[str, digest("commitment to the segment's file")]
    first_us: Annotated[int, doc("when its first picture was taken, CLOCK_BOOTTIME in µs")]
    last_us: Annotated[int, doc("when its last picture was taken")]
    offset_ms: Annotated[int, doc("the wall clock (ms since 1970) less CLOCK_BOOTTIME")]
    clock: Annotated[
        Literal["own", "told"],
        doc("who says so: the interlock, or the recorder of a segment from before this start of the machine"),
    ]
    frames: Annotated[int, doc("how many pictures it has")]
    bytes: Annotated[int, doc("how large its file is")]
    keep: Annotated[bool, doc("the permit's level asks for it: nothing overwrites it in that time")]
    keep_d: Annotated[int, doc("how many days it is kept; then it is deleted with its salt")]


class Warned(Reasoned, frozen=True, kw_only=True):
    """The recorder says nothing, cannot record, or will soon have no room. Once, until it is over.

    It trips only where the permit's level asks for a recording; the trip has an event of its own.
    """

    room_s: Annotated[int, doc("seconds of recording for which there is room")]


class Well(Data, frozen=True):
    """A warning of the recorder is over."""

    was: Annotated[Code, doc("the warning that is over")]
    room_s: Annotated[int, doc("seconds of recording for which there is room")]


_INFO = (Severity.INFO,)

TYPES = (
    EventType("video.segment", Category.AUDIT, _INFO, (Recorded,), "录像片段", "segment of a recording"),
    EventType(
        "video.warning", Category.SYSTEM, (Severity.WARNING, Severity.ALARM), (Warned,), "录像告警",
        "the recorder warns",
    ),
    EventType("video.well", Category.SYSTEM, _INFO, (Well,), "录像恢复正常", "the recorder is well again"),
)  # fmt: skip
