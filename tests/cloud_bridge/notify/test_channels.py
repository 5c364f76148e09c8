"""Each channel over its real wire (INT-11): what is sent, and what is made of every answer, silence and lie."""

import json
import os
import threading
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.cloud_bridge.notify import wire

ID = "0123456789abcdef0123456789abcdef"
PHONE = "13800138000"
ROBOTS = {"qyapi.weixin.qq.com": "wecom", "oapi.dingtalk.com": "dingtalk"}


@pytest.fixture(scope="module", autouse=True)
def _django(django_data):
    pass


@pytest.fixture
def mailbox():
    with wire.mailbox() as found:
        yield found


@pytest.fixture
def receiver():
    with wire.receiver() as found:
        yield found


def channel(kind, url, **more):
    from cloud_bridge.notify.book import Channel, Kind
    from cloud_bridge.notify.channels import check

    made = Channel(kind=Kind(kind), url=url, **({"timeout_s": 5} | more))
    check("x", made)
    return made


def send(made, address="", **changes):
    from cloud_bridge.notify.channels import Letter, send

    letter = Letter(**({"id": ID, "title": "警报：3# 平台", "text": "请到现场。", "emergency": True, "at_ms": 7,
                        "causes": ("call:1 rang",), "subjects": ("permit:HW-1",)} | changes))  # fmt: skip
    return send("x", made, address, letter)


def mail(mailbox, **more):
    return channel("mail", f"mailto://127.0.0.1:{mailbox.port}?from=hotbox@plant.example", **more)


def hook(receiver, query="", **more):
    return channel("webhook", f"json://127.0.0.1:{receiver.port}/hook{query}", **more)


# mail


def test_a_mail_arrives_in_chinese_under_the_messages_own_number(mailbox):
    outcome = send(mail(mailbox), "wang@plant.example")
    assert (outcome.ok, outcome.detail) == (True, "SMTP 250")
    [got] = mailbox.mails.all
    assert got["Subject"] == "警报：3# 平台"
    assert got.get_content().strip() == "请到现场。"
    assert got.get_content_type() == "text/plain"
    assert got["To"] == "wang@plant.example"
    assert got["From"].addresses[0].addr_spec == "hotbox@plant.example"
    assert got.get_all("Message-ID") == [f"<{ID}@plant.example>"], "one number, and ours: mailboxes drop doubles by it"
    assert got["Auto-Submitted"] == "auto-generated", "no absence notice answers it"


def test_a_mail_sent_again_has_the_same_number(mailbox):
    for _attempt in range(2):
        send(mail(mailbox), "wang@plant.example")
    assert len({got["Message-ID"] for got in mailbox.mails.all}) == 1


@pytest.mark.parametrize(
    ("answer", "final"),
    [("550 5.1.1 no such user", True), ("450 4.2.1 try later", False), ("452 4.2.2 mailbox full", False)],
)
def test_a_refused_recipient_is_final_and_one_put_off_is_not(mailbox, answer, final):
    mailbox.answer = lambda _address: answer
    outcome = send(mail(mailbox), "wang@plant.example")
    assert (outcome.ok, outcome.final, outcome.unsure) == (False, final, False)
    assert outcome.detail == f"SMTP {answer}"
    assert mailbox.mails.all == []


def test_a_mail_refused_after_its_content_was_sent_is_not_taken_for_delivered(mailbox):
    mailbox.data_answer = "554 5.7.1 looks like spam"
    outcome = send(mail(mailbox), "wang@plant.example")
    assert (outcome.ok, outcome.final) == (False, True)


def test_a_mail_server_that_hangs_after_the_content_leaves_it_open_whether_it_arrived(mailbox):
    mailbox.hang_after_data = threading.Event()
    outcome = send(mail(mailbox, timeout_s=0.5), "wang@plant.example")
    assert (outcome.ok, outcome.final, outcome.unsure) == (False, False, True)
    assert outcome.detail == "no answer within 0.5 s"
    assert len(mailbox.mails.all) == 1, "it did arrive: that is why the next attempt has the same number"


def test_a_mail_server_that_is_not_there_is_tried_again():
    with wire.mailbox() as gone:
        made = mail(gone)
    outcome = send(made, "wang@plant.example")
    assert (outcome.ok, outcome.final, outcome.unsure) == (False, False, False)


def test_mail_over_starttls_with_a_sign_in_and_a_certificate_that_is_checked(tmp_path, monkeypatch):
    ca, tls = wire.authority(tmp_path, "localhost")
    with wire.mailbox(tls=tls, users={b"bridge": b"geheim-pass"}) as box:
        made = channel("mail", f"mailtos://bridge:geheim-pass@localhost:{box.port}?from=h@plant.example&mode=starttls")
        refused = send(made, "wang@plant.example")
        assert (refused.ok, refused.detail) == (False, "the server's certificate was not accepted")
        assert box.mails.all == [], "negative control: nobody else's certificate will do"
        monkeypatch.setenv("SSL_CERT_FILE", str(ca))
        assert send(made, "wang@plant.example").ok
        wrong = channel("mail", f"mailtos://bridge:other-pass@localhost:{box.port}?from=h@plant.example&mode=starttls")
        refused = send(wrong, "wang@plant.example")
        assert refused.detail == "SMTP 535: sign-in refused"
        assert len(box.mails.all) == 1


def test_a_head_line_cannot_smuggle_in_a_header(mailbox):
    outcome = send(mail(mailbox), "wang@plant.example", title="hi\r\nBcc: all@plant.example")
    assert mailbox.recipients.all in ([], ["wang@plant.example"])
    assert not any(got["Bcc"] for got in mailbox.mails.all)
    assert outcome.detail


# webhook


def test_a_webhook_gets_the_message_what_it_is_about_and_its_number(receiver):
    made = hook(receiver, "?+Authorization=Bearer%20s3cret-token&:plant=No7")
    assert send(made).ok
    [got] = receiver.got.all
    assert got.path == "/hook"
    assert got.headers["idempotency-key"] == got.id == ID
    assert got.headers["authorization"] == "Bearer s3cret-token"
    said = got.json
    assert (said["title"], said["message"], said["id"]) == ("警报：3# 平台", "请到现场。", ID)
    assert (said["urgency"], said["causes"], said["subjects"]) == ("emergency", ["call:1 rang"], ["permit:HW-1"])
    assert (said["at_ms"], said["type"], said["plant"]) == (7, "failure", "No7")


@pytest.mark.parametrize(
    ("status", "ok", "final"),
    [(200, True, False), (202, True, False), (204, True, False), (301, False, True), (302, False, True),
     (400, False, True), (401, False, True), (404, False, True), (410, False, True), (408, False, False),
     (429, False, False), (500, False, False), (502, False, False), (503, False, False)],
)  # fmt: skip
def test_what_an_http_status_means(receiver, status, ok, final):
    receiver.answer = lambda _r: (status, b"" if status == 204 else b"said", {"Location": "/elsewhere"})
    outcome = send(hook(receiver))
    assert (outcome.ok, outcome.final) == (ok, final)
    assert len(receiver.got.all) == 1, "a redirect would carry the key elsewhere"


def test_a_receiver_that_is_busy_says_how_long_to_wait(receiver):
    receiver.answer = lambda _r: (429, b"", {"Retry-After": "120"})
    assert send(hook(receiver)).wait_s == 120
    receiver.answer = lambda _r: (429, b"", {"Retry-After": "999999999"})
    assert send(hook(receiver)).wait_s == 3600, "nobody puts a message off for ever"


def test_a_receiver_that_answers_nothing_in_time_may_have_it(receiver):
    receiver.hold = threading.Event()
    outcome = send(hook(receiver, timeout_s=0.3))
    assert (outcome.ok, outcome.unsure, outcome.final) == (False, True, False)


def test_an_endless_answer_is_cut_off(receiver):
    receiver.answer = lambda _r: (200, b"x" * 1_000_000, {})
    outcome = send(hook(receiver))
    assert (outcome.ok, outcome.unsure, outcome.detail) == (False, True, "HTTP 200, endless answer")


def test_what_a_receiver_says_is_kept_without_the_secrets_that_it_repeats(receiver):
    receiver.answer = lambda r: (403, f"bad {r.headers['authorization']} at {r.path}".encode(), {})
    outcome = send(hook(receiver, "?+Authorization=Bearer%20s3cret-token"))
    assert "s3cret-token" not in outcome.detail
    assert outcome.detail.startswith("HTTP 403 bad ")


# SMS gateway

FIELDS = {"account": "plant", "password": "pa55-word", "mobile": "{phone}", "content": "【华东化工】{text}", "ref": "{id}"}


def sms(receiver, schema="form", **more):
    from cloud_bridge.notify.book import Answer

    more = {"fields": FIELDS, "answer": Answer("code", "0")} | more
    return channel("sms", f"{schema}://127.0.0.1:{receiver.port}/send", **more)


def test_an_sms_fills_the_gateways_own_form(receiver):
    receiver.answer = lambda _r: (200, b'{"code": 0, "msg": "OK"}', {})
    assert send(sms(receiver), PHONE).ok
    got = {name: values[0] for name, values in parse_qs(receiver.got.all[0].body.decode()).items()}
    assert got == {"account": "plant", "password": "pa55-word", "mobile": PHONE, "ref": ID,
                   "content": "【华东化工】警报：3# 平台 请到现场。"}  # fmt: skip


def test_an_sms_gateway_that_wants_json_gets_json(receiver):
    receiver.answer = lambda _r: (200, b'{"data": {"status": "OK"}}', {})
    from cloud_bridge.notify.book import Answer

    assert send(sms(receiver, "json", answer=Answer("data.status", "OK")), PHONE).ok
    assert receiver.got.all[0].json["mobile"] == PHONE


@pytest.mark.parametrize(
    ("body", "final", "unsure"),
    [(b'{"code": 1007, "msg": "balance"}', True, False), (b"<html>login</html>", False, True), (b"", False, True),
     (b'["code"]', False, True), (b'{"msg": "OK"}', False, True)],
)  # fmt: skip
def test_an_sms_gateway_that_says_no_with_status_200_is_believed(receiver, body, final, unsure):
    """By the status alone all of these would count as sent."""
    receiver.answer = lambda _r: (200, body, {})
    outcome = send(sms(receiver), PHONE)
    assert (outcome.ok, outcome.final, outcome.unsure) == (False, final, unsure)


def test_a_text_with_braces_fills_nothing(receiver):
    receiver.answer = lambda _r: (200, b'{"code": "0"}', {})
    send(sms(receiver), PHONE, title="", text="{phone} {id} {password}")
    assert parse_qs(receiver.got.all[0].body.decode())["content"] == ["【华东化工】{phone} {id} {password}"]


# group robots: their own host names, over a proxy, with TLS that is checked


@pytest.fixture
def robots(tmp_path, monkeypatch):
    ca, tls = wire.authority(tmp_path, *ROBOTS)
    with wire.receiver(tls) as got, wire.proxy({f"{name}:443": got.port for name in ROBOTS}) as on_the_way:
        got.answer = lambda _r: (200, b'{"errcode":0,"errmsg":"ok"}', {})
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{on_the_way.port}")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca))
        monkeypatch.delenv("NO_PROXY", raising=False)
        got.on_the_way = on_the_way
        yield got


WECOM_KEY = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"
DING_TOKEN = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
DING_SECRET = "SEC0123456789abcdef"


def wecom():
    return channel("wecom", f"wecombot://{WECOM_KEY}")


def dingtalk(secret=True):
    return channel("dingtalk", f"dingtalk://{f'{DING_SECRET}@' if secret else ''}{DING_TOKEN}")


def test_a_wecom_robot_is_reached_at_its_own_host_and_mentions_the_person(robots):
    outcome = send(wecom(), PHONE)
    assert (outcome.ok, outcome.detail) == (True, "errcode 0")
    [got] = robots.got.all
    assert got.host == "qyapi.weixin.qq.com"
    assert got.path == f"/cgi-bin/webhook/send?key={WECOM_KEY}"
    assert got.json == {
        "msgtype": "text",
        "text": {"content": "警报：3# 平台\n请到现场。", "mentioned_mobile_list": [PHONE]},
    }


def test_a_dingtalk_robot_is_reached_signed_and_mentions_the_person(robots):
    import base64
    import hashlib
    import hmac

    assert send(dingtalk(), PHONE).ok
    [got] = robots.got.all
    assert got.host == "oapi.dingtalk.com"
    asked = {name: values[0] for name, values in parse_qs(urlsplit(got.path).query).items()}
    assert asked["access_token"] == DING_TOKEN
    # As DingTalk's manual has it: base64(HMAC-SHA256(secret, timestamp + "\n" + secret)).
    expected = hmac.new(DING_SECRET.encode(), f"{asked['timestamp']}\n{DING_SECRET}".encode(), hashlib.sha256).digest()
    assert base64.b64decode(asked["sign"]) == expected
    assert got.json["msgtype"] == "text"
    assert got.json["at"] == {"atMobiles": [PHONE], "isAtAll": False}
    assert got.json["text"]["content"].endswith(f"@{PHONE}")


@pytest.mark.parametrize(
    ("answer", "final"),
    [({"errcode": 310000, "errmsg": "keywords not in content"}, True), ({"errcode": 300001, "errmsg": "token"}, True),
     ({"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}, False)],
)  # fmt: skip
def test_a_dingtalk_robot_that_refuses_with_status_200_is_believed(robots, answer, final):
    """Apprise alone calls this sent."""
    robots.answer = lambda _r: (200, json.dumps(answer).encode(), {})
    outcome = send(dingtalk(), PHONE)
    assert (outcome.ok, outcome.final) == (False, final)
    assert str(answer["errcode"]) in outcome.detail


@pytest.mark.parametrize(("code", "final"), [(93000, True), (45009, False), (-1, False), (True, True), (False, True)])
def test_a_wecom_robot_that_refuses_with_status_200_is_believed(robots, code, final):
    robots.answer = lambda _r: (200, json.dumps({"errcode": code, "errmsg": "no"}).encode(), {})
    outcome = send(wecom())
    assert (outcome.ok, outcome.final) == (False, final)


def test_apprise_alone_would_call_a_refusal_sent(robots):
    """Negative control: the reason why answers are read here."""
    from apprise.plugins.wecombot import NotifyWeComBot

    robots.answer = lambda _r: (200, b'{"errcode":93000,"errmsg":"invalid webhook url"}', {})
    assert NotifyWeComBot(key=WECOM_KEY).notify("x") is True
    assert not send(wecom()).ok


def test_a_robots_host_with_somebody_elses_certificate_gets_nothing(robots, monkeypatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    outcome = send(wecom())
    assert (outcome.ok, outcome.detail) == (False, "the server's certificate was not accepted")
    assert robots.got.all == []


def test_nothing_but_the_channels_own_host_is_contacted(robots):
    send(wecom(), PHONE)
    send(dingtalk(), PHONE)
    assert robots.on_the_way.asked.all == ["CONNECT qyapi.weixin.qq.com:443", "CONNECT oapi.dingtalk.com:443"]


def test_a_key_stands_in_no_log_line_and_no_outcome(robots, caplog):
    caplog.set_level("DEBUG")
    robots.answer = lambda r: (200, json.dumps({"errcode": 93000, "errmsg": f"bad {r.path}"}).encode(), {})
    details = [send(wecom(), PHONE).detail, send(dingtalk(), PHONE).detail]
    os.environ["HTTPS_PROXY"] = "http://127.0.0.1:9"  # monkeypatch brings it back
    details += [send(wecom(), PHONE).detail, send(dingtalk(), PHONE).detail]
    for secret in (WECOM_KEY, DING_TOKEN, DING_SECRET):
        assert secret not in caplog.text + repr(details)
