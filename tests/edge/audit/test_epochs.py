"""A lost log begins anew at once and allows nothing until the witness has cosigned it (ANT-09, BOX-05)."""

import sqlite3

import pytest

from contracts.checkpoint import Checkpoint, sign
from contracts.errors import ContractError
from contracts.event import Event, Severity
from edge.audit import AckVerdict, AuditLog
from edge.audit.recovery import current_epoch, plan_epoch
from tests.edge.audit.site import Station, append_all, checkpoint, draft, until, witness


def _events(station: Station) -> list[Event]:
    reader = station.reader()
    try:
        return reader.events(0, 1000)
    finally:
        reader.close()


def _lose(station: Station, *names: str) -> None:
    for name in names:
        station.path.with_name(name).unlink()


def test_first_epoch_of_a_new_box_needs_nobodys_leave(station: Station) -> None:
    """BOX-05: the first hours may well be without a network."""
    log = station.open()
    health = log.health()
    assert (health.log, health.acked, health.epoch_pending) == (1, 0, False)
    log.close()


@pytest.mark.parametrize("used", [False, True])
def test_lost_database_is_pending_whether_or_not_the_state_remembers(station: Station, used: bool) -> None:
    station.open().close()
    _lose(station, "audit.db")
    log = station.open(used=used)
    assert (log.health().log, log.health().epoch_pending) == (2, True)
    append_all(log, [draft(sev=Severity.ALARM)])
    log.close()
    assert [event.type for event in _events(station)] == ["audit.epoch_started", "system.boot", "gas.reading"]


def test_database_and_epoch_lost_together_are_noticed_by_what_the_box_remembers(station: Station) -> None:
    """It used to begin the first epoch again, ready to be armed."""
    station.open().close()
    _lose(station, "audit.db", "audit.epoch")
    log = station.open(used=True)
    assert (log.health().log, log.health().epoch_pending) == (2, True)
    log.close()
    started = _events(station)[0]
    assert (started.type, started.sev) == ("audit.epoch_started", Severity.ALARM)
    assert "file that counts the epochs" in started.data["reason"]


def test_emptied_database_without_an_epoch_is_noticed_too(station: Station) -> None:
    station.open().close()
    _lose(station, "audit.epoch")
    station.path.write_bytes(b"")
    log = station.open(used=True)
    assert (log.health().log, log.health().epoch_pending) == (2, True)
    log.close()


def test_lost_epoch_file_alone_is_written_again(station: Station) -> None:
    station.open().close()
    _lose(station, "audit.epoch")
    log = station.open(used=True)
    assert (log.health().log, log.health().boot, log.health().epoch_pending) == (1, 2, False)
    assert station.path.with_name("audit.epoch").read_text() == "1\n"
    log.close()


def _second_epoch(station: Station) -> AuditLog:
    station.open().close()
    _lose(station, "audit.db")
    return station.open()


def test_first_cosignature_authorises_it_and_is_recorded(station: Station) -> None:
    log = _second_epoch(station)
    assert witness(station, log).epoch_pending is False
    log.close()
    told = [event for event in _events(station) if event.type == "audit.epoch_authorised"]
    (event,) = told
    assert event.data == {"size": 2, "witness": "bridge.example", "at_s": 1_790_000_000}
    log = station.open()
    assert log.health().epoch_pending is False, "for good"
    witness(station, log)
    log.close()
    assert [event for event in _events(station) if event.type == "audit.epoch_authorised"] == told, "once"


def test_first_epoch_is_not_authorised_as_it_needs_it_not(station: Station) -> None:
    log = station.open()
    witness(station, log)
    log.close()
    assert "audit.epoch_authorised" not in [event.type for event in _events(station)]


def test_cosignature_of_the_lost_epoch_or_by_another_witness_authorises_nothing(station: Station, tmp_path) -> None:
    log = station.open()
    old = station.cosigned(checkpoint(log))
    log.close()
    _lose(station, "audit.db")
    log = station.open()
    assert log.accept_ack(old) is AckVerdict.FOREIGN
    assert log.accept_ack(Station(tmp_path / "other").cosigned(checkpoint(log))) is AckVerdict.FORGED
    longer = sign(Checkpoint(log.origin, 999, bytes(32)), log.origin, station.key)
    assert log.accept_ack(station.cosigned(longer)) is AckVerdict.ROLLBACK
    assert log.health().epoch_pending
    log.close()


def test_a_new_card_says_its_epoch(station: Station) -> None:
    """A replaced box has no memory of its logs, but its bridge has: an epoch is never written twice."""
    station.path.parent.mkdir()
    assert current_epoch(station.path) == 1
    plan_epoch(station.path, 3)
    assert current_epoch(station.path) == 3
    with pytest.raises(ContractError, match="at least 3"):
        plan_epoch(station.path, 2)
    log = station.open()
    assert (log.health().log, log.health().epoch_pending, log.origin) == (3, True, "hotbox.example/box-1/3")
    log.close()
    assert current_epoch(station.path) == 3
    with pytest.raises(ContractError, match="a box without a log"):
        plan_epoch(station.path, 4)
    _lose(station, "audit.db")
    assert current_epoch(station.path) == 4


def test_epoch_after_a_contradicted_one_says_so_and_is_pending(station: Station) -> None:
    """Whoever damages a log that the witness contradicts does not come away with a clean one."""
    log = station.open()
    other = sign(Checkpoint(log.origin, 1, bytes(32)), log.origin, station.key)
    assert log.accept_ack(station.cosigned(other)) is AckVerdict.FORK
    until(lambda: log.health().size == 2)
    log.close()
    db = sqlite3.connect(station.path)
    db.execute("DROP TRIGGER event_stays")
    db.close()
    log = station.open()
    assert (log.health().log, log.health().epoch_pending, log.health().rollback) == (2, True, False)
    log.close()
    assert _events(station)[0].data["contradicted"] is True
