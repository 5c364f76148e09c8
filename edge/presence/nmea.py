"""NMEA sentences to fixes: RMC says whether the receiver vouches for the position, GGA how good it is. Pure.

Both must carry a checksum and the same time of day. A receiver without a fix gives no fix here: silence is a fault, and
the interlock's time to live decides.
"""

import datetime as dt
import logging
import math
from typing import Any

import msgspec
import pynmea2

log = logging.getLogger(__name__)

LONGEST_SENTENCE = 128
"""NMEA 0183 allows 82 characters; receivers with more decimals go over it."""

_MEASURED = frozenset({1, 2, 3, 4, 5, 9})
"""GGA qualities that are measurements. 6 estimated, 7 typed in and 8 simulated prove no place."""
_MEASURED_MODES = frozenset("ADFPR")
"""RMC modes that are measurements: autonomous, differential, float, precise, fixed."""


class Fix(msgspec.Struct, frozen=True):
    """A position: degrees, GGA quality, satellites used, HDOP, CLOCK_BOOTTIME of its arrival.

    `time_s` is the receiver's own time of day (UTC): a fix that repeats it is no new measurement.
    """

    latitude: float
    longitude: float
    quality: int
    satellites: int
    hdop: float
    at_us: int
    time_s: float


class Refusals(msgspec.Struct):
    """How many sentences were refused, by reason: a site engineer's first question to a silent receiver."""

    checksum: int = 0
    void: int = 0
    unreadable: int = 0


class Merger:
    """Reads sentences as they come and gives a fix for each pair that agrees."""

    def __init__(self) -> None:
        """Nothing has been heard."""
        self.refused = Refusals()
        self._valid_at: dt.time | None = None
        self._measured: tuple[dt.time, Fix] | None = None

    def feed(self, line: bytes, at_us: int) -> Fix | None:
        """One line that arrived at a time; a fix when it completes a pair. Other sentences are passed over."""
        sentence = self._parse(line)
        kind = getattr(sentence, "sentence_type", None)
        if kind not in ("RMC", "GGA"):
            return None
        moment = sentence.timestamp
        if not isinstance(moment, dt.time):
            self.refused.void += 1
            return None
        if kind == "RMC":
            self._valid_at = moment if self._vouched(sentence) else None
        else:
            fix = self._fix(sentence, at_us)
            self._measured = (moment, fix) if fix else None
        if self._measured is None or self._measured[0] != self._valid_at:
            return None
        fix = self._measured[1]
        self._measured = None
        self._valid_at = None
        return msgspec.structs.replace(fix, at_us=at_us)

    def _parse(self, line: bytes) -> Any:
        # NMEA 0183 knows no other characters than those that print; pynmea2 takes some of them for blanks.
        if len(line) > LONGEST_SENTENCE or any(not 0x20 <= byte <= 0x7E for byte in line.strip()):
            self.refused.unreadable += 1
            return None
        try:
            # pynmea2 takes sentences without a checksum for good unless it is told to check.
            return pynmea2.parse(line.decode("ascii").strip(), check=True)
        except pynmea2.ChecksumError:
            self.refused.checksum += 1
        except (pynmea2.ParseError, UnicodeDecodeError, ValueError):
            self.refused.unreadable += 1
        return None

    def _vouched(self, rmc: Any) -> bool:
        mode = getattr(rmc, "mode_indicator", None)
        vouched = rmc.status == "A" and (not mode or mode in _MEASURED_MODES)
        if not vouched:
            self.refused.void += 1
        return vouched

    def _fix(self, gga: Any, at_us: int) -> Fix | None:
        try:
            fix = Fix(
                latitude=float(gga.latitude),
                longitude=float(gga.longitude),
                quality=int(gga.gps_qual),
                satellites=int(gga.num_sats),
                hdop=float(gga.horizontal_dil),
                at_us=at_us,
                time_s=_seconds(gga.timestamp),
            )
        except (TypeError, ValueError):
            self.refused.void += 1
            return None
        complete = gga.lat and gga.lon and gga.lat_dir in ("N", "S") and gga.lon_dir in ("E", "W")
        sound = abs(fix.latitude) <= 90 and abs(fix.longitude) <= 180 and math.isfinite(fix.hdop) and fix.hdop > 0
        if not (complete and sound and fix.quality in _MEASURED):
            self.refused.void += 1
            return None
        return fix


def _seconds(moment: dt.time) -> float:
    return moment.hour * 3600 + moment.minute * 60 + moment.second + moment.microsecond / 1e6
