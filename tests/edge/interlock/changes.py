"""What a step changed in memory, and the note that a test expects: compared whole, so that nothing goes unseen."""

from typing import Any

import msgspec

from contracts.event import ActionResult, Category, Severity
from edge.interlock.record import Note
from edge.interlock.state import Durable, Volatile
from edge.interlock.turn import Turn
from tests.edge.interlock.bench import Bench


def changed(before: Durable | Volatile, after: Durable | Volatile) -> dict[str, object]:
    """Every field that differs, with its new value."""
    found = {name: getattr(after, name) for name in before.__struct_fields__}
    return {name: value for name, value in found.items() if getattr(before, name) != value}


def note(
    kind: str,
    cat: Category = Category.INTERLOCK,
    sev: Severity = Severity.INFO,
    res: ActionResult = ActionResult.OK,
    *,
    actor: tuple[str, str] = ("box", ""),
    permit: str = "HW-1",
    attempt: int = 0,
    token: int = 0,
    snapshot: bool = False,
    part: msgspec.Struct | None = None,
    **data: Any,
) -> Note:
    """A note as it must stand in the log."""
    return Note(kind, cat, sev, res, actor, permit, attempt, token, snapshot, data, part)


def turn(bench: Bench, **durable: object) -> Turn:
    """A step in the making on the bench's world, all conditions judged."""
    made = Turn(
        bench.site, bench.rules, msgspec.structs.replace(bench.durable, **durable), bench.volatile, bench.snapshot(),
        bench.now,
    )  # fmt: skip
    made.judge()
    return made


