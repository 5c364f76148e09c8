"""Points on a face by name: where they are, and what they say of its pose."""

import math

import pytest

from faces.engine import FaceBox, Landmarks, Point

FRONTAL = Landmarks(Point(100, 100), Point(130, 100), Point(170, 100), Point(200, 100), Point(150, 150))


def rotated(marks, degrees):
    """The same face in a picture that was turned clockwise."""
    turn = complex(math.cos(math.radians(degrees)), math.sin(math.radians(degrees)))
    points = [complex(*point) * turn for point in (
        marks.left_eye_outer, marks.left_eye_inner, marks.right_eye_inner, marks.right_eye_outer, marks.nose_tip
    )]  # fmt: skip
    return Landmarks(*(Point(point.real, point.imag) for point in points))


def with_nose(x, y):
    return Landmarks(
        FRONTAL.left_eye_outer, FRONTAL.left_eye_inner, FRONTAL.right_eye_inner, FRONTAL.right_eye_outer, Point(x, y)
    )


def test_face_from_the_front_is_neither_turned_nor_leaning():
    assert (FRONTAL.turn, FRONTAL.drop, FRONTAL.roll_deg, FRONTAL.apart_px) == (0, 0.5, 0, 100)


@pytest.mark.parametrize(("x", "turn"), [(160, 0.1), (140, -0.1), (175, 0.25)])
def test_turn_is_the_noses_offset_to_the_pictures_right(x, turn):
    assert with_nose(x, 150).turn == pytest.approx(turn)


@pytest.mark.parametrize("degrees", [-40, -10, 25])
def test_leaning_changes_neither_turn_nor_drop(degrees):
    leaning, upright = rotated(with_nose(160, 150), degrees), with_nose(160, 150)
    assert leaning.turn == pytest.approx(upright.turn)
    assert leaning.drop == pytest.approx(upright.drop)
    assert leaning.roll_deg == pytest.approx(degrees)


def test_points_that_fall_together_say_nothing_and_do_not_fail():
    same = Point(1, 1)
    assert Landmarks(same, same, same, same, same).turn == 0


PLACE = FaceBox(100, 100, 200, 200)


@pytest.mark.parametrize(
    ("box", "same"),
    [(PLACE, True), (FaceBox(133, 100, 233, 200), True), (FaceBox(134, 100, 234, 200), False),
     (FaceBox(100, 134, 200, 234), False), (FaceBox(300, 300, 400, 400), False), (FaceBox(100, 100, 171, 171), True),
     (FaceBox(100, 100, 170, 170), False), (FaceBox(200, 100, 300, 200), False)],
)  # fmt: skip
def test_a_face_is_in_the_same_place_while_it_shares_half_of_it(box, same):
    """PTW-24"""
    assert PLACE.covers(box) is box.covers(PLACE) is same
