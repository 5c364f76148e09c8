"""The nonce between vision and the process that drives the relay: one try each, and what answers an older one is nothing."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from edge import sockets
from edge.audit.reader import Reader
from edge.interlock import evidence as ev
from tests.edge.cli.box import Box, make_idle, until
from tests.edge.interlock_process.seeing import Vision

WINDOW_US = 3_000_000


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    yield from make_idle()


@pytest.fixture(scope="module")
def vision(box: Box) -> Iterator[Vision]:
    ours, theirs = sockets.pair()
    box.start(vision=ours)
    with closing(theirs):
        yield Vision(theirs)
    ours.close()


def _nonce(vision: Vision) -> str:
    until(lambda: vision.listen(ev.Wanted), "a question")
    return vision.listen(ev.Wanted)[-1].nonce


def _refused(box: Box, kind: str) -> list[dict[str, Any]]:
    with closing(Reader.open(box.folder / "data" / "audit" / "audit.db")) as log:
        events = [event.data for event in log.events(0, log.size()) if event.type == "evidence.refused"]
    return [data for data in events if data["kind"] == kind]


def test_the_end_of_a_try_draws_another_nonce_at_once(box: Box, vision: Vision) -> None:
    """ANT-01: no answer can be prepared for a question that was not asked yet."""
    nonce, now = _nonce(vision), sockets.now_us()
    vision.send(ev.Prompt(now, "zhang", nonce, "left", 3, 8, now + WINDOW_US))
    vision.send(ev.Prompt(now + 1, "zhang", nonce, "left", 3, 8, now + WINDOW_US, "failed", "late"))
    until(lambda: _nonce(vision) != nonce, "another question")
    assert len(nonce) == len(_nonce(vision)) == 16


def test_an_answer_under_an_older_nonce_is_as_if_it_had_not_come(box: Box, vision: Vision) -> None:
    """ANT-01: had it been taken in, the older one that comes after it would be refused as not newer."""
    now = sockets.now_us()
    vision.send(ev.Face(now, "zhang", 350, "proven", "dlib", "0" * 16))
    good = ev.Face(now - 1000, "zhang", 350, "proven", "dlib", _nonce(vision))
    vision.send(good)
    vision.send(ev.Prompt(5, "zhang", good.nonce, "left", 3, 8, now))
    until(lambda: _refused(box, "Prompt"), "what was sent last is looked at")
    assert _refused(box, "Face") == []

    def again() -> bool:
        """Refusals are told now and then."""
        vision.send(good)
        return bool(_refused(box, "Face"))

    until(again, "the second time it is not newer", 20)
    assert "not newer" in _refused(box, "Face")[0]["why"]
