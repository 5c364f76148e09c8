"""The ingest process: one MQTT client that hears every box, and one thread that writes what it hears.

Nothing that a box sends may stop it: what is refused is logged, counted and shown.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec
from aiomqtt import Client, Message, MqttError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloud_bridge.boxes import store, witness
from cloud_bridge.boxes.models import Log
from cloud_bridge.boxes.quota import Limits, Quotas
from cloud_bridge.process import Broker, SignOfLife, connect
from contracts import topics
from contracts.errors import ContractError

log = logging.getLogger(__name__)
Result = TypeVar("Result")
Media = Callable[[str, bytes], tuple[bytes | None, ContractError | None]]
"""What becomes of a box's message on up/media: the answer on dn/media if any, and what was wrong with it."""
MAX_WAITING = 2000
LIMITS_S = 10.0
"""What an administrator allows a box holds so long after it was asked for."""


class Ingest:
    """State of the process: the waiting checkpoints and the database thread."""

    def __init__(self, broker: Broker, name: str, key: Ed25519PrivateKey, alive: SignOfLife, media: Media) -> None:
        self._broker = broker
        self._name = name
        self._key = key
        self._alive = alive
        self._media = media
        self._waiting: dict[str, tuple[str, bytes]] = {}
        self._quotas = Quotas()
        self._limits: dict[str, tuple[float, Limits | None]] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ingest-db")

    async def _in_thread(self, call: Callable[..., Result], *args: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)

    async def run(self) -> None:
        """Serve until cancelled; reconnect when the broker goes."""
        try:
            while True:
                try:
                    await self._serve()
                except MqttError as error:
                    log.warning("broker %s: %s; trying again in 1 s", self._broker, error)
                    self._alive.pause()
                await asyncio.sleep(1)
        finally:
            self._thread.shutdown(wait=True)

    async def _serve(self) -> None:
        async with connect(self._broker, "hotbox-bridge-ingest", max_queued=MAX_WAITING) as client:
            await client.subscribe(topics.up("+", "#"), qos=1)
            # Retained acks are lost with an embedded broker that restarts; boxes need the newest.
            for box, ack in await self._in_thread(self._all_acks):
                await client.publish(topics.dn(box, "ack"), ack, qos=1, retain=True)
            log.info("listening on %s", self._broker)
            alive = asyncio.create_task(self._alive.keep())
            try:
                async for message in client.messages:
                    await self._take(client, message)
            finally:
                alive.cancel()

    def _all_acks(self) -> list[tuple[str, str]]:
        newest = {row.box_id: row for row in Log.objects.filter(witnessed_size__gt=0).order_by("epoch")}
        return [(box, witness.newest_ack(row, self._name, self._key)) for box, row in newest.items()]

    async def _take(self, client: Client, message: Message) -> None:
        box, leaf = "", ""
        payload = message.payload if isinstance(message.payload, bytes) else b""
        try:
            box, _direction, leaf = topics.parse(str(message.topic))
            if not await self._may(box, leaf, payload):
                return
            await self._handle(client, box, leaf, payload)
        except MqttError:
            raise
        except Exception as error:  # whatever a message does, the next one is served
            level = logging.INFO if isinstance(error, ContractError) else logging.ERROR
            log.log(level, "refused %s: %s", message.topic, error, exc_info=level == logging.ERROR)
            await self._count(box, leaf, error)

    async def _count(self, box: str, leaf: str, refused: Exception) -> None:
        """Write a refusal down. What keeps a message out of the database may keep its refusal out, too."""
        try:
            await self._in_thread(store.reject, box, leaf, refused)
        except Exception:
            log.exception("a refusal of %s was not written down", box or "somebody")

    async def _may(self, box: str, leaf: str, payload: bytes) -> bool:
        """Whether the box has not used up what it may send; what it has, is counted and goes no further."""
        now = time.monotonic()
        asked, limits = self._limits.get(box, (float("-inf"), None))
        if now - asked >= LIMITS_S:
            limits = await self._in_thread(store.limits, box)
            if len(self._limits) > MAX_WAITING:  # names of strangers
                self._limits.clear()
            self._limits[box] = (now, limits)
        account = box if limits is not None else ""
        try:
            self._quotas.take(account, leaf if limits else "", len(payload), limits or Limits(0, 0))
        except ContractError as error:
            times = self._quotas.report(account)
            if times:
                log.info("refused %d messages of %s: %s", times, box, error)
                await self._in_thread(store.reject, box, leaf, error, times)
            return False
        return True

    async def _handle(self, client: Client, box: str, leaf: str, payload: bytes) -> None:
        if len(payload) > topics.MAX_PAYLOAD_BYTES:
            raise ContractError("payload", f"at most {topics.MAX_PAYLOAD_BYTES} bytes", f"{len(payload)} bytes")
        if leaf == "log":
            await self._batch(client, box, payload)
        elif leaf == "cp":
            await self._checkpoint(client, box, payload)
        elif leaf == "live":
            await self._in_thread(store.store_live, box, payload)
        elif leaf == "state":
            if payload:
                await self._in_thread(store.store_state, box, payload)
        elif leaf == "rsp":
            await self._in_thread(store.store_response, box, payload)
        elif leaf == "media":
            answer, wrong = await self._in_thread(self._media, box, payload)
            if answer is not None:
                await client.publish(topics.dn(box, "media"), answer, qos=1)
            if wrong is not None:
                raise wrong
        else:
            raise ContractError("topic", "state, live, log, cp, rsp or media", repr(leaf[:40]))

    async def _batch(self, client: Client, box: str, payload: bytes) -> None:
        head, leaves = await self._in_thread(topics.unpack_batch, payload)
        outcome = await self._in_thread(store.store_batch, box, head, leaves)
        self._quotas.leaves(box, len(leaves))
        if outcome.want is not None:
            await self._ask_again(client, box, outcome.origin, outcome.want)
        if outcome.error is not None:
            log.info("refused the rest of a batch of %s: %s", box, outcome.error)
            await self._in_thread(store.reject, box, "log", outcome.error)
        waiting = self._waiting.get(outcome.origin)
        if waiting and outcome.stored:
            await self._checkpoint(client, *waiting)

    async def _checkpoint(self, client: Client, box: str, payload: bytes) -> None:
        try:
            agreed = await self._in_thread(witness.agree, box, payload)
        except witness.Ahead as ahead:
            self._waiting[ahead.origin] = (box, payload)
            await self._ask_again(client, box, ahead.origin, ahead.log_size)
            return
        except witness.Held as held:
            await self._tell(client, box, topics.Nak(held.origin, held.log_size, held=True))
            return
        waiting = self._waiting.get(agreed.origin)
        if waiting == (box, payload):
            del self._waiting[agreed.origin]
        ack = await self._in_thread(witness.newest_ack, agreed, self._name, self._key)
        if not ack:
            return  # it contradicts, and nothing was ever witnessed
        # Also to a checkpoint that contradicts: a box whose log was exchanged learns by it that there is another, and
        # refuses to arm.
        retain = await self._in_thread(witness.is_newest, agreed)
        await client.publish(topics.dn(box, "ack"), ack, qos=1, retain=retain)

    async def _ask_again(self, client: Client, box: str, origin: str, want: int) -> None:
        await self._tell(client, box, topics.Nak(origin, want))

    async def _tell(self, client: Client, box: str, nak: topics.Nak) -> None:
        # Not retained: a retained one would replace the newest ack for a box that connects later.
        await client.publish(topics.dn(box, "ack"), msgspec.json.encode(nak), qos=1)
