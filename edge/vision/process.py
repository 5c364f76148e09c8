"""The vision process: faces of the people whom the permit names, and the camera's health."""

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from edge.config import BoxConfig
from edge.evidence_client import EvidenceClient
from edge.interlock import rules
from edge.interlock.evidence import (
    FACES_AGAIN_MS,
    SLOW,
    Camera,
    Face,
    FaceBundle,
    Film,
    RemovalLogged,
    TemplateLogged,
    Wanted,
)
from edge.sockets import now_us
from edge.vision import guard
from edge.vision.camera import PICTURES_PER_S, CameraReader, Frame
from edge.vision.challenge import Terms
from edge.vision.filming import Filming
from edge.vision.frames import FrameServer
from edge.vision.lookout import Lookout, Told
from edge.vision.picture import Health
from edge.vision.policy import policy_of
from edge.vision.post import Post
from edge.vision.serving import Serving
from edge.vision.templates import TemplateStore
from faces import loading

NICE = 5
REPORT_EVERY_S = 0.5
WATCH_EVERY_S = 0.1
"""How soon a camera that changes its health is told of."""
LOOK_EVERY_S = {"arming": 0.4, "recheck": 0.5}
"""Seconds from the start of one look to the next, by urgency; with any other nobody is looked for. Whoever comes into
view while released is to be seen within a second, so released it is hardly less often.
"""
PROVING_EVERY_S = 0.1
"""While somebody follows prompts every picture is looked at as soon as it is there."""
WHOLE_EVERY_S = 2.0
"""While released, looks in between tell only of faces in new places: whoever takes a known one's place is seen then."""
LONGEST_LOOK_S = 2.0
"""Declared time of a look at `MOST_FACES` faces: 0.3 s on a PC's core. Two of them lie between two results at worst."""
SLOW_S = 2 * LONGEST_LOOK_S
RETRY_S = 0.1
OLDEST_FRAME_US = 500_000
FRESH_US = 30_000
"""A picture that has just come: its age is part of the time to a verdict, and the next one is 200 ms away at most."""
FRESH_EVERY_S = 0.01
assert OLDEST_FRAME_US / 1000 + SLOW_S * 1000 <= FACES_AGAIN_MS  # noqa: S101 - what is promised

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")


class _Process:
    def __init__(self, config: BoxConfig, client: EvidenceClient, pack: rules.Rules) -> None:
        self._config = config
        self._client = client
        self._policy, self._terms = policy_of(pack), Terms.of(pack)
        self._watchdog = guard.Watchdog()
        self._busy_since_s: float | None = None
        """When the worker began what it does."""
        self._camera = CameraReader(config.vision)
        self._wanted = Wanted((), (), "", "idle")
        self._wanted_anew = asyncio.Event()
        self._looking = False
        self._looked_s = float("-inf")
        """When the last look that ended had begun."""
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="faces")
        self._frames = FrameServer(config, self._camera.latest, self._camera.health)
        self._post = Post(config, self._in_worker, client.send)
        self._serving: Serving | None = None
        self._wall_s = 0
        """The clock that the interlock believes, s since 1970; 0: none."""
        self._filming = Filming(config, self._camera.latest, pack.video_segment_s.value)

    async def run(self) -> None:
        self._camera.start()
        await self._frames.start()
        await self._filming.start()
        parts = (self._listen(), self._report(), self._look(), self._post.run())
        tasks = [asyncio.ensure_future(part) for part in parts]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._watchdog.stop()
            self._client.close()
            await self._frames.stop()
            await self._filming.stop()
            self._worker.shutdown(cancel_futures=True)
            await asyncio.to_thread(self._camera.stop)

    async def _listen(self) -> None:
        async for message in self._client.messages():
            if isinstance(message, FaceBundle | Wanted | Film | RemovalLogged):
                self._post.hear(message)
            if isinstance(message, Film):
                self._wall_s = message.wall_s
            self._filming.hear(message)
            if isinstance(message, TemplateLogged) and self._serving is not None:
                self._serving.logged(message.person, message.digest)
                self._wanted_anew.set()
            if isinstance(message, Wanted) and message != self._wanted:
                log.info("looking for %s (%s)", ", ".join(message.people) or "nobody", message.urgency)
                self._wanted = message
                self._wanted_anew.set()

    async def _report(self) -> None:
        """Tell the camera's health twice a second and at each change; feed the watchdog while everything moves."""
        told, told_s = "", float("-inf")
        while True:
            now_s, health = time.monotonic(), self._keeping_up(self._camera.health())
            if health != told or now_s - told_s >= REPORT_EVERY_S:
                told, told_s = health, now_s
                self._client.send(Camera(now_us(), health, self._camera.take_report()[1]))
                for word in self._filming.words():
                    self._client.send(word)
                if self._moves():
                    self._watchdog.feed()
            await asyncio.sleep(WATCH_EVERY_S)

    def _moves(self) -> bool:
        """Whether the camera's thread and the worker get on with what they do."""
        busy_since_s = self._busy_since_s
        return self._camera.alive() and (busy_since_s is None or time.monotonic() - busy_since_s < guard.HUNG_S)

    def _keeping_up(self, health: Health) -> str:
        """The camera's health, and whether whoever is in its picture is looked at in time."""
        late = self._looking and time.monotonic() - self._looked_s > SLOW_S
        return SLOW if late and health is Health.OK else health.value

    async def _look(self) -> None:
        """Look at the newest frame as often as the urgency asks; models are loaded when they are first needed."""
        loop = asyncio.get_running_loop()
        lookout: Lookout | None = None
        while True:
            self._wanted_anew.clear()
            wanted = self._wanted
            every_s = LOOK_EVERY_S.get(wanted.urgency)
            self._looking = every_s is not None and bool(wanted.people)
            if not self._client.connected and self._serving is not None:
                self._serving.forget()
            if every_s is None or not wanted.people or not self._client.connected:
                await self._until_wanted_anew(None if self._client.connected else 1.0)
                continue
            started_s = time.monotonic()
            if lookout is None:
                lookout = await loop.run_in_executor(self._worker, self._work, self._load)
            lookout.want(wanted)
            if not await self._may_compare(wanted):
                for prompt in lookout.late(now_us()):
                    self._client.send(prompt)
                await self._until_wanted_anew(RETRY_S)
                continue
            frame = self._camera.latest() if lookout.proving else await self._newest()
            if frame is None or now_us() - frame.at_us > OLDEST_FRAME_US:
                for prompt in lookout.late(now_us()):
                    self._client.send(prompt)
                await self._until_wanted_anew(RETRY_S)
                continue
            looked_s = time.monotonic()
            often = wanted.urgency != "recheck" and not lookout.proving
            whole = often or looked_s - self._looked_s >= WHOLE_EVERY_S
            look = partial(lookout.look, frame, whole=whole)
            items = await loop.run_in_executor(self._worker, self._work, look)
            # What was not handed over was not told: no more than what was not seen.
            told = [self._client.send(self._stamped(item)) for item in items]
            if whole and all(told):
                self._looked_s = looked_s
            every_s = PROVING_EVERY_S if lookout.proving else every_s
            await self._until_wanted_anew(started_s + every_s - time.monotonic())

    async def _newest(self) -> Frame | None:
        """A picture that has just come, waited for no longer than pictures are apart.

        What a look says is as old as the picture that it began with; one from the middle between two costs 0.1 s on
        average. While somebody moves as asked nothing is waited for: then more looks count for more.
        """
        until_s = time.monotonic() + 1 / PICTURES_PER_S
        while True:
            frame = self._camera.latest()
            fresh = frame is None or now_us() - frame.at_us <= FRESH_US
            if fresh or time.monotonic() >= until_s:
                return frame
            await asyncio.sleep(FRESH_EVERY_S)

    async def _may_compare(self, wanted: Wanted) -> bool:
        """Tell what the people are compared with; whether the log has it.

        Until then nobody is looked at: whoever is compared with nothing would be a stranger.
        """
        serving = self._serving
        if serving is None:
            return False
        serving.want(wanted.permit, self._wall_s)
        ready = await self._in_worker(partial(serving.ready, wanted.people))
        for word in serving.words(wanted.people, now_us()):
            self._client.send(word)
        return ready

    def _stamped(self, item: Told) -> Told:
        return self._serving.stamped(item) if isinstance(item, Face) and self._serving is not None else item

    async def _until_wanted_anew(self, longest_s: float | None) -> None:
        """Wait, but no longer than until the interlock asks for something else."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if longest_s is None else max(0.0, longest_s)):
                await self._wanted_anew.wait()

    async def _in_worker(self, task: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._work, task)

    def _work(self, task: Callable[[], _Result]) -> _Result:
        """What the worker does, with the time at which it began it."""
        self._busy_since_s = time.monotonic()
        try:
            return task()
        finally:
            self._busy_since_s = None

    def _load(self) -> Lookout:
        engine = loading.load(self._config.vision.engine)
        store = TemplateStore(Path(self._config.vision.templates), engine, self._config.template_key)
        self._serving = Serving(store)
        return Lookout(engine, self._serving, self._policy, self._terms)


async def run(config: BoxConfig, evidence: socket.socket | None) -> None:
    """Watch the camera until cancelled, or until the end of an inherited evidence socket.

    Raises:
        ContractError: the rule pack or the engine's weights are not what they should be.
    """
    pack = rules.effective(config.baseline, config.site_rules)
    loading.check(config.vision.engine)
    guard.bound()
    # One thread each: the second core is the interlock's.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, max(NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    await _Process(config, EvidenceClient(config, evidence), pack).run()
