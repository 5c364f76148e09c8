"""Cases in the database: rules, case, deadlines, history and outbox change in one transaction, or nothing does."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection, transaction
from django.utils import timezone

from cloud_bridge.flows import versions
from cloud_bridge.flows.definition.model import By
from cloud_bridge.flows.engine import case as frozen
from cloud_bridge.flows.engine.case import Actor, Armed, Event, Outcome
from cloud_bridge.flows.engine.decide import OPENED, decide, open_case
from cloud_bridge.flows.models import Case, Deadline, Fate, History, Outbox
from cloud_bridge.flows.vocabulary import Flow

Clock = Callable[[], datetime]
"""Gives the present moment, with its time zone."""


@transaction.atomic
def begin(flow: str, subject: str, actor: Actor, data: dict[str, Any], clock: Clock = timezone.now) -> Case:
    """Open a case under the definition of this moment, which it keeps.

    Raises:
        Refused: a field of the case is missing or wrong.
        DefinitionError: the definition cannot be used.
    """
    now = clock()
    found = versions.from_files(flow)
    event = Event(OPENED, By.PERSON, actor, form=data)
    outcome = open_case(found, event, now)
    row = Case(flow=flow, subject=subject, version=versions.pin(found, now), opened=now)
    store(row, outcome, event, now)
    return row


@transaction.atomic
def happen(flow: str, subject: str, event: Event, clock: Clock = timezone.now) -> Outcome:
    """What a person, a box or the bridge brings. Facts of the app that owns the flow are read in the same transaction.

    Raises:
        Refused: the rules say no; nothing has changed.
        Case.DoesNotExist: no such case.
    """
    row = locked(Case.objects).get(flow=flow, subject=subject)
    rules = versions.pinned(row.version_id)
    gather = rules.vocabulary.gather
    if gather is not None:
        event = msgspec.structs.replace(event, facts={**event.facts, **gather(subject)})
    now = clock()
    outcome = decide(rules, body(row), event, now)
    store(row, outcome, event, now)
    applied(rules, row, event, outcome)
    return outcome


def locked(rows: Any, *, skip: bool = False) -> Any:
    """Rows that this transaction alone may change; `skip` leaves out those that another has.

    SQLite's transactions are IMMEDIATE here: nobody else is writing anyway.
    """
    if not connection.features.has_select_for_update:
        return rows.all()
    return rows.select_for_update(skip_locked=skip, of=("self",))


def body(row: Case) -> frozen.Case:
    """The case as the rules see it."""
    return msgspec.convert(row.body, frozen.Case)


def applied(flow: Flow, row: Case, event: Event | None, outcome: Outcome) -> None:
    """Let the app that owns the flow follow, in the same transaction."""
    if flow.vocabulary.applied is not None:
        flow.vocabulary.applied(row.subject, event, outcome)


def store(row: Case, outcome: Outcome, event: Event, now: datetime, due: datetime | None = None) -> None:
    """Case, deadlines, history and outbox; the caller holds the transaction and the case."""
    row.state, row.rev = outcome.case.state, outcome.case.rev
    row.body = msgspec.to_builtins(outcome.case)
    row.changed = now
    row.save(update_fields=["state", "rev", "body", "changed"] if row.pk else None)
    _arm(row, outcome)
    record = msgspec.to_builtins(event)
    record["effects"] = msgspec.to_builtins(outcome.effects)
    History.objects.create(
        case=row, rev=row.rev, at=now, via=outcome.via, event=event.name, by=event.by.value,
        actor=event.actor.name[:80], actor_id=event.actor.identity[:64], before=outcome.before, after=row.state,
        due=due, note=event.note[:300], record=record,
    )  # fmt: skip
    Outbox.objects.bulk_create(
        Outbox(
            key=f"{row.flow}/{row.subject}/{row.rev}/{number}", case=row, kind=effect.name, params=effect.params,
            created=now, next_try=now,
        )
        for number, effect in enumerate(outcome.effects)
    )  # fmt: skip


def _arm(row: Case, outcome: Outcome) -> None:
    """Make the waiting rows those that the rules want: confirmed, new, or no longer due."""
    wanted = {(one.name, one.lap): one for one in outcome.armed}
    same, lapsed = [], []
    waiting = Deadline.objects.filter(case=row, fate=Fate.WAITS)
    for pk, name, lap, due in waiting.values_list("pk", "name", "lap", "due"):
        one = wanted.pop((name, lap), None)
        if one is None:
            lapsed.append(pk)
        elif one.due == due:
            same.append(pk)
        else:
            _wait(pk, one, row.rev)
    if same:
        Deadline.objects.filter(pk__in=same).update(rev=row.rev)
    if lapsed:
        Deadline.objects.filter(pk__in=lapsed).update(fate=Fate.LAPSED, rev=row.rev)
    if not wanted:
        return
    # A rung that lapsed may wait again in the same lap; one that has fired never does.
    for pk, name, lap in Deadline.objects.filter(case=row, fate=Fate.LAPSED).values_list("pk", "name", "lap"):
        one = wanted.pop((name, lap), None)
        if one is not None:
            _wait(pk, one, row.rev)
    Deadline.objects.bulk_create(
        Deadline(case=row, name=one.name, lap=one.lap, rev=row.rev, due=one.due, since=one.since, next_try=one.due)
        for one in wanted.values()
    )


def _wait(pk: int, one: Armed, rev: int) -> None:
    Deadline.objects.filter(pk=pk).update(
        fate=Fate.WAITS, rev=rev, due=one.due, since=one.since, next_try=one.due, tries=0
    )
