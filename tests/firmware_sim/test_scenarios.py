"""Scenarios: the shipped ones are understood by the real site; wrong files say what is wrong."""

from pathlib import Path

import pytest

from firmware_sim.client import Site
from firmware_sim.errors import SimulationError
from firmware_sim.scenario import Step, load, names, play


@pytest.mark.parametrize("name", names())
def test_the_site_understands_every_line_of_a_shipped_scenario(site: Site, name: str) -> None:
    """Played with a clock that jumps; both languages tell every scenario."""
    scenario = load(name)
    assert scenario.zh
    assert scenario.en
    now_s = [0.0]

    def wait(seconds: float) -> None:
        now_s[0] += seconds

    told: list[tuple[float, Step]] = []
    play(scenario, site, lambda step: told.append((now_s[0], step)), clock=lambda: now_s[0], wait=wait)
    assert [step for _, step in told] == list(scenario.steps)
    assert [at_s for at_s, _ in told] == [step.at_s for step in scenario.steps]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{zh: a, en: b, steps: []}", "steps"),
        ("{zh: a, en: b, steps: [{at_s: 0, do: state}]}", "set, press, fault"),
        ("{zh: a, en: b, steps: [{at_s: 0, do: ''}]}", "set, press, fault"),
        ("{zh: a, en: b, steps: [{at_s: 2, do: press arm}, {at_s: 1, do: press stop}]}", "order"),
        ("{zh: a, steps: [{at_s: 0, do: press arm}]}", "en"),
    ],
)
def test_a_wrong_file_names_what_is_wrong(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(SimulationError, match=named):
        load(str(path))


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(SimulationError, match="crew-at-work"):
        load("nothing")
