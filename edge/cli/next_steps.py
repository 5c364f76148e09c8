"""What to do after a trip, in order: what blocks the reset, the reset, the fire watch, what the next start needs."""

from rich.console import Console
from rich.text import Text

from edge.cli import sections
from edge.cli.words import Words
from edge.interlock.status import ReasonView, Status

_INDENT = 5
_OVER = ("permit_none", "permit_expired", "permit_revoked", "permit_void", "permit_finished")


def still_missing(status: Status) -> tuple[ReasonView, ...]:
    """What would make the reset edge be refused now.

    A detector that went over its range and is good again stays latched only until this very reset.
    """
    from edge.interlock.conditions import CONDITIONS

    blocking = {condition.name for condition in CONDITIONS if condition.blocks_reset}
    good = {channel.name for channel in status.channels if channel.quality == "good"}
    return tuple(
        reason
        for verdict in status.verdicts
        if verdict.condition in blocking
        for reason in verdict.reasons
        if not (reason.code == "gas_over_range" and reason.subject in good)
    )


def next_steps(status: Status, words: Words) -> list[str]:
    """Sentences, one a step; none unless the box has tripped or is at fault."""
    if status.state not in ("TRIPPED", "FAULT"):
        return []
    steps = []
    if not status.reset_done:
        steps += [words("step_first", why=words.pick(r), todo=words.todo(r)) for r in still_missing(status)]
        steps += [words(key) for key in _resetting(status)]
    steps += [
        words("step_watch", left=words.span(countdown.left_ms))
        for countdown in status.countdowns
        if countdown.what == "fire_watch"
    ]
    return [*steps, *_to_start_again(status, words)]


def _resetting(status: Status) -> tuple[str, ...]:
    """The steps out of the latch: a fault is left only after a proof test that passed since it began."""
    if status.state != "FAULT":
        return ("step_reset",)
    proof = status.relay_proof
    proven = proof is not None and not proof.running and proof.ok and proof.at_us > status.since_us
    return ("step_fault",) if proven else ("step_proof", "step_fault")


def _to_start_again(status: Status, words: Words) -> list[str]:
    failing = {verdict.condition: verdict.reasons for verdict in status.verdicts if not verdict.ok}
    over = [reason for reason in failing.get("permit", ()) if reason.code in _OVER]
    if over or status.permit is None:
        return [words("step_permit", why=words.pick(over[0])) if over else words("step_permit_plain")]
    steps = [words("step_gas_test")] if "gas_test" in failing else []
    steps += [words("step_ticket_check")] if "ticket_check" in failing else []
    return [*steps, words("step_arm", permit=status.permit.id, until=sections.minute(status.permit.exp))]


def lines(status: Status, words: Words, width: int) -> list[Text]:
    """The section of `hotbox status`; empty when there is nothing to do."""
    steps = next_steps(status, words)
    if not steps:
        return []
    found = [sections.rule(words("next_steps"), width)]
    for number, step in enumerate(steps, start=1):
        # Folded, not cut: an instruction that ends in the middle is none.
        folded = Text(step, sections.NOTE).wrap(Console(width=width), width - _INDENT)
        for index, part in enumerate(folded):
            part.rstrip()
            found.append(Text(f"  {number}. " if index == 0 else " " * _INDENT, sections.NOTE).append_text(part))
    return found
