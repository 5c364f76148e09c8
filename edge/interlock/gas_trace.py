"""Every reading around a gas alarm, at the full rate: what the air did before it, in it and after it. Pure.

The last minute of every channel is kept in memory. An alarm has it written down, and goes on with what follows up to
the same time after the last alarm: another one meanwhile makes the same trace longer. It is written in small pieces,
one a turn at most, so that no turn is ever held up; what exceeds the hour's share of the log is left out and counted.

    gas.trace        {"chan", "unit", "m": CLOCK_BOOTTIME of the first point, "points": [[ms after m, thousandths], …]}
                     a point that is not good has its quality as a third item, and null where there is no value
    gas.trace_ended  {"from_m", "to_m", "points", "dropped"}
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Any

import msgspec

from edge.gas.reading import Quality, Reading
from edge.interlock.gas_history import Told
from edge.interlock.site import SiteChannel
from edge.interlock.state import milli

TRACE, ENDED = "gas.trace", "gas.trace_ended"
POINTS = 240
"""Points in one piece; a longer one would hold up a turn."""
PIECE_BYTES = 7_000
"""Bytes of points in one piece, which ends before them if it has to: it fits one leaf, whatever the numbers are."""
MOST_AN_HOUR = 131_072
"""Points that an hour may take of the log: about 2 MiB."""
_PIECE_US = 10_000_000
"""What waits to be written waits no longer than this."""
_HOUR_US = 3_600_000_000
_NONE = -(2**62)
_QUALITIES = tuple(Quality)
_GOOD = _QUALITIES.index(Quality.GOOD)
_SLACK = 512


class _Ring:
    """One channel's points, oldest first: 17 bytes each.

    `sent` is the first that the running trace has not written; it says nothing while none runs.
    """

    def __init__(self, channel: SiteChannel) -> None:
        self.name, self.unit = channel.name, channel.limit.unit.value
        self.at, self.milli, self.quality = array("q"), array("q"), array("B")
        self.sent = 0

    def push(self, reading: Reading) -> None:
        """One more; a reading that is not newer than the last is none."""
        if self.at and reading.at_us <= self.at[-1]:
            return
        value = milli(reading.value)
        self.at.append(reading.at_us)
        self.milli.append(_NONE if value is None else value)
        self.quality.append(_QUALITIES.index(reading.quality))

    def forget(self, before_us: int, *, unsent: bool) -> None:
        """Let go of what is older; of what was not written yet only if told so."""
        old = bisect_left(self.at, before_us)
        gone = old if unsent else min(old, self.sent)
        if gone > _SLACK:
            del self.at[:gone], self.milli[:gone], self.quality[:gone]
            self.sent -= gone

    def waiting(self, until_us: int) -> int:
        """How many points up to a time are not written yet."""
        return bisect_right(self.at, until_us) - self.sent

    def oldest_us(self) -> int:
        """When the first point that is not written yet was read."""
        return self.at[self.sent]

    def taken(self, count: int) -> list[list[Any]]:
        """The next points, so many of them at most and at least one; they are written now."""
        first, began, length = self.sent, self.at[self.sent], 0
        points: list[list[Any]] = []
        for index in range(first, first + count):
            point = self._point(index, began)
            length += len(msgspec.json.encode(point)) + 1
            if points and length > PIECE_BYTES:
                break
            points.append(point)
        self.sent += len(points)
        return points

    def _point(self, index: int, began: int) -> list[Any]:
        value, quality = self.milli[index], self.quality[index]
        point = [(self.at[index] - began) // 1000, None if value == _NONE else value]
        return point if quality == _GOOD else [*point, _QUALITIES[quality].value]


class GasTrace:
    """The last minute of every channel, and the trace that is being written, if any."""

    def __init__(self, channels: Iterable[SiteChannel], *, around_us: int) -> None:
        """Nothing was read yet; `around_us` is how much is kept before and after an alarm (`gas_trace_s`)."""
        self._rings = {channel.name: _Ring(channel) for channel in channels}
        self._around_us = around_us
        self._from_us = self._until_us = -1
        self._written_us = -1
        self._points = self._dropped = 0
        self._hour_us, self._left = -_HOUR_US, MOST_AN_HOUR

    @property
    def is_running(self) -> bool:
        """Whether a trace is being written."""
        return self._until_us >= 0

    def take(self, reading: Reading) -> None:
        """One attempt to read a channel, good or bad."""
        ring = self._rings.get(reading.channel)
        if ring is not None:
            ring.push(reading)
            ring.forget(reading.at_us - self._around_us, unsent=not self.is_running)

    def alarm(self, now_us: int) -> None:
        """Gas is beyond its limit just now."""
        if not self.is_running:
            self._from_us = max(now_us - self._around_us, self._written_us + 1)
            self._points = self._dropped = 0
            for ring in self._rings.values():
                ring.sent = bisect_left(ring.at, self._from_us)
        self._until_us = now_us + self._around_us

    def due(self, now_us: int) -> Told | None:
        """The next piece, or that the trace is complete; None when there is nothing to write now."""
        if not self.is_running:
            return None
        over = now_us > self._until_us
        ring = max(self._rings.values(), key=lambda ring: ring.waiting(self._until_us))
        waiting = ring.waiting(self._until_us)
        if not waiting:
            return self._end() if over else None
        if waiting < POINTS and not over:
            waits = (ring for ring in self._rings.values() if ring.waiting(self._until_us))
            late = next((ring for ring in waits if now_us - ring.oldest_us() >= _PIECE_US), None)
            if late is None:
                return None
            ring = late
            waiting = ring.waiting(self._until_us)
        return self._piece(ring, min(waiting, POINTS), now_us)

    def _piece(self, ring: _Ring, count: int, now_us: int) -> Told | None:
        if now_us - self._hour_us >= _HOUR_US:
            self._hour_us, self._left = now_us, MOST_AN_HOUR
        if count > self._left:
            self._dropped += count
            ring.sent += count
            return None
        began, points = ring.oldest_us(), ring.taken(count)
        self._left -= len(points)
        self._points += len(points)
        return TRACE, {"chan": ring.name, "unit": ring.unit, "m": began, "points": points}

    def _end(self) -> Told:
        told = {"from_m": self._from_us, "to_m": self._until_us, "points": self._points, "dropped": self._dropped}
        self._written_us = self._until_us
        self._from_us = self._until_us = -1
        return ENDED, told
