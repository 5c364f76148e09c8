"""Positions from gpsd, for a receiver that others on the machine use too (chrony, a fleet's own software).

gpsd tells its reports as JSON lines over TCP. After a loss of the fix it may fall silent without a word (measured), so
silence ends the evidence by its time to live, and a silent connection is made anew.
"""

import asyncio
import contextlib
import datetime as dt
import logging
import math
from collections.abc import Callable

import msgspec

from edge.presence.nmea import Fix
from edge.presence.places import Places
from edge.sockets import now_us

RETRY_S = 1.0
SILENCE_S = 5.0
LONGEST_LINE = 32_768
"""A SKY report of many satellites has some 6 kB."""
SKY_US = 5_000_000
"""Satellites and HDOP that were told longer ago say nothing about a position now."""
_WATCH = b'?WATCH={"enable":true,"json":true};\n'
_FIX_2D = 2
_MEASURED = frozenset({0, 1, 2, 3, 4, 9})
"""TPV status that is a measurement (0: not told): normal, differential, RTK fixed and floating, P(Y). 5 and 6 are dead
reckoning, 7 is surveyed, that is typed in, and 8 simulated, as in `edge.presence.nmea`; a number that gpsd's manual
does not have proves nothing either. Source: gpsd_json(5)."""
_MOST_DEVICES = 16
"""Receivers behind one gpsd whose sky is kept."""

log = logging.getLogger(__name__)


class _Satellite(msgspec.Struct):
    used: bool = False


class _Report(msgspec.Struct, rename={"kind": "class", "used_count": "uSat"}):
    """What is read of TPV and SKY; other reports pass with their class alone."""

    kind: str
    device: str = ""
    mode: int = 0
    status: int = 0
    time: str = ""
    lat: float | None = None
    lon: float | None = None
    hdop: float | None = None
    used_count: int | None = None
    satellites: list[_Satellite] | None = None


class Reports:
    """Puts position (TPV) and sky (SKY) of the same receiver together. No I/O."""

    def __init__(self) -> None:
        """Nothing has been told."""
        self.void = 0
        """Positions that gpsd does not vouch for, or that do not read."""
        self._skies: dict[str, tuple[int, float, int]] = {}

    def feed(self, line: bytes, at_us: int) -> Fix | None:
        """One line that arrived at a time; a fix when it is a position that counts."""
        try:
            report = msgspec.json.decode(line, type=_Report)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self.void += 1
            return None
        if report.kind == "SKY":
            self._look_up(report, at_us)
            return None
        return self._position(report, at_us) if report.kind == "TPV" else None

    def _look_up(self, sky: _Report, at_us: int) -> None:
        used = sky.used_count
        if used is None and sky.satellites is not None:
            used = sum(satellite.used for satellite in sky.satellites)
        # gpsd 3.22 tells the sky in parts: one without HDOP or satellites takes nothing back.
        if used is not None and sky.hdop is not None and math.isfinite(sky.hdop) and sky.hdop > 0:
            # The newest is the last; the oldest goes when gpsd names devices without end.
            self._skies.pop(sky.device, None)
            self._skies[sky.device] = (used, sky.hdop, at_us)
            if len(self._skies) > _MOST_DEVICES:
                del self._skies[next(iter(self._skies))]

    def _position(self, told: _Report, at_us: int) -> Fix | None:
        moment = _time_of_day_s(told.time)
        known = told.mode >= _FIX_2D and moment is not None and told.lat is not None and told.lon is not None
        sky = self._skies.get(told.device)
        if not known or told.status not in _MEASURED or sky is None or at_us - sky[2] > SKY_US:
            self.void += 1
            return None
        used, hdop, _ = sky
        fix = Fix(told.lat or 0.0, told.lon or 0.0, 1, used, hdop, at_us, moment or 0.0)
        if not (abs(fix.latitude) <= 90 and abs(fix.longitude) <= 180):
            self.void += 1
            return None
        return fix


def _time_of_day_s(text: str) -> float | None:
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.hour * 3600 + at.minute * 60 + at.second + at.microsecond / 1e6


class GpsdReceiver:
    """Reads gpsd's reports and hands each fix to `on_fix`."""

    def __init__(self, host: str, port: int, places: Places, on_fix: Callable[[Fix], None]) -> None:
        """Nothing is opened before `run`."""
        self.reports = Reports()
        self._host = host
        self._port = port
        self._places = places
        self._on_fix = on_fix

    async def run(self) -> None:
        """Read until cancelled; a lost or silent connection is made again."""
        said = ""
        while True:
            try:
                await self._read()
                reason = "it has closed the connection"
                self._places.attached = False
            except TimeoutError:
                reason = f"nothing heard for {SILENCE_S:.0f} s"
            except (OSError, ValueError) as error:  # ValueError: a line without end
                reason = str(error)
                self._places.attached = False
            if reason != said:
                log.warning("gpsd at %s:%d: %s; trying each second", self._host, self._port, reason)
            said = reason
            await asyncio.sleep(RETRY_S)

    async def _read(self) -> None:
        async with asyncio.timeout(SILENCE_S):
            reader, writer = await asyncio.open_connection(self._host, self._port, limit=LONGEST_LINE)
        try:
            writer.write(_WATCH)
            while True:
                async with asyncio.timeout(SILENCE_S):
                    line = await reader.readline()
                if not line:
                    return
                self._places.attached = True
                self._take(line)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _take(self, line: bytes) -> None:
        at_us = now_us()
        void = self.reports.void
        fix = self.reports.feed(line, at_us)
        if fix is not None:
            self._on_fix(fix)
        elif self.reports.void > void:
            self._places.refuse("void", at_us)
