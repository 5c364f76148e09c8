"""Pose by parallax: what a turn does to the points of a face, and what tilting a picture of it does not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.parallax import pose
from faces.engine import Landmarks, Point

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
    assert straight.inner == pytest.approx(0.0, abs=1e-9)
    assert straight.roll_deg == pytest.approx(0.0)
    assert straight.apart_px == pytest.approx(108.0)
    assert 0.4 < straight.drop < 0.7


def test_eye_corners_in_one_point_are_no_face():
    nowhere = Point(5.0, 5.0)
    assert pose(Landmarks(nowhere, nowhere, nowhere, nowhere, nowhere)) is None
