"""Cases in the database: one transaction, one firing, whatever the clock, a crash or a changed file does."""

import secrets
import shutil
from datetime import timedelta

import pytest

from tests.cloud_bridge.flows.conftest import FACTS, FANG, NOW, SIGNED, ZHOU, Clock, event, person, window


@pytest.fixture(scope="module")
def app(django_data):
    from cloud_bridge.flows import cases, models, outbox, timers, versions

    class App:
        pass

    found = App()
    found.cases, found.models, found.outbox, found.timers, found.versions = cases, models, outbox, timers, versions
    return found


@pytest.fixture(autouse=True)
def nothing_waits(app):
    """Other tests' cases are not this one's."""
    app.models.Deadline.objects.filter(fate="waits").update(fate="lapsed")
    app.models.Outbox.objects.filter(done=None).update(done=NOW)


@pytest.fixture
def subject():
    return f"DH-{secrets.token_hex(4)}"


def begin(app, subject, clock, **changes):
    return app.cases.begin("permit", subject, person(), {**window(clock.now), **changes}, clock)


def submit(app, subject, clock):
    return app.cases.happen("permit", subject, event("submit"), clock)


def vias(app, subject):
    return list(app.models.History.objects.filter(case__subject=subject).order_by("rev").values_list("via", flat=True))


def test_case_deadlines_history_and_outbox_are_written_together(app, subject, clock):
    begin(app, subject, clock)
    submit(app, subject, clock)
    case = app.models.Case.objects.get(subject=subject)
    assert (case.state, case.rev) == ("pending_approval", 2)
    waiting = case.deadlines.filter(fate="waits")
    assert [row.name for row in waiting] == ["fuse.remind", "fuse.escalate", "fuse.freeze", "validity.remind_30", "validity.remind_10", "validity.over"]
    assert {row.rev for row in waiting} == {2}
    assert vias(app, subject) == ["open", "submit"]
    assert [(row.kind, row.key) for row in case.outbox.all()] == [("notify", f"permit/{subject}/2/0")]


def test_a_refused_event_changes_nothing(app, subject, clock):
    from cloud_bridge.flows.definition.errors import Refused

    begin(app, subject, clock)
    with pytest.raises(Refused):
        app.cases.happen("permit", subject, event("submit", facts={"jsa_confirmed": False}), clock)
    assert vias(app, subject) == ["open"]
    assert app.models.Case.objects.get(subject=subject).rev == 1


@pytest.mark.parametrize("table", ["Case", "Deadline", "History", "Outbox"])
def test_when_one_row_cannot_be_written_none_is(app, subject, clock, monkeypatch, table):
    """One transaction: a failure at any of the four leaves all four as they were, and the rung fires later, once."""
    begin(app, subject, clock)
    submit(app, subject, clock)
    clock.goes(hours=2)

    def fails(*_args, **_options):
        raise RuntimeError("the disk is full")

    manager = {"Case": "save", "Deadline": "update", "History": "save", "Outbox": "bulk_create"}[table]
    with monkeypatch.context() as broken:
        if table in ("Case", "History"):
            broken.setattr(getattr(app.models, table), manager, fails)
        elif table == "Outbox":
            broken.setattr(app.cases.Outbox.objects, manager, fails)
        else:
            broken.setattr(app.cases, "_arm", fails)
        app.timers.fire_due(clock)
    assert vias(app, subject) == ["open", "submit"]
    assert app.models.Outbox.objects.filter(case__subject=subject).count() == 1
    row = app.models.Deadline.objects.get(case__subject=subject, name="fuse.remind")
    assert (row.fate, row.tries, "disk is full" in row.error) == ("waits", 1, True)
    clock.goes(seconds=5)
    app.timers.fire_due(clock)
    assert vias(app, subject) == ["open", "submit", "fuse.remind"]


def test_a_ladder_fires_each_rung_once_and_in_order(app, subject, clock):
    """PTW-13, PTW-14, PTW-15."""
    begin(app, subject, clock)
    submit(app, subject, clock)
    for hours, wanted in ((1.999, 0), (0.002, 1), (0, 0), (2, 1), (4, 1), (1, 0)):
        clock.goes(hours=hours)
        assert app.timers.fire_due(clock) == wanted
    assert vias(app, subject)[2:] == ["fuse.remind", "fuse.escalate", "fuse.freeze"]
    assert app.models.Case.objects.get(subject=subject).state == "frozen"


def test_a_jump_forward_fires_what_is_due_once_and_in_order(app, subject, clock):
    begin(app, subject, clock)
    submit(app, subject, clock)
    clock.goes(hours=11.9)
    app.timers.fire_due(clock)
    assert vias(app, subject)[2:] == ["fuse.remind", "fuse.escalate", "fuse.freeze", "validity.remind_30", "validity.remind_10"]


def test_a_jump_back_fires_nothing_twice(app, subject, clock):
    begin(app, subject, clock)
    submit(app, subject, clock)
    clock.goes(hours=2.5)
    app.timers.fire_due(clock)
    clock.goes(hours=-2)
    app.timers.put_back(clock)
    app.timers.fire_due(clock)
    for _step in range(6):
        clock.goes(minutes=30)
        app.timers.fire_due(clock)
    assert vias(app, subject).count("fuse.remind") == 1


def test_a_clock_that_was_ahead_gives_no_more_time_once_it_is_put_right(app, subject):
    """The fuse of a case that was submitted a day in the future freezes 8 hours after the clock is right, not 32."""
    clock = Clock(NOW + timedelta(hours=24))
    begin(app, subject, clock, ends=(NOW + timedelta(hours=72)).isoformat())
    submit(app, subject, clock)
    clock.now = NOW
    assert app.timers.put_back(clock) == 1
    assert app.timers.put_back(clock) == 0
    clock.goes(hours=8)
    app.timers.fire_due(clock)
    assert app.models.Case.objects.get(subject=subject).state == "frozen"
    assert vias(app, subject) == ["open", "submit", "clock_put_back", "fuse.remind", "fuse.escalate", "fuse.freeze"]


def test_a_case_keeps_the_definition_it_began_under(app, subject, clock, tmp_path, monkeypatch, permit_text):
    """Version pinned per case: a shorter fuse in the file is for new cases; each fires once by its own."""
    from django.conf import settings

    begin(app, subject, clock)
    submit(app, subject, clock)
    (tmp_path / "permit.yaml").write_text(permit_text.replace("fuse_remind: {value: 2 h", "fuse_remind: {value: 1 h"), encoding="utf-8")
    monkeypatch.setattr(settings, "FLOW_FOLDER", str(tmp_path))
    younger = f"{subject}-b"
    begin(app, younger, clock)
    submit(app, younger, clock)
    clock.goes(hours=1)
    app.timers.fire_due(clock)
    assert (vias(app, subject)[2:], vias(app, younger)[2:]) == ([], ["fuse.remind"])
    clock.goes(hours=1)
    app.timers.fire_due(clock)
    assert (vias(app, subject)[2:], vias(app, younger)[2:]) == (["fuse.remind"], ["fuse.remind"])
    # A file that is broken, or gone, stops no case that is under way.
    shutil.rmtree(tmp_path)
    clock.goes(hours=2)
    app.timers.fire_due(clock)
    assert vias(app, subject)[-1] == vias(app, younger)[-1] == "fuse.escalate"


def test_a_stale_row_is_inert(app, subject, clock):
    """A worker that slept holds a row of a rev that is past: the case moved on, and the row does nothing."""
    begin(app, subject, clock)
    submit(app, subject, clock)
    case = app.models.Case.objects.get(subject=subject)
    row = app.models.Deadline.objects.select_related("case").get(case=case, name="fuse.freeze")
    for who in (FANG, ZHOU):
        app.cases.happen("permit", subject, event("approve", person(*who), form=SIGNED), clock)
    clock.goes(hours=9)
    app.timers._fire(row, clock.now)
    # Even a row that somehow still waits, of an old rev.
    app.models.Deadline.objects.filter(pk=row.pk).update(fate="waits", rev=row.rev, next_try=NOW)
    app.timers.fire_due(clock)
    assert app.models.Case.objects.get(subject=subject).state == "approved"
    assert "fuse.freeze" not in vias(app, subject)


def test_a_row_that_cannot_fire_holds_up_no_other(app, subject, clock, monkeypatch):
    """One case whose definition the program no longer understands; the others escalate in time."""
    begin(app, subject, clock)
    submit(app, subject, clock)
    broken = f"{subject}-b"
    begin(app, broken, clock)
    submit(app, broken, clock)
    odd = app.models.Version.objects.create(sha256=secrets.token_hex(32), flow="permit", text="flow: permit", since=NOW)
    app.models.Case.objects.filter(subject=broken).update(version=odd)
    clock.goes(hours=2)
    app.timers.fire_due(clock)
    assert (vias(app, subject)[2:], vias(app, broken)[2:]) == (["fuse.remind"], [])
    row = app.models.Deadline.objects.get(case__subject=broken, name="fuse.remind")
    assert (row.tries, row.next_try > clock.now, row.error != "") == (1, True, True)


def test_a_submission_again_arms_a_new_fuse_and_the_old_one_is_gone(app, subject, clock):
    begin(app, subject, clock)
    submit(app, subject, clock)
    clock.goes(hours=1)
    app.cases.happen("permit", subject, event("amend", form=window(hours=12)), clock)
    clock.goes(hours=1.5)
    assert app.timers.fire_due(clock) == 0
    submit(app, subject, clock)
    clock.goes(hours=2)
    app.timers.fire_due(clock)
    assert vias(app, subject)[-1] == "fuse.remind"


def test_history_is_written_once(app, subject, clock):
    from django.db import DatabaseError, transaction

    begin(app, subject, clock)
    row = app.models.History.objects.get(case__subject=subject)
    for change in (row.save, row.delete):
        with pytest.raises(app.models.AppendOnlyError):
            change()
    rows = app.models.History.objects.filter(pk=row.pk)
    for change in (lambda: rows.update(note="x"), rows.delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    assert app.models.History.objects.get(pk=row.pk).note == ""


def test_a_new_subject_begins_once(app, subject, clock):
    from django.db import IntegrityError

    begin(app, subject, clock)
    with pytest.raises(IntegrityError):
        begin(app, subject, clock)


def test_a_message_is_done_once_and_again_only_when_the_worker_died(app, subject, clock):
    """At least once, by the same key."""
    begin(app, subject, clock)
    submit(app, subject, clock)
    first = app.outbox.claim("permit", ["notify"], clock)
    assert first.key == f"permit/{subject}/2/0"
    assert app.outbox.claim("permit", ["notify"], clock) is None
    clock.goes(seconds=61)
    again = app.outbox.claim("permit", ["notify"], clock)
    assert again.key == first.key
    said = []
    assert app.outbox.attempt(again, lambda row: said.append(row.key), clock)
    # The first worker was not dead but slow: it does not undo what the second has written.
    assert app.outbox.attempt(first, lambda row: None, clock) is False
    assert app.outbox.claim("permit", ["notify"], clock) is None
    assert said == [first.key]


def test_a_message_that_fails_comes_again_later(app, subject, clock):
    begin(app, subject, clock)
    submit(app, subject, clock)

    def no(_row):
        raise OSError("no line")

    row = app.outbox.claim("permit", ["notify"], clock)
    assert app.outbox.attempt(row, no, clock) is False
    assert app.outbox.claim("permit", ["notify"], clock) is None
    clock.goes(seconds=3)
    assert app.outbox.claim("permit", ["notify"], clock).tries == 2
    assert "no line" in app.models.Outbox.objects.get(pk=row.pk).error


def test_the_worker_delivers_what_it_can(app, subject, clock):
    """A revoked permit: the box's revocation list is asked for; messages wait for the app that sends them."""
    begin(app, subject, clock)
    app.cases.happen("permit", subject, event("revoke"), clock)
    assert app.outbox.deliver_all(clock) == 1
    left = app.models.Outbox.objects.filter(case__subject=subject, done=None)
    assert [row.kind for row in left] == ["notify"]


def test_a_row_follows_in_the_same_transaction(app, subject, clock, monkeypatch):
    """The app that owns the flow mirrors the state; when it fails, nothing has happened."""
    from dataclasses import replace

    seen = []

    def applied(jti, came, outcome):
        seen.append((jti, came.name if came else None, outcome.case.state))
        if outcome.case.state == "approved":
            raise RuntimeError("no")

    words = replace(app.versions.vocabulary("permit"), applied=applied, gather=lambda jti: dict(FACTS))
    monkeypatch.setattr(app.versions, "vocabulary", lambda flow: words)
    app.versions.forget()
    try:
        begin(app, subject, clock)
        app.cases.happen("permit", subject, event("submit"), clock)
        app.cases.happen("permit", subject, event("approve", person(*FANG), form=SIGNED), clock)
        with pytest.raises(RuntimeError):
            app.cases.happen("permit", subject, event("approve", person(*ZHOU), form=SIGNED), clock)
        assert app.models.Case.objects.get(subject=subject).state == "pending_approval"
        clock.goes(hours=2)
        app.timers.fire_due(clock)
    finally:
        app.versions.forget()
    assert seen[0] == (subject, "submit", "pending_approval")
    assert seen[-1] == (subject, None, "pending_approval")


def test_what_is_due_is_found_without_looking_at_the_rest(app, clock):
    """A hundred thousand rows wait; the worker asks four times a second."""
    for query in (
        app.timers._waiting(clock.now).order_by("next_try", "pk"),
        app.models.Deadline.objects.filter(fate="waits", since__gt=clock.now).order_by(),
        app.models.Outbox.objects.filter(kind__in=["notify"], done=None, next_try__lte=clock.now).order_by(),
    ):
        plan = query.explain()
        assert "USING INDEX" in plan or "USING COVERING INDEX" in plan, plan
        assert "SCAN" not in plan, plan
        assert "TEMP B-TREE" not in plan, plan


def test_a_row_that_the_database_refuses_holds_up_no_other(app, subject, clock, monkeypatch):
    """The app's own rows break a constraint: that case is put off, the other one escalates."""
    from django.db import IntegrityError

    for one in (subject, f"{subject}-b"):
        begin(app, one, clock)
        submit(app, one, clock)
    real = app.timers.applied

    def refuses(rules, case, came, outcome):
        if case.subject == subject:
            raise IntegrityError("UNIQUE constraint failed")
        real(rules, case, came, outcome)

    monkeypatch.setattr(app.timers, "applied", refuses)
    clock.goes(hours=2)
    app.timers.fire_due(clock)
    assert (vias(app, subject)[2:], vias(app, f"{subject}-b")[2:]) == ([], ["fuse.remind"])


def test_a_database_that_is_busy_is_nobodys_fault(app, subject, clock, monkeypatch):
    from django.db import OperationalError

    begin(app, subject, clock)
    submit(app, subject, clock)
    clock.goes(hours=2)

    def busy(*_args):
        raise OperationalError("database is locked")

    with monkeypatch.context() as locked:
        locked.setattr(app.timers, "applied", busy)
        with pytest.raises(OperationalError):
            app.timers.fire_due(clock)
    assert app.models.Deadline.objects.get(case__subject=subject, name="fuse.remind").tries == 0
    assert app.timers.fire_due(clock) == 1


def test_a_message_of_the_future_waits_no_longer_once_the_clock_is_right(app, subject):
    clock = Clock(NOW + timedelta(hours=24))
    begin(app, subject, clock, ends=(NOW + timedelta(hours=72)).isoformat())
    submit(app, subject, clock)
    clock.now = NOW
    assert app.outbox.claim("permit", ["notify"], clock) is None
    assert app.outbox.put_back(clock) == 1
    assert app.outbox.claim("permit", ["notify"], clock) is not None


def test_a_step_back_of_the_clock_is_noticed_and_a_step_forward_needs_nothing(app):
    from cloud_bridge.flows.worker import Steps

    steps = Steps()
    assert steps.look(1000.0, 50.0), "at the start"
    assert not steps.look(1000.25, 50.25)
    assert not steps.look(5000.0, 50.5), "forward"
    assert steps.look(1000.75, 50.75), "back"
    assert not steps.look(1001.0, 51.0)
    assert steps.look(1060.75, 110.75), "every minute"
