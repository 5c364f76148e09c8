"""Recordings go when their time is over, their salts first. In the worker process, once an hour."""

import asyncio
import logging

from django.conf import settings
from django.db import DatabaseError

from cloud_bridge.boxes.models import now_ms
from cloud_bridge.video.models import Clip, ClipState
from cloud_bridge.video.shelf import Shelf

log = logging.getLogger(__name__)
EVERY_S = 3600.0
AT_ONCE = 500


def sweep(shelf: Shelf, at_ms: int) -> int:
    """Delete what is over; gives how many segments that were. The rows of the index stay."""
    gone = 0
    shelf.tidy()
    for clip in Clip.objects.filter(state__in=[ClipState.HELD, ClipState.RECORDED], until_ms__lt=at_ms)[:AT_ONCE]:
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
    shelf = Shelf(settings.DATA.media)
    while True:
        try:
            gone = await asyncio.to_thread(sweep, shelf, now_ms())
        except (DatabaseError, OSError) as error:
            log.warning("recordings: %s", error)
            gone = 0
        await asyncio.sleep(1.0 if gone >= AT_ONCE else EVERY_S)
