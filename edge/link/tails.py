"""What epochs before the present one still owe the bridge: their files lie beside the log, put aside as damaged.

Nobody writes them any more, so nothing in them says how far the bridge has come: it is asked, with the newest
checkpoint. It answers with a cosignature when it has everything, with the leaf that it wants when not. Only leaves that
continue the chain are sent; where the damage begins, the epoch ends.
"""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from contracts import event as events
from contracts.errors import ContractError
from contracts.event import FIRST_PREV, MAX_LEAF_BYTES
from contracts.merkle import leaf_hash
from edge.audit.reader import Reader
from edge.link.pieces import Packer

ASK_S, ASK_MAX_S = 2.0, 60.0
MAX_ASKED = 8  # in vain, until the next connection: it knows nothing of this epoch, or holds another one of its name
_CHUNK_LEAVES = 200

_logger = logging.getLogger(__name__)


class Owed(msgspec.Struct, frozen=True):
    """What goes next, on which topic; `end` is the leaf after the last one of a piece."""

    leaf: Literal["log", "cp"]
    payload: bytes
    origin: str
    end: int = 0


class Tail:
    """One epoch that was put aside.

    Attributes:
        done: nothing of it is left to be sent, or can be.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        """Open the file.

        Raises:
            sqlite3.Error, ValueError, LookupError: it cannot be read.
        """
        self._clock, self._packer = clock, Packer()
        self._reader = Reader.open(path)
        self.origin, self._end = self._reader.origin, self._reader.size()
        self._witnessed = 0
        self._next: int | None = None
        self.done = not self._reader.log or self._reader.checkpoint(self._end) is None
        self.begin()

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def begin(self) -> None:
        """A new connection: ask from the beginning."""
        self._next = None
        self._wanted = -1
        self._asked, self._ask_at = 0, self._clock()

    def wanted(self, want: int, *, held: bool) -> None:
        """The bridge has the leaves below `want`; `held`: it keeps them, but will not witness them."""
        if self._next is not None and self._next < self._end:
            return  # it tells so after each piece; what it then still lacks it says when it is asked again
        if want > self._end or (held and want == self._end):
            self.done = True  # it has all that we can give it
            return
        self._next = want
        if want > self._wanted:
            # Only what it takes earns more questions: a bridge that has another record under this number refuses ours,
            # and wants the same one for ever.
            self._wanted, self._asked = want, 0

    def acknowledged(self, size: int) -> None:
        """The bridge witnessed so many leaves; those without a checkpoint follow, though nobody signs for them."""
        self._witnessed = max(self._witnessed, size)
        found = self._reader.checkpoint(self._end)
        if found is None or size < found[0]:
            return
        if size >= self._end:
            self.done = True
        else:
            self._next = max(size, self._next or 0)

    def owed(self) -> Owed | None:
        """What goes now.

        Raises:
            sqlite3.Error, LookupError: the file cannot be read further.
        """
        if self.done:
            return None
        if self._next is not None and self._next < self._end:
            leaves = self._sound(self._next)
            if leaves:
                batch = self._packer.pack_leaves(self.origin, self._next, leaves)
                return Owed("log", batch.payload, self.origin, batch.end)
        found = self._reader.checkpoint(self._end)
        if found is None or (self._next == self._end and self._witnessed >= found[0]):
            self.done = True
            return None
        if self._asked >= MAX_ASKED or self._clock() < self._ask_at:
            return None
        return Owed("cp", found[1].encode(), self.origin)

    def sent(self, owed: Owed) -> None:
        """The broker took it."""
        if owed.leaf == "log":
            self._next = owed.end
            if not self._asked:
                self._ask_at = self._clock()
        else:
            self._asked += 1
            self._ask_at = self._clock() + min(ASK_S * 2 ** (self._asked - 1), ASK_MAX_S)

    def wait_s(self) -> float | None:
        """Seconds until there is something to ask again; None when an answer alone can change anything."""
        if self.done or self._asked >= MAX_ASKED:
            return None
        return max(0.0, self._ask_at - self._clock())

    def _sound(self, first: int) -> list[bytes]:
        """Leaves from `first` that continue the chain; the epoch ends before the first that does not."""
        prev = FIRST_PREV
        if first:
            before = self._reader.leaf(first - 1)
            prev = leaf_hash(before).hex() if before else ""
        found = self._reader.leaves(first, min(_CHUNK_LEAVES, self._end - first), _CHUNK_LEAVES * MAX_LEAF_BYTES)
        for index, body in enumerate(found):
            if not _continues(body, first + index, prev):
                self._end = first + index
                return found[:index]
            prev = leaf_hash(body).hex()
        if not found:
            self._end = first
        return found


def _continues(body: bytes, seq: int, prev: str) -> bool:
    try:
        event = events.decode(body)
    except ContractError:
        return False
    return (event.seq, event.prev) == (seq, prev)


class Tails:
    """All epochs that were put aside beside one log.

    Attributes:
        unsent: how many of them the bridge has not taken, those that cannot be read among them.
    """

    def __init__(self, log: Path, clock: Callable[[], float]) -> None:
        """Nothing is opened yet."""
        self._log, self._clock = log, clock
        self._open: dict[str, Tail | None] = {}

    @property
    def unsent(self) -> int:
        """See the class."""
        return sum(tail is None or not tail.done for tail in self._open.values())

    def look(self) -> None:
        """Open what has been put aside since the last look."""
        for path in sorted(self._log.parent.glob(f"{self._log.name}.bad-*[0-9]")):
            if path.name not in self._open:
                self._open[path.name] = self._opened(path)

    def begin(self) -> None:
        """A new connection."""
        for tail in self._open.values():
            if tail is not None:
                tail.begin()

    def find(self, origin: str) -> Tail | None:
        """The epoch with that origin."""
        return next((tail for tail in self._open.values() if tail is not None and tail.origin == origin), None)

    def owed(self) -> Owed | None:
        """What goes next, of the oldest epoch that has something."""
        for name, tail in self._open.items():
            if tail is None:
                continue
            try:
                owed = tail.owed()
            except (sqlite3.Error, LookupError, ValueError) as error:
                _logger.warning("%s cannot be read further, its rest stays on this box: %s", name, error)
                tail.close()
                self._open[name] = None
                return self.owed()
            if owed is not None:
                return owed
        return None

    def sent(self, owed: Owed) -> None:
        """The broker took it."""
        tail = self.find(owed.origin)
        if tail is not None:
            tail.sent(owed)

    def wait_s(self) -> float | None:
        """Seconds until something may be owed again without an answer."""
        waits = [wait_s for tail in self._open.values() if tail is not None and (wait_s := tail.wait_s()) is not None]
        return min(waits, default=None)

    def close(self) -> None:
        """Close all files."""
        for tail in self._open.values():
            if tail is not None:
                tail.close()
        self._open.clear()

    def _opened(self, path: Path) -> Tail | None:
        try:
            tail = Tail(path, self._clock)
        except (sqlite3.Error, OSError, LookupError, ValueError) as error:
            _logger.warning("%s cannot be read and stays on this box: %s", path.name, error)
            return None
        _logger.warning("%s was put aside as %s; the bridge is asked what it lacks of it", tail.origin, path.name)
        return tail
