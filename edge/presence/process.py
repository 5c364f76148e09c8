"""The presence process: badges and position in, evidence out."""

import asyncio
import logging
import socket
from pathlib import Path

from contracts.errors import ContractError
from edge.config import BoxConfig
from edge.evidence_client import EvidenceClient
from edge.interlock.evidence import Badge, BadgeRefused, Position
from edge.presence import badges
from edge.presence.ble import BadgeScanner, Sieve
from edge.presence.fence import Fence
from edge.presence.gnss import GnssReceiver
from edge.presence.nmea import Fix

log = logging.getLogger(__name__)


def position(fix: Fix, fence: Fence) -> Position:
    """A fix as evidence."""
    placed = fence.place(fix.latitude, fix.longitude)
    return Position(
        at_us=fix.at_us,
        inside=placed.inside,
        edge_m=round(placed.edge_m),
        fix_quality=fix.quality,
        satellites=fix.satellites,
        hdop_centi=round(fix.hdop * 100),
    )


async def run(config: BoxConfig, evidence: socket.socket | None) -> None:
    """Watch badges and position until cancelled, or until the end of an inherited evidence socket.

    Raises:
        ContractError: the fence or the file of badge secrets is refused.
        OSError: the file of badge secrets cannot be read.
    """
    presence = config.presence
    fence = Fence.of(presence.fence)
    if presence.badges is None:
        raise ContractError("presence.badges", "badge settings", "nothing", "people are known by their badges")
    secrets = badges.load_secrets(Path(presence.badges.secrets))
    missing = [str(person.badge) for person in config.roster if person.badge not in secrets]
    if missing:
        log.warning("no secret for badge %s: these people cannot be recognised", ", ".join(missing))
    client = EvidenceClient(config, evidence)

    def send(item: Badge | BadgeRefused) -> None:
        client.send(item)

    def send_position(fix: Fix) -> None:
        client.send(position(fix, fence))

    async def listen() -> None:
        async for _ in client.messages():
            pass  # nothing of it is for presence, but an unread socket would fill up

    scanner = BadgeScanner(presence.badges, Sieve(secrets, presence.badges.rssi_floor_dbm), send)
    work = [scanner.run(), listen()]
    if presence.gnss:
        work.append(GnssReceiver(presence.gnss, send_position).run())
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
