"""A detector that speaks over MQTT, all the way: broker, link process, evidence socket, interlock, contact."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from edge.sockets import pair
from tests.edge.cli.box import Box, make_idle
from tests.edge.link.site import start_broker

TOPIC = "plant/tank-farm/ch4-7"


class Plant:
    """Whoever publishes what the far detector measures."""

    def __init__(self, port: int) -> None:
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="plant")
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def say(self, text: str) -> None:
        self._client.publish(TOPIC, text, qos=1).wait_for_publish(5)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def released() -> Iterator[tuple[Box, Plant]]:
    """A released box with a link process on a real broker."""
    broker = start_broker()
    interlock_end, link_end = pair()
    for box in make_idle():
        settings: dict[str, Any] = box.read()
        settings["bridge"]["broker_port"] = broker.port
        settings["remotes"] = [{"name": "ch4-far", "gas": "CH4", "unit": "%LEL", "topic": TOPIC}]
        settings["metrics"] = {"port": broker.port + 1 if broker.port < 65000 else broker.port - 1}
        box.write(settings)
        box.start(link=interlock_end)
        os.set_inheritable(link_end.fileno(), True)
        link = subprocess.Popen(
            [sys.executable, "-m", "edge.process", "link", str(box.config), f"link={link_end.fileno()}"],
            pass_fds=[link_end.fileno()],
        )
        plant = Plant(broker.port)
        try:
            box.wait_for(lambda s: all(channel["quality"] == "good" for channel in s["channels"]), "detectors read")
            box.release()
            yield box, plant
        finally:
            plant.close()
            link.terminate()
            link.wait(20)
    for end in (interlock_end, link_end):
        end.close()
    broker.stop()


def _far(status: dict[str, Any]) -> dict[str, Any]:
    (far,) = status["remotes"]
    return dict(far)


def test_its_word_opens_the_contact_and_only_its_newer_word_lets_the_box_be_released_again(
    released: tuple[Box, Plant],
) -> None:
    """It may trip, never satisfy: released without ever having heard it, tripped by it, refused while it speaks of gas."""
    box, plant = released
    assert _far(box.status())["value"] is None
    plant.say('{"value": 4.2}')
    box.wait_for(lambda s: _far(s)["value"] == 4.2, "the far detector is heard")
    assert box.status()["state"] == "RELEASED"
    plant.say("gas! gas!")
    plant.say('{"value": 12.5}')
    status = box.wait_for(lambda s: s["state"] == "TRIPPED" and s["relay"]["contact"] == "open", "tripped by far gas")
    assert (status["first_out"]["code"], status["first_out"]["subject"]) == ("gas_high", "ch4-far")
    assert _far(status)["alarm"]
    assert "gas" in box.failing()
    assert "ch4-far 12.5 %LEL MQTT: ALARM" in box.hotbox("status").stdout
    plant.say('{"value": 0.1}')
    box.wait_for(lambda s: not _far(s)["alarm"], "it says that the air is clean")
    assert box.status()["state"] == "TRIPPED"
    assert "gas_test" in box.failing()
    shown = box.hotbox("detector", "list").stdout
    assert "ch4-far" in shown
    assert "may only trip" in shown
