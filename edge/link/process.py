"""The link process: one MQTT connection, two lanes up, offers down, metrics beside."""

import asyncio
import contextlib
import logging
import random
import signal
import socket
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import aiomqtt
import msgspec

from contracts.checkpoint import NoteKey
from contracts.errors import UNREADABLE, ContractError
from contracts.topics import dn, up
from edge.audit.keys import read_vkeys
from edge.config import BoxConfig, check_line
from edge.evidence_client import EvidenceClient
from edge.interlock.evidence import Pulse, Told
from edge.interlock.status import Status
from edge.link.bucket import Bucket
from edge.link.dialect import Dialect
from edge.link.inbox import Inbox
from edge.link.live import AGAIN_S
from edge.link.media_sender import MediaSender
from edge.link.metrics import Endpoint, Line
from edge.link.outbox import Outbox
from edge.link.remotes import Remotes
from edge.link.state import SILENT_S, StateTeller, offline
from edge.link.tls import context
from edge.sockets import now_us
from edge.voice.speaker import Speaker

if TYPE_CHECKING:
    from edge.kiosk.server import Screen

POLL_S = 0.05
FILE_EVERY_POLLS = 20
BACKOFF_S, BACKOFF_MAX_S = 0.2, 5.0
KEEPALIVE_S = 10
BROKER_S = 5.0
PUBLISH_S = 30.0  # a piece over a slow line; a dead line is noticed by the keepalive
KEPT_RESPONSES = 64
SEND_BUFFER = (socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)  # two pieces: no queue that an alarm would wait in
REFUSED = 0x80  # a subscription that the broker does not grant (MQTT 3.1.1, 3.9.3)

_logger = logging.getLogger(__name__)
_status_decoder = msgspec.json.Decoder(Status)
_T = TypeVar("_T")


async def run(config: BoxConfig, evidence: socket.socket | None) -> None:
    """Carry the log to the bridge until SIGTERM.

    Args:
        config: the box's configuration.
        evidence: inherited socket to the interlock; None connects to the configured one, again and again.
    """
    link = Link(config, EvidenceClient(config, evidence))
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):  # not the main thread
        loop.add_signal_handler(signal.SIGTERM, ended.set)
    try:
        await link.work(ended)
    finally:
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
            loop.remove_signal_handler(signal.SIGTERM)
        link.close()


def jittered(pause_s: float) -> float:
    """A pause of half to the whole of `pause_s`: boxes that lost one broker do not all come back in one moment."""
    return pause_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads boxes, guards nothing


async def _wait(event: asyncio.Event, seconds: float | None) -> None:
    """Wait for an event, at most so long: in Python 3.11 `asyncio.wait_for` can lose a cancellation."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def _first(*works: Coroutine[Any, Any, Any], patience_s: float) -> None:
    """Run until one of them ends, then end the others; raises what the first one raised.

    They are cancelled again every `patience_s` seconds until they have ended: aiomqtt uses `asyncio.wait_for`, which
    in Python 3.11 can lose a cancellation, and a lane that sleeps on would keep us from connecting again.
    """
    tasks = {asyncio.ensure_future(work) for work in works}
    pending = tasks
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        while pending:
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=patience_s)
        for task in tasks:
            if not task.cancelled():
                task.exception()  # looked at, so that asyncio does not complain of it
    for task in done:
        task.result()


def _witness(config: BoxConfig) -> NoteKey | None:
    """The witness's public key; without it the interlock alone looks at acknowledgements."""
    try:
        keys = read_vkeys(Path(config.bridge.witness))
    except (OSError, ContractError) as error:
        _logger.warning("no witness key: %s", error)
        return None
    return keys[0] if keys else None


def _screen(config: BoxConfig) -> "Screen | None":
    """The page for a small screen; its server is loaded only on a box that has one."""
    if config.kiosk is None:
        return None
    from edge.kiosk.server import Screen

    return Screen(config.kiosk)


class Link:
    """The parts of the process and the tasks that join them."""

    def __init__(self, config: BoxConfig, evidence: EvidenceClient) -> None:
        """Nothing is connected yet.

        Raises:
            ContractError: the line to the broker would be in the clear, or its certificates cannot be read.
        """
        check_line(config.bridge)
        self._config, self._evidence = config, evidence
        self._tls = context(config.bridge.tls) if config.bridge.tls else None
        self._dialect = Dialect(config.bridge, config.box, self._tls)
        self._bucket = Bucket(config.bridge.rate_kbit, time.monotonic)
        self._box = config.box
        self._line = Line()
        self._outbox = Outbox(config.audit_db)
        witness = _witness(config)
        self._inbox = Inbox(witness, self._outbox, evidence.send)
        self._remotes = Remotes(config.remotes, evidence.send)
        self._state = StateTeller(config.box, config.baseline)
        self._endpoint = Endpoint(config.metrics, self._line, lambda: self._state.status)
        self._media = MediaSender(config, self._bucket, witness)
        self._speaker = Speaker(config.voice) if config.voice else None
        self._screen = _screen(config)
        self._responses: deque[bytes] = deque(maxlen=KEPT_RESPONSES)
        self._live_wake, self._live_idle = asyncio.Event(), asyncio.Event()
        self._backlog_idle = asyncio.Event()
        self._backlog_wake, self._state_wake, self._response_wake = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._timed = 0

    async def work(self, ended: asyncio.Event) -> None:
        """Until `ended` is set, or until the supervisor has closed an inherited socket."""
        works = [ended.wait(), self._hear_interlock(), self._watch_log(), self._stay_connected()]
        if self._screen is not None:
            works.append(self._screen.serve())
        try:
            await _first(*works, patience_s=2.0)
        finally:
            if self._speaker is not None:
                await self._speaker.close()

    def close(self) -> None:
        """Give everything back."""
        self._evidence.close()
        self._outbox.close()
        self._endpoint.close()
        self._media.close()
        if self._screen is not None:
            self._screen.close()

    # --- the box's side -------------------------------------------------------------------------------------------

    async def _hear_interlock(self) -> None:
        async for message in self._evidence.messages():
            if isinstance(message, Told):
                self._responses.append(message.response)
                self._response_wake.set()
            elif isinstance(message, Pulse):
                try:
                    status = _status_decoder.decode(message.status)
                except UNREADABLE as error:
                    _logger.warning("a status was skipped: %s", error)
                    continue
                if self._state.pulse_age_s() > SILENT_S:
                    self._inbox.offer_again()
                self._state.pulse(status)
                self._outbox.compare(status.audit.epoch, status.audit.size)
                if self._speaker is not None:
                    self._speaker.hear(status)
                if self._screen is not None:
                    self._screen.board.hear(status)
                self._state_wake.set()

    async def _watch_log(self) -> None:
        polls = 0
        while True:
            if self._outbox.poll():
                self._live_wake.set()
                self._backlog_wake.set()
            polls += 1
            if polls % FILE_EVERY_POLLS == 0:
                self._outbox.check_file()
                self._account()
            await asyncio.sleep(POLL_S)

    def _account(self) -> None:
        """Figures for the metrics, once a second."""
        line, outbox = self._line, self._outbox
        if self._speaker is not None:
            line.voice_ok, line.spoken = self._speaker.ok, self._speaker.spoken
        line.size, line.acked, line.resent = outbox.size, outbox.acked, outbox.resent
        line.epoch_waits, line.old_epochs_unsent = int(outbox.waits), outbox.tails.unsent
        line.refused, line.pulse_age_s = self._inbox.refused + self._remotes.refused, self._state.pulse_age_s()
        oldest = outbox.oldest_unacked_t()
        line.oldest_unacked_s = max(0.0, time.time() - oldest / 1000) if oldest else 0.0
        line.readable = int(outbox.readable)
        line.media_pieces, line.media_done = self._media.pieces, self._media.done

    # --- the broker's side ----------------------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        pause = BACKOFF_S
        while True:
            connects = self._line.connects
            try:
                await self._connection()
            except (aiomqtt.MqttError, OSError) as error:
                _logger.warning("the broker is gone: %s", error)
                self._dialect.failed()
            finally:
                self._line.connected = 0
            pause = BACKOFF_S if self._line.connects > connects else min(pause * 2, BACKOFF_MAX_S)
            await asyncio.sleep(jittered(pause))

    def _client(self, protocol: aiomqtt.ProtocolVersion) -> aiomqtt.Client:
        bridge, is_5 = self._config.bridge, protocol is aiomqtt.ProtocolVersion.V5
        return aiomqtt.Client(
            bridge.broker_host, bridge.broker_port, identifier=self._box, protocol=protocol,
            clean_session=None if is_5 else True, clean_start=True if is_5 else 3,
            keepalive=KEEPALIVE_S, timeout=BROKER_S, tls_context=self._tls, socket_options=[SEND_BUFFER],
            will=aiomqtt.Will(up(self._box, "state"), offline(self._box), qos=1, retain=True),
        )  # fmt: skip

    async def _connection(self) -> None:
        bridge = self._config.bridge
        protocol = await self._dialect.find()
        async with self._client(protocol) as client:
            self._line.mqtt_5 = int(protocol is aiomqtt.ProtocolVersion.V5)
            for leaf in ("ack", "permit", "revoke", "cmd", "faces", *self._media.leaves):
                await self._hear(client, dn(self._box, leaf))
            for topic in self._remotes.topics:
                await self._hear(client, topic)
            self._line.connected = 1
            self._line.connects += 1
            _logger.info("connected to %s:%d", bridge.broker_host, bridge.broker_port)
            self._outbox.connected()
            self._state.connected()
            self._media.connected()
            works = (
                self._receive, self._send_live, self._send_backlog, self._send_state, self._respond, self._send_media,
            )  # fmt: skip
            try:
                await _first(*(work(client) for work in works), patience_s=0.2)
            except asyncio.CancelledError:
                with contextlib.suppress(aiomqtt.MqttError):
                    await client.publish(up(self._box, "state"), offline(self._box), qos=1, retain=True, timeout=1.0)
                raise

    async def _publish(self, client: aiomqtt.Client, leaf: str, payload: bytes | str, *, retain: bool = False) -> None:
        """Returns when the broker has taken it, which paces us and proves nothing."""
        await client.publish(up(self._box, leaf), payload, qos=1, retain=retain, timeout=PUBLISH_S)
        self._line.sent_bytes += len(payload)

    async def _publish_now(self, client: aiomqtt.Client, leaf: str, payload: bytes, *, retain: bool = False) -> None:
        """What is live waits for nothing; the backlog pays for it."""
        self._bucket.live(len(payload))
        await self._publish(client, leaf, payload, retain=retain)

    async def _publish_backlog(self, client: aiomqtt.Client, leaf: str, payload: bytes | str) -> None:
        """What is not live waits for its share of the line, and lets alarms that came meanwhile go first."""
        while (wait_s := self._bucket.wait_s(len(payload))) > 0:  # noqa: ASYNC110 - time is what it waits for
            await asyncio.sleep(wait_s)
        await self._let_alarms_go()
        self._bucket.backlog(len(payload))
        await self._publish(client, leaf, payload)

    async def _hear(self, client: aiomqtt.Client, topic: str) -> None:
        """Subscribe; a broker that forbids one topic costs what comes on it, not the box's line."""
        try:
            granted = await client.subscribe(topic, 1)
        except aiomqtt.MqttCodeError as error:
            _logger.warning("the broker does not let this box hear %s: %s", topic, error)
            return
        if any((code if isinstance(code, int) else code.value) >= REFUSED for code in granted):
            _logger.warning("the broker does not let this box hear %s", topic)

    async def _receive(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            topic, payload = str(message.topic), message.payload
            body = payload if isinstance(payload, bytes) else b""
            if self._remotes.take(topic, body, kept=message.retain) or self._media.take(topic, body):
                continue
            self._inbox.take(topic, body)
            self._outbox.heard()
            self._backlog_wake.set()

    async def _send_live(self, client: aiomqtt.Client) -> None:
        while True:
            self._live_wake.clear()
            while (alarm := self._read(self._outbox.alarm)) is not None:
                seq, body = alarm
                await self._publish_now(client, "live", body)
                self._outbox.told(seq)
                self._line.alarms += 1
                self._time_live(seq, body)
            self._live_idle.set()
            await _wait(self._live_wake, AGAIN_S)

    def _time_live(self, seq: int, body: bytes) -> None:
        """Latency of an alarm that is sent for the first time."""
        event = msgspec.json.decode(body)
        if seq >= self._timed:
            self._timed = seq + 1
            self._endpoint.live_seconds.observe(max(0, now_us() - int(event["m"])) / 1e6)

    async def _let_alarms_go(self) -> None:
        """Wait while the live lane has something to say."""
        while self._read(self._outbox.alarm) is not None:
            self._live_idle.clear()
            self._live_wake.set()
            await self._live_idle.wait()

    async def _send_backlog(self, client: aiomqtt.Client) -> None:
        while True:
            self._backlog_wake.clear()
            self._backlog_idle.clear()
            await self._let_alarms_go()
            batch = self._read(self._outbox.batch)
            if batch is not None:
                await self._publish_backlog(client, "log", batch.payload)
                self._outbox.sent(batch)
                self._line.batches += 1
                self._line.events += batch.end - batch.first
            note = self._read(self._outbox.checkpoint)
            if note is not None:
                await self._publish_backlog(client, "cp", note)
            if batch is not None:
                continue
            owed = self._outbox.tails.owed()
            if owed is not None:
                await self._publish_backlog(client, owed.leaf, owed.payload)
                self._outbox.tails.sent(owed)
                continue
            waits = [self._outbox.resend_if_late(), self._outbox.tails.wait_s()]
            left = min((wait_s for wait_s in waits if wait_s is not None), default=None)
            if left != 0:
                self._backlog_idle.set()
                await _wait(self._backlog_wake, left)

    async def _send_media(self, client: aiomqtt.Client) -> None:
        """Recordings go when nobody else has anything to say, and wait for their share of the line besides."""
        while True:
            piece = await self._media.next()
            while (wait_s := self._media.wait_s(len(piece))) > 0 or not self._backlog_idle.is_set():
                await _wait(self._backlog_idle, None)
                await asyncio.sleep(wait_s)
            await self._let_alarms_go()
            self._media.goes(len(piece))
            await self._publish(client, "media", piece)
            self._media.went()

    async def _send_state(self, client: aiomqtt.Client) -> None:
        while True:
            self._state_wake.clear()
            state = self._state.due(self._outbox.size, self._outbox.acked, self._outbox.epoch)
            if state is not None:
                await self._publish_now(client, "state", msgspec.json.encode(state), retain=True)
                self._state.told(state)
            await _wait(self._state_wake, 1.0)

    async def _respond(self, client: aiomqtt.Client) -> None:
        while True:
            self._response_wake.clear()
            while self._responses:
                await self._publish_now(client, "rsp", self._responses[0])
                self._responses.popleft()
            await self._response_wake.wait()

    def _read(self, call: Callable[[], _T]) -> _T | None:
        """Ask the outbox; a log that cannot be read is opened again by the next poll."""
        try:
            return call()
        except (sqlite3.Error, LookupError, ValueError) as error:
            self._outbox.drop(f"the log cannot be read: {error}")
            return None
