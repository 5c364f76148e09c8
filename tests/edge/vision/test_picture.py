"""Living and dead pictures: frozen, black, covered, looping, each found within two seconds at five pictures a second."""

import pytest

from edge.vision.picture import (
    BLACK_MEAN,
    DARK_S,
    FEWEST_FIELDS,
    FIELDS,
    FROZEN_S,
    LOOP_PICTURES,
    REMEMBERED,
    Health,
    Light,
    PictureJudge,
    digest,
)

GOOD = Light(100, 40)
BLACK = Light(0, 0)
COVERED = Light(40, 2)
EVERY_S = 0.2
SLOWEST_S = 2.0


class Played:
    """A judge with a clock that goes on by a fifth of a second at each picture."""

    def __init__(self):
        self.judge = PictureJudge()
        self.now_s = 0.0
        self.number = 0

    def show(self, what=GOOD, pixels=None, encoded=None):
        self.now_s += EVERY_S
        self.number += 1
        fresh = str(self.number).encode()
        self.judge.pass_by(fresh if encoded is None else encoded)
        self.judge.see(fresh if pixels is None else pixels, what, self.now_s)
        return self.judge.health(self.now_s)

    def seconds_until(self, health, **picture):
        began_s = self.now_s
        while self.show(**picture) is not health:
            assert self.now_s - began_s < 10, f"never {health}"
        return self.now_s - began_s


@pytest.fixture
def played():
    live = Played()
    for _ in range(50):
        assert live.show() is Health.OK
    return live


@pytest.mark.parametrize(
    ("health", "picture"),
    [(Health.FROZEN, {"pixels": b"same", "encoded": b"same"}), (Health.FROZEN, {"pixels": b"same"}),
     (Health.BLACK, {"what": BLACK}), (Health.BLACK, {"what": BLACK, "pixels": b"same"}),
     (Health.COVERED, {"what": COVERED})],
    ids=["frozen", "frozen behind a running clock", "black", "black and frozen", "covered"],
)  # fmt: skip
def test_fault_is_found_within_two_seconds_and_forgotten_when_it_is_over(played, health, picture):
    """BOX-01, ANT-01"""
    assert played.seconds_until(health, **picture) <= SLOWEST_S
    assert played.seconds_until(Health.OK) <= SLOWEST_S


@pytest.mark.parametrize("period", [2, 5, 20, 49])
def test_recording_is_found_as_soon_as_it_repeats_and_forgotten_when_it_is_over(period):
    """ANT-01"""
    played = Played()
    for number in range(50):
        played.show(encoded=b"e%d" % number, pixels=b"p%d" % number)
    began_s = played.now_s
    number = 50 - period
    while played.show(encoded=b"e%d" % number, pixels=b"p%d" % number) is not Health.LOOPING:
        number = 50 - period + (number + 1 - 50 + period) % period
        assert played.now_s - began_s < SLOWEST_S
    assert played.seconds_until(Health.OK) <= SLOWEST_S


def test_recording_whose_bytes_are_new_each_time_is_found_by_its_pixels():
    """ANT-01: a camera may write the time into each picture's head."""
    played = Played()
    seen = [played.show(pixels=b"p%d" % (number % 10)) for number in range(30)]
    assert seen[9 + LOOP_PICTURES] is Health.LOOPING
    assert seen[9] is Health.OK


def test_recording_with_a_live_picture_now_and_then_stays_one(played):
    """ANT-01"""
    for number in range(60):
        played.show(pixels=b"p%d" % (number % 10), encoded=b"e%d" % (number % 10))
    for number in range(60):
        fresh = number % LOOP_PICTURES == 0
        again = {} if fresh else {"pixels": b"p%d" % (number % 10), "encoded": b"e%d" % (number % 10)}
        assert played.show(**again) is Health.LOOPING


def test_camera_that_shows_each_picture_twice_is_live():
    played = Played()
    for number in range(60):
        assert played.show(pixels=b"%d" % (number // 2), encoded=b"%d" % (number // 2)) is Health.OK


def test_what_is_remembered_is_bounded():
    judge = PictureJudge()
    for number in range(3 * REMEMBERED):
        judge.pass_by(b"%d" % number)
    assert len(judge._encoded._order) == REMEMBERED


@pytest.mark.parametrize(("seconds", "health"), [(FROZEN_S - 0.01, Health.OK), (FROZEN_S, Health.FROZEN)])
def test_picture_may_stand_still_for_so_long(seconds, health):
    judge = PictureJudge()
    judge.see(b"a", GOOD, 10.0)
    assert judge.health(10.0 + seconds) is health


@pytest.mark.parametrize(
    ("what", "health"),
    [(Light(BLACK_MEAN - 0.1, FIELDS), Health.BLACK), (Light(BLACK_MEAN, FIELDS), Health.OK),
     (Light(BLACK_MEAN, FEWEST_FIELDS - 1), Health.COVERED), (Light(BLACK_MEAN, FEWEST_FIELDS), Health.OK),
     (Light(71, 0), Health.COVERED), (Light(200, FEWEST_FIELDS - 1), Health.COVERED),
     (Light(200, FEWEST_FIELDS), Health.OK), (Light(255, 0), Health.COVERED)],
)  # fmt: skip
def test_dark_is_told_by_brightness_and_covered_by_the_lack_of_edges(what, health):
    judge = PictureJudge()
    judge.see(b"a", what, 10.0)
    assert judge.health(10.0 + DARK_S - 0.01) is Health.OK
    judge.see(b"b", what, 10.0 + DARK_S)
    assert judge.health(10.0 + DARK_S) is health


def test_nothing_was_shown_yet_is_no_picture():
    assert PictureJudge().health(100.0) is Health.FROZEN


def test_digest_tells_pictures_apart():
    assert digest(b"a") != digest(b"b")
    assert len(digest(b"a")) == 16
