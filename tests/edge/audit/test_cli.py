"""`hotbox audit`: exit codes, JSON, both languages, an export that verifies elsewhere (PTW-06, ANT-09)."""

import json
import re
import stat
import tempfile
import zipfile
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner as ClickRunner
from typer.testing import CliRunner, Result

from contracts.checkpoint import note_key
from contracts.errors import ContractError
from contracts.event import Category
from edge.audit import keys
from edge.audit.cli import app
from edge.cli.app import build as hotbox
from tests.edge.audit.site import BOX, DOMAIN, Station, append_all, checkpoint, draft, witness

EXAMPLE = Path(__file__).parents[3] / "configs" / "box.example.yaml"


def _run(*words: object, lang: str = "en_US.UTF-8") -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"HOTBOX_LANG": lang, "COLUMNS": "200"}, obj=None)


@pytest.fixture
def trust(station: Station, tmp_path: Path) -> Path:
    log = station.open()
    append_all(log, [draft({"n": number}) for number in range(5)])
    append_all(log, [draft({"n": 1}, what="permit.accepted", cat=Category.PERMIT)])
    witness(station, log)
    log.close()
    path = tmp_path / "trust.txt"
    path.write_text("# keys\n" + "".join(f"{key.vkey()}\n" for key in station.trust()), encoding="utf-8")
    return path


def test_verify_says_ok_and_exits_0(station: Station, trust: Path) -> None:
    result = _run("verify", "--db", station.path, "--trust", trust)
    assert result.exit_code == 0
    assert "unchanged and witnessed" in result.output
    chinese = _run("verify", "--db", station.path, "--trust", trust, lang="zh_CN.UTF-8")
    assert "全部已见证" in chinese.output
    parsed = json.loads(_run("verify", "--db", station.path, "--trust", trust, "--json").output)
    assert (parsed["status"], parsed["size"], parsed["exit_code"]) == ("ok", 7, 0)


def test_verify_names_a_flipped_byte_and_exits_1(station: Station, trust: Path) -> None:
    """ANT-09: one flipped byte in a copy is found and named."""
    raw = station.path.read_bytes()
    at = raw.index(b'"data":{"n":3}')
    station.path.write_bytes(raw[:at] + raw[at:].replace(b'{"n":3}', b'{"n":4}', 1))
    result = _run("verify", "--db", station.path, "--trust", trust)
    assert result.exit_code == 1
    assert "seq 4" in result.output


def test_verify_exits_4_with_an_unwitnessed_tail_2_against_held_notes_and_3_on_misuse(station: Station, trust: Path, tmp_path: Path) -> None:
    saved = station.path.read_bytes()
    log = station.open()
    held = tmp_path / "held"
    held.mkdir()
    (held / "note").write_text(checkpoint(log), encoding="utf-8")
    log.close()
    assert _run("verify", "--db", station.path, "--trust", trust, "--held", held).exit_code == 4
    assert "1 event is not witnessed yet" in _run("verify", "--db", station.path, "--trust", trust).output
    station.path.write_bytes(saved)
    assert _run("verify", "--db", station.path, "--trust", trust, "--held", held).exit_code == 2
    assert _run("verify", "--db", tmp_path / "no.db", "--trust", trust).exit_code == 3
    assert _run("verify", "--db", station.path).exit_code == 3
    assert _run("verify", "--db", station.path, "--trust", tmp_path / "no.txt").exit_code == 3


def test_configuration_names_the_log_and_the_keys(station: Station, trust: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`hotbox -c FILE audit verify` needs nothing else."""
    monkeypatch.setenv("HOTBOX_LANG", "en")  # the whole command line sets it; this puts it back
    assert trust.exists()
    keys.publish(station.path.parents[1] / "log.vkey", station.trust()[0].name, station.key)
    (tmp_path / "witness.vkey").write_text(station.witness.vkey(), encoding="utf-8")
    whole = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    whole |= {"box": BOX, "domain": DOMAIN, "data": str(tmp_path)}
    whole["bridge"]["witness"] = str(tmp_path / "witness.vkey")
    config = tmp_path / "box.yaml"
    config.write_text(yaml.safe_dump(whole), encoding="utf-8")
    result = ClickRunner().invoke(hotbox(), ["-c", str(config), "--lang", "en", "audit", "verify", "--json"])
    assert (result.exit_code, json.loads(result.output)["witnessed"]) == (0, 7)
    assert CliRunner().invoke(app, ["verify"], obj=tmp_path / "none.yaml").exit_code == 3


def test_tail_and_status_show_the_log(station: Station, trust: Path) -> None:
    assert trust.exists()
    lines = _run("tail", "--db", station.path, "-n", "3", "--json").output.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [4, 5, 6]
    assert "permit.accepted" in _run("tail", "--db", station.path).output
    shown = json.loads(_run("status", "--db", station.path, "--json").output)
    assert (shown["size"], shown["witnessed"], shown["oldest_unwitnessed_s"]) == (7, 7, 0)
    assert "已见证至" in _run("status", "--db", station.path, lang="zh").output
    assert _run("tail", "--db", station.path.with_name("no.db")).exit_code == 3


def test_export_of_everything_brings_the_whole_log(station: Station, trust: Path, tmp_path: Path) -> None:
    """PTW-06: one bundle that verifies offline."""
    out = tmp_path / "case.zip"
    result = _run("export", "-o", out, "--db", station.path, "--trust", trust, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.output) | {"file": ""} == {
        "file": "", "first": 0, "last": 6, "events": 7, "withheld": 0, "witnessed": 7,
    }  # fmt: skip
    with zipfile.ZipFile(out) as pack:
        pack.extractall(tmp_path / "case")
    case = tmp_path / "case"
    assert _run("verify", "--db", case / "audit.db", "--trust", case / "vkeys.txt").exit_code == 0
    assert "案卷" in (case / "README.txt").read_text(encoding="utf-8")
    again = _run("export", "-o", out, "--db", station.path, "--trust", trust)
    assert (again.exit_code, "name another file" in again.output) == (3, True), again.output
    chinese = _run("export", "-o", tmp_path / "zh.zip", "--db", station.path, "--trust", trust, lang="zh")
    assert "7 个事件" in chinese.output


def test_export_of_a_span_verifies_without_the_whole_log(station: Station, trust: Path, tmp_path: Path) -> None:
    """The same exit codes; what needs the whole log says so."""
    out = tmp_path / "span.zip"
    words = ("export", "--db", station.path, "--trust", trust)
    assert _run(*words, "-o", out, "--from", "2", "--to", "4").exit_code == 0
    with zipfile.ZipFile(out) as pack:
        assert "audit.db" not in pack.namelist()
    said = _run("verify", "--db", out, "--trust", trust)
    assert (said.exit_code, "between seq 2 and 4" in said.output) == (0, True)
    assert "序号 2 至 4" in _run("verify", "--db", out, "--trust", trust, lang="zh").output
    assert _run("tail", "--db", out).exit_code == 3
    held = tmp_path / "held"
    held.mkdir()
    (held / "note").write_text("x", encoding="utf-8")
    refused = _run("verify", "--db", out, "--trust", trust, "--held", held)
    assert (refused.exit_code, "whole log" in refused.output) == (3, True)
    assert _run(*words, "-o", tmp_path / "dated.zip", "--from", "2020-01-01 08:00", "--to", "3").exit_code == 0
    for wrong in (("--from", "soon"), ("--from", "9"), ("--permit", "none"), ("--permit", "p", "--to", "3")):
        assert _run(*words, "-o", tmp_path / "no.zip", *wrong).exit_code == 3
        assert not (tmp_path / "no.zip").exists()


def test_the_zip_itself_is_verified_and_shown(station: Station, trust: Path, tmp_path: Path) -> None:
    """PTW-06: the investigator hands over what was handed over, unpacked by nobody."""
    out = tmp_path / "case.zip"
    assert _run("export", "-o", out, "--db", station.path, "--trust", trust).exit_code == 0
    assert _run("verify", "--db", out, "--trust", trust).exit_code == 0
    own_keys = _run("verify", "--db", out, "--trust", out)
    assert own_keys.exit_code == 0
    assert "compare them with the box's label" in own_keys.output
    assert "permit.accepted" in _run("tail", "--db", out).output
    assert not list(Path(tempfile.gettempdir()).glob("hotbox-audit-*"))
    raw = bytearray(out.read_bytes())
    raw[len(raw) // 2] ^= 1
    out.write_bytes(bytes(raw))
    assert _run("verify", "--db", out, "--trust", trust).exit_code in (1, 3)


def test_a_zip_that_is_no_export_is_refused(trust: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as pack:
        pack.writestr("holiday.txt", "sea")
    result = _run("verify", "--db", other, "--trust", trust)
    assert result.exit_code == 3
    assert "hotbox audit export" in result.output
    assert _run("verify", "--db", other, "--trust", other).exit_code == 3


def test_held_notes_that_say_nothing_about_this_log_are_refused(station: Station, trust: Path, tmp_path: Path) -> None:
    """An empty folder would read as "agrees with what the bridge holds"."""
    held = tmp_path / "held"
    held.mkdir()
    result = _run("verify", "--db", station.path, "--trust", trust, "--held", held)
    assert result.exit_code == 3
    assert "no note in" in result.output
    (held / "note").write_text("hotbox.example/another-box/1\n5\nAAAA\n", encoding="utf-8")
    result = _run("verify", "--db", station.path, "--trust", trust, "--held", held)
    assert result.exit_code == 3
    assert "none of the 1 notes speaks of" in result.output


def test_tail_prints_no_control_characters(station: Station) -> None:
    """What strangers write must not steer the terminal of who reads it."""
    log = station.open()
    append_all(log, [draft({"why": "\x1b[2J\x07\x9b1m\u202e"}, what="a\x1b[31mb")])
    log.close()
    for words in ((), ("--json",)):
        shown = _run("tail", "--db", station.path, "-n", "1", *words).output
        assert shown.strip().isprintable()
    assert json.loads(shown)["data"]["why"] == "\x1b[2J\x07\x9b1m\u202e"


def test_prove_writes_a_tlog_proof(station: Station, trust: Path, tmp_path: Path) -> None:
    assert trust.exists()
    out = tmp_path / "3.tlog-proof"
    assert _run("prove", "3", "--db", station.path, "-o", out).exit_code == 0
    assert out.read_text(encoding="utf-8").startswith("c2sp.org/tlog-proof@v1\nindex 3\n")
    assert _run("prove", "99", "--db", station.path).exit_code == 3


def test_key_is_made_once_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "log.pem"
    key = keys.load_or_create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keys.load_or_create(path).private_bytes_raw() == key.private_bytes_raw()
    public = keys.publish(path.with_suffix(".vkey"), "hotbox.example/box-1/1", key)
    assert keys.read_vkeys(path.with_suffix(".vkey")) == [public]
    path.chmod(0o640)
    with pytest.raises(ContractError, match="0600"):
        keys.load_or_create(path)


def test_keys_show_the_labels_fingerprint_and_whether_they_sign_this_log(station: Station, trust: Path, tmp_path: Path) -> None:
    said = _run("keys", "--db", station.path, "--trust", trust, "--json")
    found = json.loads(said.output)["keys"]
    assert (said.exit_code, [key["role"] for key in found], [key["in_force"] for key in found]) == (0, ["box", "witness"], [True, True])
    label = found[0]["fingerprint"]
    assert re.fullmatch("([0-9a-f]{4} ){7}[0-9a-f]{4}", label)
    assert label in _run("keys", "--db", station.path, "--trust", trust).output
    assert "指纹" in _run("keys", "--db", station.path, "--trust", trust, lang="zh").output
    other = Station(tmp_path / "other")
    strange = tmp_path / "strange.txt"
    for keys_of in (other.trust(), [note_key("hotbox.example/box-2/1", station.key)]):
        strange.write_text("".join(f"{key.vkey()}\n" for key in keys_of), encoding="utf-8")
        said = _run("keys", "--db", station.path, "--trust", strange, "--json")
        assert (said.exit_code, json.loads(said.output)["keys"][0]["in_force"]) == (1, False)
    strange.write_text("not a key", encoding="utf-8")
    assert _run("keys", "--db", station.path, "--trust", strange).exit_code == 3


def test_keys_of_a_log_that_nobody_witnessed_are_not_called_wrong(station: Station, tmp_path: Path) -> None:
    station.open().close()
    path = tmp_path / "trust.txt"
    path.write_text("".join(f"{key.vkey()}\n" for key in station.trust()), encoding="utf-8")
    said = _run("keys", "--db", station.path, "--trust", path, "--json")
    assert (said.exit_code, [key["in_force"] for key in json.loads(said.output)["keys"]]) == (0, [True, None])


def test_witness_tells_who_vouches_for_how_much(station: Station, trust: Path, tmp_path: Path) -> None:
    words = ("witness", "--db", station.path, "--trust", trust)
    said = _run(*words, "--json")
    (found,) = json.loads(said.output)["witnesses"]
    assert (said.exit_code, found["size"], found["time_s"], found["tail"]) == (0, 7, 1_790_000_000, 0)
    log = station.open()
    log.close()
    said = _run(*words)
    assert (said.exit_code, "not witnessed after that: 1" in said.output) == (4, True), said.output
    assert "见证至序号 6" in _run(*words, lang="zh").output
    other = Station(tmp_path / "other")
    strange = tmp_path / "strange.txt"
    strange.write_text("".join(f"{key.vkey()}\n" for key in other.trust()), encoding="utf-8")
    said = _run("witness", "--db", station.path, "--trust", strange)
    assert (said.exit_code, "nothing yet" in said.output) == (1, True)
    strange.write_text(f"{station.trust()[0].vkey()}\n", encoding="utf-8")
    said = _run("witness", "--db", station.path, "--trust", strange)
    assert (said.exit_code, "--trust" in said.output) == (1, True)
