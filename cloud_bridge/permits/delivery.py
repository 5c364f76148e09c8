"""The worker process: timers, and the way down to the boxes.

Permits are sent again until the box has answered and its log holds the acceptance; revocation lists are renewed,
because their age is the box's lease; commands are sent until answered or over.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import timedelta

from aiomqtt import Client, MqttError
from django.utils import timezone

from cloud_bridge.boxes.models import Box, Command, Notice, RevocationList, now_ms
from cloud_bridge.datadir import DataDir
from cloud_bridge.permits.models import Permit
from cloud_bridge.permits.service import by_machine
from cloud_bridge.permits.workflow import ALLOWED, Event, State
from cloud_bridge.process import Broker, Changes, SignOfLife, connect, end_together, until_disconnected
from contracts import topics

log = logging.getLogger(__name__)
POLL_S = 0.1
RENEW_S = 30
RESEND_S = 2.0
RESEND_LONGEST_S = 5.0
NOTICES_KEPT = 20_000
PRUNE_EVERY_S = 600

Outgoing = tuple[str, str, bool]
"""Topic, payload, retained."""


Source = Callable[["Timers", float], list[Outgoing]]
"""What should be published now; see `outgoing`."""


class Timers:
    """When each thing was last sent; a restarted worker sends everything once, which receivers bear."""

    def __init__(self) -> None:
        self._sent: dict[str, tuple[float, int]] = {}
        self._lists: dict[str, str] = {}
        self._pruned = 0.0

    def due(self, key: str, now: float, *, longest_s: float = RESEND_LONGEST_S) -> bool:
        """Whether to send again: after 2, 4, 8, ... seconds, at most `longest_s` apart."""
        last, times = self._sent.get(key, (float("-inf"), 0))
        if now - last < min(longest_s, RESEND_S * 2 ** min(times - 1, 8)):
            return False
        self._sent[key] = (now, times + 1)
        return True

    def forget(self) -> None:
        """Send everything again at the next occasion: the broker is new."""
        self._sent.clear()
        self._lists.clear()

    def list_is_new(self, box: str, token: str) -> bool:
        """Whether this revocation list has not been published yet."""
        if self._lists.get(box) == token:
            return False
        self._lists[box] = token
        return True

    def prune_due(self, now: float) -> bool:
        """Whether old notices should go."""
        if now - self._pruned < PRUNE_EVERY_S:
            return False
        self._pruned = now
        return True


def expire() -> None:
    """End permits whose window is over."""
    for permit in Permit.objects.filter(state__in=ALLOWED[Event.EXPIRE], ends__lte=timezone.now()):
        by_machine(permit.jti, Event.EXPIRE)


def renew_lists() -> None:
    """Ask the signer for fresh revocation lists."""
    for box in Box.objects.filter(active=True, revocations=None):
        RevocationList.objects.get_or_create(box=box)
    RevocationList.objects.filter(as_of__lte=int(time.time()) - RENEW_S, wanted=False, box__active=True).update(
        wanted=True
    )


def prune_notices() -> None:
    """Forget old announcements; what they announced stays."""
    newest = Notice.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    Notice.objects.filter(pk__lt=newest - NOTICES_KEPT).delete()


def outgoing(timers: Timers, now: float) -> list[Outgoing]:
    """Everything that should be published now; timers run on `now`, a monotonic clock."""
    expire()
    renew_lists()
    if timers.prune_due(now):
        prune_notices()
    found: list[Outgoing] = []
    found.extend(
        (topics.dn(row.box_id, "revoke"), row.jws, True)
        for row in RevocationList.objects.exclude(jws="").filter(box__active=True)
        if timers.list_is_new(row.box_id, row.jws)
    )
    wall = timezone.now()
    for permit in Permit.objects.filter(state=State.ISSUED, ends__gt=wall - timedelta(seconds=1)):
        if timers.due(f"permit {permit.jti} {permit.answered}", now):
            found.append((topics.dn(permit.box_id, "permit"), permit.jws, False))
            Permit.objects.filter(pk=permit.pk).update(sent_count=permit.sent_count + 1)
    for command in Command.objects.exclude(jws="").filter(answered_ms=0, exp_s__gt=int(time.time())):
        if timers.due(f"command {command.pk}", now):
            found.append((topics.dn(command.box_id, "cmd"), command.jws, False))
            Command.objects.filter(pk=command.pk, sent_ms=0).update(sent_ms=now_ms())
    return found


def _all(timers: Timers, sources: tuple[Source, ...]) -> list[Outgoing]:
    now = time.monotonic()
    return [found for source in sources for found in source(timers, now)]


async def _serve(client: Client, timers: Timers, changes: Changes, sources: tuple[Source, ...]) -> None:
    async for _changed in changes.wait(POLL_S, longest_s=1):
        for topic, payload, retained in await asyncio.to_thread(_all, timers, sources):
            await client.publish(topic, payload, qos=1, retain=retained)


async def run(data: DataDir, broker: Broker, alive: SignOfLife, *more: Source) -> None:
    """Run timers and delivery until cancelled; reconnect when the broker goes. `more` sends along with the permits."""
    timers, changes = Timers(), Changes(data.database)
    try:
        while True:
            try:
                async with connect(broker, "hotbox-bridge-worker") as client:
                    timers.forget()
                    sending = _serve(client, timers, changes, (outgoing, *more))
                    await end_together(sending, until_disconnected(client), alive.keep())
            except MqttError as error:
                log.warning("broker %s: %s; trying again in 1 s", broker, error)
                alive.pause()
            # Time goes on without a broker.
            await asyncio.to_thread(expire)
            await asyncio.sleep(1)
    finally:
        changes.close()
