"""The permit and its times: window, lease, age of its approval, daily check-in and ticket check."""

from contracts.permit import PermitClaims
from edge.interlock.conditions import level
from edge.interlock.conditions.facts import PASS, Facts, Verdict, fail
from edge.interlock.conditions.tags import untapped
from edge.interlock.state import Mode, Reason

DAY_S = 86_400


def error_s(f: Facts) -> int:
    """How far the wall clock may be off, rounded up."""
    return -(-f.snapshot.clock.error_ms // 1000)


def permit(f: Facts) -> Verdict:
    """A verified permit for this box, in its window, not finished, void, revoked or suspended."""
    claims = f.permit
    if claims is None:
        return fail("permit_none")
    number = claims.jti
    if f.durable.lost_s is not None:
        return fail("revocations_unknown")
    if number in f.durable.revoked:
        return fail("permit_revoked", number)
    if number in f.durable.void:
        return fail("permit_void", number)
    if number in f.durable.finished:
        return fail("permit_finished", number)
    off_us = f.snapshot.clock.error_ms * 1000
    if f.wall_us - off_us < claims.nbf * 1_000_000:
        return Verdict((Reason("permit_not_yet", number, f.wall_s * 1000, claims.nbf * 1000, "unix_s"),))
    # As sharp as the deadline that was fixed at arming: rounded up, a clock off by 1 ms would end the work 1 s early.
    if f.wall_us + off_us >= claims.exp * 1_000_000:
        return Verdict((Reason("permit_expired", number, f.wall_s * 1000, claims.exp * 1000, "unix_s"),))
    return PASS


def deadline(f: Facts) -> Verdict:
    """The end that was fixed at arming on CLOCK_BOOTTIME, whatever the wall clock says later: window or level."""
    if f.durable.mode is not Mode.RELEASED or f.now_us < f.durable.deadline_us:
        return PASS
    over_ms = (f.now_us - f.durable.deadline_us) // 1000
    by = f.durable.deadline_by
    return Verdict((Reason(by, f.durable.active, over_ms, 0, "s", level.clause(f.rules, by)),))


def lease(f: Facts) -> Verdict:
    """Newest signed bridge time plus the permit's lease; re-arming never extends it."""
    if f.permit is None:
        return PASS
    as_of = max(f.durable.as_of, f.permit.as_of)
    silent_s = f.wall_s + error_s(f) - as_of
    if silent_s < f.permit.lease_s:
        return PASS
    return Verdict((Reason("lease", f.permit.jti, silent_s * 1000, f.permit.lease_s * 1000, "s"),))


def day_of(claims: PermitClaims, wall_s: int, early_s: int) -> int:
    """Which of the permit's days it is, the first being 0: each begins at the planned start's time of day.

    From `early_s` before that time on the new day counts, as people may check in then; the end begins no new day.
    """
    last = (claims.exp - claims.nbf - 1) // DAY_S
    return max(0, min((wall_s - claims.nbf + early_s) // DAY_S, last))


def late_s(f: Facts, claims: PermitClaims) -> tuple[int, int]:
    """The permit's day, and the seconds since its planned start (negative before it)."""
    day = day_of(claims, f.wall_s, f.rules.check_in_s.value)
    return day, f.wall_s - claims.nbf - day * DAY_S


def check_in(f: Facts) -> Verdict:
    """Performer and guardian checked in today, at the latest 30 min after the planned start (PTW-27)."""
    if f.permit is None:
        return PASS
    number = f.permit.jti
    day, late = late_s(f, f.permit)
    if f.durable.checked_in.get(number) == day:
        return PASS
    rule = f.rules.check_in_s
    if late > rule.value and f.durable.missed != (number, day):
        code = "check_in_missed" if number in f.durable.checked_in else "check_in_late"
        return fail(code, number, late * 1000, rule, "s")
    card = untapped(f, f.permit)
    code, subject = ("check_in_tap", card) if card else ("check_in_none", number)
    return fail(code, subject, max(0, late) * 1000, rule, "s")


def ticket_check(f: Facts) -> Verdict:
    """A shift leader checked this permit's ticket today, where the pack asks for it (PTW-16, GB 30871-2022 A.1)."""
    rule = f.rules.ticket_check
    if f.permit is None or not rule.value:
        return PASS
    number = f.permit.jti
    check = f.durable.ticket_checks.get(number)
    if check is None:
        return Verdict((Reason("ticket_check_none", number, clause=rule.clause),))
    day, _ = late_s(f, f.permit)
    return PASS if check.day == day else Verdict((Reason("ticket_check_day", number, clause=rule.clause),))


def approval(f: Facts) -> Verdict:
    """From the last approval to the first ignition not too long, or re-confirmed here and tested anew (PTW-08).

    47 minutes between approval and ignition is the accident that this box was made for. The guardian's word and the
    gas test must both be from after the approval became too old; the word ages like an approval.
    """
    claims = f.permit
    if claims is None or claims.jti in f.durable.ignited:
        return PASS
    rule = f.rules.approval_age_s
    age_s = f.wall_s + error_s(f) - max(given.at for given in claims.approvals)
    if age_s <= rule.value:
        return Verdict((), max(age_s, 0) * 1_000_000)
    old_us = f.now_us - (age_s - rule.value) * 1_000_000
    again, test = f.durable.reconfirmed, f.durable.gas_test
    if again is None or again.permit != claims.jti or again.at_us < old_us:
        return fail("approval_old", claims.jti, age_s * 1000, rule, "s")
    again_us = f.now_us - again.at_us
    if not 0 <= again_us <= rule.value * 1_000_000:
        return fail("approval_old", claims.jti, again_us // 1000, rule, "s")
    if test is None or test.at_us < old_us:
        return fail("approval_gas_test", claims.jti, age_s * 1000, rule, "s")
    return Verdict((), again_us)
