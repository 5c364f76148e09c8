"""Reading a log while it is written (mode=ro), or a copy of one."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import msgspec

from contracts import event as events
from contracts.checkpoint import origin
from contracts.event import Event
from contracts.key_chain import Rotation
from contracts.merkle import Subtree
from edge.audit.key_history import rotations
from edge.audit.schema import open_reader
from edge.audit.tiles import subtree

_ALARM = b'"sev":"alarm"'  # in a leaf these bytes stand for the key alone or for a key of the same name in `data`


class Witnessed(msgspec.Struct, frozen=True):
    """The newest cosigned checkpoint: its size, its text, when the bridge cosigned it (seconds since 1970)."""

    size: int
    note: str
    time_s: int


class Reader:
    """A read-only view of a log. Not thread-safe. Every method raises `sqlite3.Error` when the file cannot be read."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        """Use `Reader.open`."""
        self.path = path
        self._db = db
        with contextlib.suppress(OSError):
            self._file: Any = None
            self._file = self._identity()
        meta = {str(key): str(value) for key, value in self._rows("SELECT key, value FROM meta")}
        self.box, self.domain = meta.get("box", ""), meta.get("domain", "")
        self.log, self.boot = int(meta.get("log", 0)), int(meta.get("boot", 0))
        self.origin = origin(self.domain, self.box, self.log)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a log; a copy on a medium that cannot be written is opened as immutable.

        Raises:
            sqlite3.Error: not there, or not a log.
        """
        db = open_for_reading(path)
        try:
            return cls(path, db)
        except BaseException:
            db.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def is_replaced(self) -> bool:
        """Whether another file stands at the path now: the log went on in a new epoch."""
        with contextlib.suppress(OSError):
            return bool(self._file != self._identity())
        return True

    def data_version(self) -> int:
        """Changes whenever another connection has committed; cheap enough to ask every 50 ms."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def size(self) -> int:
        """Durable leaves."""
        newest = self._db.execute("SELECT max(seq) FROM event").fetchone()[0]
        return 0 if newest is None else int(newest) + 1

    def pruned(self) -> int:
        """How many of the first leaves were deleted here, once they were witnessed: the first that is there."""
        row = self._db.execute("SELECT value FROM meta WHERE key='pruned'").fetchone()
        return int(row[0]) if row else 0

    def untyped(self) -> int:
        """How many events did not fit their type when they were written (`contracts.events`)."""
        row = self._db.execute("SELECT value FROM meta WHERE key='untyped'").fetchone()
        return int(row[0]) if row else 0

    def first(self) -> int:
        """Seq of the oldest leaf that is still here."""
        return int(self._db.execute("SELECT coalesce(min(seq), 0) FROM event").fetchone()[0])

    def rotations(self) -> tuple[Rotation, ...]:
        """How the key that signs this log was changed, in order.

        Raises:
            ContractError: the file does not say so in its own way.
        """
        return rotations({str(key): str(value) for key, value in self._rows("SELECT key, value FROM meta")})

    def witnessed(self) -> Witnessed | None:
        """The newest acknowledgement that the log has stored: the cursor of `link`."""
        row = self._db.execute("SELECT size, note, time_s FROM ack ORDER BY size DESC LIMIT 1").fetchone()
        return Witnessed(*row) if row else None

    def checkpoint(self, at_most: int | None = None) -> tuple[int, str] | None:
        """Size and text of the newest checkpoint, or of the newest that covers at most so many leaves."""
        top = self.size() if at_most is None else at_most
        query = "SELECT size, note FROM checkpoint WHERE size<=? ORDER BY size DESC LIMIT 1"
        row = self._db.execute(query, (top,)).fetchone()
        return (int(row[0]), str(row[1])) if row else None

    def acknowledgements(self) -> Iterator[str]:
        """Every cosigned note that the log has stored, newest first."""
        return (str(row[0]) for row in self._rows("SELECT note FROM ack ORDER BY size DESC"))

    def witness_of(self, seq: int) -> Witnessed | None:
        """The oldest acknowledgement that covers an event: the earliest time at which somebody else vouched for it."""
        query = "SELECT size, note, time_s FROM ack WHERE size>? ORDER BY size LIMIT 1"
        row = self._db.execute(query, (seq,)).fetchone()
        return Witnessed(*row) if row else None

    def checkpoint_of(self, seq: int) -> tuple[int, str] | None:
        """Size and text of the oldest checkpoint that covers an event."""
        query = "SELECT size, note FROM checkpoint WHERE size>? ORDER BY size LIMIT 1"
        row = self._db.execute(query, (seq,)).fetchone()
        return (int(row[0]), str(row[1])) if row else None

    def signed(self) -> int:
        """How many leaves a checkpoint of the box or its witness covers."""
        ack, own = self.witnessed(), self.checkpoint()
        return max(ack.size if ack else 0, own[0] if own else 0)

    def checkpoints(self) -> int:
        """How many checkpoints the log holds."""
        return int(self._db.execute("SELECT count(*) FROM checkpoint").fetchone()[0])

    def leaves(self, first: int, limit: int, max_bytes: int) -> list[bytes]:
        """Exact leaf bytes from `first`: at most `limit`, and no more than `max_bytes` (but one at least)."""
        taken: list[bytes] = []
        total = 0
        for (body,) in self._rows("SELECT body FROM event WHERE seq>=? ORDER BY seq LIMIT ?", (first, limit)):
            total += len(body) + 1
            if taken and total > max_bytes:
                break
            taken.append(body)
        return taken

    def alarms(self, first: int, last: int) -> list[tuple[int, bytes]]:
        """Seq and exact bytes of the alarm events in ``[first, last)``."""
        query = "SELECT seq, body FROM event WHERE seq>=? AND seq<? AND instr(body, ?)>0 ORDER BY seq"
        found = self._rows(query, (first, last, _ALARM))
        return [(seq, body) for seq, body in found if msgspec.json.decode(body).get("sev") == "alarm"]

    def events(self, first: int, limit: int) -> list[Event]:
        """Decoded events from `first`.

        Raises:
            ContractError: a leaf is damaged.
        """
        return [events.decode(body) for body in self.leaves(first, limit, limit * events.MAX_LEAF_BYTES)]

    def newest_with(self, text: str, last: int) -> int | None:
        """Seq of the newest leaf, up to `last`, that contains these bytes."""
        query = "SELECT seq FROM event WHERE seq<=? AND instr(body, ?)>0 ORDER BY seq DESC LIMIT 1"
        row = self._db.execute(query, (last, text.encode())).fetchone()
        return int(row[0]) if row else None

    def leaf(self, seq: int) -> bytes | None:
        """One leaf."""
        row = self._db.execute("SELECT body FROM event WHERE seq=?", (seq,)).fetchone()
        return bytes(row[0]) if row else None

    def subtree(self) -> Subtree:
        """For proofs and roots (`contracts.merkle`). Raises LookupError when asked for leaves that are not there."""
        return subtree(self._db)

    def copy_to(self, path: Path) -> None:
        """A consistent copy as one file, byte for byte the same rows."""
        with contextlib.closing(sqlite3.connect(path)) as target:
            self._db.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        return iter(self._db.execute(query, values))

    def _identity(self) -> tuple[int, int]:
        stat = self.path.stat()
        return stat.st_dev, stat.st_ino


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A read-only connection to a live log, a copy, or a copy on a medium that cannot be written.

    Raises:
        sqlite3.Error: not there, or not a database.
    """
    try:
        return open_reader(path)
    except sqlite3.OperationalError:
        if not path.is_file() or path.with_name(path.name + "-wal").exists():
            raise
        return open_reader(path, immutable=True)
