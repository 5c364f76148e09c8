"""What a box does towards the bridge, written with contracts/ alone: a log, its key, and real MQTT."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiomqtt import Client, ProtocolVersion
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey

from contracts import checkpoint, event, jws, merkle, topics
from contracts.permit import PermitClaims

PATIENCE_S = 15


class BoxLog:
    """A box's log in memory: leaves, chain, tree, signing key."""

    def __init__(self, box: str, epoch: int = 1, key: Ed25519PrivateKey | None = None) -> None:
        self.box, self.epoch = box, epoch
        self.origin = checkpoint.origin("example", box, epoch)
        self.key = key or Ed25519PrivateKey.generate()
        self.leaves: list[bytes] = []
        self.tree = merkle.Frontier()

    @property
    def vkey(self) -> str:
        return checkpoint.note_key(self.origin, self.key).vkey()

    def leaf(self, kind: str = "interlock.state", /, sev: str = "info", permit: str = "", **data: Any) -> bytes:
        """The next leaf, appended."""
        body = self.other_leaf(len(self.leaves), kind, sev, permit, **data)
        self.leaves.append(body)
        self.tree = self.tree.append(merkle.leaf_hash(body))
        return body

    def other_leaf(
        self, seq: int, kind: str = "interlock.state", /, sev: str = "info", permit: str = "", **data: Any
    ) -> bytes:
        """A leaf for that place, not appended."""
        prev = event.hash_of(self.leaves[seq - 1]) if seq else event.FIRST_PREV
        return event.encode(
            event.Event(
                v=1,
                box=self.box,
                log=self.epoch,
                seq=seq,
                boot=1,
                t=time.time_ns() // 1_000_000,
                m=time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000,
                tq="sync",
                te=5,
                cat=event.Category.INTERLOCK,
                type=kind,
                sev=event.Severity(sev),
                src="interlock",
                actor=event.Actor("box", self.box),
                res=event.ActionResult.OK,
                permit=permit,
                corr="",
                data=data,
                prev=prev,
            )
        )

    def batch(self, first: int = 0, last: int | None = None) -> bytes:
        return topics.pack_batch(self.origin, first, self.leaves[first:last])

    def note(self, size: int | None = None, root: bytes | None = None, key: Ed25519PrivateKey | None = None) -> str:
        size = len(self.leaves) if size is None else size
        tree = merkle.Frontier()
        for body in self.leaves[:size]:
            tree = tree.append(merkle.leaf_hash(body))
        return checkpoint.sign(
            checkpoint.Checkpoint(self.origin, size, root or tree.root()), self.origin, key or self.key
        )

    def witness(self) -> None:
        """Have the bridge of this process agree with a signed checkpoint over all of it."""
        from cloud_bridge.boxes.witness import agree

        assert agree(self.box, self.note().encode()).witnessed_size == len(self.leaves)

    def begun_by_another(self, epoch: int) -> "BoxLog":
        """The next epoch of this box's log, by somebody who may publish on its topics and has a key of the own."""
        other = BoxLog(self.box, epoch)
        other.origin = f"{self.origin.rpartition('/')[0]}/{epoch}"
        return other

    def store(self) -> None:
        """Have the bridge of this process store all of it."""
        from cloud_bridge.boxes.store import store_batch

        store_batch(self.box, *topics.unpack_batch(self.batch()))


class BoxSide:
    """A connected box: sends, and keeps what the bridge sends down."""

    def __init__(self, log: BoxLog, client: Client, keys: Path | None = None) -> None:
        self.log, self.client, self.keys = log, client, keys
        self.heard: dict[str, list[bytes]] = {}
        self._news = asyncio.Condition()
        self.accepts = True

    async def send(self, leaf: str, payload: bytes | str, *, retain: bool = False) -> None:
        await self.client.publish(topics.up(self.log.box, leaf), payload, qos=1, retain=retain)

    async def state(self, state: str, **fields: Any) -> None:
        now = time.time_ns() // 1_000_000
        body = topics.BoxState(
            True, self.log.box, now, state, fields.pop("since", now), size=len(self.log.leaves), **fields
        )
        await self.send("state", msgspec.json.encode(body), retain=True)

    async def sync(self) -> None:
        """Send the whole log and its checkpoint."""
        await self.send("log", self.log.batch())
        await self.send("cp", self.log.note())

    async def listen(self) -> None:
        async for message in self.client.messages:
            async with self._news:
                leaf = str(message.topic).rsplit("/", 1)[1]
                self.heard.setdefault(leaf, []).append(bytes(message.payload))
                self._news.notify_all()
            if leaf == "permit" and self.accepts and self.keys:
                await self._accept(bytes(message.payload).decode())

    async def _accept(self, token: str) -> None:
        """Verify as a box does, record, answer."""
        claims = jws.verify(token, jws.PERMIT, read_keys(self.keys / "permit_keys.json"), PermitClaims)
        claims.check()
        assert claims.aud == self.log.box
        if not any(b"permit.accepted" in body and claims.jti.encode() in body for body in self.log.leaves):
            self.log.leaf("permit.accepted", permit=claims.jti, content_sha256=claims.content_sha256)
        await self.send("rsp", msgspec.json.encode(topics.Response(claims.jti, "permit", ok=True, code="accepted")))
        await self.sync()

    async def wait_for(self, leaf: str, test: Any = lambda _payload: True) -> bytes:
        """The first payload on dn/LEAF that passes the test."""
        async with asyncio.timeout(PATIENCE_S), self._news:
            while True:
                for payload in self.heard.get(leaf, []):
                    if test(payload):
                        return payload
                await self._news.wait()

    async def acknowledged(self, witness: checkpoint.NoteKey, size: int) -> None:
        """Wait for a cosignature over at least `size` leaves with our own root."""

        def covers(payload: bytes) -> bool:
            if payload.startswith(b"{"):
                return False
            stated, _time = checkpoint.verify_cosignature(payload.decode(), witness)
            return stated.size >= size

        payload = await self.wait_for("ack", covers)
        stated, _time = checkpoint.verify_cosignature(payload.decode(), witness)
        assert (
            checkpoint.verify(self.log.note(stated.size), checkpoint.note_key(self.log.origin, self.log.key)).root
            == stated.root
        )


def read_keys(path: Path) -> dict[str, OKPKey]:
    found = msgspec.json.decode(path.read_bytes())
    return {key["kid"]: OKPKey.import_key(key) for key in found["keys"]}


@asynccontextmanager
async def connected(log: BoxLog, host: str, port: int, keys: Path | None = None) -> AsyncIterator[BoxSide]:
    """A box on the broker; its will says that it went."""
    client = Client(host, port, identifier=log.box, protocol=ProtocolVersion.V311, keepalive=5)
    async with client:
        await client.subscribe(topics.dn(log.box, "+"), qos=1)
        side = BoxSide(log, client, keys)
        task = asyncio.create_task(side.listen())
        try:
            yield side
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
