"""Bouncing contacts: arm and reset count only after they stood still; what opens ignition counts at once. Pure.

A contact that closes jumps open and shut for some milliseconds. Waiting for it to stand still may delay a release.
It never delays an opening: stop, E-stop, finish, door, flame, mains, battery and enclosure pass as they were read.
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


def follow(button: Button, closed: bool, at_us: int, still_us: int) -> Button:
    """Take one reading. It counts as soon as readings `still_us` apart, and all between them, agree."""
    if closed is not button.closed:
        button = Button(closed, at_us, button.counts)
    if button.counts is not closed and at_us - button.since_us >= still_us:
        return Button(closed, button.since_us, closed)
    return button


def settle(last: Buttons | None, read: InputReading, still_us: int, gap_us: int) -> tuple[Buttons, InputReading]:
    """What to remember, and the reading with the arm and reset levels that count.

    The first reading, and the first after a silence longer than `gap_us`, counts as it is: it is never an edge.
    A reading that is stamped before the last one (an edge that waited in a queue) counts from the last one's time.
    """
    if last is None or read.at_us - last.at_us > gap_us:
        return Buttons(read.at_us, *(Button(level, read.at_us, level) for level in (read.arm, read.reset))), read
    at_us = max(read.at_us, last.at_us)
    arm = follow(last.arm, read.arm, at_us, still_us)
    reset = follow(last.reset, read.reset, at_us, still_us)
    if (arm.counts, reset.counts) != (read.arm, read.reset):
        read = replace(read, arm=arm.counts, reset=reset.counts)
    return Buttons(at_us, arm, reset), read
