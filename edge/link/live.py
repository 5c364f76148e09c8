"""The live lane: alarms, told at once and ahead of the log that holds them. It promises speed, the log completeness.

Only the newest rows of the log are looked at, newest alarm first: after a month without a line a new alarm must not
wait until a thousand old ones, or a gigabyte of rows, are through. What is not told here comes with the log.
"""

from edge.audit.reader import Reader

NEWEST_ROWS = 5000  # about 2.5 MB, read in some 10 ms
MOST = 200


class LiveLane:
    """Alarms that the broker has not taken yet. Not thread-safe."""

    def __init__(self) -> None:
        """Nothing seen, nothing waiting."""
        self._seen = 0
        self._waiting: list[tuple[int, bytes]] = []

    def begin(self, acked: int) -> None:
        """A new connection or another log: what the bridge has not acknowledged counts as untold."""
        self._seen = acked
        self._waiting.clear()

    def look(self, reader: Reader, acked: int, size: int) -> None:
        """Find alarms among the rows that are new since the last look, and forget those that the bridge has.

        Raises:
            sqlite3.Error: the log cannot be read.
        """
        if acked:
            self._waiting = [waiting for waiting in self._waiting if waiting[0] >= acked]
        if self._seen < size:
            self._waiting += reader.alarms(max(self._seen, acked, size - NEWEST_ROWS), size)
            self._seen = size
            del self._waiting[:-MOST]

    def newest(self) -> tuple[int, bytes] | None:
        """Seq and exact bytes of the alarm that goes next, without taking it."""
        return self._waiting[-1] if self._waiting else None

    def told(self, seq: int) -> None:
        """The broker took the alarm `seq`."""
        self._waiting = [waiting for waiting in self._waiting if waiting[0] != seq]
