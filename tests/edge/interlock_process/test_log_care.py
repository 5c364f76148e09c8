"""What people ask for the log itself, typed at a real box: another key, and the bridge's word on a stick (ANT-09, BOX-05)."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.checkpoint import Checkpoint, cosign, sign
from contracts.errors import ContractError
from edge.audit import AuditLog
from edge.audit.keys import KeyFile, load_or_create, read_vkeys
from edge.audit.reader import Reader
from edge.interlock.log_care import LogCare
from tests.edge.audit.site import Station, checkpoint
from tests.edge.cli.box import Box, make, make_idle, until
from tests.edge.interlock_process.asking import refusal


@pytest.fixture(scope="module")
def worked() -> Iterator[Box]:
    """A box that has worked for a while, and was ended."""
    for box in make_idle():
        box.start()
        assert box.ask("permit_import", jws=box.permit())["ok"]
        assert box.end() == 0
        yield box


def _types(box: Box) -> list[str]:
    log = Reader.open(box.folder / "data" / "audit" / "audit.db")
    try:
        return [event.type for event in log.events(0, 1000)]
    finally:
        log.close()


def _note(box: Box) -> str:
    """The newest checkpoint."""
    log = Reader.open(box.folder / "data" / "audit" / "audit.db")
    try:
        return str(until(log.checkpoint, "a checkpoint")[1])
    finally:
        log.close()


def _audit(box: Box) -> dict[str, Any]:
    found: dict[str, Any] = next(v for v in box.status()["verdicts"] if v["condition"] == "audit")
    return found


def test_the_key_is_changed_by_one_command_and_everything_verifies_before_and_after(worked: Box) -> None:
    """The command is recorded before the change; the label's key still leads to the new one."""
    vkeys = worked.folder / "data" / "log.vkey"
    worked.start()
    (old,) = read_vkeys(vkeys)
    done = worked.hotbox("audit", "keys", "rotate")
    assert done.returncode == 0, done.stderr
    assert "the new key signs from seq" in done.stdout
    first, second = read_vkeys(vkeys)
    assert (first, second.public) == (
        old, load_or_create(worked.folder / "data" / "keys" / "log_key.pem").public_key().public_bytes_raw(),
    )  # fmt: skip
    assert second.vkey() in done.stdout
    types = _types(worked)
    assert types.index("cli.request") < types.index("key.rotated")
    shown = msgspec.json.decode(worked.hotbox("audit", "keys", "--json").stdout)["keys"]
    assert [(key["role"], key["last"] is None, key["trusted"]) for key in shown] == [
        ("box", False, True), ("box", True, True), ("witness", True, True),
    ]  # fmt: skip
    assert worked.end() == 0
    label = worked.folder / "label.txt"
    label.write_text(f"{old.vkey()}\n{worked.witness.vkey()}\n")
    for words in ((), ("--trust", str(label))):
        verified = worked.hotbox("audit", "verify", *words)
        assert verified.returncode == 4, verified.stdout + verified.stderr
    assert msgspec.json.decode(worked.hotbox("provision", "--json").stdout)["vkey"] == old.vkey()
    assert read_vkeys(vkeys) == [first, second]
    worked.start()
    assert _audit(worked)["ok"]
    assert worked.status()["audit"]["epoch"] == 1
    assert "until it was changed" in worked.hotbox("audit", "keys").stdout
    assert "已更换" in worked.hotbox("audit", "keys", lang="zh").stdout
    assert worked.end() == 0


def test_a_note_on_a_stick_opens_a_new_epoch_without_a_network(worked: Box) -> None:
    """The card was replaced, two people at the bridge said yes, and no line is there."""
    shutil.rmtree(worked.folder / "data" / "audit")
    worked.start()
    assert [reason["code"] for reason in _audit(worked)["reasons"]] == ["audit_epoch"]
    note, file = _note(worked), worked.folder / "carried.note"
    words = ("audit", "witness", "add", str(file))
    assert worked.hotbox(*words).returncode == 3, "no such file"
    file.write_text("the keys, by mistake\n")
    mistaken = worked.hotbox(*words)
    assert (mistaken.returncode, "another text, 'the keys, by mistake" in mistaken.stderr) == (1, True), mistaken.stderr
    file.write_text(cosign(note, worked.witness.name, Ed25519PrivateKey.generate(), 1_790_000_000))
    forged = worked.hotbox(*words)
    assert (forged.returncode, "without the bridge's valid signature" in forged.stderr) == (1, True), forged.stderr
    assert not _audit(worked)["ok"]
    assert "evidence.refused" in _types(worked)
    file.write_text(cosign(note, worked.witness.name, worked.witness_key, 1_790_000_000))
    taken = worked.hotbox(*words)
    assert (taken.returncode, "the box may arm again" in taken.stdout) == (0, True), taken.stderr
    until(lambda: _audit(worked)["ok"], "the bridge's word allows it")
    again = msgspec.json.decode(worked.hotbox(*words, "--json").stdout)
    assert (again["verdict"], again["opens_epoch"]) == ("known", False)
    until(lambda: "audit.epoch_authorised" in _types(worked), "it is recorded")
    assert refusal(worked, "witness_add")["field"] == "note"
    assert worked.end() == 0
    assert worked.hotbox(*words).returncode == 3, "nobody answers"


def test_the_key_is_not_changed_while_somebody_works() -> None:
    """It would delay what has to be recorded."""
    for box in make():
        box.release()
        refused = refusal(box, "keys_rotate")
        assert (refused["field"], refused["came"]) == ("state", "RELEASED")
        assert "key.rotated" not in _types(box)


async def test_a_key_that_is_changed_is_told_although_its_file_cannot_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log has the new key: whoever asked must hear of it, and no start may end by it. The next one writes the file."""
    vkeys = tmp_path / "log.vkey"
    vkeys.mkdir()
    station, log, care = _care(tmp_path, [])
    assert caplog.text.count("cannot be written to") == 1
    changed = await care.rotate()
    assert caplog.text.count("cannot be written to") == 2
    assert log.keys.newest.vkey() == changed.vkey
    assert log.close()
    vkeys.rmdir()
    again = station.open()
    LogCare(again, vkeys, [].append)
    assert [key.vkey() for key in read_vkeys(vkeys)][1:] == [changed.vkey]
    again.close()


async def test_a_key_is_not_changed_more_often_than_anybody_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One change more used to make a good log a damaged one at the next start."""
    monkeypatch.setattr("edge.audit.key_history.MOST", 2)
    station, log, care = _care(tmp_path, [])
    for _ in range(2):
        await care.rotate()
    with pytest.raises(ContractError, match="fewer than 2 changes of key") as refused:
        await care.rotate()
    assert refused.value.hint == "begin a new epoch of the log"
    assert log.close()
    again = station.open()
    assert (again.health().log, len(again.keys.keys)) == (1, 3)
    again.close()


def _care(folder: Path, refused: list[str]) -> tuple[Station, AuditLog, LogCare]:
    """The same without a process around it."""
    station = Station(folder)
    station.key = KeyFile.open(folder / "keys" / "log_key.pem", log=station.path)  # type: ignore[assignment]
    log = station.open()
    return station, log, LogCare(log, folder / "log.vkey", refused.append)


async def test_a_key_that_cannot_be_kept_is_refused_with_the_reason_and_the_old_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _station, log, care = _care(tmp_path, [])
    before = read_vkeys(tmp_path / "log.vkey")

    def full(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge.audit.keys._store", full)
    with pytest.raises(ContractError, match="No space left on device") as refused:
        await care.rotate()
    assert (refused.value.field, read_vkeys(tmp_path / "log.vkey")) == ("key", before)
    monkeypatch.undo()
    changed = await care.rotate()
    assert [key.vkey() for key in read_vkeys(tmp_path / "log.vkey")] == [before[0].vkey(), changed.vkey]
    log.close()


async def test_what_does_not_fit_this_log_is_refused_and_said(tmp_path: Path) -> None:
    refused: list[str] = []
    station, log, care = _care(tmp_path, refused)
    note = checkpoint(log)
    foreign = sign(Checkpoint("hotbox.example/box-1/7", 1, b"r" * 32), "hotbox.example/box-1/7", station.witness_key)
    longer = sign(Checkpoint(log.origin, 99, b"r" * 32), log.origin, station.witness_key)
    for text, verdict, came, todo in (
        ("rubbish", "no_note", "another text, 'rubbish'", "the whole file, unchanged"),
        (note, "forged", "one without the bridge's valid signature", "the whole file, unchanged"),
        (station.cosigned(foreign), "foreign", "one of hotbox.example/box-1/7", "another epoch"),
        (station.cosigned(longer), "rollback", "one of 99 records, where this box has 1", "was set back"),
    ):
        with pytest.raises(ContractError, match=todo) as told:
            await care.take(text)
        assert (told.value.came, refused[-1]) == (came, verdict)
    taken = await care.take(station.cosigned(note))
    assert (taken.verdict, taken.opens_epoch) == ("accepted", False)
    log.close()


async def test_a_note_about_an_earlier_run_is_answered_once_the_leaves_were_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the file has the root then, which the log's own thread reads: a disk that hangs is no yes."""
    refused: list[str] = []
    station, log, care = _care(tmp_path, refused)
    note = station.cosigned(checkpoint(log))
    log.close()
    log = station.open()
    care = LogCare(log, tmp_path / "log.vkey", refused.append)
    monkeypatch.setattr("edge.interlock.log_care._COMPARING_S", -1.0)
    with pytest.raises(ContractError, match="takes nothing at the moment"):
        await care.take(note)
    assert refused == ["failed"]
    log.close()
    monkeypatch.undo()
    log = station.open()
    care = LogCare(log, tmp_path / "log.vkey", refused.append)
    assert (await care.take(note)).verdict in ("accepted", "known")
    other = Checkpoint(log.origin, log.health().size, b"r" * 32)
    with pytest.raises(ContractError, match="holds other records"):
        await care.take(station.cosigned(sign(other, log.origin, station.witness_key)))
    log.close()
