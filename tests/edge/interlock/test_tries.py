"""Tries to prove to be alive: what counts as one, how many there are, and that nobody breaks one off for nothing."""

import msgspec
import pytest

from contracts.event import ActionResult, Severity
from edge.interlock.happenings import PermitAccepted
from edge.interlock.liveness import due
from edge.interlock.state import FORGOTTEN, Try
from tests.edge.interlock.bench import GB, SECOND, Bench, permit
from tests.edge.interlock.proofs import PAUSE_US, TRIES, ask, asked, fail, prove, say

replace = msgspec.structs.replace


def test_a_try_is_followed_from_its_first_arrow_to_its_end(unproven: Bench) -> None:
    ask(unproven, "performer", 0)
    assert unproven.durable.trying is None, "somebody who does not look straight yet has spent nothing"
    for number in (1, 2, 7):
        ask(unproven, "performer", number)
        assert unproven.durable.trying == Try("performer", "n", number, 8)
    prove(unproven, "performer")
    assert (unproven.durable.trying, unproven.durable.liveness_failed) == (None, {})
    assert not unproven.found("identity.liveness_failed")


@pytest.mark.parametrize(("result", "failed"), [("failed", {"performer": 1}), ("dropped", {})])
def test_the_end_of_a_try_counts_once(unproven: Bench, result: str, failed: dict[str, int]) -> None:
    ask(unproven, "performer", 1)
    say(unproven, "performer", result, "unanswered", number=1)
    assert (unproven.durable.trying, unproven.durable.liveness_failed) == (None, failed)
    ask(unproven, "performer", 0, "m")
    ask(unproven, "performer", 1, "m")
    assert unproven.durable.liveness_failed == failed


@pytest.mark.parametrize(
    ("who", "number", "nonce"),
    [("performer", 0, "n"), ("performer", 3, "n"), ("performer", 2, "n"), ("performer", 4, "m"), ("guardian", 4, "n")],
    ids=["begins anew", "the same arrow again", "an arrow before it", "under another nonce", "another person's"],
)
def test_whoever_breaks_a_try_off_has_had_it(unproven: Bench, who: str, number: int, nonce: str) -> None:
    """ANT-01: else a badge in a tin, a whiff of gas or a button would buy any number of orders to choose from."""
    ask(unproven, "performer", 3)
    ask(unproven, who, number, nonce)
    (note,) = unproven.found("identity.liveness_failed")
    assert (note.sev, note.res, note.actor, note.permit) == (
        Severity.WARNING, ActionResult.DENIED, ("person", "performer"), "HW-1",
    )  # fmt: skip
    assert note.data == {
        "chan": "performer", "why": "broken_off", "number": 3, "movements": 8, "failed": 1, "tries": TRIES,
    }  # fmt: skip
    assert unproven.durable.liveness_failed == {"performer": 1}
    assert unproven.durable.trying == (Try(who, nonce, number, 8) if number else None)


def test_the_end_of_somebody_elses_try_breaks_one_off_too(unproven: Bench) -> None:
    ask(unproven, "performer", 3)
    say(unproven, "guardian", "failed", "late")
    assert unproven.durable.liveness_failed == {"performer": 1, "guardian": 1}
    assert unproven.durable.trying is None


def test_a_try_that_a_restart_broke_off_is_spent(unproven: Bench) -> None:
    """Nor does the plug."""
    ask(unproven, "performer", 3)
    (note,) = unproven.restart()
    assert (unproven.durable.trying, unproven.durable.liveness_failed) == (None, {"performer": 1})
    assert (note.type, note.permit, note.data["why"]) == ("identity.liveness_failed", "", "broken_off")
    assert unproven.restart() == ()


def test_no_try_is_followed_of_somebody_whom_the_permit_does_not_name(unproven: Bench) -> None:
    ask(unproven, "visitor", 3)
    assert unproven.durable.trying is None


@pytest.mark.rule("liveness_tries_count")
@pytest.mark.parametrize(("failed", "goes_on"), [(TRIES - 1, True), (TRIES, False), (TRIES + 1, False)])
def test_after_so_many_failed_tries_nobody_is_asked_again(unproven: Bench, failed: int, goes_on: bool) -> None:
    """ANT-01: then a supervisor decides."""
    assert GB.liveness_tries_count.clause == "policy ANT-01: then a supervisor decides"
    fail(unproven, "performer", failed)
    unproven.now += PAUSE_US
    assert asked(unproven) == (("performer", "guardian") if goes_on else ("guardian",))
    assert ("liveness_failed" in unproven.missing()) is not goes_on


def test_each_failed_try_is_written_down(unproven: Bench) -> None:
    say(unproven, "performer", "failed", "somebody_else", number=4)
    (note,) = unproven.found("identity.liveness_failed")
    assert (note.sev, note.res, note.actor) == (Severity.WARNING, ActionResult.DENIED, ("person", "performer"))
    assert note.data == {
        "chan": "performer", "why": "somebody_else", "number": 4, "movements": 8, "failed": 1, "tries": TRIES,
    }  # fmt: skip


def test_a_prompt_is_heard_once(unproven: Bench) -> None:
    say(unproven, "performer", "failed", "late")
    unproven.run(1)
    assert unproven.durable.liveness_failed == {"performer": 1}


def test_a_try_that_passes_begins_the_count_anew(unproven: Bench) -> None:
    fail(unproven, "performer", 1)
    fail(unproven, "guardian", 1)
    say(unproven, "performer", "passed")
    assert unproven.durable.liveness_failed == {"guardian": 1}


def test_a_try_that_nobody_answered_costs_nothing_but_a_pause(unproven: Bench) -> None:
    say(unproven, "performer", "dropped", "unanswered", number=1)
    assert unproven.durable.liveness_failed == {}
    assert asked(unproven) == ()
    unproven.now += PAUSE_US
    assert asked(unproven) == ("performer", "guardian")


def test_a_face_that_answers_nothing_is_told_of_now_and_then(unproven: Bench) -> None:
    """ANT-01: such as a photograph that was left before the camera; nobody there at all is no event."""
    for _ in range(12):
        say(unproven, "performer", "dropped", "late", number=0)
        say(unproven, "performer", "dropped", "unanswered", number=1)
        unproven.now += 10 * SECOND
    told = unproven.found("identity.liveness_failed")
    assert [note.data["why"] for note in told] == ["unanswered", "unanswered"]
    assert {note.data["failed"] for note in told} == {0}


def test_somebody_whom_the_permit_does_not_name_has_no_tries(unproven: Bench) -> None:
    say(unproven, "visitor", "failed", "late")
    assert unproven.durable.liveness_failed == {}
    assert not unproven.found("identity.liveness_failed")


@pytest.mark.rule("liveness_pause_s")
@pytest.mark.parametrize(("passed_us", "told"), [(PAUSE_US - 1, False), (PAUSE_US, True)])
def test_between_two_tries_there_is_a_pause(unproven: Bench, passed_us: int, told: bool) -> None:
    assert GB.liveness_pause_s.clause == "policy ANT-01: between two tries"
    say(unproven, "performer", "failed", "late")
    f = unproven.step(ms=0).facts
    assert bool(due(replace(f, now_us=f.volatile.pause_us - PAUSE_US + passed_us))) == told


def test_failed_tries_survive_a_restart(unproven: Bench) -> None:
    """Nothing automatic loosens."""
    fail(unproven, "performer")
    unproven.restart()
    assert unproven.durable.liveness_failed == {"performer": TRIES}
    assert unproven.volatile == FORGOTTEN


def test_tries_of_people_whom_no_permit_names_any_more_are_forgotten(unproven: Bench) -> None:
    fail(unproven, "performer")
    other = permit("HW-2", people=(replace(permit().people[0], id="p2", badge=2001), permit().people[1]))
    unproven.durable = replace(unproven.durable, permits=())
    unproven.step(PermitAccepted(other))
    assert unproven.durable.liveness_failed == {}
