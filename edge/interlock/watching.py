"""What every step looks at besides the conditions: edges, clock, latches, the contact, and what is worth a note."""

from typing import Any

from contracts.event import ActionResult, Category, Severity
from contracts.permit import PermitClaims
from edge.gas.reading import Quality
from edge.interlock.conditions.air import GAS_ALARMS, NO_OXYGEN, over_limit, votes_to_trip
from edge.interlock.conditions.box import offset_ms
from edge.interlock.conditions.faces import is_verified, liveness
from edge.interlock.conditions.gas_test import gas_test
from edge.interlock.conditions.people import intruder, nearly_known, unknown_badges
from edge.interlock.conditions.permit import late_s
from edge.interlock.conditions.tags import untapped
from edge.interlock.record import reason_data
from edge.interlock.rules import Limit
from edge.interlock.state import MAX_OVER, Levels, Mode, Reason, milli, usable
from edge.interlock.ticket import take_back
from edge.interlock.turn import Turn, replace

REFUSED_AGAIN_US = 10_000_000
RECORDED = 8
"""Channels in one ``gas.record``: with their clauses more might not fit a leaf."""


def edges(turn: Turn) -> None:
    """Find rising edges; the first reading after a start is never one."""
    read = turn.snapshot.inputs
    if read is None or turn.now - read.at_us > turn.rules.inputs_ttl_ms.value * 1000:
        if turn.v.levels is not None:
            turn.v = replace(turn.v, levels=None)
        return
    levels, last = Levels(read.arm, read.finish, read.reset), turn.v.levels
    if levels == last:
        return
    turn.v = replace(turn.v, levels=levels)
    if last is not None:
        pairs = (
            ("arm", last.arm, levels.arm),
            ("finish", last.finish, levels.finish),
            ("reset", last.reset, levels.reset),
        )
        turn.pressed = tuple(name for name, was, now in pairs if now and not was)


def follow_clock(turn: Turn) -> None:
    """A forward step while idle is followed and noted; a backward one is a latch that waits for a person.

    The latch stays when the clock is set forward again, through restarts and through a reboot, after which the newest
    known time shows that the clock was set back while nobody looked.
    """
    clock, limit_ms = turn.snapshot.clock, turn.rules.clock_step_ms.value
    offset = offset_ms(clock)
    known = offset if turn.d.clock_offset_ms is None else turn.d.clock_offset_ms
    step_ms = offset - known
    # Scheduling lies between the two readings. Backward none is followed: many small steps would turn back time
    # unseen (slewing does not show, CLOCK_BOOTTIME is slewed alike).
    if turn.d.mode not in (Mode.ARMED, Mode.RELEASED) or step_ms <= turn.rules.clock_slew_ms.value:
        followed = max(known, offset)
        if followed != turn.d.clock_offset_ms:
            turn.d = replace(turn.d, clock_offset_ms=followed)
    # Told once: the same jump is read a millisecond more or less each time.
    if abs(step_ms) > limit_ms and abs(offset - turn.v.stepped_ms) > limit_ms:
        turn.v = replace(turn.v, stepped_ms=offset)
        turn.note("clock.jump", Category.CLOCK, Severity.WARNING, ms=step_ms)
    back_ms = -step_ms
    if turn.rules.accepts_clock(clock.quality):
        back_ms = max(back_ms, clock.floor - clock.t)
    if back_ms > limit_ms and not turn.d.clock_back_ms:
        turn.d = replace(turn.d, clock_back_ms=back_ms)


def remember_trust(turn: Turn) -> None:
    """Whether the wall clock could tell, while this boot lasted, when things happened: asked after a reboot."""
    if turn.d.clock_trusted != turn.verdicts["clock"].ok:
        turn.d = replace(turn.d, clock_trusted=turn.verdicts["clock"].ok)


def latch_over_range(turn: Turn) -> None:
    """Over-range latches: a catalytic bead falls back below range when gas exceeds 100 %LEL."""
    over_range = Quality.OVER_RANGE
    fresh = tuple(
        name
        for name, reading in turn.snapshot.readings.items()
        if reading.quality is over_range and name not in turn.d.over_range
    )
    if fresh:
        turn.d = replace(turn.d, over_range=(*turn.d.over_range, *fresh))


def remember_gas(turn: Turn) -> None:
    """Gas over its limit, whether or not it opened anything, makes the gas test before it worthless."""
    over = over_limit(turn.f, turn.verdicts["gas"])
    if over != turn.v.gas_over:
        turn.v = replace(turn.v, gas_over=over)
        turn.d = replace(turn.d, gas_alarm_us=turn.now)
        # Only the gas test looks at this; everything was evaluated a moment ago, and the trip must not wait.
        turn.f = replace(turn.f, durable=turn.d, volatile=turn.v)
        turn.verdicts["gas_test"] = gas_test(turn.f)


def report_gas(turn: Turn) -> None:
    """One event when a channel begins to alarm or to fail, one when it is well again."""
    alarms: list[str] = []
    faults: list[str] = []
    for channel, reason in votes_to_trip(turn.f).items():
        # Without oxygen every bead is doubted: the oxygen's own event says so once.
        if reason.code in ("gas_never", "gas_warm_up", NO_OXYGEN):
            continue
        alarm = reason.code in GAS_ALARMS
        (alarms if alarm else faults).append(channel)
        known = turn.v.alarms if alarm else turn.v.faults
        if channel not in known:
            kind, sev = ("gas.alarm", Severity.ALARM) if alarm else ("gas.fault", Severity.WARNING)
            turn.note(kind, Category.GAS, sev, **reason_data(reason))
    for channel_name in (*turn.v.alarms, *turn.v.faults):
        if channel_name not in alarms and channel_name not in faults:
            turn.note("gas.normal", Category.GAS, chan=channel_name)
    if tuple(alarms) != turn.v.alarms or tuple(faults) != turn.v.faults:
        turn.v = replace(turn.v, alarms=tuple(alarms), faults=tuple(faults))


def report_people(turn: Turn) -> None:
    """Who was verified, and who was not: once each, a stranger again after a while."""
    f = turn.f
    named = f.permit.people if f.permit else ()
    verified = tuple(person.id for person in named if is_verified(f, person))
    for person in verified:
        if person not in turn.v.verified:
            face = turn.snapshot.faces[person]
            more: dict[str, Any] = {"live_milli": face.live_milli} if face.live_milli >= 0 else {}
            more |= {"template": face.template} if face.template else {}
            turn.note(
                "identity.verified", Category.IDENTITY, actor=("person", person), chan=person, engine=face.engine,
                distance_milli=face.distance_milli, liveness=liveness(f, person)[1], **more,
            )  # fmt: skip
    if verified != turn.v.verified:
        turn.v = replace(turn.v, verified=verified)
    _report_refused(turn)


def _report_refused(turn: Turn) -> None:
    """A refused face, at once: a stranger's, or one that is near somebody's who was not recognised just now."""
    f = turn.f
    if f.permit is None:
        return
    seen, code, limit = intruder(f), "stranger", f.rules.stranger_distance_milli
    if seen is None:
        seen, code, limit = nearly_known(f), "face_far", f.rules.face_distance_milli
    if seen is None or seen.at_us <= turn.v.refused_us:
        return
    # A face that was nearly known must not hide the stranger who comes after it.
    worse = code == "stranger" != turn.v.refused_code
    if worse or seen.at_us > turn.v.refused_us + REFUSED_AGAIN_US:
        turn.v = replace(turn.v, refused_us=seen.at_us, refused_code=code)
        turn.note(
            "identity.refused", Category.IDENTITY, Severity.WARNING, ActionResult.DENIED, code=code, chan="",
            nearest=seen.nearest, distance_milli=seen.distance_milli, limit_milli=limit.value,
        )  # fmt: skip


def report_entries(turn: Turn) -> None:
    """Somebody who has no business here while ignition is armed or released: an alarm of its own, once each."""
    badges = tuple(Reason("badge_unknown", str(badge), clause="PTW-24") for badge in unknown_badges(turn.f))
    reasons = (*turn.verdicts["door"].reasons, *badges, *turn.verdicts["stranger"].reasons)
    found = {reason.subject or reason.code: reason for reason in reasons}
    names = tuple(found)
    if turn.before in (Mode.ARMED, Mode.RELEASED):
        for name, reason in found.items():
            if name not in turn.v.entries:
                released = turn.before is Mode.RELEASED
                turn.note(
                    "entry.unauthorised", Category.IDENTITY, Severity.ALARM, **reason_data(reason), released=released
                )
    else:
        names = ()
    if names != turn.v.entries:
        turn.v = replace(turn.v, entries=names)


def check_in(turn: Turn) -> None:
    """Performer and guardian verified at the place every day, at the latest 30 min after the planned start (PTW-27).

    After that the permit is void for good on its first day. On a later day it is suspended: somebody entitled resets
    on site, then the crew may check in late.
    """
    permit = turn.f.permit
    if permit is None or not usable(turn.d, permit, turn.f.wall_s):
        return
    number, window_s = permit.jti, turn.rules.check_in_s.value
    day, late = late_s(turn.f, permit)
    if turn.d.checked_in.get(number) == day:
        return
    excused = turn.d.missed == (number, day)
    if late > window_s and not excused and turn.verdicts["clock"].ok:
        _miss(turn, permit, day)
        return
    # Nobody checks in for tomorrow's permit by standing here today.
    in_time = abs(late) <= window_s or (excused and not turn.d.latched)
    complete = all(turn.verdicts[name].ok for name in ("guardian", "performer", "place", "faces"))
    if in_time and complete and not untapped(turn.f, permit):
        turn.d = replace(turn.d, checked_in={**turn.d.checked_in, number: day})
        turn.note("identity.checked_in", Category.IDENTITY, day=day, snapshot=True)
        turn.judge()


def _miss(turn: Turn, permit: PermitClaims, day: int) -> None:
    """The crew did not check in in time on a day of the permit."""
    reason = turn.verdicts["check_in"].reasons[0]
    if permit.jti in turn.d.checked_in:
        turn.d = replace(turn.d, missed=(permit.jti, day))
        take_back(turn, permit.jti)
        turn.asked.append(reason)
        kind = "permit.suspended"
    else:
        turn.d = replace(turn.d, void=(*turn.d.void, permit.jti)[-MAX_OVER:])
        kind = "permit.void"
    turn.note(kind, Category.PERMIT, Severity.WARNING, snapshot=True, **reason_data(reason))
    turn.judge()


def record_gas(turn: Turn) -> None:
    """While released every channel's value is noted, at once and at the pack's interval (GB 30871-2022 6.5)."""
    if turn.d.mode is not Mode.RELEASED:
        if turn.v.recorded_us:
            turn.v = replace(turn.v, recorded_us=0)
        return
    rule = turn.rules.gas_record_s
    if turn.v.recorded_us and turn.now - turn.v.recorded_us < rule.value * 1_000_000:
        return
    turn.v = replace(turn.v, recorded_us=turn.now)
    rows = []
    for channel in turn.site.channels:
        reading = turn.snapshot.readings.get(channel.name)
        quality = reading.quality if reading is not None else Quality.NEVER
        rows.append({
            "chan": channel.name, "gas": channel.gas, "unit": channel.limit.unit.value, "q": quality.value,
            "value_milli": milli(reading.value) if reading is not None else None, **_limit(channel.limit),
        })  # fmt: skip
    for at in range(0, len(rows), RECORDED):
        turn.note("gas.record", Category.GAS, seconds=rule.value, clause=rule.clause, values=rows[at : at + RECORDED])


def _limit(limit: Limit) -> dict[str, Any]:
    """What counts as clean air there, and why: whoever reads the log has no other page to look it up."""
    bounds = {"limit_low_milli": limit.low, "limit_high_milli": limit.high}
    known = {name: milli(bound) for name, bound in bounds.items() if bound is not None}
    return {**known, "limit_clause": limit.clause}


def end_watch(turn: Turn) -> None:
    """The fire watch has run its time."""
    watch = turn.d.fire_watch
    if watch is not None and turn.now >= watch.until_us:
        turn.d = replace(turn.d, fire_watch=None)
        turn.note("fire_watch.ended", permit=watch.permit, resumed=False)
