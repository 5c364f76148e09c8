"""A case: what it holds, that two verifiers agree on it, that it tells no more than it may (PTW-06, PTW-18, ANT-09)."""

import hashlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import cffi
import cryptography
import msgspec
import pytest

from contracts import event as events
from contracts.checkpoint import Checkpoint, sign
from contracts.errors import ContractError
from contracts.event import Severity
from edge.audit.case import pack, span, verifier
from edge.audit.case.check import exported_keys, extract, verify_case
from edge.audit.report import Outcome, Reason
from tests.edge.audit.site import Station, append_all, checkpoint, witness
from tests.edge.audit.work import HOSTILE, OTHER, PERMIT, accepted, morning, note

FIRST, LAST = 2, 18  # the permit's first and last event; seq 0 is system.boot, 1 site.loaded
WITHHELD = 4  # a command by somebody at the box, two events of the other permit, one that names it


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Station:
    """A morning of work, witnessed, and two more events that are only signed."""
    station = Station(tmp_path_factory.mktemp("log"))
    log = station.open(checkpoint_s=60)
    append_all(log, morning())
    witness(station, log)
    append_all(log, [note("system.stop", permit=""), note("relay.opened", permit="")])
    checkpoint(log)
    log.close()
    return station


def make(station: Station, folder: Path, asked: span.Span | None = None, *, whole: bool = False) -> Path:
    target = folder / "case.zip"
    target.unlink(missing_ok=True)
    reader = station.reader()
    try:
        pack.export(reader, target, asked or span.of_permit(reader, PERMIT), station.trust(), whole=whole)
    finally:
        reader.close()
    return target


def opinions(case: Path, station: Station) -> tuple[int, int]:
    """Exit codes of both verifiers."""
    ours = verify_case(case, station.trust()).exit_code
    keys = verifier.read_keys("".join(f"{key.vkey()}\n" for key in station.trust()))
    try:
        theirs = verifier.verify_case(verifier.Pack(str(case)), keys).code
    except verifier.Problem as problem:
        theirs = problem.code
    return ours, theirs


@pytest.fixture
def case(station: Station, tmp_path: Path) -> Path:
    return make(station, tmp_path)


def test_a_witnessed_span_verifies_and_both_verifiers_say_so(case: Path, station: Station) -> None:
    report = verify_case(case, station.trust())
    assert (report.status, report.first, report.size, report.withheld) == (Outcome.OK, FIRST, LAST + 1, WITHHELD)
    assert report.witnessed_at == 1_790_000_000
    assert opinions(case, station) == (0, 0)
    assert "withheld" in " ".join(report.lines(chinese=False))


def test_a_span_beyond_the_witness_is_signed_by_the_box_alone(station: Station, tmp_path: Path) -> None:
    reader = station.reader()
    size = reader.size()
    reader.close()
    case = make(station, tmp_path, span.Span(5, size - 1))
    report = verify_case(case, station.trust())
    assert (report.status, report.unwitnessed) == (Outcome.UNWITNESSED, 2)
    assert report.oldest_unwitnessed_t > 0
    assert opinions(case, station) == (4, 4)
    tail = make(station, tmp_path, span.Span(size - 1, size - 1))
    assert (verify_case(tail, station.trust()).witnessed, opinions(tail, station)) == (0, (4, 4))


def test_every_span_of_the_log_verifies(station: Station, tmp_path: Path) -> None:
    for first, last in ((0, 0), (0, 20), (7, 7), (3, 12), (16, 20)):
        assert opinions(make(station, tmp_path, span.Span(first, last)), station)[0] in (0, 4)
        assert len(set(opinions(make(station, tmp_path, span.Span(first, last)), station))) == 1
    with pytest.raises(ContractError):
        make(station, tmp_path, span.Span(4, 10_000))


def test_a_permit_gives_no_other_permits_data(case: Path) -> None:
    """Not in any file of the case, packed or not: no name, no number, no word."""
    with zipfile.ZipFile(case) as opened:
        for name in opened.namelist():
            body = opened.read(name)
            for secret in (OTHER, "Olga Other", "Otto Other", "the other yard", '"k":"cli"'):
                assert secret.encode() not in body, (name, secret)
        lines = opened.read("entries.jsonl").split(b"\n")[:-1]
    assert sum(line.startswith(b'{"withheld"') for line in lines) == WITHHELD
    assert len(lines) == LAST - FIRST + 1


def test_with_entangled_events_only_what_names_both_comes_along(station: Station, tmp_path: Path) -> None:
    reader = station.reader()
    case = make(station, tmp_path, span.of_permit(reader, PERMIT, entangled=True))
    with pytest.raises(ContractError, match="--permit"):
        span.of_permit(reader, "DH-none")
    reader.close()
    with zipfile.ZipFile(case) as opened:
        body = opened.read("entries.jsonl")
    assert body.count(b'{"withheld"') == WITHHELD - 1
    assert b"Otto Other" not in body


def test_a_number_that_is_cut_in_two_by_the_pieces_of_a_part_is_still_found(tmp_path: Path) -> None:
    """The claims of another permit, written beside a decision of this one."""
    station = Station(tmp_path)
    log = station.open()
    stray = accepted(OTHER)
    text = "".join(stray.data["snapshot"])
    cut = text.index(OTHER) + 5
    pieces = msgspec.structs.replace(
        stray, type="record.part", permit=PERMIT, data={**stray.data, "snapshot": [text[:cut], text[cut:]]}
    )
    append_all(log, [accepted(PERMIT), note("permit.accepted", permit=OTHER), pieces, note("work.finished")])
    checkpoint(log)
    log.close()
    with zipfile.ZipFile(make(station, tmp_path)) as opened:
        assert b"Olga Other" not in opened.read("entries.jsonl")


def test_tables_answer_who_what_and_when(case: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(case) as opened:
        opened.extract("log.sqlite", tmp_path)
    db = sqlite3.connect(tmp_path / "log.sqlite")
    assert db.execute("SELECT name FROM who WHERE role='guardian'").fetchall() == [("李监护",)]
    assert db.execute("SELECT count(*) FROM event").fetchone() == (LAST - FIRST + 1 - WITHHELD,)
    trip = db.execute('SELECT first_out, value, "limit", unit, clause, was_released, opened_after_ms FROM trip').fetchall()
    assert trip == [("gas_high", 18.0, 10.0, "%LEL", "GB 30871-2022 5.3.2", 1, 5)]
    assert db.execute("SELECT highest FROM gas_extremes WHERE chan='ch4-1'").fetchone() == (18.0,)
    assert db.execute("SELECT pack FROM decision").fetchall() == [("gb30871-2022",)] * 2
    assert db.execute("SELECT condition FROM verdict").fetchall() == [("gas",)] * 2
    assert "proves nothing" in db.execute("SELECT value FROM metadata WHERE key='about'").fetchone()[0]
    db.close()


def test_refusals_counted_equal_the_rows(case: Path, tmp_path: Path) -> None:
    """PTW-18: interceptions are counted by reason from the records themselves."""
    with zipfile.ZipFile(case) as opened:
        opened.extract("log.sqlite", tmp_path)
        page = opened.read("report.en.html").decode()
    db = sqlite3.connect(tmp_path / "log.sqlite")
    assert db.execute("SELECT reason, times FROM interceptions ORDER BY reason").fetchall() == [("badge_absent", 2), ("face_missing", 1)]
    db.close()
    assert re.search(r'<td class="n">2</td><td>[^<]*badge', page)


def test_the_zip_verifies_on_bare_python_with_cryptography_alone(case: Path, tmp_path: Path) -> None:
    """Isolated, without this environment: only the standard library, `cryptography` and `cffi` can be found."""
    site = tmp_path / "site"
    site.mkdir()
    for module in (cryptography, cffi):
        (site / module.__name__).symlink_to(Path(module.__file__).parent)
    backend = next(Path(cffi.__file__).parents[1].glob("_cffi_backend*"))
    (site / backend.name).symlink_to(backend)
    folder = tmp_path / "case"
    with zipfile.ZipFile(case) as opened:
        opened.extractall(folder)
    program = f"import sys, runpy; sys.path.insert(0, {str(site)!r}); sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"

    def run(*words: str) -> tuple[int, str]:
        python = os.path.realpath(sys.executable)
        done = subprocess.run([python, "-I", "-S", "-c", program, str(folder / "verify.py"), *words], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    assert run()[0] == 0
    code, said = run(str(case), "--lang", "zh")
    assert (code, "未发现改动" in said, "与设备铭牌" in said) == (0, True, True)
    (folder / "entries.jsonl").write_bytes((folder / "entries.jsonl").read_bytes().replace(b"18000", b"8000", 1))
    assert run()[0] == 1
    assert run(str(tmp_path / "nothing.zip"))[0] == 3


# --- tampering with a case --------------------------------------------------------------------------------------------

Files = dict[str, bytes]


def _reseal(files: Files) -> None:
    """A manifest that fits, as a forger would write it."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = {
        name: {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()} for name, body in files.items() if name != "manifest.json"
    }
    files["manifest.json"] = json.dumps(manifest).encode()


def _lines(files: Files, change: Callable[[list[bytes]], object]) -> None:
    lines = files["entries.jsonl"].split(b"\n")[:-1]
    change(lines)
    files["entries.jsonl"] = b"".join(line + b"\n" for line in lines)


def _edited(body: bytes, **changes: object) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(events.decode(body), **changes), order="sorted")


def _range(files: Files, change: Callable[[dict], object]) -> None:
    ranges = json.loads(files["range.json"])
    change(ranges["proofs"][0])
    files["range.json"] = json.dumps(ranges).encode()


def _note(files: Files, change: Callable[[str], str]) -> None:
    name = next(name for name in files if name.startswith("checkpoints/"))
    files[name] = change(files[name].decode()).encode()


def _manifest(files: Files, **changes: object) -> None:
    files["manifest.json"] = json.dumps({**json.loads(files["manifest.json"]), **changes}).encode()


def _swap(lines: list[bytes], one: int, two: int) -> None:
    lines[one], lines[two] = lines[two], lines[one]


KINDS: dict[str, Callable[[Files], object]] = {
    "an event edited": lambda f: _lines(f, lambda ls: ls.__setitem__(3, _edited(ls[3], t=1))),
    "the last event edited": lambda f: _lines(f, lambda ls: ls.__setitem__(-1, _edited(ls[-1], src="x"))),
    "a bit flipped": lambda f: _lines(f, lambda ls: ls.__setitem__(4, ls[4].replace(b'"te":5', b'"te":4'))),
    "an event gone": lambda f: _lines(f, lambda ls: ls.pop(5)),
    "the first event gone": lambda f: _lines(f, lambda ls: ls.pop(0)),
    "the last event gone": lambda f: _lines(f, lambda ls: ls.pop()),
    "an event twice": lambda f: _lines(f, lambda ls: ls.insert(5, ls[5])),
    "two events swapped": lambda f: _lines(f, lambda ls: _swap(ls, 3, 4)),
    "an event of another place": lambda f: _lines(f, lambda ls: ls.__setitem__(3, ls[7])),
    "whitespace": lambda f: _lines(f, lambda ls: ls.__setitem__(3, ls[3].replace(b",", b", ", 1))),
    "a key twice": lambda f: _lines(f, lambda ls: ls.__setitem__(3, b'{"actor":1,' + ls[3][1:])),
    "another hash withheld": lambda f: _lines(f, lambda ls: ls.__setitem__(3, b'{"withheld":"' + b"a" * 64 + b'"}')),
    "a hash in capitals": lambda f: _lines(f, lambda ls: ls.__setitem__(3, b'{"withheld":"' + b"A" * 64 + b'"}')),
    "no newline at the end": lambda f: f.__setitem__("entries.jsonl", f["entries.jsonl"][:-1]),
    "a line more": lambda f: f.__setitem__("entries.jsonl", f["entries.jsonl"] + b"{}\n"),
    "nothing left": lambda f: f.__setitem__("entries.jsonl", b""),
    "proof bent": lambda f: _range(f, lambda p: p["hashes"].__setitem__(0, "00" * 32)),
    "proof shorter": lambda f: _range(f, lambda p: p["hashes"].pop()),
    "proof longer": lambda f: _range(f, lambda p: p["hashes"].append("00" * 32)),
    "proof of half hashes": lambda f: _range(f, lambda p: p["hashes"].__setitem__(0, "00")),
    "no checkpoint": lambda f: f.__setitem__("range.json", b'{"proofs":[]}'),
    "note elsewhere": lambda f: _range(f, lambda p: p.__setitem__("note", "README.txt")),
    "note's size": lambda f: _note(f, lambda n: re.sub("\n(\\d+)\n", lambda m: f"\n{int(m[1]) + 1}\n", n, count=1)),
    "note's root": lambda f: _note(f, lambda n: "\n".join([*n.split("\n")[:2], "A" * 43 + "=", *n.split("\n")[3:]])),
    "signature": lambda f: _note(f, lambda n: n.replace("\n\n\u2014 ", "\n\n\u2014 x", 1)),
    "note cut": lambda f: _note(f, lambda n: n[:-30]),
    "an earlier span": lambda f: _manifest(f, first=FIRST - 1),
    "a later span": lambda f: _manifest(f, last=LAST + 1),
    "a smaller span": lambda f: _manifest(f, first=FIRST + 1),
    "another epoch": lambda f: _manifest(f, origin="hotbox.example/box-1/2"),
}  # fmt: skip
UNSEALED: dict[str, Callable[[Files], object]] = {
    "report changed": lambda f: f.__setitem__("report.zh.html", b"<p>nothing happened</p>"),
    "tables changed": lambda f: f.__setitem__("log.sqlite", b""),
    "verifier changed": lambda f: f.__setitem__("verify.py", b"print('fine')"),
    "a file more": lambda f: f.__setitem__("extra.txt", b"x"),
    "a file gone": lambda f: f.pop("README.txt"),
    "two files swapped": lambda f: f.update({"report.zh.html": f["report.en.html"], "report.en.html": f["report.zh.html"]}),
}


def rewrite(case: Path, change: Callable[[Files], object], *, seal: bool) -> None:
    with zipfile.ZipFile(case) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    change(files)
    if seal:
        _reseal(files)
    with zipfile.ZipFile(case, "w") as opened:
        for name, body in files.items():
            opened.writestr(name, body)


@pytest.mark.parametrize("kind", KINDS)
def test_both_verifiers_find_what_was_done_to_a_case(case: Path, station: Station, kind: str) -> None:
    """ANT-09: even when the manifest was made to fit."""
    rewrite(case, KINDS[kind], seal=True)
    assert opinions(case, station) == (1, 1)


@pytest.mark.parametrize("kind", UNSEALED)
def test_both_verifiers_find_a_file_that_was_exchanged_on_the_way(case: Path, station: Station, kind: str) -> None:
    rewrite(case, UNSEALED[kind], seal=False)
    assert opinions(case, station) == (1, 1)


def test_a_case_resealed_and_otherwise_untouched_still_verifies(case: Path, station: Station) -> None:
    """The control: what the other tests find is what they did."""
    rewrite(case, lambda files: None, seal=True)
    assert opinions(case, station) == (0, 0)


def test_a_withheld_event_cannot_be_told_from_one_that_was_withheld_later_and_is_counted(case: Path, station: Station) -> None:
    """Whoever hands a case on may blacken more: both verifiers say how many are only hashes."""
    hashed = lambda line: b'{"withheld":"' + events.hash_of(line).encode() + b'"}'  # noqa: E731
    rewrite(case, lambda f: _lines(f, lambda ls: ls.__setitem__(6, hashed(ls[6]))), seal=True)
    assert opinions(case, station) == (0, 0)
    assert verify_case(case, station.trust()).withheld == WITHHELD + 1


def test_another_boxs_or_no_key_verifies_nothing(case: Path, station: Station, tmp_path: Path) -> None:
    other = Station(tmp_path / "other")
    assert opinions(case, other) == (1, 1)
    assert verify_case(case, [station.witness]).reason is Reason.NO_KEY
    empty = tmp_path / "empty.zip"
    with zipfile.ZipFile(empty, "w") as opened:
        opened.writestr("holiday.txt", "sea")
    assert opinions(empty, station) == (3, 3)
    empty.write_bytes(b"no zip")
    assert opinions(empty, station) == (3, 3)


def test_a_checkpoint_that_the_witness_did_not_see_is_not_witnessed(case: Path, station: Station) -> None:
    rewrite(case, lambda f: _note(f, lambda n: "\n".join([*n.split("\n")[:5], ""])), seal=True)
    assert opinions(case, station) == (4, 4)
    name = station.trust()[0].name
    forged = sign(Checkpoint(name, LAST + 1, bytes(32)), name, Station(case.parent / "x").key)
    rewrite(case, lambda f: _note(f, lambda n: forged), seal=True)
    assert opinions(case, station) == (1, 1)


def test_a_whole_log_in_the_case_is_verified_too(station: Station, tmp_path: Path) -> None:
    case = make(station, tmp_path, span.Span(0, 20), whole=True)
    keys = tmp_path / "keys.txt"
    keys.write_text("".join(f"{key.vkey()}\n" for key in station.trust()), encoding="utf-8")
    assert verifier.verify(str(case), str(keys)).code == 4
    rewrite(case, lambda f: f.__setitem__("audit.db", f["audit.db"].replace(b"commanded", b"Commanded")), seal=True)
    assert verifier.verify(str(case), str(keys)).code == 1
    assert [key.vkey() for key in exported_keys(case)] == [key.vkey() for key in station.trust()]
    assert extract(case, tmp_path).name == "audit.db"


# --- the report -------------------------------------------------------------------------------------------------------


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_report_is_safe_against_hostile_text(case: Path, lang: str) -> None:
    """Names and reasons come from strangers: no tag, no attribute, no control or direction mark of theirs survives."""
    with zipfile.ZipFile(case) as opened:
        raw = opened.read(f"report.{lang}.html").decode()
    page = _Page()
    page.feed(raw)
    assert page.tags <= {
        "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "section", "dl", "dt", "dd", "table", "thead",
        "tbody", "tr", "th", "td", "strong", "br", "span", "svg", "path", "text",
    }  # fmt: skip
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href")]
    assert "http" not in raw.replace("http-equiv", "")
    assert "<script>alert(1)" in page.text, "it is shown as what it is"
    assert HOSTILE not in raw
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", raw)
    assert "default-src 'none'" in raw


def test_the_report_tells_who_what_limits_and_first_out_in_both_languages(case: Path) -> None:
    with zipfile.ZipFile(case) as opened:
        chinese, english = (opened.read(f"report.{lang}.html").decode() for lang in ("zh", "en"))
    for page in (chinese, english):
        for told in ("张作业", "李监护", "王审批", "18 %LEL", "10 %LEL", "GB 30871-2022 5.3.2", PERMIT, "<svg", "SIMULATION"):
            assert told in page
    assert "超上限" in chinese
    assert "模拟设备" in chinese
    assert "触点断开用时" in chinese
    assert "Nothing was changed, removed or inserted between seq 2 and 18" in english
    assert "Witnessed by bridge.example" in english


def test_the_report_names_every_second_that_has_no_evidence(case: Path, tmp_path: Path) -> None:
    """ANT-10. The morning's release has no record that can be made again, and nobody was verified."""
    with zipfile.ZipFile(case) as opened:
        english, chinese = (opened.read(f"report.{lang}.html").decode() for lang in ("en", "zh"))
        opened.extract("log.sqlite", tmp_path)
    assert "Trace: every second of the closed relay" in english
    assert "1 runs, " in english
    assert "% traced" in english
    for said in ("no authorised release that can be made again", "performer or guardian not verified in time"):
        assert said in english
    assert "作业人或监护人未按期核验" in chinese
    db = sqlite3.connect(tmp_path / "log.sqlite")
    try:
        ((permit, closed, covered, end),) = db.execute("SELECT permit, closed_ms, covered_ms, end FROM run").fetchall()
        kinds = {kind for (kind,) in db.execute("SELECT kind FROM gap")}
    finally:
        db.close()
    assert (permit, covered, end) == (PERMIT, 0, "opened")
    assert closed >= 0
    assert {"no_authority", "no_people"} <= kinds


def test_the_report_never_says_more_than_was_proven(station: Station, tmp_path: Path) -> None:
    with zipfile.ZipFile(make(station, tmp_path, span.Span(3, 20))) as opened:
        page = opened.read("report.en.html").decode()
    assert "up to seq 18" in page
    assert "Seq 19 to 20 are not witnessed yet" in page
    with zipfile.ZipFile(make(station, tmp_path, span.Span(20, 20))) as opened:
        page = opened.read("report.en.html").decode()
    assert "only the box&#x27;s own signature" in page or "only the box's own signature" in page
    assert "Witnessed by" not in page
    assert "blockchain" not in page.lower()
    assert "No trip in this span" not in page or "interlock tripped" not in page


def test_the_report_does_not_deny_a_trip_that_it_withholds(tmp_path: Path) -> None:
    """PTW-18: a trip whose record also names another permit is not in the case; nobody may read that as none."""
    station = Station(tmp_path)
    log = station.open()
    both = {"others": [], "released": True, "snapshot": [{"k": "durable.checked_in", "n": OTHER, "v": 0}]}
    append_all(log, [accepted(PERMIT), accepted(OTHER), note("interlock.tripped", both, sev=Severity.ALARM)])
    witness(station, log)
    log.close()
    with zipfile.ZipFile(make(station, tmp_path)) as opened:
        page = opened.read("report.en.html").decode()
    assert "No trip in this span" not in page
    assert "there may be one among those withheld" in page


def test_a_log_that_does_not_lead_to_its_own_checkpoint_is_not_exported(station: Station, tmp_path: Path) -> None:
    reader = station.reader()
    with pytest.raises(ContractError, match="signature"):
        pack.export(reader, tmp_path / "x.zip", span.Span(0, 5), Station(tmp_path / "y").trust())
    reader.close()
    assert not (tmp_path / "x.zip").exists()


def test_an_export_that_fails_leaves_nothing(station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It used to leave half a zip."""
    before = sorted(tmp_path.iterdir())
    write = zipfile.ZipFile.write

    def full(pack: zipfile.ZipFile, path: Path, name: str) -> None:
        if name == "report.zh.html":
            raise OSError(28, "No space left on device")
        write(pack, path, name)

    monkeypatch.setattr(zipfile.ZipFile, "write", full)
    with pytest.raises(OSError, match="No space left"):
        make(station, tmp_path)
    assert sorted(tmp_path.iterdir()) == before
    monkeypatch.undo()
    assert opinions(make(station, tmp_path), station) == (0, 0)


def test_a_case_that_is_there_is_not_written_over(case: Path, station: Station) -> None:
    """It may hold events that were pruned from the log since."""
    sound, beside = case.read_bytes(), sorted(case.parent.iterdir())
    reader = station.reader()
    with pytest.raises(ContractError, match="name another file"):
        pack.export(reader, case, span.Span(0, 5), station.trust())
    reader.close()
    assert (case.read_bytes(), sorted(case.parent.iterdir())) == (sound, beside)


@pytest.mark.parametrize(("whole", "times"), [(False, 2), (True, 4)])
def test_an_export_that_finds_no_room_is_not_begun(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool, times: int
) -> None:
    """The unpacked case and the packed one, and the whole log in both."""
    size = station.path.stat().st_size
    free = [size * times]
    monkeypatch.setattr(pack.shutil, "disk_usage", lambda _: SimpleNamespace(free=free[0]))
    make(station, tmp_path, span.Span(0, 20), whole=whole)
    free[0] -= 1
    with pytest.raises(ContractError, match="room for about"):
        make(station, tmp_path / "no", span.Span(0, 20), whole=whole)
    assert not (tmp_path / "no").exists()


def test_a_log_with_a_hole_is_not_exported_as_if_it_were_whole(tmp_path: Path) -> None:
    station = Station(tmp_path)
    log = station.open()
    append_all(log, [note("relay.closed") for _ in range(9)])
    checkpoint(log)
    log.close()
    db = sqlite3.connect(station.path)
    db.execute("DROP TRIGGER event_remains")
    db.execute("DELETE FROM event WHERE seq=4")
    db.commit()
    db.close()
    for first, last in ((0, 8), (4, 4)):
        with pytest.raises((ContractError, LookupError)):
            make(station, tmp_path, span.Span(first, last))


def test_a_long_timeline_is_shortened_and_says_so(tmp_path: Path) -> None:
    station = Station(tmp_path)
    log = station.open()
    append_all(log, [note("relay.closed") for _ in range(1100)])
    checkpoint(log)
    log.close()
    with zipfile.ZipFile(make(station, tmp_path)) as opened:
        page = opened.read("report.en.html").decode()
    assert page.count("contact closed") == 1000
    assert "1100 events; here are the first and last 500" in page


def test_a_time_names_the_event_at_or_after_it(station: Station) -> None:
    reader = station.reader()
    assert span.at_time(reader, "7", end=False) == 7
    assert span.at_time(reader, "2020-01-01 08:00", end=False) == 0
    assert span.at_time(reader, "2120-01-01", end=True) == reader.size() - 1
    for text, end in (("2120-01-01", False), ("2020-01-01", True), ("yesterday", False)):
        with pytest.raises(ContractError):
            span.at_time(reader, text, end=end)
    reader.close()
