"""One step in the making: what is remembered, what is noted, and the transitions between the modes."""

from collections.abc import Iterable
from typing import Any

import msgspec

from contracts.event import ActionResult, Category, Severity
from contracts.permit import PermitClaims
from edge.interlock.conditions import RELEASE, RUN, Condition, Verdict, evaluate, facts
from edge.interlock.conditions.faces import verified
from edge.interlock.conditions.level import suffices_until_us
from edge.interlock.record import Note, reason_data, reasons_data
from edge.interlock.rules import Rules
from edge.interlock.site import Site
from edge.interlock.snapshot import Snapshot
from edge.interlock.state import MAX_OVER, Durable, FireWatch, Mode, Opening, Reason, Volatile

replace = msgspec.structs.replace
MAX_CONSEQUENCES = 12


def failing(verdicts: dict[str, Verdict], *, release: bool) -> list[tuple[Condition, Verdict]]:
    """Conditions of the release set (or else of the run set) that do not pass, most dangerous first."""
    return [
        (condition, verdicts[condition.name])
        for condition in (RELEASE if release else RUN)
        if not verdicts[condition.name].ok
    ]


class Turn:
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

    def look(self) -> None:
        """Put the facts together anew where something was remembered since."""
        f = self.f
        if f.durable is not self.d or f.volatile is not self.v or f.snapshot is not self.snapshot:
            self.f = facts(self.site, self.rules, self.d, self.v, self.snapshot, self.now)

    def judge(self) -> None:
        """Evaluate every condition on what is remembered now."""
        self.look()
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
        part: msgspec.Struct | None = None,
        **data: Any,
    ) -> None:
        """Write something down; `snapshot` adds everything that it was decided from, `part` a constant in full."""
        number = permit if permit is not None else (self.f.permit.jti if self.f.permit else "")
        self.notes.append(Note(kind, cat, sev, res, actor, number, self.d.attempt, token, snapshot, data, part))

    def enter(self, mode: Mode) -> None:
        """Change the mode."""
        if mode is not self.d.mode:
            self.d = replace(self.d, mode=mode, since_us=self.now)

    def trip(self, cause: Reason, others: tuple[Reason, ...], *, by_gas: bool = False) -> None:
        """Open and latch; only from a state without a latch. After a release the fire watch begins."""
        opened = self.d.mode is Mode.RELEASED
        self.d = replace(self.d, first_out=cause, consequences=(), reset_done=False)
        self.d = replace(self.d, consequences=add_consequences(self.d, others))
        if opened:
            self.opened(by_gas=by_gas)
        self.enter(Mode.TRIPPED)
        self.note(
            "interlock.tripped", sev=Severity.ALARM, snapshot=True,
            **reason_data(cause), **reasons_data("others", others), released=opened,
        )  # fmt: skip
        if opened:
            self.note_watch()

    def opened(self, *, by_gas: bool) -> None:
        """Remember an opening after a release; the fire watch begins with it.

        A loop that stood still, as in a suspended machine, kept nothing closed: the break began with the last
        evaluation before.
        """
        until = self.now + self.rules.fire_watch_s.value * 1_000_000
        self.d = replace(
            self.d,
            opening=Opening(self.d.active, self.now - self.snapshot.loop_gap_ms * 1000, by_gas),
            fire_watch=FireWatch(self.d.active, self.now, until),
            confirmed=False,
        )

    def note_watch(self) -> None:
        """Note that the fire watch has begun."""
        rule = self.rules.fire_watch_s
        self.note("fire_watch.started", seconds=rule.value, clause=rule.clause)

    def finish(self) -> None:
        """Work done: open in good order, end the permit, keep watch (workflows "Permit", POST_WATCH)."""
        number = self.d.active
        opened = self.d.mode is Mode.RELEASED
        self.d = replace(self.d, finished=(*self.d.finished, number)[-MAX_OVER:])
        if opened:
            self.opened(by_gas=False)
            self.d = replace(self.d, first_out=Reason("finished", number), consequences=(), reset_done=False)
        if self.d.mode is not Mode.FAULT:
            self.enter(Mode.TRIPPED)
        self.note("work.finished", permit=number, snapshot=True)
        if opened:
            self.note_watch()

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
                **reasons_data("reasons", [reason for _, verdict in missing for reason in verdict.reasons]),
            )  # fmt: skip
            return
        deadline_us, deadline_by = self._end(self.f.permit)
        self.d = replace(
            self.d,
            attempt=self.d.attempt + 1,
            active=self.f.permit.jti,
            armed_us=self.now,
            deadline_us=deadline_us,
            deadline_by=deadline_by,
        )
        self.enter(Mode.ARMED)
        self.note("release.authorised", token=self.d.attempt, snapshot=True, rules=self.rules.sha256)

    def abandon(self, reasons: tuple[Reason, ...]) -> None:
        """An attempt that did not become a release."""
        self.enter(Mode.LOCKED)
        self.note(
            "release.abandoned", sev=Severity.WARNING, res=ActionResult.DENIED, snapshot=True,
            **reasons_data("reasons", reasons),
        )  # fmt: skip

    def release(self) -> None:
        """The attempt is durable and every release condition passes on current evidence: close."""
        permit = self.f.permit
        assert permit is not None  # noqa: S101 - the permit condition passed
        watch = self.d.fire_watch
        deadline_us, deadline_by = min((self.d.deadline_us, self.d.deadline_by), self._end(permit))
        self.d = replace(
            self.d,
            released_us=self.now,
            deadline_us=deadline_us,
            deadline_by=deadline_by,
            ignited=(*(number for number in self.d.ignited if number != permit.jti), permit.jti)[-MAX_OVER:],
            crew=verified(self.f),
            confirmed=False,
            first_out=None,
            consequences=(),
            reset_done=False,
            fire_watch=None,
        )
        self.enter(Mode.RELEASED)
        self.note("release.commanded", snapshot=True)
        if watch is not None:
            self.note("fire_watch.ended", permit=watch.permit, resumed=True)

    def _end(self, permit: PermitClaims) -> tuple[int, str]:
        """The run's end on a clock that nobody can set, and why: the permit's window, or a level that is too low."""
        end_us, by = permit.exp * 1_000_000, "deadline"
        raised = suffices_until_us(self.f, permit)
        if raised is not None:
            end_us, by = min(raised, (end_us, by))
        return self.now + end_us - self.f.wall_us - self.snapshot.clock.error_ms * 1000, by

    def fault(self, reason: Reason) -> None:
        """The final element cannot be trusted: open, latch, ask for repair."""
        if self.d.mode is Mode.FAULT:
            return
        opened = self.d.mode is Mode.RELEASED
        if opened:
            self.opened(by_gas=False)
        if self.d.latched:
            self.d = replace(self.d, consequences=add_consequences(self.d, (reason,)))
        else:
            self.d = replace(self.d, first_out=reason, consequences=(), reset_done=False)
        self.enter(Mode.FAULT)
        self.note("interlock.fault", sev=Severity.ALARM, snapshot=True, **reason_data(reason))
        if opened:
            self.note_watch()


def add_consequences(durable: Durable, more: Iterable[Reason]) -> tuple[Reason, ...]:
    """Consequences, each code and subject once, without the first-out, bounded."""
    kept = list(durable.consequences)
    known = {(reason.code, reason.subject) for reason in (durable.first_out, *kept) if reason is not None}
    for reason in more:
        if (reason.code, reason.subject) not in known:
            known.add((reason.code, reason.subject))
            kept.append(reason)
    return tuple(kept[:MAX_CONSEQUENCES])
