"""What is due fires: once, in order, and in the one transaction that changes its case."""

import logging
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from cloud_bridge.flows import versions
from cloud_bridge.flows.cases import Clock, applied, body, locked, store
from cloud_bridge.flows.definition.model import By
from cloud_bridge.flows.engine.case import Actor, Event
from cloud_bridge.flows.engine.decide import CLOCK_PUT_BACK, corrected, expire
from cloud_bridge.flows.models import Case, Deadline, Fate

log = logging.getLogger(__name__)
THE_CLOCK = Actor("clock", "clock")
SKEW = timedelta(seconds=60)
"""Machines of one cluster may differ by this much; more means that a clock was put back."""
FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 60.0


def fire_due(clock: Clock = timezone.now, *, at_most: int = 1000) -> int:
    """Fire what is due now, the earliest first; gives how many rows were looked at.

    A row that cannot fire is put off and reported; it holds up no other.
    """
    waiting = _waiting(clock()).order_by()[:at_most].count()
    done = 0
    while done < waiting and fire_next(clock):
        done += 1
    return done


def next_due() -> datetime | None:
    """When the next row is due; None when none waits."""
    found: datetime | None = (
        Deadline.objects.filter(fate=Fate.WAITS).order_by("next_try").values_list("next_try", flat=True).first()
    )
    return found


def fire_next(clock: Clock = timezone.now) -> bool:
    """Fire the earliest row that nobody else is firing; false when there is none."""
    claimed: Deadline | None = None
    try:
        with transaction.atomic():
            now = clock()
            claimed = _claim(now)
            if claimed is not None:
                _fire(claimed, now)
    except (OperationalError, InterfaceError):
        raise  # the database is busy or gone: it is not this row's fault
    except Exception as error:
        if claimed is None:
            raise
        log.exception("%s of case %s cannot fire; trying again later", claimed.name, claimed.case)
        _put_off(claimed, error, clock())
    return claimed is not None


def put_back(clock: Clock = timezone.now) -> int:
    """After the machine's clock was put back: clocks of cases that would begin in the future begin now.

    Tries that were put off until then are made now. Gives how many cases were corrected.
    """
    late = clock() + timedelta(seconds=LONGEST_RETRY_S) + SKEW
    Deadline.objects.filter(fate=Fate.WAITS, tries__gt=0, next_try__gt=late).update(next_try=clock())
    ahead = Deadline.objects.filter(fate=Fate.WAITS, since__gt=clock() + SKEW).order_by()
    done = 0
    for pk in sorted(set(ahead.values_list("case_id", flat=True))):
        with transaction.atomic():
            row = locked(Case.objects, skip=True).filter(pk=pk).first()
            if row is None:
                continue
            now = clock()
            outcome = corrected(versions.pinned(row.version_id), body(row), now)
            if outcome is not None:
                store(row, outcome, Event(CLOCK_PUT_BACK, By.TIMER, THE_CLOCK), now)
                done += 1
    if done:
        log.warning("the clock of this machine was put back: %d cases count from now", done)
    return done


def _waiting(now: datetime):
    return Deadline.objects.filter(fate=Fate.WAITS, next_try__lte=now)


def _claim(now: datetime) -> Deadline | None:
    """The earliest row of a case that is now ours: the lock is the case's, so that its rows keep their order."""
    rows = _waiting(now).select_related("case").order_by("next_try", "pk")
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True, of=("case",))
    found = rows.first()
    if found is None or not connection.features.has_select_for_update_skip_locked:
        return found
    # The lock came after the look: look again, under the lock.
    fresh = _waiting(now).filter(case=found.case_id).select_related("case")
    return fresh.order_by("next_try", "pk").first() or found


def _fire(row: Deadline, now: datetime) -> None:
    claimed = Deadline.objects.filter(pk=row.pk, fate=Fate.WAITS, rev=row.rev).update(fate=Fate.FIRED, fired=now)
    if not claimed:
        return
    case = row.case
    rules = versions.pinned(case.version_id)
    outcome = expire(rules, body(case), row.name, row.lap, now) if row.rev == case.rev else None
    if outcome is None:
        Deadline.objects.filter(pk=row.pk).update(fate=Fate.LAPSED, fired=None)
        log.warning("%s of case %s is not due any more", row.name, case)
        return
    store(case, outcome, Event(row.name, By.TIMER, THE_CLOCK), now, due=row.due)
    applied(rules, case, None, outcome)


def _put_off(row: Deadline, error: Exception, now: datetime) -> None:
    later = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** min(row.tries, 16))
    Deadline.objects.filter(pk=row.pk, fate=Fate.WAITS).update(
        tries=row.tries + 1, error=str(error)[:2000], next_try=now + timedelta(seconds=later)
    )
