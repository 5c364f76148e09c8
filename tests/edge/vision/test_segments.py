"""Segments on the disk: what a power cut, an erasure or somebody's hand leaves is put right at the next start."""

import os
import shutil
import stat
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from contracts.commitment import opens
from contracts.errors import ContractError
from contracts.video import pictures
from edge.vision.segments import About, Facts, FolderTakenError, SegmentFolder

OFFSET_MS = 1_800_000_000_000
ABOUT = About("HW-1", "boot-1", OFFSET_MS, True, 31)
replace = msgspec.structs.replace


def jpeg(number: int) -> bytes:
    picture = np.full((24, 32, 3), number * 10 % 256, np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def record(folder: SegmentFolder, about: About = ABOUT, *, number: int = 4, first_us: int = 1_000_000) -> Facts:
    writing = folder.begin(about, 32, 24)
    for at in range(number):
        writing.add(jpeg(at), first_us + at * 200_000)
    facts = folder.finish(writing)
    assert facts is not None
    return facts


@pytest.fixture
def folder(tmp_path: Path) -> SegmentFolder:
    return SegmentFolder(tmp_path / "video")


def files(folder: SegmentFolder) -> list[str]:
    return sorted(path.name for path in folder.root.rglob("*") if path.is_file())


def test_a_segment_is_what_its_facts_commit_to(folder: SegmentFolder) -> None:
    """ANT-11: permit, clock offset and commitment stand beside the pictures."""
    facts = record(folder)
    body = folder.path(facts).read_bytes()
    assert opens(facts.commitment, bytes.fromhex(facts.salt), body)
    assert (facts.bytes, facts.frames, facts.first_us, facts.last_us) == (len(body), 4, 1_000_000, 1_600_000)
    assert [picture.at_us for picture in pictures(body)] == [1_000_000, 1_200_000, 1_400_000, 1_600_000]
    assert facts.ended_s == (OFFSET_MS + 1600) // 1000
    assert folder.scan() == {facts.commitment: facts}
    assert folder.is_sound(facts)


def test_nobody_else_may_look(folder: SegmentFolder) -> None:
    facts = record(folder)
    for path in (folder.path(facts), folder.path(facts).with_suffix(".json")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path(facts).parent.stat().st_mode) == 0o700


def test_the_permits_number_is_no_way_out_of_the_folder(folder: SegmentFolder) -> None:
    record(folder, replace(ABOUT, permit=".."))
    assert [place.name for place in folder.root.iterdir()] == ["permit-.."]
    assert [facts.about.permit for facts in folder.listed()] == [".."]


def test_what_was_being_recorded_at_a_power_cut_is_a_segment_at_the_next_start(folder: SegmentFolder) -> None:
    """With every whole picture: at each length that the file may have come to."""
    writing = folder.begin(ABOUT, 32, 24)
    for at in range(3):
        writing.add(jpeg(at), 1_000_000 + at)
    writing.close()
    whole, beside = writing.path.read_bytes(), writing.path.with_suffix(".json").read_bytes()
    ends = [picture.at + picture.size for picture in pictures(whole)]
    for length in range(0, len(whole) + 1, 7):
        shutil.rmtree(writing.path.parent)
        writing.path.parent.mkdir()
        writing.path.write_bytes(whole[:length])
        writing.path.with_suffix(".json").write_bytes(beside)
        found = list(folder.scan().values())
        number = sum(end <= length for end in ends)
        assert [facts.frames for facts in found] == ([number] if number else [])
        assert all(folder.is_sound(facts) for facts in found)
        assert [name for name in files(folder) if name.startswith("recording")] == []
        assert folder.scan() == {facts.commitment: facts for facts in found}


def test_a_power_cut_while_it_is_finished_loses_nothing(folder: SegmentFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each step: the facts are there, the name is not yet."""
    writing = folder.begin(ABOUT, 32, 24)
    writing.add(jpeg(1), 5)

    def cut(*_: object) -> None:
        raise OSError(5, "the power is gone")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", cut)
        with pytest.raises(OSError, match="the power is gone"):
            folder.finish(writing)
    assert len(files(folder)) == 3
    (facts,) = folder.scan().values()
    assert (facts.frames, folder.is_sound(facts)) == (1, True)
    assert len(files(folder)) == 2


def test_what_is_no_recording_goes(folder: SegmentFolder) -> None:
    place = folder.root / "permit-HW-1"
    place.mkdir(parents=True)
    (place / "recording.avi").write_bytes(b"something else")
    (place / "recording.json").write_bytes(msgspec.json.encode(ABOUT))
    assert folder.scan() == {}
    (place / "recording.avi").write_bytes(b"facts that a power cut made into no text")
    (place / "recording.json").write_bytes(msgspec.json.encode(ABOUT).replace(b"HW-1", b"HW-\xff"))
    assert folder.scan() == {}
    (place / "recording.avi").write_bytes(b"without facts")
    assert folder.scan() == {}
    assert files(folder) == []


def test_a_recording_without_a_picture_leaves_nothing(folder: SegmentFolder) -> None:
    assert folder.finish(folder.begin(ABOUT, 32, 24)) is None
    assert files(folder) == []


def test_an_erased_segment_is_gone_and_its_salt_before_it(
    folder: SegmentFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = record(folder), record(folder, first_us=9_000_000)
    path = folder.path(first)

    def cut(*_: object, **__: object) -> None:
        raise OSError(5, "the power is gone")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", cut)
        with pytest.raises(OSError, match="the power is gone"):
            folder.erase(first)
    assert not path.with_suffix(".json").exists()
    assert set(path.with_suffix(".gone").read_bytes()) == {0}
    # The next look finishes what was begun.
    assert list(folder.scan()) == [second.commitment]
    assert not path.exists()
    assert folder.erase(second)
    assert not folder.erase(second)
    assert list(folder.root.iterdir()) == []


def test_an_erasure_that_was_cut_off_anywhere_is_ended_and_one_that_did_not_begin_is_not(
    folder: SegmentFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = 0
    for step in range(1, 4):
        facts, done = record(folder), 0

        def fsync(handle: int, *, last: int = step) -> None:
            nonlocal done
            done += 1
            if done == last:
                raise OSError(5, "the power is gone")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fsync)
            with pytest.raises(OSError, match="the power is gone"):
                folder.erase(facts)
        reached += 1
        assert folder.scan() == {}
        assert (files(folder), folder.aside()) == ([], [])
    assert reached == 3


@pytest.mark.parametrize(
    "wrong",
    [b"", b"{", b'{"about":"\xff"}', b'{"\xff', bytes(400), {"bytes": 1}, {"commitment": "0" * 64}, None],
    ids=["empty", "half", "no text", "no name", "zeros", "another size", "another one", "none at all"],
)
def test_a_recording_whose_facts_are_damaged_is_put_aside_and_never_deleted(
    folder: SegmentFolder, wrong: bytes | dict[str, object] | None, caplog: pytest.LogCaptureFixture
) -> None:
    """ANT-11: one bad block must not cost the recording that the level asks to keep."""
    facts, other = record(folder), record(folder, first_us=9_000_000)
    video = folder.path(facts)
    body, beside = video.read_bytes(), video.with_suffix(".json")
    if wrong is None:
        beside.unlink()
    else:
        beside.write_bytes(wrong if isinstance(wrong, bytes) else msgspec.json.encode(replace(facts, **wrong)))
    assert folder.listed() == [other]
    assert video.exists(), "looking changes nothing"
    for _ in range(2):
        assert folder.scan() == {other.commitment: other}
        kept = {each.path.name: each for each in folder.aside()}
        expected = [f"{facts.commitment}.avi.damaged"] + ([f"{facts.commitment}.json.damaged"] if wrong is not None else [])
        assert sorted(kept) == expected
        assert kept[expected[0]].path.read_bytes() == body
        assert kept[expected[0]].bytes >= len(body)
    assert folder.aside("HW-1")
    assert folder.aside("HW-2") == []
    assert "damaged" in caplog.text


def test_a_recording_that_lost_its_end_is_put_aside_too(folder: SegmentFolder) -> None:
    facts = record(folder)
    video = folder.path(facts)
    body = video.read_bytes()[:-10]
    video.write_bytes(body)
    assert folder.scan() == {}
    assert next(each.path.read_bytes() for each in folder.aside()) == body


@pytest.mark.parametrize("facts", [b"{", None], ids=["damaged", "none"])
def test_what_was_being_recorded_is_put_aside_where_nobody_knows_what_it_is(
    folder: SegmentFolder, facts: bytes | None
) -> None:
    bodies = []
    for _ in range(2):
        writing = folder.begin(ABOUT, 32, 24)
        writing.add(jpeg(1), 5)
        writing.close()
        bodies.append(writing.path.read_bytes())
        beside = writing.path.with_suffix(".json")
        if facts is None:
            beside.unlink()
        else:
            beside.write_bytes(facts)
        assert folder.scan() == {}
    assert [each.path.read_bytes() for each in folder.aside() if ".avi" in each.path.name] == bodies


def test_facts_without_their_recording_go(folder: SegmentFolder) -> None:
    """A finishing that was cut off leaves them; the recording is finished anew."""
    facts = record(folder)
    folder.path(facts).unlink()
    assert (folder.scan(), files(folder)) == ({}, [])


def test_other_files_are_let_be(folder: SegmentFolder) -> None:
    record(folder)
    (folder.root / "lost+found").mkdir()
    (folder.root / "lost+found" / "x.avi").write_bytes(b"not ours")
    (folder.root / "permit-HW-1" / "notes.json").write_bytes(b"not ours")
    (folder.root / "permit-HW-1" / "half.new").write_bytes(b"ours, and unfinished")
    assert len(folder.scan()) == 1
    assert "x.avi" in files(folder)
    assert "notes.json" in files(folder)
    assert "half.new" not in files(folder)


def test_segments_are_listed_in_the_order_of_their_time_and_by_permit(folder: SegmentFolder) -> None:
    late = record(folder, first_us=50_000_000)
    early = record(folder, replace(ABOUT, permit="HW-0"), first_us=10_000_000)
    middle = record(folder, first_us=30_000_000)
    assert folder.listed() == [early, middle, late] == list(folder.scan().values())
    assert folder.listed("HW-1") == [middle, late]
    assert SegmentFolder(folder.root / "nowhere").listed() == []


def test_news_of_a_segment_that_is_gone_bring_nothing_back(folder: SegmentFolder) -> None:
    facts = record(folder)
    folder.replace(replace(facts, logged=True))
    assert [each.logged for each in folder.listed()] == [True]
    folder.erase(facts)
    folder.replace(replace(facts, logged=True))
    assert files(folder) == []


def test_a_changed_file_is_told_from_a_sound_one(folder: SegmentFolder) -> None:
    facts = record(folder)
    body = bytearray(folder.path(facts).read_bytes())
    body[300] ^= 1
    folder.path(facts).write_bytes(body)
    assert not folder.is_sound(facts)
    assert folder.read(facts, 10, 5) == bytes(body[10:15])
    folder.path(facts).unlink()
    assert not folder.is_sound(facts)


def test_a_picture_that_is_none_is_refused_and_the_recording_goes_on(folder: SegmentFolder) -> None:
    writing = folder.begin(ABOUT, 32, 24)
    writing.add(jpeg(1), 5)
    with pytest.raises(ContractError):
        writing.add(b"no picture", 6)
    writing.add(jpeg(2), 7)
    writing.sync()
    facts = folder.finish(writing)
    assert facts is not None
    assert (facts.frames, facts.bytes) == (2, writing.finished_bytes)


def test_a_folder_has_one_writer_and_a_second_one_hears_who_it_is(tmp_path: Path) -> None:
    first, second = SegmentFolder(tmp_path / "video"), SegmentFolder(tmp_path / "video")
    first.hold()
    first.hold()
    with pytest.raises(FolderTakenError, match=rf"process {os.getpid()} records into it already"):
        second.hold()
    record(first)
    assert len(second.listed()) == 1, "reading and erasing need no lock"
    first.leave()
    second.hold()
    with pytest.raises(FolderTakenError):
        first.hold()
    second.leave()


def test_a_folder_that_was_changed_for_another_is_held_anew(tmp_path: Path) -> None:
    """A card that was put in again: the lock of the old one guards nothing."""
    folder, other = SegmentFolder(tmp_path / "video"), SegmentFolder(tmp_path / "video")
    folder.hold()
    shutil.rmtree(folder.root)
    folder.hold()
    with pytest.raises(FolderTakenError):
        other.hold()
    folder.leave()
