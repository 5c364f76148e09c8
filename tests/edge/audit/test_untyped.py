"""An event that does not fit its type is kept, counted and shown; nothing is refused for it and nothing trips (ANT-10)."""

import json
import logging
import time
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from typer.testing import CliRunner

from contracts.event import ActionResult, Category, Severity
from contracts.events import check
from edge.audit.cli import app
from edge.audit.ledger import MISFITS_TOLD
from edge.interlock import view
from edge.interlock.clock import ClockReader
from edge.interlock.journal import Journal
from edge.interlock.record import Note
from edge.interlock.status import AuditView
from edge.interlock.store import StateStore
from edge.link.metrics import BoxCollector, Line
from edge.sockets import now_us
from tests.contracts.test_events import TRIP
from tests.edge.audit.site import Station, append_all, draft
from tests.edge.interlock.bench import Bench

NORMAL = {"chan": "ch4-1"}


def test_what_fits_is_not_counted_the_logs_own_events_included(station: Station) -> None:
    log = station.open(boot={"baseline": "gb30871-2022", "rules": "a" * 64})
    append_all(log, [draft(NORMAL, what="gas.normal"), draft({}, what="system.stop", cat=Category.SYSTEM)])
    assert log.health().untyped == 0
    assert log.close()


def test_an_untyped_event_is_recorded_counted_and_told_of_once(station: Station, caplog: pytest.LogCaptureFixture) -> None:
    log = station.open()
    with caplog.at_level(logging.ERROR, logger="edge.audit.ledger"):
        seqs = append_all(log, [
            draft({"n": 1}), draft({"n": 2}), draft(NORMAL, Severity.ALARM, "gas.normal"), draft(NORMAL, what="gas.normal"),
        ])  # fmt: skip
    assert seqs == [1, 2, 3, 4]
    health = log.health()
    assert (health.untyped, health.refused, health.overflowed, health.writable) == (3, 0, 0, True)
    assert [record.getMessage() for record in caplog.records] == [
        "event 'gas.reading' does not fit its type: 'no such type of event'",
        "event 'gas.normal' does not fit its type: 'sev: alarm, expected info'",
    ]
    assert log.close()


def test_a_flood_of_new_names_is_counted_and_does_not_fill_the_journal(station: Station, caplog: pytest.LogCaptureFixture) -> None:
    log = station.open()
    with caplog.at_level(logging.ERROR, logger="edge.audit.ledger"):
        append_all(log, [draft(what=f"gas.made_up_{number}") for number in range(MISFITS_TOLD + 20)])
    assert log.health().untyped == MISFITS_TOLD + 20
    assert len(caplog.records) == MISFITS_TOLD
    assert log.close()


def test_the_count_goes_on_after_a_restart_and_is_shown(station: Station) -> None:
    log = station.open()
    append_all(log, [draft({"n": 1})])
    assert log.close()
    log = station.open()
    append_all(log, [draft({"n": 2})])
    assert log.health().untyped == 2
    assert log.close()
    for lang, words in (("en_US.UTF-8", "events that do not fit their type"), ("zh_CN.UTF-8", "不合规定格式的事件")):
        shown = CliRunner().invoke(app, ["status", "--db", str(station.path)], env={"HOTBOX_LANG": lang, "COLUMNS": "200"})
        assert [line.split()[-1] for line in shown.output.splitlines() if words in line] == ["2"]
    asked = CliRunner().invoke(app, ["status", "--db", str(station.path), "--json"])
    assert json.loads(asked.output)["untyped"] == 2


def test_the_kernel_hears_nothing_of_it(tmp_path: Path) -> None:
    """A slip in a record must never end a release: only a record that is lost does."""
    station = Station(tmp_path)
    log, clock = station.open(), ClockReader(0, "", 60)
    store = StateStore(tmp_path / "state.json")
    journal = Journal(log, store, clock.read, None, lambda _: None)
    before = journal.health(now_us())
    assert before.writable
    append_all(log, [draft({"n": 1})])
    assert log.health().untyped == 1
    assert journal.health(now_us()) == before
    store.close()
    assert log.close()


def test_the_count_is_a_metric() -> None:
    step = Bench().step()
    status = view.build(
        step.facts, step.verdicts, boot=1, audit=AuditView(9, 9, 0, writable=True, age_ms=0, untyped=3), buses=(),
        events=(), loop_lag_ms=0.0, evaluations=1,
    )  # fmt: skip
    registry = CollectorRegistry()
    registry.register(BoxCollector(Line(), lambda: status))
    assert "\nhotbox_audit_untyped_total 3.0\n" in generate_latest(registry).decode()


@pytest.mark.timed
def test_holding_an_event_to_its_type_costs_next_to_nothing() -> None:
    """In the writer's thread, yet on the interpreter that the interlock runs on: a tenth of a millisecond is too much."""
    note = Note("gas.normal", Category.GAS, Severity.INFO, ActionResult.OK, ("box", ""), "", 0, 0, False, NORMAL)
    for event, most_us in ((note, 40), (TRIP, 80)):
        best = min(_took_us(event) for _ in range(20))
        assert best < most_us


def _took_us(event: object) -> float:
    began = time.perf_counter()
    for _ in range(200):
        check(event)  # type: ignore[arg-type]
    return (time.perf_counter() - began) / 200 * 1e6
