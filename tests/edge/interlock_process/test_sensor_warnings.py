"""Humidity and vibration of a simulated site, read over Modbus: the interlock warns in its log and goes on (INS-01, INS-05)."""

from collections.abc import Iterator
from typing import Any

import pytest

from edge.audit.reader import Reader
from tests.edge.cli.box import Box, make, until

SENSORS = [
    {"name": "hum-1", "unit_id": 24, "quantity": "humidity", "range_low": 0, "range_high": 100, "bus": "gas", "scale": 0.1},
    {"name": "vib-1", "unit_id": 25, "quantity": "vibration", "range_low": 0, "range_high": 50, "bus": "gas", "scale": 0.01,
     "warn_above": 7.1, "warn_after_s": 2, "warn_back_by": 0.5},
]  # fmt: skip


def _with_sensors(settings: dict[str, Any]) -> None:
    settings["sensors"] += SENSORS


@pytest.fixture
def box() -> Iterator[Box]:
    """A box with a sensor in a store, which has no limit, and one at a machine."""
    yield from make(_with_sensors)


def _said(box: Box) -> list[tuple[str, str]]:
    log = Reader.open(box.folder / "data" / "audit" / "audit.db")
    try:
        events = [event for event in log.events(0, log.size()) if event.type.startswith("sensor.")]
    finally:
        log.close()
    assert all(event.data["chan"] == "vib-1" for event in events), "nobody set a limit for the other"
    return [(event.type, event.data.get("code", event.data.get("was"))) for event in events]


def test_a_machine_that_shakes_and_a_sensor_that_falls_silent_are_in_the_log(box: Box) -> None:
    """INS-05: threshold, debounce and silence; nothing of it locks or trips."""
    assert box.site is not None
    box.site.set("hum-1", 95)
    box.wait_for(
        lambda s: {x["name"]: (x["value"], x["unit"]) for x in s["sensors"]}.items()
        >= {"hum-1": (95.0, "%RH"), "vib-1": (1.8, "mm/s")}.items(),
        "both read",
    )
    before = box.failing()
    box.site.set("vib-1", 7.11)
    until(lambda: ("sensor.warning", "sensor_high") in _said(box), "the warning")
    box.site.set("vib-1", 6.6)
    until(lambda: ("sensor.normal", "sensor_high") in _said(box), "it is over")
    box.site.fault("vib-1", "silent")
    until(lambda: ("sensor.warning", "sensor_stale") in _said(box), "the silence")
    box.site.fault("vib-1", "none")
    until(lambda: ("sensor.normal", "sensor_stale") in _said(box), "it speaks again")
    # What a box that has just begun still waited for may have come since.
    until(lambda: set(box.failing()) <= set(before), "whatever failed before, and nothing else")
