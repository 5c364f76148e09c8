"""Nothing is lost and nothing is double at the bridge, whatever dies on the way; both sides are counted."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from firmware_sim.demo.processes import code
from firmware_sim.demo.stage import BOX, Stage
from tests.scenarios import both_sides, kills, units
from tests.scenarios.both_sides import Leaf

KILLS = 20
"""Of each kind; all kinds at the same time."""
SUPERVISED = 5
"""One of each kind: what dies young again and again is left alone for a while."""
SEED = 20

pytestmark = [pytest.mark.slow, pytest.mark.timeout(360)]
Run = tuple[Stage, kills.Supervised | units.Killer]


@pytest.fixture(scope="module", params=["units", "supervised"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The whole site through its kills, recovered."""
    directory = tmp_path_factory.mktemp("kills") / "stage"
    if request.param == "units":
        with kills.units_set(directory) as stage:
            yield stage, kills.run_units(stage, KILLS, random.Random(SEED))
    else:
        with kills.stage_set(directory) as stage:
            yield stage, kills.run_supervised(stage, SUPERVISED, random.Random(SEED))


def _bridge_db(stage: Stage) -> Path:
    return stage.bridge_dir / "bridge.db"


def test_every_kind_of_process_was_killed_and_often_while_it_worked(run: Run):
    """BOX-05, ANT-10: twenty times broker, ingest, link and interlock; once each with the supervisors that bring them back."""
    stage, killer = run
    by_itself = isinstance(stage, units.Units)
    kinds, each = (units.KINDS, KILLS) if by_itself else (kills.KINDS, SUPERVISED // len(kills.KINDS))
    assert killer.killed == dict.fromkeys(kinds, each)
    # On a machine with other work too some never get up between two kills: those count as kills, not as these.
    assert all(4 * killer.at_work[kind] >= each for kind in kinds), killer.at_work


def test_bridge_holds_every_event_of_the_box_once_with_the_same_bytes(run: Run):
    """BOX-05, ANT-10."""
    stage, _ = run
    box = both_sides.box_leaves(kills.log_file(stage))
    bridge = both_sides.bridge_leaves(_bridge_db(stage), BOX)
    assert both_sides.differences(box, bridge) == []
    assert len(box) == len(bridge)


def test_bridge_stored_every_event_in_the_order_of_the_box(run: Run):
    """BOX-05, ANT-10."""
    stage, _ = run
    assert both_sides.disorder(_bridge_db(stage), BOX) == []


def test_bridge_has_no_doubt_about_the_box(run: Run):
    """BOX-05, ANT-10: no fork, no broken chain, no alarm that the log does not prove, nothing refused."""
    stage, _ = run
    assert both_sides.bridge_doubts(_bridge_db(stage), BOX) == []


def test_both_sides_verify_and_are_witnessed_to_the_end(run: Run):
    """BOX-05, ANT-10."""
    stage, _ = run
    for argv, env in (
        (["hotbox", "-c", str(stage.config), "audit", "verify"], {}),
        (["hotbox-bridge", "audit", "verify", BOX], stage.env),
    ):
        number, text = code(argv, env)
        assert number == 0, text


def test_the_kills_came_while_there_was_something_to_lose(run: Run):
    """BOX-05, ANT-10: enough was recorded, and each interlock's unclean end is told by the next start."""
    stage, killer = run
    leaves = both_sides.box_leaves(kills.log_file(stage))
    assert kills.too_little(leaves, killer) == []
    assert len(kills.too_little([], killer)) == 2, "the check can fail"


def test_comparison_finds_a_removed_and_a_changed_row(run: Run, tmp_path: Path):
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


def test_order_notices_two_rows_that_changed_places(run: Run, tmp_path: Path):
    """The order above can fail: shown on a copy in which one row was stored again, later, as it is."""
    stage, _ = run
    damaged = tmp_path / "damaged.db"
    with closing(sqlite3.connect(_bridge_db(stage))) as source, closing(sqlite3.connect(damaged)) as copy:
        source.backup(copy)
        copy.execute("UPDATE boxes_event SET id = (SELECT max(id) + 1 FROM boxes_event) WHERE seq = 7")
        copy.commit()
        (last,) = copy.execute("SELECT max(seq) FROM boxes_event").fetchone()
    assert both_sides.differences(both_sides.box_leaves(kills.log_file(stage)), both_sides.bridge_leaves(damaged, BOX)) == []
    assert both_sides.disorder(damaged, BOX) == ["1/8 was stored after 1/6", f"1/7 was stored after 1/{last}"]


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
