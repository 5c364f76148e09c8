"""A box's log key is changed in its log; the bridge follows, and only there (ANT-09)."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts import topics
from contracts.checkpoint import NoteKey
from contracts.errors import ContractError
from contracts.key_chain import rotate
from tests.cloud_bridge.box_side import BoxLog, connected
from tests.cloud_bridge.test_pages import client

NUMBERS = iter(range(1000))
WITNESS = Ed25519PrivateKey.generate()


@pytest.fixture
def log(django_data):
    """A registered box whose log has three records."""
    from cloud_bridge.boxes.registry import register

    made = BoxLog(f"box-key-{next(NUMBERS)}")
    register(made.box, made.vkey)
    for step in range(3):
        made.leaf(step=step)
    return made


def change(log, by=None, to=None):
    """The record of a change; returns the key before. The log signs with the new one from then on."""
    before, new = log.key, to or Ed25519PrivateKey.generate()
    said = rotate(log.origin, len(log.leaves) + 1, by or before, new)
    log.leaf("key.rotated", "warning", **said.data())
    log.key = new
    return before


def send(log, first=0):
    from cloud_bridge.boxes.store import store_batch

    return store_batch(log.box, *topics.unpack_batch(log.batch(first)))


def agree(log, size=None, key=None):
    from cloud_bridge.boxes.witness import agree, newest_ack

    agreed = agree(log.box, log.note(size, key=key).encode())
    newest_ack(agreed, "bridge", WITNESS)
    return agreed


def row(log):
    from cloud_bridge.boxes.models import Log

    return Log.objects.get(origin=log.origin)


def finding(log):
    from cloud_bridge.boxes.verify import verify_log

    return verify_log(row(log), NoteKey("bridge", 4, WITNESS.public_key().public_bytes_raw()))


def alerts(log):
    from cloud_bridge.boxes.models import Alert

    return sorted(Alert.objects.filter(box=log.box, open=True).values_list("kind", "seq"))


def test_each_checkpoint_counts_by_the_key_of_its_time(log):
    old = change(log)
    log.leaf(step=4)
    assert send(log).stored == 5
    for size, key in ((5, old), (4, log.key)):
        with pytest.raises(ContractError, match="a key signs nothing before its time"):
            agree(log, size, key)
    assert agree(log, 4, old).witnessed_size == 4, "the record of the change is the old key's last"
    assert agree(log, 5).witnessed_size == 5
    assert [key.public for key in row(log).chain().keys] == [
        key.public_key().public_bytes_raw() for key in (old, log.key)
    ]
    assert (finding(log).bad, finding(log).witnessed) == ("", 5)
    assert alerts(log) == []


def test_it_is_changed_again_and_what_came_before_still_verifies(log):
    for _ in range(3):
        old = change(log)
        log.leaf()
        send(log)
        agree(log, len(log.leaves) - 1, old)
        agree(log)
    assert len(row(log).chain().keys) == 4
    assert (finding(log).bad, finding(log).witnessed) == ("", len(log.leaves))


def test_a_key_that_the_one_before_did_not_endorse_signs_nothing(log):
    """Whoever took over the box's line, and not its key, gets no further."""
    thief = Ed25519PrivateKey.generate()
    old = change(log, by=thief)
    log.leaf()
    assert send(log).stored == 5, "the record is kept: it is what the box, or whoever spoke for it, said"
    assert alerts(log) == [("key", 3)]
    with pytest.raises(ContractError, match="signature"):
        agree(log)
    assert agree(log, 5, old).witnessed_size == 5
    assert finding(log).bad == ""


def test_a_promise_by_another_key_than_that_of_its_time_is_found_in_the_bridges_copy(log):
    from cloud_bridge.boxes.models import Checkpoint

    old = change(log)
    log.leaf()
    send(log)
    agree(log)
    Checkpoint.objects.filter(log=row(log), size=5).update(note=log.note(5, key=old))
    assert "checkpoint at 5" in finding(log).bad


def test_a_next_epoch_begins_with_the_key_in_force_and_the_first_key_stays_the_registered_one(log):
    from cloud_bridge.boxes import epochs
    from cloud_bridge.boxes.models import Box
    from cloud_bridge.boxes.registry import register

    first = log.vkey
    change(log)
    send(log)
    register(log.box, first)
    register(log.box, log.vkey)
    with pytest.raises(ContractError, match="another"):
        register(log.box, BoxLog(log.box).vkey)
    assert row(log).vkey == first
    begun = epochs.of_epoch(Box.objects.get(pk=log.box), 2)
    assert begun.key().public == log.key.public_key().public_bytes_raw()


def test_an_epoch_whose_key_is_put_right_reads_its_changes_once_more(log):
    from cloud_bridge.boxes.epochs import authorise
    from cloud_bridge.boxes.models import Box
    from cloud_bridge.people.models import User

    new = BoxLog(log.box, 2)  # a new board has a new key, which the bridge cannot know
    new.leaf("audit.epoch_started", "alarm", reason="a new board", file="", origin="", size=0, root="")
    first = new.vkey
    change(new)
    send(new)
    assert alerts(new) == [("epoch", 2), ("key", 1)]
    for name in ("an", "root"):
        authorise(User.objects.get(username=name), Box.objects.get(pk=log.box), 2, first)
    assert len(row(new).chain().keys) == 2
    new.leaf()
    send(new, 2)
    assert agree(new).witnessed_size == 3


def test_the_page_shows_all_keys_and_since_when(log):
    first = log.vkey
    change(log)
    send(log)
    page = client("an", "en").get(f"/boxes/{log.box}/log/").content.decode()
    assert first in page
    assert log.vkey in page
    assert "from record 4 on" in page
    assert "自第 4 条记录起" in client("an", "zh-hans").get(f"/boxes/{log.box}/log/").content.decode()


def test_the_boxs_own_log_is_followed_from_key_to_key_and_back(tmp_path, django_data):
    """What the box writes is what the bridge believes, and its cosignature moves the box's cursor over each change."""
    from cloud_bridge.boxes.models import Log
    from cloud_bridge.boxes.registry import register
    from cloud_bridge.boxes.store import store_batch
    from cloud_bridge.boxes.verify import verify_log
    from cloud_bridge.boxes.witness import agree, newest_ack
    from contracts.checkpoint import cosign, note_key
    from edge.audit import AckVerdict, AuditLog
    from edge.audit.keys import KeyFile
    from edge.audit.reader import Reader
    from edge.audit.verify import verify_file
    from tests.edge.audit.site import append_all, checkpoint, draft, until

    box, path, witness = "box-key-own", tmp_path / "audit.db", Ed25519PrivateKey.generate()
    key = KeyFile.open(tmp_path / "log_key.pem", log=path)
    cosigner = note_key("bridge.example", witness, cosigner=True)
    log = AuditLog.open(path, box=box, domain="example", key=key, witness=cosigner)
    register(box, log.keys.newest.vkey())
    label, sent = log.keys.newest, 0
    for _ in range(3):
        append_all(log, [draft({"n": number}) for number in range(5)])
        log.rotate_key().result(60)
        append_all(log, [draft({"n": number}) for number in range(5)])
        checkpoint(log)
        reader = Reader.open(path)
        leaves = reader.leaves(sent, 500, 10**7)
        assert store_batch(box, topics.BatchHead(log.origin, sent, len(leaves)), leaves).stored == len(leaves)
        sent += len(leaves)
        for size in (log.keys.firsts[-1], sent):
            _, note = reader.checkpoint(size)
            agreed = agree(box, note.encode())
            assert agreed.witnessed_size == size
            newest_ack(agreed, cosigner.name, witness)
            assert log.accept_ack(cosign(note, "bridge.example", witness, 1_790_000_000)) is AckVerdict.ACCEPTED
            until(lambda size=size: log.health().acked == size, "the cursor moves")
        reader.close()
    log.close()
    row = Log.objects.get(box=box)
    assert row.chain() == log.keys
    assert not row.box.alerts.exists()
    found = verify_log(row, cosigner)
    assert (found.bad, found.witnessed, found.unwitnessed) == ("", sent, 0)
    assert verify_file(path, [label, cosigner]).exit_code in (0, 4)


def test_the_keys_of_a_log_are_told_in_their_order_for_whoever_verifies(log, cli):
    first = log.vkey
    change(log)
    send(log)
    lines = cli("audit", "keys", log.box).splitlines()
    assert [line for line in lines if not line.startswith("#")][:-1] == [first, log.vkey]
    assert lines[-2:][0] == "# the bridge, as witness"
    assert f"# {log.origin}, from record 4 on" in lines
    assert NoteKey.parse(lines[-1]).kind == 4
    told = json.loads(cli("audit", "keys", log.box, "--json"))["keys"]
    assert [(key["vkey"], key["first"]) for key in told] == [(first, 0), (log.vkey, 4)]
    assert "a registered box" in cli("audit", "keys", "none", code=3)


async def test_over_the_line_a_change_of_key_is_witnessed_like_everything_else(bridge):
    log = BoxLog("box-key-line")
    bridge.add_boxes([log])
    for step in range(3):
        log.leaf(step=step)
    async with connected(log, bridge.host, bridge.port) as side:
        await side.sync()
        await side.acknowledged(bridge.witness, 3)
        old = change(log)
        await side.send("log", log.batch())
        await side.send("cp", log.note(key=old))
        await side.wait_for("ack", lambda payload: b"\n4\n" in payload)
        log.leaf(step=5)
        await side.sync()
        await side.acknowledged(bridge.witness, 5)
    assert "5 records unchanged, witnessed up to 5" in bridge.cli("audit", "verify", log.box)
