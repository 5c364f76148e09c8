"""The proof test of the final element: guided and recorded. A drill never closes the contact; a pulse does, once.

    step       what is sent                        it passes when
    contact    nothing                             latch and feedback read open on a fresh status line
    drill      DRILL, then no heartbeat            the controller ends it by itself, its own time within the limits
    open       OPEN                                it is answered within the settle time
    bad_close  CLOSE with a wrong nonce            it is refused under a new nonce within the settle time (only where
                                                   an input proves that the load is isolated)
    steady     heartbeats again                    a second of them is heard without a gap
    and of a pulse
    close      CLOSE, then heartbeats              latch and every feedback contact read closed within the settle time
    drop       no heartbeat                        the primary relay opens by itself, and its feedback contact follows
    rest       OPEN, heartbeats again              a second of them, every feedback contact open, nothing closes again

From the drill to the refused CLOSE no heartbeat leaves: a controller that is too broken to refuse would open again for
want of them; even so it leaves only towards a load that is proven to be isolated. In every step but `close` and `drop`
latch and contacts must stay open; boots never move, cycles once in a pulse. Possible only where nothing is armed or
released. A pulse needs more (`hindrances`): LOCKED or FAULT, the key switch in TEST and the load isolated by an input
of its own, no gas, no stop, a log that writes. It is looked at in every evaluation, ends with the first that fails, and
no later than the pack's `proof_pulse_ms` after its CLOSE. A drill heeds those of the two inputs that are wired, and
people's word for the isolation besides.
What neither proves is told in firmware_sim/deadman/PROTOCOL.md.
"""

from enum import StrEnum

from contracts.event import ActionResult, Severity
from edge.interlock.conditions import evaluate
from edge.interlock.conditions.facts import Facts, Verdict
from edge.interlock.conditions.people import entitled
from edge.interlock.happenings import ProofAsked
from edge.interlock.record import reasons_data
from edge.interlock.site import Site
from edge.interlock.state import Mode, ProofRun, ProofStep, ProofTest, Reason
from edge.interlock.turn import Turn, replace
from edge.relay.protocol import DeadmanStatus

DRILL = ("contact", "drill", "open", "bad_close", "steady")
UNPROVEN = tuple(name for name in DRILL if name != "bad_close")
"""A drill on people's word alone: no CLOSE leaves, not even a false one."""
PULSE = (*DRILL, "close", "drop", "rest")
MODES = (Mode.LOCKED, Mode.TRIPPED, Mode.FAULT)
"""Where a proof test may be made: nothing is armed, released, nor ready to be armed."""
PULSE_MODES = (Mode.LOCKED, Mode.FAULT)
"""Where the contact may be closed for a moment: no attempt, no release, no trip that waits for its reset."""
QUIET = ("drill", "open", "bad_close", "drop")
"""Steps without heartbeats."""
HELD = ("close", "drop")
"""Steps in which the contact may be closed."""
GUARDS = ("loop", "estop", "stop", "gas", "inputs", "audit")
"""Conditions that must hold all through a pulse."""
_UNPROVEN = {"test_key": "proof_key", "isolated": "proof_isolation"}
STEADY_US = 1_000_000
TICK_MS = 20
"""What a controller may take longer than the dead-man time: its tick, its line and ours."""


class Probe(StrEnum):
    """What the relay driver must send for the proof test, besides heartbeats."""

    NONE = "none"
    DRILL = "drill"
    OPEN = "open"
    BAD_CLOSE = "bad_close"
    CLOSE = "close"
    DROP = "drop"


_PROBES = {
    "drill": Probe.DRILL, "open": Probe.OPEN, "bad_close": Probe.BAD_CLOSE, "close": Probe.CLOSE, "drop": Probe.DROP,
}  # fmt: skip


def steps_of(*, pulse: bool, proven: bool) -> tuple[str, ...]:
    """The steps of a test with a pulse, or of a drill whose isolation an input proves, or people only."""
    return PULSE if pulse else DRILL if proven else UNPROVEN


def proves_isolation(site: Site) -> bool:
    """Whether an input of this site says that the load is isolated."""
    return "isolated" in site.proof_inputs


def step_of(run: ProofRun | None) -> str:
    """Name of the step in progress, empty when no proof test runs."""
    return "" if run is None else steps_of(pulse=run.pulse, proven=run.proven)[len(run.steps)]


def running(turn: Turn) -> str:
    """Name of the step in progress, empty when no proof test runs."""
    return step_of(turn.v.proof_run)


def pulsing(turn: Turn) -> bool:
    """The contact may be closed now, by a proof test."""
    return running(turn) in HELD and turn.d.mode in PULSE_MODES


def pulse_until_us(turn: Turn) -> int:
    """When a pulse is over at the latest; 0 when there is none."""
    run = turn.v.proof_run
    return run.closed_us + turn.rules.proof_pulse_ms.value * 1000 if run is not None and running(turn) in HELD else 0


def hindrances(f: Facts, verdicts: dict[str, Verdict]) -> tuple[Reason, ...]:
    """Why the contact may not be closed for a moment: state, key, isolation, gas, stops, loop, log."""
    found = [] if f.durable.mode in PULSE_MODES else [Reason("proof_pulse_mode", f.durable.mode.value)]
    found.extend(unproven(f, tuple(_UNPROVEN)))
    return (*found, *(reason for name in GUARDS for reason in verdicts[name].reasons))


def unproven(f: Facts, names: tuple[str, ...]) -> tuple[Reason, ...]:
    """Those of these inputs that do not say now what a proof test needs: key in TEST, load isolated."""
    read = f.snapshot.inputs
    fresh = read is not None and f.now_us - read.at_us <= f.rules.inputs_ttl_ms.value * 1000
    return tuple(Reason(_UNPROVEN[name]) for name in names if not fresh or getattr(read, name) is not True)


def begin(turn: Turn, asked: ProofAsked) -> None:
    """Start, or note why not: two different people with the right whose badges are here, supply isolated."""
    here = [person.id for person in entitled(turn.f, "clear_fault") if person.id in asked.by]
    reasons = []
    if turn.d.mode not in MODES:
        reasons.append(Reason("proof_mode", turn.d.mode.value))
    if len(set(here)) < 2:
        reasons.append(Reason("proof_people"))
    if asked.pulse:
        reasons.extend(hindrances(turn.f, evaluate(turn.f)))
    else:
        reasons.extend(unproven(turn.f, turn.site.proof_inputs))
        if not asked.isolated:
            reasons.append(Reason("proof_supply"))
    if turn.v.proof_run is not None:
        reasons.append(Reason("proof_running"))
    if reasons:
        turn.note(
            "relay.proof_refused", sev=Severity.WARNING, res=ActionResult.DENIED, actor=("cli", str(asked.uid)),
            by=list(asked.by), **reasons_data("reasons", reasons),
        )  # fmt: skip
        return
    run = ProofRun(tuple(here), turn.now, turn.now, pulse=asked.pulse, proven=proves_isolation(turn.site))
    turn.v = replace(turn.v, proof_run=run)
    turn.note("relay.proof_started", actor=("cli", str(asked.uid)), by=here, isolated=True, pulse=asked.pulse)


def prove(turn: Turn) -> Probe:
    """Go on with a running test as far as the newest status allows; gives what to send at a step's beginning."""
    run, status = turn.v.proof_run, turn.snapshot.deadman
    if run is None:
        return Probe.NONE
    name = running(turn)
    if not turn.verdicts["loop"].ok:
        # The box itself stood still: that says nothing about the controller, and proves nothing either.
        _finish(turn, run, ProofStep(name, ok=False, ms=0, seen="interrupted"))
        return Probe.OPEN
    hindered = hindrances(turn.f, turn.verdicts) if run.pulse else unproven(turn.f, turn.site.proof_inputs)
    if hindered:
        # Nothing is wrong with the relay: it opens, and the test is made again another time.
        first = hindered[0]
        seen = f"{first.code} {first.subject}".strip()
        _finish(turn, run, ProofStep(name, ok=False, ms=(turn.now - run.step_us) // 1000, seen=seen))
        return Probe.OPEN
    if run.closed_us and name in HELD and turn.now >= pulse_until_us(turn):
        return _fail(turn, run, ProofStep(name, ok=False, ms=(turn.now - run.step_us) // 1000, seen="still closed"))
    if status is None or status.at_us <= run.step_us:
        return _late(turn, run, name)
    if name == "contact":
        run = replace(run, boots=status.boots, cycles=status.cycles)
    ms = (status.at_us - run.step_us) // 1000
    wrong = _wrong(run, status, name) or _gap(turn, run, status, name)
    if wrong:
        return _fail(turn, run, ProofStep(name, ok=False, ms=ms, seen=wrong))
    if not _passed(turn, run, status, name):
        return _late(turn, run, name)
    took = status.hb_age_ms if name == "drill" else ms
    if name == "drill" and took > turn.site.dead_man_ms + TICK_MS:
        return _fail(turn, run, ProofStep(name, ok=False, ms=took, seen=f"{took} ms"))
    return _next(turn, run, status, ProofStep(name, ok=True, ms=took))


def _wrong(run: ProofRun, status: DeadmanStatus, name: str) -> str:
    """What must not happen in any step, or in none that leaves the contact open."""
    if status.boots != run.boots:
        return f"boots {run.boots} -> {status.boots}"
    if name in HELD:
        return ""
    if status.latch_closed:
        return "latch closed"
    if status.contact_closed:
        return "contact closed"
    cycles = run.cycles + (name == "rest")
    return "" if status.cycles == cycles else f"cycles {cycles} -> {status.cycles}"


def _gap(turn: Turn, run: ProofRun, status: DeadmanStatus, name: str) -> str:
    """Heartbeats that do not arrive although they are sent again."""
    begun = status.at_us - run.step_us > turn.rules.settle_ms.value * 1000
    lost = name in ("steady", "rest") and begun and status.hb_age_ms >= turn.site.dead_man_ms
    return f"no heartbeat for {status.hb_age_ms} ms" if lost else ""


def _passed(turn: Turn, run: ProofRun, status: DeadmanStatus, name: str) -> bool:
    match name:
        case "contact":
            return True
        case "drill":
            long_enough = status.hb_age_ms >= turn.site.dead_man_ms
            return status.cause == "drill" and status.nonce != run.nonce and long_enough
        case "open":
            return status.echo_seq != run.echo
        case "bad_close":
            return status.cause == "bad_close" and status.nonce != run.nonce
        case "close":
            return status.latch_closed and status.contact_closed and _series(turn, run, closed=True)
        case "drop":
            return not status.latch_closed and not status.contact_closed and status.cause == "heartbeat_lost"
    steady = status.at_us - run.step_us >= STEADY_US
    return steady and (name != "rest" or _series(turn, run, closed=False))


def _series(turn: Turn, run: ProofRun, *, closed: bool) -> bool:
    """Every relay in series has shown its contact so since the step began."""
    seen = [turn.snapshot.series.get(name) for name in turn.site.series]
    return all(one is not None and one.at_us > run.step_us and one.contact_closed is closed for one in seen)


def _late(turn: Turn, run: ProofRun, name: str) -> Probe:
    """Wait on, or fail when the step's time is over."""
    settle_us = turn.rules.settle_ms.value * 1000
    dead_man_us = turn.site.dead_man_ms * 1000
    more_us = {"drill": dead_man_us, "drop": dead_man_us, "steady": STEADY_US, "rest": STEADY_US}
    allowed_us = settle_us + more_us.get(name, 0)
    waited_us = turn.now - run.step_us
    if waited_us <= allowed_us:
        return Probe.NONE
    return _fail(turn, run, ProofStep(name, ok=False, ms=waited_us // 1000, seen="no answer"))


def _next(turn: Turn, run: ProofRun, status: DeadmanStatus, done: ProofStep) -> Probe:
    run = replace(run, step_us=turn.now, echo=status.echo_seq, nonce=status.nonce, steps=(*run.steps, done))
    if len(run.steps) == len(steps_of(pulse=run.pulse, proven=run.proven)):
        _finish(turn, replace(run, steps=run.steps[:-1]), done)
        return Probe.NONE
    name = step_of(run)
    if name == "close":
        run = replace(run, closed_us=turn.now)
        turn.note("relay.proof_pulse", by=list(run.by), limit_ms=turn.rules.proof_pulse_ms.value)
    # The contacts are told something else: from now on they have their settle time.
    told = turn.now if name in ("close", "rest") else turn.v.commanded_us
    turn.v = replace(turn.v, proof_run=run, commanded_us=told)
    return _PROBES.get(name, Probe.NONE)


def _fail(turn: Turn, run: ProofRun, last: ProofStep) -> Probe:
    """A final element that fails its test is not to be trusted: fault."""
    _finish(turn, run, last)
    turn.fault(Reason("proof_failed", last.name))
    return Probe.OPEN


def _finish(turn: Turn, run: ProofRun, last: ProofStep) -> None:
    """Record the result."""
    steps = (*run.steps, last)
    told = turn.now if last.name in HELD else turn.v.commanded_us
    turn.v = replace(turn.v, proof_run=None, commanded_us=told)
    turn.d = replace(turn.d, proof_test=ProofTest(turn.now, turn.f.wall_s, run.by, last.ok, steps, run.pulse))
    turn.note(
        "relay.proof_test", sev=Severity.INFO if last.ok else Severity.ALARM,
        res=ActionResult.OK if last.ok else ActionResult.FAILED, by=list(run.by), boots=run.boots, cycles=run.cycles,
        pulse=run.pulse, ms=(turn.now - run.began_us) // 1000,
        steps=[{"name": step.name, "ok": step.ok, "ms": step.ms, "seen": step.seen} for step in steps],
    )  # fmt: skip
