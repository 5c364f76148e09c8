"""The interlock kernel: pure, no I/O, no clock of its own.

    LOCKED -> PERMISSIVE_OK -> ARMED(attempt) -> RELEASED -> TRIPPED (latched) -> LOCKED      FAULT (latched)

`step` takes what is remembered, the newest evidence and what happened, and gives what to remember, the relay
command, notes for the log and the time at which it must run again even if nothing happens. `_relay` alone decides
the relay command.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec

from contracts.event import ActionResult, Category, Severity
from contracts.permit import PermitClaims, Revocations
from edge.gas.reading import Quality
from edge.interlock.conditions import (
    CONDITIONS,
    Condition,
    Facts,
    Verdict,
    channel_reason,
    evaluate,
    facts,
    gas,
    over_limit,
    verified,
)
from edge.interlock.record import Note, reason_data
from edge.interlock.rules import Rules
from edge.interlock.site import Site
from edge.interlock.snapshot import Snapshot
from edge.interlock.state import (
    FORGOTTEN,
    Durable,
    FireWatch,
    GasTest,
    Levels,
    Mode,
    Opening,
    Reason,
    Volatile,
    current_permit,
    milli,
    usable,
)
from edge.relay.contact import ContactVerdict, judge

replace = msgspec.structs.replace
MAX_CONSEQUENCES = 12
MAX_PERMITS = 16
MAX_OVER = 1024
"""Ids of finished and of void permits that are kept: more than can end within the longest validity."""
REFUSED_AGAIN_US = 10_000_000
SLEW_MS = 50
"""Forward difference between two readings of the clock that scheduling may make. Backward none is followed: many
small steps would turn back time unseen (slewing does not show, CLOCK_BOOTTIME is slewed alike)."""
_UNCURABLE = ("permit", "deadline", "lease", "clock")
"""Conditions that no one on site can mend (or that the reset itself settles): they block an arming, not a reset."""
_PEOPLE = ("guardian", "performer", "faces", "faces_again")
_CONSEQUENCES = ("estop", "stop", "gas", "inputs", "loop")
"""Conditions that are still written down when they fail after the first-out."""
_BY_NAME: dict[str, Condition] = {condition.name: condition for condition in CONDITIONS}


class Relay(StrEnum):
    """What the relay driver must do: open, hold what was closed, or close once."""

    OPEN = "open"
    HOLD = "hold"
    CLOSE = "close"


# --- what can happen besides evidence -----------------------------------------------------------------------------


class Acknowledged(msgspec.Struct, frozen=True):
    """`release.authorised` of this attempt is durable, and so is the state that it was made in."""

    attempt: int


class PermitAccepted(msgspec.Struct, frozen=True):
    """A permit that verified."""

    claims: PermitClaims


class Revoked(msgspec.Struct, frozen=True):
    """A revocation list that verified and is newer than the last."""

    revocations: Revocations


class Suspended(msgspec.Struct, frozen=True):
    """The bridge asks to stop; `void` ends the permit for good."""

    permit: str
    reason: str
    void: bool


class GasTested(msgspec.Struct, frozen=True):
    """A gas test was entered by an analyst who is here."""

    test: GasTest


class ResetRequested(msgspec.Struct, frozen=True):
    """`hotbox reset`: opens the window in which the physical edge counts. Two people open it for a fault."""

    uid: int
    fault_by: tuple[str, ...] = ()


class Confirmed(msgspec.Struct, frozen=True):
    """A named person confirmed a precondition of a permit."""

    permit: str
    precondition: str
    person: str


class ShutDown(msgspec.Struct, frozen=True):
    """The process is about to end in good order."""


Happening = Acknowledged | PermitAccepted | Revoked | Suspended | GasTested | ResetRequested | Confirmed | ShutDown


class Step(msgspec.Struct, frozen=True):
    """What one step gives. `next_us` is when to step again at the latest.

    `facts` are what was decided on, with what is remembered after the decision; `verdicts` are from before it.
    """

    durable: Durable
    volatile: Volatile
    relay: Relay
    notes: tuple[Note, ...]
    facts: Facts
    verdicts: dict[str, Verdict]
    next_us: int


def _relay(before: Mode, after: Mode) -> Relay:
    """The one owner of the relay: it closes on entering RELEASED, holds while there, and opens in every other mode."""
    if after is not Mode.RELEASED:
        return Relay.OPEN
    return Relay.HOLD if before is Mode.RELEASED else Relay.CLOSE


def failing(verdicts: dict[str, Verdict], *, release: bool) -> list[tuple[Condition, Verdict]]:
    """Conditions of the release set (or else of the run set) that do not pass, most dangerous first."""
    return [
        (condition, verdicts[condition.name])
        for condition in CONDITIONS
        if (condition.release if release else condition.run) and not verdicts[condition.name].ok
    ]


class _Turn:
    """One step in the making. Lives for one call of `step` and is the only mutable thing in the kernel."""

    def __init__(
        self, site: Site, rules: Rules, durable: Durable, volatile: Volatile, snapshot: Snapshot, now: int
    ) -> None:
        self.site = site
        self.rules = rules
        self.before = durable.mode
        self.d = durable
        self.v = volatile
        self.snapshot = snapshot
        self.now = now
        self.notes: list[Note] = []
        self.pressed: tuple[str, ...] = ()
        self.asked: list[Reason] = []
        self.f = facts(site, rules, durable, volatile, snapshot, now)
        self.verdicts: dict[str, Verdict] = {}

    def judge(self) -> None:
        """Evaluate every condition on what is remembered now."""
        self.f = facts(self.site, self.rules, self.d, self.v, self.snapshot, self.now)
        self.verdicts = evaluate(self.f)

    def note(
        self,
        kind: str,
        cat: Category = Category.INTERLOCK,
        sev: Severity = Severity.INFO,
        res: ActionResult = ActionResult.OK,
        *,
        actor: tuple[str, str] = ("box", ""),
        token: int = 0,
        snapshot: bool = False,
        permit: str | None = None,
        **data: Any,
    ) -> None:
        """Write something down; `snapshot` adds the complete evidence."""
        number = permit if permit is not None else (self.f.permit.jti if self.f.permit else "")
        self.notes.append(Note(kind, cat, sev, res, actor, number, self.d.attempt, token, snapshot, data))

    def enter(self, mode: Mode) -> None:
        """Change the mode."""
        if mode is not self.d.mode:
            self.d = replace(self.d, mode=mode, since_us=self.now)

    # --- happenings

    def take(self, happening: Happening) -> None:
        """Apply what happened to what is remembered."""
        match happening:
            case PermitAccepted(claims):
                self._take_permit(claims)
            case Revoked(revocations):
                self._take_revocations(revocations)
            case Suspended(permit, reason, void):
                self._suspend(permit, reason, void)
            case GasTested(test):
                self.d = replace(self.d, gas_test=test)
                self.note(
                    "gas_test.recorded", Category.GAS, actor=("person", test.analyst), serial=test.serial,
                    points=[
                        {"position": p.position, "gas": p.gas, "unit": p.unit, "value_milli": milli(p.value)}
                        for p in test.points
                    ],
                )  # fmt: skip
            case ResetRequested(uid, fault_by):
                until = self.now + self.rules.reset_window_s.value * 1_000_000
                if fault_by:
                    self.v = replace(self.v, fault_window=(until, fault_by))
                else:
                    self.v = replace(self.v, reset_window_until_us=until)
                self.note("interlock.reset_window", actor=("cli", str(uid)), by=list(fault_by))
            case Confirmed(permit, precondition, person):
                self.d = replace(self.d, preconditions={**self.d.preconditions, f"{permit}/{precondition}": person})
                self.note(
                    "permit.precondition", Category.PERMIT, actor=("person", person), id=precondition, permit=permit
                )
            case ShutDown() if self.d.mode in (Mode.ARMED, Mode.RELEASED):
                self.asked.append(Reason("shutdown"))
            case _:
                pass

    def _take_permit(self, claims: PermitClaims) -> None:
        """Keep a new permit. One that is held is never replaced: a permit may not be altered (GB 30871-2022 4.18)."""
        if any(held.jti == claims.jti for held in self.d.permits):
            return
        permits = self._room((*self.d.permits, claims))
        numbers = {held.jti for held in permits}
        confirmed = {key: who for key, who in self.d.preconditions.items() if key.partition("/")[0] in numbers}
        as_of = max(self.d.as_of, claims.as_of)
        self.d = replace(self.d, permits=permits, preconditions=confirmed, as_of=as_of)
        self.note(
            "permit.accepted", Category.PERMIT, actor=("bridge", claims.iss), permit=claims.jti,
            level=claims.level.value, nbf=claims.nbf, exp=claims.exp, content_sha256=claims.content_sha256,
            people=[{"id": p.id, "role": p.role.value, "badge": p.badge} for p in claims.people],
            approvals=[{"by": a.by, "office": a.office, "at": a.at} for a in claims.approvals],
        )  # fmt: skip

    def _room(self, permits: tuple[PermitClaims, ...]) -> tuple[PermitClaims, ...]:
        """At most `MAX_PERMITS`, by their beginning: first those that are over go, then the one that begins last."""
        kept = sorted(permits, key=lambda held: (held.nbf, held.jti))
        needed = {self.d.active, self.d.fire_watch.permit if self.d.fire_watch else ""}
        while len(kept) > MAX_PERMITS:
            loose = [held for held in kept if held.jti not in needed]
            over = [held for held in loose if not usable(self.d, held, self.f.wall_s)]
            kept.remove(over[0] if over else loose[-1])
        return tuple(kept)

    def _take_revocations(self, revocations: Revocations) -> None:
        """A newer list replaces the older; what it revoked here stays void even if a later list forgets it."""
        as_of = max(self.d.as_of, revocations.as_of)
        if revocations.rev <= self.d.revision:
            if revocations.rev == self.d.revision:
                self.d = replace(self.d, as_of=as_of)
            return
        held = {permit.jti for permit in self.d.permits}
        fresh = [number for number in revocations.revoked if number in held and number not in self.d.void]
        self.d = replace(
            self.d,
            revoked=revocations.revoked,
            revision=revocations.rev,
            as_of=as_of,
            void=(*self.d.void, *fresh)[-MAX_OVER:],
        )
        for number in fresh:
            actor = ("bridge", revocations.iss)
            self.note("permit.revoked", Category.PERMIT, Severity.WARNING, actor=actor, permit=number)

    def _suspend(self, permit: str, reason: str, void: bool) -> None:
        """The bridge stops the work under `permit`, or whatever goes on here when it names none."""
        if void and permit not in self.d.void:
            self.d = replace(self.d, void=(*self.d.void, permit)[-MAX_OVER:])
        kind = "permit.void" if void else "permit.suspended"
        self.note(kind, Category.PERMIT, Severity.WARNING, permit=permit, reason=reason)
        concerned = [held.jti for held in (self.f.permit, current_permit(self.d, self.f.wall_s)) if held is not None]
        if not permit or permit in concerned:
            self.asked.append(Reason("permit_void" if void else "permit_suspended", permit, clause="PTW-17"))

    # --- transitions

    def trip(self, cause: Reason, others: tuple[Reason, ...], *, by_gas: bool = False) -> None:
        """Open and latch. The first cause is never overwritten; after a release the fire watch begins."""
        opened = self.d.mode is Mode.RELEASED
        if self.d.latched:
            self.d = replace(self.d, consequences=_add(self.d, (cause, *others)))
        else:
            self.d = replace(self.d, first_out=cause, consequences=(), reset_done=False)
            self.d = replace(self.d, consequences=_add(self.d, others))
        if opened:
            self._opened(by_gas=by_gas)
        self.enter(Mode.TRIPPED)
        self.note(
            "interlock.tripped", sev=Severity.ALARM, snapshot=True,
            **reason_data(cause), others=[reason_data(other) for other in others], released=opened,
        )  # fmt: skip
        if opened:
            self._note_watch()

    def _opened(self, *, by_gas: bool) -> None:
        until = self.now + self.rules.fire_watch_s.value * 1_000_000
        self.d = replace(
            self.d,
            opening=Opening(self.d.active, self.now, by_gas),
            fire_watch=FireWatch(self.d.active, self.now, until),
            confirmed=False,
        )

    def _note_watch(self) -> None:
        rule = self.rules.fire_watch_s
        self.note("fire_watch.started", seconds=rule.value, clause=rule.clause)

    def finish(self) -> None:
        """Work done: open in good order, end the permit, keep watch (workflows "Permit", POST_WATCH)."""
        number = self.d.active
        opened = self.d.mode is Mode.RELEASED
        self.d = replace(self.d, finished=(*self.d.finished, number)[-MAX_OVER:])
        if opened:
            self._opened(by_gas=False)
            self.d = replace(self.d, first_out=Reason("finished", number), consequences=(), reset_done=False)
        if self.d.mode is not Mode.FAULT:
            self.enter(Mode.TRIPPED)
        self.note("work.finished", snapshot=opened)
        if opened:
            self._note_watch()

    def arm(self) -> None:
        """The arm button's rising edge."""
        if self.d.mode is Mode.ARMED:
            self.abandon((Reason("second_edge"),))
            return
        if self.d.mode is Mode.RELEASED:
            return
        missing = failing(self.verdicts, release=True)
        if missing or self.f.permit is None:
            self.note(
                "interlock.arm_refused", sev=Severity.WARNING, res=ActionResult.DENIED, snapshot=True,
                reasons=[reason_data(reason) for _, verdict in missing for reason in verdict.reasons],
            )  # fmt: skip
            return
        self.d = replace(self.d, attempt=self.d.attempt + 1, active=self.f.permit.jti, armed_us=self.now)
        self.enter(Mode.ARMED)
        self.note("release.authorised", token=self.d.attempt, snapshot=True, rules=self.rules.sha256)

    def abandon(self, reasons: tuple[Reason, ...]) -> None:
        """An attempt that did not become a release."""
        self.enter(Mode.LOCKED)
        self.note(
            "release.abandoned", sev=Severity.WARNING, res=ActionResult.DENIED, snapshot=True,
            reasons=[reason_data(reason) for reason in reasons],
        )  # fmt: skip

    def release(self) -> None:
        """The attempt is durable and every release condition passes on current evidence: close."""
        permit = self.f.permit
        assert permit is not None  # noqa: S101 - the permit condition passed
        clock, watch = self.snapshot.clock, self.d.fire_watch
        wall_ms = clock.t + (self.now - clock.at_us) // 1000
        left_ms = permit.exp * 1000 - wall_ms - clock.error_ms
        self.d = replace(
            self.d,
            released_us=self.now,
            deadline_us=self.now + left_ms * 1000,
            crew=verified(self.f),
            confirmed=False,
            first_out=None,
            consequences=(),
            reset_done=False,
            fire_watch=None,
        )
        self.enter(Mode.RELEASED)
        if watch is not None:
            self.note("fire_watch.ended", permit=watch.permit, resumed=True)

    def reset(self) -> None:
        """The reset edge: an authorised badge present and every cause gone."""
        here = self._authorised("reset")
        reasons: list[Reason] = []
        if not here:
            reasons.append(Reason("reset_unauthorised"))
        if not self.site.reset_is_key and self.now >= self.v.reset_window_until_us:
            reasons.append(Reason("reset_window"))
        f = replace(self.f, durable=replace(self.d, over_range=()))
        bad = {channel.name for channel in self.site.channels if channel_reason(f, channel) is not None}
        freed = replace(self.d, over_range=tuple(name for name in self.d.over_range if name in bad))
        reasons.extend(gas(replace(f, durable=freed)).reasons)
        reasons.extend(self._causes_left())
        if reasons:
            self.note(
                "interlock.reset_refused", sev=Severity.WARNING, res=ActionResult.DENIED,
                reasons=[reason_data(reason) for reason in reasons],
            )  # fmt: skip
            return
        cause = self.d.first_out
        self.d = replace(freed, reset_done=True)
        self.v = replace(self.v, reset_window_until_us=0, clock_offset_ms=None, stepped_ms=0)
        self.note("interlock.reset", actor=("person", here[0]), first_out=cause.code if cause else "")

    def _causes_left(self) -> list[Reason]:
        """What still fails of that which blocks every reset, and of that which opened the relay.

        The crew of a permit that is over need not come back for it.
        """
        held = (self.d.first_out, *self.d.consequences)
        causes = {(reason.code, reason.subject) for reason in held if reason is not None}
        skipped = (*_UNCURABLE, "gas", "latch", *(() if self.verdicts["permit"].ok else _PEOPLE))
        left: list[Reason] = []
        for condition in CONDITIONS:
            verdict = self.verdicts[condition.name]
            if condition.name not in skipped and not verdict.ok:
                blocks = condition.blocks_reset and condition.release
                left.extend(r for r in verdict.reasons if blocks or (r.code, r.subject) in causes)
        return left

    def clear_fault(self) -> None:
        """A fault ends as a trip: two named people here who asked for it, contact open, controller sound."""
        until, people = self.v.fault_window
        here = [person for person in self._authorised("clear_fault") if person in people]
        sound = all(self.verdicts[name].ok for name in ("deadman", "contact_open", "inputs"))
        if self.now >= until or len(set(here)) < 2 or not sound:
            self.note(
                "interlock.reset_refused",
                sev=Severity.WARNING,
                res=ActionResult.DENIED,
                reasons=[reason_data(Reason("fault_latched"))],
            )
            return
        self.d = replace(self.d, fault_cleared_by=tuple(here))
        self.v = replace(self.v, fault_window=(0, ()))
        self.enter(Mode.TRIPPED)
        self.note("interlock.fault_cleared", sev=Severity.WARNING, by=here)

    def _authorised(self, right: str) -> list[str]:
        ttl_us = self.rules.badge_ttl_s.value * 1_000_000
        return [
            person.id
            for person in self.site.roster
            if right in person.may
            and (seen := self.snapshot.badges.get(person.badge)) is not None
            and self.now - seen.at_us <= ttl_us
        ]

    def fault(self, reason: Reason) -> None:
        """The final element cannot be trusted: open, latch, ask for repair."""
        if self.d.mode is Mode.FAULT:
            return
        opened = self.d.mode is Mode.RELEASED
        if opened:
            self._opened(by_gas=False)
        if self.d.latched:
            self.d = replace(self.d, consequences=_add(self.d, (reason,)))
        else:
            self.d = replace(self.d, first_out=reason, consequences=(), reset_done=False)
        self.enter(Mode.FAULT)
        self.note("interlock.fault", sev=Severity.ALARM, snapshot=True, **reason_data(reason))
        if opened:
            self._note_watch()

    # --- what every step looks at

    def edges(self) -> None:
        """Find rising edges; the first reading after a start is never one."""
        read = self.snapshot.inputs
        if read is None or self.now - read.at_us > self.rules.inputs_ttl_ms.value * 1000:
            if self.v.levels is not None:
                self.v = replace(self.v, levels=None)
            return
        levels, last = Levels(read.arm, read.finish, read.reset), self.v.levels
        if levels == last:
            return
        self.v = replace(self.v, levels=levels)
        if last is not None:
            pairs = (
                ("arm", last.arm, levels.arm),
                ("finish", last.finish, levels.finish),
                ("reset", last.reset, levels.reset),
            )
            self.pressed = tuple(name for name, was, now in pairs if now and not was)

    def follow_clock(self) -> None:
        """A forward step while idle is followed and noted, a backward one waits for a person."""
        clock = self.snapshot.clock
        offset_ms, known = clock.t - clock.at_us // 1000, self.v.clock_offset_ms
        if known == offset_ms:
            return
        step_ms = 0 if known is None else offset_ms - known
        limit_ms = self.rules.clock_step_ms.value
        idle = self.d.mode not in (Mode.ARMED, Mode.RELEASED)
        if known is None or 0 < step_ms <= SLEW_MS or (idle and step_ms > 0):
            self.v = replace(self.v, clock_offset_ms=offset_ms)
        if abs(step_ms) > limit_ms and self.v.stepped_ms != offset_ms:
            self.v = replace(self.v, stepped_ms=offset_ms)
            self.note("clock.jump", Category.CLOCK, Severity.WARNING, ms=step_ms)

    def latch_over_range(self) -> None:
        """Over-range latches: a catalytic bead falls back below range when gas exceeds 100 %LEL."""
        fresh = tuple(
            name
            for name, reading in self.snapshot.readings.items()
            if reading.quality is Quality.OVER_RANGE and name not in self.d.over_range
        )
        if fresh:
            self.d = replace(self.d, over_range=(*self.d.over_range, *fresh))

    def remember_gas(self) -> None:
        """Gas over its limit, whether or not it opened anything, makes the gas test before it worthless."""
        over = over_limit(self.f, self.verdicts["gas"])
        if over != self.v.gas_over:
            self.v = replace(self.v, gas_over=over)
            self.d = replace(self.d, gas_alarm_us=self.now)
            # Only the gas test looks at this; everything was evaluated a moment ago, and the trip must not wait.
            self.f = replace(self.f, durable=self.d, volatile=self.v)
            self.verdicts["gas_test"] = _BY_NAME["gas_test"].judge(self.f)

    def report_gas(self) -> None:
        """One event when a channel begins to alarm or to fail, one when it is well again."""
        alarms: list[str] = []
        faults: list[str] = []
        for channel in self.site.channels:
            reason = channel_reason(self.f, channel)
            if reason is None or reason.code in ("gas_never", "gas_warm_up"):
                continue
            alarm = reason.code in ("gas_high", "gas_low", "gas_over_range")
            (alarms if alarm else faults).append(channel.name)
            known = self.v.alarms if alarm else self.v.faults
            if channel.name not in known:
                kind, sev = ("gas.alarm", Severity.ALARM) if alarm else ("gas.fault", Severity.WARNING)
                self.note(kind, Category.GAS, sev, **reason_data(reason))
        for channel_name in (*self.v.alarms, *self.v.faults):
            if channel_name not in alarms and channel_name not in faults:
                self.note("gas.normal", Category.GAS, chan=channel_name)
        if tuple(alarms) != self.v.alarms or tuple(faults) != self.v.faults:
            self.v = replace(self.v, alarms=tuple(alarms), faults=tuple(faults))

    def report_people(self) -> None:
        """Who was verified, and who was not: once each, a stranger again after a while."""
        permit, ttl_us = self.f.permit, self.rules.face_ttl_s.value * 1_000_000
        named = permit.people if permit else ()
        verified = tuple(
            person.id
            for person in named
            if (face := self.snapshot.faces.get(person.id))
            and face.distance_milli <= self.rules.face_distance_milli.value
            and self.now - face.at_us <= ttl_us
        )
        for person in verified:
            if person not in self.v.verified:
                face = self.snapshot.faces[person]
                self.note(
                    "identity.verified", Category.IDENTITY, actor=("person", person), chan=person, engine=face.engine,
                    distance_milli=face.distance_milli, liveness=face.liveness,
                )  # fmt: skip
        if verified != self.v.verified:
            self.v = replace(self.v, verified=verified)
        seen = self.snapshot.strangers[-1] if self.snapshot.strangers else None
        if seen and permit and seen.at_us > self.v.refused_us + REFUSED_AGAIN_US and not self.verdicts["stranger"].ok:
            self.v = replace(self.v, refused_us=seen.at_us)
            self.note(
                "identity.refused", Category.IDENTITY, Severity.WARNING, ActionResult.DENIED, code="stranger", chan="",
                nearest=seen.nearest, distance_milli=seen.distance_milli,
                limit_milli=self.rules.stranger_distance_milli.value,
            )  # fmt: skip

    def watch_contact(self) -> None:
        """Welded or never-opening contacts are faults; the first sight of the obeyed command is noted with its time."""
        status = self.snapshot.deadman
        if status is None or self.now - status.at_us > self.rules.dead_man_ms.value * 1000:
            return
        released = self.d.mode is Mode.RELEASED
        since = self.d.released_us if released else self.v.commanded_us
        verdict = judge(
            commanded_closed=released, latch_closed=status.latch_closed, contact_closed=status.contact_closed,
            since_us=since, at_us=status.at_us, settle_ms=self.rules.settle_ms.value,
        )  # fmt: skip
        if verdict is ContactVerdict.WELDED:
            self.fault(Reason("welded", "", None, None, "", self.rules.settle_ms.clause))
        elif verdict is ContactVerdict.OK and released and not self.d.confirmed and status.at_us > since:
            self.d = replace(self.d, confirmed=True)
            self.note("relay.closed", ms=(status.at_us - since) // 1000, cycles=status.cycles)
        elif verdict is ContactVerdict.OK and not released and self.v.opening_since_us:
            ms = (status.at_us - self.v.opening_since_us) // 1000
            self.v = replace(self.v, opening_since_us=0)
            self.note("relay.opened", ms=ms, cause=status.cause)

    def check_in(self) -> None:
        """Performer and guardian verified at the place, at the latest 30 min after the planned start (PTW-27).

        After that the permit is void for good.
        """
        permit = self.f.permit
        if permit is None or self.d.checked_in == permit.jti or not usable(self.d, permit, self.f.wall_s):
            return
        late_s, window_s = self.f.wall_s - permit.nbf, self.rules.check_in_s.value
        if late_s > window_s and self.verdicts["clock"].ok:
            self.d = replace(self.d, void=(*self.d.void, permit.jti)[-MAX_OVER:])
            late = reason_data(self.verdicts["check_in"].reasons[0])
            self.note("permit.void", Category.PERMIT, Severity.WARNING, permit=permit.jti, **late)
            self.judge()
            return
        # Nobody checks in for tomorrow's permit by standing here today.
        in_time = abs(late_s) <= window_s
        if in_time and all(self.verdicts[name].ok for name in ("guardian", "performer", "place", "faces")):
            self.d = replace(self.d, checked_in=permit.jti)
            self.note("identity.checked_in", Category.IDENTITY, permit=permit.jti, snapshot=True)
            self.judge()

    def end_watch(self) -> None:
        """The fire watch has run its time."""
        watch = self.d.fire_watch
        if watch is not None and self.now >= watch.until_us:
            self.d = replace(self.d, fire_watch=None)
            self.note("fire_watch.ended", permit=watch.permit, resumed=False)

    def run(self) -> None:
        """While released: trip on the event, or warn through a declared grace and then trip."""
        grace = dict(self.v.grace)
        causes: list[Reason] = []
        by_gas = False
        for condition in CONDITIONS:
            if not condition.run:
                continue
            verdict = self.verdicts[condition.name]
            if verdict.ok:
                if grace.pop(condition.name, None) is not None:
                    self.note("presence.back", Category.IDENTITY, condition=condition.name)
                continue
            if verdict.grace_us:
                began = grace.setdefault(condition.name, self.now)
                if began == self.now:
                    self.note(
                        "presence.warning", Category.IDENTITY, Severity.WARNING, condition=condition.name,
                        seconds=verdict.grace_us // 1_000_000, reasons=[reason_data(r) for r in verdict.reasons],
                    )  # fmt: skip
                if self.now - began < verdict.grace_us:
                    continue
            causes.extend(verdict.reasons)
            by_gas = by_gas or condition.by_gas
        if grace != self.v.grace:
            self.v = replace(self.v, grace=grace)
        causes.extend(self.asked)
        if causes:
            self.trip(causes[0], tuple(causes[1:]), by_gas=by_gas)

    def settle(self) -> None:
        """Where the state comes to rest when nothing is armed or released."""
        if self.d.mode in (Mode.ARMED, Mode.RELEASED, Mode.FAULT):
            return
        if self.v.grace:
            self.v = replace(self.v, grace={})
        if self.d.latched:
            self.enter(Mode.TRIPPED)
            after = [reason for name in _CONSEQUENCES for reason in self.verdicts[name].reasons]
            consequences = _add(self.d, after)
            if consequences != self.d.consequences:
                self.d = replace(self.d, consequences=consequences)
            return
        if self.d.fire_watch is None and self.d.first_out is not None:
            self.d = replace(self.d, first_out=None, consequences=(), reset_done=False)
        ready = all(self.verdicts[c.name].ok for c in CONDITIONS if c.release)
        if ready:
            self.enter(Mode.PERMISSIVE_OK)
        else:
            self.enter(Mode.LOCKED if self.d.fire_watch is None else Mode.TRIPPED)

    def next_us(self) -> int:
        """Absence is not an event: the earliest instant at which time alone may change something."""
        times = [self.now + 1_000_000]
        if self.d.mode is Mode.ARMED:
            times.append(self.d.armed_us + self.rules.attempt_s.value * 1_000_000)
        if self.d.mode is Mode.RELEASED:
            times.append(self.d.deadline_us)
            times.extend(began + self.verdicts[name].grace_us for name, began in self.v.grace.items())
            if not self.d.confirmed:
                times.append(self.d.released_us + self.rules.settle_ms.value * 1000 + 1)
        if self.d.fire_watch is not None:
            times.append(self.d.fire_watch.until_us)
        for channel in self.site.channels:
            reading = self.snapshot.readings.get(channel.name)
            if reading is not None:
                times.append(reading.at_us + channel.stale_us + 1)
        shot, rules = self.snapshot, self.rules
        for seen, ttl in ((shot.inputs, rules.inputs_ttl_ms), (shot.deadman, rules.dead_man_ms)):
            if seen is not None:
                times.append(seen.at_us + ttl.value * 1000 + 1)
        return min(time for time in times if time > self.now)


def _add(durable: Durable, more: Iterable[Reason]) -> tuple[Reason, ...]:
    """Consequences, each code and subject once, without the first-out, bounded."""
    kept = list(durable.consequences)
    known = {(reason.code, reason.subject) for reason in (durable.first_out, *kept) if reason is not None}
    for reason in more:
        if (reason.code, reason.subject) not in known:
            known.add((reason.code, reason.subject))
            kept.append(reason)
    return tuple(kept[:MAX_CONSEQUENCES])


def step(
    site: Site,
    rules: Rules,
    durable: Durable,
    volatile: Volatile,
    snapshot: Snapshot,
    now_us: int,
    happenings: tuple[Happening, ...] = (),
) -> Step:
    """One evaluation. Pure: the same arguments give the same result."""
    turn = _Turn(site, rules, durable, volatile, snapshot, now_us)
    if not turn.v.commanded_us:
        turn.v = replace(turn.v, commanded_us=now_us)
    turn.follow_clock()
    turn.latch_over_range()
    for happening in happenings:
        turn.take(happening)
    turn.judge()
    turn.remember_gas()
    turn.edges()
    turn.check_in()
    turn.watch_contact()
    _move(turn, happenings)
    turn.report_gas()
    turn.report_people()
    turn.end_watch()
    turn.settle()
    if turn.d.mode is not turn.before:
        _note_mode(turn)
        if Mode.RELEASED in (turn.before, turn.d.mode):
            opening = now_us if turn.before is Mode.RELEASED else 0
            turn.v = replace(turn.v, commanded_us=now_us, opening_since_us=opening, grace={})
    seen = replace(turn.f, durable=turn.d, volatile=turn.v)
    relay = _relay(turn.before, turn.d.mode)
    return Step(turn.d, turn.v, relay, tuple(turn.notes), seen, turn.verdicts, turn.next_us())


def _move(turn: _Turn, happenings: tuple[Happening, ...]) -> None:
    """The transition of this step."""
    mode = turn.d.mode
    if turn.asked and (mode is Mode.FAULT or turn.d.latched):
        turn.d = replace(turn.d, consequences=_add(turn.d, turn.asked))
    elif turn.asked and mode is not Mode.RELEASED:
        turn.trip(turn.asked[0], tuple(turn.asked[1:]))
        return
    if mode is Mode.RELEASED:
        turn.run()
        if turn.d.mode is Mode.RELEASED and "finish" in turn.pressed:
            turn.finish()
    elif mode is Mode.ARMED:
        missing = failing(turn.verdicts, release=True)
        acknowledged = any(isinstance(h, Acknowledged) and h.attempt == turn.d.attempt for h in happenings)
        if missing:
            turn.abandon(tuple(reason for _, verdict in missing for reason in verdict.reasons))
        elif "arm" in turn.pressed:
            turn.arm()
        elif turn.now - turn.d.armed_us >= turn.rules.attempt_s.value * 1_000_000:
            turn.abandon((Reason("attempt_timeout"),))
        elif acknowledged:
            turn.release()
    else:
        if "reset" in turn.pressed and mode is Mode.FAULT:
            turn.clear_fault()
        elif "reset" in turn.pressed and (turn.d.latched or turn.d.over_range or not turn.verdicts["clock"].ok):
            turn.reset()
            turn.judge()
        if "finish" in turn.pressed and turn.d.fire_watch is not None and turn.d.active not in turn.d.finished:
            turn.finish()
            turn.judge()
        # Whoever resets looks at the box first: arming is a second movement.
        if "arm" in turn.pressed and "reset" not in turn.pressed:
            turn.arm()


def _note_mode(turn: _Turn) -> None:
    """Changes that have no event of their own."""
    quiet = (Mode.LOCKED, Mode.PERMISSIVE_OK, Mode.TRIPPED)
    if turn.before in quiet and turn.d.mode in quiet and not any(n.type == "interlock.tripped" for n in turn.notes):
        turn.note("interlock.state", was=turn.before.value, now=turn.d.mode.value)


def recover(
    found: Durable | None, *, first_start: bool, boot_id: str, now_us: int, rules: Rules
) -> tuple[Durable, tuple[Note, ...]]:
    """What to remember after a start.

    An attempt or release without a recorded opening, or an unknown state, comes up TRIPPED with first-out
    ``unclean_restart``. Times of another boot cannot be judged: a fire watch starts again, a gas test is forgotten.

    Args:
        found: the state file's content, None when missing or damaged.
        first_start: the log is empty, so a missing state file is no surprise.
        boot_id: the kernel's boot.
        now_us: CLOCK_BOOTTIME.
        rules: rule pack, for the fire watch.
    """
    if found is None:
        durable = Durable(boot_id=boot_id, since_us=now_us)
        return (durable, ()) if first_start else _unclean(durable, "", now_us, rules)
    durable = replace(found, boot_id=boot_id)
    if found.boot_id != boot_id:
        watch = found.fire_watch
        restarted = watch and FireWatch(watch.permit, now_us, now_us + rules.fire_watch_s.value * 1_000_000)
        durable = replace(durable, since_us=now_us, gas_test=None, gas_alarm_us=0, opening=None, fire_watch=restarted)
    if found.mode in (Mode.ARMED, Mode.RELEASED):
        return _unclean(durable, found.active, now_us, rules)
    return durable, ()


def _unclean(durable: Durable, permit: str, now_us: int, rules: Rules) -> tuple[Durable, tuple[Note, ...]]:
    cause = Reason("unclean_restart", permit)
    watch = FireWatch(permit, now_us, now_us + rules.fire_watch_s.value * 1_000_000)
    tripped = replace(
        durable,
        mode=Mode.TRIPPED,
        since_us=now_us,
        first_out=cause,
        consequences=(),
        reset_done=False,
        # When it really opened is not known, so no short break may excuse an old gas test.
        opening=None,
        fire_watch=watch,
    )
    note = Note(
        "interlock.tripped", Category.INTERLOCK, Severity.ALARM, ActionResult.OK, ("box", ""), permit,
        durable.attempt, 0, False, {**reason_data(cause), "others": [], "released": True},
    )  # fmt: skip
    return tripped, (note,)


__all__ = [
    "FORGOTTEN", "Acknowledged", "Confirmed", "GasTested", "Happening", "PermitAccepted", "Relay", "ResetRequested",
    "Revoked", "ShutDown", "Step", "Suspended", "failing", "recover", "step",
]  # fmt: skip
