"""The conditions: one function each, all evaluated every time, none short-cuts.

    name               release  run  grace              source
    permit                x      x                      PTW-01, BOX-08
    deadline                     x                      PTW-05, GB 30871-2022 5.1.5
    lease                 x      x                      BOX-05
    gas                   x      x                      GB 30871-2022 5.3.2, BOX-01
    stop, estop, inputs   x      x
    guardian              x      x   guardian_grace_s   GB 30871-2022 4.10
    performer             x      x   performer_grace_s  BOX-03
    place                 x      x                      PTW-04, BOX-02
    faces                 x                             BOX-01, BOX-03
    faces_again                  x   face_grace_s       BOX-04
    stranger              x      x                      PTW-24
    camera                x      x   (run: by level)    GB 30871-2022 5.2.11
    gas_test              x                             GB 30871-2022 5.3.1
    check_in              x                             PTW-27
    calibration           x                             domain/workflows "Detector"
    preconditions         x                             PTW-11
    contact_open          x                             EN ISO 13849-1
    contact_closed               x
    deadman               x      x
    clock                 x      x                      BOX-02
    audit, audit_running  x      x                      ANT-10
    latch, fire_watch     x                             GB 30871-2022 5.2.14
    loop                  x      x

A condition reports, it does not act. Position has no grace when it is known to be outside; a receiver that fell
silent counts as unknown, which is "no".
"""

import math
from collections.abc import Callable

import msgspec

from contracts.permit import PermitClaims, Person, Role
from edge.gas.reading import Quality
from edge.interlock.rules import Number, Rules
from edge.interlock.site import Site, SiteChannel, SiteGroup
from edge.interlock.snapshot import Snapshot
from edge.interlock.state import Durable, Mode, Reason, Volatile, current_permit, milli, usable

_GAS_CODES = {
    Quality.STALE: "gas_stale",
    Quality.FAULT: "gas_fault",
    Quality.OVER_RANGE: "gas_over_range",
    Quality.UNDER_RANGE: "gas_under_range",
    Quality.WARM_UP: "gas_warm_up",
    Quality.FROZEN: "gas_frozen",
    Quality.BAD_FRAME: "gas_stale",
    Quality.NEVER: "gas_never",
}


GAS_ALARMS = ("gas_high", "gas_low", "gas_over_range")
"""Reasons that speak of gas, not of a detector."""


class Facts(msgspec.Struct, frozen=True):
    """Everything that conditions look at, at one moment; `permit` is the permit that decides now."""

    site: Site
    rules: Rules
    durable: Durable
    volatile: Volatile
    snapshot: Snapshot
    now_us: int
    wall_s: int
    permit: PermitClaims | None


class Verdict(msgspec.Struct, frozen=True):
    """One condition's answer: no reasons means it passes; age of its oldest evidence; grace once it fails in run."""

    reasons: tuple[Reason, ...] = ()
    age_us: int | None = None
    grace_us: int = 0

    @property
    def ok(self) -> bool:
        """It passes."""
        return not self.reasons


PASS = Verdict()


def facts(site: Site, rules: Rules, durable: Durable, volatile: Volatile, snapshot: Snapshot, now_us: int) -> Facts:
    """Put the facts together."""
    wall_s = snapshot.clock.wall_s(now_us)
    return Facts(site, rules, durable, volatile, snapshot, now_us, wall_s, current_permit(durable, wall_s))


def _fail(
    code: str, subject: str = "", value: int | None = None, rule: Number | None = None, unit: str = ""
) -> Verdict:
    limit = None if rule is None else rule.value * 1000
    return Verdict((Reason(code, subject, value, limit, unit, rule.clause if rule else ""),))


# --- permit and time ----------------------------------------------------------------------------------------------


def _error_s(f: Facts) -> int:
    """How far the wall clock may be off, rounded up."""
    return -(-f.snapshot.clock.error_ms // 1000)


def permit(f: Facts) -> Verdict:
    """A verified permit for this box, in its window, not finished, void, revoked or suspended."""
    claims = f.permit
    if claims is None:
        return _fail("permit_none")
    number = claims.jti
    if number in f.durable.revoked:
        return _fail("permit_revoked", number)
    if number in f.durable.void:
        return _fail("permit_void", number)
    if number in f.durable.finished:
        return _fail("permit_finished", number)
    error_s = _error_s(f)
    if f.wall_s - error_s < claims.nbf:
        return Verdict((Reason("permit_not_yet", number, f.wall_s * 1000, claims.nbf * 1000, "s"),))
    if f.wall_s + error_s >= claims.exp:
        return Verdict((Reason("permit_expired", number, f.wall_s * 1000, claims.exp * 1000, "s"),))
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
    silent_s = f.wall_s + _error_s(f) - as_of
    if silent_s < f.permit.lease_s:
        return PASS
    return Verdict((Reason("lease", f.permit.jti, silent_s * 1000, f.permit.lease_s * 1000, "s"),))


# --- air ----------------------------------------------------------------------------------------------------------


def channel_reason(f: Facts, channel: SiteChannel) -> Reason | None:
    """Why a channel votes to trip, or None. No smoothing; over-range latches until a reset on site."""
    limit, name = channel.limit, channel.name
    reading = f.snapshot.readings.get(name)
    if name in f.durable.over_range:
        return _vote("gas_over_range", channel, None, channel.range_high)
    if reading is None:
        return _vote("gas_never", channel)
    if reading.quality is not Quality.GOOD:
        return _vote(_GAS_CODES[reading.quality], channel, reading.value)
    value, age_us = reading.value, f.now_us - reading.at_us
    if not 0 <= age_us <= channel.stale_us or value is None or not math.isfinite(value):
        return Reason("gas_stale", name, age_us // 1000, channel.stale_us // 1000, "s", limit.clause)
    if limit.high is not None and not value <= limit.high:
        return _vote("gas_high", channel, value, limit.high)
    if limit.low is not None and not value >= limit.low:
        return _vote("gas_low", channel, value, limit.low)
    return None


def _vote(code: str, channel: SiteChannel, value: float | None = None, bound: float | None = None) -> Reason:
    limit = channel.limit
    return Reason(code, channel.name, milli(value), milli(bound), limit.unit.value, limit.clause)


def group_reasons(f: Facts, group: SiteGroup) -> tuple[Reason, ...]:
    """Votes to trip in one group; bad quality is a vote."""
    return tuple(reason for channel in group.channels if (reason := channel_reason(f, channel)) is not None)


def gas(f: Facts) -> Verdict:
    """Every gas group's vote is healthy: 1oo1, 1oo2, 2oo3, each degrading towards the trip."""
    reasons: list[Reason] = []
    oldest = f.now_us
    if not f.site.groups:
        return _fail("gas_never")
    for group in f.site.groups:
        votes = group_reasons(f, group)
        if len(votes) >= group.needed:
            reasons.extend(votes)
        for channel in group.channels:
            reading = f.snapshot.readings.get(channel.name)
            if reading is not None and reading.at_us < oldest:
                oldest = reading.at_us
    return Verdict(tuple(reasons), f.now_us - oldest)


def over_limit(f: Facts, air: Verdict) -> bool:
    """Whether a group's vote trips on gas itself, not on a detector that failed nor on a latch that waits."""
    if f.durable.over_range:
        air = gas(msgspec.structs.replace(f, durable=msgspec.structs.replace(f.durable, over_range=())))
    return any(reason.code in GAS_ALARMS for reason in air.reasons)


# --- buttons ------------------------------------------------------------------------------------------------------


def inputs(f: Facts) -> Verdict:
    """The button module answers."""
    read = f.snapshot.inputs
    limit = f.rules.inputs_ttl_ms
    if read is None:
        return _fail("inputs_stale", rule=limit, unit="ms")
    age_us = f.now_us - read.at_us
    if not 0 <= age_us <= limit.value * 1000:
        return _fail("inputs_stale", "", age_us, limit, "ms")
    return Verdict((), age_us)


def stop(f: Facts) -> Verdict:
    """The stop button (normally closed) is not pressed."""
    read = f.snapshot.inputs
    return _fail("stop_pressed") if read is not None and not read.stop else PASS


def estop(f: Facts) -> Verdict:
    """The emergency stop's auxiliary contact (normally closed) is closed."""
    read = f.snapshot.inputs
    return _fail("estop_open") if read is not None and not read.estop else PASS


# --- people and place ---------------------------------------------------------------------------------------------


def _who(f: Facts, role: Role) -> tuple[Person, ...]:
    """Who counts in a role: anyone the permit names; while released only those who were verified for this release.

    A relief is verified and armed anew (workflows, "Permit").
    """
    people = f.permit.people_in(role) if f.permit is not None else ()
    if f.durable.mode is not Mode.RELEASED:
        return people
    return tuple(person for person in people if person.id in f.durable.crew)


def _badge_age_us(f: Facts, person: Person) -> int | None:
    seen = f.snapshot.badges.get(person.badge)
    return None if seen is None else f.now_us - seen.at_us


def _badge_here(f: Facts, person: Person) -> bool:
    age_us = _badge_age_us(f, person)
    return age_us is not None and 0 <= age_us <= f.rules.badge_ttl_s.value * 1_000_000


def _badges(f: Facts, role: Role, grace: Number) -> Verdict:
    if f.permit is None:
        return PASS
    ttl_us = f.rules.badge_ttl_s.value * 1_000_000
    ages = []
    missing: list[Reason] = []
    for person in _who(f, role):
        age_us = _badge_age_us(f, person)
        if age_us is not None and 0 <= age_us <= ttl_us:
            ages.append(age_us)
        else:
            value = None if age_us is None else age_us // 1000
            missing.append(
                Reason(
                    "badge_absent",
                    person.name,
                    value,
                    ttl_us // 1000,
                    "s",
                    f"{grace.clause}; {f.rules.badge_ttl_s.clause}",
                )
            )
    # One present person of the role is enough: a permit may name several.
    if ages:
        return Verdict((), max(ages))
    if not missing:
        missing.append(Reason("badge_absent", role.value, None, None, "", grace.clause))
    return Verdict(tuple(missing), None, grace.value * 1_000_000)


def guardian(f: Facts) -> Verdict:
    """A guardian is on post."""
    return _badges(f, Role.GUARDIAN, f.rules.guardian_grace_s)


def performer(f: Facts) -> Verdict:
    """A performer is here."""
    return _badges(f, Role.PERFORMER, f.rules.performer_grace_s)


def place(f: Facts) -> Verdict:
    """Every proof of place in the site's quorum holds."""
    if "gnss" not in f.site.quorum:
        return PASS
    fix = f.snapshot.position
    ttl = f.rules.position_ttl_s
    if fix is None:
        return _fail("place_unknown", rule=ttl, unit="s")
    age_us = f.now_us - fix.at_us
    if not 0 <= age_us <= ttl.value * 1_000_000:
        return _fail("place_unknown", "", age_us // 1000, ttl, "s")
    if fix.satellites < f.rules.position_min_satellites.value or fix.fix_quality < 1:
        return _fail("place_poor", "satellites", fix.satellites * 1000, f.rules.position_min_satellites, "")
    if fix.hdop_centi > f.rules.position_max_hdop_centi.value:
        worst = f.rules.position_max_hdop_centi
        return Verdict((Reason("place_poor", "HDOP", fix.hdop_centi * 10, worst.value * 10, "", worst.clause),))
    if not fix.inside:
        return Verdict((Reason("place_outside", "", fix.edge_m * 1000, 0, "m", "BOX-02"),))
    return Verdict((), age_us)


def _face_reason(f: Facts, person: Person, ttl: Number) -> tuple[Reason | None, int | None]:
    seen = f.snapshot.faces.get(person.id)
    if seen is None:
        return Reason("face_missing", person.name, None, None, "", ttl.clause), None
    age_us = f.now_us - seen.at_us
    furthest = f.rules.face_distance_milli
    if not 0 <= seen.distance_milli <= furthest.value:
        return Reason("face_far", person.name, seen.distance_milli, furthest.value, "", furthest.clause), age_us
    if not f.rules.accepts_liveness(seen.liveness):
        return Reason("face_liveness", person.name, None, None, "", f.rules.liveness.clause), age_us
    if not 0 <= age_us <= ttl.value * 1_000_000:
        return Reason("face_old", person.name, age_us // 1000, ttl.value * 1000, "s", ttl.clause), age_us
    return None, age_us


def _faces(f: Facts, ttl: Number, grace_us: int) -> Verdict:
    if f.permit is None:
        return PASS
    reasons: list[Reason] = []
    ages: list[int] = []
    for role in Role:
        people = _who(f, role)
        # Badge and face must be the same person's: one guardian's badge does not lend itself to another's face.
        here = tuple(person for person in people if _badge_here(f, person))
        found = [_face_reason(f, person, ttl) for person in here or people]
        good = [age for reason, age in found if reason is None and age is not None]
        if good:
            ages.append(min(good))
        else:
            reasons.extend(reason for reason, _ in found if reason is not None)
        if not found:
            reasons.append(Reason("face_missing", role.value, None, None, "", ttl.clause))
    return Verdict(tuple(reasons), max(ages) if ages else None, grace_us)


def faces(f: Facts) -> Verdict:
    """Performer and guardian were both verified within their time to live: like two keys of a bank vault."""
    return _faces(f, f.rules.face_ttl_s, 0)


def faces_again(f: Facts) -> Verdict:
    """Both are verified again on schedule while released; badges bridge the time between."""
    return _faces(f, f.rules.face_recheck_s, f.rules.face_grace_s.value * 1_000_000)


def verified(f: Facts) -> tuple[str, ...]:
    """Ids of the permit's people whose badge is here and whose face was verified: the crew of a release."""
    return tuple(
        person.id
        for person in (f.permit.people if f.permit is not None else ())
        if _badge_here(f, person) and _face_reason(f, person, f.rules.face_ttl_s)[0] is None
    )


def stranger(f: Facts) -> Verdict:
    """Nobody whom the permit does not name stands before the camera."""
    limit, ttl_us = f.rules.stranger_distance_milli, f.rules.stranger_s.value * 1_000_000
    for seen in f.snapshot.strangers:
        if f.now_us - seen.at_us <= ttl_us and not 0 <= seen.distance_milli < limit.value:
            return Verdict((Reason("stranger", "", seen.distance_milli, limit.value, "", limit.clause),))
    return PASS


def camera(f: Facts) -> Verdict:
    """The camera shows a living picture."""
    seen = f.snapshot.camera
    ttl = f.rules.camera_ttl_s
    if seen is None:
        return _fail("camera_lost", "absent", None, ttl, "s")
    age_us = f.now_us - seen.at_us
    if not 0 <= age_us <= ttl.value * 1_000_000:
        return _fail("camera_lost", "silent", age_us // 1000, ttl, "s")
    return Verdict((), age_us) if seen.health == "ok" else _fail("camera_lost", seen.health, None, ttl, "s")


def camera_running(f: Facts) -> Verdict:
    """For levels whose whole process is filmed (特级), the camera must go on."""
    if f.permit is None or not f.rules.levels[f.permit.level].camera:
        return PASS
    return camera(f)


# --- before work --------------------------------------------------------------------------------------------------


def gas_test(f: Facts) -> Verdict:
    """A gas test that is young enough, after the last gas trip or alarm, complete and within limits (5.3.1).

    A break shorter than the level's limit needs no new test, as long as it was not gas that opened the relay.
    """
    test, opening = f.durable.gas_test, f.durable.opening
    rule = f.rules.gas_test_age_s
    if test is None or test.at_us > f.now_us:
        return _fail("gas_test_none", rule=rule, unit="s")
    age_us = f.now_us - test.at_us
    after_us = max(opening.at_us if opening is not None and opening.by_gas else 0, f.durable.gas_alarm_us)
    if after_us and test.at_us <= after_us:
        return _fail("gas_test_after_trip", rule=rule, unit="s")
    reasons: list[Reason] = []
    if age_us > rule.value * 1_000_000 and not _short_break(f):
        reasons.append(Reason("gas_test_old", "", age_us // 1000, rule.value * 1000, "s", rule.clause))
    for group in f.site.groups:
        limit = group.channels[0].limit
        unit = limit.unit.value
        points = [point for point in test.points if point.gas == limit.gas and point.unit == unit]
        if not points:
            reasons.append(Reason("gas_test_missing", limit.gas, None, None, unit, limit.clause))
        for point in points:
            over = limit.high is not None and not point.value <= limit.high
            under = limit.low is not None and not point.value >= limit.low
            if over or under:
                bound = limit.high if over else limit.low
                subject = f"{limit.gas} {point.position}"
                reasons.append(Reason("gas_test_limit", subject, milli(point.value), milli(bound), unit, limit.clause))
    return Verdict(tuple(reasons), age_us)


def _short_break(f: Facts) -> bool:
    opening = f.durable.opening
    if f.permit is None or opening is None or opening.permit != f.permit.jti:
        return False
    return f.now_us - opening.at_us <= f.rules.levels[f.permit.level].break_s * 1_000_000


def check_in(f: Facts) -> Verdict:
    """Performer and guardian checked in, at the latest 30 min after the planned start."""
    if f.permit is None or f.durable.checked_in == f.permit.jti:
        return PASS
    late_s = f.wall_s - f.permit.nbf
    rule = f.rules.check_in_s
    if late_s > rule.value:
        return _fail("check_in_late", f.permit.jti, late_s * 1000, rule, "s")
    return _fail("check_in_none", f.permit.jti, late_s * 1000, rule, "s")


def calibration(f: Facts) -> Verdict:
    """No channel's calibration is overdue. It blocks a release and never hides a reading."""
    due = [
        Reason("calibration_due", channel.name, f.wall_s * 1000, channel.due_s * 1000, "s", "JJG 693; domain Detector")
        for channel in f.site.channels
        if channel.due_s and f.wall_s >= channel.due_s
    ]
    return Verdict(tuple(due))


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


# --- the final element --------------------------------------------------------------------------------------------


def deadman(f: Facts) -> Verdict:
    """The dead-man controller answers, and its latch agrees with what is commanded (after the settle time)."""
    status = f.snapshot.deadman
    limit = f.rules.dead_man_ms
    if status is None:
        return _fail("deadman_silent", "", None, limit, "ms")
    age_us = f.now_us - status.at_us
    if not 0 <= age_us <= limit.value * 1000:
        return _fail("deadman_silent", "", age_us, limit, "ms")
    released = f.durable.mode is Mode.RELEASED
    if released and not status.latch_closed and _settled(f):
        return _fail("deadman_open", status.cause)
    if not released and status.latch_closed:
        return _fail("deadman_closed")
    return Verdict((), age_us)


def _settled(f: Facts) -> bool:
    """The closing command had its settle time, or was confirmed before."""
    return f.durable.confirmed or f.now_us - f.durable.released_us > f.rules.settle_ms.value * 1000


def contact_open(f: Facts) -> Verdict:
    """Before a release the feedback contact shows open."""
    status = f.snapshot.deadman
    rule = f.rules.settle_ms
    return (
        _fail("feedback_closed", "", None, None, rule.clause) if status is not None and status.contact_closed else PASS
    )


def contact_closed(f: Facts) -> Verdict:
    """While released the feedback contact follows within the settle time and stays."""
    status = f.snapshot.deadman
    if f.durable.mode is not Mode.RELEASED or status is None or status.contact_closed or not _settled(f):
        return PASS
    return _fail("feedback_lost" if f.durable.confirmed else "feedback_not_closed", "", None, f.rules.settle_ms, "ms")


# --- the box itself -----------------------------------------------------------------------------------------------


def clock(f: Facts) -> Verdict:
    """The clock may judge a window: quality, above the known floor, not behind signed time, no jump."""
    seen = f.snapshot.clock
    if not f.rules.accepts_clock(seen.quality):
        return _fail("clock_quality", seen.quality)
    if seen.t < seen.floor:
        return Verdict((Reason("clock_floor", "", seen.t, seen.floor, "s"),))
    behind = f.rules.clock_behind_s
    if f.durable.as_of - seen.t // 1000 > behind.value:
        return Verdict((Reason("clock_floor", "", seen.t, f.durable.as_of * 1000, "s", behind.clause),))
    if f.volatile.clock_offset_ms is not None:
        step_ms = abs(seen.t - seen.at_us // 1000 - f.volatile.clock_offset_ms)
        limit = f.rules.clock_step_ms
        if step_ms > limit.value:
            return _fail("clock_step", "", step_ms * 1000, limit, "ms")
    return PASS


def _audit(f: Facts, limit: Number) -> Verdict:
    health = f.snapshot.audit
    if health.rollback:
        return _fail("audit_rollback")
    if not health.writable:
        return _fail("audit_unwritable", rule=limit, unit="ms")
    if health.age_ms > limit.value:
        return _fail("audit_late", "", health.age_ms * 1000, limit, "ms")
    return Verdict((), health.age_ms * 1000)


def audit(f: Facts) -> Verdict:
    """Events reach the disk within a second."""
    return _audit(f, f.rules.audit_release_ms)


def audit_running(f: Facts) -> Verdict:
    """While released, events reach the disk within five seconds."""
    return _audit(f, f.rules.audit_run_ms)


def latch(f: Facts) -> Verdict:
    """No trip or fault waits for its reset."""
    if f.durable.mode is Mode.FAULT:
        return _fail("fault_latched", f.durable.first_out.code if f.durable.first_out else "")
    return _fail("latched", f.durable.first_out.code if f.durable.first_out else "") if f.durable.latched else PASS


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
    return _fail("loop_gap", "", gap * 1000, limit, "ms") if gap > limit.value else PASS


class Condition(msgspec.Struct, frozen=True):
    """A condition and where it counts.

    `blocks_reset`: a reset is refused while it fails, whatever opened the relay. `by_gas`: its trip needs a new test.
    """

    name: str
    judge: Callable[[Facts], Verdict]
    release: bool
    run: bool
    zh: str
    en: str
    blocks_reset: bool = False
    by_gas: bool = False


CONDITIONS: tuple[Condition, ...] = (
    Condition("loop", loop, True, True, "联锁程序", "interlock loop", blocks_reset=True),
    Condition("estop", estop, True, True, "急停", "emergency stop", blocks_reset=True),
    Condition("stop", stop, True, True, "停止按钮", "stop button", blocks_reset=True),
    Condition("gas", gas, True, True, "气体", "gas", blocks_reset=True, by_gas=True),
    Condition("deadman", deadman, True, True, "失联断开继电器", "dead-man relay", blocks_reset=True),
    Condition("contact_open", contact_open, True, False, "触点断开", "contact open", blocks_reset=True),
    Condition("contact_closed", contact_closed, False, True, "触点吸合", "contact closed"),
    Condition("inputs", inputs, True, True, "按钮模块", "button module", blocks_reset=True),
    Condition("clock", clock, True, True, "时钟", "clock"),
    Condition("deadline", deadline, False, True, "票面时限", "permit's end"),
    Condition("permit", permit, True, True, "作业票", "permit"),
    Condition("lease", lease, True, True, "平台联系", "word from the bridge"),
    Condition("stranger", stranger, True, True, "无关人员", "nobody else"),
    Condition("guardian", guardian, True, True, "监护人", "guardian on post"),
    Condition("performer", performer, True, True, "作业人", "performer here"),
    Condition("place", place, True, True, "位置", "place"),
    Condition("faces", faces, True, False, "刷脸", "faces"),
    Condition("faces_again", faces_again, False, True, "刷脸复核", "faces again"),
    Condition("camera", camera, True, False, "摄像头", "camera"),
    Condition("camera_running", camera_running, False, True, "全程视频", "video while released"),
    Condition("check_in", check_in, True, False, "签到", "check-in"),
    Condition("gas_test", gas_test, True, False, "动火前气体分析", "gas test before work"),
    Condition("calibration", calibration, True, False, "探测器校准", "calibration"),
    Condition("preconditions", preconditions, True, False, "前置条件", "preconditions"),
    Condition("audit", audit, True, False, "审计日志", "audit log"),
    Condition("audit_running", audit_running, False, True, "审计日志（放行中）", "audit log, released"),
    Condition("latch", latch, True, False, "复位", "latch reset"),
    Condition("fire_watch", fire_watch, True, False, "看火", "fire watch"),
)
"""Order is the order of first-out when several fail at the same moment.

A loop that stood still comes first, since it makes everything else old; then what endangers most.
"""


def evaluate(f: Facts) -> dict[str, Verdict]:
    """Every condition's verdict by name."""
    return {condition.name: condition.judge(f) for condition in CONDITIONS}
