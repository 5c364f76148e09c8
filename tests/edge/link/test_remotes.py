"""Detectors fed over MQTT reach the interlock as evidence over a real broker."""

import aiomqtt
import iotcore
import msgspec
import pytest

from contracts.gas import Unit
from edge.config import Remote
from edge.gas.profile import Message
from edge.interlock.evidence import AckOffer, RemoteGas
from edge.link.remotes import MAX_PAYLOAD, read
from tests.edge.link.site import Box, eventually, link, running

JSON = Message("value", "over_range")
BARE = Message()
FAR = (Remote("ch4-far", "CH4", Unit.PCT_LEL, "plant/gas/7"), Remote("ch4-raw", "CH4", Unit.PCT_LEL, "plant/raw", scale=0.1))


@pytest.mark.parametrize(
    ("payload", "message", "scale", "said"),
    [
        (b'{"value": 12.5}', JSON, 1.0, (12_500, False)),
        (b'{"value": 125}', JSON, 0.1, (12_500, False)),
        (b'{"value": 3, "over_range": true}', JSON, 1.0, (3_000, True)),
        (b'{"value": null, "over_range": true}', JSON, 1.0, (2**31 - 1, True)),
        (b'{"value": 3, "over_range": "yes"}', JSON, 1.0, (3_000, False)),
        (b'{"gas": {"lel": -1.5}}', Message("gas.lel"), 1.0, (-1_500, False)),
        (b"7.25", BARE, 1.0, (7_250, False)),
        (b"1e300", BARE, 1.0, (2**31 - 1, False)),
        (b"-1e300", BARE, 1.0, (-(2**31) + 1, False)),
        (b"9" * 400, BARE, 0.1, (2**31 - 1, False)),
        (b"-" + b"9" * 400, BARE, 0.1, (-(2**31) + 1, False)),
        (b'{"value": true}', JSON, 1.0, None),
        (b'{"value": "12.5"}', JSON, 1.0, None),
        (b'{"value": null}', JSON, 1.0, None),
        (b"{}", JSON, 1.0, None),
        (b"[1]", JSON, 1.0, None),
        (b"NaN", BARE, 1.0, None),
        (b"12.5 %LEL", BARE, 1.0, None),
        (b"\xff\xfe", BARE, 1.0, None),
        (b"", BARE, 1.0, None),
        (b"[" * 5000, BARE, 1.0, None),
        (b" " * MAX_PAYLOAD + b"1", BARE, 1.0, None),
    ],
)
def test_a_message_is_a_number_or_nothing(
    payload: bytes, message: Message, scale: float, said: tuple[int, bool] | None
) -> None:
    assert read(payload, message, scale) == said


async def test_what_it_says_is_handed_to_the_interlock_with_its_own_name(box: Box, broker: iotcore.Broker) -> None:
    """A detector fed over MQTT: two topics, one word that cannot be read, the box's own topics as ever."""
    box.config = msgspec.structs.replace(box.config, remotes=FAR)

    def heard() -> list[RemoteGas]:
        return [item for item in box.offers if isinstance(item, RemoteGas)]

    async with running(box.listen(), link(box)), aiomqtt.Client("127.0.0.1", broker.port, identifier="plant") as plant:
        async with aiomqtt.Client("127.0.0.1", broker.port, identifier="watcher") as watcher:
            await watcher.subscribe("hotbox/v1/+/up/state", 1)  # said once the link is up and has subscribed
            await anext(aiter(watcher.messages))
        await plant.publish("plant/gas/7", b"broken", qos=1)
        await plant.publish("plant/gas/7", b'{"value": 12.5}', qos=1)
        await plant.publish("plant/raw", b'{"value": 31}', qos=1)
        await eventually(lambda: len(heard()) == 2)
    assert [(item.name, item.value_milli, item.over_range, item.kept) for item in heard()] == [
        ("ch4-far", 12_500, False, False), ("ch4-raw", 3_100, False, False),
    ]  # fmt: skip
    assert heard()[0].at_us < heard()[1].at_us
    assert not [item for item in box.offers if not isinstance(item, RemoteGas | AckOffer)]


async def test_what_the_broker_kept_is_marked_so(box: Box, broker: iotcore.Broker) -> None:
    """Nobody knows how old a retained word is: the interlock lets it trip and replace nothing."""
    async with aiomqtt.Client("127.0.0.1", broker.port, identifier="plant") as plant:
        await plant.publish("plant/gas/7", b'{"value": 12.5}', qos=1, retain=True)
    box.config = msgspec.structs.replace(box.config, remotes=FAR)
    async with running(box.listen(), link(box)):
        await eventually(lambda: any(isinstance(item, RemoteGas) for item in box.offers))
    assert [(i.value_milli, i.kept) for i in box.offers if isinstance(i, RemoteGas)] == [(12_500, True)]
