"""What is said of one type of event."""

from typing import Any, Protocol

import msgspec

from contracts.event import ActionResult, Category, Severity
from contracts.events.fields import Data


class EventType(msgspec.Struct, frozen=True):
    """One type of event.

    Attributes:
        name: as it stands in the log, such as ``gas.alarm``.
        cat: its category, always.
        sev: the severities that it may have.
        forms: the forms that its data may have; each form's docstring says when it is written.
        zh, en: its name in words.
        res: how the action that it records may have ended.
    """

    name: str
    cat: Category
    sev: tuple[Severity, ...]
    forms: tuple[type[Data], ...]
    zh: str
    en: str
    res: tuple[ActionResult, ...] = (ActionResult.OK,)


class Described(Protocol):
    """What of an event is held to its type: an `Event`, or a draft of one."""

    @property
    def type(self) -> str:
        """Its type's name."""

    @property
    def cat(self) -> Category:
        """Its category."""

    @property
    def sev(self) -> Severity:
        """How loud it is."""

    @property
    def res(self) -> ActionResult:
        """How it ended."""

    @property
    def data(self) -> dict[str, Any]:
        """Its details."""
