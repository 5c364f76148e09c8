"""Enrolment of stills: one template, or the reason why not, said in both languages."""

import cv2
import numpy as np
import pytest

from faces.enrolment import Still, decode, enrol
from faces.match import distance
from faces.refusals import _TEXTS, EnrolmentRefusedError, Refusal
from faces.templates import VERSION, unpack
from tests.faces.policies import SHIPPED, changed


@pytest.fixture
def enrolled(engine):
    def make(person, images, others=None, policy=SHIPPED, **scope):
        named = [Still(f"{number}", image) for number, image in enumerate(images, 1)]
        return enrol(engine, person, named, policy, others or {}, created=1_760_000_000, **scope)

    return make


@pytest.fixture
def refused(enrolled):
    def why(person, images, others=None, policy=SHIPPED):
        with pytest.raises(EnrolmentRefusedError) as error:
            enrolled(person, images, others, policy)
        assert any("\u4e00" <= letter <= "\u9fff" for letter in error.value.zh)
        assert "{" not in error.value.en + error.value.zh
        return error.value.why

    return why


def test_good_stills_become_a_template_of_vectors(engine, enrolled, stills):
    """BOX-01"""
    made = enrolled("performer", stills("performer", 4), permit="HW-7", expires=1_760_003_600)
    template = made.template
    assert (template.version, template.person, template.created) == (VERSION, "performer", 1_760_000_000)
    assert (template.permit, template.expires) == ("HW-7", 1_760_003_600)
    assert (template.engine, template.model_sha256) == (engine.name, engine.model_sha256)
    assert unpack(template).shape == (4, 128)
    assert (made.nearest, made.nearest_distance) == ("", None)
    assert SHIPPED.apart <= made.spread <= SHIPPED.limit


@pytest.mark.parametrize("count", [0, 2, 6])
def test_fewer_than_three_or_more_than_five_stills_are_refused(refused, stills, count):
    assert refused("p", (stills("performer") * 2)[:count]) is Refusal.COUNT


def test_poor_still_is_refused_for_what_is_wrong_with_it(refused, stills, drawn):
    """BOX-01, BOX-03: each beside stills that are good."""
    good = stills("performer", 2)
    assert refused("p", [*good, None]) is Refusal.UNREADABLE
    assert refused("p", [*good, drawn()]) is Refusal.NO_FACE
    assert refused("p", [*good, drawn(("performer", 0, False), ("guardian", 0, False))]) is Refusal.TWO_FACES
    assert refused("p", [*good, cv2.GaussianBlur(stills("performer")[4], (0, 0), 9)]) is Refusal.BLURRED


def test_one_picture_three_times_is_not_three_stills(refused, stills):
    """BOX-01: they would say nothing of how the face varies."""
    assert refused("p", stills("performer", 1) * 3) is Refusal.SAME_PICTURE


def test_stills_of_two_people_are_refused(refused, stills):
    """BOX-03"""
    assert refused("p", [*stills("performer", 2), *stills("guardian", 1)]) is Refusal.DISAGREE


def test_person_who_is_known_already_cannot_be_somebody_else_too(enrolled, refused, stills):
    """BOX-03, ANT-01: or one person could be performer and guardian."""
    known = unpack(enrolled("performer", stills("performer")).template)
    assert refused("guardian", stills("performer", 3), {"performer": known}) is Refusal.SOMEBODY_ELSE
    made = enrolled("guardian", stills("guardian", 3), {"performer": known})
    assert made.nearest == "performer"
    assert made.nearest_distance > SHIPPED.limit


def test_enrolling_again_is_not_compared_with_oneself(enrolled, stills):
    known = unpack(enrolled("performer", stills("performer")).template)
    assert enrolled("performer", stills("performer", 3), {"performer": known}).nearest_distance is None


def test_limits_are_the_policys(refused, stills):
    assert refused("p", stills("performer"), policy=changed(limit=0.03)) is Refusal.DISAGREE
    assert refused("p", stills("performer"), policy=changed(apart=0.9)) is Refusal.SAME_PICTURE


def test_enrolled_person_is_known_again(engine, enrolled, drawn, stills):
    known = unpack(enrolled("performer", stills("performer")).template)
    image = drawn(("performer", 3, False), grain=9)
    assert distance(engine.embed(image, engine.detect(image)[0]), known) < 0.35


def test_every_reason_says_what_to_do_in_both_languages():
    assert set(_TEXTS) == set(Refusal)
    for english, chinese in _TEXTS.values():
        assert ";" in english
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)


def test_large_picture_is_made_smaller_and_what_is_none_is_unreadable(stills):
    big = cv2.resize(stills("performer", 1)[0], (4000, 3000))
    still = decode("phone.jpg", cv2.imencode(".jpg", big)[1].tobytes())
    assert (still.name, still.image.shape) == ("phone.jpg", (960, 1280, 3))
    assert decode("small.png", cv2.imencode(".png", big[:50, :60])[1].tobytes()).image.shape == (50, 60, 3)
    sliver = cv2.imencode(".png", np.zeros((1, 60_000, 3), np.uint8))[1].tobytes()
    assert decode("sliver.png", sliver).image.shape == (1, 1280, 3)
    for content in (b"", b"no picture", cv2.imencode(".jpg", big)[1].tobytes()[:30]):
        assert decode("x", content).image is None


def test_grey_pictures_can_be_enrolled_from(enrolled, stills):
    grey = [cv2.cvtColor(cv2.cvtColor(each, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR) for each in stills("performer", 3)]
    assert np.isfinite(unpack(enrolled("performer", grey).template)).all()
