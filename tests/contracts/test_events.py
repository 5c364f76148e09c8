"""An event is held to its type: category, severity, result and every field of its data."""

from typing import Any

import msgspec
import pytest

from contracts import events
from contracts.event import ActionResult, Actor, Category, Event, Severity

HASH = "a" * 64


def event(what: str, cat: Category, data: dict[str, Any], sev: Severity = Severity.INFO, res: ActionResult = ActionResult.OK) -> Event:
    return Event(
        v=1, box="box-1", log=1, seq=7, boot=1, t=1, m=1, tq="sync", te=0, cat=cat, type=what, sev=sev, src="interlock",
        actor=Actor("box", "box-1"), res=res, permit="", corr="", data=data, prev="0" * 64,
    )  # fmt: skip


REASON = {"code": "gas_high", "chan": "ch4-1", "value_milli": 25_000, "limit_milli": 10_000, "unit": "%LEL", "clause": "5.3.2"}
ROW = {"k": "snapshot.readings", "n": "ch4-1", "v": {"value": "1.5"}}
TRIP = event("interlock.tripped", Category.INTERLOCK, {**REASON, "others": [REASON], "released": True, "snapshot": [ROW]}, Severity.ALARM)
PART = event("record.part", Category.AUDIT, {"part_of": "Site", "sha256": HASH, "snapshot": ["{", "}"]})


def changed(was: Event, **data: Any) -> Event:
    return msgspec.structs.replace(was, data={**was.data, **data})


def without(was: Event, field: str) -> Event:
    return msgspec.structs.replace(was, data={key: value for key, value in was.data.items() if key != field})


@pytest.mark.parametrize(
    "fits",
    [
        TRIP,
        PART,
        without(TRIP, "value_milli"),
        changed(TRIP, others=[], snapshot=[]),
        changed(TRIP, snapshot=[{"k": "durable", "v": None}]),
        event("system.stop", Category.SYSTEM, {}),
        event("interlock.state", Category.INTERLOCK, {"was": "LOCKED", "now": "PERMISSIVE_OK"}),
        event("permit.suspended", Category.PERMIT, {"reason": "storm"}, Severity.WARNING),
        event("permit.suspended", Category.PERMIT, {"relief": True, "present": False}, Severity.WARNING),
        event("permit.suspended", Category.PERMIT, {**REASON, "snapshot": []}, Severity.WARNING),
        event("audit.pruned", Category.AUDIT, {"from": 0, "to": 256, "root": HASH, "size": 600}),
        event("bypass.ended", Category.BYPASS, {"chan": "ch4-1", "why": "taken back"}, Severity.WARNING),
        event("cli.request", Category.CLI, {"op": "reset", "uid": 0, "why": ""}, res=ActionResult.DENIED),
    ],
    ids=lambda one: one.type,
)
def test_what_fits_is_said_to_fit(fits: Event) -> None:
    assert events.check(fits) == ""


@pytest.mark.parametrize(
    ("misfit", "why"),
    [
        (event("gas.reading", Category.GAS, {}), "no such type of event"),
        (msgspec.structs.replace(TRIP, cat=Category.GAS), "cat: gas, expected interlock"),
        (msgspec.structs.replace(TRIP, sev=Severity.INFO), "sev: info, expected alarm"),
        (msgspec.structs.replace(TRIP, res=ActionResult.FAILED), "res: failed, expected ok"),
        (without(TRIP, "released"), "data: Object missing required field `released`"),
        (without(TRIP, "snapshot"), "data: Object missing required field `snapshot`"),
        (changed(TRIP, colour="red"), "data: Object contains unknown field `colour`"),
        (changed(TRIP, released=1), "data: Expected `bool`, got `int` - at `$.released`"),
        (changed(TRIP, value_milli=None), "data: Expected `int`, got `null` - at `$.value_milli`"),
        (changed(TRIP, code="Gas high"), "data: Expected `str` matching regex"),
        (changed(TRIP, others=[{"code": "gas_high"}]), "missing required field `chan` - at `$.others[0]`"),
        (changed(TRIP, snapshot=[{**ROW, "w": 1}]), "unknown field `w` - at `$.snapshot[0]`"),
        (changed(TRIP, snapshot=["durable"]), "at `$.snapshot[0]`"),
        (changed(PART, sha256="a" * 63), "matching regex"),
        (changed(PART, snapshot=[1]), "data: Expected `str`, got `int` - at `$.snapshot[0]`"),
        (event("interlock.state", Category.INTERLOCK, {"was": "LOCKED", "now": "RELEASED"}), "Invalid enum value 'RELEASED'"),
        (event("permit.suspended", Category.PERMIT, {"reason": "storm", "relief": True}, Severity.WARNING), "unknown field `relief`"),
        (event("system.stop", Category.SYSTEM, {"why": "told"}), "unknown field `why`"),
        (event("audit.pruned", Category.AUDIT, {"first": 0, "to": 256, "root": HASH, "size": 600}), "unknown field `first`"),
    ],
    ids=lambda one: one if isinstance(one, str) else one.type,
)
def test_what_does_not_fit_says_where(misfit: Event, why: str) -> None:
    assert why in events.check(misfit)


def test_the_leaves_of_a_split_event_are_taken_one_by_one() -> None:
    """The first is what it is, at its severity; the later ones carry its list on, at severity info."""
    first = changed(TRIP, part=1, of=3)
    assert events.check(first) == ""
    assert "released" in events.check(without(first, "released"))
    later = msgspec.structs.replace(TRIP, sev=Severity.INFO, data={"part": 2, "of": 3, "head": 7, "snapshot": [ROW]})
    assert events.check(later) == ""
    assert events.check(msgspec.structs.replace(later, sev=Severity.ALARM)) == "sev: alarm, expected info"
    assert "unknown field `released`" in events.check(changed(later, released=True))
    assert "at `$.head`" in events.check(changed(later, head="7"))


def test_every_event_has_a_name_in_both_languages_and_an_unknown_one_stays_as_it_came() -> None:
    for name, kind in events.REGISTRY.items():
        assert kind.name == name
        assert any("\u4e00" <= letter <= "\u9fff" for letter in kind.zh)
        assert kind.en.isascii()
        assert events.words(name) == (kind.zh, kind.en)
        assert kind.forms
        assert kind.sev
        assert kind.res
    assert events.words("future.thing") == ("future.thing", "future.thing")
