"""`hotbox video`: what was recorded, handing it out with what proves it, and erasing what need not be kept (ANT-11)."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import msgspec
import pytest
from click.testing import CliRunner

from contracts.commitment import opens
from contracts.errors import ContractError
from contracts.event import ActionResult, Event
from edge.audit.reader import Reader
from edge.cli.app import build
from edge.vision.segments import About, Facts, SegmentFolder
from tests.edge.cli.box import Box, make_idle
from tests.edge.vision.test_segments import record

replace = msgspec.structs.replace
WHY = ("--by", "wang", "--why", "shows a passer-by's face")


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    for made in make_idle():
        settings = made.read()
        settings["vision"]["video"] = {"folder": str(made.folder / "video"), "most_mib": 64}
        made.write(settings)
        made.start()
        yield made


@pytest.fixture
def folder(box: Box) -> Iterator[SegmentFolder]:
    found = SegmentFolder(box.folder / "video")
    yield found
    for facts in found.listed():
        found.erase(facts)


def recorded(folder: SegmentFolder, permit: str = "HW-1", *, keep: bool = False, ago_s: int = 3600) -> Facts:
    offset_ms = (int(time.time()) - ago_s) * 1000
    return record(folder, About(permit, "boot-1", offset_ms, keep, 31))


def _erased(box: Box) -> list[Event]:
    with closing(Reader.open(box.folder / "data" / "audit" / "audit.db")) as log:
        return [event for event in log.events(0, log.size()) if event.type == "evidence.erased"]


def test_what_was_recorded_is_listed_by_permit(box: Box, folder: SegmentFolder) -> None:
    assert "no recording" in box.hotbox("video", "list").stdout
    special, other = recorded(folder, "HW-1", keep=True), recorded(folder, "HW-2", ago_s=1800)
    folder.replace(replace(special, logged=True, sent="held"))
    shown = box.hotbox("video", "list").stdout
    for word in ("HW-1", "HW-2", special.commitment, other.commitment, "must be kept until", "in the log", "at the bridge"):
        assert word in shown, word
    found = json.loads(box.hotbox("video", "list", "--permit", "HW-1", "--json").stdout)
    (row,) = found
    assert (row["permit"], row["commitment"], row["frames"], row["keep"], row["sound"]) == ("HW-1", special.commitment, 4, True, None)
    assert row["first_ms"] - special.first_us // 1000 == row["offset_ms"] == special.about.offset_ms
    assert row["keep_until"] == (special.ended_s + 31 * 86_400) * 1000


def test_a_file_that_was_changed_is_told(box: Box, folder: SegmentFolder) -> None:
    facts = recorded(folder)
    assert box.hotbox("video", "list", "--check").returncode == 0
    with folder.path(facts).open("r+b") as file:
        file.seek(500)
        file.write(b"\0\1")
    checked = box.hotbox("video", "list", "--check")
    assert (checked.returncode, "NOT what the log committed to" in checked.stdout) == (1, True)


def test_a_permits_recording_is_handed_out_with_what_opens_it(box: Box, folder: SegmentFolder, tmp_path: Path) -> None:
    """An investigator needs neither the box nor us: a player, and SHA-256."""
    first, second = recorded(folder, ago_s=3600), recorded(folder, ago_s=3570)
    recorded(folder, "HW-2")
    done = box.hotbox("video", "export", "--permit", "HW-1", "-o", str(tmp_path / "out"))
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0, "it shows people"
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "out" / "segments.json").read_text())
    assert [row["commitment"] for row in rows] == [first.commitment, second.commitment]
    for row in rows:
        body = (tmp_path / "out" / row["file"]).read_bytes()
        assert opens(row["commitment"], bytes.fromhex(row["salt"]), body)
        assert len(row["pictures_ms"]) == row["frames"] == 4
        capture = cv2.VideoCapture(str(tmp_path / "out" / row["file"]))
        assert capture.read()[0]
        capture.release()
    assert (tmp_path / "out" / "play.m3u").read_text().split() == [row["file"] for row in rows]
    with folder.path(second).open("r+b") as file:
        file.write(b"x")
    again = box.hotbox("video", "export", "--permit", "HW-1", "-o", str(tmp_path / "again"), "--json")
    assert again.returncode == 1
    assert json.loads(again.stdout)["unsound"] == [second.commitment]
    assert len(json.loads((tmp_path / "again" / "segments.json").read_text())) == 1
    nothing = box.hotbox("video", "export", "--permit", "HW-9", "-o", str(tmp_path / "none"))
    assert (nothing.returncode, "HW-2" in nothing.stderr) == (1, True)


def test_what_need_not_be_kept_is_erased_and_the_log_says_so(box: Box, folder: SegmentFolder) -> None:
    facts = recorded(folder)
    before = len(_erased(box))
    done = box.hotbox("video", "erase", facts.commitment, *WHY)
    assert done.returncode == 0, done.stderr
    assert folder.listed() == []
    (told,) = _erased(box)[before:]
    assert (told.res, told.actor.id, told.data) == (
        ActionResult.OK, "wang", {"kind": "video", "commitment": facts.commitment, "why": WHY[3]},
    )  # fmt: skip


@pytest.mark.parametrize(("ago_d", "erased"), [(1, False), (30, False), (32, True)])
def test_what_the_level_asks_to_keep_is_not_erased_before_its_time(box: Box, folder: SegmentFolder, ago_d: int, erased: bool) -> None:
    """GB 30871-2022 B.3: by its clock, and by what time was signed for it: that of the permit which it takes here."""
    if erased:
        early = recorded(folder, keep=True, ago_s=ago_d * 86_400)
        refused = box.hotbox("video", "erase", early.commitment, *WHY)
        assert (refused.returncode, "no time by signed time" in refused.stderr) == (1, True), refused.stderr
        assert folder.listed() == [early]
        folder.erase(early)
        file = box.folder / "today.jws"
        file.write_text(box.permit("HW-7"))
        assert box.hotbox("permit", "import", str(file)).returncode == 0
    facts, before = recorded(folder, keep=True, ago_s=ago_d * 86_400), len(_erased(box))
    done = box.hotbox("video", "erase", facts.commitment, *WHY)
    assert (done.returncode == 0, len(_erased(box)) > before, folder.listed() == []) == (erased, erased, erased)
    assert erased or "is kept until" in done.stderr


def test_a_clock_of_the_machine_that_ran_ahead_erases_nothing_that_must_be_kept(
    box: Box, folder: SegmentFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether its time is over is told by the clock that the interlock believes, and by no other."""
    facts, before, ahead = recorded(folder, keep=True), len(_erased(box)), time.time() + 40 * 86_400
    monkeypatch.setenv("HOTBOX_LANG", "en")
    monkeypatch.setattr(time, "time", lambda: ahead)
    done = CliRunner().invoke(build(), ["-c", str(box.config), "video", "erase", facts.commitment, *WHY])
    assert isinstance(done.exception, ContractError)
    assert "is kept until" in str(done.exception)
    assert (folder.listed(), len(_erased(box))) == ([facts], before)


def test_what_no_clock_dated_is_listed_so_and_not_erased(box: Box, folder: SegmentFolder) -> None:
    facts = record(folder, About("HW-1", "boot-1", 0, True, 31, believed=False))
    assert "no clock has told yet when it ended" in box.hotbox("video", "list").stdout
    (row,) = json.loads(box.hotbox("video", "list", "--json").stdout)
    assert row["keep_until"] == 0
    done = box.hotbox("video", "erase", facts.commitment, *WHY)
    assert (done.returncode, "no clock told yet" in done.stderr) == (1, True)
    assert folder.listed() == [facts]


def test_what_was_put_aside_as_damaged_is_listed_with_its_path(box: Box, folder: SegmentFolder) -> None:
    facts = recorded(folder)
    folder.path(facts).with_suffix(".json").write_bytes(b"{")
    folder.scan()
    try:
        shown = box.hotbox("video", "list", "--check")
        assert shown.returncode == 1
        assert "damaged, put aside and kept" in shown.stdout
        rows = json.loads(box.hotbox("video", "list", "--permit", "HW-1", "--json").stdout)
        assert [row["damaged"] for row in rows] == [str(each.path) for each in folder.aside()]
        assert box.hotbox("video", "list").returncode == 0
    finally:
        for each in folder.aside():
            each.path.unlink()


def test_nothing_is_erased_that_the_interlock_does_not_record(box: Box, folder: SegmentFolder) -> None:
    facts = recorded(folder)
    for words in (("--by", "nobody", "--why", "a slip"), ("--by", "wang", "--why", " ")):
        assert box.hotbox("video", "erase", facts.commitment, *words).returncode == 1
    assert box.hotbox("video", "erase", "0" * 64, *WHY).returncode == 1
    assert folder.listed() == [facts]


def test_what_could_not_be_removed_is_recorded_too(box: Box, folder: SegmentFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    facts, before = recorded(folder), len(_erased(box))
    monkeypatch.setenv("HOTBOX_LANG", "en")

    def failing(*_: object) -> bool:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(SegmentFolder, "erase", failing)
        failed = CliRunner().invoke(build(), ["-c", str(box.config), "video", "erase", facts.commitment, *WHY])
    assert isinstance(failed.exception, OSError)
    assert [event.res for event in _erased(box)[before:]] == [ActionResult.OK, ActionResult.FAILED]


def test_an_unknown_kind_of_evidence_is_not_erased(box: Box) -> None:
    from tests.edge.interlock_process.asking import refusal

    assert refusal(box, "evidence_erase", kind="sound", commitment="0" * 64, person="wang", reason="x")["field"] == "kind"


def test_a_box_that_records_nothing_says_so(box: Box, tmp_path: Path) -> None:
    settings = box.read()
    del settings["vision"]["video"]
    path = tmp_path / "none.yaml"
    path.write_text(msgspec.json.encode(settings).decode())
    done = CliRunner().invoke(build(), ["-c", str(path), "video", "list"])
    assert "this box records nothing" in str(done.exception)
