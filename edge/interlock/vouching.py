"""A supervisor decides on somebody whose tries are used up: to vouch for the person once, or to grant new tries.

Part of the kernel, pure. A command names the supervisor, and whoever has a shell on the box can name anybody. So it
only opens a window, as `hotbox reset` does, in which the supervisor confirms by hand: with the own card at the box's
reader, or, on a box without a reader, with the reset key, while the own badge is here. All is judged again then.
"""

from contracts.errors import ContractError, quote
from contracts.event import Category, Severity
from contracts.permit import Person
from edge.interlock.conditions.devices import device_fault
from edge.interlock.conditions.faces import VOUCHED, alive, tries_left, unverified
from edge.interlock.conditions.facts import Facts
from edge.interlock.conditions.people import badge_here, entitled
from edge.interlock.happenings import VouchAsked
from edge.interlock.state import Mode, Vouch, Vouching
from edge.interlock.turn import Turn, replace

RIGHT = "supervise"
_SENTENCE = 200
_ANOTHER = "have another supervisor decide"
Asked = VouchAsked | Vouching


def judge(f: Facts, asked: Asked) -> Vouch:
    """A supervisor's decision as it would be remembered.

    Raises:
        ContractError: nobody of that name on the permit or here, tries left, a face that was not recognised, a
            supervisor who is not one, not here or of the crew, no reason, or a second one to be vouched for.
    """
    permit = f.permit
    person = next((each for each in permit.people if each.id == asked.person), None) if permit is not None else None
    if permit is None or person is None:
        names = ", ".join(each.id for each in permit.people) if permit is not None else "nobody: there is no permit"
        raise ContractError("person", f"somebody of the current permit ({names})", _came(asked.person))
    if not badge_here(f, person):
        raise ContractError("person", "somebody whose badge is here", person.id, "come to the box with the badge")
    if tries_left(f, person.id):
        came, hint = f"{tries_left(f, person.id)} left", "follow the prompts on the screen"
        raise ContractError("person", "somebody whose tries are used up", came, hint)
    _judge_supervisor(f, asked)
    if not 0 < len(asked.reason.strip()) <= _SENTENCE:
        hint = "say it in a sentence: it goes into the log"
        raise ContractError("reason", f"why, in at most {_SENTENCE} characters", _came(asked.reason.strip()), hint)
    if not asked.again:
        _judge_vouching(f, person)
    return Vouch(person.id, asked.by, f.now_us)


def _judge_supervisor(f: Facts, asked: Asked) -> None:
    assert f.permit is not None  # noqa: S101 - the person is of it
    here = {each.id: each.badge for each in entitled(f, RIGHT)}
    if asked.by not in here:
        wanted = f"a supervisor of the roster with the right {RIGHT} whose badge is here"
        raise ContractError("by", wanted, _came(asked.by), f"here and entitled: {', '.join(here) or 'nobody'}")
    if any(asked.by == each.id or here[asked.by] == each.badge for each in f.permit.people):
        raise ContractError("by", "somebody who does not work on this permit", asked.by, _ANOTHER)


def _judge_vouching(f: Facts, person: Person) -> None:
    """The face itself must have been recognised, and only one of the two can be vouched for."""
    assert f.permit is not None  # noqa: S101 - the person is of it
    others = [each.name for each in f.permit.people if each.id != person.id and alive(f, each.id)[1] == VOUCHED]
    if others:
        hint = "let one of them try again: --again"
        raise ContractError("person", "at most one of the permit's people vouched for", f"{others[0]} too", hint)
    problem = unverified(f, person)
    if problem is not None and problem.code != "liveness_failed":
        hint = "look straight at the camera without mask and glasses"
        raise ContractError("person", "somebody whose face was recognised just now", problem.code, hint)


def _came(text: str) -> str:
    return quote(text) if text else "nothing"


def wait(f: Facts, asked: VouchAsked) -> None:
    """Whether a decision may be asked for now: allowed, nobody else's waits, and the hand can be put to it.

    Raises:
        ContractError: as `judge` does; or another decision waits, the reader is broken, or a reset comes first.
    """
    judge(f, asked)
    waiting = open_for(f)
    if waiting is not None:
        hint = "if nobody here typed it, let it run out and say so: it is in the log"
        raise ContractError("person", "one decision at a time", f"{_said(waiting)} waits for {waiting.by}", hint)
    broken = device_fault(f, "nfc") if f.site.reads_cards else ""
    if broken:
        raise ContractError("by", "a card at a reader that works", broken, "repair the reader: see hotbox status")
    if not f.site.reads_cards and (f.durable.latched or f.durable.mode is Mode.FAULT):
        raise ContractError("state", "nothing that waits for the reset key itself", f.durable.mode, "reset first")


def open_for(f: Facts) -> Vouching | None:
    """What waits to be confirmed."""
    asked = f.volatile.vouching
    return asked if asked is not None and f.now_us < asked.until_us else None


def ask(turn: Turn, asked: VouchAsked) -> None:
    """Open the window for one decision; what is not allowed opens none."""
    try:
        wait(turn.f, asked)
    except ContractError:
        return
    seconds = turn.rules.reset_window_s.value
    until_us = turn.now + seconds * 1_000_000
    waiting = Vouching(asked.uid, asked.person, asked.by, asked.reason, asked.again, turn.now, until_us)
    turn.v = replace(turn.v, vouching=waiting)
    turn.note(
        "identity.vouch_asked", Category.IDENTITY, Severity.WARNING, actor=("cli", str(asked.uid)),
        chan=asked.person, by=asked.by, decision=_decision(asked), why=asked.reason.strip(), seconds=seconds,
    )  # fmt: skip


def confirm(turn: Turn, *, key: bool) -> bool:
    """Remember what the supervisor confirms by hand in the window; `key`: the reset key was turned, for nothing else.

    What is no longer allowed changes nothing, and may be confirmed again while the window lasts.
    """
    asked = turn.v.vouching
    if asked is None:
        return False
    turn.look()
    if open_for(turn.f) is None:
        turn.v = replace(turn.v, vouching=None)
        return False
    if not (_card_read(turn, asked) if turn.site.reads_cards else key):
        return False
    try:
        word = judge(turn.f, asked)
    except ContractError:
        return False
    turn.v = replace(turn.v, vouching=None)
    _decide(turn, asked, word)
    return True


def _card_read(turn: Turn, asked: Vouching) -> bool:
    """The card was held to the reader after the window opened: a tap of before was for something else."""
    tap = turn.snapshot.taps.get(f"person {asked.by}")
    return tap is not None and asked.at_us < tap.at_us <= turn.now


def _decide(turn: Turn, asked: Vouching, word: Vouch) -> None:
    if asked.again:
        left = {person: count for person, count in turn.d.liveness_failed.items() if person != asked.person}
        trying = turn.d.trying
        still = trying if trying is None or trying.person != asked.person else None
        turn.d = replace(turn.d, liveness_failed=left, trying=still)
        turn.v = replace(turn.v, pause_us=0)
    else:
        turn.v = replace(turn.v, vouch=word)
    turn.note(
        "identity.vouched", Category.IDENTITY, Severity.WARNING, actor=("person", asked.by), snapshot=True,
        chan=asked.person, decision=_decision(asked), why=asked.reason.strip(), uid=asked.uid,
        confirmed="card" if turn.site.reads_cards else "key", clause=turn.rules.liveness_tries_count.clause,
    )  # fmt: skip


def _decision(asked: Asked) -> str:
    return "again" if asked.again else VOUCHED


def _said(asked: Vouching) -> str:
    return f"{asked.person} {_decision(asked)}, asked by uid {asked.uid},"
