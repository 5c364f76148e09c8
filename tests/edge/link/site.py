"""A box's log, its link and a bridge over a real broker: the bridge checks, stores and cosigns with the contracts only."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiomqtt
import iotcore
import msgspec

from contracts import checkpoint as notes
from contracts import event as events
from contracts.event import FIRST_PREV, Severity
from contracts.merkle import Frontier, leaf_hash
from contracts.topics import Nak, dn, parse, unpack_batch
from edge.audit import AuditLog, Draft
from edge.config import BoxConfig, Bridge, Metrics, load
from edge.interlock.evidence import AckOffer, Evidence, decode
from edge.link.process import run
from edge.sockets import MAX_DATAGRAM, pair
from tests.edge.audit.site import BOX, Station, draft

EXAMPLE = Path(__file__).parents[3] / "configs" / "box.example.yaml"


async def eventually(true: Callable[[], Any], within_s: float = 8) -> None:
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110 - what it waits for lies in other processes
            await asyncio.sleep(0.005)


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_broker(port: int = 0) -> iotcore.Broker:
    """iotcore in a process of its own; it cannot choose a port itself."""
    for _ in range(5):
        with contextlib.suppress(OSError, RuntimeError):
            return iotcore.Broker(port=port or free_port(), listen="127.0.0.1").start()
    raise AssertionError("no broker came up")


def kill(broker: iotcore.Broker) -> None:
    """kill -9."""
    broker._process.kill()
    broker._process.wait(5)
    broker.stop()


class WitnessBridge:
    """Stores leaves once, in order, and cosigns what it has.

    Attributes:
        leaves: what is stored. arrivals: ("live", seq) and ("log", first) in the order of their coming.
        forked: leaves that came again with other bytes. sizes: of the pieces of the log, in bytes.
    """

    def __init__(self, port: int, station: Station, log: int = 1) -> None:
        self.leaves: list[bytes] = []
        self.arrivals: list[tuple[str, int]] = []
        self.sizes: list[int] = []
        self.other: list[tuple[str, bytes, bool]] = []
        self.repeated = self.forked = self.naks = 0
        self.deaf = False
        self.ready = asyncio.Event()
        self.client: aiomqtt.Client | None = None
        self.tls: ssl.SSLContext | None = None
        self._port, self._station, self._key = port, station, station.trust(log)[0]
        self._frontiers = [Frontier()]
        self._prev = FIRST_PREV

    async def run(self) -> None:
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with aiomqtt.Client(
                    "127.0.0.1", self._port, identifier="bridge", timeout=1, tls_context=self.tls
                ) as client:
                    await client.subscribe("hotbox/v1/+/up/#", 1)
                    self.client = client
                    self.ready.set()
                    async for message in client.messages:
                        await self._take(client, str(message.topic), bytes(message.payload), retained=message.retain)
            self.client = None
            await asyncio.sleep(0.05)

    async def send(self, leaf: str, payload: str | bytes, *, retain: bool = False) -> None:
        assert self.client is not None
        await self.client.publish(dn(BOX, leaf), payload, qos=1, retain=retain)

    async def _take(self, client: aiomqtt.Client, topic: str, payload: bytes, *, retained: bool) -> None:
        _, _, leaf = parse(topic)
        if leaf == "live":
            self.arrivals.append(("live", events.decode(payload).seq))
        elif self.deaf:
            return
        elif leaf == "log":
            head, leaves = unpack_batch(payload)
            self.arrivals.append(("log", head.first))
            self.sizes.append(len(payload))
            if head.first > len(self.leaves):
                await self._nak(client)
                return
            for seq, body in enumerate(leaves, start=head.first):
                self._store(seq, body)
        elif leaf == "cp":
            await self._cosign(client, payload.decode())
        else:
            self.other.append((leaf, payload, retained))

    def _store(self, seq: int, body: bytes) -> None:
        if seq < len(self.leaves):
            self.repeated += 1
            self.forked += self.leaves[seq] != body
            return
        event = events.decode(body)
        assert (event.seq, event.prev) == (seq, self._prev)
        self._prev = leaf_hash(body).hex()
        self.leaves.append(body)
        self._frontiers.append(self._frontiers[-1].append(leaf_hash(body)))

    async def _cosign(self, client: aiomqtt.Client, note: str) -> None:
        stated = notes.verify(note, self._key)
        if stated.size > len(self.leaves):
            await self._nak(client)
            return
        assert self._frontiers[stated.size].root() == stated.root
        await client.publish(dn(BOX, "ack"), self._station.cosigned(note), qos=1, retain=True)

    async def _nak(self, client: aiomqtt.Client) -> None:
        self.naks += 1
        nak = Nak(self._key.name, len(self.leaves))
        await client.publish(dn(BOX, "ack"), msgspec.json.encode(nak), qos=1)

    def forget(self) -> None:
        """Lose everything, as a bridge restored from nothing."""
        self.leaves, self._frontiers, self._prev = [], [Frontier()], FIRST_PREV


class Box:
    """The interlock's end: the log, and the socket on which the link hands in its offers."""

    def __init__(self, station: Station, log: AuditLog, port: int) -> None:
        self.log, self.station = log, station
        self.offers: list[Evidence] = []
        self.socket, self.link_socket = pair()
        self.socket.setblocking(False)
        example = load(EXAMPLE)
        witness = station.path.parent / "witness.vkey"
        witness.write_text(station.witness.vkey() + "\n", encoding="utf-8")
        self.config: BoxConfig = msgspec.structs.replace(
            example, box=BOX, domain="example", data=str(station.path.parents[1]), run=str(station.path.parent),
            bridge=Bridge("127.0.0.1", port, "bridge", "none", "none", str(witness), "3.1.1"), metrics=Metrics(port=free_port()),
        )  # fmt: skip

    async def listen(self) -> None:
        loop = asyncio.get_running_loop()
        while datagram := await loop.sock_recv(self.socket, MAX_DATAGRAM):
            item = decode(datagram)
            self.offers.append(item)
            if isinstance(item, AckOffer):
                self.log.accept_ack(item.note)

    def append(self, number: int, *, sev: Severity = Severity.INFO) -> None:
        for count in range(number):
            self.log.append(make(count, sev))


def make(number: int, sev: Severity = Severity.INFO) -> Draft:
    what = "interlock.tripped" if sev is Severity.ALARM else "gas.reading"
    return draft({"n": number, "value_milli": number * 7919 % 20000}, sev=sev, what=what)


@contextlib.asynccontextmanager
async def running(*works: Any) -> AsyncIterator[list[asyncio.Task[Any]]]:
    """Tasks that are ended together."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        yield tasks
    finally:
        pending = set(tasks)
        while pending:  # asyncio.wait_for of Python 3.11, in aiomqtt, can lose a cancellation
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=2)


def link(box: Box) -> Any:
    return run(box.config, box.link_socket)
