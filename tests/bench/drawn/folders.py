"""Writes folders as `make bench-face` reads them, of drawn people: to try it without a photograph of anybody.

    python -m tests.bench.drawn.folders DIR      DIR/faces/PERSON/1.jpg …, DIR/attacks/SPECIES/PERSON/…
"""

import itertools
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2

from edge.interlock import rules
from edge.vision.challenge import NEUTRAL_FRAMES
from edge.vision.policy import policy_of
from faces.loading import load
from firmware_sim import attacks
from firmware_sim.attacks import Species
from firmware_sim.cast import CAST
from firmware_sim.people import stranger
from firmware_sim.stage import still
from tests.bench.drawn.presentation import Box, watched
from tests.bench.drawn.recognition import templates
from tests.bench.drawn.shown import Remembering
from tests.bench.drawn.watching import PROVING_S
from tests.bench.face.folder import FRAMES, SYNTHETIC
from tests.bench.face.rule import PACK

LABEL = "drawn people of the simulated site; nobody was photographed\n"
PICTURES = 8
LIVING = 10
_FIRST_S, _EVERY_S = 1.5, 2.6
"""Prompts appear so that whoever obeys has turned back before the next."""
_YAWS_DEG = (-16.0, -10.0, -5.0, 0.0, 3.0, 7.0, 12.0, 18.0)
_PROMPTS = ("left", "right", "right", "left")


def write_faces(place: Path, people: Sequence[str] = tuple(CAST), pictures: int = PICTURES) -> None:
    """A folder a person; whoever is not of the cast is a stranger."""
    _label(place)
    for seed, person in enumerate(people):
        face = CAST[person] if person in CAST else stranger(seed)
        (place / person).mkdir(parents=True)
        for number in range(pictures):
            light = 0.8 + 0.05 * (number * 3 % 9)
            image = still(face, _YAWS_DEG[number % len(_YAWS_DEG)], light=light, grain=7_000 + number)
            cv2.imwrite(str(place / person / f"{number + 1}.jpg"), image)


def write_stills(place: Path, species: Species, people: Sequence[str], prompts: Sequence[str] = ()) -> None:
    """One picture of each person's attack, some seconds in."""
    _label(place)
    for seed, person in enumerate(people):
        folder = place / species.value / person
        folder.mkdir(parents=True, exist_ok=True)
        shown = attacks.begin(species, seed, person=person)
        for number, word in enumerate(prompts):
            shown = attacks.told(shown, word, _FIRST_S + number * _EVERY_S)
        cv2.imwrite(str(folder / "1.jpg"), attacks.picture(shown, _FIRST_S))


def write_film(place: Path, species: Species, person: str, seed: int, prompts: Sequence[str] = _PROMPTS) -> None:
    """A folder of frames of an attack, made while these prompts appeared."""
    trial = attacks.begin(species, seed, person=person)
    for number, word in enumerate(prompts):
        trial = attacks.told(trial, word, _FIRST_S + number * _EVERY_S)
    _write(place / species.value / person / f"{seed}", trial, 0.0, _FIRST_S + len(prompts) * _EVERY_S + 1, {})
    _label(place)


def write_living(place: Path, box: Box, films: int) -> None:
    """Folders of frames of people who obeyed the box's own prompts: from the straight look to the end of a first try."""
    left, seeds = films, itertools.count(1)
    while left:
        seed = next(seeds)
        outcome, trial = watched(box, Species.GENUINE, seed, attacks.ALL)
        if not outcome.accepted or outcome.tries > 1:
            continue
        turns = [(at_s, word) for at_s, word in trial.prompts if word is not attacks.Action.STILL]
        from_s = turns[0][0] - (NEUTRAL_FRAMES - 1) * PROVING_S
        _write(place / "bonafide" / trial.person / f"{seed}", trial, from_s, outcome.took_s + 1, {"prompts": [word for _, word in turns]})
        left -= 1
    _label(place)


def box() -> Box:
    """The shipped engine and rules, with everybody enrolled."""
    pack, engine = rules.load(PACK), load()
    return Box(Remembering(engine), templates(engine, policy_of(pack)), pack)


def _write(folder: Path, trial: attacks.Trial, from_s: float, to_s: float, facts: dict[str, object]) -> None:
    folder.mkdir(parents=True)
    for number in range(round((to_s - from_s) / PROVING_S)):
        cv2.imwrite(str(folder / f"{number:04d}.jpg"), attacks.picture(trial, from_s + number * PROVING_S))
    (folder / FRAMES).write_text(json.dumps({"every_ms": 1000 * PROVING_S} | facts) + "\n", encoding="utf-8")


def main(argv: Sequence[str]) -> None:
    """Write all of them."""
    place = Path(argv[0])
    write_faces(place / "faces")
    shown = place / "attacks"
    write_stills(shown, Species.PRINTED, list(CAST))
    write_stills(shown, Species.TILTED, list(CAST), ("left",))
    for seed, person in enumerate(list(CAST)[:3]):
        write_film(shown, Species.REPLAY, person, seed)
    write_living(shown, box(), LIVING)
    print(f"written: make bench-face FACES={place}/faces ATTACKS={place}/attacks")


def _label(place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    (place / SYNTHETIC).write_text(LABEL, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
