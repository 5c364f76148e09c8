"""The log's key: durable before it signs, and never replaced in silence (ANT-09)."""

import os
from pathlib import Path

import pytest

from contracts.errors import ContractError
from edge.audit import AuditLog, keys
from tests.edge.audit.site import BOX, DOMAIN


def test_key_and_its_folders_are_durable_before_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut after the first start must not lose the key of a log that is there."""
    path = tmp_path / "data" / "keys" / "log_key.pem"
    synced: list[tuple[Path, bool]] = []
    sync = keys.sync_directory
    monkeypatch.setattr(keys, "sync_directory", lambda folder: (synced.append((folder, path.exists())), sync(folder)))
    key = keys.load_or_create(path)
    assert synced == [(path.parent, True), (path.parent.parent, True), (tmp_path, True)]
    assert keys.load_or_create(path).private_bytes_raw() == key.private_bytes_raw()
    assert len(synced) == 3
    assert [file.name for file in path.parent.iterdir()] == ["log_key.pem"]


def test_key_that_a_power_cut_left_half_written_is_made_anew(tmp_path: Path) -> None:
    """The process may well have the same number after a reboot."""
    half = tmp_path / f"log_key.pem.{os.getpid()}"
    half.write_bytes(b"-----BEGIN")
    keys.load_or_create(tmp_path / "log_key.pem")
    assert not half.exists()


def test_lost_key_is_never_replaced_in_silence(tmp_path: Path) -> None:
    path, log = tmp_path / "log_key.pem", tmp_path / "audit.db"
    AuditLog.open(log, box=BOX, domain=DOMAIN, key=keys.load_or_create(path, log=log)).close()
    kept, body = path.read_bytes(), log.read_bytes()
    path.unlink()
    with pytest.raises(ContractError, match="restore it from its backup") as refused:
        keys.load_or_create(path, log=log)
    assert (refused.value.field, refused.value.came) == (str(path), "no such file")
    assert not path.exists()
    assert log.read_bytes() == body, "the good log is left alone"
    path.write_bytes(kept)
    path.chmod(0o600)
    again = AuditLog.open(log, box=BOX, domain=DOMAIN, key=keys.load_or_create(path, log=log))
    assert (again.health().log, again.health().boot) == (1, 2)
    again.close()


def test_key_that_is_lost_for_good_begins_the_next_epoch_as_the_message_says(tmp_path: Path) -> None:
    path, log = tmp_path / "log_key.pem", tmp_path / "audit.db"
    AuditLog.open(log, box=BOX, domain=DOMAIN, key=keys.load_or_create(path, log=log)).close()
    path.unlink()
    log.rename(log.with_name("audit.db.of-the-lost-key"))
    again = AuditLog.open(log, box=BOX, domain=DOMAIN, key=keys.load_or_create(path, log=log))
    assert again.health().log == 2
    again.close()
