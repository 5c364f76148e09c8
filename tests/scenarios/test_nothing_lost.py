"""Nothing is lost and nothing is double at the bridge, whatever dies on the way; both sides are counted."""

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from firmware_sim.demo.processes import code
from firmware_sim.demo.stage import BOX, Stage
from tests.scenarios import both_sides, kills
from tests.scenarios.both_sides import Leaf

KILLS = 20
SEED = 20

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, kills.Killer]]:
    """The whole site through 20 random kills, recovered."""
    with kills.stage_set(tmp_path_factory.mktemp("kills") / "stage") as stage:
        yield stage, kills.run(stage, KILLS, random.Random(SEED))


def _bridge_db(stage: Stage) -> Path:
    return stage.bridge_dir / "bridge.db"


def test_every_kind_of_process_was_killed_several_times(run):
    """BOX-05, ANT-10."""
    _, killer = run
    assert killer.killed.total() == KILLS
    assert set(killer.killed) == set(kills.KINDS)
    assert min(killer.killed.values()) >= 3


def test_bridge_holds_every_event_of_the_box_once_with_the_same_bytes(run):
    """BOX-05, ANT-10."""
    stage, _ = run
    box = both_sides.box_leaves(kills.log_file(stage))
    bridge = both_sides.bridge_leaves(_bridge_db(stage), BOX)
    assert len(box) >= 3 * KILLS, "too little was recorded for the kills to matter"
    assert both_sides.differences(box, bridge) == []
    assert len(box) == len(bridge)


def test_bridge_has_no_doubt_about_the_box(run):
    """BOX-05, ANT-10: no fork, no broken chain, no alarm that the log does not prove, nothing refused."""
    stage, _ = run
    assert both_sides.bridge_doubts(_bridge_db(stage), BOX) == []


def test_both_sides_verify_and_are_witnessed_to_the_end(run):
    """BOX-05, ANT-10."""
    stage, _ = run
    for argv, env in (
        (["hotbox", "-c", str(stage.config), "audit", "verify"], {}),
        (["hotbox-bridge", "audit", "verify", BOX], stage.env),
    ):
        number, text = code(argv, env)
        assert number == 0, text


def test_each_interlock_that_was_killed_left_its_mark_in_the_log(run):
    """BOX-05, ANT-10: an unclean end is recorded by the next start."""
    stage, killer = run
    events = [json.loads(leaf.body) for leaf in both_sides.box_leaves(kills.log_file(stage))]
    boots = [event["data"]["clean"] for event in events if event["type"] == "system.boot"]
    assert boots.count(False) == killer.killed["interlock"]


def test_comparison_finds_a_removed_and_a_changed_row(run, tmp_path):
    """The count above can fail: shown on a damaged copy of the bridge's own database."""
    stage, _ = run
    damaged = tmp_path / "damaged.db"
    with closing(sqlite3.connect(_bridge_db(stage))) as source, closing(sqlite3.connect(damaged)) as copy:
        source.backup(copy)
        copy.execute("DELETE FROM boxes_event WHERE seq = 7")
        (body,) = copy.execute("SELECT leaf FROM boxes_event WHERE seq = 11").fetchone()
        copy.execute("UPDATE boxes_event SET leaf = ? WHERE seq = 11", (body[:-2] + bytes([body[-2] ^ 1]) + body[-1:],))
        copy.commit()
    found = both_sides.differences(both_sides.box_leaves(kills.log_file(stage)), both_sides.bridge_leaves(damaged, BOX))
    assert found == ["1/11 has other bytes at the bridge", "1/7 is not at the bridge"]


TWO = [Leaf(1, 0, b"a"), Leaf(1, 1, b"b")]


@pytest.mark.parametrize(
    ("bridge", "finding"),
    [
        ([*TWO, TWO[1]], "1/1 is 2 times at the bridge"),
        ([*TWO, Leaf(1, 2, b"c")], "1/2 is only at the bridge"),
        ([*TWO, Leaf(2, 0, b"a")], "2/0 is only at the bridge"),
    ],
)
def test_comparison_finds_double_and_foreign_rows(bridge, finding):
    """The count above can fail for what no database with its constraints would hold."""
    assert both_sides.differences(TWO, TWO) == []
    assert both_sides.differences(TWO, bridge) == [finding]


def test_comparison_finds_a_gap_that_both_sides_share():
    """A leaf missing on both sides is lost, too."""
    assert both_sides.differences([TWO[0], Leaf(1, 2, b"c")], [TWO[0], Leaf(1, 2, b"c")]) == [
        "the box's log 1 has a gap"
    ]
