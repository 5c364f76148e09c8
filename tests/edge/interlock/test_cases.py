"""Recorded traces go through the kernel, and what it decides is what was written down and read (tests/cases)."""

import pytest

from contracts.errors import ContractError
from tests.cases.case import HERE, Case, load, names, seconds
from tests.cases.play import play

NAMED = (
    "guardian-leaves", "two-of-three-with-one-dead", "over-range-then-falling", "clock-set-back",
    "wake-after-70-min", "permit-for-another-box", "face-from-a-cache", "arm-while-the-disk-stalls",
)  # fmt: skip


@pytest.mark.parametrize("name", names())
def test_a_recorded_trace_is_decided_as_expected(name: str) -> None:
    """Every decision on the way is made again from its record, too (KPI-16): the bench sees to that."""
    expected = (HERE / name / "expected.txt").read_text(encoding="utf-8")
    assert play(load(name)) == expected, f"read it, then: python -m tests.cases record {name}"


def test_the_cases_are_there_and_each_says_why() -> None:
    assert len(names()) >= 25
    assert set(NAMED) <= set(names())
    for name in names():
        case = load(name)
        assert case.what
        assert case.why
    folders = {path.name for path in HERE.iterdir() if path.is_dir() and not path.name.startswith("__")}
    assert folders == set(names())


def test_a_time_and_a_verb_that_are_none_are_refused() -> None:
    assert seconds("1h10min0.5s") == 4200.5
    assert seconds("2d") == 172800
    with pytest.raises(ContractError):
        seconds("soon")
    with pytest.raises(ValueError, match="expected one of answers, badge"):
        play(Case("", "", ({"at": "1s", "pray": True},), "2s"))
    with pytest.raises(ValueError, match="power_on, ready or released"):
        play(Case("", "", (), "2s", start="closed"))
