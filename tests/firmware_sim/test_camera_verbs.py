"""What people do before the running camera, what is held up to it, and what it breaks with."""

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from firmware_sim.client import Site
from firmware_sim.errors import SimulationError
from tests.firmware_sim.conftest import RunningSite
from tests.firmware_sim.network import Dlib

DEADLINE_S = 40.0
"""Of a machine that draws and looks for faces at once, with others at work."""
TURNED = 0.05


@pytest.fixture(scope="module")
def dlib() -> Dlib:
    return Dlib()


class Watcher:
    """Reads the camera as the box does, picture by picture."""

    def __init__(self, url: str) -> None:
        options = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 3000, cv2.CAP_PROP_READ_TIMEOUT_MSEC, 1500]
        self._video = cv2.VideoCapture(url, cv2.CAP_FFMPEG, options)
        assert self._video.isOpened()

    def picture(self) -> Any:
        read, picture = self._video.read()
        assert read
        return picture

    def until(self, wanted: Any) -> Any:
        """The first picture that is as wanted."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            if wanted(picture := self.picture()):
                return picture
        raise AssertionError(f"not seen within {DEADLINE_S} s")

    def close(self) -> None:
        self._video.release()


@pytest.fixture
def watcher(running: RunningSite, site: Site) -> Iterator[Watcher]:
    """The reader hangs up before the site is mended, so that it never waits for a camera that says nothing."""
    del site
    opened = Watcher(running.facts["camera"]["url"])
    yield opened
    opened.close()


def _one(dlib: Dlib, picture: Any) -> bool:
    return len(dlib.faces(picture)) == 1


@pytest.mark.parametrize(("action", "sign"), [("left", 1), ("right", -1)])
def test_a_person_turns_when_asked_and_looks_ahead_again(
    site: Site, watcher: Watcher, dlib: Dlib, action: str, sign: int
) -> None:
    """ANT-01: `left` is the person's own, so that the nose goes right in the picture."""
    site.set("camera", "performer")
    watcher.until(lambda picture: _one(dlib, picture))
    assert site.set("camera", "act", "performer", action, 1)["camera"]["acting"] == {"performer": action}
    watcher.until(lambda picture: _one(dlib, picture) and sign * dlib.parallax(picture) > TURNED)
    watcher.until(lambda picture: _one(dlib, picture) and abs(dlib.parallax(picture)) < TURNED)
    watcher.until(lambda _: not site.state()["camera"]["acting"])


def test_somebody_under_a_mask_has_no_face_until_it_is_taken_off(site: Site, watcher: Watcher, dlib: Dlib) -> None:
    """BOX-01."""
    site.set("camera", "performer")
    site.set("camera", "wear", "performer", "mask")
    watcher.until(lambda picture: not dlib.faces(picture))
    assert site.state()["camera"]["wear"] == {"performer": "mask"}
    site.set("camera", "wear", "performer", "helmet")
    watcher.until(lambda picture: _one(dlib, picture))
    site.set("camera", "empty")
    assert site.state()["camera"]["wear"] == {}, "an empty camera is a clean slate"


def test_the_light_goes_up_and_down(site: Site, watcher: Watcher) -> None:
    usual = watcher.picture().mean()
    for percent in (60, 140):
        site.set("camera", "light", percent)
        watcher.until(lambda picture, percent=percent: abs(picture.mean() / usual - percent / 100) < 0.05)
    assert site.state()["camera"]["light"] == 140


def test_another_one_steps_into_a_persons_place(site: Site, watcher: Watcher, dlib: Dlib) -> None:
    """BOX-03."""
    site.set("camera", "performer")
    before = dlib.embeddings(watcher.until(lambda picture: _one(dlib, picture)))[0]
    assert site.set("camera", "swap", "performer", "visitor")["camera"]["names"] == ["visitor"]

    def other(picture: Any) -> bool:
        vectors = dlib.embeddings(picture)
        return len(vectors) == 1 and np.linalg.norm(vectors[0] - before) > 0.55

    watcher.until(other)


def test_a_photograph_has_a_face_and_no_parallax_when_it_is_tilted(site: Site, watcher: Watcher, dlib: Dlib) -> None:
    """ANT-01."""
    assert site.set("camera", "photo", "guardian", 0)["camera"]["photo"] == "guardian"
    upright = watcher.until(lambda picture: _one(dlib, picture))
    site.set("camera", "act", "guardian", "left", 2)
    tilted = watcher.until(
        lambda picture: _one(dlib, picture) and dlib.faces(picture) and np.abs(picture.astype(int) - upright).mean() > 6
    )
    assert abs(dlib.parallax(tilted) - dlib.parallax(upright)) < TURNED
    assert site.set("camera", "performer")["camera"]["photo"] == ""


def test_what_was_recorded_is_played_on_a_tablet(
    running: RunningSite, site: Site, watcher: Watcher, dlib: Dlib
) -> None:
    """ANT-01: the same face, now flat, in a bezel, and once more when it has ended."""
    site.set("camera", "performer")
    watcher.until(lambda picture: _one(dlib, picture))
    name = site.set("camera", "record", "turn", 2)["camera"]["recording"]
    site.set("camera", "act", "performer", "left", 0.5)
    with pytest.raises(SimulationError, match="is being recorded"):
        site.set("camera", "record", "other", 2)
    watcher.until(lambda _: not site.state()["camera"]["recording"])
    assert Path(name) == running.directory / "films" / "turn.film"
    assert site.set("camera", "replay", "turn")["camera"]["names"] == []
    for _ in range(2):
        watcher.until(lambda picture: _one(dlib, picture) and dlib.parallax(picture) > TURNED)
        watcher.until(lambda picture: _one(dlib, picture) and abs(dlib.parallax(picture)) < TURNED)
    assert site.state()["camera"]["replay"] == "turn"


def test_a_tablet_can_play_somebody_who_followed_other_prompts(site: Site, watcher: Watcher, dlib: Dlib) -> None:
    site.set("camera", "replay", "guardian")
    watcher.until(lambda picture: _one(dlib, picture) and dlib.parallax(picture) > TURNED)
    watcher.until(lambda picture: _one(dlib, picture) and dlib.parallax(picture) < -TURNED)


def test_live_pictures_are_all_different_to_the_byte(site: Site, watcher: Watcher) -> None:
    """BOX-01: so that one which comes again is a fault. More than a loop of the people's own movement."""
    site.set("camera", "performer")
    assert len({watcher.picture().tobytes() for _ in range(40)}) == 40


def test_a_looping_camera_repeats_its_last_pictures(site: Site, watcher: Watcher) -> None:
    """BOX-01."""
    site.set("camera", "performer")
    for _ in range(8):
        watcher.picture()
    site.fault("camera", "loop", 4)
    seen = [watcher.picture().tobytes() for _ in range(16)]
    assert len(set(seen[4:])) == 4
    assert all(one == other for one, other in itertools.pairwise([seen[5], seen[9], seen[13]]))
    site.fault("camera", "none")
    watcher.until(lambda picture: picture.tobytes() not in seen)


def test_a_covered_lens_is_dim_and_shapeless_and_still_alive(site: Site, watcher: Watcher, dlib: Dlib) -> None:
    """BOX-01: brighter than black, and no two pictures alike."""
    site.set("camera", "performer")
    site.fault("camera", "covered")
    one = watcher.until(lambda picture: picture.mean() < 60)
    other = watcher.picture()
    assert one.mean() > 10
    assert cv2.GaussianBlur(one, (0, 0), 4).std(axis=(0, 1)).max() < 12
    assert (one != other).any()
    assert dlib.faces(one) == []


def test_a_taped_lens_is_bright_and_shapeless_and_still_alive(site: Site, watcher: Watcher, dlib: Dlib) -> None:
    """BOX-01: as bright as a day, and no two pictures alike."""
    site.set("camera", "performer")
    site.fault("camera", "taped")
    one = watcher.until(lambda picture: picture.mean() > 180)
    other = watcher.picture()
    assert cv2.GaussianBlur(one, (0, 0), 4).std(axis=(0, 1)).max() < 12
    assert (one != other).any()
    assert dlib.faces(one) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("act", "performer", "left"), "who stands there"),
        (("act", "guardian", "jump"), "left, right"),
        (("act", "guardian", "left", "-1"), "0 to 60"),
        (("act", "guardian", "left", "1", "90"), "5 to 45"),
        (("act", "guardian"), "expected: set camera act"),
        (("wear", "guardian", "hat"), "helmet"),
        (("wear", "nobody", "helmet"), "performer"),
        (("light", "30"), "60 to 140"),
        (("photo", "nobody"), "performer"),
        (("photo", "guardian", "80"), "-60 to 60"),
        (("swap", "performer", "visitor"), "guardian"),
        (("swap", "guardian", "guardian"), "performer"),
        (("record", "performer", "3"), "other than"),
        (("record", "x", "600"), "1 to 60"),
        (("replay", "never-recorded"), "set camera record"),
        (("performer,guardian,impostor,relief,visitor",), "up to 4"),
        (("dance", "a", "b"), "set camera act"),
    ],
)  # fmt: skip
def test_words_that_are_not_allowed_are_answered_with_those_that_are(site: Site, words: tuple[str, ...], said: str) -> None:
    site.set("camera", "guardian")
    with pytest.raises(SimulationError, match=said):
        site.set("camera", *words)


@pytest.mark.parametrize("count", ["1", "65", "many"])
def test_a_loop_of_no_length_is_refused(site: Site, count: str) -> None:
    with pytest.raises(SimulationError, match="pictures"):
        site.fault("camera", "loop", count)


def test_what_is_no_film_is_not_played(site: Site, tmp_path: Path) -> None:
    (tmp_path / "text.film").write_text("no film")
    with pytest.raises(SimulationError, match="set camera record"):
        site.set("camera", "replay", tmp_path / "text.film")
