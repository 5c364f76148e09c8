"""dlib's parts: faces are found at every size that is promised, and the points bear their names."""

import cv2
import pytest

from faces.engine import FaceBox
from faces.engines.dlib_parts import AREA, HogDetector, _doublings
from firmware_sim.people import Wear
from firmware_sim.stage import still


@pytest.mark.parametrize(("pixels", "times"), [(640 * 480, 0), (640 * 480 // 4, 1), (320 * 240 + 1, 0), (92 * 112, 2), (0, 0)])
def test_small_pictures_are_doubled_while_they_stay_within_the_area(pixels, times):
    assert _doublings(pixels) == times
    assert pixels * 4**times <= AREA


@pytest.mark.parametrize("width", [160, 320, 640, 1280, 3840])
def test_face_is_found_whatever_the_pictures_size(engine, drawn, width):
    image = drawn(("performer", 0, False))
    sized = cv2.resize(image, (width, width * 3 // 4), interpolation=cv2.INTER_AREA)
    [face] = engine.detect(sized)
    [usual] = engine.detect(image)
    scale = width / 640
    assert face.left == pytest.approx(usual.left * scale, abs=20 * max(scale, 0.5))
    assert face.side == pytest.approx(usual.side * scale, rel=0.25)


def test_upsampling_finds_faces_half_as_large(drawn):
    image = drawn(("performer", 0, False))
    small = cv2.resize(image, (160, 120), interpolation=cv2.INTER_AREA)
    far = image.copy()
    far[:] = 128
    far[180:300, 240:400] = small
    assert len(HogDetector(upsample=1).detect(far)) == 1


def test_largest_face_comes_first(engine, drawn):
    image = drawn(("performer", 0, False), ("guardian", 0, False))
    left = image[:, :320]
    image[240:, :320] = 128
    image[240:, 80:240] = cv2.resize(left, (160, 240))
    areas = [face.area for face in engine.detect(image)]
    assert areas == sorted(areas, reverse=True)


def test_a_turned_head_below_a_helmet_is_found_near_its_place(engine):
    """BOX-01: the search of the whole picture does not see it."""
    [straight] = engine.detect(still("visitor", wear=Wear.HELMET, light=0.8))
    turned = still("visitor", 33, wear=Wear.HELMET, light=0.8, grain=133)
    boxes = engine.near(turned, straight)
    assert len(boxes) >= 2
    assert all(boxes[0].covers(box) for box in boxes)
    assert all(box.left > straight.left for box in boxes), "it turned to the picture's right"


@pytest.mark.parametrize("place", [FaceBox(20, 20, 200, 200), FaceBox(600, 400, 780, 580), FaceBox(900, 900, 990, 990)])
def test_near_a_place_without_a_face_nothing_is_found(engine, place):
    """ANT-01: where a face was is no face."""
    empty = still("visitor").copy()
    empty[:] = 128
    assert engine.near(empty, place) == []


def test_points_lie_from_left_to_right_in_the_picture_with_the_nose_below(engine, drawn):
    image = drawn(("performer", 0, False))
    marks = engine.landmarks(image, engine.detect(image)[0])
    across = [marks.left_eye_outer.x, marks.left_eye_inner.x, marks.right_eye_inner.x, marks.right_eye_outer.x]
    assert across == sorted(across)
    assert marks.left_eye_inner.x < marks.nose_tip.x < marks.right_eye_inner.x
    assert marks.nose_tip.y > marks.left_eye_outer.y
    assert abs(marks.turn) < 0.08
    assert abs(marks.roll_deg) < 5


@pytest.mark.parametrize("yaw", [15, 20])
def test_nose_moves_to_where_the_head_turns(engine, drawn, yaw):
    """ANT-01: positive yaw is to the viewer's right, and so is a positive turn."""

    def turn(degrees):
        image = drawn(("performer", degrees, False))
        return engine.landmarks(image, engine.detect(image)[0]).turn

    assert turn(yaw) > turn(0) + 0.03
    assert turn(-yaw) < turn(0) - 0.03
