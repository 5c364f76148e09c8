"""Verifying a log file or a copy of one: every byte of every leaf, the chain, the tree, signatures and witnesses.

Apart from the writer on purpose: it shares only the contracts and the tile layout with it, trusts nothing in the file,
and never crashes on hostile bytes. What it cannot see without notes held elsewhere: a cut after the last checkpoint,
a roll-back to an older signed state, and a rewrite by somebody who has the box's key (findings/audit 7).
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from contracts import event as events
from contracts.checkpoint import NoteKey, origin
from contracts.errors import ContractError
from contracts.key_chain import Rotation, Trusted, trusted_chain
from edge.audit.held import Held
from edge.audit.key_history import rotations
from edge.audit.leaves import DAMAGE, Walk
from edge.audit.reader import open_for_reading
from edge.audit.report import Outcome, Reason, Report
from edge.audit.schema import same_schema
from edge.audit.statements import Statements

_BOX, _WITNESS = 1, 4


class Claim(msgspec.Struct, frozen=True):
    """Whose signatures count: the log's keys, what its file says of their changes, the witnesses."""

    known: Trusted
    changes: tuple[Rotation, ...]
    witnesses: Sequence[NoteKey]


def verify_file(path: Path, trust: Sequence[NoteKey], held: Iterable[str] = ()) -> Report:
    """Verify the log in `path`.

    Args:
        path: database file; it is never written to.
        trust: the box's log key (kind 1) and the witnesses' keys (kind 4).
        held: notes kept elsewhere, such as those that the bridge holds.
    """
    started = time.monotonic()
    try:
        report = _verify(path, trust, held)
    except (*DAMAGE, OSError) as error:
        report = _unreadable(Reason.FILE, str(error))
    return msgspec.structs.replace(report, seconds=round(time.monotonic() - started, 3))


def _unreadable(reason: Reason, detail: str = "") -> Report:
    return Report(Outcome.UNREADABLE, reason=reason, detail=detail)


def _verify(path: Path, trust: Sequence[NoteKey], held: Iterable[str]) -> Report:
    boxes = [key for key in trust if key.kind == _BOX]
    if not boxes:
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
        if not any(name.rsplit("/", 1)[0] == key.name.rsplit("/", 1)[0] for key in boxes):
            return _unreadable(Reason.WRONG_KEY, f"{name} / {boxes[0].name}")
        pruned = meta.get("pruned", "0")
        if not pruned.isascii() or not pruned.isdigit() or len(pruned) > 15:
            return Report(Outcome.TAMPERED, first_bad=0, reason=Reason.MALFORMED, detail="meta.pruned")
        try:
            changes = rotations(meta)
            known = trusted_chain(name, changes, trust)
        except ContractError as error:
            return Report(Outcome.TAMPERED, name, first_bad=0, reason=Reason.KEY, detail=str(error)[:300])
        if known.strange is not None:
            return Report(Outcome.TAMPERED, name, first_bad=known.strange, reason=Reason.KEY)
        return _judge(db, Claim(known, changes, witnesses), held)
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


def _judge(db: sqlite3.Connection, claim: Claim, notes: Iterable[str]) -> Report:
    held = Held()
    try:
        try:
            held.take(notes, claim.known.chain, claim.witnesses)
        except (ContractError, ValueError) as error:
            return _unreadable(Reason.HELD, str(error)[:200])
        if held.given and not held.kept:
            return _unreadable(Reason.HELD, f"none of the {held.given} notes speaks of {claim.known.chain.origin}")
        return _read(db, claim, held)
    finally:
        held.close()


def _read(db: sqlite3.Connection, claim: Claim, held: Held) -> Report:
    chain = claim.known.chain
    walk = Walk(db, chain.origin, claim.changes)
    stated = Statements(db, walk, claim.known, claim.witnesses, held)
    for frontier in walk.settled():
        stated.at(frontier)
    stated.finish()
    report = Report(
        Outcome.OK, chain.origin, walk.size, stated.checkpoints, stated.witnessed, stated.witnessed_at,
        unwitnessed=max(0, walk.size - stated.witnessed), pruned=walk.pruned,
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
        row = db.execute("SELECT body FROM event WHERE seq>=? ORDER BY seq LIMIT 1", (stated.witnessed,)).fetchone()
        oldest = events.decode(row[0]).t
        return msgspec.structs.replace(report, status=Outcome.UNWITNESSED, oldest_unwitnessed_t=oldest)
    return report
