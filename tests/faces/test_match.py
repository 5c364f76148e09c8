"""Who a face is: by the mean of the best two distances, never two people, never one person twice."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faces.match import Matched, apart, distance
from faces.match import match as match_by
from tests.faces.policies import SHIPPED


def match(faces, people):
    return match_by(faces, people, SHIPPED)


def at(*coordinates):
    vector = np.zeros(128, dtype=np.float32)
    vector[: len(coordinates)] = coordinates
    return vector


def person(*places):
    return np.stack([at(*place) for place in places])


def test_distance_is_the_mean_of_the_best_two():
    """BOX-01"""
    templates = person((0.9,), (0.1,), (0.3,), (0.7,))
    assert distance(at(0), templates) == pytest.approx(0.2)


def test_two_people_lie_as_far_apart_as_the_nearer_side_says():
    """ANT-01: one picture of one of them may lie near the other, and the other's pictures see nothing of it."""
    one, other = person((0,), (0,), (0, 0.2)), person((0.3,), (1.2,), (1.2, 0.1))
    assert min(distance(row, other) for row in one) > 0.7
    assert apart(one, other) == apart(other, one) == pytest.approx(0.3)


@pytest.mark.parametrize(("away", "who"), [(0.49, "p"), (0.51, None)])
def test_face_matches_up_to_the_limit(away, who):
    """BOX-01, ANT-01"""
    [found] = match([at(away)], {"p": person((0,), (0,), (0,))})
    assert found == Matched(who, "p", pytest.approx(away))


@pytest.mark.parametrize("near", [0.0, 0.3, 0.44])
def test_face_that_two_people_fit_is_nobodys(near):
    """BOX-03: else one head could be performer and guardian, the nearer to each as it turns."""
    people = {"a": person((near,)).repeat(3, 0), "b": person((-0.49,)).repeat(3, 0)}
    assert [found.person for found in match([at(0)], people)] == [None]


@pytest.mark.parametrize(("gap", "who"), [(0.04, None), (0.06, "a")])
def test_face_between_two_people_is_nobodys(gap, who):
    """BOX-03"""
    people = {"a": person((0.48,)) .repeat(3, 0), "b": person((-0.48 - gap,)).repeat(3, 0)}
    [found] = match([at(0)], people)
    assert (found.person, found.nearest) == (who, "a")


def test_performer_and_guardian_are_both_found_in_one_frame():
    """BOX-03"""
    people = {"p": person((0,), (0,), (0,)), "g": person((1,), (1,), (1,))}
    assert [found.person for found in match([at(0.9), at(0.1)], people)] == ["g", "p"]


def test_one_face_never_stands_for_two_people():
    """BOX-03: even when both are enrolled with the same pictures."""
    same = person((0,), (0,), (0,))
    assert [found.person for found in match([at(0)], {"p": same, "g": same})] == [None]


def test_of_two_faces_of_one_person_only_the_nearer_counts():
    """BOX-03, ANT-01: a picture held up beside its owner makes nobody a second person."""
    found = match([at(0.3), at(0.1), at(0.2)], {"p": person((0,), (0,), (0,)), "g": person((2,), (2,), (2,))})
    assert [result.person for result in found] == [None, "p", None]


def test_without_templates_nobody_matches():
    """BOX-01"""
    assert match([at(0)], {}) == [Matched(None, "", None)]


def test_broken_vector_matches_nobody():
    people = {"p": person((0,), (0,), (0,))}
    assert match([at(float("nan"))], people) == [Matched(None, "", None)]


vectors = st.lists(st.floats(-1, 1, width=32), min_size=3, max_size=3).map(lambda xs: at(*xs))


@given(st.lists(vectors, max_size=6), st.dictionaries(st.sampled_from("abcd"), st.lists(vectors, min_size=3, max_size=5).map(np.stack)))
def test_assignment_is_one_to_one_and_within_the_limit(faces, people):
    """BOX-03"""
    found = match(faces, people)
    assert len(found) == len(faces)
    given_to = [result.person for result in found if result.person]
    assert len(given_to) == len(set(given_to))
    for face, result in zip(faces, found, strict=True):
        if result.person is None:
            continue
        distances = {name: distance(face, templates) for name, templates in people.items()}
        assert distances[result.person] == min(distances.values()) <= SHIPPED.limit
        others = [value for name, value in distances.items() if name != result.person]
        assert all(value - distances[result.person] >= SHIPPED.margin for value in others)


@given(st.lists(vectors, min_size=2, max_size=4), st.dictionaries(st.sampled_from("abc"), st.lists(vectors, min_size=3, max_size=3).map(np.stack)))
def test_order_of_faces_and_people_does_not_matter(faces, people):
    def by_face(order, names):
        results = match([faces[index] for index in order], {name: people[name] for name in names})
        return {index: (result.person, result.distance) for index, result in zip(order, results, strict=True)}

    first = by_face(range(len(faces)), list(people))
    distances = [distance for _, distance in first.values()]
    if len(set(distances)) < len(distances):
        return  # two equally near faces: either may be it
    for order in itertools.permutations(range(len(faces))):
        assert by_face(order, list(people)[::-1]) == first
