"""What to remember after a start: nothing that cannot be known counts as safe. Pure."""

from contracts.event import ActionResult, Category, Severity
from edge.interlock.decision_record import Start
from edge.interlock.proving import DetectorRecord
from edge.interlock.record import Note, reason_data
from edge.interlock.rules import Rules
from edge.interlock.state import Durable, FireWatch, Mode, Reason
from edge.interlock.turn import replace


def recover(
    found: Durable | None, *, first_start: bool, boot_id: str, now_us: int, rules: Rules
) -> tuple[Durable, tuple[Note, ...]]:
    """What to remember after a start.

    An attempt or release without a recorded opening, or an unknown state, comes up TRIPPED with first-out
    ``unclean_restart``. Times of another boot cannot be judged: a fire watch starts again, a gas test is forgotten.

    Args:
        found: the state file's content, None when missing or damaged.
        first_start: the log is empty, so a missing state file is no surprise.
        boot_id: the kernel's boot.
        now_us: CLOCK_BOOTTIME.
        rules: rule pack, for the fire watch.
    """
    if found is None:
        durable = Durable(boot_id=boot_id, since_us=now_us)
        return (durable, ()) if first_start else _unclean(durable, "", now_us, rules)
    durable = replace(found, boot_id=boot_id)
    ended: tuple[Note, ...] = ()
    if found.boot_id != boot_id:
        watch = found.fire_watch
        restarted = watch and FireWatch(watch.permit, now_us, now_us + rules.fire_watch_s.value * 1_000_000)
        durable = replace(
            durable, since_us=now_us, gas_test=None, gas_alarm_us=0, opening=None, fire_watch=restarted,
            bypasses=(), proof_test=None,
            detectors={name: _of_another_boot(record) for name, record in found.detectors.items()},
        )  # fmt: skip
        ended = tuple(_bypass_ended(bypass.channel) for bypass in found.bypasses)
    if found.mode in (Mode.ARMED, Mode.RELEASED):
        tripped, notes = _unclean(durable, found.active, now_us, rules)
        return tripped, (*ended, *notes)
    return durable, ended


def again(start: Start) -> tuple[Durable, tuple[Note, ...]]:
    """What was decided at a start, made from the same arguments."""
    return recover(
        start.found, first_start=start.first_start, boot_id=start.boot_id, now_us=start.now_us, rules=start.rules
    )


def _of_another_boot(record: DetectorRecord) -> DetectorRecord:
    """Bump tests and calibrations are judged by the wall clock from now on."""
    bump, calibration = (
        None if proof is None else replace(proof, at_us=0) for proof in (record.bump, record.calibration)
    )
    return DetectorRecord(bump, calibration)


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
