"""How the log's file keeps the changes of its key: one row of `meta` each, beside the records that tell of them.

Records may be deleted once they are witnessed, the rows stay: without them nobody could tell which key signed when.
Both keys signed what a row says, so nobody can make one up.
"""

import contextlib
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import msgspec

from contracts.checkpoint import NoteKey
from contracts.errors import ContractError
from contracts.event import MAX_INT
from contracts.key_chain import KeyChain, Rotation, chain_from
from edge.audit.schema import open_reader

PREFIX = "key."
MOST = 1000
"""Changes of key that are read: a bound, so that a hostile file cannot keep the verifier busy."""


def row(rotation: Rotation) -> tuple[str, str]:
    """The row of `meta` for a change."""
    return f"{PREFIX}{rotation.first}", msgspec.json.encode(rotation).decode()


def rotations(meta: Mapping[str, str]) -> tuple[Rotation, ...]:
    """The changes that the rows of `meta` tell of, in order.

    Raises:
        ContractError: a row is not one of a change.
    """
    rows = {name: text for name, text in meta.items() if name.startswith(PREFIX)}
    if len(rows) > MOST:
        raise ContractError("meta", f"at most {MOST} changes of key", str(len(rows)))
    found = []
    for name, text in rows.items():
        number = name.removeprefix(PREFIX)
        try:
            said = msgspec.json.decode(text, type=Rotation)
        except msgspec.MsgspecError as error:
            raise ContractError(f"meta.{name}"[:80], "a change of key", text[:80]) from error
        if str(said.first) != number or not 0 < said.first <= MAX_INT:
            raise ContractError(f"meta.{name}"[:80], "the row of that change", str(said.first)[:80])
        found.append(said)
    return tuple(sorted(found, key=lambda rotation: rotation.first))


def chain_within(db: sqlite3.Connection, own: NoteKey) -> KeyChain:
    """The keys of a log that lead to `own`; that one alone where the file tells of no other, or is damaged."""
    with contextlib.suppress(sqlite3.Error, UnicodeDecodeError, ContractError, ValueError):
        meta = {str(key): str(value) for key, value in db.execute("SELECT key, value FROM meta")}
        chain = chain_from(own, rotations(meta))
        if own in chain.keys:
            return chain
    return KeyChain.begin(own)


def chain_in(path: Path, own: NoteKey) -> KeyChain:
    """As `chain_within`, of the log in `path`, be it there or not."""
    try:
        db = open_reader(path)
    except (sqlite3.Error, UnicodeDecodeError):
        return KeyChain.begin(own)
    with contextlib.closing(db):
        return chain_within(db, own)
