"""A case as the rules see it, what happens to it, and what follows: frozen data."""

from datetime import datetime
from typing import Any

import msgspec

from cloud_bridge.flows.definition.model import By


class Clock(msgspec.Struct, frozen=True):
    """When a clock of a case began, and how often it has begun; `fixed` at the moment in a field."""

    at: datetime
    lap: int
    fixed: bool = False


class Done(msgspec.Struct, frozen=True):
    """A step that is done, and by whom."""

    step: str
    identity: str
    office: str
    at: datetime


class Case(msgspec.Struct, frozen=True):
    """Where a case stands.

    `rev` counts what happened to it. `done`: steps of the present round. `fired`: for each rung the lap of its clock
    in which it fired last. `acts`: who brought each event.
    """

    state: str
    rev: int
    data: dict[str, Any] = {}
    clocks: dict[str, Clock] = {}
    done: tuple[Done, ...] = ()
    marks: tuple[str, ...] = ()
    fired: dict[str, int] = {}
    acts: dict[str, tuple[str, ...]] = {}


class Actor(msgspec.Struct, frozen=True):
    """Who brings an event: `identity` as it stands on permits, the name for people, office and roles."""

    identity: str
    name: str = ""
    office: str = ""
    roles: tuple[str, ...] = ()


class Event(msgspec.Struct, frozen=True):
    """What happens: its name, who brings it, the filled-in form, facts of the app that owns the flow.

    `step` names one of several steps that are open at once. A box's event of somebody on site has that person as actor.
    """

    name: str
    by: By
    actor: Actor
    form: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    step: str = ""
    note: str = ""


class Effect(msgspec.Struct, frozen=True):
    """What has to be done outside of the case."""

    name: str
    params: dict[str, Any] = {}


class Armed(msgspec.Struct, frozen=True):
    """A rung that waits: its name ``ladder.rung``, the lap that it fires once in, when it is due.

    `since` is when the clock that it counts from began; None when that is the moment in a field, which no clock moves.
    """

    name: str
    lap: int
    due: datetime
    since: datetime | None


class Outcome(msgspec.Struct, frozen=True):
    """What followed: the case afterwards, the transition or rung, effects, and everything that is armed now."""

    case: Case
    before: str
    via: str
    effects: tuple[Effect, ...]
    armed: tuple[Armed, ...]
