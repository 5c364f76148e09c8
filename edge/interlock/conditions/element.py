"""The final element: dead-man controller, the relays in series with it, and their contacts."""

from edge.interlock.conditions.facts import PASS, Facts, Verdict, fail
from edge.interlock.state import Mode, Reason


def deadman(f: Facts) -> Verdict:
    """The dead-man controller answers, and its latch agrees with what is commanded (after the settle time)."""
    status = f.snapshot.deadman
    limit = f.rules.dead_man_ms
    if status is None:
        return fail("deadman_silent", "", None, limit, "ms")
    age_us = f.now_us - status.at_us
    if not 0 <= age_us <= limit.value * 1000:
        return fail("deadman_silent", "", age_us, limit, "ms")
    released = f.durable.mode is Mode.RELEASED
    if released and not status.latch_closed and _settled(f):
        return fail("deadman_open", status.cause)
    if not released and status.latch_closed:
        return fail("deadman_closed")
    return _series_answer(f) or Verdict((), age_us)


def _series_answer(f: Facts) -> Verdict | None:
    """A relay in series whose contact nobody has seen for longer than it may take to move; None when all are seen."""
    limit = f.rules.settle_ms
    for name in f.site.series:
        seen = f.snapshot.series.get(name)
        age_us = None if seen is None else f.now_us - seen.at_us
        if age_us is None or not 0 <= age_us <= limit.value * 1000:
            return fail("series_silent", name, age_us, limit, "ms")
    return None


def _settled(f: Facts) -> bool:
    """The closing command had its settle time, or was confirmed before."""
    return f.durable.confirmed or f.now_us - f.durable.released_us > f.rules.settle_ms.value * 1000


def contact_open(f: Facts) -> Verdict:
    """Before a release the feedback contact shows open."""
    closed = [name for name, is_closed in _contacts(f) if is_closed]
    clause = f.rules.settle_ms.clause
    return Verdict(tuple(Reason("feedback_closed", name, None, None, "", clause) for name in closed))


def _contacts(f: Facts) -> list[tuple[str, bool]]:
    """Every relay that has answered, the primary first with no name, and whether its feedback contact is closed."""
    found = [] if f.snapshot.deadman is None else [("", f.snapshot.deadman.contact_closed)]
    if f.site.series:
        seen = f.snapshot.series
        found += [(name, seen[name].contact_closed) for name in f.site.series if name in seen]
    return found


def proof_test(f: Facts) -> Verdict:
    """No proof test of the final element is running."""
    return PASS if f.volatile.proof_run is None else fail("proof_running")


def contact_closed(f: Facts) -> Verdict:
    """While released the feedback contact follows within the settle time and stays."""
    if f.durable.mode is not Mode.RELEASED or not _settled(f):
        return PASS
    limit, contacts = f.rules.settle_ms, _contacts(f)
    if all(is_closed for _, is_closed in contacts):
        return PASS
    if f.durable.confirmed:
        return fail("feedback_lost", next(name for name, is_closed in contacts if not is_closed), None, limit, "ms")
    # The primary one closes behind those in series: where one of them did not, or took most of the time,
    # it only waited.
    late = next(name for name, is_closed in reversed(contacts) if not is_closed or _held_up(f, name))
    return fail("feedback_not_closed", late, None, limit, "ms")


def _held_up(f: Facts, name: str) -> bool:
    """This contact closed, or closed again, when more than half of the time since the command was over."""
    trace, since_us = f.volatile.traces.get(name), f.durable.released_us
    return trace is not None and trace.closed and 2 * (trace.since_us - since_us) > f.now_us - since_us


def contact_life(f: Facts) -> Verdict:
    """No contact has made as many closings as its maker rates it for; what runs goes on."""
    for relay in f.site.relays:
        made = f.durable.cycles.get(relay.contact, 0)
        if relay.rated_cycles and made >= relay.rated_cycles:
            clause = f.rules.contact_life_percent.clause
            return Verdict((Reason("contact_worn", relay.name, made * 1000, relay.rated_cycles * 1000, "", clause),))
    return PASS
