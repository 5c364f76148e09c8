"""The log's SQLite file: tables, and how it is opened for writing (once) and for reading.

One connection writes and checkpoints the WAL, ever: SQLite 3.7 to 3.51.2 can corrupt a file when two do so at once
(findings/audit 1). Readers open it with mode=ro.
"""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

VERSION = 1
AUTOCHECKPOINT_PAGES = 200  # half the wear of the default 1000 (findings/audit 2.3)

OLDEST_SQLITE = (3, 37, 0)
"""STRICT tables."""

_STOP = "BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END"
_REMAINS = f"CREATE TRIGGER event_remains BEFORE DELETE ON event {_STOP}"
_TABLES = (
    "CREATE TABLE event (seq INTEGER PRIMARY KEY, body BLOB NOT NULL, leaf BLOB NOT NULL) STRICT",
    "CREATE TABLE tile (level INTEGER, idx INTEGER, hashes BLOB, PRIMARY KEY (level, idx)) STRICT, WITHOUT ROWID",
    "CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note TEXT NOT NULL, frontier BLOB NOT NULL) STRICT",
    "CREATE TABLE ack (size INTEGER PRIMARY KEY, note TEXT NOT NULL, time_s INTEGER NOT NULL) STRICT",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    # Guards against accidents; the hashes guard against everything else.
    f"CREATE TRIGGER event_stays BEFORE UPDATE ON event {_STOP}",
    _REMAINS,
)


def has_wal_reset_bug(version: tuple[int, ...]) -> bool:
    """Whether this SQLite can corrupt a file when two connections write or checkpoint at once; ours has one."""
    return (3, 7, 0) <= version <= (3, 51, 2)


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=32)


def open_writer(path: Path, connect: Callable[[Path], sqlite3.Connection] = _connect) -> sqlite3.Connection:
    """The one write connection, in autocommit mode, with durable settings; creates the tables of a new file.

    EXTRA until the WAL stands: the end of the rollback journal, which would undo it all, is then durable by itself
    (findings/audit 3.2). SQLite's own VFS syncs the folder with a new WAL's first sync, too; another one may not.

    Args:
        path: the database.
        connect: opens it in autocommit mode; another one than SQLite's own when somebody watches what reaches the disk.

    Raises:
        sqlite3.Error: not a database, damaged, or the disk does not let us.
    """
    db = connect(path)
    try:
        db.execute("PRAGMA trusted_schema=OFF")
        db.execute("PRAGMA mmap_size=0")
        db.execute("PRAGMA page_size=4096")
        db.execute("PRAGMA synchronous=EXTRA")
        db.execute("PRAGMA journal_mode=WAL")
        if db.execute("PRAGMA user_version").fetchone()[0] == 0:
            db.execute("BEGIN IMMEDIATE")
            for statement in _TABLES:
                db.execute(statement)
            db.execute(f"PRAGMA user_version={VERSION}")
            db.execute("COMMIT")
        db.execute("PRAGMA synchronous=FULL")
        db.execute(f"PRAGMA wal_autocheckpoint={AUTOCHECKPOINT_PAGES}")
    except BaseException:
        db.close()
        raise
    return db


def sync_directory(path: Path) -> None:
    """Make a new file's name durable: once, before the first acknowledgement."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def same_schema(db: sqlite3.Connection) -> bool:
    """Whether the file has exactly our tables and triggers: a planted trigger would run in our name."""
    found = {row[0] for row in db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
    return found == set(_TABLES)


def delete_before(db: sqlite3.Connection, seq: int) -> None:
    """Delete the leaves before `seq` within the open transaction, past the guard against accidents, which stays.

    Raises:
        sqlite3.Error: nothing of the transaction holds.
    """
    db.execute("DROP TRIGGER event_remains")
    db.execute("DELETE FROM event WHERE seq<?", (seq,))
    db.execute(_REMAINS)


def is_empty(db: sqlite3.Connection) -> bool:
    """Whether the file has our tables and not a row in any of them."""
    every = "SELECT count(*) FROM (SELECT seq FROM event UNION ALL SELECT idx FROM tile UNION ALL "
    every += "SELECT size FROM checkpoint UNION ALL SELECT size FROM ack UNION ALL SELECT 1 FROM meta LIMIT 1)"
    return same_schema(db) and db.execute(every).fetchone() == (0,)


def open_reader(path: Path, *, immutable: bool = False) -> sqlite3.Connection:
    """A read-only connection. `immutable` reads a lone copy on a medium that nobody writes.

    Raises:
        sqlite3.Error: not there or not a database.
    """
    flags = "mode=ro&immutable=1" if immutable else "mode=ro"
    db = sqlite3.connect(
        f"file:{quote(str(path))}?{flags}", uri=True, isolation_level=None, check_same_thread=False, timeout=2.0
    )
    try:
        db.execute("PRAGMA trusted_schema=OFF")
        db.execute("PRAGMA mmap_size=0")
        db.execute("PRAGMA query_only=ON")
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        db.close()
        raise
    return db
