"""Who may open and do what; forms that say what was expected; headers that every page carries."""

from datetime import datetime, timedelta

import pytest

from tests.cloud_bridge.box_side import BoxLog
from tests.cloud_bridge.running import PASSWORD

HOST = "localhost"


@pytest.fixture(scope="module")
def box(django_data):
    from cloud_bridge.boxes.registry import register

    return register("box-pages", BoxLog("box-pages").vkey, name="页面盒", place="<b>平台</b>")


def client(user=None, language="zh-hans"):
    from django.test import Client

    from cloud_bridge.people.models import User

    found = Client(SERVER_NAME=HOST)
    found.cookies["django_language"] = language
    if user:
        found.force_login(User.objects.get(username=user), backend="django.contrib.auth.backends.ModelBackend")
    return found


def fields(site, hours=2.0, **changes):
    now = datetime.now().astimezone()
    return {
        "box": site.pk,
        "level": "grade_2",
        "place": "P-101 泵房",
        "content": "更换法兰",
        "method": "气割",
        "starts": now.isoformat(timespec="seconds"),
        "ends": (now + timedelta(hours=hours)).isoformat(timespec="seconds"),
        "performer": "performer",
        "guardian": "guardian",
        "action": "submit",
    } | changes


def apply(box, **changes):
    from cloud_bridge.permits.models import Permit

    answer = client("shen").post("/permits/new", fields(box, **changes))
    assert answer.status_code == 302, answer.content.decode()
    return Permit.objects.get(jti=answer.url.split("/")[2])


def decide(user, permit, decision="approve", password=PASSWORD, **changes):
    data = {"decision": decision, "content_sha256": permit.content_sha256, "password": password} | changes
    return client(user).post(f"/permits/{permit.jti}/decide", data)


def state(permit):
    permit.refresh_from_db()
    return permit.state


PAGES = [
    "/",
    "/boxes/box-pages/",
    "/boxes/box-pages/events?before=9",
    "/permits/",
    "/permits/new",
    "/api/v1/docs",
    "/accounts/password/change/",
]


@pytest.mark.parametrize("page", PAGES)
def test_a_visitor_who_is_not_signed_in_is_sent_to_sign_in(box, page):
    answer = client().get(page)
    assert answer.status_code == 302
    assert answer.url.startswith("/accounts/login/")


@pytest.mark.parametrize(
    "page",
    [
        "/api/v1/boxes",
        "/api/v1/permits",
        "/api/v1/events",
        "/api/v1/alarms",
        "/api/v1/boxes/box-pages",
        "/events/stream?after=0",
    ],
)
def test_the_api_and_the_stream_refuse_a_visitor(box, page):
    assert client().get(page).status_code == 401


@pytest.mark.parametrize(
    "path", ["/permits/X/decide", "/permits/X/revoke", "/permits/X/submit", "/boxes/box-pages/command"]
)
def test_actions_refuse_a_visitor(box, path):
    assert client().post(path).url.startswith("/accounts/login/")


@pytest.mark.parametrize(
    ("user", "page", "allowed"),
    [
        ("shen", "/permits/new", True),
        ("fang", "/permits/new", False),
        ("an", "/permits/new", False),
        ("nobody", "/permits/new", False),
        ("root", "/permits/new", False),
        ("root", "/admin/", True),
        ("shen", "/admin/", False),
    ],
)
def test_pages_open_for_their_role_only(box, user, page, allowed):
    assert (client(user).get(page).status_code == 200) is allowed


@pytest.mark.parametrize("user", ["shen", "fang", "root", "nobody"])
def test_only_a_safety_officer_may_suspend(box, user):
    from cloud_bridge.boxes.models import Command

    before = Command.objects.count()
    assert client(user).post("/boxes/box-pages/command", {"verb": "suspend", "reason": "停"}).status_code == 403
    assert "立即暂停" not in client(user).get("/boxes/box-pages/").content.decode()
    assert Command.objects.count() == before


def test_a_safety_officer_suspends_with_a_reason(box):
    from cloud_bridge.boxes.models import Command

    officer = client("an")
    assert "应填写原因" in officer.post("/boxes/box-pages/command", {"verb": "suspend"}, follow=True).content.decode()
    for verb in ("reset", "void", "arm", "resend"):
        officer.post("/boxes/box-pages/command", {"verb": verb, "reason": "x"})
    assert not Command.objects.filter(box=box).exists()
    officer.post("/boxes/box-pages/command", {"verb": "suspend", "reason": "附近泄漏"})
    command = Command.objects.get(box=box)
    assert (command.verb, command.reason, command.by) == ("suspend", "附近泄漏", "an")


def test_forms_need_their_token(box):
    from django.test import Client

    from cloud_bridge.people.models import User

    strict = Client(enforce_csrf_checks=True, SERVER_NAME=HOST)
    strict.force_login(User.objects.get(username="shen"), backend="django.contrib.auth.backends.ModelBackend")
    answer = strict.post("/permits/new", fields(box))
    assert answer.status_code == 403
    assert "表单已失效" in answer.content.decode()


@pytest.mark.parametrize("page", ["/accounts/login/", "/healthz", "/static/web/live.js"])
def test_every_answer_carries_the_content_policy(box, page):
    policy = client().get(page).headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_text_from_outside_is_escaped(box):
    page = client("shen").get("/boxes/box-pages/").content.decode()
    assert "&lt;b&gt;平台&lt;/b&gt;" in page
    assert "<b>平台" not in page


def test_another_host_name_is_refused(box):
    from django.test import Client

    assert Client(SERVER_NAME="evil.example").get("/accounts/login/").status_code == 400


def test_chinese_comes_first_and_english_by_switch(box):
    from django.test import Client

    fresh = Client(SERVER_NAME=HOST, HTTP_ACCEPT_LANGUAGE="en")
    assert "登录" in fresh.get("/accounts/login/").content.decode()
    fresh.post("/language", {"language": "en", "next": "/accounts/login/"})
    assert "Sign in" in fresh.get("/accounts/login/").content.decode()


@pytest.mark.parametrize(
    ("changes", "field", "zh", "en"),
    [
        ({"hours": 73}, "ends", "最长 72 小时", "at most 72 h"),
        ({"level": "special", "hours": 9}, "ends", "最长 8 小时", "at most 8 h"),
        ({"guardian": "performer"}, "guardian", "应为两个人", "Expected two people"),
        ({"box": "none"}, "box", "应为已登记的盒子", "Expected a registered box"),
        ({"place": ""}, "place", "必填", "required"),
    ],
)
def test_the_application_says_what_was_expected_in_both_languages(box, changes, field, zh, en):
    """PTW-01."""
    for language, text in (("zh-hans", zh), ("en", en)):
        answer = client("shen", language).post("/permits/new", fields(box, **changes))
        assert answer.status_code == 422
        page = answer.content.decode()
        assert text in page
        assert f'id="id_{field}_error"' in page


def test_two_approvers_sign_and_the_permit_is_approved(box):
    """PTW-03."""
    permit = apply(box)
    assert decide("fang", permit).status_code == 302
    assert state(permit) == "pending_approval"
    assert decide("gu", permit).status_code == 409, "the same office"
    assert decide("fang", permit).status_code == 409, "the same person"
    assert decide("zhou", permit).status_code == 302
    assert state(permit) == "approved"
    assert [row.event for row in permit.history.all()] == ["amend", "submit", "approve", "approve"]


def test_signing_needs_the_own_password(box):
    permit = apply(box)
    answer = decide("fang", permit, password="wrong")
    assert answer.status_code == 422
    assert "应为您本人的密码" in answer.content.decode()
    assert not permit.signatures.exists()


@pytest.mark.parametrize("user", ["shen", "an", "root", "nobody"])
def test_who_is_no_approver_cannot_sign(box, user):
    permit = apply(box)
    assert decide(user, permit).status_code == 403
    assert state(permit) == "pending_approval"


def test_an_approver_on_the_crew_cannot_sign(box):
    """PTW-07: approver == performer → refused."""
    from cloud_bridge.people.models import Person, User

    permit = apply(box)
    User.objects.filter(username="fang").update(person=Person.objects.get(code="guardian"))
    try:
        assert decide("fang", permit).status_code == 409
    finally:
        User.objects.filter(username="fang").update(person=None)
    assert not permit.signatures.exists()


def test_changing_the_content_takes_signatures_away(box):
    permit = apply(box)
    shown = permit.content_sha256
    decide("fang", permit)
    assert client("shen").post(f"/permits/{permit.jti}/edit", fields(box, content="扩大范围")).status_code == 302
    assert state(permit) == "pending_approval"
    assert permit.content_sha256 != shown
    assert permit.valid_signatures() == []
    assert decide("zhou", permit, content_sha256=shown).status_code == 409, "signed what was shown before the change"
    decide("zhou", permit)
    assert state(permit) == "pending_approval"
    decide("fang", permit)
    assert state(permit) == "approved"
    assert client("shen").post(f"/permits/{permit.jti}/edit", fields(box)).status_code == 422, (
        "approved content is fixed"
    )


def test_rejecting_needs_a_reason_and_ends_the_permit(box):
    permit = apply(box)
    assert decide("fang", permit, "reject").status_code == 409
    decide("fang", permit, "reject", reason="隔离未做")
    assert state(permit) == "rejected"
    assert "隔离未做" in client("shen").get(f"/permits/{permit.jti}/").content.decode()
    assert decide("zhou", permit).status_code == 409


def test_a_stranger_can_neither_change_nor_revoke_a_permit(box):
    permit = apply(box)
    assert client("nobody").post(f"/permits/{permit.jti}/revoke", {"reason": "x"}, follow=True).status_code == 200
    assert state(permit) == "pending_approval"
    assert client("nobody").post(f"/permits/{permit.jti}/edit", fields(box)).status_code == 403


def test_the_signer_never_signs_what_the_rows_do_not_carry(box, django_data):
    """A row changed behind the rules' back is revoked instead of signed."""
    from cloud_bridge.permits.models import Permit
    from cloud_bridge.permits.signer import Keys, sign_all

    permit = apply(box)
    decide("fang", permit)
    decide("zhou", permit)
    Permit.objects.filter(pk=permit.pk).update(content="别的作业")
    sign_all(Keys.read(django_data))
    assert state(permit) == "revoked"
    assert permit.jws == ""


def test_failed_sign_ins_are_throttled(box):
    visitor = client()
    codes = [
        visitor.post("/accounts/login/", {"login": "gu", "password": f"wrong-{n}"}).content.decode() for n in range(7)
    ]
    assert "不正确" in codes[0] or "错误" in codes[0]
    assert "失败次数过多" in codes[-1] or "稍后" in codes[-1], codes[-1]


def test_the_api_tells_boxes_permits_and_pages_of_events(box):
    permit = apply(box)
    reader = client("shen")
    assert any(row["id"] == box.pk for row in reader.get("/api/v1/boxes").json())
    assert reader.get(f"/api/v1/permits/{permit.jti}").json()["place"] == "P-101 泵房"
    assert reader.get("/api/v1/permits?limit=0").status_code == 422
    assert reader.get("/api/v1/boxes/none").status_code == 404
    assert reader.get("/api/v1/events?since=0&box=box-pages").json() == {"events": [], "next": 0}
    assert reader.get("/api/v1/openapi.json").json()["info"]["title"] == "hotbox bridge"


def test_metrics_are_open_to_this_machine_and_closed_to_others(box):
    text = client().get("/metrics").content.decode()
    assert 'hotbox_bridge_log_stored{box="box-pages"} 0' in text
    assert 'hotbox_bridge_permits{state="pending_approval"}' in text
    assert client().get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 403
    assert client().get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 403
