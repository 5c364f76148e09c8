"""Waiting for what gives no event of its own, with a deadline."""

import asyncio
from collections.abc import Callable
from typing import Any


async def eventually(true: Callable[[], Any], within_s: float = 3) -> None:
    """Look every millisecond until it is true.

    Raises:
        TimeoutError: it did not become true in time.
    """
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110 - the devices of the simulated site know nothing of events in a test
            await asyncio.sleep(0.001)
