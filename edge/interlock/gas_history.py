"""The gas of every minute, and every change worth a note: what the log keeps of the air while nothing happens. Pure.

``gas.minute`` tells of each channel the lowest, mean and highest value of its good readings, how many were good and
bad, and how old the last good one was; ``gas.changed`` that a value is no longer the one last told, at most once a
second. Both are a record: the trip path knows neither (`edge/interlock/kernel.py`).
"""

from collections.abc import Iterable
from typing import Any

from edge.gas.reading import Quality, Reading
from edge.interlock.rules import Limit
from edge.interlock.site import SiteChannel
from edge.interlock.state import milli

MINUTE, CHANGED = "gas.minute", "gas.changed"
ROWS = 28
"""Channels in one ``gas.minute``: more would not fit a leaf, were their names the longest and their numbers the
largest."""
_AGAIN_US = 1_000_000
Told = tuple[str, dict[str, Any]]


class _Channel:
    """One channel's minute so far, and what was last told of it."""

    def __init__(self, channel: SiteChannel, percent: int) -> None:
        self.name, self.unit = channel.name, channel.limit.unit.value
        self.step = step_milli(channel.limit, percent)
        self.told: int | None = None
        self.told_us = self.good_us = 0
        self.clear()

    def clear(self) -> None:
        """A new minute."""
        self.good = self.bad = self.total = self.least = self.most = 0

    def take(self, value: int, at_us: int) -> None:
        """One good value in thousandths."""
        self.good_us = at_us
        self.least = min(self.least, value) if self.good else value
        self.most = max(self.most, value) if self.good else value
        self.good += 1
        self.total += value

    def row(self, now_us: int) -> dict[str, Any]:
        """As it stands in the ``gas.minute`` of a time; without a good reading there is no value to tell."""
        row: dict[str, Any] = {"chan": self.name, "unit": self.unit, "n": self.good, "bad": self.bad}
        if self.good:
            row["age_ms"] = max(0, now_us - self.good_us) // 1000
            row |= {"min_milli": self.least, "mean_milli": mean(self.total, self.good), "max_milli": self.most}
        return row


class GasHistory:
    """Follows every reading; gives what the log is to be told."""

    def __init__(self, channels: Iterable[SiteChannel], *, change_percent: int, minute_us: int) -> None:
        """Nothing was read yet.

        Args:
            channels: the gas channels.
            change_percent: share of a channel's limit by which a value must differ to be told (`gas_change_percent`).
            minute_us: how much time one ``gas.minute`` tells of (`gas_summary_s`).
        """
        self._channels = {channel.name: _Channel(channel, change_percent) for channel in channels}
        self._minute_us = minute_us
        self._began_us = -1
        self._changes: list[Told] = []

    def take(self, reading: Reading) -> None:
        """One attempt to read a channel, good or bad."""
        channel = self._channels.get(reading.channel)
        if channel is None:
            return
        value = milli(reading.value) if reading.quality is Quality.GOOD else None
        if value is None:
            channel.bad += 1
            return
        channel.take(value, reading.at_us)
        last = channel.told
        if last is None or (abs(value - last) >= channel.step and reading.at_us - channel.told_us >= _AGAIN_US):
            channel.told, channel.told_us = value, reading.at_us
            told: dict[str, Any] = {"chan": channel.name, "unit": channel.unit, "value_milli": value}
            if last is not None:
                told["was_milli"] = last
            self._changes.append((CHANGED, told))

    def due(self, now_us: int, *, cut: bool) -> list[Told]:
        """What is to be told now: changes, and the minute when it is over, or `cut` short at the end of a release."""
        if self._began_us < 0:
            self._began_us = now_us
        lasting_us = now_us - self._began_us
        over = lasting_us >= self._minute_us or (cut and lasting_us > 0)
        if not (over or self._changes):
            return []
        told, self._changes = self._changes, []
        if over:
            self._began_us = now_us
            rows = [channel.row(now_us) for channel in self._channels.values()]
            for channel in self._channels.values():
                channel.clear()
            for at in range(0, len(rows), ROWS):
                told.append((MINUTE, {"ms": lasting_us // 1000, "rows": rows[at : at + ROWS]}))
        return told


def step_milli(limit: Limit, percent: int) -> int:
    """By how much a value must differ to be told: a share of the band that passes, or of the one bound there is."""
    bounds = [bound for bound in (limit.low, limit.high) if bound is not None]
    return max(1, round((max(bounds) - (min(bounds) if len(bounds) > 1 else 0.0)) * 10 * percent))


def mean(total: int, count: int) -> int:
    """The whole number nearest to ``total / count``; exactly between two, the even one."""
    whole, rest = divmod(total, count)
    return whole + (2 * rest > count or (2 * rest == count and whole % 2 == 1))
