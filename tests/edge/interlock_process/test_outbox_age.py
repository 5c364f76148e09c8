"""A log that nobody has witnessed for more than a day is an alarm in it (BOX-05)."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from edge import config
from edge.audit import AuditLog, keys
from edge.audit.health import Stamp
from edge.audit.reader import Reader
from edge.sockets import now_us
from tests.edge.cli.box import Box, make_idle, until

DAY_S = 86_400


@pytest.fixture
def idle() -> Iterator[Box]:
    """A simulated site, and an interlock that is not started yet."""
    yield from make_idle()


def _said(box: Box) -> list[Any]:
    log = Reader.open(box.folder / "data" / "audit" / "audit.db")
    try:
        return [event for event in log.events(0, log.size()) if event.type == "audit.outbox_old"]
    finally:
        log.close()


def test_a_day_without_a_witness_is_an_alarm_in_the_log(idle: Box) -> None:
    made = config.load(idle.config)
    begun_ms = int((time.time() - DAY_S - 60) * 1000)
    AuditLog.open(
        made.audit_db, box=made.box, domain=made.domain, key=keys.load_or_create(made.log_key),
        clock=lambda: Stamp(begun_ms, now_us(), "none", 0),
    ).close()  # fmt: skip
    idle.start()
    [event] = until(lambda: _said(idle), "the event")
    assert event.sev == "alarm"
    assert event.data["age_s"] > DAY_S
    assert event.data["limit_s"] == DAY_S
    assert idle.end() == 0
    assert len(_said(idle)) == 1
