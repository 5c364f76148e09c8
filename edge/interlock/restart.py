"""What to remember after a start: nothing that cannot be known counts as safe. Pure."""

from contracts.event import ActionResult, Category, Severity
from edge.interlock.conditions.box import offset_ms
from edge.interlock.decision_record import Start
from edge.interlock.liveness import break_off
from edge.interlock.proving import DetectorRecord
from edge.interlock.record import Note, reason_data
from edge.interlock.rules import Rules
from edge.interlock.snapshot import Clock
from edge.interlock.state import Durable, FireWatch, Mode, Opening, Reason
from edge.interlock.turn import replace

_RTC_MS = 1000
"""A real-time clock tells whole seconds: what it bridges may be that much older than it seems."""


def recover(
    found: Durable | None, *, first_start: bool, boot_id: str, now_us: int, rules: Rules, clock: Clock
) -> tuple[Durable, tuple[Note, ...]]:
    """What to remember after a start.

    An attempt or release without a recorded opening comes up TRIPPED with first-out ``unclean_restart``. A lost state
    comes up in FAULT: who knows which latch, revocation or fault went with it.

    Args:
        found: the state file's content, None when missing or damaged.
        first_start: the log is empty, so a missing state file is no surprise.
        boot_id: the kernel's boot.
        now_us: CLOCK_BOOTTIME.
        rules: rule pack, for the fire watch and the clock that may be believed.
        clock: the wall clock at the start, which alone may tell how long the machine was off.
    """
    if found is None:
        durable = Durable(boot_id=boot_id, since_us=now_us)
        return (durable, ()) if first_start else _lost(durable, now_us, rules, clock)
    durable = found if found.boot_id == boot_id else _next_boot(found, now_us, rules, clock)
    durable, lost = break_off(replace(durable, boot_id=boot_id), rules, "")
    ended = lost + tuple(_bypass_ended(bypass.channel) for bypass in found.bypasses[len(durable.bypasses) :])
    if found.mode in (Mode.ARMED, Mode.RELEASED):
        tripped, notes = _unclean(durable, found.active, now_us, rules)
        return tripped, (*ended, *notes)
    return durable, ended


def is_used(found: Durable | None, *, existed: bool) -> bool:
    """Whether the box has worked before: its state file was there, and says more than the very first start wrote.

    A plug that is pulled between that and the first record leaves a state that was never anything; a file that cannot
    be read may have said anything.
    """
    return existed and (found is None or found != Durable(boot_id=found.boot_id))


def again(start: Start) -> tuple[Durable, tuple[Note, ...]]:
    """What was decided at a start, made from the same arguments."""
    return recover(
        start.found, first_start=start.first_start, boot_id=start.boot_id, now_us=start.now_us, rules=start.rules,
        clock=start.clock,
    )  # fmt: skip


def _next_boot(found: Durable, now_us: int, rules: Rules, clock: Clock) -> Durable:
    """Times of another boot: moved to this one by the wall clock if it can be believed, else forgotten.

    A fire watch starts again in any case: nobody knows what was watched meanwhile.
    """
    watch = found.fire_watch
    restarted = watch and FireWatch(watch.permit, now_us, now_us + rules.fire_watch_s.value * 1_000_000)
    durable = replace(
        found, since_us=now_us, fire_watch=restarted, clock_offset_ms=None, clock_trusted=False, signed_offset_ms=None,
        signed_ahead_s=None, bypasses=(), proof_test=None,
        detectors={name: _of_another_boot(record) for name, record in found.detectors.items()},
    )  # fmt: skip
    shift_us = _shift_us(found, now_us, rules, clock)
    if shift_us is None:
        # Confirmations stand; nobody knows how old a measured value, a tag's reading, a proof of
        # isolation or the guardian's word is.
        wanted = [(p.jti, w) for p in found.permits for w in p.preconditions]
        aging = {f"{number}/{w.id}" for number, w in wanted if w.tag or w.kind == "isolation"}
        known = {key: proof for key, proof in found.preconditions.items() if proof.value_milli is None}
        proven = {key: proof for key, proof in known.items() if key not in aging}
        return replace(durable, gas_test=None, gas_alarm_us=0, opening=None, reconfirmed=None, preconditions=proven)
    test, opening, again = found.gas_test, found.opening, found.reconfirmed
    return replace(
        durable,
        gas_test=test and replace(test, at_us=test.at_us + shift_us),
        gas_alarm_us=found.gas_alarm_us and found.gas_alarm_us + shift_us,
        opening=opening and Opening(opening.permit, opening.at_us + shift_us, opening.by_gas),
        reconfirmed=again and replace(again, at_us=again.at_us + shift_us),
        preconditions={key: replace(proof, at_us=proof.at_us + shift_us) for key, proof in found.preconditions.items()},
    )


def _shift_us(found: Durable, now_us: int, rules: Rules, clock: Clock) -> int | None:
    """What to add to a time of the last boot, rounded towards the past; None when the wall clock cannot tell.

    It tells when it was trusted then, has a source that is trusted now, and does not contradict what is known.
    """
    if found.clock_offset_ms is None or not found.clock_trusted or not rules.accepts_clock(clock.quality):
        return None
    known_ms = max(clock.floor, found.as_of * 1000)
    shift_ms = found.clock_offset_ms - offset_ms(clock) - clock.error_ms - _RTC_MS
    if clock.t < known_ms or found.since_us + shift_ms * 1000 > now_us:
        return None
    return shift_ms * 1000


def _lost(durable: Durable, now_us: int, rules: Rules, clock: Clock) -> tuple[Durable, tuple[Note, ...]]:
    cause = Reason("state_lost")
    newest_ms = max(clock.t, clock.floor) if rules.accepts_clock(clock.quality) else clock.floor
    faulty = replace(
        durable,
        mode=Mode.FAULT,
        first_out=cause,
        fire_watch=FireWatch("", now_us, now_us + rules.fire_watch_s.value * 1_000_000),
        lost_s=newest_ms // 1000,
    )
    note = Note(
        "interlock.fault", Category.INTERLOCK, Severity.ALARM, ActionResult.OK, ("box", ""), "", 0, 0, False,
        reason_data(cause),
    )  # fmt: skip
    return faulty, (note,)


def _of_another_boot(record: DetectorRecord) -> DetectorRecord:
    """Bump tests and calibrations are judged by the wall clock from now on."""
    bump, calibration = (
        None if proof is None else replace(proof, at_us=0) for proof in (record.bump, record.calibration)
    )
    return replace(record, bump=bump, calibration=calibration)


def _bypass_ended(channel: str) -> Note:
    """How long it would still have been allowed is not known after a reboot."""
    return Note(
        "bypass.ended", Category.BYPASS, Severity.WARNING, ActionResult.OK, ("box", ""), "", 0, 0, False,
        {"chan": channel, "why": "the box was started anew"},
    )  # fmt: skip


def _unclean(durable: Durable, permit: str, now_us: int, rules: Rules) -> tuple[Durable, tuple[Note, ...]]:
    cause = Reason("unclean_restart", permit)
    watch = FireWatch(permit, now_us, now_us + rules.fire_watch_s.value * 1_000_000)
    tripped = replace(
        durable,
        mode=Mode.TRIPPED,
        since_us=now_us,
        first_out=cause,
        consequences=(),
        reset_done=False,
        # When it really opened is not known, so no short break may excuse an old gas test.
        opening=None,
        fire_watch=watch,
    )
    note = Note(
        "interlock.tripped", Category.INTERLOCK, Severity.ALARM, ActionResult.OK, ("box", ""), permit,
        durable.attempt, 0, True, {**reason_data(cause), "others": [], "released": True},
    )  # fmt: skip
    return tripped, (note,)
