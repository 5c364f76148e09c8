"""Every transition, whole: what is remembered of it, field by field, what is written, and what the relay is told."""

import msgspec
import pytest

from contracts.event import ActionResult, Category, Severity
from edge.interlock.conditions import CONDITIONS, Verdict, facts
from edge.interlock.happenings import Acknowledged, PermitAccepted, ShutDown, Suspended
from edge.interlock.kernel import Relay, Step
from edge.interlock.proof_test import Probe
from edge.interlock.state import FireWatch, Levels, Mode, Opening, Reason, Trace
from edge.interlock.turn import MAX_CONSEQUENCES, Turn, add_consequences, failing
from tests.edge.interlock.bench import GB, SECOND, Bench, permit
from tests.edge.interlock.changes import changed, note, turn

replace = msgspec.structs.replace
HELD, LOOSE = Levels(arm=True, finish=False, reset=False), Levels(arm=False, finish=False, reset=False)
WATCH = {"seconds": GB.fire_watch_s.value, "clause": GB.fire_watch_s.clause}
HIGH = Reason("gas_high", "ch4-1", 40_000, 10_000, "%LEL", "GB 30871-2022 5.3.2 (LEL >= 4 vol%)")
HIGH_DATA = {
    "code": "gas_high", "chan": "ch4-1", "value_milli": 40_000, "limit_milli": 10_000, "unit": "%LEL",
    "clause": "GB 30871-2022 5.3.2 (LEL >= 4 vol%)",
}  # fmt: skip


class Change:
    """One step and all that it changed."""

    def __init__(self, bench: Bench, *happenings: object, ms: int = 20) -> None:
        durable, volatile = bench.durable, bench.volatile
        self.step: Step = bench.step(*happenings, ms=ms)  # type: ignore[arg-type]
        self.durable = changed(durable, bench.durable)
        self.volatile = changed(volatile, bench.volatile)
        self.notes = [each for each in self.step.notes if each.type not in ("gas.record", "identity.verified")]


def _hold(bench: Bench, *buttons: str) -> Change:
    bench.pressed = set(buttons)
    return Change(bench)


def _armed() -> Bench:
    bench = Bench().prepare()
    _hold(bench, "arm")
    assert bench.mode is Mode.ARMED
    return bench


# --- the attempt


def test_arming_remembers_the_attempt_its_permit_and_its_end_and_asks_for_an_acknowledgement(ready: Bench) -> None:
    """BOX-01, PTW-05: number, permit, beginning, and the permit's end on a clock that nobody can set."""
    done = _hold(ready, "arm")
    now, exp = ready.now, permit().exp
    end_us = exp * SECOND - ready.wall_ms * 1000 + ready.clock.at_us
    assert done.durable == {
        "mode": Mode.ARMED, "since_us": now, "attempt": 1, "active": "HW-1", "armed_us": now, "deadline_us": end_us,
    }  # fmt: skip
    assert done.volatile == {"levels": HELD}
    assert done.notes == [note("release.authorised", attempt=1, token=1, snapshot=True, rules=GB.sha256)]
    assert (done.step.relay, done.step.probe, done.step.quiet) == (Relay.OPEN, Probe.NONE, False)


def test_the_next_attempt_has_the_next_number(ready: Bench) -> None:
    ready.durable = replace(ready.durable, attempt=41)
    done = _hold(ready, "arm")
    assert done.durable["attempt"] == 42
    assert [(n.attempt, n.token) for n in done.notes] == [(42, 42)]


def test_a_refused_arming_changes_nothing_and_names_every_reason(ready: Bench) -> None:
    """PTW-18."""
    ready.pressed.add("door")
    ready.position = None
    ready.step()
    ready.pressed.add("arm")
    done = Change(ready)
    assert (done.durable, done.volatile) == ({}, {"levels": HELD})
    ttl = GB.position_ttl_s
    assert done.notes == [
        note(
            "interlock.arm_refused", sev=Severity.WARNING, res=ActionResult.DENIED, snapshot=True,
            reasons=[
                {"code": "door_open", "chan": ""},
                {"code": "place_unknown", "chan": "", "limit_milli": ttl.value * 1000, "unit": "s", "clause": ttl.clause},
            ],
        )
    ]  # fmt: skip
    assert done.step.relay is Relay.OPEN


def test_the_acknowledgement_closes_and_remembers_who_when_and_under_which_permit() -> None:
    """BOX-03: the crew is who was verified at this moment."""
    ready = _armed()
    before = ready.durable
    done = Change(ready, Acknowledged(1))
    now = ready.now
    assert done.durable == {
        "mode": Mode.RELEASED, "since_us": now, "released_us": now, "crew": ("performer", "guardian"), "ignited": ("HW-1",),
        "cycles": {"relay": 1},
    }  # fmt: skip
    assert ready.durable.deadline_us == before.deadline_us
    assert done.volatile == {"commanded_us": now, "recorded_us": now}
    assert done.notes == [note("release.commanded", attempt=1, snapshot=True)]
    assert done.step.relay is Relay.CLOSE


def test_a_clock_that_became_less_sure_between_arming_and_closing_brings_the_end_nearer_and_never_puts_it_off() -> None:
    """PTW-05: the earlier of the two ends counts."""
    for error_ms, moved_us in ((7_000, -4 * SECOND), (1_000, 0)):
        bench = Bench()
        bench.clock_error_ms = 3_000
        bench.prepare(permit(start_s=-600))
        _hold(bench, "arm")
        end_us = bench.durable.deadline_us
        bench.clock_error_ms = error_ms
        bench.acknowledge()
        assert bench.mode is Mode.RELEASED
        assert bench.durable.deadline_us == end_us + moved_us


def test_the_contact_is_confirmed_once_with_its_time() -> None:
    bench = _armed()
    bench.acknowledge()
    done = Change(bench, ms=35)
    traces = {"": Trace(closed=True, obeyed_us=bench.durable.released_us, since_us=bench.now)}
    assert (done.durable, done.volatile) == ({"confirmed": True}, {"traces": traces})
    assert done.notes == [note("relay.closed", attempt=1, snapshot=True, ms=35, cycles=0)]
    again = Change(bench)
    assert (again.durable, again.volatile, again.notes, again.step.relay) == ({}, {}, [], Relay.HOLD)


def test_a_permit_that_is_released_again_is_remembered_once_and_as_the_newest(ready: Bench) -> None:
    """PTW-08: what was ignited is told from the end of the list, which is bounded."""
    ready.durable = replace(ready.durable, ignited=("HW-1", "HW-7"))
    ready.release()
    assert ready.durable.ignited == ("HW-7", "HW-1")
    assert turn(ready).d.ignited == ("HW-7", "HW-1")


@pytest.mark.parametrize("field", ["ignited", "finished"])
def test_what_is_over_is_remembered_for_1024_permits(ready: Bench, field: str) -> None:
    ready.durable = replace(ready.durable, **{field: tuple(f"N-{number}" for number in range(1024))})
    ready.release()
    ready.press("finish")
    kept = getattr(ready.durable, field)
    assert (len(kept), kept[0], kept[-1]) == (1024, "N-1", "HW-1")


def test_an_abandoned_attempt_ends_locked_and_says_why() -> None:
    """The box rests where the conditions put it: LOCKED here, for the door is open."""
    bench = _armed()
    bench.pressed.add("door")
    done = Change(bench)
    assert done.durable == {"mode": Mode.LOCKED, "since_us": bench.now}
    assert done.volatile == {"entries": ("door_open",)}
    assert done.notes == [
        note(
            "release.abandoned", sev=Severity.WARNING, res=ActionResult.DENIED, attempt=1, snapshot=True,
            reasons=[{"code": "door_open", "chan": ""}],
        ),
        note(
            "entry.unauthorised", Category.IDENTITY, Severity.ALARM, attempt=1, code="door_open", chan="", released=False
        ),
    ]  # fmt: skip
    assert done.step.relay is Relay.OPEN


@pytest.mark.parametrize("way", ["second edge", "time-out"])
def test_an_attempt_ends_by_a_second_edge_or_its_time(way: str) -> None:
    bench = _armed()
    armed_us = bench.durable.armed_us
    if way == "second edge":
        _hold(bench)
        done, code = _hold(bench, "arm"), "second_edge"
    else:
        bench.now = armed_us + GB.attempt_s.value * SECOND
        done, code = Change(bench, ms=0), "attempt_timeout"
    assert done.durable == {"mode": Mode.PERMISSIVE_OK, "since_us": bench.now}
    assert done.notes == [
        note(
            "release.abandoned", sev=Severity.WARNING, res=ActionResult.DENIED, attempt=1, snapshot=True,
            reasons=[{"code": code, "chan": ""}],
        )
    ]  # fmt: skip


def test_a_microsecond_before_its_time_an_attempt_still_stands() -> None:
    bench = _armed()
    bench.now = bench.durable.armed_us + GB.attempt_s.value * SECOND - 1
    assert bench.step(Acknowledged(1), ms=0).relay is Relay.CLOSE


def test_a_second_edge_that_comes_with_the_acknowledgement_ends_the_attempt() -> None:
    bench = _armed()
    _hold(bench)
    bench.pressed.add("arm")
    assert Change(bench, Acknowledged(1)).step.relay is Relay.OPEN
    assert bench.mode is Mode.PERMISSIVE_OK


def test_while_armed_finish_and_reset_do_nothing() -> None:
    for button in ("finish", "reset"):
        bench = _armed()
        done = _hold(bench, button)
        assert (done.durable, done.notes) == ({}, [])


# --- the trip


def test_a_trip_remembers_first_out_consequences_opening_and_watch_and_writes_them(released: Bench) -> None:
    """BOX-04: relay first; the most dangerous cause is the first-out, what came with it is kept beside it."""
    released.gas["ch4-1"].value = 40.0
    done = _hold(released, "estop")
    now = released.now
    assert done.durable == {
        "mode": Mode.TRIPPED, "since_us": now, "confirmed": False, "first_out": Reason("estop_open"),
        "consequences": (HIGH,), "gas_alarm_us": now, "opening": Opening("HW-1", now, by_gas=True),
        "fire_watch": FireWatch("HW-1", now, now + 3600 * SECOND),
    }  # fmt: skip
    assert done.volatile == {
        "alarms": ("ch4-1",), "gas_over": True, "commanded_us": now, "opening_since_us": now, "recorded_us": 0,
        "voids": {"performer": now, "guardian": now},
    }  # fmt: skip
    assert done.notes == [
        note(
            "interlock.tripped", sev=Severity.ALARM, attempt=1, snapshot=True, code="estop_open", chan="",
            others=[HIGH_DATA], released=True,
        ),
        note("fire_watch.started", attempt=1, **WATCH),
        note("gas.alarm", Category.GAS, Severity.ALARM, attempt=1, **HIGH_DATA),
    ]  # fmt: skip
    assert done.step.relay is Relay.OPEN
    assert done.step.facts.durable == released.durable
    assert done.step.facts.volatile == released.volatile


def test_a_trip_that_is_not_gas_is_remembered_as_none(released: Bench) -> None:
    """5.3.1 d: the break excuses the gas test only when it was not gas."""
    done = _hold(released, "stop")
    assert done.durable["opening"] == Opening("HW-1", released.now, by_gas=False)
    assert "gas_alarm_us" not in done.durable


def test_the_obeyed_opening_is_written_once(released: Bench) -> None:
    _hold(released, "stop")
    done = Change(released, ms=30)
    traces = {"": Trace(closed=False, obeyed_us=released.volatile.commanded_us, since_us=released.now)}
    assert (done.durable, done.volatile) == ({}, {"opening_since_us": 0, "traces": traces})
    assert done.notes == [note("relay.opened", attempt=1, ms=30, cause="commanded")]
    assert Change(released).notes == []


def test_a_suspension_before_any_release_latches_without_a_watch(ready: Bench) -> None:
    """PTW-17."""
    done = Change(ready, Suspended("HW-1", "wind", void=False), ShutDown())
    reason = Reason("permit_suspended", "HW-1", clause="PTW-17")
    assert done.durable == {"mode": Mode.TRIPPED, "since_us": ready.now, "first_out": reason, "ticket_checks": {}, "suspended": ("HW-1",)}
    assert done.volatile == {}
    assert done.notes == [
        note("permit.suspended", Category.PERMIT, Severity.WARNING, reason="wind"),
        note(
            "interlock.tripped", sev=Severity.ALARM, snapshot=True, code="permit_suspended", chan="HW-1",
            clause="PTW-17", others=[], released=False,
        ),
    ]  # fmt: skip


def test_two_suspensions_at_once_are_a_cause_and_its_consequence(ready: Bench) -> None:
    void = Reason("permit_void", "HW-1", clause="PTW-17")
    done = Change(ready, Suspended("HW-1", "wind", void=False), Suspended("HW-1", "again", void=True))
    assert ready.first_out == "permit_suspended"
    assert ready.durable.consequences == (void,)
    assert done.notes[-1].data["others"] == [{"code": "permit_void", "chan": "HW-1", "clause": "PTW-17"}]


def test_a_shutdown_while_armed_trips(ready: Bench) -> None:
    ready.arm()
    ready.step(ShutDown())
    assert (ready.mode, ready.first_out, ready.durable.fire_watch) == (Mode.TRIPPED, "shutdown", None)


def test_a_suspension_in_a_fault_stays_a_fault_and_is_kept(ready: Bench) -> None:
    made = turn(ready)
    made.fault(Reason("welded"))
    ready.durable = made.d
    done = Change(ready, Suspended("HW-1", "wind", void=False))
    kept = (Reason("permit_suspended", "HW-1", clause="PTW-17"),)
    assert done.durable == {"consequences": kept, "ticket_checks": {}, "suspended": ("HW-1",)}
    assert done.step.relay is Relay.OPEN


@pytest.mark.parametrize("mode", [Mode.FAULT, Mode.TRIPPED])
def test_a_suspension_behind_a_latch_is_its_consequence_in_a_trip_as_in_a_fault(ready: Bench, mode: Mode) -> None:
    """The first cause is never overwritten; a fault of which no cause is known stays one."""
    suspended = Reason("permit_suspended", "HW-1", clause="PTW-17")
    for first in (Reason("first"), None):
        if mode is Mode.TRIPPED and first is None:
            continue
        ready.durable = replace(ready.durable, mode=mode, first_out=first, consequences=())
        ready.step(Suspended("HW-1", "wind", void=False))
        assert (ready.mode, ready.durable.first_out, ready.durable.consequences) == (mode, first, (suspended,))


def test_a_suspension_while_released_is_judged_with_all_the_rest(released: Bench) -> None:
    """Gas in the same step is the first-out, and the opening is by gas."""
    released.gas["ch4-1"].value = 40.0
    released.step(Suspended("HW-1", "wind", void=False))
    assert released.first_out == "gas_high"
    assert released.durable.opening == Opening("HW-1", released.now, by_gas=True)


def test_what_counts_only_for_a_release_ends_an_attempt(ready: Bench) -> None:
    _hold(ready, "arm")
    ready.camera = None
    done = Change(ready, Acknowledged(1))
    assert (ready.mode, done.notes[0].data["reasons"][0]["code"]) == (Mode.LOCKED, "camera_lost")


def test_a_suspension_after_the_reset_is_a_new_first_out(released: Bench) -> None:
    """Nothing of the old trip is left in the new one, and the watch goes on."""
    released.gas["ch4-1"].value = 40.0
    _hold(released, "stop")
    released.gas["ch4-1"].value = 0.0
    _hold(released)
    _hold(released, "reset")
    watch, opening = released.durable.fire_watch, released.durable.opening
    assert released.durable.reset_done
    assert released.durable.consequences
    Change(released, Suspended("HW-1", "wind", void=False))
    assert released.first_out == "permit_suspended"
    assert (released.durable.consequences, released.durable.reset_done) == ((), False)
    assert (released.durable.fire_watch, released.durable.opening) == (watch, opening)


# --- the end of the work


def test_finishing_remembers_the_permit_the_opening_and_the_watch(released: Bench) -> None:
    """Workflows "Permit", POST_WATCH."""
    done = _hold(released, "finish")
    now = released.now
    assert done.durable == {
        "mode": Mode.TRIPPED, "since_us": now, "confirmed": False, "first_out": Reason("finished", "HW-1"),
        "finished": ("HW-1",), "opening": Opening("HW-1", now, by_gas=False),
        "fire_watch": FireWatch("HW-1", now, now + 3600 * SECOND),
    }  # fmt: skip
    assert done.notes == [
        note("work.finished", attempt=1, snapshot=True), note("fire_watch.started", attempt=1, **WATCH),
    ]  # fmt: skip
    assert done.step.relay is Relay.OPEN


def test_finishing_after_a_trip_ends_the_permit_and_leaves_latch_and_watch(released: Bench) -> None:
    _hold(released, "stop")
    done = _hold(released, "finish")
    assert done.durable == {"finished": ("HW-1",)}
    assert [n for n in done.notes if n.type != "relay.opened"] == [note("work.finished", attempt=1, snapshot=True)]


def test_finish_names_the_permit_of_the_last_release_though_another_may_follow(released: Bench) -> None:
    released.step(PermitAccepted(permit("HW-2")))
    _hold(released, "stop")
    released.durable = replace(released.durable, void=("HW-1",))
    done = _hold(released, "finish")
    assert [n.permit for n in done.notes if n.type == "work.finished"] == ["HW-1"]


def test_finishing_in_a_fault_ends_the_permit_and_stays_a_fault(released: Bench) -> None:
    _hold(released, "stop")
    _hold(released)
    made = turn(released)
    made.fault(Reason("welded"))
    released.durable = made.d
    done = _hold(released, "finish")
    assert done.durable == {"finished": ("HW-1",)}
    assert released.mode is Mode.FAULT


@pytest.mark.parametrize("fresh", [True, False])
def test_finish_needs_a_watch_and_a_permit_that_is_not_finished(released: Bench, fresh: bool) -> None:
    _hold(released, "stop")
    _hold(released)
    changes = {"fire_watch": None} if fresh else {"finished": ("HW-1",)}
    released.durable = replace(released.durable, **changes)
    done = _hold(released, "finish")
    assert (done.durable, done.notes) == ({}, [])


# --- the fault


def test_a_fault_while_released_opens_latches_and_begins_the_watch(released: Bench) -> None:
    """EN ISO 13849-1: whatever else is wrong, what cannot be trusted is opened."""
    made = turn(released)
    made.fault(Reason("welded", "", None, None, "", "clause"))
    now = released.now
    assert changed(released.durable, made.d) == {
        "mode": Mode.FAULT, "since_us": now, "confirmed": False, "first_out": Reason("welded", clause="clause"),
        "opening": Opening("HW-1", now, by_gas=False), "fire_watch": FireWatch("HW-1", now, now + 3600 * SECOND),
    }  # fmt: skip
    assert made.notes == [
        note(
            "interlock.fault", sev=Severity.ALARM, attempt=1, snapshot=True, code="welded", chan="", clause="clause"
        ),
        note("fire_watch.started", attempt=1, **WATCH),
    ]  # fmt: skip
    made.notes.clear()
    made.fault(Reason("again"))
    assert (made.d.first_out, made.notes) == (Reason("welded", clause="clause"), [])


def test_a_fault_of_a_locked_box_begins_no_watch_and_forgets_what_an_older_trip_left(ready: Bench) -> None:
    made = turn(ready, first_out=Reason("stop_pressed"), consequences=(Reason("estop_open"),), reset_done=True)
    made.fault(Reason("welded"))
    assert (made.d.mode, made.d.first_out, made.d.consequences) == (Mode.FAULT, Reason("welded"), ())
    assert (made.d.reset_done, made.d.fire_watch, made.d.opening) == (False, None, None)
    assert [n.type for n in made.notes] == ["interlock.fault"]


def test_a_fault_behind_a_latch_is_its_consequence(ready: Bench) -> None:
    made = turn(ready, mode=Mode.TRIPPED, first_out=Reason("stop_pressed"))
    made.fault(Reason("welded"))
    assert made.d.first_out == Reason("stop_pressed")
    assert made.d.consequences == (Reason("welded"),)
    assert made.d.latched


def test_there_are_twelve_consequences_the_oldest_first(ready: Bench) -> None:
    durable = replace(ready.durable, first_out=Reason("a", "1"), consequences=(Reason("b"),))
    more = (Reason("a", "1", 5), Reason("b", "", 7), Reason("a", "2"), *(Reason(f"c{n}") for n in range(20)), Reason("c0"))
    kept = add_consequences(durable, more)
    assert kept == (Reason("b"), Reason("a", "2"), *(Reason(f"c{n}") for n in range(10)))
    assert len(kept) == MAX_CONSEQUENCES == 12
    assert add_consequences(replace(durable, first_out=None), ()) == (Reason("b"),)


def test_a_consequence_is_kept_once(ready: Bench) -> None:
    twice = (Reason("c", "1"), Reason("c", "1", 7), Reason("c", "2"))
    assert add_consequences(ready.durable, twice) == (Reason("c", "1"), Reason("c", "2"))


# --- each transition alone, from wherever it is asked for


def test_a_step_begins_with_what_it_was_given_and_nothing_judged(ready: Bench) -> None:
    shot = ready.snapshot()
    made = Turn(ready.site, ready.rules, ready.durable, ready.volatile, shot, ready.now)
    assert made.f == facts(ready.site, ready.rules, ready.durable, ready.volatile, shot, ready.now)
    assert (made.verdicts, made.notes, made.pressed, made.asked) == ({}, [], (), [])
    assert (made.before, made.d, made.v) == (ready.mode, ready.durable, ready.volatile)


def test_a_note_names_the_permit_that_decides_or_none(ready: Bench) -> None:
    made = turn(ready, attempt=7)
    made.note("a", token=3, part=permit(), x=1)
    made.note("b", permit="")
    assert made.notes == [note("a", attempt=7, token=3, part=permit(), x=1), note("b", permit="", attempt=7)]
    made = turn(ready, permits=())
    made.note("c")
    assert made.notes == [note("c", permit="")]


@pytest.mark.parametrize("mode", [Mode.LOCKED, Mode.PERMISSIVE_OK, Mode.ARMED, Mode.RELEASED])
def test_a_trip_latches_by_itself(ready: Bench, mode: Mode) -> None:
    """Whatever comes after it in the same step."""
    ready.loop_gap_ms = 300
    made = turn(ready, mode=mode, active="HW-1", consequences=(Reason("old"),), reset_done=True)
    made.trip(Reason("a"), (Reason("b"), Reason("a")))
    opened = mode is Mode.RELEASED
    assert (made.d.mode, made.d.since_us, made.d.reset_done) == (Mode.TRIPPED, ready.now, False)
    assert (made.d.first_out, made.d.consequences) == (Reason("a"), (Reason("b"),))
    assert made.d.opening == (Opening("HW-1", ready.now - 300_000, by_gas=False) if opened else None)
    assert made.d.fire_watch == (FireWatch("HW-1", ready.now, ready.now + 3600 * SECOND) if opened else None)
    assert [n.type for n in made.notes] == ["interlock.tripped", *(["fire_watch.started"] if opened else [])]


@pytest.mark.parametrize("mode", [Mode.ARMED, Mode.TRIPPED])
def test_an_attempt_is_abandoned_to_locked(ready: Bench, mode: Mode) -> None:
    made = turn(ready, mode=mode, active="HW-1")
    made.abandon((Reason("a"), Reason("b", "x")))
    assert made.d.mode is Mode.LOCKED
    assert made.notes[0].data == {"reasons": [{"code": "a", "chan": ""}, {"code": "b", "chan": "x"}]}


@pytest.mark.parametrize(
    ("mode", "then", "told"),
    [
        (Mode.LOCKED, Mode.ARMED, "release.authorised"), (Mode.PERMISSIVE_OK, Mode.ARMED, "release.authorised"),
        (Mode.TRIPPED, Mode.ARMED, "release.authorised"), (Mode.ARMED, Mode.LOCKED, "release.abandoned"),
        (Mode.RELEASED, Mode.RELEASED, ""), (Mode.FAULT, Mode.FAULT, "interlock.arm_refused"),
    ],
)  # fmt: skip
def test_the_arm_edge_in_every_mode(ready: Bench, mode: Mode, then: Mode, told: str) -> None:
    """Design: LOCKED -> PERMISSIVE_OK -> ARMED -> RELEASED; never from RELEASED, never out of a fault."""
    made = turn(ready, mode=mode, active="HW-1")
    made.arm()
    assert made.d.mode is then
    assert [n.type for n in made.notes] == ([told] if told else [])


def test_arming_asks_for_every_release_condition_and_a_permit(ready: Bench) -> None:
    """One that counts only for a release is enough to refuse; so is the want of any permit, whatever was judged."""
    made = turn(ready)
    made.verdicts["camera"] = Verdict((Reason("camera_lost"),))
    made.arm()
    assert made.notes[0].data["reasons"] == [{"code": "camera_lost", "chan": ""}]
    made = turn(ready)
    made.f = replace(made.f, permit=None)
    made.arm()
    assert (made.d.mode, [n.type for n in made.notes]) == (ready.mode, ["interlock.arm_refused"])


def test_work_that_is_finished_while_released_leaves_nothing_of_an_older_trip(released: Bench) -> None:
    made = turn(released, consequences=(Reason("old"),), reset_done=True)
    made.finish()
    assert (made.d.mode, made.d.first_out) == (Mode.TRIPPED, Reason("finished", "HW-1"))
    assert (made.d.consequences, made.d.reset_done) == ((), False)


def test_a_resume_ends_the_watch_and_all_that_the_trip_left(ready: Bench) -> None:
    """Design: a resume under the same permit ends the watch; the new release begins unconfirmed."""
    made = turn(
        ready, mode=Mode.ARMED, active="HW-1", attempt=2, first_out=Reason("a"), consequences=(Reason("b"),),
        reset_done=True, confirmed=True, fire_watch=FireWatch("HW-5", 1, ready.now + 9), deadline_us=10**18,
        deadline_by="level_night",
    )  # fmt: skip
    before = made.d
    made.release()
    assert changed(before, made.d) == {
        "mode": Mode.RELEASED, "since_us": ready.now, "released_us": ready.now, "crew": ("performer", "guardian"),
        "ignited": ("HW-1",), "first_out": None, "consequences": (), "reset_done": False, "confirmed": False,
        "fire_watch": None, "deadline_us": permit().exp * SECOND - ready.wall_ms * 1000 + ready.clock.at_us,
        "deadline_by": "deadline",
    }  # fmt: skip
    assert made.notes == [
        note("release.commanded", attempt=2, snapshot=True),
        note("fire_watch.ended", permit="HW-5", attempt=2, resumed=True),
    ]


# --- where it rests


def test_a_latch_rests_tripped_from_wherever_it_was_found(ready: Bench) -> None:
    ready.durable = replace(ready.durable, mode=Mode.LOCKED, first_out=Reason("stop_pressed"))
    done = Change(ready)
    assert done.durable == {"mode": Mode.TRIPPED, "since_us": ready.now}
    assert done.notes == [note("interlock.state", was="LOCKED", now="TRIPPED")]


@pytest.mark.parametrize(
    ("fire_watch", "ready_now", "mode"),
    [(False, False, Mode.LOCKED), (False, True, Mode.PERMISSIVE_OK), (True, False, Mode.TRIPPED),
     (True, True, Mode.PERMISSIVE_OK)],
)  # fmt: skip
def test_after_a_reset_it_rests_by_the_conditions_and_the_watch(
    released: Bench, fire_watch: bool, ready_now: bool, mode: Mode
) -> None:
    """LOCKED needs both the reset and the end of the watch; a resume under the same permit does not."""
    _hold(released, "stop")
    _hold(released)
    first = released.durable.first_out
    if not fire_watch:
        released.durable = replace(released.durable, fire_watch=None)
    _hold(released, *(["reset"] if ready_now else ["reset", "door"]))
    assert released.mode is mode
    assert released.durable.first_out == (first if fire_watch else None)
    assert released.durable.reset_done is fire_watch


def test_the_end_of_the_watch_clears_a_latch_that_was_reset(released: Bench) -> None:
    released.gas["ch4-1"].value = 40.0
    _hold(released, "stop")
    released.gas["ch4-1"].value = 0.0
    _hold(released)
    _hold(released, "reset")
    _hold(released)
    watch = released.durable.fire_watch
    assert watch is not None
    released.now = watch.until_us - 1
    assert "fire_watch" not in Change(released, ms=0).durable
    released.now = watch.until_us
    done = Change(released, ms=0)
    gone = {"fire_watch": None, "first_out": None, "consequences": (), "reset_done": False}
    assert {name: done.durable[name] for name in gone} == gone
    ended = [n for n in done.notes if n.type == "fire_watch.ended"]
    assert ended == [note("fire_watch.ended", attempt=1, resumed=False)]


def test_the_end_of_the_watch_names_the_watched_permit(released: Bench) -> None:
    _hold(released, "stop")
    released.step(Suspended("HW-1", "over", void=True), PermitAccepted(permit("HW-2")))
    watch = released.durable.fire_watch
    assert watch is not None
    released.now = watch.until_us
    done = Change(released, ms=0)
    assert [n.permit for n in done.notes if n.type == "fire_watch.ended"] == ["HW-1"]


def test_quiet_changes_are_told_and_loud_ones_are_not_told_twice(ready: Bench) -> None:
    """Arming, releasing and what ends them have events of their own."""
    assert not [n for n in _hold(ready, "arm").notes if n.type == "interlock.state"]
    assert not [n for n in Change(ready, Acknowledged(1)).notes if n.type == "interlock.state"]
    assert not [n for n in _hold(ready, "stop").notes if n.type == "interlock.state"]
    _hold(ready)
    assert _hold(ready, "reset").notes[-1] == note("interlock.state", attempt=1, was="TRIPPED", now="PERMISSIVE_OK")


# --- which conditions count where

TABLE = """
loop release run reset | estop release run reset | stop release run reset | gas release run reset gas
flame release run reset | deadman release run reset | contact_open release reset | proof_test release | contact_life release | contact_closed run
inputs release run reset | mains release run | battery release run | enclosure release run | clock release run
deadline run | permit release run | level release run | lease release run | wind release run | door release run
unknown_badge release run | stranger release run | guardian release run | performer release run
place release run | faces release
faces_again run | camera release | camera_running run | video release | video_running run | check_in release | ticket_check release | approval release | gas_test release
bump_test release | calibration release | preconditions release | audit release | audit_running run | latch release
fire_watch release
"""


def test_the_table_of_conditions_says_where_each_counts() -> None:
    """The table at the top of conditions/table.py; its order is the order of first-out."""
    rows = [row.split() for line in TABLE.strip().splitlines() for row in line.split(" | ")]
    assert [condition.name for condition in CONDITIONS] == [row[0] for row in rows]
    for condition, (_, *where) in zip(CONDITIONS, rows, strict=True):
        found = {
            "release": condition.release, "run": condition.run, "reset": condition.blocks_reset, "gas": condition.by_gas,
        }  # fmt: skip
        assert {name for name, counts in found.items() if counts} == set(where), condition.name


def test_what_fails_is_told_by_the_set_that_is_asked_for(ready: Bench) -> None:
    ready.camera = None
    verdicts = ready.step().verdicts
    assert [c.name for c, _ in failing(verdicts, release=True)] == ["camera"]
    assert [c.name for c, _ in failing(verdicts, release=False)] == []
