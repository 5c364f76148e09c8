"""The notify process: takes what is due and sends it. The only process that reads the channels' secrets."""

import asyncio
import collections
import contextlib
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from django.db import DatabaseError

from cloud_bridge.boxes.models import now_ms
from cloud_bridge.datadir import DataDir, write_atomically
from cloud_bridge.notify import book as books
from cloud_bridge.notify import channels, records
from cloud_bridge.process import SignOfLife, end_together
from contracts.errors import ContractError

log = logging.getLogger(__name__)
POLL_S = 0.5
SLOTS = 4
"""Messages that one channel sends at the same time; the last one is kept for emergencies."""
GRACE_S = 3.0
SETTLED_S = 3.0
"""A file that an editor is just writing may lack channels; what waits for them is not given up so soon."""
PROBLEM = "notify.problem"
"""What is wrong with the channels file, in the run folder, for pages and `check`."""


def identity(data: DataDir) -> str:
    """This bridge's own name among others on one database; the same after a restart."""
    path = data.root / "notify" / "instance"
    if not path.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_atomically(path, secrets.token_hex(16), mode=0o600)
    return path.read_text(encoding="utf-8").strip()


class Sender:
    """Sends until cancelled."""

    def __init__(self, data: DataDir, alive: SignOfLife, clock: Callable[[], int] = now_ms) -> None:
        """Nothing is opened yet."""
        self._data, self._alive, self._clock = data, alive, clock
        self._me = identity(data)
        self._book = books.Book()
        self._known = False
        self._settled = 0.0
        self._stamp: object = object()
        self._running: dict[asyncio.Task[None], records.Job] = {}
        self._sent: dict[str, collections.deque[float]] = collections.defaultdict(collections.deque)

    async def run(self) -> None:
        """Work until cancelled; then what is being sent has a moment to end, so that it is written down."""
        try:
            await end_together(self._work(), self._alive.keep())
        finally:
            deadline = time.monotonic() + GRACE_S
            while self._running and time.monotonic() < deadline:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait(list(self._running), timeout=deadline - time.monotonic())

    async def _work(self) -> None:
        cut_off = await asyncio.to_thread(records.release, self._me)
        if cut_off:
            log.warning("notify: %s messages were cut off while they were sent; they are sent again", cut_off)
        while True:
            try:
                busy = collections.Counter(job.channel for job in self._running.values())
                jobs = await asyncio.to_thread(self._take, busy)
            except DatabaseError as error:
                log.warning("notify: %s", error)
                jobs = []
            for job in jobs:
                task = asyncio.create_task(self._send(job, self._book))
                self._running[task] = job
                task.add_done_callback(lambda done: self._running.pop(done, None))
            if not jobs:
                await asyncio.sleep(POLL_S)

    def _take(self, busy: Mapping[str, int]) -> list[records.Job]:
        """Claim what can be sent now; `busy` is how many messages each channel is sending."""
        self._read_book()
        if not self._known:
            return []
        if time.monotonic() > self._settled:
            records.orphans(self._book.channels, self._clock())
        free: dict[str, int] = {}
        calm = []
        for name, channel in self._book.channels.items():
            sending = busy.get(name, 0)
            left = min(SLOTS - sending, self._left_this_minute(name, channel.most_a_minute))
            if left > 0:
                free[name] = left
                if sending < SLOTS - 1:
                    calm.append(name)
        jobs = records.claim(self._me, free, calm, self._book, self._clock()) if free else []
        for job in jobs:
            self._sent[job.channel].append(time.monotonic())
        return jobs

    def _left_this_minute(self, name: str, most: int) -> int:
        sent = self._sent[name]
        while sent and sent[0] < time.monotonic() - 60:
            sent.popleft()
        return most - len(sent) if most else SLOTS

    def _read_book(self) -> None:
        """Read the file when it changed. A broken one leaves the former in force, and everything waiting."""
        stamp = books.stamp(self._data)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        self._settled = time.monotonic() + SETTLED_S
        problem = self._data.run / PROBLEM
        try:
            self._book = books.read(self._data, must_exist=records.has_channels())
        except ContractError as error:
            log.error("notify: %s", error)  # noqa: TRY400 - it says what to do itself
            write_atomically(problem, str(error), mode=0o600)
            return
        records.mirror(self._book)
        self._known = True
        problem.unlink(missing_ok=True)

    async def _send(self, job: records.Job, book: books.Book) -> None:
        """Send by the file as it was when the job was claimed."""
        channel = book.channels[job.channel]
        try:
            outcome = await _in_thread(lambda: channels.send(job.channel, channel, job.address, job.letter))
        except Exception as error:  # noqa: BLE001 - whatever a library raises, it is written down and others go on
            outcome = channels.Outcome(False, f"not sent: {type(error).__name__}", unsure=True)
        while True:
            try:
                await asyncio.to_thread(records.record, job, outcome, book, self._clock())
            except DatabaseError as error:
                # Not written down, it would be sent again: so it is written down, however long that takes.
                log.warning("notify: %s", error)
                await asyncio.sleep(POLL_S)
            else:
                break
        level = logging.INFO if outcome.ok else logging.WARNING
        log.log(level, "notify: %s no. %s of %s: %s", job.channel, job.attempt, job.delivery[:8], outcome.detail)


async def _in_thread(work: Callable[[], Any]) -> Any:
    """Run in a thread of its own that nobody waits for at the end: a server that hangs keeps no process alive."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def end(result: Any, error: BaseException | None) -> None:
        if not done.done():
            if error:
                done.set_exception(error)
            else:
                done.set_result(result)

    def run() -> None:
        result, failed = None, None
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - handed over
            failed = error
        with contextlib.suppress(RuntimeError):  # the loop is gone
            loop.call_soon_threadsafe(end, result, failed)

    threading.Thread(target=run, daemon=True, name="notify-send").start()
    return await done
