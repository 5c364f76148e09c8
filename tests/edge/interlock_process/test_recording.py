"""The recorder and the process that drives the relay: what to record, segments into the log, warnings (ANT-11)."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from contracts.event import Event
from edge import sockets
from edge.audit.reader import Reader
from edge.interlock import evidence as ev
from tests.edge.cli.box import Box, make_idle, until
from tests.edge.interlock_process.seeing import Vision


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    for made in make_idle():
        settings = made.read()
        settings["vision"]["video"] = {"folder": str(made.folder / "video"), "most_mib": 64}
        made.write(settings)
        yield made


@pytest.fixture(scope="module")
def vision(box: Box) -> Iterator[Vision]:
    ours, theirs = sockets.pair()
    box.start(vision=ours)
    with closing(theirs):
        yield Vision(theirs)
    ours.close()


def _events(box: Box, *kinds: str) -> list[Event]:
    path: Path = box.folder / "data" / "audit" / "audit.db"
    with closing(Reader.open(path)) as log:
        return [event for event in log.events(0, log.size()) if event.type in kinds]


def test_vision_is_told_every_second_what_to_record(box: Box, vision: Vision) -> None:
    """GB 30871-2022 5.2.11"""
    until(lambda: len(vision.listen(ev.Film)) >= 2, "two words about the recording")
    film = vision.listen(ev.Film)[-1]
    assert (film.permit, film.on, film.keep, film.keep_d) == ("", False, False, 31)


def test_a_segment_is_durable_in_the_log_when_vision_hears_so(box: Box, vision: Vision) -> None:
    """ANT-11: with the clock's offset as the interlock reads it; offered again it is written once."""
    item = vision.segment(1)
    vision.send(item)
    until(lambda: ev.Logged(f"{1:064x}") in vision.listen(ev.Logged), "the segment is logged")
    vision.heard.clear()
    vision.send(msgspec.structs.replace(item, at_us=sockets.now_us()))
    until(lambda: ev.Logged(f"{1:064x}") in vision.listen(ev.Logged), "it is said again")
    (told,) = _events(box, "video.segment")
    assert (told.permit, told.data["commitment"], told.data["first_us"]) == ("HW-1", f"{1:064x}", item.first_us)
    assert abs(told.data["offset_ms"] - (told.t - told.m // 1000)) <= 50
    assert (told.data["clock"], told.data["keep"], told.data["keep_d"]) == ("own", True, 31)


def test_a_segment_that_cannot_be_is_refused_in_the_log(box: Box, vision: Vision) -> None:
    vision.send(vision.segment(2, first_us=sockets.now_us(), last_us=5))
    until(lambda: any(event.data["kind"] == "Segment" for event in _events(box, "evidence.refused")), "it is refused")
    assert len(_events(box, "video.segment")) == 1


def test_a_recorder_that_fails_is_in_the_log_and_on_the_screen(box: Box, vision: Vision) -> None:
    """It trips no work that need not be recorded."""
    for health, shown in (("failed", "cannot write"), ("ready", "ready")):

        def said(health: str = health) -> bool:
            vision.word(health)
            kind = "video.well" if health == "ready" else "video.warning"
            return bool(_events(box, kind))

        until(said, health)
        box.wait_for(lambda s, health=health: s["video"] and s["video"]["health"] == health, health)
        assert shown in box.hotbox("status").stdout
    assert "video" not in box.failing()
    warned, well = _events(box, "video.warning", "video.well")
    assert (warned.data["code"], warned.data["chan"], well.data["was"]) == ("video_lost", "failed", "video_lost")
    asked = box.hotbox("explain", "video")
    assert (asked.returncode, "recorder" in asked.stdout) == (0, True)


def test_a_silent_recorder_is_told_too(box: Box, vision: Vision) -> None:
    vision.word("ready")
    until(lambda: len(_events(box, "video.warning")) == 2, "the silence", 30)
    assert _events(box, "video.warning")[-1].data["chan"] == "silent"
