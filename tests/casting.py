"""Finds a cast whom a face network tells apart: ``python -m tests.casting [--people N] [--rounds N]``.

Random faces lie too near each other, so each member is changed a little again and again, and a change is kept when it
takes that member further from the nearest other one, leaves it like itself when it turns, in other light and under a
helmet, and lets its turns be read by the box's own measure. Prints the members as Python and how far apart they are,
whenever one got better. Needs the extra `vision`; an hour for six on one core.
"""

import argparse
import itertools
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edge.vision.parallax import face_in, pose
from faces.engine import Engine, FaceBox
from faces.loading import load
from faces.quality import measure
from firmware_sim.cast import CAST
from firmware_sim.people import Face, Wear, stranger
from firmware_sim.people.strangers import CHOICES, RANGES
from firmware_sim.stage import Shot, Standing, background, shoot, still
from firmware_sim.stage.flat import hand, held, printed
from firmware_sim.stage.scene import portrait

Rows = Any
"""Vectors as rows."""

TEMPLATE_YAWS = (0.0, -8.0, 8.0)
PROBES = (
    (-20.0, 1.0, Wear.NOTHING), (20.0, 1.0, Wear.NOTHING), (0.0, 0.6, Wear.NOTHING), (0.0, 1.4, Wear.NOTHING),
    (0.0, 1.0, Wear.HELMET), (-20.0, 1.4, Wear.HELMET), (20.0, 0.6, Wear.HELMET),
)  # fmt: skip
"""Yaw, light and what is worn, at the edges of what must be recognised."""
TURNS = (-26.0, 26.0)
"""What a prompt asks for: the face must be found and be the same person's, but need not lie as far from the others."""
_TURNED_MOST = 0.42
_OWN_MOST = 0.36
"""Further from its own templates than this costs a candidate: it must be recognised at 0.50 with something to spare."""
_HELMET_LESS = 0.05
_READ_LEAST = 0.13
"""How far a turn of 26 degrees should move the nose for the box; 0.08 is what it asks for."""
_LEANS_MOST = 0.03
"""How far off the middle a nose may seem that looks ahead; at 0.06 the box no longer calls it straight."""
_SWAYS_DEG, _SWAYS_MOST = 10, 0.055
"""What a head that only sways may read."""
_TILTS = (-45.0, 45.0)
_TILTED_MOST = 0.05
"""What a photograph of somebody may read that is tilted so far."""
_SHARP_LEAST = 0.09
"""Stills below 0.07 are refused."""
_BOLDNESS = (0.1, 0.2, 0.4)
"""Of a change, in shares of what a feature may be."""
_FIRST = 60


class Seen(msgspec.Struct, frozen=True, eq=False):
    """A candidate as the box sees it: templates, probes at the edges, and what is wrong with the rest.

    `short` adds up how far turns read less than they should, straight looks, sways and tilted photographs more.
    """

    face: Face
    templates: Rows
    probes: Rows
    short: float

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


class _Hopeless(Exception):  # noqa: N818 - not an error: the search goes on with another candidate
    """A candidate that cannot be worth enough any more, or is not taken for exactly one face."""


class _Look:
    """What was seen of a candidate so far, as long as it may still be worth more than `beyond`."""

    def __init__(self, engine: Engine, face: Face, others: Sequence[Seen], beyond: float) -> None:
        self._engine, self._face, self._others, self._beyond = engine, face, others, beyond
        self._nearest = float("inf")
        self.short = 0.0
        self._boxes: list[FaceBox] = []
        self._base = 0.0

    def see(self, yaw_deg: float, light: float = 1.0, wear: Wear = Wear.NOTHING, *, near: bool = True) -> Rows:
        """The vector of one picture, which must not lie `near` the others."""
        shot = still(self._face, yaw_deg, light=light, wear=wear)
        found = self._engine.detect(shot)
        if len(found) != 1:
            raise _Hopeless
        self._boxes += found
        vector = self._engine.embed(shot, found[0])
        if near:
            less = _HELMET_LESS * (wear is Wear.HELMET)
            own = [nearness(vector, other.templates) + less for other in self._others]
            self._nearest = min([self._nearest, *own])
        if light == 1 and wear is Wear.NOTHING:
            self._read(shot, yaw_deg)
        self.hope()
        return vector

    def _read(self, shot: Shot, yaw_deg: float) -> None:
        nose = _nose(self._engine, shot, self._base)
        if not yaw_deg:
            self._base = nose
            self.short += max(0.0, abs(nose) - _LEANS_MOST)
        elif abs(yaw_deg) < _SWAYS_DEG:
            self.short += max(0.0, abs(nose - self._base) - _SWAYS_MOST)
        elif yaw_deg in TURNS:
            self.short += max(0.0, _READ_LEAST - (nose - self._base) * math.copysign(1, yaw_deg))
        if abs(yaw_deg) < _SWAYS_DEG:
            points_ = self._engine.landmarks(shot, self._boxes[-1])
            self.short += max(0.0, _SHARP_LEAST - measure(shot, self._boxes[-1], points_).sharpness)

    def hope(self) -> None:
        """Go on only while this may come to be worth more."""
        if self._nearest - self.short <= self._beyond:
            raise _Hopeless


def look(engine: Engine, face: Face, others: Sequence[Seen] = (), beyond: float = -math.inf) -> Seen | None:
    """How the box sees a candidate; None when it does not take one of the pictures for exactly one face.

    None as well as soon as it cannot be worth more than `beyond`: the rest need not be drawn.
    """
    seen = _Look(engine, face, others, beyond)
    try:
        templates = np.array([seen.see(yaw_deg) for yaw_deg in TEMPLATE_YAWS])
        for yaw_deg in TURNS:
            if nearness(seen.see(yaw_deg, near=False), templates) > _TURNED_MOST:
                return None
        seen.short += _tilted(engine, face)
        seen.hope()
        probes = np.array([seen.see(*probe) for probe in PROBES])
    except _Hopeless:
        return None
    return Seen(face, templates, probes, seen.short)


def _tilted(engine: Engine, face: Face) -> float:
    """How much more than it may a photograph of somebody seems to turn when it is tilted to both sides."""
    photo, more, base = printed(portrait(Standing(face))), 0.0, 0.0
    for tilt_deg in (0.0, *_TILTS):
        shot = shoot(held(background(), hand(photo, 0.1, tilt_deg)), 1)
        nose = _nose(engine, shot, base)
        base = base if tilt_deg else nose
        more += max(0.0, abs(nose - base) - _TILTED_MOST)
    return more


def _nose(engine: Engine, shot: Shot, base: float) -> float:
    """Where the nose is, read as the box's challenge does; `base` where no face is found or its points do not hold."""
    boxes = engine.detect(shot)[:1]
    face = face_in(engine, shot, [*boxes, *engine.near(shot, boxes[0])])[1] if boxes else None
    turned = pose(face) if face is not None else None
    return base if turned is None else turned.nose


def worth(candidate: Seen, others: Sequence[Seen]) -> float:
    """How far from the nearest other one, less how unlike itself it is beyond the bound and what is wrong with it."""
    nearest = min(apart(candidate, other) for other in others)
    return nearest - 2 * max(0.0, candidate.own - _OWN_MOST) - candidate.short


def varied(face: Face, rng: np.random.Generator) -> Face:
    """The same person with a few features changed a little, or one of them entirely."""
    values: dict[str, Any] = {}
    bold = float(rng.choice(_BOLDNESS))
    for name in rng.choice(list(RANGES), size=int(rng.integers(2, 9)), replace=False):
        low, high = RANGES[name]
        step = rng.normal(0, bold) * (high - low)
        values[str(name)] = round(float(np.clip(getattr(face, name) + step, low, high)), 3)
    if rng.random() < 0.35:
        name = str(rng.choice([name for name in CHOICES if name not in ("clothes", "helmet")]))
        values[name] = CHOICES[name][int(rng.integers(len(CHOICES[name])))]
    return msgspec.structs.replace(face, **values)


def first_cast(engine: Engine, people: int, seed: int) -> list[Seen]:
    """Of random people those who lie furthest from each other."""
    found = [seen for number in range(_FIRST) if (seen := look(engine, stranger(seed * _FIRST + number)))]
    cast = [max(found, key=lambda seen: -seen.own)]
    while len(cast) < people:
        cast.append(max((seen for seen in found if seen not in cast), key=lambda seen: worth(seen, cast)))
    return cast


def improve(
    engine: Engine, cast: list[Seen], rounds: int, seed: int, told: Callable[[Sequence[Seen]], None]
) -> list[Seen]:
    """Change the member that is worth least, again and again; `told` hears of each cast that is better."""
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
            short = max(seen.short for seen in cast)
            print(
                f"{number}: {index} changed; {least:.3f} apart, own at most {own:.3f}, short by {short:.3f}",
                file=sys.stderr, flush=True,
            )  # fmt: skip
            told(cast)
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


def first_look(engine: Engine, face: Face, seed: int) -> Seen:
    """A member to begin with; whom the face finder does not take for a face is changed until it does."""
    rng, seen = np.random.default_rng(seed), look(engine, face)
    while seen is None:
        seen = look(engine, varied(face, rng))
    return seen


def listed(names: Sequence[str], cast: Sequence[Seen]) -> str:
    """Members as source, and how far apart they are."""
    lines = [f'    "{name}": {as_python(seen.face)},' for name, seen in zip(names, cast, strict=True)]
    for (one, seen), (other, they) in itertools.combinations(zip(names, cast, strict=True), 2):
        lines.append(f"    # {one} {other}: {apart(seen, they):.3f} apart")
    for name, seen in zip(names, cast, strict=True):
        lines.append(f"    # {name}: own {seen.own:.3f}, short {seen.short:.3f}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Find a cast and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=len(CAST))
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from-cast", action="store_true", help="begin with the cast that there is")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the best so far there")
    given = parser.parse_args()
    engine = load()
    if given.from_cast:
        names, cast = list(CAST), [first_look(engine, face, given.seed) for face in CAST.values()]
    else:
        names = [f"person-{number}" for number in range(given.people)]
        cast = first_cast(engine, given.people, given.seed)

    def told(cast: Sequence[Seen]) -> None:
        if given.out:
            given.out.write_text(listed(names, cast), encoding="utf-8")

    told(cast)
    print(listed(names, improve(engine, cast, given.rounds, given.seed, told)))


if __name__ == "__main__":
    main()
