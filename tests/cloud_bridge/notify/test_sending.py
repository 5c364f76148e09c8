"""The notify process against real servers: once, though killed; again, though refused; and what it did not reach."""

import json
import subprocess
import threading
from datetime import datetime, time, timedelta

import pytest

from contracts import topics
from tests.cloud_bridge.box_side import BoxLog
from tests.cloud_bridge.notify import wire
from tests.cloud_bridge.notify.conftest import (
    SHANGHAI,
    Notifier,
    deliveries,
    hook_channel,
    later,
    mail_channel,
    reach,
    set_book,
    sms_channel,
    tell,
    user,
)
from tests.cloud_bridge.running import until
from tests.cloud_bridge.test_pages import client


def now_ms():
    from cloud_bridge.boxes.models import now_ms

    return now_ms()


def message(**conditions):
    from cloud_bridge.notify.models import Message

    return Message.objects.get(**conditions)


def attempts():
    from cloud_bridge.notify.models import Attempt

    return [(row.number, row.result, row.detail) for row in Attempt.objects.order_by("delivery__created_ms", "number")]


def told(subject="permit:HW-1"):
    from cloud_bridge.notify.told import told

    return told("en", subject=subject)


def around_now():
    """Quiet hours that hold now, by the site's clock."""
    local = datetime.now(SHANGHAI)
    return tuple((local + timedelta(hours=h)).time().replace(second=0, microsecond=0, tzinfo=None) for h in (-2, 2))


# once


def test_everybody_gets_it_in_the_own_language_and_it_is_kept_who_was_told_when(notifier, mailbox):
    set_book(notifier.data, channels={"mail": mail_channel(mailbox, title="工厂邮件")})
    reach("fang", ("mail", "fang@plant.example"))
    reach("zhou", ("mail", "zhou@plant.example"), language="en")
    began = now_ms()
    tell("fang", "zhou", at_ms=began)
    notifier.start()
    mails = {got["To"]: got for got in mailbox.mails.wait(2)}
    assert mails["fang@plant.example"]["Subject"] == "作业票 HW-1 待审批已超过 2 小时"
    assert "等待审批人处理" in mails["fang@plant.example"].get_content()
    assert mails["zhou@plant.example"]["Subject"] == "Permit HW-1 waits for approval for more than 2 h"
    assert "It waits for the approver since 2026-07-01 12:00:00" in mails["zhou@plant.example"].get_content()
    rows = until(lambda: [row for row in told() if row.taken_ms])
    until(lambda: len([row for row in told() if row.taken_ms]) == 2)
    rows = sorted(told(), key=lambda row: row.recipient)
    assert [(row.name, row.ways[0].channel, row.ways[0].address) for row in rows] == [
        ("审批人 方敏", "工厂邮件", "f•••@plant.example"), ("审批人 周立", "工厂邮件", "z•••@plant.example")
    ]  # fmt: skip
    assert all(began <= row.taken_ms <= now_ms() for row in rows)
    assert all(row.seen_ms == 0 for row in rows), "that a channel took it proves no reader"


def test_a_permit_that_waits_too_long_brings_exactly_one_sms(notifier, receiver):
    """PTW-13: told again each minute by whoever looks at the clock, over a restart of the sender."""
    from cloud_bridge.notify.book import Kind

    set_book(notifier.data, channels={"sms": sms_channel(receiver)})
    reach("fang", ("sms", "13800138000"))
    notifier.start()
    for _minute in range(3):
        tell("fang", at_ms=now_ms(), prefer=(Kind.SMS,))
    receiver.got.wait(1)
    until(lambda: deliveries() == [("sms", "delivered", 1)])
    notifier.end()
    notifier.start()
    tell("fang", at_ms=now_ms(), prefer=(Kind.SMS,))
    tell("fang", threshold="4h", at_ms=now_ms())
    receiver.got.wait(2)
    until(lambda: all(state == "delivered" for _c, state, _a in deliveries()))
    assert len(receiver.got.all) == 2, "the second is that of the next threshold"


def test_a_message_that_is_told_while_the_process_is_away_goes_out_when_it_is_back(notifier, receiver):
    """PTW-17, PTW-24: queued, however long."""
    set_book(notifier.data, channels={"sms": sms_channel(receiver)})
    reach("fang", ("sms", "13800138000"))
    tell("fang", emergency=True, at_ms=now_ms() - 3_600_000)
    assert receiver.got.all == []
    notifier.start()
    receiver.got.wait(1)


# killed in the middle


def test_killed_between_sending_and_writing_it_down_it_is_sent_again_under_the_same_number(notifier, receiver):
    """At least once: the receiver has it twice, and can tell by the number that it is one message."""
    set_book(notifier.data, channels={"hook": hook_channel(receiver, timeout_s=20)})
    reach("fang", ("hook", ""))
    receiver.hold = threading.Event()
    tell("fang", at_ms=now_ms())
    notifier.start()
    receiver.got.wait(1)
    notifier.kill()
    assert deliveries() == [("hook", "sending", 1)]
    assert attempts() == [(1, "begun", "")], "written down before it was made"
    receiver.hold.set()
    notifier.start()
    first, second = receiver.got.wait(2)
    assert first.id == second.id
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    until(lambda: deliveries() == [("hook", "delivered", 2)])
    assert attempts() == [(1, "begun", ""), (2, "taken", "HTTP 200")]
    [row] = told()
    assert row.ways[0].unsure, "the case says that it may have arrived twice"
    assert "cut off" in notifier.said()


def test_killed_again_and_again_among_many_messages_none_is_lost_and_none_has_two_numbers(notifier, receiver):
    set_book(notifier.data, channels={"hook": hook_channel(receiver)})
    reach("fang", ("hook", ""))
    wanted = {f"c{number} 2h" for number in range(40)}
    for number in range(40):
        tell("fang", cause=f"c{number}", at_ms=now_ms())
    for stop in (3, 11, 22):
        notifier.start()
        receiver.got.wait(stop)
        notifier.kill()
    notifier.start()
    until(lambda: all(state == "delivered" for _c, state, _a in deliveries()), 30)
    numbers: dict[str, set[str]] = {}
    for got in receiver.got.all:
        numbers.setdefault(got.json["causes"][0], set()).add(got.id)
    assert set(numbers) == wanted
    assert all(len(ids) == 1 for ids in numbers.values())
    assert len({next(iter(ids)) for ids in numbers.values()}) == 40


def test_told_to_end_it_writes_down_what_it_was_sending(notifier, receiver):
    """In order: no double after an update of the bridge."""
    set_book(notifier.data, channels={"hook": hook_channel(receiver, timeout_s=20)})
    reach("fang", ("hook", ""))
    receiver.hold = threading.Event()
    tell("fang", at_ms=now_ms())
    notifier.start()
    receiver.got.wait(1)
    threading.Timer(0.5, receiver.hold.set).start()
    notifier.end()
    assert deliveries() == [("hook", "delivered", 1)]


# refused, put off, hanging


def test_a_mail_server_that_puts_off_is_tried_again_with_the_same_number_until_it_takes_it(notifier, mailbox):
    set_book(notifier.data, channels={"mail": mail_channel(mailbox)}, ordinary={
        "retry_s": [0.1], "fall_back_s": 60, "give_up_s": 60})  # fmt: skip
    reach("fang", ("mail", "fang@plant.example"))
    mailbox.answer = lambda _a: "450 4.7.1 greylisted" if len(mailbox.recipients.all) < 3 else ""
    tell("fang", at_ms=now_ms())
    notifier.start()
    mailbox.mails.wait(1)
    until(lambda: deliveries() == [("mail", "delivered", 3)])
    assert [result for _n, result, _d in attempts()] == ["failed", "failed", "taken"]
    assert attempts()[0][2] == "SMTP 450 4.7.1 greylisted"


def test_what_one_channel_refuses_goes_by_the_persons_next_at_once(notifier, mailbox, receiver):
    set_book(notifier.data, channels={"mail": mail_channel(mailbox), "sms": sms_channel(receiver)}, ordinary={
        "retry_s": [60], "fall_back_s": 600, "give_up_s": 600})  # fmt: skip
    reach("fang", ("mail", "gone@plant.example"), ("sms", "13800138000"))
    mailbox.answer = lambda _a: "550 5.1.1 no such user"
    tell("fang", at_ms=now_ms())
    notifier.start()
    receiver.got.wait(1)
    until(lambda: sorted(deliveries()) == [("mail", "failed", 1), ("sms", "delivered", 1)])
    assert message().failed_ms == 0


def test_a_channel_that_fails_too_long_is_left_for_the_next(notifier, mailbox, receiver):
    receiver.answer = lambda _r: (503, b"", {})
    set_book(notifier.data, channels={"hook": hook_channel(receiver), "mail": mail_channel(mailbox)})
    reach("fang", ("hook", ""), ("mail", "fang@plant.example"))
    tell("fang", at_ms=now_ms())
    notifier.start()
    mailbox.mails.wait(1)
    until(lambda: [row[:2] for row in sorted(deliveries())] == [("hook", "failed"), ("mail", "delivered")])
    assert len(receiver.got.all) >= 2, "it was tried again first"


def test_what_no_channel_takes_is_given_up_after_its_declared_time_and_shown(notifier, receiver):
    receiver.answer = lambda _r: (500, b"out of order", {})
    set_book(notifier.data, channels={"hook": hook_channel(receiver)})
    reach("fang", ("hook", ""))
    tell("fang", emergency=True, at_ms=now_ms())
    notifier.start()
    until(lambda: message().failed_ms)
    [(channel, state, tries)] = deliveries()
    assert (channel, state) == ("hook", "failed")
    assert tries >= 3
    began = message().created_ms
    assert 2_000 <= message().failed_ms - began < 15_000, "after give_up_s"
    assert told()[0].ways[0].detail == "HTTP 500 out of order"
    from cloud_bridge.notify.models import Channel

    assert Channel.objects.get().failing_since_ms >= began


def test_an_emergency_goes_on_by_mail_while_the_sms_gateway_hangs(notifier, mailbox, receiver):
    """One channel's trouble is no other's."""
    set_book(notifier.data, channels={"mail": mail_channel(mailbox), "sms": sms_channel(receiver, timeout_s=60)})
    reach("fang", ("sms", "13800138000"), ("mail", "fang@plant.example"))
    reach("zhou", ("mail", "zhou@plant.example"))
    receiver.hold = threading.Event()
    for number in range(6):
        tell("fang", cause=f"c{number}", at_ms=now_ms())
    notifier.start()
    receiver.got.wait(3)
    tell("fang", "zhou", cause="call:1", emergency=True, at_ms=now_ms())
    assert {got["To"] for got in mailbox.mails.wait(2)} == {"fang@plant.example", "zhou@plant.example"}
    assert receiver.got.wait(4), "and the gateway's last place was kept for the emergency"
    # The process ends although the gateway hangs.
    notifier.end()


def test_a_mail_server_that_hangs_up_hangs_or_is_gone_loses_nothing(notifier):
    reach("fang", ("mail", "fang@plant.example"))
    with wire.mailbox() as gone:
        pass
    slow = {"retry_s": [0.1], "fall_back_s": 60, "give_up_s": 60}
    set_book(notifier.data, channels={"mail": mail_channel(gone)}, ordinary=slow)
    tell("fang", at_ms=now_ms())
    notifier.start()
    until(lambda: deliveries()[0][2] >= 2)
    with wire.mailbox() as hanging:
        hanging.hang_after_data = threading.Event()
        hanging.data_answer = "451 never said"
        set_book(notifier.data, channels={"mail": mail_channel(hanging, timeout_s=0.3)}, ordinary=slow)
        until(lambda: any(result == "unsure" for _n, result, _d in attempts()))
        hanging.hang_after_data.set()
    with wire.mailbox() as well:
        set_book(notifier.data, channels={"mail": mail_channel(well)}, ordinary=slow)
        [got] = well.mails.wait(1)
        until(lambda: deliveries()[0][1] == "delivered")
        from cloud_bridge.notify.models import Delivery

        assert got["Message-ID"] == f"<{Delivery.objects.get().pk}@plant.example>"


# quiet hours


def test_at_night_the_emergency_comes_and_the_rest_waits_for_one_message(notifier, mailbox):
    set_book(notifier.data, channels={"mail": mail_channel(mailbox)})
    reach("fang", ("mail", "fang@plant.example"), quiet=around_now())
    tell("fang", at_ms=now_ms())
    tell("fang", threshold="4h", at_ms=now_ms())
    tell("fang", cause="call:1", emergency=True, at_ms=now_ms())
    notifier.start()
    mailbox.mails.wait(1)
    until(lambda: ("mail", "delivered", 1) in deliveries())
    assert sorted(deliveries()) == [("mail", "delivered", 1), ("mail", "held", 0)]
    for _moment in later(1.5):
        assert len(mailbox.mails.all) == 1, "negative control: what is held is not sent"
    from cloud_bridge.notify import telling
    from cloud_bridge.notify.models import Wishes

    Wishes.objects.filter(user=user("fang")).update(quiet_from=time(0), quiet_to=time(0))
    telling.wishes_changed(user("fang"), now_ms())
    mailbox.mails.wait(2)
    merged = mailbox.mails.all[1]
    assert merged["Subject"] == "免打扰时段的 2 条消息"
    assert len(merged.get_content().strip().splitlines()) == 2
    until(lambda: {state for _c, state, _a in deliveries()} == {"delivered"})
    assert all(row.taken_ms for row in told())


# the channels file


def test_a_broken_channels_file_loses_nothing_and_says_what_is_wrong_without_the_secret(notifier, mailbox):
    from cloud_bridge.notify.book import path_of

    set_book(notifier.data, channels={"mail": mail_channel(mailbox)})
    reach("fang", ("mail", "fang@plant.example"))
    good = path_of(notifier.data).read_text()
    path_of(notifier.data).write_text(json.dumps(
        {"channels": {"mail": {"kind": "mail", "url": "wecombot://s3cret-key"}}}))  # fmt: skip
    tell("fang", at_ms=now_ms())
    notifier.start()
    problem = notifier.data.run / "notify.problem"
    until(problem.exists)
    assert "mailto://… or mailtos://…" in problem.read_text()
    assert "s3cret-key" not in problem.read_text() + notifier.said()
    assert deliveries() == [("mail", "waiting", 0)]
    path_of(notifier.data).write_text(good)
    mailbox.mails.wait(1)
    until(lambda: not problem.exists())


def test_a_channels_file_that_others_can_read_is_not_used(notifier, mailbox):
    from cloud_bridge.notify.book import path_of

    set_book(notifier.data, channels={"mail": mail_channel(mailbox)})
    reach("fang", ("mail", "fang@plant.example"))
    path_of(notifier.data).chmod(0o640)
    tell("fang", at_ms=now_ms())
    notifier.start()
    problem = notifier.data.run / "notify.problem"
    until(problem.exists)
    assert "expected mode 0600, got 0640" in problem.read_text()
    path_of(notifier.data).chmod(0o600)
    mailbox.mails.wait(1)


def test_a_channels_file_that_is_gone_is_no_order_to_give_up(notifier, mailbox):
    """Some editors take a file away before they write the new one."""
    from cloud_bridge.notify.book import path_of

    set_book(notifier.data, channels={"mail": mail_channel(mailbox)})
    reach("fang", ("mail", "fang@plant.example"))
    good = path_of(notifier.data).read_text()
    path_of(notifier.data).unlink()
    tell("fang", at_ms=now_ms())
    notifier.start()
    until((notifier.data.run / "notify.problem").exists)
    for _moment in later(4):
        assert deliveries() == [("mail", "waiting", 0)]
    path_of(notifier.data).write_text(good)
    path_of(notifier.data).chmod(0o600)
    mailbox.mails.wait(1)


def test_what_waits_for_a_channel_that_is_taken_out_goes_by_the_next(notifier, mailbox, receiver):
    receiver.answer = lambda _r: (503, b"", {})
    slow = {"retry_s": [60], "fall_back_s": 600, "give_up_s": 600}
    set_book(notifier.data, channels={"hook": hook_channel(receiver), "mail": mail_channel(mailbox)}, ordinary=slow)
    reach("fang", ("hook", ""), ("mail", "fang@plant.example"))
    tell("fang", at_ms=now_ms())
    notifier.start()
    until(lambda: deliveries() == [("hook", "waiting", 1)])
    set_book(notifier.data, channels={"mail": mail_channel(mailbox)}, ordinary=slow)
    mailbox.mails.wait(1)
    until(lambda: sorted(deliveries()) == [("hook", "failed", 1), ("mail", "delivered", 1)])


def test_a_channel_gets_no_more_a_minute_than_it_takes(notifier, receiver):
    """Group robots answer from the 21st message of a minute on that they are busy, for ten minutes."""
    set_book(notifier.data, channels={"hook": hook_channel(receiver, per_minute=3)})
    reach("fang", ("hook", ""))
    for number in range(5):
        tell("fang", cause=f"c{number}", at_ms=now_ms())
    notifier.start()
    receiver.got.wait(3)
    for _moment in later(1.5):
        assert len(receiver.got.all) == 3
    assert sorted(state for _c, state, _a in deliveries()) == ["delivered"] * 3 + ["waiting"] * 2


def test_two_notify_processes_of_one_bridge_do_not_send_side_by_side(notifier, receiver):
    set_book(notifier.data, channels={"hook": hook_channel(receiver)})
    reach("fang", ("hook", ""))
    notifier.start()
    second = Notifier(notifier.data)
    second.output = second.output.with_suffix(".second")
    try:
        second.start()
        for number in range(10):
            tell("fang", cause=f"c{number}", at_ms=now_ms())
        receiver.got.wait(10)
        until(lambda: {state for _c, state, _a in deliveries()} == {"delivered"})
        assert len(receiver.got.all) == 10
        notifier.kill()
        tell("fang", cause="after", at_ms=now_ms())
        receiver.got.wait(11)
    finally:
        second.end()
        second.output.unlink()


# from a box to a phone


@pytest.fixture
def log(clean, request):
    from cloud_bridge.boxes.models import Call
    from cloud_bridge.boxes.registry import register

    found = BoxLog(f"box-notify-{abs(hash(request.node.name)) % 10**8}")
    register(found.box, found.vkey, name="反应釜盒", place="3# 平台")
    yield found
    Call.objects.all().delete()


ENTRY = {"code": "door_open", "chan": "", "released": True}


def test_an_unauthorised_entry_is_on_the_officers_phone_in_the_middle_of_the_night(notifier, receiver, log):
    """PTW-24: from the box's live event to the SMS gateway."""
    from cloud_bridge.boxes.store import store_live

    set_book(notifier.data, channels={"sms": sms_channel(receiver)})
    reach("an", ("sms", "13900139000"), quiet=around_now())
    notifier.start()
    store_live(log.box, log.leaf("entry.unauthorised", "alarm", "HW-1", **ENTRY))
    [got] = receiver.got.wait(1)
    assert b"13900139000" in got.body
    until(lambda: deliveries() == [("sms", "delivered", 1)])
    [row] = told("permit:HW-1")
    assert row.title == f"ALARM: unauthorised entry at 反应釜盒 ({log.box})"
    assert (row.emergency, row.name) == (True, "安全员 安然")


def test_the_same_alarm_in_the_log_and_again_before_an_answer_rings_no_second_time(notifier, receiver, log):
    from cloud_bridge.boxes.store import store_batch, store_live

    set_book(notifier.data, channels={"sms": sms_channel(receiver)})
    reach("an", ("sms", "13900139000"))
    for _time in range(3):
        store_live(log.box, log.leaf("entry.unauthorised", "alarm", "HW-1", **ENTRY))
    store_batch(log.box, *topics.unpack_batch(log.batch(0)))
    notifier.start()
    receiver.got.wait(1)
    until(lambda: deliveries() == [("sms", "delivered", 1)])


def test_who_answers_the_call_has_seen_the_message(clean, log):
    from cloud_bridge.boxes import calls
    from cloud_bridge.boxes.models import Call
    from cloud_bridge.boxes.store import store_live

    set_book(clean, channels={"sms": sms_channel(wire.Receiver(1))})
    reach("an", ("sms", "13900139000"))
    store_live(log.box, log.leaf("entry.unauthorised", "alarm", "HW-1", **ENTRY))
    assert message().seen_ms == 0
    calls.answer(Call.objects.get(box=log.box), "an", "安全员 安然", "an")
    assert (message().seen_ms > 0, message().seen_how) == (True, "answer")
    page = client("shen").get(f"/boxes/{log.box}/").content.decode()
    told = page[page.index('id="box-told"'):]
    assert "安全员 安然" in told
    assert "已响应" in told


def test_a_humidity_warning_can_wait_for_the_morning(clean, log):
    """INS-01: two roles are told, but nobody is in danger."""
    set_book(clean, channels={"sms": sms_channel(wire.Receiver(1))})
    reach("an", ("sms", "13900139000"), quiet=around_now())
    log.leaf("sensor.warning", "warning", quantity="humidity", code="sensor_high", chan="hum-1")
    from cloud_bridge.boxes.store import store_batch

    store_batch(log.box, *topics.unpack_batch(log.batch(0)))
    assert deliveries("an") == [("sms", "held", 0)]
    assert message(recipient="").failed_ms > 0, "nobody is store keeper: shown as told to nobody"


# secrets


def test_a_secret_is_in_no_database_no_log_and_no_page(notifier, receiver):
    receiver.answer = lambda r: (400, f"{r.path} {r.headers.get('authorization')} {r.body[:300]!r}".encode(), {})
    secret, token, field = "Path-s3cret-0001", "Bearer-s3cret-0002", "field-s3cret-0003"
    sms = {
        "kind": "sms", "url": f"form://127.0.0.1:{receiver.port}/send/{secret}?+Authorization={token}",
        "fields": {"password": field, "to": "{phone}", "text": "{text}"}, "answer": {"field": "code", "equals": "0"},
    }  # fmt: skip
    set_book(notifier.data, channels={"sms": sms})
    reach("root", ("sms", "13800138000"))
    tell("root", at_ms=now_ms())
    notifier.start()
    until(lambda: message().failed_ms)
    [got] = receiver.got.all
    assert secret in got.path
    assert (got.headers["authorization"], field.encode() in got.body) == (token, True), "they were sent"
    said = [notifier.said()]
    # Not opened here: closing it would take away the locks that this process holds on its database.
    files = sorted(notifier.data.root.glob("bridge.db*"))
    said.append(subprocess.run(["cat", *files], check=True, capture_output=True).stdout.decode("latin-1"))
    assert "permit:HW-1" in said[-1], "negative control: the database's text can be read like that"
    said += [client("root").get(page).content.decode() for page in ("/channels/", "/messages/", "/metrics")]
    said.append(client("root").get("/api/v1/told?subject=permit:HW-1").content.decode())
    assert "•••" in "".join(said)
    for hidden in (secret, token, field):
        assert hidden not in "".join(said)
