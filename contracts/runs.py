"""What the gap detector finds: runs of the closed relay, and what of each has no evidence (ANT-10)."""

from enum import StrEnum

import msgspec


class GapKind(StrEnum):
    """What lacks: a permit, an authorised release, verified people, a gas value; the run's beginning or its end."""

    NO_PERMIT = "no_permit"
    NO_AUTHORITY = "no_authority"
    NO_PEOPLE = "no_people"
    NO_GAS = "no_gas"
    NO_BEGIN = "no_begin"
    OPEN_END = "open_end"


class End(StrEnum):
    """How a run ended: seen opening, found open after a restart, nobody knows, or it has not yet."""

    OPENED = "opened"
    FOUND_OPEN = "found_open"
    UNKNOWN = "unknown"
    RUNNING = "running"


class Gap(msgspec.Struct, frozen=True):
    """Seconds without their evidence, wall clock in ms; `seq` is the event that the run began with."""

    kind: GapKind
    first_ms: int
    last_ms: int
    seq: int


class Interval(msgspec.Struct, frozen=True):
    """One run of the closed relay.

    Attributes:
        permit, attempt: what it was released under.
        first, last: seq of the event that it began with and of the one that ended it.
        first_ms, last_ms: wall clock of both.
        closed_ms: how long the relay was closed, at most.
        covered_ms: for how much of that everything is in the log.
        end: how it ended.
        gaps: what lacks; kinds may overlap.
    """

    permit: str
    attempt: str
    first: int
    last: int
    first_ms: int
    last_ms: int
    closed_ms: int
    covered_ms: int
    end: End
    gaps: tuple[Gap, ...] = ()


class Trace(msgspec.Struct, frozen=True):
    """All runs of a log.

    `first` is the oldest leaf that was there: a run that began before it, and was deleted with what is old, is not
    judged. Nor are the `unjudged`, which lack parts that may have been deleted with it.
    """

    intervals: tuple[Interval, ...] = ()
    first: int = 0
    unjudged: tuple[Interval, ...] = ()

    @property
    def closed_ms(self) -> int:
        """How long the relay was closed."""
        return sum(interval.closed_ms for interval in self.intervals)

    @property
    def covered_ms(self) -> int:
        """For how much of that everything is in the log."""
        return sum(interval.covered_ms for interval in self.intervals)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """All gaps in order."""
        return tuple(gap for interval in self.intervals for gap in interval.gaps)

    @property
    def share(self) -> float:
        """Traced share of the closed time, 1.0 when all of it is or when the relay never closed."""
        return self.covered_ms / self.closed_ms if self.closed_ms else 1.0


def percent(covered_ms: int, closed_ms: int) -> str:
    """The traced share, never rounded up: only a whole trace says 100."""
    return "100" if covered_ms == closed_ms else f"{covered_ms * 10_000 // closed_ms / 100:g}"
