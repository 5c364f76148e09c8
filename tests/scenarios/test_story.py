"""`make demo` as a person runs it: every step passes, the times hold, and nothing stays behind."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from contracts.events import check
from contracts.runs import End, GapKind
from contracts.trace import trace
from edge.audit.reader import Reader
from edge.audit.traced import leaves
from edge.cli.decisions import Decisions
from edge.cli.explaining import explained
from tests.contracts.run_log import CONTROLS, no_end, without
from tests.edge.eventually import eventually
from tests.leftovers import processes_with

ROOT = Path(__file__).parents[2]
STEPS = 16
OPEN_MS = 200 + 5  # the dead-man's time and one tick of its controller
SILENT_MS = 500

pytestmark = [pytest.mark.slow, pytest.mark.timeout(540)]


class Played(NamedTuple):
    """How a run of the story ended."""

    code: int
    told: str
    report: dict[str, Any]
    temporary: Path
    site: Path


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    """One run. Its temporary folder is known by TMPDIR, which every process that it starts inherits."""
    with tempfile.TemporaryDirectory(prefix="hb-story-") as folder:
        temporary, report, site = Path(folder) / "tmp", Path(folder) / "out.json", Path(folder) / "site"
        temporary.mkdir()
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HOTBOX_", "DJANGO_"))}
        done = subprocess.run(
            [sys.executable, "-m", "firmware_sim.demo", "--once", "--json", str(report), "--dir", str(site)],
            cwd=ROOT,
            env={**kept, "TMPDIR": str(temporary)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=500,
            check=False,
        )
        found = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}
        yield Played(done.returncode, done.stdout, found, temporary, site)


def test_every_step_passes(played):
    """BOX-01, BOX-02, BOX-03, BOX-04, BOX-05, BOX-08, ANT-09."""
    failed = [(step["id"], step["detail"]) for step in played.report.get("steps", []) if not step["ok"]]
    assert not failed
    assert played.code == 0, played.told
    assert [step["id"] for step in played.report["steps"]] == list(range(1, STEPS + 1))


def test_report_has_its_shape(played):
    assert set(played.report) == {"steps", "trip"}
    for step in played.report["steps"]:
        assert set(step) == {"id", "title", "ok", "detail", "ms"}
        assert step["title"]
        assert step["detail"]
        assert isinstance(step["ok"], bool)
        assert step["ms"] is None or step["ms"] >= 0
    assert set(played.report["trip"]) == {"gas_ms", "silent_ms", "kill_ms", "stop_ms"}


def test_contact_opens_in_time_after_the_interlock_is_killed_or_frozen(played):
    """BOX-04: from the last good heartbeat to the open contact, by the controller's own stamps."""
    assert 0 < played.report["trip"]["kill_ms"] <= OPEN_MS
    assert 0 < played.report["trip"]["stop_ms"] <= OPEN_MS


def test_contact_opens_in_time_when_gas_rises_or_a_detector_falls_silent(played):
    """BOX-04."""
    assert 0 < played.report["trip"]["gas_ms"] <= SILENT_MS
    assert 0 < played.report["trip"]["silent_ms"] <= SILENT_MS


def test_table_on_the_terminal_says_the_same(played):
    assert f"{STEPS}/{STEPS}" in played.told


def test_every_event_of_the_story_fits_its_type(played):
    """Written by a real box at a simulated site; its own count says the same (docs/events.md)."""
    log = Reader.open(played.site / "box" / "data" / "audit" / "audit.db")
    try:
        events, counted = log.events(log.first(), log.size()), log.untyped()
    finally:
        log.close()
    assert [(event.seq, event.type, why) for event in events if (why := check(event))] == []
    assert counted == 0
    assert len({event.type for event in events}) > 25


def test_every_decision_of_the_story_is_made_again_from_its_log_alone(played):
    """KPI-16: the state at any decision is rebuilt from the log, and the verdict is the same."""
    with Decisions(played.site / "box" / "data" / "audit" / "audit.db") as log:
        made = [event for event in log.since(0) if "snapshot" in event.data and "part_of" not in event.data]
        found = [explained(log, event.seq) for event in made]
    assert {"interlock.arm_refused", "release.authorised", "release.commanded", "relay.closed", "interlock.tripped",
            "interlock.reset", "work.finished"} <= {one.type for one in found}  # fmt: skip
    assert [(one.seq, one.type, one.differences) for one in found if not one.same] == []


def _leaves(played):
    log = Reader.open(played.site / "box" / "data" / "audit" / "audit.db")
    try:
        return list(leaves(log))
    finally:
        log.close()


def test_every_second_of_the_story_is_traced(played):
    """ANT-10: every second that the relay was closed, a kill and a restart among them, maps to permit and evidence."""
    found = trace(_leaves(played))
    assert (found.gaps, found.share) == ((), 1.0)
    assert len(found.intervals) >= 10
    assert found.closed_ms > 30_000
    assert End.FOUND_OPEN in {run.end for run in found.intervals}


@pytest.mark.parametrize(("drop", "kinds"), CONTROLS)
def test_a_story_that_lacks_one_kind_of_evidence_has_that_gap_in_every_run(played, drop, kinds):
    found = trace(without(_leaves(played), drop))
    assert len(found.intervals) >= 10
    assert all({gap.kind for gap in run.gaps} == kinds for run in found.intervals)
    assert found.covered_ms == 0


def test_a_story_in_which_nobody_saw_the_contact_open_says_so(played):
    found = trace(without(_leaves(played), no_end))
    assert all(GapKind.OPEN_END in {gap.kind for gap in run.gaps} for run in found.intervals[:-1])


async def test_no_process_and_no_folder_stays_behind(played):
    await eventually(lambda: not processes_with(f"TMPDIR={played.temporary}"))
    assert list(played.temporary.iterdir()) == []
