"""Segments on the disk: what a power cut, an erasure or somebody's hand leaves is put right at the next start."""

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
from edge.vision.segments import About, Facts, SegmentFolder

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
    assert set(path.with_suffix(".json").read_bytes()) == {0}
    # The next look finishes what was begun.
    assert list(folder.scan()) == [second.commitment]
    assert not path.exists()
    assert folder.erase(second)
    assert not folder.erase(second)
    assert list(folder.root.iterdir()) == []


def test_facts_that_do_not_fit_their_file_count_for_nothing(folder: SegmentFolder) -> None:
    facts = record(folder)
    beside = folder.path(facts).with_suffix(".json")
    for wrong in (b"{", b'{"about":"\xff"}', b'{"\xff', msgspec.json.encode(replace(facts, bytes=1)), msgspec.json.encode(replace(facts, commitment="0" * 64))):
        beside.write_bytes(wrong)
        assert folder.listed() == []
        assert folder.path(facts).exists(), "looking changes nothing"
    assert folder.scan() == {}
    assert files(folder) == []


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
