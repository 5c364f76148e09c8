"""The camera's health over real MJPEG: what it shows counts only while it lives."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest

from edge.config import Vision
from edge.sockets import now_us
from edge.vision import camera as reading
from edge.vision.camera import CameraReader
from edge.vision.picture import Health
from firmware_sim.client import facts

FOUND_S, BACK_S = 2.0, 5.0
LOOPED = 20
"""Pictures that a looping camera repeats."""


@pytest.fixture
def reader(empty_site):
    opened = CameraReader(Vision(facts(empty_site.directory)["camera"]["url"], ""))
    opened.start()
    yield opened
    opened.stop()


async def until(true, within_s=8.0):
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110 - a thread's state, which tells nobody
            await asyncio.sleep(0.02)


def healthy(reader):
    return reader.take_report()[0] is Health.OK


async def test_frame_is_fresh_and_of_the_cameras_size(reader):
    """BOX-01"""
    await until(lambda: reader.latest() is not None)
    first = reader.latest()
    await until(lambda: reader.latest().at_us > first.at_us)
    newest = reader.latest()
    assert newest.image.shape == (480, 640, 3)
    assert 0 <= now_us() - newest.at_us < 1_000_000
    assert newest.digest != first.digest


async def test_stalled_camera_shows_nothing_and_comes_back(empty_site, reader):
    """BOX-01"""
    await until(lambda: healthy(reader))
    empty_site.fault("camera", "stall")
    started = time.monotonic()
    await until(lambda: not healthy(reader))
    assert time.monotonic() - started < 2
    assert reader.latest() is None
    empty_site.fault("camera", "none")
    await until(lambda: healthy(reader))
    assert reader.opened >= 2
    assert 0 <= now_us() - reader.latest().at_us < 1_000_000


@pytest.mark.alone
@pytest.mark.parametrize(
    ("fault", "health"),
    [("stall", Health.STALLED), ("frozen", Health.FROZEN), ("black", Health.BLACK), ("covered", Health.COVERED),
     ("taped", Health.COVERED), ("loop", Health.LOOPING), ("disconnect", Health.ABSENT)],
)  # fmt: skip
async def test_fault_is_found_within_two_seconds_and_over_five_after_its_end(empty_site, reader, fault, health):
    """BOX-01, BOX-04, ANT-01"""
    shown = 0

    def enough():
        nonlocal shown
        now, frames = reader.take_report()
        shown += frames
        return now is Health.OK and shown > LOOPED

    await until(enough)
    empty_site.fault("camera", fault)
    began_s = time.monotonic()
    await until(lambda: not healthy(reader), 4)
    assert time.monotonic() - began_s <= FOUND_S
    assert reader.latest() is None
    await until(lambda: reader.health() is health, 4)
    empty_site.fault("camera", "none")
    began_s = time.monotonic()
    await until(lambda: healthy(reader))
    assert time.monotonic() - began_s <= BACK_S
    assert 0 <= now_us() - reader.latest().at_us < 1_000_000


async def test_network_camera_is_not_decoded_but_for_the_pictures_that_are_looked_at(reader):
    """Its own JPEG is there beside the pixels, for whoever records it."""
    await until(lambda: reader.latest() is not None)
    frame = reader.latest()
    assert frame.jpeg.startswith(b"\xff\xd8")
    decoded = cv2.imdecode(np.frombuffer(frame.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert (decoded == frame.image).all()


@pytest.fixture
def film(tmp_path):
    """The address of a film that is no MJPEG, served as a network camera serves it."""
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"XVID"), 10, (320, 240))
    rng = np.random.default_rng(1)
    for _ in range(40):
        writer.write(rng.integers(0, 255, (240, 320, 3)).astype(np.uint8))
    writer.release()
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/film.avi"
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


async def test_network_camera_that_sends_no_jpeg_is_decoded_as_a_film(film):
    """BOX-01"""
    reader = CameraReader(Vision(film, ""))
    pictures = []
    reader.start()
    try:
        await until(lambda: pictures.append(reader.latest()) or pictures[-1] is not None)
    finally:
        reader.stop()
    assert pictures[-1].image.shape == (240, 320, 3)
    assert pictures[-1].jpeg == b""
    assert reader.opened >= 2


class Choking:
    """A capture whose pictures OpenCV cannot work on."""

    opened = 0

    def grab(self):
        return True

    def retrieve(self):
        raise cv2.error("Failed to allocate 1200000000 bytes")

    def release(self):
        Choking.opened += 1


async def test_a_picture_that_opencv_chokes_on_ends_the_capture_and_not_the_thread(monkeypatch):
    """BOX-01: whatever a camera sends, the process recovers by itself."""
    monkeypatch.setattr(reading, "open_capture", lambda *_, **__: Choking())
    monkeypatch.setattr(reading, "REOPEN_S", 0.01)
    reader = CameraReader(Vision("rtsp://camera", ""))
    reader.start()
    await until(lambda: Choking.opened >= 3)
    assert reader.alive()
    assert reader.latest() is None
    reader.stop()


@pytest.mark.parametrize("camera", ["http://127.0.0.1:1/video.mjpg", "/dev/video-none", "63"])
async def test_camera_that_is_not_there_is_absent(camera):
    """BOX-01"""
    reader = CameraReader(Vision(camera, ""))
    reader.start()
    try:
        assert reader.take_report() == (Health.ABSENT, 0)
        assert reader.latest() is None
    finally:
        reader.stop()
    assert reader.opened == 0


class Played:
    """A capture with a clock: decoded frames of a camera at `fps`, from `frame(number)`."""

    def __init__(self, frame, fps=25):
        self._frame, self._wait = frame, 1 / fps
        self.number = -1

    def grab(self):
        time.sleep(self._wait)
        self.number += 1
        return True

    def retrieve(self):
        return True, self._frame(self.number)

    def release(self):
        pass


def frame_of(seed):
    return np.random.default_rng(seed).integers(0, 255, (60, 80, 3)).astype(np.uint8)


@pytest.mark.parametrize("loop", [31, 101])
async def test_decoded_film_that_repeats_is_found_within_two_seconds(monkeypatch, loop):
    """ANT-01: of a camera at V4L2 or RTSP, too, and whatever the length of the loop has to do with our sampling."""
    played = Played(lambda number: frame_of(number % loop), fps=50)
    monkeypatch.setattr(reading, "open_capture", lambda *_, **__: played)
    reader = CameraReader(Vision("rtsp://camera", ""))
    reader.start()
    try:
        await until(lambda: played.number >= loop - 1 or reader.health() is Health.LOOPING)
        assert reader.health() is not Health.LOOPING, "it is shown for the first time"
        began_s = time.monotonic()
        await until(lambda: reader.health() is Health.LOOPING)
        assert time.monotonic() - began_s <= FOUND_S
    finally:
        reader.stop()


class Stopped:
    """A process that was stopped for a while, as its ticking thread sees it."""

    ended_s = float("-inf")

    def since(self, asked_s):
        return Stopped.ended_s >= asked_s

    def stop(self):
        pass


class Buffered:
    """A capture in whose buffer `waiting` frames lie at frame 5; each frame says its number, and when it was taken."""

    def __init__(self, waiting):
        self._waiting, self.number, self.taken_s = waiting, -1, {}

    def grab(self):
        self.number += 1
        if self.number == 5:
            Stopped.ended_s = time.monotonic() + 1e-3
        old = 5 <= self.number < 5 + self._waiting
        time.sleep(0.002 if old else 0.03)
        self.taken_s[self.number] = float("-inf") if old else time.monotonic()
        return True

    def retrieve(self):
        image = frame_of(self.number)
        image[0, 0, 0] = self.number
        return True, image

    def release(self):
        pass


@pytest.mark.alone
async def test_frames_that_waited_while_the_process_was_stopped_count_for_nothing(monkeypatch):
    """BOX-01: a frame is never older than it says."""
    played = Buffered(8)
    monkeypatch.setattr(reading, "open_capture", lambda *_, **__: played)
    monkeypatch.setattr(reading, "_Pauses", Stopped)
    monkeypatch.setattr(reading, "PICTURES_PER_S", 1000)
    monkeypatch.setattr(reading, "glance", lambda image: counted.append(int(image[0, 0, 0])) or bytes(image[0, 0]))
    counted = []
    reader = CameraReader(Vision("rtsp://camera", ""))
    reader.start()
    try:
        await until(lambda: played.number > 20)
    finally:
        reader.stop()
    assert counted[:5] == [0, 1, 2, 3, 4]
    assert set(counted) & set(range(5, 13)) == set()
    assert set(range(14, 20)) <= set(counted), "and then it goes on"


_WATCHING = """
import sys, time
from edge.vision.camera import _Pauses

pauses, began_s = _Pauses(), time.monotonic()
time.sleep(0.1)
print("ready", flush=True)
sys.stdin.readline()
print(pauses.since(began_s), flush=True)
ended_s = time.monotonic() + 0.2
time.sleep(0.3)
print(pauses.since(ended_s), flush=True)
"""


def test_a_pause_of_the_whole_process_is_noticed():
    """What a frozen group, a debugger or a sleeping machine does to it."""
    command = [sys.executable, "-c", _WATCHING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout.readline() == "ready\n"
        watching.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, watching.pid, os.WSTOPPED)
        threading.Event().wait(2 * reading.GAP_S)
        watching.stdin.write("\n")
        watching.stdin.flush()
        watching.send_signal(signal.SIGCONT)
        assert [watching.stdout.readline(), watching.stdout.readline()] == ["True\n", "False\n"]
