"""What every step makes of the final element's contacts: obeyed, welded, chattering, and how often they have closed."""

from contracts.event import Severity
from edge.interlock.proof_test import pulsing
from edge.interlock.record import reason_data
from edge.interlock.state import Mode, Reason, Trace, milli
from edge.interlock.turn import Turn, replace
from edge.relay.contact import ContactVerdict, judge, lately


def watch_contacts(turn: Turn) -> None:
    """The primary's contact, then those in series; while a proof test holds them closed it judges them itself."""
    status = turn.snapshot.deadman
    if status is not None and turn.now - status.at_us <= turn.rules.dead_man_ms.value * 1000:
        verdict = _judge(turn, "", status.latch_closed, status.contact_closed, status.at_us)
        _note_obeyed(turn, verdict)
    for name in turn.site.series:
        seen = turn.snapshot.series.get(name)
        if seen is not None and turn.now - seen.at_us <= turn.rules.settle_ms.value * 1000:
            _judge(turn, name, seen.contact_closed, seen.contact_closed, seen.at_us)


def _judge(turn: Turn, name: str, latch: bool, contact: bool, at_us: int) -> ContactVerdict:
    """Judge one contact. Welded and chattering ones are faults, whatever the others did."""
    released, rules = turn.d.mode is Mode.RELEASED, turn.rules
    changes = len(_follow(turn, name, contact, at_us))
    verdict = judge(
        commanded_closed=released, latch_closed=latch, contact_closed=contact, since_us=_since_us(turn), at_us=at_us,
        settle_ms=rules.settle_ms.value, changes=changes, most_changes=rules.chatter_count.value,
    )  # fmt: skip
    if verdict is ContactVerdict.CHATTER:
        limit = rules.chatter_count
        turn.fault(Reason("chatter", name, milli(changes), limit.value * 1000, "", limit.clause))
    elif verdict is ContactVerdict.WELDED and not pulsing(turn):
        turn.fault(Reason("welded", name, None, None, "", rules.settle_ms.clause))
    return verdict


def _follow(turn: Turn, name: str, contact: bool, at_us: int) -> tuple[int, ...]:
    """When this contact changed within the last second without having been told to.

    One change that follows a command is the command's: quick work at the buttons is no chattering.
    """
    last = turn.v.traces.get(name)
    if last is None:
        last = Trace(contact, since_us=at_us)
    changes, obeyed_us = lately(last.changes, at_us), last.obeyed_us
    if contact is (turn.d.mode is Mode.RELEASED):
        obeyed_us = _since_us(turn)
    if contact is not last.closed and obeyed_us == last.obeyed_us:
        changes = (*changes, at_us)
    now = Trace(contact, changes, obeyed_us, last.since_us if contact is last.closed else at_us)
    if now != turn.v.traces.get(name):
        turn.v = replace(turn.v, traces={**turn.v.traces, name: now})
    return changes


def _since_us(turn: Turn) -> int:
    """When the relay was last told something else."""
    return turn.d.released_us if turn.d.mode is Mode.RELEASED else turn.v.commanded_us


def _note_obeyed(turn: Turn, verdict: ContactVerdict) -> None:
    """The first sight of the obeyed command is noted with its time."""
    status, released, since = turn.snapshot.deadman, turn.d.mode is Mode.RELEASED, _since_us(turn)
    assert status is not None  # noqa: S101 - it was judged
    if verdict is not ContactVerdict.OK:
        return
    if released and not turn.d.confirmed and status.at_us > since:
        turn.d = replace(turn.d, confirmed=True)
        turn.note("relay.closed", snapshot=True, ms=(status.at_us - since) // 1000, cycles=status.cycles)
    elif not released and turn.v.opening_since_us:
        ms = (status.at_us - turn.v.opening_since_us) // 1000
        turn.v = replace(turn.v, opening_since_us=0)
        turn.note("relay.opened", ms=ms, cause=status.cause)


def count_closing(turn: Turn) -> None:
    """Every contact is about to close once more; warn when the share of its rated life has been used."""
    made = {relay.contact: turn.d.cycles.get(relay.contact, 0) + 1 for relay in turn.site.relays}
    turn.d = replace(turn.d, cycles={**turn.d.cycles, **made})
    rule = turn.rules.contact_life_percent
    for relay in turn.site.relays:
        count, rated = made[relay.contact], relay.rated_cycles
        if rated and count * 100 >= rated * rule.value > (count - 1) * 100:
            reason = Reason("contact_worn", relay.name, count * 1000, rated * 1000, clause=rule.clause)
            turn.note("relay.contact_life", sev=Severity.WARNING, **reason_data(reason))
