"""What a start takes over from the trip ring: alarms that the log's own file never got."""

import logging
from pathlib import Path
from typing import Any

from contracts import event as events
from contracts.errors import ContractError
from edge.audit import ring
from edge.audit.ledger import Ledger
from edge.audit.recovery import CHECKED_LEAVES
from edge.audit.ring import TripRing

_logger = logging.getLogger(__name__)


def ring_path(log: Path) -> Path:
    """The ring beside a log."""
    return log.with_name("audit.ring")


def missed(path: Path, ledger: Ledger) -> tuple[int, list[dict[str, Any]]]:
    """The ring's newest number, and for each alarm that the log does not have what to record of it.

    An alarm that came late to the log is in both; one that an earlier start took over has a number that is known.

    Raises:
        sqlite3.Error: the log does not answer.
    """
    slots = ring.read(path)
    newest = max([ledger.ring, *(number for number, _ in slots)])
    fresh = [(number, slot) for number, slot in slots if number > ledger.ring]
    if not fresh:
        return newest, []
    known = {(event.type, event.t, event.m) for event in map(events.decode, ledger.newest(CHECKED_LEAVES))}
    found: list[dict[str, Any]] = []
    for number, slot in fresh:
        if (slot.type, slot.t, slot.m) in known:
            continue
        data: dict[str, Any] = {"no": number}
        data["was"] = {"type": slot.type, "t": slot.t, "m": slot.m, "permit": slot.permit, "data": slot.data}
        try:
            events.check(data, "data")
        except ContractError as error:
            _logger.error("slot %d of the trip ring is no record: %s", number, error)  # noqa: TRY400 - it says it all
            continue
        found.append(data)
    return newest, found


def open_ring(path: Path, number: int) -> TripRing | None:
    """The ring for this start, emptied; without one the box goes on, as it is a second means."""
    try:
        return TripRing.open(path, number)
    except OSError:
        _logger.exception("there is no trip ring at %s", path)
        return None
