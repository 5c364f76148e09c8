"""What recordings may take of the bridge's disk: in all, and one box beside the others.

A segment that comes in has its place from its first message on, in full. The last eighth of the space is for recordings
that must be kept (特级), and the last quarter for boxes that have less than their share: one box, whatever it says of
itself, does not keep the others out.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Sum

from cloud_bridge.video.models import Clip, ClipState
from cloud_bridge.video.shelf import Key, Shelf

COUNT_EVERY_S = 60.0
"""How often it is counted anew: the worker deletes what is over."""


@dataclass(frozen=True)
class Use:
    """Bytes in use, and how many there may be."""

    used: int
    most: int

    @property
    def is_tight(self) -> bool:
        """Whether ordinary recordings are taken no more."""
        return self.used >= _ordinary(self.most)


def use(shelf: Shelf, most: int) -> Use:
    """How full the shelf is, counted now."""
    return Use(sum(_held().values()) + shelf.coming(), most)


def _ordinary(most: int) -> int:
    return most - most // 8


def _held() -> dict[str, int]:
    rows = Clip.objects.filter(state=ClipState.HELD).order_by().values_list("box").annotate(Sum("bytes"))
    return dict(rows)


class Room:
    """The space as the one process knows it that takes segments in. Counted now and then, carried on between."""

    def __init__(self, shelf: Shelf, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        """At most `most` bytes; `clock` counts seconds."""
        self._shelf, self._most, self._clock = shelf, most, clock
        self._held: dict[str, int] = {}
        self._parts: dict[Key, int] = {}
        self._promised: dict[Key, int] = {}
        self._counted = float("-inf")

    def promise(self, key: Key, size: int, *, keep: bool) -> bool:
        """Give a segment its place, or say that there is none.

        Raises:
            OSError: the disk cannot be looked at.
        """
        self._count()
        coming = {**self._parts, **self._promised}
        coming.pop(key, None)
        of_boxes = dict(self._held)
        for (box, _commitment), some in coming.items():
            of_boxes[box] = of_boxes.get(box, 0) + some
        used, own = sum(of_boxes.values()), of_boxes.setdefault(key[0], 0)
        most = self._most if keep else _ordinary(self._most)
        if own >= self._most // len(of_boxes):
            most = min(most, self._most - self._most // 4) if len(of_boxes) > 1 else most
        if used + size > most or size - self._parts.get(key, 0) > self._shelf.spare():
            return False
        self._promised[key] = size
        return True

    def let_go(self, key: Key, came: int) -> None:
        """It does not go on for now; so much of it lies here."""
        self._promised.pop(key, None)
        self._parts.pop(key, None)
        if came:
            self._parts[key] = came

    def has(self, key: Key, size: int) -> None:
        """It is here."""
        self.let_go(key, 0)
        self._held[key[0]] = self._held.get(key[0], 0) + size

    def _count(self) -> None:
        if self._clock() - self._counted >= COUNT_EVERY_S:
            self._counted = self._clock()
            self._held, self._parts = _held(), self._shelf.parts()
