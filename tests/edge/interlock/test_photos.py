"""Photos of what was measured by hand: whole pictures only, kept once under a commitment (PTW-09)."""

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from contracts.commitment import opens
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


def _photos(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if each.suffix in (".jpg", ".png"))


@pytest.mark.parametrize(("body", "kind"), [(JPEG, ".jpg"), (PNG, ".png"), (JPEG + bytes(62), ".jpg")])
def test_a_picture_is_kept_under_its_commitment_for_its_owner_only(tmp_path: Path, body: bytes, kind: str) -> None:
    folder = tmp_path / "state" / "photos"
    commitment, new = photos.keep(folder, _file(tmp_path, body))
    path, salt = folder / f"{commitment}{kind}", folder / f"{commitment}.salt"
    assert new
    assert path.read_bytes() == body
    assert opens(commitment, salt.read_bytes(), body)
    assert commitment != sha256(body).hexdigest()
    assert {each.stat().st_mode & 0o777 for each in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o750
    assert _photos(folder) == [path.name]
    assert not [each.name for each in folder.iterdir() if sha256(body).hexdigest() in each.name]


def test_the_same_picture_again_is_not_new(tmp_path: Path) -> None:
    source = _file(tmp_path, JPEG)
    commitment, _ = photos.keep(tmp_path / "photos", source)
    before = {each: each.stat().st_mtime_ns for each in (tmp_path / "photos").iterdir()}
    assert photos.keep(tmp_path / "photos", source) == (commitment, False)
    assert {each: each.stat().st_mtime_ns for each in (tmp_path / "photos").iterdir()} == before


def test_a_picture_of_an_older_box_is_found_and_not_new(tmp_path: Path) -> None:
    """They lie there under their plain SHA-256."""
    digest = sha256(JPEG).hexdigest()
    (tmp_path / f"{digest}.jpg").write_bytes(JPEG)
    assert photos.keep(tmp_path, _file(tmp_path, JPEG)) == (digest, False)
    assert photos.kept(tmp_path, digest)
    assert photos.listed(tmp_path) == (photos.Photo(digest, f"{digest}.jpg", len(JPEG), None),)
    photos.discard(tmp_path, digest)
    assert photos.listed(tmp_path) == (), "it has no mark, and needs none to be taken back"


def test_two_boxes_keep_the_same_picture_under_other_names(tmp_path: Path) -> None:
    source = _file(tmp_path, JPEG)
    first, second = (photos.keep(tmp_path / box, source)[0] for box in ("one", "two"))
    assert first != second
    names = [{each.name for each in (tmp_path / box).iterdir()} - {"marks.secret"} for box in ("one", "two")]
    assert not names[0] & names[1]


def test_a_picture_is_whole_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss of power in the middle of the copy must not leave half a picture, nor one without its salt."""
    folder, on_disk = tmp_path / "photos", []
    monkeypatch.setattr(photos, "sync_directory", lambda _: None)
    monkeypatch.setattr(os, "fsync", lambda _fd: on_disk.append(sorted((each.suffix, each.stat().st_size) for each in folder.iterdir())))
    photos.keep(folder, _file(tmp_path, JPEG))
    sizes = {".secret": 32, ".salt": 32, ".jpg": len(JPEG), ".seen": 64}
    so_far: list[tuple[str, int]] = []
    for written, (suffix, size) in zip(on_disk, sizes.items(), strict=True):
        assert written == sorted([*so_far, (".new", size)])
        so_far.append((suffix, size))


def test_what_an_interrupted_copy_left_is_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    commitment, _ = photos.keep(folder, _file(tmp_path, PNG))
    (folder / f"{commitment}.new").write_bytes(JPEG * 2)
    commitment, new = photos.keep(folder, _file(tmp_path, JPEG))
    assert new
    assert (folder / f"{commitment}.jpg").read_bytes() == JPEG


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
    assert photos.keep(tmp_path, _file(tmp_path, body))[1], "its measurement was refused: it was never used"


@pytest.mark.parametrize("body", [JPEG, PNG], ids=["JPEG", "PNG"])
def test_an_erased_photo_is_gone_with_its_salt_and_counts_for_nothing_more(
    tmp_path: Path, body: bytes, wording: Wording
) -> None:
    """What the log says of it proves nothing about anybody from then on; it cannot be entered a second time either."""
    folder = tmp_path / "photos"
    commitment, _ = photos.keep(folder, _file(tmp_path, body))
    assert photos.erase(folder, commitment)
    assert _photos(folder) == []
    assert not (folder / f"{commitment}.salt").exists()
    assert not photos.kept(folder, commitment)
    assert not photos.erase(folder, commitment)
    with pytest.raises(ContractError) as caught:
        photos.keep(folder, _file(tmp_path, body))
    wording.check(caught.value)
    assert _photos(folder) == []


def test_nothing_that_an_erased_photo_leaves_behind_says_which_record_was_about_it(tmp_path: Path) -> None:
    """Whoever has the folder, its secret and the picture finds the mark, and in the mark nothing; the others stay."""
    folder = tmp_path / "photos"
    commitment, _ = photos.keep(folder, _file(tmp_path, JPEG))
    other, _ = photos.keep(folder, _file(tmp_path, PNG))
    photos.erase(folder, commitment)
    left = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert not [name for name, body in left.items() if commitment in name or commitment.encode() in body]
    assert sorted(body for name, body in left.items() if name.endswith(".seen")) == [b"", other.encode()]
    assert photos.keep(folder, _file(tmp_path, PNG)) == (other, False)


def test_a_mark_is_emptied_while_the_erasure_can_still_be_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "photos"
    commitment, _ = photos.keep(folder, _file(tmp_path, JPEG))
    with monkeypatch.context() as cut:
        cut.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        with pytest.raises(OSError, match="Input/output error"):
            photos.erase(folder, commitment)
    assert [path.read_bytes() for path in folder.glob("*.seen")] == [b""]
    assert photos.there(folder, commitment)
    assert photos.erase(folder, commitment)
    assert not photos.there(folder, commitment)


def test_a_photos_name_is_durable_before_the_log_speaks_of_it_and_its_end_before_the_command_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, synced = tmp_path / "state" / "photos", []
    monkeypatch.setattr(photos, "sync_directory", synced.append)
    commitment, _ = photos.keep(folder, _file(tmp_path, JPEG))
    assert synced == [folder, folder.parent, tmp_path]
    photos.keep(folder, _file(tmp_path, PNG))
    assert synced[3:] == [folder]
    photos.keep(folder, _file(tmp_path, PNG))
    photos.erase(folder, commitment)
    assert synced[4:] == [folder]
    photos.erase(folder, commitment)
    assert len(synced) == 5


@pytest.mark.parametrize(("left", "found"), [((".jpg", ".salt"), True), ((".salt",), True), ((".png",), True), ((".seen",), False), ((), False)])
def test_an_erasure_that_was_cut_short_can_be_finished(tmp_path: Path, left: tuple[str, ...], found: bool) -> None:
    for suffix in left:
        (tmp_path / f"{'ab' * 32}{suffix}").write_bytes(b"x")
    assert photos.there(tmp_path, "ab" * 32) is found
    assert photos.there(tmp_path, "../" + "ab" * 32) is False
    assert photos.erase(tmp_path, "ab" * 32) is found
    assert not photos.there(tmp_path, "ab" * 32)


def test_a_photo_is_overwritten_before_it_is_removed_its_salt_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, written = tmp_path / "photos", []
    commitment, _ = photos.keep(folder, _file(tmp_path, JPEG))
    fsync = os.fsync

    def synced(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        assert path.is_dir() or set(path.read_bytes()) == {0}, "what is synced is overwritten already"
        written.append(path)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok=False: None)
    photos.erase(folder, commitment)
    assert [path.suffix for path in written] == [".seen", ".salt", ".jpg", ""]
    assert set((folder / f"{commitment}.jpg").read_bytes()) == {0}
    assert (folder / f"{commitment}.jpg").stat().st_size == len(JPEG)


def test_each_photo_is_listed_against_its_commitment(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    assert photos.listed(folder) == ()
    sound, _ = photos.keep(folder, _file(tmp_path, JPEG))
    changed, _ = photos.keep(folder, _file(tmp_path, PNG))
    (folder / f"{changed}.png").write_bytes(PNG + b"!")
    foreign = "ab" * 32
    (folder / f"{foreign}.jpg").write_bytes(JPEG)
    (folder / "notes.jpg").write_bytes(JPEG)
    found = {photo.commitment: photo.sound for photo in photos.listed(folder)}
    assert found == {sound: True, changed: False, foreign: False}


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
