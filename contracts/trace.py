"""The gap detector: whether every second that the relay was closed maps to a permit and its evidence (ANT-10). Pure.

Goes through a log's leaves in order. A run begins with the closing command and ends with the open contact; each of its
seconds needs

- a permit whose claims are in the log, within its window, which ends when it is revoked, void,
  suspended or withdrawn,
- ``release.authorised`` of this attempt with a record from which the decision can be made again, until a trip, a fault
  or the end of the work takes it back,
- performer and guardian, both verified no longer ago than the rule pack's re-check and its grace; the performer, who
  works under a mask, also for as long as the box says each minute that the badge was never away since,
- of every group of gas detectors a good value of its minute, or one no older than the pack's ``gas_summary_s``.

What lacks is a gap, named by its kind. After a power cut nobody saw the contact open: the run lasts until the log says
that it was found open, at most until a released box would have had to write again; without such a word it is open
until the next start, which is a gap of its own. Unknown is "no".

Where a log's oldest leaves were deleted, a run soon after them may refer to parts that went with them: such a run is
not judged, and counted as that.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from contracts.errors import ContractError, from_msgspec
from contracts.event import Event
from contracts.permit import PermitClaims, Role
from contracts.runs import End, Gap, GapKind, Interval, Trace
from contracts.spans import Span, cover, newest, uncovered, united
from contracts.trace_sources import Crew, Pack, bounded, crew_of, groups_of, objects, pack_of, references, whole_number

_SECOND_US = 1_000_000
_SLACK_US = _SECOND_US
"""The second in which something ends still belongs to it: the contact takes its time to follow."""
_MOST_PARTS = 256
"""As many as whoever writes records remembers to have written (`edge/interlock/decision_record.py`)."""
_MOST_PERMITS = 256
_MOST_PEOPLE = 64
_KEPT = 4
_PARTS_US = 25 * 3600 * _SECOND_US
"""Parts are written again after a day: a decision that is further from the oldest leaf finds its own in the log."""
_STOPS = ("interlock.tripped", "interlock.fault", "work.finished")
_OVER = ("permit.revoked", "permit.void")
_TAKEN = (*_OVER, "permit.suspended", "permit.withdrawn")
_SUPPORTED = (
    "system.boot", "identity.verified", "gas.record", "gas.changed", "gas.minute", "gas.alarm", "interlock.minute",
    "release.authorised", "release.commanded", "relay.closed", "relay.opened", *_STOPS,
    *_TAKEN,
)  # fmt: skip
_RECORDS = b'"snapshot":['


class _Head(msgspec.Struct):
    """What is read of every leaf; `data` is not."""

    seq: int
    boot: int
    t: int
    m: int
    type: str


class Authority(msgspec.Struct, frozen=True):
    """The newest authorised attempt: under which permit, when, whether its record can be read, or only lacks parts."""

    attempt: str = ""
    permit: str = ""
    readable: bool = False
    parted: bool = False
    at: int = 0
    t: int = 0


class Run(msgspec.Struct):
    """The run that goes on; places in µs on the tracer's own line of time.

    `taken` is where its permit was taken from it, `stopped` where the box ended it, -1 when neither was. `parted`: its
    authority is not in the log, or parts of that, and leaves that were deleted may have held them.
    """

    seq: int
    permit: str
    attempt: str
    at: int
    t: int
    authorised: bool
    stopped: int = -1
    alive: int = -1
    booted: int = -1
    nobody_saw: bool = False
    taken: int = -1
    parted: bool = False


class Tracer(msgspec.Struct):
    """The gap detector while leaves go by. Encodes as JSON: whoever follows a growing log keeps it and goes on."""

    next: int = 0
    first: int = -1
    boot: int = -1
    base_m: int = 0
    base: int = 0
    at: int = 0
    t: int = 0
    pack: Pack = msgspec.field(default_factory=Pack)
    parts: dict[str, int] = {}
    permits: dict[str, Crew] = {}
    authority: Authority = msgspec.field(default_factory=Authority)
    aware: bool = False
    ended: str = ""
    over: dict[str, int] = {}
    suspended: dict[str, int] = {}
    groups: dict[str, str] = {}
    air: dict[str, list[Span]] = {}
    people: dict[str, list[Span]] = {}
    run: Run | None = None
    held: Event | None = None
    unjudged: list[Interval] = []

    def add(self, leaf: bytes) -> tuple[Interval, ...]:
        """The next leaf; gives the runs that ended with it.

        Raises:
            ContractError: it is no event.
        """
        try:
            head = _decode_head(leaf)
            told = head.type in _SUPPORTED or _RECORDS in leaf
            event = _decode_event(leaf) if told else None
        except msgspec.MsgspecError as error:
            raise from_msgspec(error, "leaf") from error
        except UnicodeDecodeError as error:
            raise ContractError("leaf", "UTF-8 JSON", str(error), "run: hotbox audit verify") from error
        if self.first < 0:
            self.first = head.seq
        self.next = head.seq + 1
        self._follow(head)
        found: tuple[Interval, ...] = ()
        if event is not None:
            whole = self._joined(event)
            if whole is not None:
                found = self._told(whole)
        return found

    def unfinished(self) -> Interval | None:
        """The run that has not ended, judged as far as the log goes; None when there is none, or it is not judged."""
        return None if self.run is None or self._lacks_parts(self.run) else self._standing()

    def all_unjudged(self) -> tuple[Interval, ...]:
        """The runs that lack parts which were deleted, the one that goes on too."""
        going_on = self._standing() if self.run is not None and self._lacks_parts(self.run) else None
        return (*self.unjudged, *((going_on,) if going_on is not None else ()))

    def _standing(self) -> Interval | None:
        run = self.run
        if run is None:
            return None
        if run.booted >= 0:
            return self._judged(run, run.booted, End.UNKNOWN, run.alive)
        return self._judged(run, max(self.at, run.at), End.RUNNING)

    # --- time

    def _follow(self, head: _Head) -> None:
        """Within one start by the clock that nobody can set; from one start to the next by the wall clock."""
        if head.boot != self.boot:
            run = self.run
            if run is not None and run.alive < 0:
                run.alive = self.at
            self.base = self.at + max(0, head.t - self.t) * 1000 if self.boot >= 0 else 0
            self.aware = self.aware or self.boot >= 0
            self.base_m, self.boot = head.m, head.boot
            if run is not None and run.booted < 0:
                run.booted = self.base
        self.at = self._place(head.m)
        self.t = head.t

    def _place(self, m: int) -> int:
        return self.base + m - self.base_m

    # --- parts of events

    def _joined(self, event: Event) -> Event | None:
        """An event that was split over leaves, once its last part is here (`edge.audit.draft`)."""
        part, of = event.data.get("part"), event.data.get("of")
        rows = event.data.get("snapshot")
        if not (isinstance(part, int) and isinstance(of, int) and isinstance(rows, list)):
            self.held = None
            return event
        if part == 1:
            self.held = event if of > 1 else None
            return None if of > 1 else event
        head = self.held
        if head is None or event.data.get("head") != head.seq:
            return None
        head.data["snapshot"].extend(rows)
        if part < of:
            return None
        self.held = None
        return head

    def _told(self, event: Event) -> tuple[Interval, ...]:
        rows = event.data.get("snapshot")
        if isinstance(event.data.get("part_of"), str):
            self._take_part(event, rows)
        elif isinstance(rows, list):
            ended = self._take_record([row for row in rows if isinstance(row, dict)])
            return (*ended, *self._take(event, rows))
        return self._take(event, ())

    def _take_part(self, event: Event, pieces: Any) -> None:
        """A permit, a rule pack, a site: written in full once and known by the hash of its text."""
        if not isinstance(pieces, list) or not all(isinstance(piece, str) for piece in pieces):
            return
        text, name = "".join(pieces), event.data.get("sha256")
        if sha256(text.encode()).hexdigest() != name:
            return
        bounded(self.parts, str(name), event.seq, _MOST_PARTS)
        try:
            match event.data["part_of"]:
                case "PermitClaims":
                    claims = msgspec.json.decode(text, type=PermitClaims)
                    bounded(self.permits, claims.jti, crew_of(claims), _MOST_PERMITS)
                case "Rules":
                    self.pack = pack_of(msgspec.json.decode(text, type=dict[str, Any]))
                case "Site":
                    self.groups = groups_of(msgspec.json.decode(text, type=dict[str, Any]))
        except (msgspec.MsgspecError, ValueError):
            return

    def _take_record(self, rows: list[dict[str, Any]]) -> tuple[Interval, ...]:
        """What a decision was made from: faces, readings, the contact as it was seen."""
        ended: tuple[Interval, ...] = ()
        for row in rows:
            kind, name, value = row.get("k"), row.get("n"), row.get("v")
            if not isinstance(value, dict):
                continue
            if kind == "snapshot.faces" and isinstance(name, str):
                distance = value.get("distance_milli")
                if isinstance(distance, int) and 0 <= distance <= self.pack.distance_milli:
                    self._seen(name, whole_number(value.get("at_us")))
            elif kind == "snapshot.readings" and value.get("quality") == "good":
                self._breathed(name, whole_number(value.get("at_us")))
            elif kind == "snapshot" and isinstance(value.get("deadman"), dict):
                contact = value["deadman"]
                if contact.get("contact_closed") is False and contact.get("latch_closed") is False:
                    ended = self._found_open(whole_number(contact.get("at_us")))
        return ended

    # --- evidence

    def _seen(self, person: str, m: int | None) -> None:
        if m is None:
            return
        if person not in self.people and len(self.people) >= _MOST_PEOPLE:
            del self.people[min(self.people, key=lambda name: self.people[name][-1][1])]
        at = self._place(m)
        spans = self.people.setdefault(person, [])
        cover(spans, at, at + self.pack.face_s * _SECOND_US + _SLACK_US)
        self._let_go(spans)

    def _held(self, person: str, m: int) -> None:
        """Until the box's next word somebody who was verified before still is."""
        at = self._place(m)
        spans = self.people[person]
        cover(spans, at, at + self.pack.gas_s * _SECOND_US + _SLACK_US)
        self._let_go(spans)

    def _breathed(self, channel: Any, m: int | None, lasting_us: int = 0, age_us: int = 0) -> None:
        """A good value of a channel: of the time `lasting_us` before `m`, the last one `age_us` before it."""
        group = self.groups.get(channel) if self.groups and isinstance(channel, str) else ""
        if m is None or group is None:
            return
        at = self._place(m)
        spans = self.air.setdefault(group, [])
        cover(spans, at - lasting_us, max(at, at - age_us + self.pack.gas_s * _SECOND_US) + _SLACK_US)
        self._let_go(spans)

    def _let_go(self, spans: list[Span]) -> None:
        """While the relay is open, only the last evidence may still count for a run."""
        if self.run is None:
            del spans[:-_KEPT]

    def _found_open(self, m: int | None) -> tuple[Interval, ...]:
        """The contact is open: counts once the run was ended, or after a start; before its closing it was open, too."""
        run = self.run
        if run is None or m is None or not (run.stopped >= 0 or run.booted >= 0):
            return ()
        at = max(self._place(m), run.at)
        if run.booted >= 0:
            if at < run.booted:
                return ()
            if self.pack.silent_s:
                at = max(run.alive, min(at, run.alive + self.pack.silent_s * _SECOND_US))
        return self._end(at, End.FOUND_OPEN)

    def _take(self, event: Event, rows: Sequence[Any]) -> tuple[Interval, ...]:
        data = event.data
        match event.type:
            case "release.authorised":
                self.authority = self._authorised(event, rows)
                self.suspended.pop(event.permit, None)
            case "release.commanded":
                return self._begin(event, 0)
            case "relay.closed":
                return self._begin(event, (whole_number(data.get("ms")) or 0) * 1000)
            case "relay.opened":
                return self._opened(event)
            case "identity.verified":
                self._seen(event.actor.id, event.m)
            case kind if kind in _TAKEN:
                self._take_permit(event)
            case "gas.record" | "gas.changed" | "gas.alarm" | "gas.minute":
                self._take_gas(event)
            case "interlock.minute":
                return self._take_minute(event)
            case kind if kind in _STOPS and self.run is not None and self.run.stopped < 0:
                self.run.stopped = self.at
        return ()

    def _take_permit(self, event: Event) -> None:
        """A permit is taken back: for good, or until it is authorised anew. No number: whatever goes on."""
        run = self.run
        if event.permit:
            bounded(self.over if event.type in _OVER else self.suspended, event.permit, self.at, _MOST_PERMITS)
        if run is not None and run.taken < 0 and event.permit in ("", run.permit):
            run.taken = self.at

    def _take_gas(self, event: Event) -> None:
        data = event.data
        if event.type == "gas.minute":
            lasting = whole_number(data.get("ms"))
            for row in objects(data.get("rows")):
                if lasting is not None and row.get("n"):
                    age = whole_number(row.get("age_ms"))
                    age_us = max(0, lasting if age is None else age) * 1000
                    self._breathed(row.get("chan"), event.m, lasting * 1000, age_us)
            return
        for row in objects(data.get("values")) if event.type == "gas.record" else [data]:
            if row.get("q", "good") == "good" and whole_number(row.get("value_milli")) is not None:
                self._breathed(row.get("chan"), event.m)

    def _take_minute(self, event: Event) -> tuple[Interval, ...]:
        """Who was last verified when, and how the contact stands: what a released box writes each minute."""
        crew = self.permits.get(event.permit)
        performers = crew.people.get(Role.PERFORMER.value, ()) if crew is not None else ()
        for row in objects(event.data.get("people")):
            age = whole_number(row.get("face_ms"))
            if not isinstance(row.get("id"), str) or age is None:
                continue
            if row.get("held") is True and row["id"] in performers and self.people.get(row["id"]):
                self._held(row["id"], event.m)
            else:
                self._seen(row["id"], event.m - age * 1000)
        return self._found_open(event.m) if event.data.get("contact") == "open" else ()

    def _authorised(self, event: Event, rows: Sequence[Any]) -> Authority:
        """Whether the decision can be made again: its head, and every part that it refers to is in the log."""
        heads = [row.get("v") for row in objects(rows) if row.get("k") == "decision"]
        if len(heads) != 1 or not isinstance(heads[0], dict):
            return Authority(event.corr, event.permit, at=self.at, t=event.t)
        wanted = {heads[0].get("site"), heads[0].get("rules")} | set(references(rows))
        whole = all(name in self.parts for name in wanted)
        return Authority(event.corr, event.permit, whole, not whole, self.at, event.t)

    # --- runs

    def _begin(self, event: Event, ago_us: int) -> tuple[Interval, ...]:
        run = self.run
        if run is not None and run.attempt == event.corr and run.booted < 0:
            return ()
        # Another attempt while the last one never ended: nobody knows what was between.
        ended = self._end(run.booted if run.booted >= 0 else self.at, End.UNKNOWN) if run is not None else ()
        at = self.at - ago_us
        known = self.authority
        authorised = (known.attempt, known.permit, known.readable) == (event.corr, event.permit, True)
        self.run = Run(
            event.seq, event.permit, event.corr, at, event.t - ago_us // 1000, authorised,
            taken=self._taken(event.permit), parted=self._is_parted(event),
        )  # fmt: skip
        return ended

    def _opened(self, event: Event) -> tuple[Interval, ...]:
        if self.run is None:
            if event.corr == self.ended or (self.first > 0 and not self.aware):
                return ()  # it was found open before; or it began with what is deleted by now
            known = self.authority
            at, t = self.at - _SECOND_US, event.t - 1000
            if known.attempt == event.corr:
                at, t = known.at, known.t
            authorised = known.attempt == event.corr and known.readable
            self.run = Run(
                event.seq, event.permit, event.corr, at, t, authorised, nobody_saw=True,
                taken=self._taken(event.permit), parted=self._is_parted(event),
            )  # fmt: skip
        if self.run.booted >= 0:
            return self._found_open(event.m)
        return self._end(self.at, End.OPENED)

    def _taken(self, permit: str) -> int:
        """Where a permit was taken back, -1 when it was not, or was authorised anew since."""
        return min((held[permit] for held in (self.over, self.suspended) if permit in held), default=-1)

    def _is_parted(self, event: Event) -> bool:
        """Of the attempt's authority nothing was seen since the log's oldest leaf, or only some of its parts."""
        known = self.authority
        return known.parted if known.attempt == event.corr else not known.attempt

    def _lacks_parts(self, run: Run) -> bool:
        """Whether what it refers to may have been deleted with the log's oldest leaves."""
        near = self.first > 0 and run.at <= _PARTS_US
        return near and (run.parted or bool(run.permit and run.permit not in self.permits))

    def _end(self, at: int, end: End) -> tuple[Interval, ...]:
        run = self.run
        assert run is not None  # noqa: S101 - whoever ends a run has one
        found = self._judged(run, max(at, run.at), end, run.alive if end is End.UNKNOWN else -1)
        cut = self._lacks_parts(run)
        self.run, self.aware, self.ended = None, True, run.attempt
        self.air = {group: newest(spans) for group, spans in self.air.items()}
        self.people = {person: newest(spans) for person, spans in self.people.items()}
        if cut:
            self.unjudged.append(found)
            return ()
        return (found,)

    def _judged(self, run: Run, last: int, end: End, unknown_from: int = -1) -> Interval:
        """Every kind of evidence against the whole run."""
        crew = self.permits.get(run.permit) if run.permit else None
        lacking: list[tuple[GapKind, Span]] = []

        def lack(kind: GapKind, holes: Iterable[Span]) -> None:
            lacking.extend((kind, hole) for hole in holes)

        whole = [(run.at, last)]
        if crew is None:
            lack(GapKind.NO_PERMIT, whole)
        else:
            until = self._wall(run, crew.exp)
            until = min(until, run.taken) if run.taken >= 0 else until
            lack(GapKind.NO_PERMIT, uncovered(run.at, last, [(self._wall(run, crew.nbf), until + _SLACK_US)]))
        if not run.authorised:
            lack(GapKind.NO_AUTHORITY, whole)
        elif run.stopped >= 0:
            lack(GapKind.NO_AUTHORITY, uncovered(run.at, last, [(run.at, max(run.at, run.stopped) + _SLACK_US)]))
        for spans in self._verified(crew):
            lack(GapKind.NO_PEOPLE, uncovered(run.at, last, spans))
        for group in set(self.groups.values()) or {""}:
            # What was read before the groups were known counts for each of them.
            lack(GapKind.NO_GAS, uncovered(run.at, last, (*self.air.get(group, ()), *self.air.get("", ()))))
        if run.nobody_saw:
            lack(GapKind.NO_BEGIN, whole)
        if end is End.UNKNOWN:
            lack(GapKind.OPEN_END, [(max(run.at, unknown_from), last)])
        missing = united(hole for _, hole in lacking)
        gaps = [
            Gap(kind, run.t + (first - run.at) // 1000, run.t + (until - run.at) // 1000, run.seq)
            for kind in GapKind
            for first, until in united(hole for lacks, hole in lacking if lacks is kind)
        ]
        closed_us = last - run.at
        return Interval(
            run.permit, run.attempt, run.seq, self.next - 1, run.t, run.t + closed_us // 1000, closed_us // 1000,
            (closed_us - sum(until - first for first, until in missing)) // 1000, end, tuple(gaps),
        )  # fmt: skip

    def _wall(self, run: Run, moment_s: int) -> int:
        """Place of a moment of the wall clock, as it went when the run began."""
        return run.at + (moment_s * 1000 - run.t) * 1000

    def _verified(self, crew: Crew | None) -> list[list[Span]]:
        """When somebody of each role counted as verified; without the permit's claims, when anybody did."""
        if crew is None:
            return [[span for spans in self.people.values() for span in spans]]
        return [
            [span for person in crew.people.get(role.value, ()) for span in self.people.get(person, ())]
            for role in Role
        ]


def trace(leaves: Iterable[bytes]) -> Trace:
    """All runs of a log's leaves, the unfinished one too.

    Raises:
        ContractError: a leaf is no event.
    """
    tracer = Tracer()
    found = [interval for leaf in leaves for interval in tracer.add(leaf)]
    going_on = tracer.unfinished()
    runs = (*found, *((going_on,) if going_on is not None else ()))
    return Trace(runs, max(0, tracer.first), tracer.all_unjudged())


_decode_head = msgspec.json.Decoder(_Head).decode
_decode_event = msgspec.json.Decoder(Event).decode
