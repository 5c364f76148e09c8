"""What is to be sent, read from the log. The log is the queue: nothing here is lost by forgetting it.

Two lanes. *Live*: alarm events, the moment they appear. *Backlog*: everything, in order, in pieces, from the cursor;
the cursor is the size of the newest cosigned checkpoint that the interlock has stored.
"""

import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from edge.audit.reader import Reader
from edge.link.live import LiveLane
from edge.link.pieces import Batch, Packer
from edge.link.tails import Tails

WINDOW_LEAVES = 4000  # that may be under way without a cosignature: else the line idles while the bridge commits
RESEND_S = 1.5
RESEND_MAX_S = 10.0
SAME_NAK_S = 0.5
BEHIND_S = 5.0  # a commit is seen within a poll; so long only another file is behind what the interlock says

_logger = logging.getLogger(__name__)


class Outbox:
    """Both lanes over one log. Not thread-safe.

    Attributes:
        size: durable leaves.
        acked: leaves that the bridge has, as the log knows it.
        resent: batches sent again.
        tails: what earlier epochs still owe.
        waits: the bridge has this epoch, and waits for two people to authorise it.
        readable: the log could be read when it was last tried.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Follow the log at `path`, which need not exist yet; `clock` counts seconds."""
        self.size = self.acked = self.resent = 0
        self.origin = ""
        self._pruned = 0
        self.waits = self.readable = False
        self._path, self._clock = path, clock
        self._reader: Reader | None = None
        self._version = -1
        self._live, self._packer = LiveLane(clock), Packer()
        self.tails = Tails(path, clock)
        self._sent = self._checkpoint = 0
        self._floor = self._held = 0
        self._unanswered: float | None = None
        self._patience = RESEND_S
        self._silence = ""
        self._asked = (-1, float("-inf"))
        self._oldest_t = 0
        self._behind_since: float | None = None

    @property
    def epoch(self) -> int:
        """The epoch that has `size` leaves; 0 while that is not known, as a size of no epoch accuses nobody."""
        return int(self.origin.rpartition("/")[2] or 0) if self.readable else 0

    def close(self) -> None:
        """Close the log, and the epochs before it."""
        self.tails.close()
        self._close()

    def _close(self) -> None:
        self.readable = False
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def poll(self) -> bool:
        """Look for what is new. True when the log has changed; cheap when it has not."""
        try:
            if self._reader is None:
                self._open()
            reader = self._reader
            if reader is None:
                return False
            version = reader.data_version()
            if version == self._version:
                return False
            self._version = version
            self._look(reader)
        except (sqlite3.Error, OSError, ValueError) as error:
            self.drop(f"the log cannot be read: {error}")
            return False
        return True

    def check_file(self) -> None:
        """Notice that the log went on in another file. Ask now and then."""
        if self._reader is not None and self._reader.is_replaced():
            self.drop("the log went on in another file")

    def compare(self, epoch: int, size: int) -> None:
        """The interlock says that its log of that epoch has `size` leaves: one that stays shorter here is another file.

        A copy that was written over the log keeps the file's name and number; what is open here then never changes.
        """
        if not self.readable or epoch != self.epoch or size <= self.size:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = self._clock()
        elif self._clock() - self._behind_since >= BEHIND_S:
            self._behind_since = None
            self.drop(f"the interlock's log has {size} events, {self.size} are seen here: it is opened anew")

    def connected(self) -> None:
        """A new connection: everything that is not acknowledged counts as unsent, alarms first."""
        self._sent = self._cursor()
        self._live.begin(self.acked)
        self.tails.begin()
        self._checkpoint = 0
        self._unanswered, self._patience = None, RESEND_S

    def heard(self) -> None:
        """The bridge answers: wait the short time again."""
        self._patience = RESEND_S

    def acknowledged(self, origin: str, size: int) -> None:
        """A cosigned checkpoint came: it closes a gap that the bridge told of. `acked` comes from the log alone."""
        if origin == self.origin and self._floor < self.acked:
            self._floor = min(self.acked, max(self._floor, size))
            if size >= self._checkpoint:
                self._unanswered = None

    def rewind(self, origin: str, want: int) -> bool:
        """The bridge misses leaves from `want` on. False when it speaks of something we do not have (any more)."""
        if origin != self.origin or not self._pruned <= want <= self.size:
            return False
        asked, asked_at = self._asked
        if want == asked and self._clock() - asked_at < SAME_NAK_S:
            return True  # one gap, told once for each batch beyond it
        self._asked = (want, self._clock())
        self._floor, self._held = min(self._floor, want), min(self._held, want)
        self._sent = min(self._sent, want)
        self._checkpoint = 0
        return True

    def held(self, origin: str, size: int) -> None:
        """The bridge keeps this epoch up to `size`, but witnesses nothing of it before two people authorised it.

        What it keeps is not sent again, and does not close the window; a checkpoint asks again now and then.
        """
        if origin == self.origin and 0 <= size <= self.size:
            self._held = max(self._held, size)
            self.waits = True
            if self._unanswered is not None:
                self._unanswered = self._clock() + RESEND_MAX_S

    def alarm(self) -> tuple[int, bytes] | None:
        """Seq and exact bytes of the alarm that goes next on the live lane, the newest first, without taking it."""
        if self._reader is None:
            return None
        self._live.look(self._reader, self.acked, self.size)
        return self._live.newest()

    def told(self, seq: int) -> None:
        """The broker took the alarm `seq`."""
        self._live.told(seq)

    def batch(self) -> Batch | None:
        """The next piece of the backlog, when there is one and the window is open."""
        if self._reader is None or self._sent >= self.size:
            return None
        if self._sent - self._cursor() >= WINDOW_LEAVES:
            return None
        return self._packer.pack(self._reader, self.origin, self._sent, self.size)

    def sent(self, batch: Batch) -> None:
        """The broker took a batch; whether the bridge has it only an acknowledgement tells."""
        if self._sent == batch.first:
            self._sent = batch.end

    def checkpoint(self) -> str | None:
        """The newest checkpoint over what was sent, when it has not gone out yet."""
        reader = self._reader
        found = reader.checkpoint(self._sent) if reader is not None else None
        if found is None or found[0] <= max(self._checkpoint, self._witnessed()):
            return None
        self._checkpoint = found[0]
        self._unanswered = self._clock() + self._patience
        return found[1]

    def resend_if_late(self) -> float | None:
        """Start again from the cursor when no answer came in time; seconds until then, None when none is due."""
        if self._unanswered is None:
            return None
        left = self._unanswered - self._clock()
        if left > 0:
            return left
        self.resent += 1
        self._patience = min(self._patience * 2, RESEND_MAX_S)
        self._sent = self._cursor()
        self._checkpoint, self._unanswered = 0, None
        return 0.0

    def oldest_unacked_t(self) -> int:
        """Wall ms of the first leaf that the bridge lacks, 0 when it has all; as last known while not `readable`."""
        if self._reader is not None and self.readable:
            try:
                self._oldest_t = self._reader.events(self.acked, 1)[0].t if self.acked < self.size else 0
            except (sqlite3.Error, ValueError, IndexError) as error:
                self.drop(f"the log cannot be read: {error}")
        return self._oldest_t

    def drop(self, why: str) -> None:
        """Let go of the file; the next `poll` opens it again."""
        if why != self._silence:
            _logger.warning("%s", why)
            self._silence = why
        self._close()

    def _cursor(self) -> int:
        """First leaf that the bridge needs: what it witnessed, or keeps of an epoch that waits, is not sent again."""
        return max(self._witnessed(), self._held)

    def _witnessed(self) -> int:
        """Leaves that the bridge has witnessed: behind `acked` only when it said so itself."""
        return min(self.acked, self._floor)

    def _look(self, reader: Reader) -> None:
        self.size = reader.size()
        self._pruned = reader.pruned()
        ack = reader.witnessed()
        acked = ack.size if ack else 0
        if acked > self.acked:
            self.acked = self._floor = acked
            self._sent = max(self._sent, acked)
            self._patience = RESEND_S
            self.waits = False
            late = self._checkpoint > acked
            self._unanswered = self._clock() + self._patience if late else None
        self.readable = True

    def _open(self) -> None:
        if not self._path.exists():
            return
        reader = Reader.open(self._path)
        if not reader.log:
            reader.close()  # being created
            return
        self._reader = reader
        self.origin, self._silence = reader.origin, ""
        self.acked = self._sent = self._checkpoint = self._floor = self._held = 0
        self.waits = False
        self._live.begin(0)
        self._version = -1
        self.tails.look()
