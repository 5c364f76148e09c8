"""While released: every run condition alone opens the relay, at once or after its declared grace."""

import itertools

import msgspec
import pytest

from contracts.permit import Revocations
from edge.gas.reading import Quality
from edge.interlock import kernel
from edge.interlock.conditions import CONDITIONS
from edge.interlock.happenings import PermitAccepted, Revoked, ShutDown, Suspended
from edge.interlock.kernel import Relay
from edge.interlock.snapshot import AuditHealth
from edge.interlock.state import Durable, Mode
from tests.edge.interlock.bench import GUARDIAN, PERFORMER, RELIEF, SECOND, WALL_S, Bench, permit
from tests.edge.interlock.test_release import ALONE, Change

replace = msgspec.structs.replace


def _audit(*, writable: bool = True, age_ms: int = 0, rollback: bool = False) -> Change:
    return lambda bench: setattr(bench, "audit", AuditHealth(writable, age_ms, rollback))


def _open(bench: Bench) -> None:
    bench.latch = bench.contact = False
    bench.cause = "heartbeat_lost"


AT_ONCE: list[tuple[str, Change, str]] = [
    (name, change, code)
    for name, change, condition, code in ALONE
    if condition
    in (
        "estop",
        "stop",
        "gas",
        "inputs",
        "loop",
        "clock",
        "lease",
        "place",
        "stranger",
        "unknown_badge",
        "door",
        "mains",
        "battery",
        "enclosure",
        "flame",
        "level",
        "wind",
    )
    or code in ("permit_revoked", "permit_void", "permit_finished", "deadman_silent")
] + [
    ("dead-man opened by itself", _open, "deadman_open"),
    ("contact opened by itself", lambda b: setattr(b, "contact", False), "feedback_lost"),
    ("audit five seconds late", _audit(age_ms=5001), "audit_late"),
    ("audit unwritable", _audit(writable=False), "audit_unwritable"),
    ("audit rolled back", _audit(rollback=True), "audit_rollback"),
    ("permit gone", lambda b: setattr(b, "durable", replace(b.durable, permits=())), "permit_none"),
    ("wall clock forward", lambda b: setattr(b, "wall_jump_ms", 2100), "clock_step"),
]


@pytest.mark.parametrize(("change", "code"), [row[1:] for row in AT_ONCE], ids=[row[0] for row in AT_ONCE])
def test_each_run_condition_alone_trips_in_that_very_step(released: Bench, change: Change, code: str) -> None:
    """BOX-04, PTW-17, PTW-24: the relay opens on the evaluation that sees it, and that is the first-out."""
    change(released)
    step = released.step(ms=0)
    assert step.relay is Relay.OPEN
    assert released.mode is Mode.TRIPPED
    assert released.first_out == code
    (note,) = [n for n in step.notes if n.type == "interlock.tripped"]
    assert note.snapshot
    assert note.data["code"] == code
    assert note.data["released"] is True
    assert note.permit == ("HW-1" if code != "permit_none" else "")
    assert [n.type for n in step.notes].index("interlock.tripped") < [n.type for n in step.notes].index(
        "fire_watch.started"
    )


def test_every_run_condition_is_covered_here() -> None:
    graced = {"guardian", "performer", "faces_again"}
    assert {c.name for c in CONDITIONS if c.run} == graced | {
        "estop", "stop", "gas", "deadman", "contact_closed", "inputs", "loop", "clock", "deadline", "permit", "lease",
        "stranger", "unknown_badge", "place", "camera_running", "video_running", "audit_running", "door", "mains", "battery", "enclosure",
        "level", "wind", "flame",
    }  # fmt: skip


@pytest.mark.parametrize("what", ["full", "epoch_pending"])
def test_what_only_a_new_release_asks_of_the_log_ends_none(released: Bench, what: str) -> None:
    """ANT-10: the storage fills while people work; the work is not the moment to put that right."""
    released.audit = AuditHealth(True, 0, False, full=what == "full", epoch_pending=what == "epoch_pending")
    released.step()
    assert released.mode is Mode.RELEASED


@pytest.mark.parametrize("ms", [999, 5000])
def test_a_short_delay_of_the_log_does_not_trip(released: Bench, ms: int) -> None:
    """Audit age may reach five seconds while released, one second before."""
    _audit(age_ms=ms)(released)
    released.step()
    assert released.mode is Mode.RELEASED


# --- grace


@pytest.mark.parametrize(("role", "badge", "grace_s"), [("guardian", 1002, 30), ("performer", 1001, 30)])
def test_an_absent_person_is_warned_about_and_then_trips(released: Bench, role: str, badge: int, grace_s: int) -> None:
    """PTW-10, GB 30871-2022 4.10: a countdown, then the trip; not a step later."""
    released.badges[badge] = False
    left = released.now
    released.run(20)
    assert not released.found("presence.warning"), "the badge's time to live"
    released.run(0.1)
    absent, again = released.found("presence.warning")
    assert (absent.data["condition"], absent.data["seconds"]) == (role, grace_s)
    assert (again.data["condition"], again.data["seconds"]) == ("faces_again", 60), "whoever comes back is verified anew"
    began = released.volatile.grace[role]
    while released.mode is Mode.RELEASED:
        assert released.last is not None
        assert released.last.next_us <= began + grace_s * SECOND
        released.now = released.last.next_us
        released.step(ms=0)
    assert released.first_out == "badge_absent"
    assert released.now == began + grace_s * SECOND
    assert released.now - left <= (20 + grace_s) * SECOND + 100_000
    assert len(released.found("presence.warning")) == 2


def test_a_return_in_time_ends_the_countdown_and_the_next_absence_starts_anew(released: Bench) -> None:
    released.badges[1002] = False
    released.run(45)
    released.badges[1002] = True
    released.run(1)
    assert [note.data["condition"] for note in released.found("presence.back")] == ["guardian", "faces_again"]
    assert released.volatile.grace == {}
    released.badges[1002] = False
    released.run(49)
    assert released.mode is Mode.RELEASED
    told = [note.data["condition"] for note in released.found("presence.warning")]
    assert told == ["guardian", "faces_again", "guardian", "faces_again"]
    released.run(2)
    assert released.first_out == "badge_absent"


def test_two_countdowns_run_side_by_side(released: Bench) -> None:
    released.badges[1001] = False
    released.run(10)
    released.badges[1002] = False
    released.run(15)
    assert set(released.volatile.grace) == {"performer", "faces_again"}
    released.run(6)
    assert set(released.volatile.grace) == {"performer", "guardian", "faces_again"}
    released.run(20)
    assert released.mode is Mode.TRIPPED
    assert released.durable.first_out is not None
    assert released.durable.first_out.subject == PERFORMER.name


def test_a_countdown_does_not_leak_into_the_next_release(released: Bench) -> None:
    released.badges[1002] = False
    released.run(45)
    released.press("stop")
    assert released.volatile.grace == {}
    released.badges[1002] = True
    released.step()
    released.press("reset")
    released.release()
    released.badges[1002] = False
    released.run(45)
    assert released.mode is Mode.RELEASED


def test_faces_are_checked_again_on_schedule_with_grace(released: Bench) -> None:
    """BOX-04: an hour between two re-checks of the guardian, one minute to come; the performer is not looked for."""
    released.looking.clear()
    released.faces = {who: replace(face, at_us=released.now) for who, face in released.faces.items()}
    released.run(3600, ms=400)
    assert not released.found("presence.warning")
    released.run(59, ms=100)
    assert released.mode is Mode.RELEASED
    assert released.found("presence.warning")[0].data["condition"] == "faces_again"
    released.looking.add("guardian")
    released.run(1)
    assert released.volatile.grace == {}
    released.looking.clear()
    released.run(3658, ms=400)
    assert released.mode is Mode.RELEASED
    released.run(4)
    assert (released.first_out, released.durable.consequences) == ("face_old", ())


def test_grace_covers_people_only(released: Bench) -> None:
    """No other condition has grace."""
    assert released.last is not None
    step = released.step()
    failing = {name for name, verdict in step.verdicts.items() if verdict.grace_us}
    assert failing <= {"guardian", "performer", "faces_again"}


def test_gas_does_not_wait_for_somebody_elses_grace(released: Bench) -> None:
    released.badges[1002] = False
    released.run(30)
    released.gas["co-1"].value = 30.0
    released.step()
    assert released.first_out == "gas_high"


# --- people of this release


def test_a_relief_needs_a_new_arming(bench: Bench) -> None:
    """Workflow "Permit": relief of the guardian is suspend, verify, arm; a badge that comes along does not take over."""
    bench.prepare(permit(people=(PERFORMER, GUARDIAN, RELIEF))).release()
    assert bench.durable.crew == ("performer", "guardian")
    bench.badges[1005] = True
    bench.looking.add("relief")
    bench.run(5)
    bench.badges[1002] = False
    bench.run(51)
    assert bench.mode is Mode.TRIPPED
    assert bench.durable.first_out is not None
    assert bench.durable.first_out.subject == GUARDIAN.name
    bench.badges[1002] = True
    bench.step()
    bench.press("reset")
    bench.badges[1002] = False
    bench.run(21)
    bench.release()
    assert bench.durable.crew == ("performer", "relief")


def test_either_of_two_verified_guardians_may_stay(bench: Bench) -> None:
    bench.badges[1005] = True
    bench.looking.add("relief")
    bench.prepare(permit(people=(PERFORMER, GUARDIAN, RELIEF))).release()
    assert set(bench.durable.crew) == {"performer", "guardian", "relief"}
    bench.badges[1002] = False
    bench.run(60)
    assert bench.mode is Mode.RELEASED


# --- votes


BAD = [
    (0.0, Quality.GOOD), (30.0, Quality.GOOD), (None, Quality.GOOD), (float("nan"), Quality.GOOD),
    (float("inf"), Quality.GOOD), (float("-inf"), Quality.GOOD), (1e300, Quality.GOOD),
    *((0.0, quality) for quality in Quality if quality is not Quality.GOOD),
]  # fmt: skip


def _is_good(value: float | None, quality: Quality) -> bool:
    return quality is Quality.GOOD and value == 0.0


@pytest.mark.parametrize("name", ["ch4-1", "o2-1", "ch4-2"])
@pytest.mark.parametrize(("value", "quality"), BAD, ids=[f"{value}-{quality}" for value, quality in BAD])
def test_only_a_good_number_within_limits_passes(
    released: Bench, name: str, value: float | None, quality: Quality
) -> None:
    """BOX-04: 1oo1 and 1oo2 trip on everything else; NaN, infinity and nothing are no clean air."""
    released.gas[name].value, released.gas[name].quality = value, quality
    released.step()
    good = _is_good(value, quality) and not name.startswith("o2")
    assert (released.mode is Mode.RELEASED) == good


def test_two_of_three_votes_over_every_combination_of_quality_and_value(released: Bench) -> None:
    """2oo3: one bad head makes it 1oo2, two bad heads trip; exhaustive over 15^3 states of the three heads."""
    names = ("ch4-4", "ch4-5", "ch4-6")
    snapshot = released.snapshot()
    for states in itertools.product(BAD, repeat=3):
        readings = dict(snapshot.readings)
        for name, (value, quality) in zip(names, states, strict=True):
            readings[name] = replace(readings[name], value=value, quality=quality)
        step = kernel.step(
            released.site, released.rules, released.durable, released.volatile,
            replace(snapshot, readings=readings), released.now,
        )  # fmt: skip
        votes = sum(not _is_good(value, quality) for value, quality in states)
        assert (step.relay is Relay.OPEN) == (votes >= 2), states
        assert step.next_us > released.now


@pytest.mark.parametrize("name", ["ch4-1", "ch4-2", "o2-1"])
def test_a_reading_is_stale_by_its_age_and_no_sooner(released: Bench, name: str) -> None:
    released.gas[name].silent_since = released.now
    released.now += 500_000
    released.step(ms=0)
    assert released.mode is Mode.RELEASED
    assert released.last is not None
    assert released.last.next_us == released.now + 1, "the kernel asks to be called when it gets stale"
    released.now += 1
    released.step(ms=0)
    assert released.first_out == "gas_stale"


def test_a_reading_stamped_in_the_future_is_no_evidence(released: Bench) -> None:
    released.gas["ch4-1"].silent_since = released.now + 60 * SECOND
    released.step()
    assert released.first_out == "gas_stale"


@pytest.mark.parametrize("limit", [10.0, 9.9999])
def test_the_limit_itself_passes(released: Bench, limit: float) -> None:
    """GB 30871-2022 5.3.2: 0.5 vol% of methane, 10 %LEL, is allowed; more is not."""
    released.gas["ch4-1"].value = limit
    assert released.step().durable.mode is Mode.RELEASED
    released.gas["ch4-1"].value = 10.0001
    assert released.step().durable.mode is Mode.TRIPPED


def test_the_most_dangerous_of_simultaneous_causes_is_first_out(released: Bench) -> None:
    released.gas["ch4-1"].value = 50.0
    released.pressed.add("estop")
    released.position = None
    released.step()
    assert released.first_out == "estop_open"
    assert released.consequences == {"gas_high", "place_unknown"}


# --- time


def test_the_deadline_is_the_permits_end_fixed_at_the_release(bench: Bench) -> None:
    """PTW-05, GB 30871-2022 5.1.5: over on CLOCK_BOOTTIME, whatever the wall clock says."""
    bench.prepare(permit(end_s=100)).release()
    deadline = bench.durable.deadline_us
    assert 0 <= deadline - 1100 * SECOND < 1000, "to the millisecond of the wall clock"
    # Many small steps back, each too small to be a jump.
    for _ in range(1800):
        bench.wall_jump_ms -= 1
        bench.step(ms=50)
    assert bench.mode is Mode.RELEASED
    while bench.mode is Mode.RELEASED:
        bench.step(ms=50)
    assert bench.first_out == "deadline"
    assert deadline <= bench.now <= deadline + 50_000
    assert bench.durable.deadline_us == deadline


def test_at_the_deadline_itself_the_time_is_over(bench: Bench) -> None:
    """PTW-05: the kernel asks to be called at that instant, and then opens."""
    bench.prepare(permit(end_s=100)).release()
    bench.now = bench.durable.deadline_us - 1000
    assert bench.step(ms=0).next_us == bench.durable.deadline_us
    bench.now = bench.durable.deadline_us - 1
    bench.wall_jump_ms = -1000
    assert bench.step(ms=0).relay is Relay.HOLD
    bench.now = bench.durable.deadline_us
    bench.step(ms=0)
    assert bench.first_out == "deadline"


def test_creeping_the_wall_clock_back_is_a_jump_in_the_end(released: Bench) -> None:
    """BOX-02: forty small steps back are one large one."""
    for _ in range(60):
        released.wall_jump_ms -= 40
        released.step(ms=1000)
    assert released.first_out == "clock_step"


def test_clock_error_shortens_the_deadline(bench: Bench) -> None:
    bench.clock_error_ms = 5_000
    bench.prepare(permit(end_s=100)).release()
    assert 0 <= bench.durable.deadline_us - 1095 * SECOND < 1000


def test_a_second_release_has_no_later_end(released: Bench) -> None:
    """Re-arming never extends."""
    deadline = released.durable.deadline_us
    released.press("stop")
    released.press("reset")
    released.release()
    assert released.durable.attempt == 2
    assert released.durable.deadline_us == deadline


def test_the_lease_counts_from_the_newest_signed_time_and_not_from_arming(bench: Bench) -> None:
    """BOX-05: `as_of` + lease; the permit's own `as_of` is 120 s old."""
    bench.prepare(permit(lease_s=300)).release()
    bench.run(100, ms=100)
    bench.press("stop")
    bench.press("reset")
    bench.release()
    while bench.mode is Mode.RELEASED:
        bench.step(ms=100)
    assert bench.first_out == "lease"
    assert abs(bench.now - 1000 * SECOND - 180 * SECOND) < 2 * SECOND


def test_a_renewed_lease_lets_the_work_go_on(bench: Bench) -> None:
    """BOX-05: the bridge's newer list renews the lease while released; an older one takes nothing back."""
    bench.prepare(permit(lease_s=300)).release()
    bench.run(100, ms=100)
    bench.step(Revoked(Revocations("bridge-1", "box-1", 0, WALL_S + 100, ())))
    bench.step(Revoked(Revocations("bridge-1", "box-1", 0, WALL_S + 50, ())))
    assert bench.durable.as_of == WALL_S + 100
    bench.run(280, ms=100)
    assert bench.mode is Mode.RELEASED
    bench.run(30, ms=100)
    assert bench.first_out == "lease"


def test_a_box_behind_the_bridges_signed_time_has_a_wrong_clock(ready: Bench) -> None:
    """BOX-02: a clock set back before what is already signed cannot stretch a window."""
    ready.step(Revoked(Revocations("bridge-1", "box-1", 0, WALL_S + 3600, ())))
    ready.press("arm")
    assert "clock_floor" in ready.refusal()


# --- word from the bridge


def test_a_revocation_trips_at_once_and_stays(released: Bench) -> None:
    """PTW-17: and a later list that forgets it, or an older one, brings nothing back."""
    step = released.step(Revoked(Revocations("bridge-1", "box-1", 5, WALL_S, ("HW-1",))))
    assert step.relay is Relay.OPEN
    assert released.first_out == "permit_revoked"
    assert [n.permit for n in released.found("permit.revoked")] == ["HW-1"]
    released.step(Revoked(Revocations("bridge-1", "box-1", 4, WALL_S, ())))
    assert released.durable.revision == 5
    released.step(Revoked(Revocations("bridge-1", "box-1", 6, WALL_S, ())))
    assert released.durable.revision == 6
    released.press("reset")
    released.press("arm")
    assert released.mode is not Mode.ARMED


def test_two_lists_at_once_keep_the_newer(released: Bench) -> None:
    """Happenings of one batch were judged against the same state: the kernel judges them again."""
    new, old = Revocations("bridge-1", "box-1", 5, WALL_S, ("HW-9",)), Revocations("bridge-1", "box-1", 4, WALL_S, ())
    released.step(Revoked(new), Revoked(old))
    assert (released.durable.revision, released.durable.revoked) == (5, ("HW-9",))


@pytest.mark.parametrize(("void", "code"), [(False, "permit_suspended"), (True, "permit_void")])
def test_suspend_and_void_trip_and_latch(released: Bench, void: bool, code: str) -> None:
    """PTW-17, PTW-24: the bridge may always tighten."""
    assert released.step(Suspended("HW-1", "wind", void)).relay is Relay.OPEN
    assert code in {released.first_out, *released.consequences}
    assert released.durable.latched
    released.press("reset")
    released.check_ticket()
    released.press("arm")
    assert (released.mode is Mode.ARMED) == (not void)


def test_suspending_another_permit_does_not_stop_this_work(released: Bench) -> None:
    released.step(Suspended("HW-9", "wind", void=True))
    assert released.mode is Mode.RELEASED
    assert "HW-9" in released.durable.void


def test_suspending_without_a_permit_stops_whatever_goes_on(released: Bench) -> None:
    released.step(Suspended("", "storm", void=False))
    assert released.first_out == "permit_suspended"


def _queue(ready: Bench) -> Bench:
    """HW-1 decides, HW-2 waits its turn and is suspended by the bridge."""
    ready.step(PermitAccepted(permit("HW-2", start_s=-50)))
    ready.step(Suspended("HW-2", "wind", void=False))
    return ready


def test_a_suspension_of_a_permit_that_waits_holds_until_a_reset_that_is_made_for_it(ready: Bench) -> None:
    """PTW-17: "done" was answered, so it is remembered, across a restart too."""
    _queue(ready)
    assert (ready.mode, ready.durable.suspended) == (Mode.PERMISSIVE_OK, ("HW-2",))
    ready.restart()
    ready.step()
    ready.step(Suspended("HW-1", "changed", void=True))
    ready.press("reset")
    assert len(ready.found("interlock.reset")) == 1
    ready.check_ticket("HW-2")
    ready.press("arm")
    assert ready.mode is Mode.LOCKED
    assert ready.refusal() == {"permit_on_hold"}
    ready.press("reset")
    assert (ready.durable.suspended, ready.mode) == ((), Mode.PERMISSIVE_OK)
    ready.release()
    assert ready.durable.active == "HW-2"


def test_nobody_without_a_right_resets_a_suspension(ready: Bench) -> None:
    """PTW-17."""
    _queue(ready).step(Suspended("HW-1", "changed", void=True))
    ready.press("reset")
    assert (ready.durable.suspended, ready.durable.latched) == (("HW-2",), False)
    ready.badges[1003] = False
    ready.step(ms=21_000)
    ready.press("reset")
    assert (ready.refusal(), ready.durable.suspended) == ({"reset_unauthorised"}, ("HW-2",))


def test_void_stays_final_whoever_resets(ready: Bench) -> None:
    """PTW-17."""
    _queue(ready).step(Suspended("HW-2", "changed", void=True))
    for _ in range(2):
        ready.press("reset")
    ready.step(Suspended("HW-1", "changed", void=True))
    ready.press("reset")
    ready.press("arm")
    assert ready.refusal() >= {"permit_void"}


def test_a_suspended_permit_that_another_overtakes_is_not_reset_with_it(ready: Bench) -> None:
    """PTW-17: a reset looks at the work that decides at that moment."""
    ready.step(Suspended("HW-1", "wind", void=False))
    ready.step(PermitAccepted(permit("HW-0", start_s=-70)))
    ready.press("reset")
    assert ready.durable.suspended == ("HW-1",)


def test_a_suspension_while_tripped_is_kept_as_a_consequence(released: Bench) -> None:
    released.press("stop")
    released.step(Suspended("HW-1", "wind", void=False))
    assert released.first_out == "stop_pressed"
    assert "permit_suspended" in released.consequences


def test_gas_in_the_very_step_of_a_suspension_still_asks_for_a_new_gas_test(released: Bench) -> None:
    released.gas["ch4-1"].value = 40.0
    released.step(Suspended("HW-1", "wind", void=False))
    assert released.first_out == "gas_high"
    assert released.consequences == {"permit_suspended"}
    released.gas["ch4-1"].value = 0.0
    released.step()
    released.press("reset")
    released.press("arm")
    assert released.refusal() == {"gas_test_after_trip", "ticket_check_none"}


def test_a_permit_that_is_held_is_never_replaced(released: Bench) -> None:
    """GB 30871-2022 4.18: not its people, not its end."""
    held = released.durable.permits
    released.step(PermitAccepted(permit(end_s=8 * 3600)))
    assert released.durable.permits == held
    assert released.mode is Mode.RELEASED


def test_a_flood_of_permits_does_not_push_out_the_one_at_work(released: Bench) -> None:
    for number in range(40):
        released.step(PermitAccepted(permit(f"N-{number}", start_s=number)))
    assert released.mode is Mode.RELEASED
    assert len(released.durable.permits) == 16
    assert "HW-1" in {held.jti for held in released.durable.permits}


def test_permits_that_are_over_make_room_first(released: Bench) -> None:
    """A permit that was accepted stands as long as any that is over can go instead."""
    for number in range(15):
        released.step(PermitAccepted(permit(f"N-{number}", start_s=number)))
    released.step(Suspended("N-7", "void", void=True))
    released.step(PermitAccepted(permit("LAST", start_s=5000, end_s=9000)))
    held = {one.jti for one in released.durable.permits}
    assert held == {"HW-1", "LAST", *(f"N-{number}" for number in range(15) if number != 7)}


def test_an_orderly_shutdown_trips(released: Bench) -> None:
    assert released.step(ShutDown()).relay is Relay.OPEN
    assert released.first_out == "shutdown"


def test_an_orderly_shutdown_of_a_locked_box_changes_nothing(ready: Bench) -> None:
    before = ready.durable
    ready.step(ShutDown())
    assert ready.durable == before


# --- the contact


def test_a_contact_that_never_closes_trips_after_the_settle_time(ready: Bench) -> None:
    ready.stuck = True
    ready.arm()
    ready.acknowledge()
    ready.run(0.25, ms=10)
    assert ready.mode is Mode.RELEASED
    assert not ready.durable.confirmed
    ready.step(ms=10)
    assert ready.first_out == "feedback_not_closed"


def test_a_dead_man_that_does_not_obey_trips_after_the_settle_time(ready: Bench) -> None:
    ready.arm()
    ready.acknowledge()
    _open(ready)
    ready.run(0.25, ms=10)
    assert ready.mode is Mode.RELEASED
    ready.step(ms=10)
    assert ready.first_out == "deadman_open"


def test_a_latch_that_opens_after_it_was_confirmed_has_no_settle_time(released: Bench) -> None:
    assert released.now - released.durable.released_us < 250_000
    _open(released)
    released.step(ms=1)
    assert released.first_out == "deadman_open"


def test_a_site_without_gas_groups_never_passes(ready: Bench) -> None:
    """PTW-09: no gas reading, no release."""
    ready.site = replace(ready.site, groups=())
    ready.press("arm")
    assert "gas_never" in ready.refusal()


def test_the_status_after_a_step_shows_the_new_mode(released: Bench) -> None:
    """What is told at a change of mode is the mode after the change."""
    released.pressed.add("stop")
    step = released.step()
    assert step.facts.durable == step.durable
    assert isinstance(step.facts.durable, Durable)
    assert step.facts.durable.mode is Mode.TRIPPED


def test_the_kernel_asks_to_be_called_when_the_contact_must_have_closed(ready: Bench) -> None:
    ready.stuck = True
    ready.arm()
    ready.acknowledge()
    closing = ready.durable.released_us
    ready.now += 100_000
    assert ready.step(ms=0).next_us == closing + 250_001
    ready.stuck, ready.contact = False, True
    ready.step()
    assert ready.durable.confirmed
    assert ready.last is not None
    assert ready.last.next_us > closing + 250_001
