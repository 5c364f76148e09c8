"""Pose by parallax: what a turn does to the points of a face, and what tilting a picture of it does not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.parallax import face_in, points, pose
from faces.engine import FaceBox, Landmarks, Point

FACE_MM = {
    "left_eye_outer": (-45.0, 0.0, 0.0), "left_eye_inner": (-17.0, 1.0, 10.0), "right_eye_inner": (17.0, 1.0, 10.0),
    "right_eye_outer": (45.0, 0.0, 0.0), "nose_tip": (0.0, 45.0, 28.0),
}  # fmt: skip
"""About an adult's, seen from the front: across, down, forward."""
FLAT_MM = {name: (x, y, 0.0) for name, (x, y, _) in FACE_MM.items()}


def seen(face, yaw_deg=0.0, roll_deg=0.0, away_mm=500.0, pitch_deg=0.0):
    """The points in a picture; yaw turns to the picture's right, which is the person's own left."""
    yaw, roll, pitch = math.radians(yaw_deg), math.radians(roll_deg), math.radians(pitch_deg)
    points = {}
    for name, (across, down, forward) in face.items():
        x, y = _rotated(across, down, -roll)
        y, z = _rotated(y, forward, pitch)
        x, z = _rotated(x, z, yaw)
        scale = 600 / (away_mm - z)
        points[name] = Point(320 + x * scale, 240 + y * scale)
    return Landmarks(**points)


def _rotated(first, second, angle):
    """Two axes of a space, the second turned towards the first."""
    cos, sin = math.cos(angle), math.sin(angle)
    return first * cos + second * sin, second * cos - first * sin


def turn(face, **how):
    return pose(seen(face, **how)).nose


@pytest.mark.parametrize("yaw_deg", [20, 25, 30, 40])
def test_a_turned_head_moves_its_nose_to_the_side_it_turns_to(yaw_deg):
    """ANT-01: left is the person's own, to the picture's right."""
    assert turn(FACE_MM, yaw_deg=yaw_deg) > 0.11
    assert turn(FACE_MM, yaw_deg=-yaw_deg) < -0.11


@pytest.mark.parametrize("tilt_deg", [-45, -35, -25, -15, 15, 25, 35, 45])
@pytest.mark.parametrize("away_mm", [250, 400, 800])
def test_a_tilted_picture_keeps_its_nose_where_it_is(tilt_deg, away_mm):
    """ANT-01: even near the lens, where the nearer side looks larger."""
    assert abs(turn(FLAT_MM, yaw_deg=tilt_deg, away_mm=away_mm)) < 0.08


@given(st.floats(-40, 40), st.floats(-25, 25), st.floats(350, 900))
def test_a_leaning_head_turns_as_an_upright_one(yaw_deg, roll_deg, away_mm):
    upright = turn(FACE_MM, yaw_deg=yaw_deg, away_mm=away_mm)
    leaning = pose(seen(FACE_MM, yaw_deg=yaw_deg, away_mm=away_mm, roll_deg=roll_deg))
    assert leaning is not None
    assert math.copysign(1, leaning.nose) == math.copysign(1, upright) or abs(upright) < 0.1


def test_a_straight_face_has_no_turn():
    straight = pose(seen(FACE_MM))
    assert straight.nose == pytest.approx(0.0, abs=1e-9)


class Guessing:
    """Points that go along with the box by a share of how far it is moved; 0 holds on to a face."""

    def __init__(self, along):
        self._along = along

    def landmarks(self, image, box):
        aside = self._along * (box.left + box.right - 200) / 2
        eyes = [Point(x + aside, 80.0) for x in (60.0, 85.0, 115.0, 140.0)]
        return Landmarks(*eyes, Point(100.0 + aside, 120.0))


@pytest.mark.parametrize(("along", "is_face"), [(0.0, True), (0.5, True), (1.5, False), (3.0, False)])
def test_points_that_go_along_with_the_box_lie_on_no_face(along, is_face):
    """ANT-01: beside a face they are guessed, and look turned."""
    found = points(Guessing(along), None, FaceBox(0, 0, 200, 200))
    assert (found is not None) is is_face


def test_a_face_is_the_mean_of_the_boxes_that_hold():
    box = FaceBox(0, 0, 200, 200)
    assert face_in(Guessing(3.0), None, [box]) == ([], None)
    boxes, face = face_in(Guessing(0.0), None, [box, FaceBox(4, 0, 204, 200)])
    assert len(boxes) == 2
    assert face.turn == pytest.approx(0.0)


def test_eye_corners_in_one_point_are_no_face():
    nowhere = Point(5.0, 5.0)
    assert pose(Landmarks(nowhere, nowhere, nowhere, nowhere, nowhere)) is None
