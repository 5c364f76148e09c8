"""PTW-24: unauthorised entry or gas calls the safety officer at once, until somebody answers."""

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


def test_metrics_tell_how_long_nobody_answered(log):
    from cloud_bridge.boxes.models import Call, now_ms

    live(log)
    Call.objects.filter(box=log.box).update(received_ms=now_ms() - 90_000)
    text = client("root").get("/metrics").content.decode()
    assert "hotbox_bridge_calls_ringing 1\n" in text
    assert "hotbox_bridge_call_age_seconds 90\n" in text
