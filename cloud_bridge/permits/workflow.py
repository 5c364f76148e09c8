"""The permit's rules as pure functions: (state, event, facts) -> new state, or a refusal that says what to do.

The bridge decides until the permit is issued; then the box does. Whatever loosens needs a person with the right
role; time and the box may only tighten.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cloud_bridge.site_time import at_site
from contracts.permit import Level

REQUIRED_SIGNATURES = 2
BACKDATED = timedelta(minutes=15)

WINDOW_HOURS = {Level.SPECIAL: 8, Level.GRADE_1: 8, Level.GRADE_2: 72}
CONFINED_HOURS = 24
"""Longest validity of a hot-work permit, GB 30871-2022 5.1.5: 特级 and 一级 8 h, 二级 72 h."""


class State(StrEnum):
    """Where a permit stands."""

    PREPARING = "preparing"
    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    ISSUED = "issued"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    REJECTED = "rejected"
    REVOKED = "revoked"
    EXPIRED = "expired"
    FINISHED = "finished"


STATE_TITLES = {
    State.PREPARING: gettext_lazy("Preparing"),
    State.PENDING_APPROVAL: gettext_lazy("Waiting for approval"),
    State.APPROVED: gettext_lazy("Approved"),
    State.ISSUED: gettext_lazy("Issued to the box"),
    State.ACCEPTED: gettext_lazy("Accepted by the box"),
    State.REFUSED: gettext_lazy("Refused by the box"),
    State.REJECTED: gettext_lazy("Rejected"),
    State.REVOKED: gettext_lazy("Revoked"),
    State.EXPIRED: gettext_lazy("Expired"),
    State.FINISHED: gettext_lazy("Work finished"),
}
LEVEL_TITLES = {
    Level.SPECIAL: gettext_lazy("Special"),
    Level.GRADE_1: gettext_lazy("Grade 1"),
    Level.GRADE_2: gettext_lazy("Grade 2"),
}


class Event(StrEnum):
    """What can happen to a permit."""

    SUBMIT = "submit"
    AMEND = "amend"
    APPROVE = "approve"
    REJECT = "reject"
    ISSUE = "issue"
    ACCEPT = "accept"
    REFUSE = "refuse"
    REVOKE = "revoke"
    EXPIRE = "expire"
    FINISH = "finish"


class Refused(Exception):  # noqa: N818 - it reads as a sentence where it is raised
    """A transition that the rules do not allow, in the reader's language: what was expected, what came, what to do."""

    def __init__(self, expected: str, came: str, todo: str) -> None:
        self.expected = expected
        self.came = came
        self.todo = todo
        super().__init__(
            _("Expected: %(expected)s. Found: %(came)s. %(todo)s")
            % {
                "expected": expected,
                "came": came,
                "todo": todo,
            }
        )


@dataclass(frozen=True)
class Signature:
    """An approval as the rules see it."""

    identity: str
    office: str
    content_sha256: str


@dataclass(frozen=True)
class Approver:
    """Who wants to approve."""

    identity: str
    office: str
    may_approve: bool


@dataclass(frozen=True)
class Facts:
    """What the rules need to know about a permit."""

    state: State
    applicant: str
    crew: frozenset[str]
    content_sha256: str
    signatures: tuple[Signature, ...]
    starts: datetime
    ends: datetime
    barred: tuple[str, ...] = ()
    """Names of those of the crew who are suspended."""

    @property
    def counted(self) -> tuple[Signature, ...]:
        """Signatures over the present content."""
        return tuple(s for s in self.signatures if s.content_sha256 == self.content_sha256)


ALLOWED: dict[Event, tuple[State, ...]] = {
    Event.SUBMIT: (State.PREPARING,),
    Event.AMEND: (State.PREPARING, State.PENDING_APPROVAL),
    Event.APPROVE: (State.PENDING_APPROVAL,),
    Event.REJECT: (State.PENDING_APPROVAL,),
    Event.ISSUE: (State.APPROVED,),
    Event.ACCEPT: (State.ISSUED, State.REFUSED),
    Event.REFUSE: (State.ISSUED,),
    Event.REVOKE: (
        State.PREPARING,
        State.PENDING_APPROVAL,
        State.APPROVED,
        State.ISSUED,
        State.ACCEPTED,
        State.REFUSED,
    ),
    Event.EXPIRE: (
        State.PREPARING,
        State.PENDING_APPROVAL,
        State.APPROVED,
        State.ISSUED,
        State.ACCEPTED,
        State.REFUSED,
    ),
    # The log of a box that was off-line may tell of the finish after the bridge's own clock has ended the permit.
    Event.FINISH: (State.ISSUED, State.ACCEPTED, State.REFUSED, State.EXPIRED),
}

_AFTER = {
    Event.AMEND: State.PREPARING,
    Event.REJECT: State.REJECTED,
    Event.ISSUE: State.ISSUED,
    Event.ACCEPT: State.ACCEPTED,
    Event.REFUSE: State.REFUSED,
    Event.REVOKE: State.REVOKED,
    Event.EXPIRE: State.EXPIRED,
    Event.FINISH: State.FINISHED,
}


def check_allowed(state: State, event: Event) -> None:
    """Refuse an event that the state does not know.

    Raises:
        Refused: always names the present state.
    """
    if state not in ALLOWED[event]:
        raise Refused(
            _("a permit in one of the states: %s") % ", ".join(str(STATE_TITLES[s]) for s in ALLOWED[event]),
            str(STATE_TITLES[state]),
            _("Reload the page and look at the trail: somebody or the box was faster."),
        )


def check_window(
    level: Level,
    starts: datetime,
    ends: datetime,
    now: datetime,
    *,
    base_level: Level | None = None,
    confined: bool = False,
) -> None:
    """Refuse a window that is upside down, too long for its level or for a confined space, over, or backdated.

    Raises:
        Refused: with the limit of the level or space; one that was raised from `base_level` says how to keep the long
            window.
    """
    if not starts < ends:
        raise Refused(_("an end after the start"), at_site(ends), _("Correct the end."))
    limit = timedelta(hours=WINDOW_HOURS[level])
    if ends - starts > limit:
        todo = _("Shorten the window, or apply for a new permit for the rest.")
        if base_level is not None and ends - starts <= timedelta(hours=WINDOW_HOURS[base_level]):
            todo = _(
                "Shorten the window, or leave out nights, rest days and holidays: the permit then stays at %(level)s."
            ) % {"level": LEVEL_TITLES[base_level]}
        raise Refused(
            _("at most %(hours)s h for the level %(level)s (GB 30871-2022 5.1.5)")
            % {"hours": WINDOW_HOURS[level], "level": LEVEL_TITLES[level]},
            _("%(hours).1f h") % {"hours": (ends - starts).total_seconds() / 3600},
            todo,
        )
    if confined and ends - starts > timedelta(hours=CONFINED_HOURS):
        raise Refused(
            _("at most %(hours)s h inside a confined space (GB 30871-2022 6.10)") % {"hours": CONFINED_HOURS},
            _("%(hours).1f h") % {"hours": (ends - starts).total_seconds() / 3600},
            _("Shorten the window, or apply for a new permit for the rest."),
        )
    if ends <= now:
        raise Refused(_("an end in the future"), at_site(ends), _("Choose a later end."))
    if starts < now - BACKDATED:
        raise Refused(
            _("a start that is not past"),
            at_site(starts),
            _("Work never begins before its permit: choose a later start."),
        )


def check_crew(barred: tuple[str, ...]) -> None:
    """Nobody who is suspended is on a permit (ANT-02); `barred` are their names.

    Raises:
        Refused: somebody is.
    """
    if barred:
        raise Refused(
            _("people who may work"), _("%s, suspended") % ", ".join(barred),
            _("Name somebody else, or have the retraining recorded."),
        )  # fmt: skip


def submit(facts: Facts, now: datetime) -> State:
    """Ask for approval.

    Raises:
        Refused: wrong state, somebody suspended on it, or the window is over.
    """
    check_allowed(facts.state, Event.SUBMIT)
    check_crew(facts.barred)
    if facts.ends <= now:
        raise Refused(_("an end in the future"), at_site(facts.ends), _("Choose a later end."))
    return State.PENDING_APPROVAL


def approve(facts: Facts, approver: Approver, shown_sha256: str, now: datetime) -> State:
    """Sign the content; the second signature approves the permit (PTW-03, PTW-07).

    Raises:
        Refused: no approver; the applicant's or crew's own; the same person or office twice; other content than shown;
            somebody suspended on it.
    """
    check_allowed(facts.state, Event.APPROVE)
    check_crew(facts.barred)
    if not approver.may_approve:
        raise Refused(_("somebody with the role of approver"), approver.identity, _("Ask an approver to sign."))
    if shown_sha256 != facts.content_sha256:
        raise Refused(
            _("a signature over the present content %s") % facts.content_sha256[:12],
            shown_sha256[:12] or "-",
            _("The content changed since you opened it: reload, read it again and sign."),
        )
    if approver.identity == facts.applicant:
        raise Refused(_("an approver who is not the applicant"), approver.identity, _("Ask another approver to sign."))
    if approver.identity in facts.crew:
        raise Refused(
            _("an approver who does not work on this permit"), approver.identity, _("Ask another approver to sign.")
        )
    if approver.identity in {s.identity for s in facts.counted}:
        raise Refused(
            _("two different approvers"), approver.identity, _("You have signed already: another approver is needed.")
        )
    if not approver.office:
        raise Refused(_("an approver with an office"), _("none"), _("Ask the administrator to enter your office."))
    if approver.office in {s.office for s in facts.counted}:
        raise Refused(
            _("approvers of two different offices"), approver.office, _("Ask an approver of another office to sign.")
        )
    if facts.ends <= now:
        raise Refused(_("an end in the future"), at_site(facts.ends), _("Apply for a new permit."))
    enough = len(facts.counted) + 1 >= REQUIRED_SIGNATURES
    return State.APPROVED if enough else State.PENDING_APPROVAL


def reject(facts: Facts, approver: Approver) -> State:
    """Turn a permit down.

    Raises:
        Refused: wrong state, or not an approver.
    """
    check_allowed(facts.state, Event.REJECT)
    if not approver.may_approve:
        raise Refused(_("somebody with the role of approver"), approver.identity, _("Ask an approver to decide."))
    return State.REJECTED


def issue(facts: Facts) -> State:
    """Hand the permit to the signer's result: signatures are counted again.

    Raises:
        Refused: wrong state, somebody suspended on it, or not enough valid signatures.
    """
    check_allowed(facts.state, Event.ISSUE)
    check_crew(facts.barred)
    people = {s.identity for s in facts.counted} - facts.crew - {facts.applicant}
    offices = {s.office for s in facts.counted}
    if len(people) < REQUIRED_SIGNATURES or len(offices) < REQUIRED_SIGNATURES:
        raise Refused(
            _("two approvers of different offices over the present content"), str(len(people)), _("Sign again.")
        )
    return State.ISSUED


def move(state: State, event: Event) -> State:
    """Transitions whose only guard is the state: amend, accept, refuse, revoke, expire, finish.

    Raises:
        Refused: wrong state.
    """
    check_allowed(state, event)
    return _AFTER[event]
