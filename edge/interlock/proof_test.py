"""The proof test of the final element: guided, recorded, and without ever closing the contact.

    step       what is sent                        it passes when
    contact    nothing                             latch and feedback read open on a fresh status line
    drill      DRILL, then no heartbeat            the controller ends it by itself, its own time within the limits
    open       OPEN                                it is answered within the settle time
    bad_close  CLOSE with a wrong nonce            it is refused under a new nonce within the settle time
    steady     heartbeats again                    a second of them is heard without a gap

From the drill to the refused CLOSE no heartbeat leaves: a controller that is too broken to refuse would open again
for want of them. In every step latch and contact must stay open and neither boots nor cycles may move. What it does
not prove is told in firmware_sim/deadman/PROTOCOL.md. Possible only where nothing is armed or released.
"""

from enum import StrEnum

from contracts.event import ActionResult, Severity
from edge.interlock.conditions.people import entitled
from edge.interlock.happenings import ProofAsked
from edge.interlock.record import reason_data
from edge.interlock.state import Mode, ProofRun, ProofStep, ProofTest, Reason
from edge.interlock.turn import Turn, replace
from edge.relay.protocol import DeadmanStatus

STEPS = ("contact", "drill", "open", "bad_close", "steady")
MODES = (Mode.LOCKED, Mode.TRIPPED, Mode.FAULT)
"""Where a proof test may be made: nothing is armed, released, nor ready to be armed."""
QUIET = ("drill", "open", "bad_close")
"""Steps without heartbeats."""
STEADY_US = 1_000_000
TICK_MS = 20
"""What a controller may take longer than the dead-man time: its tick, its line and ours."""


class Probe(StrEnum):
    """What the relay driver must send for the proof test, besides heartbeats."""

    NONE = "none"
    DRILL = "drill"
    OPEN = "open"
    BAD_CLOSE = "bad_close"


_PROBES = {"drill": Probe.DRILL, "open": Probe.OPEN, "bad_close": Probe.BAD_CLOSE}


def running(turn: Turn) -> str:
    """Name of the step in progress, empty when no proof test runs."""
    run = turn.v.proof_run
    return "" if run is None else STEPS[len(run.steps)]


def begin(turn: Turn, asked: ProofAsked) -> None:
    """Start, or note why not: two different people with the right whose badges are here, supply isolated."""
    here = [person.id for person in entitled(turn.f, "clear_fault") if person.id in asked.by]
    reasons = []
    if turn.d.mode not in MODES:
        reasons.append(Reason("proof_mode", turn.d.mode.value))
    if len(set(here)) < 2:
        reasons.append(Reason("proof_people"))
    if not asked.isolated:
        reasons.append(Reason("proof_supply"))
    if turn.v.proof_run is not None:
        reasons.append(Reason("proof_running"))
    if reasons:
        turn.note(
            "relay.proof_refused", sev=Severity.WARNING, res=ActionResult.DENIED, actor=("cli", str(asked.uid)),
            by=list(asked.by), reasons=[reason_data(reason) for reason in reasons],
        )  # fmt: skip
        return
    turn.v = replace(turn.v, proof_run=ProofRun(tuple(here), turn.now, turn.now))
    turn.note("relay.proof_started", actor=("cli", str(asked.uid)), by=here, isolated=True)


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
    if status is None or status.at_us <= run.step_us:
        return _late(turn, run, name)
    if name == "contact":
        run = replace(run, boots=status.boots, cycles=status.cycles)
    ms = (status.at_us - run.step_us) // 1000
    wrong = _wrong(run, status) or _gap(turn, run, status, name)
    if wrong:
        return _fail(turn, run, ProofStep(name, ok=False, ms=ms, seen=wrong))
    if not _passed(turn, run, status, name):
        return _late(turn, run, name)
    took = status.hb_age_ms if name == "drill" else ms
    if name == "drill" and took > turn.rules.dead_man_ms.value + TICK_MS:
        return _fail(turn, run, ProofStep(name, ok=False, ms=took, seen=f"{took} ms"))
    return _next(turn, run, status, ProofStep(name, ok=True, ms=took))


def _wrong(run: ProofRun, status: DeadmanStatus) -> str:
    """What must not happen in any step."""
    if status.latch_closed:
        return "latch closed"
    if status.contact_closed:
        return "contact closed"
    if status.boots != run.boots:
        return f"boots {run.boots} -> {status.boots}"
    return "" if status.cycles == run.cycles else f"cycles {run.cycles} -> {status.cycles}"


def _gap(turn: Turn, run: ProofRun, status: DeadmanStatus, name: str) -> str:
    """Heartbeats that do not arrive although they are sent again."""
    begun = status.at_us - run.step_us > turn.rules.settle_ms.value * 1000
    lost = name == "steady" and begun and status.hb_age_ms >= turn.rules.dead_man_ms.value
    return f"no heartbeat for {status.hb_age_ms} ms" if lost else ""


def _passed(turn: Turn, run: ProofRun, status: DeadmanStatus, name: str) -> bool:
    limit_ms = turn.rules.dead_man_ms.value
    match name:
        case "contact":
            return True
        case "drill":
            return status.cause == "drill" and status.nonce != run.nonce and status.hb_age_ms >= limit_ms
        case "open":
            return status.echo_seq != run.echo
        case "bad_close":
            return status.cause == "bad_close" and status.nonce != run.nonce
    return status.at_us - run.step_us >= STEADY_US


def _late(turn: Turn, run: ProofRun, name: str) -> Probe:
    """Wait on, or fail when the step's time is over."""
    settle_us = turn.rules.settle_ms.value * 1000
    allowed_us = settle_us + {"drill": turn.rules.dead_man_ms.value * 1000, "steady": STEADY_US}.get(name, 0)
    waited_us = turn.now - run.step_us
    if waited_us <= allowed_us:
        return Probe.NONE
    return _fail(turn, run, ProofStep(name, ok=False, ms=waited_us // 1000, seen="no answer"))


def _next(turn: Turn, run: ProofRun, status: DeadmanStatus, done: ProofStep) -> Probe:
    steps = (*run.steps, done)
    if len(steps) == len(STEPS):
        _finish(turn, run, done)
        return Probe.NONE
    turn.v = replace(
        turn.v, proof_run=replace(run, step_us=turn.now, echo=status.echo_seq, nonce=status.nonce, steps=steps)
    )
    return _PROBES.get(STEPS[len(steps)], Probe.NONE)


def _fail(turn: Turn, run: ProofRun, last: ProofStep) -> Probe:
    """A final element that fails its test is not to be trusted: fault."""
    _finish(turn, run, last)
    turn.fault(Reason("proof_failed", last.name))
    return Probe.OPEN


def _finish(turn: Turn, run: ProofRun, last: ProofStep) -> None:
    """Record the result."""
    steps = (*run.steps, last)
    turn.v = replace(turn.v, proof_run=None)
    turn.d = replace(turn.d, proof_test=ProofTest(turn.now, turn.f.wall_s, run.by, last.ok, steps))
    turn.note(
        "relay.proof_test", sev=Severity.INFO if last.ok else Severity.ALARM,
        res=ActionResult.OK if last.ok else ActionResult.FAILED, by=list(run.by), boots=run.boots, cycles=run.cycles,
        ms=(turn.now - run.began_us) // 1000,
        steps=[{"name": step.name, "ok": step.ok, "ms": step.ms, "seen": step.seen} for step in steps],
    )  # fmt: skip
