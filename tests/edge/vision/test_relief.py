"""Relief by two looks: what a turned head shows and paper does not, however it is held. Drawn, with the real engine."""

import numpy as np
import pytest

from edge.interlock import rules
from edge.vision.parallax import face_in
from edge.vision.relief import Look, relief
from firmware_sim.cast import CAST
from firmware_sim.people import Wear
from firmware_sim.people.acting import TURN_DEG
from firmware_sim.stage.view import Flat, Someone, View, draw

GB = rules.load("gb30871-2022")
TURN, RELIEF = GB.liveness_turn_milli.value / 1000, GB.liveness_relief_milli.value / 1000
LENSES = (320.0, 417.0, 554.0, 900.0)
"""Focal lengths in pixels, of lenses that see 90, 75, 60 and 39 degrees across."""
SIDES = (1, -1)


@pytest.fixture(scope="module")
def look(engine):
    """A straight view and a turned one as the box reads them."""

    def read(straight, turned):
        pictures = draw(straight, 1), draw(turned, 2)
        [place] = engine.detect(pictures[0])
        looks = []
        for picture in pictures:
            found = engine.detect(picture)[:1]
            face = face_in(engine, picture, [*found, *engine.near(picture, (found or [place])[0])])[1]
            assert face is not None, "no face is found: nothing was tested"
            looks.append(Look(picture, face))
        return looks

    return read


def person(name, yaw_deg=0, *, light=1.0, wear=Wear.NOTHING, pixels=0):
    return View((Someone(name, yaw_deg, wear=wear),), light=light, pixels=pixels)


def photo(name, tilt_deg=0, **held):
    """A photograph as large as a head right before the lens."""
    how = {"close": True, "wide": 1100, **held}
    return View(sheet=Flat(Someone(name), True, sway=0, tilt_deg=tilt_deg, **how))


def reads(look, straight, turned, side):
    """How far the nose went between the eyes, and beyond what paper explains: to the side that it is turned to."""
    before, now = look(straight, turned)
    return side * (now.face.turn - before.face.turn), side * relief(before, now)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", CAST)
def test_a_turned_head_shows_its_nose(look, name, side):
    """ANT-01, BOX-03: as far as people turn who are asked to."""
    turn, found = reads(look, person(name), person(name, round(side * TURN_DEG)), side)
    assert turn > TURN
    assert found > 1.4 * RELIEF


@pytest.mark.parametrize("how", [{"light": 0.7}, {"light": 1.3}, {"wear": Wear.HELMET}, {"pixels": 85}], ids=str)
def test_it_does_so_in_another_light_under_a_helmet_and_further_away(look, how):
    """BOX-03"""
    straight = {key: value for key, value in how.items() if key != "light"}
    assert reads(look, person("guardian", **straight), person("guardian", 26, **how), 1)[1] > RELIEF


@pytest.mark.parametrize("focal", LENSES)
@pytest.mark.parametrize("tilt_deg", [-35, -20, 20, 35])
def test_a_photograph_tilted_near_a_wide_lens_has_none(look, focal, tilt_deg):
    """ANT-01: about its upright axis, whichever lens it is."""
    found = reads(look, photo("performer", focal=focal), photo("performer", tilt_deg, focal=focal), np.sign(tilt_deg))[1]
    assert found < RELIEF / 2


def test_such_a_photograph_moves_its_nose_as_a_head_does(look):
    """The negative control: by the points alone it turns."""
    held = {"focal": 554.0, "wide": 1400}
    turns = [reads(look, photo("performer", **held), photo("performer", side * 48, **held), side)[0] for side in SIDES]
    assert max(turns) > TURN


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("slant_deg", [15, 30, 45])
def test_a_photograph_that_slants_has_none(look, slant_deg, side):
    """ANT-01: tilted sideways and back at once, which moves its nose along the line of the eyes."""
    straight, turned = photo("guardian", wide=740), photo("guardian", side * 45, wide=740, slant_deg=-side * slant_deg)
    assert reads(look, straight, turned, side)[1] < RELIEF / 2


@pytest.mark.parametrize("how", [{"bend_deg": 40}, {"bend_deg": 80}, {"fold_deg": 15}, {"fold_deg": 30}], ids=str)
@pytest.mark.parametrize("focal", [417.0, 900.0])
def test_paper_that_is_bent_or_folded_has_none(look, focal, how):
    """ANT-01: about the face's upright, which points the nose's line at the camera."""
    held = {"focal": focal, "wide": 900, **how}
    for side in SIDES:
        assert reads(look, photo("supervisor", **held), photo("supervisor", side * 36, **held), side)[1] < RELIEF


@pytest.mark.parametrize("what", ["nothing", "noise"])
def test_looks_that_do_not_agree_tell_nothing(look, what):
    """Whatever the points say, such a look is no turn."""
    before, now = look(person("performer"), person("performer", 26))
    assert relief(before, now) > RELIEF
    noise = np.random.default_rng(1).integers(0, 255, now.image.shape, dtype=np.uint8)
    other = noise if what == "noise" else np.full_like(now.image, 120)
    assert relief(before, now._replace(image=other)) == 0.0


def test_the_same_look_again_shows_nothing(look):
    assert relief(*look(person("relief"), person("relief"))) == pytest.approx(0.0, abs=0.01)
