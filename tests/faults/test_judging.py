"""What a run of the matrix makes of its runs, and that results of another source are not gone on with."""

import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.bench.plant import LateError
from tests.faults import __main__ as command
from tests.faults.lane import DisturbedError, Measured, OtherError
from tests.faults.limits import Limit
from tests.faults.matrix import Result, Work, _measure
from tests.faults.page import page
from tests.faults.rows import ROWS, Row
from tests.faults.source import checked_out

ROW = next(row for row in ROWS if row.name == "ch4-1 silent")._replace(limit=lambda _: Limit(500.0, (("all", 500.0),)))


class Played:
    """A lane whose runs end as they are told to."""

    limits = None

    def __init__(self, *ends: Measured | LateError) -> None:
        self._ends = list(ends)
        self.whole: list[bool] = []

    def run(self, row: Row, released: bool, *, whole: bool) -> Measured:
        del row, released
        self.whole.append(whole)
        end = self._ends.pop(0) if len(self._ends) > 1 else self._ends[0]
        if isinstance(end, LateError):
            raise end
        return end


GOOD = Measured(300.0, "gas_stale ch4-1")
OTHER = OtherError("ch4-1 silent: opened by deadman_silent", "deadman_silent")


def measured(lane: Any, runs: int = 20) -> Result:
    return _measure(lane, Work(ROW, "RELEASED"), runs)


def test_one_run_in_ten_may_be_opened_by_what_the_fault_does_not_reach_and_is_named() -> None:
    """BOX-04: a busy machine is late, too; but what opens it more often than that is no accident."""
    few = measured(Played(OTHER, OTHER, GOOD))
    assert few.safe
    assert few.runs == len(few.times_ms) == 20
    assert few.others == ["deadman_silent", "deadman_silent"]
    assert "✔ safe (2 opened by deadman_silent, made again)" in page([few], "")
    many = measured(Played(OTHER, OTHER, OTHER, GOOD))
    assert not many.safe


def test_a_run_that_was_not_so_far_before_the_fault_is_made_again() -> None:
    found = measured(Played(DisturbedError("before"), GOOD))
    assert found.safe
    assert (found.runs, found.disturbed, len(found.times_ms)) == (20, 1, 20)


def test_every_name_that_came_is_kept() -> None:
    """BOX-06: not the last one alone."""
    found = measured(Played(GOOD, Measured(310.0, "gas_fault ch4-1"), GOOD))
    assert found.named == "gas_stale ch4-1; gas_fault ch4-1"


def test_a_refused_release_is_watched_to_its_end_in_every_fourth_run() -> None:
    lane = Played(GOOD)
    measured(lane, 8)
    assert lane.whole == [True, False, False, False, True, False, False, False]


def test_what_was_unsafe_before_stays_on_the_page() -> None:
    again = Result("ch4-1", "silent", "RELEASED", "opens", "", "", runs=20, before=["900 ms, allowed 500 ms"])
    text = page([again], "")
    assert "Unsafe at a first try, and tried again: 1;" in text
    assert "✔ safe (1 unsafe before, first: 900 ms, allowed 500 ms)" in text


def test_results_of_another_commit_are_not_gone_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "kept.json"
    kept.write_bytes(msgspec.json.encode(command._Kept(1, [], "commit 000000000000, clean")))
    assert command.main(["--only", "ch4-1 silent", "--resume", str(kept)]) == 2
    assert "commit 000000000000, clean" in " ".join(capsys.readouterr().out.split())


def test_a_row_that_another_commit_ran_than_most_says_so() -> None:
    one, other = (Result("ch4-1", fault, "LOCKED", "refused", "", "", runs=20, source="commit a, clean") for fault in ("silent", "late"))
    again = Result("k2", "chatter", "LOCKED", "fails", "", "", runs=20, source="commit b, clean")
    text = page([one, other, again], "")
    assert "Source: commit a, clean (2 rows); commit b, clean (1 rows)" in text
    rows = [line for line in text.splitlines() if line.startswith(("| ch4-1", "| k2"))]
    assert [line.endswith("✔ safe (commit b, clean) |") for line in rows] == [False, False, True]
    assert "(2 rows)" not in page([one, other], "")


def test_the_source_is_the_commit_and_what_was_changed_of_it(tmp_path: Path) -> None:
    """Two trees that were changed differently are two sources; files that no run is made of change nothing."""
    assert not checked_out(tmp_path).known
    name = ["-c", "user.name=n", "-c", "user.email=n@example.org"]

    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *name, *words], check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge" / "a.py").write_text("1\n")
    for folder in ("configs", "contracts", "firmware_sim", "tests"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "kept").write_text("")
    git("add", "-A")
    git("commit", "-qm", "a")
    clean = checked_out(tmp_path)
    assert clean.known
    assert clean.text.endswith(", clean")
    (tmp_path / "kept.json").write_text("{}")
    assert checked_out(tmp_path) == clean
    (tmp_path / "edge" / "a.py").write_text("2\n")
    one = checked_out(tmp_path)
    (tmp_path / "edge" / "b.py").write_text("3\n")
    assert len({clean, one, checked_out(tmp_path)}) == 3
