"""What a reader of a case wants to know, gathered while its events go by. Bounded, however many there are."""

from collections import deque

import msgspec

from contracts.event import Event, Severity
from contracts.permit import PermitClaims
from contracts.refusals import is_refusal
from contracts.runs import Trace
from edge.audit.case.curve import Curve, Point
from edge.audit.case.facts import Cause, Who, gas_points, people_of, permit_of, reasons_of
from edge.interlock.texts import UNTOLD, describe

MOST_AT_EACH_END = 500
MOST_ALARMS = 1000
MOST_POINTS = 4000
MOST_CHANNELS = 32
MOST_ROWS = 200


class Line(msgspec.Struct, frozen=True):
    """One event on the timeline."""

    seq: int
    t: int
    zh: str
    en: str
    actor: str
    sev: Severity
    res: str


class Trip(msgspec.Struct):
    """A trip: when, the first cause, what came with it, how long the contact took to open (None: not recorded)."""

    seq: int
    t: int
    cause: Cause | None
    released: bool
    relay_ms: int | None = None


class Refusal(msgspec.Struct):
    """How often something was refused for this reason."""

    cause: Cause
    times: int
    first: int
    last: int


class Story:
    """The case so far.

    Attributes:
        events: how many events went in, of them `quiet` records of quiet times, which no timeline shows; `left_out`
            leaves of others did not, of them `entangled` of this permit.
        first_t, last_t: their wall clock in ms.
        gas: the channels' values, thinned where nothing happened; `gas_not_drawn` names channels beyond the most.
        tripped: when the `trips` were (ms).
        baseline: ``SIMULATION`` when the box said that it works with simulated devices.
        trace: the runs of the closed relay and what they lack; None where the log could not be gone through.
    """

    def __init__(self, permit: str, baseline: str = "") -> None:
        """Nothing yet. `permit` is what the case is about, "" for everything; `baseline` what held before the span."""
        self.permit = permit
        self.events = self.quiet = self.left_out = self.entangled = self.first_t = self.last_t = self.trip_count = 0
        self.baseline = baseline
        self.permits: dict[str, PermitClaims] = {}
        self.people: dict[tuple[str, str, str], Who] = {}
        self.trips: list[Trip] = []
        self.refusals: dict[tuple[str, str], Refusal] = {}
        self.gas: dict[str, Curve] = {}
        self.gas_not_drawn: set[str] = set()
        self.tripped: list[int] = []
        self.opening: list[Line] = []
        self.closing: deque[Line] = deque(maxlen=MOST_AT_EACH_END)
        self.alarms: list[Line] = []
        self._open: Trip | None = None
        self.trace: Trace | None = None

    def leave_out(self, event: Event, leaves: int) -> None:
        """An event that is withheld."""
        self.left_out += leaves
        if event.permit == self.permit:
            self.entangled += 1

    def add(self, event: Event) -> None:
        """One event, its parts joined."""
        self.events += 1
        self.first_t = self.first_t or event.t
        self.last_t = event.t
        if event.type in ("system.boot", "site.loaded") and isinstance(event.data.get("baseline"), str):
            self.baseline = event.data["baseline"]
        if event.type in UNTOLD:
            self.quiet += 1
        else:
            self._tell(event)
        self._permit(event)
        self._gas(event)
        self._stops(event)

    def lines(self) -> list[Line]:
        """The timeline: both ends of it, and every alarm between them."""
        shown = {line.seq: line for line in (*self.opening, *self.alarms, *self.closing)}
        return [shown[seq] for seq in sorted(shown)]

    def _tell(self, event: Event) -> None:
        zh, en = describe(event.type, event.data)
        line = Line(event.seq, event.t, zh, en, event.actor.id, event.sev, event.res.value)
        if len(self.opening) < MOST_AT_EACH_END:
            self.opening.append(line)
            return
        if event.sev is Severity.ALARM and len(self.alarms) < MOST_ALARMS:
            self.alarms.append(line)
        self.closing.append(line)

    def _permit(self, event: Event) -> None:
        claims = permit_of(event)
        if claims is not None and len(self.permits) < MOST_ROWS:
            self.permits[claims.jti] = claims
        for who in people_of(event):
            if len(self.people) < MOST_ROWS:
                self.people[event.permit, who.role, who.id] = who

    def _gas(self, event: Event) -> None:
        for t, row in gas_points(event):
            if row.chan not in self.gas and len(self.gas) >= MOST_CHANNELS:
                self.gas_not_drawn.add(row.chan)
                continue
            curve = self.gas.setdefault(row.chan, Curve(MOST_POINTS))
            curve.add(Point(t, row), self.tripped)

    def _stops(self, event: Event) -> None:
        if event.type == "relay.opened" and self._open is not None:
            ms = event.data.get("ms")
            self._open.relay_ms = ms if isinstance(ms, int) else None
            self._open = None
        causes = reasons_of(event)
        if event.type == "interlock.tripped":
            cause = causes[0] if causes else None
            self._open = Trip(event.seq, event.t, cause, bool(event.data.get("released")))
            self.trip_count += 1
            if len(self.trips) < MOST_ROWS:
                self.trips.append(self._open)
                self.tripped.append(event.t)
        elif is_refusal(event):
            for cause in causes:
                known = self.refusals.get((cause.code, cause.chan))
                if known is not None:
                    known.times, known.last = known.times + 1, event.t
                elif len(self.refusals) < MOST_ROWS:
                    self.refusals[cause.code, cause.chan] = Refusal(cause, 1, event.t, event.t)
