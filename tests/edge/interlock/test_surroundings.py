"""A broken radio or receiver and a low battery are told once, say why people or place are missing, and trip nothing."""

import pytest

from contracts.event import Category, Severity
from edge.interlock.conditions.devices import device_fault
from edge.interlock.evidence import BadgeRefused, Device
from edge.interlock.state import Mode, Reason
from tests.edge.interlock.bench import BEACON, GB, SECOND, Bench, replace

BADGE_US, PLACE_US = GB.badge_ttl_s.value * SECOND, GB.position_ttl_s.value * SECOND


def _notes(bench: Bench, kind: str, sev: Severity = Severity.WARNING) -> list[dict[str, object]]:
    found = [note for note in bench.notes if note.type == kind]
    assert all((note.cat, note.sev) == (Category.IDENTITY, sev) for note in found)
    return [note.data for note in found]


def _code(bench: Bench, condition: str) -> str:
    return bench.step(ms=0).verdicts[condition].reasons[0].code


@pytest.mark.parametrize(
    ("device", "health", "code"),
    [
        ("radio", "ok", ""), ("radio", "deaf", "radio_deaf"), ("radio", "absent", "radio_absent"),
        ("gnss", "void", "gnss_void"), ("gnss", "checksum", "gnss_checksum"), ("gnss", "jump", "gnss_jump"),
        ("gnss", "frozen", "gnss_frozen"), ("gnss", "silent", "gnss_silent"), ("gnss", "absent", "gnss_absent"),
        ("gnss", "on fire", "gnss_lost"), ("radio", "void", "radio_lost"),
    ],
)  # fmt: skip
def test_what_a_device_says_has_a_reason_of_its_own(ready: Bench, device: str, health: str, code: str) -> None:
    """PTW-04"""
    ready.devices[device] = Device(ready.now, device, health, 1)
    assert device_fault(ready.step(ms=0).facts, device) == code


@pytest.mark.parametrize(("device", "ttl_us"), [("radio", BADGE_US), ("gnss", PLACE_US), ("nfc", BADGE_US)])
@pytest.mark.parametrize(("more_us", "lost"), [(-1, False), (0, False), (1, True)])
def test_a_device_that_says_nothing_for_as_long_as_its_evidence_lives_is_lost(
    ready: Bench, device: str, ttl_us: int, more_us: int, lost: bool
) -> None:
    """PTW-04: to the microsecond; what was never heard of is not there."""
    ready.devices[device] = Device(ready.now - ttl_us - more_us, device, "ok", 1)
    facts = ready.step(ms=0).facts
    assert device_fault(facts, device) == (f"{device}_lost" if lost else "")
    assert device_fault(facts, "radio" if device == "gnss" else "gnss") == ""


def test_a_report_from_the_future_is_none(ready: Bench) -> None:
    ready.devices["radio"] = Device(ready.now + 1, "radio", "ok", 1)
    assert device_fault(ready.step(ms=0).facts, "radio") == "radio_lost"


def test_a_deaf_radio_is_named_when_the_guardian_is_not_heard_any_more(released: Bench) -> None:
    """PTW-04: nobody heard is not nobody there, and is no reason to go on: after grace the box opens, and says why."""
    released.devices["radio"] = Device(released.now, "radio", "deaf", 1)
    assert released.step().durable.mode is Mode.RELEASED, "by itself it trips nothing"
    released.badges[1002] = False
    for _ in range(GB.badge_ttl_s.value + GB.guardian_grace_s.value + 2):
        released.devices["radio"] = Device(released.now, "radio", "deaf", 1)
        released.step(ms=1000)
    assert released.durable.mode is Mode.TRIPPED
    assert released.durable.first_out is not None
    assert (released.durable.first_out.code, released.durable.first_out.subject) == ("radio_deaf", "李监护")


@pytest.mark.parametrize(
    ("why", "code"),
    [
        ("stale", "badge_stale"), ("forged", "badge_forged"), ("outdated", "badge_outdated"),
        ("cloned", "badge_cloned"), ("weak", "badge_weak"), ("odd", "badge_refused"),
    ],
)  # fmt: skip
def test_a_badge_that_is_heard_and_not_believed_says_why_its_owner_is_missing(ready: Bench, why: str, code: str) -> None:
    """PTW-04, ANT-01"""
    ready.badges[1002] = False
    del ready.badge_seen[1002]
    ready.refused_badges[1002] = BadgeRefused(ready.now, 1002, why)
    assert _code(ready, "guardian") == code


@pytest.mark.parametrize(("more_us", "code"), [(-1, "badge_weak"), (0, "badge_weak"), (1, "badge_absent")])
def test_an_old_refusal_explains_nothing(ready: Bench, more_us: int, code: str) -> None:
    ready.badges[1002] = False
    del ready.badge_seen[1002]
    ready.refused_badges[1002] = BadgeRefused(ready.now - BADGE_US - more_us, 1002, "weak")
    ready.refused_badges[1001] = BadgeRefused(ready.now, 1001, "forged")
    assert _code(ready, "guardian") == code


def test_a_refusal_from_the_future_explains_nothing(ready: Bench) -> None:
    ready.badges[1002] = False
    del ready.badge_seen[1002]
    ready.refused_badges[1002] = BadgeRefused(ready.now + 1, 1002, "weak")
    assert _code(ready, "guardian") == "badge_absent"


@pytest.mark.parametrize(("health", "code"), [("ok", "beacon_lost"), ("deaf", "radio_deaf")])
def test_a_beacon_that_nobody_can_hear_is_the_radios_fault(ready: Bench, health: str, code: str) -> None:
    """PTW-04"""
    ready.badges[BEACON] = False
    ready.badge_seen.pop(BEACON, None)
    ready.devices["radio"] = Device(ready.now, "radio", health, 1)
    ready.site = replace(ready.site, quorum=("badge",))
    reason = ready.step(ms=0).verdicts["place"].reasons[0]
    assert reason == Reason(code, str(BEACON), None, GB.badge_ttl_s.value * 1000, "s", GB.badge_ttl_s.clause)


@pytest.mark.parametrize("old", [True, False])
def test_a_place_that_is_not_known_says_what_the_receiver_says(ready: Bench, old: bool) -> None:
    """PTW-04"""
    if old:
        ready.position_silent_since = ready.now - PLACE_US - 1
    else:
        ready.position = None
    ready.devices["gnss"] = Device(ready.now, "gnss", "jump", 1)
    reason = ready.step(ms=0).verdicts["place"].reasons[0]
    value = (PLACE_US + 1) // 1000 if old else None
    assert reason == Reason("gnss_jump", "", value, GB.position_ttl_s.value * 1000, "s", GB.position_ttl_s.clause)


def test_a_device_that_fails_is_noted_once_and_again_when_it_is_well(ready: Bench) -> None:
    """PTW-04"""
    for health in ("ok", "deaf", "deaf", "absent", "ok", "ok"):
        ready.devices["radio"] = Device(ready.now, "radio", health, 1)
        ready.devices["gnss"] = Device(ready.now, "gnss", "silent", 1)
        ready.step()
    assert [(data["chan"], data["code"]) for data in _notes(ready, "device.failed")] == [
        ("gnss", "gnss_silent"), ("radio", "radio_deaf"), ("radio", "radio_absent"),
    ]  # fmt: skip
    assert [data["chan"] for data in _notes(ready, "device.well", Severity.INFO)] == ["radio"]
    assert ready.volatile.devices == {"gnss": "gnss_silent"}


def test_a_low_battery_is_noted_once_until_it_was_changed(released: Bench) -> None:
    """PTW-04: it trips nothing."""
    limit = GB.badge_battery_percent.value
    for percent in (limit, limit - 1, 3, limit, limit * 2 - 1, limit - 1, limit * 2, limit - 1):
        released.batteries[1002] = percent
        released.step()
    assert released.durable.mode is Mode.RELEASED
    row = {"code": "badge_battery", "chan": "1002", "limit_percent": limit, "clause": GB.badge_battery_percent.clause}
    assert _notes(released, "badge.battery") == [row | {"percent": limit - 1}] * 2
    assert released.volatile.low_batteries == (1002,)


def test_each_badge_has_a_battery_of_its_own(ready: Bench) -> None:
    """PTW-04: a badge that does not measure it is not low."""
    ready.batteries = {1001: 5, 1002: 0}
    ready.step()
    ready.batteries = {1001: 100, 1002: 0}
    ready.step()
    assert [data["chan"] for data in _notes(ready, "badge.battery")] == ["1001", "1002"]
    assert ready.volatile.low_batteries == (1002,)
