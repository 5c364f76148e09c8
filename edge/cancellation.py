"""A cancellation that arrives together with what was waited for, which `asyncio.wait_for` loses before Python 3.12."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

_T = TypeVar("_T")


async def keep_cancellation(awaitable: Awaitable[_T]) -> _T:
    """Await what may use `asyncio.wait_for` inside, as pymodbus does; a cancellation that came meanwhile is raised.

    Without it a loop around the call goes on after it was ended: a port is opened again, a task group waits for ever.

    Raises:
        asyncio.CancelledError: the task was cancelled meanwhile, whatever `awaitable` made of it.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    before = task.cancelling()  # not nought in what cleans up after a cancellation
    try:
        return await awaitable
    finally:
        if task.cancelling() > before:
            raise asyncio.CancelledError
