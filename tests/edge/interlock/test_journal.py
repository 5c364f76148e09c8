"""The journal on a real log and state file: what is acknowledged, in which order, and what a late disk is worth."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.event import ActionResult, Category, Severity
from edge.audit import AuditLog
from edge.audit.reader import Reader
from edge.interlock import restart
from edge.interlock.clock import ClockReader
from edge.interlock.decision_record import Start
from edge.interlock.journal import Journal
from edge.interlock.record import Note
from edge.interlock.state import Mode, decode
from edge.interlock.store import StateStore
from edge.sockets import now_us
from tests.edge.eventually import eventually
from tests.edge.interlock.bench import GB, SITE, Bench


class Desk:
    """A journal and its two files; `told` are the attempts that it acknowledged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[int] = []
        clock = ClockReader(0, "", 60)
        self.log = AuditLog.open(folder / "audit.db", box="box-1", domain="example", key=Ed25519PrivateKey.generate())
        self.store = StateStore(folder / "state.json")
        self.journal = Journal(self.log, self.store, clock.read, None, self.told.append)
        reading = clock.read()
        self.start = Start(SITE, GB, None, first_start=True, boot_id="boot-1", now_us=reading.at_us, clock=reading)

    def events(self) -> list[str]:
        """Types of what the log holds."""
        with closing(Reader.open(self.folder / "audit.db")) as log:
            return [event.type for event in log.events(0, log.size())]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path)
    made.journal.begin(SITE, GB, made.start, ())
    yield made
    made.journal.close()


async def test_an_attempt_is_acknowledged_when_log_and_state_file_both_have_it(desk: Desk, ready: Bench) -> None:
    """BOX-01: durably authorised, then closed."""
    ready.arm()
    assert ready.last is not None
    desk.journal.decided(ready.last)
    await eventually(lambda: desk.told)
    assert desk.told == [ready.durable.attempt]
    assert decode((desk.folder / "state.json").read_bytes()).attempt == ready.durable.attempt
    assert "release.authorised" in desk.events()
    assert [event.type for event in desk.journal.events if event.type == "record.part"] == []


async def test_a_late_commit_acknowledges_no_attempt_that_another_has_replaced(desk: Desk, ready: Bench) -> None:
    """BOX-01: the disk comes back when the first attempt is over; only the second may still be acknowledged."""
    with closing(sqlite3.connect(desk.folder / "audit.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(2):
            ready.arm()
            assert ready.last is not None
            desk.journal.decided(ready.last)
            ready.press("arm")
            desk.journal.decided(ready.last)
            ready.step()
        await eventually(lambda: desk.journal.health(now_us()).age_ms > 20)
        assert desk.told == []
        other.execute("ROLLBACK")
    await eventually(lambda: desk.told)
    assert desk.told == [2]


async def test_what_a_start_decided_is_the_first_thing_written(tmp_path: Path) -> None:
    """An unclean restart is recorded with the state that it was decided from."""
    desk = Desk(tmp_path)
    start = msgspec.structs.replace(desk.start, found=None, first_start=False)
    durable, notes = restart.again(start)
    assert durable.mode is Mode.FAULT
    desk.journal.begin(SITE, GB, start, notes)
    await eventually(lambda: desk.journal.events and desk.journal.events[-1].type == "interlock.fault")
    desk.journal.close()
    assert desk.events()[-1] == "system.stop"


async def test_what_is_held_back_is_written_in_its_order(desk: Desk, released: Bench) -> None:
    """BOX-04: the opening first, the record a moment later, and everything behind it waits."""
    desk.journal.hold(0.01)
    released.gas["ch4-1"].value = 40.0
    desk.journal.decided(released.step())
    desk.journal.decided(released.press("reset"))
    await eventually(lambda: "interlock.reset_refused" in [event.type for event in desk.journal.events])
    kinds = [event.type for event in desk.journal.events]
    assert kinds.index("interlock.tripped") < kinds.index("interlock.reset_refused")


async def test_a_record_that_somebody_waits_for_comes_behind_what_was_held_back(desk: Desk, released: Bench) -> None:
    desk.journal.hold(3600)
    released.gas["ch4-1"].value = 40.0
    desk.journal.decided(released.step())
    await desk.journal.put_heard(_plain("evidence.erased"))
    assert desk.events()[-1] == "evidence.erased"
    assert "interlock.tripped" in desk.events()


async def test_who_waits_for_a_record_hears_its_number_once_it_is_durable(desk: Desk) -> None:
    """And who has gone meanwhile does not stop the others."""
    note = _plain("evidence.erased")
    with closing(sqlite3.connect(desk.folder / "audit.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        gone, heard = desk.journal.put_heard(note), desk.journal.put_heard(note)
        gone.cancel()
        await eventually(lambda: desk.log.health().queue)
        assert not heard.done()
        other.execute("ROLLBACK")
    await eventually(heard.done)
    with closing(Reader.open(desk.folder / "audit.db")) as log:
        found = log.events(heard.result(), 1)
    assert [(event.seq, event.type) for event in found] == [(heard.result(), "evidence.erased")]
    await eventually(lambda: [event.type for event in desk.journal.events].count("evidence.erased") == 2)


def _plain(kind: str) -> Note:
    return Note(kind, Category.AUDIT, Severity.WARNING, ActionResult.OK, ("person", "wang"), "", 0, 0, False, {})
