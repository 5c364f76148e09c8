"""How a head moves: by itself, and when it is asked to. Pure in time."""

import math
from enum import StrEnum

import msgspec

from firmware_sim.people.face import Pose

PHASES = 24
"""Steps of the loop in which people sway and blink by themselves."""
SWAY_DEG = 8.0
EASE_S = 0.45
"""A head gets up speed and slows down again: time from rest to a turn."""
_BLINK_EASE_S = 0.08
_BLINKING = (3, 4)


class Action(StrEnum):
    """What a person can be asked to do; left and right are the person's own."""

    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"
    BLINK = "blink"
    MOUTH = "mouth"
    STILL = "still"


HOLD_S = {
    Action.LEFT: 1.2, Action.RIGHT: 1.2, Action.UP: 1.2, Action.DOWN: 1.2, Action.BLINK: 0.25, Action.MOUTH: 0.8,
    Action.STILL: 2.0,
}  # fmt: skip
"""How long it lasts when nothing is said."""
TURN_DEG = 26.0
NOD_DEG = 13.0


class Act(msgspec.Struct, frozen=True):
    """Something that a head does.

    Attributes:
        action: what.
        at_s: when it begins.
        begin: how the head is held then.
        hold_s: how long it stays so.
        degrees: how far it turns; nods are half as far.
        ease_s: how long it takes to get there and back.
    """

    action: Action
    at_s: float
    begin: Pose = Pose()
    hold_s: float = 1.2
    degrees: float = TURN_DEG
    ease_s: float = EASE_S

    @property
    def ends_s(self) -> float:
        """When the head is its own again."""
        return self.at_s + self.hold_s + 2 * self._ease_s

    @property
    def _ease_s(self) -> float:
        return _BLINK_EASE_S if self.action is Action.BLINK else self.ease_s

    @property
    def goal(self) -> Pose:
        """How the head is held meanwhile."""
        half = self.degrees * NOD_DEG / TURN_DEG
        match self.action:
            case Action.LEFT:
                return Pose(yaw_deg=self.degrees)
            case Action.RIGHT:
                return Pose(yaw_deg=-self.degrees)
            case Action.UP:
                return Pose(pitch_deg=-half)
            case Action.DOWN:
                return Pose(pitch_deg=half)
            case Action.BLINK:
                return msgspec.structs.replace(self.begin, blink=1.0)
            case Action.MOUTH:
                return msgspec.structs.replace(self.begin, mouth=1.0)
            case Action.STILL:
                return Pose()

    def pose(self, at_s: float, idle: Pose) -> Pose:
        """How the head is held at a time; `idle` is what it would do by itself."""
        gone, ease = at_s - self.at_s, self._ease_s
        if gone < 0 or at_s >= self.ends_s:
            return idle
        if gone < ease:
            return between(self.begin, self.goal, gone / ease)
        return between(self.goal, idle, max(0.0, gone - ease - self.hold_s) / ease)


def between(one: Pose, other: Pose, part: float) -> Pose:
    """On the way from one to the other, with the least jerk: 0 is the one, 1 the other."""
    moved = part**3 * (10 - 15 * part + 6 * part**2)
    return Pose(
        *(
            a + (b - a) * moved
            for a, b in zip(msgspec.structs.astuple(one), msgspec.structs.astuple(other), strict=True)
        )
    )


def idle(phase: float, index: int = 0) -> Pose:
    """What a head does by itself: it sways, and blinks once a loop. `index` sets neighbours apart."""
    yaw_deg = SWAY_DEG * math.sin(2 * math.pi * phase / PHASES + 2.1 * index)
    return Pose(yaw_deg=yaw_deg, blink=float(int(phase + 7 * index) % PHASES in _BLINKING))
