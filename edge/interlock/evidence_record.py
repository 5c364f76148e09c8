"""The complete evidence behind a decision, as a list of small objects without floats (design, "Audit")."""

from typing import Any

from edge.config import BUTTONS
from edge.interlock.conditions import Facts, Verdict
from edge.interlock.state import milli


def complete(f: Facts, verdicts: dict[str, Verdict]) -> list[dict[str, Any]]:
    """Everything that the step looked at; ages in ms at the moment of the decision."""
    shot, now = f.snapshot, f.now_us

    def age(at_us: int) -> int:
        return (now - at_us) // 1000

    rows: list[dict[str, Any]] = [
        {
            "k": "gas",
            "n": channel.name,
            "v": milli(reading.value),
            "u": channel.limit.unit.value,
            "q": reading.quality.value,
            "age": age(reading.at_us),
            "low": milli(channel.limit.low),
            "high": milli(channel.limit.high),
        }
        for channel in f.site.channels
        if (reading := shot.readings.get(channel.name)) is not None
    ]
    rows.extend(
        {"k": "badge", "n": seen.badge, "rssi": seen.rssi_dbm, "age": age(seen.at_us)} for seen in shot.badges.values()
    )
    rows.extend(
        {"k": "face", "n": seen.person, "d": seen.distance_milli, "live": seen.liveness, "age": age(seen.at_us)}
        for seen in shot.faces.values()
    )
    if shot.position is not None:
        fix = shot.position
        rows.append(
            {"k": "place", "in": fix.inside, "edge_m": fix.edge_m, "sat": fix.satellites, "age": age(fix.at_us)}
        )
    if shot.camera is not None:
        rows.append({"k": "camera", "q": shot.camera.health, "age": age(shot.camera.at_us)})
    if shot.inputs is not None:
        read = shot.inputs
        levels = {name: getattr(read, name) for name in (*BUTTONS, *f.site.contacts)}
        rows.append({"k": "inputs", **levels, "age": age(read.at_us)})
    if shot.deadman is not None:
        status = shot.deadman
        rows.append(
            {"k": "deadman", "latch": status.latch_closed, "contact": status.contact_closed, "cause": status.cause,
             "boots": status.boots, "age": age(status.at_us)}
        )  # fmt: skip
    rows.append({"k": "clock", "t": shot.clock.t, "q": shot.clock.quality, "te": shot.clock.error_ms})
    rows.append({"k": "audit", "ok": shot.audit.writable, "age": shot.audit.age_ms})
    rows.append({"k": "permit", "n": f.permit.jti if f.permit else ""})
    rows.append({"k": "rules", "n": f.rules.name, "sha256": f.rules.sha256})
    rows.append({"k": "verdicts", "failing": sorted(name for name, verdict in verdicts.items() if not verdict.ok)})
    return rows
