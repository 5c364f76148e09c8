"""Bluetooth badges heard through BlueZ.

Active scanning: in passive mode BlueZ reports a payload only when it changes, and missing callbacks then say nothing.
BlueZ scans in windows of about 10 s with gaps of about 5 s, so a scanner counts as deaf only well after such a gap.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from edge.config import BadgeRules
from edge.interlock.evidence import Badge, BadgeRefused
from edge.presence import badges
from edge.presence.badges import BadgeVerdict
from edge.sockets import now_us

if TYPE_CHECKING:
    from bleak import BleakScanner
    from bleak.args.bluez import BlueZScannerArgs
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

DEAF_S = 12.0
"""Above the gap of about 5 s between BlueZ's scan windows with room for a badge that broadcasts slowly."""
ANSWER_S = 5.0
"""Longest wait for BlueZ's answer; D-Bus itself sets no limit."""
RETRY_S = 1.0
BADGE_EVERY_S = 0.2
REFUSED_EVERY_S = 1.0
REFUSED_PER_S = 10
"""Invented badge numbers cost nothing to broadcast: refusals of all badges together are bounded too."""
NOT_HEARD_DBM = -127
"""BlueZ takes the RSSI away when a scan window ends and reports that as a change; bleak then says -127."""

log = logging.getLogger(__name__)


class Sieve:
    """Broadcasts to evidence: verified, strong enough, and not too much of it."""

    def __init__(self, secrets: Mapping[int, bytes], rssi_floor_dbm: int) -> None:
        """Believe the badges that have a secret, from a signal strength on."""
        self._secrets = secrets
        self._floor_dbm = rssi_floor_dbm
        self._sent: dict[int, float] = {}
        self._refused: dict[tuple[int, BadgeVerdict], float] = {}
        self._weak: set[int] = set()

    def take(
        self, data: bytes, rssi_dbm: int, at_us: int, unix_s: float, monotonic_s: float
    ) -> Badge | BadgeRefused | None:
        """Judge one broadcast heard at a time; None when there is nothing to tell (now)."""
        if rssi_dbm <= NOT_HEARD_DBM:
            return None
        checked = badges.check(data, self._secrets, unix_s)
        if checked.verdict is BadgeVerdict.MALFORMED:
            # Company 0xFFFF is anybody's: this is no badge at all.
            return None
        if checked.verdict is BadgeVerdict.UNKNOWN and rssi_dbm < self._floor_dbm:
            # Somebody else's badge far away is nobody who came in.
            return None
        if checked.verdict is not BadgeVerdict.OK:
            return self._refuse(checked.badge, checked.verdict, at_us, monotonic_s)
        if rssi_dbm < self._floor_dbm:
            if checked.badge not in self._weak:
                self._weak.add(checked.badge)
                log.info("badge %d is too weak: %d dBm, floor %d dBm", checked.badge, rssi_dbm, self._floor_dbm)
            return None
        self._weak.discard(checked.badge)
        if monotonic_s - self._sent.get(checked.badge, float("-inf")) < BADGE_EVERY_S:
            return None
        self._sent[checked.badge] = monotonic_s
        return Badge(at_us, checked.badge, rssi_dbm)

    def _refuse(self, badge: int, why: BadgeVerdict, at_us: int, monotonic_s: float) -> BadgeRefused | None:
        recent = {key: at for key, at in self._refused.items() if monotonic_s - at < REFUSED_EVERY_S}
        self._refused = recent
        if len(recent) >= REFUSED_PER_S or any(number == badge for number, _ in recent):
            return None
        recent[badge, why] = monotonic_s
        return BadgeRefused(at_us, badge, why.value)


class BadgeScanner:
    """Keeps BlueZ scanning and hands on what the sieve lets through."""

    def __init__(self, rules: BadgeRules, sieve: Sieve, on_item: Callable[[Badge | BadgeRefused], None]) -> None:
        """Nothing is started before `run`."""
        self.restarts = 0
        self._rules = rules
        self._sieve = sieve
        self._on_item = on_item
        self._heard = 0.0

    async def run(self) -> None:
        """Scan until cancelled; a scanner that fails or hears nothing at all is started again.

        The private bus of `dbus_address`, when there is one, must be in the environment before bleak first connects.
        """
        if self._rules.dbus_address:
            os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = self._rules.dbus_address
        from bleak import BleakScanner
        from bleak.exc import BleakError
        from dbus_fast.errors import DBusFastError

        failures = (BleakError, DBusFastError, OSError, EOFError, TimeoutError, AssertionError)
        adapter: BlueZScannerArgs = {"adapter": self._rules.adapter} if self._rules.adapter else {}
        scanner: BleakScanner | None = None
        said = ""
        try:
            while True:
                try:
                    await self._stop(scanner)
                    scanner = BleakScanner(self._on_advertisement, bluez=adapter)
                    async with asyncio.timeout(ANSWER_S):
                        await scanner.start()
                    if said:
                        log.info("the Bluetooth adapter scans again")
                    said = ""
                    await self._until_deaf()
                    log.warning("nothing heard by Bluetooth for %.0f s: starting the scanner again", DEAF_S)
                except failures as error:
                    # Said once per kind of failure, not each second.
                    if said != type(error).__name__:
                        log.warning("the Bluetooth adapter does not scan (%r); trying each second", error)
                    said = type(error).__name__
                self.restarts += 1
                await asyncio.sleep(RETRY_S)
        finally:
            with contextlib.suppress(*failures):
                await self._stop(scanner)

    async def _stop(self, scanner: "BleakScanner | None") -> None:
        """Stop a scanner, on a bus that is connected again when it was lost.

        On a lost bus bleak's stop would go through dbus-fast's clean-up a second time, which takes the watch off a
        descriptor number that may be somebody else's by then: the GNSS receiver's or the evidence socket's.
        """
        if scanner is None:
            return
        from bleak.backends.bluezdbus.manager import get_global_bluez_manager
        from bleak.exc import BleakDBusError

        async with asyncio.timeout(ANSWER_S):
            await get_global_bluez_manager()
            with contextlib.suppress(BleakDBusError):  # a BlueZ that was restarted knows of no scan
                await scanner.stop()

    async def _until_deaf(self) -> None:
        self._heard = time.monotonic()
        while True:
            left = self._heard + DEAF_S - time.monotonic()
            if left <= 0:
                return
            await asyncio.sleep(left)

    def _on_advertisement(self, _device: "BLEDevice", advertisement: "AdvertisementData") -> None:
        at_us = now_us()
        self._heard = time.monotonic()
        data = advertisement.manufacturer_data.get(badges.COMPANY_ID)
        if data is None:
            return
        item = self._sieve.take(data, advertisement.rssi, at_us, time.time(), self._heard)
        if item:
            self._on_item(item)
