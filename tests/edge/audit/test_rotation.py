"""The log's key is changed in the log itself, and a power cut in between leaves one valid key (ANT-09)."""

import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.checkpoint import NoteKey, note_key
from contracts.errors import ContractError
from contracts.key_chain import KeyChain, rotate, rotation_of
from edge.audit import AuditLog, keys
from edge.audit.case import check, pack, verifier
from edge.audit.case.span import Span
from edge.audit.ledger import Ledger
from edge.audit.reader import Reader
from edge.audit.recovery import AuditError, DamagedLogError
from edge.audit.report import Outcome, Reason, Report
from edge.audit.verify import verify_file
from tests.edge.audit.rotator import MOMENTS
from tests.edge.audit.site import BOX, DOMAIN, WITNESS, Station, append_all, checkpoint, draft, witness

ORIGIN = f"hotbox.{DOMAIN}/{BOX}/1"
SOUND = (Outcome.OK, Outcome.UNWITNESSED)


class Rotating(Station):
    """A station whose key lies in a file."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.key_path = folder / "keys" / "log_key.pem"
        self.first = keys.load_or_create(self.key_path)

    def open(self, **more: object) -> AuditLog:
        self.key = keys.KeyFile.open(self.key_path, log=self.path)  # type: ignore[assignment]
        return super().open(**more)

    def label(self) -> list[NoteKey]:
        """The key that the box began with, as its label says, and the witness."""
        return [note_key(ORIGIN, self.first), self.witness]


@pytest.fixture
def station(tmp_path: Path) -> Rotating:
    return Rotating(tmp_path)


def second_opinion(station: Station, trust: list[NoteKey], held: tuple[str, ...] = ()) -> int:
    """The exit code of the verifier that was written apart."""
    lines = verifier.read_keys("".join(f"{key.vkey()}\n" for key in trust))
    try:
        return verifier.verify_log(str(station.path), lines, held).code
    except verifier.Problem as problem:
        return problem.code


def verified(station: Station, trust: list[NoteKey], held: tuple[str, ...] = ()) -> Report:
    """By both verifiers, which agree."""
    report = verify_file(station.path, trust, held)
    assert second_opinion(station, trust, held) == report.exit_code, report
    return report


def rotated(station: Rotating, times: int = 1) -> KeyChain:
    """A log with a few events under each of its keys, witnessed."""
    log = station.open()
    chain = log.keys
    for _ in range(times):
        append_all(log, [draft({"n": number}) for number in range(3)])
        chain = log.rotate_key().result(8)
        assert log.keys == chain
    append_all(log, [draft({"n": number}) for number in range(3)])
    witness(station, log)
    log.close()
    return chain


def test_the_change_is_the_old_keys_last_record_and_the_new_key_signs_from_then_on(station: Rotating) -> None:
    chain = rotated(station)
    reader = station.reader()
    (change,) = reader.rotations()
    event = reader.events(change.first - 1, 1)[0]
    assert (event.type, rotation_of(event)) == ("key.rotated", change)
    old, new = chain.keys
    assert (old, new) == (note_key(ORIGIN, station.first), note_key(ORIGIN, keys.load_or_create(station.key_path)))
    own = reader.checkpoint(change.first)
    assert own is not None
    assert own[0] == change.first, "the record is the last leaf under a checkpoint"
    assert chain.verify(own[1]).size == KeyChain.begin(old).verify(own[1]).size
    newest = reader.checkpoint()
    assert newest is not None
    assert KeyChain.begin(new).verify(newest[1]).size == newest[0]
    reader.close()
    assert [file.name for file in station.key_path.parent.iterdir()] == ["log_key.pem"]
    assert stat.S_IMODE(station.key_path.stat().st_mode) == 0o600
    again = station.open()
    assert (again.health().log, again.keys) == (1, chain)
    again.close()


@pytest.mark.parametrize("times", [1, 3])
def test_any_of_its_keys_leads_to_the_others(station: Rotating, times: int) -> None:
    chain = rotated(station, times)
    assert len(chain.keys) == times + 1
    for key in chain.keys:
        assert verified(station, [key, station.witness]).status in SOUND, key
    assert verified(station, [*chain.keys, station.witness]).status in SOUND


def test_a_key_that_is_no_file_is_not_changed(tmp_path: Path) -> None:
    log = Station(tmp_path).open()
    with pytest.raises(ContractError, match="a key in a file"):
        log.rotate_key()
    log.close()


def test_a_new_key_that_cannot_be_kept_changes_nothing(station: Rotating, monkeypatch: pytest.MonkeyPatch) -> None:
    log = station.open()
    before = log.keys

    def full(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keys, "_store", full)
    with pytest.raises(OSError, match="No space"):
        log.rotate_key().result(8)
    assert log.keys == before
    append_all(log, [draft()])
    log.close()
    with pytest.raises(OSError, match="closed"):
        log.rotate_key().result(8)
    assert verified(station, station.label()).status in SOUND


def test_a_key_that_could_not_be_renamed_signs_all_the_same_and_is_renamed_later(
    station: Rotating, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = station.open()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", _readonly)
        patch.setattr(keys, "_store", _write)
        chain = log.rotate_key().result(8)
        append_all(log, [draft()])
        with pytest.raises(OSError, match="holds the key in force"):
            log.rotate_key().result(8)
    log.close()
    assert keys.load_or_create(station.key_path).private_bytes_raw() == station.first.private_bytes_raw()
    again = station.open()
    assert again.keys == chain
    assert note_key(ORIGIN, keys.load_or_create(station.key_path)) == chain.newest
    again.close()
    assert verified(station, station.label()).status in SOUND


def _readonly(*_given: object) -> None:
    raise OSError(30, "Read-only file system")


def _write(path: Path, key: Ed25519PrivateKey) -> None:
    from cryptography.hazmat.primitives import serialization as s

    path.write_bytes(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))
    path.chmod(0o600)


def test_who_asked_for_a_change_and_went_away_changes_nothing_and_breaks_nothing(station: Rotating) -> None:
    """The box is ended while the command waits for the disk."""
    log = station.open()
    before, gate, reached = log.keys, threading.Event(), threading.Event()

    def hold(_seq: int) -> None:
        reached.set()
        gate.wait(8)

    log.append(draft(), hold)  # the log's own thread stands still in here
    assert reached.wait(8)
    asked = log.rotate_key()
    assert asked.cancel()
    gate.set()
    append_all(log, [draft()])
    assert (log.keys, log.health().writable) == (before, True)
    log.close()
    assert verified(station, station.label()).status in SOUND


def test_a_log_that_fails_with_the_change_says_so_and_the_next_start_knows_which_key_it_is(
    station: Rotating, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = station.open()
    append_all(log, [draft()])

    def broken(_self: Ledger) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(Ledger, "commit", broken)
    with pytest.raises(OSError, match="disk I/O error"):
        log.rotate_key().result(8)
    with pytest.raises(OSError, match="takes no records"):
        log.rotate_key().result(8)
    log.close()
    monkeypatch.undo()
    again = station.open()
    assert [key.public for key in again.keys.keys] == [station.first.public_key().public_bytes_raw()]
    again.close()
    assert [file.name for file in station.key_path.parent.iterdir()] == ["log_key.pem"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_cut_at_each_moment_of_a_change_leaves_one_valid_key(station: Rotating, moment: str) -> None:
    """Killed after the new key was written, after the record, after the renaming, and after the old one was wiped."""
    station.path.parent.mkdir(parents=True, exist_ok=True)
    key_path = station.path.parent / "log_key.pem"
    shutil.copy(station.key_path, key_path)
    ended = subprocess.run(
        [sys.executable, "-m", "tests.edge.audit.rotator", str(station.path), moment], check=False, capture_output=True,
        text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == -9, ended.stderr
    assert (key_path.with_name("log_key.pem.next").exists(), moment in MOMENTS[:2]) in ((True, True), (False, False))
    key = keys.KeyFile.open(key_path, log=station.path)
    log = AuditLog.open(station.path, box=BOX, domain=DOMAIN, key=key, witness=station.witness)
    assert (log.health().log, log.health().boot, log.health().epoch_pending) == (1, 2, False)
    changed = moment != "prepared"
    assert len(log.keys.keys) == 1 + changed
    assert note_key(ORIGIN, keys.load_or_create(key_path)) == log.keys.newest
    append_all(log, [draft()])
    assert log.rotate_key().result(8).keys[-1] == log.keys.newest
    append_all(log, [draft()])
    log.close()
    assert [file.name for file in sorted(key_path.parent.glob("log_key*"))] == ["log_key.pem"]
    assert verified(station, station.label()).status in SOUND
    reader = station.reader()
    assert [event.type for event in reader.events(0, 99)].count("key.rotated") == 1 + changed
    reader.close()


def test_a_log_that_was_set_back_before_the_change_begins_the_next_epoch(station: Rotating) -> None:
    """Whoever restores last month's card does not have this month's key say so."""
    station.open().close()
    kept = station.path.read_bytes()
    rotated(station)
    for file in station.path.parent.glob("audit.db*"):
        file.unlink()
    station.path.write_bytes(kept)
    log = station.open()
    assert (log.health().log, log.health().epoch_pending) == (2, True)
    log.close()
    reader = station.reader()
    assert "a valid signature" in reader.events(0, 1)[0].data["reason"]
    reader.close()


def test_an_old_copy_of_the_key_stops_the_start_and_leaves_the_log_alone(station: Rotating) -> None:
    """The good log must not be taken for a bad one because somebody restored last year's key."""
    chain = rotated(station)
    new = station.key_path.read_bytes()
    _write(station.key_path, station.first)
    with pytest.raises(AuditError, match="from the copy that was made after the change") as refused:
        station.open()
    assert not isinstance(refused.value, DamagedLogError)
    assert chain.newest.vkey() in str(refused.value)
    station.key_path.write_bytes(new)
    log = station.open()
    assert (log.health().log, log.keys) == (1, chain)
    log.close()
    _write(station.key_path, Ed25519PrivateKey.generate())
    log = station.open()
    assert log.health().log == 2, "a key that never signed it: whose log this is nobody can say"
    log.close()


# --- forgeries ------------------------------------------------------------------------------------------------------


def edit(station: Station, statement: str, *values: object) -> None:
    with sqlite3.connect(station.path) as db:
        db.execute(statement, values)
    db.close()


def test_a_list_of_keys_that_does_not_fit_the_records_is_found(station: Rotating) -> None:
    rotated(station)
    reader = station.reader()
    (change,) = reader.rotations()
    reader.close()
    kept = station.path.read_bytes()
    more = rotate(ORIGIN, change.first + 1, keys.load_or_create(station.key_path), Ed25519PrivateKey.generate())
    row = "INSERT OR REPLACE INTO meta VALUES (?, ?)"
    for statement, values in (
        ("DELETE FROM meta WHERE key LIKE 'key.%'", ()),
        (row, (f"key.{change.first}", "{}")),
        (row, (f"key.{change.first}", "rubbish")),
        (row, ("key.one", msgspec.json.encode(change).decode())),
        (row, (f"key.{change.first + 1}", msgspec.json.encode(change).decode())),
        (row, (f"key.{more.first}", msgspec.json.encode(more).decode())),
        ("UPDATE meta SET value=replace(value, '\"endorsed\":\"', '\"endorsed\":\"A') WHERE key LIKE 'key.%'", ()),
    ):
        station.path.write_bytes(kept)
        edit(station, statement, *values)
        report = verified(station, station.label())
        assert report.status is Outcome.TAMPERED, (statement, values, report)
        assert report.reason in (Reason.KEY, Reason.SIGNATURE), report


def forge(station: Rotating, stolen: Ed25519PrivateKey, folder: Path) -> Station:
    """Another history by whoever has the key that was changed: the same number of events, and a change of his own."""
    other = Rotating(folder)
    shutil.copy(station.key_path, other.key_path)
    other.key_path.write_bytes(b"")
    _write(other.key_path, stolen)
    other.witness, other.witness_key = station.witness, station.witness_key
    log = other.open()
    append_all(log, [draft({"n": number, "forged": True}) for number in range(3)])
    log.rotate_key().result(8)
    append_all(log, [draft({"n": number}) for number in range(3)])
    log.close()
    return other


def test_a_history_by_the_holder_of_a_changed_key_is_found_by_whoever_knows_the_new_one(
    station: Rotating, tmp_path: Path
) -> None:
    """A stolen key endorses what its thief likes; the keys that the bridge knows tell the two apart."""
    chain = rotated(station)
    forged = forge(station, station.first, tmp_path / "forged")
    label = verified(forged, [chain.keys[0]])
    assert label.status in SOUND, "with the label of the old key alone nobody can tell"
    known = verified(forged, [*chain.keys, station.witness])
    assert (known.status, known.reason) == (Outcome.TAMPERED, Reason.KEY)
    newest = verified(forged, [chain.newest, station.witness])
    assert (newest.status, newest.reason) == (Outcome.TAMPERED, Reason.KEY)
    reader = station.reader()
    ack = reader.witnessed()
    reader.close()
    assert ack is not None
    assert verified(forged, [chain.keys[0], station.witness], (ack.note,)).status is Outcome.INCONSISTENT


def test_a_log_that_ends_before_a_trusted_key_began_is_shorter_than_it_was(station: Rotating) -> None:
    log = station.open()
    append_all(log, [draft()])
    log.close()
    kept = station.path.read_bytes()
    chain = rotated(station)
    station.path.write_bytes(kept)
    report = verified(station, [*chain.keys, station.witness])
    assert (report.status, report.reason) == (Outcome.INCONSISTENT, Reason.SHORTER)
    assert verified(station, station.label()).status in SOUND


def test_a_checkpoint_by_a_key_whose_time_is_over_is_found(station: Rotating) -> None:
    """The old key's holder signs the true log once more: right leaves, wrong key."""
    from contracts.checkpoint import Checkpoint, sign

    rotated(station)
    reader = station.reader()
    newest = reader.checkpoint()
    assert newest is not None
    root = reader.subtree()(0, newest[0])
    reader.close()
    edit(
        station, "UPDATE checkpoint SET note=? WHERE size=?",
        sign(Checkpoint(ORIGIN, newest[0], root), ORIGIN, station.first), newest[0],
    )  # fmt: skip
    report = verified(station, station.label())
    assert (report.status, report.reason) == (Outcome.TAMPERED, Reason.SIGNATURE)
    assert "a key signs nothing before its time" in report.detail


# --- cases ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def case(station: Rotating, tmp_path: Path) -> tuple[Rotating, Path, KeyChain]:
    chain = rotated(station, 2)
    reader = station.reader()
    out = tmp_path / "case.zip"
    pack.export(reader, out, Span(reader.size() - 3, reader.size() - 2), [*station.label()])
    reader.close()
    return station, out, chain


def test_a_case_brings_along_how_its_key_follows_from_the_label(case: tuple[Rotating, Path, KeyChain]) -> None:
    station, out, chain = case
    for trust in (station.label(), [chain.keys[1], station.witness], [*chain.keys, station.witness]):
        report = check.verify_case(out, trust)
        assert report.exit_code in (0, 4), report
        lines = verifier.read_keys("".join(f"{key.vkey()}\n" for key in trust))
        assert verifier.verify_case(verifier.Pack(str(out)), lines).code == report.exit_code
    strange = note_key(ORIGIN, Ed25519PrivateKey.generate())
    for trust in ([strange, station.witness], [chain.keys[0], strange, station.witness]):
        assert check.verify_case(out, trust).exit_code == 1
        lines = verifier.read_keys("".join(f"{key.vkey()}\n" for key in trust))
        assert verifier.verify_case(verifier.Pack(str(out)), lines).code == 1


def test_the_notes_of_every_span_are_checked_with_its_own_key(station: Rotating) -> None:
    """Held notes of all times verify; one by the wrong key is refused."""
    chain = rotated(station, 2)
    with sqlite3.connect(station.path) as db:
        notes = tuple(note for (note,) in db.execute("SELECT note FROM checkpoint ORDER BY size"))
    db.close()
    assert len(notes) == 4
    assert verified(station, station.label(), notes).status in SOUND
    assert verify_file(station.path, [chain.keys[2]], notes).status in SOUND
    assert WITNESS
    reader = Reader.open(station.path)
    assert len(reader.rotations()) == 2
    reader.close()
    log = station.open()
    assert checkpoint(log)
    log.close()
