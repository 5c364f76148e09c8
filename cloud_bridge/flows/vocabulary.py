"""The words that a definition may use: guards, effects, roles, facts. Each app that owns a flow has one vocabulary."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from cloud_bridge.flows.definition.errors import Refused
from cloud_bridge.flows.definition.model import Definition, EffectUse, GuardUse, Step, Transition
from cloud_bridge.flows.definition.texts import Text
from cloud_bridge.flows.engine.case import Case, Event


class NoParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A guard or an effect that needs none."""


@dataclass(frozen=True)
class Occasion:
    """What a guard looks at."""

    flow: "Flow"
    transition: Transition
    case: Case
    event: Event
    now: datetime
    step: Step | None

    @property
    def definition(self) -> Definition:
        """The definition that the case keeps to."""
        return self.flow.definition


GuardCheck = Callable[[Occasion, Any], Refused | None]


@dataclass(frozen=True)
class Names:
    """What parameters may refer to, for the check at load."""

    definition: Definition
    vocabulary: "Vocabulary"

    def choices(self, what: str) -> tuple[str, ...]:
        """Known names of one sort.

        Raises:
            KeyError: no such sort.
        """
        return {
            "clock": tuple(self.definition.clocks),
            "event": tuple({row.event or name: None for name, row in self.definition.transitions.items()}),
            "fact": tuple(self.vocabulary.facts),
            "field": tuple(self.definition.fields),
            "recipient": (*self.vocabulary.roles, *self.vocabulary.parties),
        }[what]


@dataclass(frozen=True)
class Guard:
    """A condition of a transition: None, or a refusal that says what to do.

    `refers` says which parameters are names, and of what: clock, event, fact, field or recipient.
    """

    title: Text
    check: GuardCheck
    params: type[msgspec.Struct] = NoParams
    refers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EffectKind:
    """Something that is done outside of the case, by a row of the outbox.

    `deliver` does it, and may be called again with the same key after a crash; None: another app takes the rows.
    """

    title: Text
    params: type[msgspec.Struct] = NoParams
    refers: Mapping[str, str] = field(default_factory=dict)
    deliver: Callable[[str, str, dict[str, Any]], None] | None = None
    """Key, subject of the case, parameters."""


@dataclass(frozen=True)
class Vocabulary:
    """The words of one flow. `roles` act and are told, `parties` (the applicant, the crew) are told."""

    roles: Mapping[str, Text]
    parties: Mapping[str, Text] = field(default_factory=dict)
    guards: Mapping[str, Guard] = field(default_factory=dict)
    effects: Mapping[str, EffectKind] = field(default_factory=dict)
    facts: Mapping[str, Text] = field(default_factory=dict)
    gather: Callable[[str], dict[str, Any]] | None = None
    """The facts about a subject, read in the transaction of the event that they are for."""
    applied: Callable[[str, Event | None, Any], None] | None = None
    """Called in the transaction of every change: subject, event (None: a timer), outcome; for rows that mirror it."""


@dataclass(frozen=True)
class Flow:
    """A definition that has been checked against its vocabulary, ready to decide by.

    `sha256` covers both texts and is what a case is pinned to; `local` is the base's own file, "" without one.
    """

    definition: Definition
    vocabulary: Vocabulary
    guards: Mapping[str, Guard]
    effects: Mapping[str, EffectKind]
    sha256: str
    text: str
    local: str = ""

    def checks(self, transition: Transition) -> tuple[tuple[Guard, Any], ...]:
        """The guards of a transition with their parameters."""
        found = []
        for use in transition.guards:
            name, raw = used(use)
            guard = self.guards[name]
            found.append((guard, msgspec.convert(raw, guard.params)))
        return tuple(found)


def used(use: str | GuardUse | EffectUse) -> tuple[str, dict[str, Any]]:
    """Name and parameters, however it is written."""
    if isinstance(use, str):
        return use, {}
    return (use.guard if isinstance(use, GuardUse) else use.effect), use.params
