"""The proof test of the final element: who, when, each step, and that it alone opens the way out of a fault."""

import msgspec
import pytest

from contracts.event import ActionResult, Severity
from edge.interlock.happenings import ProofAsked, ResetRequested
from edge.interlock.kernel import Relay
from edge.interlock.proof_test import DRILL, UNPROVEN, Probe
from edge.interlock.state import Mode
from tests.edge.interlock.bench import SECOND, Bench

replace = msgspec.structs.replace
TWO = ("leader", "engineer")
ASKED = ProofAsked(1000, TWO, isolated=True)


@pytest.fixture
def locked(bench: Bench) -> Bench:
    """Nothing prepared, both people here, the load isolated by its input."""
    bench.badges[1004] = True
    bench.site = replace(bench.site, proof_inputs=("isolated",))
    bench.proof_inputs["isolated"] = True
    bench.step()
    assert bench.mode is Mode.LOCKED
    return bench


@pytest.fixture
def faulty(released: Bench) -> Bench:
    """A welded contact, repaired; the reset edge alone does not help."""
    released.badges[1004] = True
    released.welded = True
    released.press("stop")
    released.run(0.4)
    released.welded = released.contact = False
    released.run(0.1)
    assert released.mode is Mode.FAULT
    return released


def _clear(bench: Bench) -> None:
    bench.step(ResetRequested(1000, TWO))
    bench.press("reset")


def test_every_step_passes_is_timed_and_recorded(locked: Bench) -> None:
    """EN ISO 13849-1: five steps in their order; two named people; nothing is ever closed."""
    locked.prove()
    test = locked.durable.proof_test
    assert test is not None
    assert test.ok
    assert test.by == TWO
    assert [step.name for step in test.steps] == list(DRILL)
    assert all(step.ok for step in test.steps)
    assert 180 <= test.steps[1].ms <= 200, "the controller's own dead-man time"
    assert 1000 <= test.steps[4].ms <= 1100
    (started,), (note,) = locked.found("relay.proof_started"), locked.found("relay.proof_test")
    assert started.data == {"by": list(TWO), "isolated": True, "pulse": False}
    assert (note.sev, note.res, note.data["by"]) == (Severity.INFO, ActionResult.OK, list(TWO))
    assert [step["name"] for step in note.data["steps"]] == list(DRILL)
    assert Relay.CLOSE not in locked.relays


def test_no_heartbeat_leaves_from_the_drill_to_the_refused_close(locked: Bench) -> None:
    """A controller too broken to refuse a CLOSE would open again for want of heartbeats."""
    step = locked.step(ASKED)
    seen: list[tuple[Probe, bool]] = []
    while locked.volatile.proof_run is not None:
        seen.append((step.probe, step.quiet))
        step = locked.step(ms=10)
    sent = [(probe, quiet) for probe, quiet in seen if probe is not Probe.NONE]
    assert sent == [(Probe.DRILL, True), (Probe.OPEN, True), (Probe.BAD_CLOSE, True)]
    first, last = seen.index(sent[0]), len(seen) - [quiet for _, quiet in reversed(seen)].index(True)
    assert all(quiet for _, quiet in seen[first:last])
    assert not any(quiet for _, quiet in (*seen[:first], *seen[last:]))


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (ProofAsked(1000, TWO, isolated=False), "proof_supply"),
        (ProofAsked(1000, ("leader",), isolated=True), "proof_people"),
        (ProofAsked(1000, ("leader", "leader"), isolated=True), "proof_people"),
        (ProofAsked(1000, ("leader", "performer"), isolated=True), "proof_people"),
        (ProofAsked(1000, (), isolated=True), "proof_people"),
    ],
)
def test_it_needs_two_entitled_people_and_an_isolated_supply(locked: Bench, asked: ProofAsked, code: str) -> None:
    locked.step(asked)
    assert locked.volatile.proof_run is None
    (note,) = locked.found("relay.proof_refused")
    assert [reason["code"] for reason in note.data["reasons"]] == [code]
    assert note.res is ActionResult.DENIED


@pytest.mark.parametrize("wired", [(), ("test_key",)])
def test_no_close_leaves_in_a_drill_whose_isolation_no_input_proves(bench: Bench, wired: tuple[str, ...]) -> None:
    """Not even one that must be refused: people's word alone does not tell that nothing is connected."""
    bench.badges[1004] = True
    bench.site = replace(bench.site, proof_inputs=wired)
    bench.proof_inputs["test_key"] = True
    bench.step()
    step, probes = bench.step(ASKED), []
    while bench.volatile.proof_run is not None:
        probes.append(step.probe)
        step = bench.step(ms=10)
    assert set(probes) == {Probe.NONE, Probe.DRILL, Probe.OPEN}
    test = bench.durable.proof_test
    assert test is not None
    assert test.ok
    assert [each.name for each in test.steps] == list(UNPROVEN) == ["contact", "drill", "open", "steady"]


@pytest.mark.parametrize(
    ("wired", "said", "codes"),
    [
        (("isolated",), {"isolated": False, "test_key": True}, {"proof_isolation"}),
        (("test_key",), {"isolated": True, "test_key": False}, {"proof_key"}),
        (("test_key", "isolated"), {"isolated": False, "test_key": False}, {"proof_key", "proof_isolation"}),
        (("isolated",), {"isolated": True, "test_key": False}, set()),
        (("test_key",), {"isolated": False, "test_key": True}, set()),
        ((), {"isolated": False, "test_key": False}, set()),
    ],
)  # fmt: skip
def test_a_drill_heeds_the_inputs_that_are_wired_at_its_beginning_and_all_along(
    locked: Bench, wired: tuple[str, ...], said: dict[str, bool], codes: set[str]
) -> None:
    """Key and isolation: refused without them, and ended without a fault when one goes."""
    locked.site = replace(locked.site, proof_inputs=wired)
    locked.proof_inputs = dict(said)
    locked.step(ASKED)
    refused = locked.found("relay.proof_refused")
    assert {reason["code"] for note in refused for reason in note.data["reasons"]} == codes
    assert (locked.volatile.proof_run is None) is bool(codes)

    locked.proof_inputs = {"test_key": True, "isolated": True}
    locked.prove()
    assert locked.durable.proof_test is not None
    assert locked.durable.proof_test.ok
    locked.step(ASKED)
    locked.proof_inputs = dict(said)
    locked.step(ms=10)
    run = locked.volatile.proof_run
    assert (run is None) is bool(codes)
    if codes:
        assert locked.durable.proof_test.steps[-1].seen in codes
        assert not locked.durable.proof_test.ok
    assert locked.mode is Mode.LOCKED


def test_inputs_that_are_silent_prove_nothing(locked: Bench) -> None:
    """As old as `inputs_ttl_ms` they still count, a step older they do not."""
    limit_ms = locked.rules.inputs_ttl_ms.value
    locked.inputs_silent_since = locked.now
    locked.step(ms=limit_ms)
    locked.step(ASKED, ms=0)
    assert locked.volatile.proof_run is not None
    step = locked.step(ms=1)
    assert locked.volatile.proof_run is None
    assert step.probe is Probe.OPEN


def test_somebody_whose_badge_is_away_does_not_count(locked: Bench) -> None:
    locked.badges[1004] = False
    locked.run(20.2)
    locked.step(ASKED)
    assert locked.volatile.proof_run is None


@pytest.mark.parametrize("state", ["PERMISSIVE_OK", "ARMED", "RELEASED"])
def test_it_is_refused_where_something_is_ready_armed_or_released(ready: Bench, state: str) -> None:
    ready.badges[1004] = True
    if state == "ARMED":
        ready.arm()
    if state == "RELEASED":
        ready.release()
    assert ready.mode.value == state
    step = ready.step(ASKED)
    assert ready.volatile.proof_run is None
    assert (step.probe, step.quiet) == (Probe.NONE, False)
    assert ready.found("relay.proof_refused")[-1].data["reasons"][0]["code"] == "proof_mode"


def test_a_second_request_does_not_disturb_the_running_test(locked: Bench) -> None:
    locked.step(ASKED)
    run = locked.volatile.proof_run
    locked.step(ASKED, ms=0)
    assert locked.found("relay.proof_refused")[-1].data["reasons"][0]["code"] == "proof_running"
    assert run is not None
    assert locked.volatile.proof_run is not None
    assert locked.volatile.proof_run.began_us == run.began_us


def test_nothing_can_be_armed_while_it_runs(ready: Bench) -> None:
    ready.badges[1004] = True
    ready.pressed.add("stop")
    ready.step()
    ready.step(ASKED)
    ready.pressed.clear()
    ready.press("arm")
    assert ready.mode is Mode.LOCKED
    assert ready.refusal() == {"proof_running"}
    ready.prove()
    ready.press("arm")
    assert ready.mode is Mode.ARMED


@pytest.mark.parametrize(
    ("probe", "name"), [(Probe.DRILL, "drill"), (Probe.OPEN, "open"), (Probe.BAD_CLOSE, "bad_close")]
)
def test_a_controller_that_does_not_answer_a_step_fails_it_and_is_a_fault(
    locked: Bench, probe: Probe, name: str
) -> None:
    """A final element that cannot be proven is not trusted: FAULT, and the relay is told to open."""
    locked.controller.deaf = (probe,)
    locked.prove()
    test = locked.durable.proof_test
    assert test is not None
    assert not test.ok
    assert (test.steps[-1].name, test.steps[-1].seen) == (name, "no answer")
    assert locked.mode is Mode.FAULT
    assert (locked.first_out, locked.durable.first_out and locked.durable.first_out.subject) == ("proof_failed", name)
    assert locked.found("relay.proof_test")[-1].sev is Severity.ALARM


@pytest.mark.parametrize(("slow_ms", "ok"), [(0, True), (20, True), (21, False)])
def test_the_drill_must_end_within_the_dead_man_time_and_a_tick(locked: Bench, slow_ms: int, ok: bool) -> None:
    locked.controller.slow_ms = slow_ms
    locked.step(ASKED)
    while locked.volatile.proof_run is not None:
        locked.step(ms=1)
    assert locked.durable.proof_test is not None
    assert locked.durable.proof_test.ok is ok
    assert (locked.mode is Mode.FAULT) is not ok


def _latch(bench: Bench) -> None:
    bench.latch = True


def _contact(bench: Bench) -> None:
    bench.contact = True


def _reboot(bench: Bench) -> None:
    bench.controller.boots += 1


def _cycle(bench: Bench) -> None:
    bench.controller.cycles += 1


@pytest.mark.parametrize(
    ("change", "seen"),
    [(_latch, "latch closed"), (_contact, "contact closed"), (_reboot, "boots 1 -> 2"), (_cycle, "cycles 0 -> 1")],
)
@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_what_closes_restarts_or_counts_in_any_step_fails_the_test(locked: Bench, change, seen: str, at: int) -> None:  # type: ignore[no-untyped-def]
    step = locked.step(ASKED)
    while locked.volatile.proof_run is not None and len(locked.volatile.proof_run.steps) < at:
        step = locked.step(ms=10)
    change(locked)
    step = locked.step(ms=10)
    assert step.probe is Probe.OPEN
    assert not step.quiet
    test = locked.durable.proof_test
    assert test is not None
    assert (test.ok, test.steps[-1].name, test.steps[-1].seen) == (False, DRILL[at], seen)
    assert locked.mode is Mode.FAULT


def test_a_silent_controller_fails_the_first_step(locked: Bench) -> None:
    locked.step(ASKED)
    locked.deadman_silent_since = locked.now
    locked.run(0.4)
    test = locked.durable.proof_test
    assert test is not None
    assert (test.ok, test.steps[0].name, test.steps[0].seen) == (False, "contact", "no answer")


def test_a_box_that_stood_still_proves_nothing_and_accuses_nobody(locked: Bench) -> None:
    locked.step(ASKED)
    locked.step()
    locked.loop_gap_ms = 181
    step = locked.step(ms=200)
    assert (step.probe, step.quiet) == (Probe.OPEN, False)
    test = locked.durable.proof_test
    assert test is not None
    assert (test.ok, test.steps[-1].seen) == (False, "interrupted")
    assert locked.mode is Mode.LOCKED


def test_heartbeats_that_do_not_arrive_again_fail_the_last_step(locked: Bench) -> None:
    locked.step(ASKED)
    while locked.volatile.proof_run is not None and len(locked.volatile.proof_run.steps) < 4:
        locked.step(ms=10)
    heard = locked.controller.heard_us
    for _ in range(30):
        locked.controller.heard_us = heard
        locked.step()
    test = locked.durable.proof_test
    assert test is not None
    assert not test.ok
    assert test.steps[-1].seen.startswith("no heartbeat for ")


def test_a_fault_is_left_only_after_a_proof_test_that_passed_since_it_began(faulty: Bench) -> None:
    """Repair, proof test, two named people: in that order, and none of them alone."""
    _clear(faulty)
    assert faulty.refusal() == {"fault_latched", "proof_none"}
    faulty.prove()
    faulty.step(ms=30_000)
    faulty.press("reset")
    assert faulty.mode is Mode.FAULT, "the proof test clears nothing by itself"
    _clear(faulty)
    assert faulty.mode is Mode.TRIPPED
    assert faulty.durable.latched


def test_a_failed_test_or_one_from_before_the_fault_does_not_count(locked: Bench) -> None:
    locked.prove()
    locked.contact = locked.welded = True
    locked.run(0.4)
    assert locked.mode is Mode.FAULT
    locked.contact = locked.welded = False
    locked.run(0.1)
    _clear(locked)
    assert "proof_none" in locked.refusal()
    locked.controller.deaf = (Probe.OPEN,)
    locked.prove()
    _clear(locked)
    assert "proof_none" in locked.refusal()
    assert locked.mode is Mode.FAULT


@pytest.mark.rule("proof_test_s")
@pytest.mark.parametrize(("late_us", "cleared"), [(-1, True), (0, True), (1, False)])
def test_a_proof_test_is_good_for_its_time_and_not_a_moment_longer(faulty: Bench, late_us: int, cleared: bool) -> None:
    """Row proof_test_s (policy; EN ISO 13849-1): limit less a hair, limit, limit and a hair."""
    faulty.prove()
    test, rule = faulty.durable.proof_test, faulty.rules.proof_test_s
    assert test is not None
    faulty.now = test.at_us + rule.value * SECOND - 100_000
    faulty.step(ResetRequested(1000, TWO), ms=0)
    faulty.pressed.discard("reset")
    faulty.step()
    faulty.pressed.add("reset")
    faulty.now = test.at_us + rule.value * SECOND + late_us
    faulty.step(ms=0)
    assert (faulty.mode is Mode.TRIPPED) is cleared
    if not cleared:
        assert faulty.refusal() == {"fault_latched", "proof_old"}


def test_a_reboot_forgets_the_proof_test_and_a_restart_only_the_running_one(faulty: Bench) -> None:
    faulty.prove()
    faulty.step(ASKED)
    assert faulty.volatile.proof_run is not None
    faulty.restart()
    faulty.step()
    assert faulty.volatile.proof_run is None
    assert faulty.durable.proof_test is not None
    faulty.restart(boot_id="boot-2")
    faulty.step()
    assert faulty.durable.proof_test is None
    _clear(faulty)
    assert "proof_none" in faulty.refusal()
