"""Some of the shipped scenarios, played as a person plays them; and one that expects too much is told apart."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.edge.eventually import eventually
from tests.leftovers import processes_with

PLAYED = ("gas-at-the-weld", "head-falls-silent", "guardian-walks-away")
_TOO_MUCH = """
title: {zh: 期望过高, en: expects too much}
purpose: {zh: 断开之后仍称放行, en: calls it released after it has opened}
requirements: [BOX-01]
steps:
  - {set: ch4-1 18}
  - expect: {mode: RELEASED, relay: closed, stays: 3 s}
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Run(NamedTuple):
    """How a run ended."""

    code: int
    told: str
    outcomes: list[dict[str, Any]]
    temporary: Path


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """One run of them all."""
    with tempfile.TemporaryDirectory(prefix="hb-played-") as folder:
        temporary, report, mine = Path(folder) / "tmp", Path(folder) / "out.json", Path(folder) / "mine.yaml"
        temporary.mkdir()
        mine.write_text(_TOO_MUCH, encoding="utf-8")
        words = ["scenario", "run", *PLAYED, str(mine), "--again", "1", "--json", str(report)]
        done = subprocess.run(
            [sys.executable, "-c", "from firmware_sim.cli import main; main()", *words],
            env={**os.environ, "TMPDIR": str(temporary), "COLUMNS": "200"}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=280, check=False,
        )  # fmt: skip
        found = json.loads(report.read_text(encoding="utf-8")) if report.exists() else []
        yield Run(done.returncode, done.stdout, found, temporary)


@pytest.mark.parametrize("name", PLAYED)
def test_a_shipped_scenario_holds(run: Run, name: str) -> None:
    """BOX-01, BOX-03, BOX-04, PTW-10, PTW-24."""
    outcome = next((each for each in run.outcomes if each["name"] == name), None)
    assert outcome is not None, run.told
    assert outcome["error"] == ""
    assert [(step["told"], step["came"]) for step in outcome["steps"] if not step["ok"]] == []


def test_the_contacts_own_stamp_is_reported(run: Run) -> None:
    """BOX-04."""
    times = [step["ms"] for outcome in run.outcomes for step in outcome["steps"] if step["ms"] is not None]
    assert times
    assert all(ms > 0 for ms in times)


def test_an_expectation_that_does_not_hold_is_named_with_what_came_and_ends_in_exit_code_1(run: Run) -> None:
    assert run.code == 1
    outcome = run.outcomes[-1]
    assert not outcome["ok"]
    assert outcome["plays"] == 2
    came = outcome["steps"][-1]["came"]
    # The contact is open before the box's status says so.
    assert "contact open" in came or "mode TRIPPED" in came
    assert came.partition(" (")[0] in run.told
    assert f"{len(PLAYED)}/{len(PLAYED) + 1}" in run.told


async def test_no_process_and_no_folder_stays_behind(run: Run) -> None:
    await eventually(lambda: not processes_with(f"TMPDIR={run.temporary}"))
    assert list(run.temporary.iterdir()) == []
