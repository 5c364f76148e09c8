"""Finds a cast whom a face network tells apart: ``python -m firmware_sim.casting [--people N] [--rounds N]``.

Random faces lie too near each other, so each member is changed a little again and again, and a change is kept when it
takes that member further from the nearest other one and leaves it like itself when it turns, in other light and under a
helmet. Prints the members as Python and how far apart they are. Needs the extra `vision`; an hour for six on one core.
"""

import argparse
import itertools
import sys
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from faces.engine import DlibEngine
from firmware_sim.cast import CAST
from firmware_sim.people import Face, Wear, stranger
from firmware_sim.people.strangers import CHOICES, RANGES
from firmware_sim.stage import still

Rows = Any
"""Vectors as rows."""

TEMPLATE_YAWS = (-8.0, 0.0, 8.0)
PROBES = (
    (-20.0, 1.0, Wear.NOTHING), (20.0, 1.0, Wear.NOTHING), (0.0, 0.6, Wear.NOTHING), (0.0, 1.4, Wear.NOTHING),
    (0.0, 1.0, Wear.HELMET), (-20.0, 1.4, Wear.HELMET), (20.0, 0.6, Wear.HELMET),
)  # fmt: skip
"""Yaw, light and what is worn, at the edges of what must be recognised."""
TURNS = (-28.0, 28.0)
"""What a prompt asks for: the face must be found and be the same person's, but need not lie as far from the others."""
_TURNED_MOST = 0.46
_OWN_MOST = 0.38
"""Further from its own templates than this costs a candidate: it must be recognised at 0.50 with something to spare."""
_HELMET_LESS = 0.06
_FIRST = 60


class Seen(msgspec.Struct, frozen=True, eq=False):
    """A candidate as the network sees it: templates, and probes at the edges."""

    face: Face
    templates: Rows
    probes: Rows

    @property
    def own(self) -> float:
        """The largest distance of a probe from the own templates: mean of the best two."""
        return max(nearness(probe, self.templates) for probe in self.probes)

    @property
    def all(self) -> Rows:
        """Everything that was seen of it without a helmet."""
        return np.concatenate([self.templates, self.probes[[w is Wear.NOTHING for *_, w in PROBES]]])


def nearness(vector: Rows, templates: Rows) -> float:
    """Mean of the best two distances, as the box decides."""
    return float(np.sort(np.linalg.norm(templates - vector, axis=1))[:2].mean())


def apart(one: Seen, other: Seen) -> float:
    """The smallest distance between any two pictures of two people, turned and in any light.

    A helmet hides what tells people apart; under it they need only be far enough from each other's templates.
    """
    bare = float(np.linalg.norm(one.all[:, None] - other.all[None], axis=2).min())
    helmets = min(nearness(probe, them.templates) for us, them in ((one, other), (other, one)) for probe in us.probes)
    return min(bare, helmets + _HELMET_LESS)


def look(engine: DlibEngine, face: Face, others: Sequence[Seen] = (), beyond: float = 0.0) -> Seen | None:
    """How the network sees a candidate; None when it does not take one of the pictures for exactly one face.

    None as well as soon as one picture lies not further than `beyond` from another member: the rest need not be drawn.
    """
    vectors: list[Rows] = []
    for yaw_deg, light, wear in (*((yaw_deg, 1.0, Wear.NOTHING) for yaw_deg in TEMPLATE_YAWS), *PROBES):
        shot = still(face, yaw_deg, light=light, wear=wear)
        boxes = engine.detect(shot)
        if len(boxes) != 1:
            return None
        vectors.append(engine.embed(shot, boxes[0]))
        if any(nearness(vectors[-1], other.templates) <= beyond for other in others):
            return None
    rows = np.array(vectors)
    seen = Seen(face, rows[: len(TEMPLATE_YAWS)], rows[len(TEMPLATE_YAWS) :])
    for yaw_deg in TURNS:
        shot = still(face, yaw_deg)
        boxes = engine.detect(shot)
        if len(boxes) != 1 or nearness(engine.embed(shot, boxes[0]), seen.templates) > _TURNED_MOST:
            return None
    return seen


def worth(candidate: Seen, others: Sequence[Seen]) -> float:
    """How far from the nearest other one, less what it differs from itself beyond the bound."""
    return min(apart(candidate, other) for other in others) - 2 * max(0.0, candidate.own - _OWN_MOST)


def varied(face: Face, rng: np.random.Generator) -> Face:
    """The same person with a few features changed a little, or one of them entirely."""
    values: dict[str, Any] = {}
    for name in rng.choice(list(RANGES), size=int(rng.integers(2, 9)), replace=False):
        low, high = RANGES[name]
        step = rng.normal(0, 0.35) * (high - low)
        values[str(name)] = round(float(np.clip(getattr(face, name) + step, low, high)), 3)
    if rng.random() < 0.35:
        name = str(rng.choice([name for name in CHOICES if name not in ("clothes", "helmet")]))
        values[name] = CHOICES[name][int(rng.integers(len(CHOICES[name])))]
    return msgspec.structs.replace(face, **values)


def first_cast(engine: DlibEngine, people: int, seed: int) -> list[Seen]:
    """Of random people those who lie furthest from each other."""
    found = [seen for number in range(_FIRST) if (seen := look(engine, stranger(seed * _FIRST + number)))]
    cast = [max(found, key=lambda seen: -seen.own)]
    while len(cast) < people:
        cast.append(max((seen for seen in found if seen not in cast), key=lambda seen: worth(seen, cast)))
    return cast


def improve(engine: DlibEngine, cast: list[Seen], rounds: int, seed: int) -> list[Seen]:
    """Change the member that is nearest to another one, again and again."""
    rng = np.random.default_rng(seed)
    for number in range(rounds):
        nearest = sorted(range(len(cast)), key=lambda index: worth(cast[index], _without(cast, index)))
        index = nearest[0] if rng.random() < 0.7 else int(rng.integers(len(cast)))
        others = _without(cast, index)
        before = worth(cast[index], others)
        candidate = look(engine, varied(cast[index].face, rng), others, before)
        if candidate and worth(candidate, others) > before:
            cast = [*cast[:index], candidate, *cast[index + 1 :]]
            least = min(apart(a, b) for a, b in itertools.combinations(cast, 2))
            own = max(seen.own for seen in cast)
            print(f"{number}: {least:.3f} apart, own at most {own:.3f}", file=sys.stderr, flush=True)
    return cast


def _without(cast: list[Seen], index: int) -> list[Seen]:
    return cast[:index] + cast[index + 1 :]


def as_python(face: Face) -> str:
    """What differs from the usual person, as source."""
    usual = Face()
    told = [
        f"        {name}={getattr(face, name)!r},"
        for name in Face.__struct_fields__
        if getattr(face, name) != getattr(usual, name)
    ]
    return "Face(\n" + "\n".join(told) + "\n    )"


def main() -> None:
    """Find a cast and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=len(CAST))
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from-cast", action="store_true", help="begin with the cast that there is")
    given = parser.parse_args()
    engine = DlibEngine()
    if given.from_cast:
        cast = [seen for face in CAST.values() if (seen := look(engine, face))]
    else:
        cast = first_cast(engine, given.people, given.seed)
    cast = improve(engine, cast, given.rounds, given.seed)
    for number, seen in enumerate(cast):
        print(f'    "person-{number}": {as_python(seen.face)},')
    for (i, one), (j, other) in itertools.combinations(enumerate(cast), 2):
        print(f"# {i} {j}: {apart(one, other):.3f} apart; own {one.own:.3f} {other.own:.3f}")


if __name__ == "__main__":
    main()
