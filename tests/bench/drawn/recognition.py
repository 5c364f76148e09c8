"""The drawn cast, recognised: everybody in every pose, light and wear against everybody's templates."""

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from faces.enrolment import Still, enrol
from faces.match import distance, match
from faces.templates import unpack
from firmware_sim.camera.stills import STILL_YAWS_DEG
from firmware_sim.cast import CAST
from firmware_sim.people import Wear
from firmware_sim.stage import still
from tests.bench.face.curves import interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from faces.engine import Engine, Vector
    from faces.policy import Policy

YAW_DEG = 20.0
LIGHT = 0.4
PROBES = 2_400
_ENROLMENT_GRAIN = 1_000
_PROBE_GRAIN = 50_000

Told = Callable[[str, int, int], None]
Templates = Mapping[str, "NDArray[np.float32]"]


class Probe(NamedTuple):
    """A picture of somebody: turned by degrees, in a light of 1 ± 0.4, with a helmet or not."""

    person: str
    yaw_deg: float
    light: float
    helmet: bool
    grain: int


@dataclass(frozen=True)
class Answer:
    """A probe's distance to everybody; `vector` is None when no face was found."""

    probe: Probe
    vector: "Vector | None"
    distances: Mapping[str, float]


def templates(engine: "Engine", policy: "Policy") -> dict[str, "NDArray[np.float32]"]:
    """Everybody, enrolled with five stills as at the box: quality, mutual distance, nobody else's."""
    found: dict[str, NDArray[np.float32]] = {}
    for person in CAST:
        stills = [
            Still(f"{number}", still(person, yaw_deg, grain=_ENROLMENT_GRAIN + number))
            for number, yaw_deg in enumerate(STILL_YAWS_DEG)
        ]
        found[person] = unpack(enrol(engine, person, stills, policy, found, created=0).template)
    return found


def probes(count: int, seed: int) -> list[Probe]:
    """Drawn evenly over people, poses, lights and wear."""
    chance, people = random.Random(seed), list(CAST)
    return [
        Probe(
            people[number % len(people)], chance.uniform(-YAW_DEG, YAW_DEG), chance.uniform(1 - LIGHT, 1 + LIGHT),
            chance.random() < 0.5, _PROBE_GRAIN + number,
        )
        for number in range(count)
    ]  # fmt: skip


def ask(engine: "Engine", enrolled: Templates, asked: Sequence[Probe], told: Told) -> list[Answer]:
    """Look at every probe."""
    found = []
    for number, probe in enumerate(asked, 1):
        wear = Wear.HELMET if probe.helmet else Wear.NOTHING
        image = still(probe.person, probe.yaw_deg, light=probe.light, wear=wear, grain=probe.grain)
        faces = engine.detect(image)
        vector = engine.embed(image, faces[0]) if faces else None
        apart = {} if vector is None else {person: distance(vector, rows) for person, rows in enrolled.items()}
        found.append(Answer(probe, vector, apart))
        told("probes of the cast", number, len(asked))
    return found


def figures(answers: Sequence[Answer], enrolled: Templates, policy: "Policy") -> dict[str, Any]:
    """False rejects frame by frame, false accepts one to one and one of a permit's two."""
    refused = [answer for answer in answers if not _is_accepted(answer, policy)]
    others = [apart for answer in answers for person, apart in answer.distances.items() if person != answer.probe.person]
    permits = strangers = own = mistaken = 0
    for answer in answers:
        if answer.vector is None:
            continue
        for pair in itertools.combinations(enrolled, 2):
            who = match([answer.vector], {person: enrolled[person] for person in pair}, policy)[0].person
            if answer.probe.person in pair:
                own += 1
                mistaken += who not in (None, answer.probe.person)
            else:
                permits += 1
                strangers += who is not None
    accepted = sum(apart <= policy.limit for apart in others)
    gaps = [_gap(answer) for answer in answers if answer.distances]
    return {
        "people": len(enrolled), "limit": policy.limit, "margin": policy.margin,
        "probes": len(answers), "without_face": sum(answer.vector is None for answer in answers),
        "false_rejects": len(refused), "false_reject_rate": len(refused) / len(answers),
        "false_reject_95": interval(len(refused), len(answers)),
        "impostor_trials": len(others), "false_accepts": accepted, "nearest_impostor": min(others, default=None),
        "permit_trials": permits, "permit_false_accepts": strangers, "own_permits": own, "mistaken": mistaken,
        "least_gap": min(gaps, default=None), "within_margin": sum(gap < policy.margin for gap in gaps),
        "by": {name: _by(answers, policy, of) for name, of in _AXES.items()},
    }  # fmt: skip


def nearest_templates(enrolled: Templates) -> float:
    """Smallest distance of two people's enrolments, best two of each still."""
    return min(
        distance(vector, enrolled[other])
        for person, other in itertools.permutations(enrolled, 2)
        for vector in enrolled[person]
    )


def _is_accepted(answer: Answer, policy: "Policy") -> bool:
    return answer.distances.get(answer.probe.person, float("inf")) <= policy.limit


def _gap(answer: Answer) -> float:
    """How much nearer the own template is than the nearest other one."""
    person = answer.probe.person
    return min(apart for other, apart in answer.distances.items() if other != person) - answer.distances[person]


def _band(value: float, step: float) -> str:
    low = step * (value // step)
    return f"{low:g}…{low + step:g}"


_AXES: dict[str, Callable[[Probe], str]] = {
    "person": lambda probe: probe.person,
    "pose": lambda probe: f"{_band(abs(probe.yaw_deg), 5)}°",
    "light": lambda probe: f"{_band(round(100 * probe.light, 6), 20)} %",
    "wear": lambda probe: "helmet" if probe.helmet else "nothing",
}


def _by(answers: Sequence[Answer], policy: "Policy", of: Callable[[Probe], str]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for answer in answers:
        row = found.setdefault(of(answer.probe), {"probes": 0, "rejects": 0})
        row["probes"] += 1
        row["rejects"] += not _is_accepted(answer, policy)
    return dict(sorted(found.items(), key=lambda item: (len(item[0].split("…")[0]), item[0])))
