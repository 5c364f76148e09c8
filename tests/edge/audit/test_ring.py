"""An alarm that the log's disk does not take is not lost: the ring has it, and the next start records it (ANT-09, ANT-10)."""

import os
import sqlite3
import struct
import threading
import zlib
from pathlib import Path

import msgspec
import pytest

from contracts.event import MAX_INT, Event, Severity
from edge.audit import Draft, log, ring
from edge.audit.ledger import Ledger
from edge.audit.ring import SLOT_BYTES, SLOTS, Slot, TripRing, read, slot_of
from edge.audit.verify import verify_file
from tests.edge.audit.site import Station, append_all, draft, until

TRIP = {"code": "gas_high", "chan": "ch4-1", "value_milli": 25_000, "released": True, "others": ["x"], "snapshot": [{"k": "decision"}]}


def _trip(number: int = 1, what: str = "interlock.tripped") -> Draft:
    return msgspec.structs.replace(draft({"n": number, **TRIP}, sev=Severity.ALARM, what=what), m=number, permit="HW-1")


def _ring(station: Station) -> Path:
    return station.path.with_name("audit.ring")


def _recovered(station: Station) -> list[Event]:
    reader = station.reader()
    try:
        return [event for event in reader.events(0, 10**5) if event.type == "audit.ring_recovered"]
    finally:
        reader.close()


class Stall:
    """A disk that takes nothing from the log until it is let go, or fails then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self._go, self.error = threading.Event(), threading.Event(), ""
        commit = Ledger.commit

        def stalled(ledger: Ledger) -> dict[int, bytes]:
            self.reached.set()
            assert self._go.wait(8)
            if self.error:
                raise sqlite3.OperationalError(self.error)
            return commit(ledger)

        monkeypatch.setattr(Ledger, "commit", stalled)

    def go(self, error: str = "") -> None:
        self.error = error
        self._go.set()


# --- the file


@pytest.fixture
def opened(tmp_path: Path) -> TripRing:
    return TripRing.open(tmp_path / "audit.ring", 0)


def test_what_is_put_is_read_with_its_number(opened: TripRing, tmp_path: Path) -> None:
    for number in (1, 2):
        opened.put(_trip(number))
    opened.close()
    plain = {"n": 1, "code": "gas_high", "chan": "ch4-1", "value_milli": 25_000, "released": True}
    (one, first), (two, _) = read(tmp_path / "audit.ring")
    assert (one, two) == (1, 2)
    assert (first.type, first.m, first.permit, first.data) == ("interlock.tripped", 1, "HW-1", plain)


def test_the_file_never_grows_and_the_newest_alarms_stay(opened: TripRing, tmp_path: Path) -> None:
    for number in range(1, SLOTS + 10):
        opened.put(_trip(number))
        until(lambda number=number: opened.written == number)
    opened.close()
    found = read(tmp_path / "audit.ring")
    assert (tmp_path / "audit.ring").stat().st_size == SLOTS * SLOT_BYTES
    assert [number for number, _ in found] == list(range(10, SLOTS + 10))
    assert [slot.m for _, slot in found] == list(range(10, SLOTS + 10))


def test_a_new_ring_is_empty_and_goes_on_counting(tmp_path: Path) -> None:
    path = tmp_path / "audit.ring"
    path.write_bytes(b"x" * 100_000)
    opened = TripRing.open(path, 41)
    assert path.read_bytes() == bytes(SLOTS * SLOT_BYTES)
    opened.put(_trip())
    opened.close()
    assert [number for number, _ in read(path)] == [42]


@pytest.mark.parametrize("at", [0, 1, 3, 13, 20, 60, 100])
def test_a_torn_slot_is_none(opened: TripRing, tmp_path: Path, at: int) -> None:
    for number in (1, 2):
        opened.put(_trip(number))
    opened.close()
    path = tmp_path / "audit.ring"
    body = bytearray(path.read_bytes())
    body[SLOT_BYTES + at] ^= 0x41
    path.write_bytes(body)
    assert [number for number, _ in read(path)] == [2]


@pytest.mark.parametrize(
    "body",
    [
        struct.pack(">Q", 1) + b"{}",
        struct.pack(">Q", 1) + b"\xff\xfe",
        struct.pack(">Q", 1),
        struct.pack(">Q", MAX_INT + 1) + msgspec.json.encode(Slot("a", 1, 1)),
        b"",
    ],
    ids=["nothing in it", "no text", "too short", "a number that no log has", "empty"],
)
def test_a_slot_that_somebody_made_up_stops_nothing(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "audit.ring"
    path.write_bytes((struct.pack(">HI", len(body), zlib.crc32(body)) + body).ljust(SLOT_BYTES, b"\0"))
    assert read(path) == []
    assert read(tmp_path / "nothing") == []


def test_an_alarm_is_cut_to_its_slot_and_keeps_its_cause() -> None:
    long = draft({"code": "gas_high", "why": "长" * 400, "chan": "ch4-1", "ratio": 0.5}, sev=Severity.ALARM, what="x" * 99)
    slot = slot_of(long)
    assert slot.data == {"code": "gas_high", "chan": "ch4-1"}
    assert slot.type == "x" * 64
    assert len(msgspec.json.encode(slot)) <= SLOT_BYTES - 14


def test_a_disk_that_hangs_delays_nobody_and_keeps_the_newest(opened: TripRing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs, go = threading.Event(), threading.Event()
    write = os.pwrite

    def hang(*given: object) -> int:
        hangs.set()
        assert go.wait(8)
        return write(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(ring.os, "pwrite", hang)
    opened.put(_trip(1))
    assert hangs.wait(8)
    for number in range(2, 102):
        opened.put(_trip(number))
    assert opened.written == 0
    go.set()
    until(lambda: opened.written == 1 + ring.WAITING)
    opened.close()
    assert [slot.m for _, slot in read(tmp_path / "audit.ring")] == [1, *range(102 - ring.WAITING, 102)]


def test_a_disk_that_fails_or_an_alarm_without_text_ends_nothing(opened: TripRing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> int:
        raise OSError("I/O error")

    with monkeypatch.context() as patch:
        tried = threading.Event()
        patch.setattr(ring.os, "pwrite", lambda *given: (tried.set(), fails(*given))[1])
        opened.put(_trip(1))
        assert tried.wait(8)
        opened.put(draft({"code": "\ud800"}, sev=Severity.ALARM))
    opened.put(_trip(3))
    opened.close()
    assert [slot.m for _, slot in read(tmp_path / "audit.ring")] == [3]


# --- behind a log


def test_an_alarm_that_the_disk_takes_in_time_is_not_in_the_ring(station: Station) -> None:
    opened = station.open()
    append_all(opened, [_trip()])
    opened.health()
    opened.close()
    assert opened.health().ring == 0
    assert read(_ring(station)) == []


def test_a_trip_is_in_the_ring_while_the_disk_stalls_and_recorded_once(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = station.open()
    with monkeypatch.context() as patch:
        patch.setattr(log, "RING_US", 20_000)
        stall = Stall(patch)
        told = threading.Event()
        opened.append(_trip(7), lambda _: told.set())
        assert stall.reached.wait(8)
        until(lambda: opened.health().ring == 1, "the ring never got it")
        assert [slot.m for _, slot in read(_ring(station))] == [7]
        assert opened.health().ring == 1, "once"
        stall.go()
        assert told.wait(8)
    opened.close()
    station.open().close()
    assert _recovered(station) == [], "the log has it"


def test_a_trip_that_the_log_never_got_is_recorded_by_the_next_start_and_only_by_that(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the power goes after the record is durable and before the ring is emptied."""
    opened = station.open()
    append_all(opened, [draft()])
    with monkeypatch.context() as patch:
        stall = Stall(patch)
        for number in (7, 8):
            opened.append(_trip(number))
        opened.append(draft({"n": 9}))
        assert stall.reached.wait(8)
        stall.go("disk I/O error")
        until(lambda: opened.health().ring == 2, "the ring never got them")
        opened.append(_trip(10, "interlock.fault"))
        until(lambda: opened.health().ring == 3, "after the failure, too")
    assert not opened.close()
    kept = _ring(station).read_bytes()
    for _ in range(2):
        station.open().close()
        _ring(station).write_bytes(kept)
    again = _recovered(station)
    assert [(event.data["no"], event.data["was"]["m"], event.sev) for event in again] == [
        (1, 7, Severity.ALARM), (2, 8, Severity.ALARM), (3, 10, Severity.ALARM),
    ]  # fmt: skip
    assert again[0].data["was"]["permit"] == "HW-1"
    assert again[0].data["was"]["data"]["code"] == "gas_high"
    assert again[2].data["was"]["type"] == "interlock.fault"
    assert verify_file(station.path, station.trust()).exit_code == 4


def test_an_alarm_that_the_full_queue_drops_is_in_the_ring(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = station.open(queue_events=2)
    stall = Stall(monkeypatch)
    for number in range(3):
        opened.append(draft({"n": number}))
    assert stall.reached.wait(8)
    for number in (5, 6, 7):
        opened.append(_trip(number))
    until(lambda: 7 in [slot.m for _, slot in read(_ring(station))], "what was dropped is nowhere")
    stall.go()
    opened.close()


def test_numbers_go_on_over_starts(station: Station) -> None:
    station.open().close()
    made = TripRing.open(_ring(station), 900)
    made.put(_trip(1))
    made.close()
    opened = station.open()
    opened.append(_trip(2))
    opened.close()
    assert [event.data["no"] for event in _recovered(station)] == [901]
    db = sqlite3.connect(station.path)
    assert db.execute("SELECT value FROM meta WHERE key='ring'").fetchone() == ("901",)
    db.close()


def test_a_slot_that_no_log_can_hold_is_left_out(station: Station, caplog: pytest.LogCaptureFixture) -> None:
    station.open().close()
    body = struct.pack(">Q", 5) + msgspec.json.encode(Slot("x", 1, 1, "", {"big": 2**60}))
    _ring(station).write_bytes((struct.pack(">HI", len(body), zlib.crc32(body)) + body).ljust(SLOT_BYTES, b"\0"))
    opened = station.open()
    assert opened.health().writable
    opened.close()
    assert _recovered(station) == []
    assert "slot 5 of the trip ring is no record" in caplog.text


def test_a_box_without_room_for_a_ring_goes_on(station: Station) -> None:
    station.path.parent.mkdir()
    _ring(station).mkdir()
    opened = station.open()
    append_all(opened, [_trip()])
    assert opened.health().ring == 0
    assert opened.close()
