"""`make soak`'s own ways: names, exit codes, the figures it writes down."""

import json
from pathlib import Path

import pytest

from tests import soak
from tests.bench.report import Row
from tests.soak import __main__ as command
from tests.soak import oracles, stall
from tests.soak.outcome import MissingMeansError, Outcome, missed


def _only(monkeypatch: pytest.MonkeyPatch, outcome: Outcome | Exception) -> None:
    def run(folder: Path, seed: int, told: object) -> Outcome:
        assert not list(folder.iterdir())
        told("turns", 1, 2)
        if isinstance(outcome, Exception):
            raise outcome
        return Outcome({**outcome.figures, "seed": seed}, outcome.problems)

    monkeypatch.setattr(command, "SOAKS", {"one": command.Soak("shows something", run)})


def test_each_soak_test_says_what_it_shows() -> None:
    assert {"cuts", "fuse", "fsync", "tamper", "oracles", "speed", "stall"} <= set(command.SOAKS)
    assert all(row.what and (Path(soak.__file__).parent / f"{name}.py").exists() for name, row in command.SOAKS.items())


def test_an_unknown_name_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["rain"])
    assert ended.value.code == 2
    assert "no soak test called rain; there are cuts" in capsys.readouterr().err


def test_figures_are_shown_and_written_down(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _only(monkeypatch, Outcome({"disks": 20_123}, []))
    assert command.main(["--seed", "7", "--json", str(tmp_path / "out.json")]) == 0
    shown = capsys.readouterr().out
    assert "20,123" in shown
    assert "one: ✔" in shown
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert written["seed"] == written["one"]["seed"] == 7
    assert (written["one"]["disks"], written["one"]["problems"]) == (20_123, [])
    assert written["machine"]["cores"] >= 1


def test_a_problem_makes_it_fail(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _only(monkeypatch, Outcome({"disks": 1}, ["seed 7: 3 lost"]))
    assert command.main(["one"]) == 1
    assert "seed 7: 3 lost" in capsys.readouterr().out


def test_missing_means_are_named_with_exit_code_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _only(monkeypatch, MissingMeansError("expected /dev/fuse"))
    assert command.main(["one"]) == 2
    assert "one: not run: expected /dev/fuse" in capsys.readouterr().out


@pytest.mark.parametrize(("problems", "code"), [([], 2), (["seed 7: 3 lost"], 1)])
def test_the_others_run_and_are_written_down_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, problems: list[str], code: int
) -> None:
    """What was lost weighs more than what could not be run."""

    def lacks(folder: Path, seed: int, told: object) -> Outcome:
        raise MissingMeansError("expected /dev/fuse")

    def runs(folder: Path, seed: int, told: object) -> Outcome:
        return Outcome({"disks": 1}, problems)

    monkeypatch.setattr(command, "SOAKS", {"one": command.Soak("lacks something", lacks), "two": command.Soak("runs", runs)})
    assert command.main(["--json", str(tmp_path / "out.json")]) == code
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert written["one"] == {"not_run": "expected /dev/fuse"}
    assert (written["two"]["disks"], written["two"]["problems"]) == (1, problems)


def test_a_target_of_a_bench_that_is_missed_is_a_problem() -> None:
    rows = [Row("rate", 999, None, "/s", 1000, at_least=True), Row("wait", 26, None, "ms", 25), Row("alike", 9, None, "", None)]
    assert missed(rows) == ["rate: expected at least 1000.00 /s, got 999.00", "wait: expected at most 25.00 ms, got 26.00"]


STALLED = {
    "stalled_decision_median_ms": 0.3, "stalled_decision_p99_ms": 5.9, "writing_decision_median_ms": 0.3, "writing_decision_p99_ms": 1.0,
    "stalled_trip_median_ms": 9.0, "stalled_trip_p99_ms": 25.0, "writing_trip_median_ms": 9.0, "writing_trip_p99_ms": 20.0,
    "late_trip_ms": 5200.0, "late_limit_ms": 5500.0, "late_first_out": "audit_late", "recorded_trips": 201, "recorded_last": "audit_late",
    "trials": 100, "trials_writing": 100, "spurious_trips": 0,
}  # fmt: skip


@pytest.mark.parametrize(("change", "problem"), [
    ({"stalled_decision_p99_ms": 6.1}, "decision, p99: expected at most 6.00 ms"),
    ({"stalled_trip_p99_ms": 25.1}, "crossing to open contact, p99: expected at most 25.00 ms"),
    ({"late_trip_ms": 5501.0}, "stalled for good while released"),
    ({"spurious_trips": 1}, "trips that nobody asked for"),
    ({"trials": 99}, "trials: expected at least 100, got 99"),
    ({"trials_writing": 99}, "trials_writing: expected at least 100, got 99"),
    ({"late_first_out": "gas_high", "recorded_last": "gas_high"}, "expected the log as first cause"),
    ({"recorded_last": "gas_high"}, "the last by gas_high"),
    ({"recorded_trips": 199}, "expected more than 200 trips in the log"),
])  # fmt: skip
def test_a_stall_that_delays_a_trip_is_a_problem(change: dict[str, object], problem: str) -> None:
    """BOX-01: each of these alone, one step beyond what is let pass."""
    assert stall.problems(STALLED, 100) == []
    found = stall.problems(STALLED | change, 100)
    assert len(found) == 1
    assert problem in found[0]


def test_oracles_are_asked_and_their_difference_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ANT-09, at a hundredth of its size."""

    def small(name: str) -> Outcome:
        (tmp_path / name).mkdir()
        return oracles.run(tmp_path / name, 7, lambda *_: None, leaves=200, proofs=200, objects=200)

    found = small("same")
    assert (found.problems, found.figures["proofs"]) == ([], 200)
    assert found.figures["objects"] >= 200
    monkeypatch.setattr(oracles, "is_canonical", lambda *_: False)
    monkeypatch.setattr(oracles.Trees, "differs", lambda *_: "root of 3")
    problems = small("other").problems
    assert problems[0] == "pymerkle differs: root of 3"
