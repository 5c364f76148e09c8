"""Ways to tamper with a log file, each at a place that chance chooses: what every verifier has to find.

A log of 24 leaves and four checkpoints keeps one attempt at a few milliseconds, so that ten thousand fit into a test.
What needs more leaves (tiles) has its tests in test_verify.py. Three kinds leave a file in which everything fits: only
notes that the bridge holds convict them.
"""

import contextlib
import random
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from contracts import event as events
from contracts.checkpoint import Checkpoint, sign
from contracts.event import FIRST_PREV
from contracts.key_chain import rotate
from contracts.merkle import Frontier, leaf_hash
from edge.audit.case import verifier
from edge.audit.report import Report
from edge.audit.verify import verify_file
from tests.edge.audit.site import Station, append_all, checkpoint, draft, witness

SIZE, WITNESSED, SIGNED = 24, 10, 18

Attempt = Callable[[sqlite3.Connection, random.Random, Station], object]


def station_in(folder: Path) -> Station:
    """24 leaves; checkpoints at 1, 10, 18 and 24, witnessed up to 10."""
    station = Station(folder)
    log = station.open(checkpoint_s=60)
    append_all(log, [draft({"n": number, "text": "气体 <b>"}) for number in range(WITNESSED - 1)])
    witness(station, log)
    append_all(log, [draft({"n": number}) for number in range(SIGNED - WITNESSED)])
    checkpoint(log)
    append_all(log, [draft({"n": number}) for number in range(SIZE - SIGNED)])
    checkpoint(log)
    log.close()
    return station


def body(db: sqlite3.Connection, seq: int) -> bytes:
    return db.execute("SELECT body FROM event WHERE seq=?", (seq,)).fetchone()[0]


def put(db: sqlite3.Connection, seq: int, new: bytes, *, leaf: bool = True) -> None:
    db.execute("UPDATE event SET body=? WHERE seq=?", (new, seq))
    if leaf:
        db.execute("UPDATE event SET leaf=? WHERE seq=?", (leaf_hash(new), seq))


def edited(old: bytes, **changes: object) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(events.decode(old), **changes), order="sorted")


def rechain(db: sqlite3.Connection, first: int) -> None:
    """Give every event from `first` on the `prev` and seq that its new place asks for."""
    prev = leaf_hash(body(db, first - 1)).hex() if first else FIRST_PREV
    for seq, old in db.execute("SELECT seq, body FROM event WHERE seq>=? ORDER BY seq", (first,)).fetchall():
        new = edited(old, prev=prev, seq=seq)
        put(db, seq, new)
        prev = leaf_hash(new).hex()


def _shift(db: sqlite3.Connection, first: int, by: int) -> None:
    order = "DESC" if by > 0 else "ASC"
    for (seq,) in db.execute(f"SELECT seq FROM event WHERE seq>=? ORDER BY seq {order}", (first,)).fetchall():
        db.execute("UPDATE event SET seq=? WHERE seq=?", (seq + by, seq))


def _bit(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    seq = chance.randrange(SIZE)
    old = bytearray(body(db, seq))
    old[chance.randrange(len(old))] ^= 1 << chance.randrange(8)
    put(db, seq, bytes(old), leaf=chance.random() < 0.5)


def _edit(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    seq = chance.randrange(SIZE)
    put(db, seq, edited(body(db, seq), data={"n": chance.randrange(10**6), "by": "me"}))


def _edit_and_rechain(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    seq = chance.randrange(SIZE)
    put(db, seq, edited(body(db, seq), data={"n": chance.randrange(10**6), "by": "me"}))
    rechain(db, seq)


def _delete(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    db.execute("DELETE FROM event WHERE seq=?", (chance.randrange(SIZE),))


def _delete_and_rechain(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    seq = chance.randrange(SIZE)
    db.execute("DELETE FROM event WHERE seq=?", (seq,))
    _shift(db, seq + 1, -1)
    if seq < SIZE - 1:
        rechain(db, seq)


def _swap(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    one, two = chance.sample(range(SIZE), 2)
    first, second = body(db, one), body(db, two)
    put(db, one, second)
    put(db, two, first)


def _insert(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    seq = chance.randrange(1, SIZE)
    _shift(db, seq, 1)
    new = edited(body(db, seq - 1), seq=seq, prev=leaf_hash(body(db, seq - 1)).hex())
    db.execute("INSERT INTO event VALUES (?, ?, ?)", (seq, new, leaf_hash(new)))
    if chance.random() < 0.5:
        rechain(db, seq)


def _truncate(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    seq = chance.randrange(1, SIZE)
    db.execute("DELETE FROM event WHERE seq>=?", (seq,))
    if seq < WITNESSED and chance.random() < 0.5:
        db.execute("DELETE FROM checkpoint WHERE size>?", (seq,))


def _backdate(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    seq = chance.randrange(SIZE)
    old = events.decode(body(db, seq))
    put(db, seq, edited(body(db, seq), t=old.t - chance.randrange(1, 10**9)))


def _whitespace(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    seq = chance.randrange(SIZE)
    old = body(db, seq)
    commas = [at for at, byte in enumerate(old) if byte == ord(",")]
    at = chance.choice(commas)
    put(db, seq, old[: at + 1] + b" " + old[at + 1 :])


def _duplicate_key(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    seq = chance.randrange(SIZE)
    key = chance.choice(("actor", "t", "type", "data"))
    put(db, seq, b'{"' + key.encode() + b'":1,' + body(db, seq)[1:])


def _hostile(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    put(db, chance.randrange(SIZE), chance.randbytes(chance.randrange(1, 300)), leaf=chance.random() < 0.7)


def _other_epoch(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    seq = chance.randrange(SIZE)
    put(db, seq, edited(body(db, seq), log=chance.randrange(2, 99)))


def _other_box(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    seq = chance.randrange(SIZE)
    put(db, seq, edited(body(db, seq), box=f"box-{chance.randrange(2, 99)}"))


def _spliced(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    """Leaves of one place put over those of another, chained anew."""
    count = chance.randrange(1, SIZE - 2)
    source, target = chance.sample(range(SIZE - count), 2)
    for offset in range(count):
        put(db, target + offset, edited(body(db, source + offset), seq=target + offset))
    rechain(db, min(source, target))


def _note(db: sqlite3.Connection, chance: random.Random, change: Callable[[str], str]) -> None:
    size, note = chance.choice(db.execute("SELECT size, note FROM checkpoint").fetchall())
    db.execute("UPDATE checkpoint SET note=? WHERE size=?", (change(note), size))


def _flip(text: str, chance: random.Random, first: int, last: int) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    at = chance.choice([at for at in range(first, last) if text[at] in alphabet])
    return text[:at] + chance.choice([letter for letter in alphabet if letter != text[at]]) + text[at + 1 :]


def _signature(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    _note(db, chance, lambda note: _flip(note, chance, note.rindex(" ") + 1, len(note) - 1))


def _root(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    def change(note: str) -> str:
        start = note.index("\n", note.index("\n") + 1) + 1
        return _flip(note, chance, start, start + 44)

    _note(db, chance, change)


def _size(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    def change(note: str) -> str:
        origin, size, rest = note.split("\n", 2)
        return "\n".join((origin, str(int(size) + chance.randrange(1, 500)), rest))

    _note(db, chance, change)


def _foreign_key(db: sqlite3.Connection, chance: random.Random, station: Station) -> None:
    """A checkpoint that somebody else's key signed under the log's name, over the right root or a wrong one."""
    size, note = chance.choice(db.execute("SELECT size, note FROM checkpoint").fetchall())
    lines = note.split("\n")
    root = Frontier()
    for (leaf,) in db.execute("SELECT leaf FROM event WHERE seq<? ORDER BY seq", (size,)):
        root = root.append(leaf)
    db.execute("UPDATE checkpoint SET note=? WHERE size=?", (sign(Checkpoint(lines[0], size, root.root()), lines[0], station.witness_key), size))


def _moved_checkpoint(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    sizes = [size for (size,) in db.execute("SELECT size FROM checkpoint")]
    free = [size for size in range(1, SIZE) if size not in sizes]
    db.execute("UPDATE checkpoint SET size=? WHERE size=?", (chance.choice(free), chance.choice(sizes)))


def _reordered_checkpoints(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    (one, first), (two, second) = chance.sample(db.execute("SELECT size, note FROM checkpoint").fetchall(), 2)
    db.execute("UPDATE checkpoint SET note=? WHERE size=?", (second, one))
    db.execute("UPDATE checkpoint SET note=? WHERE size=?", (first, two))


def _frontier(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    size, packed = chance.choice(db.execute("SELECT size, frontier FROM checkpoint").fetchall())
    bent = bytearray(packed)
    bent[chance.randrange(len(bent))] ^= 1 << chance.randrange(8)
    db.execute("UPDATE checkpoint SET frontier=? WHERE size=?", (bytes(bent), size))


def _ack(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    """A witness's record with another time, size or text."""
    change = chance.choice(("time_s=time_s+?", "size=size+?", "note=substr(note, 1, length(note)-2-?%40) || char(10)"))
    db.execute(f"UPDATE ack SET {change}", (chance.randrange(1, 60),))


def _ack_later(db: sqlite3.Connection, chance: random.Random, station: Station) -> None:
    """A witness's record over more leaves, cosigned by somebody else under its name."""
    (note,) = db.execute("SELECT note FROM checkpoint WHERE size=?", (SIZE,)).fetchone()
    strange = Station(station.path.parent)
    db.execute("INSERT INTO ack VALUES (?, ?, ?)", (SIZE, strange.cosigned(note, chance.randrange(10**9)), 5))


def _planted(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    name = f"mine_{chance.randrange(10**6)}"
    db.execute(chance.choice((
        f"CREATE TRIGGER {name} AFTER INSERT ON event BEGIN SELECT 1; END",
        f"CREATE TABLE {name} (x)",
        f"CREATE VIEW {name} AS SELECT * FROM event",
        f"CREATE INDEX {name} ON event(leaf)",
    )))  # fmt: skip


def _meta(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    db.execute("UPDATE meta SET value=? WHERE key='log'", (str(chance.choice((0, 2, 3, 10**12, "x"))),))


def _key_list(db: sqlite3.Connection, chance: random.Random, station: Station) -> None:
    """A change of key that no record tells of: by strangers, in the box's name, or no change at all."""
    first, strange = chance.randrange(1, SIZE), Station(station.path.parent)
    said = rotate(station.trust()[0].name, first, strange.key, strange.witness_key)
    claimed = msgspec.structs.replace(said, old_vkey=station.trust()[0].vkey())
    text = chance.choice((msgspec.json.encode(said), msgspec.json.encode(claimed), b"{}", b"[", b"[" * 5000)).decode()
    db.execute("INSERT INTO meta VALUES (?, ?)", (f"key.{chance.choice((first, SIZE))}", text))


def _everything_unsigned(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    db.execute("DELETE FROM checkpoint")
    if chance.random() < 0.5:
        db.execute("DELETE FROM tile")


def _cut_to(db: sqlite3.Connection, size: int) -> None:
    """As if nothing had been written after so many leaves: leaves, checkpoints and witness records."""
    db.execute("DELETE FROM event WHERE seq>=?", (size,))
    db.execute("DELETE FROM checkpoint WHERE size>?", (size,))
    db.execute("DELETE FROM ack WHERE size>?", (size,))


def _sign(db: sqlite3.Connection, station: Station, sizes: list[int]) -> None:
    """Checkpoints of these sizes, by the box's own key."""
    name, frontier = station.trust()[0].name, Frontier()
    for (leaf,) in db.execute("SELECT leaf FROM event ORDER BY seq").fetchall():
        frontier = frontier.append(leaf)
        if frontier.size in sizes:
            note = sign(Checkpoint(name, frontier.size, frontier.root()), name, station.key)
            db.execute("INSERT INTO checkpoint VALUES (?, ?, ?)", (frontier.size, note, frontier.pack()))


def _cut_off(db: sqlite3.Connection, chance: random.Random, _: Station) -> None:
    """Everything from some moment on is gone, and what was signed of it."""
    _cut_to(db, chance.randrange(1, SIZE))


def _rolled_back(db: sqlite3.Connection, chance: random.Random, station: Station) -> None:
    """The card set back to what was signed and true then; the box itself goes on, and signs."""
    size = chance.choice([size for (size,) in db.execute("SELECT size FROM checkpoint") if size < SIZE])
    pattern = body(db, SIZE - 1)
    _cut_to(db, size)
    end = size + chance.randrange(1, 2 * SIZE)
    for seq in range(size, end):
        new = edited(pattern, seq=seq, prev=leaf_hash(body(db, seq - 1)).hex(), data={"n": chance.randrange(10**6), "after": "it"})
        db.execute("INSERT INTO event VALUES (?, ?, ?)", (seq, new, leaf_hash(new)))
    _sign(db, station, [end])


def _rewritten(db: sqlite3.Connection, chance: random.Random, station: Station) -> None:
    """Another history by whoever has the box's key: chained anew, signed anew, witness records taken out."""
    seq = chance.randrange(1, SIZE)
    sizes = [size for (size,) in db.execute("SELECT size FROM checkpoint WHERE size>?", (seq,))]
    put(db, seq, edited(body(db, seq), data={"n": chance.randrange(10**6), "by": "me"}))
    rechain(db, seq)
    db.execute("DELETE FROM checkpoint WHERE size>?", (seq,))
    db.execute("DELETE FROM ack WHERE size>?", (seq,))
    _sign(db, station, sizes)


BY_NOTES: dict[str, Attempt] = {"cut off": _cut_off, "rolled back": _rolled_back, "rewritten by the key's holder": _rewritten}
"""What no file tells by itself."""
KINDS: dict[str, Attempt] = {
    "bit": _bit, "edit": _edit, "edit and rechain": _edit_and_rechain, "delete": _delete,
    "delete and rechain": _delete_and_rechain, "swap": _swap, "insert": _insert, "truncate": _truncate,
    "backdate": _backdate, "whitespace": _whitespace, "duplicate key": _duplicate_key, "hostile bytes": _hostile,
    "other epoch": _other_epoch, "other box": _other_box, "splice": _spliced, "signature": _signature, "root": _root,
    "size": _size, "foreign key": _foreign_key, "checkpoint moved": _moved_checkpoint,
    "checkpoints reordered": _reordered_checkpoints, "frontier": _frontier, "witness record": _ack,
    "forged witness": _ack_later, "planted": _planted, "meta": _meta, "key list": _key_list,
    "unsigned": _everything_unsigned,
    **BY_NOTES,
}  # fmt: skip


class Bench:
    """One log, tampered with again and again."""

    def __init__(self, folder: Path) -> None:
        """Make the log once."""
        self.station = station_in(folder)
        self._good = self.station.path.read_bytes()
        with contextlib.closing(sqlite3.connect(self.station.path)) as db:
            notes = db.execute("SELECT note FROM checkpoint WHERE size>=?", (WITNESSED,)).fetchall()
        self.notes = [self.station.cosigned(note) for (note,) in notes]
        """What the bridge holds: it witnessed all of it, though the box has not heard of everything."""

    def held(self, kind: str) -> list[str]:
        """The notes that both verifiers are given for this kind."""
        return self.notes if kind in BY_NOTES else []

    def verify(self, notes: Sequence[str] = ()) -> Report:
        """What the box's verifier says."""
        return verify_file(self.station.path, self.station.trust(), notes)

    def second(self, notes: Sequence[str] = ()) -> int:
        """Exit code of the verifier that is handed out with a case: it shares no line with the first."""
        keys = verifier.read_keys("".join(f"{key.vkey()}\n" for key in self.station.trust()))
        try:
            return verifier.verify_log(str(self.station.path), keys, notes).code
        except verifier.Problem as problem:
            return problem.code

    def restore(self) -> None:
        """As it was."""
        self.station.path.write_bytes(self._good)

    def tamper(self, kind: str, seed: int) -> None:
        """One attempt on a fresh copy: its guards against accidents removed before and put back after."""
        self.restore()
        db = sqlite3.connect(self.station.path, isolation_level=None)
        try:
            db.execute("PRAGMA synchronous=OFF")
            db.execute("PRAGMA journal_mode=MEMORY")
            db.execute("BEGIN")
            guards = [row[0] for row in db.execute("SELECT sql FROM sqlite_master WHERE type='trigger'")]
            for name in ("event_stays", "event_remains"):
                db.execute(f"DROP TRIGGER {name}")
            KINDS[kind](db, random.Random(f"{kind} {seed}"), self.station)
            for statement in guards:
                db.execute(statement)
            db.execute("COMMIT")
        finally:
            db.close()
