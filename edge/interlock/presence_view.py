"""What the status says about badges, whoever wears them, and about the devices that hear them. Pure."""

from edge.interlock.conditions import Facts
from edge.interlock.conditions.devices import device_fault
from edge.interlock.reasons import text
from edge.interlock.status import BadgeView, DeviceView

BEACON = "beacon"


def badges(f: Facts) -> tuple[BadgeView, ...]:
    """Every badge that was believed since the start and that somebody of the permit or roster wears, or the beacon."""
    names = {person.badge: person.name for person in f.site.roster}
    names |= {person.badge: person.name for permit in f.durable.permits for person in permit.people}
    if f.site.beacon:
        names[f.site.beacon] = BEACON
    limit = f.rules.badge_battery_percent.value
    return tuple(
        BadgeView(
            number, name, seen.rssi_dbm, seen.battery, seen.battery is not None and seen.battery < limit,
            max(0, (f.now_us - seen.at_us) // 1000),
        )
        for number, name in sorted(names.items())
        if (seen := f.snapshot.badges.get(number)) is not None
    )  # fmt: skip


def devices(f: Facts) -> tuple[DeviceView, ...]:
    """The devices of `presence` that have reported."""
    views = []
    for name, report in sorted(f.snapshot.devices.items()):
        code = device_fault(f, name)
        words = text(code) if code else None
        views.append(
            DeviceView(
                name, words is None, code, words.zh if words else "", words.en if words else "",
                words.todo_zh if words else "", words.todo_en if words else "",
                max(0, (f.now_us - report.at_us) // 1000), report.count,
            )
        )  # fmt: skip
    return tuple(views)
