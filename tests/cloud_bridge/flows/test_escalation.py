"""Real workers, killed at random, and permits that nobody approves; at full size it is `make soak ARGS=escalation`."""

import pytest

from tests.cloud_bridge.flows import escalation, postgres
from tests.cloud_bridge.flows.escalation import Size

SMALL = Size(cases=20, rate=10, hour_s=1.0, workers=1, kill_every_s=(0.8, 2.5), grace_s=8)
MOST_S = 20.0
"""On a machine that runs other tests meanwhile; the soak holds it to 2 s on one that does not."""


@pytest.mark.slow
def test_each_threshold_fires_once_though_workers_are_killed_and_the_definition_changes(tmp_path):
    """PTW-13, PTW-14, PTW-15, on SQLite."""
    figures = escalation.run(tmp_path / "run", SMALL, seed=7)
    assert escalation.problems(figures, SMALL.cases, MOST_S) == [], figures


@pytest.mark.slow
@pytest.mark.skipif(postgres.binaries() is None, reason=postgres.MISSING)
def test_two_workers_share_one_postgresql(tmp_path):
    """PTW-13, PTW-14, PTW-15."""
    pytest.importorskip("psycopg")
    size = Size(cases=20, rate=10, hour_s=1.0, workers=2, kill_every_s=(0.8, 2.5), grace_s=8)
    with postgres.cluster() as database:
        figures = escalation.run(tmp_path / "run", size, seed=7, database=database)
    assert escalation.problems(figures, size.cases, MOST_S) == [], figures


def test_what_is_wrong_is_told():
    """The yardstick itself: each of these alone is a problem."""
    good = {
        "kills": 3, "cases": 20, "frozen": 20, "fires": 60, "fired_twice": 0, "missed": 0, "out_of_order": 0, "early": 0,
        "messages_wrong": 0, "rows_left": 0, "errors": 0, "versions": 2, "by_another_version": 0, "late_max_s": 1.9,
    }  # fmt: skip
    assert escalation.problems(good, 20, 2.0) == []
    for name, value in (("fired_twice", 1), ("missed", 1), ("late_max_s", 2.1), ("kills", 0), ("messages_wrong", 1), ("early", 1), ("out_of_order", 1), ("versions", 1), ("by_another_version", 1)):
        assert len(escalation.problems({**good, name: value}, 20, 2.0)) == 1, name
