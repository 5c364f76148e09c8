"""What safety officers do with refused faces: confirm with the worker's statement, dismiss, and end a suspension.

Tightening follows by itself: whoever is suspended is on no permit any more. Loosening takes a person, with a reason.
"""

from django.db import transaction
from django.utils.translation import gettext as _

from cloud_bridge.boxes.models import now_ms
from cloud_bridge.offences.models import Candidate, Offence
from cloud_bridge.people.models import Person, Suspension, User
from cloud_bridge.people.roles import JUDGE
from cloud_bridge.permits import service as permits
from cloud_bridge.permits.models import CrewMember, Permit
from cloud_bridge.permits.workflow import ALLOWED, Event, Refused

SUSPENDED_FROM = 2
"""First a warning, at the second suspended and trained again (ANT-02)."""


def _check(officer: User, person: Person | None = None) -> None:
    if not officer.has_perm(JUDGE):
        raise Refused(_("a safety officer"), str(officer), _("Ask one of them."))
    if person is not None and officer.person_id == person.pk:
        raise Refused(_("an officer who is not the person concerned"), str(officer), _("Ask another safety officer."))


def _case(officer: User, pk: int, states: tuple[Candidate.State, ...]) -> Candidate:
    """A refused face that this officer may judge: not on the crew whose permit it was, nor whom the face resembles."""
    found = Candidate.objects.get(pk=pk)
    if found.state not in states:
        raise Refused(
            _("a refused face that nobody has judged"), f"{found.get_state_display()} · {found.judged_name}",
            _("Reload the page."),
        )  # fmt: skip
    own = officer.person
    if own is not None and (own.code == found.nearest or _is_on(own, found)):
        raise Refused(_("an officer whom the case does not concern"), str(officer), _("Ask another safety officer."))
    return found


def _is_on(person: Person, found: Candidate) -> bool:
    return CrewMember.objects.filter(person=person, permit__jti=found.permit, permit__box=found.box_id).exists()


def _judge(found: Candidate, officer: User, state: Candidate.State, reason: str) -> None:
    found.state, found.judged_ms, found.reason = state, now_ms(), reason[:500]
    found.judged_by, found.judged_name = officer.identity, str(officer)[:80]
    found.save(update_fields=["state", "judged_ms", "judged_by", "judged_name", "reason"])


def confirm(officer: User, pk: int, person: Person | None, finding: str, statement: str) -> Offence:
    """It was this person, and it was wrong: a warning, or from the second time on a suspension.

    A case that is confirmed already may have a further person: the one who let it happen, or a second one who came.

    Args:
        officer: who has looked into it and heard the person.
        pk: the candidate's key.
        person: who stood there, not whom the box took the face for.
        finding: what was found out, and how.
        statement: what the person says, in the person's words, or that the person would say nothing.

    Raises:
        Refused: no right, a case that concerns the officer, dismissed before, nothing found out, or nobody heard.
    """
    with transaction.atomic():
        _check(officer, person)
        found = _case(officer, pk, (Candidate.State.OPEN, Candidate.State.CONFIRMED))
        if person is None:
            raise Refused(_("the person who stood there"), _("nobody"), _("Choose the person, or dismiss it."))
        if not finding.strip():
            raise Refused(_("what was found out"), _("nothing"), _("Write how you know who it was."))
        if not statement.strip():
            raise Refused(
                _("the worker's statement"), _("nothing"),
                _("Hear the person first; write the person's words, or that the person would say nothing."),
            )  # fmt: skip
        if found.offences.filter(person=person).exists():
            raise Refused(_("another person than those named already"), str(person), _("Reload the page."))
        if found.state == Candidate.State.OPEN:
            _judge(found, officer, Candidate.State.CONFIRMED, finding.strip())
        number = Offence.objects.filter(person=person).count() + 1
        made = Offence.objects.create(
            candidate=found, person=person, number=number, statement=statement.strip()[:2000],
            finding=finding.strip()[:500], at_ms=now_ms(), officer=officer.identity, officer_name=str(officer)[:80],
        )  # fmt: skip
        if number >= SUSPENDED_FROM:
            made.suspension = _suspend(person, officer, _("offence no. %s") % number)
            made.save(update_fields=["suspension"])
    return made


def _suspend(person: Person, officer: User, why: str) -> Suspension:
    """The person may not work; permits that name the person are revoked, so that the boxes refuse at once."""
    held = Suspension.objects.filter(person=person, lifted_ms=0).first() or Suspension.objects.create(
        person=person, since_ms=now_ms(), why=why, by=officer.identity, by_name=str(officer)[:80]
    )
    actor = permits.actor_of(officer)
    for permit in live_permits_of(person):
        permits.revoke(actor, permit.jti, _("%s is suspended") % person, may=True)
    return held


def live_permits_of(person: Person) -> list[Permit]:
    """Permits that name the person and could still be worked on."""
    return list(Permit.objects.filter(crew__person=person, state__in=ALLOWED[Event.REVOKE]))


@transaction.atomic
def dismiss(officer: User, pk: int, reason: str) -> None:
    """No offence: a mistake of the box, a visitor, somebody who only walked by.

    Raises:
        Refused: no right, a case that concerns the officer, judged before, or no reason.
    """
    _check(officer)
    found = _case(officer, pk, (Candidate.State.OPEN,))
    if not reason.strip():
        raise Refused(_("a reason"), _("nothing"), _("Write what it was."))
    _judge(found, officer, Candidate.State.DISMISSED, reason.strip())


@transaction.atomic
def lift(officer: User, person: Person, training: str) -> Suspension:
    """The person was trained again and may work.

    Raises:
        Refused: no right, the own suspension, none that holds, or nothing that shows the training.
    """
    _check(officer, person)
    held = Suspension.objects.filter(person=person, lifted_ms=0).first()
    if held is None:
        raise Refused(_("somebody who is suspended"), str(person), _("Reload the page."))
    if not training.strip():
        raise Refused(_("what shows the retraining"), _("nothing"), _("Write course, date and result."))
    held.lifted_ms, held.lifted_by, held.lifted_name = now_ms(), officer.identity, str(officer)[:80]
    held.training = training.strip()[:300]
    held.save(update_fields=["lifted_ms", "lifted_by", "lifted_name", "training"])
    return held
