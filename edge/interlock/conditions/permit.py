"""The permit, its times, and what it asks for before work."""

from edge.interlock.conditions.facts import PASS, Facts, Verdict, fail
from edge.interlock.state import Mode, Reason


def error_s(f: Facts) -> int:
    """How far the wall clock may be off, rounded up."""
    return -(-f.snapshot.clock.error_ms // 1000)


def permit(f: Facts) -> Verdict:
    """A verified permit for this box, in its window, not finished, void, revoked or suspended."""
    claims = f.permit
    if claims is None:
        return fail("permit_none")
    number = claims.jti
    if number in f.durable.revoked:
        return fail("permit_revoked", number)
    if number in f.durable.void:
        return fail("permit_void", number)
    if number in f.durable.finished:
        return fail("permit_finished", number)
    off_s = error_s(f)
    if f.wall_s - off_s < claims.nbf:
        return Verdict((Reason("permit_not_yet", number, f.wall_s * 1000, claims.nbf * 1000, "unix_s"),))
    if f.wall_s + off_s >= claims.exp:
        return Verdict((Reason("permit_expired", number, f.wall_s * 1000, claims.exp * 1000, "unix_s"),))
    return PASS


def deadline(f: Facts) -> Verdict:
    """The end that was fixed at arming on CLOCK_BOOTTIME, whatever the wall clock says later."""
    if f.durable.mode is not Mode.RELEASED or f.now_us < f.durable.deadline_us:
        return PASS
    over_ms = (f.now_us - f.durable.deadline_us) // 1000
    return Verdict((Reason("deadline", f.durable.active, over_ms, 0, "s"),))


def lease(f: Facts) -> Verdict:
    """Newest signed bridge time plus the permit's lease; re-arming never extends it."""
    if f.permit is None:
        return PASS
    as_of = max(f.durable.as_of, f.permit.as_of)
    silent_s = f.wall_s + error_s(f) - as_of
    if silent_s < f.permit.lease_s:
        return PASS
    return Verdict((Reason("lease", f.permit.jti, silent_s * 1000, f.permit.lease_s * 1000, "s"),))


def check_in(f: Facts) -> Verdict:
    """Performer and guardian checked in, at the latest 30 min after the planned start."""
    if f.permit is None or f.durable.checked_in == f.permit.jti:
        return PASS
    late_s = f.wall_s - f.permit.nbf
    rule = f.rules.check_in_s
    if late_s > rule.value:
        return fail("check_in_late", f.permit.jti, late_s * 1000, rule, "s")
    return fail("check_in_none", f.permit.jti, max(0, late_s) * 1000, rule, "s")


def preconditions(f: Facts) -> Verdict:
    """Every precondition of the permit (equipment cooled, isolations proven) was confirmed here by a named person."""
    if f.permit is None:
        return PASS
    number = f.permit.jti
    return Verdict(
        tuple(
            Reason("precondition", wanted.text, None, None, "", "PTW-11")
            for wanted in f.permit.preconditions
            if f"{number}/{wanted.id}" not in f.durable.preconditions
        )
    )
