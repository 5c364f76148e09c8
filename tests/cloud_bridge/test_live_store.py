"""Alarms ahead of a long backlog, at the ingest's door (BOX-05)."""

import pytest

from tests.cloud_bridge.box_side import BoxLog


@pytest.fixture
def log(django_data, request, monkeypatch):
    from cloud_bridge.boxes import store
    from cloud_bridge.boxes.registry import register

    monkeypatch.setattr(store, "MAX_UNPROVEN", 5)
    found = BoxLog(f"box-live-{abs(hash(request.node.name)) % 10**8}")
    register(found.box, found.vkey)
    return found


def shown(log):
    from cloud_bridge.boxes.models import LiveEvent

    return list(LiveEvent.objects.filter(box=log.box).order_by("seq").values_list("seq", flat=True))


def test_no_alarm_of_a_long_backlog_is_refused_and_the_newest_stay(log):
    from cloud_bridge.boxes.models import Rejection
    from cloud_bridge.boxes.store import store_live

    alarms = [log.leaf("gas.alarm", "alarm", step=step) for step in range(8)]
    for alarm in alarms[:5]:
        store_live(log.box, alarm)
    assert not Rejection.objects.filter(box=log.box).exists()
    for alarm in alarms[5:]:
        store_live(log.box, alarm)
    assert shown(log) == [3, 4, 5, 6, 7]
    store_live(log.box, alarms[0])
    assert shown(log) == [0, 4, 5, 6, 7], "an old one is shown as well, and gives way first"
    store_live(log.box, log.leaf("gas.alarm", "alarm", step=8))
    assert shown(log) == [4, 5, 6, 7, 8]
    assert list(Rejection.objects.filter(box=log.box).values_list("field", "count")) == [("unproven", 5)]


def test_an_alarm_that_is_shown_already_takes_nobodys_place(log):
    from cloud_bridge.boxes.store import store_live

    alarms = [log.leaf("gas.alarm", "alarm", step=step) for step in range(5)]
    for alarm in [*alarms, *alarms]:
        store_live(log.box, alarm)
    assert shown(log) == [0, 1, 2, 3, 4]
