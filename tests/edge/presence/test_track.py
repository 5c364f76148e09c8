"""Positions follow each other as a box moves: what jumps or stands still in time proves no place."""

import pytest

from edge.interlock import rules
from edge.presence.fence import Fence
from edge.presence.nmea import Fix
from edge.presence.places import Places, limits
from edge.presence.track import Limits, Track, follow
from tests.edge.presence.box import CENTRE, FENCE, HALF

S = 1_000_000
GB = rules.load("gb30871-2022")
ONE_M = 1 / 110_860
"""Degrees of latitude at 31 degrees north, from the ellipsoid's meridian radius there."""
LIMITS = Limits(15, 5, 10 * S)


def fix(at_s, north_m=0.0, time_s=None):
    return Fix(CENTRE[0] + north_m * ONE_M, CENTRE[1], 1, 9, 0.9, round(at_s * S), at_s if time_s is None else time_s)


def judge(*fixes, by=LIMITS):
    track, answers = Track(), []
    for each in fixes:
        track, why = follow(track, each, by)
        answers.append(why)
    return answers


def test_the_first_fix_and_steady_ones_are_believed():
    assert judge(fix(0), fix(1, 2), fix(2, -3)) == ["", "", ""]


@pytest.mark.parametrize(
    ("field", "row", "clause"),
    [
        ("scatter", GB.position_scatter_m, "policy PTW-04: reflections between vessels"),
        ("speed", GB.position_speed_m_s, "policy PTW-04: a box is carried or wheeled"),
    ],
)
@pytest.mark.parametrize(("more_m", "why"), [(-0.1, ""), (0.1, "jump")])
@pytest.mark.rule("position_scatter_m", "position_speed_m_s")
def test_a_fix_further_than_scatter_and_speed_allow_is_a_jump(field, row, clause, more_m, why):
    """PTW-04: within a second and within ten."""
    seconds = 1 if field == "scatter" else 10
    furthest = GB.position_scatter_m.value + seconds * GB.position_speed_m_s.value
    assert judge(fix(0), fix(seconds, furthest + more_m), by=limits(GB)) == ["", why]
    assert row.clause == clause


@pytest.mark.rule("position_settle_s")
@pytest.mark.parametrize(("us", "why"), [(-1, "jump"), (0, ""), (1, "")])
def test_after_a_jump_the_new_place_counts_once_it_has_stayed(us, why):
    """PTW-04"""
    settle_s = GB.position_settle_s.value
    assert GB.position_settle_s.clause == "policy PTW-04: a place that holds after a jump is believed again"
    last = fix(2 + settle_s + us / S, 101)
    assert judge(fix(0), fix(2, 100), fix(5, 102), last, by=limits(GB)) == ["", "jump", "jump", why]


def test_one_jump_more_begins_the_settling_anew():
    """PTW-04: a receiver that leaps to and fro is never believed."""
    there_and_back = [fix(second, 40 * (second % 2)) for second in range(1, 40)]
    assert judge(fix(0), *there_and_back) == ["", *["jump"] * 39]
    assert judge(fix(0), fix(1, 100), fix(2, 100), fix(12, 100)) == ["", "jump", "jump", ""]
    assert judge(fix(0), fix(1, 100), fix(9, 0), fix(11.5, 0)) == ["", "jump", "jump", "jump"]


def test_the_same_time_told_again_is_frozen_and_changes_nothing():
    """PTW-04: identical position and time; a position alone may well stay the same."""
    assert judge(fix(0), fix(1, 0, 0), fix(2, 0, 0), fix(3, 0, 3)) == ["", "frozen", "frozen", ""]
    assert judge(fix(0), fix(1), fix(2)) == ["", "", ""]
    assert judge(fix(0), fix(1, 500, 0), fix(2, 1)) == ["", "frozen", ""], "a frozen one is not compared with"


@pytest.fixture
def places():
    found = Places(Fence.of(FENCE), GB)
    found.attached = True
    return found


WINDOW_US = GB.position_ttl_s.value * S // 2


def test_a_fix_becomes_evidence_with_its_quality(places):
    """PTW-04, BOX-01"""
    item = places.take(fix(3))
    assert (item.at_us, item.inside, item.fix_quality, item.satellites, item.hdop_centi) == (3 * S, True, 1, 9, 90)
    assert places.heard == 1


def test_outside_is_told_at_once_also_after_a_jump(places):
    """PTW-04: it can only stop work."""
    places.take(fix(0))
    outside = places.take(fix(1, 2 * HALF / ONE_M))
    assert outside is not None
    assert not outside.inside
    assert places.take(fix(2)) is None, "back inside it must stay first"
    assert places.health(2 * S + WINDOW_US) == "jump"


def test_a_frozen_receiver_is_not_even_outside(places):
    places.take(fix(0, 500))
    assert places.take(fix(1, 500, 0)) is None


@pytest.mark.parametrize(("later_us", "health"), [(-1, "ok"), (0, "ok"), (1, "silent")])
def test_a_receiver_is_well_for_half_the_life_of_a_position(places, later_us, health):
    places.take(fix(1))
    assert places.health(1 * S + WINDOW_US + later_us) == health


@pytest.mark.parametrize(("later_us", "health"), [(-1, "void"), (0, "void"), (1, "silent")])
def test_what_was_refused_last_is_said_as_long(places, later_us, health):
    """PTW-04"""
    places.refuse("checksum", 1 * S)
    places.refuse("void", 2 * S)
    assert places.health(2 * S + WINDOW_US + later_us) == health


def test_a_receiver_that_cannot_be_reached_is_absent(places):
    places.take(fix(1))
    places.attached = False
    assert places.health(1 * S) == "absent"
    assert Places(Fence.of(FENCE), GB).health(0) == "absent"
