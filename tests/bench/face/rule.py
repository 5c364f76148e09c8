"""The box's own rules, which a folder is held to: the decision, what a still must be, and the challenge."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.interlock import rules
from edge.vision.challenge import Terms
from edge.vision.policy import policy_of
from faces.policy import Policy
from faces.refusals import Refusal
from faces.templates import FEWEST
from tests.bench.face.look import Seen

PACK = "gb30871-2022"
_FIRST = 12
"""So many good stills of a person are tried in threes: nobody takes more at an enrolment."""


@dataclass(frozen=True)
class Rule:
    """What a rule pack says about faces."""

    policy: Policy
    terms: Terms
    tries: int
    source: str

    @property
    def limit(self) -> float:
        """Distance up to which a face is accepted."""
        return self.policy.limit

    @property
    def margin(self) -> float:
        """How much further the second nearest must be."""
        return self.policy.margin

    def facts(self) -> dict[str, Any]:
        """For the record."""
        return {
            "source": self.source, "limit": self.limit, "margin": self.margin, "stills": FEWEST,
            "liveness_actions": self.terms.actions, "liveness_action_s": self.terms.action_us / 1e6,
            "liveness_turn": self.terms.turn, "liveness_tries": self.tries,
        }  # fmt: skip


def of_pack(name: str = PACK) -> Rule:
    """Those of a pack, by its name: configs/rules/NAME.yaml."""
    pack = rules.load(name)
    return Rule(policy_of(pack), Terms.of(pack), pack.liveness_tries_count.value, name)


def enrolment(rule: Rule, seen: Mapping[str, Sequence[Seen]]) -> dict[str, Any]:
    """Failure to enrol, twice: for want of faces, and by the box's checks of stills.

    By the box's checks somebody can be enrolled when three of the pictures are good, are of one person and are not one
    picture thrice; whoever stands before a camera would take another one, a folder cannot.
    """
    without = [who for who, own in seen.items() if sum(one.vector is not None for one in own) < FEWEST]
    refused = [who for who, own in seen.items() if not can_enrol(rule.policy, own)]
    reasons = Counter(reason.value for own in seen.values() for one in own if (reason := why_not(one)) is not None)
    return {
        "people": len(seen), "failed": len(without), "fte": len(without) / len(seen), "who": without[:20],
        "failed_checks": len(refused), "fte_checks": len(refused) / len(seen), "refused_stills": dict(sorted(reasons.items())),
    }  # fmt: skip


def why_not(one: Seen) -> Refusal | None:
    """Why the box would not take a picture as a still; None when it would."""
    if not one.readable:
        return Refusal.UNREADABLE
    if one.vector is None:
        return Refusal.NO_FACE
    return Refusal.TWO_FACES if one.faces > 1 else one.fault


def can_enrol(policy: Policy, own: Sequence[Seen]) -> bool:
    """Whether some three good stills of a person agree with one another without being one picture."""
    good = [one.vector for one in own if one.vector is not None and why_not(one) is None][:_FIRST]
    return any(
        all(policy.apart <= float(np.linalg.norm(a - b)) <= policy.limit for a, b in itertools.combinations(three, 2))
        for three in itertools.combinations(good, FEWEST)
    )
