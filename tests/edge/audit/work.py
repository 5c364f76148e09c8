"""A morning at a box, as its log tells it: two permits, a trip by gas, a refused arming. Small enough for a test."""

import json
from hashlib import sha256
from typing import Any

from contracts.event import ActionResult, Actor, Category, Severity
from edge.audit import Draft
from edge.audit.health import system_clock

PERMIT, OTHER = "DH-20261121-001", "DH-20261121-002"
HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(1)>\u202e\x1b[31m"
NAMES = {PERMIT: ("张作业", "李监护"), OTHER: ("Olga Other", "Otto Other")}


def note(
    what: str, data: dict[str, Any] | None = None, *, permit: str = PERMIT, cat: Category = Category.INTERLOCK,
    sev: Severity = Severity.INFO, res: ActionResult = ActionResult.OK, actor: tuple[str, str] = ("box", ""),
) -> Draft:  # fmt: skip
    stamp = system_clock()
    return Draft(
        cat=cat, type=what, sev=sev, src="interlock", actor=Actor(*actor), res=res, permit=permit, corr="",
        data=data or {}, t=stamp.t, m=stamp.m, tq="rtc", te=5,
    )  # fmt: skip


def claims(permit: str) -> dict[str, Any]:
    performer, guardian = NAMES[permit]
    zeros = "0" * 64
    return {
        "iss": "bridge", "aud": "box-1", "jti": permit, "iat": 1795291671, "nbf": 1795291611, "exp": 1795306071,
        "as_of": 1795291671, "lease_s": 14400, "work": "hot_work", "level": "grade_1", "method": "electric welding",
        "place": HOSTILE[:70] if permit == PERMIT else "the other yard", "content": "管线焊接", "rules": "gb30871-2022",
        "people": [
            {"id": f"{permit}-p", "name": performer, "role": "performer", "badge": 1001},
            {"id": f"{permit}-g", "name": guardian, "role": "guardian", "badge": 1002},
        ],
        "approvals": [
            {"by": "a1", "name": "王审批", "office": "safety", "at": 1795291671, "content_sha256": zeros},
            {"by": "a2", "name": "赵审批", "office": "owner", "at": 1795291671, "content_sha256": zeros},
        ],
        "content_sha256": zeros,
    }  # fmt: skip


def accepted(permit: str) -> Draft:
    text = json.dumps(claims(permit), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    pieces = [text[at : at + 200] for at in range(0, len(text), 200)]
    data = {"part_of": "PermitClaims", "sha256": sha256(text.encode()).hexdigest(), "snapshot": pieces}
    return note("permit.accepted", data, permit=permit, cat=Category.PERMIT, actor=("bridge", "bridge"))


def gas(milli: int) -> Draft:
    values = [{"chan": "ch4-1", "gas": "CH4", "unit": "%LEL", "q": "good", "value_milli": milli}]
    return note("gas.record", {"values": values, "seconds": 7200, "clause": "GB 30871-2022 6.5"}, cat=Category.GAS)


HIGH = {"code": "gas_high", "chan": "ch4-1", "value_milli": 18000, "limit_milli": 10000, "unit": "%LEL", "clause": "GB 30871-2022 5.3.2"}
ABSENT = {"code": "badge_absent", "chan": "李监护", "limit_milli": 2000, "unit": "s", "clause": "GB 30871-2022 4.10"}


def morning() -> list[Draft]:
    """Events of a trip; the 14th and 15th are the other permit's, the 16th is this one's and names the other."""
    decision = [{"k": "decision", "v": {"now_us": 5, "pack": "gb30871-2022"}}, {"k": "verdicts", "v": {"gas": ["gas_high ch4-1 18000/10000"]}}]
    return [
        note("site.loaded", {"baseline": "SIMULATION", "software": "0.1.0"}, permit=""),
        accepted(PERMIT),
        note("interlock.arm_refused", {"reasons": [ABSENT, {"code": "face_missing", "chan": "张作业"}]}, sev=Severity.WARNING, res=ActionResult.DENIED),
        note("interlock.arm_refused", {"reasons": [ABSENT]}, sev=Severity.WARNING, res=ActionResult.DENIED),
        note("release.authorised", {"snapshot": decision}),
        note("relay.closed", {"ms": 8}),
        gas(0),
        gas(2500),
        note("gas.alarm", HIGH, cat=Category.GAS, sev=Severity.ALARM),
        note("interlock.tripped", {**HIGH, "others": [], "released": True, "snapshot": decision}, sev=Severity.ALARM),
        note("relay.opened", {"ms": 5, "cause": "commanded"}),
        note("gas.normal", {"chan": "ch4-1"}, cat=Category.GAS),
        note("cli.request", {"op": "reset", "uid": 0, "why": HOSTILE}, permit="", cat=Category.CLI, actor=("cli", "0")),
        accepted(OTHER),
        note("identity.verified", {"chan": "Otto Other"}, permit=OTHER, cat=Category.IDENTITY, actor=("person", "otto")),
        note("permit.checked", {"snapshot": [{"k": "durable.checked_in", "n": OTHER, "v": 0}]}, cat=Category.PERMIT),
        note("interlock.reset", {"first_out": HOSTILE}, actor=("person", HOSTILE)),
        note("work.finished", {}),
    ]  # fmt: skip
