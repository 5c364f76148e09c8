"""A power cut while a bad database is put aside, or while an epoch begins, loses no acknowledged event (BOX-05, ANT-09).

The last commits of a log often lie in its WAL alone. Whoever moves that away first makes an older log that verifies.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.audit import AuditLog, recovery
from edge.audit.ledger import Ledger
from edge.audit.reader import Reader
from tests.edge.audit.site import Station, append_all, draft

OLD, YOUNG = 12, 9


class PowerCutError(BaseException):
    """Nothing after it happens."""


@pytest.fixture
def bad_in_its_wal(station: Station) -> Station:
    """A log whose database file verifies alone, and whose WAL holds nine more acknowledged events, one of them bent."""
    log = station.open()
    append_all(log, [draft({"n": number}) for number in range(OLD - 1)])
    log.close()
    log = station.open(checkpoint_s=60)
    append_all(log, [draft({"n": number}) for number in range(YOUNG - 1)])
    copy = station.path.parent.with_name("cut")
    db = sqlite3.connect(_copied(station.path, copy), isolation_level=None)
    db.execute("PRAGMA wal_autocheckpoint=0")
    db.execute("DROP TRIGGER event_stays")
    db.execute("UPDATE event SET body=x'7b7d' WHERE seq=?", (OLD + YOUNG - 1,))
    again = _copied(copy / "audit.db", copy.with_name("bent")).parent
    db.close()
    log.close()
    shutil.rmtree(station.path.parent)
    shutil.rmtree(copy)
    again.rename(station.path.parent)
    (station.path.parent / "audit.epoch").write_text("1\n", encoding="ascii")
    return station


def _copied(path: Path, folder: Path) -> Path:
    folder.mkdir()
    for file in path.parent.glob("audit.db*"):
        shutil.copy(file, folder / file.name)
    return folder / path.name


def _cut_at(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The power goes before the `number`-th change of a name or a folder, opening or commit (0 is the first)."""
    left = [number]

    def cutting(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise PowerCutError
            return real(*args)

        return call

    monkeypatch.setattr(Path, "rename", cutting(Path.rename))
    monkeypatch.setattr(recovery, "sync_directory", cutting(recovery.sync_directory))
    monkeypatch.setattr(recovery, "open_writer", cutting(recovery.open_writer))
    monkeypatch.setattr(Ledger, "commit", cutting(Ledger.commit))


def _cuts(station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AuditLog]:
    """Cut at every step in turn and start again; yields the log after each, until nothing was left to cut."""
    before = tmp_path / "before"
    shutil.copytree(station.path.parent, before)
    for number in range(40):
        shutil.rmtree(station.path.parent)
        shutil.copytree(before, station.path.parent)
        with monkeypatch.context() as patch:
            _cut_at(number, patch)
            try:
                whole = station.open()
            except PowerCutError:
                whole = None
        if whole is not None:
            whole.close()
            assert number > 3
            return
        log = station.open()
        yield log
        log.close()
    raise AssertionError("a start has fewer steps")


def test_wal_that_is_moved_first_leaves_an_older_log_that_verifies(bad_in_its_wal: Station) -> None:
    """Negative control: what the order of the renames prevents."""
    path = bad_in_its_wal.path
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).rename(path.with_name(f"{path.name}.bad-1{suffix}"))
    log = bad_in_its_wal.open()
    assert (log.health().log, log.health().size) == (1, OLD + 1), "nine acknowledged events are gone without a word"
    log.close()


def test_cut_while_putting_aside_loses_nothing_and_never_goes_on_with_half(bad_in_its_wal: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for log in _cuts(bad_in_its_wal, tmp_path, monkeypatch):
        assert log.health().log == 2
        reader = Reader.open(log.path)
        started = reader.events(0, 1)[0]
        reader.close()
        assert started.type == "audit.epoch_started"
        assert started.data["origin"] == "hotbox.example/box-1/1"
        aside = sqlite3.connect(log.path.with_name(started.data["file"]))
        assert aside.execute("SELECT count(*) FROM event").fetchone() == (OLD + YOUNG,)
        aside.close()


def test_cut_while_the_first_epoch_begins_is_no_lost_log(station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """BOX-05: a new box whose plug was pulled at its first start still works its first hours without a network."""
    station.path.parent.mkdir()
    for log in _cuts(station, tmp_path, monkeypatch):
        assert (log.health().log, log.health().boot) in ((1, 1), (1, 2))


def test_wal_without_its_database_is_kept(station: Station) -> None:
    station.open().close()
    station.path.unlink()
    station.path.with_name("audit.db-wal").write_bytes(b"the last commits")
    station.open().close()
    (kept,) = station.path.parent.glob("audit.db.bad-*-wal")
    assert kept.read_bytes() == b"the last commits"


def test_wal_never_joins_a_database_that_has_one(bad_in_its_wal: Station) -> None:
    bad_in_its_wal.open().close()
    path = bad_in_its_wal.path
    whole = {file.name: file.read_bytes() for file in path.parent.glob("audit.db.bad-*-wal")}
    assert whole
    path.unlink()
    path.with_name("audit.db-wal").write_bytes(b"of the second epoch")
    log = bad_in_its_wal.open()
    assert log.health().log == 3
    log.close()
    found = {file.name: file.read_bytes() for file in path.parent.glob("audit.db.bad-*-wal")}
    assert whole.items() <= found.items()
    assert b"of the second epoch" in found.values()


def test_file_with_a_name_of_somebodys_own_does_not_stop_a_start(station: Station) -> None:
    station.open().close()
    station.path.rename(station.path.with_name("audit.db.bad-from-the-old-card"))
    log = station.open()
    assert log.health().log == 2
    log.close()
