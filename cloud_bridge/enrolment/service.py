"""Consent, its end, and the second look at people who resemble each other; each is one transaction.

Only somebody with the right to enrol, who is another person than the one enrolled, does any of it for somebody; the end
of a consent anybody may ask for themselves.
"""

from unicodedata import normalize

from django.db import transaction
from django.utils.translation import gettext as _

from cloud_bridge.boxes.models import now_ms
from cloud_bridge.enrolment import consent as texts
from cloud_bridge.enrolment.models import Consent, ConsentText, FacePolicy, FaceTemplate, KeptStill
from cloud_bridge.enrolment.vault import overwrite_deleted
from cloud_bridge.people.models import Person, User
from cloud_bridge.people.roles import ENROL
from cloud_bridge.permits.models import CrewMember
from cloud_bridge.permits.workflow import Refused

BRIDGE = ("bridge", "bridge")
DAY_MS = 86_400_000


def text_shown(language: str) -> str:
    """The words to agree to, as this site's policy fills them in; Chinese when there is no text in the language."""
    policy = FacePolicy.current()
    return texts.words(
        language if language in texts.LANGUAGES else texts.LANGUAGES[0],
        operator=policy.operator,
        contact=policy.contact,
        days=policy.unused_days,
        keeps_pictures=policy.keep_stills,
    )


def current_consent(person: Person) -> Consent | None:
    """The person's consent to the words as they are now, in any language; None when there is none."""
    held = Consent.objects.filter(person=person, ended_ms=0).select_related("text", "person").first()
    known = {texts.digest(text_shown(language)) for language in texts.LANGUAGES}
    return held if held is not None and held.text_id in known else None


def check_officer(officer: User, person: Person) -> None:
    """Whoever takes part in another's enrolment may do that, and is another person.

    Raises:
        Refused: no right, the own face, or somebody who works here no longer.
    """
    if not officer.has_perm(ENROL):
        raise Refused(_("a safety officer or an administrator"), str(officer), _("Ask one of them."))
    if officer.person_id == person.pk:
        raise Refused(_("another person than the one who is enrolled"), str(officer), _("Ask another safety officer."))
    if not person.active:
        raise Refused(_("somebody who works here"), str(person), _("Make the person active first."))


def _plain(name: str) -> str:
    return "".join(normalize("NFKC", name).split()).casefold()


@transaction.atomic
def agree(officer: User, person: Person, language: str, shown_sha256: str, signed_as: str, *, looked: bool) -> Consent:
    """The person, before the officer, agrees to the words that were shown.

    Args:
        officer: on whose device it is done.
        person: who agrees.
        language: in which the words were shown.
        shown_sha256: which words these were; they may have changed since the page was opened.
        signed_as: the name that the person typed.
        looked: the officer has compared the person with an identity document.

    Raises:
        Refused: no right, other words, another name, or nobody has looked who this is.
    """
    check_officer(officer, person)
    text = text_shown(language)
    if texts.digest(text) != shown_sha256:
        raise Refused(_("the words that were shown"), _("others"), _("They have changed: read them again."))
    if not looked:
        raise Refused(
            _("a person whose identity was checked"), _("nobody has looked"), _("Compare face and identity card first.")
        )
    if _plain(signed_as) != _plain(person.name):
        raise Refused(
            _("the name %s, typed by the person") % person.name, signed_as[:80] or _("nothing"),
            _("Let the person who is enrolled type it."),
        )  # fmt: skip
    kept, _made = ConsentText.objects.get_or_create(
        sha256=shown_sha256, defaults={"version": texts.VERSION, "language": language, "text": text}
    )
    _end(person, Consent.End.REPLACED, (officer.identity, str(officer)))
    made = Consent.objects.create(
        person=person, text=kept, given_ms=now_ms(), signed_as=signed_as[:80],
        witness=officer.identity, witness_name=str(officer)[:80],
    )  # fmt: skip
    FaceTemplate.objects.filter(person=person).update(consent=made)
    if not FacePolicy.current().keep_stills:  # these words say that none are kept
        KeptStill.objects.filter(template__person=person).delete()
    return made


def _end(person: Person, why: Consent.End, actor: tuple[str, str]) -> bool:
    ended = Consent.objects.filter(person=person, ended_ms=0).update(
        ended_ms=now_ms(), ended_by=actor[0], ended_name=actor[1][:80], ended_why=why
    )
    return bool(ended)


def withdraw(user: User, person: Person) -> bool:
    """The person's consent ends at the person's wish; template and pictures are deleted. Whether there was any.

    Raises:
        Refused: neither the person nor somebody who may enrol.
    """
    if user.person_id != person.pk and not user.has_perm(ENROL):
        raise Refused(_("the person, or a safety officer"), str(user), _("Ask one of them."))
    return forget(person, Consent.End.WITHDRAWN, (user.identity, str(user)))


@transaction.atomic
def forget(person: Person, why: Consent.End, actor: tuple[str, str] = BRIDGE) -> bool:
    """End a consent and delete what was made under it; boxes are told by the enrolment process. Whether there was any.

    The pages of the database that held it are overwritten; the pictures' files the enrolment process removes.
    """
    overwrite_deleted()
    ended = _end(person, why, actor)
    deleted, _kinds = FaceTemplate.objects.filter(person=person).delete()
    return bool(ended or deleted)


@transaction.atomic
def clear(officer: User, person: Person, why: str) -> None:
    """The officer has looked at both: somebody who resembles another is another person, and may be sent to boxes.

    Raises:
        Refused: no right, one of the two oneself, nothing to clear, or no reason.
    """
    check_officer(officer, person)
    held = FaceTemplate.objects.filter(person=person).first()
    if held is None or not held.doubted:
        raise Refused(_("a face that resembles another one"), str(person), _("Reload the page."))
    if officer.person_id is not None and officer.person_id == held.nearest_id:
        raise Refused(_("somebody else than the two"), str(officer), _("Ask another safety officer."))
    if not why.strip():
        raise Refused(_("what was seen"), _("nothing"), _("Write how you know that they are two people."))
    held.cleared_ms, held.cleared_by, held.cleared_name = now_ms(), officer.identity, str(officer)[:80]
    held.cleared_why = why.strip()[:300]
    held.save(update_fields=["cleared_ms", "cleared_by", "cleared_name", "cleared_why"])


def forget_pictures() -> int:
    """While the policy is to keep no pictures none are kept; the process removes the files. How many there were."""
    if FacePolicy.current().keep_stills:
        return 0
    deleted, _kinds = KeptStill.objects.all().delete()
    return deleted


def forget_unneeded() -> list[str]:
    """Delete the templates of people who left, or whom no permit has named for long; gives their codes."""
    limit_ms = now_ms() - FacePolicy.current().unused_days * DAY_MS
    forgotten = []
    for held in FaceTemplate.objects.select_related("person"):
        if not held.person.active:
            why = Consent.End.LEFT
        elif max(held.created_s * 1000, _last_needed_ms(held.person)) < limit_ms:
            why = Consent.End.UNUSED
        else:
            continue
        forget(held.person, why)
        forgotten.append(held.person.code)
    return forgotten


def _last_needed_ms(person: Person) -> int:
    ends = CrewMember.objects.filter(person=person).order_by("-permit__ends").values_list("permit__ends", flat=True)
    newest = ends.first()
    return int(newest.timestamp() * 1000) if newest else 0
