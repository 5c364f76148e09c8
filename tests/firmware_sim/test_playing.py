"""Playing scenarios: what a run prints of its steps and at its end; the playing itself is seen by `scenario run`."""

import io

import pytest
from rich.console import Console

from edge.interlock.reasons import CATALOGUE
from firmware_sim.play import crew
from firmware_sim.play.player import Outcome, Played, _named
from firmware_sim.play.running import show_step, table

_HELD = Played(1.0, "expect first_out gas_high", "", "", ok=True, expectation=True, ms=55.0, first_zh="超上限", first_en="over")
_OTHER = Played(1.0, "expect relay open", "", "", ok=False, expectation=True, came="first-out gas_stale co-1 (TRIPPED)")


def _outcome(ok: bool, *steps: Played, error: str = "") -> Outcome:
    return Outcome("door-opens", "门", "door", ("BOX-04",), ok, 3.0, steps, error)


def _printed(*shown: object) -> str:
    console = Console(file=io.StringIO(), width=200)
    for each in shown:
        console.print(each)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("value", "limit", "unit", "said"),
    [("18", "10", "%LEL", "too much 18 %LEL (10)"), ("", "", "", "too much"), ("", "500", "ms", "too much"), ("3", "", "s", "too much 3 s")],
)  # fmt: skip
def test_the_first_out_is_said_with_value_and_limit_where_there_are_some(value: str, limit: str, unit: str, said: str) -> None:
    """BOX-06."""
    assert _named({"en": "too much", "value": value, "limit": limit, "unit": unit}, "en") == said


def test_a_step_that_expected_a_first_out_prints_it_in_both_languages() -> None:
    """BOX-06."""
    console = Console(file=io.StringIO(), width=200)
    show_step(console, _HELD)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert "✔ expect first_out gas_high  55 ms" in lines[0]
    assert lines[1].strip() == "首出 first-out: 超上限 | over"


def test_the_table_says_of_each_failed_one_what_came_instead() -> None:
    failed = _outcome(False, _HELD, _OTHER)
    broken = _outcome(False, error="mending: [the site] has ended")
    text = _printed(table([_outcome(True, _HELD), failed, broken]))
    assert "1/3 · 9 s" in text
    assert "first-out gas_stale co-1 (TRIPPED)" in text
    assert "mending: [the site] has ended" in text
    assert (text.count("✔ 通过 ok"), text.count("✘ 失败 FAILED")) == (1, 2)
    assert _outcome(True, _HELD).why == ""


def test_the_crew_knows_the_words_for_a_clock_that_waits_for_the_key() -> None:
    """BOX-02: a clock that was put right again backwards is accepted by nobody but a person."""
    assert set(CATALOGUE) >= crew._BACK
