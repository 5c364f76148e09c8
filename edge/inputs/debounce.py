"""Bouncing contacts: arm and reset count only after they stood still; what opens ignition counts at once. Pure.

A contact that closes jumps open and shut for some milliseconds. Waiting for it to stand still may delay a release.
It never delays an opening: stop, E-stop, finish, door, flame, mains, battery and enclosure pass as they were read.

A stop that flickers is a stop: a loose wire must not let a release slip in between two of its jumps. So stop and
E-stop count as let go only after they were read so for a while without a break.
"""

import msgspec

from edge.gas.reading import InputReading

replace = msgspec.structs.replace


class Button(msgspec.Struct, frozen=True, gc=False):
    """One button: as it was read last, CLOCK_BOOTTIME of the first reading that found it so, and what counts."""

    closed: bool
    since_us: int
    counts: bool


class Buttons(msgspec.Struct, frozen=True, gc=False):
    """The buttons that are waited for, and when they were last read."""

    at_us: int
    arm: Button
    reset: Button
    stop: Button
    estop: Button


def follow(button: Button, closed: bool, at_us: int, still_us: int) -> Button:
    """Take one reading. It counts as soon as readings `still_us` apart, and all between them, agree."""
    if closed is not button.closed:
        button = Button(closed, at_us, button.counts)
    if button.counts is not closed and at_us - button.since_us >= still_us:
        return Button(closed, button.since_us, closed)
    return button


def let_go(button: Button, closed: bool, at_us: int, clear_us: int) -> Button:
    """Take one reading of a stop contact. Open counts at once, closed after `clear_us` of nothing but closed."""
    return follow(button, closed, at_us, clear_us) if closed else Button(closed=False, since_us=at_us, counts=False)


def settle(
    last: Buttons | None, read: InputReading, still_us: int, clear_us: int, gap_us: int
) -> tuple[Buttons, InputReading]:
    """What to remember, and the reading with the arm, reset, stop and E-stop levels that count.

    The first reading, and the first after a silence longer than `gap_us`, counts as it is: it is never an edge.
    A reading that is stamped before the last one (an edge that waited in a queue) counts from the last one's time.
    """
    if last is None or read.at_us - last.at_us > gap_us:
        levels = (read.arm, read.reset, read.stop, read.estop)
        return Buttons(read.at_us, *(Button(level, read.at_us, level) for level in levels)), read
    at_us = max(read.at_us, last.at_us)
    arm = follow(last.arm, read.arm, at_us, still_us)
    reset = follow(last.reset, read.reset, at_us, still_us)
    stop = let_go(last.stop, read.stop, at_us, clear_us)
    estop = let_go(last.estop, read.estop, at_us, clear_us)
    counts = (arm.counts, reset.counts, stop.counts, estop.counts)
    if counts != (read.arm, read.reset, read.stop, read.estop):
        read = replace(read, **dict(zip(("arm", "reset", "stop", "estop"), counts, strict=True)))
    return Buttons(at_us, arm, reset, stop, estop), read
