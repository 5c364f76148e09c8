"""A GNSS receiver: NMEA 0183 GGA and RMC at 5 Hz, GSA and GSV at 1 Hz, on a pseudo-terminal."""

import asyncio
import random
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from firmware_sim.child import Offer, Request
from firmware_sim.errors import SimulationError, one_of, within
from firmware_sim.pty_line import PtyLine
from firmware_sim.settings import SiteSettings

PERIOD_S = 0.2
_NOISE_DEG = 2e-6
"""Spread of the position, about 0.2 m: a receiver never says the same twice."""


def sky(satellites: int, hdop: str) -> tuple[str, ...]:
    """GSA and GSV: which satellites are used and where they stand; `satellites` at most 12."""
    numbers = range(1, satellites + 1)
    used = ",".join(f"{number:02d}" for number in numbers) + "," * (12 - satellites)
    seen = [f"{number:02d},{20 + 5 * number:02d},{30 * number % 360:03d},40" for number in numbers]
    rows = [seen[at : at + 4] for at in range(0, len(seen), 4)]
    gsv = (f"GPGSV,{len(rows)},{row},{satellites:02d},{','.join(four)}" for row, four in enumerate(rows, 1))
    return tuple(map(sentence, (f"GNGSA,A,3,{used},1.80,{hdop},1.50", *gsv)))


_LEAP_DEG = 3.6e-4
"""About 40 m to the north."""


class GnssFault(StrEnum):
    """What can be wrong with the receiver.

    `jump`: each second its position leaps some 40 m to the north or back. `frozen`: it goes on telling one measurement,
    time and all. `bad_checksum`: one digit of each sentence was changed on the way. `poor`: few satellites, HDOP 12.
    """

    NONE = "none"
    NO_CHECKSUM = "no_checksum"
    VOID = "void"
    SILENT = "silent"
    JUMP = "jump"
    FROZEN = "frozen"
    BAD_CHECKSUM = "bad_checksum"
    POOR = "poor"


def sentence(body: str) -> str:
    """An NMEA sentence with its checksum."""
    checksum = 0
    for letter in body.encode():
        checksum ^= letter
    return f"${body}*{checksum:02X}\r\n"


def _angle(degrees: float, digits: int, hemispheres: str) -> str:
    size = abs(degrees)
    # Ten-thousandths of a minute first, so that 59.99999 does not print as 60 minutes.
    total = round(size * 600_000)
    return f"{total // 600_000:0{digits}d}{total % 600_000 / 10_000:07.4f},{hemispheres[degrees < 0]}"


def sentences(
    at: datetime, latitude: float, longitude: float, *, fix: bool, satellites: int = 11, hdop: str = "0.90"
) -> tuple[str, str]:
    """GGA and RMC of one moment."""
    time = at.strftime("%H%M%S.") + f"{at.microsecond // 10_000:02d}"
    where = f"{_angle(latitude, 2, 'NS')},{_angle(longitude, 3, 'EW')}"
    if fix:
        gga = f"GNGGA,{time},{where},1,{satellites:02d},{hdop},12.4,M,8.1,M,,"
        rmc = f"GNRMC,{time},A,{where},0.02,,{at:%d%m%y},,,A"
    else:
        gga = f"GNGGA,{time},,,,,0,00,99.99,,M,,M,,"
        rmc = f"GNRMC,{time},V,,,,,,,{at:%d%m%y},,,N"
    return sentence(gga), sentence(rmc)


class GnssDevice:
    """The receiver as one device process."""

    def __init__(self, directory: Path, settings: SiteSettings) -> None:
        """It stands where the settings say and has a fix."""
        if settings.gnss is None:
            raise SimulationError("this site has no GNSS receiver")
        self._line = PtyLine(directory / "gnss")
        self._home = (settings.gnss.latitude, settings.gnss.longitude)
        self._position = self._home
        self._fix = True
        self._fault = GnssFault.NONE
        self._frozen = ""
        self._talking: asyncio.Task[None] | None = None

    async def start(self) -> Offer:
        """Open the line and talk."""
        self._line.open()
        self._talking = asyncio.create_task(self._talk())
        return Offer(
            {"gnss": {"device": str(self._line.link)}},
            (f"gnss: {self._line.link}",),
            set_targets=("gnss",),
            fault_targets=("gnss",),
        )

    async def handle(self, request: Request) -> dict[str, Any]:
        """``set gnss LAT LON|nofix|here``, ``fault gnss KIND``, ``state``."""
        words = request.args[1:]
        match request.verb, words:
            case "set", ("nofix",):
                self._fix = False
            case "set", ("here",):
                self._position, self._fix = self._home, True
            case "set", (latitude, longitude):
                self._position = (
                    within("latitude", latitude, -90, 90, "degrees"),
                    within("longitude", longitude, -180, 180, "degrees"),
                )
                self._fix = True
            case "fault", (kind,):
                self._fault = GnssFault(one_of("fault gnss", kind, GnssFault))
            case "state", ():
                pass
            case _:
                raise SimulationError(
                    f"expected: set gnss LAT LON | set gnss nofix | set gnss here | fault gnss {'|'.join(GnssFault)}"
                )
        latitude_deg, longitude_deg = self._position
        return {
            "gnss": {"latitude": latitude_deg, "longitude": longitude_deg, "fix": self._fix, "fault": self._fault.value}
        }

    async def _talk(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += PERIOD_S
            await asyncio.sleep(due - loop.time())
            if self._fault is not GnssFault.SILENT:
                self._line.write(self._text().encode())

    def _text(self) -> str:
        if self._fault is GnssFault.FROZEN and self._frozen:
            return self._frozen
        at = datetime.now(UTC)
        latitude, longitude = (degrees + random.gauss(0, _NOISE_DEG) for degrees in self._position)
        if self._fault is GnssFault.JUMP and at.second % 2:
            latitude += _LEAP_DEG
        fix = self._fix and self._fault is not GnssFault.VOID
        satellites, hdop = (3, "12.00") if self._fault is GnssFault.POOR else (11, "0.90")
        text = "".join(sentences(at, latitude, longitude, fix=fix, satellites=satellites, hdop=hdop))
        if fix and at.microsecond < PERIOD_S * 1e6:
            text += "".join(sky(satellites, hdop))
        self._frozen = text
        match self._fault:
            case GnssFault.NO_CHECKSUM:
                return "".join(line.partition("*")[0] + "\r\n" for line in text.splitlines())
            case GnssFault.BAD_CHECKSUM:
                return "".join(line.replace("1", "7", 1) + "\r\n" for line in text.splitlines())
        return text

    async def stop(self) -> None:
        """Hang up."""
        if self._talking:
            self._talking.cancel()
        self._line.close()
