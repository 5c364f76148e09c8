"""What was signed about a log, held against its leaves: the box's checkpoints, witness records, notes held elsewhere.

All three are read as cursors in the order of their sizes, beside the leaves: nothing of them is kept.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from contracts.checkpoint import NoteKey
from contracts.errors import ContractError
from contracts.key_chain import Trusted
from contracts.merkle import Frontier
from edge.audit.held import NOTE_BYTES, Held, cosigned
from edge.audit.leaves import DAMAGE, Finding, Walk
from edge.audit.ledger import CHECKPOINT_EVENTS
from edge.audit.report import Reason

_NEVER = 2**64
_CHECKPOINTS = "SELECT size, substr(note, 1, 8192), substr(frontier, 1, 4096) FROM checkpoint ORDER BY size"
_ACKS = "SELECT size, substr(note, 1, 8192), time_s FROM ack ORDER BY size"


class _Cursor:
    """Rows in the order of their first column; `due` is that of the next one."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._rows = rows
        self._next: tuple[Any, ...] | None = None
        self.damage = ""
        self.due = 0
        self._advance()

    def _advance(self) -> None:
        try:
            self._next = next(self._rows, None)
        except DAMAGE as error:
            self._next, self.damage = None, str(error) or "damaged"
        self.due = _NEVER if self._next is None else self._next[0] if isinstance(self._next[0], int) else 0

    def upto(self, size: int) -> Iterator[tuple[Any, ...]]:
        """Rows of at most this size that did not come yet."""
        while self._next is not None and self.due <= size:
            row = self._next
            self._advance()
            yield row


class Statements:
    """Judges each statement when the leaves up to its size are known.

    Attributes:
        checkpoints: how many hold.
        witnessed, witnessed_at: the largest size that a witness vouches for and that holds, and when it did.
        bad: what is wrong within the file, smallest seq first.
        against: what contradicts a witness.
    """

    def __init__(
        self, db: sqlite3.Connection, walk: Walk, known: Trusted, witnesses: Sequence[NoteKey], held: Held
    ) -> None:
        """`known` are the keys under the log's own name."""
        self._walk, self._chain, self._witnesses = walk, known.chain, witnesses
        self._beyond = known.beyond
        self._signed = _cursor(db, _CHECKPOINTS)
        self._acked = _cursor(db, _ACKS if witnesses else "")
        self._held = _Cursor(held.in_order())
        self.checkpoints = self.witnessed = self.witnessed_at = 0
        self.bad: Finding | None = None
        self.against: Finding | None = None
        self._bad_ack: Finding | None = None
        self._good = 0
        self._rewritten: int | None = None
        self._due = 0
        self._look_ahead()

    def at(self, frontier: Frontier) -> None:
        """The leaves up to `frontier.size` hold."""
        if frontier.size >= self._due:
            self._judge(frontier.size, frontier)

    def finish(self) -> None:
        """No more leaves hold: judge the rest, and decide what the first thing is that is wrong."""
        walk = self._walk
        if walk.bad is not None:
            self._note(walk.bad)
        self._judge(_NEVER - 1, None)
        good = self._good
        for cursor in (self._signed, self._acked):
            if cursor.damage:
                self._note(Finding(0, Reason.DAMAGED, cursor.damage))
        if self._rewritten is not None:
            # A tile that was not rewritten along tells which leaf it was.
            seq = walk.tile if walk.tile is not None and good <= walk.tile < self._rewritten else good
            walk.tile = None
            self._note(Finding(seq, Reason.REWRITTEN, f"between seq {good} and {max(0, self._rewritten - 1)}"))
        elif self.bad is None and (not good or walk.size - good > CHECKPOINT_EVENTS):
            self._note(Finding(good, Reason.UNSIGNED, f"{walk.size - good} events without a checkpoint"))
        if self._bad_ack is not None:
            self._note(self._bad_ack)
        if walk.key is not None:
            self._note(walk.key)
        if self._beyond is not None and self.bad is None and self.against is None:
            detail = f"{walk.size} events, and the key {self._beyond.id.hex()} that is trusted signed none of them"
            self.against = Finding(walk.size, Reason.SHORTER, detail)
        if self.bad is None and self._witnesses and walk.pruned > self.witnessed:
            self._note(Finding(self.witnessed, Reason.PRUNED, f"up to seq {walk.pruned - 1}"))
        if walk.tile is not None and self.bad is None and self.against is None:
            self._note(Finding(walk.tile, Reason.TILE))

    def _note(self, finding: Finding) -> None:
        """Keep the finding with the smallest seq."""
        if self.bad is None or finding.seq < self.bad.seq:
            self.bad = finding

    def _look_ahead(self) -> None:
        self._due = self._walk.due = min(self._signed.due, self._acked.due, self._held.due)

    def _judge(self, size: int, frontier: Frontier | None) -> None:
        for row in self._signed.upto(size):
            if self._rewritten is None:  # beyond a root that differs no other can be told right from wrong
                self._checkpoint(row, frontier)
        for row in self._acked.upto(size):
            self._ack(row, frontier)
        for covered, root, time_s in self._held.upto(size):
            self._weigh(covered, root, time_s, frontier)
        self._look_ahead()

    def _checkpoint(self, row: tuple[Any, ...], frontier: Frontier | None) -> None:
        size, raw, packed = row
        last = max(0, size - 1) if isinstance(size, int) else 0
        try:
            stated = self._chain.verify(_text(raw))
        except (ContractError, ValueError) as error:
            self._note(Finding(last, Reason.SIGNATURE, f"checkpoint {size}: {str(error)[:200]}"))
            return
        if (stated.origin, stated.size) != (self._chain.origin, size):
            self._note(Finding(last, Reason.CHECKPOINT, f"checkpoint {size} says {stated.size}"))
            return
        if frontier is None:
            if self._walk.bad is None:
                detail = f"checkpoint {size}, but {self._walk.size} events"
                self._note(Finding(self._walk.size, Reason.TRUNCATED, detail))
        elif size != frontier.size:
            self._note(Finding(last, Reason.CHECKPOINT, f"checkpoint {size} stands out of order"))
        elif frontier.root() != stated.root:
            self._rewritten = size
        elif packed != frontier.pack():
            self._note(Finding(last, Reason.CHECKPOINT, f"frontier of checkpoint {size}"))
        else:
            self.checkpoints += 1
            self._good = size

    def _ack(self, row: tuple[Any, ...], frontier: Frontier | None) -> None:
        size, raw, time_s = row
        try:
            found = cosigned(_text(raw), self._witnesses)
        except ValueError:
            found = None
        if found is None or (found[0], found[1], found[3]) != (self._chain.origin, size, time_s):
            last = max(0, size - 1) if isinstance(size, int) else 0
            if self._bad_ack is None:
                self._bad_ack = Finding(last, Reason.ACK, f"witness record of {size} leaves")
            return
        self._weigh(size, found[2], found[3], frontier)

    def _weigh(self, size: int, root: bytes, time_s: int, frontier: Frontier | None) -> None:
        """Compare what somebody else saw with what the file holds."""
        if frontier is None:
            if self._walk.bad is None and self.against is None:
                detail = f"{self._walk.size} events, witnessed {size}"
                self.against = Finding(self._walk.size, Reason.SHORTER, detail)
        elif size != frontier.size or frontier.root() != root:
            if self.against is None:
                self.against = Finding(self.witnessed, Reason.HISTORY, f"below witnessed size {size}")
        elif time_s and size >= self.witnessed:
            self.witnessed, self.witnessed_at = size, time_s


def _cursor(db: sqlite3.Connection, query: str) -> _Cursor:
    if not query:
        return _Cursor(iter(()))
    try:
        return _Cursor(iter(db.execute(query)))
    except DAMAGE as error:
        empty = _Cursor(iter(()))
        empty.damage = str(error) or "damaged"
        return empty


def _text(raw: Any) -> str:
    """A note as text. Raises ValueError when it cannot be one."""
    if not isinstance(raw, bytes) or len(raw) > NOTE_BYTES:
        raise ValueError("not a note")
    return raw.decode("utf-8")
