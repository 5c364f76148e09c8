"""What there is to see before the camera, and how the words of a command change it. Pure."""

from collections.abc import Mapping
from functools import lru_cache

import msgspec

from firmware_sim.cast import CAST
from firmware_sim.errors import SimulationError, one_of, within
from firmware_sim.people import Picture, Pose, Wear
from firmware_sim.people.acting import HOLD_S, PHASES, TURN_DEG, Act, Action, idle
from firmware_sim.stage import Scene, Standing, background, paint
from firmware_sim.stage.flat import hand, held, printed
from firmware_sim.stage.scene import lift_at, portrait

MOST_PEOPLE = 4
"""More do not fit before one camera."""
MOST_TILT_DEG = 60.0
EMPTY = "empty"


class Sight(msgspec.Struct, frozen=True):
    """What there is to see before the camera.

    Attributes:
        names: who stands there, from left to right.
        worn: what each person of the cast has on the head, where it is not nothing.
        light: brightness; 1 is usual.
        photo: who is on the printed photograph that is held there; empty without one.
        tilt_deg: how far the photograph is tilted.
    """

    names: tuple[str, ...] = ()
    worn: tuple[tuple[str, Wear], ...] = ()
    light: float = 1.0
    photo: str = ""
    tilt_deg: float = 0.0

    @property
    def actors(self) -> tuple[str, ...]:
        """Who can be asked to do something; for the one on the photograph its holder does it."""
        return (*self.names, *((self.photo,) if self.photo else ()))


def changed(sight: Sight, words: tuple[str, ...]) -> Sight | None:
    """What there is to see after ``set camera WORDS``; None when these words are about something else.

    Raises:
        SimulationError: a word is not allowed; what is, is named.
    """
    match words:
        case ("empty",):
            return Sight()
        case ("wear", name, what):
            worn = dict(sight.worn) | {one_of("wear", name, CAST): Wear(one_of("wear", what, Wear))}
            return msgspec.structs.replace(sight, worn=_worn(worn))
        case ("light", percent):
            light = within("light", percent, 60, 140, "percent") / 100
            return msgspec.structs.replace(sight, light=light)
        case ("photo", name, *tilt) if len(tilt) <= 1:
            tilt_deg = within("tilt", tilt[0], -MOST_TILT_DEG, MOST_TILT_DEG, "degrees") if tilt else 0.0
            return msgspec.structs.replace(sight, names=(), photo=one_of("photo", name, CAST), tilt_deg=tilt_deg)
        case ("swap", name, other):
            one_of("swap", name, sight.names)
            free = [each for each in CAST if each not in sight.names]
            names = tuple(one_of("swap", other, free) if each == name else each for each in sight.names)
            return msgspec.structs.replace(sight, names=names)
        case (names,):
            return msgspec.structs.replace(sight, names=_people(names), photo="", tilt_deg=0.0)
        case _:
            return None


def _people(words: str) -> tuple[str, ...]:
    names = tuple(one_of("camera", name, (*CAST, EMPTY)) for name in words.split(","))
    if len(set(names)) < len(names) or EMPTY in names or len(names) > MOST_PEOPLE:
        raise SimulationError(f"camera: name up to {MOST_PEOPLE} different people, or only: {EMPTY}")
    return names


def _worn(wear: Mapping[str, Wear]) -> tuple[tuple[str, Wear], ...]:
    return tuple(sorted((name, what) for name, what in wear.items() if what is not Wear.NOTHING))


def act_of(words: tuple[str, ...], sight: Sight, at_s: float) -> tuple[str, Act]:
    """Who does what after ``set camera act NAME ACTION [SECONDS [DEGREES]]``.

    Raises:
        SimulationError: that person is not there, or a word is not allowed.
    """
    if not 2 <= len(words) <= 4:
        raise SimulationError(f"expected: set camera act NAME {'|'.join(Action)} [SECONDS [DEGREES]]")
    name = one_of("act: who stands there", words[0], sight.actors)
    action = Action(one_of("act", words[1], Action))
    hold_s = within("seconds", words[2], 0, 60, "s") if len(words) > 2 else HOLD_S[action]
    degrees = within("degrees", words[3], 5, 45, "degrees") if len(words) > 3 else TURN_DEG
    return name, Act(action, at_s, hold_s=hold_s, degrees=degrees)


def pose_of(sight: Sight, acts: Mapping[str, Act], name: str, phase: float, at_s: float) -> Pose:
    """How a person's head is held, or with a photograph how it is turned."""
    by_itself = idle(phase, sight.names.index(name)) if name in sight.names else Pose()
    return acts[name].pose(at_s, by_itself) if name in acts else by_itself


def picture_at(sight: Sight, acts: Mapping[str, Act], phase: float, at_s: float) -> Picture:
    """What the camera sees at a step of the people's loop and a time."""
    worn = dict(sight.worn)
    if not sight.photo:
        poses = ((name, pose_of(sight, acts, name, phase, at_s)) for name in sight.names)
        people = tuple(Standing(CAST[name], pose, worn.get(name, Wear.NOTHING)) for name, pose in poses)
        return paint(Scene(people, sight.light, lift_at(phase)))
    tilt_deg = sight.tilt_deg + pose_of(sight, acts, sight.photo, phase, at_s).yaw_deg
    print_ = _print(sight.photo, worn.get(sight.photo, Wear.NOTHING))
    return held(background(), hand(print_, phase / PHASES, tilt_deg)) * sight.light


@lru_cache(maxsize=4)
def _print(name: str, wear: Wear) -> Picture:
    return printed(portrait(Standing(CAST[name], wear=wear)))
