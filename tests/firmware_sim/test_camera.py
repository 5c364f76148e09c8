"""The camera as OpenCV reads it, and its drawn people as dlib sees them (BOX-01, BOX-03)."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from firmware_sim.camera import PHASES, jpeg, scene_at
from firmware_sim.cast import CAST
from firmware_sim.client import Site
from firmware_sim.errors import SimulationError
from tests.edge.eventually import eventually
from tests.firmware_sim.conftest import RunningSite
from tests.firmware_sim.network import Dlib, best_two

TOGETHER = 0.40


@pytest.fixture(scope="module")
def dlib() -> Dlib:
    return Dlib()


def _seen(encoded: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)


@pytest.fixture(scope="module")
def templates(running: RunningSite, dlib: Dlib) -> dict[str, Any]:
    """Five vectors a person, from the enrolment stills that the site wrote."""
    found = {}
    for name in CAST:
        files = sorted((Path(running.facts["stills"]) / name).glob("*.jpg"))
        vectors = [dlib.embeddings(cv2.imread(str(file))) for file in files]
        assert [len(faces) for faces in vectors] == [1] * 5
        found[name] = np.array([faces[0] for faces in vectors])
    return found


@pytest.mark.parametrize("names", [("performer", "guardian"), ("guardian", "performer"), ("impostor", "guardian")])
@pytest.mark.parametrize("phase", [0, 4, 17])
def test_two_heads_in_one_picture_are_found_and_told_apart(
    dlib: Dlib, templates: dict[str, Any], names: tuple[str, str], phase: int
) -> None:
    vectors = dlib.embeddings(_seen(jpeg(scene_at(names, phase), grain=phase)))
    assert len(vectors) == 2
    for name, vector in zip(names, vectors, strict=True):
        for known, template in templates.items():
            if known == name:
                assert best_two(vector, template) <= TOGETHER
            else:
                assert best_two(vector, template) >= 0.52


def test_heads_are_big_enough_for_half_the_picture_size(dlib: Dlib) -> None:
    picture = cv2.resize(_seen(jpeg(scene_at(("performer", "guardian"), 0), grain=0)), (320, 240))
    assert len(dlib.faces(picture)) == 2


def test_nobody_is_seen_in_an_empty_picture(dlib: Dlib) -> None:
    assert dlib.faces(_seen(jpeg(scene_at((), 0), grain=0))) == []


def test_people_move_and_blink_and_no_two_neighbouring_pictures_are_alike() -> None:
    scenes = [scene_at(("performer",), phase) for phase in range(PHASES)]
    for one, other in itertools.pairwise([*scenes, scenes[0]]):
        assert np.abs(one - other).max() > 0.05
    empty = [jpeg(scene_at((), phase), grain=phase) for phase in range(2)]
    assert empty[0] != empty[1], "an empty scene still has the sensor's noise"


@pytest.fixture
def capture(running: RunningSite, site: Site) -> Iterator[cv2.VideoCapture]:
    del site
    options = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 3000, cv2.CAP_PROP_READ_TIMEOUT_MSEC, 700]
    video = cv2.VideoCapture(running.facts["camera"]["url"], cv2.CAP_FFMPEG, options)
    assert video.isOpened()
    yield video
    video.release()


def _until(capture: cv2.VideoCapture, wanted: Any) -> Any:
    for _ in range(40):
        read, picture = capture.read()
        assert read
        if wanted(picture):
            return picture
    raise AssertionError("not seen in 40 pictures")


def test_opencv_reads_pictures_of_who_is_there(site: Site, capture: cv2.VideoCapture, dlib: Dlib) -> None:
    read, picture = capture.read()
    assert read
    assert picture.shape == (480, 640, 3)
    site.set("camera", "performer,guardian")
    _until(capture, lambda picture: len(dlib.faces(picture)) == 2)
    site.set("camera", "empty")
    _until(capture, lambda picture: not dlib.faces(picture))


def test_a_stalled_camera_times_the_reader_out(site: Site, capture: cv2.VideoCapture) -> None:
    assert capture.read()[0]
    site.fault("camera", "stall")
    while capture.read()[0]:
        pass


def test_a_frozen_camera_sends_the_same_picture_for_ever(site: Site, capture: cv2.VideoCapture) -> None:
    site.set("camera", "performer")
    site.fault("camera", "frozen")
    last = capture.read()[1]

    def same(picture: Any) -> bool:
        nonlocal last
        before, last = last, picture
        return bool((picture == before).all())

    _until(capture, same)
    for _ in range(3):
        assert same(capture.read()[1])


def test_a_covered_lens_is_black_with_noise(site: Site, capture: cv2.VideoCapture) -> None:
    site.fault("camera", "black")
    picture = _until(capture, lambda picture: picture.max() < 30)
    assert picture.max() > 0


async def test_the_site_counts_who_watches(running: RunningSite, site: Site) -> None:
    await eventually(lambda: site.state()["camera"]["readers"] == 0)
    async with httpx.AsyncClient() as client, client.stream("GET", running.facts["camera"]["url"]) as reply:
        assert reply.headers["content-type"].startswith("multipart/x-mixed-replace")
        await eventually(lambda: site.state()["camera"]["readers"] == 1)
    await eventually(lambda: site.state()["camera"]["readers"] == 0)


def test_another_path_is_not_found(running: RunningSite) -> None:
    url = running.facts["camera"]["url"].replace("video.mjpg", "other")
    assert httpx.get(url).status_code == 404


@pytest.mark.parametrize("names", ["nobody", "performer,performer", "performer,empty", "performer,"])
def test_a_wrong_name_is_refused(site: Site, names: str) -> None:
    with pytest.raises(SimulationError, match=r"performer|different"):
        site.set("camera", names)


def test_a_phone_before_the_camera_shows_its_pictures_in_turn(site: Site, capture: cv2.VideoCapture, tmp_path: Path) -> None:
    """Tilted and never still, as a hand holds it; dark and bright pictures tell which one is on."""
    for name, level in (("dark", 60), ("bright", 250)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((300, 300), level, np.uint8))
    assert site.set("camera", "show", tmp_path / "dark.png", tmp_path / "bright.png")["camera"]["shown"] == 2
    for darker in (True, False, True):
        _until(capture, lambda picture, darker=darker: bool(picture[200:280, 280:360].mean() < 100) is darker)
    assert site.set("camera", "empty")["camera"]["shown"] == 0


def test_what_is_no_picture_cannot_be_shown(site: Site, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for files in ((), (tmp_path / "text.png",), (tmp_path / "absent.png",), (tmp_path,), ("x.png",) * 65):
        with pytest.raises(SimulationError, match="show: expected"):
            site.set("camera", "show", *files)
