"""Photos of what was measured by hand: whole pictures only, kept once under their SHA-256 (PTW-09)."""

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from contracts.errors import ContractError
from edge.interlock import photos
from tests.edge.interlock.pictures import jpeg, png
from tests.edge.interlock.wording import Wording

JPEG, PNG = jpeg(), png()
MIB = 2**20


def _file(tmp_path: Path, body: bytes) -> Path:
    path = tmp_path / "camera.bin"
    path.write_bytes(body)
    return path


@pytest.mark.parametrize(("body", "kind"), [(JPEG, ".jpg"), (PNG, ".png"), (JPEG + bytes(62), ".jpg")])
def test_a_picture_is_kept_under_its_hash_for_its_owner_only(tmp_path: Path, body: bytes, kind: str) -> None:
    folder = tmp_path / "state" / "photos"
    digest, new = photos.keep(folder, _file(tmp_path, body))
    path = folder / f"{sha256(body).hexdigest()}{kind}"
    assert (digest, new) == (sha256(body).hexdigest(), True)
    assert path.read_bytes() == body
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o750
    assert [each.name for each in folder.iterdir()] == [path.name]


def test_the_same_picture_again_is_not_new(tmp_path: Path) -> None:
    source = _file(tmp_path, JPEG)
    digest, _ = photos.keep(tmp_path / "photos", source)
    written = (tmp_path / "photos" / f"{digest}.jpg").stat().st_mtime_ns
    assert photos.keep(tmp_path / "photos", source) == (digest, False)
    assert (tmp_path / "photos" / f"{digest}.jpg").stat().st_mtime_ns == written


def test_a_picture_is_whole_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss of power in the middle of the copy must not leave half a picture under a hash."""
    folder, on_disk = tmp_path / "photos", []
    monkeypatch.setattr(os, "fsync", lambda _fd: on_disk.extend((each.name, each.read_bytes()) for each in folder.iterdir()))
    digest, _ = photos.keep(folder, _file(tmp_path, JPEG))
    assert on_disk == [(f"{digest}.new", JPEG)]


def test_what_an_interrupted_copy_left_is_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / f"{sha256(JPEG).hexdigest()}.new").write_bytes(JPEG * 2)
    digest, new = photos.keep(folder, _file(tmp_path, JPEG))
    assert new
    assert (folder / f"{digest}.jpg").read_bytes() == JPEG


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xd8\xff\xff\xd9", JPEG[:-2], JPEG[1:], PNG[:-1], JPEG[:3] + PNG[-8:], b"GIF89a" + JPEG, JPEG + bytes(63), PNG + bytes(57)],
    ids=["nothing", "five bytes", "cut off", "headless", "cut off PNG", "two halves", "GIF", "too much behind it", "too much behind PNG"],
)
def test_what_is_no_whole_picture_is_refused(tmp_path: Path, body: bytes, wording: Wording) -> None:
    with pytest.raises(ContractError) as caught:
        photos.keep(tmp_path / "photos", _file(tmp_path, body))
    wording.check(caught.value)
    assert not (tmp_path / "photos").exists()


def test_eight_mebibytes_are_kept_and_a_byte_more_is_refused(tmp_path: Path, wording: Wording) -> None:
    largest = JPEG[:-2] + bytes(8 * MIB - len(JPEG)) + JPEG[-2:]
    assert photos.keep(tmp_path / "photos", _file(tmp_path, largest))[1]
    with pytest.raises(ContractError) as caught:
        photos.keep(tmp_path / "photos", _file(tmp_path, JPEG[:-2] + bytes(8 * MIB - len(JPEG) + 1) + JPEG[-2:]))
    wording.check(caught.value)


@pytest.mark.parametrize("body", [JPEG, PNG])
def test_a_photo_is_found_by_its_hash_until_it_is_taken_back(tmp_path: Path, body: bytes) -> None:
    digest, _ = photos.keep(tmp_path, _file(tmp_path, body))
    assert photos.kept(tmp_path, digest)
    photos.discard(tmp_path, digest)
    assert not photos.kept(tmp_path, digest)
    photos.discard(tmp_path, digest)


@pytest.mark.parametrize("digest", ["", "ab", "AB" * 32, "ab" * 32 + "\n", "../" + "ab" * 32, "gh" * 32])
def test_a_name_that_is_no_hash_is_never_looked_up(tmp_path: Path, digest: str) -> None:
    (tmp_path / "photos").mkdir()
    for name in (digest, "ab" * 32):
        if "/" not in name and "\n" not in name:
            (tmp_path / "photos" / f"{name}.jpg").write_bytes(JPEG)
    (tmp_path / f"{'ab' * 32}.jpg").write_bytes(JPEG)
    assert not photos.kept(tmp_path / "photos", digest)


def test_a_hash_without_a_file_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / f"{'ab' * 32}.png").mkdir()
    assert not photos.kept(tmp_path, "ab" * 32)


@pytest.mark.parametrize(("side", "ok"), [(0, False), (239, False), (240, True), (20_000, True), (20_001, False)])
@pytest.mark.parametrize("make", [jpeg, png])
@pytest.mark.parametrize("wide", [True, False])
def test_a_picture_has_a_size_at_which_a_gauge_can_be_read(
    tmp_path: Path, make: Callable[..., bytes], side: int, wide: bool, ok: bool
) -> None:
    body = make(**{"width" if wide else "height": side})
    if ok:
        assert photos.kept(tmp_path, photos.keep(tmp_path, _file(tmp_path, body))[0])
        return
    with pytest.raises(ContractError, match="240 to 20000 pixels"):
        photos.keep(tmp_path, _file(tmp_path, body))
    digest = sha256(body).hexdigest()
    (tmp_path / f"{digest}.{'png' if make is png else 'jpg'}").write_bytes(body)
    assert not photos.kept(tmp_path, digest), "the interlock looks itself"


@pytest.mark.parametrize("frame", [0xC0, 0xC1, 0xC2, 0xCF])
def test_every_kind_of_frame_has_a_size(tmp_path: Path, frame: int) -> None:
    assert photos.keep(tmp_path / "p", _file(tmp_path, jpeg(frame=frame)))[1]


@pytest.mark.parametrize("frame", [0xBF, 0xC4, 0xC8, 0xCC, 0xD0])
def test_a_segment_that_is_no_frame_has_none(tmp_path: Path, frame: int) -> None:
    with pytest.raises(ContractError):
        photos.keep(tmp_path / "p", _file(tmp_path, jpeg(frame=frame)))


def test_a_cameras_notes_stand_before_the_frame(tmp_path: Path) -> None:
    assert photos.keep(tmp_path / "p", _file(tmp_path, jpeg(note=bytes(65_000))))[1]


@pytest.mark.parametrize(
    "body",
    [JPEG[:2] + b"\xff\xfe\xff\xff" + JPEG[6:], JPEG[:30], PNG[:12] + b"IDAT" + PNG[16:], JPEG[:11] + b"\xff\xd9"],
    ids=["a segment beyond the end", "no end", "another chunk first", "no frame"],
)
def test_a_picture_without_its_parts_is_none(tmp_path: Path, body: bytes) -> None:
    digest = sha256(body).hexdigest()
    for kind in ("jpg", "png"):
        (tmp_path / f"{digest}.{kind}").write_bytes(body)
    assert not photos.kept(tmp_path, digest)
    with pytest.raises(ContractError):
        photos.keep(tmp_path, _file(tmp_path, body))


@pytest.mark.parametrize("width", [2**24 + 640, 2**16 + 640])
@pytest.mark.parametrize("wide", [True, False])
def test_a_size_is_read_whole(tmp_path: Path, width: int, wide: bool) -> None:
    """A PNG's sides have four bytes each."""
    with pytest.raises(ContractError):
        photos.keep(tmp_path, _file(tmp_path, png(**{"width" if wide else "height": width})))


def test_a_sizes_bytes_are_read_in_their_order(tmp_path: Path) -> None:
    """0x0301 is 769 pixels and 0x0103 would be 259: 0x0201 is enough, 0x0102 alone decides nothing; so 0x00F0 does."""
    assert photos.keep(tmp_path, _file(tmp_path, jpeg(0x00F0, 0x00F0)))[1]
    with pytest.raises(ContractError):
        photos.keep(tmp_path, _file(tmp_path, jpeg(0xEF00, 640)))


@pytest.mark.parametrize(("padding", "ok"), [(62, True), (63, False)])
def test_the_interlock_looks_for_the_end_where_the_file_ends(tmp_path: Path, padding: int, ok: bool) -> None:
    body = jpeg() + bytes(padding)
    digest = sha256(body).hexdigest()
    (tmp_path / f"{digest}.jpg").write_bytes(body)
    assert photos.kept(tmp_path, digest) is ok


def test_a_size_behind_the_beginning_is_not_looked_for(tmp_path: Path) -> None:
    """Notes of 256 KiB are no camera's, and the interlock reads no more than that."""
    body = jpeg()
    note = b"\xff\xfe\xff\xff" + bytes(65_533)
    body = body[:2] + note * 4 + body[2:]
    digest = sha256(body).hexdigest()
    (tmp_path / f"{digest}.jpg").write_bytes(body)
    assert not photos.kept(tmp_path, digest)


@pytest.mark.parametrize("cut", range(2, 18))
def test_a_picture_that_ends_within_a_segment_has_no_size(tmp_path: Path, cut: int) -> None:
    with pytest.raises(ContractError):
        photos.keep(tmp_path, _file(tmp_path, jpeg()[:cut] + b"\xff\xd9"))
