"""The kernel's bench works: what it measures is an evaluation that holds, one that trips, and a loop that sees the same."""

from pathlib import Path

from tests.bench import kernel


def test_a_handful_of_evaluations_are_measured_in_turns() -> None:
    told: list[tuple[str, int, int]] = []
    found = kernel.run(Path(), 20, lambda *said: told.append(said))
    assert found["trials"] == 20
    assert found["channels"] == 16
    assert 0 < found["bare_median_us"] < found["median_us"]
    assert told[-1] == ("evaluations", 20, 20)
