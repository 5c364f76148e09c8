"""The single-file verifier never ends with a code that says what it did not find out (PTW-18, ANT-09)."""

import contextlib
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from edge.audit.case import span, verifier
from tests.edge.audit.site import Station, append_all, witness
from tests.edge.audit.test_case import make
from tests.edge.audit.work import morning


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Station:
    station = Station(tmp_path_factory.mktemp("log"))
    log = station.open(checkpoint_s=60)
    append_all(log, morning())
    witness(station, log)
    log.close()
    return station


@pytest.fixture
def keys(station: Station, tmp_path: Path) -> Path:
    path = tmp_path / "keys.txt"
    path.write_text("".join(f"{key.vkey()}\n" for key in station.trust()), encoding="utf-8")
    return path


@pytest.fixture
def case(station: Station, tmp_path: Path) -> Path:
    return make(station, tmp_path, span.Span(0, 10))


def _said(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, Any]:
    capsys.readouterr()
    code = verifier.main([*map(str, words), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert said["exit_code"] == code
    return code, said["why"]


def test_wrong_use_is_three_as_two_contradicts_the_witness(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--bogus"], [str(case), "more"], [str(case), "--lang", "fr"], [str(case), "--trust"]):
        with pytest.raises(SystemExit) as ended:
            verifier.main(words)
        assert ended.value.code == 3
        assert "usage" in capsys.readouterr().err


def test_held_notes_that_are_not_there_are_three(case: Path, station: Station, keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It ended with a traceback, whose 1 says that the log was changed."""
    for held in (tmp_path / "none", keys):
        code, why = _said(capsys, station.path, "--trust", keys, "--held", held)
        assert (code, "held notes" in why) == (3, True)
    (tmp_path / "empty").mkdir()
    assert _said(capsys, station.path, "--trust", keys, "--held", tmp_path / "empty")[0] == 3


def _member(case: Path, name: str) -> tuple[int, int]:
    """Where a file's own bytes stand in the zip."""
    with zipfile.ZipFile(case) as opened:
        found = opened.getinfo(name)
    raw = case.read_bytes()
    start = found.header_offset + 30 + len(name) + int.from_bytes(raw[found.header_offset + 28 :][:2], "little")
    return start, start + found.compress_size


def test_keys_in_a_case_that_cannot_be_read_are_three(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Damaged or encrypted, and none was named with --trust."""
    assert _said(capsys, case)[0] == 0
    sound = case.read_bytes()
    first, last = _member(case, "vkeys.txt")
    for at in range(first, last, 7):
        raw = bytearray(sound)
        raw[at] ^= 0xFF
        case.write_bytes(raw)
        assert _said(capsys, case)[0] == 3, at
    raw = bytearray(sound)
    with zipfile.ZipFile(case) as opened:
        local = opened.getinfo("vkeys.txt").header_offset
    central = sound.index(b"PK\x01\x02", last)
    while sound[central + 46 : central + 55] != b"vkeys.txt":
        central = sound.index(b"PK\x01\x02", central + 4)
    raw[local + 6] |= 1
    raw[central + 8] |= 1
    case.write_bytes(raw)
    code, why = _said(capsys, case)
    assert (code, "encrypted" in why) == (3, True)


HOSTILE = {
    "a size is text": "INSERT INTO checkpoint SELECT 'x', note, frontier FROM checkpoint LIMIT 1",
    "a size is nothing": "INSERT INTO checkpoint SELECT NULL, note, frontier FROM checkpoint LIMIT 1",
    "a size is a fraction": "INSERT INTO checkpoint SELECT 1.5, note, frontier FROM checkpoint LIMIT 1",
    "a witness's size is text": "INSERT INTO ack SELECT 'x', note, time_s FROM ack LIMIT 1",
    "a witness's size is nothing": "INSERT INTO ack SELECT NULL, note, time_s FROM ack LIMIT 1",
    "a note is a number": "UPDATE checkpoint SET note=5",
    "a note is nothing": "UPDATE ack SET note=NULL",
    "a frontier is nothing": "UPDATE checkpoint SET frontier=NULL",
    "a hash is a number": "UPDATE event SET leaf=7 WHERE seq=3",
    "a body is nothing": "UPDATE event SET body=NULL WHERE seq=3",
    "a seq is text": "UPDATE event SET seq='x' WHERE seq=3",
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_tables_without_their_types_are_a_finding(station: Station, keys: Path, tmp_path: Path, change: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever makes the file makes its tables, too: the names alone are the log's."""
    path = tmp_path / "audit.db"
    shutil.copy(station.path, path)
    with contextlib.closing(sqlite3.connect(path)) as db:
        for name in ("event_stays", "event_remains"):
            db.execute(f"DROP TRIGGER {name}")
        for name in ("event", "checkpoint", "ack"):
            db.execute(f"CREATE TABLE x AS SELECT * FROM {name}")
            db.execute(f"DROP TABLE {name}")
            db.execute(f"ALTER TABLE x RENAME TO {name}")
        for name in ("event_stays", "event_remains"):
            db.execute(f"CREATE TRIGGER {name} BEFORE DELETE ON tile BEGIN SELECT 1; END")
        db.commit()
        assert _said(capsys, path, "--trust", keys)[0] == 0, "the control: the types alone change nothing"
        assert db.execute(change).rowcount > 0
        db.commit()
    code, why = _said(capsys, path, "--trust", keys)
    assert (code, bool(why)) == (1, True)


def test_what_nobody_foresaw_says_nothing_about_the_case(case: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def failing(*_: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(verifier, "verify_case", failing)
    assert _said(capsys, case) == (3, "MemoryError: no room")


def test_without_the_package_it_says_what_to_install(case: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(case) as opened:
        opened.extractall(tmp_path / "case")
    program = "import sys, runpy; sys.modules['cryptography'] = None; runpy.run_path(sys.argv[1], run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, str(tmp_path / "case" / "verify.py")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "pip install cryptography" in done.stderr, "Traceback" in done.stderr) == (3, True, False)


@pytest.mark.parametrize("seed", range(4))
def test_no_bent_case_ends_in_an_error(case: Path, seed: int, keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bytes anywhere in the zip are changed, cut out or doubled: a code of its own is given, never Python's."""
    chance, sound = random.Random(seed), case.read_bytes()
    for _ in range(60):
        raw = bytearray(sound)
        at = chance.randrange(len(raw))
        match chance.randrange(3):
            case 0:
                raw[at] ^= 1 << chance.randrange(8)
            case 1:
                del raw[at : at + chance.randrange(1, 40)]
            case _:
                raw[at:at] = raw[at : at + chance.randrange(1, 40)]
        case.write_bytes(raw)
        for words in ((), ("--trust", keys)):
            code, why = _said(capsys, case, *words)
            assert (code == 0 and not why) or code in (1, 3), (at, code, why)
