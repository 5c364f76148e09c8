"""A workflow definition as it stands in its YAML file; see configs/workflows/permit.yaml."""

from enum import StrEnum
from typing import Annotated, Any

import msgspec

from cloud_bridge.flows.definition.texts import Text

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="a name: a-z, 0-9, _; 40 at most")]
NOW = "now"
OPEN = "*"
"""In `from`: every state that is not an end."""


class Stricter(StrEnum):
    """Which way a base may change a value of the group's baseline."""

    SMALLER = "smaller"
    LARGER = "larger"
    GROWS = "grows"


class By(StrEnum):
    """Who brings an event."""

    PERSON = "person"
    BOX = "box"
    BRIDGE = "bridge"
    TIMER = "timer"


class Kind(StrEnum):
    """What a field holds."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    CHOICE = "choice"
    INSTANT = "instant"
    PERSON = "person"
    PEOPLE = "people"
    FILES = "files"


class Order(StrEnum):
    """How the steps of a state follow each other."""

    IN_TURN = "in_turn"
    TOGETHER = "together"


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping of the file: an unknown key is an error."""


class Tunable(_Row, frozen=True):
    """A value that a base may tighten: a duration, a number or a list; used elsewhere as ``$name``."""

    value: str | int | tuple[str, ...]
    stricter: Stricter
    title: Text
    clause: str = ""


class Field(_Row, frozen=True):
    """A field of a form or of the case; `least` and `most` count letters, entries, or are the number's bounds.

    A required flag has to be ticked; `pattern` is for texts.
    """

    kind: Kind
    title: Text
    required: bool = True
    least: int | None = None
    most: int | None = None
    choices: dict[str, Text] = {}
    pattern: str = ""


class Form(_Row, frozen=True):
    """Fields that come with an event."""

    title: Text
    fields: dict[Name, Field]


class GuardUse(_Row, frozen=True, rename={"params": "with"}):
    """A guard by its name, with its parameters."""

    guard: str
    params: dict[str, Any] = {}


class EffectUse(_Row, frozen=True, rename={"params": "with"}):
    """An effect by its name, with its parameters."""

    effect: str
    params: dict[str, Any] = {}


class Step(_Row, frozen=True):
    """One review or signature; `who` names a field that holds the one person who may do it."""

    name: Name
    title: Text
    role: str
    who: str = ""


class Steps(_Row, frozen=True):
    """What has to be done in a state before it is left: one list, or one list for each choice of the field `by`."""

    order: Order
    all: tuple[Step, ...] = ()
    by: str = ""
    chains: dict[str, tuple[Step, ...]] = {}

    def chain(self, data: dict[str, Any]) -> tuple[Step, ...]:
        """The steps of a case."""
        return self.chains[str(data[self.by])] if self.by else self.all


class State(_Row, frozen=True):
    """Where a case stands. `freedom`: how much people may do; a way to more freedom loosens and needs a person.

    `aside` is for the drawing: off the main path.
    """

    title: Text
    freedom: int
    final: bool = False
    aside: bool = False
    steps: Steps | None = None


class Transition(_Row, frozen=True, rename={"sources": "from", "excluded": "except"}):
    """A way from one state to another; without `to` the case stays where it is.

    `event` is what brings it (its own name when left out). `completes_step`: `to` comes when all steps are done.
    `named`: a box's event counts only with the person who acted there. `starts`: clocks that begin anew, ``now`` or at
    the moment in a field. `reopens`: leads out of an end. `step_effects`: after each step but the last.
    """

    title: Text
    sources: tuple[str, ...]
    by: tuple[By, ...]
    to: str = ""
    event: str = ""
    excluded: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    named: bool = False
    completes_step: bool = False
    guards: tuple[str | GuardUse, ...] = ()
    form: str = ""
    starts: dict[str, str] = {}
    marks: tuple[Name, ...] = ()
    unmarks: tuple[Name, ...] = ()
    effects: tuple[EffectUse, ...] = ()
    step_effects: tuple[EffectUse, ...] = ()
    reopens: bool = False


class Share(_Row, frozen=True):
    """A share of the time between a clock's start and the moment in a field: a reminder at 75 % of it."""

    percent: int
    until: str


class Rung(_Row, frozen=True):
    """When something is due, counted from clocks: the earliest of them; a transition to go, or effects where it is."""

    title: Text
    after: dict[str, str | Share]
    goes: str = ""
    marks: tuple[Name, ...] = ()
    effects: tuple[EffectUse, ...] = ()


class Ladder(_Row, frozen=True, rename={"states": "while"}):
    """Deadlines that belong together, each later than the one before; once for each start of the clock `once_per`."""

    title: Text
    states: tuple[str, ...]
    once_per: str
    rungs: dict[Name, Rung]


class Definition(_Row, frozen=True):
    """A whole workflow."""

    flow: Name
    title: Text
    start: str
    states: dict[Name, State]
    transitions: dict[Name, Transition]
    tunables: dict[Name, Tunable] = {}
    clocks: dict[Name, Text] = {}
    fields: dict[Name, Field] = {}
    forms: dict[Name, Form] = {}
    ladders: dict[Name, Ladder] = {}
    opens: dict[str, str] = {}
    """Clocks that begin when a case is opened, as `starts`."""
