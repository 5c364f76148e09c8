"""Whatever a start reads may be damaged: then the file is put aside, and the box starts all the same (BOX-05, ANT-09)."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from contracts.event import Severity
from edge.audit.recovery import CHECKED_LEAVES
from edge.audit.ring import TripRing
from tests.edge.audit.site import Station, append_all, draft, witness

LEAVES = 420
WITNESSED = 30
"""Leaves that are witnessed, far below the newest ones."""


@pytest.fixture
def filled(station: Station) -> Station:
    """A log of 421 leaves, all of them signed, of which 31 are witnessed; and an alarm waits in the ring."""
    log = station.open()
    append_all(log, [draft({"n": number}) for number in range(WITNESSED)])
    witness(station, log)
    append_all(log, [draft({"n": number}) for number in range(WITNESSED, LEAVES)])
    log.close()
    ring = TripRing.open(station.path.with_name("audit.ring"), 0)
    ring.put(draft({"code": "gas_high"}, sev=Severity.ALARM, what="interlock.tripped"))
    ring.close()
    return station


def _flip(station: Station, number: int) -> None:
    """One character of one leaf is another one, as a failing card would have it."""
    raw = station.path.read_bytes()
    assert raw.count(b'"data":{"n":%d}' % number) == 1
    station.path.write_bytes(raw.replace(b'"data":{"n":%d}' % number, b'"data":{"o":%d}' % number))


def _break(station: Station, number: int) -> None:
    """The leaf is no JSON any more."""
    raw = station.path.read_bytes()
    station.path.write_bytes(raw.replace(b'"data":{"n":%d}' % number, b'"data"\xff{"n":%d}' % number))


def _epoch(station: Station) -> int:
    log = station.open()
    try:
        assert log.health().writable
        append_all(log, [draft()])
        return log.health().log
    finally:
        assert log.close()


@pytest.mark.parametrize("damage", [_flip, _break])
@pytest.mark.parametrize("number", [WITNESSED, LEAVES - CHECKED_LEAVES, LEAVES - 64, LEAVES - 20, LEAVES - 1])
def test_damage_in_a_leaf_that_a_start_reads_begins_the_next_epoch(
    filled: Station, damage: Callable[[Station, int], None], number: int
) -> None:
    """It used to end every start with an error: a box that never runs again."""
    damage(filled, number)
    assert _epoch(filled) == 2
    with closing(filled.reader()) as log:
        started = log.events(0, 1)[0]
        assert started.type == "audit.epoch_started"
        assert "does not fit its hash" in started.data["reason"]
        assert (filled.path.parent / started.data["file"]).exists()
        assert log.newest_with('"audit.ring_recovered"', log.size()) is not None


@pytest.mark.parametrize("damage", [_flip, _break])
@pytest.mark.parametrize("number", [WITNESSED - 3, WITNESSED + 2, LEAVES - CHECKED_LEAVES - 1])
def test_damage_that_no_start_reads_is_left_to_who_verifies(
    filled: Station, damage: Callable[[Station, int], None], number: int
) -> None:
    damage(filled, number)
    assert _epoch(filled) == 1


CHANGES = {
    "a leaf is gone": "DELETE FROM event WHERE seq=400",
    "the first of those that are checked is gone": f"DELETE FROM event WHERE seq={LEAVES + 1 - CHECKED_LEAVES}",
    "the first that is not witnessed is gone": f"DELETE FROM event WHERE seq={WITNESSED + 1}",
    "a leaf stands in another's place":
        "UPDATE event SET (body, leaf)=(SELECT body, leaf FROM event AS other WHERE other.seq=300) WHERE seq=301",
    "a leaf was put in again with another text": "UPDATE event SET leaf=zeroblob(32) WHERE seq=390",
    "a row of hashes is none": "UPDATE tile SET hashes=NULL WHERE level=1",
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_a_start_reads_is_held_against_what_was_written(filled: Station, change: str) -> None:
    with closing(sqlite3.connect(filled.path)) as db:
        guards = db.execute("SELECT name, sql FROM sqlite_master WHERE type='trigger'").fetchall()
        for name, _ in guards:
            db.execute(f"DROP TRIGGER {name}")
        assert db.execute(change).rowcount == 1
        for _, sql in guards:
            db.execute(sql)
        db.commit()
    assert _epoch(filled) == 2
