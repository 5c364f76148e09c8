"""Missing records, a log that was set back, late records, and findings that a person closes (ANT-07, ANT-09, BOX-05)."""

import sqlite3
import time
from contextlib import closing

import msgspec
import pytest

from contracts import topics
from contracts.errors import ContractError
from tests.cloud_bridge.box_side import BoxLog
from tests.cloud_bridge.running import run_cli
from tests.cloud_bridge.test_pages import client
from tests.scenarios import both_sides

NUMBERS = iter(range(1000))
HOUR_MS = 3_600_000


@pytest.fixture
def log(django_data):
    """A registered box with ten records, none of which came yet."""
    from cloud_bridge.boxes.registry import register

    made = BoxLog(f"box-hole-{next(NUMBERS)}")
    register(made.box, made.vkey)
    for step in range(10):
        made.leaf(step=step)
    return made


def send(log, first=0, last=None):
    from cloud_bridge.boxes.store import store_batch

    return store_batch(log.box, *topics.unpack_batch(log.batch(first, last)))


def send_piece(log, first, body):
    """One record under a number, whatever the log has there."""
    from cloud_bridge.boxes.store import store_batch

    return store_batch(log.box, *topics.unpack_batch(topics.pack_batch(log.origin, first, [body])))


def found(log, kind, **more):
    from cloud_bridge.boxes.models import Alert

    return Alert.objects.filter(box=log.box, kind=kind, **more).first()


def user(name):
    from cloud_bridge.people.models import User

    return User.objects.get(username=name)


def tell(log, size, epoch=1, after_ms=0):
    """The box's state, `after_ms` after its newest record here."""
    from cloud_bridge.boxes.models import Log
    from cloud_bridge.boxes.store import store_state

    t = Log.objects.get(origin=log.origin).last_event_ms + after_ms
    state = topics.BoxState(online=True, box=log.box, t=t, state="LOCKED", size=size, log=epoch)
    store_state(log.box, msgspec.json.encode(state))


def alarming(log):
    return client("an", "en").get(f"/api/v1/boxes/{log.box}").json()["alarm"]


# --- gaps


def test_a_gap_is_open_while_records_are_missing_and_stays_to_be_seen(log):
    send(log, 0, 2)
    assert send(log, 5).want == 2
    gap = found(log, "gap")
    assert (gap.open, gap.seq, gap.until, gap.epoch) == (True, 2, 5, 1)
    assert "records 2 to 4 are missing" in gap.detail
    send(log, 2, 4)
    assert found(log, "gap").open, "one is still missing"
    send(log, 4, 5)
    assert not found(log, "gap").open
    page = client("an", "en").get(f"/boxes/{log.box}/log/").content.decode()
    assert "records are missing" in page
    assert "settled" in page
    assert "缺少序号 2 至 4" in client("an", "zh-hans").get(f"/boxes/{log.box}/log/").content.decode()


def test_the_same_gap_told_again_is_one_and_grows_only_outwards(log):
    send(log, 0, 2)
    for first in (5, 8, 6):
        send(log, first)
    gap = found(log, "gap")
    assert (gap.until, gap.count) == (8, 1)
    send(log, 2, 8)
    assert not found(log, "gap").open
    assert send(log, 9).want == 8
    assert found(log, "gap", seq=8).open
    assert not found(log, "gap", seq=2).open


def test_a_gap_alarms_nobody_before_a_minute_has_gone(log):
    from cloud_bridge.boxes.gaps import BRIEF_MS
    from cloud_bridge.boxes.models import Alert, now_ms

    send(log, 5)
    assert not alarming(log)
    Alert.objects.filter(box=log.box).update(first_ms=now_ms() - BRIEF_MS)
    assert alarming(log)
    lines = client("an", "en").get("/metrics").content.decode().splitlines()
    assert f'hotbox_bridge_gaps_open{{box="{log.box}"}} 1' in lines


def test_a_gap_that_comes_again_is_open_again(log):
    send(log, 5)
    send(log, 0, 5)
    assert not found(log, "gap").open
    from cloud_bridge.boxes.gaps import missing
    from cloud_bridge.boxes.models import Log

    row = Log.objects.get(origin=log.origin)
    row.size = 0
    missing(row, 3)
    again = found(log, "gap")
    assert (again.open, again.until, again.count) == (True, 3, 2)


def test_a_gap_counts_against_the_box_until_it_is_filled(log, django_data):
    """What the kills of test_nothing_lost and the soaks ask: a piece that was lost on its way and came again is no loss."""

    def doubts():
        return [doubt for doubt in both_sides.bridge_doubts(django_data.database, log.box) if doubt.startswith("alert")]

    send(log, 0, 2)
    send(log, 5)
    (doubt,) = doubts()
    assert doubt.startswith("alert gap at 2")
    send(log, 2, 5)
    assert found(log, "gap") is not None
    assert doubts() == []
    send_piece(log, 0, log.other_leaf(0, step=99))
    found(log, "fork").close(user("an"), "the card was copied")
    (doubt,) = doubts()
    assert doubt.startswith("alert fork at 0"), "a second story stays one"


# --- a log that was set back


def test_a_box_that_says_it_has_fewer_records_than_were_witnessed_was_set_back(log):
    from cloud_bridge.boxes.gaps import ROLLBACK_AFTER_MS
    from cloud_bridge.boxes.witness import agree

    send(log)
    agree(log.box, log.note(8).encode())
    tell(log, 8, after_ms=ROLLBACK_AFTER_MS + 1)
    assert found(log, "rollback") is None, "the unwitnessed tail is not proven, and a box may have less"
    tell(log, 7, after_ms=ROLLBACK_AFTER_MS)
    assert found(log, "rollback") is None, "it may have been on the way beside the records"
    tell(log, 7, epoch=0, after_ms=ROLLBACK_AFTER_MS + 1)
    tell(log, 7, epoch=2, after_ms=ROLLBACK_AFTER_MS + 1)
    assert found(log, "rollback") is None, "of another epoch, or of a box that names none"
    tell(log, 7, after_ms=ROLLBACK_AFTER_MS + 1)
    alert = found(log, "rollback")
    assert (alert.open, alert.epoch) == (True, 1)
    assert "has 7 records, 8 are witnessed" in alert.detail
    assert alarming(log)


# --- one place in two epochs


def second_epoch(log):
    """The box's next epoch, its first two records here."""
    new = BoxLog(log.box, 2, log.key)
    new.leaf("audit.epoch_started", "alarm", reason="gone", file="", origin="", size=0, root="")
    new.leaf(step=1)
    send(new)
    return new


def test_findings_at_one_place_of_two_epochs_are_two(log):
    """ANT-09: the second keeps its own bytes."""
    from cloud_bridge.boxes.models import Alert

    send(log)
    new = second_epoch(log)
    bodies = [each.other_leaf(1, step=99) for each in (log, new)]
    for each, body in zip((log, new), bodies, strict=True):
        for _ in range(2):
            send_piece(each, 1, body)
    forks = Alert.objects.filter(box=log.box, kind="fork").order_by("epoch")
    assert [(alert.epoch, alert.seq, alert.count) for alert in forks] == [(1, 1, 2), (2, 1, 2)]
    assert [bytes(alert.evidence) for alert in forks] == bodies
    assert [log.origin in forks[0].detail, new.origin in forks[1].detail] == [True, True]


def test_every_kind_of_finding_names_its_epoch(log):
    from cloud_bridge.boxes.models import Alert
    from cloud_bridge.boxes.store import store_live
    from cloud_bridge.boxes.witness import agree

    send(log)
    new = second_epoch(log)
    stranger = BoxLog(log.box, 2, log.key)
    stranger.leaf(step=7)
    stranger.leaf(step=8)
    stranger.leaf(step=9)
    send_piece(new, 2, stranger.leaves[2])
    agree(log.box, new.note(2, root=b"\7" * 32).encode())
    store_live(log.box, new.other_leaf(0, "gas.alarm", "alarm"))
    store_live(log.box, new.other_leaf(2, "gas.alarm", "alarm"))
    new.leaf("key.rotated", step=2)
    send(new, 2)
    found = Alert.objects.filter(box=log.box).values_list("kind", "seq", "epoch")
    places = {("epoch", 2), ("chain", 2), ("root", 2), ("fork", 0), ("fork", 2), ("key", 2)}
    assert set(found) == {(kind, seq, 2) for kind, seq in places}


def test_a_gap_at_one_place_of_two_epochs_is_two(log):
    from cloud_bridge.boxes.models import Alert

    send(log, 0, 2)
    send(log, 5)
    new = second_epoch(log)
    new.leaf(step=2)
    new.leaf(step=3)
    send(new, 3)
    gaps = Alert.objects.filter(box=log.box, kind="gap").order_by("epoch")
    assert [(gap.epoch, gap.seq, gap.until, gap.open) for gap in gaps] == [(1, 2, 5, True), (2, 2, 3, True)]
    send(new, 2)
    assert [gap.open for gap in gaps.all()] == [True, False]


def test_findings_of_before_are_kept_with_the_epoch_that_their_text_names(tmp_path):
    """A bridge that is brought up to date loses no finding, and finds an old one again instead of beginning it anew."""
    data = tmp_path / "data"

    def bridge(*words):
        done = run_cli(data, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    log = BoxLog("box-old")
    bridge("box", "add", log.box, "--vkey", log.vkey)
    bridge("manage", "migrate", "boxes", "0004", "--verbosity", "0")
    before = [
        ("fork", 3, f"a second, different record 3 of {log.origin}", 0, 1),
        ("fork", 4, f"live event 4 of {log.origin}2 differs from the log", 0, 12),
        ("root", 4, f"the signed checkpoint at 4 of {log.origin} has another root", 0, 1),
        ("key", 5, f"record 5 of {log.origin}: key", 0, 1),
        ("chain", 5, "of no log that is known", 0, 0),
        ("epoch", 12, "epoch 12 of the log began", 0, 12),
        ("gap", 3, "missing", 12, 12),
    ]
    with closing(sqlite3.connect(data / "bridge.db")) as db:
        db.execute(
            "INSERT INTO boxes_log (box_id, epoch, origin, vkey, size, last_hash, frontier, witnessed_size, witnessed_ms, ack,"
            " last_event_ms, heard_ms, authorised) SELECT box_id, 12, origin || '2', vkey, 0, last_hash, frontier, 0, 0, '', 0, 0, 0"
            " FROM boxes_log"
        )
        db.executemany(
            "INSERT INTO boxes_alert (box_id, kind, seq, detail, evidence, first_ms, last_ms, count, open, epoch, until, closed_by,"
            " closed_name, closed_ms, why) VALUES ('box-old', ?, ?, ?, x'0102', 1, 2, 3, 1, ?, -1, '', '', 0, '')",
            [row[:4] for row in before],
        )
        db.commit()
    bridge("manage", "check")
    with closing(sqlite3.connect(data / "bridge.db")) as db:
        rows = db.execute("SELECT kind, seq, detail, epoch, evidence, count, open FROM boxes_alert ORDER BY id").fetchall()
        assert rows == [(kind, seq, detail, now, b"\1\2", 3, 1) for kind, seq, detail, _was, now in before]
        copy = (
            "INSERT INTO boxes_alert (box_id, kind, seq, detail, evidence, first_ms, last_ms, count, open, epoch, until, closed_by,"
            " closed_name, closed_ms, why) SELECT box_id, kind, seq, detail, evidence, first_ms, last_ms, count, open, {epoch}, until,"
            " closed_by, closed_name, closed_ms, why FROM boxes_alert WHERE kind = 'root'"
        )
        db.execute(copy.format(epoch=2))
        with pytest.raises(sqlite3.IntegrityError):
            db.execute(copy.format(epoch=1))


# --- closing


def test_a_person_closes_a_finding_with_a_reason_and_it_opens_again_when_it_is_found_again(log):
    from cloud_bridge.boxes.models import AlertKind, Box
    from cloud_bridge.boxes.store import raise_alert

    box = Box.objects.get(pk=log.box)
    raise_alert(box, AlertKind.FORK, 3, "a second record 3", epoch=1)
    alert = found(log, "fork")
    with pytest.raises(ContractError, match="a safety officer"):
        alert.close(user("shen"), "it was me")
    with pytest.raises(ContractError, match="what was found"):
        alert.close(user("an"), " ")
    alert.close(user("an"), "the card was copied for a test")
    alert = found(log, "fork")
    assert (alert.open, alert.closed_by, alert.why) == (False, user("an").identity, "the card was copied for a test")
    with pytest.raises(ContractError, match="one that is closed"):
        alert.close(user("an"), "again")
    raise_alert(box, AlertKind.FORK, 3, "a second record 3", epoch=1)
    again = found(log, "fork")
    assert (again.open, again.count, again.closed_ms, again.why) == (True, 2, 0, "")


def test_the_finding_of_a_new_epoch_is_not_closed_by_one_person(log):
    from cloud_bridge.boxes.store import store_batch

    new = BoxLog(log.box, 2, log.key)
    new.leaf("audit.epoch_started", "alarm", reason="gone", file="", origin="", size=0, root="")
    store_batch(new.box, *topics.unpack_batch(new.batch()))
    with pytest.raises(ContractError, match="two people authorise"):
        found(log, "epoch").close(user("an"), "fine")


def test_the_form_on_the_page_closes_it_for_who_may(log):
    from cloud_bridge.boxes.models import AlertKind, Box
    from cloud_bridge.boxes.store import raise_alert

    raise_alert(Box.objects.get(pk=log.box), AlertKind.ROOT, 3, "another root", epoch=1)
    alert = found(log, "root")
    where, page = f"/boxes/{log.box}/log/findings/{alert.pk}/close", f"/boxes/{log.box}/log/"
    officer, applicant = client("an", "en"), client("shen", "en")
    assert where in officer.get(page).content.decode()
    assert where not in applicant.get(page).content.decode()
    assert applicant.post(where, {"why": "x"}).status_code == 403
    assert officer.post(f"/boxes/none-such/log/findings/{alert.pk}/close", {"why": "x"}).status_code == 404
    assert "Expected what was found and done" in officer.post(where, {"why": " "}, follow=True).content.decode()
    assert found(log, "root").open
    shown = officer.post(where, {"why": "the board was <b>swapped</b>"}, follow=True).content.decode()
    assert "the board was &lt;b&gt;swapped&lt;/b&gt;" in shown
    assert "Closed. Found again, it opens again." in shown
    assert "Expected an open finding" in officer.post(where, {"why": "x"}, follow=True).content.decode()


# --- late records


@pytest.mark.parametrize(("age_ms", "late"), [(0, False), (119_000, False), (121_000, True), (720 * HOUR_MS, True)])
def test_a_record_that_came_late_says_so_for_ever(django_data, monkeypatch, age_ms, late):
    """ANT-07: what was backfilled is told from what came at once, whatever clocks say later."""
    from cloud_bridge.boxes.models import Event
    from cloud_bridge.boxes.registry import register

    log = BoxLog(f"box-late-{age_ms}")
    register(log.box, log.vkey)
    now = time.time_ns()
    with monkeypatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: now - age_ms * 1_000_000)
        log.leaf()
    send(log)
    assert Event.objects.get(box=log.box).late is late
    page = client("an", "en").get(f"/boxes/{log.box}/").content.decode()
    assert ('class="tag late"' in page) is late
    (told,) = client("an", "en").get(f"/api/v1/events?box={log.box}").json()["events"]
    assert told["late"] is late
    assert f"{int(late)} records came more than two minutes late" in client("an", "en").get(f"/boxes/{log.box}/log/").content.decode()


def test_a_backlog_is_announced_once_and_a_fresh_record_by_itself(log, monkeypatch):
    """A month of records is not read out to every open page."""
    from cloud_bridge.boxes.models import Notice

    before = Notice.objects.count()
    send(log)
    assert Notice.objects.filter(kind="event", box=log.box).count() == 10
    old = BoxLog(log.box, 1, log.key)
    old.leaves, old.tree = list(log.leaves), log.tree
    past = time.time_ns() - 24 * HOUR_MS * 1_000_000
    with monkeypatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: past)
        for step in range(50):
            old.leaf(step=step)
    send(old, 10)
    assert Notice.objects.filter(kind="event", box=log.box).count() == 10
    assert Notice.objects.filter(kind="box", box=log.box).count() == 2
    assert Notice.objects.count() >= before


def test_a_batch_takes_a_handful_of_questions_and_not_one_a_record(log):
    """The backlog of a month has to come in faster than the line brings it (BOX-05)."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for step in range(490):
        log.leaf(step=step)
    with CaptureQueriesContext(connection) as first:
        assert send(log).stored == 500
    with CaptureQueriesContext(connection) as again:
        assert send(log).known == 500
    assert (len(first) <= 40, len(again) <= 10) == (True, True), (len(first), len(again))
