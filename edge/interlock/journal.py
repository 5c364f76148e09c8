"""Writes down what steps decide: notes into the log, what is remembered into the state file. Never waits for the disk.

An attempt is acknowledged when both have it: `release.authorised` in the log, and the state that it was made in.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import msgspec

from contracts.event import ActionResult, Actor, Category, Severity
from edge.audit import AuditLog, Draft
from edge.interlock import kernel
from edge.interlock.decision_record import Recorder, Start
from edge.interlock.record import Note
from edge.interlock.rules import Rules
from edge.interlock.site import Site
from edge.interlock.snapshot import AuditHealth, Clock
from edge.interlock.state import Durable, Mode
from edge.interlock.status import EventView
from edge.interlock.store import StateStore
from edge.interlock.texts import UNTOLD, describe
from edge.sockets import now_us

replace = msgspec.structs.replace
PART_EVENT = "record.part"
_PLAIN = Note("", Category.SYSTEM, Severity.INFO, ActionResult.OK, ("box", ""), "", 0, 0, False, {})
_PART = replace(_PLAIN, type=PART_EVENT, cat=Category.AUDIT)
_LAST_EVENTS = 30
_BUSY = (Mode.ARMED, Mode.RELEASED)


class Journal:
    """The log and the state file of one interlock."""

    def __init__(
        self,
        log: AuditLog,
        store: StateStore,
        clock: Callable[[], Clock],
        saved: Durable | None,
        acknowledged: Callable[[int], None],
    ) -> None:
        """`saved` is what the state file holds, `clock` the last reading; `acknowledged` gets a durable attempt."""
        self._log, self._store, self._clock = log, store, clock
        self._saved = saved
        self._acknowledged = acknowledged
        self._recorder = Recorder()
        self._gone = (0, 0, 0)
        """Leaves that were deleted, drafts that were dropped and refused: parts may have gone with any of them."""
        self._unrecorded: deque[kernel.Step] = deque()
        self._pending: dict[int, int] = {}
        self._held = False
        self._ending = False
        self.events: deque[EventView] = deque(maxlen=_LAST_EVENTS)

    def begin(self, site: Site, rules: Rules, start: Start, notes: tuple[Note, ...]) -> None:
        """Site and rules in full, since decisions refer to them by hash; then the start's own notes."""
        self._loop = asyncio.get_running_loop()
        now = now_us()
        for note in _constants(site, rules):
            self._write(note, None, now)
        for note in notes:
            self._write(note, start, now)

    @property
    def is_held(self) -> bool:
        """Whether a moment was asked for before anything is written."""
        return self._held

    def hold(self, seconds: float) -> None:
        """Write a moment later: the opening is on the contact's way before the log takes the processor."""
        self._held = True
        self._loop.call_later(seconds, self.flush)

    def decided(self, step: kernel.Step) -> None:
        """One more step; it is written at once unless a moment was asked for.

        Old leaves leave the log only while nobody works and the clock can tell how old they are.
        """
        self._log.resting = step.durable.mode not in _BUSY and step.verdicts["clock"].ok
        self._unrecorded.append(step)
        if not self._held:
            self.flush()

    def flush(self) -> None:
        """Write down what steps have decided, in their order."""
        self._held = False
        while self._unrecorded:
            step = self._unrecorded.popleft()
            if step.durable is not self._saved:
                self._save(step)
            for note in step.notes:
                self._write(note, step, step.facts.now_us)

    def put(self, *notes: Note) -> None:
        """Hand notes to the log, behind what was decided before."""
        self.flush()
        for note in notes:
            self._write(note, None, now_us())

    def put_heard(self, note: Note) -> asyncio.Future[int]:
        """As `put`; the future gets the number of the record once it is durable, and nothing while it is not."""
        self.flush()
        heard: asyncio.Future[int] = self._loop.create_future()
        self._append(note, dict(note.data), now_us(), heard)
        return heard

    def put_plain(self, kind: str, cat: Category, sev: Severity, data: dict[str, object]) -> None:
        """A note of the box itself."""
        self.put(replace(_PLAIN, type=kind, cat=cat, sev=sev, data=data))

    def health(self, now: int) -> AuditHealth:
        """The log as the kernel sees it. A draft that was refused is recorded nowhere: that must end any release."""
        health = self._log.health()
        gone = (health.pruned, health.overflowed, health.refused)
        if gone != self._gone:
            self._gone = gone
            self._recorder.forget()
        writable = health.writable and not self._store.failed and not health.refused
        age_ms = health.age_us(now) // 1000
        return AuditHealth(writable, age_ms, health.rollback, health.full == "stop", health.epoch_pending)

    def close(self) -> None:
        """The last note, then both files."""
        self._ending = True
        self.put_plain("system.stop", Category.SYSTEM, Severity.INFO, {})
        self._store.close()
        self._log.close()

    def _save(self, step: kernel.Step) -> None:
        self._saved = step.durable
        attempt = step.durable.attempt
        if step.durable.mode is Mode.ARMED and any(note.token for note in step.notes):
            self._pending = {attempt: 2}

            def saved() -> None:
                self._loop.call_soon_threadsafe(self._half_durable, attempt)

            self._store.save(step.durable, saved)
        else:
            self._store.save(step.durable)

    def _half_durable(self, attempt: int) -> None:
        """Log and state file each say once that the attempt is on disk; both together acknowledge it."""
        left = self._pending.get(attempt)
        if left is None:
            return
        self._pending[attempt] = left - 1
        if left == 1:
            self._pending = {}
            self._acknowledged(attempt)

    def _write(self, note: Note, of: kernel.Step | Start | None, now: int) -> None:
        """Hand a note to the log as of `now`; a decision with everything that it was made from."""
        data = dict(note.data)
        if note.part is not None:
            data |= self._recorder.wrote(note.part, now).data()
        if note.snapshot and of is not None:
            write = self._recorder
            data["snapshot"], parts = write.start(of) if isinstance(of, Start) else write.step(of.given, of.verdicts)
            for part in parts:
                self._append(_PART, part.data(), now)
        self._append(note, data, now)

    def _append(
        self, note: Note, data: dict[str, Any], now: int, heard: asyncio.Future[int] | None = None
    ) -> None:
        clock = self._clock()
        t = clock.t + (now - clock.at_us) // 1000
        kind, who = note.actor
        draft = Draft(
            cat=note.cat, type=note.type, sev=note.sev, src="interlock", actor=Actor(kind, who), res=note.res,
            permit=note.permit, corr=str(note.attempt) if note.attempt else "", data=data,
            t=t, m=now, tq=clock.quality, te=clock.error_ms,
        )  # fmt: skip
        self._log.append(draft, None if self._ending else self._done(note, t, heard))

    def _done(self, note: Note, t: int, heard: asyncio.Future[int] | None) -> Callable[[int], None]:
        zh, en = describe(note.type, note.data)

        def durable(seq: int) -> None:
            if heard is not None and not heard.done():
                heard.set_result(seq)
            if note.type == PART_EVENT or note.type in UNTOLD:
                return
            self.events.append(EventView(seq, t, note.type, note.sev.value, zh, en))
            if note.token:
                self._half_durable(note.token)

        def committed(seq: int) -> None:
            self._loop.call_soon_threadsafe(durable, seq)

        return committed


def _constants(site: Site, rules: Rules) -> tuple[Note, ...]:
    def note(kind: str, part: msgspec.Struct, **data: Any) -> Note:
        return replace(_PLAIN, type=kind, cat=Category.CONFIG, data=data, part=part)

    return (
        note("site.loaded", site, baseline=site.baseline, software=version("hotbox")),
        note("rules.loaded", rules, name=rules.name, pack_sha256=rules.sha256),
    )
