"""Tiles: hashes of complete subtrees, 256 to a row, so that a proof reads a few rows and not the whole log.

Level 0 holds leaf hashes; a hash of level n is the root of 256 hashes of level n - 1. Rows of level 0 are written when
they are complete (`event.leaf` has the rest); those of higher levels grow by one hash with each complete row below.
"""

import sqlite3

from contracts.merkle import EMPTY_ROOT, Subtree, node_hash

WIDTH = 256
HASH_BYTES = 32


def _root(hashes: bytes) -> bytes:
    """Root over hashes that stand one after the other: in pairs, level by level; an odd last one goes up as it is."""
    row = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    while len(row) > 1:
        pairs = [node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)]
        row = [*pairs, row[-1]] if len(row) & 1 else pairs
    return row[0] if row else EMPTY_ROOT


class TileWriter:
    """The open tile of each level. `append` returns the rows to write."""

    def __init__(self, size: int, tails: list[bytes]) -> None:
        """Go on at `size` leaves; `tails[level]` are the hashes of that level's open tile."""
        self._size = size
        self._tails = [bytearray(tail) for tail in tails]

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf hash; returns the tile rows (level, idx, hashes) that this completes or lengthens."""
        index = self._size
        self._size += 1
        return self._add(0, index, leaf)

    def complete(self, hashes: bytes, root: bytes) -> list[tuple[int, int, bytes]]:
        """As `append` of each leaf hash of a whole tile, whose root is known; the tile before is complete."""
        idx = self._size // WIDTH
        self._size += WIDTH
        return [(0, idx, hashes), *self._add(1, idx, root)]

    def _add(self, level: int, index: int, node: bytes) -> list[tuple[int, int, bytes]]:
        rows: list[tuple[int, int, bytes]] = []
        while True:
            while level >= len(self._tails):
                self._tails.append(bytearray())
            tail = self._tails[level]
            tail += node
            full = len(tail) == WIDTH * HASH_BYTES
            if level or full:
                rows.append((level, index // WIDTH, bytes(tail)))
            if not full:
                return rows
            node = _root(bytes(tail))
            tail.clear()
            index //= WIDTH
            level += 1


def resume(db: sqlite3.Connection, size: int) -> TileWriter:
    """A `TileWriter` for the log in `db`."""
    start = size - size % WIDTH
    tail = b"".join(row[0] for row in db.execute("SELECT leaf FROM event WHERE seq>=? ORDER BY seq", (start,)))
    tails = [tail]
    above = size // WIDTH
    level = 1
    while above:
        row = db.execute("SELECT hashes FROM tile WHERE level=? AND idx=?", (level, above // WIDTH)).fetchone()
        tails.append(row[0][: above % WIDTH * HASH_BYTES] if row else b"")
        above //= WIDTH
        level += 1
    return TileWriter(size, tails)


def subtree(db: sqlite3.Connection) -> Subtree:
    """A `contracts.merkle.Subtree` over the log in `db`, for proofs and roots of any size.

    Raises (when called):
        LookupError: a leaf or tile that is needed is not there.
    """
    tiles: dict[tuple[int, int], bytes] = {}

    def tile(level: int, idx: int) -> bytes:
        if (level, idx) not in tiles:
            row = db.execute("SELECT hashes FROM tile WHERE level=? AND idx=?", (level, idx)).fetchone()
            hashes = bytes(row[0]) if row else b""
            if not level and not row:
                first = idx * WIDTH
                rows = db.execute("SELECT leaf FROM event WHERE seq>=? AND seq<? ORDER BY seq", (first, first + WIDTH))
                hashes = b"".join(row[0] for row in rows)
            tiles[level, idx] = hashes
        return tiles[level, idx]

    def node(level: int, index: int) -> bytes:
        at = index % WIDTH * HASH_BYTES
        found = tile(level, index // WIDTH)[at : at + HASH_BYTES]
        if len(found) == HASH_BYTES:
            return found
        raise LookupError(f"level {level} of the log has no hash {index}: verify the file")

    def root(first: int, last: int) -> bytes:
        width = last - first
        if width & (width - 1) or first % width:
            middle = first + (1 << ((width - 1).bit_length() - 1))
            return node_hash(root(first, middle), root(middle, last))
        level, step = 0, 1
        while step * WIDTH <= width:
            level, step = level + 1, step * WIDTH
        return _root(b"".join(node(level, index) for index in range(first // step, last // step)))

    return root
