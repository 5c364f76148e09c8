"""What the process writes of a quiet release, and of the air around an alarm: a whole trace, and nothing the trip waits for."""

from collections.abc import Iterator
from typing import Any

import pytest

from contracts.runs import End, Trace
from contracts.trace import trace
from edge.audit.reader import Reader
from edge.audit.traced import leaves
from tests.edge.cli.box import Box, make_idle, until
from tests.edge.interlock_process.asking import ready

EACH_SECOND = (
    "name: hasty\nzh: 快\nen: hasty\ntightens: SIMULATION\n"
    "gas_summary_s: {value: 1, clause: test}\ngas_trace_s: {value: 60, clause: test}\n"
)


@pytest.fixture
def hasty() -> Iterator[Box]:
    """A box whose minutes last a second, ready to be armed."""
    for box in make_idle():
        rules = box.folder / "hasty.yaml"
        rules.write_text(EACH_SECOND, encoding="utf-8")
        box.config = box.write({**box.read(), "site_rules": str(rules)}, "hasty-box.yaml")
        box.start()
        ready(box)
        yield box


def _log(box: Box) -> Reader:
    return Reader.open(box.folder / "data" / "audit" / "audit.db")


def _of(box: Box, *kinds: str) -> list[Any]:
    log = _log(box)
    try:
        return [event for event in log.events(0, log.size()) if event.type in kinds]
    finally:
        log.close()


def _trace(box: Box) -> Trace:
    log = _log(box)
    try:
        return trace(leaves(log))
    finally:
        log.close()


def test_a_release_that_lasts_and_ends_by_gas_is_traced_to_its_last_second(hasty: Box) -> None:
    """ANT-10: with a minute of one second a release of some seconds has what one of hours has."""
    assert hasty.site is not None
    hasty.site.press("arm")
    hasty.wait_for(lambda s: s["relay"]["contact"] == "closed", "released")
    begun = _of(hasty, "release.commanded")[-1].seq

    def told() -> bool:
        return len([e for e in _of(hasty, "gas.minute", "interlock.minute") if e.seq > begun]) >= 8

    until(told, "four minutes of gas and people", 30)
    hasty.site.set("ch4-1", 25)
    hasty.wait_for(lambda s: s["state"] == "TRIPPED" and s["relay"]["contact"] == "open", "gas trips")
    until(lambda: _of(hasty, "gas.trace"), "the readings before the alarm", 30)
    (run,) = _trace(hasty).intervals
    assert (run.end, run.gaps, run.covered_ms) == (End.OPENED, (), run.closed_ms)
    assert run.closed_ms > 3_000

    people = [event.data for event in _of(hasty, "interlock.minute") if event.seq > begun]
    assert {row["id"] for data in people for row in data["people"]} == {"zhang", "li"}
    minutes = [event.data["rows"] for event in _of(hasty, "gas.minute") if event.seq > begun]
    assert {row["chan"] for rows in minutes for row in rows} == {"ch4-1", "o2-1", "co-1", "h2s-1"}
    assert max(row["max_milli"] for rows in minutes for row in rows if row["chan"] == "ch4-1") == 25_000
    shown = {event["type"] for event in hasty.status()["events"]}
    assert "interlock.tripped" in shown
    assert not {"gas.minute", "interlock.minute", "gas.trace"} & shown


def test_a_box_that_is_killed_while_released_finds_its_contact_open_and_says_so(hasty: Box) -> None:
    assert hasty.site is not None
    assert hasty.interlock is not None
    hasty.site.press("arm")
    hasty.wait_for(lambda s: s["relay"]["contact"] == "closed", "released")
    hasty.interlock.kill()
    hasty.interlock.wait()
    hasty.start()
    found = "the contact is found open"
    until(lambda: [e for e in _of(hasty, "interlock.minute") if e.boot > 1 and e.data["contact"] == "open"], found, 30)
    (run,) = _trace(hasty).intervals
    assert run.end is End.FOUND_OPEN
    assert run.closed_ms < 60_000
