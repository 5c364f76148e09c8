"""The open log below its thread: what goes into a transaction, and what holds once it is committed.

Not thread-safe: used by `AuditLog.open` and then by its writer thread alone.
"""

import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from contracts import events
from contracts.checkpoint import Checkpoint, note_key, sign
from contracts.key_chain import KeyChain, Rotation, chain_from, rotate
from contracts.signer import RotatingSigner, Signer
from edge.audit import key_history
from edge.audit.draft import Draft, Place, leaves
from edge.audit.recovery import Ended, Owner
from edge.audit.schema import delete_before, sync_directory
from edge.audit.tiles import resume, subtree

CHECKPOINT_EVENTS = 256
THIN_LEAVES = 4096
THIN_CHECKPOINTS = 256
MISFITS_TOLD = 100
"""Types of events that are told of in the journal because they do not fit, each once."""
_THIN = (
    """DELETE FROM checkpoint
       WHERE size<? AND size NOT IN (SELECT max(size) FROM checkpoint WHERE size<=? GROUP BY size/?)""",
    "DELETE FROM ack WHERE size<? AND size NOT IN (SELECT max(size) FROM ack WHERE size<=? GROUP BY size/?)",
)

_logger = logging.getLogger(__name__)


class _Timed(msgspec.Struct, frozen=True):
    t: int


class Ledger:
    """Leaves, tiles, checkpoints and acknowledgements of one log."""

    def __init__(self, db: sqlite3.Connection, path: Path, owner: Owner, ended: Ended) -> None:
        """Go on where the log in `path` ended; counts a boot."""
        self.origin = owner.origin(ended.log)
        self.log, self.boot = ended.log, ended.boot + 1
        self.acked, self.oldest_unacked_t = ended.acked, 0
        self.pruned, self.ring = ended.pruned, ended.ring
        self.keys: KeyChain = chain_from(note_key(self.origin, owner.key), ended.rotations)
        self.untyped = self._untyped_kept = ended.untyped
        self.signed_at = time.monotonic()
        self._db, self._path, self._owner = db, path, owner
        self._frontier, self._prev, self._signed = ended.frontier, ended.prev, ended.signed
        self._tiles = resume(db, ended.frontier.size)
        self._roots: dict[int, bytes] = {}
        self._misfits: set[str] = set()

    @property
    def size(self) -> int:
        """Leaves, those of the open transaction included."""
        return self._frontier.size

    @property
    def unsigned(self) -> int:
        """Leaves that no checkpoint covers."""
        return self._frontier.size - self._signed

    def begin(self) -> None:
        """Open a transaction."""
        self._db.execute("BEGIN IMMEDIATE")

    def commit(self) -> dict[int, bytes]:
        """Make it durable; returns the roots of the checkpoints that it holds, by size.

        Raises:
            sqlite3.Error: nothing in it may be acknowledged.
        """
        self._db.execute("COMMIT")
        roots, self._roots = self._roots, {}
        return roots

    def start(self, drafts: list[Draft], *, ring: int = 0) -> dict[int, bytes]:
        """The first transaction: meta, the log's own first drafts, a checkpoint; `ring` is taken over up to there."""
        self.begin()
        owner = self._owner
        meta = {"box": owner.box, "domain": owner.domain, "log": self.log, "boot": self.boot, "clean": 0, "ring": ring}
        self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", [(k, str(v)) for k, v in meta.items()])
        for draft in drafts:
            self.insert(draft)
        self.oldest_unacked_t = self.time_of(self.acked)
        self.sign()
        roots = self.commit()
        sync_directory(self._path.parent)
        return roots

    def insert(self, draft: Draft) -> int:
        """Write a draft's leaves; returns the seq of the first.

        Raises:
            ContractError: it has no canonical form; nothing was written.
        """
        head = self.size
        made = leaves(draft, Place(self._owner.box, self.log, self.boot, head, self._prev))
        misfit = events.check(draft)
        if misfit:
            self._count(draft.type, misfit)
        for body, leaf in made:
            self._db.execute("INSERT INTO event VALUES (?, ?, ?)", (self.size, body, leaf))
            self._frontier = self._frontier.append(leaf)
            self._prev = leaf.hex()
            for row in self._tiles.append(leaf):
                self._db.execute("INSERT OR REPLACE INTO tile VALUES (?, ?, ?)", row)
            if self.unsigned >= CHECKPOINT_EVENTS:
                self.sign()
        if not self.oldest_unacked_t:
            self.oldest_unacked_t = draft.t
        return head

    def _count(self, name: str, misfit: str) -> None:
        """An event that does not fit its type is kept as it is: a slip of ours must not end a release."""
        self.untyped += 1
        if name not in self._misfits and len(self._misfits) < MISFITS_TOLD:
            self._misfits.add(name)
            _logger.error("event %s does not fit its type: %s", ascii(name), ascii(misfit))

    def sign(self) -> None:
        """Add a checkpoint over everything so far."""
        self.signed_at = time.monotonic()
        if not self.unsigned:
            return
        checkpoint = Checkpoint(self.origin, self.size, self._frontier.root())
        note = sign(checkpoint, self.origin, self._owner.key)
        self._db.execute("INSERT INTO checkpoint VALUES (?, ?, ?)", (self.size, note, self._frontier.pack()))
        self._signed = self.size
        self._roots[self.size] = checkpoint.root
        if self.untyped != self._untyped_kept:
            # With a checkpoint only: a row more in every commit would wear the disk more than the count is worth.
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('untyped', ?)", (str(self.untyped),))
            self._untyped_kept = self.untyped

    def rotate(self, fresh: Signer, told: Callable[[Rotation], Draft]) -> Rotation:
        """Within the open transaction: the record of a change to the key `fresh`, and the old key's last checkpoint.

        `told` makes the record. The new key signs from `settle` on, which follows the commit.
        """
        change = rotate(self.origin, self.size + 1, self._owner.key, fresh)
        self.insert(told(change))
        self._db.execute("INSERT INTO meta VALUES (?, ?)", key_history.row(change))
        self.sign()
        return change

    def settle(self, change: Rotation) -> None:
        """The record of this change is durable: the new key is in force."""
        self.keys = self.keys.after(change)
        if isinstance(self._owner.key, RotatingSigner):
            self._owner.key.settle(self.keys.newest.public)

    def store_ack(self, size: int, note: str, time_s: int) -> None:
        """Keep a cosigned checkpoint that has been checked; the cursor never goes back."""
        if size > self.acked:
            self._db.execute("INSERT OR REPLACE INTO ack VALUES (?, ?, ?)", (size, note, time_s))
            self.acked = size
            try:
                self.oldest_unacked_t = self.time_of(size)
            except LookupError:
                # The time before stays: who looks at the age of what is not witnessed sees it grow.
                _logger.exception("the oldest event that is not witnessed cannot be read")

    def mark_rollback(self, note: str) -> None:
        """Remember beyond this boot that the witness contradicts this log."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('rollback', ?)", (note,))

    def root_of(self, size: int) -> str:
        """Root over the first `size` leaves, in hex.

        Raises:
            LookupError: a tile that is needed is not there.
            sqlite3.Error: the file does not answer.
        """
        return subtree(self._db)(0, size).hex()

    def prune(self, end: int) -> None:
        """Delete the leaves before `end`: whole tiles, and witnessed.

        Raises:
            sqlite3.Error: nothing of the transaction holds.
        """
        delete_before(self._db, end)
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('pruned', ?)", (str(end),))
        self.pruned = end

    def thin(self) -> int:
        """Delete checkpoints and witness records that a later witness record covers, all but one in 4,096 leaves.

        They came every fifteen seconds and outweigh the events of a quiet box.
        """
        return sum(self._db.execute(one, (self.acked, self.acked, THIN_LEAVES)).rowcount for one in _THIN)

    @property
    def thinnable(self) -> bool:
        """Whether so many checkpoints lie below what is witnessed that thinning them is worth a commit.

        Raises:
            sqlite3.Error: the file does not answer.
        """
        found = self._db.execute("SELECT count(*) FROM checkpoint WHERE size<?", (self.acked,)).fetchone()[0]
        return int(found) - self.acked // THIN_LEAVES > THIN_CHECKPOINTS

    def used(self) -> int:
        """Bytes that hold something: the file without its free pages, and the WAL.

        Raises:
            sqlite3.Error: the file does not answer.
        """
        names = ("page_count", "freelist_count", "page_size")
        pages, free, size = (int(self._db.execute(f"PRAGMA {name}").fetchone()[0]) for name in names)
        wal = self._path.with_name(f"{self._path.name}-wal")
        return (pages - free) * size + (wal.stat().st_size if wal.exists() else 0)

    def finish(self) -> None:
        """The last transaction: sign and mark the end as clean."""
        self.begin()
        self.sign()
        self._db.execute("UPDATE meta SET value='1' WHERE key='clean'")
        self.commit()

    def abandon(self) -> None:
        """After an error: nothing of the open transaction holds."""
        with contextlib.suppress(sqlite3.Error):
            self._db.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(sqlite3.Error):
            self._db.close()

    def newest(self, number: int) -> list[bytes]:
        """So many of the newest leaves, newest first.

        Raises:
            sqlite3.Error: the file does not answer.
        """
        return [row[0] for row in self._db.execute("SELECT body FROM event ORDER BY seq DESC LIMIT ?", (number,))]

    def time_of(self, seq: int) -> int:
        """Wall ms of a leaf, 0 when it is not there.

        Raises:
            LookupError: it is damaged.
            sqlite3.Error: the file does not answer.
        """
        row = self._db.execute("SELECT body FROM event WHERE seq=?", (seq,)).fetchone()
        if row is None:
            return 0
        try:
            return msgspec.json.decode(row[0], type=_Timed).t
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise LookupError(f"leaf {seq} of the log is damaged: verify the file") from error
