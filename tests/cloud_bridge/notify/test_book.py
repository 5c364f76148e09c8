"""The channels file: what it may say, what it says wrongly, and that no secret of it is shown."""

import json

import pytest

from contracts.errors import ContractError

SMS = {"fields": {"to": "{phone}", "text": "{text}"}, "answer": {"field": "code", "equals": "0"}}


@pytest.fixture(scope="module", autouse=True)
def _django(django_data):
    pass


def parse(**channels):
    from cloud_bridge.notify.book import parse

    return parse(json.dumps({"channels": channels}).encode())


EACH_KIND = {
    "mail": {"kind": "mail", "url": "mailtos://user:s3cret-pw@smtp.example.com?from=hotbox@example.com"},
    "sms": {"kind": "sms", "url": "forms://sms.example.com/send/s3cret-path", **SMS},
    "sms-json": {"kind": "sms", "url": "jsons://sms.example.com/send", **SMS},
    "group": {"kind": "wecom", "url": "wecombot://s3cret-key", "hears": "emergency"},
    "robot": {"kind": "dingtalk", "url": "dingtalk://s3cretsecret@s3crettoken"},
    "hook": {"kind": "webhook", "url": "jsons://hook.example.com/s3cret-path?+Authorization=s3cret-header", "hears": "all"},
}


def test_every_kind_of_channel_can_be_set_up():
    assert set(parse(**EACH_KIND).channels) == set(EACH_KIND)


def test_what_is_shown_of_a_channel_has_no_secret():
    for name, channel in parse(**EACH_KIND).channels.items():
        assert "s3cret" not in channel.shown, name
        assert "•••" in channel.shown
    assert parse(**EACH_KIND).channels["hook"].shown == "jsons://hook.example.com/•••"


def test_what_another_side_repeats_is_scrubbed():
    for name, channel in parse(**EACH_KIND).channels.items():
        for secret in ("s3cret-pw", "s3cret-path", "s3cret-key", "s3cretsecret", "s3crettoken", "s3cret-header"):
            if secret in EACH_KIND[name]["url"]:
                assert "s3cret" not in channel.scrubbed(f"bad {secret} here"), name
    assert channel.scrubbed("HTTP 400 nothing secret") == "HTTP 400 nothing secret"


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ({"kind": "mail", "url": "mailto://s3cret:pw@smtp.example.com?from=a@b.cn&mode=insecure"}, "TLS to another machine"),
        ({"kind": "webhook", "url": "json://s3cret@10.0.0.9/hook"}, "TLS to another machine"),
        ({"kind": "sms", "url": "form://sms.example.com/s3cret", **SMS}, "TLS to another machine"),
        ({"kind": "mail", "url": "tgram://s3cret/1"}, "mailto://… or mailtos://…"),
        ({"kind": "webhook", "url": "slack://s3cret/a/b"}, "json://… or jsons://…"),
        ({"kind": "webhook", "url": "file:///s3cret"}, "json://… or jsons://…"),
        ({"kind": "wecom", "url": "wecombot://s3cret key!"}, "an Apprise URL wecombot://…"),
        ({"kind": "dingtalk", "url": "dingtalk://s3cret-with-dash"}, "an Apprise URL dingtalk://…"),
        ({"kind": "sms", "url": "forms://sms.example.com/s3cret", "answer": SMS["answer"]}, "a field with {phone}"),
        ({"kind": "sms", "url": "forms://sms.example.com/s3cret", "fields": SMS["fields"]}, "how the gateway says yes"),
        ({"kind": "webhook", "url": "jsons://s3cret.example.com", "fields": {"a": "b"}}, "none for kind webhook"),
        ({"kind": "mail", "url": "mailtos://s3cret@example.com", "hears": "all"}, "a mail goes to a person"),
        ({"kind": "pager", "url": "json://s3cret"}, "a channels file"),
        ({"kind": "mail", "url": "mailtos://s3cret@example.com", "retries": 3}, "a channels file"),
        ({"kind": "mail", "url": "mailtos://s3cret@example.com", "timeout_s": 0}, "0.1 to 120 seconds"),
    ],
)
def test_a_channel_that_cannot_work_is_refused_and_its_secret_not_repeated(channel, said):
    with pytest.raises(ContractError) as refused:
        parse(x=channel)
    assert said in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_a_plain_connection_to_another_machine_can_be_declared():
    made = parse(x={"kind": "webhook", "url": "json://10.0.0.9/hook", "plain": True})
    assert made.channels["x"].plain


def test_a_certificate_cannot_be_left_unchecked():
    from cloud_bridge.notify.channels import _plugin

    channel = parse(x={"kind": "webhook", "url": "jsons://hook.example.com/?verify=no&redirect=yes"}).channels["x"]
    made = _plugin("x", channel, "")
    assert (made.verify_certificate, made.redirects) == (True, False)


@pytest.mark.parametrize("text", [b"", b"[]", b"channels: [", b"\xff\xfe", b"channels: {A: {}}", b"link_base: bridge"])
def test_what_is_no_channels_file_is_refused(text):
    from cloud_bridge.notify.book import parse

    with pytest.raises(ContractError):
        parse(text)


def test_a_pace_that_would_spin_or_never_end_is_refused():
    from cloud_bridge.notify.book import parse

    for pace in ({"retry_s": [], "fall_back_s": 1, "give_up_s": 1}, {"retry_s": [0], "fall_back_s": 1, "give_up_s": 1},
                 {"retry_s": [1], "fall_back_s": 1, "give_up_s": 0}):  # fmt: skip
        with pytest.raises(ContractError):
            parse(json.dumps({"ordinary": pace}).encode())


def test_pauses_grow_and_the_last_one_repeats():
    from cloud_bridge.notify.pace import EMERGENCY, ORDINARY

    assert [EMERGENCY.pause_s(n) for n in (1, 2, 6, 7, 99)] == [2, 5, 60, 60, 60]
    assert ORDINARY.pause_s(1) == 10


def test_every_text_is_whole_in_both_languages():
    from cloud_bridge.notify.texts import TEXTS, said

    for key, text in TEXTS.items():
        values = {name: 1_782_878_400_000 if name.endswith("_ms") else f"<{name}>" for name in text.fields}
        for language in ("zh-hans", "en"):
            whole = " ".join(said(key, values, language))
            assert "%" not in whole, key
            for name in text.fields:
                shown = "2026-07-01 12:00:00" if name.endswith("_ms") else f"<{name}>"
                assert shown in whole, (key, language, name)
        assert said(key, values, "en") != said(key, values, "zh-hans")


def test_a_text_that_is_gone_from_the_catalogue_still_says_what_it_knows():
    from cloud_bridge.notify.texts import said

    assert said("old.text", {"permit": "HW-1"}, "en") == ("old.text", "permit: HW-1")


def test_a_value_stays_on_one_line_and_short():
    from cloud_bridge.notify.texts import said

    title, _body = said("case.overdue", {"case": "a\nb\x00c" + "x" * 500, "step": "", "due_ms": 0, "holder": "h"}, "en")
    assert "\n" not in title
    assert "\x00" not in title
    assert len(title) < 300
    assert ": – is overdue" in title


def test_many_held_messages_are_listed_and_the_rest_counted():
    from cloud_bridge.notify.texts import merged

    title, text = merged([(f"t{n}", "b") for n in range(25)], "en")
    assert title == "25 messages from your quiet hours"
    assert text.splitlines()[-1] == "and 5 more, on your page at the bridge"
    assert len(text.splitlines()) == 21
