"""Recordings go up over a real broker, behind the log and the alarms, and go on where they were (ANT-11, BOX-05)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiomqtt
import iotcore
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.commitment import opens
from contracts.event import Severity
from contracts.media import FINAL, MediaAnswer, Piece, sign_answer, to_piece, unpack
from contracts.topics import dn, parse
from edge.config import BoxConfig, Video
from edge.link import media_sender
from edge.vision.clips import ClipServer
from edge.vision.recorder import Recorder
from tests.edge.audit.site import BOX, Station
from tests.edge.link.site import Box, WitnessBridge, eventually, kill, link, running, start_broker
from tests.edge.vision.test_segments import ABOUT, record

replace = msgspec.structs.replace
FRAMES = 400
"""A segment of some 250 KiB."""


class Shelf(WitnessBridge):
    """The bridge that also takes recordings, as the contracts say.

    Attributes:
        here: commitment → bytes so far. pieces: (commitment, from where on, how many bytes) in the order of their coming.
        losing: every so many pieces one is lost.
    """

    def __init__(self, port: int, station: Station) -> None:
        super().__init__(port, station)
        self.here: dict[str, bytearray] = {}
        self.held: list[str] = []
        self.pieces: list[tuple[str, int, int]] = []
        self.losing = 0
        self.says: dict[str, str] = {}
        self.key = station.witness_key

    async def _take(self, client: aiomqtt.Client, topic: str, payload: bytes, *, retained: bool) -> None:
        if parse(topic)[2] != "media":
            await super()._take(client, topic, payload, retained=retained)
            return
        piece, body = unpack(payload)
        self.pieces.append((piece.commitment, piece.at, len(body)))
        self.arrivals.append(("media", piece.at))
        if self.losing and len(self.pieces) % self.losing == 0:
            return
        have = self.here.setdefault(piece.commitment, bytearray())
        said = self.says.get(piece.commitment, "")
        if said:
            answer = MediaAnswer(piece.commitment, 0, said)  # type: ignore[arg-type]
        elif body and piece.at > len(have):
            answer = MediaAnswer(piece.commitment, len(have), "want", again=True)
        else:
            if piece.at == len(have):
                have += body
            state = "want"
            if len(have) == piece.size and opens(piece.commitment, bytes.fromhex(piece.salt), bytes(have)):
                self.held.append(piece.commitment)
                state = "held"
            answer = MediaAnswer(piece.commitment, len(have), state)  # type: ignore[arg-type]
        assert piece.bound
        answer = to_piece(answer, piece)
        if piece.signed and answer.state in FINAL:
            answer = sign_answer(answer, BOX, self.key)
        await client.publish(dn(BOX, "media"), msgspec.json.encode(answer), qos=1)


@contextlib.asynccontextmanager
async def filmed(box: Box, tmp_path: Path, number: int = 1) -> AsyncIterator[tuple[Recorder, list[Any]]]:
    """Vision's end, with segments that the log has."""
    settings = Video(str(tmp_path / "video"), 64, upload="all")
    box.config = _with_video(box.config, settings)
    recorder = Recorder(settings, lambda: None)
    segments = [record(recorder.store, ABOUT, number=FRAMES, first_us=at * 10**9) for at in range(1, number + 1)]
    recorder.start()
    server = ClipServer(box.config, recorder)
    await server.start()
    try:
        await eventually(lambda: recorder.find(segments[-1].commitment) is not None)
        for facts in segments:
            recorder.logged(facts.commitment)
        yield recorder, segments
    finally:
        await server.stop()
        await asyncio.to_thread(recorder.stop)


def _with_video(config: BoxConfig, settings: Video) -> BoxConfig:
    return replace(config, vision=replace(config.vision, video=settings))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_sender, "IDLE_S", 0.2)


async def test_a_recording_reaches_the_bridge_whole_and_once(
    box: Box, broker: iotcore.Broker, station: Station, tmp_path: Path
) -> None:
    """ANT-11"""
    bridge = Shelf(broker.port, station)
    async with filmed(box, tmp_path, 2) as (recorder, segments), running(bridge.run(), box.listen(), link(box)):
        await eventually(lambda: len(bridge.held) == 2)
        for facts in segments:
            assert bytes(bridge.here[facts.commitment]) == recorder.store.path(facts).read_bytes()
        await eventually(lambda: recorder.to_send() is None)
        sent = sum(size for _, _, size in bridge.pieces)
        assert sent == sum(facts.bytes for facts in segments), "nothing went twice"
        assert [recorder.find(facts.commitment).sent for facts in segments] == ["held", "held"]


async def test_after_a_lost_line_it_goes_on_where_the_bridge_has_it(
    box: Box, broker: iotcore.Broker, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BOX-05: the broker is killed in the middle, twice."""
    monkeypatch.setattr(media_sender, "MOST_BYTES_S", 128 * 1024)
    port, bridge = broker.port, Shelf(broker.port, station)
    async with filmed(box, tmp_path) as (recorder, (facts,)), running(bridge.run(), box.listen(), link(box)):
        for part in (3, 2):
            await eventually(lambda part=part: len(bridge.here.get(facts.commitment, b"")) > facts.bytes // (part + 1), 20)
            await asyncio.to_thread(kill, broker)
            broker = await asyncio.to_thread(start_broker, port)
        await eventually(lambda: bridge.held == [facts.commitment], 30)
        assert bytes(bridge.here[facts.commitment]) == recorder.store.path(facts).read_bytes()
        sent = sum(size for _, _, size in bridge.pieces)
        assert sent < facts.bytes + 3 * 64 * 1024, "not from the beginning"
    broker.stop()


async def test_lost_pieces_are_asked_for_again(
    box: Box, broker: iotcore.Broker, station: Station, tmp_path: Path
) -> None:
    bridge = Shelf(broker.port, station)
    bridge.losing = 23
    async with filmed(box, tmp_path) as (recorder, (facts,)), running(bridge.run(), box.listen(), link(box)):
        await eventually(lambda: bridge.held == [facts.commitment], 30)
        assert bytes(bridge.here[facts.commitment]) == recorder.store.path(facts).read_bytes()


async def test_the_log_goes_first(box: Box, broker: iotcore.Broker, station: Station, tmp_path: Path) -> None:
    """BOX-05: recordings go when nobody else has anything to say."""
    box.append(3000)
    await eventually(lambda: box.log.health().size == 3001)
    bridge = Shelf(broker.port, station)
    async with filmed(box, tmp_path) as (_, (facts,)), running(bridge.run(), box.listen()):
        await bridge.ready.wait()
        async with running(link(box)):
            await eventually(lambda: bridge.held == [facts.commitment], 20)
            before = [lane for lane, _ in bridge.arrivals[: [lane for lane, _ in bridge.arrivals].index("media")]]
            assert before.count("log") >= 5
            last_log = max(at for at, (lane, _) in enumerate(bridge.arrivals) if lane == "log")
            media = [at for at, (lane, _) in enumerate(bridge.arrivals) if lane == "media"]
            assert sum(at < last_log for at in media) <= 2


async def test_an_alarm_overtakes_a_recording(
    box: Box, broker: iotcore.Broker, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_sender, "MOST_BYTES_S", 64 * 1024)
    bridge = Shelf(broker.port, station)
    async with filmed(box, tmp_path), running(bridge.run(), box.listen(), link(box)):
        await eventually(lambda: len(bridge.pieces) > 5)
        box.append(1, sev=Severity.ALARM)
        await eventually(lambda: any(lane == "live" for lane, _ in bridge.arrivals))
        at = next(at for at, (lane, _) in enumerate(bridge.arrivals) if lane == "live")
        assert at < len(bridge.arrivals) + 1
        assert not bridge.held


@pytest.mark.parametrize("said", ["refused", "later"])
async def test_one_that_the_bridge_does_not_take_lets_the_next_pass(
    box: Box, broker: iotcore.Broker, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setattr("edge.link.media.LATER_S", 0.2)
    bridge = Shelf(broker.port, station)
    async with filmed(box, tmp_path, 2) as (recorder, segments), running(bridge.run(), box.listen(), link(box)):
        await bridge.ready.wait()
        bridge.says[segments[0].commitment] = said
        await eventually(lambda: bridge.held == [segments[1].commitment], 20)
        await eventually(lambda: recorder.find(segments[0].commitment).sent == ("refused" if said == "refused" else ""))


async def test_a_segment_that_is_erased_on_its_way_stops_there(
    box: Box, broker: iotcore.Broker, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_sender, "MOST_BYTES_S", 64 * 1024)
    bridge = Shelf(broker.port, station)
    async with filmed(box, tmp_path, 2) as (recorder, segments), running(bridge.run(), box.listen(), link(box)):
        await eventually(lambda: len(bridge.here.get(segments[0].commitment, b"")) > 8192, 20)
        recorder.store.erase(segments[0])
        monkeypatch.setattr(media_sender, "MOST_BYTES_S", 10**8)
        await eventually(lambda: bridge.held == [segments[1].commitment], 30)


@pytest.mark.parametrize("video", [None, Video("nowhere", 64, upload="none")])
async def test_a_box_that_sends_no_recordings_says_nothing_about_them(
    box: Box, broker: iotcore.Broker, station: Station, video: Video | None
) -> None:
    box.config = replace(box.config, vision=replace(box.config.vision, video=video))
    bridge = Shelf(broker.port, station)
    async with running(bridge.run(), box.listen(), link(box)):
        box.append(5)
        await eventually(lambda: len(bridge.leaves) == 6)
        await bridge.send("media", b"nobody hears it")
        assert bridge.pieces == []


async def test_nonsense_from_the_bridge_is_skipped(
    box: Box, broker: iotcore.Broker, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_sender, "MOST_BYTES_S", 64 * 1024)
    bridge = Shelf(broker.port, station)
    async with filmed(box, tmp_path) as (_, (facts,)), running(bridge.run(), box.listen(), link(box)):
        await eventually(lambda: len(bridge.pieces) > 2)
        for wrong in (b"", b"{}", b"\xff\xfe", msgspec.json.encode(MediaAnswer("0" * 64, 0, "held"))):
            await bridge.send("media", wrong)
        monkeypatch.setattr(media_sender, "MOST_BYTES_S", 10**8)
        await eventually(lambda: bridge.held == [facts.commitment], 20)


@pytest.mark.parametrize("state", ["held", "refused"])
@pytest.mark.parametrize("signed", ["not", "by another", "for another box", "to another's piece", "to no piece"])
async def test_nobody_but_the_bridge_ends_a_recording(
    box: Box, broker: iotcore.Broker, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, signed: str
) -> None:
    """Whoever can publish on dn/media could else keep the evidence from ever leaving the box."""
    monkeypatch.setattr(media_sender, "MOST_BYTES_S", 64 * 1024)
    bridge = Shelf(broker.port, station)
    async with filmed(box, tmp_path) as (recorder, (facts,)), running(bridge.run(), box.listen(), link(box)):
        await eventually(lambda: len(bridge.pieces) > 2)
        forged = MediaAnswer(facts.commitment, facts.bytes if state == "held" else 0, state)  # type: ignore[arg-type]
        own = Piece(facts.commitment, facts.bytes, facts.salt)
        if signed == "to another's piece":
            forged = sign_answer(to_piece(forged, replace(own, size=facts.bytes + 1)), BOX, station.witness_key)
        elif signed == "to no piece":
            forged = sign_answer(forged, BOX, station.witness_key)
        elif signed != "not":
            key = station.witness_key if signed == "for another box" else Ed25519PrivateKey.generate()
            forged = sign_answer(to_piece(forged, own), "box-other" if signed == "for another box" else BOX, key)
        else:
            forged = to_piece(forged, own)
        await bridge.send("media", msgspec.json.encode(forged))
        before = len(bridge.pieces)
        await eventually(lambda: len(bridge.pieces) > before + 3)
        assert recorder.find(facts.commitment).sent == ""
        monkeypatch.setattr(media_sender, "MOST_BYTES_S", 10**8)
        await eventually(lambda: bridge.held == [facts.commitment], 20)
        await eventually(lambda: recorder.find(facts.commitment).sent == "held")


async def test_what_the_bridge_says_to_somebody_elses_piece_puts_nothing_off(
    box: Box, broker: iotcore.Broker, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ANT-11: whoever can publish on up/media is answered on the box's dn/media; only the box's own pieces count."""
    monkeypatch.setattr(media_sender, "MOST_BYTES_S", 64 * 1024)
    bridge = Shelf(broker.port, station)
    async with filmed(box, tmp_path) as (recorder, (facts,)), running(bridge.run(), box.listen(), link(box)):
        await eventually(lambda: len(bridge.pieces) > 2)
        others = [Piece(facts.commitment, facts.bytes + 1, facts.salt), Piece(facts.commitment, facts.bytes, "0" * 64)]
        for piece in others:
            for answer in (MediaAnswer(facts.commitment, 0, "later"), MediaAnswer(facts.commitment, 0, "want", again=True)):
                await bridge.send("media", msgspec.json.encode(to_piece(answer, piece)))
        before = len(bridge.pieces)
        await eventually(lambda: len(bridge.pieces) > before + 3)
        assert not recorder._put_off
        monkeypatch.setattr(media_sender, "MOST_BYTES_S", 10**8)
        await eventually(lambda: bridge.held == [facts.commitment], 20)
        assert sum(size for _, _, size in bridge.pieces) == facts.bytes, "nothing of it went twice"


async def test_a_bridge_that_was_restored_gets_again_what_it_lost(
    box: Box, broker: iotcore.Broker, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge = Shelf(broker.port, station)
    async with filmed(box, tmp_path, 2) as (recorder, segments), running(bridge.run(), box.listen(), link(box)):
        await eventually(lambda: {recorder.find(facts.commitment).sent for facts in segments} == {"held"}, 20)
        lost = segments[1].commitment
        bridge.here.clear()
        bridge.held.clear()
        bridge.here[segments[0].commitment] = bytearray(recorder.store.path(segments[0]).read_bytes())
        monkeypatch.setattr("edge.vision.recorder.ASK_AGAIN_S", 0.1)
        await eventually(lambda: lost in bridge.held, 30)
        assert bytes(bridge.here[lost]) == recorder.store.path(segments[1]).read_bytes()
        await eventually(lambda: recorder.find(lost).sent == "held")


async def test_a_segment_that_the_disk_does_not_give_lets_the_others_pass_and_asks_for_little(
    box: Box, broker: iotcore.Broker, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge = Shelf(broker.port, station)
    async with filmed(box, tmp_path, 2) as (recorder, segments):
        bad, good, read = segments[0].commitment, segments[1].commitment, recorder.store.read

        def fails(facts: Any, at: int, most: int) -> bytes:
            if facts.commitment == bad:
                raise OSError(5, "Input/output error")
            return read(facts, at, most)

        monkeypatch.setattr(recorder.store, "read", fails)
        async with running(bridge.run(), box.listen(), link(box)):
            await eventually(lambda: bridge.held == [good], 20)
            await eventually(lambda: recorder.find(good).sent == "held")
            asks = sum(commitment == bad for commitment, _, _ in bridge.pieces)
            assert asks <= 2
            assert recorder.to_send() is None, "for a while it is not offered at all"
            assert recorder.find(bad).sent == ""
