"""`tell`: once for a cause and a threshold (PTW-13), in the caller's transaction; what waits and what never does."""

import threading
from datetime import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.errors import ContractError
from tests.cloud_bridge.notify.conftest import (
    MIDNIGHT,
    MORNING,
    NOON,
    WAITING,
    deliveries,
    hook_channel,
    mail_channel,
    reach,
    set_book,
    sms_channel,
    tell,
    user,
)  # fmt: skip
from tests.cloud_bridge.notify.wire import Mailbox, Receiver

NIGHT = (time(22), time(7))


@pytest.fixture
def two_ways(clean):
    """Mail first, SMS second; nothing is sent here."""
    set_book(clean, channels={"mail": mail_channel(Mailbox(1)), "sms": sms_channel(Receiver(1))})
    reach("fang", ("mail", "fang@plant.example"), ("sms", "13800138000"), quiet=NIGHT)
    return clean


def test_a_threshold_of_a_cause_is_told_once_however_often_it_is_found_passed(two_ways):
    """PTW-13: the third message about one permit would be the first that nobody reads."""
    from cloud_bridge.notify.book import Kind
    from cloud_bridge.notify.models import Message

    assert [len(tell("fang", at_ms=NOON + second, prefer=(Kind.SMS,))) for second in range(5)] == [1, 0, 0, 0, 0]
    assert Message.objects.count() == 1
    assert deliveries() == [("sms", "waiting", 0)], "exactly one SMS"


def test_the_next_threshold_and_the_next_cause_are_told_again(two_ways):
    """PTW-14: at four hours it is another message."""
    tell("fang")
    assert len(tell("fang", threshold="4h")) == 1
    assert len(tell("fang", cause="permit:HW-1:step-2")) == 1


def test_two_processes_that_find_the_same_threshold_passed_tell_it_once(two_ways):
    """Both at the same moment, on two connections."""
    from django.db import connection

    made, go = [], threading.Barrier(4)

    def work():
        go.wait()
        try:
            made.extend(tell("fang", "zhou"))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(message.recipient for message in made) == ["fang", "zhou"]
    assert deliveries() == [("mail", "waiting", 0)]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["2h", "4h"]),
                  st.lists(st.sampled_from(["fang", "zhou", "gu"]), min_size=1, unique=True), st.booleans()),
        max_size=8,
    )
)  # fmt: skip
def test_whatever_is_told_in_whatever_order_each_recipient_has_one_message_a_cause_and_threshold(two_ways, told):
    from cloud_bridge.notify.models import Delivery, Message, Part

    Message.objects.all().delete()
    Delivery.objects.all().delete()
    for cause, threshold, names, emergency in told:
        tell(*names, cause=cause, threshold=threshold, emergency=emergency)
    wanted = {(cause, threshold, name) for cause, threshold, names, _e in told for name in names}
    assert sorted(wanted) == sorted(Message.objects.values_list("cause", "threshold", "recipient"))
    parts = list(Part.objects.values_list("message", "channel"))
    assert len(parts) == len(set(parts))


def test_what_the_caller_takes_back_was_never_told(two_ways):
    from django.db import transaction

    with transaction.atomic():
        assert len(tell("fang")) == 1
        transaction.set_rollback(True)
    assert deliveries() == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"key": "permit.wating"}, "text_key: expected one of"),
        ({"values": {"permit": "HW-1"}}, "values of permit.waiting: expected holder, hours, place, since_ms"),
        ({"values": WAITING | {"since_ms": "noon"}}, "values.since_ms"),
        ({"values": WAITING | {"holder": {"en": "him"}}}, "values.holder"),
        ({"values": WAITING | {"hours": True}}, "values.hours"),
        ({"cause": ""}, "cause: expected 1 to 120"),
        ({"threshold": "x" * 61}, "threshold: expected 1 to 60"),
    ],
)
def test_a_message_that_could_not_be_written_is_refused_at_once(two_ways, change, said):
    with pytest.raises(ContractError, match=said):
        tell("fang", **change)
    assert deliveries() == []


# whom and by what


def test_an_ordinary_message_takes_the_first_channel_and_an_emergency_all_of_them(two_ways):
    tell("fang")
    assert deliveries() == [("mail", "waiting", 0)]
    tell("fang", cause="call:1", emergency=True)
    assert deliveries() == [("mail", "waiting", 0)] * 2 + [("sms", "waiting", 0)]


def test_a_preferred_kind_is_taken_only_where_the_person_has_it(two_ways):
    from cloud_bridge.notify.book import Kind

    reach("zhou", ("mail", "zhou@plant.example"))
    tell("fang", "zhou", prefer=(Kind.SMS,))
    assert sorted(deliveries("fang") + deliveries("zhou")) == [("mail", "waiting", 0), ("sms", "waiting", 0)]


def test_nobody_to_tell_is_written_down_and_shown(two_ways):
    """INS-01: else the case would look as if somebody knew."""
    from cloud_bridge.notify.models import Message
    from cloud_bridge.notify.told import told

    tell()
    tell()
    [message] = Message.objects.all()
    assert (message.recipient, message.failed_ms) == ("", NOON)
    assert [row.ways for row in told("en", subject="permit:HW-1")] == [[]]


def test_somebody_without_a_channel_is_shown_as_not_reached_until_the_page_was_opened(two_ways):
    from cloud_bridge.notify.models import Message

    tell("zhou")
    assert Message.objects.get(recipient="zhou").failed_ms == NOON
    assert deliveries("zhou") == []


def test_a_channel_that_hears_everything_gets_each_message_once_besides_the_people(two_ways):
    """INT-11: a big screen or another system."""
    set_book(two_ways, channels={
        "mail": mail_channel(Mailbox(1)), "screen": hook_channel(Receiver(1), hears="all"),
        "siren": hook_channel(Receiver(1), hears="emergency"),
    })  # fmt: skip
    tell("fang", "zhou")
    tell("fang", "zhou")
    assert [row for row in deliveries() if row[0] != "mail"] == [("screen", "waiting", 0)]
    tell("fang", cause="call:1", emergency=True)
    assert sorted(row[0] for row in deliveries()) == ["mail", "mail", "screen", "screen", "siren"]


# quiet hours


def test_an_ordinary_message_at_night_waits_for_the_morning_of_the_site(two_ways):
    from cloud_bridge.notify.models import Delivery

    tell("fang", at_ms=MIDNIGHT)
    assert deliveries() == [("mail", "held", 0)]
    assert Delivery.objects.get().due_ms == MORNING


def test_an_emergency_at_night_waits_for_nothing(two_ways):
    """PTW-24: quiet hours never silence an emergency."""
    from cloud_bridge.notify.models import Delivery

    tell("fang", emergency=True, at_ms=MIDNIGHT)
    assert sorted(deliveries()) == [("mail", "waiting", 0), ("sms", "waiting", 0)]
    assert {row.due_ms for row in Delivery.objects.all()} == {MIDNIGHT}


@given(st.integers(min_value=NOON, max_value=NOON + 400 * 86_400_000), st.times(), st.times())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_quiet_hours_at_no_time_hold_back_an_emergency(two_ways, at_ms, begins, ends):
    from cloud_bridge.notify import telling
    from cloud_bridge.notify.models import Wishes

    Wishes.objects.filter(user=user("fang")).update(quiet_from=begins, quiet_to=ends)
    assert telling.due_ms(user("fang").pk, True, at_ms) == at_ms
    assert telling.due_ms(user("fang").pk, False, at_ms) >= at_ms


def test_what_waits_for_the_same_morning_is_one_message_and_the_next_night_another(two_ways):
    from cloud_bridge.notify import records
    from cloud_bridge.notify.book import Book
    from cloud_bridge.notify.models import Delivery

    tell("fang", at_ms=MIDNIGHT)
    tell("fang", threshold="4h", at_ms=MIDNIGHT + 60_000)
    tell("fang", threshold="8h", at_ms=MIDNIGHT + 86_400_000)
    first, second = Delivery.objects.order_by("due_ms")
    assert (first.messages.count(), second.messages.count()) == (2, 1)
    letter = records.letter_of(first, Book())
    assert letter.title == "免打扰时段的 2 条消息"
    assert letter.text.splitlines()[0].startswith("1. 作业票 HW-1")
    assert len(letter.text.splitlines()) == 2


def test_who_ends_the_quiet_hours_gets_what_they_held(two_ways):
    from cloud_bridge.notify import telling
    from cloud_bridge.notify.models import Delivery, Wishes

    tell("fang", at_ms=MIDNIGHT)
    Wishes.objects.filter(user=user("fang")).update(quiet_from=None, quiet_to=None)
    telling.wishes_changed(user("fang"), MIDNIGHT + 1000)
    assert Delivery.objects.get().due_ms == MIDNIGHT + 1000


# who sends


def test_of_several_senders_one_gets_each_message(two_ways):
    from django.db import connection

    from cloud_bridge.notify import book, records

    for number in range(30):
        tell("fang", cause=f"c{number}")
    found, go, made = [], threading.Barrier(3), book.read(two_ways)

    def work(me):
        go.wait()
        try:
            while jobs := records.claim(me, {"mail": 4}, ["mail"], made, NOON + 1000, most=4):
                found.extend(job.delivery for job in jobs)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(f"sender-{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == len(set(found)) == 30


def test_emergencies_are_claimed_first_and_a_channel_that_is_nearly_full_takes_only_them(two_ways):
    from cloud_bridge.notify import book, records

    for number in range(5):
        tell("fang", cause=f"c{number}")
    tell("fang", cause="call:1", emergency=True)
    made = book.read(two_ways)
    [job] = records.claim("me", {"mail": 1}, [], made, NOON + 1000)
    assert job.emergency
    assert records.claim("me", {"mail": 1}, [], made, NOON + 1000) == []
    assert len(records.claim("me", {"mail": 9}, ["mail"], made, NOON + 1000)) == 5


def test_a_claim_that_ran_out_is_taken_over_and_its_late_answer_changes_nothing_but_a_success(two_ways):
    from cloud_bridge.notify import book, records
    from cloud_bridge.notify.channels import Outcome
    from cloud_bridge.notify.models import Attempt

    tell("fang")
    made = book.read(two_ways)
    [first] = records.claim("a", {"mail": 4}, ["mail"], made, NOON)
    assert records.claim("b", {"mail": 4}, ["mail"], made, NOON + 40_000) == [], "not while its lease lasts"
    [second] = records.claim("b", {"mail": 4}, ["mail"], made, NOON + 60_000)
    assert (second.delivery, second.attempt, second.letter.id) == (first.delivery, 2, first.letter.id)
    records.record(first, Outcome(False, "HTTP 500"), made, NOON + 61_000)
    assert deliveries() == [("mail", "sending", 2)], "the second still sends"
    records.record(first, Outcome(True, "SMTP 250"), made, NOON + 62_000)
    records.record(second, Outcome(False, "no answer", unsure=True), made, NOON + 63_000)
    assert deliveries() == [("mail", "delivered", 2)]
    assert [row.result for row in Attempt.objects.all()] == ["taken", "unsure"]
