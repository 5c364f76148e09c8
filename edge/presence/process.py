"""The presence process: badges and position in, evidence out."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from contracts.errors import ContractError
from edge.config import BadgeRules, BoxConfig, Gnss, Nfc
from edge.evidence_client import EvidenceClient
from edge.interlock import rules
from edge.interlock.evidence import Badge, BadgeRefused, Device, Tap
from edge.interlock.rules import Rules
from edge.presence import badges, tags
from edge.presence.ble import OK, BadgeScanner
from edge.presence.fence import Fence
from edge.presence.gnss import GnssReceiver
from edge.presence.gpsd import GpsdReceiver
from edge.presence.nearness import Limits
from edge.presence.nfc import NfcReader
from edge.presence.nmea import Fix
from edge.presence.places import Places
from edge.presence.sieve import Sieve
from edge.presence.trusted import TrustedBadges
from edge.sockets import now_us

LOOK_EVERY_S = 0.1
HEALTH_EVERY_US = 500_000
COMING_UP_US = 5_000_000
"""A device that was just opened has nothing to say yet: that is no fault before this time."""
"""The interlock takes a device for lost when it hears nothing of it within the time to live of its evidence."""

log = logging.getLogger(__name__)


def nearness(settings: BadgeRules, pack: Rules) -> Limits:
    """The site's signal strengths with the pack's times."""
    return Limits(
        settings.rssi_here_dbm, settings.rssi_gone_dbm, pack.badge_dwell_ms.value * 1000, pack.badge_ttl_s.value * 10**6
    )


async def run(config: BoxConfig, evidence: socket.socket | None) -> None:
    """Watch badges and position until cancelled, or until the end of an inherited evidence socket.

    Raises:
        ContractError: the fence, the rules or the file of badge secrets is refused.
        OSError: the file of badge secrets cannot be read.
    """
    presence = config.presence
    fence = Fence.of(presence.fence)
    if presence.badges is None:
        raise ContractError("presence.badges", "badge settings", "nothing", "people are known by their badges")
    pack = rules.effective(config.baseline, config.site_rules)
    path = Path(presence.badges.secrets)
    secrets = badges.load_secrets(path)
    missing = [str(person.badge) for person in config.roster if person.badge not in secrets]
    if missing:
        log.warning("no secret for badge %s: these people cannot be recognised", ", ".join(missing))
    client = EvidenceClient(config, evidence)

    def send(item: Badge | BadgeRefused) -> None:
        client.send(item)

    places = Places(fence, pack)

    def send_position(fix: Fix) -> None:
        item = places.take(fix)
        if item is not None:
            client.send(item)

    async def listen() -> None:
        async for _ in client.messages():
            pass  # nothing of it is for presence, but an unread socket would fill up

    sieve = Sieve(secrets, nearness(presence.badges, pack))
    scanner = BadgeScanner(presence.badges, sieve, send)
    reader = _reader(presence.nfc, client) if presence.nfc else None
    work: list[Awaitable[None]] = [scanner.run(), listen(), TrustedBadges(path, sieve).follow()]
    devices: list[Callable[[], Device]] = [lambda: Device(now_us(), "radio", scanner.health, scanner.heard)]
    if presence.gnss:
        work.append(_receiver(presence.gnss, places, send_position).run())
        devices.append(lambda: Device(now_us(), "gnss", places.health(now_us()), places.heard))
    if reader is not None:
        work.append(reader.run())
        devices.append(lambda: Device(now_us(), "nfc", reader.health, reader.heard))
    work.append(_report(client, devices))
    tasks = [asyncio.ensure_future(part) for part in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        client.close()


def _receiver(settings: Gnss, places: Places, on_fix: Callable[[Fix], None]) -> GnssReceiver | GpsdReceiver:
    if settings.gpsd:
        return GpsdReceiver(*settings.gpsd_address, places, on_fix)
    return GnssReceiver(settings, places, on_fix)


def _reader(settings: Nfc, client: EvidenceClient) -> NfcReader:
    path = Path(settings.tags)
    tags.load(path)  # refused at the start rather than at the first tag

    def send(uid: bytes) -> None:
        number = uid.hex().upper()
        # Read anew each time: what was handed out or withdrawn counts at once.
        try:
            known = tags.load(path).get(number)
        except (ContractError, OSError) as error:
            log.warning("no tag is known any more: %s", error)
            known = None
        if known is None:
            log.warning("tag %s stands for nobody; hotbox provision tag changes that", number)
            client.send(Tap(now_us(), "unknown", number))
        elif known.person is not None:
            client.send(Tap(now_us(), "person", known.person))
        else:
            client.send(Tap(now_us(), "point", known.point or ""))

    return NfcReader(settings, send)


async def _report(client: EvidenceClient, devices: list[Callable[[], Device]]) -> None:
    """Say again and again how each device is, and at once when that changed."""
    said: dict[str, tuple[str, int]] = {}
    began_us = now_us()
    while True:
        for device in devices:
            now = device()
            if now.health != OK and not said.get(now.device) and now.at_us - began_us < COMING_UP_US:
                continue
            health, at_us = said.get(now.device, ("", 0))
            if now.health != health or now.at_us - at_us >= HEALTH_EVERY_US:
                said[now.device] = (now.health, now.at_us)
                client.send(now)
        await asyncio.sleep(LOOK_EVERY_S)
