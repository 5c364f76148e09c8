"""Process sensors: what they say, and whether it can be believed. They never vote and are no gas."""

import math

from edge.gas.reading import Quality
from edge.interlock.conditions.facts import Facts
from edge.interlock.site import SiteSensor
from edge.interlock.state import Reason, milli

CODES = {
    Quality.STALE: "sensor_stale",
    Quality.FAULT: "sensor_fault",
    Quality.OVER_RANGE: "sensor_over_range",
    Quality.UNDER_RANGE: "sensor_under_range",
    Quality.WARM_UP: "sensor_warm_up",
    Quality.FROZEN: "sensor_frozen",
    Quality.BAD_FRAME: "sensor_stale",
    Quality.NEVER: "sensor_never",
}
"""Why nobody knows what a sensor measures."""


def measured(f: Facts, sensor: SiteSensor, clause: str) -> float | Reason:
    """What a sensor measures now, in its unit, or why nobody knows; `clause` is of the rule that asks."""
    reading, name = f.snapshot.sensors.get(sensor.name), sensor.name
    if reading is None:
        return Reason("sensor_never", name, None, None, sensor.unit, clause)
    value, age_us = reading.value, f.now_us - reading.at_us
    if reading.quality is not Quality.GOOD:
        return Reason(CODES[reading.quality], name, milli(value), None, sensor.unit, clause)
    if not 0 <= age_us <= sensor.stale_us or value is None or not math.isfinite(value):
        return Reason("sensor_stale", name, age_us // 1000, sensor.stale_us // 1000, "s", clause)
    return value
