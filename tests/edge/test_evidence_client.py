"""Every process's end of the evidence socket: never waits, comes back, ends when its supervisor has gone."""

import asyncio
import socket
from pathlib import Path

import pytest

from edge import evidence_client, sockets
from edge.evidence_client import EvidenceClient
from edge.interlock.evidence import Camera, Wanted, decode, encode_message
from tests.edge.presence.box import box

WANTED = Wanted(("p-1",), (1001,), "n", "arming")


def ok(at_us=1):
    return Camera(at_us, "ok", 1)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(evidence_client, "RETRY_S", 0.05)


async def accept(server):
    connection, _ = await asyncio.wait_for(asyncio.get_running_loop().sock_accept(server), 5)
    return connection


async def test_evidence_and_messages_go_both_ways(tmp_path):
    ours, theirs = sockets.pair()
    client = EvidenceClient(box(tmp_path), theirs)
    assert client.send(ok())
    assert decode(ours.recv(sockets.MAX_DATAGRAM)) == ok()
    ours.send(encode_message(WANTED))
    messages = client.messages()
    assert await anext(messages) == WANTED
    await messages.aclose()
    client.close()
    ours.close()


async def test_full_socket_drops_evidence_and_never_waits(tmp_path):
    ours, theirs = sockets.pair()
    client = EvidenceClient(box(tmp_path), theirs)
    sent = 0
    while client.send(ok(sent)):
        sent += 1
        assert sent < 100_000
    assert client.dropped == 1
    assert decode(ours.recv(sockets.MAX_DATAGRAM)) == ok(0)
    assert client.send(ok(sent + 1))
    client.close()
    ours.close()


async def test_message_that_nobody_understands_is_skipped(tmp_path, caplog):
    ours, theirs = sockets.pair()
    client = EvidenceClient(box(tmp_path), theirs)
    deep = b'{"deep":' + b"[" * 5000
    for datagram in (b"{", b'{"kind":"release"}', b"\xff", b'{"type":"\xff"}', deep, encode_message(WANTED)):
        ours.send(datagram)
    assert await anext(client.messages()) == WANTED
    assert len(caplog.records) == 5
    client.close()
    ours.close()


async def test_messages_end_when_an_inherited_socket_has_lost_its_peer(tmp_path):
    ours, theirs = sockets.pair()
    client = EvidenceClient(box(tmp_path), theirs)
    ours.close()
    assert [message async for message in client.messages()] == []
    assert not client.send(ok())


async def test_messages_end_when_the_client_is_closed(tmp_path):
    ours, theirs = sockets.pair()
    client = EvidenceClient(box(tmp_path), theirs)

    async def collect():
        return [message async for message in client.messages()]

    reading = asyncio.create_task(collect())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    client.close()
    assert await asyncio.wait_for(reading, 2) == []
    ours.close()


async def test_client_connects_when_the_interlock_comes_up_and_again_after_it_restarts(tmp_path, quick):
    whole = box(tmp_path)
    client = EvidenceClient(whole, None)
    assert not client.send(ok())

    async def collect(into):
        async for message in client.messages():
            into.put_nowait(message)

    got = asyncio.Queue()
    reading = asyncio.create_task(collect(got))
    for _ in range(2):
        server = sockets.listen(whole.evidence_socket)
        connection = await accept(server)
        connection.send(encode_message(WANTED))
        assert await asyncio.wait_for(got.get(), 5) == WANTED
        assert client.send(ok())
        assert decode(connection.recv(sockets.MAX_DATAGRAM)) == ok()
        connection.close()
        server.close()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    client.close()


async def test_client_that_only_sends_connects_too(tmp_path, quick):
    whole = box(tmp_path)
    server = sockets.listen(whole.evidence_socket)
    client = EvidenceClient(whole, None)
    assert client.send(ok())
    connection = await accept(server)
    connection.close()
    assert not client.send(ok())
    client.close()
    server.close()


def test_connecting_to_a_stopped_interlock_does_not_wait(tmp_path):
    """A full backlog blocks a blocking connect for as long as the other process is stopped."""
    path = tmp_path / "full.sock"
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server.bind(str(path))
    server.listen(0)
    before = len(list(Path("/proc/self/fd").iterdir()))
    waiting = [sockets.connect(path)]
    with pytest.raises(BlockingIOError):
        waiting.append(sockets.connect(path))
    assert len(list(Path("/proc/self/fd").iterdir())) == before + 1
    for connection in (*waiting, server):
        connection.close()
