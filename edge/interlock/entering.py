"""What a person enters at the box about a permit: checked against the evidence before it happens. Pure.

Whoever confirms must be here; nothing entered here releases. A suspension is never refused.
"""

from collections.abc import Callable

from contracts.errors import ContractError
from contracts.permit import PermitClaims, Precondition, Role
from edge.interlock.conditions import Facts
from edge.interlock.conditions.people import known_here, unverified
from edge.interlock.conditions.permit import approval, error_s
from edge.interlock.happenings import Confirmed, Reconfirmed, SuspendedHere, Withdrawn
from edge.interlock.reasons import fill, text
from edge.interlock.state import milli

COLDEST_C, HOTTEST_C = -273.15, 2000.0
_PERSON_CHARACTERS = 64
_ANOTHER = "measure again and take another photo"


def confirm(
    f: Facts,
    permit: str,
    precondition: str,
    person: str,
    value: float | None,
    photo: str,
    *,
    kept: Callable[[str], bool],
) -> Confirmed:
    """A precondition that a named person confirms, proves or measures; `kept` tells whether a photo is stored.

    Raises:
        ContractError: another permit, no such precondition, nobody of that name here, or a measurement that lacks its
            value or photo, or that a sensor makes, or a precondition that the tag of its point confirms.
    """
    claims = _permit(f, permit)
    wanted = next((each for each in claims.preconditions if each.id == precondition), None)
    if wanted is None:
        known = ", ".join(each.id for each in claims.preconditions) or "none: this permit has no preconditions"
        raise ContractError("precondition", known, precondition)
    if wanted.tag:
        came, hint = "a confirmation that was typed in", "hold your card to the reader, then the tag"
        raise ContractError("precondition", f"the tag {wanted.tag} read at this box", came, hint)
    here = sorted(known_here(f))
    if person not in here:
        came = person or "nothing"
        raise ContractError("person", "someone of the permit or roster whose badge is here", came, _here(here))
    if wanted.kind == "temperature":
        if photo in f.durable.photos:
            raise ContractError("photo", "a photo of this measurement", "one that was used before", _ANOTHER)
        return _measured(claims, wanted, person, value, photo, kept=kept)
    if value is not None or photo:
        raise ContractError(
            "value", "no value: this precondition is confirmed, not measured", str(value), "leave it out"
        )
    return Confirmed(permit, precondition, person)



def limit_milli(f: Facts, precondition: str) -> int | None:
    """The highest temperature in thousandths of a degree Celsius that a precondition allows; None where it has none."""
    found = [each.limit_milli for each in f.permit.preconditions if each.id == precondition] if f.permit else []
    return found[0] if found else None


def withdraw(f: Facts, permit: str, precondition: str, person: str) -> Withdrawn:
    """A confirmation that a person takes back by name; whether that person is here is not asked for.

    Raises:
        ContractError: no name, another permit, or nothing of it that is confirmed.
    """
    _name(person, "who takes it back")
    claims = _permit(f, permit)
    confirmed = [each.id for each in claims.preconditions if f"{claims.jti}/{each.id}" in f.durable.preconditions]
    if precondition not in confirmed:
        wanted = ", ".join(confirmed) or "none: nothing of this permit is confirmed"
        raise ContractError("precondition", wanted, precondition or "nothing", "hotbox suspend stops the work at once")
    return Withdrawn(permit, precondition, person)


def _measured(
    claims: PermitClaims, wanted: Precondition, person: str, value: float | None, photo: str,
    *, kept: Callable[[str], bool],
) -> Confirmed:  # fmt: skip
    if wanted.sensor:
        came = "a value entered by hand"
        raise ContractError("value", f"the sensor {wanted.sensor}, which measures this", came, "check the sensor")
    if value is None or not COLDEST_C <= value <= HOTTEST_C:
        came = "nothing" if value is None else str(value)
        raise ContractError("value", f"the measured temperature, {COLDEST_C} to {HOTTEST_C} °C", came, "enter --value")
    if not photo:
        raise ContractError("photo", "a photo of the measurement", "nothing", "take one and name it with --photo")
    if not kept(photo):
        raise ContractError("photo", "a photo kept on this box", photo[:80], "enter it with hotbox permit confirm")
    return Confirmed(claims.jti, wanted.id, person, milli(value), photo)


def reconfirm(f: Facts, permit: str, person: str) -> Reconfirmed:
    """The guardian's word that an approval which has become too old still stands (PTW-08).

    Raises:
        ContractError: another permit, an approval that is not too old, or anybody but a guardian verified here.
    """
    claims = _permit(f, permit)
    guardians = claims.people_in(Role.GUARDIAN)
    guardian = next((each for each in guardians if each.id == person), None)
    if guardian is None:
        names = ", ".join(each.id for each in guardians)
        raise ContractError("person", f"a guardian of this permit ({names})", person or "nothing")
    missing = unverified(f, guardian)
    if missing is not None:
        words = text(missing.code)
        came, hint = fill(words.en, missing.subject), fill(words.todo_en, missing.subject)
        raise ContractError("person", "the guardian here, badge and face", came, hint)
    rule = f.rules.approval_age_s
    age_s = f.wall_s + error_s(f) - max(given.at for given in claims.approvals)
    if claims.jti in f.durable.ignited or age_s <= rule.value:
        came = f"{max(age_s, 0)} s old" if claims.jti not in f.durable.ignited else "a permit that was released before"
        raise ContractError("permit", f"an approval older than {rule.value} s", came, "it stands: nothing to confirm")
    if approval(f).ok:
        raise ContractError("permit", "an approval not yet re-confirmed", "one that stands", "nothing to confirm")
    return Reconfirmed(permit, person)


def suspend(f: Facts, person: str, relief: bool) -> SuspendedHere:
    """Stop the work by a person's name; whether that person is here is recorded, not asked for.

    Raises:
        ContractError: no name, or one that cannot be written down.
    """
    _name(person, "who stops it")
    return SuspendedHere(person, relief, person in known_here(f))


def _name(person: str, who: str) -> None:
    if not 0 < len(person) <= _PERSON_CHARACTERS or not person.isprintable():
        raise ContractError("person", f"{who}, at most {_PERSON_CHARACTERS} characters", repr(person[:80]))


def _permit(f: Facts, permit: str) -> PermitClaims:
    if f.permit is None or f.permit.jti != permit:
        raise ContractError("permit", f.permit.jti if f.permit else "a permit on this box", permit or "nothing")
    return f.permit


def _here(people: list[str]) -> str:
    return f"here: {', '.join(people) or 'nobody'}"
