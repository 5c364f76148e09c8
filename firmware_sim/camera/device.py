"""The camera's process: MJPEG over HTTP of whatever is before it."""

import asyncio
from collections import OrderedDict, deque
from pathlib import Path
from typing import Any

import cv2

from firmware_sim import screens
from firmware_sim.camera import fault as faults
from firmware_sim.camera import film as films
from firmware_sim.camera.fault import CameraFault
from firmware_sim.camera.sight import Sight, act_of, changed, picture_at, pose_of
from firmware_sim.camera.stills import write_stills
from firmware_sim.cast import CAST
from firmware_sim.child import Offer, Request
from firmware_sim.clock import now_us
from firmware_sim.errors import SimulationError, one_of, within
from firmware_sim.people.acting import PHASES, Act, Action
from firmware_sim.settings import SiteSettings
from firmware_sim.stage import Shot, background, encode, expose, noisy
from firmware_sim.stage.flat import hand, held, on_screen

_SLOW_READER_BYTES = 1 << 20
_BOUNDARY = "hotboxframe"
_KEPT = 72
"""Scenes that stay drawn, 0.9 MB each: three loops."""
_TABLET_WIDE = 430.0
_SHINE = 0.10
_GRAMMAR = (
    "set camera NAME[,NAME]|empty of {names} | set camera act NAME {actions} [SECONDS [DEGREES]]"
    " | set camera wear NAME helmet|mask|nothing | set camera light PERCENT | set camera photo NAME [TILT_DEG]"
    " | set camera record FILE SECONDS | set camera replay FILE|NAME | set camera swap NAME OTHER"
    " | set camera show FILE... | fault camera {faults} [PICTURES]"
)


class CameraDevice:
    """The camera as one device process."""

    def __init__(self, directory: Path, settings: SiteSettings) -> None:
        """Nobody is there."""
        if settings.camera is None:
            raise SimulationError("this site has no camera")
        cv2.setNumThreads(1)
        self._settings = settings.camera
        self._stills, self._films = directory / "stills", directory / "films"
        self._sight = Sight()
        self._acts: dict[str, Act] = {}
        self._shown: tuple[screens.Shown, ...] = ()
        self._replay = ""
        self._played: films.Played | None = None
        self._began_s = 0.0
        self._recording = ""
        self._taken: list[bytes] = []
        self._to_take = 0
        self._fault = CameraFault.NONE
        self._set_us = now_us()
        self._drawn: OrderedDict[Any, Shot] = OrderedDict()
        self._sent: deque[bytes] = deque(maxlen=faults.MOST_LOOPED)
        self._loop: tuple[bytes, ...] = ()
        self._readers: set[asyncio.StreamWriter] = set()
        self._frames = 0
        self._port = settings.camera.port
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._filming: asyncio.Task[None] | None = None

    async def start(self) -> Offer:
        """Write the enrolment stills and open the port."""
        write_stills(self._stills)
        host, port = await self._plug_in()
        self._filming = asyncio.create_task(self._film())
        url = f"http://{host}:{port}/video.mjpg"
        return Offer(
            {"camera": {"url": url}, "stills": str(self._stills)},
            (f"camera: {url} ({', '.join(CAST)})",),
            set_targets=("camera",),
            fault_targets=("camera",),
        )

    async def handle(self, request: Request) -> dict[str, Any]:
        """Carry out ``set camera …``, ``fault camera …`` and ``state``; `_GRAMMAR` has all words."""
        words = request.args[1:]
        match request.verb, words:
            case "set", ("show", *files):
                shown = screens.load(tuple(files))
                self._see(Sight(worn=self._sight.worn, light=self._sight.light))
                self._shown = shown
            case "set", ("act", *rest):
                self._act(tuple(rest))
            case "set", ("record", name, seconds):
                self._record(name, within("seconds", seconds, 1, films.LONGEST_S, "s"))
            case "set", ("replay", name):
                self._play(name)
            case "set", ("wear" | "light", *_) if (sight := changed(self._sight, words)) is not None:
                self._sight, self._set_us = sight, now_us()
            case "set", _ if (sight := changed(self._sight, words)) is not None:
                self._see(sight)
            case "fault", ("loop", *count) if len(count) <= 1:
                self._repeat(count[0] if count else str(faults.LOOPED))
                await self._break(CameraFault.LOOP)
            case "fault", (kind,):
                await self._break(CameraFault(one_of("fault camera", kind, CameraFault)))
            case "state", ():
                pass
            case _:
                raise SimulationError(
                    "expected: "
                    + _GRAMMAR.format(names=", ".join(CAST), actions="|".join(Action), faults="|".join(CameraFault))
                )
        return {"camera": self._state()}

    def _state(self) -> dict[str, Any]:
        now_s = self._now_s()
        return {
            "names": list(self._sight.names),
            "wear": {name: what.value for name, what in self._sight.worn},
            "light": round(self._sight.light * 100),
            "acting": {name: act.action.value for name, act in self._acts.items() if now_s < act.ends_s},
            "photo": self._sight.photo,
            "replay": self._replay,
            "recording": self._recording,
            "shown": len(self._shown),
            "fault": self._fault.value,
            "set_us": self._set_us,
            "frames": self._frames,
            "readers": len(self._readers),
        }

    @staticmethod
    def _now_s() -> float:
        return now_us() / 1e6

    def _see(self, sight: Sight) -> None:
        """Only this from now on. Who is there no longer has stopped acting; a screen that was held up is gone."""
        self._shown, self._replay, self._played = (), "", None
        self._sight, self._set_us = sight, now_us()
        self._acts = {name: act for name, act in self._acts.items() if name in sight.actors}

    def _act(self, words: tuple[str, ...]) -> None:
        now_s = self._now_s()
        name, act = act_of(words, self._sight, now_s)
        begin = pose_of(self._sight, self._acts, name, self._phase, now_s)
        self._acts[name] = Act(act.action, now_s, begin, act.hold_s, act.degrees)

    def _record(self, name: str, seconds: float) -> None:
        if self._recording:
            raise SimulationError(f"record: {self._recording} is being recorded; wait until it is whole")
        self._recording = str(films.place(self._films, name))
        self._taken, self._to_take = [], max(1, round(seconds * self._settings.fps))

    def _play(self, name: str) -> None:
        known = name in CAST
        played = films.of_person(name) if known else films.of_file(films.load(films.place(self._films, name)))
        self._see(Sight(worn=self._sight.worn, light=self._sight.light))
        self._replay, self._played, self._began_s = name, played, self._now_s()

    def _repeat(self, count: str) -> None:
        most = within("pictures", count, faults.FEWEST_LOOPED, faults.MOST_LOOPED, "pictures")
        last = tuple(self._sent)[-int(most) :]
        # Before anybody has looked there is nothing to repeat but what comes now.
        self._loop = last or (self._encoded(),)

    async def _break(self, fault: CameraFault) -> None:
        if fault is CameraFault.FROZEN:
            self._loop = tuple(self._sent)[-1:] or (self._encoded(),)
        self._fault = fault
        if fault is CameraFault.DISCONNECT:
            self._unplug()
        elif self._server is None:
            await self._plug_in()

    async def _plug_in(self) -> tuple[str, int]:
        """Open the port; chosen by the system once and kept when the cable is plugged in again."""
        self._server = await asyncio.start_server(self._welcome, "127.0.0.1", self._port, reuse_address=True)
        host, self._port = self._server.sockets[0].getsockname()
        return host, self._port

    def _unplug(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for task in self._serving:
            task.cancel()

    @property
    def _phase(self) -> int:
        return self._frames % PHASES

    def _kept(self, key: Any) -> Shot:
        """A scene of the loop; drawn once, then remembered."""
        if key in self._drawn:
            self._drawn.move_to_end(key)
        else:
            sight, phase = key
            self._drawn[key] = expose(picture_at(sight, {}, phase, 0.0))
            if len(self._drawn) > _KEPT:
                self._drawn.popitem(last=False)
        return self._drawn[key]

    def _scene(self) -> Shot:
        """What is before the camera now."""
        light, now_s = self._sight.light, self._now_s()
        if self._shown:
            number = int(self._frames / self._settings.fps / screens.SHOWN_S) % len(self._shown)
            return expose(screens.held(background().copy(), self._shown[number], self._frames % screens.SWAYS) * light)
        if self._played is not None:
            sheet = hand(on_screen(self._played(now_s - self._began_s)), self._phase / PHASES, 0, _TABLET_WIDE, _SHINE)
            return expose(held(background(), sheet) * light)
        self._acts = {name: act for name, act in self._acts.items() if now_s < act.ends_s}
        if self._acts:
            return expose(picture_at(self._sight, self._acts, self._phase, now_s))
        return self._kept((self._sight, self._phase))

    def _encoded(self) -> bytes:
        match self._fault:
            case CameraFault.BLACK:
                seen = faults.black()
            case CameraFault.COVERED:
                seen = faults.covered(self._frames)
            case CameraFault.TAPED:
                seen = faults.taped(self._frames)
            case _:
                seen = self._scene()
        return encode(noisy(seen, self._frames))

    def _picture(self) -> bytes:
        """The next picture: with noise that no other one has, unless the camera itself repeats."""
        if self._fault in (CameraFault.FROZEN, CameraFault.LOOP):
            return self._loop[self._frames % len(self._loop)]
        picture = self._encoded()
        self._sent.append(picture)
        return picture

    async def _film(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + 1 / self._settings.fps, loop.time())
            await asyncio.sleep(due - loop.time())
            if self._fault is CameraFault.STALL or not (self._readers or self._recording):
                continue
            self._frames += 1
            picture = self._picture()
            if self._recording:
                await self._take(picture)
            head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            for reader in self._readers:
                # A camera does not queue for a slow reader: the reader misses pictures.
                if reader.transport.get_write_buffer_size() < _SLOW_READER_BYTES:
                    reader.write(head.encode() + picture + b"\r\n")

    async def _take(self, picture: bytes) -> None:
        """One more picture of the film that is being recorded; the file is there when it is whole."""
        self._taken.append(picture)
        if len(self._taken) >= self._to_take:
            film = films.Film(self._settings.fps, tuple(self._taken))
            await asyncio.to_thread(films.save, Path(self._recording), film)
            self._recording, self._taken = "", []

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._show(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            self._readers.discard(writer)
            writer.close()

    async def _show(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if not request.startswith(b"GET /video.mjpg "):
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        writer.write(
            b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nConnection: close\r\n"
            b"Content-Type: multipart/x-mixed-replace; boundary=" + _BOUNDARY.encode() + b"\r\n\r\n"
        )
        self._readers.add(writer)
        await reader.read()

    async def stop(self) -> None:
        """Close the port."""
        if self._filming:
            self._filming.cancel()
        self._unplug()
