"""The trace of every box at the bridge: its share, its gaps, and what boxes refused (ANT-10, KPI-06, PTW-18)."""

import asyncio
import json
import sqlite3
import time
from contextlib import closing
from itertools import pairwise

import msgspec
import pytest

from tests.cloud_bridge.box_side import BoxLog
from tests.cloud_bridge.test_pages import client
from tests.contracts.run_log import Log


def send(box, log, *, first=0):
    """The leaves of a log in the making, as this box's own, stored at the bridge."""
    from cloud_bridge.boxes.models import Box
    from cloud_bridge.boxes.registry import register
    from cloud_bridge.boxes.store import store_batch
    from contracts import event, topics

    side = BoxLog(box)
    if not Box.objects.filter(pk=box).exists():
        register(box, side.vkey)
    leaves, prev = [], event.FIRST_PREV
    for leaf in log.leaves:
        leaves.append(event.encode(msgspec.structs.replace(event.decode(leaf), box=box, prev=prev)))
        prev = event.hash_of(leaves[-1])
    for at in range(first, len(leaves), 50):
        done = store_batch(box, *topics.unpack_batch(topics.pack_batch(side.origin, at, leaves[at : at + 50])))
        assert done.error is None
        assert not done.alerts


def follow_all():
    """One piece of every log that is behind."""
    from cloud_bridge.insight.trace import behind, follow

    return sum(follow(log) for log in behind())


def log_of(box):
    from cloud_bridge.boxes.models import Log as Stored

    return Stored.objects.get(box=box)


def lines(prefix, box):
    found = client("an").get("/metrics").content.decode().splitlines()
    return [line for line in found if line.startswith(f'{prefix}{{box="{box}"')]


def page(box, language="en"):
    return client("an", language).get(f"/boxes/{box}/log/").content.decode()


def test_a_whole_run_is_a_whole_share(django_data):
    from cloud_bridge.insight.trace import figure, follow

    send("trace-whole", Log().began().minutes(5).opened())
    assert figure("trace-whole").behind > 10
    assert follow(log_of("trace-whole")) > 10
    found = figure("trace-whole")
    assert (found.runs, found.percent, found.behind, found.closed_ms, found.gaps) == (1, "100", 0, 300_015, [])
    english, chinese = page("trace-whole"), page("trace-whole", "zh-hans")
    assert "<strong>100 %</strong> of 1 run" in english
    assert "Every second that the relay was closed has its permit and its evidence." in english
    assert "触点吸合的每一秒均有作业票与证据" in chinese
    assert lines("hotbox_bridge_trace_share", "trace-whole") == ['hotbox_bridge_trace_share{box="trace-whole"} 1']
    assert lines("hotbox_bridge_trace_closed_seconds", "trace-whole")[0].endswith(" 300.015")


def test_a_gap_is_named_and_costs_its_seconds(django_data):
    from cloud_bridge.insight.trace import figure, follow

    send("trace-gap", Log().began().minutes(1).wait(100).opened())
    follow(log_of("trace-gap"))
    found = figure("trace-gap")
    assert found.closed_ms - found.covered_ms == 39_000
    assert found.percent == "75.62"
    english, chinese = page("trace-gap"), page("trace-gap", "zh-hans")
    assert "no good gas value in time" in english
    assert "39 s" in english
    assert "无有效气体数值" in chinese
    assert float(lines("hotbox_bridge_trace_share", "trace-gap")[0].split()[1]) == pytest.approx(0.756, abs=0.001)


def test_following_piece_by_piece_comes_to_what_is_computed_anew(django_data):
    from cloud_bridge.insight.models import TracedRun
    from cloud_bridge.insight.trace import figure, follow, recompute

    log = Log().began().minutes(2)
    send("trace-pieces", log)
    while follow(log_of("trace-pieces"), 3):
        pass
    assert figure("trace-pieces").closed_ms == 120_010  # it goes on
    stored = len(log.leaves)
    log.wait(3).boots(clean=False, off_s=5).wait(1)
    log.add("interlock.minute", {"contact": "open", "people": []})
    send("trace-pieces", log, first=stored)
    while follow(log_of("trace-pieces"), 3):
        pass
    (run,) = recompute(log_of("trace-pieces")).intervals
    (row,) = TracedRun.objects.filter(log__box="trace-pieces")
    for name in ("first", "last", "permit", "attempt", "first_ms", "last_ms", "closed_ms", "covered_ms", "end"):
        assert getattr(row, name) == getattr(run, name), name
    assert figure("trace-pieces").closed_ms == run.closed_ms


def in_between(monkeypatch, happens):
    """Let this happen after the next piece is read, and before it is written down."""
    from cloud_bridge.insight import trace

    read = trace._leaves

    def leaves(log, first, most=None):
        yield from read(log, first, most)
        monkeypatch.setattr(trace, "_leaves", read)
        happens()

    monkeypatch.setattr(trace, "_leaves", leaves)


def concluded(box):
    from cloud_bridge.insight.models import Interception, TracedLog, TracedRun

    return (
        list(TracedRun.objects.filter(log__box=box).values_list("first", "closed_ms", "covered_ms")),
        list(Interception.objects.filter(box=box).values_list("reason", "times")),
        list(TracedLog.objects.filter(log__box=box).values_list("next", flat=True)),
    )


def a_run_and_a_refusal():
    log = Log().began().wait(5).opened()
    return log.add("interlock.arm_refused", {"reasons": [{"code": "badge_absent", "chan": "L"}]})


def test_others_write_to_the_database_while_a_piece_is_read_and_traced(django_data, monkeypatch):
    """BOX-05: the ingest and its alarms do not wait for the trace."""
    from cloud_bridge.insight.trace import follow

    def write():
        with closing(sqlite3.connect(django_data.database, timeout=0)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.rollback()
            written.append(True)

    written = []
    send("trace-beside-others", a_run_and_a_refusal())
    in_between(monkeypatch, write)
    assert follow(log_of("trace-beside-others")) > 0
    assert written == [True]
    assert concluded("trace-beside-others")[1] == [("badge_absent", 1)]


@pytest.mark.parametrize("most", [3, 1000])
def test_two_workers_on_one_log_conclude_everything_once(django_data, monkeypatch, most):
    """ANT-10, PTW-18: one of them started again before the other one ended."""
    from cloud_bridge.insight.trace import follow

    box, alone = f"trace-two-{most}", f"trace-alone-{most}"
    for each in (box, alone):
        send(each, a_run_and_a_refusal())
    in_between(monkeypatch, lambda: done.append(follow(log_of(box), most)))
    done = []
    assert follow(log_of(box)) == 0, "the other one was faster"
    assert done[0] > 0
    for each in (box, alone):
        while follow(log_of(each)):
            pass
    assert concluded(box) == concluded(alone)
    assert [len(part) for part in concluded(box)] == [1, 1, 1]


def test_a_piece_whose_writing_is_cut_short_is_done_again_as_a_whole(django_data, monkeypatch):
    """ANT-10, PTW-18: nothing is half concluded, nothing is counted twice."""
    from cloud_bridge.insight import trace

    class CutError(Exception):
        pass

    class Cut:
        @property
        def objects(self):
            raise CutError

    send("trace-cut", a_run_and_a_refusal())
    with monkeypatch.context() as patch:
        patch.setattr(trace, "Interception", Cut())
        with pytest.raises(CutError):
            trace.follow(log_of("trace-cut"))
    assert concluded("trace-cut") == ([], [], [])
    assert trace.follow(log_of("trace-cut")) > 0
    assert trace.follow(log_of("trace-cut")) == 0
    runs, refused, _ = concluded("trace-cut")
    assert (len(runs), refused) == (1, [("badge_absent", 1)])


async def test_the_follower_goes_through_every_log_and_pauses_after_each_piece(django_data, monkeypatch):
    """BOX-05: however much there is to follow, others come in between."""
    from cloud_bridge.insight import follower, trace

    started, caught_up = [], asyncio.Event()
    loop, follow = asyncio.get_running_loop(), trace.follow

    def noted(log):
        started.append(time.monotonic())
        return follow(log, 5)

    def still_behind():
        found = behind()
        if not found:
            loop.call_soon_threadsafe(caught_up.set)
        return found

    behind = trace.behind
    for box in ("trace-follow-a", "trace-follow-b"):
        await asyncio.to_thread(send, box, a_run_and_a_refusal())
    monkeypatch.setattr(trace, "follow", noted)
    monkeypatch.setattr(trace, "behind", still_behind)
    task = asyncio.create_task(follower.run())
    async with asyncio.timeout(90):
        await caught_up.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    for box in ("trace-follow-a", "trace-follow-b"):
        assert len((await asyncio.to_thread(concluded, box))[0]) == 1
    assert len(started) >= 4
    assert all(after - before >= follower.PAUSE_S for before, after in pairwise(started))


def test_records_of_quiet_times_crowd_nothing_out_of_the_lists(django_data):
    from cloud_bridge.boxes.models import Event, Notice
    from cloud_bridge.web.overview import newest_events
    from cloud_bridge.web.stream import draw

    send("trace-quiet", Log().began().minutes(40))
    assert Event.objects.filter(box="trace-quiet", type="gas.minute").count() == 40
    listed = {row.type for row in newest_events(60, "trace-quiet")}
    assert "relay.closed" in listed
    assert not {"gas.minute", "interlock.minute"} & listed
    told = "".join(draw(list(Notice.objects.filter(box="trace-quiet", kind="event")), "en"))
    assert "contact closed" in told
    assert "gas of a minute" not in told
    older = client("an").get(f"/boxes/trace-quiet/events?before={Event.objects.latest('pk').pk + 1}")
    assert "gas of a minute" not in older.content.decode()


def test_a_relay_that_never_closed_and_a_box_without_a_word(django_data):
    from cloud_bridge.insight.trace import figures

    send("trace-still", Log().add("system.boot", permit="", corr=""))
    while follow_all():
        pass
    assert figures(["trace-still"])["trace-still"].share == 1.0
    assert "The relay never closed." in page("trace-still")


def test_a_log_that_cannot_be_read_is_told_and_stops_nothing_else(django_data):
    from cloud_bridge.boxes.models import Event
    from cloud_bridge.insight.trace import figure

    send("trace-broken", Log().began().wait(5).opened())
    leaf = Event.objects.get(box="trace-broken", seq=4).leaf
    Event.objects.filter(box="trace-broken", seq=4).update(leaf=b"{}")
    send("trace-beside", Log().began().wait(5).opened())
    while follow_all():
        pass
    Event.objects.filter(box="trace-broken", seq=4).update(leaf=leaf)
    assert figure("trace-beside").closed_ms == 5_015
    assert "record 4" in figure("trace-broken").broken
    assert "record 4" in page("trace-broken")


def test_what_boxes_refused_is_counted_by_reason(django_data):
    """PTW-18: the counter is the number of reasons in the log's refusals."""
    from cloud_bridge.boxes.models import Event
    from cloud_bridge.insight.models import Interception
    from cloud_bridge.insight.trace import follow
    from contracts.event import decode
    from contracts.refusals import refused_for

    log = Log().add("system.boot", permit="", corr="")
    for _ in range(3):
        log.wait(1).add("interlock.arm_refused", {"reasons": [{"code": "badge_absent", "chan": "L"}, {"code": "gas_test_none"}]})
    log.add("permit.refused", {"code": "forged"}).add("command.refused", {}).add("release.abandoned", {"reasons": [{"code": "gas_high"}]})
    log.add("gas.alarm", {"code": "gas_high", "chan": "refused"})
    send("trace-refused", log)
    follow(log_of("trace-refused"), 2)
    follow(log_of("trace-refused"))
    counted = dict(Interception.objects.filter(box="trace-refused").values_list("reason", "times"))
    assert counted == {"badge_absent": 3, "gas_test_none": 3, "forged": 1, "command.refused": 1, "gas_high": 1}
    rows = [decode(bytes(leaf)) for leaf in Event.objects.filter(box="trace-refused").values_list("leaf", flat=True)]
    assert sum(counted.values()) == sum(len(refused_for(event)) for event in rows)
    assert 'hotbox_bridge_interceptions_total{box="trace-refused",reason="badge_absent"} 3' in lines(
        "hotbox_bridge_interceptions_total", "trace-refused"
    )
    assert "What the box refused" in page("trace-refused")
    assert "command refused" in page("trace-refused")
    assert "作业盒已拦截" in page("trace-refused", "zh-hans")


def test_the_command_goes_through_everything_again(cli):
    from cloud_bridge.boxes.models import Event

    send("trace-cli", Log().began().wait(5).opened())
    told = json.loads(cli("audit", "trace", "trace-cli", "--json"))
    assert [(one["closed_ms"], one["covered_ms"], one["share"]) for one in told] == [(5_015, 5_015, 1.0)]
    assert "100 % traced" in cli("audit", "trace", "trace-cli")
    send("trace-cli-gap", Log().began().minutes(1).wait(100).opened())
    assert "no_gas" in cli("audit", "trace", "trace-cli-gap", code=1)
    leaf = Event.objects.get(box="trace-cli-gap", seq=4).leaf
    Event.objects.filter(box="trace-cli-gap", seq=4).update(leaf=b"{}")
    told = cli("audit", "trace", code=3)
    Event.objects.filter(box="trace-cli-gap", seq=4).update(leaf=leaf)
    assert "trace-cli/1: 1 runs" in told
    assert "audit verify" in told
    cli("audit", "trace", "no-such-box", code=3)
    send("trace-cli-still", Log().add("system.boot", permit="", corr=""))
    assert "never closed" in cli("audit", "trace", "trace-cli-still")


def test_all_shares_take_the_same_questions_however_many_boxes(django_data):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from cloud_bridge.insight.trace import figures

    for number in range(3):
        send(f"trace-many-{number}", Log().add("system.boot", permit="", corr=""))
    with CaptureQueriesContext(connection) as few:
        figures(["trace-many-0"])
    with CaptureQueriesContext(connection) as many:
        figures([f"trace-many-{number}" for number in range(3)])
    assert len(many) == len(few) == 2
