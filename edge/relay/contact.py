"""Does the contact do what it was told? Pure; the truth table is the test.

    commanded  latch   contact   within settle   after settle
    open       open    open      ok              ok
    open       closed  open      settling        welded
    open       any     closed    settling        welded
    closed     closed  closed    ok              ok
    closed     closed  open      settling        not_closed
    closed     open    any       settling        lost
    any        any     any       chatter         chatter        when it changed uncommanded too often in a second

`latch` is the controller's own decision, `contact` the auxiliary (feedback) contact of the relay that it drives.
A controller that does not let go when told to is treated like a welded contact: repair, never a reset. So is a contact
that chatters. A relay in series has no latch of its own to report: its contact stands for it.
"""

from enum import StrEnum


class ContactVerdict(StrEnum):
    """Judgement of the feedback contact."""

    OK = "ok"
    SETTLING = "settling"
    WELDED = "welded"
    NOT_CLOSED = "not_closed"
    LOST = "lost"
    CHATTER = "chatter"


CHATTER_US = 1_000_000
"""Changes are counted over this time."""


def lately(changes: tuple[int, ...], at_us: int) -> tuple[int, ...]:
    """Those of the moments that are less than a second old."""
    return tuple(change for change in changes if at_us - change < CHATTER_US)


def judge(
    *,
    commanded_closed: bool,
    latch_closed: bool,
    contact_closed: bool,
    since_us: int,
    at_us: int,
    settle_ms: int,
    changes: int,
    most_changes: int,
) -> ContactVerdict:
    """Judge one status.

    Args:
        commanded_closed: what the interlock last asked for.
        latch_closed: what the controller holds.
        contact_closed: what the feedback contact shows.
        since_us: when the command was given.
        at_us: when the status was received (same clock).
        settle_ms: time that controller, coil and contact may take.
        changes: how often the contact changed within the last second without a command.
        most_changes: how often it may.
    """
    if changes > most_changes:
        return ContactVerdict.CHATTER
    if commanded_closed and latch_closed and contact_closed:
        return ContactVerdict.OK
    if not commanded_closed and not latch_closed and not contact_closed:
        return ContactVerdict.OK
    if at_us - since_us <= settle_ms * 1000:
        return ContactVerdict.SETTLING
    if not commanded_closed:
        return ContactVerdict.WELDED
    return ContactVerdict.NOT_CLOSED if latch_closed else ContactVerdict.LOST
