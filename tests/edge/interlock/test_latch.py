"""After a trip: the latch, the first-out, the reset, faults and over-range."""

import itertools

import msgspec
import pytest

from contracts.event import ActionResult
from edge.gas.reading import Quality
from edge.interlock import view
from edge.interlock.happenings import PermitAccepted, ResetRequested, Suspended
from edge.interlock.kernel import Relay
from edge.interlock.state import Mode, ProofTest, Reason
from edge.relay.contact import ContactVerdict, judge
from tests.edge.interlock.bench import GB, SECOND, SITE, WALL_S, Bench, permit
from tests.edge.interlock.test_release import ALONE, Change

replace = msgspec.structs.replace


@pytest.fixture
def tripped(released: Bench) -> Bench:
    """Opened by the stop button, which is released again."""
    released.press("stop")
    released.step()
    assert released.mode is Mode.TRIPPED
    return released


def test_clean_air_alone_resets_nothing(released: Bench) -> None:
    released.gas["ch4-1"].value = 40.0
    released.step()
    released.gas["ch4-1"].value = 0.0
    released.run(30, ms=100)
    assert released.mode is Mode.TRIPPED
    assert released.durable.latched
    assert set(released.relays[-200:]) == {Relay.OPEN}
    released.press("arm")
    assert released.refusal() == {"latched", "gas_test_after_trip"}


def test_the_first_cause_is_never_overwritten_and_later_ones_are_kept(tripped: Bench) -> None:
    first = tripped.durable.first_out
    tripped.gas["ch4-1"].value = 40.0
    tripped.pressed.add("estop")
    tripped.step()
    tripped.gas["ch4-1"].value = 0.0
    tripped.pressed.clear()
    tripped.run(1)
    assert tripped.durable.first_out == first == Reason("stop_pressed")
    assert tripped.consequences == {"gas_high", "estop_open"}


def test_consequences_are_bounded_and_each_is_kept_once(tripped: Bench) -> None:
    for _ in range(30):
        for gas in tripped.gas.values():
            gas.value = 99.0
        tripped.step()
        for gas in tripped.gas.values():
            gas.quality = Quality.FAULT
        tripped.step()
        for gas in tripped.gas.values():
            gas.quality, gas.silent_since = Quality.GOOD, 1
        tripped.step()
        for gas in tripped.gas.values():
            gas.silent_since = None
    assert len(tripped.durable.consequences) == 12
    assert len(set(tripped.durable.consequences)) == 12


def test_gas_after_another_cause_asks_for_a_new_gas_test(tripped: Bench) -> None:
    """After a gas alarm while tripped the old gas test is worth nothing."""
    tripped.gas["co-1"].value = 99.0
    tripped.step()
    tripped.gas["co-1"].value = 0.0
    tripped.step()
    tripped.press("reset")
    tripped.press("arm")
    assert tripped.refusal() == {"gas_test_after_trip"}


def test_gas_after_the_reset_asks_for_a_new_gas_test(tripped: Bench) -> None:
    tripped.press("reset")
    tripped.gas["co-1"].value = 99.0
    tripped.step()
    tripped.gas["co-1"].value = 0.0
    tripped.step()
    tripped.press("arm")
    assert tripped.refusal() == {"gas_test_after_trip"}


@pytest.mark.parametrize("quality", [Quality.FAULT, Quality.STALE])
def test_a_trip_by_a_failed_detector_asks_for_a_new_gas_test(released: Bench, quality: Quality) -> None:
    """After a gas trip a new gas test is required, and only one made after it counts."""
    released.gas["ch4-1"].quality = quality
    released.step()
    released.gas["ch4-1"].quality = Quality.GOOD
    released.step()
    released.press("reset")
    released.press("arm")
    assert released.refusal() == {"gas_test_after_trip"}
    released.test_gas()
    released.release()


# --- reset


def test_reset_is_a_rising_edge_with_an_authorised_badge(tripped: Bench) -> None:
    step = tripped.press("reset")
    (note,) = [n for n in step.notes if n.type == "interlock.reset"]
    assert note.actor == ("person", "leader")
    assert note.data["first_out"] == "stop_pressed"
    assert not tripped.durable.latched
    assert step.relay is Relay.OPEN


def test_a_reset_key_that_is_held_resets_nothing(released: Bench) -> None:
    released.pressed.add("reset")
    released.run(1)
    released.pressed.add("stop")
    released.step()
    released.pressed.discard("stop")
    released.run(5)
    assert released.durable.latched


def test_nobody_resets_without_the_right_badge(tripped: Bench) -> None:
    tripped.badges[1003] = False
    tripped.run(21)
    tripped.press("reset")
    assert tripped.refusal() == {"reset_unauthorised"}
    assert tripped.durable.latched


def test_reset_and_arm_in_one_reading_do_not_arm(tripped: Bench) -> None:
    """A release after a trip takes two movements: reset, then arm."""
    tripped.press("reset", "arm")
    assert not tripped.durable.latched
    assert tripped.durable.attempt == 1
    tripped.arm()


def test_a_reset_leads_to_no_release_without_a_new_edge(tripped: Bench) -> None:
    tripped.pressed.add("arm")
    tripped.step()
    tripped.press("reset")
    tripped.run(3)
    assert tripped.mode is Mode.PERMISSIVE_OK
    assert tripped.relays.count(Relay.CLOSE) == 1


BLOCKING = [
    (name, change, code)
    for name, change, condition, code in ALONE
    if condition in ("estop", "stop", "gas", "deadman", "loop")
]


@pytest.mark.parametrize(("change", "code"), [row[1:] for row in BLOCKING], ids=[row[0] for row in BLOCKING])
def test_reset_is_refused_while_danger_is_present(tripped: Bench, change: Change, code: str) -> None:
    """Whatever opened the relay: gas, stop, E-stop, dead-man and loop must be sound."""
    tripped.badges[1004] = True
    change(tripped)
    tripped.pressed.add("reset")
    tripped.step()
    assert code in tripped.refusal() | tripped.consequences
    assert tripped.durable.latched


CAUSES = [
    (name, change, code)
    for name, change, condition, code in ALONE
    if condition in ("place", "stranger", "door", "mains", "battery", "enclosure", "flame")
] + [
    ("guardian away", lambda b: b.badges.update({1002: False}), "badge_absent"),
    ("performer away", lambda b: b.badges.update({1001: False}), "badge_absent"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "code"), [row[1:] for row in CAUSES], ids=[row[0] for row in CAUSES])
def test_reset_is_refused_while_the_cause_is_present(released: Bench, change: Change, code: str) -> None:
    """Workflow "Permit": resume only when the cause is cleared."""
    change(released)
    released.run(60 if code == "badge_absent" else 0.1)
    assert released.first_out == code
    if released.strangers:
        released.strangers = (replace(released.strangers[0], at_us=released.now),)
    released.press("reset")
    assert code in released.refusal()
    assert released.durable.latched


def test_a_crew_that_went_home_does_not_hold_the_latch_of_a_finished_permit(released: Bench) -> None:
    released.badges[1002] = False
    released.run(60)
    released.badges[1001] = False
    released.press("finish")
    released.press("reset")
    assert not released.durable.latched


def test_a_push_button_resets_only_in_the_window_that_the_command_opened(tripped: Bench) -> None:
    """`hotbox reset` opens a 30 s window for the physical edge and resets nothing itself."""
    tripped.site = replace(SITE, reset_is_key=False)
    tripped.press("reset")
    assert tripped.refusal() == {"reset_window"}
    tripped.step(ResetRequested(1000))
    assert tripped.durable.latched
    tripped.step(ms=30_000)
    tripped.press("reset")
    assert tripped.refusal() == {"reset_window"}
    tripped.step(ResetRequested(1000))
    tripped.press("reset")
    assert not tripped.durable.latched
    assert tripped.volatile.reset_window_until_us == 0, "one window, one reset"


def test_a_backward_clock_waits_for_a_person(ready: Bench) -> None:
    """BOX-02: the reset accepts the clock that was set back, and says who did."""
    ready.wall_jump_ms = -5_000
    ready.run(5)
    ready.press("arm")
    assert ready.refusal() == {"clock_step"}
    assert len(ready.found("clock.jump")) == 1
    ready.press("reset")
    assert ready.found("interlock.reset")
    ready.step()
    ready.arm()


def test_a_forward_clock_is_followed_while_idle_and_noted(ready: Bench) -> None:
    ready.wall_jump_ms = 5_000
    ready.run(1)
    assert [note.data["ms"] for note in ready.found("clock.jump")] == [5_000]
    ready.arm()


# --- over-range


def test_over_range_latches_although_the_reading_falls_back(released: Bench) -> None:
    """IEC 60079-29-1: a catalytic bead falls back below its range when gas exceeds 100 %LEL."""
    released.gas["ch4-1"].quality = Quality.OVER_RANGE
    released.step()
    released.gas["ch4-1"].quality = Quality.GOOD
    released.run(5)
    assert released.first_out == "gas_over_range"
    assert released.durable.over_range == ("ch4-1",)
    released.test_gas()
    released.press("reset")
    assert released.durable.over_range == ()
    released.release()


@pytest.mark.parametrize("how", ["locked", "released"])
def test_over_range_can_be_reset_from_every_state(ready: Bench, how: str) -> None:
    """A channel that went over range in a locked box is not lost for ever."""
    if how == "released":
        ready.release()
    ready.gas["ch4-1"].quality = Quality.OVER_RANGE
    ready.step()
    ready.gas["ch4-1"].quality = Quality.GOOD
    ready.step()
    ready.press("reset")
    assert ready.durable.over_range == ()
    ready.test_gas()
    ready.release()


def test_over_range_survives_restarts(ready: Bench) -> None:
    ready.gas["ch4-1"].quality = Quality.OVER_RANGE
    ready.step()
    ready.gas["ch4-1"].quality = Quality.GOOD
    ready.restart(boot_id="boot-2")
    ready.step()
    assert "gas" in ready.failing()


@pytest.mark.parametrize(
    ("value", "silent"), [(40.0, False), (0.0, True)], ids=["still over the limit", "silent since"]
)
def test_reset_frees_only_over_range_channels_that_are_well(ready: Bench, value: float, silent: bool) -> None:
    """In a 2oo3 group the vote passes without the bad head; its latch stays all the same."""
    ready.gas["ch4-4"].quality = Quality.OVER_RANGE
    ready.gas["ch4-1"].quality = Quality.OVER_RANGE
    ready.step()
    ready.gas["ch4-4"] = replace_gas(ready, value, silent=silent)
    ready.gas["ch4-1"].quality = Quality.GOOD
    ready.run(1)
    ready.press("reset")
    assert ready.durable.over_range == ("ch4-4",)


def replace_gas(bench: Bench, value: float, *, silent: bool) -> object:
    """A good reading, perhaps one that stopped coming."""
    return type(bench.gas["ch4-1"])(value, Quality.GOOD, bench.now if silent else None)


# --- fault


@pytest.fixture
def faulty(released: Bench) -> Bench:
    """The contact stays closed although the latch let go."""
    released.welded = True
    released.press("stop")
    released.run(0.4)
    assert released.mode is Mode.FAULT
    return released


def test_a_welded_contact_is_a_fault_after_the_settle_time(released: Bench) -> None:
    """EN ISO 13849-1: feedback of the contact."""
    released.welded = True
    released.pressed.add("stop")
    released.step()
    opened = released.now
    released.pressed.clear()
    while released.mode is not Mode.FAULT:
        released.step(ms=10)
        assert released.now - opened <= 270_000
    assert released.now - opened > 250_000
    assert released.first_out == "stop_pressed"
    assert released.consequences == {"welded"}
    assert released.found("interlock.fault")[-1].data["code"] == "welded"


def test_a_contact_that_is_closed_from_the_start_is_a_fault(bench: Bench) -> None:
    bench.contact = bench.welded = True
    bench.run(0.4)
    assert bench.mode is Mode.FAULT
    assert bench.first_out == "welded"


def test_a_controller_that_does_not_let_go_is_a_fault(ready: Bench) -> None:
    ready.latch = True
    for _ in range(30):
        ready.latch = True
        ready.step()
    assert ready.mode is Mode.FAULT


@pytest.mark.parametrize("button", ["arm", "finish", "reset", "stop"])
def test_no_button_alone_leaves_a_fault(faulty: Bench, button: str) -> None:
    """Repair, proof and two named people; `finish` is no way out either."""
    faulty.welded = faulty.contact = False
    faulty.run(1)
    faulty.press(button)
    faulty.run(1)
    assert faulty.mode is Mode.FAULT
    assert set(faulty.relays[-40:]) == {Relay.OPEN}


def test_a_suspension_does_not_leave_a_fault(faulty: Bench) -> None:
    faulty.step(Suspended("HW-1", "wind", void=True))
    assert faulty.mode is Mode.FAULT


def test_a_fault_survives_restarts_and_the_end_of_the_fire_watch(faulty: Bench) -> None:
    faulty.welded = faulty.contact = False
    for boot in ("boot-1", "boot-2"):
        faulty.restart(boot_id=boot)
        faulty.step()
        assert faulty.mode is Mode.FAULT
    faulty.step(ms=3_700_000)
    faulty.step()
    assert faulty.durable.fire_watch is None
    assert faulty.mode is Mode.FAULT
    assert faulty.found("fire_watch.ended")


TWO = ("leader", "engineer")


def _proven(bench: Bench) -> None:
    """As if a proof test had just passed."""
    bench.now += 1
    bench.durable = replace(bench.durable, proof_test=ProofTest(bench.now, WALL_S, TWO, True, ()))


@pytest.mark.parametrize(
    ("asked", "leader", "engineer", "repaired"),
    [
        (named, leader, engineer, repaired)
        for named in ((), ("leader",), ("leader", "leader"), ("leader", "performer"), TWO)
        for leader, engineer, repaired in itertools.product((False, True), repeat=3)
    ],
)
def test_a_fault_is_cleared_by_two_named_people_who_are_here_after_the_repair(
    faulty: Bench, asked: tuple[str, ...], leader: bool, engineer: bool, repaired: bool
) -> None:
    faulty.badges.update({1003: leader, 1004: engineer})
    if repaired:
        faulty.welded = faulty.contact = False
    faulty.run(21)
    _proven(faulty)
    faulty.step(ResetRequested(1000, asked))
    faulty.press("reset")
    cleared = asked == TWO and leader and engineer and repaired
    assert (faulty.mode is Mode.TRIPPED) == cleared
    assert (faulty.mode is Mode.FAULT) == (not cleared)
    if cleared:
        assert faulty.durable.latched, "a fault ends as a trip"
        assert set(faulty.durable.fault_cleared_by) == set(TWO)
    else:
        assert faulty.refusal() == {"fault_latched"}


def test_the_window_for_clearing_a_fault_closes(faulty: Bench) -> None:
    faulty.badges[1004] = True
    faulty.welded = faulty.contact = False
    _proven(faulty)
    faulty.step(ResetRequested(1000, TWO))
    faulty.step(ms=30_000)
    faulty.press("reset")
    assert faulty.mode is Mode.FAULT


@pytest.mark.parametrize(
    ("commanded", "latch", "contact", "settled", "verdict"),
    [
        (False, False, False, False, "ok"), (False, False, False, True, "ok"),
        (False, True, False, False, "settling"), (False, True, False, True, "welded"),
        (False, False, True, False, "settling"), (False, False, True, True, "welded"),
        (False, True, True, False, "settling"), (False, True, True, True, "welded"),
        (True, True, True, False, "ok"), (True, True, True, True, "ok"),
        (True, True, False, False, "settling"), (True, True, False, True, "not_closed"),
        (True, False, False, False, "settling"), (True, False, False, True, "lost"),
        (True, False, True, False, "settling"), (True, False, True, True, "lost"),
    ],
)  # fmt: skip
def test_the_truth_table_of_the_contact(
    commanded: bool, latch: bool, contact: bool, settled: bool, verdict: str
) -> None:
    """The table at the top of edge/relay/contact.py, row by row."""
    at_us = 250_001 if settled else 250_000
    found = judge(
        commanded_closed=commanded, latch_closed=latch, contact_closed=contact, since_us=0, at_us=at_us, settle_ms=250,
        changes=4, most_changes=4,
    )  # fmt: skip
    assert found is ContactVerdict(verdict)


# --- what is written down


def test_every_refusal_is_recorded_as_denied(ready: Bench) -> None:
    """PTW-18: every interception is counted and evidenced."""
    ready.position = None
    for _ in range(3):
        ready.press("arm")
    refused = ready.found("interlock.arm_refused")
    assert len(refused) == 3
    assert all(note.res is ActionResult.DENIED and note.snapshot for note in refused)


def test_an_alarm_is_reported_once_and_its_end_once(ready: Bench) -> None:
    ready.gas["ch4-4"].value = 40.0
    ready.run(2)
    ready.gas["ch4-4"].value = 0.0
    ready.run(2)
    assert [n.type for n in ready.notes if n.cat.value == "gas"][-2:] == ["gas.alarm", "gas.normal"]
    assert ready.mode is Mode.PERMISSIVE_OK, "one vote of two"


def test_opening_and_closing_are_recorded_with_their_times(released: Bench) -> None:
    released.press("stop")
    released.step()
    (opened,) = released.found("relay.opened")
    assert opened.data == {"ms": 20, "cause": "commanded"}


def test_the_permits_of_yesterday_do_not_fill_the_memory(bench: Bench) -> None:
    for number in range(300):
        bench.step(PermitAccepted(permit(f"N-{number}", start_s=number)))
    assert len(bench.durable.permits) == 16
    assert len(bench.notes) < 1000


def test_limits_come_from_the_pack(bench: Bench) -> None:
    bench.rules = replace(GB, attempt_s=replace(GB.attempt_s, value=5))
    bench.prepare()
    bench.arm()
    bench.now += 4 * SECOND
    bench.acknowledge()
    assert bench.mode is Mode.RELEASED


def test_a_change_of_mode_is_told_once(ready: Bench) -> None:
    """A trip is its own event; quiet changes have `interlock.state`."""
    quiet = len(ready.found("interlock.state"))
    ready.position = None
    ready.step()
    told = ready.found("interlock.state")[quiet:]
    assert [note.data for note in told] == [{"was": "PERMISSIVE_OK", "now": "LOCKED"}]
    step = ready.step(Suspended("HW-1", "wind", void=False))
    assert "interlock.tripped" in [note.type for note in step.notes]
    assert "interlock.state" not in [note.type for note in step.notes]


def test_what_a_silent_controller_said_last_is_not_told_as_the_state_of_the_contact() -> None:
    """BOX-06: unknown is said as unknown, with the age of the last line."""
    bench = Bench().prepare().release()
    assert bench.last is not None
    assert (view._relay(bench.last.facts).contact, view._relay(bench.last.facts).deadman) == ("closed", "closed")
    bench.deadman_silent_since = bench.now
    bench.run(3)
    shown = view._relay(bench.last.facts)
    assert (shown.commanded, shown.contact, shown.deadman) == ("open", "unknown", "unknown")
    assert shown.status_age_ms is not None
    assert shown.status_age_ms >= 2_900
