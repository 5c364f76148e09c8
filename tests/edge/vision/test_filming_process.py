"""The real vision process records the real camera: into segments, offered until they are logged, and it says how it is."""

import itertools
import os
import signal
import stat

import cv2
import msgspec
import numpy as np
import pytest

from contracts.video import pictures
from edge import sockets
from edge.config import Video as Settings
from edge.interlock.evidence import Film, Logged, Segment, Video, encode_message
from edge.sockets import now_us
from edge.vision.segments import SegmentFolder
from tests.edge.eventually import eventually
from tests.edge.presence.box import box
from tests.edge.vision.conftest import VisionProcess

WALL_S = 1_800_000_000
replace = msgspec.structs.replace


@pytest.fixture
def filming(site, tmp_path):
    """A process with a recorder, that looks for nobody."""
    boxed = box(site.directory)
    settings = Settings(str(tmp_path / "video"), 64)
    vision = replace(boxed.vision, video=settings)
    running = VisionProcess(replace(boxed, run=str(tmp_path / "run"), vision=vision), tmp_path)
    running.folder = SegmentFolder(tmp_path / "video")
    yield running
    if running.process.poll() is None:
        running.stop()
    site.fault("camera", "none")


def tell(running, message):
    assert sockets.send(running._end, encode_message(message))


def film(running, *, on=True, permit="HW-1"):
    tell(running, Film(permit, on, True, 31, WALL_S))


def recorder(health):
    return lambda item: isinstance(item, Video) and item.health == health


async def test_while_released_the_camera_is_recorded(site, filming):
    """GB 30871-2022 5.2.11, ANT-11"""
    site.set("camera", "performer,guardian")
    ready = await filming.interlock.until(recorder("ready"))
    assert (ready.permit, ready.written_us, ready.most_mib) == ("", 0, 64)
    film(filming)
    word = await filming.interlock.until(lambda item: recorder("recording")(item) and item.written_us)
    assert word.permit == "HW-1"
    first = word.written_us
    word = await filming.interlock.until(lambda item: isinstance(item, Video) and item.written_us > first + 2_000_000)
    assert word.at_us - word.written_us < 1_000_000
    assert filming.stop() == 0, "what was being recorded is finished"
    (facts,) = filming.folder.listed()
    assert (facts.about.permit, facts.about.keep, facts.logged) == ("HW-1", True, False)
    body = filming.folder.path(facts).read_bytes()
    found = pictures(body)
    assert len(found) >= 8
    assert max(after.at_us - before.at_us for before, after in itertools.pairwise(found)) < 1_000_000
    shown = cv2.imdecode(np.frombuffer(body[found[-1].at : found[-1].at + found[-1].size], np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape == (480, 640, 3)
    assert stat.S_IMODE(filming.folder.path(facts).stat().st_mode) == 0o600


async def test_what_a_kill_left_is_offered_at_the_next_start_until_it_is_logged(site, filming, tmp_path):
    """As much as had reached the disk: whole pictures, and a commitment of their own."""
    film(filming)
    await filming.interlock.until(lambda item: recorder("recording")(item) and item.written_us)
    await filming.interlock.until(recorder("recording"))
    filming.process.send_signal(signal.SIGKILL)
    filming.process.wait()
    again = VisionProcess(replace(box(site.directory), run=str(tmp_path / "run2"), vision=replace(
        box(site.directory).vision, video=Settings(str(tmp_path / "video"), 64))), tmp_path)  # fmt: skip
    try:
        offered = await again.interlock.until(lambda item: isinstance(item, Segment))
        assert (offered.permit, offered.frames > 0) == ("HW-1", True)
        twice = await again.interlock.until(lambda item: isinstance(item, Segment))
        assert (twice.commitment, twice.at_us > offered.at_us) == (offered.commitment, True)
        sockets.send(again._end, encode_message(Logged(offered.commitment)))
        await eventually(lambda: [facts.logged for facts in filming.folder.listed()] == [True])
        again.interlock.drain()
        assert not any(isinstance(item, Segment) for item in await again.interlock.listen(1.2))
    finally:
        again.stop()


async def test_a_disk_that_takes_nothing_is_told_and_faces_go_on(site, filming):
    await filming.interlock.until(recorder("ready"))
    filming.folder.root.rename(filming.folder.root.with_name("away"))
    filming.folder.root.write_text("a file in its place")
    film(filming)
    failed = await filming.interlock.until(recorder("failed"))
    assert failed.written_us == 0
    filming.folder.root.unlink()
    film(filming)
    word = await filming.interlock.until(recorder("recording"))
    assert now_us() - word.at_us < 1_000_000


async def test_a_camera_that_stalls_is_told_by_the_recorder_too(site, filming):
    film(filming)
    await filming.interlock.until(lambda item: recorder("recording")(item) and item.written_us)
    site.fault("camera", "stall")
    lost = await filming.interlock.until(recorder("no_picture"))
    assert lost.at_us - lost.written_us >= 2_000_000
    site.fault("camera", "none")
    film(filming)
    await filming.interlock.until(lambda item: recorder("recording")(item) and item.written_us > lost.written_us)


async def test_the_recorders_share_of_the_processor_is_small(filming):
    """It encodes what is decoded anyway, five times a second."""
    import psutil

    await filming.interlock.until(recorder("ready"))
    watched = psutil.Process(filming.process.pid)

    async def share():
        before_s, began_us = sum(watched.cpu_times()[:2]), now_us()
        film(filming)
        await filming.interlock.listen(3)
        return (sum(watched.cpu_times()[:2]) - before_s) / ((now_us() - began_us) / 1e6)

    film(filming, on=False)
    recording = await share()
    assert recording < 0.5
    assert os.getpriority(os.PRIO_PROCESS, watched.pid) >= 5
