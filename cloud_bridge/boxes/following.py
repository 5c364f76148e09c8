"""Who acts on the boxes' records: an app says on which types, and whether only once the bridge has witnessed them.

What keeps, deletes or names something waits for the witness: anybody who can publish on a box's topics can begin an
epoch of its log, but only the box's key, in an epoch that people have authorised, gets a checkpoint over it agreed.
What a record that nobody signed for had settled, the true one that comes after it could not settle any more.
An act that fails is not forgotten: it is tried again until it is done (`PendingRecord`).
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.db import DatabaseError, transaction
from django.db.models import F

from cloud_bridge.boxes.models import Event, Log, PendingRecord, now_ms
from contracts import event as contract_event

Act = Callable[[Event, contract_event.Event], None]
log = logging.getLogger(__name__)
AGAIN_MS, AGAIN_MAX_MS = 10_000, 3_600_000
EVERY_S = 10.0
AT_ONCE = 500


@dataclass(frozen=True)
class _Follower:
    name: str
    act: Act
    witnessed: bool


_by_type: dict[str, list[_Follower]] = {}
_by_name: dict[str, _Follower] = {}


def follow(*types: str, witnessed: bool = False) -> Callable[[Act], Act]:
    """Have a function called with every record of these types, in a transaction; `witnessed`: not before it is.

    It may be called again for the same record when it raised before.
    """

    def enter(act: Act) -> Act:
        one = _Follower(f"{act.__module__}.{act.__qualname__}", act, witnessed)
        _by_name[one.name] = one
        for kind in types:
            _by_type.setdefault(kind, []).append(one)
        return act

    return enter


def waiting() -> frozenset[str]:
    """The types of record on which nobody acts before they are witnessed."""
    return frozenset(kind for kind, several in _by_type.items() if all(one.witnessed for one in several))


def tell(event: Event, leaf: contract_event.Event) -> None:
    """A record was stored. In the transaction that stored it; whoever fails takes back only what was done by itself."""
    for one in _by_type.get(leaf.type, ()):
        if one.witnessed:
            PendingRecord.objects.create(event=event, follower=one.name, unwitnessed=True)
            continue
        try:
            with transaction.atomic():
                one.act(event, leaf)
        except Exception as error:  # noqa: BLE001 - whatever it is: the record is stored, and this is tried again
            pending = PendingRecord.objects.create(event=event, follower=one.name)
            _put_off(pending, error)


def witnessed(agreed: Log) -> None:
    """A checkpoint was agreed with: what waited for it is done once that is durable."""
    ready = PendingRecord.objects.filter(
        unwitnessed=True, event__box=agreed.box_id, event__log=agreed.epoch, event__seq__lt=agreed.witnessed_size
    )
    if ready.update(unwitnessed=False):
        transaction.on_commit(work_off, robust=True)


def work_off() -> int:
    """Do what is due; gives how much was looked at."""
    due = PendingRecord.objects.filter(unwitnessed=False, due_ms__lte=now_ms()).select_related("event").order_by("pk")
    rows = list(due[:AT_ONCE])
    for row in rows:
        try:
            with transaction.atomic():
                # Whoever deletes it acts: ingest and worker may have found the same row.
                if PendingRecord.objects.filter(pk=row.pk).delete()[0]:
                    _by_name[row.follower].act(row.event, contract_event.decode(bytes(row.event.leaf)))
        except Exception as error:  # noqa: BLE001 - as in `tell`
            _put_off(row, error)
    return len(rows)


def _put_off(row: PendingRecord, error: Exception) -> None:
    log.error("%s by %s: %s; tried again later", row.event, row.follower, error, exc_info=error)
    wait_ms = min(AGAIN_MAX_MS, AGAIN_MS << min(row.tries, 10))
    why = f"{type(error).__name__}: {error}"[:200]
    PendingRecord.objects.filter(pk=row.pk).update(tries=F("tries") + 1, due_ms=now_ms() + wait_ms, why=why)


async def run() -> None:
    """Work off until cancelled; at once again while there is more."""
    while True:
        try:
            done = await asyncio.to_thread(work_off)
        except DatabaseError as error:
            log.warning("pending records: %s", error)
            done = 0
        if done < AT_ONCE:
            await asyncio.sleep(EVERY_S)
