"""`hotbox-bridge notify` against real servers."""

import json
import stat

import pytest

from tests.cloud_bridge.notify.conftest import reach, tell
from tests.cloud_bridge.notify.conftest import user as found_user


@pytest.fixture
def shell(clean, cli):
    return cli


def set_mail(shell, box):
    return shell("notify", "set", "mail", "--kind", "mail",
                 text=f"mailto://127.0.0.1:{box.port}?from=hotbox@plant.example\n")  # fmt: skip


def test_a_channel_is_set_listed_tested_and_removed(shell, clean, mailbox):
    from cloud_bridge.notify.book import path_of

    set_mail(shell, mailbox)
    assert stat.S_IMODE(path_of(clean).stat().st_mode) == 0o600
    [row] = json.loads(shell("notify", "list", "--json"))
    assert (row["channel"], row["kind"], row["goes_to"]) == ("mail", "mail", "mailto://127.0.0.1/•••")
    assert "✔ mail: SMTP 250" in shell("notify", "test", "mail", "--to", "wang@plant.example")
    assert mailbox.mails.all[0]["Subject"] == "测试消息 / Test message"
    shell("notify", "remove", "mail")
    assert json.loads(shell("notify", "list", "--json")) == []
    assert "expected one of no channels, got mail" in shell("notify", "remove", "mail", code=2)


def test_a_test_that_fails_says_what_came_and_ends_with_1(shell, mailbox):
    set_mail(shell, mailbox)
    mailbox.answer = lambda _a: "550 5.1.1 no such user"
    assert "✘ mail: SMTP 550 5.1.1 no such user" in shell("notify", "test", "mail", "--to", "x@plant.example", code=1)
    assert "--to with an address" in shell("notify", "test", "mail", code=2)


def test_an_sms_gateway_is_set_with_its_fields_and_its_answer(shell, receiver):
    receiver.answer = lambda _r: (200, b'{"code": 0}', {})
    words = ("notify", "set", "sms", "--kind", "sms", "--field", "to={phone}", "--field", "text=【华东】{text}")
    url = f"form://127.0.0.1:{receiver.port}/send\n"
    assert "how the gateway says yes" in shell(*words, text=url, code=2)
    shell(*words, "--answer", "code=0", text=url)
    assert "✔ sms: code 0" in shell("notify", "test", "sms", "--to", "13800138000")
    assert b"13800138000" in receiver.got.all[0].body


def test_a_url_is_read_from_standard_input_only_and_not_repeated_when_it_is_wrong(shell):
    assert "stands on no command line" in shell("notify", "set", "x", "--kind", "mail", text="", code=2)
    assert "s3cret" not in shell("notify", "set", "x", "--kind", "mail", text="wecombot://s3cret\n", code=2)


def test_somebodys_address_is_set_and_checked(shell, mailbox):
    from cloud_bridge.notify.models import Reach, Wishes

    set_mail(shell, mailbox)
    shell("notify", "reach", "fang", "mail", "fang@plant.example", "--language", "en")
    assert Reach.objects.get(user=found_user("fang")).address == "fang@plant.example"
    assert Wishes.objects.get(user=found_user("fang")).language == "en"
    assert "expected an address that fits" in shell("notify", "reach", "fang", "mail", "fang", code=2)
    assert "expected a user" in shell("notify", "reach", "none", "mail", "a@b.cn", code=2)
    assert "expected a channel" in shell("notify", "reach", "fang", "sms", "13800138000", code=2)


def test_who_was_told_when_can_be_asked_for(shell, mailbox):
    set_mail(shell, mailbox)
    reach("fang", ("mail", "fang@plant.example"))
    tell("fang")
    [row] = json.loads(shell("notify", "told", "permit:HW-1", "--json"))
    assert (row["name"], row["ways"][0]["state"], row["seen_ms"]) == ("审批人 方敏", "waiting", 0)
    assert row["ways"][0]["address"] == "f•••@plant.example"
    assert "方敏" in shell("notify", "told", "permit:HW-1")


def test_check_finds_a_channels_file_that_others_can_read(shell, clean, mailbox):
    from cloud_bridge.notify.book import path_of

    set_mail(shell, mailbox)
    path_of(clean).chmod(0o644)
    assert "channels.yaml: expected mode 0600, got 0644" in shell("check", "--quick", code=1).replace("\n", "")
