"""Permit transitions in the database: rules, row, signature, history and notice change in one transaction."""

from dataclasses import dataclass
from datetime import datetime
from unicodedata import normalize

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cloud_bridge.boxes.models import Box, Notice, RevocationList
from cloud_bridge.people.models import Person, User
from cloud_bridge.people.roles import APPLY, REVOKE, Role
from cloud_bridge.people.standing import barred
from cloud_bridge.permits import workflow
from cloud_bridge.permits.content import content_of, digest
from cloud_bridge.permits.models import ApprovalSignature, CrewMember, History, Permit, PermitPrecondition
from cloud_bridge.permits.workflow import Event, Facts, Refused, Signature, State
from contracts.permit import MAX_PEOPLE, Level, Precondition
from contracts.permit import Role as CrewRole

BRIDGE = ("bridge", "bridge")
DEFAULT_RULES = "gb30871-2022"


@dataclass(frozen=True)
class Application:
    """What the applicant fills in; `base_level` and `confined` as in the permit's claims.

    A site may ask for more performers or guardians at once than one: they are named in `other_performers` and
    `other_guardians`, and anybody of a role may stand in for another.
    """

    box: Box
    level: Level
    place: str
    content: str
    method: str
    starts: datetime
    ends: datetime
    performer: Person
    guardian: Person
    rules: str = DEFAULT_RULES
    preconditions: tuple[Precondition, ...] = ()
    base_level: Level | None = None
    confined: bool = False
    other_performers: tuple[Person, ...] = ()
    other_guardians: tuple[Person, ...] = ()

    @property
    def crew(self) -> tuple[tuple[Person, CrewRole], ...]:
        """Everybody on the permit with the role, in the order in which they are named."""
        performers, guardians = (self.performer, *self.other_performers), (self.guardian, *self.other_guardians)
        return (
            *((person, CrewRole.PERFORMER) for person in performers),
            *((person, CrewRole.GUARDIAN) for person in guardians),
        )


def facts_of(permit: Permit) -> Facts:
    """The permit as the rules see it."""
    people = [member.person for member in permit.crew.select_related("person")]
    return Facts(
        state=State(permit.state),
        applicant=permit.applicant.identity,
        crew=frozenset(person.code for person in people),
        content_sha256=permit.content_sha256,
        signatures=tuple(Signature(s.identity, s.office, s.content_sha256) for s in permit.signatures.all()),
        starts=permit.starts,
        ends=permit.ends,
        barred=tuple(str(person) for person in barred(people)),
    )


def approver_of(user: User) -> workflow.Approver:
    """The user as a possible approver. The role counts, not superuser rights: nobody approves by being root."""
    return workflow.Approver(user.identity, user.office, Role.APPROVER in user.roles)


def _record(permit: Permit, actor: tuple[str, str], event: Event, before: State, note: str = "") -> None:
    History.objects.create(
        permit=permit,
        at=timezone.now(),
        actor_id=actor[0],
        actor=actor[1],
        event=event.value,
        before=before.value,
        after=permit.state,
        note=note[:300],
        content_sha256=permit.content_sha256,
    )
    Notice.tell(Notice.Kind.PERMIT, permit.jti, permit.box_id)


def _locked(jti: str) -> Permit:
    """The permit, read inside the transaction. SQLite transactions here are IMMEDIATE: nobody else is writing."""
    return Permit.objects.select_related("applicant", "box").get(jti=jti)


def actor_of(user: User) -> tuple[str, str]:
    """A user for the trail."""
    return user.identity, str(user)


def next_number(now: datetime) -> str:
    """The next permit number of the day: DH-20250131-001 (动火)."""
    prefix = f"DH-{timezone.localtime(now):%Y%m%d}-"
    last = Permit.objects.filter(jti__startswith=prefix).order_by("-pk").values_list("jti", flat=True).first()
    return f"{prefix}{int(last.rsplit('-', 1)[1]) + 1 if last else 1:03d}"


def _fill(permit: Permit, application: Application) -> None:
    for name in ("box", "place", "content", "method", "starts", "ends", "rules", "confined"):
        setattr(permit, name, getattr(application, name))
    permit.level = application.level.value
    permit.base_level = application.base_level.value if application.base_level else ""
    permit.save()
    permit.crew.all().delete()
    for person, role in application.crew:
        CrewMember.objects.create(
            permit=permit, person=person, role=role.value, name=normalize("NFC", person.name), badge=person.badge
        )
    permit.preconditions.all().delete()
    for position, wanted in enumerate(application.preconditions):
        PermitPrecondition.objects.create(
            permit=permit,
            position=position,
            code=wanted.id,
            text=wanted.text,
            kind=wanted.kind,
            limit_milli=wanted.limit_milli,
            sensor=wanted.sensor,
            tag=wanted.tag,
        )
    permit.content_sha256 = digest(content_of(permit))
    permit.save(update_fields=["content_sha256"])


def _check(application: Application, now: datetime) -> None:
    workflow.check_window(
        application.level,
        application.starts,
        application.ends,
        now,
        base_level=application.base_level,
        confined=application.confined,
    )
    if application.performer.pk == application.guardian.pk:
        raise Refused(
            _("performer and guardian are two people"), str(application.performer), _("Choose another guardian.")
        )
    people = [person for person, _role in application.crew]
    if len({person.pk for person in people}) < len(people):
        raise Refused(
            _("different people"), ", ".join(map(str, people)), _("Name everybody once, in one role.")
        )
    workflow.check_crew(tuple(str(person) for person in barred(people)))
    if len(people) > MAX_PEOPLE:
        raise Refused(_("at most %s people") % MAX_PEOPLE, str(len(people)), _("Name fewer."))


@transaction.atomic
def apply(user: User, application: Application, now: datetime | None = None) -> Permit:
    """Create a permit in PREPARING.

    Raises:
        Refused: no applicant, window wrong, one person twice, or somebody who is suspended.
    """
    now = now or timezone.now()
    if not user.has_perm(APPLY):
        raise Refused(_("somebody with the role of applicant"), str(user), _("Ask an applicant."))
    _check(application, now)
    permit = Permit(jti=next_number(now), applicant=user)
    _fill(permit, application)
    _record(permit, actor_of(user), Event.AMEND, State.PREPARING)
    return permit


@transaction.atomic
def amend(user: User, jti: str, application: Application, now: datetime | None = None) -> Permit:
    """Change the content; signatures over the old content no longer count.

    Raises:
        Refused: not the applicant, wrong state, window wrong.
    """
    permit = _locked(jti)
    before = State(permit.state)
    if permit.applicant_id != user.pk:
        raise Refused(_("the applicant"), str(user), _("Ask the applicant to change it."))
    _check(application, now or timezone.now())
    permit.state = workflow.move(before, Event.AMEND)
    _fill(permit, application)
    _record(permit, actor_of(user), Event.AMEND, before)
    return permit


@transaction.atomic
def submit(user: User, jti: str) -> Permit:
    """Ask for approval.

    Raises:
        Refused: not the applicant, or the rules say no.
    """
    permit = _locked(jti)
    before = State(permit.state)
    if permit.applicant_id != user.pk:
        raise Refused(_("the applicant"), str(user), _("Ask the applicant to submit it."))
    permit.state = workflow.submit(facts_of(permit), timezone.now())
    permit.submitted = timezone.now()
    permit.save(update_fields=["state", "submitted"])
    _record(permit, actor_of(user), Event.SUBMIT, before)
    return permit


@transaction.atomic
def approve(user: User, jti: str, shown_sha256: str) -> Permit:
    """Sign the content that was shown.

    Raises:
        Refused: see `workflow.approve`.
    """
    permit = _locked(jti)
    facts, now = facts_of(permit), timezone.now()
    # From the rows, not from the column: what was shown and is signed is what the box will get.
    present = digest(content_of(permit))
    if present != permit.content_sha256:
        raise Refused(_("content that fits its hash"), present[:12], _("Ask the applicant to save the permit again."))
    permit.state = workflow.approve(facts, approver_of(user), shown_sha256, now)
    try:
        with transaction.atomic():
            ApprovalSignature.objects.create(
                permit=permit,
                user=user,
                identity=user.identity,
                name=normalize("NFC", str(user))[:80],
                office=normalize("NFC", user.office),
                step=len(facts.counted) + 1,
                at=now,
                content_sha256=present,
            )
    except IntegrityError as error:
        raise Refused(_("two different approvers"), str(user), _("You have signed already.")) from error
    permit.save(update_fields=["state"])
    _record(permit, actor_of(user), Event.APPROVE, facts.state, user.office)
    return permit


@transaction.atomic
def reject(user: User, jti: str, reason: str) -> Permit:
    """Turn a permit down.

    Raises:
        Refused: not an approver, wrong state, no reason.
    """
    permit = _locked(jti)
    facts = facts_of(permit)
    if not reason.strip():
        raise Refused(_("a reason"), _("nothing"), _("Write what has to change."))
    permit.state = workflow.reject(facts, approver_of(user))
    permit.decided_note = reason[:300]
    permit.save(update_fields=["state", "decided_note"])
    _record(permit, actor_of(user), Event.REJECT, facts.state, reason)
    return permit


@transaction.atomic
def revoke(actor: tuple[str, str], jti: str, reason: str, *, may: bool) -> Permit:
    """Take a permit back; the box gets a new revocation list.

    Raises:
        Refused: not allowed, wrong state, no reason.
    """
    permit = _locked(jti)
    before = State(permit.state)
    if not may:
        raise Refused(_("somebody who may revoke permits"), actor[1], _("Ask a safety officer."))
    if not reason.strip():
        raise Refused(_("a reason"), _("nothing"), _("Write why it is revoked."))
    permit.state = workflow.move(before, Event.REVOKE)
    permit.decided_note = reason[:300]
    permit.save(update_fields=["state", "decided_note"])
    RevocationList.objects.update_or_create(box=permit.box, defaults={"wanted": True})
    _record(permit, actor, Event.REVOKE, before, reason)
    return permit


def revoke_by(user: User, jti: str, reason: str) -> Permit:
    """A user takes a permit back: by right, or the applicant the own one.

    Raises:
        Refused: see `revoke`.
    """
    own = Permit.objects.filter(jti=jti, applicant=user).exists()
    return revoke(actor_of(user), jti, reason, may=own or user.has_perm(REVOKE))


@transaction.atomic
def by_machine(jti: str, event: Event, note: str = "", actor: tuple[str, str] = BRIDGE) -> Permit | None:
    """A transition that the box or the clock brings; None when the state does not know it (any more)."""
    permit = _locked(jti)
    before = State(permit.state)
    try:
        permit.state = workflow.move(before, event)
    except Refused:
        return None
    fields = ["state"]
    if event in (Event.REFUSE, Event.REVOKE):
        permit.decided_note = note[:300]
        fields.append("decided_note")
    if event in (Event.ACCEPT, Event.REFUSE):
        permit.answered = True
        fields.append("answered")
    permit.save(update_fields=fields)
    _record(permit, actor, event, before, note)
    return permit
