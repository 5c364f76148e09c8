"""Face templates pass through the interlock unread: from `link` to `vision`, and what vision says of them into the log."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from edge import sockets
from edge.interlock import evidence
from edge.interlock.evidence import FaceBundle, Standing, Wanted
from tests.edge.cli.box import Box, make_idle, until
from tests.edge.interlock_process.test_offers import Link, _events


class Vision:
    """Stands in the place of the vision process: hears, and says what a test lets it say."""

    def __init__(self, end: socket.socket) -> None:
        self.heard: list[evidence.Message] = []
        self._end = end
        self._end.setblocking(False)

    def send(self, item: evidence.Evidence) -> None:
        assert sockets.send(self._end, evidence.encode(item))

    def bundles(self) -> list[str]:
        self._hear()
        return [message.jws for message in self.heard if isinstance(message, FaceBundle)]

    def permits(self) -> tuple[Standing, ...] | None:
        """What was told last of the permits that stand."""
        self._hear()
        wanted = [message for message in self.heard if isinstance(message, Wanted)]
        return wanted[-1].permits if wanted else None

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            while datagram := self._end.recv(sockets.MAX_DATAGRAM):
                self.heard.append(evidence.decode_message(datagram))


@pytest.fixture(scope="module")
def joined() -> Iterator[tuple[Box, Link, Vision]]:
    """A locked box, its link and its vision."""
    for box in make_idle():
        pairs = [sockets.pair(), sockets.pair()]
        box.start(link=pairs[0][0], vision=pairs[1][0])
        link, vision = Link(pairs[0][1]), Vision(pairs[1][1])
        yield box, link, vision
        link.close()
        for ends in pairs:
            ends[0].close()
        pairs[1][1].close()


def test_what_link_brings_of_a_face_reaches_vision_as_it_came(joined: tuple[Box, Link, Vision]) -> None:
    """BOX-08: unread; vision alone believes or refuses it."""
    _, link, vision = joined
    link.offer(evidence.FaceOffer, "not.even.signed")
    until(lambda: vision.bundles() == ["not.even.signed"], "it is handed on")
    link.offer(evidence.FaceOffer, "x" * 32768)
    until(lambda: len(vision.bundles()[-1]) == 32768, "the longest passes, too")


def test_link_can_say_nothing_of_a_template_itself(joined: tuple[Box, Link, Vision]) -> None:
    box, link, _ = joined
    link.send(evidence.TemplateKept(sockets.now_us(), "zhang", "HW-1", 5, "dlib"))
    until(lambda: [e for e in _events(box, "evidence.refused") if e.data["kind"] == "TemplateKept"], "it is refused")
    assert not _events(box, "template.kept")


def test_vision_is_told_which_permits_stand_and_with_whom(joined: tuple[Box, Link, Vision]) -> None:
    """PTW-07: what it keeps for any other it deletes."""
    box, link, vision = joined
    until(lambda: vision.permits() is not None, "it is told")
    before = vision.permits()
    assert link.answered(evidence.PermitOffer, box.permit("HW-31"))["ok"]
    until(lambda: Standing("HW-31", ("zhang", "li")) in (vision.permits() or ()), "the permit stands")
    assert len(vision.permits() or ()) == len(before or ()) + 1


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        (evidence.FaceKey(0, "K" * 43), "template.key"),
        (evidence.TemplateKept(0, "zhang", "HW-1", 5, "dlib"), "template.kept"),
        (evidence.TemplateRemoved(0, "zhang", "HW-1", 5, "withdrawn"), "template.removed"),
        (evidence.TemplateRefused(0, "zhang", "HW-1", 5, "template_older"), "template.refused"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_vision_says_of_templates_stands_in_the_log(
    joined: tuple[Box, Link, Vision], item: Any, kind: str
) -> None:
    """ANT-01: who was known here under which permit, and that it was deleted, can be proven later."""
    box, _, vision = joined
    vision.send(item)
    until(lambda: _events(box, kind), f"{kind} is in the log")
    (event,) = _events(box, kind)
    assert event.permit == ("" if kind == "template.key" else "HW-1")


def test_a_template_is_used_only_once_the_log_has_it_and_its_use_is_written_once(
    joined: tuple[Box, Link, Vision],
) -> None:
    """BOX-01, ANT-09: vision hears that it may when the record is on the disk."""
    box, _, vision = joined
    allowed = evidence.TemplateLogged("zhang", "d" * 64)
    for _ in range(2):
        vision.send(evidence.TemplateUsed(sockets.now_us(), "zhang", "", "d" * 64, "dlib"))
        until(lambda: (vision.bundles(), allowed in vision.heard)[1], "vision may use it")
        vision.heard.clear()
    (event,) = _events(box, "template.used")
    assert event.data == {"chan": "zhang", "digest": "d" * 64, "engine": "dlib"}
