"""Who has to prove to be alive, what came of the tries, and what makes a face worthless. Part of the kernel, pure.

A try is one person's, under one nonce: `vision` asks for movements that nobody could predict and tells each of them
(`Prompt`), and the frame that completes them is a proof (`Face.liveness`). After `liveness_tries_count` failed tries
only a supervisor decides (`edge.interlock.vouching`).

A try is spent once its first arrow was shown: whoever breaks it off, by a badge out of reach, gas, a button or the
plug, has had it. Only one in which nobody moved is given back, and asked again as it was.

What was known of a face is void once its badge was away, once a release has ended, and under another permit: badges
bridge the time between two looks, and nothing bridges a break.
"""

from typing import Any

from contracts.event import ActionResult, Category, Severity
from contracts.permit import Person, Role
from edge.interlock.conditions.faces import alive, tries_left
from edge.interlock.conditions.facts import Facts
from edge.interlock.conditions.people import asked_of, badge_here
from edge.interlock.evidence import Prompt
from edge.interlock.record import Note
from edge.interlock.rules import Rules
from edge.interlock.state import Durable, Mode, Try, usable
from edge.interlock.turn import Turn, replace

KIND = "identity.liveness_failed"
BROKEN_OFF = "broken_off"
UNANSWERED_AGAIN_US = 60_000_000
"""A face that answers no arrow, such as a picture that was left before the camera, is told of now and then."""


# --- who is asked


def due(f: Facts) -> tuple[str, ...]:
    """Ids of those who are to prove to be alive now: badge here, tries left, and needed for what comes next.

    Nobody while a trip waits for its reset, while gas is over its limit, or in the pause after a failed try.
    """
    permit, mode = f.permit, f.durable.mode
    if permit is None or not f.rules.asks_for_proof or f.volatile.gas_over or f.now_us < f.volatile.pause_us:
        return ()
    if not usable(f.durable, permit, f.wall_s) or mode in (Mode.ARMED, Mode.FAULT) or f.durable.latched:
        return ()
    return tuple(
        person.id
        for role in Role
        for person in _lacking(f, [person for person in permit.people if person.role is role], role)
        if badge_here(f, person) and tries_left(f, person.id)
    )


def _lacking(f: Facts, people: list[Person], role: Role) -> list[Person]:
    """Those of a role who lack a proof, unless as many as are asked for have one."""
    if f.durable.mode is Mode.RELEASED:
        people = [person for person in people if person.id in f.durable.crew]
    lacking = [person for person in people if _wants_proof(f, person)]
    return [] if len(people) - len(lacking) >= asked_of(f, role).value else lacking


def _wants_proof(f: Facts, person: Person) -> bool:
    """Not proven, or for the guardian not for much longer: who is asked ahead of time is not called in a hurry."""
    known_us, _ = alive(f, person.id)
    if known_us is None:
        return True
    if f.durable.mode is not Mode.RELEASED:
        return f.now_us - known_us > f.rules.face_ttl_s.value * 1_000_000
    ahead_s = f.rules.face_recheck_s.value - f.rules.face_ahead_s.value
    return person.role is Role.GUARDIAN and f.now_us - known_us > ahead_s * 1_000_000


# --- what came of it


def follow(turn: Turn) -> None:
    """Take the newest prompt into account, and void the faces of another permit, and of those whose badge went away."""
    turn.look()
    _follow_permit(turn)
    _heed(turn)
    _follow_badges(turn)


def _heed(turn: Turn) -> None:
    """Follow a try: one that failed or was broken off counts, one that passed begins the count anew."""
    prompt = turn.snapshot.prompt
    if prompt is None or prompt.at_us <= turn.v.prompt_us:
        return
    turn.v = replace(turn.v, prompt_us=prompt.at_us)
    if not _goes_on(turn.d.trying, prompt):
        turn.d, notes = break_off(turn.d, turn.rules, turn.f.permit.jti if turn.f.permit else "")
        turn.notes.extend(notes)
    named = turn.f.permit is not None and any(prompt.person == each.id for each in turn.f.permit.people)
    shown = named and prompt.result == "open" and prompt.number > 0
    trying = Try(prompt.person, prompt.nonce, prompt.number, prompt.of) if shown else None
    if trying != turn.d.trying:
        turn.d = replace(turn.d, trying=trying)
    if named and prompt.result != "open":
        _ended(turn, prompt)


def _goes_on(trying: Try | None, prompt: Prompt) -> bool:
    """Whether a prompt belongs to the try whose arrows were shown last: its next one, or its end."""
    if trying is None:
        return True
    same = (trying.person, trying.nonce) == (prompt.person, prompt.nonce)
    return same and (prompt.result != "open" or prompt.number > trying.number)


def break_off(durable: Durable, rules: Rules, permit: str) -> tuple[Durable, tuple[Note, ...]]:
    """A try whose end nobody will tell any more has failed: another one began, or the box was started anew."""
    lost = durable.trying
    if lost is None:
        return durable, ()
    failed = durable.liveness_failed.get(lost.person, 0) + 1
    counts = {**durable.liveness_failed, lost.person: failed}
    said = _said(lost.person, BROKEN_OFF, lost.number, lost.of, failed, rules)
    note = Note(
        KIND, Category.IDENTITY, Severity.WARNING, ActionResult.DENIED, ("person", lost.person), permit,
        durable.attempt, 0, False, said,
    )  # fmt: skip
    return replace(durable, liveness_failed=counts, trying=None), (note,)


def _ended(turn: Turn, prompt: Prompt) -> None:
    """Somebody's try has ended; one that nobody answered costs nothing."""
    person, rules = prompt.person, turn.rules
    failed = turn.d.liveness_failed.get(person, 0) + (prompt.result == "failed")
    if prompt.result == "passed":
        failed = 0
    others = {other: count for other, count in turn.d.liveness_failed.items() if other != person}
    counts = {**others, person: failed} if failed else others
    if counts != turn.d.liveness_failed:
        turn.d = replace(turn.d, liveness_failed=counts)
    if prompt.result == "passed":
        return
    turn.v = replace(turn.v, pause_us=turn.now + rules.liveness_pause_s.value * 1_000_000)
    if prompt.result == "dropped":
        last_us = turn.v.unanswered_us
        if not prompt.number or (last_us and turn.now - last_us < UNANSWERED_AGAIN_US):
            return
        turn.v = replace(turn.v, unanswered_us=turn.now)
    turn.note(
        KIND, Category.IDENTITY, Severity.WARNING, ActionResult.DENIED, actor=("person", person),
        **_said(person, prompt.why, prompt.number, prompt.of, failed, rules),
    )  # fmt: skip


def _said(person: str, why: str, number: int, movements: int, failed: int, rules: Rules) -> dict[str, Any]:
    tries = rules.liveness_tries_count.value
    return {"chan": person, "why": why, "number": number, "movements": movements, "failed": failed, "tries": tries}


def _follow_permit(turn: Turn) -> None:
    """Under another permit whoever works on is verified anew, and no word of a supervisor goes along."""
    number = turn.f.permit.jti if turn.f.permit is not None else ""
    if number == turn.v.voids_of:
        return
    if turn.v.voids_of:
        turn.v = replace(turn.v, vouch=None, vouching=None)
        _void(turn, _everybody(turn))
    turn.v = replace(turn.v, voids_of=number)


def _follow_badges(turn: Turn) -> None:
    """A badge that was here and is not: only a look at the face after its return counts, whoever brought it back."""
    permit = turn.f.permit
    people = permit.people if permit is not None else ()
    here = tuple(person.id for person in people if badge_here(turn.f, person))
    if here == turn.v.here:
        return
    gone = [person for person in people if person.id in turn.v.here and person.id not in here]
    back = [person for person in here if person not in turn.v.here and person in turn.v.voids]
    turn.v = replace(turn.v, here=here)
    _void(turn, [*(person.id for person in gone), *back])
    for person in gone:
        if person.id in turn.v.verified:
            turn.note("identity.voided", Category.IDENTITY, actor=("person", person.id), chan=person.id)


def end_release(turn: Turn) -> None:
    """After every release whoever works on is verified anew, and a supervisor's word is used up; also by an attempt."""
    mode, busy = turn.d.mode, (Mode.ARMED, Mode.RELEASED)
    if turn.before is Mode.RELEASED and mode is not Mode.RELEASED:
        _void(turn, _everybody(turn))
    if turn.v.vouch is not None and turn.before in busy and mode not in busy:
        turn.v = replace(turn.v, vouch=None)


def _everybody(turn: Turn) -> list[str]:
    """Of whom anything is known, and of whom something may be on its way."""
    people = turn.f.permit.people if turn.f.permit is not None else ()
    return [*turn.snapshot.faces, *turn.snapshot.proofs, *(person.id for person in people)]


def void(turn: Turn, people: list[str]) -> None:
    """What was seen of these people's faces counts no more."""
    _void(turn, people)


def _void(turn: Turn, people: list[str]) -> None:
    """From now on only what is seen later counts; of people who matter no more nothing is remembered."""
    if not people:
        return
    matter = {*_everybody(turn), *(person.id for permit in turn.d.permits for person in permit.people)}
    voids = {**turn.v.voids, **dict.fromkeys(people, turn.now)}
    turn.v = replace(turn.v, voids={person: at_us for person, at_us in voids.items() if person in matter})
