"""Makes a recorded decision again and says whether it comes out the same (KPI-16). Pure: the log is read elsewhere."""

from typing import Any

import msgspec

from edge.interlock import kernel, restart
from edge.interlock.conditions import Facts, Verdict, facts
from edge.interlock.decision_record import Given, PartText, Start, digest, read
from edge.interlock.record import Note
from edge.interlock.site import Site

_ADDED = ("snapshot", "part", "of", "part_of", "sha256")
"""What the log puts beside a note's own data."""


class Difference(msgspec.Struct, frozen=True):
    """Where recorded and replayed part: a condition's name, or ``event`` for the decision itself."""

    what: str
    recorded: str
    replayed: str


class Replay(msgspec.Struct, frozen=True):
    """A decision that was made again. `facts` are those of the moment before it; no differences means the same."""

    facts: Facts | None
    verdicts: dict[str, Verdict]
    notes: tuple[Note, ...]
    differences: tuple[Difference, ...]
    given: Given | Start

    @property
    def same(self) -> bool:
        """It came out as it was recorded."""
        return not self.differences

    @property
    def site(self) -> Site:
        """The box's surroundings at that time."""
        return self.given.site


def replay(kind: str, data: dict[str, Any], text: PartText) -> Replay:
    """Make the decision of an event again.

    Args:
        kind: the event's type.
        data: its data, parts of the snapshot joined.
        text: gives a part's text by its SHA-256.

    Raises:
        ContractError: the event carries no record, or it cannot be read.
    """
    given, recorded = read(data.get("snapshot", ()), text)
    if isinstance(given, Start):
        notes = restart.again(given)[1]
        return Replay(None, {}, notes, _event_differences(kind, data, notes), given)
    step = kernel.again(given)
    now = digest(step.verdicts)
    differences = tuple(
        Difference(name, "; ".join(recorded.get(name, ["ok"])), "; ".join(now.get(name, ["ok"])))
        for name in dict.fromkeys((*step.verdicts, *recorded))
        if recorded.get(name) != now.get(name)
    )
    before = facts(given.site, given.rules, given.durable, given.volatile, given.snapshot, given.now_us)
    return Replay(
        before, step.verdicts, step.notes, differences + _event_differences(kind, data, step.notes), given
    )


def _event_differences(kind: str, data: dict[str, Any], notes: tuple[Note, ...]) -> tuple[Difference, ...]:
    """Whether one of the notes is the recorded event."""
    recorded = _text(kind, {key: value for key, value in data.items() if key not in _ADDED})
    made = [_text(note.type, note.data) for note in notes]
    if recorded in made:
        return ()
    alike = [_text(kind, note.data) for note in notes if note.type == kind] or made
    return (Difference("event", recorded, "; ".join(alike) or "nothing is decided"),)


def _text(kind: str, data: dict[str, Any]) -> str:
    return f"{kind} {msgspec.json.encode(data, order='sorted').decode()}"
