"""Waiting for what may lose a cancellation."""

import asyncio
import contextlib

import pytest

from edge.cancellation import keep_cancellation


async def _cancelled_as_it_ends(*, keep: bool, error: Exception | None = None):
    """Whether a task ends that waits in `asyncio.wait_for` and is cancelled in the tick in which its future is done."""
    future = asyncio.get_running_loop().create_future()
    went_on = False

    async def wait():
        nonlocal went_on
        waiting = asyncio.wait_for(future, 5)
        with contextlib.suppress(ValueError):
            await (keep_cancellation(waiting) if keep else waiting)
        went_on = True

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    if error is None:
        future.set_result(1)
    else:
        future.set_exception(error)
    task.cancel()
    await asyncio.wait([task], timeout=5)
    return task.cancelled(), went_on


@pytest.mark.parametrize("error", [None, ValueError()])
async def test_a_cancellation_that_comes_with_the_result_is_raised(error):
    assert await _cancelled_as_it_ends(keep=True, error=error) == (True, False)


@pytest.mark.skipif("sys.version_info >= (3, 12)")
async def test_it_would_be_lost_otherwise():
    """The negative control: what Python 3.11 does."""
    assert await _cancelled_as_it_ends(keep=False) == (False, True)


async def test_what_cleans_up_after_a_cancellation_may_still_wait():
    cleaned = asyncio.Event()

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            assert await keep_cancellation(asyncio.sleep(0, "done")) == "done"
            cleaned.set()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()
    assert cleaned.is_set()


async def test_a_deadline_around_it_stays_a_deadline():
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await keep_cancellation(asyncio.Event().wait())
