"""Rows of the rule pack that vision decides by: each at its limit and a hair to each side."""

import contextlib

import msgspec
import numpy as np
import pytest

from contracts.errors import ContractError
from edge.interlock import rules
from edge.vision.policy import policy_of
from faces.enrolment import Described, join
from faces.match import match
from faces.quality import Quality, fault
from faces.refusals import EnrolmentRefusedError
from faces.vote import Vote

GB = rules.load("gb30871-2022")
POLICY = policy_of(GB)
GOOD = Quality(POLICY.size_px + 50, POLICY.sharpness + 0.2, 0.0, 0.0, 0.0, 0.0)
SIDES = pytest.mark.parametrize("side", [-1, 0, 1], ids=["below", "at", "above"])
HAIRS = pytest.mark.parametrize("side", [-1, 1], ids=["below", "above"])
"""For distances of vectors, which no float puts at the limit itself."""
UP_TO, FROM = (True, True, False), (False, True, True)


class Named:
    name, model_sha256, length = "engine", "0" * 64, 128


def at(place):
    vector = np.zeros(128, np.float32)
    vector[0] = place
    return vector


@pytest.mark.parametrize(
    ("attribute", "passes"),
    [
        pytest.param(*rest, id=row, marks=pytest.mark.rule(row))
        for row, *rest in (
            ("face_size_px", "size_px", FROM), ("face_sharpness_milli", "sharpness", FROM),
            ("face_dark_percent", "dark", UP_TO), ("face_bright_percent", "bright", UP_TO),
            ("face_turn_milli", "turn", UP_TO), ("face_roll_deg", "roll_deg", UP_TO),
        )
    ],
)  # fmt: skip
@SIDES
@pytest.mark.parametrize("way", [1, -1])
def test_still_is_enrolled_up_to_its_limits(attribute, passes, side, way):
    """BOX-01: to the left as to the right."""
    value = getattr(POLICY, attribute) + side * (1 if attribute == "size_px" else 1e-6)
    if attribute in ("turn", "roll_deg"):
        value *= way
    assert (fault(GOOD._replace(**{attribute: value}), POLICY) is None) is passes[side + 1]


@pytest.mark.rule("face_margin_milli")
@HAIRS
def test_face_between_two_people_is_nobodys(side):
    """BOX-03"""
    people = {"a": np.stack([at(0.48)] * 3), "b": np.stack([at(-0.48 - POLICY.margin - side * 1e-4)] * 3)}
    [found] = match([at(0)], people, POLICY)
    assert (found.person == "a") is FROM[side + 1]


@pytest.mark.rule("face_distance_milli")
@HAIRS
def test_face_matches_up_to_the_limit(side):
    """BOX-01, ANT-01"""
    [found] = match([at(POLICY.limit + side * 1e-4)], {"p": np.stack([at(0)] * 3)}, POLICY)
    assert (found.person == "p") is UP_TO[side + 1]


@pytest.mark.rule("face_frames_need_count")
@SIDES
def test_so_many_looks_must_agree(side):
    """BOX-01"""
    vote = Vote(POLICY)
    for number in range(POLICY.need_frames + side):
        vote.see("p", number, matched=True)
    assert vote.holds("p", POLICY.need_frames) is FROM[side + 1]


@pytest.mark.rule("face_frames_of_count")
@SIDES
def test_only_the_newest_looks_vote(side):
    """BOX-01: the first of those that agree is pushed out by one miss too many."""
    vote = Vote(POLICY)
    misses = POLICY.of_frames - POLICY.need_frames + side
    for number, matched in enumerate([True, *[False] * misses, *[True] * (POLICY.need_frames - 1)]):
        vote.see("p", number, matched=matched)
    assert vote.holds("p", 100) is UP_TO[side + 1]


@pytest.mark.rule("face_frames_s")
@SIDES
def test_looks_vote_for_so_long(side):
    """BOX-01"""
    vote = Vote(POLICY)
    last_us = round(POLICY.frames_s * 1_000_000) + side
    for at_us in (0, *[last_us] * (POLICY.need_frames - 1)):
        vote.see("p", at_us, matched=True)
    assert vote.holds("p", last_us) is UP_TO[side + 1]


@pytest.mark.rule("face_apart_milli")
@HAIRS
def test_two_stills_are_no_one_picture(side):
    """BOX-01"""
    places = (0, POLICY.apart + side * 1e-5, 0.3)
    stills = [Described(str(place), at(place), GOOD) for place in places]
    with contextlib.nullcontext() if FROM[side + 1] else pytest.raises(EnrolmentRefusedError):
        join(Named(), "p", stills, POLICY, {}, created=0)


def test_pack_whose_vote_cannot_be_won_is_refused():
    """BOX-01"""
    own = rules.SiteRules("own", "gb30871-2022", {"face_frames_of_count": GB.face_frames_of_count}, "0" * 64)
    assert rules.over(GB, own).face_frames_of_count.value == 5
    two = msgspec.structs.replace(GB.face_frames_of_count, value=2)
    with pytest.raises(ContractError, match="face_frames_need_count"):
        rules.over(GB, rules.SiteRules("own", "gb30871-2022", {"face_frames_of_count": two}, "0" * 64))
