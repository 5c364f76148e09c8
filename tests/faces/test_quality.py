"""Whether a still is good enough to be known by: each fault is found in a picture that has only that one."""

import cv2
import numpy as np
import pytest

from faces.engine import FaceBox, Landmarks, Point
from faces.quality import fault, measure
from faces.refusals import Refusal
from tests.faces.policies import SHIPPED, changed


@pytest.fixture(scope="session")
def portrait(drawn):
    return drawn(("performer", 0, False))


def found(engine, image, policy=SHIPPED):
    [face] = engine.detect(image)
    result = fault(measure(image, face, engine.landmarks(image, face)), policy)
    return result and result[0]


def leaning(image, degrees):
    turn = cv2.getRotationMatrix2D((320, 240), degrees, 1)
    return cv2.warpAffine(image, turn, (640, 480), borderMode=cv2.BORDER_REPLICATE)


def against_the_light(image):
    return np.clip(image.astype(np.float32) * 0.12, 0, 255).astype(np.uint8)


def washed_out(image):
    return np.clip(image.astype(np.float32) * 3.2 + 40, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("person", ["performer", "guardian", "impostor"])
@pytest.mark.parametrize("yaw", [-8, 0, 8])
def test_good_still_has_no_fault(engine, drawn, person, yaw):
    """The tests below can fail: it is what they change that is found."""
    assert found(engine, drawn((person, yaw, False))) is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda image: cv2.GaussianBlur(image, (0, 0), 9), Refusal.BLURRED),
        (against_the_light, Refusal.DARK),
        (washed_out, Refusal.BRIGHT),
        (lambda image: leaning(image, 27), Refusal.TILTED),
    ],
    ids=["out of focus", "against the light", "washed out", "leaning"],
)
def test_poor_still_is_found_out(engine, portrait, change, why):
    """BOX-01"""
    assert found(engine, change(portrait)) is why


def test_small_face_is_found_out(engine, portrait):
    assert found(engine, portrait, changed(size_px=400)) is Refusal.SMALL


def test_face_that_looks_aside_is_found_out():
    """BOX-01: by its points alone, for dlib finds hardly a face that is turned so far."""
    image = np.random.default_rng(1).integers(60, 200, (480, 640, 3)).astype(np.uint8)
    for nose, why in ((150, None), (161, None), (163, Refusal.TURNED), (137, Refusal.TURNED)):
        marks = Landmarks(Point(100, 100), Point(130, 100), Point(170, 100), Point(200, 100), Point(nose, 150))
        result = fault(measure(image, FaceBox(90, 60, 210, 180), marks), SHIPPED)
        assert (result and result[0]) is why


def test_face_outside_of_the_picture_is_no_good(portrait):
    marks = Landmarks(*(Point(700, 500),) * 5)
    assert fault(measure(portrait, FaceBox(700, 500, 800, 600), marks), SHIPPED)[0] is Refusal.SMALL


def test_sharpness_does_not_depend_on_how_near_somebody_stood(engine, portrait):
    near = measure(portrait, engine.detect(portrait)[0], engine.landmarks(portrait, engine.detect(portrait)[0]))
    small = cv2.resize(portrait, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    face = engine.detect(small)[0]
    far = measure(small, face, engine.landmarks(small, face))
    assert far.size_px < 0.7 * near.size_px
    assert far.sharpness == pytest.approx(near.sharpness, rel=0.35)
