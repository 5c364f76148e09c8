"""A try to prove a living face: what passes it, what fails it, and that a film fits one order of all."""

import itertools
import secrets
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.interlock import rules
from edge.vision.challenge import (
    LOOK_US,
    LOST_US,
    NEUTRAL_FRAMES,
    Action,
    Glimpse,
    Result,
    Terms,
    Why,
    begin,
    draw,
    see,
    tick,
    wants_identity,
    wants_relief,
)
from edge.vision.parallax import Pose

GB = rules.load("gb30871-2022")
TERMS = Terms.of(GB)
LEFT, RIGHT, LOOK, BLINK = Action.LEFT, Action.RIGHT, Action.LOOK, Action.BLINK
FRAME_US = 200_000
NEAR = 1e-9


def pose(nose=0.0):
    return Pose(nose)


class Camera:
    """Frames of one face, five a second, offered to a try."""

    def __init__(self, order, terms=TERMS, at_us=1_000_000):
        self.at_us = at_us
        self.described = 0
        self.trial = begin("p", "n", (*order, LOOK), terms, at_us)

    def show(self, nose=0.0, *, same=True, shut=False, frames=1, found=True, relief=None):
        """A nose that goes so far between the eyes, and as far before the face unless `relief` says how far."""
        for _ in range(frames):
            self.at_us += FRAME_US
            glimpse = Glimpse(self.at_us, pose(nose) if found else None, None, shut)
            if wants_relief(self.trial, glimpse):
                glimpse = replace(glimpse, relief=nose - self.trial.base if relief is None else relief)
            if wants_identity(self.trial, glimpse):
                self.described += 1
                glimpse = replace(glimpse, same=same)
            self.trial = see(self.trial, glimpse)
        return self

    def wait(self, us):
        self.at_us += us
        self.trial = tick(self.trial, self.at_us)
        return self

    def straight(self, **how):
        return self.show(0.0, frames=NEUTRAL_FRAMES, **how)

    @property
    def said(self):
        return self.trial.number, self.trial.result, self.trial.why


def obeying(order, terms=TERMS):
    """Somebody who looks straight, then makes each movement and comes back."""
    camera = Camera(order, terms).straight()
    for action in order:
        camera.show(0.0)
        camera.show({LEFT: 0.3, RIGHT: -0.3}.get(action, 0.0), shut=action is BLINK)
    return camera.show(0.0)


def test_whoever_follows_every_arrow_has_passed():
    """ANT-01"""
    order = (LEFT, LEFT, RIGHT, LEFT, RIGHT, RIGHT, LEFT)
    assert obeying(order).said == (8, Result.PASSED, Why.NONE)


def test_a_head_may_go_straight_from_one_side_to_the_other():
    camera = Camera((LEFT, RIGHT, LEFT)).straight().show(0.3).show(-0.3).show(0.3).show(0.0)
    assert camera.trial.result is Result.PASSED


def test_a_second_left_needs_a_way_back_first():
    """ANT-01: a head that stays turned makes no second movement."""
    camera = Camera((LEFT, LEFT)).straight().show(0.3)
    assert camera.trial.number == 2
    camera.show(0.3, frames=5)
    assert camera.trial.number == 2
    camera.show(0.0).show(0.3)
    assert camera.trial.number == 3


def test_a_film_passes_one_order_of_all_that_can_be_drawn():
    """ANT-01: a recording of one challenge, whichever it was, in step with every other."""
    orders = list(itertools.product((LEFT, RIGHT), repeat=4))
    for filmed in ((LEFT, LEFT, RIGHT, LEFT), (RIGHT, LEFT, RIGHT, RIGHT)):
        passed = []
        for order in orders:
            camera = Camera(order).straight()
            for action in filmed:
                camera.show(0.3 if action is LEFT else -0.3).show(0.0)
            camera.show(0.0)
            passed += [order] if camera.trial.result is Result.PASSED else []
        assert passed == [filmed]


@pytest.mark.parametrize("film", [(0.3, 0.0, -0.3, 0.0), (0.3, -0.3), (0.3, 0.0), (0.3, 0.3, 0.0, 0.0, -0.3, -0.3, 0.0, 0.0)])
def test_a_head_that_swings_by_itself_passes_as_often_as_a_coin_falls(film):
    """ANT-01: not even one made for the purpose does better than one order of 2^n."""
    orders = list(itertools.product((LEFT, RIGHT), repeat=5))
    passed = 0
    for order in orders:
        camera = Camera(order).straight()
        for nose in itertools.islice(itertools.cycle(film), 80):
            camera.show(nose)
        passed += camera.trial.result is Result.PASSED
    assert passed <= 1


@pytest.mark.parametrize(("number", "nose", "ends"), [(1, -0.3, True), (1, 0.3, False), (2, 0.3, False), (2, -0.3, False)])
def test_the_wrong_side_ends_a_try_at_once(number, nose, ends):
    """ANT-01: left is asked for, then right; whoever is still left when right is asked for may be."""
    camera = Camera((LEFT, RIGHT)).straight()
    if number == 2:
        camera.show(0.3)
    camera.show(nose)
    assert (camera.trial.why is Why.WRONG) == ends


def test_a_head_that_turns_back_to_the_side_it_came_from_is_wrong():
    camera = Camera((LEFT, RIGHT)).straight().show(0.3).show(0.0).show(0.3)
    assert camera.said == (2, Result.FAILED, Why.WRONG)


@pytest.mark.rule("liveness_action_s")
@pytest.mark.parametrize(("late_us", "why"), [(-1, Why.NONE), (0, Why.LATE)])
def test_each_movement_has_its_time(late_us, why):
    """ANT-01: to the microsecond, from the moment at which it was asked for."""
    camera = Camera((LEFT, RIGHT)).straight().show(0.3).show(0.0, frames=10)
    camera.trial = tick(camera.trial, camera.trial.asked_us + GB.liveness_action_s.value * 1_000_000 + late_us)
    assert camera.trial.why is why
    assert (camera.trial.result is Result.OPEN) == (why is Why.NONE)


@pytest.mark.rule("liveness_turn_milli")
@pytest.mark.parametrize(("over", "counts"), [(NEAR, True), (-NEAR, False)])
@pytest.mark.parametrize("side", [1, -1])
def test_a_turn_moves_the_nose_as_far_as_the_pack_asks(side, over, counts):
    """ANT-01"""
    camera = Camera((LEFT if side > 0 else RIGHT,)).straight().show(side * (GB.liveness_turn_milli.value / 1000 + over))
    assert (camera.trial.number == 2) == counts


@pytest.mark.rule("liveness_relief_milli")
@pytest.mark.parametrize(("over", "counts"), [(NEAR, True), (-NEAR, False)])
@pytest.mark.parametrize("side", [1, -1])
def test_a_turn_shows_as_much_relief_as_the_pack_asks(side, over, counts):
    """ANT-01: the nose stands out of the face, and goes where the head turns to."""
    relief = side * (GB.liveness_relief_milli.value / 1000 + over)
    camera = Camera((LEFT if side > 0 else RIGHT,)).straight().show(side * 0.3, relief=relief)
    assert (camera.trial.number == 2) == counts


@pytest.mark.parametrize("relief", [0.0, 0.049, -0.3])
def test_whoever_turns_as_a_picture_does_has_failed_and_is_told_so(relief):
    """ANT-01: a photograph near a wide lens moves its nose between its eyes, and nothing out of the paper."""
    camera = Camera((LEFT, RIGHT)).straight().show(0.3, relief=relief, frames=20)
    assert camera.said == (1, Result.FAILED, Why.FLAT)


def test_a_flat_look_is_no_turn_but_the_next_look_may_be():
    """Looks that cannot be brought together, or a head that has only begun to turn."""
    camera = Camera((LEFT, RIGHT)).straight().show(0.1, relief=0.0).show(0.12, relief=0.02).show(0.2)
    assert (camera.trial.number, camera.trial.flat) == (2, 0)
    camera.show(0.0, frames=20)
    assert camera.trial.why is Why.LATE


def test_nobody_is_described_on_a_flat_look():
    camera = Camera((LEFT,)).straight()
    before = camera.described
    camera.show(0.3, relief=0.0, frames=5)
    assert camera.described == before
    assert camera.show(0.3).described == before + 1


def test_a_turn_whose_relief_nobody_measured_does_not_count():
    """ANT-01"""
    camera = Camera((LEFT,)).straight()
    for nose in (0.1, 0.3):
        camera.at_us += FRAME_US
        camera.trial = see(camera.trial, Glimpse(camera.at_us, pose(nose), same=True))
    assert camera.trial.number == 1


def test_relief_is_asked_for_turns_alone():
    """Straight looks and shut eyes have none."""
    camera = Camera((BLINK, LEFT)).straight().show(0.0, shut=True, relief=0.0)
    assert camera.trial.number == 2
    camera.show(0.3).show(0.0, relief=0.0)
    assert camera.trial.result is Result.PASSED


def test_a_turn_counts_from_where_the_person_looked_straight():
    """A camera that hangs beside the screen sees everybody a little from the side."""
    camera = Camera((RIGHT,)).show(0.05, frames=NEUTRAL_FRAMES).show(-0.01)
    assert camera.trial.number == 1
    camera.show(-0.04)
    assert camera.trial.number == 2


@pytest.mark.parametrize("noses", [(0.2, 0.2, 0.2), (0.0, 0.05, 0.0), (-0.07, -0.07, -0.07)])
def test_nobody_is_asked_to_turn_who_does_not_look_straight_and_still(noses):
    camera = Camera((LEFT,))
    for nose in noses:
        camera.show(nose)
    assert camera.trial.number == 0


def test_nobody_who_looks_straight_in_time_costs_no_try():
    camera = Camera((LEFT,)).show(0.3, frames=2)
    camera.trial = tick(camera.trial, 1_000_000 + LOOK_US)
    assert camera.said == (0, Result.DROPPED, Why.LATE)


def test_an_arrow_that_nobody_answered_costs_no_try():
    camera = Camera((LEFT, RIGHT)).straight().show(0.05, frames=20)
    assert camera.said == (1, Result.DROPPED, Why.UNANSWERED)


def test_somebody_who_moved_and_stopped_has_failed():
    camera = Camera((LEFT, RIGHT)).straight().show(0.3).show(0.0, frames=20)
    assert camera.said == (2, Result.FAILED, Why.LATE)


@pytest.mark.parametrize("when", [1, 2, 3])
def test_another_face_makes_no_movement_whenever_it_came(when):
    """ANT-01: swapped in the middle of a challenge."""
    camera = Camera((LEFT, RIGHT, LEFT)).straight()
    for number, nose in enumerate((0.3, -0.3, 0.3)[:when], start=1):
        camera.show(0.0, same=number < when).show(nose, same=number < when)
    camera.show(0.0, same=False, frames=20)
    assert camera.said == (when, Result.FAILED, Why.SOMEBODY_ELSE)


def test_the_last_look_is_the_persons_too():
    """ANT-01: straight again and recognised, so that nobody turns for somebody else."""
    camera = Camera((LEFT,)).straight().show(0.3).show(0.0, same=False)
    assert camera.trial.result is Result.OPEN
    camera.show(0.0)
    assert camera.trial.result is Result.PASSED


def test_another_face_is_never_asked_to_turn():
    camera = Camera((LEFT,)).straight(same=False).show(0.0, same=False, frames=10)
    assert camera.trial.number == 0


def test_a_turned_frame_that_shows_nobody_known_is_followed_by_one_that_does():
    """A turned head is described less well; the next frame may do."""
    camera = Camera((LEFT,)).straight().show(0.3, same=False).show(0.25)
    assert camera.trial.number == 2


@pytest.mark.parametrize(("lost_us", "why"), [(LOST_US, Why.NONE), (LOST_US + 1, Why.LOST)])
def test_a_face_that_is_gone_for_long_has_failed(lost_us, why):
    """ANT-01: nobody knows who comes back."""
    camera = Camera((LEFT, RIGHT)).straight().show(0.3)
    camera.trial = tick(camera.trial, camera.trial.seen_us + lost_us)
    assert camera.trial.why is why


def test_frames_without_the_face_change_nothing_before_that():
    camera = Camera((LEFT, RIGHT)).straight().show(0.3).show(found=False, frames=9)
    assert camera.said == (2, Result.OPEN, Why.NONE)
    assert camera.show(-0.3).trial.number == 3


def test_what_has_ended_stays_so():
    camera = Camera((LEFT,)).straight().show(-0.3)
    ended = camera.trial
    assert camera.show(0.3, frames=3).trial == ended
    assert camera.wait(60_000_000).trial == ended
    assert not wants_identity(ended, Glimpse(camera.at_us, pose(0.3)))


def test_a_blink_is_two_shut_eyes_of_a_head_that_looks_straight():
    camera = Camera((BLINK, LEFT)).straight().show(0.0).show(0.02, shut=None)
    assert camera.trial.number == 1
    assert camera.show(0.0, shut=True).trial.number == 2
    assert Camera((BLINK,)).straight().show(0.3, shut=True).trial.why is Why.WRONG


# --- the order


def test_every_order_is_drawn_by_a_coin_for_each_turn():
    """ANT-01: none can be foreseen, none is left out, and the last look is straight."""
    drawn = Counter(draw(Terms(3, 1, 0.1, blink=False, relief=0.05), secrets.choice) for _ in range(4000))
    assert set(drawn) == {(*turns, LOOK) for turns in itertools.product((LEFT, RIGHT), repeat=3)}
    assert min(drawn.values()) > 350


@pytest.mark.rule("liveness_actions_count")
@pytest.mark.parametrize("count", [GB.liveness_actions_count.value])
def test_as_many_turns_as_the_pack_asks_for_and_so_many_orders(count):
    """ANT-01: two tries of a recording among 2^7 orders are 1.6 %."""
    order = draw(TERMS, secrets.choice)
    assert len(order) == count + 1
    assert GB.liveness_tries_count.value / 2**count <= 0.02


@pytest.mark.rule("liveness_blink")
@pytest.mark.parametrize("asked", [True, False])
def test_one_blink_more_lies_anywhere_between_the_turns(asked):
    terms = Terms(2, 1, 0.1, blink=asked, relief=0.05)
    places = {draw(terms, secrets.choice).index(BLINK) if asked else -1 for _ in range(200)}
    assert places == ({0, 1, 2} if asked else {-1})
    assert BLINK in draw(terms, secrets.choice) or not asked


@given(st.lists(st.floats(-0.4, 0.4), max_size=120))
def test_no_movement_passes_more_than_one_order(noses):
    """ANT-01: whatever a head does by itself, two orders of one length are never both followed."""
    orders = list(itertools.product((LEFT, RIGHT), repeat=3))
    passed = 0
    for order in orders:
        camera = Camera(order).straight()
        for nose in noses:
            camera.show(nose)
        passed += camera.trial.result is Result.PASSED
    assert passed <= 1
