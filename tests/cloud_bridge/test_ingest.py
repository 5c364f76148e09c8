"""What the bridge does with a box's messages: real broker, real MQTT, the real ingest process."""

import sqlite3

import msgspec
import pytest
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts import topics
from tests.cloud_bridge.box_side import BoxLog, connected
from tests.cloud_bridge.running import until


@pytest.fixture(scope="module")
def boxes(bridge):
    """Registered boxes that nobody has used yet."""
    logs = [BoxLog(f"box-in-{number}") for number in range(40)]
    bridge.add_boxes(logs)
    return iter(logs)


@pytest.fixture
def log(boxes):
    """One of them."""
    return next(boxes)


@pytest.fixture(scope="module")
def reader(bridge):
    return bridge.visitor("shen")


def rows(bridge, sql, *values):
    with sqlite3.connect(f"file:{bridge.data / 'bridge.db'}?mode=ro", uri=True) as connection:
        return connection.execute(sql, values).fetchall()


def stored(bridge, log):
    return [
        bytes(leaf) for (leaf,) in rows(bridge, "SELECT leaf FROM boxes_event WHERE box_id=? ORDER BY seq", log.box)
    ]


def alerts(reader, log):
    return [alert["kind"] for alert in reader.json(f"/api/v1/boxes/{log.box}")["alerts"]]


def rejected(bridge, log):
    return dict(rows(bridge, "SELECT field, count FROM boxes_rejection WHERE box_id=?", log.box))


async def test_leaves_are_kept_byte_for_byte_and_witnessed(bridge, log):
    for step in range(20):
        log.leaf(step=step)
    async with connected(log, bridge.host, bridge.port) as side:
        await side.sync()
        await side.acknowledged(bridge.witness, 20)
    assert stored(bridge, log) == log.leaves
    assert "20 records unchanged, witnessed up to 20" in bridge.cli("audit", "verify", log.box)


async def test_sending_again_changes_nothing(bridge, log):
    for step in range(5):
        log.leaf(step=step)
    async with connected(log, bridge.host, bridge.port) as side:
        for _ in range(3):
            await side.sync()
        await side.acknowledged(bridge.witness, 5)
        log.leaf(step=5)
        await side.sync()
        await side.acknowledged(bridge.witness, 6)
    assert stored(bridge, log) == log.leaves


async def test_a_gap_is_answered_with_the_leaf_that_is_wanted(bridge, log):
    for step in range(6):
        log.leaf(step=step)
    async with connected(log, bridge.host, bridge.port) as side:
        await side.send("log", log.batch(0, 2))
        await side.send("log", log.batch(4))
        nak = await side.wait_for("ack", lambda payload: payload.startswith(b"{"))
        assert msgspec.json.decode(nak, type=topics.Nak) == topics.Nak(log.origin, 2)
        await side.send("log", log.batch(2))
        await side.send("cp", log.note())
        await side.acknowledged(bridge.witness, 6)
    assert stored(bridge, log) == log.leaves


async def test_a_checkpoint_ahead_of_its_leaves_is_cosigned_once_they_came(bridge, log):
    for step in range(3):
        log.leaf(step=step)
    async with connected(log, bridge.host, bridge.port) as side:
        await side.send("cp", log.note())
        await side.wait_for("ack", lambda payload: payload.startswith(b"{"))
        await side.send("log", log.batch())
        await side.acknowledged(bridge.witness, 3)


async def test_an_older_checkpoint_is_answered_with_the_newest_ack(bridge, log):
    for step in range(9):
        log.leaf(step=step)
    async with connected(log, bridge.host, bridge.port) as side:
        await side.sync()
        await side.acknowledged(bridge.witness, 9)
        side.heard.clear()
        await side.send("cp", log.note(4))
        await side.acknowledged(bridge.witness, 9)


async def test_a_second_record_under_a_number_is_a_fork_and_is_not_stored(bridge, log, reader):
    for step in range(3):
        log.leaf(step=step)
    async with connected(log, bridge.host, bridge.port) as side:
        await side.sync()
        await side.acknowledged(bridge.witness, 3)
        await side.send("log", topics.pack_batch(log.origin, 1, [log.other_leaf(1, step=99)]))
        until(lambda: alerts(reader, log) == ["fork"])
    assert stored(bridge, log) == log.leaves
    assert "同一序号出现两条不同记录" in reader.get("/")
    assert reader.json(f"/api/v1/boxes/{log.box}")["alarm"] is True


async def test_a_record_that_names_another_predecessor_is_an_alert(bridge, log, reader):
    log.leaf(step=0)
    other = BoxLog(log.box)
    other.leaf(step=7)
    other.leaf(step=8)
    async with connected(log, bridge.host, bridge.port) as side:
        await side.sync()
        await side.send("log", topics.pack_batch(log.origin, 1, other.leaves[1:]))
        until(lambda: alerts(reader, log) == ["chain"])
    assert stored(bridge, log) == log.leaves


async def test_a_signed_checkpoint_with_another_root_is_never_cosigned(bridge, log, reader):
    log.leaf()
    async with connected(log, bridge.host, bridge.port) as side:
        await side.send("log", log.batch())
        await side.send("cp", log.note(1, root=b"\7" * 32))
        until(lambda: alerts(reader, log) == ["root"])
        assert "ack" not in side.heard
    assert "not yet witnessed" in bridge.cli("audit", "verify", log.box, code=4)


async def test_a_box_whose_log_was_exchanged_is_told_what_was_witnessed_of_the_other(bridge, log, reader):
    """ANT-09: with that note it refuses to arm (test_log.py); without an answer it would know of nothing."""
    for step in range(3):
        log.leaf(step=step)
    async with connected(log, bridge.host, bridge.port) as side:
        await side.sync()
        await side.acknowledged(bridge.witness, 3)
        side.heard.clear()
        await side.send("cp", log.note(3, root=b"\7" * 32))
        await side.acknowledged(bridge.witness, 3)
        until(lambda: alerts(reader, log) == ["root"])


async def test_a_checkpoint_by_another_key_is_rejected(bridge, log):
    log.leaf()
    async with connected(log, bridge.host, bridge.port) as side:
        await side.send("log", log.batch())
        await side.send("cp", log.note(key=Ed25519PrivateKey.generate()))
        until(lambda: rejected(bridge, log).get("note.signature") == 1)
        await side.send("cp", log.note())
        await side.acknowledged(bridge.witness, 1)


@pytest.mark.parametrize(
    ("leaf", "payload", "field"),
    [
        ("log", b"\xff\xfe", "batch"),
        ("log", b'{"origin":"x","first":0,"n":1}\nnot zstd', "batch"),
        ("log", b"x" * (topics.MAX_PAYLOAD_BYTES + 1), "payload"),
        ("cp", b"no note", "origin"),
        ("live", b"{}", "v"),
        ("state", b"[]", ""),
        ("state", b'{"online":true,"box":"other","t":1}', "state.box"),
        ("rsp", b"\x00", ""),
        ("else", b"", "topic"),
    ],
)
async def test_nonsense_is_counted_and_the_next_message_is_served(bridge, log, leaf, payload, field):
    log.leaf()
    async with connected(log, bridge.host, bridge.port) as side:
        await side.send(leaf, payload)
        await side.sync()
        await side.acknowledged(bridge.witness, 1)
    assert rejected(bridge, log) == {field: 1}


async def test_a_zip_bomb_is_refused(bridge, log):
    log.leaf()
    head = msgspec.json.encode(topics.BatchHead(log.origin, 0, 1))
    bomb = head + b"\n" + zstandard.ZstdCompressor(level=19).compress(b"\0" * (64 * 1024 * 1024))
    assert len(bomb) < topics.MAX_PAYLOAD_BYTES
    async with connected(log, bridge.host, bridge.port) as side:
        await side.send("log", bomb)
        await side.sync()
        await side.acknowledged(bridge.witness, 1)
    assert rejected(bridge, log) == {"batch": 1}


async def test_good_leaves_before_a_bad_one_are_kept(bridge, log):
    for step in range(3):
        log.leaf(step=step)
    async with connected(log, bridge.host, bridge.port) as side:
        await side.send("log", topics.pack_batch(log.origin, 0, [*log.leaves[:2], b'{"not":"a leaf"}']))
        until(lambda: rejected(bridge, log))
    assert stored(bridge, log) == log.leaves[:2]


async def test_a_box_cannot_write_into_another_ones_log(bridge, log, boxes):
    victim = next(boxes)
    victim.leaf()
    async with connected(log, bridge.host, bridge.port) as side:
        await side.send("log", victim.batch())
        until(lambda: rejected(bridge, log) == {"origin": 1})
    assert stored(bridge, victim) == []


async def test_an_unregistered_box_is_counted_as_unknown(bridge):
    stranger = BoxLog("box-nobody-knows")
    stranger.leaf()
    async with connected(stranger, bridge.host, bridge.port) as side:
        await side.sync()
        until(lambda: rows(bridge, "SELECT sum(count) FROM boxes_rejection WHERE box_id IS NULL")[0][0])
    assert stored(bridge, stranger) == []


async def test_a_live_alarm_is_shown_unproven_until_the_log_has_it(bridge, log, reader):
    log.leaf()
    alarm = log.leaf("gas.alarm", "alarm", code="gas_high", chan="ch4-1")

    def seen():
        return [(row["seq"], row["proven"]) for row in reader.json(f"/api/v1/alarms?box={log.box}")]

    async with connected(log, bridge.host, bridge.port) as side:
        await side.send("live", alarm)
        until(lambda: seen() == [(1, False)])
        await side.sync()
        until(lambda: seen() == [(1, True)])
        await side.send("live", alarm)
        await side.send("live", log.other_leaf(1, "gas.alarm", "alarm", chan="co-1"))
        until(lambda: alerts(reader, log) == ["fork"])
    assert seen() == [(1, True)]


async def test_a_live_alarm_that_the_log_contradicts_is_a_fork(bridge, log, reader):
    log.leaf("gas.alarm", "alarm", chan="ch4-1")
    async with connected(log, bridge.host, bridge.port) as side:
        await side.send("live", log.other_leaf(0, "gas.alarm", "alarm", chan="other"))
        await side.sync()
        until(lambda: alerts(reader, log) == ["fork"])
    assert stored(bridge, log) == log.leaves


async def test_state_and_will_are_shown_with_their_age(bridge, log, reader):
    async with connected(log, bridge.host, bridge.port) as side:
        await side.state("TRIPPED", first_out="gas_high:ch4-1", permit="DH-1")
        box = until(lambda: (b := reader.json(f"/api/v1/boxes/{log.box}")) and b["online"] and b)
        assert (box["state"], box["first_out"], box["permit"]) == ("tripped", "gas_high:ch4-1", "DH-1")
        assert box["age_s"] <= 5
        await side.send("state", msgspec.json.encode(topics.BoxState(False, log.box, 0)), retain=True)
        box = until(lambda: (b := reader.json(f"/api/v1/boxes/{log.box}")) and not b["online"] and b)
    assert (box["state"], box["first_out"]) == ("tripped", "gas_high:ch4-1")
