"""What an epoch that was put aside still owes the bridge (BOX-05, ANT-09)."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import iotcore
import pytest

from contracts import checkpoint as notes
from contracts.topics import parse, unpack_batch
from edge.link.outbox import Outbox
from edge.link.tails import ASK_S, MAX_ASKED, Tail
from tests.edge.audit.site import Station, append_all, draft, until, witness
from tests.edge.link.site import Box, WitnessBridge, eventually, link, running
from tests.edge.link.test_outbox import Clock

LEAVES = 900


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station(tmp_path)


def put_aside(station: Station, stamp: int = 1_790_000_000) -> Path:
    bad = station.path.with_name(f"audit.db.bad-{stamp}")
    station.path.rename(bad)
    return bad


@pytest.fixture
def bad(station: Station) -> Path:
    """An epoch of 1 + 900 leaves; the first eleven were witnessed."""
    log = station.open(queue_events=20_000)
    append_all(log, [draft({"n": number}) for number in range(10)])
    witness(station, log)
    append_all(log, [draft({"n": number}) for number in range(LEAVES - 10)])
    log.close()
    return put_aside(station)


@contextlib.contextmanager
def opened(path: Path, clock: Clock) -> Iterator[Tail]:
    tail = Tail(path, clock)
    try:
        yield tail
    finally:
        tail.close()


def _forge(path: Path, seq: int, body: bytes) -> None:
    """Change a leaf as a broken card would: behind the log's back."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        for name in ("event_stays", "event_remains"):
            db.execute(f"DROP TRIGGER {name}")
        db.execute("UPDATE event SET body=? WHERE seq=?", (body, seq))
        db.commit()


def _size(payload: bytes, station: Station) -> int:
    return notes.verify(payload.decode(), station.trust()[0]).size


def _sent(tail: Tail) -> list[int]:
    """Let the broker take all pieces; returns the seqs of the leaves."""
    seqs: list[int] = []
    while (owed := tail.owed()) is not None and owed.leaf == "log":
        head, leaves = unpack_batch(owed.payload)
        seqs += range(head.first, head.first + len(leaves))
        tail.sent(owed)
    return seqs


def test_the_bridge_is_asked_and_gets_what_it_lacks(station: Station, bad: Path) -> None:
    with opened(bad, Clock()) as tail:
        asked = tail.owed()
        assert (asked.leaf, _size(asked.payload, station)) == ("cp", LEAVES + 1)
        tail.sent(asked)
        assert tail.owed() is None, "it waits for the answer"
        tail.wanted(11, held=False)
        first = tail.owed()
        tail.sent(first)
        tail.wanted(first.end, held=False)
        assert _sent(tail) == list(range(first.end, LEAVES + 1)), "a word in between sends nothing again"
        asked = tail.owed()
        assert asked.leaf == "cp"
        tail.sent(asked)
        tail.acknowledged(LEAVES + 1)
        assert tail.done
        assert tail.owed() is None
        assert tail.wait_s() is None


def test_a_bridge_that_has_everything_gets_nothing(bad: Path) -> None:
    with opened(bad, Clock()) as tail:
        tail.sent(tail.owed())
        tail.acknowledged(LEAVES + 1)
        assert tail.done


def test_leaves_after_the_last_checkpoint_are_sent_though_nobody_signs_for_them(station: Station, bad: Path) -> None:
    with contextlib.closing(sqlite3.connect(bad)) as db:
        db.execute("DELETE FROM checkpoint WHERE size>300")
        db.commit()
    with opened(bad, Clock()) as tail:
        asked = tail.owed()
        size = _size(asked.payload, station)
        assert size <= 300
        tail.sent(asked)
        tail.acknowledged(size)
        assert not tail.done
        assert _sent(tail) == list(range(size, LEAVES + 1))
        assert tail.owed() is None
        assert tail.done


@pytest.mark.parametrize("body", [b"{}", b"\xff", None], ids=["no leaf", "no text", "another leaf"])
def test_the_epoch_ends_where_the_damage_begins(station: Station, bad: Path, body: bytes | None) -> None:
    if body is None:
        with contextlib.closing(sqlite3.connect(bad)) as db:
            body = db.execute("SELECT body FROM event WHERE seq=699").fetchone()[0]
    _forge(bad, 700, body)
    with opened(bad, Clock()) as tail:
        tail.sent(tail.owed())
        tail.wanted(500, held=False)
        assert _sent(tail) == list(range(500, 700))
        asked = tail.owed()
        size = _size(asked.payload, station)
        assert size <= 700, "the checkpoints beyond it cannot be witnessed"
        tail.sent(asked)
        tail.acknowledged(size)
        _sent(tail)
        assert tail.owed() is None
        assert tail.done


def test_an_epoch_that_is_kept_but_not_witnessed_is_not_sent_for_ever(bad: Path) -> None:
    with opened(bad, Clock()) as tail:
        tail.sent(tail.owed())
        tail.wanted(0, held=True)
        assert len(_sent(tail)) == LEAVES + 1
        tail.sent(tail.owed())
        tail.wanted(LEAVES + 1, held=True)
        assert tail.done


def test_a_bridge_that_says_nothing_is_asked_ever_more_seldom_and_again_after_a_new_connection(bad: Path) -> None:
    clock = Clock()
    with opened(bad, clock) as tail:
        waits = []
        while (owed := tail.owed()) is not None:
            tail.sent(owed)
            waits.append(tail.wait_s())
            clock.now += waits[-1] or 0
        assert len(waits) == MAX_ASKED
        assert waits[:3] == pytest.approx([ASK_S, 2 * ASK_S, 4 * ASK_S])
        assert waits[-1] is None
        tail.begin()
        assert tail.owed() is not None


def test_a_bridge_that_wants_the_same_leaf_for_ever_is_offered_it_ever_more_seldom_and_then_left_alone(bad: Path) -> None:
    """ANT-09: a log that was rolled back is refused where the bridge holds another record under the same number."""
    clock = Clock()
    with opened(bad, clock) as tail:
        waits, offered = [], 0
        for _ in range(10 * MAX_ASKED):
            asked = tail.owed()
            if asked is None:
                break
            assert asked.leaf == "cp"
            tail.sent(asked)
            waits.append(tail.wait_s())
            tail.wanted(LEAVES, held=False)
            offered += len(_sent(tail))
            clock.now += waits[-1] or 0
        assert len(waits) == MAX_ASKED + 1, "the first answer is news, the same one again is none"
        assert waits[1:4] == pytest.approx([ASK_S, 2 * ASK_S, 4 * ASK_S])
        assert offered == MAX_ASKED + 1
        assert not tail.done, "it stays counted as unsent"


def test_what_cannot_be_read_is_counted_and_told(station: Station, bad: Path, caplog: pytest.LogCaptureFixture) -> None:
    bad.write_bytes(b"rubbish" * 1000)
    station.open().close()
    outbox = Outbox(station.path)
    assert outbox.poll()
    assert (outbox.tails.unsent, outbox.tails.owed()) == (1, None)
    assert "audit.db.bad-1790000000 cannot be read and stays on this box" in caplog.text
    outbox.close()


async def test_the_link_sends_the_rest_of_the_old_epoch_and_the_interlock_hears_of_the_new_one_alone(
    station: Station, bad: Path, broker: iotcore.Broker
) -> None:
    log = station.open(queue_events=20_000, checkpoint_s=0.3)
    box = Box(station, log, broker.port)
    old = WitnessBridge(broker.port, station)
    bridge = _TwoEpochs(broker.port, station, old)
    async with running(bridge.run(), box.listen(), link(box)):
        box.append(500)
        await eventually(lambda: len(old.leaves) == LEAVES + 1, 20)
        await eventually(lambda: log.health().acked == log.health().size, 20)
    assert old.forked == 0
    assert until(lambda: all(offer.note.startswith("hotbox.example/box-1/2\n") for offer in box.offers))
    log.close()
    box.socket.close()
    box.link_socket.close()


class _TwoEpochs(WitnessBridge):
    """Keeps both epochs apart, as the bridge does."""

    def __init__(self, port: int, station: Station, old: WitnessBridge) -> None:
        super().__init__(port, station, log=2)
        self._old = old

    async def _take(self, client, topic: str, payload: bytes, *, retained: bool) -> None:
        is_old = parse(topic)[2] in ("log", "cp") and b"/1" in payload.split(b"\n", 1)[0]
        await (WitnessBridge._take(self._old, client, topic, payload, retained=retained) if is_old
               else super()._take(client, topic, payload, retained=retained))  # fmt: skip
