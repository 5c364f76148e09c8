"""Timers and the outbox, in the worker process."""

import asyncio
import logging
import time

from django.db import DatabaseError, connection
from django.utils import timezone

from cloud_bridge.flows import outbox, timers
from cloud_bridge.flows.cases import Clock

log = logging.getLogger(__name__)
POLL_S = 0.25
AGAIN_S = 1.0
STEP_S = 1.0
LOOK_S = 60.0
"""How often the rows themselves are asked whether the clock was put back while nobody was looking."""


class Steps:
    """Notices when the wall clock was put back against the machine's own, which nothing moves."""

    def __init__(self) -> None:
        self._wall_s = self._own_s = self._looked_s = float("-inf")

    def look(self, wall_s: float, own_s: float) -> bool:
        """Whether to ask the rows: at the first look, after a step back, and every minute."""
        stepped = wall_s - self._wall_s < own_s - self._own_s - STEP_S
        self._wall_s, self._own_s = wall_s, own_s
        if not stepped and own_s - self._looked_s < LOOK_S:
            return False
        self._looked_s = own_s
        return True


async def run(clock: Clock = timezone.now) -> None:
    """Fire and deliver until cancelled."""
    steps = Steps()
    while True:
        try:
            done = await asyncio.to_thread(once, clock, steps)
        except DatabaseError as error:
            # Busy, or gone for a moment: what is due stays due.
            log.warning("workflows: %s; trying again in %.0f s", error, AGAIN_S)
            await asyncio.to_thread(connection.close)
            await asyncio.sleep(AGAIN_S)
            continue
        if not done:
            await asyncio.sleep(POLL_S)


def once(clock: Clock, steps: Steps) -> int:
    """One round: timers first."""
    if steps.look(clock().timestamp(), time.monotonic()):
        timers.put_back(clock)
        outbox.put_back(clock)
    fired = timers.fire_due(clock)
    return fired + outbox.deliver_all(clock)
