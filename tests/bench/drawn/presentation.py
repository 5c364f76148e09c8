"""Drawn people and drawn attacks before the code that runs in the vision process, try after try, in simulated time.

A trial is what a person gets at the box: tries of the challenge until one passes or all are spent. The interlock's part, a
nonce a try and the pause between two, is played here; whatever looks at pictures is the product's.
"""

import itertools
import math
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from edge.interlock import rules
from edge.interlock.evidence import Face, Prompt, Wanted
from edge.interlock.rules import Rules
from edge.vision.challenge import Action, Terms, draw
from edge.vision.parallax import points
from edge.vision.policy import policy_of
from firmware_sim import attacks
from firmware_sim.attacks import Species
from tests.bench.drawn import recognition
from tests.bench.drawn.shown import Remembering
from tests.bench.drawn.watching import Watch
from tests.bench.face.curves import interval

if TYPE_CHECKING:
    from faces.engine import Engine
    from tests.bench.drawn.recognition import Templates

TRIALS = 300
LONGEST_S = 40.0
"""After this nobody holds anything up any more: whoever has not passed is not accepted."""
STOPPED = (
    Species.PRINTED, Species.TILTED, Species.BENT, Species.REPLAY, Species.SWAPPED, Species.TWO_FACES, Species.NO_FACE,
    Species.FROZEN, Species.MOVED, Species.MOVED_BESIDE, Species.SLANTED, Species.FOLDED,
)  # fmt: skip
"""What a challenge is meant to stop."""
_TRIED = tuple(attacks.Place(aside=step / 100) for step in range(-72, 73, 8) if abs(step) > 20)
"""What a thief tries before a mirror: aside by so many widths of the face."""
_RECORDED_FROM_S, _RECORDED_EVERY_S = 1.0, (1.2, 2.6)

Told = Callable[[str, int, int], None]


class Outcome(NamedTuple):
    """How a trial ended: accepted or not, why, after how many tries and seconds, and what was drawn."""

    accepted: bool
    why: str
    tries: int
    took_s: float
    label: str
    seed: int


@dataclass(frozen=True)
class Box:
    """What a trial is held to: the engine, everybody's templates, a pack's rules."""

    engine: "Remembering"
    templates: "Templates"
    rules: Rules

    @property
    def tries(self) -> int:
        """How many tries a person has."""
        return int(self.rules.liveness_tries_count.value)


def run(box: Box, species: Species, seed: int, variety: attacks.Variety = attacks.FEW) -> Outcome:
    """One trial; the seed decides all of it."""
    return watched(box, species, seed, variety)[0]


def watched(box: Box, species: Species, seed: int, variety: attacks.Variety) -> tuple[Outcome, attacks.Trial]:
    """One trial, and what was before the camera with every prompt at its time: to be filmed afterwards."""
    chance = random.Random(f"{species}/{seed}")
    recorded = _recorded(Terms.of(box.rules), chance) if species is Species.REPLAY else None
    shown = attacks.begin(species, seed, recorded=recorded, variety=variety)
    if species is Species.MOVED and seed % 2:
        shown = practised(box.engine, shown)
    people = _permit(shown, list(box.templates), chance)
    watch = Watch(box.engine, box.templates, box.rules, chance)
    tries, asked, at_s, from_s, why = 1, 1, 0.0, 0.0, "never began"
    while at_s < LONGEST_S:
        if at_s >= from_s:
            wanted = Wanted(people, (), f"{seed}-{asked}", "arming", (shown.person,))
            picture = "frozen" if species is Species.FROZEN else f"{at_s:.3f}"
            for item in watch.look(attacks.view(shown, at_s), picture, at_s, wanted):
                if isinstance(item, Face) and item.liveness == "proven":
                    return Outcome(True, "accepted", tries, at_s, shown.label, seed), shown
                if not isinstance(item, Prompt):
                    continue
                why = (item.why or why) if item.result != "open" else "time over"
                if item.result == "open":
                    word = "still" if item.action == Action.LOOK.value else item.action
                    shown = attacks.told(shown, word, at_s)
                    continue
                if item.result == "failed":
                    if tries == box.tries:
                        return Outcome(False, item.why, tries, at_s, shown.label, seed), shown
                    tries += 1
                # One that nobody answered is given back, and asked for anew like one that failed.
                asked, from_s = asked + 1, at_s + box.rules.liveness_pause_s.value
        at_s = round(at_s + watch.every_s, 3)
    return Outcome(False, why, tries, at_s, shown.label, seed), shown


def practised(engine: "Engine", shown: attacks.Trial) -> attacks.Trial:
    """A thief who knows the box: jerks to where the points seem to turn most, by the places that were tried at home.

    Every other one looks where the face was before the jerk, as if the box had not seen it move.
    """
    shown = attacks.practised(shown, attacks.AT_REST, attacks.AT_REST)
    views = {place: cast("Any", attacks.moved(shown, place)) for place in (attacks.AT_REST, *_TRIED)}
    rest = engine.detect(views[attacks.AT_REST])[:1]
    read: dict[attacks.Place, float] = {}
    for place, view in views.items():
        for box in rest if shown.seed % 4 == 1 else engine.detect(view)[:1]:
            face = points(engine, view, box, most=math.inf)
            read |= {} if face is None else {place: face.turn}
    if not read:
        return shown
    return attacks.practised(shown, max(read, key=read.__getitem__), min(read, key=read.__getitem__))


def _permit(shown: attacks.Trial, everybody: Sequence[str], chance: random.Random) -> tuple[str, str]:
    """Whose face it must be, and the other one of the permit: the thief himself half the time."""
    others = [person for person in everybody if person not in (shown.person, shown.thief)]
    return shown.person, shown.thief if chance.random() < 0.5 else chance.choice(others)


def living(engine: "Engine", name: str, trials: int, seed: int, told: Told) -> dict[str, Any]:
    """Drawn people who obey, by a pack's rules: what a folder without films of living people has instead."""
    pack = rules.load(name)
    box = Box(Remembering(engine), recognition.templates(engine, policy_of(pack)), pack)
    outcomes = []
    for number in range(trials):
        outcomes.append(run(box, Species.GENUINE, seed * 100_000 + number))
        told("drawn people who obey", number + 1, trials)
    return _living(outcomes)


def figures(outcomes: Mapping[Species, Sequence[Outcome]], pack: Rules, name: str) -> dict[str, Any]:
    """Everything by species; living people apart from attacks."""
    terms = Terms.of(pack)
    return {
        "rules": name, "tries": pack.liveness_tries_count.value, "actions": terms.actions, "action_s": terms.action_us / 1e6,
        "turn": terms.turn,
        "species": {
            species.value: _attack(own, meant=species in STOPPED)
            for species, own in outcomes.items() if species is not Species.GENUINE
        },
        "genuine": {
            species.value: _living(own) for species, own in outcomes.items() if species is Species.GENUINE
        },
    }  # fmt: skip


def _attack(own: Sequence[Outcome], *, meant: bool) -> dict[str, Any]:
    accepted = sum(one.accepted for one in own)
    return {
        "meant_to_stop": meant, "trials": len(own), "accepted": accepted, "rate": accepted / len(own),
        "rate_95": interval(accepted, len(own)), "ends": _ends(own),
        "accepted_seeds": [one.seed for one in own if one.accepted][:20],
    }  # fmt: skip


def _living(own: Sequence[Outcome]) -> dict[str, Any]:
    refused = sum(not one.accepted for one in own)
    first = [one.took_s for one in own if one.accepted and one.tries == 1]
    return {
        "trials": len(own), "refused": refused, "rate": refused / len(own), "rate_95": interval(refused, len(own)),
        "passed_first": len(first), "passed_median_s": median(first) if first else None,
        "passed_longest_s": max(first, default=None), "ends": _ends(own), "refused_seeds": [one.seed for one in own if not one.accepted][:20],
    }  # fmt: skip


def _ends(own: Sequence[Outcome]) -> dict[str, int]:
    return dict(Counter(one.why for one in own).most_common())


def _recorded(terms: Terms, chance: random.Random) -> attacks.Prompts:
    """A whole challenge of this very kind, as somebody may have filmed it, played again and again at its own pace."""
    order = draw(terms, chance.choice)[:-1]
    at_s, found = _RECORDED_FROM_S, []
    for action in itertools.cycle(order):
        if at_s > LONGEST_S:
            break
        found.append((round(at_s, 2), attacks.Action(action.value)))
        at_s += chance.uniform(*_RECORDED_EVERY_S)
    return tuple(found)
