"""The status shows every badge that was heard, its battery, and how radio and receiver are."""

from edge.interlock.evidence import Device
from edge.interlock.presence_view import badges, devices
from edge.interlock.status import BadgeView, DeviceView
from tests.edge.interlock.bench import BEACON, GB, Bench, replace

LIMIT = GB.badge_battery_percent.value


def test_badges_of_permit_and_roster_and_the_beacon_are_shown_by_number(ready: Bench) -> None:
    """PTW-04: with their owners; a badge that nobody names is not one of them."""
    ready.batteries = {1001: LIMIT - 1, 1002: LIMIT}
    ready.badges[1003] = False
    ready.badge_seen[1003] = ready.now - 2_999_999
    ready.badge_seen[9001] = ready.now
    shown = {view.badge: view for view in badges(ready.step(ms=0).facts)}
    assert list(shown) == sorted(shown)
    assert shown[1001] == BadgeView(1001, "张作业", -60, LIMIT - 1, True, 0)
    assert shown[1002] == BadgeView(1002, "李监护", -60, LIMIT, False, 0)
    assert shown[1003] == BadgeView(1003, "赵班长", -60, None, False, 2999)
    assert isinstance(shown[1003].age_ms, int)
    assert shown[BEACON] == BadgeView(BEACON, "beacon", -60, None, False, 0)
    assert not {1004, 9001} & set(shown), "not heard, or nobody's"


def test_without_a_beacon_there_is_none(ready: Bench) -> None:
    ready.site = replace(ready.site, beacon=0)
    ready.badge_seen[0] = ready.now
    assert 0 not in {view.badge for view in badges(ready.step(ms=0).facts)}


def test_a_badge_heard_after_the_evaluation_is_not_younger_than_now(ready: Bench) -> None:
    ready.step(ms=0)
    ready.badges[1001] = False
    ready.badge_seen[1001] = ready.now + 5000
    ready.devices["radio"] = Device(ready.now + 5000, "radio", "ok", 1)
    facts = ready.step(ms=0).facts
    assert badges(facts)[0].age_ms == 0
    assert devices(facts)[0].age_ms == 0


def test_devices_say_what_is_wrong_and_what_to_do(ready: Bench) -> None:
    """PTW-04"""
    ready.devices = {
        "radio": Device(ready.now - 2_999_999, "radio", "ok", 17), "gnss": Device(ready.now, "gnss", "void", 4),
    }  # fmt: skip
    gnss, radio = devices(ready.step(ms=0).facts)
    assert radio == DeviceView("radio", True, "", "", "", "", "", 2999, 17)
    assert gnss == DeviceView(
        "gnss", False, "gnss_void", "定位接收机没有定位", "the GNSS receiver has no fix", "把天线移到开阔处",
        "move the antenna into the open", 0, 4,
    )  # fmt: skip
