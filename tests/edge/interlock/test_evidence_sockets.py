"""The sockets of vision, presence and link: who speaks, how much at once, and what a hang-up leaves."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from edge import sockets
from edge.interlock import evidence as ev
from edge.interlock.evidence_sockets import EvidenceSockets
from firmware_sim.client import short_path
from tests.edge.eventually import eventually

PER_TURN = 32


class Heard:
    """The interlock's side: what the sockets called back with."""

    def __init__(self) -> None:
        self.taken: list[tuple[ev.Source, list[ev.Evidence]]] = []
        self.refused: list[tuple[ev.Source, str, str]] = []
        self.greeted = 0
        self.sockets = EvidenceSockets(
            lambda source, items: self.taken.append((source, items)), lambda *why: self.refused.append(why), self._greet
        )

    def _greet(self) -> None:
        self.greeted += 1

    def items(self) -> list[ev.Evidence]:
        return [item for _, items in self.taken for item in items]


@pytest.fixture
async def heard() -> AsyncIterator[Heard]:
    made = Heard()
    yield made
    made.sockets.close()


def _badge(number: int) -> bytes:
    return ev.encode(ev.Badge(sockets.now_us(), number, -60))


def _connect(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client.settimeout(5)
    with short_path(path) as name:
        client.connect(name)
    return client


async def test_a_source_is_known_by_its_user_and_a_newer_connection_takes_its_place(heard: Heard, tmp_path: Path) -> None:
    """A process that was started anew is believed, the one before it no longer."""
    path = tmp_path / "evidence.sock"
    heard.sockets.serve(path, {os.getuid(): ev.Source.PRESENCE})
    assert ev.Source.PRESENCE not in heard.sockets
    with _connect(path) as first:
        await eventually(lambda: heard.greeted == 1)
        with _connect(path) as second:
            await eventually(lambda: heard.greeted == 2)
            assert first.recv(1) == b"", "the first is hung up on"
            second.send(_badge(1001))
            await eventually(heard.items)
            assert heard.taken == [(ev.Source.PRESENCE, heard.items())]
            heard.sockets.tell(ev.Source.PRESENCE, ev.Wanted((), (1001,), "", "idle"))
            assert ev.decode_message(second.recv(sockets.MAX_DATAGRAM)) == ev.Wanted((), (1001,), "", "idle")


async def test_an_unknown_user_is_sent_away(heard: Heard, tmp_path: Path) -> None:
    path = tmp_path / "evidence.sock"
    heard.sockets.serve(path, {os.getuid() + 1: ev.Source.PRESENCE})
    with _connect(path) as stranger:
        await eventually(lambda: heard.refused)
        assert stranger.recv(1) == b""
    assert heard.refused == [(ev.Source.CONTROL, "connection", f"uid {os.getuid()} is no source")]
    assert heard.greeted == 0


async def test_a_flood_is_taken_in_portions(heard: Heard) -> None:
    """BOX-04: so many from one source before the next evaluation, then the loop's other work."""
    inner, outer = sockets.pair()
    with outer:
        for number in range(PER_TURN + 1):
            outer.send(_badge(number))
        heard.sockets.inherit({ev.Source.PRESENCE: inner})
        await eventually(lambda: len(heard.items()) == PER_TURN + 1)
        assert [len(items) for _, items in heard.taken] == [PER_TURN, 1]


async def test_what_is_no_evidence_is_refused_and_the_rest_taken(heard: Heard) -> None:
    inner, outer = sockets.pair()
    with outer:
        heard.sockets.inherit({ev.Source.VISION: inner})
        for datagram in (b"{", b"\xff", b'{"kind": "relay"}', _badge(7)):
            outer.send(datagram)
        await eventually(heard.items)
    assert [(source, kind) for source, kind, _ in heard.refused] == [(ev.Source.VISION, "datagram")] * 3


async def test_what_waited_through_a_gap_is_thrown_away(heard: Heard) -> None:
    """BOX-04: queued evidence is none; what comes afterwards is."""
    inner, outer = sockets.pair()
    with outer:
        heard.sockets.inherit({ev.Source.PRESENCE: inner})
        outer.send(_badge(1))
        outer.send(_badge(2))
        heard.sockets.discard()
        outer.send(_badge(3))
        await eventually(heard.items)
    assert [item.badge for item in heard.items() if isinstance(item, ev.Badge)] == [3]


@pytest.mark.parametrize("unread", [False, True], ids=["in order", "with mail unread"])
async def test_a_peer_that_hangs_up_is_forgotten(heard: Heard, unread: bool) -> None:
    """With mail unread the kernel reports a reset connection instead of an end."""
    inner, outer = sockets.pair()
    heard.sockets.inherit({ev.Source.LINK: inner})
    if unread:
        heard.sockets.tell(ev.Source.LINK, ev.Told(msgspec.json.encode({})))
    outer.close()
    await eventually(lambda: ev.Source.LINK not in heard.sockets)
    heard.sockets.tell(ev.Source.LINK, ev.Told(b"{}"))
    heard.sockets.discard()


async def test_a_peer_that_does_not_read_delays_nobody(heard: Heard) -> None:
    """What is told is told again soon: a full socket loses it."""
    inner, outer = sockets.pair()
    with outer:
        heard.sockets.inherit({ev.Source.LINK: inner})
        began = asyncio.get_running_loop().time()
        for _ in range(2_000):
            heard.sockets.tell(ev.Source.LINK, ev.Told(b"x" * 1_000))
        assert asyncio.get_running_loop().time() - began < 5
        assert ev.Source.LINK in heard.sockets
