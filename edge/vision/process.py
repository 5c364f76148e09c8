"""The vision process: faces of the people whom the permit names, and the camera's health."""

import asyncio
import contextlib
import logging
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edge.config import BoxConfig
from edge.evidence_client import EvidenceClient
from edge.interlock.evidence import Camera, Wanted
from edge.sockets import now_us
from edge.vision.camera import CameraReader
from edge.vision.challenge import NotProven
from edge.vision.engine import DlibEngine
from edge.vision.lookout import Lookout
from edge.vision.templates import TemplateStore

NICE = 5
REPORT_EVERY_S = 0.5
LOOK_EVERY_S = {"arming": 0.4, "recheck": 2.0}
"""Seconds from the start of one look to the next, by urgency; with any other nobody is looked for."""
RETRY_S = 0.1
OLDEST_FRAME_US = 500_000

log = logging.getLogger(__name__)


class _Process:
    def __init__(self, config: BoxConfig, client: EvidenceClient) -> None:
        self._config = config
        self._client = client
        self._camera = CameraReader(config.vision)
        self._wanted = Wanted((), (), "", "idle")
        self._wanted_anew = asyncio.Event()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="faces")

    async def run(self) -> None:
        self._camera.start()
        tasks = [asyncio.ensure_future(part) for part in (self._listen(), self._report(), self._look())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._client.close()
            self._worker.shutdown(cancel_futures=True)
            await asyncio.to_thread(self._camera.stop)

    async def _listen(self) -> None:
        async for message in self._client.messages():
            if isinstance(message, Wanted) and message != self._wanted:
                log.info("looking for %s (%s)", ", ".join(message.people) or "nobody", message.urgency)
                self._wanted = message
                self._wanted_anew.set()

    async def _report(self) -> None:
        while True:
            health, frames = self._camera.take_report()
            self._client.send(Camera(now_us(), health.value, frames))
            await asyncio.sleep(REPORT_EVERY_S)

    async def _look(self) -> None:
        """Look at the newest frame as often as the urgency asks; models are loaded when they are first needed."""
        loop = asyncio.get_running_loop()
        lookout: Lookout | None = None
        while True:
            self._wanted_anew.clear()
            wanted = self._wanted
            every_s = LOOK_EVERY_S.get(wanted.urgency)
            if every_s is None or not wanted.people or not self._client.connected:
                await self._until_wanted_anew(None if self._client.connected else 1.0)
                continue
            started_s = time.monotonic()
            if lookout is None:
                lookout = await loop.run_in_executor(self._worker, self._load)
            frame = self._camera.latest()
            if frame is None or now_us() - frame.at_us > OLDEST_FRAME_US:
                await self._until_wanted_anew(RETRY_S)
                continue
            lookout.want(wanted, now_us())
            items = await loop.run_in_executor(self._worker, lookout.look, frame)
            for item in items:
                self._client.send(item)
            await self._until_wanted_anew(started_s + every_s - time.monotonic())

    async def _until_wanted_anew(self, longest_s: float | None) -> None:
        """Wait, but no longer than until the interlock asks for something else."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if longest_s is None else max(0.0, longest_s)):
                await self._wanted_anew.wait()

    def _load(self) -> Lookout:
        engine = DlibEngine()
        return Lookout(engine, TemplateStore(Path(self._config.vision.templates), engine), NotProven())


async def run(config: BoxConfig, evidence: socket.socket | None) -> None:
    """Watch the camera until cancelled, or until the end of an inherited evidence socket."""
    # One thread each: the second core is the interlock's.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, max(NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    await _Process(config, EvidenceClient(config, evidence)).run()
