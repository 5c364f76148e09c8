"""A detector's head was exchanged: the new one has its own serial number and certificate, and saw no gas yet. Pure."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from contracts.errors import ContractError, printable, quote
from contracts.event import Category
from edge.interlock.conditions.facts import Facts
from edge.interlock.happenings import DetectorReplaced
from edge.interlock.proving import DAY_S, UNPROVEN, DetectorRecord
from edge.interlock.site import SiteChannel, end_of_day, last_whole_day
from edge.interlock.state import Mode
from edge.interlock.turn import Turn, replace

if TYPE_CHECKING:
    from edge.interlock.control import Request

_SERIAL_CHARACTERS = 64


def serial_of(f: Facts, channel: SiteChannel) -> str:
    """The head that is in: the one put in last, else the configuration's."""
    return f.durable.detectors.get(channel.name, UNPROVEN).serial or channel.serial


def check(request: "Request", f: Facts, here: Collection[str]) -> DetectorReplaced:
    """Judge a request; `here` are ids of people with the right to calibrate whose badge is here.

    Raises:
        ContractError: the box is armed or released, the person is not here, or it is not said which head came in.
    """
    if f.durable.mode in (Mode.ARMED, Mode.RELEASED):
        raise ContractError("state", "a box that is not armed or released", f.durable.mode.value,
                            "finish or stop the work first")  # fmt: skip
    channel = next((each for each in f.site.channels if each.name == request.channel), None)
    if channel is None:
        known = ", ".join(channel.name for channel in f.site.channels)
        raise ContractError("channel", f"one of {known}", quote(request.channel))
    if channel.name in f.volatile.exercises:
        raise ContractError("channel", "a channel that is not being tested", channel.name, "wait for that test's end")
    if request.by not in here:
        wanted = "someone of the roster with the right calibrate whose badge is here"
        raise ContractError("by", wanted, request.by or "nothing", f"here and entitled: {', '.join(here) or 'nobody'}")
    serial = request.serial
    if not serial or printable(serial, _SERIAL_CHARACTERS) != serial:
        wanted = f"the new head's serial number, at most {_SERIAL_CHARACTERS} printable characters"
        raise ContractError("serial", wanted, quote(serial) if serial else "nothing")
    if serial == serial_of(f, channel):
        raise ContractError("serial", "another head's serial number", serial, "it is the one that is in already")
    return DetectorReplaced(channel.name, serial, _due(request.due, f), request.by)


def _due(day: str, f: Facts) -> int:
    """The end of the new head's certificate, seconds since 1970."""
    try:
        end_s = end_of_day(day, f.site.utc_offset_min)
    except ValueError as error:
        hint = "copy it from the new head's certificate"
        raise ContractError("due", "a date like 2027-03-31", quote(day) if day else "nothing", hint) from error
    longest = f.wall_s + f.rules.calibration_age_d.value * DAY_S
    if not f.wall_s < end_s <= longest:
        latest = last_whole_day(longest, f.site.utc_offset_min)
        wanted = f"after today and not after {latest} ({f.rules.calibration_age_d.clause})"
        raise ContractError("due", wanted, day)
    return end_s


def exchange(turn: Turn, replaced: DetectorReplaced) -> None:
    """What was proven of the old head says nothing of the new one; its over-range latch waits for a reset as ever."""
    if turn.d.mode in (Mode.ARMED, Mode.RELEASED):
        return
    channel = next((each for each in turn.site.channels if each.name == replaced.channel), None)
    if channel is None:
        return
    was = serial_of(turn.f, channel)
    record = DetectorRecord(serial=replaced.serial, certified_s=replaced.due_s)
    turn.d = replace(turn.d, detectors={**turn.d.detectors, channel.name: record})
    turn.note(
        "detector.replaced", Category.GAS, actor=("person", replaced.by), chan=channel.name, serial=replaced.serial,
        was=was, due=replaced.due_s, clause=turn.rules.calibration_age_d.clause,
    )  # fmt: skip
