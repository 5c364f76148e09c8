"""The badges and the box's Bluetooth radio: a private D-Bus with an `org.bluez` on which the badges advertise."""

import asyncio
import os
import random
import secrets
import time
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from firmware_sim.badges import payload
from firmware_sim.bluez import Bluez
from firmware_sim.bus_daemon import BusDaemon
from firmware_sim.child import Offer, Request
from firmware_sim.clock import now_us
from firmware_sim.errors import SimulationError, one_of, within
from firmware_sim.settings import BadgeSettings, SiteSettings

PERIOD_S = 0.2
_FORGET_S = 10.0
_HEARD_S = 10.0
_DEAF_S = 5.0


class Where(StrEnum):
    """Where a badge is. `cloned` is a copy of its last payload that somebody keeps sending, `replay` an older one."""

    HERE = "here"
    AWAY = "away"
    WEAK = "weak"
    CLONED = "cloned"
    REPLAY = "replay"


class RadioFault(StrEnum):
    """What can be wrong with the radio: deaf for good, or deaf 5 s after each 10 s as BlueZ's scan windows are."""

    NONE = "none"
    DEAF = "deaf"
    GAPS = "gaps"


_RSSI_DBM = {Where.HERE: (-58, 4), Where.WEAK: (-93, 2), Where.CLONED: (-60, 4), Where.REPLAY: (-60, 4)}
_COPIES = (Where.CLONED, Where.REPLAY)
_REPLAY_S = 60.0
_OLDEST_S = 400_000


class Badge:
    """One badge with its secret."""

    def __init__(self, settings: BadgeSettings, secret: bytes) -> None:
        """Away."""
        self.settings = settings
        self.where = Where.AWAY
        self.set_us = now_us()
        self._secret = secret
        self._copy = b""
        # A random static address (both top bits set), the badge's own for the whole day.
        self.address = ":".join(f"{byte:02X}" for byte in (0xC0, 0x5A, *settings.badge.to_bytes(4, "big")))

    def move(self, where: Where, old_s: float = 0) -> None:
        """Go somewhere; `cloned` copies the payload of this moment, `replay` one of `old_s` ago."""
        if where in _COPIES:
            self._copy = self.payload(old_s)
        self.where = where
        self.set_us = now_us()

    def payload(self, old_s: float = 0) -> bytes:
        """What the genuine badge sends now, or sent a while ago."""
        return payload(self._secret, self.settings.badge, time.time() - old_s)

    def advert(self) -> tuple[bytes, int] | None:
        """What arrives at the box's antenna: payload and RSSI, or nothing."""
        if self.where is Where.AWAY:
            return None
        middle, spread = _RSSI_DBM[self.where]
        rssi = max(-120, min(-20, round(random.gauss(middle, spread))))
        return (self._copy if self.where in _COPIES else self.payload()), rssi


class RadioDevice:
    """Badges, bus and `org.bluez` as one device process."""

    def __init__(self, directory: Path, settings: SiteSettings) -> None:
        """Secrets are made when the directory has none yet."""
        self._secrets_file = directory / "badges.json"
        self._daemon = BusDaemon(directory)
        known = settings.badges or ()
        kept = _secrets(self._secrets_file, [badge.badge for badge in known if badge.issued])
        self._badges = {badge.name: Badge(badge, kept.get(badge.badge) or secrets.token_bytes(32)) for badge in known}
        self._fault = RadioFault.NONE
        self._bluez: Bluez | None = None
        self._talking: list[asyncio.Task[None]] = []
        self._started = time.monotonic()

    async def start(self) -> Offer:
        """Start the bus and let the badges advertise."""
        address = await self._daemon.start()
        self._bluez = Bluez(address)
        await self._bluez.start()
        self._talking = [asyncio.create_task(self._advertise(badge, self._bluez)) for badge in self._badges.values()]
        names = ", ".join(f"{name}={badge.settings.badge}" for name, badge in self._badges.items())
        return Offer(
            {"dbus": {"address": address}, "badges": str(self._secrets_file)},
            (f"badges: {address.partition(',')[0]} ({names})",),
            set_targets=("badge",),
            fault_targets=("badges", *self._badges),
        )

    async def handle(self, request: Request) -> dict[str, Any]:
        """``set badge NAME WHERE``, ``fault badges KIND``, ``fault NAME KIND [SECONDS]``, ``state``."""
        words = request.args[1:]
        match request.verb, words:
            case "fault", (kind, *old) if request.args[0] in self._badges:
                self._badge_fault(self._badges[request.args[0]], kind, *old)
            case "set", (name, where):
                by_number = {str(badge.settings.badge): badge for badge in self._badges.values()}
                known = self._badges | by_number
                badge = known[one_of("badge", name, known)]
                badge.move(Where(one_of(f"badge {name}", where, Where)))
            case "fault", (kind,):
                self._fault = RadioFault(one_of("fault badges", kind, RadioFault))
                self._started = time.monotonic()
            case "state", ():
                pass
            case _:
                raise SimulationError(
                    f"expected: set badge {'|'.join(self._badges)} {'|'.join(Where)}"
                    f" | fault badges {'|'.join(RadioFault)}"
                )
        return {
            "badges": {
                name: {"badge": badge.settings.badge, "where": badge.where.value, "set_us": badge.set_us}
                for name, badge in self._badges.items()
            },
            "radio": {
                "fault": self._fault.value,
                "discovering": self._bluez is not None and self._bluez.discovering,
                "adverts": self._bluez.adverts if self._bluez else 0,
            },
        }

    def _badge_fault(self, badge: Badge, kind: str, old: str = str(_REPLAY_S), *_: str) -> None:
        kinds = {"none": Where.HERE} | {where.value: where for where in Where if where is not Where.HERE}
        old_s = within("replay", old, 0, _OLDEST_S, "s")
        where = kinds[one_of(f"fault {badge.settings.name}", kind, kinds)]
        badge.move(where, old_s if where is Where.REPLAY else 0)

    def _hears(self) -> bool:
        match self._fault:
            case RadioFault.DEAF:
                return False
            case RadioFault.GAPS:
                return (time.monotonic() - self._started) % (_HEARD_S + _DEAF_S) < _HEARD_S
        return True

    async def _advertise(self, badge: Badge, bluez: Bluez) -> None:
        heard = -_FORGET_S
        while True:
            # Badges are not in step, and the standard asks for up to 10 ms of random delay.
            await asyncio.sleep(PERIOD_S + random.uniform(-0.01, 0.01))
            advert = badge.advert() if self._hears() else None
            if advert:
                bluez.advertise(badge.address, *advert)
                heard = time.monotonic()
            elif time.monotonic() - heard > _FORGET_S:
                bluez.forget(badge.address)

    async def stop(self) -> None:
        """Leave the bus and end it."""
        for task in self._talking:
            task.cancel()
        if self._bluez:
            self._bluez.stop()
        await self._daemon.stop()


def _secrets(path: Path, badges: list[int]) -> dict[int, bytes]:
    """The badges' secrets: those of the file, and new ones for badges that it lacks."""
    kept: dict[str, str] = msgspec.json.decode(path.read_bytes(), type=dict[str, str]) if path.exists() else {}
    kept = {str(badge): kept.get(str(badge)) or secrets.token_hex(32) for badge in badges}
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(kept))
    return {int(badge): bytes.fromhex(secret) for badge, secret in kept.items()}
