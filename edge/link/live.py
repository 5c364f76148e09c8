"""The live lane: alarms, told at once and ahead of the log that holds them. It promises speed, the log completeness.

Only the newest rows of the log are looked at, newest alarm first: after a month without a line a new alarm must not
wait until a thousand old ones, or a gigabyte of rows, are through. What is not told here comes with the log.

The broker's word that it took an alarm does not mean that the bridge was there to hear it. An alarm is told again until
the bridge has witnessed it, for a while.
"""

from collections.abc import Callable

import msgspec

from edge.audit.reader import Reader

NEWEST_ROWS = 5000  # about 2.5 MB, read in some 10 ms
MOST = 200
AGAIN_S, AGAIN_FOR_S = 30.0, 600.0


class _Alarm(msgspec.Struct):
    seq: int
    body: bytes
    due_s: float
    until_s: float


class LiveLane:
    """Alarms that the bridge may not know yet. Not thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Nothing seen, nothing waiting; `clock` counts seconds."""
        self._clock = clock
        self._seen = 0
        self._alarms: list[_Alarm] = []

    def begin(self, acked: int) -> None:
        """A new connection or another log: what the bridge has not acknowledged counts as untold."""
        self._seen = acked
        self._alarms.clear()

    def look(self, reader: Reader, acked: int, size: int) -> None:
        """Find alarms among the rows that are new since the last look, and forget those that the bridge has.

        Raises:
            sqlite3.Error: the log cannot be read.
        """
        now = self._clock()
        self._alarms = [alarm for alarm in self._alarms if alarm.seq >= acked and now < alarm.until_s]
        if self._seen < size:
            found = reader.alarms(max(self._seen, acked, size - NEWEST_ROWS), size)
            self._alarms += [_Alarm(seq, body, now, float("inf")) for seq, body in found]
            self._seen = size
            del self._alarms[:-MOST]

    def newest(self) -> tuple[int, bytes] | None:
        """Seq and exact bytes of the alarm that goes next, without taking it."""
        now = self._clock()
        return next(((alarm.seq, alarm.body) for alarm in reversed(self._alarms) if alarm.due_s <= now), None)

    def told(self, seq: int) -> None:
        """The broker took the alarm `seq`."""
        now = self._clock()
        for alarm in self._alarms:
            if alarm.seq == seq:
                alarm.due_s, alarm.until_s = now + AGAIN_S, min(alarm.until_s, now + AGAIN_FOR_S)
