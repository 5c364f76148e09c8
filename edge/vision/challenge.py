"""Liveness: one try of one person to follow movements that nobody could predict. Pure: no clock, no camera, no chance.

    look straight -> left or right, by a coin each time -> … -> look straight          passed
    wrong movement · too late · flat as a picture · another face · face lost           failed
    nobody looks straight, or nobody answers the first arrow                           dropped: no try is spent

The same direction may be asked for twice in a row: with two directions and no repeats there would be two orders. A
movement counts when the head enters the direction after it was asked for, so a second left needs a way back first, and
when the nose stands out of the face as no picture's does. On every frame that counts the face is the person's. An
order that nobody answered is asked again as it is: whoever waits for an order that suits waits for ever.

What passes is a living head or a moving picture of one that follows in time: a film that was taken before fits one
order of 2^n. An animated photo or a mask is not stopped (docs/faces.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import median
from typing import Any

from edge.interlock.rules import Rules
from edge.vision.parallax import Pose

LOOK_US = 10_000_000
"""How long somebody may take to look straight first."""
LOST_US = 2_000_000
"""A head that is turned far is not found for a while; longer than this nobody knows who moves."""
NEUTRAL_FRAMES = 3
NEUTRAL_SPREAD = 0.04
FRONTAL = 0.06
"""The first look is straight: nose off the middle by at most so much, in the distance of the outer eye corners."""
BACK = 0.6
"""Of a turn: less than this share of it is straight again."""


class Action(StrEnum):
    """A movement; left and right are the person's own."""

    LOOK = "look"
    LEFT = "left"
    RIGHT = "right"
    BLINK = "blink"


class Result(StrEnum):
    """How a try stands."""

    OPEN = "open"
    PASSED = "passed"
    FAILED = "failed"
    DROPPED = "dropped"


class Why(StrEnum):
    """Why a try failed or was dropped."""

    NONE = ""
    LATE = "late"
    WRONG = "wrong"
    FLAT = "flat"
    SOMEBODY_ELSE = "somebody_else"
    LOST = "lost"
    UNANSWERED = "unanswered"


Choose = Callable[[Sequence[Any]], Any]
"""Takes one of a sequence by chance: `secrets.choice`."""


@dataclass(frozen=True)
class Terms:
    """What a try asks for: how many turns, each within how long, how far the nose moves, and whether one blink more.

    `relief` is how far the nose goes beyond what a plane explains (`edge.vision.relief`).
    """

    actions: int
    action_us: int
    turn: float
    blink: bool
    relief: float

    @classmethod
    def of(cls, rules: Rules) -> "Terms":
        """Those of a rule pack."""
        return cls(
            rules.liveness_actions_count.value, rules.liveness_action_s.value * 1_000_000,
            rules.liveness_turn_milli.value / 1000, rules.liveness_blink.value,
            rules.liveness_relief_milli.value / 1000,
        )  # fmt: skip


def draw(terms: Terms, choose: Choose) -> tuple[Action, ...]:
    """An order of movements: each turn by a coin of its own; the last look is straight."""
    order = [choose((Action.LEFT, Action.RIGHT)) for _ in range(terms.actions)]
    if terms.blink:
        order.insert(choose(range(len(order) + 1)), Action.BLINK)
    return (*order, Action.LOOK)


@dataclass(frozen=True)
class Glimpse:
    """What one frame shows of the face that is followed: nothing (None) where it is not found.

    `same`: whether it is the person's; None while nobody looked. `shut`: both eyes are; None where it is not seen.
    `relief`: how far the nose went beyond what a plane explains since the straight look; None while nobody measured.
    """

    at_us: int
    pose: Pose | None = None
    same: bool | None = None
    shut: bool | None = None
    relief: float | None = None


@dataclass(frozen=True)
class Trial:
    """A try. `number` counts the movements, 0 while the person is to look straight first; `of` is their count.

    Attributes:
        asked_us, until_us: when the present movement was asked for, and the end of its time.
        straight: the last readings of a head that looks straight, before the first movement; `base` is their middle.
        side: where the head is: 1 left, -1 right, 0 straight, as last seen.
        ready: since the movement was asked for the head was elsewhere, so that it can be made.
        seen_us: when the face was last found.
        moved: somebody has moved since the first movement was asked for.
        flat: frames of the present movement that showed a turn such as a picture makes.
        others: frames of the present movement that showed somebody else's face.
    """

    person: str
    nonce: str
    terms: Terms
    order: tuple[Action, ...]
    asked_us: int
    until_us: int
    seen_us: int
    number: int = 0
    straight: tuple[Pose, ...] = ()
    base: float = 0.0
    side: int = 0
    ready: bool = True
    moved: bool = False
    flat: int = 0
    others: int = 0
    result: Result = Result.OPEN
    why: Why = Why.NONE

    @property
    def of(self) -> int:
        """How many movements there are, the last look included."""
        return len(self.order)

    @property
    def action(self) -> Action:
        """What is asked for now."""
        return self.order[self.number - 1] if self.number else Action.LOOK

    @property
    def open(self) -> bool:
        """It has not ended."""
        return self.result is Result.OPEN


def begin(person: str, nonce: str, order: tuple[Action, ...], terms: Terms, at_us: int) -> Trial:
    """Ask somebody to look straight."""
    return Trial(person, nonce, terms, order, at_us, at_us + LOOK_US, at_us)


def tick(trial: Trial, now_us: int) -> Trial:
    """Time passes: a movement that was not made in time ends the try."""
    if not trial.open:
        return trial
    if trial.number and now_us - trial.seen_us > LOST_US:
        return _end(trial, Result.FAILED, Why.LOST)
    if now_us < trial.until_us:
        return trial
    if trial.number == 0:
        return _end(trial, Result.DROPPED, Why.LATE)
    if trial.others:
        return _end(trial, Result.FAILED, Why.SOMEBODY_ELSE)
    if trial.flat:
        return _end(trial, Result.FAILED, Why.FLAT)
    if trial.number == 1 and not trial.moved:
        return _end(trial, Result.DROPPED, Why.UNANSWERED)
    return _end(trial, Result.FAILED, Why.LATE)


def wants_relief(trial: Trial, glimpse: Glimpse) -> bool:
    """Whether this frame shows the turn that is asked for, so that it must not be a picture's."""
    return _wanted(trial.action) != 0 and _is_made(tick(trial, glimpse.at_us), glimpse)


def wants_identity(trial: Trial, glimpse: Glimpse) -> bool:
    """Whether this frame would complete the present movement, so that it has to be the person's face."""
    trial = tick(trial, glimpse.at_us)
    if trial.number:
        return _is_made(trial, glimpse) and not _is_flat(trial, glimpse)
    if not trial.open or glimpse.pose is None:
        return False
    return _steady((*trial.straight, glimpse.pose)[-NEUTRAL_FRAMES:])


def _is_made(trial: Trial, glimpse: Glimpse) -> bool:
    """By its pose this frame completes the present movement."""
    if not trial.open or not trial.number or glimpse.pose is None:
        return False
    side = _side(trial, glimpse.pose)
    return not _is_wrong(trial, side) and _done(trial, side, glimpse)


def is_straight(trial: Trial, glimpse: Glimpse) -> bool:
    """Whether the head looks where it looked at first."""
    return glimpse.pose is not None and 2 * abs(glimpse.pose.nose - trial.base) <= BACK * trial.terms.turn


def see(trial: Trial, glimpse: Glimpse) -> Trial:
    """Take a frame into account. One that would count and is not known to be the person's does not."""
    trial = tick(trial, glimpse.at_us)
    if not trial.open or glimpse.pose is None:
        return trial
    trial = replace(trial, seen_us=glimpse.at_us)
    return _turned(trial, glimpse, glimpse.pose) if trial.number else _looked(trial, glimpse, glimpse.pose)


def _looked(trial: Trial, glimpse: Glimpse, pose: Pose) -> Trial:
    """Before the first movement: some frames of a head that looks straight and stands still."""
    straight = (*trial.straight, pose)[-NEUTRAL_FRAMES:]
    if glimpse.same is False:
        return replace(trial, straight=())
    if not (_steady(straight) and glimpse.same):
        return replace(trial, straight=straight)
    return _next(replace(trial, straight=straight, base=median(each.nose for each in straight)), glimpse.at_us)


def _steady(straight: Sequence[Pose]) -> bool:
    noses = [each.nose for each in straight]
    still = len(noses) == NEUTRAL_FRAMES and max(noses) - min(noses) <= NEUTRAL_SPREAD
    return still and abs(median(noses)) <= FRONTAL


def _turned(trial: Trial, glimpse: Glimpse, pose: Pose) -> Trial:
    side = _side(trial, pose)
    if _is_wrong(trial, side):
        return _end(trial, Result.FAILED, Why.WRONG)
    done = _done(trial, side, glimpse)
    moved = trial.moved or side != 0
    flat = done and _is_flat(trial, glimpse)
    trial = replace(
        trial, side=side, moved=moved, ready=trial.ready or side != _wanted(trial.action), flat=trial.flat + flat
    )
    if not done or flat or glimpse.same is None:
        return trial
    if not glimpse.same:
        return replace(trial, others=trial.others + 1)
    return _next(trial, glimpse.at_us)


def _side(trial: Trial, pose: Pose) -> int:
    """Where the head is; back to straight only well below a turn, so that nothing trembles at the limit."""
    turn = pose.nose - trial.base
    side = (turn > 0) - (turn < 0)
    limit = trial.terms.turn * (BACK if side == trial.side else 1)
    return side if abs(turn) >= limit else 0


def _wanted(action: Action) -> int:
    return {Action.LEFT: 1, Action.RIGHT: -1}.get(action, 0)


def _is_wrong(trial: Trial, side: int) -> bool:
    """The head goes where nobody asked it to: another side than the one asked for and the one that it comes from."""
    return side not in (0, _wanted(trial.action), trial.side)


def _is_flat(trial: Trial, glimpse: Glimpse) -> bool:
    """A turn is asked for, and nothing shows that it is more than a picture's."""
    wanted = _wanted(trial.action)
    return wanted != 0 and (glimpse.relief is None or glimpse.relief * wanted < trial.terms.relief)


def _done(trial: Trial, side: int, glimpse: Glimpse) -> bool:
    """The movement is made with this frame, as far as pose and lids go."""
    if side != _wanted(trial.action):
        return False
    if trial.action is Action.BLINK:
        return glimpse.shut is True
    return trial.ready or trial.action is Action.LOOK


def _next(trial: Trial, at_us: int) -> Trial:
    """The next movement, or the end."""
    if trial.number == trial.of:
        return _end(trial, Result.PASSED, Why.NONE)
    asked = replace(
        trial, number=trial.number + 1, asked_us=at_us, until_us=at_us + trial.terms.action_us, flat=0, others=0
    )
    return replace(asked, ready=asked.side != _wanted(asked.action))


def _end(trial: Trial, result: Result, why: Why) -> Trial:
    return replace(trial, result=result, why=why)
