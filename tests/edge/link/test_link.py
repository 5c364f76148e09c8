"""The line to the bridge over a real broker: nothing lost, nothing double, alarms first (BOX-05)."""

import asyncio
import random
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import aiomqtt
import iotcore
import msgspec
import pytest
import yaml

from contracts.event import Severity
from contracts.topics import BoxState, Response
from edge.interlock.evidence import (
    AckOffer,
    CommandOffer,
    FaceOffer,
    PermitOffer,
    Pulse,
    RevocationOffer,
    Told,
    encode_message,
)
from edge.interlock.status import AuditView, CountdownView, ReasonView, RelayView, Status
from edge.link.bucket import BURST_BYTES, SHARE_IDLE
from tests.edge.audit.site import BOX, Station, draft
from tests.edge.link.site import Box, WitnessBridge, eventually, kill, link, running, start_broker

ROOT = Path(__file__).parents[3]
RUBBISH = random.Random(9)


def _status(state: str = "RELEASED") -> Status:
    reason = ReasonView("gas_high", "ch4-1", "12.5", "10", "%LEL", "5.3.2", "超限", "high", "", "")
    countdown = CountdownView("deadline", "p", 61_000_000, 60_000, 100_000, "剩余", "left")
    return Status(
        box=BOX, baseline="SIMULATION", rules="r", rules_sha256="", boot=1, t=1_790_000_000_000, at_us=1_000_000,
        state=state, state_zh="", state_en="", since_us=500_000, attempt=1, reset_done=False, first_out=reason,
        consequences=(), permit=None, verdicts=(), channels=(), groups=(), people=(),
        relay=RelayView("closed", "closed", "closed", 10, 1, 1), relay_proof=None, inputs={}, countdowns=(countdown,),
        audit=AuditView(1, 1, 0, True, 0), buses=(), events=(), loop_lag_ms=0.5, evaluations=1,
    )  # fmt: skip


async def test_every_event_reaches_the_bridge_once_across_broker_kills(box: Box, broker: iotcore.Broker, station: Station) -> None:
    """BOX-05: three kill -9 of the broker and a bridge that is away for a while."""
    bridge = WitnessBridge(broker.port, station)
    port = broker.port
    async with running(bridge.run(), box.listen(), link(box)):
        box.append(2500)
        for _ in range(3):
            seen = len(bridge.leaves)
            await eventually(lambda seen=seen: len(bridge.leaves) > seen)
            await asyncio.to_thread(kill, broker)
            box.append(400, sev=Severity.INFO)
            box.append(1, sev=Severity.ALARM)
            broker = await asyncio.to_thread(start_broker, port)
        box.append(10)
        await eventually(lambda: len(bridge.leaves) == 1 + 2500 + 3 * 401 + 10, 20)
        await eventually(lambda: box.log.health().acked == box.log.health().size, 20)
    reader = station.reader()
    assert reader.leaves(0, 10**6, 10**9) == bridge.leaves
    assert bridge.forked == 0
    reader.close()
    broker.stop()


async def test_alarms_overtake_the_backlog(box: Box, broker: iotcore.Broker, station: Station) -> None:
    for _ in range(3):
        box.append(1999)
        box.append(1, sev=Severity.ALARM)
    await eventually(lambda: box.log.health().size == 6001)
    bridge = WitnessBridge(broker.port, station)
    async with running(bridge.run(), box.listen()):
        await bridge.ready.wait()
        async with running(link(box)):
            await eventually(lambda: len(bridge.arrivals) > 5)
            assert bridge.arrivals[:3] == [("live", 6000), ("live", 4000), ("live", 2000)]
            assert bridge.arrivals[3] == ("log", 0)
            box.append(1, sev=Severity.ALARM)
            await eventually(lambda: len(bridge.leaves) == 6002)
    lanes = [arrival for arrival in bridge.arrivals if arrival[1] == 6001 or arrival[0] == "log"]
    assert lanes.index(("live", 6001)) < len(lanes) - 1, "the alarm came before the batch that holds it"


async def test_forged_acknowledgement_moves_nothing(box: Box, broker: iotcore.Broker, station: Station, tmp_path: Path) -> None:
    """ANT-09: the cursor follows the witness's signature alone."""
    bridge = WitnessBridge(broker.port, station)
    bridge.deaf = True
    async with running(bridge.run(), box.listen(), link(box)):
        await bridge.ready.wait()
        box.append(20)
        await eventually(lambda: (reader := station.reader()).checkpoint()[0] == 21 or reader.close())
        reader = station.reader()
        note = reader.checkpoint()[1]
        reader.close()
        for forged in (Station(tmp_path / "other").cosigned(note), note, "rubbish", '{"origin":"x","want":3}', "{"):
            await bridge.send("ack", forged)
        await bridge.send("revoke", "after.the.forgeries")
        await eventually(lambda: any(isinstance(offer, RevocationOffer) for offer in box.offers))
        assert not any(isinstance(offer, AckOffer) for offer in box.offers)
        assert box.log.health().acked == 0
        bridge.deaf = False
        await eventually(lambda: box.log.health().acked == 21)


async def test_bridge_that_lost_everything_gets_everything_again(box: Box, broker: iotcore.Broker, station: Station) -> None:
    bridge = WitnessBridge(broker.port, station)
    async with running(bridge.run(), box.listen(), link(box)):
        box.append(600)
        await eventually(lambda: box.log.health().acked == 601)
        bridge.forget()
        box.append(5)
        await eventually(lambda: len(bridge.leaves) == 606)
        await eventually(lambda: box.log.health().acked == 606)
    assert bridge.naks >= 1


async def test_offers_go_to_the_interlock_and_its_answers_to_the_bridge(box: Box, broker: iotcore.Broker, station: Station) -> None:
    bridge = WitnessBridge(broker.port, station)
    answer = msgspec.json.encode(Response("p-1", "permit", ok=True))
    async with running(bridge.run(), box.listen(), link(box)):
        await bridge.ready.wait()
        await eventually(lambda: any(leaf == "state" for leaf, _, _ in bridge.other))
        await bridge.send("permit", "a.permit.jws")
        await bridge.send("cmd", "a.command.jws")
        await bridge.send("revoke", "a.list.jws", retain=True)
        await bridge.send("faces", "a.template.jws")
        await bridge.send("permit", b"\xff\xfe")
        await bridge.send("permit", "x" * 20_000)
        await eventually(lambda: len([o for o in box.offers if not isinstance(o, AckOffer)]) == 5)
        offers = [offer for offer in box.offers if not isinstance(offer, AckOffer)]
        assert {type(offer) for offer in offers} == {PermitOffer, CommandOffer, RevocationOffer, FaceOffer}
        assert [offer.jws for offer in offers][:4] == ["a.permit.jws", "a.command.jws", "a.list.jws", "a.template.jws"]
        stamps = [offer.at_us for offer in box.offers]
        assert stamps == sorted(set(stamps))
        box.socket.send(encode_message(Told(answer)))
        await eventually(lambda: ("rsp", answer, False) in bridge.other)


async def test_state_follows_the_interlock_and_says_when_the_link_leaves(box: Box, broker: iotcore.Broker, station: Station) -> None:
    bridge = WitnessBridge(broker.port, station)

    def states() -> list[BoxState]:
        return [msgspec.json.decode(payload, type=BoxState) for leaf, payload, _ in bridge.other if leaf == "state"]

    async with running(bridge.run(), box.listen()):
        await bridge.ready.wait()
        async with running(link(box)):
            await eventually(lambda: states() and states()[-1].state == "unknown")
            box.socket.send(encode_message(Pulse(msgspec.json.encode(_status()))))
            await eventually(lambda: states()[-1].state == "RELEASED")
            told = states()[-1]
            assert (told.online, told.first_out, told.baseline) == (True, "gas_high:ch4-1", "SIMULATION")
            assert (told.since, told.deadline) == (1_790_000_000_000 - 500, 1_790_000_000_000 + 60_000)
            before = len(states())
            box.socket.send(encode_message(Pulse(msgspec.json.encode(_status("TRIPPED")))))
            await eventually(lambda: states()[-1].state == "TRIPPED")
            assert len(states()) == before + 1
            page = await scrape(box.config.metrics.port)
            assert 'hotbox_state{state="TRIPPED"} 1.0' in page
            assert 'hotbox_state{state="LOCKED"} 0.0' in page
            assert "hotbox_link_connected 1.0" in page
            assert "hotbox_live_latency_seconds_bucket" in page
        await eventually(lambda: not states()[-1].online)


async def scrape(port: int) -> str:
    """The metrics page of a running link."""

    def get() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return answer.read().decode()

    return await asyncio.to_thread(get)


PROGRAM = """
import asyncio, sys
import msgspec
from edge.config import BoxConfig
from edge.link.process import run
asyncio.run(run(msgspec.json.decode(sys.stdin.buffer.read(), type=BoxConfig), None))
"""


def _start(box: Box) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=ROOT, stdin=subprocess.PIPE)
    process.stdin.write(msgspec.json.encode(box.config))
    process.stdin.close()
    return process


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_link_process_ends_cleanly_or_leaves_its_will(box: Box, broker: iotcore.Broker, station: Station, end: signal.Signals) -> None:
    bridge = WitnessBridge(broker.port, station)

    def last() -> BoxState | None:
        found = [payload for leaf, payload, _ in bridge.other if leaf == "state"]
        return msgspec.json.decode(found[-1], type=BoxState) if found else None

    async with running(bridge.run(), box.listen()):
        await bridge.ready.wait()
        process = _start(box)
        try:
            await eventually(lambda: last() is not None and last().online)
            process.send_signal(end)
            await eventually(lambda: not last().online, 15)
            assert await asyncio.to_thread(process.wait, 5) == (0 if end is signal.SIGTERM else -9)
        finally:
            process.kill()
            process.wait()


async def test_every_alert_rule_names_a_metric_of_the_box(box: Box, broker: iotcore.Broker) -> None:
    """K14: a rule over a metric that nobody serves would never fire."""
    rules = yaml.safe_load((ROOT / "configs" / "prometheus" / "hotbox.rules.yml").read_text(encoding="utf-8"))
    async with running(box.listen(), link(box)):
        await eventually(lambda: box.log.health().size)
        async with asyncio.timeout(8):
            while not (page := await _page(box.config.metrics.port)):  # noqa: ASYNC110 - another process's page
                await asyncio.sleep(0.02)
    for rule in rules["groups"][0]["rules"]:
        assert f"\n{rule['expr'].split()[0]} " in page, rule["alert"]


async def _page(port: int) -> str:
    try:
        return await scrape(port)
    except OSError:
        return ""


async def test_backlog_keeps_to_its_share_of_a_slow_line_and_an_alarm_does_not_wait(
    box: Box, broker: iotcore.Broker, station: Station
) -> None:
    """BOX-05: the line's rate is told in the configuration; live goes at once, the backlog at nine tenths at most."""
    line = msgspec.structs.replace(box.config.bridge, rate_kbit=160)
    box.config = msgspec.structs.replace(box.config, bridge=line)
    for number in range(200):
        box.log.append(draft({"n": number, "rubbish": RUBBISH.randbytes(200).hex()}))
    await eventually(lambda: box.log.health().size == 201)
    bridge = WitnessBridge(broker.port, station)
    async with running(bridge.run(), box.listen()):
        await bridge.ready.wait()
        async with running(link(box)):
            await eventually(lambda: bridge.leaves, 20)
            began, had = time.monotonic(), bridge.sizes[0]
            box.append(1, sev=Severity.ALARM)
            await eventually(lambda: ("live", 201) in bridge.arrivals, 20)
            assert len(bridge.leaves) < 201, "the alarm came before the backlog was through"
            await eventually(lambda: len(bridge.leaves) >= 201, 30)
            took_s = time.monotonic() - began
    assert sum(bridge.sizes) - had <= SHARE_IDLE * 160 * 125 * took_s + 2 * BURST_BYTES
    assert max(bridge.sizes) <= BURST_BYTES


async def test_one_piece_of_the_backlog_is_under_way_at_a_time(
    box: Box, broker: iotcore.Broker, station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K2: the next one goes when the broker has acknowledged the one before; alarms and state wait for none of them."""
    publish, pieces, most = aiomqtt.Client.publish, [], 0

    async def counted(client: aiomqtt.Client, topic: str, *rest: object, **more: object) -> None:
        nonlocal most
        if not topic.endswith("/up/log"):
            return await publish(client, topic, *rest, **more)
        pieces.append(topic)
        under_way.append(topic)
        most = max(most, len(under_way))
        try:
            return await publish(client, topic, *rest, **more)
        finally:
            under_way.pop()

    under_way: list[str] = []
    monkeypatch.setattr(aiomqtt.Client, "publish", counted)
    box.append(3000)
    bridge = WitnessBridge(broker.port, station)
    async with running(bridge.run(), box.listen(), link(box)):
        await eventually(lambda: len(bridge.leaves) == 3001, 20)
    assert len(pieces) > 5
    assert most == 1
