"""Recordings leave vision through one door: what the log has, to link alone, and what became of them comes back."""

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from edge.config import Video, Vision
from edge.vision import clips as door
from edge.vision.clips import CHUNK_BYTES, NONE, Clips, ClipServer
from edge.vision.filming import Filming
from edge.vision.recorder import Recorder
from edge.vision.segments import SegmentFolder
from tests.edge.eventually import eventually
from tests.edge.presence.box import box
from tests.edge.vision.test_segments import ABOUT, record

replace = msgspec.structs.replace


@pytest.fixture
async def recorder(tmp_path: Path):
    made = Recorder(Video(str(tmp_path / "video"), 64, upload="all"), lambda: None)
    made.start()
    await eventually(lambda: made.word().health == "ready")  # its first look tidies up, and these tests write meanwhile
    yield made
    made.stop()


@pytest.fixture
async def server(tmp_path: Path, recorder: Recorder):
    (tmp_path / "run").mkdir()
    boxed = replace(box(tmp_path), run=str(tmp_path / "run"))
    made = ClipServer(boxed, recorder)
    await made.start()
    yield boxed.video_socket
    await made.stop()


@pytest.fixture
async def link(server: Path):
    made = Clips(server)
    yield made
    made.close()


async def held(recorder: Recorder, number: int = 1) -> list:
    """Segments that the recorder knows and the log has."""
    found = [record(recorder.store, replace(ABOUT, keep=False), number=40, first_us=at * 10**9) for at in range(1, number + 1)]
    recorder._scanned_us = None
    await eventually(lambda: recorder.find(found[-1].commitment) is not None)
    for facts in found:
        recorder.logged(facts.commitment)
    return found


async def test_a_segment_goes_out_byte_for_byte(recorder: Recorder, link: Clips) -> None:
    assert await link.next() == NONE
    (facts,) = await held(recorder)
    clip = await link.next()
    assert (clip.commitment, clip.size, clip.salt) == (facts.commitment, facts.bytes, facts.salt)
    body = b""
    while piece := await link.read(facts.commitment, len(body)):
        body += piece
    assert body == recorder.store.path(facts).read_bytes()


async def test_what_the_bridge_said_is_written_down(recorder: Recorder, link: Clips) -> None:
    first, second = await held(recorder, 2)
    await link.sent(first.commitment, "held")
    assert (await link.next()).commitment == second.commitment
    await link.sent(second.commitment, "later")
    assert (await link.next()).commitment == second.commitment, "put off, and there is no other"
    await link.sent(second.commitment, "refused")
    assert await link.next() == NONE
    await link.sent("0" * 64, "held")
    await eventually(lambda: {facts.sent for facts in recorder.store.listed()} == {"held", "refused"})


async def test_a_segment_that_was_erased_meanwhile_gives_nothing(recorder: Recorder, link: Clips) -> None:
    (facts,) = await held(recorder)
    recorder.store.erase(facts)
    assert await link.read(facts.commitment, 0) == b""
    assert await link.next() == NONE
    assert await link.read(facts.commitment, 0) == b""


async def test_what_a_disk_has_spoilt_never_leaves_the_box(recorder: Recorder, link: Clips, caplog) -> None:
    """ANT-11: the bridge counts no copy that is something else against a segment, so the box sends none."""
    spoilt, sound = await held(recorder, 2)
    path = recorder.store.path(spoilt)
    body = bytearray(path.read_bytes())
    body[-9] ^= 1
    path.write_bytes(body)
    assert await link.read(spoilt.commitment, 0) == b""
    assert "not what the log committed to" in caplog.text
    assert (await link.next()).commitment == sound.commitment
    assert await link.read(sound.commitment, 0) == recorder.store.path(sound).read_bytes()[:CHUNK_BYTES]
    assert await link.read(spoilt.commitment, CHUNK_BYTES) == b"", "nor from its middle on"
    assert recorder.find(spoilt.commitment) is not None, "it stays here"


async def test_nobody_else_may_ask(recorder: Recorder, server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await held(recorder)
    monkeypatch.setattr(door, "_uid_of", lambda _: os.geteuid() + 1)
    with pytest.raises(ConnectionResetError):
        await Clips(server).next()


def test_link_and_the_own_user_are_let_in(tmp_path: Path) -> None:
    boxed = box(tmp_path)
    assert door._allowed(boxed) == {os.geteuid()}
    assert door._allowed(replace(boxed, uids={"link": 4711, "presence": 4712})) == {os.geteuid(), 4711}
    assert door._allowed(replace(boxed, uids={"link": "nobody-of-this-name"})) == {os.geteuid()}


@pytest.mark.parametrize("said", [b"{}\n", b"no json\n", b'{"op":"next","more":1}\n', b"x" * 5000 + b"\n", b'{"op":"read","commitment":"../x"}\n'])
async def test_whoever_says_nonsense_is_hung_up_on_and_the_others_are_served(
    recorder: Recorder, server: Path, link: Clips, said: bytes
) -> None:
    await held(recorder)
    reader, writer = await asyncio.open_unix_connection(str(server))
    writer.write(said)
    assert await reader.read() == b""
    writer.close()
    assert (await link.next()).commitment


async def test_a_third_reader_waits(recorder: Recorder, server: Path) -> None:
    others = [Clips(server) for _ in range(door.READERS)]
    for each in others:
        await each.next()
    with pytest.raises(ConnectionResetError):
        await Clips(server).next()
    others[0].close()
    again = Clips(server)

    async def served() -> bool:
        try:
            return await again.next() == NONE
        except OSError:
            return False

    async with asyncio.timeout(5):
        while not await served():  # noqa: ASYNC110 - the other's end is noticed by the server in its own time
            await asyncio.sleep(0.01)
    for each in (*others, again):
        each.close()


async def test_without_vision_link_is_told_and_asks_again(tmp_path: Path, recorder: Recorder) -> None:
    boxed = replace(box(tmp_path), run=str(tmp_path / "run"))
    link = Clips(boxed.video_socket)
    with pytest.raises(FileNotFoundError):
        await link.next()
    server = ClipServer(boxed, recorder)
    await server.start()
    assert await link.next() == NONE
    await server.stop()
    link.close()


async def test_a_path_that_cannot_be_used_is_told_and_recording_goes_on(
    tmp_path: Path, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    boxed = replace(box(tmp_path), run=str(tmp_path / "run"))
    boxed.video_socket.parent.write_text("in the way")
    server = ClipServer(boxed, recorder)
    await server.start()
    assert "no recording can go up" in caplog.text
    await server.stop()


async def test_a_reply_that_ends_early_is_no_segment(server: Path, link: Clips, monkeypatch: pytest.MonkeyPatch) -> None:
    async def half(_self: ClipServer, _ask: door.Ask) -> tuple[bytes, ...]:
        raise ConnectionResetError

    async def short(_self: ClipServer, _ask: door.Ask) -> tuple[bytes, ...]:
        return (b'{"bytes":10}\n', b"12345")

    monkeypatch.setattr(ClipServer, "_answer", short)
    monkeypatch.setattr(door, "ANSWER_S", 0.2)
    with pytest.raises(ConnectionResetError):
        await link.read("ab" * 32, 0)
    monkeypatch.setattr(ClipServer, "_answer", half)
    with pytest.raises(OSError, match="hung up"):
        await link.next()
    assert CHUNK_BYTES >= 4096


@pytest.mark.parametrize(
    "said",
    [b"\n", b"[]\n", b'{"commitment":"\xff"}\n', b'{"commitment":"../x"}\n', b'{"size":-1}\n', b'{"x":' + b"[" * 1000 + b"\n", b"x" * 5000],
    ids=["nothing", "a list", "no text", "a path", "no size", "depth", "no end"],
)
async def test_whatever_vision_answers_link_lives(
    server: Path, link: Clips, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """What a picture did to vision ends there: link hangs up, and asks again."""
    answer = ClipServer._answer

    async def wrong(_self: ClipServer, _ask: door.Ask) -> tuple[bytes, ...]:
        return (said,)

    monkeypatch.setattr(ClipServer, "_answer", wrong)
    monkeypatch.setattr(door, "ANSWER_S", 1.0)
    for asked in (link.next, lambda: link.read("ab" * 32, 0), lambda: link.sent("ab" * 32, "held")):
        with pytest.raises(OSError, match=r"vision|timed"):
            await asked()
    monkeypatch.setattr(ClipServer, "_answer", answer)
    assert await link.next() == NONE


@pytest.mark.parametrize("number", [-1, CHUNK_BYTES + 1])
async def test_more_bytes_than_a_chunk_or_fewer_than_none_are_not_waited_for(
    server: Path, link: Clips, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    async def wrong(_self: ClipServer, _ask: door.Ask) -> tuple[bytes, ...]:
        return (b'{"bytes":%d}\n' % number,)

    monkeypatch.setattr(ClipServer, "_answer", wrong)
    with pytest.raises(OSError, match="expected a Chunk"):
        await link.read("ab" * 32, 0)


async def test_a_box_without_a_recorder_says_so(tmp_path: Path) -> None:
    boxed = replace(box(tmp_path), vision=Vision("", ""))
    none = Filming(boxed, lambda: None, 30)
    await none.start()
    (word,) = none.words()
    assert (word.health, word.left_s) == ("off", 0)
    await none.stop()
    assert not boxed.video_socket.exists()


async def test_words_are_the_recorders_and_a_segment_that_the_log_lacks(tmp_path: Path) -> None:
    boxed = replace(box(tmp_path), run=str(tmp_path / "run"), vision=Vision("", "", video=Video(str(tmp_path / "v"), 64)))
    facts = record(SegmentFolder(tmp_path / "v"))
    made = Filming(boxed, lambda: None, 30)
    await made.start()
    try:
        await eventually(lambda: len(list(made.words())) == 2)
        word, segment = made.words()
        assert (word.health, segment.commitment) == ("ready", facts.commitment)
        from edge.interlock.evidence import Film, Logged, Told

        made.hear(Told(b""))
        made.hear(Film("HW-1", False, True, 31, 0))
        made.hear(Logged(facts.commitment))
        assert len(list(made.words())) == 1
    finally:
        await made.stop()


@pytest.mark.parametrize("how", ["Input/output error", "shorter"])
async def test_a_segment_that_cannot_be_read_does_not_stand_before_the_others(
    recorder: Recorder, link: Clips, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    first, second = await held(recorder, 2)

    def fails(*_: object) -> bytes:
        if how == "shorter":
            return b"x"
        raise OSError(5, how)

    with monkeypatch.context() as patch:
        patch.setattr(recorder.store, "read", fails)
        assert (await link.next()).commitment == first.commitment
        assert await link.read(first.commitment, 0) == b""
    assert (await link.next()).commitment == second.commitment
    await link.sent(second.commitment, "held")
    assert await link.next() == NONE


async def test_what_the_bridge_asks_for_again_counts_as_not_sent(recorder: Recorder, link: Clips) -> None:
    """Also when the line is lost before it has all of it."""
    (facts,) = await held(recorder)
    await link.sent(facts.commitment, "held")
    assert await link.next() == NONE
    assert await link.read(facts.commitment, 0)
    assert (await link.next()).commitment == facts.commitment
