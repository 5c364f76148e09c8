"""A decision that the box keeps can be made again, although the parts it once referred to were deleted (KPI-16)."""

import time
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from contracts.errors import ContractError
from edge.audit import upkeep
from edge.cli.decisions import Decisions
from edge.interlock.clock import ClockReader
from edge.interlock.decision_record import Recorder, Start
from edge.interlock.journal import Journal
from edge.interlock.replay import replay
from edge.interlock.snapshot import Clock
from edge.interlock.store import StateStore
from edge.sockets import now_us
from tests.edge.audit.site import Station, draft, until, witness
from tests.edge.eventually import eventually
from tests.edge.interlock.bench import GB, SITE, Bench

YEAR_MS = 365 * 86_400_000


class Desk:
    """A journal on a log with a witness; what it wrote at its start was written a year ago and is deleted."""

    def __init__(self, folder: Path) -> None:
        self.station = Station(folder)
        self.log = self.station.open(checkpoint_s=60)
        self._clock, self._back_ms = ClockReader(0, "", 60), YEAR_MS
        self.journal = Journal(self.log, StateStore(folder / "state.json"), self._read, None, lambda _: None)
        now = self._read()
        start = Start(SITE, GB, None, first_start=True, boot_id="boot-1", now_us=now.at_us, clock=now)
        self.journal.begin(SITE, GB, start, ())

    def _read(self) -> Clock:
        now = self._clock.read()
        return msgspec.structs.replace(now, t=now.t - self._back_ms)

    async def a_year_later(self) -> None:
        old = time.time_ns() // 1_000_000 - YEAR_MS
        for number in range(2600):
            self.log.append(msgspec.structs.replace(draft({"n": number}), t=old))
        until(lambda: not self.log.health().queue)
        self._back_ms = 0
        witness(self.station, self.log)
        self.log.resting = True
        await eventually(lambda: self.log.health().pruned)
        self.journal.health(now_us())

    def tripped(self, released: Bench) -> None:
        """A trip is recorded, and the log closed."""
        released.gas["ch4-1"].value = 40.0
        self.journal.decided(released.step())

    async def end(self) -> None:
        await eventually(lambda: "interlock.tripped" in [event.type for event in self.journal.events])
        self.journal.close()


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(upkeep, "LOOK_S", 0.01)
    return Desk(tmp_path)


def _again(desk: Desk) -> bool:
    """Whether the trip comes out the same when it is made again from what the log still has."""
    with Decisions(desk.station.path) as log:
        with closing(desk.station.reader()) as reader:
            seq = reader.newest_with('"type":"interlock.tripped"', reader.size())
        assert seq is not None
        event = log.event(seq)
        return replay(event.type, event.data, log.text_before(seq)).same


async def test_a_recorded_decision_still_replays_after_a_deletion(desk: Desk, released: Bench) -> None:
    await desk.a_year_later()
    desk.tripped(released)
    await desk.end()
    assert _again(desk)


async def test_a_record_that_refers_to_what_is_gone_would_be_noticed(desk: Desk, released: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: a recorder that does not forget refers to parts that nobody has any more."""
    monkeypatch.setattr(Recorder, "forget", lambda _recorder: None)
    await desk.a_year_later()
    desk.tripped(released)
    await desk.end()
    with pytest.raises(ContractError, match="reaches back further"):
        _again(desk)
