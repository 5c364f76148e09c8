"""`hotbox permit import` without a network: codes before a real camera, pictures on USB, and the answer to carry back."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import segno

from contracts import parts
from contracts.acceptance import Expected, verify
from contracts.checkpoint import NoteKey
from contracts.jws import peek
from contracts.permit import PermitClaims
from firmware_sim.client import Site
from tests.edge.cli.box import Box, make
from tests.edge.presence.box import simulated_site

HELD: dict[str, str] = {}


@pytest.fixture(scope="module")
def camera() -> Iterator[Site]:
    """A simulated camera of its own: the CLI's box needs none else."""
    with tempfile.TemporaryDirectory(prefix="hb-eye-") as folder, simulated_site(Path(folder), "camera") as site:
        yield site


@pytest.fixture(scope="module")
def box(camera: Site) -> Iterator[Box]:
    def with_camera(settings: dict[str, Any]) -> None:
        settings["vision"]["camera"] = msgspec.json.decode((camera.directory / "site.json").read_bytes())["camera"]["url"]

    yield from make(with_camera)


def draw(folder: Path, token: str) -> list[Path]:
    """The codes' pictures."""
    folder.mkdir()
    found = []
    for number, text in enumerate(parts.split(token.encode()), start=1):
        found.append(folder / f"part-{number:02}.png")
        segno.make_qr(text, error="m", boost_error=False).save(str(found[-1]), scale=6, border=4)
    return found


def verified(box: Box, token: str, receipt: str) -> None:
    """The receipt proves that this box holds this permit, by the key that the bridge registered."""
    _, claims = peek(token, PermitClaims)
    key = NoteKey.parse((box.folder / "data" / "log.vkey").read_text())
    expected = Expected("box-1", claims.jti, claims.content_sha256, claims.iat)
    assert verify(receipt, key, expected, box.status()["t"] // 1000).permit == claims.jti


def test_a_permit_is_read_from_a_phone_and_the_box_answers(box: Box, camera: Site, tmp_path: Path) -> None:
    """PTW-09: the same checks as over the network, visible progress, an acceptance to carry back."""
    token = box.permit("HW-1")
    HELD["HW-1"] = token
    pictures = draw(tmp_path / "codes", token)
    camera.set("camera", "show", *pictures)
    shown = box.hotbox("permit", "import", "--camera", "--seconds", "30")
    camera.set("camera", "empty")
    assert shown.returncode == 0, shown.stderr
    assert f"1 of {len(pictures)}, missing: " in shown.stderr
    assert f"{len(pictures)} of {len(pictures)}, all read" in shown.stderr
    assert "permit HW-1 accepted" in shown.stdout
    receipt = shown.stdout.rstrip().splitlines()[-1]
    verified(box, token, receipt)
    answer = box.status()["permit_answer"]
    assert (answer["accepted"], answer["receipt"], answer["code"]) == ("HW-1", receipt, "")
    assert box.status()["permit"]["id"] == "HW-1"


def test_pictures_in_a_folder_are_a_permit_too(box: Box, tmp_path: Path) -> None:
    token = box.permit("HW-2")
    draw(tmp_path / "usb", token)
    shown = box.hotbox("permit", "import", str(tmp_path / "usb"), "--json")
    assert shown.returncode == 0, shown.stderr
    document = msgspec.json.decode(shown.stdout)
    assert (document["id"], document["code"]) == ("HW-2", "accepted")
    verified(box, token, document["receipt"])
    steps = [msgspec.json.decode(line) for line in shown.stderr.splitlines()]
    assert steps[0]["missing"] == list(range(2, steps[0]["count"] + 1))
    assert steps[-1]["missing"] == []


def test_a_file_on_usb_is_answered_the_same_way(box: Box, tmp_path: Path) -> None:
    token = box.permit("HW-3")
    (tmp_path / "HW-3.jws").write_text(token)
    shown = box.hotbox("permit", "import", str(tmp_path / "HW-3.jws"))
    assert shown.returncode == 0, shown.stderr
    verified(box, token, shown.stdout.rstrip().splitlines()[-1])


def test_a_permit_that_is_handed_in_again_is_answered_again(box: Box) -> None:
    """The phone may have lost the first answer; the box has held other permits since."""
    token = HELD["HW-1"]
    held = box.status()["permit_answer"]["accepted"]
    assert held == "HW-3"
    shown = box.hotbox("permit", "import", "-", "--json", stdin=token)
    assert msgspec.json.decode(shown.stdout)["code"] == "accepted"
    verified(box, token, msgspec.json.decode(shown.stdout)["receipt"])


def test_a_forged_permit_is_refused_however_it_is_brought(box: Box, tmp_path: Path) -> None:
    """PTW-09, ANT-10: whole codes prove nothing; the signature does. The refusal is told to the screen."""
    token = box.permit("HW-9")
    forged = token[:-8] + ("A" * 8 if not token.endswith("A" * 8) else "B" * 8)
    draw(tmp_path / "codes", forged)
    shown = box.hotbox("permit", "import", str(tmp_path / "codes"))
    assert shown.returncode == 1
    assert "refused (forged)" in shown.stderr
    answer = box.status()["permit_answer"]
    assert answer["code"] == "forged"
    assert abs(answer["refused_t"] - box.status()["t"]) < 60_000
    assert answer["receipt"], "what was accepted before stays accepted"


def test_missing_pictures_are_named_and_nothing_is_handed_in(box: Box, tmp_path: Path) -> None:
    files = draw(tmp_path / "codes", box.permit("HW-10"))
    before = box.status()["permit_answer"]
    shown = box.hotbox("permit", "import", *map(str, files[::2]))
    assert shown.returncode == 1
    assert "missing 2" in shown.stderr
    assert box.status()["permit_answer"] == before, "no permit, no refusal: the box was not asked"


@pytest.mark.parametrize("words", [(), ("x.jws", "--camera")])
def test_one_way_at_a_time(box: Box, words: tuple[str, ...]) -> None:
    shown = box.hotbox("permit", "import", *words)
    assert shown.returncode == 1
    assert "a file, pictures or --camera" in shown.stderr


def test_a_camera_that_is_not_there_is_said(box: Box, camera: Site) -> None:
    camera.fault("camera", "disconnect")
    try:
        shown = box.hotbox("permit", "import", "--camera", "--seconds", "3")
    finally:
        camera.fault("camera", "none")
    assert shown.returncode == 1
    assert "absent" in shown.stderr
