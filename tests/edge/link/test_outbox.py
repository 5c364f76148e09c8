"""The two lanes over a log, without a broker (BOX-05)."""

import random
import sqlite3

import pytest

from contracts import event as events
from contracts.checkpoint import verify
from contracts.event import Severity
from contracts.topics import unpack_batch
from edge.audit.reader import Reader
from edge.link.live import AGAIN_FOR_S, AGAIN_S, MOST, NEWEST_ROWS
from edge.link.outbox import BEHIND_S, RESEND_MAX_S, RESEND_S, WINDOW_LEAVES, Outbox
from edge.link.pieces import PIECE_BYTES
from tests.edge.audit.site import Station, append_all, checkpoint, draft, until, witness

NUMBERS = random.Random(5)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outbox(station: Station, clock: Clock) -> Outbox:
    made = Outbox(station.path, clock)
    yield made
    made.close()


@pytest.fixture
def station(tmp_path) -> Station:
    return Station(tmp_path)


def _drain(outbox: Outbox) -> int:
    """Send all batches that the window allows; returns how many leaves."""
    total = 0
    while (batch := outbox.batch()) is not None:
        head, leaves = unpack_batch(batch.payload)
        assert (head.origin, head.first, head.n) == (outbox.origin, batch.first, len(leaves))
        assert len(batch.payload) <= PIECE_BYTES
        total += len(leaves)
        outbox.sent(batch)
    return total


def _live(outbox: Outbox) -> list[int]:
    """Let the broker take every alarm that waits; returns their seqs in the order of their going."""
    told = []
    while (alarm := outbox.alarm()) is not None:
        told.append(alarm[0])
        outbox.told(alarm[0])
    return told


def test_a_log_that_stays_behind_what_the_interlock_says_is_opened_anew(
    station: Station, outbox: Outbox, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody wrote an older copy over it: the file's name and number are the same, what was open never changes."""
    log = station.open()
    append_all(log, [draft() for _ in range(3)])
    assert outbox.poll()
    assert outbox.size == 4
    for epoch, size, after_s in ((1, 4, 9), (2, 9, 9), (1, 3, 9), (1, 5, 4.9), (1, 5, 0), (1, 4, 9), (1, 5, BEHIND_S)):
        outbox.compare(epoch, size)
        clock.now += after_s
    assert outbox.readable, "another epoch, a shorter log, and one that caught up in time say nothing"
    outbox.compare(1, 5)
    assert not outbox.readable
    assert "has 5 events, 4 are seen here" in caplog.text
    outbox.compare(1, 5)
    assert outbox.poll()
    assert outbox.readable
    log.close()


def test_log_that_is_not_there_yet_is_waited_for(station: Station, outbox: Outbox) -> None:
    assert not outbox.poll()
    assert outbox.batch() is None
    log = station.open()
    assert outbox.poll()
    assert not outbox.poll(), "nothing has changed since"
    append_all(log, [draft()])
    assert outbox.poll()
    assert _drain(outbox) == 2
    log.close()


@pytest.mark.parametrize("ask", ["data_version", "size", "witnessed"])
def test_log_that_cannot_be_read_yet_states_no_size(
    station: Station, outbox: Outbox, monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    """BOX-05: a size of 0 under the log's name would tell the bridge that the log was set back."""
    log = station.open()
    append_all(log, [draft()])

    def busy(_: Reader) -> int:
        raise sqlite3.OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(Reader, ask, busy)
        assert not outbox.poll()
        assert (outbox.origin != "", outbox.readable, outbox.epoch) == (True, False, 0)
    assert outbox.poll()
    assert (outbox.readable, outbox.epoch, outbox.size) == (True, 1, 2)
    outbox.drop("the log went on in another file")
    assert (outbox.readable, outbox.epoch) == (False, 0)
    log.close()


def test_age_of_the_oldest_record_goes_on_while_the_log_cannot_be_read(
    station: Station, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BOX-05: the alarm on it must not fall silent when something is wrong."""
    log = station.open()
    append_all(log, [draft()])
    assert outbox.oldest_unacked_t() == 0, "nothing is known yet"
    outbox.poll()
    oldest = outbox.oldest_unacked_t()
    assert oldest > 0

    def broken(*_: object) -> list[events.Event]:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(Reader, "events", broken)
        assert (outbox.oldest_unacked_t(), outbox.readable) == (oldest, False)
    assert outbox.oldest_unacked_t() == oldest, "although it is not open"
    witness(station, log)
    until(lambda: outbox.poll() and outbox.acked)
    assert (outbox.oldest_unacked_t(), outbox.readable) == (0, True)
    log.close()


def test_window_bounds_what_is_under_way_and_an_acknowledgement_opens_it(station: Station, outbox: Outbox) -> None:
    log = station.open(queue_events=20_000)
    append_all(log, [draft({"n": number}) for number in range(WINDOW_LEAVES + 1000)])
    outbox.poll()
    sent = _drain(outbox)
    assert WINDOW_LEAVES <= sent < WINDOW_LEAVES + 1001
    note = outbox.checkpoint()
    assert verify(note, station.trust()[0]).size <= sent
    log.accept_ack(station.cosigned(note))
    until(lambda: outbox.poll() and outbox.acked)
    assert sent + _drain(outbox) == WINDOW_LEAVES + 1001
    log.close()


def test_unanswered_batches_are_sent_again_with_growing_patience(station: Station, outbox: Outbox, clock: Clock) -> None:
    log = station.open()
    outbox.poll()
    assert (_drain(outbox), outbox.resend_if_late()) == (1, None)
    assert outbox.checkpoint() is not None
    assert outbox.checkpoint() is None, "it is told once"
    waits = []
    for _ in range(5):
        waits.append(outbox.resend_if_late())
        clock.now += waits[-1]
        assert outbox.resend_if_late() == 0
        assert _drain(outbox) == 1
        assert outbox.checkpoint() is not None
    assert waits[:2] == pytest.approx([RESEND_S, 2 * RESEND_S])
    assert waits[-1] == pytest.approx(RESEND_MAX_S)
    witness(station, log)
    until(outbox.poll)
    assert outbox.resend_if_late() is None
    log.close()


def test_alarms_wait_in_the_live_lane_until_the_broker_took_them(station: Station, outbox: Outbox) -> None:
    log = station.open()
    tricky = draft({"sev": "alarm", "text": '"sev":"alarm"'})
    append_all(log, [draft(), draft({"n": 1}, sev=Severity.ALARM), tricky, draft({"n": 2}, sev=Severity.ALARM)])
    outbox.poll()
    seq, body = outbox.alarm()
    assert (seq, events.decode(body).sev) == (4, Severity.ALARM)
    assert outbox.alarm() == (seq, body), "it stays until the broker took it"
    outbox.told(4)
    assert _live(outbox) == [2]
    outbox.connected()
    assert _live(outbox) == [4, 2], "a new connection tells what is not acknowledged"
    outbox.connected()
    witness(station, log)
    until(outbox.poll)
    assert _live(outbox) == []
    log.close()


def test_new_alarm_goes_before_hundreds_of_old_ones(station: Station, outbox: Outbox) -> None:
    """BOX-05: the newest go first and only so many ahead of the log; the log itself brings the others."""
    log = station.open()
    old = MOST + 100
    append_all(log, [draft({"n": number}, sev=Severity.ALARM) for number in range(old)])
    outbox.poll()
    assert outbox.alarm()[0] == old
    append_all(log, [draft({"new": True}, sev=Severity.ALARM)])
    outbox.poll()
    assert outbox.alarm()[0] == old + 1
    assert _live(outbox) == list(range(old + 1, old + 1 - MOST, -1))
    append_all(log, [draft({"newer": True}, sev=Severity.ALARM)])
    outbox.poll()
    assert _live(outbox) == [old + 2], "what was told or left to the log does not come back"
    assert _drain(outbox) == old + 3
    log.close()


def test_alarm_is_told_again_until_the_bridge_has_it(station: Station, outbox: Outbox, clock: Clock) -> None:
    """A broker takes an alarm though the bridge is not there to hear it; the log may be hours behind."""
    log = station.open()
    append_all(log, [draft(sev=Severity.ALARM)])
    outbox.poll()
    assert _live(outbox) == [1]
    clock.now += AGAIN_S - 1
    assert _live(outbox) == []
    clock.now += 1
    assert _live(outbox) == [1]
    times = 0
    for _ in range(100):
        clock.now += AGAIN_S
        times += len(_live(outbox))
    assert times == AGAIN_FOR_S / AGAIN_S - 2, "not for ever: the log brings it"
    append_all(log, [draft(sev=Severity.ALARM)])
    outbox.poll()
    assert _live(outbox) == [2]
    witness(station, log)
    until(lambda: outbox.poll() and outbox.acked)
    clock.now += AGAIN_S
    assert _live(outbox) == []
    log.close()


def test_a_month_of_backlog_is_not_read_to_find_alarms(
    station: Station, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = station.open(queue_events=20_000)
    append_all(log, [draft(sev=Severity.ALARM)] + [draft({"n": number}) for number in range(NEWEST_ROWS)])
    spans = []
    alarms = Reader.alarms
    monkeypatch.setattr(
        Reader, "alarms", lambda self, first, last: spans.append((first, last)) or alarms(self, first, last)
    )
    outbox.poll()
    assert outbox.alarm() is None, "the only alarm is one row too old"
    size = outbox.size
    append_all(log, [draft(sev=Severity.ALARM)])
    outbox.poll()
    assert outbox.alarm()[0] == size
    assert outbox.alarm()[0] == size
    assert spans == [(size - NEWEST_ROWS, size), (size, size + 1)], "no row is read twice"
    log.close()


def test_no_piece_exceeds_8_KiB(station: Station, outbox: Outbox) -> None:  # noqa: N802 - a unit
    """Whatever the leaves are like: alike, large and random, small again. A leaf that is too large goes alone."""
    log = station.open()
    drafts = [draft({"n": number}) for number in range(600)]
    drafts += [draft({"rubbish": NUMBERS.randbytes(1500).hex()}) for _ in range(60)]
    drafts += [draft({"n": number}) for number in range(600)]
    append_all(log, drafts)
    outbox.poll()
    sizes = []
    while (batch := outbox.batch()) is not None:
        sizes.append(len(batch.payload))
        outbox.sent(batch)
    assert max(sizes) <= PIECE_BYTES
    assert sum(sizes) / len(sizes) > PIECE_BYTES / 2, "and they are not cut smaller than they have to be"
    log.close()


def test_bridge_may_ask_for_leaves_again_but_not_for_others(station: Station, outbox: Outbox, clock: Clock) -> None:
    log = station.open()
    append_all(log, [draft({"n": number}) for number in range(10)])
    witness(station, log)
    outbox.poll()
    assert _drain(outbox) == 0
    assert not outbox.rewind("hotbox.example/box-9/1", 3)
    assert not outbox.rewind(outbox.origin, 12)
    assert outbox.rewind(outbox.origin, 3)
    assert _drain(outbox) == 8
    assert outbox.rewind(outbox.origin, 3)
    assert _drain(outbox) == 0, "the same gap told twice is one gap"
    clock.now += 1
    assert outbox.rewind(outbox.origin, 3)
    assert _drain(outbox) == 8
    assert outbox.checkpoint() is not None
    outbox.acknowledged(outbox.origin, 11)
    assert outbox.resend_if_late() is None
    log.close()


def test_epoch_that_waits_for_two_people_is_kept_by_the_bridge_and_asked_about(
    station: Station, outbox: Outbox, clock: Clock
) -> None:
    """The window moves on with what the bridge keeps; a checkpoint asks again; a cosignature ends the waiting."""
    log = station.open(queue_events=20_000)
    append_all(log, [draft({"n": number}) for number in range(WINDOW_LEAVES + 1000)])
    checkpoint(log)
    outbox.poll()
    sent = _drain(outbox)
    assert sent < outbox.size
    assert outbox.checkpoint() is not None
    outbox.held("hotbox.example/box-9/1", sent)
    outbox.held(outbox.origin, outbox.size + 1)
    assert not outbox.waits, "that was another log, or not ours"
    outbox.held(outbox.origin, sent)
    assert outbox.waits
    assert sent + _drain(outbox) == outbox.size
    first = outbox.checkpoint()
    outbox.held(outbox.origin, outbox.size)
    assert outbox.resend_if_late() == pytest.approx(RESEND_MAX_S)
    clock.now += RESEND_MAX_S
    assert outbox.resend_if_late() == 0
    assert _drain(outbox) == 0, "nothing is sent again"
    assert outbox.checkpoint() == first
    outbox.connected()
    assert _drain(outbox) == 0, "neither after a new connection"
    assert outbox.rewind(outbox.origin, 7), "unless the bridge has lost it"
    assert _drain(outbox) > 0
    witness(station, log)
    until(lambda: outbox.poll() and outbox.acked)
    assert not outbox.waits
    log.close()


def test_new_epoch_is_taken_up_and_the_old_one_is_told_of(station: Station, outbox: Outbox, caplog: pytest.LogCaptureFixture) -> None:
    log = station.open()
    append_all(log, [draft()])
    outbox.poll()
    _drain(outbox)
    log.close()
    for suffix in ("-wal", "-shm", ""):
        part = station.path.with_name(station.path.name + suffix)
        if part.exists():
            part.rename(part.with_name(f"audit.db.bad-1790000000{suffix}"))
    log = station.open()
    checkpoint(log)
    outbox.check_file()
    assert outbox.poll()
    assert outbox.origin.endswith("/2")
    assert _drain(outbox) == 2
    assert "/1 was put aside as audit.db.bad-1790000000" in caplog.text
    assert outbox.tails.unsent == 1
    log.close()
