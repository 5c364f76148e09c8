"""What the kernel promises in every step, whatever happens. Each is code, and its first line stands in the README.

An invariant looks at one `Transition` and gives what is wrong, or an empty string.
"""

import datetime
from collections.abc import Callable

import msgspec

from contracts.permit import Level
from edge.gas.reading import Quality, Reading
from edge.interlock.conditions import CONDITIONS
from edge.interlock.happenings import Acknowledged, Happening
from edge.interlock.kernel import Relay, Step
from edge.interlock.proof_test import Probe
from edge.interlock.rules import Rules
from edge.interlock.site import Site, SiteChannel
from edge.interlock.snapshot import Snapshot
from edge.interlock.state import Durable, Mode, Volatile

SECOND = 1_000_000
GRACED = ("guardian", "performer", "faces_again")
"""The only run conditions with a declared grace (design, "The interlock kernel")."""


class Transition(msgspec.Struct, frozen=True):
    """One evaluation: what was remembered, what was known and happened, what came out."""

    site: Site
    rules: Rules
    before: Durable
    memory: Volatile
    snapshot: Snapshot
    now: int
    happenings: tuple[Happening, ...]
    step: Step
    edges: frozenset[str]
    """Buttons whose contact closed in this very reading (from the world, not from the kernel)."""

    @property
    def after(self) -> Durable:
        return self.step.durable

    @property
    def closed(self) -> bool:
        """Commanded closed for work; a proof test's pulse has an invariant of its own."""
        return self.step.relay is not Relay.OPEN and not self.pulse

    @property
    def releases(self) -> bool:
        """The relay is told to close for work."""
        return self.step.relay is Relay.CLOSE and not self.pulse

    @property
    def pulse(self) -> bool:
        """A proof test has the contact closed for a moment."""
        run = self.step.volatile.proof_run
        return run is not None and run.pulse and len(run.steps) in (5, 6) and self.after.mode is not Mode.RELEASED


def relay_follows_the_mode(t: Transition) -> str:
    """The relay is commanded closed in RELEASED only, and CLOSE is said only on entering it."""
    if t.closed != (t.after.mode is Mode.RELEASED):
        return f"{t.step.relay} in {t.after.mode}"
    if t.pulse:
        return ""
    entering = t.after.mode is Mode.RELEASED and t.before.mode is not Mode.RELEASED
    return "" if (t.step.relay is Relay.CLOSE) == entering else f"{t.step.relay} from {t.before.mode}"


def closed_means_every_run_condition_passed(t: Transition) -> str:
    """Commanded closed ⇒ every run condition passed in that evaluation, or is within its declared grace."""
    if not t.closed:
        return ""
    for condition in CONDITIONS:
        verdict = t.step.verdicts[condition.name]
        if condition.run and not verdict.ok:
            began = t.step.volatile.grace.get(condition.name)
            if condition.name not in GRACED or began is None or t.now - began >= verdict.grace_us:
                return f"closed although {condition.name} fails"
    return ""


def _sees_gas(channel: SiteChannel, reading: Reading) -> bool:
    """A reading over a limit or over the range."""
    value = reading.value
    if reading.quality is Quality.OVER_RANGE:
        return True
    high, low = channel.limit.high, channel.limit.low
    if reading.quality in (Quality.FAULT, Quality.FROZEN):
        return value is not None and high is not None and value > high
    good = reading.quality is Quality.GOOD and value is not None
    return good and ((high is not None and value > high) or (low is not None and value < low))  # type: ignore[operator]


def _well(t: Transition, channel: SiteChannel) -> bool:
    """A good, young reading within its limits."""
    reading = t.snapshot.readings.get(channel.name)
    if reading is None or reading.quality is not Quality.GOOD or reading.value is None:
        return False
    return t.now - reading.at_us <= channel.stale_us and not _sees_gas(channel, reading)


def closed_means_clean_air(t: Transition) -> str:
    """Commanded closed ⇒ in every group fewer channels than the vote needs are over a limit, silent or bad; judged
    from the readings themselves, not by the kernel's conditions. A bypassed head is left out, the others vote 1ooN."""
    if not t.closed:
        return ""
    bypassed = {bypass.channel for bypass in t.after.bypasses}
    for group in t.site.groups:
        left = [channel for channel in group.channels if channel.name not in bypassed]
        votes = sum(not _well(t, channel) for channel in left)
        if not left or votes >= (group.needed if len(left) == len(group.channels) else 1):
            return f"closed with {votes} votes to trip in {group.name}"
    return ""


STRONG_WIND_M_S, STORM_M_S = 8.0, 10.8
"""Where grade 5 and grade 6 begin (GB/T 28591-2012)."""


def closed_means_a_cool_box_in_calm_air(t: Transition) -> str:
    """Commanded closed ⇒ the sensor in the box and the anemometer are sound and fresh, the box at most at its highest
    temperature, no wind of grade 5 unless the permit is upgraded, and none of grade 6 at all."""
    if not t.closed:
        return ""
    upgraded = any(permit.carries_upgrade for permit in t.after.permits if permit.jti == t.after.active)
    for sensor in t.site.sensors:
        reading = t.snapshot.sensors.get(sensor.name)
        if sensor.name not in (t.site.enclosure, t.site.wind):
            continue
        if reading is None or reading.quality is not Quality.GOOD or reading.value is None:
            return f"closed without a word of {sensor.name}"
        if t.now - reading.at_us > sensor.stale_us:
            return f"closed while {sensor.name} is silent"
        if sensor.name == t.site.enclosure and reading.value > t.rules.enclosure_max_c.value:
            return f"closed at {reading.value} °C"
        if sensor.name == t.site.wind and reading.value >= (STORM_M_S if upgraded else STRONG_WIND_M_S):
            return f"closed at {reading.value} m/s"
    return ""


def closed_means_that_special_work_is_recorded(t: Transition) -> str:
    """Commanded closed on a permit whose level is filmed ⇒ the newest picture on the recorder's disk is of that permit
    and young, or the closing itself is."""
    claims = next((permit for permit in t.after.permits if permit.jti == t.after.active), None)
    if not t.closed or claims is None or not t.rules.levels[claims.level].camera:
        return ""
    said = t.snapshot.video
    written = said.written_us if said is not None and said.permit == claims.jti else 0
    age_us = t.now - max(written, t.after.released_us)
    return "" if age_us <= t.rules.video_ttl_s.value * SECOND else f"closed {age_us} us after the last picture"


def no_bypass_beats_gas(t: Transition) -> str:
    """Commanded closed ⇒ no bypassed head sees gas; a bypass names two people, has an end, and never begins while
    armed or released."""
    began = set(t.after.bypasses) - set(t.before.bypasses)
    if began and t.before.mode in (Mode.ARMED, Mode.RELEASED):
        return f"a bypass began in {t.before.mode}"
    for bypass in t.after.bypasses:
        if len(set(bypass.by)) != 2 or t.now >= bypass.until_us:
            return f"a bypass by {bypass.by} until {bypass.until_us - t.now} us from now"
        channel = next(channel for channel in t.site.channels if channel.name == bypass.channel)
        reading = t.snapshot.readings.get(bypass.channel)
        if t.closed and reading is not None and _sees_gas(channel, reading):
            return f"closed while bypassed {bypass.channel} sees gas"
    return ""


def closed_means_hands_off_the_stop(t: Transition) -> str:
    """Commanded closed ⇒ stop and E-stop are released, no fire is seen and the button module answers."""
    if not t.closed:
        return ""
    read = t.snapshot.inputs
    if read is None or t.now - read.at_us > t.rules.inputs_ttl_ms.value * 1000:
        return "closed without buttons"
    if not (read.stop and read.estop):
        return "closed with a stop pressed"
    return "" if read.flame is True or "flame" not in t.site.contacts else "closed beside a fire"


def closed_means_the_final_element_agrees(t: Transition) -> str:
    """Commanded closed ⇒ the dead-man answers in time and, once settled, its latch and the contact are closed."""
    if t.step.relay is not Relay.HOLD or t.pulse:
        return ""
    status = t.snapshot.deadman
    if status is None or t.now - status.at_us > t.rules.dead_man_ms.value * 1000:
        return "held while the dead-man is silent"
    settled = t.now - t.before.released_us > t.rules.settle_ms.value * 1000
    return "held against an open contact" if settled and not (status.latch_closed and status.contact_closed) else ""


def closed_means_within_the_deadline(t: Transition) -> str:
    """Commanded closed ⇒ the end that was fixed at arming is not reached, and it is never later than the permit's."""
    if not t.closed:
        return ""
    if t.now >= t.after.deadline_us:
        return f"closed {t.now - t.after.deadline_us} us after the deadline"
    claims = next((permit for permit in t.after.permits if permit.jti == t.after.active), None)
    if not t.releases or claims is None:
        return ""
    left_us = claims.exp * SECOND - t.snapshot.clock.t * 1000 - (t.now - t.snapshot.clock.at_us)
    return "" if t.after.deadline_us - t.now <= left_us else "the deadline is after the permit's end"


def closed_means_the_level_suffices(t: Transition) -> str:
    """Commanded closed ⇒ the permit was approved one level above that of place and work (or is special), or it is
    neither night nor rest day nor holiday on the site's clock."""
    claims = next((permit for permit in t.after.permits if permit.jti == t.after.active), None)
    if not t.closed or claims is None:
        return ""
    if claims.level is Level.SPECIAL or claims.base_level not in (None, claims.level):
        return ""
    zone = datetime.timezone(datetime.timedelta(minutes=t.site.utc_offset_min))
    here = datetime.datetime.fromtimestamp(t.snapshot.clock.wall_s(t.now), zone)
    if here.date() in t.rules.upgrade_days.dates or here.isoweekday() in t.rules.upgrade_days.weekdays:
        return f"closed on {here:%A %Y-%m-%d}"
    day = t.rules.night_to_h.value <= here.hour < t.rules.night_from_h.value
    return "" if day else f"closed at {here:%H:%M:%S}"


def a_release_needs_its_own_acknowledgement(t: Transition) -> str:
    """LOCKED/TRIPPED → RELEASED leads through ARMED and the durable acknowledgement of that very attempt."""
    if not t.releases:
        return ""
    if t.before.mode is not Mode.ARMED:
        return f"closed from {t.before.mode}"
    if not any(isinstance(h, Acknowledged) and h.attempt == t.before.attempt for h in t.happenings):
        return "closed without the acknowledgement of this attempt"
    return "" if t.now - t.before.armed_us < t.rules.attempt_s.value * SECOND else "closed after the attempt's time"


def a_release_needs_every_release_condition(t: Transition) -> str:
    """The relay closes only when every release condition passes on current evidence and no latch is set."""
    if not t.releases:
        return ""
    missing = [c.name for c in CONDITIONS if c.release and not t.step.verdicts[c.name].ok]
    return f"closed although {missing} fail" if missing or t.before.latched else ""


def arming_needs_an_edge(t: Transition) -> str:
    """An attempt begins by a rising edge of the arm button that the world really made, and counts up by one."""
    if t.after.mode is not Mode.ARMED or t.before.mode is Mode.ARMED:
        return "" if t.after.attempt == t.before.attempt else "attempt changed without arming"
    if "arm" not in t.edges:
        return "armed without an edge"
    return "" if t.after.attempt == t.before.attempt + 1 else "attempt did not count up by one"


def a_latch_is_left_only_by_a_reset_edge(t: Transition) -> str:
    """A latched trip is left only by a rising edge of the reset button with an entitled badge here."""
    if not t.before.latched or t.after.latched:
        return ""
    if "reset" not in t.edges:
        return "latch gone without a reset edge"
    ttl_us = t.rules.badge_ttl_s.value * SECOND
    here = [
        person.id for person in t.site.roster
        if "reset" in person.may and (seen := t.snapshot.badges.get(person.badge)) and t.now - seen.at_us <= ttl_us
    ]  # fmt: skip
    return "" if here else "reset by nobody who may"


def a_fault_is_left_only_by_two_people(t: Transition) -> str:
    """FAULT is left only to TRIPPED, by the reset edge, with two different entitled people here and a proof test that
    passed since the fault began."""
    if t.before.mode is not Mode.FAULT or t.after.mode is Mode.FAULT:
        return ""
    if t.after.mode is not Mode.TRIPPED or "reset" not in t.edges:
        return f"FAULT became {t.after.mode}"
    test = t.before.proof_test
    if test is None or not test.ok or test.at_us <= t.before.since_us:
        return "FAULT cleared without a proof test"
    return "" if len(set(t.after.fault_cleared_by)) >= 2 else "FAULT cleared by fewer than two"


def a_pulse_needs_key_isolation_and_clean_air(t: Transition) -> str:
    """A proof test closes the contact only in LOCKED or FAULT, with the key in TEST, the load isolated by its input,
    no group that votes to trip and no stop, and never longer than the pack's pulse."""
    if not t.pulse or t.step.relay is Relay.OPEN:
        return ""
    run, read = t.step.volatile.proof_run, t.snapshot.inputs
    assert run is not None
    if t.after.mode not in (Mode.LOCKED, Mode.FAULT):
        return f"a pulse in {t.after.mode}"
    if read is None or t.now - read.at_us > t.rules.inputs_ttl_ms.value * 1000:
        return "a pulse without inputs"
    if not (read.test_key and read.isolated and read.stop and read.estop):
        return "a pulse without key, isolation or with a stop pressed"
    if t.now - run.closed_us >= t.rules.proof_pulse_ms.value * 1000:
        return "a pulse that is too long"
    for group in t.site.groups:
        if sum(not _well(t, channel) for channel in group.channels) >= group.needed:
            return f"a pulse with gas or a blind head in {group.name}"
    return ""


def a_proof_test_runs_on_an_open_relay_only(t: Transition) -> str:
    """A proof test sends something or withholds heartbeats only where nothing is armed or released."""
    if not t.step.quiet and t.step.probe is Probe.NONE:
        return ""
    modes = {t.before.mode, t.after.mode}
    return "" if modes <= {Mode.LOCKED, Mode.TRIPPED, Mode.FAULT} and not t.closed else f"proof test in {modes}"


def first_out_is_never_overwritten(t: Transition) -> str:
    """While latched, the first cause stays; consequences are only added."""
    if not (t.before.latched and t.after.latched):
        return ""
    if t.after.first_out != t.before.first_out:
        return f"first-out {t.before.first_out} became {t.after.first_out}"
    kept = t.after.consequences[: len(t.before.consequences)] == t.before.consequences
    return "" if kept else "a consequence vanished"


def nothing_automatic_loosens(t: Transition) -> str:
    """Without an edge, an acknowledgement or a person's entry nothing gets looser: no latch, over-range, deadline,
    revocation, void or finished permit goes away, and no mode leads towards a release."""
    before, after = t.before, t.after
    if after.revision < before.revision or not set(before.void) <= set(after.void):
        return "revision or void permits went back"
    if before.lost_s is not None and after.lost_s is None and not t.happenings:
        return "a lost revocation list came back by itself"
    if not set(before.finished) <= set(after.finished):
        return "a finished permit came back"
    if before.mode is Mode.RELEASED and after.mode is Mode.RELEASED and after.deadline_us > before.deadline_us:
        return "the deadline moved out"
    if t.edges or t.happenings:
        return ""
    if set(before.over_range) - set(after.over_range):
        return "an over-range latch vanished"
    towards = (Mode.ARMED, Mode.RELEASED)
    return f"{before.mode} became {after.mode} by itself" if after.mode in towards and before.mode is not after.mode else ""


def a_trip_latches_and_starts_the_watch(t: Transition) -> str:
    """Every opening after a release latches and starts the fire watch."""
    if t.before.mode is not Mode.RELEASED or t.after.mode is Mode.RELEASED:
        return ""
    if not t.after.latched or t.after.mode not in (Mode.TRIPPED, Mode.FAULT):
        return f"opened into {t.after.mode} without a latch"
    return "" if t.after.fire_watch is not None else "opened without a fire watch"


def locked_needs_reset_and_the_watch(t: Transition) -> str:
    """LOCKED and PERMISSIVE_OK carry no latch; LOCKED after a release needs the end of the fire watch."""
    if t.after.mode in (Mode.LOCKED, Mode.PERMISSIVE_OK, Mode.ARMED) and t.after.latched:
        return f"{t.after.mode} with a latch"
    if t.after.mode is Mode.LOCKED and t.after.fire_watch is not None and t.before.mode is not Mode.ARMED:
        return "LOCKED during the fire watch"
    return ""


def an_attempt_ends_in_time(t: Transition) -> str:
    """An attempt lives for the pack's seconds at most and its beginning is never renewed."""
    if t.before.mode is not Mode.ARMED or t.after.mode is not Mode.ARMED:
        return ""
    if t.after.armed_us != t.before.armed_us:
        return "the attempt was renewed"
    return "" if t.now - t.before.armed_us < t.rules.attempt_s.value * SECOND else "the attempt outlived its time"


def a_crew_is_two_people_who_were_verified(t: Transition) -> str:
    """A release binds a performer and a guardian of its permit, two different people; nobody joins later."""
    if t.step.relay is Relay.HOLD and t.after.crew != t.before.crew:
        return "the crew changed while released"
    if not t.releases:
        return ""
    claims = next((permit for permit in t.after.permits if permit.jti == t.after.active), None)
    if claims is None:
        return "released under a permit that is not here"
    roles = {person.role for person in claims.people if person.id in t.after.crew}
    return "" if len(roles) == 2 else f"crew {t.after.crew}"


def a_release_needs_faces_from_after_the_last_break(t: Transition) -> str:
    """The relay closes only when the camera saw a performer and a guardian of the permit prove to be alive after the
    last opening."""
    claims = next((permit for permit in t.after.permits if permit.jti == t.after.active), None)
    if not t.releases or claims is None:
        return ""
    opened_us = t.before.opening.at_us if t.before.opening is not None else -1
    seen = {who: face.at_us for who, face in t.snapshot.proofs.items()}
    roles = {person.role for person in claims.people if seen.get(person.id, -1) > opened_us}
    return "" if len(roles) == 2 else f"closed {t.now - opened_us} us after an opening on faces from before"


def a_first_ignition_follows_its_approval(t: Transition) -> str:
    """A permit is first released within the approval's age, or after the guardian's word and a gas test that are both
    younger than the day on which the approval became too old."""
    if not t.releases or t.after.active in t.before.ignited:
        return ""
    claims = next((permit for permit in t.after.permits if permit.jti == t.after.active), None)
    if claims is None:
        return "released under a permit that is not here"
    limit_s = t.rules.approval_age_s.value
    wall_s = (t.snapshot.clock.t * 1000 + t.now - t.snapshot.clock.at_us) / SECOND
    over_us = (wall_s - max(given.at for given in claims.approvals) - limit_s) * SECOND
    if over_us < SECOND:
        return ""
    word, test = t.after.reconfirmed, t.after.gas_test
    if word is None or word.permit != claims.jti or test is None:
        return "an old approval and nobody's word"
    old_us = t.now - over_us
    return "" if min(word.at_us, test.at_us) >= old_us - SECOND else "the word or the test is from before"


def a_release_needs_its_ticket_checked_today(t: Transition) -> str:
    """The relay closes only under a permit whose ticket was checked on this very day of it, by a named person who
    neither works on it nor approved it."""
    if not t.releases:
        return ""
    claims = next((permit for permit in t.after.permits if permit.jti == t.after.active), None)
    check = t.after.ticket_checks.get(t.after.active)
    if claims is None or check is None:
        return "closed without a ticket check of this permit"
    wall_s = t.snapshot.clock.t // 1000 + (t.now - t.snapshot.clock.at_us) // SECOND
    days = range((claims.exp - claims.nbf + 86_399) // 86_400)
    today = sum(wall_s >= claims.nbf - t.rules.check_in_s.value + day * 86_400 for day in days[1:])
    if check.day != today:
        return f"the ticket was checked on day {check.day}, today is day {today}"
    badge = next(person.badge for person in t.site.roster if person.id == check.person)
    names = {person.id for person in claims.people} | {given.by for given in claims.approvals}
    own = check.person in names or badge in {person.badge for person in claims.people}
    return f"the ticket was checked by {check.person} of its own crew or approvers" if own else ""


def a_clock_set_back_waits_for_a_person(t: Transition) -> str:
    """Nobody releases after the clock was set back until someone has reset; setting it forward again changes nothing."""
    if t.closed and t.after.clock_back_ms:
        return "closed after the clock was set back"
    if t.before.clock_back_ms and not t.after.clock_back_ms and "reset" not in t.edges:
        return "the time-lock went without a reset edge"
    return ""


def the_next_look_is_soon(t: Transition) -> str:
    """The kernel always asks to be run again: later than now, within a second."""
    return "" if t.now < t.step.next_us <= t.now + SECOND else f"next look at {t.step.next_us - t.now} us"


INVARIANTS: tuple[Callable[[Transition], str], ...] = (
    relay_follows_the_mode,
    closed_means_every_run_condition_passed,
    closed_means_clean_air,
    closed_means_a_cool_box_in_calm_air,
    closed_means_that_special_work_is_recorded,
    no_bypass_beats_gas,
    closed_means_hands_off_the_stop,
    closed_means_the_final_element_agrees,
    closed_means_within_the_deadline,
    closed_means_the_level_suffices,
    a_release_needs_its_own_acknowledgement,
    a_release_needs_every_release_condition,
    arming_needs_an_edge,
    a_latch_is_left_only_by_a_reset_edge,
    a_fault_is_left_only_by_two_people,
    a_proof_test_runs_on_an_open_relay_only,
    a_pulse_needs_key_isolation_and_clean_air,
    first_out_is_never_overwritten,
    nothing_automatic_loosens,
    a_trip_latches_and_starts_the_watch,
    locked_needs_reset_and_the_watch,
    an_attempt_ends_in_time,
    a_crew_is_two_people_who_were_verified,
    a_release_needs_faces_from_after_the_last_break,
    a_first_ignition_follows_its_approval,
    a_release_needs_its_ticket_checked_today,
    a_clock_set_back_waits_for_a_person,
    the_next_look_is_soon,
)


def restart_forgets_nothing(found: Durable, after: Durable) -> str:
    """No restart forgets a latch, a fault, an over-range, a revocation, or that the relay was closed."""
    if found.mode in (Mode.ARMED, Mode.RELEASED):
        if after.mode is not Mode.TRIPPED or not after.latched or after.fire_watch is None:
            return f"{found.mode} came back as {after.mode}"
    elif after.mode is not found.mode or after.latched != found.latched:
        return f"{found.mode} came back as {after.mode}"
    kept = (
        set(found.over_range) <= set(after.over_range)
        and after.revision == found.revision
        and set(found.void) <= set(after.void)
        and set(found.revoked) <= set(after.revoked)
        and set(found.finished) <= set(after.finished)
        and after.attempt >= found.attempt
        and (found.fire_watch is None or after.fire_watch is not None)
        and (not found.clock_back_ms or after.clock_back_ms == found.clock_back_ms)
        and (found.lost_s is None or after.lost_s == found.lost_s)
        and found.ignited == after.ignited
        and (found.checked_in, found.missed) == (after.checked_in, after.missed)
        and found.ticket_checks == after.ticket_checks
    )
    return "" if kept else "a restart lost something"


def broken(transition: Transition) -> list[str]:
    """Every promise that this transition breaks, by name."""
    return [f"{check.__name__}: {wrong}" for check in INVARIANTS if (wrong := check(transition))]
