"""What has to be done outside of cases: claimed for a time, done, and done again if the worker died meanwhile.

A row is done at least once. Its key is the same each time, so that whoever receives it can tell.
"""

import logging
import secrets
from collections.abc import Callable, Iterable
from datetime import timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from cloud_bridge.flows import versions
from cloud_bridge.flows.cases import Clock
from cloud_bridge.flows.models import Outbox
from cloud_bridge.flows.timers import SKEW

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=60)
FIRST_RETRY_S, LONGEST_RETRY_S = 2.0, 600.0
Deliver = Callable[[Outbox], None]


def kinds() -> dict[tuple[str, str], Deliver]:
    """What this program delivers by itself: flow and kind → how."""
    found: dict[tuple[str, str], Deliver] = {}
    for flow in settings.FLOWS:
        for name, kind in versions.vocabulary(flow).effects.items():
            if kind.deliver is not None:
                deliver = kind.deliver
                found[flow, name] = lambda row, deliver=deliver: deliver(row.key, row.case.subject, row.params)
    return found


def deliver_all(clock: Clock = timezone.now, *, at_most: int = 200) -> int:
    """Deliver what waits and is ours to deliver; gives how many were tried."""
    known = kinds()
    done = 0
    for (flow, kind), deliver in known.items():
        while done < at_most and waiting(flow, [kind], clock).exists():
            row = claim(flow, [kind], clock)
            if row is None:
                break
            attempt(row, deliver, clock)
            done += 1
    return done


def put_back(clock: Clock = timezone.now) -> int:
    """After the machine's clock was put back: what would wait for the future waits no longer; gives how many rows."""
    late = clock() + max(LEASE, timedelta(seconds=LONGEST_RETRY_S)) + SKEW
    return Outbox.objects.filter(done=None, next_try__gt=late).update(next_try=clock())


def waiting(flow: str, names: Iterable[str], clock: Clock = timezone.now):
    """Rows that nobody is delivering."""
    return Outbox.objects.filter(case__flow=flow, kind__in=list(names), done=None, next_try__lte=clock())


def claim(flow: str, names: Iterable[str], clock: Clock = timezone.now) -> Outbox | None:
    """Take the oldest row for `LEASE`; None when there is none."""
    with transaction.atomic():
        rows = waiting(flow, names, clock).select_related("case")
        if connection.features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True, of=("self",))
        row = rows.order_by("pk").first()
        if row is None:
            return None
        row.claim, row.next_try, row.tries = secrets.token_hex(8), clock() + LEASE, row.tries + 1
        row.save(update_fields=["claim", "next_try", "tries"])
        return row


def attempt(row: Outbox, deliver: Deliver, clock: Clock = timezone.now) -> bool:
    """Deliver a claimed row and say so; one that fails comes again later."""
    try:
        deliver(row)
    except (OperationalError, InterfaceError):
        raise  # the database is busy or gone: the lease runs out, and the row comes again
    except Exception as error:
        log.exception("%s: %s cannot be delivered; trying again later", row.key, row.kind)
        later = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** min(row.tries - 1, 16))
        _mine(row).update(claim="", error=str(error)[:2000], next_try=clock() + timedelta(seconds=later))
        return False
    return bool(_mine(row).update(claim="", error="", done=clock()))


def _mine(row: Outbox):
    return Outbox.objects.filter(pk=row.pk, claim=row.claim, done=None)
