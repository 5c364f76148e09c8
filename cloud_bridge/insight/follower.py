"""Follows the boxes' logs in the worker process: a piece at a time, so that nothing else there waits long."""

import asyncio
import logging

from django.db import DatabaseError

from cloud_bridge.insight import trace

log = logging.getLogger(__name__)
EVERY_S = 10.0
PAUSE_S = 0.1
"""Between two pieces: whoever else writes to the database, the ingest above all, comes in meanwhile."""


async def run() -> None:
    """Follow until cancelled; at once again while there is more."""
    while True:
        try:
            done = await _round()
        except DatabaseError as error:
            # Busy, or gone for a moment: what was not concluded now is concluded later.
            log.warning("trace: %s", error)
            done = 0
        if not done:
            await asyncio.sleep(EVERY_S)


async def _round() -> int:
    """One piece of every log that is behind; gives how many leaves there were."""
    done = 0
    for behind in await asyncio.to_thread(trace.behind):
        done += await asyncio.to_thread(trace.follow, behind)
        await asyncio.sleep(PAUSE_S)
    return done
