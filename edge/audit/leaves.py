"""Reading every leaf of a log file once, in order: bytes, chain, tree and tiles. Believes nothing that the file says.

Memory does not grow with the log: of what was read only the frontier and one open tile row a level are kept.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from contracts import event as events
from contracts.errors import ContractError
from contracts.event import FIRST_PREV, MAX_LEAF_BYTES, Event
from contracts.key_chain import ROTATED, Rotation, rotation_of
from contracts.merkle import Frontier, leaf_hash, node_hash
from edge.audit.report import Reason
from edge.audit.tiles import HASH_BYTES, WIDTH, TileWriter

PRUNED_EVENT = "audit.pruned"
_TILE_LEVELS = WIDTH.bit_length() - 1

DAMAGE = (sqlite3.Error, UnicodeDecodeError)  # sqlite3 cannot decode an error message that quotes a damaged name


class Finding(msgspec.Struct, frozen=True):
    """What is wrong, and the first event that it touches."""

    seq: int
    reason: Reason
    detail: str = ""


class Walk:
    """One reading of all leaves.

    Attributes:
        size: leaves that hold, so far or at the end.
        pruned: of these, how many are known by their hashes alone: they were deleted once they were witnessed.
        bad: the first leaf that does not.
        tile: first leaf whose stored tile hash differs from what the leaves give; known at the end.
        due: the smallest size whose frontier somebody wants; below it none is made.
        key: the first change of key that the leaves and the file's own list of them do not both tell of.
    """

    def __init__(self, db: sqlite3.Connection, name: str, changes: Sequence[Rotation] = ()) -> None:
        """`db` is inside a read transaction; `name` is the log's origin; `changes` are those of its key."""
        self._db = db
        self._box, self._log = name.split("/")[-2], int(name.rsplit("/", 1)[1])
        self.size = self.pruned = self.due = 0
        self.bad: Finding | None = None
        self.tile: int | None = None
        self.key: Finding | None = None
        self._changes = {change.first: change for change in changes}
        self._upper: int | None = None
        self._open: dict[int, tuple[int, bytes]] = {}
        self._nodes: list[bytes] = []
        self._tile, self._tiles = bytearray(), TileWriter(0, [])

    def settled(self) -> Iterator[Frontier]:
        """The frontier at each size from `due` on, once the last leaf's successor (or the end) has not disowned it.

        Never raises: damage ends the walk as a finding.
        """
        last: Frontier | None = None
        try:
            for frontier in self._read():
                if last is not None:
                    yield last
                last = frontier
        except DAMAGE as error:
            self.bad = self.bad or Finding(self.size, Reason.DAMAGED, str(error))
        if last is not None and last.size <= self.size:
            yield last

    def _read(self) -> Iterator[Frontier]:
        """The frontier at each size from `due` on: making one costs as much as hashing a leaf."""
        prev, boot, told = FIRST_PREV, 0, 0
        for digest in self._gone():
            self._take(digest)
            prev, self.pruned = digest.hex(), self.size
            if self.size >= self.due:
                yield Frontier(self.size, tuple(self._nodes))
        if self.bad is not None:
            return
        query = "SELECT seq, substr(body, 1, 8193), substr(leaf, 1, 33) FROM event ORDER BY seq"
        for seq, body, leaf in self._db.execute(query):
            finding, event = self._check(seq, body, leaf)
            if event is not None and finding is None:
                if event.seq != seq:
                    finding = _misplaced(event, seq, displaced=leaf.hex() != prev)
                elif event.prev != prev:
                    finding = self._blame(seq, body)
                elif event.boot < boot:
                    finding = Finding(seq, Reason.MOVED, f"boot {event.boot} after {boot}")
            if finding is not None or event is None:
                self.bad = finding
                # Of the last leaf that was let pass, its successor says that it is not the one.
                self.size = min(self.size, finding.seq if finding else self.size)
                return
            # `_check` has found it to be the hash of the body.
            self._take(leaf)
            prev, boot = leaf.hex(), event.boot
            if event.type == PRUNED_EVENT and isinstance(event.data.get("to"), int):
                told = event.data["to"]
            if event.type == ROTATED:
                self._changed(event)
            if self.size >= self.due:
                yield Frontier(self.size, tuple(self._nodes))
        for first in sorted(self._changes):
            if first > self.pruned:
                self._disagree(first, "a change of key without its record")
        if told < self.pruned:
            self.bad = Finding(told, Reason.MISSING, f"deleted up to seq {self.pruned - 1} without a record of it")
        self._close()

    def _take(self, leaf: bytes) -> None:
        """One more leaf holds: into the tree, and into the tile, which is compared when it is complete."""
        tile = self._tile
        tile += leaf
        if len(tile) == WIDTH * HASH_BYTES:
            # The subtrees that make up all of this tile but its last leaf are the lowest of the tree.
            root = leaf
            for node in reversed(self._nodes[-_TILE_LEVELS:]):
                root = node_hash(node, root)
            self._compare(self._tiles.complete(bytes(tile), root))
            tile.clear()
        _grow(self._nodes, self.size, leaf)
        self.size += 1

    def _changed(self, event: Event) -> None:
        """The record of a change of key: the file lists the same one, or whoever wrote the list left it out."""
        try:
            said = rotation_of(event)
        except ContractError as error:
            self._disagree(event.seq + 1, str(error)[:200])
            return
        if self._changes.pop(said.first, None) != said:
            self._disagree(said.first, "the file's list of keys tells of another change, or of none")

    def _disagree(self, first: int, why: str) -> None:
        if self.key is None:
            self.key = Finding(min(first, self.size) - 1, Reason.KEY, why)

    def _gone(self) -> Iterator[bytes]:
        """The hashes of the leaves that were deleted, from the complete tiles that stay for them."""
        row = self._db.execute("SELECT value FROM meta WHERE key='pruned'").fetchone()
        for idx in range(int(row[0]) // WIDTH if row else 0):
            tile = self._db.execute("SELECT hashes FROM tile WHERE level=0 AND idx=?", (idx,)).fetchone()
            if tile is None or not isinstance(tile[0], bytes) or len(tile[0]) != WIDTH * HASH_BYTES:
                self.bad = Finding(idx * WIDTH, Reason.MISSING, "its hash, too")
                return
            for at in range(0, len(tile[0]), HASH_BYTES):
                yield tile[0][at : at + HASH_BYTES]

    def _compare(self, rows: list[tuple[int, int, bytes]]) -> None:
        """Hold complete tile rows against the file; rows above the lowest level grow until the next one begins."""
        for level, idx, hashes in rows:
            if level:
                before = self._open.get(level)
                if before is not None and before[0] != idx and self._upper is None:
                    self._upper = self._slot(level, *before)
                self._open[level] = (idx, hashes)
            elif self.tile is None:
                self.tile = self._slot(0, idx, hashes)

    def _close(self) -> None:
        for level, (idx, hashes) in self._open.items():
            if self._upper is None:
                self._upper = self._slot(level, idx, hashes)
        if self.tile is None:
            self.tile = self._upper

    def _check(self, seq: Any, body: Any, leaf: Any) -> tuple[Finding | None, Event | None]:
        at = self.size
        if seq != at:
            return Finding(at, Reason.MISSING), None
        if not isinstance(body, bytes) or len(body) > MAX_LEAF_BYTES:
            return Finding(at, Reason.MALFORMED), None
        if leaf_hash(body) != leaf:
            return Finding(at, Reason.CHANGED), None
        try:
            event = events.decode(body)
        except (ContractError, ValueError, RecursionError) as error:
            return Finding(at, Reason.MALFORMED, str(error)[:200]), None
        if event.v != 1 or event.box != self._box or event.log != self._log:
            return Finding(at, Reason.MOVED, f"it says {event.box}/{event.log}"), None
        return None, event

    def _blame(self, seq: int, body: bytes) -> Finding:
        """Leaf `seq` does not name the leaf before it. Its successor tells which of the two is not the one written."""
        row = self._db.execute("SELECT substr(body, 1, 8193) FROM event WHERE seq=?", (seq + 1,)).fetchone()
        try:
            follows = row is not None and events.decode(row[0]).prev == leaf_hash(body).hex()
        except (ContractError, ValueError, RecursionError, TypeError):
            follows = False
        if seq and (follows or row is None):
            return Finding(seq - 1, Reason.CHAIN)
        return Finding(seq, Reason.CHAIN, "it does not name the event before it")

    def _slot(self, level: int, idx: int, hashes: bytes) -> int | None:
        """Seq of the first leaf below a tile row that differs from what the leaves give; None when it is right."""
        row = self._db.execute("SELECT hashes FROM tile WHERE level=? AND idx=?", (level, idx)).fetchone()
        stored = bytes(row[0]) if row and isinstance(row[0], bytes) else b""
        if stored == hashes:
            return None
        for slot in range(0, len(hashes), HASH_BYTES):
            if stored[slot : slot + HASH_BYTES] != hashes[slot : slot + HASH_BYTES]:
                return int((idx * WIDTH + slot // HASH_BYTES) * WIDTH**level)
        return int(idx * WIDTH * WIDTH**level)


def _grow(nodes: list[bytes], size: int, leaf: bytes) -> None:
    """Add a leaf hash to the roots of the perfect subtrees of `size` leaves, in place (`Frontier.append`)."""
    while size & 1:
        leaf = node_hash(nodes.pop(), leaf)
        size >>= 1
    nodes.append(leaf)


def _misplaced(event: Event, at: int, *, displaced: bool) -> Finding:
    """A leaf that names another seq. Where it should have been one earlier, something was put in before it."""
    detail = f"seq {at} says seq {event.seq}"
    if displaced and event.seq == at - 1:
        return Finding(at - 1, Reason.INSERTED, detail)
    return Finding(at, Reason.MOVED, detail)
