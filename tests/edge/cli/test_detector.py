"""`hotbox detector`: the list, a guided bump test that passes, one that fails, and what is refused before any gas."""

import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from firmware_sim.demo import bottles
from tests.edge.cli.box import Box, make

BUMP = ("detector", "bump", "ch4-1", "--gas", "CH4", "--unit", "%LEL", "--by", "wang", "--bottle", "B-26")


@pytest.fixture(scope="module")
def staffed() -> Iterator[Box]:
    """A locked box whose crew is here."""
    for box in make():
        box.crew.everybody()
        yield box


def _guided(box: Box, *words: str) -> tuple[int, list[dict[str, Any]], str]:
    """Run a guided test while a technician opens and closes the bottle."""
    assert box.site is not None
    done: list[Any] = []
    thread = threading.Thread(target=lambda: done.append(box.hotbox(*words)))
    thread.start()
    bottles.open_and_close(box.site, box.status, lambda: not thread.is_alive(), 20)
    thread.join()
    lines = [msgspec.json.decode(line) for line in done[0].stdout.splitlines() if line.startswith("{")]
    return done[0].returncode, lines, done[0].stdout + done[0].stderr


def test_the_list_says_where_every_detector_is_in_its_life(staffed: Box) -> None:
    """Workflows "Detector"."""
    shown = staffed.hotbox("detector", "list")
    assert shown.returncode == 0
    assert {"ch4-1", "o2-1", "co-1", "h2s-1"} <= set(shown.stdout.split())
    assert "CAL DUE" not in shown.stdout
    assert "待通气测试" in staffed.hotbox("detector", "list", lang="zh").stdout
    listed = msgspec.json.decode(staffed.hotbox("detector", "list", "--json").stdout)
    assert [channel["name"] for channel in listed] == ["ch4-1", "o2-1", "co-1", "h2s-1"]


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ((*BUMP, "--applied", "5"), "applied"),
        ((*BUMP, "--applied", "95"), "applied"),
        ((*BUMP[:-4], "--by", "zhao", "--bottle", "B-26", "--applied", "50"), "by"),
        ((*BUMP[:4], "C3H8", *BUMP[5:], "--applied", "50"), "gas"),
        ((*BUMP[:6], "vol%", *BUMP[7:], "--applied", "2.5"), "unit"),
        (("detector", "bump", "ch4-9", *BUMP[3:], "--applied", "50"), "channel"),
    ],
    ids=["below the alarm", "beyond the range", "not entitled", "another gas", "another unit", "no such channel"],
)
def test_what_would_prove_nothing_is_refused_before_any_gas(staffed: Box, words: tuple[str, ...], field: str) -> None:
    staffed.wait_for(lambda s: all(channel["quality"] == "good" for channel in s["channels"]), "detectors read")
    refused = staffed.hotbox(*words)
    assert refused.returncode == 1
    assert f"field: {field}" in refused.stderr
    assert not any(channel["test"] for channel in staffed.status()["channels"])


def test_a_guided_bump_test_says_what_to_do_and_measures_the_response(staffed: Box) -> None:
    code, frames, shown = _guided(staffed, *BUMP, "--applied", "50", "--json")
    assert code == 0, shown
    *running, end = frames
    assert {frame["test"]["phase"] for frame in running} >= {"respond"} or running
    assert end["passed"]
    assert 0 < end["result"]["response_ms"] <= 1000
    assert end["bump_due"] > 0
    ch4 = staffed.status()["channels"][0]
    assert ch4["life"] == "IN_SERVICE"
    code, _, shown = _guided(staffed, *BUMP, "--applied", "50")
    assert code == 0
    for word in ("apply the gas now", "bump test passed", "good until", "enter a new one"):
        assert word in shown


def test_gas_that_does_not_reach_the_detector_fails_it_until_it_is_calibrated(staffed: Box) -> None:
    """OSHA SHIB: a failed bump test asks for a full calibration."""
    o2 = ("--gas", "O2", "--unit", "vol%", "--applied", "15", "--by", "wang", "--bottle", "B-27")
    assert staffed.site is not None
    failed = staffed.hotbox("detector", "bump", "o2-1", *o2)
    assert failed.returncode == 1
    assert "did not respond" in failed.stdout
    assert staffed.status()["channels"][1]["life"] == "CAL_DUE"
    refused = staffed.hotbox("detector", "bump", "o2-1", *o2)
    assert refused.returncode == 1
    assert "calibrate" in refused.stderr
    code, _, shown = _guided(staffed, "detector", "calibrate", "o2-1", *o2)
    assert code == 0, shown
    assert "calibration passed" in shown
    assert staffed.status()["channels"][1]["life"] == "BUMP_DUE"
