"""The camera's health over real MJPEG: what it shows counts only while it lives."""

import asyncio
import time

import pytest

from edge.config import Vision
from edge.sockets import now_us
from edge.vision.camera import BLACK_S, FROZEN_S, CameraReader, Health, PictureJudge
from firmware_sim.client import facts


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


async def test_black_picture_is_the_cameras_fault(empty_site, reader):
    """BOX-01"""
    await until(lambda: healthy(reader))
    empty_site.fault("camera", "black")
    await until(lambda: reader.take_report()[0] is Health.BLACK)
    assert reader.latest() is None


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


def test_picture_that_changes_is_live():
    judge = PictureJudge()
    for step in range(100):
        judge.see(bytes([step]), 100, step * 0.2)
        assert judge.health(step * 0.2) is Health.OK


def test_picture_that_stands_still_is_frozen_until_it_moves():
    """BOX-01"""
    judge = PictureJudge()
    judge.see(b"a", 100, 0.0)
    judge.see(b"a", 100, FROZEN_S - 0.01)
    assert judge.health(FROZEN_S - 0.01) is Health.OK
    judge.see(b"a", 100, FROZEN_S)
    assert judge.health(FROZEN_S) is Health.FROZEN
    judge.see(b"b", 100, FROZEN_S + 1)
    assert judge.health(FROZEN_S + 1) is Health.OK


def test_picture_that_stays_black_is_black_before_it_is_frozen():
    """BOX-01"""
    judge = PictureJudge()
    judge.see(b"a", 0, 0.0)
    assert judge.health(0.0) is Health.OK
    judge.see(b"a", 0, BLACK_S)
    assert judge.health(BLACK_S) is Health.BLACK
    assert judge.health(FROZEN_S) is Health.BLACK
    judge.see(b"b", 50, FROZEN_S)
    assert judge.health(FROZEN_S) is Health.OK
