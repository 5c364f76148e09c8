"""The box itself: clock, log, latches, loop."""

from edge.interlock.conditions.facts import PASS, Facts, Verdict, fail
from edge.interlock.rules import Number
from edge.interlock.snapshot import Clock
from edge.interlock.state import Mode, Reason, usable


def clock(f: Facts) -> Verdict:
    """The clock may judge a window: quality, above the known floor, not behind signed time, no jump."""
    seen = f.snapshot.clock
    if not trusted_source(f):
        return Verdict((Reason("clock_quality", seen.quality, None, None, "", f.rules.clock_quality.clause),))
    if seen.t < seen.floor:
        return Verdict((Reason("clock_floor", "", seen.t, seen.floor, "s"),))
    behind = f.rules.clock_behind_s
    if f.durable.as_of * 1000 - seen.t > behind.value * 1000:
        return Verdict((Reason("clock_floor", "", seen.t, f.durable.as_of * 1000, "s", behind.clause),))
    limit = f.rules.clock_step_ms
    if f.durable.clock_offset_ms is not None:
        step_ms = abs(offset_ms(seen) - f.durable.clock_offset_ms)
        if step_ms > limit.value:
            return fail("clock_step", "", step_ms * 1000, limit, "ms")
    if f.durable.clock_back_ms:
        return fail("clock_back", "", f.durable.clock_back_ms * 1000, limit, "ms")
    return PASS


def offset_ms(clock: Clock) -> int:
    """Wall clock minus CLOCK_BOOTTIME: constant, unless somebody sets the wall clock."""
    return clock.t - clock.at_us // 1000


def trusted_source(f: Facts) -> bool:
    """The clock has a source that the pack accepts, or agreed with the bridge's signed time in this boot."""
    if f.rules.accepts_clock(f.snapshot.clock.quality):
        return True
    signed, near_ms = f.durable.signed_offset_ms, f.rules.clock_behind_s.value * 1000
    if signed is None or not f.rules.accepts_clock("signed"):
        return False
    return abs(offset_ms(f.snapshot.clock) - signed) <= near_ms


def _audit(f: Facts, limit: Number) -> Verdict:
    health = f.snapshot.audit
    if health.rollback:
        return fail("audit_rollback")
    if not health.writable:
        return fail("audit_unwritable", rule=limit, unit="ms")
    if health.age_ms > limit.value:
        return fail("audit_late", "", health.age_ms * 1000, limit, "ms")
    return Verdict((), health.age_ms * 1000)


def audit(f: Facts) -> Verdict:
    """Events reach the disk within a second, there is room for what a release brings, and the log is no stranger.

    What only a new release needs ends none that runs: there, only the disk and a log that went back count.
    """
    found = _audit(f, f.rules.audit_release_ms)
    if found.reasons:
        return found
    if f.snapshot.audit.epoch_pending:
        return fail("audit_epoch")
    return fail("audit_full") if f.snapshot.audit.full else found


def audit_running(f: Facts) -> Verdict:
    """While released, events reach the disk within five seconds."""
    return _audit(f, f.rules.audit_run_ms)


def latch(f: Facts) -> Verdict:
    """No trip or fault waits for its reset, nor does a suspension of the permit that decides now."""
    cause = f.durable.first_out.code if f.durable.first_out else ""
    if f.durable.mode is Mode.FAULT:
        return fail("fault_latched", cause)
    if f.durable.latched:
        return fail("latched", cause)
    if f.permit is not None and f.permit.jti in f.durable.suspended:
        return Verdict((Reason("permit_on_hold", f.permit.jti, clause="PTW-17"),))
    return PASS


def fire_watch(f: Facts) -> Verdict:
    """No fire watch of another permit, nor of a finished one, is running."""
    watch = f.durable.fire_watch
    if watch is None or (
        f.permit is not None and watch.permit == f.permit.jti and usable(f.durable, f.permit, f.wall_s)
    ):
        return PASS
    left_ms = (watch.until_us - f.now_us) // 1000
    rule = f.rules.fire_watch_s
    return Verdict((Reason("watched", watch.permit, max(left_ms, 0), 0, "s", rule.clause),))


def loop(f: Facts) -> Verdict:
    """The kernel itself was not held up longer than the dead-man time."""
    gap, limit = f.snapshot.loop_gap_ms, f.rules.dead_man_ms
    return fail("loop_gap", "", gap * 1000, limit, "ms") if gap > limit.value else PASS
