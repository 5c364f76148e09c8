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

from firmware_sim.badges import FULL_PERCENT, old_payload, payload
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
_RESTART_S = 1.0
_LOW_PERCENT = 5


class Where(StrEnum):
    """Where a badge is, or who else pretends to be it.

    `cloned` is a copy of its last payload that somebody keeps sending, `replay` an older one; `doubled`: it is here,
    and a second radio repeats at once whatever it sends; `forged`: its number with another secret; `outdated`: it is
    here with firmware that knows no battery.
    """

    HERE = "here"
    AWAY = "away"
    WEAK = "weak"
    CLONED = "cloned"
    REPLAY = "replay"
    DOUBLED = "doubled"
    FORGED = "forged"
    OUTDATED = "outdated"


class RadioFault(StrEnum):
    """What can be wrong with the radio.

    `deaf`: it hears nothing; `gaps`: 10 s heard, 5 s not, as BlueZ's scan windows are; `stalled`: the scan has ended
    without a word, until somebody starts one anew; `restart`: the bus and its services end and come back.
    """

    NONE = "none"
    DEAF = "deaf"
    GAPS = "gaps"
    STALLED = "stalled"
    RESTART = "restart"


_NEAR_DBM = (-58, 4)
_RSSI_DBM = {Where.WEAK: (-93, 2)}
"""Middle and spread."""
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
        self.battery = FULL_PERCENT
        # Random static addresses (both top bits set): the badge's own for the whole day, and its copier's.
        number = settings.badge.to_bytes(4, "big")
        self.address, self.copier = (bytes((0xC0, kind, *number)).hex(":").upper() for kind in (0x5A, 0x5B))

    def move(self, where: Where, old_s: float = _REPLAY_S) -> None:
        """Go somewhere; `cloned` copies the payload of this moment, `replay` one of `old_s` ago."""
        if where in _COPIES:
            self._copy = self.payload(old_s if where is Where.REPLAY else 0)
        self.where = where
        self.set_us = now_us()

    def payload(self, old_s: float = 0) -> bytes:
        """What the genuine badge sends now, or sent a while ago."""
        return payload(self._secret, self.settings.badge, time.time() - old_s, self.battery)

    def advert(self) -> tuple[bytes, int] | None:
        """What arrives at the box's antenna: payload and RSSI, or nothing."""
        if self.where is Where.AWAY:
            return None
        middle, spread = _RSSI_DBM.get(self.where, _NEAR_DBM)
        return self._sent(), max(-120, min(-20, round(random.gauss(middle, spread))))

    def _sent(self) -> bytes:
        number, now_s = self.settings.badge, time.time()
        match self.where:
            case Where.CLONED | Where.REPLAY:
                return self._copy
            case Where.FORGED:
                return payload(bytes(len(self._secret)), number, now_s, self.battery)
            case Where.OUTDATED:
                return old_payload(self._secret, number, now_s)
        return self.payload()


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
        self._scans = 0

    async def start(self) -> Offer:
        """Start the bus and let the badges advertise."""
        address = await self._plug_in()
        self._talking = [asyncio.create_task(self._advertise(badge)) for badge in self._badges.values()]
        names = ", ".join(f"{name}={badge.settings.badge}" for name, badge in self._badges.items())
        return Offer(
            {"dbus": {"address": address}, "badges": str(self._secrets_file)},
            (f"badges: {address.partition(',')[0]} ({names})",),
            set_targets=("badge",),
            fault_targets=("badges", *self._badges),
        )

    async def _plug_in(self) -> str:
        address = await self._daemon.start()
        self._bluez = Bluez(address)
        await self._bluez.start()
        return address

    async def _restart(self) -> None:
        """Bus and services end, and come back a moment later under the same name, as after an update."""
        if self._bluez:
            self._bluez.stop()
        self._bluez = None
        await self._daemon.stop()
        await asyncio.sleep(_RESTART_S)
        await self._plug_in()
        self._fault = RadioFault.NONE

    async def handle(self, request: Request) -> dict[str, Any]:
        """``set badge NAME WHERE|battery PERCENT``, ``fault badges KIND``, ``fault NAME KIND [VALUE]``, ``state``."""
        words = request.args[1:]
        match request.verb, words:
            case "fault", (kind, *value) if request.args[0] in self._badges:
                self._badge_fault(self._badges[request.args[0]], kind, *value)
            case "set", (name, "battery", percent):
                self._badge(name).battery = _percent(percent)
            case "set", (name, where):
                self._badge(name).move(Where(one_of(f"badge {name}", where, Where)))
            case "fault", (kind, *_):
                await self._break(RadioFault(one_of("fault badges", kind, RadioFault)))
            case "state", ():
                pass
            case _:
                raise SimulationError(
                    f"expected: set badge {'|'.join(self._badges)} {'|'.join(Where)}|battery PERCENT"
                    f" | fault badges {'|'.join(RadioFault)}"
                )
        return {
            "badges": {
                name: {
                    "badge": badge.settings.badge, "where": badge.where.value, "battery": badge.battery,
                    "set_us": badge.set_us,
                }
                for name, badge in self._badges.items()
            },
            "radio": {
                "fault": self._fault.value,
                "discovering": self._bluez is not None and self._bluez.discovering,
                "adverts": self._bluez.adverts if self._bluez else 0,
            },
        }

    def _badge_fault(self, badge: Badge, kind: str, value: str = "", *_: str) -> None:
        kinds = {"none": Where.HERE} | {where.value: where for where in Where if where is not Where.HERE}
        what = f"fault {badge.settings.name}"
        if one_of(what, kind, (*kinds, "battery")) == "battery":
            badge.battery = _percent(value or str(_LOW_PERCENT))
            return
        old_s = within("replay", value or str(_REPLAY_S), 0, _OLDEST_S, "s")
        badge.move(kinds[kind], old_s)

    def _badge(self, name: str) -> Badge:
        known = self._badges | {str(badge.settings.badge): badge for badge in self._badges.values()}
        return known[one_of("badge", name, known)]

    async def _break(self, fault: RadioFault) -> None:
        self._fault = fault
        self._started = time.monotonic()
        self._scans = self._bluez.scans if self._bluez else 0
        if fault is RadioFault.RESTART:
            await self._restart()

    def _hears(self) -> bool:
        match self._fault:
            case RadioFault.DEAF | RadioFault.RESTART:
                return False
            case RadioFault.STALLED:
                return self._bluez is not None and self._bluez.scans > self._scans
            case RadioFault.GAPS:
                return (time.monotonic() - self._started) % (_HEARD_S + _DEAF_S) < _HEARD_S
        return True

    async def _advertise(self, badge: Badge) -> None:
        heard = -_FORGET_S
        while True:
            # Badges are not in step, and the standard asks for up to 10 ms of random delay.
            await asyncio.sleep(PERIOD_S + random.uniform(-0.01, 0.01))
            bluez = self._bluez
            if bluez is None:
                continue
            advert = badge.advert() if self._hears() else None
            if advert:
                bluez.advertise(badge.address, *advert)
                if badge.where is Where.DOUBLED:
                    bluez.advertise(badge.copier, *advert)
                heard = time.monotonic()
            elif time.monotonic() - heard > _FORGET_S:
                bluez.forget(badge.address)
                bluez.forget(badge.copier)

    async def stop(self) -> None:
        """Leave the bus and end it."""
        for task in self._talking:
            task.cancel()
        if self._bluez:
            self._bluez.stop()
        await self._daemon.stop()


def _percent(text: str) -> int:
    return round(within("battery", text, 0, FULL_PERCENT, "%"))


def _secrets(path: Path, badges: list[int]) -> dict[int, bytes]:
    """The badges' secrets: those of the file, and new ones for badges that it lacks."""
    kept: dict[str, str] = msgspec.json.decode(path.read_bytes(), type=dict[str, str]) if path.exists() else {}
    kept = {str(badge): kept.get(str(badge)) or secrets.token_hex(32) for badge in badges}
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(kept))
    return {int(badge): bytes.fromhex(secret) for badge, secret in kept.items()}
