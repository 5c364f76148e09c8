"""The camera's health over real MJPEG: what it shows counts only while it lives."""

import asyncio
import time

import cv2
import numpy as np
import pytest

from edge.config import Vision
from edge.sockets import now_us
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
     ("loop", Health.LOOPING), ("disconnect", Health.ABSENT)],
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
