"""Detectors that speak over MQTT, on a real broker."""

import asyncio
from collections.abc import AsyncIterator

import aiomqtt
import msgspec
import pytest

from firmware_sim.child import Request
from firmware_sim.errors import SimulationError
from firmware_sim.mqtt_heads import MqttHeads
from firmware_sim.settings import MqttHeadSettings, MqttSettings
from tests.edge.link.site import kill, start_broker

TOPIC = "plant/ch4-7"


@pytest.fixture
async def heard() -> AsyncIterator[tuple[MqttHeads, asyncio.Queue[bytes]]]:
    broker = start_broker()
    heads = MqttHeads(MqttSettings(broker.port, (MqttHeadSettings("ch4-far", TOPIC, "%LEL", 100, every_s=0.1),)))
    said: asyncio.Queue[bytes] = asyncio.Queue()
    async with aiomqtt.Client("127.0.0.1", broker.port, identifier="ear") as client:
        await client.subscribe(TOPIC, 1)

        async def listen() -> None:
            async for message in client.messages:
                said.put_nowait(bytes(message.payload))

        ear = asyncio.create_task(listen())
        await heads.start()
        yield heads, said
        await heads.stop()
        ear.cancel()
        await asyncio.gather(ear, return_exceptions=True)
    broker.stop()


async def _until(said: asyncio.Queue[bytes], payload: bytes) -> None:
    async with asyncio.timeout(8):
        while await said.get() != payload:
            pass


async def test_it_says_its_value_in_its_rhythm_and_every_change_at_once(heard: tuple[MqttHeads, asyncio.Queue[bytes]]) -> None:
    heads, said = heard
    await _until(said, msgspec.json.encode({"value": 0.0, "over_range": False}))
    assert (await heads.handle(Request("set", ("ch4-far", "12.5"))))["value"] == 12.5
    await _until(said, msgspec.json.encode({"value": 12.5, "over_range": False}))
    await heads.handle(Request("fault", ("ch4-far", "over_range")))
    await _until(said, msgspec.json.encode({"value": 100, "over_range": True}))
    await heads.handle(Request("fault", ("ch4-far", "garbage")))
    await _until(said, b"\x00\xff not a number")
    assert (await heads.handle(Request("state")))["remotes"]["ch4-far"]["fault"] == "garbage"


async def test_a_silent_one_says_nothing_more(heard: tuple[MqttHeads, asyncio.Queue[bytes]]) -> None:
    heads, said = heard
    await heads.handle(Request("fault", ("ch4-far", "silent")))
    await heads.handle(Request("set", ("ch4-far", "40")))
    await heads.handle(Request("fault", ("ch4-far", "none")))
    async with asyncio.timeout(8):
        while msgspec.json.decode(await said.get())["value"] != 40:
            pass


async def test_it_waits_for_a_broker_that_comes_later_and_for_one_that_comes_back() -> None:
    """The broker is the bridge's: it may be away."""
    broker = await asyncio.to_thread(start_broker)
    port = broker.port
    await asyncio.to_thread(kill, broker)
    heads = MqttHeads(MqttSettings(port, (MqttHeadSettings("ch4-far", TOPIC, "%LEL", 100, every_s=0.1),)))
    await heads.start()
    for _ in range(2):
        broker = await asyncio.to_thread(start_broker, port)
        async with asyncio.timeout(15), aiomqtt.Client("127.0.0.1", port, identifier="ear") as client:
            await client.subscribe(TOPIC, 1)
            await anext(aiter(client.messages))
        await asyncio.to_thread(kill, broker)
    await heads.stop()


async def test_what_it_does_not_know_is_refused(heard: tuple[MqttHeads, asyncio.Queue[bytes]]) -> None:
    heads, _ = heard
    for request in (Request("set", ("ch4-far",)), Request("fault", ("ch4-far", "late"))):
        with pytest.raises(SimulationError):
            await heads.handle(request)
