"""Trials: what a camera sees while somebody is asked to turn the head, in earnest or as an attack. Pure and seeded.

A trial is begun, is told each prompt at the moment at which it appears, and gives the picture of any moment. What is
drawn by the seed: who, the light, how near, how fast they react. All of it is synthetic: it shows that a decision is
wired as it should be, never how well it does on real faces or real attacks. An animated head on a tablet obeys every
prompt: what a challenge stops is what cannot obey.
"""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec
import numpy as np

from firmware_sim.cast import CAST
from firmware_sim.people import Pose, Wear
from firmware_sim.people.acting import PHASES, Act, Action, idle
from firmware_sim.stage import WIDTH, Shot
from firmware_sim.stage.flat import FOCAL
from firmware_sim.stage.view import SWAYS, Flat, Someone, View, draw

Prompts = tuple[tuple[float, Action], ...]
"""When each appeared, in seconds of the trial, and what it asked for."""


class Species(StrEnum):
    """What is before the camera; each but GENUINE and ANIMATED must be stopped."""

    GENUINE = "genuine"
    PRINTED = "printed"
    TILTED = "tilted"
    BENT = "bent"
    REPLAY = "replay"
    SWAPPED = "swapped"
    TWO_FACES = "two_faces"
    NO_FACE = "no_face"
    FROZEN = "frozen"
    ANIMATED = "animated"
    SLANTED = "slanted"
    MOVED = "moved"
    MOVED_BESIDE = "moved_beside"
    FOLDED = "folded"


class Variety(msgspec.Struct, frozen=True):
    """From what a trial is drawn: the fewer, the more pictures are equal and need to be looked at only once.

    Attributes:
        lights: brightness of the scene.
        wide, close_wide: of a sheet in pixels, with its border in the picture and without.
        gazes_deg: how who is on a photograph looked.
        bends_deg: how far paper is bent.
        folds_deg: how far each half of it is turned back.
        sways: places of a hand, a part of SWAYS.
        step_deg: of turns and tilts.
        pairs: every person has one thief; any other one otherwise.
        focals: of the lens before which a photograph is tilted or bent, in pixels: 90, 75, 60 and 39 degrees across.
        near_wide: of a sheet without its border there: a face at 20 cm from the lens of 60 degrees is the widest.
        tilts_deg: from, and below, how far it is tilted.
        slants_deg: how far the axis of a slant is off the upright.
        near_people: half a head's height in pixels of whoever is really there; 0 is as near as there is room.
    """

    lights: tuple[float, ...] = (0.8, 0.9, 1.0, 1.1, 1.2)
    wide: tuple[int, ...] = (330, 390)
    close_wide: tuple[int, ...] = (700, 780)
    gazes_deg: tuple[int, ...] = (-8, -4, 0, 4, 8)
    bends_deg: tuple[int, ...] = (20, 40, 60, 80)
    sways: int = SWAYS
    step_deg: int = 1
    pairs: bool = False
    focals: tuple[int, ...] = (320, 417, 554, 900)
    near_wide: tuple[int, ...] = (700, 900, 1100, 1400)
    tilts_deg: tuple[int, int] = (15, 56)
    slants_deg: tuple[int, ...] = (10, 20, 30, 40, 45, 60)
    near_people: tuple[int, ...] = (0, 85, 100)
    folds_deg: tuple[int, ...] = (10, 20, 30, 45, 60)


ALL = Variety()
FEW = Variety(
    (0.8, 1.2), (360,), (740,), (-6, 6), (30, 60), 3, 3, pairs=True, near_wide=(740, 1100, 1400),
    slants_deg=(15, 30, 45), near_people=(0, 90), folds_deg=(15, 30, 50),
)  # fmt: skip
"""For trials by the thousand."""


class Place(NamedTuple):
    """Where a photograph is held, against where it was at first: aside and below in widths of its face, and nearer."""

    aside: float = 0.0
    below: float = 0.0
    nearer: float = 0.0


AT_REST = Place()


class Trial(msgspec.Struct, frozen=True):
    """One trial and what has been asked for so far.

    Attributes:
        species: what is tried.
        seed: decides everything else that is drawn.
        person: whose face it must be.
        thief: who is there instead, where somebody is.
        label: what was drawn, in words.
        light: brightness of the scene.
        wear: what a person who is really there wears.
        close: a sheet fills the picture, so that its border is not seen.
        degrees: how far a photograph is tilted when a turn is asked for; negative: the wrong way.
        bend_deg: how far it is bent.
        fold_deg: how far each half of it is turned back.
        variant: which of the ways of this species.
        moment_s: when somebody else steps in after a prompt, or at which moment a picture froze.
        recorded: what a recorded challenge had asked for.
        prompts: what was asked for so far.
        jerks: where a photograph that is moved is jerked to at a left and at a right.
        steady: it lies on a stand.
        focal: of the lens, in pixels.
        wide: of a sheet when it faces the camera.
        slant_deg: how far the axis of a slant is off the upright.
        variety: from what it was drawn.
    """

    species: Species
    seed: int
    person: str
    thief: str
    label: str = ""
    light: float = 1.0
    wear: Wear = Wear.NOTHING
    close: bool = False
    degrees: float = 30.0
    bend_deg: int = 0
    variant: int = 0
    moment_s: float = 0.0
    recorded: Prompts = ()
    prompts: Prompts = ()
    jerks: tuple[Place, Place] = (AT_REST, AT_REST)
    steady: bool = False
    focal: float = FOCAL
    wide: int = 0
    slant_deg: int = 0
    fold_deg: int = 0
    variety: Variety = ALL


_BESIDE_WIDE = 280
_BESIDE_ASIDE = 60
"""Near enough for whoever follows the photograph to end at the other face."""
_FACE, _CLOSE_FACE = 0.44, 0.28
"""Width of the face on a sheet, as a share of the sheet's."""
_JERKS = (0.3, 0.45, 0.6)
_NEARER = 0.6
"""Of a jerk aside: how much larger or smaller a photograph gets instead."""
_JERKED_DEG = 15.0
_BACK_S, _REST_S = 0.4, 0.2
_HELD_S = 60.0
"""Longer than any prompt stands."""
_FURTHER_DEG = 8.0
_TILTING = (Species.TILTED, Species.SLANTED, Species.BENT, Species.FOLDED)
_TURNS = (Action.LEFT, Action.RIGHT)
_ASKED = (Action.LEFT, Action.RIGHT, Action.BLINK)
_RECORDED_S = 3.0
_RECORDED = 12


def begin(
    species: Species,
    seed: int,
    person: str | None = None,
    thief: str | None = None,
    recorded: Prompts | None = None,
    variety: Variety = ALL,
) -> Trial:
    """Set a trial up; who is not named, and what a replay's challenge had asked for, is drawn."""
    rng = np.random.default_rng((seed, list(Species).index(species)))
    names = list(CAST)
    drawn_person, drawn_thief = (names[int(index)] for index in rng.permutation(len(names))[:2])
    person = person or drawn_person
    if variety.pairs:
        drawn_thief = names[(names.index(person) + 1) % len(names)]
    if thief is None:
        thief = drawn_thief if drawn_thief != person else next(name for name in names if name != person)
    trial = Trial(
        species,
        seed,
        person,
        thief,
        light=float(rng.choice(variety.lights)),
        wear=Wear.HELMET if rng.random() < 0.3 else Wear.NOTHING,
        close=bool(rng.random() < 0.5),
        degrees=float(rng.integers(*variety.tilts_deg) * (1 if rng.random() < 0.8 else -1)),
        bend_deg=int(rng.choice(variety.bends_deg) * (1 if rng.random() < 0.7 else -1)),
        variant=int(rng.integers(2)),
        moment_s=round(float(rng.uniform(0.0, 4.0)), 2),
        recorded=recorded if recorded is not None else _drawn_prompts(rng),
        variety=variety,
        jerks=_drawn_jerks(seed),
    )
    trial = _held_how(trial)
    return msgspec.structs.replace(trial, label=_label(trial))


def _held_how(trial: Trial) -> Trial:
    """How large the sheet is; one that is tilted may be near a wide lens."""
    rng, variety = np.random.default_rng((trial.seed, 11)), trial.variety
    if trial.species not in _TILTING:
        return msgspec.structs.replace(trial, wide=int(rng.choice(variety.close_wide if trial.close else variety.wide)))
    wides = variety.near_wide if trial.close else variety.wide
    return msgspec.structs.replace(
        trial,
        wide=int(rng.choice(wides)),
        focal=float(rng.choice(variety.focals)),
        slant_deg=int(rng.choice(variety.slants_deg)) if trial.species is Species.SLANTED else 0,
        fold_deg=int(rng.choice(variety.folds_deg)) if trial.species is Species.FOLDED else 0,
    )


def _drawn_prompts(rng: np.random.Generator) -> Prompts:
    """Another challenge, as one may have been recorded: other actions, at other times."""
    at_s, last, found = float(rng.uniform(0.3, 2.0)), "", []
    for _ in range(_RECORDED):
        free = [action for action in _ASKED if action != last]
        last = free[int(rng.integers(len(free)))]
        found.append((round(at_s, 2), Action(last)))
        at_s += float(rng.uniform(0.7, 1.0)) * _RECORDED_S
    return tuple(found)


def _drawn_jerks(seed: int) -> tuple[Place, Place]:
    """To two sides, up and down, or nearer and further away."""
    rng = np.random.default_rng((seed, 13))
    way, far = int(rng.integers(3)), float(rng.choice(_JERKS) * rng.choice((-1, 1)))
    if way == 0:
        return Place(aside=far), Place(aside=-far)
    if way == 1:
        return Place(below=far), Place(below=-far)
    return Place(nearer=_NEARER * far), Place(nearer=-_NEARER * far)


def _label(trial: Trial) -> str:
    near = "close-up" if trial.close else "border seen"
    lens = f"{trial.wide} px before {trial.focal:g}"
    said = {
        Species.GENUINE: trial.wear.value,
        Species.PRINTED: near,
        Species.TILTED: f"{near}, {lens}, tilted {trial.degrees:g}°",
        Species.SLANTED: f"{near}, {lens}, tilted {abs(trial.degrees):g}° about an axis {trial.slant_deg}° off",
        Species.BENT: f"{near}, {lens}, tilted {trial.degrees:g}°, bent {trial.bend_deg:g}°",
        Species.FOLDED: f"{near}, {lens}, tilted {trial.degrees:g}°, folded {trial.fold_deg}°",
        Species.REPLAY: f"{near}, " + " ".join(action for _, action in trial.recorded[:4]),
        Species.SWAPPED: ("person first", "thief first")[trial.variant],
        Species.TWO_FACES: ("beside a photograph", "beside the person")[trial.variant],
        Species.NO_FACE: ("nobody", "under a mask")[trial.variant],
        Species.FROZEN: f"at {trial.moment_s:g} s",
        Species.ANIMATED: near,
        Species.MOVED: f"{near}, jerked {_jerked(trial)}",
        Species.MOVED_BESIDE: f"beside {trial.thief}, jerked {_jerked(trial)}",
    }[trial.species]
    return f"{trial.person}, {said}, light {trial.light:g}"


def _jerked(trial: Trial) -> str:
    """Both places in words: widths of the face to the right, and down; in percent nearer."""
    left, right = (f"{place.aside:+.2f} {place.below:+.2f} {100 * place.nearer:+.0f} %" for place in trial.jerks)
    return f"{left} at a left, {right} at a right"


def told(trial: Trial, action: Action | str, at_s: float) -> Trial:
    """A prompt appears at a time, in seconds of the trial, not before an earlier one."""
    return msgspec.structs.replace(trial, prompts=(*trial.prompts, (at_s, Action(action))))


def view(trial: Trial, at_s: float) -> View:
    """What is before the camera at a time, in steps that a camera would hardly tell apart; equal ones look equal."""
    if trial.species is Species.FROZEN:
        at_s = trial.moment_s
    seen = _SEEN[trial.species](trial, at_s)
    return msgspec.structs.replace(seen, light=trial.light)


def picture(trial: Trial, at_s: float) -> Shot:
    """What the camera delivers at a time: no two moments are alike to the byte, unless it is frozen."""
    moment = 0 if trial.species is Species.FROZEN else round(at_s * 1000)
    return draw(view(trial, at_s), trial.seed * 1009 + moment)


def film(
    species: Species,
    seed: int,
    prompts: Sequence[tuple[float, str]],
    fps: float = 4.0,
    seconds: float = 16.0,
    person: str = "",
) -> Iterator[tuple[float, Shot]]:
    """A whole trial whose prompts are known beforehand; an empty `person` is drawn."""
    trial, left = begin(species, seed, person or None), list(prompts)
    for number in range(round(fps * seconds)):
        at_s = number / fps
        while left and left[0][0] <= at_s:
            said_s, action = left.pop(0)
            trial = told(trial, action, said_s)
        yield at_s, picture(trial, at_s)


def obeying(prompts: Prompts, seed: int, at_s: float, slower_s: float = 0.0, degrees: float | None = None) -> Pose:
    """How a head is held whose owner follows prompts, each until the next one appears.

    Reaction, speed and size of each turn are drawn by the seed. Whoever has turned and sees the same prompt still turns
    a little further. Asked for the same side again, one comes back first.
    """
    act: Act | None = None
    asked = [(said_s + slower_s, action) for said_s, action in prompts if said_s <= at_s]
    for number, (said_s, action) in enumerate(asked):
        rng = np.random.default_rng((seed, number, 3))
        starts_s = said_s + float(rng.uniform(0.4, 1.2))
        ease_s, turn = float(rng.uniform(0.4, 0.8)), float(rng.uniform(22, 28))
        if at_s < starts_s:
            break
        if act is not None and action is act.action and action in _TURNS:
            act = Act(Action.STILL, starts_s, _held(act, seed, starts_s), _HELD_S, ease_s=_BACK_S)
            starts_s += _BACK_S + _REST_S
            if at_s < starts_s:
                break
        turn = turn if degrees is None else degrees
        hold_s = float(rng.uniform(0.2, 0.5)) if action is Action.BLINK else _HELD_S
        act = Act(action, starts_s, _held(act, seed, starts_s), hold_s, turn, ease_s)
        more_s = starts_s + ease_s + float(rng.uniform(0.6, 1.0))
        next_s = asked[number + 1][0] if number + 1 < len(asked) else at_s
        if action in _TURNS and degrees is None and more_s <= next_s:
            act = Act(action, more_s, _held(act, seed, more_s), _HELD_S, turn + _FURTHER_DEG, _BACK_S)
    return _held(act, seed, at_s)


def _held(act: Act | None, seed: int, at_s: float) -> Pose:
    """How a head is held by what it does, or by itself."""
    by_itself = _by_itself(seed, at_s)
    return by_itself if act is None else act.pose(at_s, by_itself)


def _by_itself(seed: int, at_s: float) -> Pose:
    """People sway and blink out of step with each other."""
    return idle(at_s * PHASES / 3 + seed % PHASES)


def _someone(trial: Trial, name: str, pose: Pose, wear: Wear = Wear.NOTHING) -> Someone:
    step = trial.variety.step_deg
    yaw_deg, pitch_deg = (step * round(deg / step) for deg in (pose.yaw_deg, pose.pitch_deg))
    return Someone(name, yaw_deg, pitch_deg, round(4 * pose.blink) / 4, round(4 * pose.mouth) / 4, wear)


def _genuine(trial: Trial, at_s: float) -> View:
    pixels = int(np.random.default_rng((trial.seed, 14)).choice(trial.variety.near_people))
    return View((_someone(trial, trial.person, obeying(trial.prompts, trial.seed, at_s), trial.wear),), pixels=pixels)


def _sway(trial: Trial, at_s: float) -> int:
    """Where a hand is: it goes round in three seconds."""
    every = SWAYS // trial.variety.sways
    return int(at_s * SWAYS / 3 + trial.seed) % SWAYS // every * every


def _in_hand(trial: Trial, paper: bool, who: Someone, at_s: float, tilt_deg: float = 0.0, bend_deg: int = 0) -> View:
    step = trial.variety.step_deg
    tilt = step * round(tilt_deg / step)
    flat = Flat(who, paper, trial.close, trial.wide, _sway(trial, at_s), tilt, bend_deg, focal=trial.focal)
    return View(sheet=flat)


def _on_paper(trial: Trial) -> Someone:
    """The photograph was taken of somebody who looked about straight ahead."""
    return Someone(trial.person, int(np.random.default_rng((trial.seed, 12)).choice(trial.variety.gazes_deg)))


def _printed(trial: Trial, at_s: float) -> View:
    return _in_hand(trial, True, _on_paper(trial), at_s)


def _tilted(trial: Trial, at_s: float) -> View:
    turned = obeying(trial.prompts, trial.seed, at_s, degrees=abs(trial.degrees)).yaw_deg
    bend_deg = trial.bend_deg if trial.species is Species.BENT else 0
    return _in_hand(trial, True, _on_paper(trial), at_s, turned * (1 if trial.degrees > 0 else -1), bend_deg)


def _folded(trial: Trial, at_s: float) -> View:
    """Along the nose, which the fold then points at the camera."""
    seen = _tilted(trial, at_s)
    sheet = seen.sheet and msgspec.structs.replace(seen.sheet, fold_deg=trial.fold_deg)
    return msgspec.structs.replace(seen, sheet=sheet)


def _slanted(trial: Trial, at_s: float) -> View:
    """To one side and back at once, as far that side's nose goes along the eye line with it."""
    turned = obeying(trial.prompts, trial.seed, at_s, degrees=abs(trial.degrees)).yaw_deg
    seen = _in_hand(trial, True, _on_paper(trial), at_s, turned)
    slant = -trial.slant_deg if turned > 0 else trial.slant_deg
    sheet = seen.sheet and msgspec.structs.replace(seen.sheet, slant_deg=slant)
    return msgspec.structs.replace(seen, sheet=sheet)


def _place(trial: Trial, at_s: float) -> Place:
    """At a jerk: at once, held until the next prompt, and back before the same side again."""
    turned = obeying(trial.prompts, trial.seed, at_s, degrees=2 * _JERKED_DEG).yaw_deg
    left, right = trial.jerks
    return left if turned > _JERKED_DEG else right if turned < -_JERKED_DEG else AT_REST


def _moved_to(flat: Flat, place: Place) -> Flat:
    """A sheet that is held elsewhere."""
    face = (_CLOSE_FACE if flat.close else _FACE) * flat.wide
    return msgspec.structs.replace(
        flat,
        wide=round(flat.wide * (1 + place.nearer)),
        aside=flat.aside + round(face * place.aside),
        below=round(face * place.below),
    )


def _moved(trial: Trial, at_s: float) -> View:
    return moved(trial, _place(trial, at_s), 0 if trial.steady else _sway(trial, at_s))


def moved(trial: Trial, place: Place, sway: int = 0) -> View:
    """What the camera sees while the photograph of a trial is held at a place."""
    flat = Flat(_on_paper(trial), True, trial.close, trial.wide, sway)
    return View(sheet=_moved_to(flat, place), light=trial.light)


def _moved_beside(trial: Trial, at_s: float) -> View:
    """The photograph is jerked while somebody else obeys close beside it."""
    thief = _someone(trial, trial.thief, obeying(trial.prompts, trial.seed, at_s))
    beside = Flat(_on_paper(trial), True, False, _BESIDE_WIDE, _sway(trial, at_s), aside=_BESIDE_ASIDE)
    return View((thief,), places=2, sheet=_moved_to(beside, _place(trial, at_s)))


def practised(trial: Trial, left: Place, right: Place) -> Trial:
    """The trial of a thief who has found out where to jerk a photograph to, and brings a large one on a stand."""
    trial = _held_how(msgspec.structs.replace(trial, close=True, jerks=(left, right), steady=True))
    return msgspec.structs.replace(trial, label=_label(trial))


def _replay(trial: Trial, at_s: float) -> View:
    filmed = _someone(trial, trial.person, obeying(trial.recorded, trial.seed + 1, at_s))
    return _in_hand(trial, False, filmed, at_s)


def _animated(trial: Trial, at_s: float) -> View:
    driven = _someone(trial, trial.person, obeying(trial.prompts, trial.seed, at_s, slower_s=0.2))
    return _in_hand(trial, False, driven, at_s)


def _swapped(trial: Trial, at_s: float) -> View:
    """The other one steps in within a second after the first, second or third prompt."""
    after = 1 + int(trial.moment_s) % 3
    when_s = trial.prompts[after - 1][0] + trial.moment_s % 1 if len(trial.prompts) >= after else float("inf")
    first, then = (trial.person, trial.thief) if trial.variant == 0 else (trial.thief, trial.person)
    return View((_someone(trial, first if at_s < when_s else then, obeying(trial.prompts, trial.seed, at_s)),))


def _two_faces(trial: Trial, at_s: float) -> View:
    thief = _someone(trial, trial.thief, obeying(trial.prompts, trial.seed, at_s))
    if trial.variant:
        return View((thief, _someone(trial, trial.person, _by_itself(trial.seed + 5, at_s))))
    beside = Flat(_on_paper(trial), True, False, _BESIDE_WIDE, _sway(trial, at_s), aside=WIDTH // 4)
    return View((thief,), places=2, sheet=beside)


def _no_face(trial: Trial, at_s: float) -> View:
    if not trial.variant:
        return View()
    return View((_someone(trial, trial.person, obeying(trial.prompts, trial.seed, at_s), Wear.MASK),))


def _frozen(trial: Trial, at_s: float) -> View:
    return View((_someone(trial, trial.person, obeying(trial.recorded, trial.seed, at_s)),))


_SEEN: dict[Species, Callable[[Trial, float], View]] = {
    Species.GENUINE: _genuine,
    Species.PRINTED: _printed,
    Species.TILTED: _tilted,
    Species.SLANTED: _slanted,
    Species.BENT: _tilted,
    Species.REPLAY: _replay,
    Species.SWAPPED: _swapped,
    Species.TWO_FACES: _two_faces,
    Species.NO_FACE: _no_face,
    Species.FROZEN: _frozen,
    Species.ANIMATED: _animated,
    Species.MOVED: _moved,
    Species.MOVED_BESIDE: _moved_beside,
    Species.FOLDED: _folded,
}
