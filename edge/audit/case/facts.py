"""What an event tells a person: reasons in both languages, gas values, the permit and its people. Pure.

Events come from a file: whatever does not read as expected is left out, never an error.
"""

from typing import Any

import msgspec

from contracts.event import Event
from contracts.permit import PermitClaims
from contracts.refusals import reason_rows
from edge.interlock.reasons import CATALOGUE, fill


class Cause(msgspec.Struct, frozen=True):
    """A reason as it stands in an event, with what it says."""

    code: str
    chan: str
    zh: str
    en: str
    value_milli: int | None
    limit_milli: int | None
    unit: str
    clause: str


class Allowed(msgspec.Struct, frozen=True):
    """Lowest and highest value that count as clean air, in thousandths of the channel's unit, and the clause."""

    low_milli: int | None
    high_milli: int | None
    clause: str

    @property
    def bounds(self) -> tuple[int, ...]:
        """Those of the two that there are."""
        return tuple(bound for bound in (self.low_milli, self.high_milli) if bound is not None)


class GasRow(msgspec.Struct, frozen=True):
    """One value of one channel in thousandths of its unit, with the limit where the event names it.

    Of a whole minute it is the mean, `low_milli` and `high_milli` its lowest and highest. `allowed` is what a record of
    values says of the channel's limits.
    """

    chan: str
    unit: str
    value_milli: int | None
    limit_milli: int | None
    quality: str
    low_milli: int | None = None
    high_milli: int | None = None
    allowed: Allowed | None = None


class Who(msgspec.Struct, frozen=True):
    """Somebody on a permit; approvers have the time of their signature (seconds since 1970), no badge."""

    id: str
    name: str
    role: str
    badge: int | None
    signed_s: int = 0


def reasons_of(event: Event) -> list[Cause]:
    """The reasons behind an event, the first one first."""
    return [_cause(row) for row in reason_rows(event)]


def _cause(row: dict[str, Any]) -> Cause:
    code, chan = _text(row.get("code")), _text(row.get("chan"))
    text = CATALOGUE.get(code)
    return Cause(
        code, chan, fill(text.zh, chan) if text else code, fill(text.en, chan) if text else code,
        _whole(row.get("value_milli")), _whole(row.get("limit_milli")), _text(row.get("unit")),
        _text(row.get("clause")),
    )  # fmt: skip


def gas_points(event: Event) -> list[tuple[int, GasRow]]:
    """Gas values that the event tells, each with its time (ms since 1970)."""
    if event.type == "gas.trace":
        return _traced(event)
    return [(event.t, row) for row in _gas_rows(event)]


def _gas_rows(event: Event) -> list[GasRow]:
    """A record of all channels, a minute's summary, a change, an alarm or a trip by one; None where one ends."""
    data = event.data
    values = data.get("values") if event.type == "gas.record" else data.get("rows")
    if event.type in ("gas.record", "gas.minute"):
        made = _recorded if event.type == "gas.record" else _summed
        return [made(row) for row in values if isinstance(row, dict)] if isinstance(values, list) else []
    if event.type == "gas.changed":
        return [_recorded({"q": "good", **data})]
    if event.type in ("gas.normal", "gas.fault"):
        # What it is from now on is not said: a line that went on would say it.
        return [GasRow(_text(data.get("chan")), _text(data.get("unit")), None, None, event.type.partition(".")[2])]
    code = _text(data.get("code"))
    by_gas = event.type in ("gas.alarm", "interlock.tripped") and code in ("gas_high", "gas_low")
    value = _whole(data.get("value_milli"))
    if not by_gas or value is None:
        return []
    limit = _whole(data.get("limit_milli"))
    return [GasRow(_text(data.get("chan")), _text(data.get("unit")), value, limit, "alarm")]


def _summed(row: dict[str, Any]) -> GasRow:
    """A channel's minute."""
    return GasRow(
        _text(row.get("chan")), _text(row.get("unit")), _whole(row.get("mean_milli")), None, "minute",
        _whole(row.get("min_milli")), _whole(row.get("max_milli")),
    )  # fmt: skip


def _traced(event: Event) -> list[tuple[int, GasRow]]:
    """The points of a piece, which are older than its event."""
    began, points = _whole(event.data.get("m")), event.data.get("points")
    if began is None or not isinstance(points, list):
        return []
    chan, unit = _text(event.data.get("chan")), _text(event.data.get("unit"))
    found = []
    for point in points:
        if not isinstance(point, list) or len(point) < 2 or (after_ms := _whole(point[0])) is None:
            continue
        quality = _text(point[2]) if len(point) > 2 else "good"
        t = event.t - (event.m - began) // 1000 + after_ms
        found.append((t, GasRow(chan, unit, _whole(point[1]), None, quality)))
    return found


def _recorded(row: dict[str, Any]) -> GasRow:
    value = _whole(row.get("value_milli"))
    allowed = Allowed(
        _whole(row.get("limit_low_milli")), _whole(row.get("limit_high_milli")), _text(row.get("limit_clause"))
    )
    return GasRow(
        _text(row.get("chan")), _text(row.get("unit")), value, None, _text(row.get("q")),
        allowed=allowed if allowed.bounds else None,
    )  # fmt: skip


def permit_of(event: Event) -> PermitClaims | None:
    """The claims that an accepted permit's event carries."""
    pieces = event.data.get("snapshot")
    if event.data.get("part_of") != "PermitClaims" or not isinstance(pieces, list):
        return None
    try:
        return msgspec.json.decode("".join(pieces), type=PermitClaims)
    except (msgspec.MsgspecError, TypeError, ValueError):
        return None


def people_of(event: Event) -> list[Who]:
    """The people of a permit and those who approved it."""
    claims = permit_of(event)
    if claims is None:
        return _named_by_number(event) if event.type == "permit.accepted" else []
    crew = [Who(person.id, person.name, person.role.value, person.badge) for person in claims.people]
    return crew + [Who(by.by, by.name, f"approver ({by.office})", None, by.at) for by in claims.approvals]


def _named_by_number(event: Event) -> list[Who]:
    """The crew of a permit whose claims are not in the event: no names, only what they are known by."""
    rows = event.data.get("people")
    return [
        Who(_text(row.get("id")), "", _text(row.get("role")), _whole(row.get("badge")))
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, dict)
    ]


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
