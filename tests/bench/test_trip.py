"""The bench itself works: a handful of whole cycles, every stamp in its order. Figures are for `make bench`."""

import random
from pathlib import Path

from tests.bench import trip
from tests.bench.plant import Plant

TRIALS = 10


def test_every_trial_of_interlock_and_bare_loop_is_a_trip_that_its_crossing_caused(tmp_path: Path) -> None:
    """BOX-01: gas opens the relay; the box is released again after clean air, gas test, reset and arm."""
    with Plant(tmp_path, trip.UNITS) as plant:
        bench = trip.Bench(plant, tmp_path, random.Random(1), lambda *_: None)
        ours, theirs = trip.compare(bench, TRIALS)
    assert len(ours.trials) + ours.spurious == TRIALS
    assert ours.trials
    assert len(theirs.trials) == TRIALS


def test_a_dead_head_of_a_healthy_vote_neither_trips_nor_hinders_the_others(tmp_path: Path) -> None:
    """BOX-01: with one of 2oo3 dead the box releases, and the heads outside the group still trip it."""
    with Plant(tmp_path, trip.UNITS) as plant:
        bench = trip.Bench(plant, tmp_path, random.Random(1), lambda *_: None)
        healthy, dead, timeout_ms = trip.isolate(bench, TRIALS)
    assert timeout_ms > 0
    assert len(healthy.trials) + healthy.spurious == TRIALS
    assert len(dead.trials) + dead.spurious == TRIALS
    assert dead.trials
