"""Scenario files: the shipped ones can be played; a wrong one says what was expected, what came and where."""

from pathlib import Path

import msgspec
import pytest
import yaml
from typer.testing import CliRunner

from edge.interlock.reasons import CATALOGUE
from firmware_sim import cli
from firmware_sim.errors import SimulationError
from firmware_sim.scenario import Scenario, Step, load, names, problems, seconds
from firmware_sim.scenario_cli import box_codes

LEAST = 30
_GOOD = """
title: {zh: 一, en: one}
purpose: {zh: 为何, en: why}
requirements: [BOX-01]
steps:
  - {at: 1 s, set: ch4-1 18}
  - expect: {mode: TRIPPED, first_out: gas_high ch4-1, relay: open, within: 500 ms}
"""


def _file(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_thirty_scenarios_and_more_are_shipped() -> None:
    """INT-10."""
    assert len(names()) >= LEAST


@pytest.mark.parametrize("name", names())
def test_a_shipped_scenario_can_be_played_and_says_what_it_is_for(name: str) -> None:
    scenario = load(name)
    assert problems(scenario, CATALOGUE) == []
    assert scenario.purpose.zh
    assert scenario.purpose.en
    assert any(step.expect is not None and (step.expect.relay or step.expect.missing) for step in scenario.steps)
    for step in scenario.steps:
        assert step.told()
        assert step.expect is not None or (step.words()[0] in ("set", "press", "fault", "hotbox"))


def test_no_two_scenarios_have_one_title() -> None:
    titles = [load(name).title for name in names()]
    assert len({title.zh for title in titles}) == len({title.en for title in titles}) == len(titles)


def test_a_good_file_is_read(tmp_path: Path) -> None:
    scenario = load(_file(tmp_path, _GOOD))
    assert scenario.start == "RELEASED"
    assert [step.told() for step in scenario.steps] == [
        "set ch4-1 18", "expect mode TRIPPED, relay open, first_out gas_high ch4-1, within 500 ms",
    ]  # fmt: skip
    assert scenario.steps[0].words() == ("set", "ch4-1", "18")
    assert Step(badge="guardian away").words() == ("set", "badge", "guardian", "away")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("mode: TRIPPED", "mode: SHUT", r"step 2: mode: expected LOCKED, .*; got 'SHUT'"),
        ("relay: open", "relay: shut", "relay: expected open or closed; got 'shut'"),
        ("gas_high ch4-1", "gas_hi ch4-1", "a code that the box knows .*; got 'gas_hi'"),
        ("within: 500 ms", "within: soon", "expected a time such as 500 ms, 2 s or 1.5 min, got 'soon'"),
        ("at: 1 s, set: ch4-1 18", "at: 1 s", "step 1 .at 1 s.: expected one of set, press, fault, .*; got none"),
        ("set: ch4-1 18", "set: ch4-1 18, press: arm", "got set, press; write one step for each"),
        ("set: ch4-1 18", "press: go", "press: expected arm, stop, finish, reset; got 'go'"),
        ("set: ch4-1 18", "fault: deadman deaf", "fault deadman: expected none, reboot, .*; got 'deaf'"),
        ("set: ch4-1 18", "fault: ch4-1 melted", "fault ch4-1: expected none, silent, .*; got 'melted'"),
        ("set: ch4-1 18", "set: ch4-1 18, zh: 只有中文", "in both languages, zh and en; got one"),
        ("[BOX-01]", "[box 1]", "requirements: expected ids such as BOX-04, got 'box 1'"),
        ("[BOX-01]", "[]", "requirements"),
        ("{zh: 一, en: one}", "{zh: 一}", "en"),
        ("steps:", "step:", "step"),
        ("  - expect: {mode: TRIPPED, first_out: gas_high ch4-1, relay: open, within: 500 ms}", "", "at least one `expect`"),
        ("  - expect: {mode: TRIPPED, first_out: gas_high ch4-1, relay: open, within: 500 ms}",
         "  - expect: {within: 1 s}", "something to look for"),
        ("  - expect: {mode", "  - {at: 0.5 s, press: arm}\n  - expect: {mode", "not before 1 s; put the steps in order"),
    ],
)  # fmt: skip
def test_a_wrong_file_names_what_is_wrong(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in _GOOD
    with pytest.raises(SimulationError, match=said):
        load(_file(tmp_path, _GOOD.replace(old, new)), CATALOGUE)


def test_an_unknown_name_lists_the_known_ones_and_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match="gas-at-the-weld"):
        load("nothing")
    with pytest.raises(SimulationError, match=r"nothing\.yaml"):
        load(str(tmp_path / "nothing.yaml"))


@pytest.mark.parametrize(("text", "value"), [("500 ms", 0.5), ("2 s", 2), ("1.5 min", 90), ("3s", 3)])
def test_times_are_read_as_people_write_them(text: str, value: float) -> None:
    assert seconds(text) == value


def test_scenarios_are_listed_and_checked(tmp_path: Path) -> None:
    listed = CliRunner().invoke(cli.app, ["scenario", "list"], catch_exceptions=False)
    assert listed.exit_code == 0
    assert len(listed.output.splitlines()) == len(names())
    checked = CliRunner().invoke(cli.app, ["scenario", "check", _file(tmp_path, _GOOD)], catch_exceptions=False)
    assert checked.output.endswith("2 steps, ok\n")
    with pytest.raises(SimulationError, match="--all"):
        CliRunner().invoke(cli.app, ["scenario", "run"], catch_exceptions=False)
    with pytest.raises(SimulationError, match="expected both --dir SITE and --box CONFIG"):
        CliRunner().invoke(cli.app, ["scenario", "run", names()[0], "--dir", "/nowhere"], catch_exceptions=False)


def test_every_step_is_yaml_that_people_can_write() -> None:
    """Round trip: what is read is what was meant."""
    scenario = msgspec.convert(yaml.safe_load(_GOOD), Scenario)
    assert scenario == msgspec.yaml.decode(_GOOD.encode(), type=Scenario)


def test_the_codes_are_those_of_the_box() -> None:
    assert box_codes() == set(CATALOGUE)
