"""The camera: MJPEG over HTTP of whoever stands before it."""

import asyncio
import math
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from firmware_sim import screens
from firmware_sim.cast import CAST
from firmware_sim.child import Offer, Request
from firmware_sim.clock import now_us
from firmware_sim.errors import SimulationError, one_of
from firmware_sim.people import Picture, render
from firmware_sim.settings import SiteSettings

WIDTH, HEIGHT = 640, 480
PHASES = 24
"""Pictures in the loop of a scene: people sway and blink, and no two neighbours are alike."""
STILL_YAWS_DEG = (-8.0, -4.0, 0.0, 4.0, 8.0)
_SWAY_DEG = 8.0
_NOISE = 2.0
_QUALITY = 88
_SLOW_READER_BYTES = 1 << 20
_BOUNDARY = "hotboxframe"


class CameraFault(StrEnum):
    """What can be wrong with the camera.

    Nothing more comes, the same picture comes for ever, the lens is covered, the cable is out.
    """

    NONE = "none"
    STALL = "stall"
    FROZEN = "frozen"
    BLACK = "black"
    DISCONNECT = "disconnect"


@cache
def background() -> Picture:
    """A wall, lighter towards the floor."""
    rows: Picture = np.linspace(0.42, 0.62, HEIGHT, dtype=np.float32)[:, None, None]
    across: Picture = np.linspace(-1, 1, WIDTH, dtype=np.float32)[None, :, None]
    columns: Picture = 1 - np.float32(0.12) * np.abs(across)
    wall: Picture = rows * columns * np.asarray((0.96, 1.0, 1.0), np.float32)
    return wall


def compose(people: Sequence[tuple[str, float, bool]], lift: float = 0) -> Picture:
    """A scene: (name, yaw in degrees, eyes shut) from left to right; `lift` moves them up by pixels."""
    scene = background().copy()
    count = len(people)
    pixels = 125 if count <= 2 else 84
    for index, (name, yaw_deg, blink) in enumerate(people):
        picture, cover = render(CAST[name], yaw_deg, blink=blink, pixels=pixels)
        rows, columns = cover.shape
        top = round(HEIGHT - rows + 0.35 * pixels - lift) if count <= 2 else HEIGHT - rows
        left = WIDTH * (2 * index + 1) // (2 * count) - columns // 2
        first, last = max(0, -left), min(columns, WIDTH - left)
        rows = min(rows, HEIGHT - top)
        alpha = cover[:rows, first:last, None]
        part = scene[top : top + rows, left + first : left + last]
        part += alpha * (picture[:rows, first:last] - part)
    return scene


@cache
def _sensor_noise() -> Picture:
    """The sensor's noise, drawn once: drawing it anew for each picture costs more than the people do."""
    return np.random.default_rng(1).standard_normal((HEIGHT, WIDTH, 3), dtype=np.float32) * np.float32(_NOISE)


def jpeg(scene: Picture, grain: int) -> bytes:
    """A picture as the sensor and its encoder deliver it; `grain` shifts the sensor's noise."""
    noise = np.roll(_sensor_noise(), (97 * grain, 211 * grain), axis=(0, 1))
    exposed: npt.NDArray[np.uint8] = np.clip(scene * np.float32(255) + noise, 0, 255).astype(np.uint8)
    encoded, data = cv2.imencode(".jpg", exposed, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not encoded:
        raise SimulationError("the picture could not be encoded")
    return bytes(data)


def scene_at(names: Sequence[str], phase: int) -> Picture:
    """The loop's picture number `phase` of these people."""
    turn = 2 * math.pi * phase / PHASES
    people = [
        (name, _SWAY_DEG * math.sin(turn + 2.1 * index), (phase + 7 * index) % PHASES in (3, 4))
        for index, name in enumerate(names)
    ]
    return compose(people, lift=2 * math.sin(turn))


def write_stills(folder: Path) -> None:
    """Enrolment pictures: five of each person, ``folder/NAME/1.jpg`` to ``5.jpg``."""
    for name in CAST:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number, yaw_deg in enumerate(STILL_YAWS_DEG, start=1):
            picture = jpeg(compose([(name, yaw_deg, False)]), grain=1000 + number)
            (folder / name / f"{number}.jpg").write_bytes(picture)


class CameraDevice:
    """The camera as one device process."""

    def __init__(self, directory: Path, settings: SiteSettings) -> None:
        """Nobody is there."""
        if settings.camera is None:
            raise SimulationError("this site has no camera")
        self._settings = settings.camera
        self._stills = directory / "stills"
        self._names: tuple[str, ...] = ()
        self._shown: tuple[screens.Shown, ...] = ()
        self._screens: dict[tuple[int, int], bytes] = {}
        self._fault = CameraFault.NONE
        self._set_us = now_us()
        self._cache: dict[tuple[tuple[str, ...], int], bytes] = {}
        self._black = [jpeg(np.zeros((HEIGHT, WIDTH, 3), np.float32), grain) for grain in range(2)]
        self._readers: set[asyncio.StreamWriter] = set()
        self._frames = 0
        self._port = settings.camera.port
        self._last = self._black[0]
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
        """``set camera NAME[,NAME]|empty``, ``set camera show FILE...``, ``fault camera KIND``, ``state``."""
        words = request.args[1:]
        match request.verb, words:
            case "set", ("empty",):
                self._see(())
            case "set", ("show", *files):
                shown = screens.load(tuple(files))
                self._see(())
                self._shown = shown
            case "set", (names,):
                wanted = tuple(one_of("camera", name, (*CAST, "empty")) for name in names.split(","))
                if len(set(wanted)) < len(wanted) or "empty" in wanted:
                    raise SimulationError("camera: name different people, or only: empty")
                self._see(wanted)
            case "fault", (kind,):
                self._fault = CameraFault(one_of("fault camera", kind, CameraFault))
                if self._fault is CameraFault.DISCONNECT:
                    self._unplug()
                elif self._server is None:
                    await self._plug_in()
            case "state", ():
                pass
            case _:
                raise SimulationError(
                    f"expected: set camera NAME[,NAME]|empty of {', '.join(CAST)} | set camera show FILE..."
                    f" | fault camera {'|'.join(CameraFault)}"
                )
        return {
            "camera": {
                "names": list(self._names),
                "shown": len(self._shown),
                "fault": self._fault.value,
                "set_us": self._set_us,
                "frames": self._frames,
                "readers": len(self._readers),
            }
        }

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

    def _see(self, names: tuple[str, ...]) -> None:
        """Only these people from now on; a phone that was held before the camera is gone."""
        self._names, self._shown, self._set_us = names, (), now_us()
        self._screens.clear()

    def _screen(self) -> bytes:
        """The phone's picture of the moment, in the hand's position of the moment."""
        number = int(self._frames / self._settings.fps / screens.SHOWN_S) % len(self._shown)
        key = (number, self._frames % screens.SWAYS)
        if key not in self._screens:
            scene = screens.held(background().copy(), self._shown[number], key[1])
            self._screens[key] = jpeg(scene, grain=key[1] + screens.SWAYS * number)
        return self._screens[key]

    def _picture(self) -> bytes:
        """The next picture; drawn once per scene and phase, then remembered."""
        if self._fault is CameraFault.FROZEN:
            return self._last
        if self._fault is CameraFault.BLACK:
            return self._black[self._frames % 2]
        if self._shown:
            self._last = self._screen()
            return self._last
        phase = self._frames % PHASES
        key = (self._names, phase)
        if key not in self._cache:
            self._cache[key] = jpeg(scene_at(self._names, phase), grain=phase)
        self._last = self._cache[key]
        return self._last

    async def _film(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + 1 / self._settings.fps, loop.time())
            await asyncio.sleep(due - loop.time())
            if self._fault is CameraFault.STALL or not self._readers:
                continue
            self._frames += 1
            picture = self._picture()
            head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            for reader in self._readers:
                # A camera does not queue for a slow reader: the reader misses pictures.
                if reader.transport.get_write_buffer_size() < _SLOW_READER_BYTES:
                    reader.write(head.encode() + picture + b"\r\n")

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
