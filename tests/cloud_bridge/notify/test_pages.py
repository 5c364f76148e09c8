"""The own page, the administrators' page, the link in a message, who was told when on a case, API and metrics."""

import re
import uuid

import pytest

from tests.cloud_bridge.notify.conftest import (
    NOON,
    deliveries,
    hook_channel,
    mail_channel,
    reach,
    set_book,
    sms_channel,
    tell,
    user,
)
from tests.cloud_bridge.notify.wire import Mailbox, Receiver
from tests.cloud_bridge.test_pages import client


@pytest.fixture
def ways(clean):
    set_book(clean, link_base="https://bridge.example.com", channels={
        "mail": mail_channel(Mailbox(1), title="工厂邮件"), "sms": sms_channel(Receiver(1)),
        "screen": hook_channel(Receiver(1), title="大屏"),
    })  # fmt: skip
    return clean


def page(name, path, code=200, language="zh-hans"):
    answer = client(name, language).get(path)
    assert answer.status_code == code, answer.content.decode()[:2000]
    return answer.content.decode()


FORM = {"language": "en", "quiet_from": "22:00", "quiet_to": "07:00", "use-mail": "on", "address-mail": "f@plant.example",
        "position-mail": "2", "use-sms": "on", "address-sms": "13800138000", "position-sms": "1"}  # fmt: skip


def test_one_chooses_language_quiet_hours_channels_and_their_order(ways):
    from cloud_bridge.notify.models import Reach, Wishes

    assert client("fang").post("/messages/", FORM).status_code == 302
    wishes = Wishes.objects.get(user=user("fang"))
    assert (wishes.language, str(wishes.quiet_from), str(wishes.quiet_to)) == ("en", "22:00:00", "07:00:00")
    assert list(Reach.objects.filter(user=user("fang")).values_list("channel", "address")) == [
        ("sms", "13800138000"), ("mail", "f@plant.example")
    ]  # fmt: skip
    assert client("fang").post("/messages/", {name: FORM[name] for name in FORM if name != "use-sms"}).status_code == 302
    assert list(Reach.objects.values_list("channel", flat=True)) == ["mail"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"address-mail": "nobody"}, "应为邮箱地址"),
        ({"address-mail": ""}, "应填写地址"),
        ({"address-sms": "12"}, "应为 5 至 15 位手机号"),
        ({"address-sms": "138&to=all"}, "应为 5 至 15 位手机号"),
        ({"quiet_to": ""}, "两个时间应同时填写"),
        ({"language": "fr"}, "有效选项|fr"),
        ({"quiet_from": "25:00"}, "quiet_from_error"),
    ],
)
def test_what_cannot_work_is_said_beside_the_field_and_nothing_is_kept(ways, change, said):
    from cloud_bridge.notify.models import Reach

    answer = client("fang").post("/messages/", FORM | change)
    assert answer.status_code == 422
    assert re.search(said, answer.content.decode())
    assert Reach.objects.count() == 0


def test_nobody_sees_or_changes_the_messages_of_others(ways):
    reach("fang", ("mail", "fang@plant.example"))
    tell("fang")
    assert "HW-1" in page("fang", "/messages/")
    assert "HW-1" not in page("zhou", "/messages/")
    client("zhou").post("/messages/", FORM | {"user": "fang"})
    from cloud_bridge.notify.models import Reach

    assert Reach.objects.get(user=user("fang")).address == "fang@plant.example"


def test_opening_the_own_page_counts_as_seen_and_only_the_first_time(ways):
    from cloud_bridge.notify.models import Message

    tell("fang", "zhou")
    assert "尚无已读记录" in page("fang", "/messages/"), "as it was when the page was asked for"
    first = Message.objects.get(recipient="fang")
    assert (first.seen_ms > 0, first.seen_how) == (True, "page")
    assert Message.objects.get(recipient="zhou").seen_ms == 0
    assert "本人已在消息页查看" in page("fang", "/messages/")
    assert Message.objects.get(recipient="fang").seen_ms == first.seen_ms


def test_what_was_not_on_the_page_was_not_seen(ways):
    """More than a page holds: the rest is shown, and counts as seen, when the page is opened again."""
    from cloud_bridge.notify.models import Message
    from cloud_bridge.web.notify_pages import SHOWN

    for number in range(SHOWN + 3):
        tell("fang", cause=f"c{number}", at_ms=NOON + number)
    page("fang", "/messages/")
    assert sorted(Message.objects.filter(seen_ms=0).values_list("cause", flat=True)) == ["c0", "c1", "c2"]
    page("fang", "/messages/")
    assert not Message.objects.filter(seen_ms=0).exists()


def test_unseen_messages_are_counted_on_every_page(ways):
    tell("fang")
    assert re.search(r'消息 <span class="waiting">1</span>', page("fang", "/permits/"))
    page("fang", "/messages/")
    assert not re.search(r'消息 <span class="waiting">', page("fang", "/permits/"))


# the link


def link(name="fang"):
    from cloud_bridge.notify import book, records
    from cloud_bridge.notify.models import Delivery

    found = Delivery.objects.filter(user=user(name)).first()
    text = records.letter_of(found, book.Book(link_base="https://bridge.example.com")).text
    return re.search(r"https://bridge\.example\.com(/m/\S+/)", text)[1]


def test_the_link_shows_the_message_without_sign_in_and_only_its_button_counts_as_read(ways):
    """Mail filters and chat programs open links by themselves."""
    from cloud_bridge.notify.models import Message

    reach("fang", ("mail", "fang@plant.example"))
    tell("fang")
    path = link()
    for _look in range(2):
        assert "作业票 HW-1" in page(None, path)
    assert Message.objects.get().seen_ms == 0
    assert client().post(path).status_code == 302
    assert (Message.objects.get().seen_ms > 0, Message.objects.get().seen_how) == (True, "link")
    assert "我已阅读" not in page(None, path)


def test_a_link_that_was_not_made_here_or_is_too_old_shows_nothing(ways, monkeypatch):
    from cloud_bridge.notify import links
    from cloud_bridge.notify.models import Message

    reach("fang", ("mail", "fang@plant.example"))
    tell("fang")
    path = link()
    forged = path[:-3] + ("A" if path[-3] != "A" else "B") + path[-2:]
    for wrong in (forged, "/m/x/", "/m/ImFiYyI:1abc:def/"):
        assert "HW-1" not in page(None, wrong, 404)
        assert client().post(wrong).status_code == 404
    monkeypatch.setattr(links, "LASTS_S", -1)
    assert "HW-1" not in page(None, path, 404)
    assert Message.objects.get().seen_ms == 0


def test_without_an_address_of_the_bridge_a_message_has_no_link(ways):
    from cloud_bridge.notify import book, records
    from cloud_bridge.notify.models import Delivery

    reach("fang", ("mail", "fang@plant.example"))
    tell("fang")
    assert "/m/" not in records.letter_of(Delivery.objects.get(), book.Book()).text


# who was told when


@pytest.fixture
def permit(ways):
    from cloud_bridge.boxes.registry import register
    from tests.cloud_bridge.box_side import BoxLog
    from tests.cloud_bridge.test_pages import apply

    name = f"box-notify-{uuid.uuid4().hex[:8]}"
    return apply(register(name, BoxLog(name).vkey, name="盒", place="台"))


def test_a_permits_page_shows_who_was_told_when_by_what_and_who_has_seen_it(permit):
    from cloud_bridge.notify.models import Delivery, Message

    assert "尚未通知任何人" in page("shen", f"/permits/{permit.jti}/")
    reach("fang", ("mail", "fang@plant.example"))
    tell("fang", "zhou", subject=f"permit:{permit.jti}")
    Delivery.objects.update(state="delivered", ended_ms=NOON + 1000, attempts=1)
    Message.objects.filter(recipient="fang").update(seen_ms=NOON + 61_000, seen_how="link")
    text = page("shen", f"/permits/{permit.jti}/")
    told = " ".join(re.sub(r"<[^>]+>", " ", text[text.index('id="permit-told"'):text.index('id="permit-trail"')]).split())
    assert "审批人 方敏 工厂邮件 f•••@plant.example : 通道已接收 2026-07-01 12:00:01 已读 2026-07-01 12:01:01" in told
    assert "审批人 周立 无可用通道：仅在本平台消息页可见 尚无已读记录" in told
    assert "fang@plant.example" not in text, "addresses are for their owners"


def test_the_api_tells_the_same(permit):
    reach("fang", ("sms", "13800138000"))
    tell("fang", subject=f"permit:{permit.jti}")
    [row] = client("shen").get(f"/api/v1/told?subject=permit:{permit.jti}&language=en").json()
    assert (row["recipient"], row["threshold"], row["taken_ms"], row["seen_ms"]) == ("fang", "2h", 0, 0)
    assert [(way["channel"], way["address"], way["state"]) for way in row["ways"]] == [("sms", "138••••8000", "waiting")]
    assert client().get(f"/api/v1/told?subject=permit:{permit.jti}").status_code == 401


# administrators


def test_only_administrators_see_the_channels(ways):
    for name, code in (("root", 200), ("fang", 403), ("an", 403), ("shen", 403)):
        page(name, "/channels/", code)
    assert client().get("/channels/").url.startswith("/accounts/login/")
    assert "/channels/" in page("root", "/")
    assert "/channels/" not in page("fang", "/")


def test_the_channels_page_says_what_works_what_fails_and_whom_nothing_reached(ways):
    from cloud_bridge.notify.models import Channel

    Channel.objects.filter(name="mail").update(ok_ms=NOON, sent=7)
    Channel.objects.filter(name="sms").update(failed_ms=NOON, failing_since_ms=NOON, failures=3, detail="HTTP 503")
    tell("zhou")
    text = page("root", "/channels/")
    for said in ("工厂邮件", "7 · 最近 2026-07-01 12:00:00", "发送失败", "自 2026-07-01 12:00:00 · 3 次尝试", "HTTP 503",
                 "尚未使用", "未通知到任何人", "通知进程未运行"):  # fmt: skip
        assert said in text, said
    page("zhou", "/messages/")
    assert "未通知到任何人" not in page("root", "/channels/"), "it was seen"


def test_a_broken_channels_file_is_said_on_the_page(ways):
    problem = ways.run / "notify.problem"
    problem.write_text("channels.yaml: expected mode 0600, got 0644; run: chmod 600 FILE")
    try:
        assert "expected mode 0600, got 0644" in page("root", "/channels/")
    finally:
        problem.unlink()


def test_a_test_message_goes_to_ones_own_address_and_once_a_minute(ways):
    reach("root", ("mail", "root@plant.example"))
    for _press in range(3):
        assert client("root").post("/messages/test/mail", {"from": "channels"}).url == "/channels/"
    assert len(deliveries()) in (1, 2), "two when a minute began in between"


def test_a_test_by_sms_without_an_own_number_says_so(ways):
    answer = client("root").post("/messages/test/sms", {"from": "channels"}, follow=True)
    assert "应有您在该通道上的地址" in answer.content.decode()
    assert deliveries() == []


def test_others_may_test_their_own_channels_only(ways):
    reach("fang", ("mail", "fang@plant.example"))
    assert client("fang").post("/messages/test/mail").status_code == 302
    answer = client("fang").post("/messages/test/screen", follow=True)
    assert "应为您自己的通道" in answer.content.decode()
    assert client("fang").post("/messages/test/none").status_code == 404
    assert client().post("/messages/test/mail").url.startswith("/accounts/login/")
    assert [row[0] for row in deliveries()] == ["mail"]


def test_metrics_count_what_waits_and_what_reached_nobody(ways):
    reach("fang", ("mail", "fang@plant.example"))
    tell("fang", "zhou")
    text = page("root", "/metrics")
    assert 'hotbox_bridge_messages{state="waiting"} 1' in text
    assert "hotbox_bridge_messages_unreached 1" in text
    assert 'hotbox_bridge_channel_failing_seconds{channel="mail"} 0' in text
    assert re.search(r"hotbox_bridge_message_age_seconds [1-9]\d*", text)
