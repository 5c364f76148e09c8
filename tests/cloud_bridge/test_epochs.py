"""A second epoch of a box's log: heard at once, witnessed when two people have authorised it (BOX-05, ANT-09)."""

import asyncio
import json

import msgspec
import pytest

from contracts import topics
from contracts.errors import ContractError
from tests.cloud_bridge.box_side import BoxLog, connected
from tests.cloud_bridge.running import PASSWORD, until
from tests.cloud_bridge.test_ingest import alerts, rejected, rows

NUMBERS = iter(range(1000))


def begun(log, size=0, reason="the database was gone"):
    """The box's next epoch, with its first record."""
    new = BoxLog(log.box, log.epoch + 1, log.key)
    named = {"origin": log.origin if size else "", "size": size, "root": ""}
    new.leaf("audit.epoch_started", "alarm", reason=reason, file="", **named)
    return new


@pytest.fixture
def old(django_data):
    """A box with three witnessed records."""
    from cloud_bridge.boxes.models import Log
    from cloud_bridge.boxes.registry import register
    from cloud_bridge.boxes.store import store_batch

    log = BoxLog(f"box-epoch-{next(NUMBERS)}")
    register(log.box, log.vkey)
    for step in range(3):
        log.leaf(step=step)
    store_batch(log.box, *topics.unpack_batch(log.batch()))
    agree(log)
    assert Log.objects.get(origin=log.origin).witnessed_size == 3
    return log


def agree(log, **note):
    from cloud_bridge.boxes.witness import agree

    return agree(log.box, log.note(**note).encode())


def store(log, first=0):
    from cloud_bridge.boxes.store import store_batch

    return store_batch(log.box, *topics.unpack_batch(log.batch(first)))


def row(log):
    from cloud_bridge.boxes.models import Log

    return Log.objects.filter(origin=log.origin).first()


def user(name):
    from cloud_bridge.people.models import User

    return User.objects.get(username=name)


def authorise(name, log, vkey=""):
    from cloud_bridge.boxes.epochs import authorise
    from cloud_bridge.boxes.models import Box

    return authorise(user(name), Box.objects.get(pk=log.box), log.epoch, vkey or log.vkey)


def open_alerts(log):
    from cloud_bridge.boxes.models import Alert

    return list(Alert.objects.filter(box=log.box, open=True).values_list("kind", "seq", "detail"))


def test_an_unknown_epoch_is_an_alert_and_its_records_are_kept(old):
    new = begun(old, size=3)
    assert store(new).stored == 1
    assert (row(new).size, row(new).authorised) == (1, False)
    [(kind, epoch, detail)] = open_alerts(new)
    assert (kind, epoch) == ("epoch", 2)
    assert "盒子称此前有 3 条记录" in detail
    assert "the box names 3 records before (the database was gone)" in detail
    assert "ask where" not in detail


def test_its_alarms_are_shown_before_its_first_record_came(old):
    from cloud_bridge.boxes.models import LiveEvent
    from cloud_bridge.boxes.store import store_live

    new = begun(old)
    store_live(new.box, new.leaf("gas.alarm", "alarm", chan="ch4-1"))
    assert list(LiveEvent.objects.filter(box=new.box).values_list("log", "seq")) == [(2, 1)]
    assert [(kind, epoch) for kind, epoch, _ in open_alerts(new)] == [("epoch", 2)]


def test_the_message_names_what_was_witnessed_before(old):
    new = begun(old, size=1)
    store(new)
    [(_, _, detail)] = open_alerts(new)
    assert "the box names 1 records before, 3 are witnessed: ask where the others are" in detail
    assert "而已见证 3 条：请查明其余记录的去向" in detail


def test_nothing_of_it_is_witnessed_before_two_people_authorised_it(old):
    from cloud_bridge.boxes.witness import Held

    new = begun(old)
    store(new)
    with pytest.raises(Held):
        agree(new)
    assert not authorise("an", new).authorised
    with pytest.raises(Held):
        agree(new)
    assert authorise("root", new).authorised
    assert agree(new).witnessed_size == 1
    assert open_alerts(new) == []
    assert [word.by for word in row(new).approvals.all()] == ["an", "root"]


def test_one_person_twice_is_one_person(old):
    from cloud_bridge.people.models import Person

    new = begun(old)
    store(new)
    authorise("an", new)
    account = user("an")
    person = Person.objects.create(code=f"crew-{new.box}", name="安", badge=9000)
    try:
        with pytest.raises(ContractError, match="another person than the first"):
            authorise("an", new)
        account.person = person  # becoming one of the crew changes the name on permits, not who it is
        account.save()
        with pytest.raises(ContractError, match="another person than the first"):
            authorise("an", new)
    finally:
        account.person = None
        account.save()
        person.delete()
    assert not row(new).authorised


@pytest.mark.parametrize("name", ["shen", "fang", "nobody"])
def test_only_safety_officers_and_administrators_may(old, name):
    new = begun(old)
    store(new)
    with pytest.raises(ContractError, match="a safety officer or an administrator"):
        authorise(name, new)


def test_another_key_takes_back_what_was_agreed_to_the_one_before(old):
    """A new card or board has a new key, which the bridge cannot know."""
    new = begun(old)
    store(new)
    authorise("an", new)
    replaced = BoxLog(new.box, new.epoch)
    assert not authorise("root", new, replaced.vkey).authorised
    assert authorise("an", new, replaced.vkey).authorised
    with pytest.raises(ContractError, match="signature"):
        agree(new)
    new.key = replaced.key
    assert agree(new).witnessed_size == 1


@pytest.mark.parametrize("epoch", [1, 0])
def test_an_epoch_that_is_not_new_cannot_be_authorised(old, epoch):
    with pytest.raises(ContractError):
        authorise("an", BoxLog(old.box, epoch, old.key))


@pytest.mark.parametrize(
    "origin",
    [
        "hotbox.example/{box}/02",
        "hotbox.example/{box}/0",
        "hotbox.example/{box}/-2",
        "hotbox.example/{box}/2x",
        "hotbox.elsewhere/{box}/2",
        "hotbox.example/box-other/2",
        "hotbox.example/{box}/99999999999",
        "hotbox.example/{box}/２",
        "",
    ],
)
def test_what_is_no_epoch_of_this_box_begins_none(old, origin):
    from cloud_bridge.boxes.epochs import find
    from cloud_bridge.boxes.models import Box

    with pytest.raises(ContractError, match="origin"):
        find(Box.objects.get(pk=old.box), origin.format(box=old.box))
    assert Box.objects.get(pk=old.box).logs.count() == 1


def test_a_box_cannot_begin_epochs_without_end(old):
    from cloud_bridge.boxes.epochs import MAX_WAITING

    log = old
    for _ in range(MAX_WAITING):
        log = begun(log)
        store(log)
    with pytest.raises(ContractError, match="epochs that wait for two people"):
        store(begun(log))


def test_the_rest_of_the_old_epoch_is_still_taken_and_witnessed(old):
    from cloud_bridge.boxes.witness import is_newest

    new = begun(old, size=3)
    store(new)
    authorise("an", new)
    authorise("root", new)
    assert is_newest(agree(new))
    old.leaf(step=3)
    assert store(old, 3).stored == 1
    found = agree(old)
    assert found.witnessed_size == 4
    assert not is_newest(found), "the broker keeps the acknowledgement of the newest one"


def test_two_people_authorise_by_command(cli, old, django_data):
    new = begun(old, size=1)
    store(new)
    words = ("box", "authorise", new.box, "--epoch", "2", "--password-stdin", "--user")
    assert "own password" in cli(*words, "an", code=2, text="wrong\n")
    said = cli(*words, "an", text=PASSWORD + "\n")
    assert "3 are witnessed: ask where the others are" in said
    assert new.vkey in said
    assert "还须另一人授权" in said
    assert "another person" in cli(*words, "an", code=2, text=PASSWORD + "\n")
    assert "a safety officer or an administrator" in cli(*words, "fang", code=2, text=PASSWORD + "\n")
    assert "已授权" in cli(*words, "root", text=PASSWORD + "\n")
    [found] = [one for one in json.loads(cli("box", "epochs", "--json")) if (one["box"], one["epoch"]) == (new.box, 2)]
    assert (found["authorised"], found["by"], found["stored"]) == (True, "安全员 安然, 管理员", 1)
    assert "nothing is to be done" in cli(*words, "root", code=2, text=PASSWORD + "\n")


async def test_a_held_epoch_is_cosigned_once_two_people_authorised_it(bridge):
    """Through the real broker and the real ingest: the box asks again with its checkpoint."""
    log = BoxLog("box-epoch-served")
    bridge.add_box(log)
    log.leaf()
    new = begun(log, size=1)
    alarm = new.leaf("gas.alarm", "alarm", chan="ch4-1")
    reader = bridge.visitor("shen")
    async with connected(log, bridge.host, bridge.port) as side:
        await side.sync()
        await side.acknowledged(bridge.witness, 1)
        side.heard.clear()
        side.log = new
        await side.send("live", alarm)
        until(lambda: alerts(reader, log) == ["epoch"])
        assert [one["seq"] for one in reader.json(f"/api/v1/alarms?box={log.box}")] == [1]
        await side.sync()
        held = await side.wait_for("ack")
        assert msgspec.json.decode(held, type=topics.Nak) == topics.Nak(new.origin, 2, held=True)
        for name in ("an", "root"):
            words = ("box", "authorise", log.box, "--epoch", "2", "--user", name, "--password-stdin")
            await asyncio.to_thread(bridge.cli, *words, text=PASSWORD + "\n")  # the line has to be kept alive meanwhile
        await side.send("cp", new.note())
        await side.acknowledged(bridge.witness, 2)
    assert alerts(reader, log) == []
    assert rejected(bridge, log) == {}
    assert rows(bridge, "SELECT epoch, authorised FROM boxes_log WHERE box_id=? ORDER BY epoch", log.box) == [(1, 1), (2, 1)]


@pytest.mark.parametrize(
    ("language", "waits", "one_more", "again", "done"),
    [
        ("zh-hans", "须经两人授权才见证", "还须另一人授权", "请其他人授权", "已由两人授权"),
        ("en", "until two people have authorised it", "one more person must", "let somebody else", "witnessed from now on"),
    ],
)
def test_two_people_authorise_on_the_boxs_page(old, language, waits, one_more, again, done):
    from tests.cloud_bridge.test_pages import client

    new = begun(old, size=1)
    store(new)
    page, act = f"/boxes/{new.box}/", f"/boxes/{new.box}/epochs/2/authorise"
    word = {"password": PASSWORD, "vkey": new.vkey}

    def say(name, **fields):
        return client(name, language).post(act, word | fields, follow=True, secure=False).content.decode()

    assert waits in client("shen", language).get(page).content.decode()
    assert act not in client("shen", language).get(page).content.decode(), "only who may is offered it"
    assert act in client("an", language).get(page).content.decode()
    assert client("shen", language).post(act, word).status_code == 403
    say("an", password="wrong")
    say("an", vkey=old.vkey)
    assert not row(new).approvals.exists()
    assert one_more in say("an")
    assert again in say("an")
    assert not row(new).authorised
    assert done in say("root")
    assert row(new).authorised
    shown = client("shen", language).get(page).content.decode()
    assert "安全员 安然" in shown
    assert waits not in shown
