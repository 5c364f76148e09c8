"""Bluetooth badges heard through BlueZ.

Active scanning: in passive mode BlueZ reports a payload only when it changes, and missing callbacks then say nothing.
BlueZ scans in windows of about 10 s with gaps of about 5 s, so a scanner counts as deaf only well after such a gap.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from edge.config import BadgeRules
from edge.interlock.evidence import Badge, BadgeRefused
from edge.presence import badges
from edge.presence.sieve import NOT_HEARD_DBM, Sieve
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
OK, DEAF, ABSENT = "ok", "deaf", "absent"
"""Health of the radio: it hears, it scans and hears nothing, or it cannot scan at all."""

log = logging.getLogger(__name__)


class BadgeScanner:
    """Keeps BlueZ scanning and hands on what the sieve lets through."""

    def __init__(self, rules: BadgeRules, sieve: Sieve, on_item: Callable[[Badge | BadgeRefused], None]) -> None:
        """Nothing is started before `run`."""
        self.restarts = 0
        self.heard = 0
        """Broadcasts of all devices since the beginning."""
        self.health = ABSENT
        self._rules = rules
        self._sieve = sieve
        self._on_item = on_item
        self._heard_s = 0.0

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
        # Every broadcast, also one that repeats the last: how strongly a badge is heard now stands in nothing else.
        bluez: BlueZScannerArgs = {"filters": {"DuplicateData": True}}
        if self._rules.adapter:
            bluez["adapter"] = self._rules.adapter
        scanner: BleakScanner | None = None
        said = ""
        try:
            while True:
                try:
                    await self._stop(scanner)
                    scanner = BleakScanner(self._on_advertisement, bluez=bluez)
                    async with asyncio.timeout(ANSWER_S):
                        await scanner.start()
                    if said:
                        log.info("the Bluetooth adapter scans again")
                    said = ""
                    if self.health == ABSENT:
                        self.health = OK
                    await self._until_deaf()
                    self.health = DEAF
                    log.warning("nothing heard by Bluetooth for %.0f s: starting the scanner again", DEAF_S)
                except failures as error:
                    self.health = ABSENT
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
        self._heard_s = time.monotonic()
        while True:
            left = self._heard_s + DEAF_S - time.monotonic()
            if left <= 0:
                return
            await asyncio.sleep(left)

    def _on_advertisement(self, device: "BLEDevice", advertisement: "AdvertisementData") -> None:
        if advertisement.rssi <= NOT_HEARD_DBM:
            return
        self._heard_s = time.monotonic()
        self.heard += 1
        self.health = OK
        data = advertisement.manufacturer_data.get(badges.COMPANY_ID)
        if data is None:
            return
        item = self._sieve.take(data, device.address, advertisement.rssi, now_us(), time.time())
        if item:
            self._on_item(item)
