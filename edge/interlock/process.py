"""The interlock process: feeds the kernel, obeys it, writes down what it says. The only place with I/O and a clock.

Order within a turn: relay command, heartbeat, then notes and state. The heartbeat leaves only at the end of a
completed evaluation, so a loop that hangs lets the dead-man open.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from contracts.event import Category, Severity
from edge import users
from edge.audit import AckVerdict, AuditLog, Stamp, keys
from edge.audit.reader import Reader
from edge.config import BoxConfig
from edge.gas.budget import check as check_budgets
from edge.gas.budget import describe as describe_bus
from edge.gas.budget import stale_limits_us
from edge.gas.poller import BusPoller, Deliver
from edge.gas.reading import InputReading, Quality, Reading
from edge.inputs import debounce
from edge.interlock import evidence as ev
from edge.interlock import (
    happenings,
    kernel,
    liveness,
    offers,
    outbox_watch,
    restart,
    rules,
    safety_time,
    site,
    trust,
    view,
)
from edge.interlock.clock import ClockReader, boot_id
from edge.interlock.control import ControlServer
from edge.interlock.decision_record import Start
from edge.interlock.evidence_sockets import EvidenceSockets
from edge.interlock.history import History
from edge.interlock.journal import Journal
from edge.interlock.log_care import LogCare
from edge.interlock.proof_test import Probe
from edge.interlock.questions import Questions
from edge.interlock.record import Note
from edge.interlock.recording import Segments, VideoWatch, film
from edge.interlock.refusals import Refusals
from edge.interlock.sensor_watch import SensorWatch
from edge.interlock.snapshot import AuditHealth, Snapshot, accept
from edge.interlock.state import FORGOTTEN, Durable, Mode
from edge.interlock.status import AuditView, Status
from edge.interlock.store import StateStore
from edge.interlock.template_notes import TemplateNotes, TemplatesRemoved, TemplatesUsed, standing
from edge.kiosk.answers import PermitAnswers
from edge.relay.driver import make as make_relay
from edge.relay.element import ElementStatus
from edge.relay.protocol import DeadmanStatus
from edge.sockets import now_us
from faces.loading import declared

if TYPE_CHECKING:
    from edge.inputs.gpio import GpioInputs
    from edge.kiosk.signer import PlaceSigner

_logger = logging.getLogger(__name__)

_EVALUATE_US = 45_000
"""An evaluation at least every 50 ms, whatever the buses do; 5 ms are left for lateness."""
_HEARTBEAT_US = 20_000
_CLOCK_US = 500_000
_PULSE_US = 1_000_000
_WATCH_US = 500_000
"""Who watches is told twice a second, all at once: then they share one document."""
_WANTED_US = 1_000_000
_TELL_AFTER_S = 0.002
"""A change of mode is told this much later: the processor first goes to those who carry the command and the record."""
_RECORD_AFTER_S = 0.001
"""A trip opens first and is recorded after: the opening is on the contact's way before the log takes the processor."""
_SWITCH_S = 0.000_5
"""How long another thread may keep the interpreter once the loop asks for it; Python's own 5 ms is half a fast poll."""
_REFUSED_EVERY_US = 5_000_000


class Interlock:
    """One box's interlock. `run` lives until it is cancelled."""

    def __init__(self, config: BoxConfig, taken: dict[ev.Source, socket.socket] | None) -> None:
        """Load everything that can be refused before anything is driven.

        Args:
            config: the checked configuration.
            taken: inherited sockets by source (foreground mode), or None to listen on ``evidence.sock``.

        Raises:
            ContractError: rules, budgets, keys or configuration are wrong.
            OSError, AuditError: the disk, or another interlock, does not let us.
        """
        self._config = config
        self._rules = rules.effective(config.baseline, config.site_rules)
        budgets = check_budgets(config)
        times = safety_time.check(config, self._rules)
        self.sums = (
            *(describe_bus(budget) for budget in budgets),
            *(f"{time.channel}: {safety_time.describe(time)}, at most {time.allowed_ms:.0f}" for time in times),
        )
        place = config.presence
        if place.proofs_needed < len(place.quorum):
            _logger.warning(
                "presence.quorum_need: only %d of %s must hold to prove the place", place.proofs_needed,
                ", ".join(place.quorum),
            )  # fmt: skip
        self.sources = {} if taken else users.sources(config)
        """Who hands in evidence on ``evidence.sock``, by uid."""
        self._site = site.build(config, self._rules, stale_limits_us(config))
        self._keys = trust.bridge_keys(config)
        witness = trust.witness(config)
        self._clock = ClockReader(0, config.clock.rtc, self._rules.clock_behind_s.value)
        store = StateStore(config.data_dir / "state.json")
        found, existed = store.load()
        key = keys.KeyFile.open(config.log_key, log=config.audit_db)
        first_start = not existed and not config.audit_db.exists()
        if first_start:
            store.begin(Durable(boot_id=boot_id()))
        self._log = AuditLog.open(
            config.audit_db, box=config.box, domain=config.domain, key=key, witness=witness, clock=self._stamp,
            boot={
                "baseline": config.baseline, "rules": self._rules.sha256,
                "faces": declared(config.vision.engine),
            },
            used=restart.is_used(found, existed=existed), budget_mib=config.storage.budget_mib,
            keep_days=config.storage.keep_days,
        )  # fmt: skip
        self._clock.raise_floor(_known_time(config.audit_db, self._log.health().boot))
        clock = self._clock.read()
        start = Start(self._site, self._rules, found, first_start, boot_id(), clock.at_us, clock)
        self._durable, notes = restart.again(start)
        self._volatile = FORGOTTEN
        self._place = _place_signer(config)
        self._answers = PermitAnswers(config.box, self._log.origin, key)
        self._snapshot = Snapshot(clock=clock, audit=AuditHealth(writable=True, age_ms=0, rollback=False))
        self._journal = Journal(self._log, store, lambda: self._snapshot.clock, found, self._acknowledged)
        self._log_care = LogCare(self._log, config.log_vkey, self._note_refused)
        self._start, self._first_notes = start, notes
        self._relay = make_relay(config.relay, config.gpio, self._on_status, self._on_element)
        deliver = Deliver(self._on_reading, self._on_sensor, self._on_inputs)
        self._pollers = [BusPoller(config, bus, deliver) for bus in config.buses]
        self._buttons: debounce.Buttons | None = None
        self._lines = self._gpio_inputs(config)
        self._taken = taken or {}
        self._peers = EvidenceSockets(self._take, self._refuse, self._greeted)
        self._obeyed: set[str] = set()
        self._refusals = Refusals()
        self._questions = Questions()
        self._templates = TemplateNotes()
        self._used = TemplatesUsed(self._templates, self._journal.put_heard, self._tell_vision)
        self._removed = TemplatesRemoved(self._templates, self._journal.put_heard, self._tell_vision)
        self._history = History(self._site, self._rules)
        self._step: kernel.Step
        self._last_us = now_us()
        self._outbox = outbox_watch.Level.WELL
        self._segments = Segments(boot_id(), self._journal.put_heard, self._tell_vision)
        self._video_watch = VideoWatch(
            self._rules, self._note_sensor, self._last_us, has_recorder=config.vision.video is not None
        )
        self._sensor_watch = SensorWatch(config.sensors, self._site.sensor, self._note_sensor)
        self._beat_us = self._clock_us = self._pulse_us = self._watch_us = self._wanted_us = self._refused_us = 0
        self._wanted = b""
        self._closed = False
        """What the relay was last told: closed, or to be held so."""
        self._lag_us = 0
        self.evaluations = 0
        self._watchers: list[Callable[[], None]] = []
        self._shown: Status | None = None
        """The last evaluation's status document, once somebody asked for it."""

    # --- life

    async def run(self) -> None:
        """Open the relay, then start the drivers, then evaluate until told to end."""
        loop = asyncio.get_running_loop()
        self._loop = loop
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        self._relay.open_port()
        self._config.run_dir.mkdir(parents=True, exist_ok=True, mode=0o750)
        self._journal.begin(self._site, self._rules, self._start, self._first_notes)
        if self._taken:
            self._peers.inherit(self._taken)
        else:
            self._peers.serve(self._config.evidence_socket, self.sources)
        _harden()
        self._last_us = now_us()
        # Before anybody can ask, and before any evidence: from here on there is always a last evaluation.
        self.turn()
        control = ControlServer(self._config.control_socket, self)
        await control.start()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(poller.run()) for poller in self._pollers]
                tasks.append(group.create_task(self._tick_for_ever()))
                await stopping.wait()
                self.turn((happenings.ShutDown(),))
                self._tell_change()
                for task in tasks:
                    task.cancel()
        finally:
            self._relay.shut()
            if self._lines is not None:
                self._lines.close()
            await control.close()
            self._peers.close()
            self._journal.close()

    async def _tick_for_ever(self) -> None:
        """Evaluate at the kernel's own deadline and at least every 50 ms."""
        while True:
            now = now_us()
            due = min(self._last_us + _EVALUATE_US, self._step.next_us)
            if now < due:
                await asyncio.sleep((due - now) / 1e6)
                continue
            if self._lines is not None:
                self._lines.look()
            if self._last_us < now:
                self.turn()
            await asyncio.sleep(0)

    # --- evidence

    def _on_reading(self, reading: Reading) -> None:
        readings = _newer(self._snapshot.readings, reading)
        if readings is not self._snapshot.readings:
            self._snapshot = msgspec.structs.replace(self._snapshot, readings=readings)
            self.turn()
        self._history.take(reading)

    def _on_sensor(self, reading: Reading) -> None:
        """Keep it; the next evaluation is 50 ms away at most, and heat and wind need no turn of their own."""
        sensors = _newer(self._snapshot.sensors, reading)
        if sensors is not self._snapshot.sensors:
            self._snapshot = msgspec.structs.replace(self._snapshot, sensors=sensors)
            self._sensor_watch.look(reading.channel, reading, now_us())

    def _note_sensor(self, said: outbox_watch.Said) -> None:
        self._journal.put_plain(said.type, Category.SYSTEM, said.sev, said.data)

    def _gpio_inputs(self, config: BoxConfig) -> "GpioInputs | None":
        """The box's own lines where the buttons are wired to them; the library is loaded only then."""
        if config.inputs.kind != "gpio" or config.gpio is None:
            return None
        from edge.gpio import open_gpio
        from edge.inputs.gpio import GpioInputs

        return GpioInputs(config, open_gpio(config.gpio), self._on_inputs)

    def _on_inputs(self, read: InputReading | None) -> None:
        if read is not None:
            rules = self._rules
            still_us, clear_us = rules.debounce_ms.value * 1000, rules.stop_clear_ms.value * 1000
            self._buttons, read = debounce.settle(
                self._buttons, read, still_us, clear_us, rules.inputs_ttl_ms.value * 1000
            )
            self._snapshot = msgspec.structs.replace(self._snapshot, inputs=read)
            self.turn()

    def _on_status(self, status: DeadmanStatus) -> None:
        last = self._snapshot.deadman
        self._snapshot = msgspec.structs.replace(self._snapshot, deadman=status)
        if last is None or (last.latch_closed, last.contact_closed, last.boots, last.nonce) != (
            status.latch_closed, status.contact_closed, status.boots, status.nonce,
        ):  # fmt: skip
            self.turn()

    def _on_element(self, status: ElementStatus) -> None:
        last = self._snapshot.series.get(status.name)
        series = {**self._snapshot.series, status.name: status}
        self._snapshot = msgspec.structs.replace(self._snapshot, series=series)
        if last is None or last.contact_closed != status.contact_closed:
            self.turn()

    def _greeted(self) -> None:
        """Somebody came: tell at the next turn whom to look for."""
        self._wanted_us = 0

    def _take(self, source: ev.Source, items: list[ev.Evidence]) -> None:
        """Accept or refuse each, then evaluate once; who is asked for a movement sees it at once."""
        happened: list[happenings.Happening] = []
        asked = False
        for item in items:
            if not self._questions.answers(item):
                continue
            self._snapshot, refused = accept(self._snapshot, item, source, now_us())
            if refused is not None:
                self._refuse(source, refused.kind, refused.why)
                continue
            self._questions.heard(item)
            asked = asked or isinstance(item, ev.Prompt)
            happened.extend(self._offered(item))
        self.turn(tuple(happened))
        if asked:
            self._tell_change()

    def _offered(self, item: ev.Evidence) -> list[happenings.Happening]:
        """Judge what `link` brought, write down segments and what became of templates; the snapshot has all else."""
        wall_s = self._snapshot.clock.wall_s(now_us())
        match item:
            case ev.PermitOffer():
                return self._judge(self.judge_permit(item.jws))
            case ev.RevocationOffer():
                return self._judge(offers.revocations(item.jws, self._keys, self._config.box, self._durable))
            case ev.CommandOffer():
                judged = offers.command(item.jws, self._keys, self._config.box, self._obeyed, wall_s)
                if judged.response is not None and judged.response.ok:
                    self._obeyed.add(judged.response.id)
                return self._judge(judged)
            case ev.Segment():
                why = self._segments.take(item, msgspec.structs.replace(self._step.facts, now_us=now_us()))
                if why:
                    self._refuse(ev.Source.VISION, "Segment", why)
            case ev.AckOffer():
                verdict = self._log.accept_ack(item.note)
                if verdict not in (AckVerdict.ACCEPTED, AckVerdict.COMPARING, AckVerdict.KNOWN):
                    self._refuse(ev.Source.LINK, "ack", verdict.value)
            case ev.FaceOffer():
                self._peers.tell(ev.Source.VISION, ev.FaceBundle(item.jws))
            case ev.TemplateUsed():
                self._used.take(item, now_us())
            case ev.TemplateRemoved():
                self._removed.take(item, now_us())
            case ev.FaceKey() | ev.TemplateKept() | ev.TemplateRefused():
                if isinstance(item, ev.TemplateKept):
                    self._removed.kept(item)
                self._journal.put(*self._templates.of(item, now_us()))
        return []

    def judge_permit(self, token: str) -> offers.Judged:
        """Judge a permit against what is known now; for `link` and for `hotbox permit import`."""
        wall_s = self._snapshot.clock.wall_s(now_us())
        judged = offers.permit(token, self._keys, self._config.box, self._rules, self._durable, wall_s)
        self._answers.judged(judged.response, wall_s)
        return judged

    def _judge(self, judged: offers.Judged) -> list[happenings.Happening]:
        self._journal.put(*self._refusals.thin(judged.notes, now_us()))
        if judged.response is not None:
            self._peers.tell(ev.Source.LINK, ev.Told(msgspec.json.encode(judged.response)))
        return [judged.happening] if judged.happening is not None else []

    def _note_refused(self, why: str) -> None:
        data: dict[str, object] = {"source": "cli", "kind": "ack", "why": why}
        self._journal.put_plain("evidence.refused", Category.AUDIT, Severity.WARNING, data)

    def _refuse(self, source: ev.Source, kind: str, why: str) -> None:
        """Note refused evidence, now and then: a flood must fill neither the log nor the pipe behind stderr."""
        now = now_us()
        if now - self._refused_us >= _REFUSED_EVERY_US:
            self._refused_us = now
            _logger.warning("evidence from %s refused: %s: %s", source.value, kind, why)
            data: dict[str, object] = {"source": source.value, "kind": kind, "why": why[:200]}
            self._journal.put_plain("evidence.refused", Category.AUDIT, Severity.WARNING, data)

    # --- one turn

    def turn(self, happened: tuple[happenings.Happening, ...] = ()) -> kernel.Step:
        """Evaluate once and obey."""
        now = now_us()
        gap_us, self._last_us = now - self._last_us, now
        self._lag_us = max(self._lag_us, gap_us - _EVALUATE_US)
        if gap_us > self._rules.dead_man_ms.value * 1000:
            # Nothing that waited in a queue is evidence any more.
            self._relay.discard_input()
            self._peers.discard()
            self._snapshot = msgspec.structs.replace(self._snapshot, loop_gap_ms=gap_us // 1000)
        elif self._snapshot.loop_gap_ms:
            self._snapshot = msgspec.structs.replace(self._snapshot, loop_gap_ms=0)
        if now - self._clock_us >= _CLOCK_US:
            self._clock_us = now
            self._snapshot = msgspec.structs.replace(self._snapshot, clock=self._clock.read())
        self._look_at_log(now)
        before = self._durable.mode
        step = kernel.step(self._site, self._rules, self._durable, self._volatile, self._snapshot, now, happened)
        self._obey(step, now)
        self._durable, self._volatile, self._step = step.durable, step.volatile, step
        self.evaluations += 1
        self._shown = None
        if before is Mode.RELEASED and step.durable.mode is not before:
            self._journal.hold(_RECORD_AFTER_S)
        self._journal.decided(step)
        self._history.look(step, now)
        if step.durable.mode is not before:
            self._loop.call_later(_TELL_AFTER_S, self._tell_change)
        elif not self._journal.is_held:
            notes = self._history.due(step, now)
            if notes:
                self._journal.put(*notes)
        if now - self._pulse_us >= _PULSE_US:
            self._pulse(now)
        if now - self._watch_us >= _WATCH_US:
            self._tell_watchers(now)
        if now - self._wanted_us >= _WANTED_US:
            self._tell_wanted(now)
        return step

    def _obey(self, step: kernel.Step, now: int) -> None:
        """The relay first, then the heartbeat: it says what the kernel believes after this evaluation."""
        released = step.relay is not kernel.Relay.OPEN
        changed = released != self._closed
        self._closed = released
        if step.relay is kernel.Relay.CLOSE:
            if not self._relay.close_contact():
                _logger.error("the closing command could not be sent; the settle time will trip")
        elif changed:
            self._relay.open_contact()
        self._probe(step.probe, step.relay)
        if not step.quiet and (changed or now - self._beat_us >= _HEARTBEAT_US):
            self._beat_us = now
            self._relay.heartbeat(released)

    def _probe(self, probe: Probe, relay: kernel.Relay) -> None:
        """The proof test's own lines; none of them can close a sound controller's contact. CLOSE is the kernel's."""
        match probe:
            case Probe.DRILL:
                self._relay.drill()
            case Probe.OPEN:
                self._relay.open_contact()
            case Probe.BAD_CLOSE:
                self._relay.false_close()
            case Probe.DROP if relay is kernel.Relay.HOLD:
                self._relay.watch_drop()

    def _look_at_log(self, now: int) -> None:
        audit = self._journal.health(now)
        if audit != self._snapshot.audit:
            self._snapshot = msgspec.structs.replace(self._snapshot, audit=audit)

    def _acknowledged(self, attempt: int) -> None:
        """The attempt is durable, in the log and in the state file."""
        self.turn((happenings.Acknowledged(attempt),))

    # --- telling

    def _stamp(self) -> Stamp:
        clock = self._clock.read()
        return Stamp(clock.t, clock.at_us, clock.quality, clock.error_ms)

    def note(self, note: Note) -> None:
        """For the control server: record a command before it is carried out."""
        self._journal.put(note)

    def note_heard(self, note: Note) -> asyncio.Future[int]:
        """For the control server: the same, for what waits until the record is durable."""
        return self._journal.put_heard(note)

    def _tell_change(self) -> None:
        now = now_us()
        self._pulse(now)
        self._tell_watchers(now)
        self._tell_wanted(now)

    def _tell_wanted(self, now: int) -> None:
        """Whom vision and presence should look for, and who is to prove to be alive."""
        self._wanted_us = now
        facts = msgspec.structs.replace(self._step.facts, now_us=now)
        prove = liveness.due(facts)
        self._questions.follow(facts, asked=bool(prove))
        permit = facts.permit
        mode = self._durable.mode
        urgency = "idle" if permit is None else ("recheck" if mode is Mode.RELEASED else "arming")
        people = permit.people if permit else ()
        message = ev.Wanted(
            tuple(p.id for p in people), tuple(p.badge for p in people), self._questions.nonce, urgency,
            prove,
        )  # fmt: skip
        self._peers.tell(ev.Source.PRESENCE, message)
        permits = standing(self._durable, self._snapshot.clock.wall_s(now))
        number = permit.jti if permit is not None else ""
        self._peers.tell(ev.Source.VISION, msgspec.structs.replace(message, permits=permits, permit=number))
        self._tell_vision(film(self._step.facts, self._step.verdicts))

    def _tell_vision(self, message: ev.Film | ev.Logged | ev.TemplateLogged | ev.RemovalLogged) -> None:
        self._peers.tell(ev.Source.VISION, message)

    def _pulse(self, now: int) -> None:
        self._pulse_us = now
        self._watch_outbox()
        self._sensor_watch.look_at_all(self._snapshot.sensors, now)
        self._video_watch.look(self._snapshot.video, now)
        if ev.Source.LINK in self._peers:
            self._peers.tell(ev.Source.LINK, ev.Pulse(msgspec.json.encode(self.status())))

    def _watch_outbox(self) -> None:
        """A clock that is not believed tells no age."""
        if not self.step.verdicts["clock"].ok:
            return
        age_s = self.status().audit.unacked_age_ms // 1000
        self._outbox, said = outbox_watch.judge(self._outbox, age_s, self._rules)
        if said is not None:
            self._journal.put_plain(said.type, Category.AUDIT, said.sev, said.data)

    def _tell_watchers(self, now: int) -> None:
        self._watch_us = now
        for call in self._watchers:
            call()

    # --- asked by the control server

    @property
    def site(self) -> site.Site:
        """The box's fixed surroundings."""
        return self._site

    @property
    def step(self) -> kernel.Step:
        """The last evaluation."""
        return self._step

    @property
    def photos(self) -> Path:
        """Where photos of what was measured by hand are kept."""
        return self._config.photos

    @property
    def log_care(self) -> LogCare:
        """For the control server: another key for the log, and the bridge's word brought by hand."""
        return self._log_care

    def watch(self, call: Callable[[], None]) -> Callable[[], None]:
        """Call back at every change of mode and twice a second; gives the way to stop it."""
        self._watchers.append(call)
        return lambda: self._watchers.remove(call)

    def status(self) -> Status:
        """The status document of the last evaluation."""
        if self._shown is None:
            self._shown = self._status()
        return self._shown

    def _status(self) -> Status:
        step = self.step
        health = self._log.health()
        clock = step.facts.snapshot.clock
        wall_ms = clock.t + (now_us() - clock.at_us) // 1000
        unacked_ms = wall_ms - health.oldest_unacked_t if health.oldest_unacked_t else 0
        audit = AuditView(
            health.size, health.acked, max(0, unacked_ms), health.writable, health.age_us(now_us()) // 1000,
            epoch=health.log, epoch_pending=health.epoch_pending, bytes=health.bytes, budget=health.budget,
            fs_free=health.fs_free, full=health.full, pruned=health.pruned, written_bytes=health.written_bytes,
            untyped=health.untyped, rollback=health.rollback,
        )  # fmt: skip
        lag_ms, self._lag_us = self._lag_us / 1000, 0
        return view.build(
            step.facts, step.verdicts, boot=health.boot, audit=audit, buses=tuple(p.view() for p in self._pollers),
            events=tuple(self._journal.events), loop_lag_ms=lag_ms, evaluations=self.evaluations,
            place_token=self._place.token(step.durable, wall_ms // 1000, now_us()) if self._place is not None else "",
            permit_answer=self._answers.view(step.durable, wall_ms // 1000),
        )  # fmt: skip


def _place_signer(config: BoxConfig) -> "PlaceSigner | None":
    """Who signs the screen's QR, on a box that has a screen."""
    if config.kiosk is None:
        return None
    from edge.kiosk.signer import PlaceSigner

    return PlaceSigner.of(config)


def _newer(readings: dict[str, Reading], reading: Reading) -> dict[str, Reading]:
    """With one more reading. One bad frame is tolerated: the last good reading goes on ageing towards its limit."""
    if reading.quality is Quality.BAD_FRAME and reading.channel in readings:
        return readings
    return {**readings, reading.channel: reading}


_KNOWN_LEAVES = 64
"""Fewer than the log itself checks when it is opened: none of them is damaged."""


def _known_time(path: Path, boot: int) -> int:
    """The newest time that is already known, ms since 1970: events of earlier starts, and the witness's signature."""
    log = Reader.open(path)
    try:
        size, witnessed = log.size(), log.witnessed()
        earlier = [event.t for event in log.events(max(0, size - _KNOWN_LEAVES), _KNOWN_LEAVES) if event.boot < boot]
    finally:
        log.close()
    return max([*earlier, witnessed.time_s * 1000 if witnessed else 0])


def _harden() -> None:
    """Keep the loop punctual: no garbage collection of what lives for ever, short turns at the interpreter's lock.

    Real-time priority, when allowed, goes to every thread, the loop's being the highest: the log's writer must not be
    put aside by the rest of the machine while it holds the lock that the loop waits for (trip p99 47 ms instead of
    16 ms beside busy neighbours).
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(_SWITCH_S)
    for thread in Path("/proc/self/task").iterdir():
        number = int(thread.name)
        _prefer(number, 20 if number == threading.get_native_id() else 19)


def _prefer(thread: int, priority: int) -> None:
    """Real-time priority, else a better nice value, else as it is; a thread may have ended meanwhile."""
    try:
        os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(priority))
    except ProcessLookupError:
        return
    except PermissionError:
        with contextlib.suppress(PermissionError, ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, thread, -10)


async def run(config: BoxConfig, taken: dict[ev.Source, socket.socket] | None) -> None:
    """Entry point of the process: prints the sums that it was accepted by, then runs."""
    interlock = Interlock(config, taken)
    sys.stderr.write("".join(f"{line}\n" for line in interlock.sums))
    sys.stderr.flush()
    await interlock.run()


__all__ = ["Interlock", "run"]
