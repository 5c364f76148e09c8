"""What is worth a note about badges and the devices of `presence`: each once when it begins, nothing that trips."""

from contracts.event import Category, Severity
from edge.interlock.conditions.devices import device_fault
from edge.interlock.conditions.tags import at_point
from edge.interlock.points import confirm
from edge.interlock.turn import Turn, replace

FRESH = 2
"""A battery that was low counts as changed once it reads this many times the limit: at the limit it would waver."""


def report_devices(turn: Turn) -> None:
    """A device that fails and one that is well again."""
    known = turn.v.devices
    failed = {name: code for name in turn.snapshot.devices if (code := device_fault(turn.f, name))}
    if failed == known:
        return
    for name, code in failed.items():
        if known.get(name) != code:
            turn.note("device.failed", Category.IDENTITY, Severity.WARNING, code=code, chan=name)
    for name in known:
        if name not in failed:
            turn.note("device.well", Category.IDENTITY, chan=name)
    turn.v = replace(turn.v, devices=failed)


def report_batteries(turn: Turn) -> None:
    """A badge whose battery is low: once, until it was changed."""
    limit = turn.rules.badge_battery_percent
    known = turn.v.low_batteries
    low = known
    for number, badge in turn.snapshot.badges.items():
        if badge.battery is None:
            continue
        if badge.battery < limit.value:
            if number not in known:
                low = (*low, number)
                turn.note(
                    "badge.battery", Category.IDENTITY, Severity.WARNING, code="badge_battery", chan=str(number),
                    percent=badge.battery, limit_percent=limit.value, clause=limit.clause,
                )  # fmt: skip
        elif number in known and badge.battery >= limit.value * FRESH:
            low = tuple(each for each in low if each != number)
    if low != known:
        turn.v = replace(turn.v, low_batteries=low)


def report_taps(turn: Turn) -> None:
    """Every tag that was read: whose card, or which point and who was there, whose word the tag is for the permit."""
    fresh = [tap for tap in turn.snapshot.taps.values() if tap.at_us > turn.v.tapped_us]
    if not fresh:
        return
    for tap in sorted(fresh, key=lambda tap: tap.at_us):
        person = {"person": tap.name, "point": at_point(turn.f, tap)}.get(tap.what, "")
        actor = ("person", person) if person else ("box", "")
        turn.note("tag.read", Category.IDENTITY, actor=actor, what=tap.what, name=tap.name, person=person)
        if tap.what == "point":
            confirm(turn, tap, person)
    turn.v = replace(turn.v, tapped_us=max(tap.at_us for tap in fresh))
