"""Each step of a proof test by itself: what it waits for, how long, what fails it, and what is written down of it."""

import msgspec
import pytest

from contracts.event import ActionResult, Severity
from edge.interlock.happenings import ProofAsked
from edge.interlock.proof_test import PULSE, Probe, begin, prove, pulse_until_us, step_of
from edge.interlock.site import SiteRelay
from edge.interlock.state import Mode, ProofRun, ProofStep, ProofTest, Reason
from edge.interlock.turn import Turn
from edge.relay.element import ElementStatus
from edge.relay.protocol import DeadmanStatus
from tests.edge.interlock.bench import SITE, Bench
from tests.edge.interlock.changes import changed, note, turn

replace = msgspec.structs.replace
TWO = ("leader", "engineer")
BEGAN_MS = 3000
SETTLE_US, DEAD_MAN_US, PULSE_US = 250_000, 180_000, 500_000
DONE = {name: ProofStep(name, ok=True, ms=10) for name in PULSE}


def _at(bench: Bench, name: str, waited_us: int, *, pulse: bool = False, **status: object) -> Turn:
    """In a step that began so long ago; the controller's newest line is from now unless it says otherwise."""
    bench.badges[1004] = True
    bench.proof_inputs = {"test_key": True, "isolated": True}
    bench.step()
    made = turn(bench, mode=Mode.LOCKED)
    at = PULSE.index(name)
    held = PULSE.index("close")
    run = ProofRun(
        TWO, bench.now - BEGAN_MS * 1000, bench.now - waited_us, echo=70, nonce="0a", boots=3, cycles=40,
        steps=tuple(DONE[each] for each in PULSE[:at]), pulse=pulse or at >= held,
        closed_us=bench.now - waited_us if at >= held else 0, proven=True,
    )  # fmt: skip
    line = replace(
        _line(made), boots=3, cycles=40, nonce="0b", echo_seq=71, hb_age_ms=10, cause="none", latch_closed=False,
        contact_closed=False, at_us=bench.now,
    )  # fmt: skip
    made.v = replace(made.v, proof_run=run, commanded_us=1)
    made.snapshot = replace(made.snapshot, deadman=replace(line, **status))
    made.judge()
    return made


def _line(made: Turn) -> DeadmanStatus:
    assert made.snapshot.deadman is not None
    return made.snapshot.deadman


def _run(made: Turn) -> ProofRun:
    assert made.v.proof_run is not None
    return made.v.proof_run


def _recorded(made: Turn, run: ProofRun, last: ProofStep, *, held: bool = False) -> None:
    """The test is over with this step: kept and written down whole."""
    steps = (*run.steps, last)
    assert made.d.proof_test == ProofTest(made.now, made.f.wall_s, TWO, last.ok, steps, run.pulse)
    assert made.v.proof_run is None
    assert (made.v.commanded_us == made.now) is held
    expected = note(
        "relay.proof_test", permit="", sev=Severity.INFO if last.ok else Severity.ALARM,
        res=ActionResult.OK if last.ok else ActionResult.FAILED, by=list(TWO), boots=run.boots, cycles=run.cycles,
        pulse=run.pulse, ms=BEGAN_MS,
        steps=[{"name": each.name, "ok": each.ok, "ms": each.ms, "seen": each.seen} for each in steps],
    )  # fmt: skip
    assert next(each for each in made.notes if each.type == "relay.proof_test") == expected


def _fails(made: Turn, ms: int, seen: str, *, held: bool = False) -> None:
    run = _run(made)
    name = PULSE[len(run.steps)]
    assert prove(made) is Probe.OPEN
    _recorded(made, run, ProofStep(name, ok=False, ms=ms, seen=seen), held=held)
    assert (made.d.mode, made.d.first_out) == (Mode.FAULT, Reason("proof_failed", name))


def _waits(made: Turn) -> None:
    d, v = made.d, made.v
    assert prove(made) is Probe.NONE
    assert (made.d, made.v, made.notes) == (d, v, [])


PASSES = [
    ("contact", 10_000, {}, 10, Probe.DRILL),
    ("drill", 190_000, {"cause": "drill", "hb_age_ms": 180}, 180, Probe.OPEN),
    ("drill", 210_000, {"cause": "drill", "hb_age_ms": 200}, 200, Probe.OPEN),
    ("open", 15_000, {}, 15, Probe.BAD_CLOSE),
    ("bad_close", 15_000, {"cause": "bad_close"}, 15, Probe.NONE),
]


@pytest.mark.parametrize(("name", "waited_us", "status", "ms", "probe"), PASSES)
def test_a_step_that_passes_begins_the_next(  # type: ignore[no-untyped-def]
    bench: Bench, name: str, waited_us: int, status, ms: int, probe: Probe
) -> None:
    made = _at(bench, name, waited_us, **status)
    run, v = _run(made), made.v
    assert prove(made) is probe
    after = replace(run, step_us=made.now, echo=71, nonce="0b", steps=(*run.steps, ProofStep(name, ok=True, ms=ms)))
    assert changed(v, made.v) == {"proof_run": after}
    assert made.notes == []


def test_the_first_step_takes_boots_and_cycles_from_the_controller(bench: Bench) -> None:
    made = _at(bench, "contact", 10_000, boots=7, cycles=90)
    assert prove(made) is Probe.DRILL
    assert (_run(made).boots, _run(made).cycles) == (7, 90)


def test_a_drill_is_over_with_its_last_step(bench: Bench) -> None:
    made = _at(bench, "steady", 1_000_000)
    run = _run(made)
    assert prove(made) is Probe.NONE
    _recorded(made, replace(run, steps=run.steps), ProofStep("steady", ok=True, ms=1000))
    assert made.d.mode is Mode.LOCKED


def test_a_pulse_goes_on_and_is_written_down_as_it_begins(bench: Bench) -> None:
    """From its CLOSE on the contacts have their settle time, and the pulse its own."""
    made = _at(bench, "steady", 1_000_000, pulse=True)
    run, v = _run(made), made.v
    assert prove(made) is Probe.CLOSE
    steps = (*run.steps, ProofStep("steady", ok=True, ms=1000))
    after = replace(run, step_us=made.now, echo=71, nonce="0b", steps=steps, closed_us=made.now)
    assert changed(v, made.v) == {"proof_run": after, "commanded_us": made.now}
    assert made.notes == [note("relay.proof_pulse", permit="", by=list(TWO), limit_ms=500)]


CLOSED = {"latch_closed": True, "contact_closed": True, "cycles": 41}


def test_a_contact_that_closed_is_let_go(bench: Bench) -> None:
    made = _at(bench, "close", 30_000, **CLOSED)
    run, v = _run(made), made.v
    assert prove(made) is Probe.DROP
    after = replace(run, step_us=made.now, echo=71, nonce="0b", steps=(*run.steps, ProofStep("close", ok=True, ms=30)))
    assert changed(v, made.v) == {"proof_run": after}


def test_a_contact_that_fell_by_itself_must_stay_so(bench: Bench) -> None:
    made = _at(bench, "drop", 210_000, cause="heartbeat_lost", cycles=41)
    run, v = _run(made), made.v
    assert prove(made) is Probe.NONE
    after = replace(run, step_us=made.now, echo=71, nonce="0b", steps=(*run.steps, ProofStep("drop", ok=True, ms=210)))
    assert changed(v, made.v) == {"proof_run": after, "commanded_us": made.now}


def test_a_pulse_has_passed_when_everything_rested_a_second(bench: Bench) -> None:
    made = _at(bench, "rest", 1_000_000, cycles=41)
    run = _run(made)
    assert prove(made) is Probe.NONE
    _recorded(made, run, ProofStep("rest", ok=True, ms=1000))


WAITS = [
    ("drill", 150_000, {"cause": "none", "hb_age_ms": 150}),
    ("drill", 205_000, {"cause": "none", "hb_age_ms": 205}),
    ("drill", 205_000, {"cause": "drill", "nonce": "0a", "hb_age_ms": 205}),
    ("drill", 205_000, {"cause": "drill", "hb_age_ms": 179}),
    ("open", 15_000, {"echo_seq": 70}),
    ("bad_close", 15_000, {"cause": "bad_close", "nonce": "0a"}),
    ("bad_close", 15_000, {"cause": "drill"}),
    ("steady", 999_999, {}),
    ("close", 30_000, {"latch_closed": True, "cycles": 41}),
    ("close", 30_000, {"contact_closed": True, "cycles": 41}),
    ("drop", 30_000, {"latch_closed": True, "cause": "heartbeat_lost", "cycles": 41}),
    ("drop", 30_000, {"contact_closed": True, "cause": "heartbeat_lost", "cycles": 41}),
    ("drop", 30_000, {"cause": "commanded", "cycles": 41}),
    ("rest", 999_999, {"cycles": 41}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "waited_us", "status"), WAITS)
def test_a_step_waits_for_all_that_it_asks_for(bench: Bench, name: str, waited_us: int, status) -> None:  # type: ignore[no-untyped-def]
    _waits(_at(bench, name, waited_us, **status))


LONGEST_US = {
    "contact": SETTLE_US, "drill": SETTLE_US + DEAD_MAN_US, "open": SETTLE_US, "bad_close": SETTLE_US,
    "steady": SETTLE_US + 1_000_000, "close": SETTLE_US, "drop": SETTLE_US + DEAD_MAN_US, "rest": SETTLE_US + 1_000_000,
}  # fmt: skip


@pytest.mark.parametrize("name", PULSE)
def test_a_step_without_an_answer_fails_a_microsecond_after_its_time(bench: Bench, name: str) -> None:
    """settle_ms, and the dead-man time or the second that the step itself takes. A line from before it is no answer."""
    longest_us = LONGEST_US[name]
    for waited_us in (longest_us, longest_us + 1):
        made = _at(bench, name, waited_us)
        made.snapshot = replace(made.snapshot, deadman=replace(_line(made), at_us=_run(made).step_us))
        if waited_us == longest_us:
            _waits(made)
        else:
            _fails(made, longest_us // 1000, "no answer", held=name in ("close", "drop"))


def test_a_step_without_any_line_fails_alike(bench: Bench) -> None:
    made = _at(bench, "open", SETTLE_US + 1)
    made.snapshot = replace(made.snapshot, deadman=None)
    _fails(made, SETTLE_US // 1000, "no answer")


def test_a_line_of_the_moment_in_which_the_step_began_is_no_answer(bench: Bench) -> None:
    made = _at(bench, "open", 15_000)
    step_us = _run(made).step_us
    made.snapshot = replace(made.snapshot, deadman=replace(_line(made), at_us=step_us))
    _waits(made)
    made.snapshot = replace(made.snapshot, deadman=replace(_line(made), at_us=step_us + 1))
    assert prove(made) is Probe.BAD_CLOSE
    assert _run(made).steps[-1] == ProofStep("open", ok=True, ms=0)


FAILS = [
    ("open", {"boots": 4}, "boots 3 -> 4"), ("close", {**CLOSED, "boots": 4}, "boots 3 -> 4"),
    ("open", {"latch_closed": True}, "latch closed"), ("open", {"contact_closed": True}, "contact closed"),
    ("rest", {"latch_closed": True, "cycles": 41}, "latch closed"),
    ("open", {"cycles": 41}, "cycles 40 -> 41"), ("rest", {"cycles": 40}, "cycles 41 -> 40"),
    ("rest", {"cycles": 42}, "cycles 41 -> 42"), ("contact", {"contact_closed": True}, "contact closed"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "status", "seen"), FAILS)
def test_what_may_not_be_seen_in_a_step_fails_it(bench: Bench, name: str, status, seen: str) -> None:  # type: ignore[no-untyped-def]
    made = _at(bench, name, 15_000, **status)
    _fails(made, 15, seen, held=name in ("close", "drop"))


def test_a_drill_that_ends_late_fails(bench: Bench) -> None:
    """The dead-man time, and a tick of 20 ms for its clock and its line."""
    _fails(_at(bench, "drill", 300_000, cause="drill", hb_age_ms=201), 201, "201 ms")


@pytest.mark.parametrize("name", ["steady", "rest"])
@pytest.mark.parametrize(
    ("waited_us", "age_ms", "lost"), [(250_000, 180, False), (250_001, 179, False), (250_001, 180, True)]
)
def test_heartbeats_that_are_sent_again_must_arrive_again(
    bench: Bench, name: str, waited_us: int, age_ms: int, lost: bool
) -> None:
    made = _at(bench, name, waited_us, hb_age_ms=age_ms, cycles=41 if name == "rest" else 40)
    if lost:
        _fails(made, 250, "no heartbeat for 180 ms")
    else:
        _waits(made)


def test_a_box_that_stood_still_ends_it_without_blame(bench: Bench) -> None:
    made = _at(bench, "steady", 20_000)
    made.snapshot = replace(made.snapshot, loop_gap_ms=5000)
    made.judge()
    run = _run(made)
    assert prove(made) is Probe.OPEN
    _recorded(made, run, ProofStep("steady", ok=False, ms=0, seen="interrupted"))
    assert made.d.mode is Mode.LOCKED


def test_what_hinders_a_pulse_ends_it_without_blame(bench: Bench) -> None:
    made = _at(bench, "close", 30_000, **CLOSED)
    assert made.snapshot.inputs is not None
    made.snapshot = replace(made.snapshot, inputs=replace(made.snapshot.inputs, test_key=False))
    made.judge()
    run = _run(made)
    assert prove(made) is Probe.OPEN
    _recorded(made, run, ProofStep("close", ok=False, ms=30, seen="proof_key"), held=True)
    assert made.d.mode is Mode.LOCKED


def test_what_hinders_is_named_with_what_it_is_about(bench: Bench) -> None:
    made = _at(bench, "close", 30_000, **CLOSED)
    readings = made.snapshot.readings
    made.snapshot = replace(made.snapshot, readings={**readings, "ch4-1": replace(readings["ch4-1"], value=60.0)})
    made.judge()
    run = _run(made)
    assert prove(made) is Probe.OPEN
    _recorded(made, run, ProofStep("close", ok=False, ms=30, seen="gas_high ch4-1"), held=True)


def test_a_drill_is_hindered_by_nothing_of_that(bench: Bench) -> None:
    made = _at(bench, "open", 15_000)
    made.snapshot = replace(made.snapshot, inputs=None)
    made.judge()
    assert prove(made) is Probe.BAD_CLOSE


@pytest.mark.parametrize(("held_us", "ended"), [(PULSE_US - 1, False), (PULSE_US, True)])
def test_a_pulse_ends_with_its_own_time_whatever_its_steps_may_take(bench: Bench, held_us: int, ended: bool) -> None:
    """proof_pulse_ms, from its CLOSE."""
    made = _at(bench, "drop", 30_000, latch_closed=True, contact_closed=True, cycles=41)
    made.v = replace(made.v, proof_run=replace(_run(made), closed_us=made.now - held_us))
    if ended:
        _fails(made, 30, "still closed", held=True)
    else:
        _waits(made)


def test_a_test_whose_contact_stays_open_has_no_end_of_a_pulse(bench: Bench) -> None:
    """Neither before its CLOSE nor while no test runs: the next look is due for something else."""
    made = _at(bench, "contact", 30_000)
    assert pulse_until_us(made) == 0
    made.v = replace(made.v, proof_run=None)
    assert pulse_until_us(made) == 0
    assert step_of(None) == ""


def test_the_time_of_a_step_is_in_whole_milliseconds(bench: Bench) -> None:
    """Of one that was hindered, and of one whose contact did not let go."""
    made = _at(bench, "close", 999_500, **CLOSED)
    assert made.snapshot.inputs is not None
    made.snapshot = replace(made.snapshot, inputs=replace(made.snapshot.inputs, test_key=False))
    made.judge()
    run = _run(made)
    assert prove(made) is Probe.OPEN
    _recorded(made, run, ProofStep("close", ok=False, ms=999, seen="proof_key"), held=True)

    made = _at(bench, "drop", 999_500, latch_closed=True, contact_closed=True, cycles=41)
    _fails(made, 999, "still closed", held=True)


SERIES = replace(SITE, relays=(SiteRelay("", "relay", 0), SiteRelay("k2", "relay.k2", 0)))


@pytest.mark.parametrize(
    ("name", "status", "closed", "at_us", "passes"),
    [
        ("close", CLOSED, True, 1, True), ("close", CLOSED, True, 0, False), ("close", CLOSED, False, 1, False),
        ("rest", {"cycles": 41}, False, 1, True), ("rest", {"cycles": 41}, False, 0, False),
        ("steady", {}, None, 0, True), ("close", CLOSED, None, 0, False),
    ],
)  # fmt: skip
def test_every_relay_in_series_shows_its_contact_within_the_step(  # type: ignore[no-untyped-def]
    name: str, status, closed: bool | None, at_us: int, passes: bool
) -> None:
    made = _at(Bench(SERIES), name, 30_000 if name == "close" else 1_000_000, **status)
    seen = {} if closed is None else {"k2": ElementStatus("k2", closed, _run(made).step_us + at_us)}
    made.snapshot = replace(made.snapshot, series=seen)
    done = len(_run(made).steps)
    prove(made)
    after = made.v.proof_run
    assert (after is None or len(after.steps) > done) is passes


def test_nothing_is_sent_while_no_test_runs(bench: Bench) -> None:
    bench.step()
    _waits(turn(bench))


# --- the beginning


def _asked(bench: Bench, asked: ProofAsked, **durable: object) -> Turn:
    bench.badges[1004] = True
    bench.proof_inputs = {"test_key": True, "isolated": True}
    bench.step()
    made = turn(bench, **{"mode": Mode.LOCKED, **durable})
    begin(made, asked)
    return made


@pytest.mark.parametrize("pulse", [False, True])
def test_a_test_begins_with_who_asked_for_it_and_who_is_here(bench: Bench, pulse: bool) -> None:
    made = _asked(bench, ProofAsked(1000, TWO, isolated=not pulse, pulse=pulse))
    assert made.v.proof_run == ProofRun(tuple(sorted(TWO, reverse=True)), made.now, made.now, pulse=pulse)
    people = list(_run(made).by)
    assert made.notes == [note("relay.proof_started", permit="", actor=("cli", "1000"), by=people, isolated=True, pulse=pulse)]


def test_a_refusal_names_all_that_is_missing(bench: Bench) -> None:
    made = _asked(bench, ProofAsked(1000, ("leader", "leader"), isolated=False), mode=Mode.RELEASED)
    assert made.v.proof_run is None
    (refused,) = made.notes
    codes = [reason["code"] for reason in refused.data["reasons"]]
    assert codes == ["proof_mode", "proof_people", "proof_supply"]
    assert refused == note(
        "relay.proof_refused", permit="", sev=Severity.WARNING, res=ActionResult.DENIED, actor=("cli", "1000"),
        by=["leader", "leader"], reasons=refused.data["reasons"],
    )  # fmt: skip
    assert refused.data["reasons"][0]["chan"] == "RELEASED"


def test_a_second_test_does_not_begin_beside_the_first(bench: Bench) -> None:
    made = _at(bench, "open", 15_000)
    run = made.v.proof_run
    begin(made, ProofAsked(1000, TWO, isolated=True))
    assert made.v.proof_run is run
    assert [reason["code"] for reason in made.notes[0].data["reasons"]] == ["proof_running"]
