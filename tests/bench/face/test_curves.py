"""Errors at thresholds: counted by hand on a few distances, then against a plain count on many."""

import math

import numpy as np
import pytest

from faces.match import distance
from tests.bench.face import curves


def counted(genuine, impostor):
    curve = curves.Curve()
    curve.add(np.asarray(genuine), np.asarray(impostor))
    return curve


def test_at_a_threshold_whatever_lies_on_it_is_accepted():
    curve = counted([0.2, 0.4, 0.5, 0.7], [0.5, 0.6, 0.8, 0.9])
    assert curve.at(0.5) == (0.25, 0.25)
    assert curve.at(0.4999) == (0.0, 0.5)


def test_fnmr_is_taken_at_the_largest_threshold_that_keeps_the_fmr():
    curve = counted([0.1, 0.3, 0.62, 0.9], np.linspace(0.6, 1.5, 100))
    fnmr, threshold = curve.fnmr_at_fmr(0.01)
    assert fnmr == 0.5
    assert 0.6 <= threshold < 0.61
    assert curve.fnmr_at_fmr(0.001)[1] < 0.6


def test_equal_error_rate_lies_where_the_curves_cross():
    rate, threshold = counted([0.1, 0.2, 0.3, 0.6], [0.4, 0.7, 0.8, 0.9]).eer()
    assert rate == 0.25
    assert 0.4 <= threshold < 0.6


def test_people_who_lie_apart_have_no_error():
    assert counted([0.1, 0.2], [0.8, 0.9]).eer()[0] == 0


def test_without_impostors_nothing_is_said_about_them():
    figures = counted([0.1, 0.2], []).figures(0.5)
    assert (figures["eer"], figures["fmr"], figures["fnmr_at_fmr_1pct"]) == (None, None, None)
    assert figures["fnmr"] == 0


def people(count=6, pictures=5, seed=2):
    chance = np.random.default_rng(seed)
    places = chance.normal(0, 0.1, (count, 1, 16))
    return list((places + chance.normal(0, 0.05, (count, pictures, 16))).astype(np.float32))


def test_every_pair_is_counted_once():
    curve = curves.pairs(people())
    assert int(curve.genuine.sum()) == 6 * 10
    assert int(curve.impostor.sum()) == 15 * 25


def test_pairs_are_what_a_plain_loop_finds():
    everybody = people()
    flat = [(who, vector) for who, own in enumerate(everybody) for vector in own]
    apart = [
        (a == b, float(np.linalg.norm(x - y))) for i, (a, x) in enumerate(flat) for b, y in flat[i + 1 :]
    ]
    fmr, fnmr = curves.pairs(everybody).at(0.45)
    assert fmr == pytest.approx(sum(d <= 0.45 for same, d in apart if not same) / 375)
    assert fnmr == pytest.approx(sum(d > 0.45 for same, d in apart if same) / 60)


def test_blocks_change_nothing(monkeypatch):
    whole = curves.pairs(people())
    monkeypatch.setattr(curves, "_BLOCK", 7)
    assert (curves.pairs(people()).impostor == whole.impostor).all()


def test_three_stills_compare_as_the_box_does():
    """BOX-01: mean of the best two."""
    chance = np.random.default_rng(1)
    template, probes = chance.normal(size=(3, 128)).astype(np.float32), chance.normal(size=(4, 128)).astype(np.float32)
    ours = curves.best_two(probes, template)
    assert ours == pytest.approx([distance(probe, template) for probe in probes], abs=1e-5)


def test_enrolled_people_are_asked_with_their_other_pictures_only():
    curve = curves.enrolled(people(), stills=3, draws=4, chance=np.random.default_rng(1))
    assert int(curve.genuine.sum()) == 4 * 6 * 2
    assert int(curve.impostor.sum()) == 4 * 6 * 2 * 5


def test_whoever_has_three_pictures_is_enrolled_by_them_and_cannot_be_asked():
    assert int(curves.enrolled(people(pictures=3), 3, 2, np.random.default_rng(1)).genuine.sum()) == 0


def test_no_error_in_300_still_means_up_to_one_and_a_quarter_per_cent():
    low, high = curves.interval(0, 300)
    assert low == 0
    assert high == pytest.approx(0.0126, abs=2e-4)


def test_plot_points_rise_and_are_finite():
    points = list(curves.thinned(curves.pairs(people())))
    assert points == sorted(points)
    assert all(math.isfinite(value) for point in points for value in point)
