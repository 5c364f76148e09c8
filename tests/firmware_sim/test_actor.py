"""The drawn people follow the screen: each arrow once, and back before the same one again."""

import pytest

from firmware_sim.people.acting import TURN_DEG
from firmware_sim.play.actor import BACK_S, FURTHER_DEG, FURTHER_S, HOLD_S, LOOK_S, Actor


class Stage:
    """Who did what, by a clock that only waiting moves."""

    def __init__(self):
        self.now_s = 10.0
        self.done = []
        self.actor = Actor(self._act, lambda: self.now_s, self._wait)

    def _act(self, person, action, seconds, degrees):
        self.done.append((round(self.now_s, 2), person, action, seconds, degrees))

    def _wait(self, seconds):
        self.now_s += seconds

    def screen(self, action, done, person="performer", result="open", after_s=0.3):
        self.now_s += after_s
        self.actor.read({"prompt": {"person": person, "action": action, "done": done, "result": result}})


def test_each_arrow_is_followed_once():
    """ANT-01"""
    stage = Stage()
    for action, done in (("look", 0), ("look", 0), ("left", 0), ("left", 0), ("right", 1), ("blink", 2)):
        stage.screen(action, done, after_s=0.1)
    assert [action for _, _, action, *_ in stage.done] == ["still", "left", "right", "blink"]
    assert [seconds for _, _, action, seconds, _ in stage.done if action in ("still", "left")] == [LOOK_S, HOLD_S]


def test_the_same_arrow_again_is_followed_after_the_head_came_back():
    stage = Stage()
    stage.screen("left", 0)
    stage.screen("left", 1)
    (_, _, *first), (back_s, _, *back), (again_s, _, *again) = stage.done
    assert first == again == ["left", HOLD_S, TURN_DEG]
    assert back == ["still", LOOK_S, 0.0]
    assert again_s == pytest.approx(back_s + BACK_S)


def test_whoever_turned_and_sees_the_same_arrow_still_turns_a_little_further_once():
    """ANT-01: a person watches the screen, not an angle."""
    stage = Stage()
    stage.screen("left", 0)
    stage.screen("left", 0, after_s=FURTHER_S - 0.1)
    assert [degrees for *_, degrees in stage.done] == [TURN_DEG]
    stage.screen("left", 0, after_s=0.2)
    stage.screen("left", 0, after_s=1.0)
    assert [degrees for *_, degrees in stage.done] == [TURN_DEG, TURN_DEG + FURTHER_DEG]
    stage.screen("right", 1)
    assert stage.done[-1][2:] == ("right", HOLD_S, TURN_DEG)


def test_two_people_follow_their_own_arrows():
    stage = Stage()
    stage.screen("look", 0)
    stage.screen("look", 3, result="passed")
    stage.screen("look", 0, person="guardian")
    assert [person for _, person, *_ in stage.done] == ["performer", "guardian"]


def test_a_second_try_begins_like_the_first():
    stage = Stage()
    stage.screen("look", 0)
    stage.screen("left", 0, result="failed")
    stage.actor.read({"prompt": None})
    stage.actor.read({"lost": True})
    stage.screen("look", 0)
    assert [action for _, _, action, *_ in stage.done] == ["still", "still"]
