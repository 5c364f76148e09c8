"""The way out of a latch: the reset edge; for a fault a proof test and two named people."""

from contracts.event import ActionResult, Severity
from edge.interlock.conditions import CONDITIONS, Condition
from edge.interlock.conditions.air import gas, votes_to_trip
from edge.interlock.conditions.box import offset_ms
from edge.interlock.conditions.people import entitled
from edge.interlock.record import reasons_data
from edge.interlock.rules import Rules
from edge.interlock.site import Site
from edge.interlock.state import Durable, Mode, Reason
from edge.interlock.turn import Turn, replace

_UNCURABLE = ("permit", "deadline", "level", "lease", "clock")
"""Conditions that no one on site can mend (or that the reset itself settles): they block an arming, not a reset."""
_PEOPLE = ("guardian", "performer", "faces", "faces_again")
_BY_NAME: dict[str, Condition] = {condition.name: condition for condition in CONDITIONS}


def reset(turn: Turn) -> None:
    """The reset edge: an authorised badge present and every cause gone.

    It ends the suspension of the permit that decides now, of no other. Behind a latch that says nothing of it the
    suspension stays for a reset of its own: whoever resets has seen what is reset.
    """
    here = [person.id for person in entitled(turn.f, "reset")]
    reasons: list[Reason] = []
    if not here:
        reasons.append(Reason("reset_unauthorised"))
    if not turn.site.reset_is_key and turn.now >= turn.v.reset_window_until_us:
        reasons.append(Reason("reset_window"))
    f = replace(turn.f, durable=replace(turn.d, over_range=()))
    bad = votes_to_trip(f)
    freed = replace(turn.d, over_range=tuple(name for name in turn.d.over_range if name in bad))
    reasons.extend(gas(replace(f, durable=freed)).reasons)
    reasons.extend(_causes_left(turn))
    if reasons:
        turn.note(
            "interlock.reset_refused", sev=Severity.WARNING, res=ActionResult.DENIED, snapshot=True,
            **reasons_data("reasons", reasons),
        )  # fmt: skip
        return
    cause = turn.d.first_out
    held = turn.f.permit.jti if turn.f.permit is not None else ""
    if turn.d.latched and not _tells_of(turn.d, held):
        held = ""
    turn.d = replace(
        freed,
        reset_done=True,
        suspended=tuple(number for number in freed.suspended if number != held),
        clock_offset_ms=offset_ms(turn.snapshot.clock),
        clock_back_ms=0,
    )
    turn.v = replace(turn.v, reset_window_until_us=0, stepped_ms=0)
    turn.note("interlock.reset", actor=("person", here[0]), snapshot=True, first_out=cause.code if cause else "")


def _tells_of(durable: Durable, number: str) -> bool:
    """Whether the latch's causes name the suspension of a permit, or of whatever went on."""
    causes = [reason for reason in (durable.first_out, *durable.consequences) if reason is not None]
    return any(reason.code == "permit_suspended" and reason.subject in (number, "") for reason in causes)


def _causes_left(turn: Turn) -> list[Reason]:
    """What still fails of that which blocks every reset, and of that which opened the relay.

    The crew of a permit that is over need not come back for it.
    """
    held = (turn.d.first_out, *turn.d.consequences)
    causes = {(reason.code, reason.subject) for reason in held if reason is not None}
    skipped = (*_UNCURABLE, "gas", "latch", *(() if turn.verdicts["permit"].ok else _PEOPLE))
    left: list[Reason] = []
    for condition in CONDITIONS:
        verdict = turn.verdicts[condition.name]
        if condition.name not in skipped and not verdict.ok:
            blocks = condition.blocks_reset and condition.release
            left.extend(r for r in verdict.reasons if blocks or (r.code, r.subject) in causes)
    return left


def clear_fault(turn: Turn) -> None:
    """A fault ends as a trip: proof test made, two named people here who asked, contact open, controller sound."""
    until, people = turn.v.fault_window
    here = [person.id for person in entitled(turn.f, "clear_fault") if person.id in people]
    sound = all(turn.verdicts[name].ok for name in ("deadman", "contact_open", "inputs"))
    reasons = proof_missing(turn.rules, turn.site, turn.d, turn.now)
    if turn.now >= until or len(set(here)) < 2 or not sound or reasons:
        turn.note(
            "interlock.reset_refused",
            sev=Severity.WARNING,
            res=ActionResult.DENIED,
            snapshot=True,
            **reasons_data("reasons", (Reason("fault_latched"), *reasons)),
        )
        return
    turn.d = replace(turn.d, fault_cleared_by=tuple(here))
    turn.v = replace(turn.v, fault_window=(0, ()))
    turn.enter(Mode.TRIPPED)
    turn.note("interlock.fault_cleared", sev=Severity.WARNING, snapshot=True, by=here)


def proof_missing(rules: Rules, site: Site, durable: Durable, now_us: int) -> list[Reason]:
    """A proof test that passed after the fault began and is young enough leaves a fault.

    Where the contact can be closed for a test it must have been: a drill says nothing of a contactor just exchanged.
    """
    rule, test = rules.proof_test_s, durable.proof_test
    if test is None or not test.ok or test.at_us <= durable.since_us:
        return [Reason("proof_none", "", None, None, "", rule.clause)]
    if site.can_pulse and not test.pulse:
        return [Reason("proof_drill", "", None, None, "", rule.clause)]
    age_us = now_us - test.at_us
    if age_us > rule.value * 1_000_000:
        return [Reason("proof_old", "", age_us // 1000, rule.value * 1000, "s", rule.clause)]
    return []
