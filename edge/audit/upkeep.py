"""What the writer thread does for its storage between transactions: look, say what changed, say what may go."""

import logging
import time
from typing import Any

import msgspec

from contracts.event import Severity
from edge.audit import retention
from edge.audit.ledger import Ledger
from edge.audit.storage import HEALTH_S, LOOK_S, Fill, Space, Storage, Wear, judge

_logger = logging.getLogger(__name__)

_TOLD = {
    Fill.WELL: ("storage.well", Severity.INFO),
    Fill.WARN: ("storage.warning", Severity.WARNING),
    Fill.STOP: ("storage.full", Severity.ALARM),
}

Said = tuple[str, Severity, dict[str, Any]]
"""An event about the storage: type, severity, data."""


class Over(msgspec.Struct, frozen=True):
    """Leaves that may go: all before `end`, and the root over them, in hex."""

    end: int
    root: str


class Upkeep:
    """Looks at the storage every ten seconds, and tells of its wear every hour. One thread at a time."""

    def __init__(self, storage: Storage, ledger: Ledger, keep_days: int) -> None:
        """For the log in `ledger`; what is witnessed is kept for `keep_days`, as long as there is room."""
        self._storage, self._ledger, self._keep_days = storage, ledger, keep_days
        self._look_at = time.monotonic()
        self._health_at = self._look_at + HEALTH_S
        self._torn = False
        self.space, self.fill, self.wear = Space(), Fill.WELL, Wear()

    def left_s(self) -> float:
        """Until the next look, 0 when it is due."""
        return max(0.0, self._look_at - time.monotonic())

    def look(self) -> list[Said]:
        """Measure, and say what changed. A filesystem that does not answer is a full one.

        Raises:
            sqlite3.Error: the log's own file does not answer.
        """
        now = time.monotonic()
        self._look_at = now + LOOK_S
        before = self.fill
        try:
            self.space = self._storage.look(self._ledger.used())
            self.fill = judge(self.space, before)
        except OSError:
            _logger.exception("the log's storage does not answer")
            self.fill = Fill.STOP
        self.wear = self._storage.wear()
        if self.fill is Fill.WELL:
            self._storage.keep_reserve(self.space)
        said: list[Said] = []
        if self.fill is not before:
            said.append((*_TOLD[self.fill], self._sizes()))
        if now >= self._health_at:
            self._health_at = now + HEALTH_S
            written = {"own_bytes": self.wear.own, "device_bytes": self.wear.device, "life": list(self.wear.life)}
            said.append(("storage.health", Severity.INFO, self._sizes() | written))
        return said

    def prunable(self, now_ms: int) -> Over | None:
        """What may be deleted now, or nothing.

        Raises:
            sqlite3.Error: the log's own file does not answer.
        """
        end = retention.batch(self._ledger.pruned, self._ledger.acked)
        if end == self._ledger.pruned or self._torn:
            return None
        crowded = self.space.reaches(retention.ROOM_PERCENT)
        try:
            if not retention.is_over(self._ledger.time_of(end - 1), now_ms, self._keep_days, crowded=crowded):
                return None
            return Over(end, self._ledger.root_of(end))
        except LookupError:
            # Of a damaged leaf nobody knows the age, and without its tiles nothing could be proven of what goes: keep
            # all of it for whoever looks into this.
            _logger.exception("nothing is deleted from this log any more: verify it")
            self._torn = True
            return None

    def failed(self) -> None:
        """A write failed: give back what was held for this moment."""
        self._storage.give_reserve()

    def _sizes(self) -> dict[str, Any]:
        return msgspec.structs.asdict(self.space)
