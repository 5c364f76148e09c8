"""Looking at one frame after the other: who is told of, when, and who costs nothing more. The engine is real."""

import itertools

import numpy as np
import pytest

from edge.interlock.evidence import Face, FaceRefused, Wanted
from edge.vision.camera import Frame
from edge.vision.challenge import NotProven
from edge.vision.lookout import Lookout, _apart
from edge.vision.templates import TemplateStore
from faces.engine import FaceBox
from firmware_sim.camera import compose
from tests.faces.policies import SHIPPED, changed

LOOK_US = 400_000
PLACE = FaceBox(100, 100, 200, 200)


class Counting:
    """The engine, and how often it was asked to describe a face."""

    def __init__(self, engine):
        self._engine = engine
        self.described = 0

    def __getattr__(self, name):
        return getattr(self._engine, name)

    def embed(self, image, face):
        self.described += 1
        return self._engine.embed(image, face)


@pytest.fixture
def counting(engine):
    return Counting(engine)


@pytest.fixture
def lookout(counting, enrolled):
    """Looks for performer and guardian; `look(names, ...)` shows a new picture of these people."""

    def make(policy=SHIPPED):
        store = TemplateStore(enrolled.template_folder, counting, enrolled.template_key)
        made = Lookout(counting, store, NotProven(), policy)
        made.want(Wanted(("performer", "guardian"), (), "nonce", "arming"), 0)
        return made

    return make


@pytest.fixture(scope="module")
def enrolled(enrolled):
    """The box of the folder's other tests, by its two places."""
    from pathlib import Path
    from types import SimpleNamespace

    return SimpleNamespace(template_folder=Path(enrolled.vision.templates), template_key=enrolled.template_key)


@pytest.fixture
def show():
    """The next frame of these people: no two are alike."""
    numbers = itertools.count(1)

    def frame(*names):
        number = next(numbers)
        noise = np.random.default_rng(number).normal(0, 2, (480, 640, 3))
        scene = compose([(name, (number % 5) - 2.0, False) for name in names])
        image = np.clip(scene * 255 + noise, 0, 255).astype(np.uint8)
        return Frame(image, number * LOOK_US, number.to_bytes(16, "big"))

    return frame


def told(items):
    return [(type(item).__name__, getattr(item, "person", "")) for item in items]


def test_person_is_told_of_after_three_looks_that_agree(lookout, show):
    """BOX-01: one lucky frame verifies nobody."""
    watching = lookout()
    verified = [("Face", "performer")]
    assert [told(watching.look(show("performer"))) for _ in range(4)] == [[], [], verified, verified]


def test_stranger_is_told_of_at_once(lookout, show):
    """BOX-01, PTW-24: a refusal waits for nothing."""
    [refused] = lookout().look(show("impostor"))
    assert isinstance(refused, FaceRefused)
    assert refused.distance_milli > 500


def test_evidence_is_of_the_present_frame(lookout, show):
    """BOX-01: age counts from capture; what was seen before is not told again."""
    watching = lookout()
    for _ in range(2):
        watching.look(show("performer"))
    frame = show("performer")
    [face] = watching.look(frame)
    assert isinstance(face, Face)
    assert (face.at_us, face.liveness, face.engine) == (frame.at_us, "not_proven", "dlib-hog-resnet-v1")
    assert 0 <= face.distance_milli <= 500


def test_frame_that_was_seen_shows_nothing_new(lookout, show, counting):
    """ANT-01"""
    watching = lookout(changed(need_frames=1))
    frame = show("performer")
    assert len(watching.look(frame)) == 1
    before = counting.described
    assert watching.look(frame) == []
    assert counting.described == before


def test_swapped_person_is_verified_no_more(lookout, show):
    """ANT-01: whoever steps into the place is refused at once, and the votes of before lend nothing."""
    watching = lookout()
    for _ in range(4):
        watching.look(show("performer"))
    assert told(watching.look(show("impostor"))) == [("FaceRefused", "")]
    assert told(watching.look(show("impostor"))) == [("FaceRefused", "")]
    assert told(watching.look(show("guardian"))) == []


def test_one_miss_among_three_agreeing_looks_is_forgiven(lookout, show):
    """BOX-01: somebody may look away for a moment."""
    watching = lookout()
    for names in (("performer",), ("performer",), (), ("performer",)):
        last = watching.look(show(*names))
    assert told(last) == [("Face", "performer")]


@pytest.mark.parametrize("wanted", [Wanted(("performer", "guardian"), (), "another", "arming"), Wanted(("performer",), (), "nonce", "arming")])
def test_new_nonce_or_other_people_begin_the_vote_anew(lookout, show, wanted):
    """ANT-01"""
    watching = lookout()
    for _ in range(3):
        watching.look(show("performer"))
    watching.want(wanted, 0)
    assert told(watching.look(show("performer"))) == []


def test_verified_face_in_its_place_is_not_described_again_in_between(lookout, show, counting):
    """PTW-24: whoever comes in is found for the price of one search."""
    watching = lookout()
    for _ in range(3):
        watching.look(show("performer", "guardian"))
    before = counting.described
    assert watching.look(show("performer", "guardian"), whole=False) == []
    assert counting.described == before
    found = watching.look(show("performer", "guardian", "impostor"), whole=False)
    assert ("FaceRefused", "") in told(found)


def test_face_whose_vote_is_open_is_described_at_every_look(lookout, show, counting):
    """BOX-01, PTW-24"""
    watching = lookout()
    watching.look(show("performer"))
    before = counting.described
    watching.look(show("performer"), whole=False)
    assert told(watching.look(show("performer"), whole=False)) == [("Face", "performer")]
    assert counting.described == before + 2


def test_nobody_is_described_while_nobody_is_enrolled(counting, show, tmp_path):
    watching = Lookout(counting, TemplateStore(tmp_path, counting, str(tmp_path / "key")), NotProven(), SHIPPED)
    watching.want(Wanted(("performer",), (), "", "arming"), 0)
    assert told(watching.look(show("performer"))) == [("FaceRefused", "")]
    assert counting.described == 0


def test_one_known_face_stands_for_one_face_only():
    """PTW-24: somebody close beside the performer is somebody new."""
    near, far = FaceBox(105, 100, 205, 200), FaceBox(400, 100, 500, 200)
    assert _apart([PLACE, near, far], {"p": PLACE}) == ([near, far], {"p": PLACE})
    assert _apart([PLACE, near], {"p": PLACE, "g": near}) == ([], {"p": PLACE, "g": near})
    assert _apart([far, near], {}) == ([far, near], {})
