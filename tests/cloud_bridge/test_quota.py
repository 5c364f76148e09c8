"""What one box may send: a flood of one is refused and counted, and no other box notices (BOX-05)."""

import asyncio
import time

import pytest

from cloud_bridge.boxes.quota import (
    ALARMS_PER_MIN,
    DAY_S,
    LEAST_MEDIA_BYTES,
    MEDIA_BYTES_PER_DAY,
    MESSAGES_PER_MIN,
    MINUTE_S,
    REPORT_S,
    Limits,
    Quotas,
    _Account,
    _Window,
)
from contracts.errors import ContractError
from tests.cloud_bridge.box_side import BoxLog, connected
from tests.cloud_bridge.running import until
from tests.cloud_bridge.test_ingest import rejected, rows


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def quotas(clock):
    return Quotas(clock)


def over(quotas, box, leaf, size, limits):
    """What the box has used up, "" when it may go on."""
    try:
        quotas.take(box, leaf, size, limits)
    except ContractError as error:
        return error.field
    return ""


def test_a_message_of_recordings_costs_a_piece_however_short_it_is(quotas):
    """One that only asks is as much work for the one thread that writes."""
    limits = Limits(leaves_per_min=10, bytes_per_day=100)
    most = MEDIA_BYTES_PER_DAY // LEAST_MEDIA_BYTES
    quotas._accounts["a"] = _Account(media=_Window(DAY_S, 1000.0, MEDIA_BYTES_PER_DAY - 2 * LEAST_MEDIA_BYTES))
    assert most < 5_000_000
    assert [over(quotas, "a", "media", 200, limits) for _ in range(3)] == ["", "", "quota.media"]


def test_records_are_counted_by_the_minute_and_bytes_by_the_day(quotas, clock):
    limits = Limits(leaves_per_min=10, bytes_per_day=100)
    assert over(quotas, "a", "log", 60, limits) == ""
    quotas.leaves("a", 9)
    assert over(quotas, "a", "log", 40, limits) == "", "nine of ten, and exactly the hundred bytes"
    assert over(quotas, "a", "log", 1, limits) == "quota.bytes"
    quotas.leaves("a", 1)
    assert over(quotas, "a", "log", 0, limits) == "quota.leaves"
    assert over(quotas, "b", "log", 100, limits) == "", "another box has its own"
    clock.now += MINUTE_S - 0.001
    assert over(quotas, "a", "log", 0, limits) == "quota.leaves"
    clock.now += 0.001
    assert over(quotas, "a", "log", 0, limits) == ""
    clock.now += DAY_S - MINUTE_S - 0.001
    assert over(quotas, "a", "log", 1, limits) == "quota.bytes"
    clock.now += 0.001
    assert over(quotas, "a", "log", 1, limits) == ""


def test_alarms_have_a_share_of_their_own(quotas, clock):
    """A drain at full speed sends thousands of checkpoints; an alarm is not refused for that (BOX-05)."""
    enough, used_up = Limits(10, 10), Limits(0, 0)
    for _ in range(MESSAGES_PER_MIN):
        assert over(quotas, "a", "cp", 1, enough) == ""
    assert over(quotas, "a", "state", 1, enough) == "quota.messages"
    for _ in range(ALARMS_PER_MIN):
        assert over(quotas, "a", "live", 10_000, used_up) == ""
    assert over(quotas, "a", "live", 1, enough) == "quota.alarms"
    clock.now += MINUTE_S - 0.001
    assert over(quotas, "a", "live", 1, enough) == "quota.alarms"
    clock.now += 0.001
    assert over(quotas, "a", "live", 1, enough) == ""
    assert over(quotas, "a", "state", 1, enough) == ""


def test_alarms_use_up_nothing_of_the_other_messages(quotas):
    for _ in range(ALARMS_PER_MIN):
        assert over(quotas, "a", "live", 1, Limits(1, 1)) == ""
    assert over(quotas, "a", "state", 1, Limits(1, 1)) == ""


@pytest.mark.parametrize("limits", [Limits(0, 100), Limits(10, 0)])
def test_a_checkpoint_is_refused_with_its_records_until_some_are_taken_again(quotas, clock, limits):
    enough = Limits(10, 100)
    assert over(quotas, "a", "cp", 1, limits) == "", "nothing was refused yet"
    assert over(quotas, "a", "log", 1, limits).startswith("quota.")
    assert over(quotas, "a", "cp", 1, limits) == "quota.checkpoint"
    assert over(quotas, "a", "state", 1, limits) == over(quotas, "a", "live", 1, limits) == ""
    assert over(quotas, "b", "cp", 1, limits) == "", "another box is not concerned"
    assert over(quotas, "a", "log", 1, enough) == ""
    assert over(quotas, "a", "cp", 1, enough) == ""
    assert over(quotas, "a", "log", 1, limits).startswith("quota.")
    clock.now += MINUTE_S - 0.001
    assert over(quotas, "a", "cp", 1, enough) == "quota.checkpoint"
    clock.now += 0.001
    assert over(quotas, "a", "cp", 1, enough) == "", "a box that has nothing else to send is heard again"


def test_a_flood_of_refusals_is_written_down_now_and_then(quotas, clock):
    assert quotas.report("a") == 1
    assert [quotas.report("a") for _ in range(5)] == [0] * 5
    assert quotas.report("b") == 1
    clock.now += REPORT_S
    assert quotas.report("a") == 6


async def test_a_flood_of_one_box_is_counted_and_the_other_boxes_go_on(bridge):
    flood, calm = BoxLog("box-flood"), BoxLog("box-calm")
    bridge.add_boxes([flood, calm])
    bridge.cli(
        "manage", "shell", "--no-imports", "-c",
        "from cloud_bridge.boxes.models import Box; Box.objects.filter(pk='box-flood').update(leaves_per_min=20)",
    )
    for step in range(30):
        flood.leaf(step=step)
    for step in range(5):
        calm.leaf(step=step)
    async with connected(flood, bridge.host, bridge.port) as loud, connected(calm, bridge.host, bridge.port) as quiet:
        await loud.send("log", flood.batch(0, 20))
        await asyncio.gather(*(loud.send("log", flood.batch(20)) for _ in range(200)))
        began = time.monotonic()
        await quiet.sync()
        await quiet.acknowledged(bridge.witness, 5)
        assert time.monotonic() - began < 5
        await loud.send("live", flood.other_leaf(30, "gas.alarm", "alarm"))
    until(lambda: rejected(bridge, flood).get("quota.leaves", 0) >= 1)
    assert rows(bridge, "SELECT count(*) FROM boxes_event WHERE box_id='box-flood'") == [(20,)]
    until(lambda: rows(bridge, "SELECT count(*) FROM boxes_liveevent WHERE box_id='box-flood'") == [(1,)])
    assert rejected(bridge, calm) == {}


async def test_a_box_over_its_quota_is_not_asked_again_and_again_for_what_is_refused(bridge):
    """BOX-05: each demand would make it send thousands of records at once, in vain, for the rest of the minute."""
    log = BoxLog("box-storm")
    bridge.add_boxes([log])
    bridge.cli(
        "manage", "shell", "--no-imports", "-c",
        "from cloud_bridge.boxes.models import Box; Box.objects.filter(pk='box-storm').update(leaves_per_min=20)",
    )
    for step in range(30):
        log.leaf(step=step)

    def demands():
        return sum(payload.startswith(b"{") for payload in side.heard.get("ack", []))

    async with connected(log, bridge.host, bridge.port) as side:
        await side.send("log", log.batch(0, 20))
        await side.send("cp", log.note())
        await side.wait_for("ack", lambda payload: payload.startswith(b"{"))
        for _ in range(50):
            await side.send("log", log.batch(20))
            await side.send("cp", log.note())
        await side.send("live", log.other_leaf(30, "gas.alarm", "alarm"))
        until(lambda: rows(bridge, "SELECT count(*) FROM boxes_liveevent WHERE box_id='box-storm'") == [(1,)])
        assert demands() == 1, "the first one, before anything was refused"
    assert rows(bridge, "SELECT count(*) FROM boxes_event WHERE box_id='box-storm'") == [(20,)]
