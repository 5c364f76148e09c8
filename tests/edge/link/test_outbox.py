"""The two lanes over a log, without a broker (BOX-05)."""

import pytest

from contracts import event as events
from contracts.checkpoint import verify
from contracts.event import Severity
from contracts.topics import unpack_batch
from edge.link.outbox import BATCH_BYTES, RESEND_MAX_S, RESEND_S, Outbox
from tests.edge.audit.site import Station, append_all, checkpoint, draft, until, witness


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
        assert len(batch.payload) <= BATCH_BYTES
        total += len(leaves)
        outbox.sent(batch)
    return total


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


def test_window_bounds_what_is_under_way_and_an_acknowledgement_opens_it(station: Station, outbox: Outbox) -> None:
    log = station.open()
    append_all(log, [draft({"n": number}) for number in range(3000)])
    outbox.poll()
    sent = _drain(outbox)
    assert 2000 <= sent < 3001
    note = outbox.checkpoint()
    assert verify(note, station.trust()[0]).size <= sent
    log.accept_ack(station.cosigned(note))
    until(lambda: outbox.poll() and outbox.acked)
    assert sent + _drain(outbox) == 3001
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
    found = outbox.alarms()
    assert [seq for seq, _ in found] == [2, 4]
    assert all(events.decode(body).sev is Severity.ALARM for _, body in found)
    outbox.told(2)
    assert [seq for seq, _ in outbox.alarms()] == [4]
    outbox.told(4)
    assert not outbox.alarms()
    outbox.connected()
    assert [seq for seq, _ in outbox.alarms()] == [2, 4], "a new connection tells what is not acknowledged"
    witness(station, log)
    until(outbox.poll)
    outbox.connected()
    assert not outbox.alarms()
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


def test_new_epoch_is_taken_up_and_the_old_one_is_told_of(station: Station, outbox: Outbox, caplog: pytest.LogCaptureFixture) -> None:
    log = station.open()
    append_all(log, [draft()])
    outbox.poll()
    _drain(outbox)
    log.close()
    station.path.rename(station.path.with_name("audit.db.bad-1790000000"))
    log = station.open()
    checkpoint(log)
    outbox.check_file()
    assert outbox.poll()
    assert outbox.origin.endswith("/2")
    assert _drain(outbox) == 2
    assert "audit.db.bad-1790000000" in caplog.text
    log.close()
