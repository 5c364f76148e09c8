"""The page of a box's log: witnessed up to, the age of the rest, the last fork, the last gap (ANT-07, ANT-09, BOX-06)."""

import time

import pytest

from tests.cloud_bridge.box_side import BoxLog
from tests.cloud_bridge.test_pages import client

HOUR_MS = 3_600_000


def stored(box, count=10, *, witnessed=0, epoch=1):
    """A registered box whose log of so many leaves is here, its first ones witnessed."""
    from cloud_bridge.boxes.registry import register
    from cloud_bridge.boxes.store import store_batch
    from cloud_bridge.boxes.witness import agree
    from contracts import topics

    log = BoxLog(box, epoch)
    register(box, log.vkey, name=f"盒 {box}")
    for _ in range(count):
        log.leaf()
    if count:
        store_batch(box, *topics.unpack_batch(log.batch()))
    if witnessed:
        agree(box, log.note(witnessed).encode())
    return log


def page(box, language="en"):
    answer = client("an", language).get(f"/boxes/{box}/log/")
    assert answer.status_code == 200
    return answer.content.decode()


def tail_age_metric(box):
    """None when it is left out."""
    name = f'hotbox_bridge_log_tail_age_seconds{{box="{box}"}} '
    lines = client("an").get("/metrics").content.decode().splitlines()
    return next((int(line.removeprefix(name)) for line in lines if line.startswith(name)), None)


def late(box, first, last, by_ms):
    """As if these leaves had been on the way so long."""
    from django.db.models import F

    from cloud_bridge.boxes.models import Event

    Event.objects.filter(box=box, seq__gte=first, seq__lte=last).update(received_ms=F("t") + by_ms)


def test_it_says_how_far_the_log_is_witnessed_and_how_old_the_rest_is(django_data):
    from cloud_bridge.boxes.log_health import box_logs
    from cloud_bridge.boxes.models import Box, Event

    stored("box-tail", 10, witnessed=4)
    (health,) = box_logs(Box.objects.get(pk="box-tail")).logs
    assert (health.tail, health.missing, health.gap) == (6, 0, None)
    assert health.tail_age_s in (0, 1, 2)
    Event.objects.filter(box="box-tail", seq=4).update(t=time.time_ns() // 1_000_000 - 3 * HOUR_MS)
    (health,) = box_logs(Box.objects.get(pk="box-tail")).logs
    assert 3 * 3600 <= health.tail_age_s < 3 * 3600 + 60
    english, chinese = page("box-tail"), page("box-tail", "zh-hans")
    assert "Witnessed up to" in english
    assert "3 h ago" in english
    assert "已见证至" in chinese
    assert "3 小时前" in chinese


def test_a_log_that_is_witnessed_to_its_end_has_no_tail(django_data):
    from cloud_bridge.boxes.log_health import tail_ages

    stored("box-whole", 5, witnessed=5)
    stored("box-none", 5)
    stored("box-empty", 0)
    assert set(tail_ages(["box-whole", "box-none", "box-empty"])) == {("box-none", 1)}
    assert "nothing yet" in page("box-none")
    assert "nothing yet" in page("box-empty")


def test_it_names_what_the_box_has_and_the_bridge_has_not(django_data):
    from cloud_bridge.boxes.models import Box, BoxState

    stored("box-behind", 10, witnessed=10)
    BoxState.objects.create(box=Box.objects.get(pk="box-behind"), online=True, state="locked", size=25)
    assert "15 records that the box says it has" in page("box-behind")
    assert "15 条（作业盒称已有）" in page("box-behind", "zh-hans")


def test_records_that_are_not_here_are_a_tail_as_old_as_the_newest_that_is(django_data):
    """A witnessed log whose next hundred thousand records nobody has is not up to date."""
    from cloud_bridge.boxes.log_health import box_logs
    from cloud_bridge.boxes.models import Box, BoxState, Log

    def health():
        return box_logs(Box.objects.get(pk="box-absent")).logs[0]

    stored("box-absent", 10, witnessed=10)
    Log.objects.filter(box="box-absent").update(last_event_ms=time.time_ns() // 1_000_000 - 3 * HOUR_MS)
    BoxState.objects.create(box=Box.objects.get(pk="box-absent"), online=True, state="locked", size=10)
    assert (health().tail, health().missing, health().tail_age_s) == (0, 0, None)
    assert tail_age_metric("box-absent") == 0
    BoxState.objects.filter(box="box-absent").update(size=100_010)
    assert (health().tail, health().missing) == (100_000, 100_000)
    assert 3 * 3600 <= health().tail_age_s < 3 * 3600 + 60
    english, chinese = page("box-absent"), page("box-absent", "zh-hans")
    assert "none is here; the newest before them is from" in english
    assert "3 h ago" in english
    assert "均未送达，此前最新一条" in chinese
    assert 3 * 3600 <= tail_age_metric("box-absent") < 3 * 3600 + 60
    assert 3 * 3600 <= client("an").get("/api/v1/boxes/box-absent").json()["tail_age_s"] < 3 * 3600 + 60


def test_of_records_of_which_none_ever_came_no_age_is_made_up(django_data):
    from cloud_bridge.boxes.log_health import box_logs
    from cloud_bridge.boxes.models import Box, BoxState

    stored("box-unheard", 0)
    assert tail_age_metric("box-unheard") == 0
    BoxState.objects.create(box=Box.objects.get(pk="box-unheard"), online=True, state="locked", size=5)
    (health,) = box_logs(Box.objects.get(pk="box-unheard")).logs
    assert (health.tail, health.missing, health.tail_age_s) == (5, 5, None)
    assert tail_age_metric("box-unheard") is None, "0 would say that all is well"


def test_the_age_of_a_tail_that_is_here_is_its_own_whatever_is_missing_beside_it(django_data):
    from cloud_bridge.boxes.log_health import box_logs
    from cloud_bridge.boxes.models import Box, BoxState, Event

    stored("box-both", 10, witnessed=4)
    Event.objects.filter(box="box-both", seq=4).update(t=time.time_ns() // 1_000_000 - 3 * HOUR_MS)
    BoxState.objects.create(box=Box.objects.get(pk="box-both"), online=True, state="locked", size=12)
    (health,) = box_logs(Box.objects.get(pk="box-both")).logs
    assert (health.tail, health.missing) == (8, 2)
    assert 3 * 3600 <= health.tail_age_s < 3 * 3600 + 60
    assert "the oldest is from" in page("box-both")


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], None),
        ([(2, 5, 2 * HOUR_MS)], (2, 5, 7200)),
        ([(2, 5, 2 * HOUR_MS), (8, 9, 90_000)], (8, 9, 90)),
        ([(0, 19, HOUR_MS)], (0, 19, 3600)),
        ([(3, 3, 60_000)], None),
        ([(3, 3, 60_001)], (3, 3, 60)),
    ],
)
def test_the_last_run_of_late_records_is_the_last_gap(django_data, runs, expected):
    """ANT-07: a record that came late says so; a minute on the way is not late yet."""
    from cloud_bridge.boxes.log_health import box_logs
    from cloud_bridge.boxes.models import Box

    name = f"box-gap-{len(runs)}-{expected}".replace(" ", "").strip("()").replace("(", "").replace(",", "-").replace(")", "")
    stored(name, 20, witnessed=20)
    for run in runs:
        late(name, *run)
    (health,) = box_logs(Box.objects.get(pk=name)).logs
    gap = health.gap
    assert (gap and (gap.first, gap.last, gap.late_s)) == expected
    shown = page(name)
    if expected:
        assert f"records {expected[0]} to {expected[1]} came late" in shown
    else:
        assert "none among the newest" in shown


def test_it_shows_the_last_fork_and_whether_it_is_settled(django_data):
    from cloud_bridge.boxes.models import Alert, AlertKind, Box
    from cloud_bridge.boxes.store import raise_alert

    stored("box-fork", 6, witnessed=6)
    assert "never told two different stories" in page("box-fork")
    raise_alert(Box.objects.get(pk="box-fork"), AlertKind.FORK, 3, "a second <b>record</b> 3", b"evidence", epoch=1)
    english, chinese = page("box-fork"), page("box-fork", "zh-hans")
    assert "Last fork" in english
    assert "a second &lt;b&gt;record&lt;/b&gt; 3" in english
    assert "still open" in english
    assert "最近一次分叉" in chinese
    assert "待处理" in chinese
    Alert.objects.filter(box="box-fork").update(open=False)
    assert "settled" in page("box-fork")


@pytest.mark.parametrize("open_", [True, False])
def test_a_fork_stays_in_sight_however_many_gaps_came_after_it(django_data, open_):
    """ANT-09: and its form, too, as long as nobody closed it."""
    from cloud_bridge.boxes.log_health import SHOWN
    from cloud_bridge.boxes.models import Alert, AlertKind, Box, now_ms
    from cloud_bridge.boxes.store import raise_alert

    name = f"box-crowd-{open_}".lower()
    stored(name, 6, witnessed=6)
    box = Box.objects.get(pk=name)
    raise_alert(box, AlertKind.FORK, 3, "a second record 3", epoch=1)
    fork = Alert.objects.get(box=name, kind=AlertKind.FORK)
    later = now_ms() + 1000
    Alert.objects.bulk_create(
        Alert(box=box, kind=AlertKind.GAP, seq=seq, epoch=1, open=open_, detail="gone", first_ms=later, last_ms=later)
        for seq in range(SHOWN + 1)
    )
    shown = page(name)
    assert "never told two different stories" not in shown
    assert shown.count("a second record 3") == 2, "as the last fork and among the findings"
    assert f"/boxes/{name}/log/findings/{fork.pk}/close" in shown
    Alert.objects.filter(pk=fork.pk).update(open=False)
    assert "a second record 3" in page(name)


def test_every_epoch_is_shown_and_the_newest_comes_first(django_data):
    from cloud_bridge.boxes.models import Box, Log

    stored("box-epochs", 4, witnessed=4)
    second = BoxLog("box-epochs", 2)
    Log.objects.create(box=Box.objects.get(pk="box-epochs"), epoch=2, origin=second.origin, vkey=second.vkey)
    shown = page("box-epochs")
    assert shown.index('data-epoch="2"') < shown.index('data-epoch="1"')
    assert second.vkey in shown


def test_the_box_page_leads_to_it_and_strangers_are_sent_to_sign_in(django_data):
    stored("box-link", 1)
    assert 'href="/boxes/box-link/log/"' in client("an").get("/boxes/box-link/").content.decode()
    assert client().get("/boxes/box-link/log/").status_code == 302
    assert client("an").get("/boxes/none-such/log/").status_code == 404


def test_api_and_metrics_tell_the_same(django_data):
    from cloud_bridge.boxes.models import AlertKind, Box, Event
    from cloud_bridge.boxes.store import raise_alert

    stored("box-figures", 10, witnessed=4)
    Event.objects.filter(box="box-figures", seq=4).update(t=time.time_ns() // 1_000_000 - HOUR_MS)
    raise_alert(Box.objects.get(pk="box-figures"), AlertKind.ROOT, 4, "another root", epoch=1)
    raise_alert(Box.objects.get(pk="box-figures"), AlertKind.FORK, 5, "a second record", epoch=1)
    told = client("an").get("/api/v1/boxes/box-figures").json()
    assert 3600 <= told["tail_age_s"] < 3660
    assert abs(told["last_fork_ms"] - time.time_ns() // 1_000_000) < 60_000
    lines = client("an").get("/metrics").content.decode().splitlines()
    age = next(line for line in lines if line.startswith('hotbox_bridge_log_tail_age_seconds{box="box-figures"}'))
    assert 3600 <= int(age.split()[1]) < 3660
    assert any(line.startswith('hotbox_bridge_log_last_fork_seconds{box="box-figures"}') for line in lines)


def test_the_tails_of_all_boxes_are_one_question(django_data, monkeypatch):
    """The overview of a thousand boxes must not ask a thousand times."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from cloud_bridge.boxes.log_health import tail_ages

    for number in range(4):
        stored(f"box-many-{number}", 3)
    with CaptureQueriesContext(connection) as asked:
        assert len(tail_ages([f"box-many-{number}" for number in range(4)])) == 4
    assert len(asked) == 1
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {asked[0]['sql']}")
        plan = " ".join(str(row) for row in cursor.fetchall())
    assert "SCAN boxes_event" not in plan, plan
