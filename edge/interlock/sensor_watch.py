"""Warnings of process sensors: a limit that stays crossed, or a sensor that stays silent, is said once; its end, too.

It stands beside the kernel, which never hears of it: a warning neither releases nor trips anything (INS-01, INS-05).
It begins with a limit that a person configured (`edge.config.Sensor.warn_above`, `warn_below`). What was said is
forgotten at a restart: what still is beyond its limit then is said again.
"""

from collections.abc import Callable, Mapping

import msgspec

from contracts.event import Severity
from edge.config import Sensor
from edge.gas.reading import Quality, Reading
from edge.interlock.conditions.sensors import CODES
from edge.interlock.outbox_watch import Said
from edge.interlock.record import reason_data
from edge.interlock.site import SiteSensor
from edge.interlock.state import Reason, milli

WARNING, NORMAL = "sensor.warning", "sensor.normal"
HIGH, LOW = "sensor_high", "sensor_low"
replace = msgspec.structs.replace


class Limits(msgspec.Struct, frozen=True):
    """From where on a sensor warns, in thousandths of its unit: beyond `above` or `below` for `after_us`.

    Inside by `back` it is normal again. None: no limit on that side.
    """

    sensor: SiteSensor
    above: int | None
    below: int | None
    back: int
    after_us: int

    @property
    def clause(self) -> str:
        """The requirement that asks for it."""
        return "INS-01" if self.sensor.quantity == "humidity" else "INS-05"


class Seen(msgspec.Struct, frozen=True):
    """What is remembered of a sensor.

    Attributes:
        beyond, since_us: which limit is crossed, and by which reading it began; empty while it is inside.
        told: which limit's warning stands, empty for none.
        unknown_us: since when nobody knows what it measures, 0 while it is known.
        told_unknown: the code of the warning about that, empty for none.
    """

    beyond: str = ""
    since_us: int = 0
    told: str = ""
    unknown_us: int = 0
    told_unknown: str = ""


_NOTHING = Seen()


def limits_of(sensor: Sensor, site: SiteSensor) -> Limits | None:
    """A sensor's limits; None for one that warns of nothing (the configuration has been checked)."""
    if sensor.warn_after_s is None or sensor.warn_back_by is None:
        return None
    back, after_us = round(sensor.warn_back_by * 1000), round(sensor.warn_after_s * 1_000_000)
    return Limits(site, milli(sensor.warn_above), milli(sensor.warn_below), back, after_us)


def judge(limits: Limits, seen: Seen, reading: Reading | None, now_us: int) -> tuple[Seen, tuple[Said, ...]]:
    """What is remembered after this look, and what is to be said now.

    A limit counts as crossed from reading to reading: silence between two does not end it, and does not warn of it.
    """
    if reading is None:
        return _unknown(limits, seen, Reason("sensor_never", limits.sensor.name, clause=limits.clause), now_us)
    value = _measured(limits, reading, now_us)
    if isinstance(value, Reason):
        return _unknown(limits, seen, value, now_us)
    return _known(limits, seen, value, reading.at_us)


def _measured(limits: Limits, reading: Reading, now_us: int) -> int | Reason:
    """What it measures, in thousandths of its unit, or why nobody knows."""
    sensor, value, age_us = limits.sensor, milli(reading.value), now_us - reading.at_us
    if reading.quality is not Quality.GOOD:
        return Reason(CODES[reading.quality], sensor.name, value, None, sensor.unit, limits.clause)
    if not 0 <= age_us <= sensor.stale_us or value is None:
        return Reason("sensor_stale", sensor.name, age_us // 1000, sensor.stale_us // 1000, "s", limits.clause)
    return value


def _unknown(limits: Limits, seen: Seen, doubt: Reason, now_us: int) -> tuple[Seen, tuple[Said, ...]]:
    if seen.told_unknown:
        return seen, ()
    if not seen.unknown_us:
        return replace(seen, unknown_us=now_us), ()
    if now_us - seen.unknown_us < limits.after_us:
        return seen, ()
    return replace(seen, told_unknown=doubt.code), (_warning(limits, doubt),)


def _known(limits: Limits, seen: Seen, value: int, at_us: int) -> tuple[Seen, tuple[Said, ...]]:
    said: list[Said] = []
    if seen.unknown_us:
        if seen.told_unknown:
            said.append(_normal(limits, seen.told_unknown, value))
        seen = replace(seen, unknown_us=0, told_unknown="")
    if seen.told and _back(limits, seen.told, value):
        said.append(_normal(limits, seen.told, value))
        seen = _NOTHING
    if seen.told:
        return seen, tuple(said)
    beyond, limit = _beyond(limits, value)
    if beyond != seen.beyond:
        seen = replace(seen, beyond=beyond, since_us=at_us)
    elif beyond and at_us - seen.since_us >= limits.after_us:
        seen = replace(seen, told=beyond)
        sensor = limits.sensor
        said.append(_warning(limits, Reason(beyond, sensor.name, value, limit, sensor.unit, limits.clause)))
    return seen, tuple(said)


def _beyond(limits: Limits, value: int) -> tuple[str, int | None]:
    """Which limit a value is beyond; exactly at a limit it is not."""
    if limits.above is not None and value > limits.above:
        return HIGH, limits.above
    if limits.below is not None and value < limits.below:
        return LOW, limits.below
    return "", None


def _back(limits: Limits, told: str, value: int) -> bool:
    """Whether a value is far enough inside the limit that was crossed."""
    if told == HIGH:
        return limits.above is not None and value <= limits.above - limits.back
    return limits.below is not None and value >= limits.below + limits.back


def _warning(limits: Limits, reason: Reason) -> Said:
    data = reason_data(reason)
    return Said(WARNING, Severity.WARNING, {**data, "quantity": limits.sensor.quantity})


def _normal(limits: Limits, was: str, value: int) -> Said:
    sensor = limits.sensor
    data = {"chan": sensor.name, "was": was, "value_milli": value, "unit": sensor.unit, "quantity": sensor.quantity}
    return Said(NORMAL, Severity.INFO, data)


class SensorWatch:
    """Remembers the sensors that have limits; of the others it costs one look into a dict."""

    def __init__(
        self, sensors: tuple[Sensor, ...], site: Mapping[str, SiteSensor], say: Callable[[Said], None]
    ) -> None:
        """`say` writes an event."""
        found = {sensor.name: limits_of(sensor, site[sensor.name]) for sensor in sensors}
        self._limits = {name: limits for name, limits in found.items() if limits is not None}
        self._seen = dict.fromkeys(self._limits, _NOTHING)
        self._say = say

    def look(self, name: str, reading: Reading | None, now_us: int) -> None:
        """One sensor has spoken, or it is time to see whether it still does."""
        limits = self._limits.get(name)
        if limits is None:
            return
        self._seen[name], said = judge(limits, self._seen[name], reading, now_us)
        for each in said:
            self._say(each)

    def look_at_all(self, readings: Mapping[str, Reading], now_us: int) -> None:
        """Silence is no event: this is called every second."""
        for name in self._limits:
            self.look(name, readings.get(name), now_us)
