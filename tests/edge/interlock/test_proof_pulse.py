"""The proof test's pulse: the contact really closes for a moment, under every guard, and falls by itself."""

from collections.abc import Callable

import msgspec
import pytest

from contracts.event import ActionResult, Severity
from edge.gas.reading import Quality
from edge.interlock import view
from edge.interlock.happenings import ProofAsked, Suspended
from edge.interlock.kernel import Relay, Step
from edge.interlock.proof_test import DRILL, PULSE, Probe, hindrances, pulsing
from edge.interlock.site import SiteRelay
from edge.interlock.snapshot import AuditHealth
from edge.interlock.state import Mode
from edge.interlock.turn import Turn
from tests.edge.interlock.bench import GB, SECOND, SITE, Bench

replace = msgspec.structs.replace
TWO = ("leader", "engineer")
ASKED = ProofAsked(1000, TWO, isolated=False, pulse=True)
CHAIN = replace(SITE, relays=(SiteRelay("", "relay", 0), SiteRelay("k2", "relay.k2", 0)))


def _isolated(bench: Bench) -> Bench:
    """Both people here, key in TEST, load isolated."""
    bench.badges[1004] = True
    bench.proof_inputs = {"test_key": True, "isolated": True}
    bench.step()
    assert bench.mode is Mode.LOCKED
    return bench


@pytest.fixture
def isolated(bench: Bench) -> Bench:
    return _isolated(bench)


def _until(bench: Bench, name: str, ms: int = 10) -> Step:
    """Begin a test and go on to this step of it."""
    step = bench.step(ASKED)
    while (run := bench.volatile.proof_run) is not None and PULSE[len(run.steps)] != name:
        step = bench.step(ms=ms)
    assert bench.volatile.proof_run is not None, bench.durable.proof_test
    return step


def _test(bench: Bench):  # type: ignore[no-untyped-def]
    test = bench.durable.proof_test
    assert test is not None
    return test


def test_every_step_passes_and_the_contact_closed_once_for_a_moment(isolated: Bench) -> None:
    """BOX-04, EN ISO 13849-1: closed by CLOSE, dropped by the dead-man itself, both seen at the feedback, recorded."""
    isolated.prove(pulse=True)
    test = _test(isolated)
    assert [step.name for step in test.steps] == list(PULSE)
    assert (test.ok, test.pulse) == (True, True)
    assert isolated.relays.count(Relay.CLOSE) == 1
    closed_ms = 20 * sum(relay is not Relay.OPEN for relay in isolated.relays)
    assert closed_ms <= 500
    assert 180 <= test.steps[6].ms <= 250, "it fell by itself"
    assert isolated.durable.cycles == {"relay": 1}
    (pulse,), (note,) = isolated.found("relay.proof_pulse"), isolated.found("relay.proof_test")
    assert pulse.data == {"by": list(TWO), "limit_ms": 500}
    assert (note.data["pulse"], note.res) == (True, ActionResult.OK)
    assert isolated.found("relay.proof_started")[-1].data["pulse"] is True
    assert isolated.mode is Mode.LOCKED


def test_heartbeats_hold_it_until_they_are_withheld(isolated: Bench) -> None:
    step = _until(isolated, "close")
    assert (step.relay, step.probe, step.quiet) == (Relay.CLOSE, Probe.CLOSE, False)
    step = isolated.step(ms=10)
    assert (step.relay, step.probe, step.quiet) == (Relay.HOLD, Probe.DROP, True)
    step = isolated.step(ms=10)
    assert (step.relay, step.probe, step.quiet) == (Relay.HOLD, Probe.NONE, True)
    assert view._relay(step.facts).commanded == "closed"
    while isolated.latch:
        step = isolated.step(ms=10)
    assert (step.relay, step.quiet) == (Relay.OPEN, False)
    assert isolated.cause == "heartbeat_lost"
    assert view._relay(step.facts).commanded == "open"


def test_a_drill_never_closes(isolated: Bench) -> None:
    isolated.site = replace(isolated.site, proof_inputs=("test_key", "isolated"))
    isolated.prove()
    assert [step.name for step in _test(isolated).steps] == list(DRILL)
    assert set(isolated.relays) == {Relay.OPEN}
    assert not _test(isolated).pulse


def _no_key(bench: Bench) -> None:
    bench.proof_inputs["test_key"] = False


def _no_isolation(bench: Bench) -> None:
    bench.proof_inputs["isolated"] = False


def _not_wired(bench: Bench) -> None:
    bench.proof_inputs = {}


def _gas(bench: Bench) -> None:
    bench.gas["ch4-1"].value = 60.0


def _blind(bench: Bench) -> None:
    bench.gas["ch4-1"].quality = Quality.FAULT


def _stop(bench: Bench) -> None:
    bench.pressed.add("stop")


def _estop(bench: Bench) -> None:
    bench.pressed.add("estop")


def _log(bench: Bench) -> None:
    bench.audit = AuditHealth(writable=False, age_ms=0, rollback=False)


GUARDED: list[tuple[Callable[[Bench], None], str]] = [
    (_no_key, "proof_key"), (_no_isolation, "proof_isolation"), (_not_wired, "proof_key"),
    (_gas, "gas_high"), (_blind, "gas_fault"), (_stop, "stop_pressed"), (_estop, "estop_open"), (_log, "audit_unwritable"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "code"), GUARDED)
def test_it_is_refused_without_key_isolation_clean_air_or_log(isolated: Bench, change, code: str) -> None:  # type: ignore[no-untyped-def]
    """Impossible while gas is over its limit; unknown is "no"."""
    change(isolated)
    isolated.step()
    isolated.step(ASKED)
    assert isolated.volatile.proof_run is None
    assert Relay.CLOSE not in isolated.relays
    assert code in [reason["code"] for reason in isolated.found("relay.proof_refused")[-1].data["reasons"]]


@pytest.mark.parametrize(("change", "code"), GUARDED)
@pytest.mark.parametrize("name", ["drill", "close", "drop"])
def test_what_fails_meanwhile_opens_at_once_and_accuses_nobody(isolated: Bench, change, code: str, name: str) -> None:  # type: ignore[no-untyped-def]
    _until(isolated, name)
    change(isolated)
    step = isolated.step(ms=10)
    assert (step.relay, step.probe, step.quiet) == (Relay.OPEN, Probe.OPEN, False)
    test = _test(isolated)
    assert (test.ok, test.steps[-1].name) == (False, name)
    assert test.steps[-1].seen.startswith(code)
    isolated.run(0.5)
    assert isolated.mode is not Mode.FAULT
    assert not isolated.contact


def test_inputs_that_fall_silent_end_it(isolated: Bench) -> None:
    """At the inputs' time to live it goes on, a hair later it ends."""
    bench = isolated
    read = bench.step().facts
    inputs = read.snapshot.inputs
    assert inputs is not None
    for late_us, codes in ((0, []), (1, ["proof_key", "proof_isolation"])):
        f = replace(read, now_us=inputs.at_us + GB.inputs_ttl_ms.value * 1000 + late_us)
        found = [reason.code for reason in hindrances(f, bench.last.verdicts)]
        assert found == codes
    f = replace(read, snapshot=replace(read.snapshot, inputs=None))
    assert [reason.code for reason in hindrances(f, bench.last.verdicts)] == ["proof_key", "proof_isolation"]


@pytest.mark.parametrize("state", ["PERMISSIVE_OK", "ARMED", "RELEASED", "TRIPPED"])
def test_it_is_refused_while_a_permits_attempt_runs_or_a_trip_waits(ready: Bench, state: str) -> None:
    ready.badges[1004] = True
    ready.proof_inputs = {"test_key": True, "isolated": True}
    if state == "ARMED":
        ready.arm()
    if state in ("RELEASED", "TRIPPED"):
        ready.release()
    if state == "TRIPPED":
        ready.press("stop")
        ready.run(0.4)
    assert ready.mode.value == state
    ready.step(ASKED)
    assert ready.volatile.proof_run is None
    codes = [reason["code"] for reason in ready.found("relay.proof_refused")[-1].data["reasons"]]
    assert "proof_pulse_mode" in codes


def test_a_trip_that_latches_meanwhile_opens_in_the_same_step(ready: Bench) -> None:
    """LOCKED with a permit; the bridge suspends it while the contact is closed."""
    ready.badges[1004] = True
    ready.proof_inputs = {"test_key": True, "isolated": True}
    ready.pressed.add("door")
    ready.step()
    assert ready.mode is Mode.LOCKED
    _until(ready, "drop")
    assert ready.latch
    assert ready.last is not None
    assert ready.last.facts.permit is not None
    step = ready.step(Suspended(ready.last.facts.permit.jti, "bridge", void=False), ms=10)
    assert ready.mode is Mode.TRIPPED
    assert step.relay is Relay.OPEN
    ready.step(ms=10)
    assert ready.volatile.proof_run is None
    assert _test(ready).steps[-1].seen == "proof_pulse_mode TRIPPED"


def test_two_people_are_needed_as_for_a_drill(isolated: Bench) -> None:
    isolated.step(ProofAsked(1000, ("leader",), isolated=False, pulse=True))
    assert isolated.volatile.proof_run is None


def test_a_contact_that_does_not_close_fails_within_the_settle_time(isolated: Bench) -> None:
    isolated.stuck = True
    isolated.prove(pulse=True)
    last = _test(isolated).steps[-1]
    assert (last.name, last.ok, last.seen) == ("close", False, "no answer")
    assert isolated.mode is Mode.FAULT
    assert isolated.first_out == "proof_failed"
    assert not isolated.latch


def test_a_contact_that_does_not_fall_fails_and_is_a_fault(isolated: Bench) -> None:
    isolated.welded = True
    isolated.prove(pulse=True)
    last = _test(isolated).steps[-1]
    assert (last.name, last.ok) == ("drop", False)
    assert isolated.mode is Mode.FAULT
    assert isolated.found("relay.proof_test")[-1].sev is Severity.ALARM
    held = [relay for relay in isolated.relays if relay is not Relay.OPEN]
    assert 20 * len(held) <= 500


@pytest.mark.rule("proof_pulse_ms")
@pytest.mark.parametrize(("late_us", "held"), [(-1, True), (0, False), (1, False)])
def test_a_pulse_ends_with_its_time(isolated: Bench, late_us: int, held: bool) -> None:
    """Row proof_pulse_ms (policy): a hair before, at it and a hair after; the kernel asks to run again then."""
    isolated.welded = True
    step = _until(isolated, "drop")
    isolated.controller.slow_ms = 10_000
    run = isolated.volatile.proof_run
    assert run is not None
    until = run.closed_us + 80_000
    isolated.rules = replace(isolated.rules, proof_pulse_ms=replace(isolated.rules.proof_pulse_ms, value=80))
    step = isolated.step(ms=10)
    assert step.relay is Relay.HOLD
    assert step.next_us <= until
    isolated.now = until + late_us
    step = isolated.step(ms=0)
    assert (step.relay is Relay.HOLD) is held
    if not held:
        assert _test(isolated).steps[-1].seen == "still closed"
        assert isolated.mode is Mode.FAULT


def test_the_wrong_cause_of_a_drop_is_no_proof(isolated: Bench) -> None:
    """Opened by an order or a restart: the dead-man's own timer was not seen."""
    _until(isolated, "drop")
    isolated.latch = isolated.contact = False
    isolated.cause = "commanded"
    isolated.run(0.6, ms=20)
    last = _test(isolated).steps[-1]
    assert (last.name, last.ok, last.seen) == ("drop", False, "no answer")


def test_a_controller_that_restarts_in_the_pulse_fails_it(isolated: Bench) -> None:
    _until(isolated, "drop")
    isolated.controller.boots += 1
    isolated.step(ms=10)
    assert _test(isolated).steps[-1].seen == "boots 1 -> 2"


@pytest.mark.parametrize("more", [0, 1, 2])
def test_the_closing_counts_once(isolated: Bench, more: int) -> None:
    _until(isolated, "rest")
    isolated.controller.cycles = more
    isolated.step(ms=10)
    ended = isolated.volatile.proof_run is None
    assert ended is (more != 1)
    if ended:
        assert _test(isolated).steps[-1].seen == f"cycles 1 -> {more}"


def test_it_must_stay_open_afterwards_and_hear_the_heartbeats(isolated: Bench) -> None:
    _until(isolated, "rest")
    heard = isolated.controller.heard_us
    for _ in range(40):
        isolated.controller.heard_us = heard
        isolated.step()
    assert _test(isolated).steps[-1].seen.startswith("no heartbeat for ")


def test_every_relay_in_series_is_seen_both_ways() -> None:
    bench = _isolated(Bench(CHAIN))
    bench.prove(pulse=True)
    assert _test(bench).ok
    assert bench.durable.cycles == {"relay": 1, "relay.k2": 1}


def test_a_relay_in_series_that_does_not_close_fails_it() -> None:
    """Discrepancy: the other relay did follow."""
    bench = _isolated(Bench(CHAIN))
    _until(bench, "close")
    bench.series_stuck.add("k2")
    bench.series["k2"] = False
    bench.run(0.6, ms=20)
    last = _test(bench).steps[-1]
    assert (last.name, last.ok, last.seen) == ("close", False, "no answer")
    assert bench.mode is Mode.FAULT


def test_a_relay_in_series_that_does_not_open_is_a_fault_and_the_test_has_not_passed() -> None:
    bench = _isolated(Bench(CHAIN))
    _until(bench, "drop")
    bench.series_stuck.add("k2")
    bench.run(2.2, ms=20)
    assert bench.mode is Mode.FAULT
    assert bench.durable.first_out is not None
    assert (bench.durable.first_out.code, bench.durable.first_out.subject) == ("welded", "k2")
    assert (_test(bench).ok, _test(bench).steps[-1].name) == (False, "rest")


def test_a_relay_in_series_must_be_seen_since_the_step_began() -> None:
    bench = _isolated(Bench(CHAIN))
    _until(bench, "rest")
    bench.series_silent_since = bench.now
    bench.run(1.4, ms=20)
    last = _test(bench).steps[-1]
    assert (last.name, last.ok, last.seen) == ("rest", False, "no answer")


def test_in_fault_after_a_repair_the_pulse_opens_the_way_out(released: Bench) -> None:
    released.badges[1004] = True
    released.welded = True
    released.press("stop")
    released.run(0.4)
    assert released.mode is Mode.FAULT
    released.welded = released.contact = False
    released.proof_inputs = {"test_key": True, "isolated": True}
    released.run(1.2)
    released.prove(pulse=True)
    assert _test(released).ok
    assert _test(released).pulse
    assert released.mode is Mode.FAULT


def test_pulsing_is_false_in_every_other_mode(isolated: Bench) -> None:
    _until(isolated, "drop")
    for mode in Mode:
        durable = replace(isolated.durable, mode=mode)
        turn = Turn(isolated.site, isolated.rules, durable, isolated.volatile, isolated.snapshot(), isolated.now)
        assert pulsing(turn) is (mode in (Mode.LOCKED, Mode.FAULT))


def test_the_records_time_is_from_the_beginning(isolated: Bench) -> None:
    began = isolated.now
    isolated.prove(pulse=True)
    (note,) = isolated.found("relay.proof_test")
    assert 0 < note.data["ms"] <= (isolated.now - began) // 1000
    assert isolated.now - began < 5 * SECOND
