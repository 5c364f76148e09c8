"""The writer: order of acknowledgement, group commit, splitting, limits, witnesses (BOX-05, ANT-09)."""

import sqlite3
import threading
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from contracts import event as events
from contracts import events as events_of
from contracts.checkpoint import Checkpoint, sign, verify
from contracts.event import MAX_LEAF_BYTES, Category, Severity
from edge.audit import AckVerdict, AuditError, AuditLog, LogLockedError
from edge.audit.draft import cut, join
from edge.audit.ledger import Ledger
from edge.audit.reader import Reader
from edge.audit.schema import open_reader
from tests.edge.audit.site import BOX, Station, append_all, checkpoint, draft, until, witness


def _durable(path: Path) -> int:
    db = open_reader(path)
    try:
        return db.execute("SELECT count(*) FROM event").fetchone()[0]
    finally:
        db.close()


def test_event_is_on_the_disk_before_it_is_acknowledged(station: Station) -> None:
    """BOX-05: at each acknowledgement another connection already reads that event."""
    log = station.open()
    seen: list[tuple[int, int]] = []
    ready = threading.Event()

    def done(seq: int) -> None:
        seen.append((seq, _durable(station.path)))
        if len(seen) == 40:
            ready.set()

    for number in range(40):
        log.append(draft({"n": number}), done)
    assert ready.wait(8)
    log.close()
    assert [seq for seq, _ in seen] == list(range(1, 41))
    assert all(seq < rows for seq, rows in seen)


def test_acknowledging_before_the_commit_would_be_noticed(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control of the test above: a log that tells first is caught by the same observation."""
    early: list[bool] = []
    commit = Ledger.commit

    def tell_first(ledger: Ledger) -> dict[int, bytes]:
        early.append(ledger.size - 1 < _durable(station.path))
        return commit(ledger)

    log = station.open()
    monkeypatch.setattr(Ledger, "commit", tell_first)
    append_all(log, [draft()])
    log.close()
    assert early
    assert not early[0]


def test_many_events_share_few_commits(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    commits: list[int] = []
    commit = Ledger.commit
    monkeypatch.setattr(Ledger, "commit", lambda ledger: (commits.append(ledger.size), commit(ledger))[1])
    log = station.open()
    append_all(log, [draft({"n": number}) for number in range(1000)])
    log.close()
    assert len(commits) < 200
    steps = [after - before for before, after in pairwise(commits)]
    assert max(steps) <= 256


def test_checkpoint_covers_alarms_permits_bypasses_and_commands_in_their_own_transaction(station: Station) -> None:
    """ANT-09: what a person answers for cannot be cut off the end of the log without a trace."""
    log = station.open(checkpoint_s=60)
    for one in (
        draft(sev=Severity.ALARM, what="interlock.tripped", cat=Category.INTERLOCK),
        draft(what="permit.accepted", cat=Category.PERMIT),
        draft(what="bypass.started", cat=Category.BYPASS, sev=Severity.WARNING),
        draft(what="bypass.ended", cat=Category.INTERLOCK),
        draft(what="cli.reset", cat=Category.CLI),
    ):
        (seq,) = append_all(log, [one])
        reader = station.reader()
        assert reader.checkpoint()[0] == seq + 1
        reader.close()
    (seq,) = append_all(log, [draft()])
    reader = station.reader()
    assert reader.checkpoint()[0] == seq
    reader.close()
    log.close()


def test_checkpoint_comes_after_256_leaves_and_after_its_time(station: Station) -> None:
    log = station.open(checkpoint_s=60)
    append_all(log, [draft() for _ in range(700)])
    db = open_reader(station.path)
    sizes = [row[0] for row in db.execute("SELECT size FROM checkpoint ORDER BY size")]
    db.close()
    log.close()
    assert all(after - before <= 256 for before, after in pairwise(sizes))
    log = station.open(checkpoint_s=0.05)
    append_all(log, [draft()])
    reader = station.reader()
    until(lambda: reader.checkpoint()[0] == reader.size(), "no checkpoint came by time")
    reader.close()
    log.close()


def test_long_snapshot_is_split_over_leaves_and_joined_again(station: Station) -> None:
    items = [{"channel": f"ch4-{number}", "value_milli": number * 100, "note": "甲烷" * 40} for number in range(120)]
    log = station.open()
    head, after = append_all(
        log,
        [draft({"first_out": "gas", "snapshot": items}, sev=Severity.ALARM, what="interlock.tripped"), draft({"n": 1})],
    )
    log.close()
    reader = station.reader()
    bodies = reader.leaves(head, after - head, 10**6)
    found = [events.decode(body) for body in bodies]
    assert all(len(body) <= MAX_LEAF_BYTES for body in bodies)
    assert len(found) == found[0].data["of"] > 3
    assert [event.data["part"] for event in found] == list(range(1, len(found) + 1))
    assert found[0].data["first_out"] == "gas"
    assert [event.sev for event in found] == [Severity.ALARM] + [Severity.INFO] * (len(found) - 1)
    assert {event.data["head"] for event in found[1:]} == {head}
    (whole, other) = join(reader.events(head, 100)[: after - head + 1])
    reader.close()
    assert whole.data["snapshot"] == items
    assert other.seq == after


def test_draft_without_canonical_form_is_refused_in_the_log_and_never_acknowledged(station: Station) -> None:
    log = station.open()
    told: list[int] = []
    for data in ({"ratio": 0.5}, {"big": 2**60}, {"text": "x" * 9000}, {"snapshot": ["y" * 9000]}, {"o": object()}):
        log.append(draft(data), told.append)
    append_all(log, [draft({"n": 1})])
    assert log.health().refused == 5
    assert not told
    assert log.health().writable
    log.close()
    reader = station.reader()
    refused = [event for event in reader.events(0, 100) if event.type == "audit.draft_refused"]
    reader.close()
    assert len(refused) == 5
    assert "ratio" in refused[0].data["error"]


TOO_LONG = [{"code": "gas_stale", "chan": f"ch4-{number}", "clause": "c" * 100} for number in range(80)]


def test_an_alarm_that_no_leaf_can_hold_is_recorded_with_its_first_out(station: Station) -> None:
    """ANT-10: a trip is never lost for its length, and whoever waits for it is told."""
    log = station.open()
    told: list[int] = []
    data = {"code": "gas_stale", "chan": "ch4-0", "others": TOO_LONG, "released": True, "snapshot": [{"k": "decision", "v": {}}]}
    log.append(draft(data, sev=Severity.ALARM, what="interlock.tripped", cat=Category.INTERLOCK), told.append)
    append_all(log, [draft({"n": 1})])
    assert log.health().refused == 1
    assert log.health().ring == 0
    log.close()
    reader = station.reader()
    found = [event for event in reader.events(0, 100) if event.sev is Severity.ALARM]
    reader.close()
    assert events_of.check(found[1]) == ""
    assert [event.type for event in found] == ["audit.draft_refused", "interlock.tripped"]
    assert found[1].data == {"code": "gas_stale", "chan": "ch4-0", "others": [], "released": True, "snapshot": []}
    assert told == [found[1].seq]


@pytest.mark.parametrize("done", [True, False])
def test_an_alarm_of_which_nothing_fits_goes_to_the_ring(station: Station, done: bool) -> None:
    log = station.open()
    told: list[int] = []
    trip = draft({"code": "stop", "chan": ""}, sev=Severity.ALARM, what="interlock.tripped", cat=Category.INTERLOCK)
    log.append(msgspec.structs.replace(trip, permit="P" * 9000), told.append if done else None)
    log.append(msgspec.structs.replace(trip, data={"code": "stop", "chan": "", "others": TOO_LONG, "m": 5}, m=trip.m + 1))
    append_all(log, [draft({"n": 1})])
    until(lambda: log.health().ring)
    assert (log.health().refused, told) == (2, [])
    log.close()
    again = station.open()
    again.close()
    reader = station.reader()
    (recovered,) = [event for event in reader.events(0, 100) if event.type == "audit.ring_recovered"]
    reader.close()
    assert (recovered.data["was"]["type"], recovered.data["was"]["data"]["code"]) == ("interlock.tripped", "stop")


def test_what_is_kept_of_a_cut_alarm_has_a_canonical_form_and_fits() -> None:
    data = {
        "code": "stop", "text": "x" * 5000, "not text": "\udc80", "not nfc": "e\u0301", "ratio": 0.5, "big": 2**60, "none": None,
        "released": False, "row": {"a": 1}, "\u4e2d": 1, "pair": (1, 2), "value_milli": 7,
    }  # fmt: skip
    kept = cut(draft(data, sev=Severity.ALARM))
    assert kept.data == {"code": "stop", "none": None, "released": False, "pair": [], "value_milli": 7}


def test_append_never_waits_for_a_stalled_disk_and_dropped_drafts_are_counted_and_told(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    stalled, go = threading.Event(), threading.Event()
    commit = Ledger.commit

    def stall(ledger: Ledger) -> dict[int, bytes]:
        stalled.set()
        assert go.wait(8)
        return commit(ledger)

    log = station.open(queue_events=50)
    monkeypatch.setattr(Ledger, "commit", stall)
    log.append(draft(sev=Severity.ALARM))
    assert stalled.wait(8)
    told: list[int] = []
    for number in range(80):
        log.append(draft({"n": number}), told.append)
    health = log.health()
    assert (health.queue, health.overflowed, health.writable) == (50, 31, False)
    assert health.pending_since_us > 0
    assert not told
    go.set()
    until(lambda: log.health().writable, "the loss was never told")
    log.close()
    assert len(told) == 49
    reader = station.reader()
    lost = [event.data["lost"] for event in reader.events(0, 200) if event.type == "audit.overflow"]
    reader.close()
    assert lost == [31]


def test_second_writer_is_refused(station: Station) -> None:
    log = station.open()
    with pytest.raises(LogLockedError, match="another process"):
        station.open()
    log.close()
    station.open().close()


def test_another_boxs_log_is_refused_and_left_alone(station: Station) -> None:
    station.open().close()
    before = station.path.read_bytes()
    with pytest.raises(AuditError, match="belongs to box-1"):
        AuditLog.open(station.path, box="box-2", domain="example", key=station.key)
    assert station.path.read_bytes() == before


def test_events_cannot_be_updated_or_deleted_by_accident(station: Station) -> None:
    station.open().close()
    db = sqlite3.connect(station.path)
    for statement in ("DELETE FROM event", "UPDATE event SET body=x'00'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute(statement)
    db.close()


def test_clean_and_next_boot_are_recorded(station: Station) -> None:
    station.open().close()
    station.open(boot={"config": "abc"}).close()
    reader = station.reader()
    first, second = reader.events(0, 10)
    reader.close()
    assert (first.type, first.boot, first.data["last_seq"]) == ("system.boot", 1, -1)
    assert (second.boot, second.data["clean"], second.data["last_seq"], second.data["config"]) == (2, True, 0, "abc")
    assert second.data["sqlite"] == sqlite3.sqlite_version


def test_witnessed_checkpoint_moves_the_cursor_and_survives_a_restart(station: Station) -> None:
    log = station.open()
    append_all(log, [draft({"n": number}) for number in range(10)])
    assert log.health().oldest_unacked_t > 0
    health = witness(station, log)
    assert (health.acked, health.oldest_unacked_t) == (11, 0)
    (seq,) = append_all(log, [draft()])
    assert log.health().oldest_unacked_t > 0
    note = station.cosigned(checkpoint(log))
    assert seq == 11
    log.close()
    log = station.open()
    assert log.health().acked == 11
    assert log.accept_ack(note) is AckVerdict.COMPARING, "a checkpoint of an earlier run: its root is in the file alone"
    until(lambda: log.health().acked == 12)
    assert log.accept_ack(note) is AckVerdict.KNOWN
    log.close()


def test_forged_foreign_and_unwitnessed_acknowledgements_do_nothing(station: Station, tmp_path: Path) -> None:
    log = station.open()
    note = checkpoint(log)
    other = Station(tmp_path / "other")
    foreign = sign(Checkpoint("hotbox.example/box-1/9", 1, bytes(32)), "hotbox.example/box-1/9", station.key)
    assert log.accept_ack(note) is AckVerdict.FORGED
    assert log.accept_ack(other.cosigned(note)) is AckVerdict.FORGED
    assert log.accept_ack("rubbish") is AckVerdict.FORGED
    assert log.accept_ack(station.cosigned(foreign)) is AckVerdict.FOREIGN
    assert (log.health().acked, log.health().rollback) == (0, False)
    log.close()
    log = AuditLog.open(station.path, box=BOX, domain="example", key=station.key)
    assert log.accept_ack(station.cosigned(note)) is AckVerdict.NO_WITNESS
    log.close()


def test_log_shorter_than_witnessed_is_flagged_for_good(station: Station) -> None:
    """ANT-09: a rolled-back card shows when the witness's retained acknowledgement arrives."""
    station.open().close()
    saved = station.path.read_bytes()
    log = station.open()
    append_all(log, [draft() for _ in range(5)])
    note = station.cosigned(checkpoint(log))
    log.close()
    station.path.write_bytes(saved)
    log = station.open()
    assert log.accept_ack(note) is AckVerdict.ROLLBACK
    assert log.health().rollback
    until(lambda: log.health().size == 3)
    log.close()
    reader = station.reader()
    assert reader.events(2, 1)[0].type == "audit.rollback_detected"
    reader.close()
    log = station.open()
    assert log.health().rollback
    log.close()


@pytest.mark.parametrize(("size", "verdict"), [(1, AckVerdict.FORK), (4, AckVerdict.COMPARING)])
def test_witness_of_other_leaves_is_a_fork(station: Station, size: int, verdict: AckVerdict) -> None:
    """ANT-09: at a checkpoint of this run it is known at once, elsewhere when the file has been compared."""
    log = station.open()
    append_all(log, [draft() for _ in range(5)])
    other = sign(Checkpoint(log.origin, size, bytes(32)), log.origin, station.key)
    assert log.accept_ack(station.cosigned(other)) is verdict
    until(lambda: log.health().rollback)
    until(lambda: log.health().size == 7)
    assert log.accept_ack(station.cosigned(other)) is AckVerdict.FORK
    assert log.health().acked == 0
    log.close()
    reader = station.reader()
    assert reader.events(6, 1)[0].type == "audit.fork_detected"
    reader.close()


def test_acknowledgement_of_a_size_between_checkpoints_is_compared_with_the_leaves(station: Station) -> None:
    log = station.open()
    append_all(log, [draft({"n": number}) for number in range(300)])
    checkpoint(log)
    reader = station.reader()
    odd = sign(Checkpoint(log.origin, 299, reader.subtree()(0, 299)), log.origin, station.key)
    reader.close()
    assert log.accept_ack(station.cosigned(odd)) is AckVerdict.COMPARING
    until(lambda: log.health().acked == 299)
    log.close()


def test_acknowledgement_never_waits_for_a_stalled_disk(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """ANT-10: whoever hands it in drives the relay; even what only the file can tell is compared by the writer thread."""
    log = station.open()
    append_all(log, [draft() for _ in range(3)])
    note = station.cosigned(checkpoint(log))
    log.close()
    stalled, go = threading.Event(), threading.Event()
    commit = Ledger.commit

    def stall(ledger: Ledger) -> dict[int, bytes]:
        stalled.set()
        assert go.wait(8)
        return commit(ledger)

    log = station.open()
    monkeypatch.setattr(Ledger, "commit", stall)
    monkeypatch.setattr(Ledger, "root_of", lambda ledger, size, root_of=Ledger.root_of: (go.wait(8), root_of(ledger, size))[1])
    log.append(draft(sev=Severity.ALARM))
    assert stalled.wait(8)
    assert log.accept_ack(note) is AckVerdict.COMPARING
    assert log.health().acked == 0
    go.set()
    until(lambda: log.health().acked == 4)
    log.close()


def test_acknowledgement_that_the_file_cannot_judge_moves_nothing(station: Station) -> None:
    """ANT-09: without its tiles the log knows no root between two checkpoints."""
    log = station.open()
    append_all(log, [draft({"n": number}) for number in range(300)])
    checkpoint(log)
    reader = station.reader()
    odd = sign(Checkpoint(log.origin, 299, reader.subtree()(0, 299)), log.origin, station.key)
    reader.close()
    db = sqlite3.connect(station.path)
    db.execute("DELETE FROM tile")
    db.commit()
    db.close()
    assert log.accept_ack(station.cosigned(odd)) is AckVerdict.COMPARING
    append_all(log, [draft()])
    assert (log.health().acked, log.health().rollback, log.health().writable) == (0, False, True)
    log.close()


def test_damaged_log_is_kept_and_the_next_epoch_names_its_last_checkpoint(station: Station) -> None:
    log = station.open()
    append_all(log, [draft({"n": number}) for number in range(20)])
    log.close()
    reader = station.reader()
    size, note = reader.checkpoint()
    reader.close()
    db = sqlite3.connect(station.path)
    db.execute("DROP TRIGGER event_stays")
    db.execute("UPDATE event SET body=x'7b7d' WHERE seq=?", (size - 1,))
    db.close()
    log = station.open()
    assert (log.health().log, log.health().boot) == (2, 1)
    log.close()
    reader = Reader.open(station.path)
    started, boot = reader.events(0, 2)
    reader.close()
    root = verify(note, station.trust()[0]).root.hex()
    assert (started.type, started.log, started.data["origin"]) == ("audit.epoch_started", 2, "hotbox.example/box-1/1")
    assert (started.data["size"], started.data["root"]) == (size, root)
    assert (station.path.parent / started.data["file"]).exists()
    assert boot.type == "system.boot"


@pytest.mark.parametrize("loss", ["removed", "emptied", "not a database"])
def test_lost_database_begins_the_next_epoch_never_the_same_again(station: Station, loss: str) -> None:
    station.open().close()
    if loss == "removed":
        station.path.unlink()
    else:
        station.path.write_bytes(b"" if loss == "emptied" else b"x" * 8192)
    log = station.open()
    assert log.health().log == 2
    log.close()
    reader = station.reader()
    assert reader.events(0, 1)[0].type == "audit.epoch_started"
    reader.close()
