"""Calls: entry or gas to the safety officer (PTW-24), sensors to two roles (INS-01, INS-05), until somebody answers."""

import pytest

from contracts import topics
from tests.cloud_bridge.box_side import BoxLog
from tests.cloud_bridge.test_pages import client

DOOR = {"code": "door_open", "chan": "", "released": True}
GAS = {"code": "gas_high", "chan": "ch4-1", "value_milli": 12500, "limit_milli": 10000, "unit": "%LEL", "released": True}


@pytest.fixture
def log(django_data, request):
    from cloud_bridge.boxes.models import Call
    from cloud_bridge.boxes.registry import register

    found = BoxLog(f"box-call-{abs(hash(request.node.name)) % 10**8}")
    register(found.box, found.vkey, name="反应釜盒", place="3# 平台")
    yield found
    Call.objects.all().delete()


def live(log, kind="entry.unauthorised", **data):
    from cloud_bridge.boxes.store import store_live

    store_live(log.box, log.leaf(kind, "alarm", "HW-1", **(data or DOOR)))


def sync(log, first=0):
    from cloud_bridge.boxes.store import store_batch

    return store_batch(log.box, *topics.unpack_batch(log.batch(first)))


def ringing(log):
    from cloud_bridge.boxes.calls import ringing

    return [(call.kind, call.count) for call in ringing() if call.box_id == log.box]


def warn(log, quantity="humidity", chan="hum-1", code="sensor_high"):
    """A box's own event: no alarm, so it comes with the log."""
    data = {"code": code, "chan": chan, "value_milli": 85500, "limit_milli": 80000, "unit": "%RH", "clause": "INS-01"}
    log.leaf("sensor.warning", "warning", quantity=quantity, **data)
    return sync(log)


def by_role(log):
    from cloud_bridge.boxes.calls import ringing

    return [(call.kind, call.role, call.subject, call.count) for call in ringing() if call.box_id == log.box]


@pytest.fixture
def hands(django_data):
    """A store keeper and a man of maintenance."""
    from django.contrib.auth.models import Group

    from cloud_bridge.people.models import User

    made = []
    for name, role, display in (("cang", "store_keeper", "仓管 陈仓"), ("wei", "maintenance", "维修 魏强")):
        user = User.objects.create(username=name, display_name=display, password="!")
        user.groups.set(Group.objects.filter(name=role))
        made.append(user)
    yield made
    for user in made:
        user.delete()


def test_an_unauthorised_entry_rings_before_the_log_has_come(log):
    live(log)
    assert ringing(log) == [("entry", 1)]


def test_the_same_event_in_the_log_does_not_ring_again(log):
    live(log)
    sync(log)
    assert ringing(log) == [("entry", 1)]


def test_an_entry_that_came_with_the_log_alone_rings_late(log):
    """A box that was offline delivers the alarm later (PTW-24)."""
    log.leaf("entry.unauthorised", "alarm", **DOOR)
    sync(log)
    assert ringing(log) == [("entry", 1)]
    sync(log)
    assert ringing(log) == [("entry", 1)], "sent again, it is not another one"


def test_the_same_once_more_before_an_answer_is_counted_and_another_kind_rings_beside_it(log):
    live(log)
    live(log, code="badge_unknown", chan="99", released=True)
    live(log, "interlock.tripped", **GAS)
    assert ringing(log) == [("entry", 2), ("gas", 1)]


@pytest.mark.parametrize("code", ["gas_high", "gas_low", "gas_over_range"])
def test_gas_over_its_limit_while_released_rings(log, code):
    live(log, "interlock.tripped", **(GAS | {"code": code}))
    assert ringing(log) == [("gas", 1)]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("interlock.tripped", GAS | {"code": "gas_stale"}),
        ("interlock.tripped", GAS | {"released": False}),
        ("interlock.tripped", GAS | {"released": 1}),
        ("interlock.tripped", {"code": "stop_pressed", "chan": "", "released": True}),
        ("gas.alarm", GAS),
        ("interlock.fault", GAS),
    ],
)
def test_nothing_else_rings(log, kind, data):
    live(log, kind, **data)
    assert ringing(log) == []


def test_the_officer_answers_once_and_who_it_was_is_kept(log):
    from cloud_bridge.boxes.models import Call

    live(log)
    call = Call.objects.get(box=log.box)
    answered = client("an").post(f"/calls/{call.pk}/answer", {"next": "/permits/"})
    assert answered.status_code == 302
    assert answered.url == "/permits/"
    call.refresh_from_db()
    assert (call.answered_by, bool(call.answered_ms)) == ("an", True)
    assert ringing(log) == []
    first = call.answered_ms
    client("an").post(f"/calls/{call.pk}/answer", {"next": "https://elsewhere.example/"})
    call.refresh_from_db()
    assert call.answered_ms == first, "the first answer stands"
    live(log)
    assert ringing(log) == [("entry", 1)], "the next entry rings anew"


def test_an_answer_leads_to_no_foreign_page(log):
    from cloud_bridge.boxes.models import Call

    live(log)
    call = Call.objects.get(box=log.box)
    assert client("an").post(f"/calls/{call.pk}/answer", {"next": "https://elsewhere.example/"}).url == "/"


@pytest.mark.parametrize("page", ["/", "/permits/", "/calls/"])
def test_every_page_of_the_officer_shows_the_call_with_box_place_and_reason(log, page):
    live(log)
    text = client("an").get(page).content.decode()
    assert "反应釜盒" in text
    assert "3# 平台" in text
    assert "我去处理" in text
    assert "data-stream" in text or page == "/calls/"


def test_nobody_else_is_called_or_may_answer(log):
    from cloud_bridge.boxes.models import Call

    live(log)
    call = Call.objects.get(box=log.box)
    for user in ("shen", "nobody", "root"):
        assert 'id="calls"' not in client(user).get("/").content.decode()
        assert client(user).get("/calls/").status_code == 403
        assert client(user).post(f"/calls/{call.pk}/answer").status_code == 403
    assert client().get("/calls/").status_code == 302
    assert ringing(log) == [("entry", 1)]


def test_metrics_tell_how_long_nobody_answered(log, monkeypatch):
    from cloud_bridge.boxes.models import Call

    live(log)
    (rang_ms,) = Call.objects.filter(box=log.box).values_list("received_ms", flat=True)
    monkeypatch.setattr("cloud_bridge.web.metrics.now_ms", lambda: rang_ms + 90_999)
    text = client("root").get("/metrics").content.decode()
    assert "hotbox_bridge_calls_ringing 1\n" in text
    assert "hotbox_bridge_call_age_seconds 90\n" in text


def test_humidity_calls_the_store_keeper_and_the_safety_officer_and_both_must_answer(log, hands):
    """INS-01: both receive, and who was told and who answered is kept."""
    from cloud_bridge.boxes.models import Call

    warn(log)
    assert by_role(log) == [("humidity", "store_keeper", "hum-1", 1), ("humidity", "safety_officer", "hum-1", 1)]
    for user in ("cang", "an"):
        page = client(user).get("/").content.decode()
        assert "湿度预警" in page
        assert "传感器 hum-1 超过预警上限" in page
        assert "85.5 %RH" in page
        assert 'data-ringing="1"' in page
    assert "data-ringing" not in client("wei").get("/").content.decode(), "maintenance has nothing to do with a store"
    keeper, officer = Call.objects.filter(box=log.box).order_by("pk")
    assert (keeper.told, officer.told) == (["仓管 陈仓"], ["安全员 安然"])
    assert client("an").post(f"/calls/{keeper.pk}/answer").status_code == 403, "nobody answers in another's name"
    assert client("cang").post(f"/calls/{keeper.pk}/answer").status_code == 302
    assert by_role(log) == [("humidity", "safety_officer", "hum-1", 1)], "the officer's own rings on"
    client("an").post(f"/calls/{officer.pk}/answer")
    assert by_role(log) == []
    page = client("shen").get(f"/boxes/{log.box}/").content.decode()
    assert "呼叫与预警工单" in page
    for name in ("仓管 陈仓", "安全员 安然"):
        assert f"已响应: {name}" in page


@pytest.mark.parametrize("quantity", ["vibration", "temperature"])
def test_heat_and_vibration_are_a_warning_ticket_for_maintenance_and_the_safety_officer(log, hands, quantity):
    """INS-05."""
    warn(log, quantity, "pump-3")
    assert by_role(log) == [("equipment", "maintenance", "pump-3", 1), ("equipment", "safety_officer", "pump-3", 1)]
    assert "设备预警工单" in client("wei").get("/").content.decode()
    assert "data-ringing" not in client("cang").get("/").content.decode()


def test_a_silent_sensor_is_told_to_the_same_people(log, hands):
    warn(log, "humidity", code="sensor_stale")
    assert [role for _kind, role, *_rest in by_role(log)] == ["store_keeper", "safety_officer"]
    assert "传感器 hum-1 数据中断" in client("cang").get("/").content.decode()


def test_each_machine_has_its_own_ticket_and_the_same_once_more_is_counted(log, hands):
    warn(log, "vibration", "pump-3")
    warn(log, "vibration", "pump-4")
    warn(log, "vibration", "pump-3")
    assert [(subject, count) for _kind, role, subject, count in by_role(log) if role == "maintenance"] == [
        ("pump-3", 2), ("pump-4", 1)
    ]  # fmt: skip


def test_a_box_that_names_ever_more_sensors_does_not_fill_the_page(log):
    from cloud_bridge.boxes.calls import MOST_SUBJECTS

    for number in range(MOST_SUBJECTS + 3):
        log.leaf("sensor.warning", "warning", quantity="vibration", code="sensor_high", chan=f"s{number}")
    sync(log)
    found = [(subject, count) for _kind, role, subject, count in by_role(log) if role == "maintenance"]
    assert len(found) == MOST_SUBJECTS + 1
    assert found[-1] == ("", 3)


def test_a_sensor_that_is_normal_again_calls_nobody_and_leaves_the_ticket_open(log, hands):
    warn(log)
    log.leaf("sensor.normal", chan="hum-1", was="sensor_high", value_milli=60000, unit="%RH", quantity="humidity")
    sync(log)
    assert [count for *_rest, count in by_role(log)] == [1, 1]


def test_a_role_that_nobody_has_is_shown_as_heard_by_nobody(log):
    """INS-01: else both would seem told."""
    from cloud_bridge.boxes.models import Call

    warn(log)
    assert Call.objects.get(box=log.box, role="store_keeper").told == []
    assert "尚无人担任该角色" in client("an").get(f"/boxes/{log.box}/").content.decode()
