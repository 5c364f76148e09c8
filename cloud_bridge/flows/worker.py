"""Timers and the outbox, in the worker process."""

import asyncio
import logging

from django.db import DatabaseError, connection
from django.utils import timezone

from cloud_bridge.flows import outbox, timers
from cloud_bridge.flows.cases import Clock

log = logging.getLogger(__name__)
POLL_S = 0.25
AGAIN_S = 1.0


async def run(clock: Clock = timezone.now) -> None:
    """Fire and deliver until cancelled."""
    while True:
        try:
            done = await asyncio.to_thread(once, clock)
        except DatabaseError as error:
            # Busy, or gone for a moment: what is due stays due.
            log.warning("workflows: %s; trying again in %.0f s", error, AGAIN_S)
            await asyncio.to_thread(connection.close)
            await asyncio.sleep(AGAIN_S)
            continue
        if not done:
            await asyncio.sleep(POLL_S)


def once(clock: Clock = timezone.now) -> int:
    """One round: timers first."""
    timers.put_back(clock)
    fired = timers.fire_due(clock)
    return fired + outbox.deliver_all(clock)
