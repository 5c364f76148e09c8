"""Verifying a log file or a copy of one: every byte of every leaf, the chain, the tree, signatures and witnesses.

Apart from the writer on purpose: it shares only the contracts and the tile layout with it, trusts nothing in the file,
and never crashes on hostile bytes. What it cannot see without notes held elsewhere: a cut after the last checkpoint,
a roll-back to an older signed state, and a rewrite by somebody who has the box's key (findings/audit 7).
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from contracts import event as events
from contracts.checkpoint import NoteKey, origin, verify, verify_cosignature
from contracts.errors import ContractError
from contracts.event import FIRST_PREV, MAX_LEAF_BYTES, Event
from contracts.merkle import Frontier, leaf_hash
from edge.audit.ledger import CHECKPOINT_EVENTS
from edge.audit.reader import open_for_reading
from edge.audit.report import Outcome, Reason, Report
from edge.audit.schema import same_schema
from edge.audit.tiles import HASH_BYTES, WIDTH, TileWriter

_NOTE_BYTES = 8192
_DAMAGE = (sqlite3.Error, UnicodeDecodeError)  # sqlite3 cannot decode an error message that quotes a damaged name
_BOX, _WITNESS = 1, 4


class _Finding(msgspec.Struct, frozen=True):
    seq: int
    reason: Reason
    detail: str = ""


class _Walk(msgspec.Struct):
    """What reading all leaves gave: how many hold, the roots asked for, the first bad leaf, the first bad tile slot."""

    size: int = 0
    bad: _Finding | None = None
    tile: int | None = None
    roots: dict[int, bytes] = msgspec.field(default_factory=dict)
    frontiers: dict[int, bytes] = msgspec.field(default_factory=dict)


class _Stated(msgspec.Struct):
    """Checkpoints and witnesses that hold, and the first that does not."""

    checkpoints: list[int] = msgspec.field(default_factory=list)
    witnessed: int = 0
    witnessed_at: int = 0
    bad: _Finding | None = None
    against: _Finding | None = None


def verify_file(path: Path, trust: Sequence[NoteKey], held: Sequence[str] = ()) -> Report:
    """Verify the log in `path`.

    Args:
        path: database file; it is never written to.
        trust: the box's log key (kind 1) and the witnesses' keys (kind 4).
        held: notes kept elsewhere, such as those that the bridge holds.
    """
    started = time.monotonic()
    try:
        report = _verify(path, trust, held)
    except (*_DAMAGE, OSError) as error:
        report = _unreadable(Reason.FILE, str(error))
    return msgspec.structs.replace(report, seconds=round(time.monotonic() - started, 3))


def _unreadable(reason: Reason, detail: str = "") -> Report:
    return Report(Outcome.UNREADABLE, reason=reason, detail=detail)


def _verify(path: Path, trust: Sequence[NoteKey], held: Sequence[str]) -> Report:
    box = next((key for key in trust if key.kind == _BOX), None)
    if box is None:
        return _unreadable(Reason.NO_KEY)
    witnesses = [key for key in trust if key.kind == _WITNESS]
    if not path.is_file():
        return _unreadable(Reason.FILE, f"{path} is not a file")
    db = open_for_reading(path)
    try:
        db.execute("BEGIN")  # one snapshot, although the box may go on writing
        if not _has_our_schema(db):
            return Report(Outcome.TAMPERED, first_bad=0, reason=Reason.SCHEMA)
        meta = dict(_texts(db.execute("SELECT key, value FROM meta")))
        if not all(name in meta for name in ("box", "domain", "log")) or not meta["log"].isascii():
            return Report(Outcome.TAMPERED, first_bad=0, reason=Reason.MALFORMED, detail="meta")
        if not meta["log"].isdigit() or len(meta["log"]) > 9:
            return Report(Outcome.TAMPERED, first_bad=0, reason=Reason.MALFORMED, detail="meta.log")
        name = origin(meta["domain"], meta["box"], int(meta["log"]))
        if name.rsplit("/", 1)[0] != box.name.rsplit("/", 1)[0]:
            return _unreadable(Reason.WRONG_KEY, f"{name} / {box.name}")
        return _judge(db, name, NoteKey(name, _BOX, box.public), witnesses, held)
    finally:
        db.close()


def _has_our_schema(db: sqlite3.Connection) -> bool:
    db.text_factory = lambda raw: raw.decode("utf-8", "replace")
    same = same_schema(db)
    db.text_factory = bytes
    return same


def _texts(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[str, str]]:
    for row in rows:
        yield tuple(cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell) for cell in row)  # type: ignore[misc]


def _judge(
    db: sqlite3.Connection, name: str, box: NoteKey, witnesses: Sequence[NoteKey], held: Sequence[str]
) -> Report:
    signed = _sizes(db, "checkpoint")
    kept, bad_held = _held(held, name, box, witnesses)
    if bad_held:
        return _unreadable(Reason.HELD, bad_held)
    if held and not kept:
        return _unreadable(Reason.HELD, f"none of the {len(held)} notes speaks of {name}")
    wanted = {*signed, *_sizes(db, "ack"), *(size for size, _, _ in kept)}
    walk = _walk(db, name, wanted)
    stated = _Stated(bad=walk.bad)
    _check_checkpoints(db, walk, stated, box)
    _check_acks(db, walk, stated, witnesses, name)
    for size, root, time_s in kept:
        _weigh(walk, stated, size, root, time_s)
    if walk.tile is not None and stated.bad is None and stated.against is None:
        _note(stated, _Finding(walk.tile, Reason.TILE))
    report = Report(
        Outcome.OK, name, walk.size, len(stated.checkpoints), stated.witnessed, stated.witnessed_at,
        unwitnessed=max(0, walk.size - stated.witnessed),
    )  # fmt: skip
    bad = stated.bad or stated.against
    if bad is not None:
        status = Outcome.TAMPERED if stated.bad else Outcome.INCONSISTENT
        holds = min(walk.size, bad.seq)
        return msgspec.structs.replace(
            report, status=status, size=holds, first_bad=bad.seq, reason=bad.reason, detail=bad.detail,
            witnessed=min(stated.witnessed, holds), unwitnessed=0,
        )  # fmt: skip
    if report.unwitnessed:
        row = db.execute("SELECT body FROM event WHERE seq=?", (stated.witnessed,)).fetchone()
        oldest = events.decode(row[0]).t
        return msgspec.structs.replace(report, status=Outcome.UNWITNESSED, oldest_unwitnessed_t=oldest)
    return report


def _note(stated: _Stated, finding: _Finding) -> None:
    """Keep the finding with the smallest seq."""
    if stated.bad is None or finding.seq < stated.bad.seq:
        stated.bad = finding


def _sizes(db: sqlite3.Connection, table: str) -> list[int]:
    try:
        return [row[0] for row in db.execute(f"SELECT size FROM {table} ORDER BY size") if isinstance(row[0], int)]  # noqa: S608 - a constant
    except _DAMAGE:
        return []


# --- leaves -------------------------------------------------------------------------------------------------------


def _walk(db: sqlite3.Connection, name: str, wanted: set[int]) -> _Walk:
    walk = _Walk()
    try:
        _read_leaves(db, name, wanted, walk)
    except _DAMAGE as error:
        walk.bad = walk.bad or _Finding(walk.size, Reason.DAMAGED, str(error))
    return walk


def _read_leaves(db: sqlite3.Connection, name: str, wanted: set[int], walk: _Walk) -> None:
    box, log = name.split("/")[-2], int(name.rsplit("/", 1)[1])
    frontier, prev, boot = Frontier(), FIRST_PREV, 0
    tiles, above = TileWriter(0, []), dict[tuple[int, int], bytes]()
    query = "SELECT seq, substr(body, 1, 8193), substr(leaf, 1, 33) FROM event ORDER BY seq"
    for seq, body, leaf in db.execute(query):
        finding, event = _check_leaf((seq, body, leaf), frontier.size, box, log)
        if event is not None and finding is None:
            if event.seq != seq:
                finding = _misplaced(event, seq, displaced=leaf.hex() != prev)
            elif event.prev != prev:
                finding = _blame(db, frontier.size, body)
            elif event.boot < boot:
                finding = _Finding(seq, Reason.MOVED, f"boot {event.boot} after {boot}")
        if finding is not None or event is None:
            walk.bad = finding
            # Of the last leaf that was let pass, its successor says that it is not the one.
            walk.size = min(frontier.size, finding.seq if finding else frontier.size)
            walk.roots = {size: root for size, root in walk.roots.items() if size <= walk.size}
            return
        digest = leaf_hash(body)
        frontier, prev, boot = frontier.append(digest), digest.hex(), event.boot
        walk.size = frontier.size
        if frontier.size in wanted:
            walk.roots[frontier.size] = frontier.root()
            walk.frontiers[frontier.size] = frontier.pack()
        for level, idx, hashes in tiles.append(digest):
            if level:
                above[level, idx] = hashes
            elif walk.tile is None:
                walk.tile = _tile_slot(db, 0, idx, hashes)
    for (level, idx), hashes in above.items():
        if walk.tile is None:
            walk.tile = _tile_slot(db, level, idx, hashes)


def _check_leaf(row: tuple[Any, Any, Any], at: int, box: str, log: int) -> tuple[_Finding | None, Event | None]:
    seq, body, leaf = row
    if seq != at:
        return _Finding(at, Reason.MISSING), None
    if not isinstance(body, bytes) or len(body) > MAX_LEAF_BYTES:
        return _Finding(at, Reason.MALFORMED), None
    if leaf_hash(body) != leaf:
        return _Finding(at, Reason.CHANGED), None
    try:
        event = events.decode(body)
    except (ContractError, ValueError, RecursionError) as error:
        return _Finding(at, Reason.MALFORMED, str(error)[:200]), None
    if (event.v, event.box, event.log) != (1, box, log):
        return _Finding(at, Reason.MOVED, f"it says {event.box}/{event.log}"), None
    return None, event


def _misplaced(event: Event, at: int, *, displaced: bool) -> _Finding:
    """A leaf that names another seq. Where it should have been one earlier, something was put in before it."""
    detail = f"seq {at} says seq {event.seq}"
    if displaced and event.seq == at - 1:
        return _Finding(at - 1, Reason.INSERTED, detail)
    return _Finding(at, Reason.MOVED, detail)


def _blame(db: sqlite3.Connection, seq: int, body: bytes) -> _Finding:
    """Leaf `seq` does not name the leaf before it. Its successor tells which of the two is not the one written."""
    row = db.execute("SELECT substr(body, 1, 8193) FROM event WHERE seq=?", (seq + 1,)).fetchone()
    try:
        follows = row is not None and events.decode(row[0]).prev == leaf_hash(body).hex()
    except (ContractError, ValueError, RecursionError, TypeError):
        follows = False
    if seq and (follows or row is None):
        return _Finding(seq - 1, Reason.CHAIN)
    return _Finding(seq, Reason.CHAIN, "it does not name the event before it")


def _tile_slot(db: sqlite3.Connection, level: int, idx: int, hashes: bytes) -> int | None:
    """Seq of the first leaf below a tile row that differs from what the leaves give; None when it is right."""
    row = db.execute("SELECT hashes FROM tile WHERE level=? AND idx=?", (level, idx)).fetchone()
    stored = bytes(row[0]) if row and isinstance(row[0], bytes) else b""
    if stored == hashes:
        return None
    for slot in range(0, len(hashes), HASH_BYTES):
        if stored[slot : slot + HASH_BYTES] != hashes[slot : slot + HASH_BYTES]:
            return int((idx * WIDTH + slot // HASH_BYTES) * WIDTH**level)
    return int(idx * WIDTH * WIDTH**level)


# --- checkpoints and witnesses ------------------------------------------------------------------------------------


def _rows(db: sqlite3.Connection, query: str, stated: _Stated) -> list[tuple[Any, ...]]:
    try:
        return db.execute(query).fetchall()
    except _DAMAGE as error:
        _note(stated, _Finding(0, Reason.DAMAGED, str(error)))
        return []


def _text(raw: Any) -> str:
    """A note as text. Raises ValueError when it cannot be one."""
    if not isinstance(raw, bytes) or len(raw) > _NOTE_BYTES:
        raise ValueError("not a note")
    return raw.decode("utf-8")


def _check_checkpoints(db: sqlite3.Connection, walk: _Walk, stated: _Stated, box: NoteKey) -> None:
    query = "SELECT size, substr(note, 1, 8192), frontier FROM checkpoint ORDER BY size"
    good = 0
    for size, raw, packed in _rows(db, query, stated):
        last = max(0, size - 1) if isinstance(size, int) else 0
        try:
            checkpoint = verify(_text(raw), box)
        except (ContractError, ValueError) as error:
            _note(stated, _Finding(last, Reason.SIGNATURE, f"checkpoint {size}: {str(error)[:200]}"))
            continue
        if (checkpoint.origin, checkpoint.size) != (box.name, size):
            _note(stated, _Finding(last, Reason.CHECKPOINT, f"checkpoint {size} says {checkpoint.size}"))
            continue
        if size > walk.size:
            if walk.bad is None:
                detail = f"checkpoint {size}, but {walk.size} events"
                _note(stated, _Finding(walk.size, Reason.TRUNCATED, detail))
            continue
        if walk.roots.get(size) != checkpoint.root:
            # A tile that was not rewritten along tells which leaf it was.
            seq = walk.tile if walk.tile is not None and good <= walk.tile < size else good
            walk.tile = None
            _note(stated, _Finding(seq, Reason.REWRITTEN, f"between seq {good} and {last}"))
            return
        if packed != walk.frontiers.get(size):
            _note(stated, _Finding(last, Reason.CHECKPOINT, f"frontier of checkpoint {size}"))
            continue
        stated.checkpoints.append(size)
        good = size
    if walk.bad is None and stated.bad is None and (not good or walk.size - good > CHECKPOINT_EVENTS):
        _note(stated, _Finding(good, Reason.UNSIGNED, f"{walk.size - good} events without a checkpoint"))


def _check_acks(
    db: sqlite3.Connection, walk: _Walk, stated: _Stated, witnesses: Sequence[NoteKey], name: str
) -> None:
    if not witnesses:
        return
    query = "SELECT size, substr(note, 1, 8192), time_s FROM ack ORDER BY size"
    for size, raw, time_s in _rows(db, query, stated):
        last = max(0, size - 1) if isinstance(size, int) else 0
        try:
            found = _cosigned(_text(raw), witnesses)
        except ValueError:
            found = None
        if found is None or (found[0], found[1], found[3]) != (name, size, time_s):
            _note(stated, _Finding(last, Reason.ACK, f"witness record of {size} leaves"))
            continue
        _weigh(walk, stated, size, found[2], found[3])


def _cosigned(note: str, witnesses: Sequence[NoteKey]) -> tuple[str, int, bytes, int] | None:
    """Origin, size, root and time of a note that one of the witnesses cosigned."""
    for witness in witnesses:
        try:
            checkpoint, time_s = verify_cosignature(note, witness)
        except (ContractError, ValueError):
            continue
        return checkpoint.origin, checkpoint.size, checkpoint.root, time_s
    return None


def _weigh(walk: _Walk, stated: _Stated, size: int, root: bytes, time_s: int) -> None:
    """Compare what somebody else saw with what the file holds."""
    if size > walk.size:
        if walk.bad is None and stated.against is None:
            detail = f"{walk.size} events, witnessed {size}"
            stated.against = _Finding(walk.size, Reason.SHORTER, detail)
        return
    if walk.roots.get(size) != root:
        if stated.against is None:
            detail = f"below witnessed size {size}"
            stated.against = _Finding(stated.witnessed, Reason.HISTORY, detail)
        return
    if time_s and size >= stated.witnessed:
        stated.witnessed, stated.witnessed_at = size, time_s


def _held(
    notes: Sequence[str], name: str, box: NoteKey, witnesses: Sequence[NoteKey]
) -> tuple[list[tuple[int, bytes, int]], str]:
    """Size, root and cosigning time (0: only signed by the box) of held notes of this log; and what is wrong."""
    kept: list[tuple[int, bytes, int]] = []
    for note in notes:
        if note.split("\n", 1)[0] != name:
            continue
        found = _cosigned(note, witnesses)
        if found is not None:
            kept.append((found[1], found[2], found[3]))
            continue
        try:
            checkpoint = verify(note, box)
        except (ContractError, ValueError) as error:
            return [], str(error)[:200]
        kept.append((checkpoint.size, checkpoint.root, 0))
    return sorted(kept), ""


def read_held(folder: Path) -> list[str]:
    """The notes in a folder, one a file.

    Raises:
        OSError: the folder cannot be read.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return [path.read_bytes()[: _NOTE_BYTES + 1].decode("utf-8", "replace") for path in files]
