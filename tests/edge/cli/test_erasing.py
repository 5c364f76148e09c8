"""`hotbox evidence erase`: recorded on the disk before anything is removed, and what fails is recorded, too (PTW-18)."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from contracts.event import ActionResult, Event
from edge.audit.reader import Reader
from edge.cli.app import build
from edge.interlock import photos
from tests.edge.cli.box import Box, make_idle, until
from tests.edge.interlock.pictures import jpeg
from tests.edge.interlock_process.asking import refusal

WHY = ("--by", "wang", "--why", "shows a passer-by's face")


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    for made in make_idle():
        made.start()
        yield made


def _kept(box: Box, width: int) -> tuple[Path, str]:
    source, folder = box.folder / "taken.jpg", box.folder / "data" / "photos"
    source.write_bytes(jpeg(width))
    return folder, photos.keep(folder, source)[0]


def _erased(box: Box) -> list[Event]:
    with closing(Reader.open(box.folder / "data" / "audit" / "audit.db")) as log:
        return [event for event in log.events(0, log.size()) if event.type == "evidence.erased"]


def test_the_record_is_on_the_disk_when_the_photo_goes(box: Box) -> None:
    folder, commitment = _kept(box, 641)
    done = box.hotbox("evidence", "erase", commitment, *WHY)
    assert done.returncode == 0, done.stderr
    assert not photos.there(folder, commitment)
    (told,) = _erased(box)
    assert (told.res, told.actor.id, told.data["commitment"]) == (ActionResult.OK, "wang", commitment)


@pytest.mark.parametrize(("person", "reason", "field"), [("nobody", "a slip", "person"), ("wang", " ", "reason")])
def test_nobody_erases_unnamed_or_without_a_reason(box: Box, person: str, reason: str, field: str) -> None:
    folder, commitment = _kept(box, 640)
    before = len(_erased(box))
    asked = refusal(box, "evidence_erase", commitment=commitment, person=person, reason=reason)
    assert (asked["field"], photos.there(folder, commitment), len(_erased(box))) == (field, True, before)


def test_what_could_not_be_removed_is_recorded_and_can_be_erased_again(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log must not say that a picture is gone which is still there."""
    folder, commitment = _kept(box, 642)
    before = len(_erased(box))
    monkeypatch.setenv("HOTBOX_LANG", "en")  # the whole command line sets it; this puts it back

    def failing(*_: object) -> bool:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(photos, "erase", failing)
        failed = CliRunner().invoke(build(), ["-c", str(box.config), "evidence", "erase", commitment, *WHY])
    assert isinstance(failed.exception, OSError)
    told = _erased(box)[before:]
    assert [(event.res, event.data["why"]) for event in told] == [
        (ActionResult.OK, WHY[3]), (ActionResult.FAILED, "it failed: Input/output error"),
    ]  # fmt: skip
    assert photos.there(folder, commitment)
    assert box.hotbox("evidence", "erase", commitment, *WHY).returncode == 0
    asked = {"commitment": "no hash", "person": "wang", "reason": "x", "failed": True}
    assert refusal(box, "evidence_erase", **asked)["field"] == "commitment"


def test_nothing_is_removed_while_the_log_does_not_take_the_record(box: Box) -> None:
    """It used to be removed once the record was queued. The disk comes back, and the log says how it ended."""
    before = len(_erased(box))
    folder, commitment = _kept(box, 643)
    log = box.folder / "data" / "audit" / "audit.db"
    with closing(sqlite3.connect(log, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = box.hotbox("evidence", "erase", commitment, *WHY)
        other.execute("ROLLBACK")
    assert (refused.returncode, "nothing was erased" in refused.stderr) == (1, True), refused.stderr
    assert photos.there(folder, commitment)
    until(lambda: len(_erased(box)) == before + 2, "both records")
    assert [event.res for event in _erased(box)[before:]] == [ActionResult.OK, ActionResult.FAILED]


def test_a_recordings_erasure_is_recorded_as_one(box: Box) -> None:
    """Recordings are vision's: the box records who erases one and why, by its commitment alone."""
    commitment = "ab" * 32
    before = len(_erased(box))
    box.ask("evidence_erase", kind="video", commitment=commitment, person="wang", reason="shows a passer-by")
    (told,) = _erased(box)[before:]
    assert (told.actor.id, told.data["kind"], told.data["commitment"]) == ("wang", "video", commitment)


@pytest.mark.parametrize(("kind", "commitment", "field", "expected", "hint"), [
    ("letter", "ab" * 32, "kind", "photo or video", ""),
    ("video", "no hash", "commitment", "the commitment of a video kept here", "hotbox video list"),
    ("photo", "ab" * 32, "commitment", "the commitment of a photo kept here", "hotbox evidence list"),
    ("", "ab" * 32, "commitment", "the commitment of a photo kept here", "hotbox evidence list"),
])  # fmt: skip
def test_what_cannot_be_erased_is_refused_by_name(
    box: Box, kind: str, commitment: str, field: str, expected: str, hint: str
) -> None:
    before = len(_erased(box))
    asked = refusal(box, "evidence_erase", kind=kind, commitment=commitment, person="wang", reason="x")
    assert (asked["field"], asked["expected"], asked["hint"]) == (field, expected, hint)
    assert len(_erased(box)) == before
