"""Old leaves leave the box once the witness has them; nothing can be made of that but what was signed (ANT-09, BOX-05)."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from contracts import event as events
from contracts.checkpoint import Checkpoint, sign
from contracts.errors import ContractError
from contracts.event import Event
from contracts.key_chain import KeyChain
from contracts.topics import unpack_batch
from edge.audit import AuditLog, Draft, ledger, prove, retention, upkeep
from edge.audit.case import pack, span, verifier
from edge.audit.case.check import verify_case
from edge.audit.report import Outcome, Reason
from edge.audit.tiles import WIDTH
from edge.audit.verify import verify_file
from edge.link.outbox import Outbox
from tests.edge.audit.site import Station, append_all, checkpoint, draft, until, witness

DAY_MS = 86_400_000
NOW_MS = 1_790_000_000_000
BATCH = retention.BATCH_LEAVES


@pytest.mark.parametrize(
    ("acked", "most"), [(0, 0), (255, 0), (511, 0), (512, 256), (513, 256), (767, 256), (768, 512), (100_000, 99_584)]
)
def test_only_whole_tiles_go_and_one_tiles_width_stays_below_the_witness(acked: int, most: int) -> None:
    assert retention.most(acked) == most


@pytest.mark.parametrize(
    ("pruned", "acked", "end"),
    [(0, BATCH + 255, 0), (0, BATCH + 256, BATCH), (BATCH, 2 * BATCH + 255, BATCH), (BATCH, 9 * BATCH, 2 * BATCH)],
)
def test_leaves_go_in_full_batches(pruned: int, acked: int, end: int) -> None:
    assert retention.batch(pruned, acked) == end


@pytest.mark.parametrize(
    ("age_ms", "crowded", "over"),
    [
        (90 * DAY_MS + retention.PARTS_MS, False, False),
        (90 * DAY_MS + retention.PARTS_MS + 1, False, True),
        (retention.PARTS_MS, True, False),
        (retention.PARTS_MS + 1, True, True),
        (-5, True, False),
    ],
)
def test_what_is_witnessed_is_kept_its_days_and_in_need_of_room_a_day_at_least(age_ms: int, crowded: bool, over: bool) -> None:
    """A kept decision refers to parts that are up to a day older than it: they are kept with it."""
    assert retention.is_over(NOW_MS - age_ms, NOW_MS, 90, crowded=crowded) is over


def test_a_leaf_without_a_time_is_never_old() -> None:
    assert not retention.is_over(0, NOW_MS, 90, crowded=True)


def _old(days: int, number: int = 1) -> list[Draft]:
    t = time.time_ns() // 1_000_000 - days * DAY_MS
    return [msgspec.structs.replace(draft({"n": one}), t=t) for one in range(number)]


def _told(station: Station) -> list[Event]:
    reader = station.reader()
    try:
        return [event for event in reader.events(0, 10**6) if event.type == "audit.pruned"]
    finally:
        reader.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The storage is looked at all the time."""
    monkeypatch.setattr(upkeep, "LOOK_S", 0.01)


def _looks(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait until the storage was looked at twice more."""
    seen: list[int] = []
    look = upkeep.Upkeep.look
    monkeypatch.setattr(upkeep.Upkeep, "look", lambda self: (seen.append(1), look(self))[1])
    until(lambda: len(seen) > 2)


def _pruned(station: Station) -> AuditLog:
    """A log of 2,600 leaves of which 2,048 were deleted."""
    log = station.open(checkpoint_s=60)
    append_all(log, _old(92, 2599))
    witness(station, log)
    log.resting = True
    until(lambda: log.health().pruned == BATCH, "nothing was deleted")
    return log


def _count(station: Station) -> int:
    db = sqlite3.connect(station.path)
    try:
        return int(db.execute("SELECT count(*) FROM event").fetchone()[0])
    finally:
        db.close()


@pytest.mark.usefixtures("quick")
def test_only_the_witnessed_prefix_goes_and_the_log_says_so(station: Station) -> None:
    """ANT-09."""
    log = _pruned(station)
    log.close()
    (event,) = _told(station)
    reader = station.reader()
    root = reader.subtree()(0, BATCH).hex()
    assert (reader.leaf(BATCH - 1), reader.leaf(BATCH) is not None) == (None, True)
    assert reader.size() == 2601
    reader.close()
    assert event.data == {"from": 0, "to": BATCH, "root": root, "size": 2600}
    assert _count(station) == 2601 - BATCH
    db = sqlite3.connect(station.path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute("DELETE FROM event")
    db.close()
    log = station.open()
    assert (log.health().log, log.health().pruned, log.health().size) == (1, BATCH, 2602)
    append_all(log, [draft()])
    witness(station, log)
    log.close()
    report = verify_file(station.path, station.trust())
    assert (report.status, report.pruned, report.size) == (Outcome.OK, BATCH, 2603), report
    assert "Seq 0 to 2047 were deleted" in " ".join(report.lines(chinese=False))
    assert "序号 0 至 2047" in " ".join(report.lines(chinese=True))


@pytest.mark.usefixtures("quick")
def test_what_nobody_has_witnessed_never_goes(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    log = station.open(checkpoint_s=60, budget_mib=1)
    append_all(log, _old(400, 2700))
    log.resting = True
    until(lambda: log.health().full == "stop")
    _looks(log, monkeypatch)
    assert log.health().pruned == 0
    log.close()
    reader = station.reader()
    told = [event.type for event in reader.events(2701, 10**6)]
    reader.close()
    assert told in (["storage.full"], ["storage.warning", "storage.full"]), "that it is full is all that came"


@pytest.mark.usefixtures("quick")
def test_nothing_goes_while_somebody_works(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    log = station.open(checkpoint_s=60)
    append_all(log, _old(92, 2599))
    witness(station, log)
    _looks(log, monkeypatch)
    assert log.health().pruned == 0
    log.close()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("budget_mib", "pruned"), [(64, 0), (3, BATCH)])
def test_what_is_young_goes_only_when_room_is_short(station: Station, monkeypatch: pytest.MonkeyPatch, budget_mib: int, pruned: int) -> None:
    log = station.open(checkpoint_s=60, budget_mib=budget_mib)
    append_all(log, _old(3, 2000))
    append_all(log, [msgspec.structs.replace(one, data={"text": "x" * 3000}) for one in _old(3, 600)])
    witness(station, log)
    log.resting = True
    if pruned:
        until(lambda: log.health().pruned == pruned, "no room was made")
    _looks(log, monkeypatch)
    assert log.health().pruned == pruned
    log.close()


@pytest.mark.usefixtures("quick")
def test_tiles_still_prove_what_is_kept_and_any_witnessed_state(station: Station) -> None:
    log = _pruned(station)
    reader = station.reader()
    for seq in (BATCH, 2599):
        proof = prove.prove(reader, seq)
        leaf = reader.leaf(seq)
        assert leaf is not None
        assert prove.check(proof, leaf, KeyChain.begin(station.trust()[0]), station.witness).index == seq
    odd = sign(Checkpoint(log.origin, 777, reader.subtree()(0, 777)), log.origin, station.key)
    reader.close()
    log.close()
    report = verify_file(station.path, station.trust(), [station.cosigned(odd)])
    assert report.status is Outcome.UNWITNESSED, "a note from before the deletion still fits"
    other = sign(Checkpoint(log.origin, 777, bytes(32)), log.origin, station.key)
    assert verify_file(station.path, station.trust(), [station.cosigned(other)]).status is Outcome.INCONSISTENT


def _signed(station: Station) -> list[int]:
    """Sizes of the checkpoints that are there."""
    db = sqlite3.connect(station.path)
    try:
        return [row[0] for row in db.execute("SELECT size FROM checkpoint ORDER BY size")]
    finally:
        db.close()


@pytest.mark.usefixtures("quick")
def test_what_was_deleted_is_never_offered_to_the_bridge_again(station: Station) -> None:
    """A bridge that lost its copy asks for the first leaf: others under that number would be a fork."""
    log = _pruned(station)
    outbox = Outbox(station.path)
    assert outbox.poll()
    assert not outbox.rewind(log.origin, BATCH - 1)
    assert outbox.rewind(log.origin, BATCH)
    batch = outbox.batch()
    assert batch is not None
    head, leaves = unpack_batch(batch.payload)
    assert head.first == BATCH == events.decode(leaves[0]).seq
    outbox.close()
    log.close()


def _meta(value: str) -> Callable[[sqlite3.Connection], object]:
    return lambda db: db.execute("UPDATE meta SET value=? WHERE key='pruned'", (value,))


def _more_is_gone(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM event WHERE seq<?", (BATCH + WIDTH,))
    _meta(str(BATCH + WIDTH))(db)


def _bent_tile(db: sqlite3.Connection) -> None:
    (hashes,) = db.execute("SELECT hashes FROM tile WHERE level=0 AND idx=3").fetchone()
    db.execute("UPDATE tile SET hashes=? WHERE level=0 AND idx=3", (bytes(32) + hashes[32:],))


def _second_opinion(path: Path, station: Station) -> verifier.Result:
    """What the verifier says that goes with every case."""
    return verifier.verify_log(str(path), [verifier.Key(key.vkey()) for key in station.trust()])


TAMPERED: dict[str, tuple[Callable[[sqlite3.Connection], object], int, Reason]] = {
    "nothing is said to be gone": (_meta("0"), 0, Reason.MISSING),
    "less is said to be gone": (_meta(str(WIDTH)), WIDTH, Reason.MISSING),
    "more is said to be gone": (_meta(str(BATCH + WIDTH)), BATCH + WIDTH, Reason.MISSING),
    "more is gone": (_more_is_gone, BATCH, Reason.MISSING),
    "a hash went, too": (lambda db: db.execute("DELETE FROM tile WHERE level=0 AND idx=5"), 5 * WIDTH, Reason.MISSING),
    "a hash was cut": (lambda db: db.execute("UPDATE tile SET hashes=x'00' WHERE level=0 AND idx=5"), 5 * WIDTH, Reason.MISSING),
    "a hash was bent": (_bent_tile, 3 * WIDTH, Reason.REWRITTEN),
    "the first that stays": (lambda db: db.execute("DELETE FROM event WHERE seq=?", (BATCH,)), BATCH, Reason.MISSING),
    "rubbish": (_meta("٣"), 0, Reason.MALFORMED),
    "too long a number": (_meta("9" * 5000), 0, Reason.MALFORMED),
    "a number far too large": (_meta("9" * 15), 10 * WIDTH, Reason.MISSING),
}


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Station:
    """A log that was pruned, closed."""
    station = Station(tmp_path_factory.mktemp("pruned"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upkeep, "LOOK_S", 0.01)
        _pruned(station).close()
    return station


@pytest.mark.parametrize("kind", TAMPERED)
def test_a_deletion_that_the_log_does_not_tell_of_is_found(after: Station, tmp_path: Path, kind: str) -> None:
    """ANT-09: the mark of a deletion is believed no more than anything else in the file."""
    change, first_bad, reason = TAMPERED[kind]
    copy = tmp_path / "audit.db"
    copy.write_bytes(after.path.read_bytes())
    db = sqlite3.connect(copy, isolation_level=None)
    triggers = [row[0] for row in db.execute("SELECT sql FROM sqlite_master WHERE type='trigger'")]
    for name in ("event_stays", "event_remains"):
        db.execute(f"DROP TRIGGER {name}")
    change(db)
    for statement in triggers:
        db.execute(statement)
    db.close()
    report = verify_file(copy, after.trust())
    assert (report.status, report.reason) == (Outcome.TAMPERED, reason), report
    assert report.first_bad == first_bad or reason is Reason.REWRITTEN
    assert _second_opinion(copy, after).code == 1


def test_both_verifiers_agree_on_a_log_that_was_pruned(after: Station) -> None:
    result = _second_opinion(after.path, after)
    assert (result.code, result.first, result.why) == (4, BATCH, "")


def test_what_was_deleted_beyond_the_witness_is_named(after: Station, tmp_path: Path) -> None:
    copy = tmp_path / "audit.db"
    copy.write_bytes(after.path.read_bytes())
    db = sqlite3.connect(copy)
    db.execute("DELETE FROM ack")
    db.commit()
    db.close()
    report = verify_file(copy, after.trust())
    assert (report.status, report.reason) == (Outcome.TAMPERED, Reason.PRUNED)
    assert _second_opinion(copy, after).code == 1
    assert verify_file(copy, after.trust()[:1]).status is Outcome.UNWITNESSED, "without the witness's key nobody can tell"


def test_a_log_whose_mark_goes_beyond_its_witness_is_put_aside(after: Station, tmp_path: Path) -> None:
    station = Station(tmp_path)
    station.key, station.witness_key, station.witness = after.key, after.witness_key, after.witness
    station.path.parent.mkdir()
    station.path.write_bytes(after.path.read_bytes())
    db = sqlite3.connect(station.path)
    db.execute("DELETE FROM ack")
    db.commit()
    db.close()
    log = station.open()
    assert (log.health().log, log.health().epoch_pending) == (2, True)
    log.close()


@pytest.mark.usefixtures("quick")
def test_checkpoints_below_the_witness_are_thinned(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """One every fifteen seconds outweighs the events of a quiet box."""
    log = station.open(checkpoint_s=60)
    for _ in range(300):
        append_all(log, [draft()])
        log.checkpoint_now()
    witness(station, log)
    log.resting = True

    until(lambda: len(_signed(station)) == 1, "they are all kept")
    assert _signed(station) == [log.health().acked] == [301]
    append_all(log, [draft()])
    checkpoint(log)
    _looks(log, monkeypatch)
    assert _signed(station) == [301, 302], "what nobody has witnessed stays"
    witness(station, log)
    log.close()
    assert verify_file(station.path, station.trust()).status is Outcome.OK


@pytest.mark.usefixtures("quick")
def test_one_checkpoint_in_4096_leaves_stays(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """With fewer leaves to a kept one, and fewer to begin with."""
    monkeypatch.setattr(ledger, "THIN_LEAVES", 600)
    monkeypatch.setattr(ledger, "THIN_CHECKPOINTS", 3)
    log = station.open(checkpoint_s=60)
    append_all(log, [draft() for _ in range(1500)])
    witness(station, log)
    before = _signed(station)
    log.resting = True
    until(lambda: len(_signed(station)) == 3, "they are all kept")
    log.close()
    sizes = _signed(station)
    assert [max(size for size in before if size // 600 == group) for group in (0, 1, 2)] == sizes
    assert sizes[-1] == 1501
    assert verify_file(station.path, station.trust()).status is Outcome.OK


@pytest.mark.usefixtures("quick")
def test_without_its_tiles_nothing_is_deleted(station: Station, caplog: pytest.LogCaptureFixture) -> None:
    """What goes could not be proven any more."""
    log = station.open(checkpoint_s=60)
    append_all(log, _old(92, 2599))
    witness(station, log)
    log.close()
    db = sqlite3.connect(station.path)
    db.execute("DELETE FROM tile WHERE level=1")
    db.commit()
    db.close()
    log = station.open()
    log.resting = True
    until(lambda: "nothing is deleted from this log any more" in caplog.text, "it never looked")
    append_all(log, [draft()])
    assert (log.health().pruned, log.health().writable) == (0, True)
    log.close()


def _spoil(station: Station, seq: int) -> None:
    """One leaf is no JSON any more."""
    db = sqlite3.connect(station.path, isolation_level=None)
    (guard,) = db.execute("SELECT sql FROM sqlite_master WHERE name='event_stays'").fetchone()
    db.execute("BEGIN IMMEDIATE")
    db.execute("DROP TRIGGER event_stays")
    db.execute("UPDATE event SET body=x'7b22ff' WHERE seq=?", (seq,))
    db.execute(guard)
    db.execute("COMMIT")
    db.close()


@pytest.mark.usefixtures("quick")
def test_leaves_whose_age_cannot_be_read_are_kept_and_the_log_goes_on(station: Station, caplog: pytest.LogCaptureFixture) -> None:
    """It used to end the log, and once more after every start."""
    log = station.open(checkpoint_s=60)
    append_all(log, _old(92, 2599))
    witness(station, log)
    log.close()
    _spoil(station, BATCH - 1)
    log = station.open()
    log.resting = True
    until(lambda: "nothing is deleted from this log any more" in caplog.text, "it never looked")
    append_all(log, [draft()])
    assert (log.health().log, log.health().pruned, log.health().writable) == (1, 0, True)
    assert log.close()


def test_an_acknowledgement_up_to_a_damaged_leaf_is_kept_and_the_age_before_it_stays(
    station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody knows how old the next one is: what is not witnessed must not look young."""
    log = station.open()
    append_all(log, _old(3, 5))
    note = checkpoint(log)
    append_all(log, _old(1, 5))
    checkpoint(log)
    oldest = log.health().oldest_unacked_t
    size = int(note.split("\n")[1])
    _spoil(station, size)
    log.accept_ack(station.cosigned(note))
    until(lambda: log.health().acked == size, "the acknowledgement was lost")
    assert (log.health().oldest_unacked_t, log.health().writable) == (oldest, True)
    assert "cannot be read" in caplog.text
    witness(station, log)
    assert log.health().oldest_unacked_t == 0
    assert log.close()


def test_what_is_left_of_a_log_is_exported_and_verifies(after: Station, tmp_path: Path) -> None:
    """A case of everything begins with the oldest event that is still here; the tiles prove where it stands (PTW-06)."""
    reader = after.reader()
    first, last = reader.first(), reader.signed() - 1
    assert first == reader.pruned() > 0
    target = tmp_path / "case.zip"
    pack.export(reader, target, span.Span(first, last), after.trust(), whole=True)
    with pytest.raises((ContractError, LookupError)):
        pack.export(reader, tmp_path / "gone.zip", span.Span(first - 1, last), after.trust())
    reader.close()
    keys = tmp_path / "keys.txt"
    keys.write_text("".join(f"{key.vkey()}\n" for key in after.trust()), encoding="utf-8")
    report = verify_case(target, after.trust())
    assert (report.first, report.exit_code) == (first, verifier.verify(str(target), str(keys)).code)
    assert report.exit_code in (0, 4)
