"""What a reader of a case wants to know, gathered while its events go by. Bounded, however many there are."""

from collections import Counter, deque

import msgspec

from contracts.event import Event, Severity
from contracts.permit import PermitClaims
from edge.audit.case.facts import Cause, GasRow, Who, gas_rows, is_refusal, people_of, permit_of, reasons_of
from edge.interlock.texts import describe

MOST_AT_EACH_END = 500
MOST_ALARMS = 1000
MOST_POINTS = 4000
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


class Point(msgspec.Struct, frozen=True):
    """A gas value at a time."""

    t: int
    row: GasRow


class Refusal(msgspec.Struct):
    """How often something was refused for this reason."""

    cause: Cause
    times: int
    first: int
    last: int


class Story:
    """The case so far.

    Attributes:
        events: how many events went in; `left_out` leaves of others did not, of them `entangled` of this permit.
        first_t, last_t: their wall clock in ms.
        baseline: ``SIMULATION`` when the box said that it works with simulated devices.
    """

    def __init__(self, permit: str, baseline: str = "") -> None:
        """Nothing yet. `permit` is what the case is about, "" for everything; `baseline` what held before the span."""
        self.permit = permit
        self.events = self.left_out = self.entangled = self.first_t = self.last_t = self.trip_count = 0
        self.baseline = baseline
        self.permits: dict[str, PermitClaims] = {}
        self.people: dict[tuple[str, str, str], Who] = {}
        self.trips: list[Trip] = []
        self.refusals: dict[tuple[str, str], Refusal] = {}
        self.gas: dict[str, list[Point]] = {}
        self.gas_left_out: Counter[str] = Counter()
        self.opening: list[Line] = []
        self.closing: deque[Line] = deque(maxlen=MOST_AT_EACH_END)
        self.alarms: list[Line] = []
        self._open: Trip | None = None

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
        for row in gas_rows(event):
            points = self.gas.setdefault(row.chan, []) if row.chan in self.gas or len(self.gas) < 32 else None
            if points is None or len(points) >= MOST_POINTS:
                self.gas_left_out[row.chan] += 1
            else:
                points.append(Point(event.t, row))

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
        elif is_refusal(event):
            for cause in causes:
                known = self.refusals.get((cause.code, cause.chan))
                if known is not None:
                    known.times, known.last = known.times + 1, event.t
                elif len(self.refusals) < MOST_ROWS:
                    self.refusals[cause.code, cause.chan] = Refusal(cause, 1, event.t, event.t)
