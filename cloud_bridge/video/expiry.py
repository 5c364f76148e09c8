"""Recordings go when their time is over, their salts first. In the worker process, a few times an hour.

What must be kept goes by two clocks: the bridge's own, which somebody can set, and the time for which the worker has
run since the bridge heard of it. So no step of a clock deletes any; what the bridge was off for is added to its time.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError

from cloud_bridge.boxes.models import now_ms
from cloud_bridge.video.models import Clip, ClipState, RunningTime
from cloud_bridge.video.shelf import Shelf

log = logging.getLogger(__name__)
EVERY_S = 600.0
"""A worker that is started anew loses so much of the time for which it ran, at most."""
AT_ONCE = 500


def boottime_ms() -> int:
    """CLOCK_BOOTTIME."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


class Counter:
    """Counts for how long the worker has run, on from where the ones before it came to."""

    def __init__(self, clock_ms: Callable[[], int] = boottime_ms) -> None:
        """`clock_ms` is one that nobody can set."""
        self._clock_ms = clock_ms
        self._base_ms: int | None = None

    def count(self) -> int:
        """Write down for how long; gives that."""
        now_ms = self._clock_ms()
        if self._base_ms is None:
            self._base_ms = RunningTime.now() - now_ms
        RunningTime.has_come(self._base_ms + now_ms)
        return RunningTime.now()


def sweep(shelf: Shelf, at_ms: int, ran_ms: int) -> int:
    """Delete what is over; gives how many segments that were. The rows of the index stay."""
    gone = 0
    shelf.tidy()
    over = Clip.objects.filter(state__in=[ClipState.HELD, ClipState.RECORDED], until_ms__lt=at_ms, due_ms__lte=ran_ms)
    for clip in over[:AT_ONCE]:
        try:
            shelf.erase(clip.box_id, clip.commitment)
        except OSError as error:  # one bad file keeps no other from going
            log.warning("the recording %s cannot be deleted: %s", clip, error)
            continue
        Clip.objects.filter(pk=clip.pk).update(state=ClipState.EXPIRED)
        gone += 1
    return gone


async def run() -> None:
    """Sweep until cancelled; at once again while there is more."""
    shelf, counter = Shelf(settings.DATA.media), Counter()
    while True:
        try:
            ran_ms = await asyncio.to_thread(counter.count)
            gone = await asyncio.to_thread(sweep, shelf, now_ms(), ran_ms)
        except (DatabaseError, OSError) as error:
            log.warning("recordings: %s", error)
            gone = 0
        await asyncio.sleep(1.0 if gone >= AT_ONCE else EVERY_S)
