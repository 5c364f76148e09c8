"""A log with one run of the closed relay, as a box writes it; time is moved by hand."""

import json
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any

import msgspec

from contracts import event as events
from contracts.event import ActionResult, Actor, Category, Event, Severity
from contracts.runs import GapKind

Drop = Callable[[Event], Event | None]
SECOND = 1_000_000
T = 1_800_000_000_000
PERMIT = "HW-1"
RULES = {
    "face_recheck_s": {"value": 900}, "face_grace_s": {"value": 60}, "face_distance_milli": {"value": 400},
    "gas_summary_s": {"value": 60}, "audit_run_ms": {"value": 5000}, "dead_man_ms": {"value": 200},
}  # fmt: skip
SITE = {"box": "box-1", "groups": [{"name": "torch", "channels": [{"name": "ch4-1"}]}]}
STATUS = {"latch_closed": False, "contact_closed": False, "cause": "commanded", "at_us": 0}


def part(kind: str, value: Any) -> dict[str, Any]:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    pieces = [text[at : at + 300] for at in range(0, len(text), 300)]
    return {"part_of": kind, "sha256": sha256(text.encode()).hexdigest(), "snapshot": pieces}


def claims(**changes: Any) -> dict[str, Any]:
    zeros = "0" * 64
    return {
        "iss": "bridge", "aud": "box-1", "jti": PERMIT, "iat": T // 1000 - 100, "nbf": T // 1000 - 100,
        "exp": T // 1000 + 8 * 3600, "as_of": T // 1000 - 100, "lease_s": 14400, "work": "hot_work",
        "level": "grade_1", "method": "welding", "place": "yard", "content": "weld", "rules": "gb30871-2022",
        "people": [
            {"id": "performer", "name": "P", "role": "performer", "badge": 1},
            {"id": "guardian", "name": "G", "role": "guardian", "badge": 2},
        ],
        "approvals": [
            {"by": "a1", "name": "A", "office": "safety", "at": T // 1000 - 90, "content_sha256": zeros},
            {"by": "a2", "name": "B", "office": "owner", "at": T // 1000 - 90, "content_sha256": zeros},
        ],
        "content_sha256": zeros, **changes,
    }  # fmt: skip


class Log:
    """A log in the making: leaves as a box writes them, time moved by hand."""

    def __init__(self, first: int = 0, site: dict[str, Any] = SITE) -> None:
        self.site = site
        self.leaves: list[bytes] = []
        self.seq, self.boot, self.at_us, self.m0 = first, 1, 0, 500 * SECOND

    @property
    def m(self) -> int:
        return self.m0 + self.at_us

    def wait(self, seconds: float) -> "Log":
        self.at_us += round(seconds * SECOND)
        return self

    def add(self, kind: str, data: dict[str, Any] | None = None, *, permit: str = PERMIT, corr: str = "1", who: str = "") -> "Log":
        event = Event(
            v=1, box="box-1", log=1, seq=self.seq, boot=self.boot, t=T + self.at_us // 1000, m=self.m, tq="rtc", te=0,
            cat=Category.INTERLOCK, type=kind, sev=Severity.INFO, src="interlock",
            actor=Actor("person" if who else "box", who), res=ActionResult.OK, permit=permit, corr=corr,
            data=data or {}, prev="0" * 64,
        )  # fmt: skip
        self.leaves.append(events.encode(event))
        self.seq += 1
        return self

    def boots(self, *, clean: bool = True, power: bool = False, off_s: float = 1.0) -> "Log":
        self.wait(off_s)
        self.boot += 1
        if power:
            self.m0 = 20 * SECOND - self.at_us
        return self.add("system.boot", {"clean": clean}, permit="", corr="")

    def record(self, *, open_contact: bool = True, gas: bool = True, faces: bool = True) -> list[dict[str, Any]]:
        """A decision's record, as `edge/interlock/decision_record.py` makes it."""
        names = [part("Site", self.site)["sha256"], part("Rules", RULES)["sha256"], part("PermitClaims", claims())["sha256"]]
        contact = {**STATUS, "latch_closed": not open_contact, "contact_closed": not open_contact, "at_us": self.m}
        rows: list[dict[str, Any]] = [
            {"k": "decision", "v": {"what": "step", "now_us": self.m, "site": names[0], "rules": names[1]}},
            {"k": "durable", "v": {"permits": [{"$part": names[2]}]}},
            {"k": "snapshot", "v": {"deadman": contact}},
        ]
        if gas:
            rows.append({"k": "snapshot.readings", "n": "ch4-1", "v": {"value": "0.0", "quality": "good", "at_us": self.m - 5}})
        if faces:
            rows += [
                {"k": "snapshot.faces", "n": name, "v": {"distance_milli": 90, "at_us": self.m - 3 * SECOND}}
                for name in ("performer", "guardian")
            ]
        return [*rows, {"k": "verdicts", "v": {}}]

    def began(self) -> "Log":
        """Up to the closed contact, 10 s after the start."""
        self.add("system.boot", {"clean": True}, permit="", corr="")
        self.add("site.loaded", part("Site", self.site), permit="", corr="")
        self.add("rules.loaded", part("Rules", RULES), permit="", corr="")
        self.add("permit.accepted", part("PermitClaims", claims()))
        self.wait(9.5)
        for who in ("performer", "guardian"):
            self.add("identity.verified", {"chan": who}, who=who)
        self.wait(0.5)
        self.add("release.authorised", {"snapshot": self.record()})
        self.add("release.commanded", {"snapshot": self.record()})
        values = [{"chan": name, "q": "good", "value_milli": 0} for name in ("ch4-1", "ch4-2", "o2-1")]
        self.add("gas.record", {"values": values})
        self.wait(0.01)
        return self.add("relay.closed", {"ms": 10, "snapshot": self.record(open_contact=False)})

    def minutes(self, count: int, **left_out: bool) -> "Log":
        """What a released box writes each minute."""
        for _ in range(count):
            self.wait(60)
            if left_out.get("gas", True):
                self.add("gas.minute", {"ms": 60_000, "rows": [{"chan": "ch4-1", "n": 600, "bad": 0, "age_ms": 0, "mean_milli": 0}]})
            people = [{"id": who, "face_ms": 20_000} for who in ("performer", "guardian")]
            shown = people if left_out.get("people", True) else []
            self.add("interlock.minute", {"mode": "RELEASED", "contact": "closed", "people": shown})
        return self

    def opened(self) -> "Log":
        self.add("interlock.tripped", {"code": "stop", "snapshot": self.record(open_contact=False)})
        self.wait(0.005)
        return self.add("relay.opened", {"ms": 5, "cause": "commanded"})


def without(leaves: Iterable[bytes], drop: Drop) -> list[bytes]:
    """Leaves with events left out or changed; numbers and chain are not looked at here."""
    kept = (drop(events.decode(leaf)) for leaf in leaves)
    return [msgspec.json.encode(event, order="sorted") for event in kept if event is not None]


def stripped(event: Event, *rows: str) -> Event:
    """Without these rows of a record."""
    held = event.data.get("snapshot")
    if isinstance(held, list):
        event.data["snapshot"] = [row for row in held if not (isinstance(row, dict) and row.get("k") in rows)]
    return event


def no_permit(event: Event) -> Event | None:
    return None if event.data.get("part_of") == "PermitClaims" else event


def no_authority(event: Event) -> Event | None:
    return None if event.type == "release.authorised" else event


def no_people(event: Event) -> Event | None:
    if event.type == "identity.verified":
        return None
    event.data.pop("people", None)
    return stripped(event, "snapshot.faces")


def no_gas(event: Event) -> Event | None:
    return None if event.cat is Category.GAS or event.type.startswith("gas.") else stripped(event, "snapshot.readings")


def no_end(event: Event) -> Event | None:
    if event.type == "relay.opened" or event.data.get("contact") == "open":
        return None
    return stripped(event, "snapshot")


CONTROLS: list[tuple[Drop, set[GapKind]]] = [
    (no_permit, {GapKind.NO_PERMIT, GapKind.NO_AUTHORITY}),  # a record that refers to a lost permit cannot be read
    (no_authority, {GapKind.NO_AUTHORITY}),
    (no_people, {GapKind.NO_PEOPLE}),
    (no_gas, {GapKind.NO_GAS}),
]
"""What may be missing in a log, and the gaps that it makes: without them a detector that finds none proves nothing."""
