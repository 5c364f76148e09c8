"""Fixes to evidence of place, and how the receiver is."""

from edge.interlock.evidence import Position
from edge.interlock.rules import Rules
from edge.presence.fence import Fence
from edge.presence.nmea import Fix
from edge.presence.track import FROZEN, Limits, Track, follow

OK, SILENT, ABSENT = "ok", "silent", "absent"


def limits(pack: Rules) -> Limits:
    """The pack's."""
    return Limits(
        pack.position_scatter_m.value, pack.position_speed_m_s.value, pack.position_settle_s.value * 1_000_000
    )


class Places:
    """Judges each fix and remembers what was refused last, and when."""

    def __init__(self, fence: Fence, pack: Rules) -> None:
        """Nothing has been heard."""
        self.heard = 0
        """Fixes since the beginning."""
        self.attached = False
        """Whether the receiver, or gpsd, can be reached."""
        self._fence = fence
        self._limits = limits(pack)
        # A fix is missing for half its life before anybody is told: the cause is known when the life ends.
        self._window_us = pack.position_ttl_s.value * 500_000
        self._track = Track()
        self._good_us: int | None = None
        self._refused: tuple[str, int] | None = None

    def take(self, fix: Fix) -> Position | None:
        """A fix as evidence, or None when it is not believed. Outside is believed at once: it can only stop work."""
        self.heard += 1
        self._track, why = follow(self._track, fix, self._limits)
        placed = self._fence.place(fix.latitude, fix.longitude)
        if why and (placed.inside or why == FROZEN):
            self.refuse(why, fix.at_us)
            return None
        self._good_us = fix.at_us
        return Position(
            at_us=fix.at_us,
            inside=placed.inside,
            edge_m=round(placed.edge_m),
            fix_quality=fix.quality,
            satellites=fix.satellites,
            hdop_centi=round(fix.hdop * 100),
        )

    def refuse(self, why: str, at_us: int) -> None:
        """Something was heard that is no fix: void, checksum."""
        self._refused = (why, at_us)

    def health(self, now_us: int) -> str:
        """What is the matter now."""
        if not self.attached:
            return ABSENT
        if self._good_us is not None and now_us - self._good_us <= self._window_us:
            return OK
        if self._refused is not None and now_us - self._refused[1] <= self._window_us:
            return self._refused[0]
        return SILENT
