"""`hotbox audit prove` and `--check`: one event, proven and checked away from its log, over a change of key (PTW-18, ANT-09)."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from contracts.checkpoint import NoteKey, note_key
from edge.audit import keys
from edge.audit.cli import app
from edge.audit.keys import KeyFile
from tests.edge.audit.site import BOX, DOMAIN, Station, append_all, draft, witness
from tests.edge.audit.test_retention import BATCH, _pruned, quick

__all__ = ["quick"]


def _run(*words: object) -> Result:
    return CliRunner().invoke(app, ["prove", *map(str, words)], env={"HOTBOX_LANG": "en", "COLUMNS": "200"}, obj=None)


def _trust(path: Path, *known: NoteKey) -> Path:
    path.write_text("".join(f"{key.vkey()}\n" for key in known), encoding="utf-8")
    return path


@pytest.fixture
def rotated(station: Station, tmp_path: Path) -> tuple[Station, Path]:
    """A log with two keys; the label names the first alone. Seq 3 is witnessed under the first, seq 9 under no witness."""
    pem = tmp_path / "keys" / "log_key.pem"
    label = note_key(f"hotbox.{DOMAIN}/{BOX}/1", keys.load_or_create(pem))
    station.key = KeyFile.open(pem, log=station.path)  # type: ignore[assignment]
    log = station.open(checkpoint_s=60)
    append_all(log, [draft({"n": number}) for number in range(4)])
    witness(station, log)
    log.rotate_key().result(8)
    append_all(log, [draft({"n": number}) for number in range(4)])
    log.close()
    return station, _trust(tmp_path / "label.txt", label, station.witness)


def test_a_proof_is_checked_without_the_log_under_the_key_before_and_after(rotated: tuple[Station, Path], tmp_path: Path) -> None:
    station, label = rotated
    for seq, code in ((3, 0), (8, 4)):
        out = tmp_path / f"{seq}.json"
        assert _run(seq, "--db", station.path, "--json", "-o", out).exit_code == 0
        done = _run("--check", out, "--trust", label, "--json")
        assert (done.exit_code, json.loads(done.output)["seq"]) == (code, seq), done.output
        assert "it holds" in _run("--check", out, "--trust", label).output
        plain = tmp_path / f"{seq}.tlog-proof"
        assert _run(seq, "--db", station.path, "-o", plain).exit_code == 0
        assert _run("--check", plain, "--trust", label, "--db", station.path).exit_code == code
        assert _run("--check", plain, "--trust", label, "--db", tmp_path / "none.db").exit_code == 3


def test_a_bent_proof_does_not_hold(rotated: tuple[Station, Path], tmp_path: Path) -> None:
    station, label = rotated
    sound = json.loads(_run(3, "--db", station.path, "--json").output)
    other = json.loads(_run(2, "--db", station.path, "--json").output)
    file = tmp_path / "bent.json"
    for change in (
        {"leaf": other["leaf"]}, {"seq": 2}, {"leaf": sound["leaf"].replace('"n":2', '"n":7')},
        {"proof": sound["proof"].replace("index 3", "index 2")}, {"proof": sound["proof"][:-9] + "AAAAAAA=\n"},
    ):  # fmt: skip
        file.write_text(json.dumps(sound | change))
        assert _run("--check", file, "--trust", label).exit_code in (1, 4), change
        assert change == {"proof": sound["proof"][:-9] + "AAAAAAA=\n"} or _run("--check", file, "--trust", label).exit_code == 1
    stranger = _trust(tmp_path / "stranger.txt", Station(tmp_path / "x").trust()[0])
    file.write_text(json.dumps(sound))
    assert _run("--check", file, "--trust", stranger).exit_code in (1, 3)
    for text in ("", "{", "rubbish", '{"seq": 1}'):
        file.write_text(text)
        assert _run("--check", file, "--trust", label, "--db", station.path).exit_code == 3
    assert _run("--check", tmp_path / "none", "--trust", label).exit_code == 3
    assert _run("--db", station.path).exit_code == 3
    assert _run(3, "--check", file, "--db", station.path, "--trust", label).exit_code == 3


@pytest.mark.usefixtures("quick")
def test_a_proof_of_deleted_bytes_says_who_has_them(station: Station, tmp_path: Path) -> None:
    """It used to print an empty event."""
    _pruned(station).close()
    label, out = _trust(tmp_path / "label.txt", *station.trust()), tmp_path / "proof.json"
    done = _run(BATCH - 1, "--db", station.path, "--json", "-o", out)
    assert (done.exit_code, "the bridge has them" in done.output) == (0, True)
    assert json.loads(out.read_text())["leaf"] is None
    assert _run("--check", out, "--trust", label, "--db", station.path).exit_code == 3
