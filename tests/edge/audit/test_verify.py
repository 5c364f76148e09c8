"""Every kind of tampering is found and named with the event's seq (ANT-09); hostile bytes never crash the verifier."""

import json
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from contracts import event as events
from contracts.checkpoint import Checkpoint, note_key, sign
from contracts.event import FIRST_PREV
from contracts.merkle import Frontier, leaf_hash
from edge.audit.case import verifier
from edge.audit.held import read_held
from edge.audit.report import Outcome, Reason, Report
from edge.audit.tiles import TileWriter
from edge.audit.verify import verify_file
from tests.edge.audit.site import Station, append_all, checkpoint, draft, witness

VICTIM, WITNESSED, SIGNED, SIZE = 137, 201, 401, 601


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Station:
    """601 events (two full tiles) with checkpoints at 1, 201, 401, 601, witnessed up to 201."""
    station = Station(tmp_path_factory.mktemp("log"))
    log = station.open(checkpoint_s=60)
    append_all(log, [draft({"n": number, "text": "气体 <b>"}) for number in range(WITNESSED - 1)])
    witness(station, log)
    append_all(log, [draft({"n": number}) for number in range(SIGNED - WITNESSED)])
    checkpoint(log)
    append_all(log, [draft({"n": number}) for number in range(SIZE - SIGNED)])
    log.close()
    return station


@pytest.fixture
def copy(original: Station, tmp_path: Path) -> Station:
    """A copy with its guards against accidents removed, as somebody who tampers would."""
    station = Station(tmp_path)
    station.key, station.witness_key, station.witness = original.key, original.witness_key, original.witness
    station.path.parent.mkdir()
    shutil.copy(original.path, station.path)
    return station


class Tampered:
    """A copy open for writing; its triggers are put back at the end."""

    def __init__(self, station: Station) -> None:
        self.db = sqlite3.connect(station.path, isolation_level=None)
        self._triggers = [row[0] for row in self.db.execute("SELECT sql FROM sqlite_master WHERE type='trigger'")]

    def __enter__(self) -> sqlite3.Connection:
        for name in ("event_stays", "event_remains"):
            self.db.execute(f"DROP TRIGGER {name}")
        return self.db

    def __exit__(self, *_: object) -> None:
        for statement in self._triggers:
            self.db.execute(statement)
        self.db.close()


def _body(db: sqlite3.Connection, seq: int) -> bytes:
    return db.execute("SELECT body FROM event WHERE seq=?", (seq,)).fetchone()[0]


def _put(db: sqlite3.Connection, seq: int, body: bytes, *, leaf: bool = True) -> None:
    db.execute("UPDATE event SET body=? WHERE seq=?", (body, seq))
    if leaf:
        db.execute("UPDATE event SET leaf=? WHERE seq=?", (leaf_hash(body), seq))


def _edited(body: bytes, **changes: object) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(events.decode(body), **changes), order="sorted")


def rechain(db: sqlite3.Connection, first: int) -> None:
    """Give every event from `first` on the `prev` that its new predecessor asks for."""
    prev = leaf_hash(_body(db, first - 1)).hex() if first else FIRST_PREV
    for seq, body in db.execute("SELECT seq, body FROM event WHERE seq>=? ORDER BY seq", (first,)).fetchall():
        new = _edited(body, prev=prev, seq=seq)
        _put(db, seq, new)
        prev = leaf_hash(new).hex()


def retile(db: sqlite3.Connection) -> Frontier:
    """Rewrite tiles to fit the leaves; returns the frontier of the whole."""
    db.execute("DELETE FROM tile")
    tiles, frontier = TileWriter(0, []), Frontier()
    for (leaf,) in db.execute("SELECT leaf FROM event ORDER BY seq").fetchall():
        frontier = frontier.append(leaf)
        for row in tiles.append(leaf):
            db.execute("INSERT OR REPLACE INTO tile VALUES (?, ?, ?)", row)
    return frontier


def _bit(db: sqlite3.Connection) -> None:
    body = bytearray(_body(db, VICTIM))
    body[40] ^= 4
    _put(db, VICTIM, bytes(body), leaf=False)


def _shift(db: sqlite3.Connection, by: int) -> None:
    order = "DESC" if by > 0 else "ASC"
    for (seq,) in db.execute(f"SELECT seq FROM event WHERE seq>=? ORDER BY seq {order}", (VICTIM,)).fetchall():
        db.execute("UPDATE event SET seq=? WHERE seq=?", (seq + by, seq))


def _insert(db: sqlite3.Connection) -> None:
    _shift(db, 1)
    body = _edited(_body(db, VICTIM - 1), seq=VICTIM, prev=leaf_hash(_body(db, VICTIM - 1)).hex())
    db.execute("INSERT INTO event VALUES (?, ?, ?)", (VICTIM, body, leaf_hash(body)))


def _delete_closing_the_gap(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM event WHERE seq=?", (VICTIM,))
    _shift(db, -1)


def _swap(db: sqlite3.Connection) -> None:
    one, two = _body(db, VICTIM), _body(db, VICTIM + 1)
    _put(db, VICTIM, two)
    _put(db, VICTIM + 1, one)


def _note(db: sqlite3.Connection, change: Callable[[str], str]) -> None:
    (note,) = db.execute("SELECT note FROM checkpoint WHERE size=?", (WITNESSED,)).fetchone()
    db.execute("UPDATE checkpoint SET note=? WHERE size=?", (change(note), WITNESSED))


def _flip_signature(note: str) -> str:
    return note[:-6] + ("A" if note[-6] != "A" else "B") + note[-5:]


def _flip_root(note: str) -> str:
    head, size, root, rest = note.split("\n", 3)
    return "\n".join((head, size, ("A" if root[0] != "A" else "B") + root[1:], rest))


def _rechained_edit(db: sqlite3.Connection) -> None:
    _put(db, VICTIM, _edited(_body(db, VICTIM), data={"n": 1}))
    rechain(db, VICTIM)


def _rewritten_with_tiles(db: sqlite3.Connection) -> None:
    _rechained_edit(db)
    retile(db)


KINDS: dict[str, tuple[Callable[[sqlite3.Connection], object], int, Reason]] = {
    "bit flip": (_bit, VICTIM, Reason.CHANGED),
    "edit": (lambda db: _put(db, VICTIM, _edited(_body(db, VICTIM), data={"n": 9})), VICTIM, Reason.CHAIN),
    "edit without its hash": (lambda db: _put(db, VICTIM, _edited(_body(db, VICTIM), src="x"), leaf=False), VICTIM, Reason.CHANGED),
    "edit of the last": (lambda db: _put(db, SIZE - 1, _edited(_body(db, SIZE - 1), data={})), SIGNED, Reason.REWRITTEN),
    "other prev": (lambda db: _put(db, VICTIM, _edited(_body(db, VICTIM), prev="a" * 64)), VICTIM, Reason.CHAIN),
    "backdate": (lambda db: _put(db, VICTIM, _edited(_body(db, VICTIM), t=1)), VICTIM, Reason.CHAIN),
    "other severity": (lambda db: _put(db, VICTIM, _body(db, VICTIM).replace(b'"info"', b'"alarm"')), VICTIM, Reason.CHAIN),
    "other boot": (lambda db: (_put(db, VICTIM, _edited(_body(db, VICTIM), boot=0)), rechain(db, VICTIM + 1)), VICTIM, Reason.MOVED),
    "delete": (lambda db: db.execute("DELETE FROM event WHERE seq=?", (VICTIM,)), VICTIM, Reason.MISSING),
    "delete closing the gap": (_delete_closing_the_gap, VICTIM, Reason.MOVED),
    "delete the first": (lambda db: db.execute("DELETE FROM event WHERE seq=0"), 0, Reason.MISSING),
    "swap": (_swap, VICTIM, Reason.MOVED),
    "insert": (_insert, VICTIM, Reason.INSERTED),
    "truncate": (lambda db: db.execute("DELETE FROM event WHERE seq>=400"), 400, Reason.TRUNCATED),
    "edit and rechain": (_rechained_edit, VICTIM, Reason.REWRITTEN),
    "edit, rechain and new tiles": (_rewritten_with_tiles, 1, Reason.REWRITTEN),
    "whitespace": (lambda db: _put(db, VICTIM, _body(db, VICTIM).replace(b",", b", ", 1)), VICTIM, Reason.MALFORMED),
    "duplicate key": (lambda db: _put(db, VICTIM, b'{"actor":1,' + _body(db, VICTIM)[1:]), VICTIM, Reason.MALFORMED),
    "unknown key": (lambda db: _put(db, VICTIM, b'{"a":1,' + _body(db, VICTIM)[1:]), VICTIM, Reason.MALFORMED),
    "float": (lambda db: _put(db, VICTIM, _body(db, VICTIM).replace(b'"te":5', b'"te":5.0')), VICTIM, Reason.MALFORMED),
    "nested beyond measure": (lambda db: _put(db, VICTIM, b"[" * 8000), VICTIM, Reason.MALFORMED),
    "nested data": (lambda db: _put(db, VICTIM, _body(db, VICTIM).replace(b'"data":{', b'"data":{"a":' + b"[" * 3000 + b"]" * 3000 + b",")), VICTIM, Reason.MALFORMED),
    "lone surrogate": (lambda db: _put(db, VICTIM, _body(db, VICTIM).replace(b'"src":"', b'"src":"\\ud800')), VICTIM, Reason.MALFORMED),
    "not UTF-8": (lambda db: _put(db, VICTIM, _body(db, VICTIM).replace(b'"src":"', b'"src":"\xff')), VICTIM, Reason.MALFORMED),
    "overlong": (lambda db: _put(db, VICTIM, _edited(_body(db, VICTIM), data={"x": "x" * 9000})), VICTIM, Reason.MALFORMED),
    "signature flip": (lambda db: _note(db, _flip_signature), WITNESSED - 1, Reason.SIGNATURE),
    "root flip": (lambda db: _note(db, _flip_root), WITNESSED - 1, Reason.SIGNATURE),
    "size change": (lambda db: _note(db, lambda note: note.replace("\n2", "\n3", 1)), WITNESSED - 1, Reason.SIGNATURE),
    "endless size": (lambda db: _note(db, lambda note: note.replace("\n2", "\n" + "2" * 6000, 1)), WITNESSED - 1, Reason.SIGNATURE),
    "checkpoint under another size": (lambda db: db.execute("UPDATE checkpoint SET size=150 WHERE size=201"), 149, Reason.CHECKPOINT),
    "other frontier": (lambda db: db.execute("UPDATE checkpoint SET frontier=x'00' WHERE size=?", (WITNESSED,)), WITNESSED - 1, Reason.CHECKPOINT),
    "all checkpoints gone": (lambda db: db.execute("DELETE FROM checkpoint"), 0, Reason.UNSIGNED),
    "tile": (lambda db: db.execute("UPDATE tile SET hashes=zeroblob(8192) WHERE level=0 AND idx=1"), 256, Reason.TILE),
    "tile gone": (lambda db: db.execute("DELETE FROM tile WHERE level=1"), 0, Reason.TILE),
    "witness record": (lambda db: db.execute("UPDATE ack SET note=replace(note, 'bridge', 'brigde')"), WITNESSED - 1, Reason.ACK),
    "witness record's size": (lambda db: db.execute("UPDATE ack SET size=500"), 499, Reason.ACK),
    "planted trigger": (lambda db: db.execute("CREATE TRIGGER mine AFTER INSERT ON event BEGIN SELECT 1; END"), 0, Reason.SCHEMA),
    "planted view": (lambda db: (db.execute("ALTER TABLE ack RENAME TO old"), db.execute("CREATE VIEW ack AS SELECT * FROM old")), 0, Reason.SCHEMA),
    "other epoch": (lambda db: db.execute("UPDATE meta SET value='2' WHERE key='log'"), 0, Reason.MOVED),
    "nonsense epoch": (lambda db: db.execute("UPDATE meta SET value='9' || '9999999999' WHERE key='log'"), 0, Reason.MALFORMED),
}


def _verify(station: Station, **more: object) -> Report:
    report = verify_file(station.path, station.trust(), **more)
    assert second_opinion(station, more.get("held", ())) == report.exit_code, report
    return report


def second_opinion(station: Station, held: object = ()) -> int:
    """What the verifier that is handed out with a case says: it shares no line with the first."""
    keys = verifier.read_keys("".join(f"{key.vkey()}\n" for key in station.trust()))
    try:
        return verifier.verify_log(str(station.path), keys, list(held)).code
    except verifier.Problem as problem:
        return problem.code


def test_untouched_log_verifies_and_tells_what_is_witnessed(copy: Station) -> None:
    report = _verify(copy)
    assert (report.status, report.exit_code, report.size) == (Outcome.UNWITNESSED, 4, SIZE)
    assert (report.witnessed, report.unwitnessed, report.witnessed_at) == (WITNESSED, SIZE - WITNESSED, 1_790_000_000)
    assert report.oldest_unwitnessed_t > 0
    assert report.checkpoints >= 3
    assert "400" in " ".join(report.lines(chinese=False))
    assert "400" in " ".join(report.lines(chinese=True))


def test_wholly_witnessed_log_is_ok(station: Station) -> None:
    log = station.open()
    append_all(log, [draft()])
    witness(station, log)
    assert _verify(station).status is Outcome.OK, "while it is open"
    log.close()
    report = _verify(station)
    assert (report.status, report.exit_code, report.unwitnessed) == (Outcome.OK, 0, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_tampering_is_found_and_named(copy: Station, kind: str) -> None:
    """ANT-09."""
    tamper, seq, reason = KINDS[kind]
    with Tampered(copy) as db:
        tamper(db)
    report = _verify(copy)
    assert (report.status, report.exit_code) == (Outcome.TAMPERED, 1)
    assert (report.first_bad, report.reason) == (seq, reason), report.detail
    assert report.size <= report.first_bad
    assert str(report.first_bad) in " ".join(report.lines(chinese=True))


def test_cut_below_the_witnessed_size_is_inconsistent(copy: Station) -> None:
    """Even when the later checkpoints are gone as well."""
    with Tampered(copy) as db:
        for statement in ("DELETE FROM event WHERE seq>=1", "DELETE FROM checkpoint WHERE size>1", "DELETE FROM tile"):
            db.execute(statement)
    report = _verify(copy)
    assert (report.status, report.exit_code, report.reason) == (Outcome.INCONSISTENT, 2, Reason.SHORTER)
    assert report.first_bad == 1


def test_history_that_the_key_holder_rewrote_is_inconsistent_with_held_notes(copy: Station, tmp_path: Path) -> None:
    """Not visible in the file alone; with what the bridge holds it is."""
    db = sqlite3.connect(copy.path)
    (held,) = db.execute("SELECT note FROM ack").fetchone()
    db.close()
    with Tampered(copy) as db:
        _rechained_edit(db)
        frontier = retile(db)
        db.execute("DELETE FROM ack")
        db.execute("DELETE FROM checkpoint")
        leaves = Frontier()
        for (leaf,) in db.execute("SELECT leaf FROM event ORDER BY seq").fetchall():
            leaves = leaves.append(leaf)
            if leaves.size % 100 == 0 or leaves.size == frontier.size:
                name = copy.trust()[0].name
                note = sign(Checkpoint(name, leaves.size, leaves.root()), name, copy.key)
                db.execute("INSERT INTO checkpoint VALUES (?, ?, ?)", (leaves.size, note, leaves.pack()))
    assert _verify(copy).status is Outcome.UNWITNESSED
    folder = tmp_path / "held"
    folder.mkdir()
    (folder / "box-1.note").write_text(held, encoding="utf-8")
    report = _verify(copy, held=list(read_held(folder)))
    assert (report.status, report.reason) == (Outcome.INCONSISTENT, Reason.HISTORY)


def test_roll_back_to_an_older_signed_state_is_inconsistent_with_held_notes(station: Station) -> None:
    station.open().close()
    saved = station.path.read_bytes()
    log = station.open()
    note = checkpoint(log)
    log.close()
    station.path.write_bytes(saved)
    assert _verify(station).status is Outcome.UNWITNESSED
    report = _verify(station, held=[note])
    assert (report.status, report.reason, report.first_bad) == (Outcome.INCONSISTENT, Reason.SHORTER, 1)


def test_what_cannot_be_verified_is_unreadable(copy: Station, tmp_path: Path) -> None:
    trust = copy.trust()
    rubbish = tmp_path / "rubbish.db"
    rubbish.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 20)
    other = note_key("hotbox.example/box-2/1", copy.key)
    for report, reason in (
        (verify_file(copy.path, [copy.witness]), Reason.NO_KEY),
        (verify_file(tmp_path / "nothing.db", trust), Reason.FILE),
        (verify_file(rubbish, trust), Reason.FILE),
        (verify_file(copy.path, [other]), Reason.WRONG_KEY),
        (verify_file(copy.path, trust, held=[f"{trust[0].name}\nrubbish"]), Reason.HELD),
    ):
        assert (report.status, report.exit_code, report.reason) == (Outcome.UNREADABLE, 3, reason)
        assert report.lines(chinese=True)


def test_random_bytes_in_leaves_never_crash_and_never_pass(copy: Station) -> None:
    """ANT-09: 400 hostile changes of leaf bodies, with and without a fitting hash beside them."""
    chance = random.Random(20)
    for _ in range(400):
        seq = chance.randrange(SIZE - 1)
        with Tampered(copy) as db:
            original = _body(db, seq)
            body = bytearray(original if chance.random() < 0.9 else chance.randbytes(chance.randrange(1, 200)))
            for _ in range(chance.choice((1, 1, 1, 3, 30))):
                body[chance.randrange(len(body))] ^= chance.randrange(1, 256)
            if bytes(body) == original:
                continue
            _put(db, seq, bytes(body), leaf=chance.random() < 0.7)
        report = _verify(copy)
        assert (report.status, report.first_bad) == (Outcome.TAMPERED, seq), (bytes(body), report)
        with Tampered(copy) as db:
            _put(db, seq, original)
    assert _verify(copy).status is Outcome.UNWITNESSED


def test_random_bytes_anywhere_in_the_file_never_crash_the_verifier(copy: Station) -> None:
    chance = random.Random(21)
    good = copy.path.read_bytes()
    outcomes = set()
    for _ in range(250):
        hostile = bytearray(good)
        for _ in range(chance.choice((1, 2, 50))):
            hostile[chance.randrange(len(hostile))] = chance.randrange(256)
        copy.path.write_bytes(bytes(hostile[: chance.choice((len(hostile), chance.randrange(len(hostile))))]))
        report = _verify(copy)
        assert report.lines(chinese=False)
        outcomes.add(report.status)
    assert Outcome.TAMPERED in outcomes
    assert Outcome.UNREADABLE in outcomes


def _sign_every_leaf(station: Station) -> Iterator[str]:
    """A checkpoint at each size, with its frontier; gives the notes one by one, last first."""
    name = station.trust()[0].name
    db = sqlite3.connect(station.path)
    frontier, notes = Frontier(), []
    for (leaf,) in db.execute("SELECT leaf FROM event ORDER BY seq").fetchall():
        frontier = frontier.append(leaf)
        note = sign(Checkpoint(name, frontier.size, frontier.root()), name, station.key)
        db.execute("INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?)", (frontier.size, note, frontier.pack()))
        notes.append(note)
    db.commit()
    db.close()
    yield from reversed(notes)


def test_memory_does_not_grow_with_events_checkpoints_or_held_notes(tmp_path: Path) -> None:
    """A month has 172,800 checkpoints: eight times as many of everything must not take more memory.

    Measured in a process of its own: what other tests left behind allocates whenever it likes.
    """
    peaks = []
    for events_, folder in ((200, tmp_path / "few"), (1600, tmp_path / "many")):
        station = Station(folder)
        log = station.open(checkpoint_s=60)
        append_all(log, [draft({"n": number}) for number in range(events_ - 1)])
        log.close()
        notes = tmp_path / f"held-{events_}"
        notes.mkdir()
        for number, note in enumerate(_sign_every_leaf(station)):
            (notes / str(number)).write_text(note, encoding="utf-8")
        command = [sys.executable, "-m", "tests.edge.audit.peak", station.path, notes, *(key.vkey() for key in station.trust())]
        *found, peak = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        assert found == [Outcome.UNWITNESSED, events_, events_]
        peaks.append(peak)
    assert peaks[1] < peaks[0] + 60_000, "1,400 notes more are 500 KB of text"


def test_held_notes_are_weighed_in_the_order_of_their_sizes(copy: Station) -> None:
    """However they were kept, and beside the file's own witness records."""
    name = copy.trust()[0].name
    other = sign(Checkpoint(name, 300, bytes(32)), name, copy.key)
    beyond = sign(Checkpoint(name, 700, bytes(32)), name, copy.key)
    report = _verify(copy, held=[beyond, other])
    assert (report.status, report.reason, report.first_bad) == (Outcome.INCONSISTENT, Reason.HISTORY, WITNESSED)
    assert _verify(copy, held=[beyond]).reason is Reason.SHORTER
