"""Arming and releasing: every condition alone refuses and is named; the attempt; the acknowledgement."""

import itertools
from collections.abc import Callable

import msgspec
import pytest

from contracts.permit import Level, Precondition, Revocations
from edge.gas.reading import Quality
from edge.interlock.conditions import CONDITIONS
from edge.interlock.evidence import Face, FaceRefused
from edge.interlock.happenings import Acknowledged, Confirmed, PermitAccepted, Revoked, Suspended
from edge.interlock.kernel import Relay
from edge.interlock.snapshot import AuditHealth
from edge.interlock.state import Mode
from tests.edge.interlock.bench import GB, GUARDIAN, PERFORMER, RELIEF, SECOND, WALL_S, Bench, permit

replace = msgspec.structs.replace
Change = Callable[[Bench], None]


def _set(**changes: object) -> Change:
    def change(bench: Bench) -> None:
        for name, value in changes.items():
            setattr(bench, name, value)

    return change


def _gas(name: str, value: float | None = 0.0, quality: Quality = Quality.GOOD) -> Change:
    def change(bench: Bench) -> None:
        bench.gas[name].value, bench.gas[name].quality = value, quality

    return change


def _leave(badge: int) -> Change:
    def change(bench: Bench) -> None:
        bench.badges[badge] = False
        bench.badge_seen.pop(badge)

    return change


def _no_face(person: str) -> Change:
    def change(bench: Bench) -> None:
        bench.looking.discard(person)
        bench.faces.pop(person)

    return change


def _face(person: str, **changes: object) -> Change:
    def change(bench: Bench) -> None:
        bench.looking.discard(person)
        bench.faces[person] = replace(bench.faces[person], **changes)

    return change


def _voided(person: str) -> Change:
    """The badge was away, or a release has ended since."""

    def change(bench: Bench) -> None:
        bench.looking.discard(person)
        bench.volatile = replace(bench.volatile, voids={person: bench.now})

    return change


def _stuck(person: str) -> Change:
    """Recognised, and out of tries to prove to be alive."""

    def change(bench: Bench) -> None:
        _face(person, liveness="not_proven")(bench)
        bench.durable = replace(bench.durable, liveness_failed={person: GB.liveness_tries_count.value})

    return change


def _special(silent_s: float = 0, **recorder: object) -> Change:
    """The same work one level up, which is recorded, and something about the recorder."""

    def change(bench: Bench) -> None:
        bench.durable = replace(bench.durable, permits=(permit(level=Level.SPECIAL),))
        _silent("video_silent_since", silent_s)(bench)
        _set(**recorder)(bench)

    return change


def _stranger(distance_milli: int) -> Change:
    def change(bench: Bench) -> None:
        bench.strangers = (FaceRefused(bench.now, "guardian", distance_milli),)

    return change


def _position(**changes: object) -> Change:
    def change(bench: Bench) -> None:
        assert bench.position is not None
        bench.position = replace(bench.position, **changes)

    return change


def _says(name: str, value: float) -> Change:
    return lambda bench: setattr(bench.sensors[name], "value", value)


def _mute(name: str) -> Change:
    return lambda bench: setattr(bench.sensors[name], "quality", Quality.NEVER)


def _press(name: str) -> Change:
    return lambda bench: bench.pressed.add(name)


def _night(bench: Bench) -> None:
    """The night begins at noon; the bench's clock shows four in the afternoon."""
    bench.rules = replace(GB, night_from_h=replace(GB.night_from_h, value=12))


def _durable(**changes: object) -> Change:
    def change(bench: Bench) -> None:
        bench.durable = replace(bench.durable, **changes)

    return change


def _silent(name: str, seconds: float) -> Change:
    return lambda bench: setattr(bench, name, bench.now - int(seconds * SECOND))


def _happen(*happenings: object) -> Change:
    return lambda bench: bench.step(*happenings)  # type: ignore[arg-type]


ALONE: list[tuple[str, Change, str, str]] = [
    ("E-stop open", _press("estop"), "estop", "estop_open"),
    ("stop pressed", _press("stop"), "stop", "stop_pressed"),
    ("door open", _press("door"), "door", "door_open"),
    ("mains failed", _press("mains"), "mains", "mains_fail"),
    ("battery low", _press("battery"), "battery", "battery_low"),
    ("enclosure hot", _press("enclosure"), "enclosure", "enclosure_hot"),
    ("flame seen", _press("flame"), "flame", "flame_seen"),
    ("70.1 °C inside", _says("box-temp", 70.1), "enclosure", "enclosure_hot"),
    ("no word from inside", _mute("box-temp"), "enclosure", "sensor_never"),
    ("wind of grade 5", _says("wind-1", 8.0), "wind", "wind_strong"),
    ("no word of the wind", _mute("wind-1"), "wind", "sensor_never"),
    ("button module silent", _silent("inputs_silent_since", 0.6), "inputs", "inputs_stale"),
    ("CH4 high", _gas("ch4-1", 10.1), "gas", "gas_high"),
    ("O2 low", _gas("o2-1", 19.4), "gas", "gas_low"),
    ("O2 high", _gas("o2-1", 23.6), "gas", "gas_high"),
    ("CO high", _gas("co-1", 26.0), "gas", "gas_high"),
    ("detector never read", _gas("ch4-1", None, Quality.NEVER), "gas", "gas_never"),
    ("detector fault", _gas("ch4-1", 0.0, Quality.FAULT), "gas", "gas_fault"),
    ("detector warming up", _gas("ch4-1", 0.0, Quality.WARM_UP), "gas", "gas_warm_up"),
    ("detector frozen", _gas("ch4-1", 0.0, Quality.FROZEN), "gas", "gas_frozen"),
    ("detector under range", _gas("ch4-1", -1.0, Quality.UNDER_RANGE), "gas", "gas_under_range"),
    ("detector over range", _gas("ch4-1", 100.0, Quality.OVER_RANGE), "gas", "gas_over_range"),
    ("reading stale by age", lambda b: setattr(b.gas["ch4-1"], "silent_since", b.now - 600_000), "gas", "gas_stale"),
    ("dead-man silent", _silent("deadman_silent_since", 0.3), "deadman", "deadman_silent"),
    ("dead-man latch closed", _set(latch=True), "deadman", "deadman_closed"),
    ("contact closed", _set(contact=True), "contact_open", "feedback_closed"),
    ("interlock stood still", _set(loop_gap_ms=181), "loop", "loop_gap"),
    ("clock without source", _set(clock_quality="none"), "clock", "clock_quality"),
    ("clock below the floor", lambda b: setattr(b, "clock_floor", b.wall_ms + 60_000), "clock", "clock_floor"),
    ("clock set back", _set(wall_jump_ms=-2100), "clock", "clock_step"),
    ("permit revoked", _durable(revoked=("HW-1",)), "permit", "permit_revoked"),
    ("permit void", _durable(void=("HW-1",)), "permit", "permit_void"),
    ("permit finished", _durable(finished=("HW-1",)), "permit", "permit_finished"),
    ("no permit", _durable(permits=()), "permit", "permit_none"),
    ("lease run out", _durable(permits=(permit(lease_s=60, as_of=WALL_S - 120),), as_of=0), "lease", "lease"),
    ("guardian's badge away", _leave(1002), "guardian", "badge_absent"),
    ("performer's badge away", _leave(1001), "performer", "badge_absent"),
    ("no fix", _set(position=None), "place", "place_unknown"),
    ("fix too old", _silent("position_silent_since", 11), "place", "place_unknown"),
    ("outside the fence", _position(inside=False, edge_m=3), "place", "place_outside"),
    ("fix without quality", _position(fix_quality=0), "place", "place_poor"),
    ("too few satellites", _position(satellites=3), "place", "place_poor"),
    ("HDOP too high", _position(hdop_centi=501), "place", "place_poor"),
    ("performer's face missing", _no_face("performer"), "faces", "face_missing"),
    ("guardian's face missing", _no_face("guardian"), "faces", "face_missing"),
    ("performer's face too far", _face("performer", distance_milli=501), "faces", "face_far"),
    ("face with a negative distance", _face("performer", distance_milli=-1), "faces", "face_far"),
    ("guardian's liveness not proven", _face("guardian", liveness="not_proven"), "faces", "face_liveness"),
    ("liveness of unknown kind", _face("guardian", liveness="surely"), "faces", "face_liveness"),
    ("guardian's face too old", _face("guardian", at_us=1000 * SECOND - 181 * SECOND), "faces", "face_old"),
    ("guardian's face from before a break", _voided("guardian"), "faces", "face_void"),
    ("performer's tries used up", _stuck("performer"), "faces", "liveness_failed"),
    ("unknown badge", lambda b: b.unknown_badges.update({9001: b.now}), "unknown_badge", "badge_unknown"),
    ("badge of nobody named", lambda b: b.badges.update({9002: True}), "unknown_badge", "badge_unknown"),
    ("stranger", _stranger(700), "stranger", "stranger"),
    ("night", _night, "level", "level_night"),
    ("face without any template", _stranger(-1), "stranger", "stranger"),
    ("no camera", _set(camera=None), "camera", "camera_lost"),
    ("camera stalled", _set(camera="stalled"), "camera", "camera_lost"),
    ("camera process silent", _silent("camera_silent_since", 5.1), "camera", "camera_lost"),
    ("special work and no recorder", _special(video=None), "video", "video_lost"),
    ("special work and a box without recorder", _special(video="off"), "video", "video_off"),
    ("special work and a disk that fails", _special(video="failed"), "video", "video_lost"),
    ("special work and a silent recorder", _special(silent_s=11), "video", "video_lost"),
    ("special work and room for an hour", _special(video_left_s=3600), "video", "video_room"),
    ("no gas test", _durable(gas_test=None), "gas_test", "gas_test_none"),
    ("no ticket check", _durable(ticket_checks={}), "ticket_check", "ticket_check_none"),
    ("audit late", _set(audit=AuditHealth(writable=True, age_ms=1001, rollback=False)), "audit", "audit_late"),
    (
        "audit unwritable",
        _set(audit=AuditHealth(writable=False, age_ms=0, rollback=False)),
        "audit",
        "audit_unwritable",
    ),
    ("audit rolled back", _set(audit=AuditHealth(writable=True, age_ms=0, rollback=True)), "audit", "audit_rollback"),
    ("audit nearly full", _set(audit=AuditHealth(True, 0, False, full=True)), "audit", "audit_full"),
    ("audit begun anew", _set(audit=AuditHealth(True, 0, False, epoch_pending=True)), "audit", "audit_epoch"),
]


@pytest.mark.parametrize(("change", "name", "code"), [row[1:] for row in ALONE], ids=[row[0] for row in ALONE])
def test_each_release_condition_alone_refuses_and_is_named(ready: Bench, change: Change, name: str, code: str) -> None:
    """BOX-01, BOX-02, BOX-03, BOX-08, PTW-04, PTW-09, PTW-10, PTW-21: one missing thing is enough to refuse."""
    change(ready)
    ready.pressed.add("arm")
    ready.step()
    assert ready.mode is not Mode.ARMED
    assert ready.relays[-1] is Relay.OPEN
    assert name in ready.failing()
    # A silent button module gives no edge that could be refused.
    assert code == "inputs_stale" or code in ready.refusal()
    assert not ready.found("release.authorised")


def test_everything_in_order_is_permissive_and_arms(ready: Bench) -> None:
    """The row of the truth tables in which all is well."""
    assert ready.failing() == set()
    ready.arm()
    assert ready.relays[-1] is Relay.OPEN, "arming alone never closes"


@pytest.mark.parametrize(("gnss", "air", "faces"), list(itertools.product((False, True), repeat=3)))
def test_release_needs_place_and_air_and_faces_at_the_same_moment(
    ready: Bench, gnss: bool, air: bool, faces: bool
) -> None:
    """BOX-01: the eight-row truth table; only the row of three truths arms."""
    assert ready.position is not None
    if not gnss:
        _position(inside=False, edge_m=4)(ready)
    if not air:
        ready.gas["ch4-1"].value = 30.0
    if not faces:
        _no_face("performer")(ready)
    ready.press("arm")
    assert (ready.mode is Mode.ARMED) == (gnss and air and faces)
    wanted = {"place"} if not gnss else set()
    wanted |= {"gas", "gas_test"} if not air else set()
    wanted |= {"faces"} if not faces else set()
    assert ready.failing() == wanted


@pytest.mark.parametrize(
    ("approved", "briefed", "tested", "watched", "checked"), list(itertools.product((False, True), repeat=5))
)
def test_the_prerequisites_only_all_of_them_start(
    bench: Bench, approved: bool, briefed: bool, tested: bool, watched: bool, checked: bool
) -> None:
    """PTW-16, PTW-11, GB 30871-2022 A.1: approval, briefing (a confirmed precondition), gas test, guardian, the shift
    leader's ticket check: 2^5, only 11111 starts."""
    bench.badges[1002] = watched
    bench.step()
    if approved:
        bench.step(PermitAccepted(permit(preconditions=(Precondition("briefing", "安全交底"),))))
    if briefed:
        bench.step(Confirmed("HW-1", "briefing", "performer"))
    if tested:
        bench.test_gas()
    if checked:
        bench.check_ticket()
    bench.press("arm")
    assert (bench.mode is Mode.ARMED) == (approved and briefed and tested and watched and checked)
    codes = set() if bench.mode is Mode.ARMED else bench.refusal()
    assert ("permit_none" in codes) == (not approved)
    assert ("precondition" in codes) == (approved and not briefed)
    assert ("gas_test_none" in codes) == (not tested)
    assert ("badge_absent" in codes) == (approved and not watched)
    assert ("ticket_check_none" in codes) == (approved and not checked)


@pytest.mark.parametrize(("performer", "guardian"), list(itertools.product((False, True), repeat=2)))
def test_two_people_must_be_verified_like_the_two_keys_of_a_vault(
    ready: Bench, performer: bool, guardian: bool
) -> None:
    """BOX-03, PTW-07: one of two faces is none."""
    for person, seen in (("performer", performer), ("guardian", guardian)):
        if not seen:
            _no_face(person)(ready)
    ready.press("arm")
    assert (ready.mode is Mode.ARMED) == (performer and guardian)


def test_badge_and_face_must_belong_to_the_same_guardian(bench: Bench) -> None:
    """BOX-03: the relief's badge left on the box does not go with the absent guardian's face of a minute ago."""
    bench.badges[1005] = True
    bench.prepare(permit(people=(PERFORMER, GUARDIAN, RELIEF)))
    bench.looking.discard("guardian")
    _leave(1002)(bench)
    bench.press("arm")
    assert bench.refusal() == {"face_missing"}


@pytest.mark.parametrize(
    ("start_s", "end_s", "inside", "code"),
    [
        (120, 3600, True, "permit_not_yet"),
        (-3600, -1, True, "permit_none"),
        (-60, 3600, False, "place_outside"),
    ],
)
def test_place_and_window_lock_each_other(bench: Bench, start_s: int, end_s: int, inside: bool, code: str) -> None:
    """BOX-02: inside but too early or too late: no; in time but outside: no."""
    bench.step(PermitAccepted(permit(start_s=start_s, end_s=end_s)))
    bench.test_gas()
    _position(inside=inside, edge_m=2)(bench)
    bench.press("arm")
    if code == "permit_none":
        assert bench.refusal() & {"permit_none", "permit_expired"}
    else:
        assert code in bench.refusal()


def test_clock_error_narrows_the_window(ready: Bench) -> None:
    """BOX-02: a clock that may be ten minutes off cannot say that a window began a minute ago."""
    ready.clock_error_ms = 600_000
    ready.press("arm")
    assert ready.refusal() == {"permit_not_yet"}


@pytest.mark.parametrize(
    ("value", "code"),
    [({"CH4": 10.1}, "gas_test_limit"), ({"O2": 19.4}, "gas_test_limit"), ({"CO": float("nan")}, "gas_test_limit")],
)
def test_a_gas_test_over_its_limit_does_not_count(ready: Bench, value: dict[str, float], code: str) -> None:
    """GB 30871-2022 5.3.1, 5.3.2."""
    ready.test_gas(**value)
    ready.press("arm")
    assert ready.refusal() == {code}


def test_a_gas_test_lacking_a_gas_of_the_site_does_not_count(ready: Bench) -> None:
    """GB 30871-2022 5.3.1: every gas that is watched was analysed."""
    test = ready.durable.gas_test
    assert test is not None
    ready.durable = replace(
        ready.durable, gas_test=replace(test, points=tuple(p for p in test.points if p.gas != "CO"))
    )
    ready.press("arm")
    assert ready.refusal() == {"gas_test_missing"}


def test_a_gas_test_ages_out_before_arming(ready: Bench) -> None:
    """PTW-08, GB 30871-2022 5.3.1 c: 47 minutes after the test nothing starts."""
    ready.durable = replace(ready.durable, ignited=("HW-1",))
    test = ready.durable.gas_test
    assert test is not None
    ready.now = test.at_us + 1_800 * SECOND
    ready.step(ms=0)
    assert ready.mode is Mode.PERMISSIVE_OK, "30 minutes to the microsecond"
    ready.now += 1
    ready.step(ms=0)
    assert ready.missing() == {"gas_test_old"}
    ready.step(ms=17 * 60_000)
    ready.press("arm")
    assert ready.refusal() == {"gas_test_old"}


def test_gas_over_the_limit_before_work_makes_the_gas_test_worthless(ready: Bench) -> None:
    """PTW-08: the test of ten minutes ago says nothing about the gas that came and went since."""
    ready.gas["ch4-1"].value = 30.0
    ready.step()
    ready.gas["ch4-1"].value = 0.0
    ready.press("arm")
    assert ready.refusal() == {"gas_test_after_trip"}
    ready.test_gas()
    ready.arm()


def test_a_gas_test_entered_while_gas_is_over_the_limit_does_not_count(ready: Bench) -> None:
    ready.gas["ch4-1"].value = 30.0
    ready.step()
    ready.test_gas()
    ready.gas["ch4-1"].value = 0.0
    ready.press("arm")
    assert ready.refusal() == {"gas_test_after_trip"}


def test_calibration_overdue_blocks_a_release_but_does_not_end_one(released: Bench) -> None:
    """Becoming due while released hides nothing and trips nothing."""
    groups = tuple(
        replace(g, channels=tuple(replace(c, due_s=WALL_S) for c in g.channels)) for g in released.site.groups
    )
    released.site = replace(released.site, groups=groups)
    assert released.run(1).durable.mode is Mode.RELEASED
    released.press("stop")
    released.press("reset")
    released.press("arm")
    assert released.refusal() == {"calibration_due"}


@pytest.mark.parametrize("level", list(Level))
def test_only_the_special_level_needs_the_camera_all_the_time(bench: Bench, level: Level) -> None:
    """GB 30871-2022 5.2.11: 特级 is filmed throughout."""
    bench.prepare(permit(level=level)).release()
    bench.camera = None
    bench.step()
    assert (bench.mode is Mode.TRIPPED) == (level is Level.SPECIAL)


# --- check-in


@pytest.mark.parametrize(("late_s", "ok"), [(-1900, False), (0, True), (1799, True), (1800, True), (1801, False)])
def test_check_in_is_in_time_or_not_at_all(bench: Bench, late_s: int, ok: bool) -> None:
    """PTW-27: 29:59 and 30:00 are in time, 30:01 voids the permit; nobody checks in hours before."""
    bench.step(PermitAccepted(permit(start_s=-late_s)), ms=0)
    assert (bench.durable.checked_in == {"HW-1": 0}) == ok
    assert bool(bench.found("permit.void")) == (late_s > 1800)
    if late_s > 1800:
        assert "HW-1" in bench.durable.void
        bench.press("arm")
        assert bench.mode is Mode.LOCKED


def test_a_permit_that_nobody_checked_in_for_makes_way_for_the_next(bench: Bench) -> None:
    """PTW-27: a void permit does not block the box."""
    bench.step(PermitAccepted(permit("HW-OLD", start_s=-1801)), PermitAccepted(permit("HW-NEW")))
    bench.step()
    assert bench.durable.checked_in == {}, "under another permit the crew looks into the camera again"
    bench.step()
    assert bench.last is not None
    assert bench.last.facts.permit is not None
    assert bench.last.facts.permit.jti == "HW-NEW"
    assert bench.durable.checked_in == {"HW-NEW": 0}


def test_a_wrong_clock_voids_no_permit(bench: Bench) -> None:
    bench.clock_quality = "none"
    bench.step(PermitAccepted(permit(start_s=-1801)))
    assert bench.durable.void == ()


# --- the attempt


def test_relay_closes_once_after_the_acknowledgement_and_then_holds(ready: Bench) -> None:
    ready.arm()
    assert ready.acknowledge().relay is Relay.CLOSE
    assert ready.step().relay is Relay.HOLD
    assert [relay for relay in ready.relays if relay is Relay.CLOSE] == [Relay.CLOSE]
    closed = ready.found("relay.closed")
    assert [note.data["ms"] for note in closed] == [20]


def test_authorisation_is_recorded_with_its_evidence_before_anything_closes(ready: Bench) -> None:
    step = ready.arm()
    note = next(note for note in step.notes if note.type == "release.authorised")
    assert note.token == note.attempt == ready.durable.attempt == 1
    assert note.snapshot
    assert note.data["rules"] == ready.rules.sha256


def test_a_late_acknowledgement_is_ignored(ready: Bench) -> None:
    ready.arm()
    ready.step(ms=2_000)
    assert ready.refusal() == {"attempt_timeout"}
    ready.step(Acknowledged(1))
    assert ready.mode is not Mode.RELEASED


def test_the_acknowledgement_of_an_older_attempt_does_not_release_the_new_one(ready: Bench) -> None:
    ready.arm()
    ready.step(ms=2_000)
    ready.arm()
    assert ready.durable.attempt == 2
    ready.step(Acknowledged(1))
    assert ready.mode is Mode.ARMED
    ready.step(Acknowledged(2))
    assert ready.mode is Mode.RELEASED


def test_an_acknowledgement_without_an_attempt_does_nothing(ready: Bench) -> None:
    for attempt in (0, 1):
        ready.step(Acknowledged(attempt))
    assert ready.mode is Mode.PERMISSIVE_OK


def test_an_acknowledgement_at_the_very_time_out_comes_too_late(ready: Bench) -> None:
    ready.arm()
    ready.now = ready.durable.armed_us + 2 * SECOND
    ready.step(Acknowledged(1), ms=0)
    assert ready.refusal() == {"attempt_timeout"}


def test_next_deadline_is_the_end_of_the_attempt(ready: Bench) -> None:
    """Absence is not an event: the kernel asks to be called when the attempt ends."""
    ready.arm()
    ready.now = ready.durable.armed_us + 2 * SECOND - 100_000
    assert ready.step(ms=0).next_us == ready.durable.armed_us + 2 * SECOND


def test_a_second_edge_ends_the_attempt(ready: Bench) -> None:
    ready.arm()
    ready.press("arm")
    assert ready.refusal() == {"second_edge"}
    assert ready.mode is not Mode.ARMED
    ready.step(Acknowledged(1))
    assert ready.mode is not Mode.RELEASED


@pytest.mark.parametrize(
    ("change", "code"),
    [(row[1], row[3]) for row in ALONE if row[2] != "permit"],
    ids=[row[0] for row in ALONE if row[2] != "permit"],
)
def test_a_loss_between_arming_and_acknowledgement_abandons(ready: Bench, change: Change, code: str) -> None:
    """On the acknowledgement all release conditions are evaluated again on current evidence."""
    ready.arm()
    change(ready)
    ready.acknowledge()
    assert ready.mode is not Mode.RELEASED
    assert ready.mode is not Mode.ARMED
    assert ready.relays[-1] is Relay.OPEN
    if ready.mode is not Mode.FAULT:
        assert code in ready.refusal()


def test_the_permit_may_be_revoked_between_arming_and_acknowledgement(ready: Bench) -> None:
    ready.arm()
    lists = Revocations("bridge-1", "box-1", 1, WALL_S, ("HW-1",))
    ready.step(Revoked(lists), Acknowledged(1))
    assert ready.mode is Mode.LOCKED
    assert "permit_revoked" in ready.refusal()


def test_a_suspension_and_an_acknowledgement_together_do_not_release(ready: Bench) -> None:
    ready.arm()
    ready.step(Acknowledged(1), Suspended("HW-1", "wind", void=False))
    assert ready.mode is Mode.TRIPPED
    assert ready.first_out == "permit_suspended"


def test_another_permit_that_arrives_while_armed_changes_nothing(ready: Bench) -> None:
    ready.arm()
    ready.step(PermitAccepted(permit("HW-0", start_s=-600)))
    assert ready.mode is Mode.ARMED
    ready.acknowledge()
    assert ready.last is not None
    assert ready.last.facts.permit is not None
    assert ready.last.facts.permit.jti == ready.durable.active == "HW-1"


# --- edges


def test_a_button_that_is_held_at_the_start_is_no_edge(bench: Bench) -> None:
    bench.pressed.add("arm")
    bench.step()
    bench.step(PermitAccepted(permit()))
    bench.test_gas()
    bench.check_ticket()
    bench.run(1)
    assert bench.mode is Mode.PERMISSIVE_OK
    assert bench.durable.attempt == 0


def test_a_module_that_falls_silent_and_returns_makes_no_edge(ready: Bench) -> None:
    """The arm button's edge is seen, never concluded."""
    ready.inputs_silent_since = ready.now
    ready.run(1)
    ready.pressed.add("arm")
    ready.inputs_silent_since = None
    ready.run(1)
    assert ready.mode is Mode.PERMISSIVE_OK
    assert not ready.found("interlock.arm_refused")


def test_a_button_held_through_a_restart_is_no_edge(ready: Bench) -> None:
    ready.restart()
    ready.pressed.add("arm")
    ready.run(0.5)
    assert ready.durable.attempt == 0


def test_arm_is_ignored_while_released(released: Bench) -> None:
    released.press("arm")
    assert released.mode is Mode.RELEASED
    assert released.durable.attempt == 1


def test_every_condition_counts_somewhere() -> None:
    assert all(condition.release or condition.run for condition in CONDITIONS)
    covered = {row[2] for row in ALONE} | {
        "approval", "calibration", "bump_test", "preconditions", "latch", "fire_watch", "check_in", "proof_test", "contact_life",
    }  # fmt: skip
    assert {c.name for c in CONDITIONS if c.release} == covered


def test_conditions_do_not_short_cut(bench: Bench) -> None:
    """`hotbox explain` shows every verdict at any time."""
    step = bench.step()
    assert set(step.verdicts) == {condition.name for condition in CONDITIONS}


@pytest.mark.parametrize("person", ["stranger-of-another-permit"])
def test_a_face_of_somebody_else_does_not_count(ready: Bench, person: str) -> None:
    """BOX-03: only the people of this permit count, however well another was verified."""
    _no_face("guardian")(ready)
    ready.faces[person] = Face(ready.now, person, 100, "proven", "dlib")
    ready.press("arm")
    assert ready.refusal() == {"face_missing"}


AT_THE_LIMIT: list[tuple[str, Change, Change]] = [
    ("loop gap", _set(loop_gap_ms=180), _set(loop_gap_ms=181)),
    ("clock step", _set(wall_jump_ms=-2000), _set(wall_jump_ms=-2001)),
    ("audit age", _set(audit=AuditHealth(True, 1000, False)), _set(audit=AuditHealth(True, 1001, False))),
    ("satellites", _position(satellites=4), _position(satellites=3)),
    ("HDOP", _position(hdop_centi=500), _position(hdop_centi=501)),
    ("face distance", _face("guardian", distance_milli=500), _face("guardian", distance_milli=501)),
    ("stranger's distance", _stranger(599), _stranger(600)),
    ("fix age", _silent("position_silent_since", 10), _silent("position_silent_since", 10.000001)),
    ("camera's word", _silent("camera_silent_since", 5), _silent("camera_silent_since", 5.000001)),
    ("recorder's word", _special(silent_s=10), _special(silent_s=10.000001)),
    ("dead-man age", _silent("deadman_silent_since", 0.18), _silent("deadman_silent_since", 0.180001)),
    ("clock floor", lambda b: setattr(b, "clock_floor", b.wall_ms), lambda b: setattr(b, "clock_floor", b.wall_ms + 1)),
    ("signed time", lambda b: _durable(as_of=b.wall_ms // 1000 + 60)(b), lambda b: _durable(as_of=b.wall_ms // 1000 + 61)(b)),
    ("O2 low", _gas("o2-1", 19.5), _gas("o2-1", 19.499)),
    ("O2 high", _gas("o2-1", 23.5), _gas("o2-1", 23.501)),
    ("CO", _gas("co-1", 25.764), _gas("co-1", 25.765)),
]  # fmt: skip


@pytest.mark.parametrize(("within", "beyond"), [r[1:] for r in AT_THE_LIMIT], ids=[r[0] for r in AT_THE_LIMIT])
def test_the_limit_itself_passes_and_a_hair_beyond_does_not(within: Change, beyond: Change) -> None:
    """Limits are inclusive: `<=` everywhere."""
    for change, ok in ((within, True), (beyond, False)):
        bench = Bench().prepare()
        change(bench)
        bench.step(ms=0)
        assert (bench.mode is Mode.PERMISSIVE_OK) == ok, bench.missing()


@pytest.mark.parametrize(("person", "badge"), [("guardian", 1002), ("performer", 1001)])
def test_badge_and_face_count_until_their_time_to_live(person: str, badge: int) -> None:
    """20 s for a badge, 180 s for a face."""
    for seconds, ok in ((20, True), (20.000001, False)):
        bench = Bench().prepare()
        bench.badges[badge] = False
        bench.now += int(seconds * SECOND)
        bench.step(ms=0)
        assert (bench.mode is Mode.PERMISSIVE_OK) == ok
    for seconds, ok in ((180, True), (180.000001, False)):
        bench = Bench().prepare()
        bench.looking.discard(person)
        bench.now += int(seconds * SECOND)
        bench.step(ms=0)
        assert (bench.mode is Mode.PERMISSIVE_OK) == ok


def test_a_gas_test_in_another_unit_does_not_count(ready: Bench) -> None:
    """The unit trap: 0.4 measured in vol% is 8 %LEL; a point without the site's gas and unit says nothing."""
    test = ready.durable.gas_test
    assert test is not None
    points = tuple(replace(p, unit="vol%", value=0.4) if p.gas == "CH4" else p for p in test.points)
    ready.durable = replace(ready.durable, gas_test=replace(test, points=points))
    ready.press("arm")
    assert ready.refusal() == {"gas_test_missing"}
