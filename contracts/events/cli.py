"""Commands: at the box, and from the bridge."""

from typing import Annotated

from contracts.event import ActionResult, Category, Severity
from contracts.events.fields import Data, doc
from contracts.events.kind import EventType
from contracts.permit import Verb


class Request(Data, frozen=True):
    """Somebody ran `hotbox` at the box to change something; written before it is done. A refused one is a warning."""

    op: Annotated[str, doc("what was asked for")]
    uid: Annotated[int, doc("the user of the operating system who asked")]
    why: Annotated[str, doc("why it was refused; empty: it was not")]


class Command(Data, frozen=True):
    """A signed command of the bridge was obeyed."""

    verb: Annotated[Verb, doc("what was commanded")]
    id: Annotated[str, doc("the command's own number; each is obeyed once")]
    reason: Annotated[str, doc("why, in the words of whoever commanded it")]


TYPES = (
    EventType(
        "cli.request", Category.CLI, (Severity.INFO, Severity.WARNING), (Request,), "本地指令", "command at the box",
        (ActionResult.OK, ActionResult.DENIED),
    ),
    EventType("cli.command", Category.CLI, (Severity.WARNING,), (Command,), "远程指令", "command from the bridge"),
)  # fmt: skip
