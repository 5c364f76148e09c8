"""A recorded segment: an AVI that any player shows, each picture with its time, and what a power cut leaves of one."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ContractError
from contracts.video import (
    HEAD_BYTES,
    MAX_PICTURES,
    Shape,
    chunk,
    head,
    index,
    pictures,
    shape_of,
    size_of,
    stamped,
)

WIDTH, HEIGHT = 64, 48
FIRST_US, STEP_US = 5_000_000, 250_000


def jpeg(grey: int, quality: int = 90) -> bytes:
    """A picture of one grey, so that it is known again."""
    done, body = cv2.imencode(".jpg", np.full((HEIGHT, WIDTH, 3), grey, np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return body.tobytes()


def recorded(greys: tuple[int, ...] = (0, 60, 120, 180, 240)) -> bytes:
    """A recording that goes on: no index yet, its head knows nothing."""
    chunks = [chunk(stamped(jpeg(grey), FIRST_US + STEP_US * number)) for number, grey in enumerate(greys)]
    return head(Shape(WIDTH, HEIGHT)) + b"".join(chunks)


def finished(body: bytes) -> bytes:
    found = pictures(body)
    end, rows = found[-1].end, index(found)
    return head(shape_of(*size_of(body), found), end - HEAD_BYTES, len(rows)) + body[HEAD_BYTES:end] + rows


def test_every_picture_is_found_with_its_time() -> None:
    """ANT-11"""
    body = recorded()
    found = pictures(body)
    assert [picture.at_us for picture in found] == [FIRST_US + STEP_US * number for number in range(5)]
    for picture, grey in zip(found, (0, 60, 120, 180, 240), strict=True):
        shown = cv2.imdecode(np.frombuffer(body[picture.at : picture.at + picture.size], np.uint8), cv2.IMREAD_GRAYSCALE)
        assert abs(int(shown.mean()) - grey) <= 2


def test_a_player_shows_a_finished_segment_at_the_pace_at_which_it_was_taken(tmp_path) -> None:
    path = tmp_path / "segment.avi"
    path.write_bytes(finished(recorded()))
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(1e6 / STEP_US)
        assert (capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)) == (WIDTH, HEIGHT)
        shown = [capture.read() for _ in range(6)]
    finally:
        capture.release()
    assert [done for done, _ in shown] == [True] * 5 + [False]
    assert [round(float(picture.mean()), -1) for done, picture in shown if done] == [0, 60, 120, 180, 240]


def test_a_recording_that_was_cut_off_has_all_its_whole_pictures() -> None:
    """Wherever the power went, nothing raises, and no picture is half."""
    body = recorded((0, 200, 100))
    ends = [picture.at + picture.size for picture in pictures(body)]
    for length in range(HEAD_BYTES, len(body)):
        found = pictures(body[:length])
        assert len(found) == sum(end <= length for end in ends)


def test_the_heads_sizes_are_what_players_skip_by() -> None:
    body = finished(recorded())
    assert int.from_bytes(body[4:8], "little") == len(body) - 8
    movi = int.from_bytes(body[HEAD_BYTES - 8 : HEAD_BYTES - 4], "little")
    assert body[HEAD_BYTES - 4 + movi :][:4] == b"idx1"
    assert size_of(body) == (WIDTH, HEIGHT)


def test_one_picture_makes_a_segment() -> None:
    assert len(pictures(finished(recorded((7,))))) == 1


@pytest.mark.parametrize("body", [b"", b"\xff\xd8", b"\xff\xd8 and no end", b"end alone \xff\xd9"])
def test_what_is_no_jpeg_is_not_taken(body: bytes) -> None:
    with pytest.raises(ContractError, match="a whole JPEG"):
        stamped(body, 1)


def test_a_picture_without_its_time_is_refused() -> None:
    bare = chunk(jpeg(9))
    with pytest.raises(ContractError, match="the time of its capture"):
        pictures(head(Shape(WIDTH, HEIGHT)) + bare)
    late = chunk(stamped(jpeg(9), 2**53))
    with pytest.raises(ContractError, match="the time of its capture"):
        pictures(head(Shape(WIDTH, HEIGHT)) + late)


@pytest.mark.parametrize(("short", "read"), [(0, True), (1, False)])
def test_a_time_that_the_pictures_end_cuts_off_is_none(short: int, read: bool) -> None:
    """Some of its digits are another time."""
    comment = stamped(b"\xff\xd8\xff\xd9", 518_856)[:-2]
    body = head(Shape(WIDTH, HEIGHT)) + chunk(comment[: len(comment) - short])
    if read:
        assert [picture.at_us for picture in pictures(body)] == [518_856]
        return
    with pytest.raises(ContractError, match="the time of its capture"):
        pictures(body)


def test_digits_behind_the_comment_are_not_of_its_time() -> None:
    picture = stamped(b"\xff\xd8" + b"4a2" + b"\xff\xd9", 518_856)
    assert [found.at_us for found in pictures(head(Shape(WIDTH, HEIGHT)) + chunk(picture))] == [518_856]


def test_time_that_goes_back_is_refused() -> None:
    twice = chunk(stamped(jpeg(9), 7))
    with pytest.raises(ContractError, match="a time after 7"):
        pictures(head(Shape(WIDTH, HEIGHT)) + twice + twice)


def test_more_pictures_than_any_recorder_takes_are_refused() -> None:
    """What a box sends must not cost the bridge's pages a gigabyte."""
    many = b"".join(chunk(stamped(b"\xff\xd8\xff\xd9", at)) for at in range(MAX_PICTURES + 1))
    whole = head(Shape(WIDTH, HEIGHT)) + many
    with pytest.raises(ContractError, match="at most 10000"):
        pictures(whole)
    assert len(pictures(whole[: -len(chunk(stamped(b"\xff\xd8\xff\xd9", MAX_PICTURES)))])) == MAX_PICTURES


def test_another_file_is_no_segment() -> None:
    for body in (b"", b"RIFF", bytes(HEAD_BYTES), b"RIFF0000WAVE" + bytes(HEAD_BYTES)):
        with pytest.raises(ContractError, match="an AVI file of this box"):
            pictures(body)
    wild = bytearray(recorded())
    wild[64:68] = b"\xff\xff\xff\xff"
    with pytest.raises(ContractError, match="pixels"):
        size_of(bytes(wild))


@given(st.binary(max_size=400), st.integers(0, 5000), st.integers(0, 255))
def test_whatever_comes_is_refused_in_words_or_read(tail: bytes, place: int, value: int) -> None:
    """Nothing but a ContractError: the bridge reads what boxes send."""
    body = bytearray(_BODY)
    body[place % len(body)] = value
    for what in (tail, bytes(body), _BODY[:HEAD_BYTES] + tail, bytes(body) + tail):
        try:
            found = pictures(what)
        except ContractError:
            continue
        assert all(picture.at + picture.size <= len(what) for picture in found)


_BODY = recorded((10, 20))
