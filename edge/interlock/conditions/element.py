"""The final element: dead-man controller and contact."""

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
    return Verdict((), age_us)


def _settled(f: Facts) -> bool:
    """The closing command had its settle time, or was confirmed before."""
    return f.durable.confirmed or f.now_us - f.durable.released_us > f.rules.settle_ms.value * 1000


def contact_open(f: Facts) -> Verdict:
    """Before a release the feedback contact shows open."""
    status = f.snapshot.deadman
    if status is None or not status.contact_closed:
        return PASS
    return Verdict((Reason("feedback_closed", "", None, None, "", f.rules.settle_ms.clause),))


def proof_test(f: Facts) -> Verdict:
    """No proof test of the final element is running."""
    return PASS if f.volatile.proof_run is None else fail("proof_running")


def contact_closed(f: Facts) -> Verdict:
    """While released the feedback contact follows within the settle time and stays."""
    status = f.snapshot.deadman
    if f.durable.mode is not Mode.RELEASED or status is None or status.contact_closed or not _settled(f):
        return PASS
    return fail("feedback_lost" if f.durable.confirmed else "feedback_not_closed", "", None, f.rules.settle_ms, "ms")
