"""The nonce: an answer to an older question is no answer."""

import itertools

import msgspec
import pytest

from edge.interlock.evidence import Camera, Evidence, Face, FaceRefused, Prompt
from edge.interlock.questions import SILENT_US, UNANSWERED_US, Questions, draw
from edge.interlock.state import Mode
from tests.edge.interlock.bench import Bench

replace = msgspec.structs.replace


def questions() -> Questions:
    numbers = map(str, itertools.count())
    return Questions(lambda: next(numbers))


def said(result: str, nonce: str = "0") -> Prompt:
    return Prompt(1, "p", nonce, "left", 1, 8, 2, result)  # type: ignore[arg-type]


@pytest.mark.parametrize("item", [Face(1, "p", 300, "proven", "e", "0"), said("open")])
def test_answers_carry_the_nonce_that_is_asked_under(item: Evidence) -> None:
    """ANT-01"""
    asked = questions()
    assert asked.answers(item)
    assert not asked.answers(replace(item, nonce="7"))
    assert not asked.answers(replace(item, nonce=""))


@pytest.mark.parametrize("item", [FaceRefused(1, "p", 700), Camera(1, "ok", 25)])
def test_what_is_no_answer_needs_no_nonce(item: Evidence) -> None:
    """A danger is one whatever was asked."""
    assert questions().answers(item)


@pytest.mark.parametrize(("result", "another"), [("open", False), ("passed", True), ("failed", True), ("dropped", True)])
def test_one_nonce_is_good_for_one_try(result: str, another: bool) -> None:
    """ANT-01"""
    asked = questions()
    assert asked.heard(said(result)) is another
    assert (asked.nonce != "0") is another


def test_what_is_no_prompt_ends_no_try() -> None:
    asked = questions()
    assert not asked.heard(Face(1, "p", 300, "proven", "e", "0"))
    assert asked.nonce == "0"


def test_another_permit_and_each_beginning_and_end_of_a_release_ask_anew(ready: Bench) -> None:
    asked, f = questions(), ready.step().facts
    seen = []
    released = replace(f, durable=replace(f.durable, mode=Mode.RELEASED, released_us=5))
    for facts in (replace(f, permit=None), f, f, released, released, f):
        asked.follow(facts, asked=False)
        seen.append(asked.nonce)
    assert seen == ["0", "1", "1", "2", "2", "3"]


@pytest.mark.parametrize(("late_us", "another"), [(SILENT_US, False), (SILENT_US + 1, True)])
def test_a_try_whose_end_was_lost_on_its_way_does_not_block_the_next_one(ready: Bench, late_us: int, another: bool) -> None:
    """Who has used a nonce up asks nobody under it, and would wait for another one for ever."""
    asked, f = questions(), ready.step().facts
    asked.follow(f, asked=True)
    stands = said("open", asked.nonce)
    f = replace(f, snapshot=replace(f.snapshot, prompt=stands), now_us=stands.until_us + late_us)
    asked.follow(f, asked=True)
    assert (asked.nonce != stands.nonce) is another


@pytest.mark.parametrize(("waited_us", "another"), [(UNANSWERED_US, False), (UNANSWERED_US + 1, True)])
@pytest.mark.parametrize("prompt", [None, said("open", "of a try before")])
def test_a_question_that_nobody_takes_up_is_asked_anew(
    ready: Bench, waited_us: int, another: bool, prompt: Prompt | None
) -> None:
    asked, f = questions(), ready.step().facts
    f = replace(f, snapshot=replace(f.snapshot, prompt=prompt))
    asked.follow(f, asked=True)
    first = asked.nonce
    asked.follow(replace(f, now_us=f.now_us + waited_us), asked=True)
    assert (asked.nonce != first) is another


def test_a_question_waits_only_while_somebody_is_to_be_asked(ready: Bench) -> None:
    asked, f = questions(), ready.step().facts
    asked.follow(f, asked=True)
    first = asked.nonce
    asked.follow(replace(f, now_us=f.now_us + 1), asked=False)
    asked.follow(replace(f, now_us=f.now_us + 2 * UNANSWERED_US), asked=True)
    asked.follow(replace(f, now_us=f.now_us + 3 * UNANSWERED_US), asked=True)
    assert asked.nonce == first
    asked.follow(replace(f, now_us=f.now_us + 3 * UNANSWERED_US + 1), asked=True)
    assert asked.nonce != first


def test_nonces_are_drawn_by_chance() -> None:
    """No order can be predicted, and no answer prepared."""
    drawn = {draw() for _ in range(100)}
    assert len(drawn) == 100
    assert all(len(nonce) == 16 for nonce in drawn)
