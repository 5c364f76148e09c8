"""Process sensors: a simulated site's temperatures and wind, read over real Modbus by a real interlock, told by the CLI."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.permit import Precondition
from tests.edge.cli.box import Box, make

HOT = Precondition("cooled", "反应釜已降温 vessel cooled", "temperature", 60_000, "temp-1")
GONE = Precondition("other", "别处 elsewhere", "temperature", 60_000, "temp-9")


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    """A box whose bus has a thermometer on the vessel, one in the box, and an anemometer."""
    yield from make()


def _codes(status: dict) -> set[str]:
    return {reason["code"] for verdict in status["verdicts"] for reason in verdict["reasons"]}


def _known(box: Box, name: str, value: float) -> dict:
    return box.wait_for(
        lambda s: any(x["name"] == name and x["value"] == value and x["quality"] == "good" for x in s["sensors"]),
        f"{name} reads {value}",
    )


def test_heat_in_the_box_opens_the_relay_with_its_own_first_out(box: Box) -> None:
    """BOX-04: exactly at the limit it goes on, a tenth more opens; the anemometer's silence refuses beside it."""
    assert box.site is not None
    box.release()
    box.site.set("box-temp", 70)
    _known(box, "box-temp", 70.0)
    assert box.status()["state"] == "RELEASED"
    box.site.set("box-temp", 70.1)
    tripped = box.wait_for(lambda s: s["state"] == "TRIPPED", "70.1 °C is over 70 °C")
    cause = tripped["first_out"]
    assert (cause["code"], cause["subject"], cause["value"], cause["limit"]) == ("enclosure_hot", "box-temp", "70.1", "70")
    box.site.set("box-temp", 31)
    _known(box, "box-temp", 31.0)
    box.site.fault("wind-1", "frozen")
    box.wait_for(lambda s: "sensor_frozen" in _codes(s), "a standing counter is a fault")
    box.site.fault("wind-1", "none")
    _known(box, "wind-1", 2.0)


def test_a_hot_vessel_refuses_until_its_sensor_says_that_it_is_cool(box: Box, tmp_path: Path) -> None:
    """PTW-11: too hot, silent and unknown refuse each with its own reason; exactly at the limit passes."""
    assert box.site is not None
    file = tmp_path / "permit.jws"
    file.write_text(box.permit("HW-0", nbf=int(time.time()) - 600, preconditions=(HOT, GONE)))
    assert box.hotbox("permit", "import", str(file)).returncode == 0
    box.site.set("temp-1", 85)
    status = box.wait_for(lambda s: "temperature_high" in _codes(s), "85 °C is over 60 °C")
    assert {"temperature_none", "temperature_high"} <= _codes(status)
    shown = box.hotbox("permit", "show").stdout
    assert "✘ cooled (temperature): 反应釜已降温 vessel cooled ≤ 60 °C [temp-1 85 °C]" in shown
    assert "no such sensor" in box.hotbox("explain", "preconditions").stdout
    by_hand = box.hotbox("permit", "confirm", "cooled", "--by", "li", "--value", "20")
    assert by_hand.returncode == 1, "a person does not overrule the sensor"

    box.site.fault("temp-1", "silent")
    box.wait_for(lambda s: "sensor_stale" in _codes(s), "silence is no")
    assert "✘ 85 °C stale" in box.hotbox("status").stdout
    box.site.fault("temp-1", "none")
    box.site.set("temp-1", 60)
    _known(box, "temp-1", 60.0)
    assert not {"temperature_high", "sensor_stale"} & _codes(box.status())
    assert "temp-1 ✔ 60 °C" in box.hotbox("status").stdout
