"""Contacts that a site may have: door, flame or heat sensor, mains, battery, the enclosure's thermostat and sensor.

Each contact is closed while all is well; a broken wire says the opposite. A site without the contact passes.
"""

from edge.interlock.conditions.facts import PASS, Facts, Verdict, fail
from edge.interlock.conditions.sensors import measured
from edge.interlock.state import Reason, milli


def _closed(f: Facts, name: str) -> bool:
    """Well, or not on this site. What is wired and was never read is not well."""
    return name not in f.site.contacts or (f.snapshot.inputs is not None and getattr(f.snapshot.inputs, name) is True)


def door(f: Facts) -> Verdict:
    """The zone's door is shut: an open one is an unauthorised entry, at once and without grace."""
    return PASS if _closed(f, "door") else fail("door_open")


def flame(f: Facts) -> Verdict:
    """The flame or heat sensor of the zone sees nothing: what it sees opens at once, whatever the gas says."""
    return PASS if _closed(f, "flame") else fail("flame_seen")


def mains(f: Facts) -> Verdict:
    """The box has mains: it opens in good order while the battery still lasts."""
    return PASS if _closed(f, "mains") else fail("mains_fail")


def battery(f: Facts) -> Verdict:
    """The battery that bridges a mains failure is charged."""
    return PASS if _closed(f, "battery") else fail("battery_low")


def enclosure(f: Facts) -> Verdict:
    """The box's enclosure is not too hot for its parts: by its thermostat, by the sensor inside it, where it has them.

    A sensor that says nothing sound does not say that it is cool.
    """
    contact = PASS if _closed(f, "enclosure") else fail("enclosure_hot")
    if not f.site.enclosure:
        return contact
    row = f.rules.enclosure_max_c
    sensor = f.site.sensor[f.site.enclosure]
    value = measured(f, sensor, row.clause)
    if isinstance(value, Reason):
        return Verdict((*contact.reasons, value))
    if value <= row.value:
        return contact
    hot = Reason("enclosure_hot", sensor.name, milli(value), row.value * 1000, sensor.unit, row.clause)
    return Verdict((*contact.reasons, hot))
