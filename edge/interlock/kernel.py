"""The interlock kernel: pure, no I/O, no clock of its own.

    LOCKED -> PERMISSIVE_OK -> ARMED(attempt) -> RELEASED -> TRIPPED (latched) -> LOCKED      FAULT (latched)

`step` takes what is remembered, the newest evidence and what happened, and gives what to remember, the relay
command, notes for the log and the time at which it must run again even if nothing happens. `_relay` alone decides
the relay command.
"""

from enum import StrEnum

import msgspec

from contracts.event import Category, Severity
from edge.interlock.bypassing import run_out
from edge.interlock.conditions import RELEASE, RUN, Facts, Verdict
from edge.interlock.decision_record import Given
from edge.interlock.detector_tests import follow, report_due
from edge.interlock.element_watch import count_closing, watch_contacts
from edge.interlock.happenings import Acknowledged, Happening
from edge.interlock.liveness import end_release
from edge.interlock.liveness import follow as follow_faces
from edge.interlock.proof_test import QUIET, Probe, prove, pulse_until_us, pulsing, running
from edge.interlock.record import Note, reasons_data
from edge.interlock.resetting import clear_fault, reset
from edge.interlock.rules import Rules
from edge.interlock.site import Site
from edge.interlock.snapshot import Snapshot
from edge.interlock.state import Durable, Mode, Reason, Volatile
from edge.interlock.surroundings import report_batteries, report_devices, report_taps
from edge.interlock.taking import take
from edge.interlock.turn import Turn, add_consequences, failing, replace
from edge.interlock.vouching import confirm as confirm_vouching
from edge.interlock.watching import (
    check_in,
    edges,
    end_watch,
    follow_clock,
    latch_over_range,
    record_gas,
    remember_gas,
    remember_trust,
    report_entries,
    report_gas,
    report_people,
)

_CONSEQUENCES = ("estop", "stop", "gas", "inputs", "loop")
"""Conditions that are still written down when they fail after the first-out."""


class Relay(StrEnum):
    """What the relay driver must do: open, hold what was closed, or close once."""

    OPEN = "open"
    HOLD = "hold"
    CLOSE = "close"


class Step(msgspec.Struct, frozen=True):
    """What one step gives. `next_us` is when to step again at the latest.

    `probe` and `quiet` are the proof test's: what to send, and that no heartbeat may leave.
    `facts` are what was decided on, with what is remembered after the decision; `verdicts` are from before it.
    """

    durable: Durable
    volatile: Volatile
    relay: Relay
    notes: tuple[Note, ...]
    facts: Facts
    verdicts: dict[str, Verdict]
    next_us: int
    given: Given
    probe: Probe = Probe.NONE
    quiet: bool = False


def again(given: Given) -> Step:
    """The step that was made from these arguments."""
    return step(
        given.site, given.rules, given.durable, given.volatile, given.snapshot, given.now_us, given.happenings
    )


def _relay(before: Mode, after: Mode, probe: Probe, *, pulse: bool) -> Relay:
    """The one owner of the relay: it closes on entering RELEASED, holds while there, and opens in every other mode.

    The proof test's pulse is the only exception: with the key in TEST and the load isolated, which it sees to.
    """
    if after is not Mode.RELEASED:
        if not pulse:
            return Relay.OPEN
        return Relay.CLOSE if probe is Probe.CLOSE else Relay.HOLD
    return Relay.HOLD if before is Mode.RELEASED else Relay.CLOSE


def step(
    site: Site,
    rules: Rules,
    durable: Durable,
    volatile: Volatile,
    snapshot: Snapshot,
    now_us: int,
    happenings: tuple[Happening, ...] = (),
) -> Step:
    """One evaluation. Pure: the same arguments give the same result."""
    turn = Turn(site, rules, durable, volatile, snapshot, now_us)
    if not turn.v.commanded_us:
        turn.v = replace(turn.v, commanded_us=now_us)
    follow_clock(turn)
    latch_over_range(turn)
    for happening in happenings:
        take(turn, happening)
    follow(turn)
    follow_faces(turn)
    run_out(turn)
    turn.judge()
    remember_gas(turn)
    remember_trust(turn)
    edges(turn)
    if confirm_vouching(turn, key="reset" in turn.pressed and not _resettable(turn)):
        turn.judge()
    check_in(turn)
    watch_contacts(turn)
    probe = prove(turn)
    _move(turn, happenings)
    end_release(turn)
    report_gas(turn)
    report_due(turn)
    record_gas(turn)
    report_people(turn)
    report_entries(turn)
    report_devices(turn)
    report_batteries(turn)
    report_taps(turn)
    end_watch(turn)
    settle(turn)
    if turn.d.mode is not turn.before:
        _note_mode(turn)
        if Mode.RELEASED in (turn.before, turn.d.mode):
            opening = now_us if turn.before is Mode.RELEASED else 0
            turn.v = replace(turn.v, commanded_us=now_us, opening_since_us=opening, grace={})
    relay = _relay(turn.before, turn.d.mode, probe, pulse=pulsing(turn))
    if relay is Relay.CLOSE:
        count_closing(turn)
    seen = replace(turn.f, durable=turn.d, volatile=turn.v)
    given = Given(site, rules, durable, volatile, snapshot, now_us, happenings)
    quiet = running(turn) in QUIET
    return Step(turn.d, turn.v, relay, tuple(turn.notes), seen, turn.verdicts, next_us(turn), given, probe, quiet)


def _move(turn: Turn, happenings: tuple[Happening, ...]) -> None:
    """The transition of this step."""
    mode = turn.d.mode
    if turn.asked and (mode is Mode.FAULT or turn.d.latched):
        turn.d = replace(turn.d, consequences=add_consequences(turn.d, turn.asked))
    elif turn.asked and mode is not Mode.RELEASED:
        turn.trip(turn.asked[0], tuple(turn.asked[1:]))
        return
    if mode is Mode.RELEASED:
        run(turn)
        if turn.d.mode is Mode.RELEASED and "finish" in turn.pressed:
            turn.finish()
    elif mode is Mode.ARMED:
        missing = failing(turn.verdicts, release=True)
        acknowledged = any(isinstance(h, Acknowledged) and h.attempt == turn.d.attempt for h in happenings)
        if missing:
            turn.abandon(tuple(reason for _, verdict in missing for reason in verdict.reasons))
        elif "arm" in turn.pressed:
            turn.arm()
        elif turn.now - turn.d.armed_us >= turn.rules.attempt_s.value * 1_000_000:
            turn.abandon((Reason("attempt_timeout"),))
        elif acknowledged:
            turn.release()
    else:
        if "reset" in turn.pressed and mode is Mode.FAULT:
            clear_fault(turn)
        elif "reset" in turn.pressed and _resettable(turn):
            reset(turn)
            turn.judge()
        if "finish" in turn.pressed and turn.d.fire_watch is not None and turn.d.active not in turn.d.finished:
            turn.finish()
            turn.judge()
        # Whoever resets looks at the box first: arming is a second movement.
        if "arm" in turn.pressed and "reset" not in turn.pressed:
            turn.arm()


def _resettable(turn: Turn) -> bool:
    """Something waits for a reset: a latch, a suspension of this permit, a range that was left, the clock."""
    waits = turn.d.latched or bool(turn.d.over_range)
    return waits or not (turn.verdicts["latch"].ok and turn.verdicts["clock"].ok)


def _note_mode(turn: Turn) -> None:
    """Changes that have no event of their own."""
    quiet = (Mode.LOCKED, Mode.PERMISSIVE_OK, Mode.TRIPPED)
    if turn.before in quiet and turn.d.mode in quiet and not any(n.type == "interlock.tripped" for n in turn.notes):
        turn.note("interlock.state", was=turn.before.value, now=turn.d.mode.value)


def run(turn: Turn) -> None:
    """While released: trip on the event, or warn through a declared grace and then trip."""
    grace = dict(turn.v.grace)
    causes: list[Reason] = []
    by_gas = False
    for condition in RUN:
        verdict = turn.verdicts[condition.name]
        if not verdict.reasons:
            if grace and grace.pop(condition.name, None) is not None:
                turn.note("presence.back", Category.IDENTITY, condition=condition.name)
            continue
        if verdict.grace_us:
            began = grace.setdefault(condition.name, turn.now)
            if began == turn.now:
                turn.note(
                    "presence.warning", Category.IDENTITY, Severity.WARNING, condition=condition.name,
                    seconds=verdict.grace_us // 1_000_000, **reasons_data("reasons", verdict.reasons),
                )  # fmt: skip
            if turn.now - began < verdict.grace_us:
                continue
        causes.extend(verdict.reasons)
        by_gas = by_gas or condition.by_gas
    if grace != turn.v.grace:
        turn.v = replace(turn.v, grace=grace)
    causes.extend(turn.asked)
    if causes:
        turn.trip(causes[0], tuple(causes[1:]), by_gas=by_gas)


def settle(turn: Turn) -> None:
    """Where the state comes to rest when nothing is armed or released."""
    if turn.d.mode in (Mode.ARMED, Mode.RELEASED, Mode.FAULT):
        return
    if turn.v.grace:
        turn.v = replace(turn.v, grace={})
    if turn.d.latched:
        turn.enter(Mode.TRIPPED)
        after = [reason for name in _CONSEQUENCES for reason in turn.verdicts[name].reasons]
        consequences = add_consequences(turn.d, after)
        if consequences != turn.d.consequences:
            turn.d = replace(turn.d, consequences=consequences)
        return
    if turn.d.fire_watch is None and turn.d.first_out is not None:
        turn.d = replace(turn.d, first_out=None, consequences=(), reset_done=False)
    ready = all(turn.verdicts[condition.name].ok for condition in RELEASE)
    if ready:
        turn.enter(Mode.PERMISSIVE_OK)
    else:
        turn.enter(Mode.LOCKED if turn.d.fire_watch is None else Mode.TRIPPED)


def next_us(turn: Turn) -> int:
    """Absence is not an event: the earliest instant at which time alone may change something."""
    times = [turn.now + 1_000_000]
    if turn.d.mode is Mode.ARMED:
        times.append(turn.d.armed_us + turn.rules.attempt_s.value * 1_000_000)
    if turn.d.mode is Mode.RELEASED:
        times.append(turn.d.deadline_us)
        times.append(turn.v.recorded_us + turn.rules.gas_record_s.value * 1_000_000)
        times.extend(began + turn.verdicts[name].grace_us for name, began in turn.v.grace.items())
        if not turn.d.confirmed:
            times.append(turn.d.released_us + turn.rules.settle_ms.value * 1000 + 1)
    if turn.d.fire_watch is not None:
        times.append(turn.d.fire_watch.until_us)
    times.append(pulse_until_us(turn))
    times.extend(bypass.until_us for bypass in turn.d.bypasses)
    readings = turn.snapshot.readings
    times.extend(
        [
            reading.at_us + channel.stale_us + 1
            for channel in turn.site.channels
            if (reading := readings.get(channel.name)) is not None
        ]
    )
    for sensor in turn.site.sensors:
        reading = turn.snapshot.sensors.get(sensor.name)
        if reading is not None:
            times.append(reading.at_us + sensor.stale_us + 1)
    shot, rules = turn.snapshot, turn.rules
    for seen, ttl in ((shot.inputs, rules.inputs_ttl_ms), (shot.deadman, rules.dead_man_ms)):
        if seen is not None:
            times.append(seen.at_us + ttl.value * 1000 + 1)
    times.extend([seen.at_us + rules.settle_ms.value * 1000 + 1 for seen in shot.series.values()])
    now = turn.now
    return min([time for time in times if time > now])
