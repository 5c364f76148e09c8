"""A box whose log has little room left, in the process that drives the relay: it says so and arms nothing (ANT-10, BOX-05)."""

from collections.abc import Iterator

import pytest

from edge.audit import AuditLog, keys
from edge.audit.reader import Reader
from tests.edge.audit.site import draft, until
from tests.edge.cli.box import Box, make_idle

BUDGET_MIB = 16


@pytest.fixture(scope="module")
def grown() -> Iterator[Box]:
    """A box with 16 MiB of records, which is all that it may have."""
    for box in make_idle():
        box.start()
        assert box.end() == 0
        box.write(box.read() | {"storage": {"budget_mib": BUDGET_MIB, "keep_days": 2}})
        _fill(box)
        yield box


def _fill(box: Box) -> None:
    data = box.folder / "data"
    key = keys.load_or_create(data / "keys" / "log_key.pem")
    log = AuditLog.open(data / "audit" / "audit.db", box="box-1", domain="example", key=key)
    for number in range(2700):
        until(lambda: log.health().queue < 1000)
        log.append(draft({"n": number, "text": "x" * 6000}))
    assert log.close()


def test_it_refuses_to_arm_from_the_first_moment_and_says_what_to_do(grown: Box) -> None:
    grown.start()
    status = grown.status()
    (audit,) = [verdict for verdict in status["verdicts"] if verdict["condition"] == "audit"]
    assert [reason["code"] for reason in audit["reasons"]] == ["audit_full"]
    assert status["audit"]["writable"]
    assert (status["audit"]["full"], status["audit"]["budget"]) == ("stop", BUDGET_MIB * 2**20)
    assert status["audit"]["bytes"] > 0.95 * status["audit"]["budget"]
    for lang, words in (("en", "storage is nearly full"), ("zh", "审计日志存储将满")):
        assert words in grown.hotbox("status", lang=lang).stdout
    log = Reader.open(grown.folder / "data" / "audit" / "audit.db")
    until(lambda: "storage.full" in [event.type for event in log.events(log.size() - 40, 40)], "it is recorded")
    log.close()
    assert grown.end() == 0


def test_with_more_room_it_arms_again(grown: Box) -> None:
    grown.write(grown.read() | {"storage": {"budget_mib": 4 * BUDGET_MIB, "keep_days": 2}})
    grown.start()
    (audit,) = [verdict for verdict in grown.status()["verdicts"] if verdict["condition"] == "audit"]
    assert audit["ok"]
    assert grown.end() == 0
