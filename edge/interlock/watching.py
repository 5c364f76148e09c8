"""What every step looks at besides the conditions: edges, clock, latches, the contact, and what is worth a note."""

from contracts.event import ActionResult, Category, Severity
from edge.gas.reading import Quality
from edge.interlock.conditions.air import channel_reason, over_limit
from edge.interlock.conditions.gas_test import gas_test
from edge.interlock.record import reason_data
from edge.interlock.state import MAX_OVER, Levels, Mode, Reason, usable
from edge.interlock.turn import Turn, replace
from edge.relay.contact import ContactVerdict, judge

REFUSED_AGAIN_US = 10_000_000


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
    """A forward step while idle is followed and noted, a backward one waits for a person."""
    clock = turn.snapshot.clock
    offset_ms, known = clock.t - clock.at_us // 1000, turn.v.clock_offset_ms
    if known == offset_ms:
        return
    step_ms = 0 if known is None else offset_ms - known
    limit_ms = turn.rules.clock_step_ms.value
    idle = turn.d.mode not in (Mode.ARMED, Mode.RELEASED)
    # Scheduling lies between the two readings. Backward none is followed: many small steps would turn back time
    # unseen (slewing does not show, CLOCK_BOOTTIME is slewed alike).
    if known is None or 0 < step_ms <= turn.rules.clock_slew_ms.value or (idle and step_ms > 0):
        turn.v = replace(turn.v, clock_offset_ms=offset_ms)
    if abs(step_ms) > limit_ms and turn.v.stepped_ms != offset_ms:
        turn.v = replace(turn.v, stepped_ms=offset_ms)
        turn.note("clock.jump", Category.CLOCK, Severity.WARNING, ms=step_ms)


def latch_over_range(turn: Turn) -> None:
    """Over-range latches: a catalytic bead falls back below range when gas exceeds 100 %LEL."""
    fresh = tuple(
        name
        for name, reading in turn.snapshot.readings.items()
        if reading.quality is Quality.OVER_RANGE and name not in turn.d.over_range
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
    for channel in turn.site.channels:
        reason = channel_reason(turn.f, channel)
        if reason is None or reason.code in ("gas_never", "gas_warm_up"):
            continue
        alarm = reason.code in ("gas_high", "gas_low", "gas_over_range")
        (alarms if alarm else faults).append(channel.name)
        known = turn.v.alarms if alarm else turn.v.faults
        if channel.name not in known:
            kind, sev = ("gas.alarm", Severity.ALARM) if alarm else ("gas.fault", Severity.WARNING)
            turn.note(kind, Category.GAS, sev, **reason_data(reason))
    for channel_name in (*turn.v.alarms, *turn.v.faults):
        if channel_name not in alarms and channel_name not in faults:
            turn.note("gas.normal", Category.GAS, chan=channel_name)
    if tuple(alarms) != turn.v.alarms or tuple(faults) != turn.v.faults:
        turn.v = replace(turn.v, alarms=tuple(alarms), faults=tuple(faults))


def report_people(turn: Turn) -> None:
    """Who was verified, and who was not: once each, a stranger again after a while."""
    permit, ttl_us = turn.f.permit, turn.rules.face_ttl_s.value * 1_000_000
    named = permit.people if permit else ()
    verified = tuple(
        person.id
        for person in named
        if (face := turn.snapshot.faces.get(person.id))
        and face.distance_milli <= turn.rules.face_distance_milli.value
        and turn.now - face.at_us <= ttl_us
    )
    for person in verified:
        if person not in turn.v.verified:
            face = turn.snapshot.faces[person]
            turn.note(
                "identity.verified", Category.IDENTITY, actor=("person", person), chan=person, engine=face.engine,
                distance_milli=face.distance_milli, liveness=face.liveness,
            )  # fmt: skip
    if verified != turn.v.verified:
        turn.v = replace(turn.v, verified=verified)
    seen = turn.snapshot.strangers[-1] if turn.snapshot.strangers else None
    if seen and permit and seen.at_us > turn.v.refused_us + REFUSED_AGAIN_US and not turn.verdicts["stranger"].ok:
        turn.v = replace(turn.v, refused_us=seen.at_us)
        turn.note(
            "identity.refused", Category.IDENTITY, Severity.WARNING, ActionResult.DENIED, code="stranger", chan="",
            nearest=seen.nearest, distance_milli=seen.distance_milli,
            limit_milli=turn.rules.stranger_distance_milli.value,
        )  # fmt: skip


def watch_contact(turn: Turn) -> None:
    """Welded or never-opening contacts are faults; the first sight of the obeyed command is noted with its time."""
    status = turn.snapshot.deadman
    if status is None or turn.now - status.at_us > turn.rules.dead_man_ms.value * 1000:
        return
    released = turn.d.mode is Mode.RELEASED
    since = turn.d.released_us if released else turn.v.commanded_us
    verdict = judge(
        commanded_closed=released, latch_closed=status.latch_closed, contact_closed=status.contact_closed,
        since_us=since, at_us=status.at_us, settle_ms=turn.rules.settle_ms.value,
    )  # fmt: skip
    if verdict is ContactVerdict.WELDED:
        turn.fault(Reason("welded", "", None, None, "", turn.rules.settle_ms.clause))
    elif verdict is ContactVerdict.OK and released and not turn.d.confirmed and status.at_us > since:
        turn.d = replace(turn.d, confirmed=True)
        turn.note("relay.closed", snapshot=True, ms=(status.at_us - since) // 1000, cycles=status.cycles)
    elif verdict is ContactVerdict.OK and not released and turn.v.opening_since_us:
        ms = (status.at_us - turn.v.opening_since_us) // 1000
        turn.v = replace(turn.v, opening_since_us=0)
        turn.note("relay.opened", ms=ms, cause=status.cause)


def check_in(turn: Turn) -> None:
    """Performer and guardian verified at the place, at the latest 30 min after the planned start (PTW-27).

    After that the permit is void for good.
    """
    permit = turn.f.permit
    if permit is None or turn.d.checked_in == permit.jti or not usable(turn.d, permit, turn.f.wall_s):
        return
    late_s, window_s = turn.f.wall_s - permit.nbf, turn.rules.check_in_s.value
    if late_s > window_s and turn.verdicts["clock"].ok:
        turn.d = replace(turn.d, void=(*turn.d.void, permit.jti)[-MAX_OVER:])
        late = reason_data(turn.verdicts["check_in"].reasons[0])
        turn.note("permit.void", Category.PERMIT, Severity.WARNING, permit=permit.jti, snapshot=True, **late)
        turn.judge()
        return
    # Nobody checks in for tomorrow's permit by standing here today.
    in_time = abs(late_s) <= window_s
    if in_time and all(turn.verdicts[name].ok for name in ("guardian", "performer", "place", "faces")):
        turn.d = replace(turn.d, checked_in=permit.jti)
        turn.note("identity.checked_in", Category.IDENTITY, permit=permit.jti, snapshot=True)
        turn.judge()


def end_watch(turn: Turn) -> None:
    """The fire watch has run its time."""
    watch = turn.d.fire_watch
    if watch is not None and turn.now >= watch.until_us:
        turn.d = replace(turn.d, fire_watch=None)
        turn.note("fire_watch.ended", permit=watch.permit, resumed=False)
