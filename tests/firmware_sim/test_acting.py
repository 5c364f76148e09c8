"""How drawn heads move: eased, there and back, from wherever they are."""

import itertools

import pytest

from firmware_sim.people import Pose
from firmware_sim.people.acting import HOLD_S, PHASES, Act, Action, idle

REST = Pose(yaw_deg=3)
STEPS = [number / 50 for number in range(200)]


def test_a_person_who_is_asked_for_nothing_sways_and_blinks() -> None:
    poses = [idle(phase) for phase in range(PHASES)]
    assert max(pose.yaw_deg for pose in poses) == -min(pose.yaw_deg for pose in poses) == pytest.approx(8)
    assert 1 <= sum(pose.blink for pose in poses) <= 3
    assert idle(5, 0) != idle(5, 1), "neighbours are out of step"


@pytest.mark.parametrize(("action", "sign"), [(Action.LEFT, 1), (Action.RIGHT, -1)])
def test_left_is_the_persons_own_left_and_right_in_the_picture(action: Action, sign: int) -> None:
    act = Act(action, 1.0, degrees=30)
    assert act.pose(1.0 + 0.45 + 0.1, REST).yaw_deg == sign * 30


@pytest.mark.parametrize("action", Action)
def test_whatever_a_head_does_it_comes_back_without_a_jump(action: Action) -> None:
    act = Act(action, 1.0, REST, HOLD_S[action])
    assert act.pose(0.99, REST) == REST
    assert act.pose(act.ends_s, REST) == REST
    poses = [act.pose(at_s, REST) for at_s in STEPS]
    assert max(abs(b.yaw_deg - a.yaw_deg) for a, b in itertools.pairwise(poses)) < 3.5
    if action is not Action.STILL:
        assert any(pose not in (REST, Pose()) for pose in poses)


def test_a_new_turn_begins_where_the_head_is() -> None:
    left = Act(Action.LEFT, 0.0)
    there = left.pose(1.0, REST)
    right = Act(Action.RIGHT, 1.0, there)
    assert right.pose(1.0, REST) == there
    assert abs(right.pose(1.02, REST).yaw_deg - there.yaw_deg) < 1


def test_somebody_who_blinks_in_a_turn_stays_turned() -> None:
    act = Act(Action.BLINK, 0.0, Pose(yaw_deg=20), HOLD_S[Action.BLINK])
    assert act.pose(0.2, REST) == Pose(yaw_deg=20, blink=1.0)
