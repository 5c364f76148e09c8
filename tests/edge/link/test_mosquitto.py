"""The line over mosquitto with TLS 1.3, certificates and its access list (BOX-05, B1)."""

import asyncio
import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import msgspec
import pytest

from cloud_bridge.pki import Authority
from contracts.event import Severity
from contracts.topics import dn, up
from edge.config import Bridge, Tls
from edge.link.tls import context
from tests.edge.audit.site import BOX, Station
from tests.edge.link.mosquitto import Mosquitto, mosquitto
from tests.edge.link.site import Box, WitnessBridge, eventually, link, running
from tests.edge.link.test_link import scrape

PATIENCE_S = 30


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station(tmp_path)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "site") as made:
        yield made


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()


@contextlib.contextmanager
def boxed(station: Station, server: Mosquitto, tls: Tls) -> Iterator[Box]:
    """A box that reaches the broker with these certificates, and finds the protocol by itself."""
    log = station.open(queue_events=20_000, checkpoint_s=0.3)
    box = Box(station, log, server.port)
    line = Bridge("127.0.0.1", server.port, "bridge", "none", "none", box.config.bridge.witness, "auto", tls)
    box.config = msgspec.structs.replace(box.config, bridge=line)
    try:
        yield box
    finally:
        log.close()
        box.socket.close()
        box.link_socket.close()


async def test_every_event_reaches_the_bridge_once_across_broker_kills(station: Station, server: Mosquitto) -> None:
    """BOX-05: three kill -9 of the broker; MQTT 5 is found by itself."""
    tls, ingest = server.certificate(BOX), server.ingest()
    server.start()
    bridge = WitnessBridge(server.port, station)
    bridge.tls = ingest
    with boxed(station, server, tls) as box:
        async with running(bridge.run(), box.listen(), link(box)):
            box.append(1500)
            for _ in range(3):
                seen = len(bridge.leaves)
                await eventually(lambda seen=seen: len(bridge.leaves) > seen, PATIENCE_S)
                await asyncio.to_thread(server.kill)
                box.append(300)
                box.append(1, sev=Severity.ALARM)
                await asyncio.to_thread(server.start)
            box.append(10)
            await eventually(lambda: len(bridge.leaves) == 1 + 1500 + 3 * 301 + 10, PATIENCE_S)
            await eventually(lambda: box.log.health().acked == box.log.health().size, PATIENCE_S)
            assert "hotbox_link_mqtt_5 1.0" in await scrape(box.config.metrics.port)
        reader = station.reader()
        assert reader.leaves(0, 10**6, 10**9) == bridge.leaves
        reader.close()
    assert bridge.forked == 0


def client(server: Mosquitto, tls: ssl.SSLContext | None, name: str = "x") -> aiomqtt.Client:
    return aiomqtt.Client("127.0.0.1", server.port, identifier=name, timeout=5, tls_context=tls)


async def enters(server: Mosquitto, tls: ssl.SSLContext | None) -> bool:
    """Whether the broker lets this client in. In TLS 1.3 a client learns that it was refused after the handshake."""
    try:
        async with client(server, tls) as entered:
            await entered.publish("a/b", b"", qos=1)
    except aiomqtt.MqttError:
        return False
    return True


async def test_only_a_valid_certificate_of_the_bridges_own_authority_enters(server: Mosquitto, tmp_path: Path) -> None:
    foreign = Authority.make(tmp_path / "foreign", "bridge")
    good, expired = server.certificate("box-1"), server.certificate("box-2", days=-1)
    lost, stranger = server.certificate("box-3"), server.certificate("box-1", by=foreign)
    server.authority.revoke("box-3")
    server.start()
    assert await enters(server, context(good))
    for refused in (expired, lost, stranger):
        assert not await enters(server, context(refused))
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    nobody.load_verify_locations(good.ca)
    assert not await enters(server, nobody), "no certificate"
    assert not await enters(server, None), "no TLS"


async def test_tls_1_2_is_refused(server: Mosquitto) -> None:
    tls = context(server.certificate("box-1"))
    tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1_2
    server.start()
    assert not await enters(server, tls)


async def test_the_link_believes_no_broker_of_another_authority_or_name(server: Mosquitto, tmp_path: Path) -> None:
    tls = server.certificate("box-1")
    foreign = Authority.make(tmp_path / "foreign", "bridge")
    server.start()
    assert not await enters(server, context(msgspec.structs.replace(tls, ca=str(foreign.folder / "ca.pem"))))
    with pytest.raises(aiomqtt.MqttError, match="certificate"):
        async with aiomqtt.Client("localhost", server.port, timeout=5, tls_context=context(tls)):
            pass


async def test_a_box_reads_and_writes_only_its_own_topics(server: Mosquitto) -> None:
    """A box's certificate lets nobody speak for another box, or hear what is meant for it."""
    mine, other = context(server.certificate("box-1", topics=("site/co-1",))), context(server.certificate("box-2"))
    head = context(server.certificate("co-1", "detector", topics=("site/co-1",)))
    ingest = server.ingest()
    server.start()
    async with client(server, ingest) as bridge, client(server, mine) as first, client(server, other) as second:
        await bridge.subscribe(up("+", "#"), 1)
        for box in (first, second):
            await box.subscribe("#", 1)
        await second.subscribe(dn("box-1", "ack"), 1)
        await second.publish(up("box-1", "live"), b"forged", qos=1)
        await second.publish(dn("box-1", "permit"), b"forged", qos=1, retain=True)
        await second.publish(dn("box-2", "permit"), b"forged", qos=1)
        await second.publish("site/co-1", b"forged", qos=1)
        for leaf in ("permit", "faces"):
            await bridge.publish(dn("box-1", leaf), b"by the ingest", qos=1)  # the worker's alone
        async with client(server, head) as detector:
            await detector.publish(up("box-1", "live"), b"forged", qos=1)
            await detector.publish("site/co-1", b"7 ppm", qos=1)
        await bridge.publish(dn("box-1", "ack"), b"for box-1", qos=1)
        await bridge.publish(dn("box-2", "ack"), b"for box-2", qos=1)
        await first.publish(up("box-1", "live"), b"of box-1", qos=1)
        assert await _heard(first, 2) == [("site/co-1", b"7 ppm"), (dn("box-1", "ack"), b"for box-1")]
        assert await _heard(second, 1) == [(dn("box-2", "ack"), b"for box-2")]
        assert await _heard(bridge, 1) == [(up("box-1", "live"), b"of box-1")]


async def _heard(entered: aiomqtt.Client, number: int) -> list[tuple[str, bytes]]:
    """The first messages; anything forged would have come before the last of them."""
    found = []
    async with asyncio.timeout(PATIENCE_S):
        async for message in entered.messages:
            found.append((str(message.topic), bytes(message.payload)))
            if len(found) == number:
                break
    return found


async def test_a_client_id_of_another_is_not_put_off_the_line(server: Mosquitto) -> None:
    mine, other = context(server.certificate("box-1")), context(server.certificate("box-2"))
    server.start()
    async with client(server, mine, "box-1") as first, client(server, other, "box-1") as second:
        await second.publish(up("box-2", "live"), b"", qos=1)
        await first.publish(up("box-1", "live"), b"", qos=1)


async def test_a_denied_publish_shows_as_outbox_age(station: Station, server: Mosquitto) -> None:
    """The broker takes what it throws away without a word; only the missing cosignature tells."""
    wrong, ingest = server.certificate("box-9"), server.ingest()
    server.start()
    bridge = WitnessBridge(server.port, station)
    bridge.tls = ingest
    with boxed(station, server, wrong) as box:
        async with running(bridge.run(), box.listen(), link(box)):
            box.append(5)
            async with asyncio.timeout(PATIENCE_S):
                while await _age_s(box) < 2:  # noqa: ASYNC110 - what it waits for is another process's page
                    await asyncio.sleep(0.1)
            page = await scrape(box.config.metrics.port)
    assert "hotbox_link_connected 1.0" in page
    assert "hotbox_audit_acked 0.0" in page
    assert bridge.leaves == []


async def _age_s(box: Box) -> float:
    try:
        page = await scrape(box.config.metrics.port)
    except OSError:
        return 0.0  # not up yet
    for row in page.splitlines():
        if row.startswith("hotbox_audit_oldest_unacked_age_seconds "):
            return float(row.split()[1])
    return 0.0
