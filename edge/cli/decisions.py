"""Decisions as the log has them: an event with its whole record, and the parts that it refers to. Read only."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from contracts.errors import ContractError
from contracts.event import Event
from edge.audit.draft import join
from edge.audit.reader import Reader
from edge.interlock.decision_record import whole

_BATCH = 500


class Decisions:
    """A log, opened for making its decisions again. A context manager."""

    def __init__(self, path: Path) -> None:
        """Open the log at `path`; no interlock need run.

        Raises:
            ContractError: there is no log.
        """
        try:
            self._log = Reader.open(path)
        except sqlite3.Error as error:
            raise ContractError("--log", "a box's audit.db", f"{path} ({error})", "name the log with --log") from error
        self._parts: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._log.close()

    def event(self, seq: int) -> Event:
        """One event with all its parts; any of its leaves will do.

        Raises:
            ContractError: the log has no such event, or it is damaged.
        """
        found = self._whole(seq)
        if found is None:
            raise ContractError("--event", f"0 to {self._log.size() - 1}", str(seq), "hotbox audit tail shows them")
        return found

    def before(self, seq: int) -> int | None:
        """Seq of the newest decision up to `seq`."""
        return self._log.newest_with('"k":"decision"', seq)

    def newest(self, kind: str, seq: int) -> int:
        """Seq of the newest event of a type up to `seq`, -1 when there is none."""
        found = self._log.newest_with(f'"type":"{kind}"', seq)
        return -1 if found is None else found

    def until(self, t_ms: int) -> int | None:
        """Seq of the newest leaf up to a time (ms since 1970); None when every one is younger."""
        seq, size = self._first(t_ms + 1), self._log.size()
        found: int | None = None
        while seq < size:
            batch = self._log.events(seq, _BATCH)
            earlier = [event.seq for event in batch if event.t <= t_ms]
            if not earlier:
                break
            found, seq = earlier[-1], batch[-1].seq + 1
        return found

    def _whole(self, seq: int) -> Event | None:
        leaves = self._log.events(seq, 1)
        if not leaves or leaves[0].seq != seq:
            return None
        head = leaves[0].data.get("head")
        if isinstance(head, int) and head < seq:
            return self._whole(head)
        parts = leaves[0].data.get("of", 1)
        return join(self._log.events(seq, parts if isinstance(parts, int) else 1))[0]

    def since(self, t_ms: int) -> Iterator[Event]:
        """Every event from a time on (wall clock, ms since 1970), whole, in the log's order."""
        seq, size = self._first(t_ms), self._log.size()
        while seq < size:
            batch = self._log.events(seq, _BATCH)
            last = batch[-1]
            if last.data.get("part", last.data.get("of")) != last.data.get("of"):
                # The batch ends within an event: take the rest of it, too.
                batch += self._log.events(last.seq + 1, int(last.data["of"]) - int(last.data["part"]))
            seq = batch[-1].seq + 1
            yield from (event for event in join(batch) if event.t >= t_ms)

    def _first(self, t_ms: int) -> int:
        """A seq before which every event is older; time stamps may go back a little, seq never does."""
        low, high = 0, self._log.size()
        while low < high:
            middle = (low + high) // 2
            if self._log.events(middle, 1)[0].t < t_ms:
                low = middle + 1
            else:
                high = middle
        return max(0, low - _BATCH)

    def text_before(self, seq: int) -> "PartsBefore":
        """Gives parts that were written before an event."""
        return PartsBefore(self, seq)

    def part(self, part_sha256: str, seq: int) -> str:
        """The text of a part.

        Raises:
            ContractError: the log does not hold it up to `seq`.
        """
        text = self._parts.get(part_sha256)
        if text is None:
            at = self._log.newest_with(f'"sha256":"{part_sha256}"', seq)
            event = None if at is None else self._whole(at)
            if event is None:
                raise ContractError(
                    "snapshot", f"part {part_sha256[:12]} in the log", "none", "take a copy that reaches back further"
                )
            text = self._parts[part_sha256] = whole(part_sha256, event.data["snapshot"])
        return text


class PartsBefore:
    """A `PartText` for one event."""

    def __init__(self, decisions: Decisions, seq: int) -> None:
        """For the event `seq`."""
        self._decisions, self._seq = decisions, seq

    def __call__(self, part_sha256: str) -> str:
        """The text of a part."""
        return self._decisions.part(part_sha256, self._seq)
