"""One of a permit's four: outsiders who are taken for somebody, people who are not taken for themselves."""

import numpy as np
import pytest

from faces.match import match
from tests.bench.face import identify
from tests.bench.face.rule import of_pack


def crowd(count=8, pictures=5, spread=0.02, apart=1.0, seed=3):
    """People each on an axis of their own."""
    chance = np.random.default_rng(seed)
    return {
        f"s{number}": (apart * np.eye(count)[number] + chance.normal(0, spread, (pictures, count))).astype(np.float32)
        for number in range(count)
    }


def asked(people, limit=0.5, margin=0.05, trials=50):
    return identify.figures(identify.run(people, trials, np.random.default_rng(1)), limit, margin)


def test_people_who_lie_apart_are_all_told_apart():
    found = asked(crowd())
    assert (found["fpir"], found["fnir"], found["mistaken"]) == (0, 0, 0)
    assert (found["probes"], found["outsiders"]) == (200, 200)


def test_a_wide_limit_lets_every_outsider_in():
    assert asked(crowd(), limit=5, margin=0)["fpir"] == 1


def test_a_narrow_limit_refuses_everybody():
    found = asked(crowd(), limit=0.001)
    assert (found["fpir"], found["fnir"]) == (0, 1)


def test_a_margin_refuses_a_face_between_two():
    twins = crowd(spread=0.005)
    twins["s1"] = twins["s0"] + np.float32(0.001)
    without, with_margin = asked(twins, margin=0.0, trials=200), asked(twins, trials=200)
    assert without["mistaken"] > 0
    assert with_margin["mistaken"] == 0
    assert with_margin["fnir"] > without["fnir"] - without["mistaken"]


def test_being_taken_for_another_counts_as_missed_too():
    found = asked(crowd(apart=0.01), limit=5, margin=0.0)
    assert found["fnir"] == found["mistaken"] > 0


@pytest.mark.parametrize(("count", "pictures", "says"), [(3, 5, "came 3"), (8, 3, "came 0"), (4, 5, "outsiders")])
def test_too_few_people_or_pictures_are_said(count, pictures, says):
    assert says in identify.why_not(crowd(count, pictures))


def test_the_rule_is_the_boxs_own():
    """BOX-01, BOX-03: every probe is answered as `faces.match` answers it."""
    policy = of_pack().policy
    chance = np.random.default_rng(4)
    places = chance.normal(0, 0.05, (4, 1, 128))
    people = {name: (place + chance.normal(0, 0.02, (3, 128))).astype(np.float32) for name, place in zip("abcd", places, strict=True)}
    far = np.linspace(0, 0.06, 40)[:, None]
    probes = np.concatenate([place + far * chance.normal(0, 1, (40, 128)) for place in places]).astype(np.float32)
    ours = identify._columns([(best, gap, True) for best, gap, _ in identify._answers(probes, list(people.values()))])
    theirs = [match([probe], people, policy)[0].person is not None for probe in probes]
    assert list(ours.accepted(policy.limit, policy.margin)) == theirs
    assert len(set(theirs)) == 2
