"""The shift leader's check of the ticket before ignition (PTW-16, GB 30871-2022 A.1 班长验票).

A named person of the roster with the right, badge here, who neither works on the permit nor approved it. It holds for
one permit and one of its days; whoever suspends the work takes the ticket back, and the check with it.
"""

from contracts.errors import ContractError, quote
from contracts.event import Category
from contracts.permit import PermitClaims
from edge.interlock.conditions.facts import Facts
from edge.interlock.conditions.people import entitled
from edge.interlock.conditions.permit import error_s, late_s, permit
from edge.interlock.happenings import TicketChecked
from edge.interlock.reasons import fill, text
from edge.interlock.state import TicketCheck
from edge.interlock.turn import Turn, replace

RIGHT = "ticket_check"
_ANOTHER = "a check is a second pair of eyes: have another shift leader with the right ticket_check make it"


def judge(f: Facts, asked: TicketChecked) -> TicketCheck:
    """The check as it would be remembered.

    Raises:
        ContractError: another permit than the current one, one that is over or begins later, or a person who may not
            check, is not here, works on the permit or approved it.
    """
    claims = f.permit
    if claims is None or claims.jti != asked.permit:
        wanted = claims.jti if claims else "a permit on this box"
        came = quote(asked.permit) if asked.permit else "nothing"
        raise ContractError("permit", wanted, came, "only the permit that decides now is checked: hotbox permit show")
    _judge_time(f, claims)
    _judge_person(f, claims, asked.person)
    return TicketCheck(asked.person, f.wall_s, late_s(f, claims)[0])


def _judge_time(f: Facts, claims: PermitClaims) -> None:
    """Only a permit under which work may begin, at the earliest when its crew may check in."""
    for reason in permit(f).reasons:
        if reason.code != "permit_not_yet":
            words = text(reason.code)
            said, todo = fill(words.en, reason.subject), fill(words.todo_en, reason.subject)
            raise ContractError("permit", "a permit under which work may begin", said, todo)
    early_s, before_s = f.rules.check_in_s.value, claims.nbf - f.wall_s + error_s(f)
    if before_s > early_s:
        wanted = f"at the earliest {early_s} s before the planned start"
        raise ContractError("permit", wanted, f"{before_s} s before it", "check the ticket when the crew checks in")


def _judge_person(f: Facts, claims: PermitClaims, person: str) -> None:
    here = {each.id: each.badge for each in entitled(f, RIGHT)}
    if person not in here:
        wanted = "a shift leader of the roster with the right ticket_check whose badge is here"
        came = quote(person) if person else "nothing"
        raise ContractError("person", wanted, came, f"here and entitled: {', '.join(here) or 'nobody'}")
    if any(person == each.id or here[person] == each.badge for each in claims.people):
        raise ContractError("person", "somebody who does not work on this permit", person, _ANOTHER)
    if any(person == given.by for given in claims.approvals):
        raise ContractError("person", "somebody who did not approve this permit", person, _ANOTHER)


def check(turn: Turn, asked: TicketChecked) -> None:
    """Remember a check; what is not allowed changes nothing."""
    try:
        done = judge(turn.f, asked)
    except ContractError:
        return
    turn.d = replace(turn.d, ticket_checks={**turn.d.ticket_checks, asked.permit: done})
    turn.note(
        "permit.checked", Category.PERMIT, actor=("person", asked.person), snapshot=True,
        person=asked.person, day=done.day, clause=turn.rules.ticket_check.clause,
    )  # fmt: skip


def take_back(turn: Turn, number: str) -> None:
    """The ticket is taken back (GB 30871-2022 4.10): it is checked again before the next ignition."""
    if number in turn.d.ticket_checks:
        left = {other: check for other, check in turn.d.ticket_checks.items() if other != number}
        turn.d = replace(turn.d, ticket_checks=left)
