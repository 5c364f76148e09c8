"""The drawn people follow the screen: each arrow once, and back before the same one again."""

import pytest

from firmware_sim.play.actor import HOLD_S, LOOK_S, TURN_S, Actor


class Stage:
    """Who did what, by a clock that only waiting moves."""

    def __init__(self):
        self.now_s = 10.0
        self.done = []
        self.actor = Actor(self._act, lambda: self.now_s, self._wait)

    def _act(self, person, action, seconds):
        self.done.append((round(self.now_s, 2), person, action, seconds))

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
    assert [action for _, _, action, _ in stage.done] == ["still", "left", "right", "blink"]
    assert [seconds for _, _, action, seconds in stage.done if action in ("still", "left")] == [LOOK_S, HOLD_S]


def test_the_same_arrow_again_is_followed_after_the_head_came_back():
    stage = Stage()
    stage.screen("left", 0)
    stage.screen("left", 1)
    (first_s, *_), (second_s, *_) = stage.done
    assert second_s == pytest.approx(first_s + TURN_S)


def test_two_people_follow_their_own_arrows():
    stage = Stage()
    stage.screen("look", 0)
    stage.screen("look", 3, result="passed")
    stage.screen("look", 0, person="guardian")
    assert [person for _, person, _, _ in stage.done] == ["performer", "guardian"]


def test_a_second_try_begins_like_the_first():
    stage = Stage()
    stage.screen("look", 0)
    stage.screen("left", 0, result="failed")
    stage.actor.read({"prompt": None})
    stage.actor.read({"lost": True})
    stage.screen("look", 0)
    assert [action for _, _, action, _ in stage.done] == ["still", "still"]
