"""`ATTACKS=DIR`: what presentation attacks achieve against the box's challenge and, where it is configured, a passive model.

Each presentation, a still or a film, is held before the challenge again and again, each time with an order of turns that is
drawn anew; a film begins anew when it ends. Three ways to be judged, in the terms of ISO/IEC 30107-3:

- `challenge`: the challenge alone; whose face it is counts as granted. Attacks: APCER. Living people: BPCER, where their
  films say what they were asked for: nobody can follow other prompts afterwards.
- `system`: challenge and match together, for presentations whose folder names a person of FACES. Attacks: IAPAR.
- `passive`: the optional model's mean score over 0.5. It decides nothing on the box.

A presentation without a face is a non-response, and counts as a rejected attack (APNRR) or a refused person (BPNRR).
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.vision import challenge, relief
from edge.vision.challenge import Action, Glimpse, Result
from edge.vision.parallax import Pose, face_in, pose
from faces.match import distance
from faces.templates import FEWEST
from tests.bench.face import film, folder
from tests.bench.face.curves import interval
from tests.bench.face.look import Eye, Seen, Told
from tests.bench.face.rule import Rule

DRAWS = 20
LOOK_S = 0.2
"""From one look of the box to the next, at its best."""
MOST_S = 60.0
"""So long somebody holds something up before others wonder."""
PASSIVE_LIMIT = 0.5
WAYS = {
    "challenge": ("挑战应答, 视为本人", "the challenge alone; whose face it is counts as granted"),
    "system": ("挑战应答与人脸比对 (IAPAR)", "challenge and match together (IAPAR); folders that name a person of FACES"),
    "passive": ("被动活体模型 (仅供参考)", "the optional passive model; it decides nothing on the box"),
}
_NO_FILMS = "of people: not measured, needs films of living people that say what they were asked for (bonafide/…/frames.json)"
_NOT_MEASURED = {"challenge": _NO_FILMS, "system": _NO_FILMS, "passive": "not measured: no model is configured (-c box.yaml)"}


@dataclass(frozen=True)
class Look:
    """What one picture of a presentation shows of its largest face."""

    at_s: float
    pose: Pose | None = None
    apart: float | None = None
    live: float | None = None
    picture: relief.Look | None = None


Relief = Callable[[Look, Look], float | None]
"""How far the nose goes beyond what paper explains, between a straight look and a turned one."""


@dataclass(frozen=True)
class Shown:
    """A presentation, looked at once; `repeats_s` is its length."""

    presentation: folder.Presentation
    looks: tuple[Look, ...]
    repeats_s: float
    prompts: tuple[Action, ...]
    relief: Relief

    def at(self, at_s: float) -> Look:
        """What is seen at a time."""
        place = round(at_s % self.repeats_s, 6) if self.repeats_s else 0.0
        return next(look for look in reversed(self.looks) if look.at_s <= place)

    @property
    def has_face(self) -> bool:
        """It shows a face at all."""
        return any(look.pose is not None for look in self.looks)


@dataclass
class Count:
    """Outcomes of one way of judging a species."""

    asked: int = 0
    passed: int = 0
    no_response: int = 0
    presentations: int = 0
    ends: dict[str, int] = field(default_factory=dict)

    def figures(self, *, bona_fide: bool) -> dict[str, Any]:
        """Wrong are attacks that passed, and living people who did not."""
        wrong = self.asked - self.passed if bona_fide else self.passed
        return {
            "presentations": self.presentations, "no_response": self.no_response, "asked": self.asked, "wrong": wrong,
            "rate": wrong / self.asked if self.asked else None, "rate_95": interval(wrong, self.asked) if self.asked else None,
            "ends": dict(sorted(self.ends.items())),
        }  # fmt: skip


def run(
    place: Path, known: Mapping[str, NDArray[np.float32]], living: Sequence[Seen], eye: Eye, rule: Rule, told: Told, *,
    seed: int = 1, draws: int = DRAWS,
) -> dict[str, Any]:  # fmt: skip
    """Judge every presentation.

    Args:
        place: a folder per species.
        known: vectors of the people of FACES, by id; the first three are their templates.
        living: pictures of the people of FACES, for the passive model.
        eye: looks at pictures.
        rule: the box's rules.
        told: is told how far it is.
        seed: of every draw.
        draws: challenges for each presentation.

    Raises:
        FolderError: the folder has no presentations, or one of them says what it should not.
    """
    presentations = folder.presentations(place)
    counts: dict[str, dict[str, Count]] = {}
    unreadable: list[str] = []
    for number, presentation in enumerate(presentations, 1):
        shown = _look(presentation, known, eye)
        own = counts.setdefault(presentation.species, {})
        if not shown.looks:
            unreadable.append(str(presentation.path.relative_to(place)))
        else:
            chance = random.Random(f"{seed}/{presentation.path.relative_to(place)}")
            _judge(shown, own, rule, chance, draws, known=presentation.whom in known)
        told("presentations", number, len(presentations))
    species = {
        name: {
            "bona_fide": folder.is_bona_fide(name),
            "ways": {way: count.figures(bona_fide=folder.is_bona_fide(name)) for way, count in own.items()},
        }
        for name, own in counts.items()
    }
    passive = [one.live for one in living if one.live is not None]
    return {
        "folder": place.name, "synthetic": folder.label(place), "seed": seed, "draws": draws, "rule": rule.facts(),
        "unreadable": unreadable, "species": species, "ways": {way: _way(way, species, passive) for way in WAYS},
    }  # fmt: skip


def _look(presentation: folder.Presentation, known: Mapping[str, NDArray[np.float32]], eye: Eye) -> Shown:
    """Look at each picture once: what it shows does not depend on the order of prompts."""
    facts = film.facts(presentation)
    rows = known.get(presentation.whom)
    looks = []
    for at_s, image in film.images(presentation):
        near, faces, _ = eye.find(image)
        if not faces:
            looks.append(Look(at_s))
            continue
        apart = None if rows is None else distance(eye.engine.embed(near, faces[0]), rows[:FEWEST])
        # As the box does: the largest face, found again in sizes of its own, since a turned head is a faint one.
        _, face = face_in(eye.engine, near, [faces[0], *(one for one in eye.engine.near(near, faces[0]) if one.covers(faces[0]))])
        held = (None, None) if face is None else (pose(face), relief.Look(near, face))
        looks.append(Look(at_s, held[0], apart, eye.engine.live_score(near, faces[0]), held[1]))
    try:
        prompts = tuple(Action(word) for word in facts.prompts)
    except ValueError as error:
        raise folder.FolderError(f"{presentation.path}: expected prompts of {', '.join(Action)}, came another ({error}); correct them") from error
    length_s = round(looks[-1].at_s + LOOK_S, 6) if len(looks) > 1 else 0.0
    return Shown(presentation, tuple(looks), length_s, prompts, _remembered())


def _remembered() -> Relief:
    """The box's own measure; every two pictures are laid over one another once."""
    found: dict[tuple[float, float], float] = {}

    def between(straight: Look, turned: Look) -> float | None:
        if straight.picture is None or turned.picture is None:
            return None
        two = straight.at_s, turned.at_s
        if two not in found:
            found[two] = relief.relief(straight.picture, turned.picture)
        return found[two]

    return between


def _judge(shown: Shown, own: dict[str, Count], rule: Rule, chance: random.Random, draws: int, *, known: bool) -> None:
    living = folder.is_bona_fide(shown.presentation.species)
    scores = [look.live for look in shown.looks if look.live is not None]
    if scores:
        _count(own, "passive", shown, ["passed" if fmean(scores) > PASSIVE_LIMIT else "rejected"])
    if living and not shown.prompts:
        return
    # Nobody follows other prompts than those of his own film.
    orders: list[Callable[[], tuple[Action, ...]]] = (
        [lambda: (*shown.prompts, Action.LOOK)] if living else [lambda: challenge.draw(rule.terms, chance.choice)] * draws
    )
    judges: dict[str, Callable[[Look], bool | None]] = {"challenge": lambda look: look.pose is not None}
    if known:
        judges["system"] = lambda look: look.apart is not None and look.apart <= rule.limit
    for way, same in judges.items():
        _count(own, way, shown, [held_up(shown, draw, rule, same, chance.uniform(0, MOST_S)) for draw in orders])


def _count(own: dict[str, Count], way: str, shown: Shown, ends: Sequence[str]) -> None:
    count = own.setdefault(way, Count())
    count.presentations += 1
    count.no_response += not shown.has_face
    count.asked += len(ends)
    for end in ends:
        count.passed += end == "passed"
        count.ends[end] = count.ends.get(end, 0) + 1


def held_up(
    shown: Shown, draw: Callable[[], tuple[Action, ...]], rule: Rule, same: Callable[[Look], bool | None], from_s: float
) -> str:
    """Hold a presentation before the box until a try passes, all are spent, or the time is over; how that ended.

    A living person's film begins with its first try; anything else is somewhere in its middle then.
    """
    living = folder.is_bona_fide(shown.presentation.species)
    shift_s = 0.0 if living else from_s
    left, at_s, order = 1 if living else rule.tries, 0.0, draw()
    trial = challenge.begin("", "", order, rule.terms, 0)
    straight: Look | None = None
    while at_s < MOST_S:
        look = shown.at(at_s + shift_s)
        glimpse = Glimpse(round(at_s * 1e6), look.pose, same(look))
        if not trial.number:
            straight = look if look.pose is not None else straight
        elif straight is not None and challenge.wants_relief(trial, glimpse):
            glimpse = replace(glimpse, relief=shown.relief(straight, look))
        trial = challenge.see(trial, glimpse)
        if trial.result is Result.PASSED:
            return "passed"
        if trial.result is Result.FAILED:
            left -= 1
            if not left:
                return trial.why.value
            order = draw()
        if not trial.open:
            # An order that nobody answered is asked again as it is.
            trial, straight = challenge.begin("", "", order, rule.terms, round(at_s * 1e6)), None
        at_s += LOOK_S
    return "never began" if trial.number == 0 else "time over"


def _way(way: str, species: Mapping[str, Any], passive: Sequence[float]) -> dict[str, Any]:
    """The largest APCER of a way and its BPCER, or why there is none."""
    zh, en = WAYS[way]
    rates = {name: row["ways"][way]["rate"] for name, row in species.items() if way in row["ways"] and not row["bona_fide"]}
    worst = max(rates, key=lambda name: float(rates[name]), default=None)
    living = [row["ways"][way] for row in species.values() if row["bona_fide"] and way in row["ways"]]
    asked, wrong = sum(row["asked"] for row in living), sum(row["wrong"] for row in living)
    if way == "passive" and passive:
        asked, wrong = asked + len(passive), wrong + sum(score <= PASSIVE_LIMIT for score in passive)
    return {
        "zh": zh, "en": en, "measured": bool(rates or asked), "apcer_max": rates[worst] if worst else None, "worst": worst,
        "bpcer": wrong / asked if asked else None, "bpcer_of": asked,
        "bpcer_why": "" if asked else _NOT_MEASURED[way],
    }  # fmt: skip
