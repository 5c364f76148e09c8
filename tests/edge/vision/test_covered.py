"""A lens with something before it, and a place where there is little to see: told by edges, however bright it is."""

import cv2
import numpy as np
import pytest

from edge.vision.picture import BLACK_MEAN, FEWEST_FIELDS, FIELDS, light
from firmware_sim.camera import fault
from firmware_sim.camera.sight import Sight, picture_at
from firmware_sim.stage import background, decode, encode, expose, noisy, scene_at

ACROSS = np.linspace(-1, 1, 640)[None, :, None]
DOWN = np.linspace(-1, 1, 480)[:, None, None]
WHOLE = np.ones((480, 640, 3))
LOUDEST = 8
"""Noise of a cheap sensor at night, of 255."""


def seen(scene, level=3):
    """What a sensor with so much noise makes of it."""
    noise = np.random.default_rng(1).normal(0, level, scene.shape)
    return light(decode(encode(np.clip(scene + noise, 0, 255).astype(np.uint8))))


def simulated(scene):
    return light(decode(encode(noisy(expose(scene), 1))))


def cloth(mean):
    """A cloth before the lens: a little brighter to one side, folds far out of focus."""
    folds = 1 + 0.1 * np.sin(np.arange(480) / 60)[:, None, None]
    return mean * (1 + 0.2 * ACROSS) * folds * WHOLE


def paper(mean):
    """Paper or tape over it: brighter to one side, and darker in the corners."""
    return mean * (1 + 0.15 * ACROSS) * (1.05 - 0.1 * (ACROSS**2 + DOWN**2)) * WHOLE


def hand(reach):
    """A hand in the sun: light between the fingers, out of focus by `reach`."""
    bare = np.full((480, 640, 3), (90, 110, 190), np.float32)
    for column in (150, 310, 470):
        bare[:, column : column + 20] = (240, 250, 255)
    return cv2.GaussianBlur(bare, (0, 0), reach)


@pytest.mark.parametrize("level", [3, LOUDEST])
@pytest.mark.parametrize("mean", [10, 25, 45, 71, 120, 200, 235])
@pytest.mark.parametrize("what", [cloth, paper])
def test_cloth_and_paper_before_the_lens_have_no_edges_however_bright_they_are(what, mean, level):
    """BOX-01"""
    found = seen(what(mean), level)
    assert found.mean == pytest.approx(mean, rel=0.15)
    assert found.fields < FEWEST_FIELDS


@pytest.mark.parametrize("reach", [25, 40, 60])
def test_hand_in_the_sun_has_no_edges(reach):
    """BOX-01"""
    assert seen(hand(reach), 5).fields < FEWEST_FIELDS


@pytest.mark.parametrize("reach", [24, 60])
def test_tape_that_lets_shapes_through_has_no_edges(reach):
    """BOX-01"""
    scene = cv2.GaussianBlur(expose(scene_at(("performer",), 0)).astype(np.float32), (0, 0), reach)
    assert seen(1.2 * scene).fields < FEWEST_FIELDS


@pytest.mark.parametrize("what", [fault.covered, fault.taped])
def test_simulated_covers_have_no_edges_and_are_not_black(what):
    found = light(decode(encode(noisy(what(1), 1))))
    assert found.fields < FEWEST_FIELDS
    assert found.mean > BLACK_MEAN


@pytest.mark.parametrize("percent", [60, 80, 100, 120, 140])
def test_empty_workplace_is_seen_in_every_light(percent):
    """A place where nobody stands is no fault."""
    assert simulated(picture_at(Sight(light=percent / 100), {}, 0, 0.0)).fields >= FEWEST_FIELDS + 2


@pytest.mark.parametrize("contrast", [0.5, 0.2, 0.1])
@pytest.mark.parametrize("veil", [0, 60, 170], ids=["dusk", "haze", "fog"])
def test_fog_and_dusk_that_leave_a_tenth_of_the_contrast_are_no_cover(veil, contrast):
    place = 255 * background()
    assert seen(veil + contrast * place).fields >= FEWEST_FIELDS


def test_dim_place_with_anything_in_it_is_no_cloth():
    """A lamp's edge, a pipe, a person."""
    scene = np.full((480, 640, 3), 20.0)
    cv2.rectangle(scene, (300, 0), (340, 479), (60, 60, 60), -1)
    assert seen(scene, 5).fields >= FEWEST_FIELDS


# --- a part of the lens

OUT_OF_FOCUS = 60
"""Pixels over which the rim of a thing right before the lens fades."""


def partly(scene, share, side):
    """A plain grey thing right before the lens, over so much of the picture, pushed in from a side or with a hole."""
    y, x = np.mgrid[0:480, 0:640].astype(np.float32)
    hole = (1 - share) ** 0.5
    inside = {
        "left": 640 * share - x,
        "above": 480 * share - y,
        "below": y - 480 * (1 - share),
        "about": np.maximum(np.abs(x - 320) - 320 * hole, np.abs(y - 240) - 240 * hole),
    }[side]
    cover = np.clip(inside / OUT_OF_FOCUS + 0.5, 0, 1)[..., None]
    return scene * (1 - cover) + 120 * cover


def person():
    return expose(scene_at(("performer",), 0)).astype(np.float32)


def rack():
    """A place full of edges: chequers of every brightness."""
    squares = np.random.default_rng(0).integers(0, 255, (12, 16, 3), dtype=np.uint8)
    return cv2.resize(squares, (640, 480), interpolation=cv2.INTER_NEAREST).astype(np.float32)


@pytest.mark.parametrize(
    ("side", "share"),
    [("left", 0.9), ("left", 0.97), ("above", 0.95), ("above", 0.99), ("about", 0.97), ("about", 0.99)],
)
def test_lens_of_which_a_sliver_is_left_is_covered(side, share):
    """BOX-01: somebody stands there, and of the wall and of him hardly anything is seen."""
    assert seen(partly(person(), share, side)).fields < FEWEST_FIELDS


@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize("side", ["left", "above", "about"])
def test_plain_wall_behind_half_a_cover_is_covered(side, share):
    """BOX-01: what was seen of its pipes is gone; nothing else has edges there."""
    assert seen(partly(255 * background(), share, side)).fields < FEWEST_FIELDS


@pytest.mark.parametrize("scene", [person, rack])
@pytest.mark.parametrize("side", ["left", "above", "below", "about"])
def test_half_of_a_place_with_things_in_it_is_a_picture(side, scene):
    """The other half is not seen, and nobody is told: docs/video.md says so."""
    assert seen(partly(scene(), 0.5, side)).fields >= FEWEST_FIELDS


@pytest.mark.parametrize("side", ["left", "above", "below", "about"])
def test_tenth_of_a_place_full_of_things_is_a_picture(side):
    """The limit: an eighth of the fields is enough, and through a tenth of the lens so many show edges."""
    assert FEWEST_FIELDS <= seen(partly(rack(), 0.9, side)).fields < FIELDS / 2
