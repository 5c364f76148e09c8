"""`hotbox permit reconfirm`, `permit confirm --photo`, `suspend`: typed against a real interlock on a simulated site."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from contracts.commitment import opens
from contracts.event import Event
from contracts.permit import Approval, Precondition
from edge.audit.reader import Reader
from tests.edge.cli.box import Box, make, points
from tests.edge.interlock.pictures import jpeg

pytestmark = pytest.mark.alone


def _photo(grey: int) -> bytes:
    """A picture as a camera makes it."""
    done, body = cv2.imencode(".jpg", np.full((480, 640), grey, np.uint8))
    assert done
    return body.tobytes()


JPEG, LATER = _photo(60), _photo(38)
WARM = Precondition("cooled", "反应釜已降温 vessel cooled", "temperature", 60_000)
BLIND = Precondition("blind", "7号盲板已装 blind 7 in place", "isolation")


def _events(box: Box, kind: str) -> list[Event]:
    log = Reader.open(box.folder / "data" / "audit" / "audit.db")
    try:
        return [event for event in log.events(0, log.size()) if event.type == kind]
    finally:
        log.close()


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    """A box of its own, with a permit that was approved 47 minutes ago."""
    yield from make()


def test_the_47_minute_case_and_measured_preconditions(box: Box, tmp_path: Path) -> None:
    """PTW-08, PTW-11: old approval, hot vessel, unproven blind: each is refused and each is put right by a person."""
    assert box.site is not None
    now, digest = int(time.time()), "a" * 64
    at = now - 47 * 60
    signed = (Approval("sun", "孙丽", "车间主任", at, digest), Approval("qian", "钱军", "安全科", at, digest))
    file = tmp_path / "permit.jws"
    file.write_text(box.permit("HW-47", approvals=signed, preconditions=(WARM, BLIND)))
    away = box.hotbox("permit", "reconfirm", "--by", "li")
    assert away.returncode == 1, "there is no permit"
    assert box.hotbox("permit", "import", str(file)).returncode == 0
    early = box.hotbox("permit", "reconfirm", "--by", "li")
    assert early.returncode == 1
    assert "the guardian here, badge and face" in early.stderr
    box.crew.everybody()
    box.wait_for(lambda s: all(p["badge_ok"] and p["face_ok"] for p in s["people"]), "the crew is here")
    assert {"approval", "preconditions"} <= box.failing()
    assert box.hotbox("permit", "reconfirm", "--by", "zhang").returncode == 1, "the performer cannot"

    photo = tmp_path / "thermometer.jpg"
    photo.write_bytes(JPEG)
    fake = tmp_path / "fake.jpg"
    fake.write_text("no picture")
    shown = box.hotbox("permit", "confirm", "cooled", "--by", "li", "--value", "38.5", "--photo", str(fake))
    assert shown.returncode == 1
    assert "JPEG or PNG picture" in shown.stderr
    assert box.hotbox("permit", "confirm", "cooled", "--by", "li").returncode == 1, "a temperature has a value"
    folder = box.folder / "data" / "photos"
    refused = box.hotbox("permit", "confirm", "blind", "--by", "li", "--value", "1", "--photo", str(photo))
    assert refused.returncode == 1
    assert not list(folder.glob("*.jpg")), "a refused measurement leaves no photo"
    hot = box.hotbox("permit", "confirm", "cooled", "--by", "li", "--value", "61", "--photo", str(photo))
    assert hot.returncode == 0, hot.stderr
    assert "recorded: cooled 61 °C, over its limit of 60 °C: it does not hold" in hot.stdout
    assert "confirmed" not in hot.stdout
    box.wait_for(lambda s: "temperature_high" in _codes(s), "61 °C is over 60 °C")
    twice = box.hotbox("permit", "confirm", "cooled", "--by", "li", "--value", "38.5", "--photo", str(photo))
    assert twice.returncode == 1
    assert "take another photo" in twice.stderr
    header = tmp_path / "header.jpg"
    header.write_bytes(jpeg())
    empty = box.hotbox("permit", "confirm", "cooled", "--by", "li", "--value", "38.5", "--photo", str(header))
    assert "a JPEG or PNG picture that can be read" in empty.stderr
    (first,) = folder.glob("*.jpg")
    assert first.read_bytes() == JPEG
    photo.write_bytes(LATER)
    cool = box.hotbox("permit", "confirm", "cooled", "--by", "li", "--value", "38.5", "--photo", str(photo))
    assert cool.returncode == 0, cool.stderr
    assert "✔ confirmed: cooled" in cool.stdout
    (kept,) = set(folder.glob("*.jpg")) - {first}
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.read_bytes() == LATER
    told = [event.data["commitment"] for event in _events(box, "permit.precondition") if "commitment" in event.data]
    assert told == [first.stem, kept.stem]
    assert opens(kept.stem, kept.with_suffix(".salt").read_bytes(), LATER), "anybody can check it with the salt"
    assert not list(folder.glob(f"{hashlib.sha256(LATER).hexdigest()}*")), "no plain hash gives it away"
    assert box.hotbox("permit", "confirm", "blind", "--by", "li").returncode == 0
    show = box.hotbox("permit", "show").stdout
    assert "cooled (temperature): 反应釜已降温 vessel cooled ≤ 60 °C [li 38.5 °C]" in show
    assert "blind (isolation)" in show

    box.bump()
    again = box.hotbox("permit", "reconfirm", "--by", "li")
    assert again.returncode == 0, again.stderr
    assert "a gas test from after the approval became too old is needed too; the confirmation is good for 30 min" in again.stdout
    assert box.hotbox("gas-test", "--analyst", "wang", "--serial", "GT-7", "--sampled", "now", *points()).returncode == 0
    assert box.hotbox("permit", "check", "--by", "wang").returncode == 0
    box.wait_for(lambda s: s["state"] == "PERMISSIVE_OK", "all conditions are met")
    box.site.press("arm", 300)
    box.wait_for(lambda s: s["relay"]["contact"] == "closed", "the contact is closed")


def test_erasing_a_photo_leaves_the_chain_whole_and_says_who_did_it_and_why(box: Box) -> None:
    """The log held a commitment only: it verifies as before, and proves nothing about the picture any more."""
    folder = box.folder / "data" / "photos"
    listed = box.hotbox("evidence", "list")
    assert listed.returncode == 0
    assert listed.stdout.count("what the log committed to") == 2
    commitment = min(path.stem for path in folder.glob("*.jpg"))
    erase = ("evidence", "erase", commitment, "--by", "wang", "--why", "shows a passer-by's face")
    for wrong, said in (
        ((*erase[:2], "ab" * 32, *erase[3:]), "the commitment of a photo kept here"),
        ((*erase[:4], "nobody", *erase[5:]), "someone of the roster"),
        ((*erase[:6], " "), "why it is erased"),
    ):
        refused = box.hotbox(*wrong)
        assert refused.returncode == 1
        assert said in refused.stderr
    assert (folder / f"{commitment}.jpg").exists()
    done = box.hotbox(*erase)
    assert done.returncode == 0, done.stderr
    assert not list(folder.glob(f"{commitment}*"))
    (told,) = _events(box, "evidence.erased")
    assert (told.actor.id, told.data) == (
        "wang", {"kind": "photo", "commitment": commitment, "why": "shows a passer-by's face"},
    )  # fmt: skip
    assert box.hotbox(*erase).returncode == 1, "there is nothing left to erase"
    verified = box.hotbox("audit", "verify", "--json")
    assert verified.returncode in (0, 4), verified.stdout


def test_whoever_stops_the_work_at_the_box_is_obeyed_at_once(box: Box) -> None:
    """Workflows "Permit" (relief): opens, latches, names the person; nobody is refused for want of a badge."""
    shown = box.hotbox("suspend", "--by", "li", "--relief")
    assert shown.returncode == 0, shown.stderr
    assert "the new guardian (named by the permit)" in shown.stdout
    status = box.wait_for(lambda s: s["relay"]["contact"] == "open", "the contact is open")
    assert (status["state"], status["first_out"]["code"], status["first_out"]["subject"]) == (
        "TRIPPED", "suspended_here", "li",
    )  # fmt: skip
    stranger = msgspec.json.decode(box.hotbox("suspend", "--by", "somebody", "--json").stdout)
    assert stranger == {"suspended_by": "somebody", "present": False}


def _codes(status: dict[str, object]) -> set[str]:
    verdicts = status["verdicts"]
    assert isinstance(verdicts, list)
    return {reason["code"] for verdict in verdicts for reason in verdict["reasons"]}
