"""Which MQTT the link speaks, and when it comes back (BOX-05)."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator

import aiomqtt
import iotcore
import msgspec
import pytest

from edge.config import Bridge
from edge.link.dialect import ASK_S, REMEMBERED_S, V5, V311, Dialect
from edge.link.process import BACKOFF_MAX_S, jittered
from tests.edge.audit.site import Station
from tests.edge.link.site import Box, WitnessBridge, eventually, free_port, link, running
from tests.edge.link.test_link import scrape
from tests.edge.link.test_outbox import Clock


class Greeter:
    """Answers whatever comes with the same bytes, and counts the callers. No bytes: it hangs up without a word."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer, self.calls, self.heard = answer, 0, b""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        self.heard = await reader.read(100)
        if self.answer is None:
            await reader.read()  # it listens, and says nothing
        else:
            writer.write(self.answer)
        writer.close()


@contextlib.asynccontextmanager
async def asked(answer: bytes | None, wanted: str = "auto") -> AsyncIterator[tuple[Dialect, Greeter]]:
    greeter = Greeter(answer)
    server = await asyncio.start_server(greeter, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield Dialect(Bridge("127.0.0.1", port, "bridge", "", "", "", wanted), "box-1", None), greeter


@pytest.mark.parametrize(
    ("answer", "spoken"),
    [
        (b"\x20\x03\x00\x00\x00", V5),
        (b"\x20\x03\x00\x87\x00", V5),
        (b"\x20\x03\x00\x84\x00", V311),
        (b"\x20\x02\x00\x01", V311),
        (b"", V311),
        (b"HTTP/1.1 400", V311),
    ],
    ids=["welcome", "not authorised, in 5", "unsupported, in 5", "unsupported, in 3.1.1", "hangs up", "no broker"],
)
async def test_5_where_the_broker_answers_in_it_else_3_1_1(answer: bytes, spoken: aiomqtt.ProtocolVersion) -> None:
    async with asked(answer) as (dialect, greeter):
        assert await dialect.find() is spoken
        assert greeter.heard[:9] == b"\x10\x12\x00\x04MQTT\x05"


async def test_a_broker_that_says_nothing_costs_two_seconds_once_an_hour() -> None:
    clock = Clock()
    async with asked(None) as (dialect, greeter):
        began = time.monotonic()
        assert await dialect.find(clock) is V311
        assert ASK_S <= time.monotonic() - began < ASK_S + 1
        dialect.failed()
        clock.now += REMEMBERED_S - 1
        assert await dialect.find(clock) is V311
        assert greeter.calls == 1
        greeter.answer = b"\x20\x03\x00\x00\x00"
        clock.now += 1
        assert await dialect.find(clock) is V5


async def test_5_is_not_insisted_upon_after_a_connection_failed() -> None:
    clock = Clock()
    async with asked(b"\x20\x03\x00\x00\x00") as (dialect, greeter):
        assert await dialect.find(clock) is V5
        greeter.answer = b""
        assert await dialect.find(clock) is V5
        dialect.failed()
        assert await dialect.find(clock) is V311


@pytest.mark.parametrize(("wanted", "spoken"), [("5", V5), ("3.1.1", V311)])
async def test_a_configured_protocol_is_not_asked_for(wanted: str, spoken: aiomqtt.ProtocolVersion) -> None:
    async with asked(None, wanted) as (dialect, greeter):
        assert await dialect.find() is spoken
        dialect.failed()
        assert await dialect.find() is spoken
        assert greeter.calls == 0


async def test_nobody_there_is_no_answer() -> None:
    dialect = Dialect(Bridge("127.0.0.1", free_port(), "bridge", "", "", ""), "box-1", None)
    with pytest.raises(OSError, match="Connect call failed"):
        await dialect.find()


async def test_the_link_finds_the_protocol_of_the_embedded_broker_by_itself(
    box: Box, broker: iotcore.Broker, station: Station
) -> None:
    box.config = msgspec.structs.replace(
        box.config, bridge=msgspec.structs.replace(box.config.bridge, protocol="auto")
    )
    bridge = WitnessBridge(broker.port, station)
    async with running(bridge.run(), box.listen(), link(box)):
        await bridge.ready.wait()
        box.append(3)
        await eventually(lambda: box.log.health().acked == 4, 15)
        page = await scrape(box.config.metrics.port)
    assert "hotbox_link_mqtt_5 0.0" in page, "it says nothing to MQTT 5"


def test_jitter_spreads_a_thousand_boxes_over_the_pause() -> None:
    """K5: a broker that comes back is not overrun: no tenth of the span gets more than twice its share."""
    random.seed(11)
    pauses = [jittered(BACKOFF_MAX_S) for _ in range(1000)]
    assert min(pauses) >= BACKOFF_MAX_S / 2
    assert max(pauses) <= BACKOFF_MAX_S
    tenths = [0] * 10
    for pause in pauses:
        tenths[min(9, int((pause / BACKOFF_MAX_S - 0.5) * 20))] += 1
    assert min(tenths) > 50
    assert max(tenths) < 200
