"""What the gap detector reads out of events, which come from a file: whatever is odd is left out, never an error."""

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from contracts.permit import PermitClaims

_Held = TypeVar("_Held")


class Crew(msgspec.Struct, frozen=True):
    """What counts of a permit: its window (seconds since 1970) and who has which role."""

    nbf: int
    exp: int
    people: dict[str, tuple[str, ...]]


class Pack(msgspec.Struct, frozen=True):
    """What counts of a rule pack.

    `silent_s`: a released box writes at least this often, 0 where the pack is of a software that does not.
    """

    face_s: int = 0
    gas_s: int = 60
    silent_s: int = 0
    distance_milli: int = 0


def whole_number(value: Any) -> int | None:
    """An integer, or None for whatever else stands there."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; nothing for whatever else stands there."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def references(value: Any) -> Iterable[str]:
    """Hashes of the parts that a record refers to."""
    if isinstance(value, dict):
        if value.keys() == {"$part"}:
            yield str(value["$part"])
        else:
            for held in value.values():
                yield from references(held)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def crew_of(claims: PermitClaims) -> Crew:
    """What counts of a permit's claims."""
    people: dict[str, tuple[str, ...]] = {}
    for person in claims.people:
        people[person.role.value] = (*people.get(person.role.value, ()), person.id)
    return Crew(claims.nbf, claims.exp, people)


def pack_of(rules: dict[str, Any]) -> Pack:
    """What counts of a rule pack, given as its JSON says it; rows that it lacks count as nothing."""
    def number(name: str) -> int:
        row = rules.get(name)
        return (whole_number(row.get("value")) or 0) if isinstance(row, dict) else 0

    summary = number("gas_summary_s")
    late_ms = number("audit_run_ms") + number("dead_man_ms")
    return Pack(
        face_s=number("face_recheck_s") + number("face_grace_s"),
        gas_s=summary or Pack().gas_s,
        silent_s=summary + -(-late_ms // 1000) if summary else 0,
        distance_milli=number("face_distance_milli"),
    )


def groups_of(site: dict[str, Any]) -> dict[str, str]:
    """The group of each gas channel, of a site as its JSON says it; what lacks a name is left out."""
    found: dict[str, str] = {}
    for group in objects(site.get("groups")):
        for channel in objects(group.get("channels")):
            if isinstance(channel.get("name"), str) and isinstance(group.get("name"), str):
                found[channel["name"]] = group["name"]
    return found


def bounded(held: dict[str, _Held], name: str, value: _Held, most: int) -> None:
    """Keep it as the newest; the oldest makes room."""
    held.pop(name, None)
    held[name] = value
    if len(held) > most:
        del held[next(iter(held))]
