"""The bench with a clock that runs, a disk that answers, and verbs for what happens at a site."""

from collections.abc import Callable
from typing import Any

from joserfc.jwk import OKPKey

from contracts import jws
from contracts.errors import ContractError
from contracts.events import check
from contracts.permit import Command, Level, PermitClaims, Precondition, Revocations, Verb
from edge.gas.reading import Quality
from edge.interlock import bypassing, offers, ticket, view
from edge.interlock.conditions import CONDITIONS
from edge.interlock.evidence import Badge, BadgeRefused, Evidence, Face, FaceRefused, Position, Source
from edge.interlock.happenings import (
    Acknowledged,
    Bypassed,
    BypassEnded,
    Confirmed,
    Happening,
    Reconfirmed,
    ResetRequested,
    ShutDown,
    SuspendedHere,
    TicketChecked,
)
from edge.interlock.kernel import Step
from edge.interlock.record import Note
from edge.interlock.rules import Rules, load
from edge.interlock.snapshot import AuditHealth, Snapshot, accept
from tests.cases.case import Case, seconds
from tests.edge.interlock.bench import BOOT_US, GUARDIAN, PERFORMER, RELIEF, SITE, WALL_S, Bench, permit, replace
from tests.edge.interlock.memory import as_written

BADGES = {"performer": 1001, "guardian": 1002, "leader": 1003, "engineer": 1004, "relief": 1005, "boss": 1006}
PEOPLE = {"performer": PERFORMER, "guardian": GUARDIAN, "relief": RELIEF}
SIGNER, COMMANDER, FORGER = jws.generate_key(), jws.generate_key(), jws.generate_key()
DISK_US, PRESS_US, BEGIN_US = 20_000, 200_000, 1_000_000


def _public(key: OKPKey) -> OKPKey:
    return OKPKey.import_key(key.as_dict(private=False))


KEYS = offers.Keys("bridge-1", {"p1": _public(SIGNER)}, {"c1": _public(COMMANDER)})


class World(Bench):
    """Plays a case. `told` hears of every note and every change of mode and relay command."""

    def __init__(self, case: Case, told: Callable[["World", str, str], None]) -> None:
        super().__init__(SITE, load(case.pack))
        self.told = told
        self.playing = False
        self.pace_us = round(seconds(case.pace) * 1e6)
        self.due: list[tuple[int, Callable[[], None]]] = []
        self.stalled_since: int | None = None
        self.late: list[int] = []
        self.asleep: Snapshot | None = None
        self.revision = 0
        self.boots = 1
        self.claims = _claims(case.permit, self.rules, "HW-1", WALL_S)
        if case.start == "power_on":
            self.step()
        elif case.start in ("ready", "released"):
            self.prepare(self.claims)
            if case.start == "released":
                self.release()
        else:
            raise ValueError(f"start: expected power_on, ready or released, got {case.start}")
        # However long the bench took to come here, a case begins at the same instant.
        self._evaluate_at(BOOT_US + BEGIN_US)
        self.began, self.playing = self.now, True

    # --- time

    def play_until(self, end_us: int) -> None:
        """Evaluate at the case's pace, and at the very moment when something is due."""
        while True:
            self.due.sort(key=lambda item: item[0])
            times = [self.now + self.pace_us, end_us, *(at for at, _ in self.due[:1])]
            if self.last is not None and self.now < self.last.next_us and self.pace_us <= 1_000_000:
                # As the process does: absence is no event, so the kernel says when it must look again.
                times.append(self.last.next_us)
            next_us = min(times)
            if next_us > self.now:
                self._evaluate_at(next_us)
            while self.due and self.due[0][0] <= self.now:
                self.due.pop(0)[1]()
            if self.now >= end_us:
                return

    def _evaluate_at(self, at_us: int, *happenings: Happening) -> Step:
        return self.step(*happenings, ms=0, at_us=at_us)

    def step(self, *happenings: Happening, ms: int = 20, at_us: int | None = None) -> Step:
        """As the bench does; what is decided is told, and the disk answers."""
        mode, closed = self.durable.mode, self.latch
        if at_us is not None:
            self.now = at_us
        if self.stalled_since is not None:
            self.audit = AuditHealth(True, (self.now - self.stalled_since) // 1000, False)
        found = super().step(*happenings, ms=ms)
        if self.playing:
            if found.notes:
                # Whatever is decided can be explained at that moment.
                assert len(view.explain(found.facts, found.verdicts)) == len(CONDITIONS)
            self._tell(found.notes)
            if self.latch is not closed:
                self.told(self, "relay", "CLOSE" if self.latch else "OPEN")
            if found.durable.mode is not mode:
                self.told(self, "mode", f"{mode.value} -> {found.durable.mode.value}")
            for note in found.notes:
                if note.token:
                    self._write(note.token)
        return found

    def _tell(self, notes: tuple[Note, ...]) -> None:
        for note in notes:
            assert check(as_written(note)) == "", note
            self.told(self, "event", line(note))

    def _write(self, attempt: int) -> None:
        if self.stalled_since is not None:
            self.late.append(attempt)
        else:
            self.due.append((self.now + DISK_US, lambda: self._durable(attempt)))

    def _durable(self, attempt: int) -> None:
        if self.stalled_since is not None:
            self.late.append(attempt)
        else:
            self._evaluate_at(self.now, Acknowledged(attempt))

    def snapshot(self) -> Snapshot:
        return self.asleep if self.asleep is not None else super().snapshot()

    # --- verbs

    def do(self, verb: str, value: Any) -> None:
        """Let one thing happen.

        Raises:
            ValueError: no such verb.
        """
        method = getattr(self, f"do_{verb}", None)
        if method is None:
            known = ", ".join(sorted(name[3:] for name in dir(self) if name.startswith("do_")))
            raise ValueError(f"timeline: expected one of {known}, got {verb!r}")
        method(value)

    def do_gas(self, value: dict[str, float]) -> None:
        """Values by channel."""
        for name, number in value.items():
            self.gas[name].value = number

    def do_quality(self, value: dict[str, str]) -> None:
        """What a detector says about itself: good, fault, over_range, under_range, warm_up, frozen."""
        for name, quality in value.items():
            self.gas[name].quality = Quality(quality)

    def do_sensor(self, value: dict[str, float]) -> None:
        """Values of process sensors by name."""
        for name, number in value.items():
            self.sensors[name].value = number

    def do_silent(self, names: list[str]) -> None:
        """Detectors and process sensors that fall silent; also inputs, deadman, position, camera."""
        for name in names:
            if name in self.gas or name in self.sensors:
                (self.gas | self.sensors)[name].silent_since = self.now
            else:
                setattr(self, f"{name}_silent_since", self.now)

    def do_answers(self, names: list[str]) -> None:
        """They answer again."""
        for name in names:
            if name in self.gas or name in self.sensors:
                (self.gas | self.sensors)[name].silent_since = None
            else:
                setattr(self, f"{name}_silent_since", None)

    def do_press(self, button: str) -> None:
        """A momentary button: down now, up a moment later."""
        self.pressed.add(button)
        self._evaluate_at(self.now)
        self.due.append((self.now + PRESS_US, lambda: self.pressed.discard(button)))

    def do_hold(self, button: str) -> None:
        """A button or contact that stays operated: stop, estop, arm; door, mains, battery, enclosure, flame open."""
        self.pressed.add(button)

    def do_let(self, button: str) -> None:
        """It is released again."""
        self.pressed.discard(button)

    def do_badge(self, value: dict[str, str]) -> None:
        """Who is heard: here or away."""
        for who, where in value.items():
            self.badges[BADGES[who]] = where == "here"

    def do_face(self, value: dict[str, str]) -> None:
        """Who looks into the camera: here or away."""
        for who, where in value.items():
            (self.looking.add if where == "here" else self.looking.discard)(who)

    def do_resend_face(self, value: dict[str, str]) -> None:
        """A face from a cache: stamped as long ago as said."""
        for who, age in value.items():
            at_us = self.now - round(seconds(age) * 1e6)
            self._offer(Face(at_us, who, 350, "proven", "dlib"), Source.VISION)

    def do_face_from(self, value: dict[str, str]) -> None:
        """A face that another source than the camera vouches for."""
        for who, source in value.items():
            self._offer(Face(self.now, who, 350, "proven", "dlib"), Source(source))

    def do_stranger(self, distance: float) -> None:
        """Somebody whom the permit does not name; distance to the nearest who is, the guardian."""
        self.strangers = (FaceRefused(self.now, "guardian", round(distance * 1000)),)

    def do_badge_refused(self, why: str) -> None:
        """A badge that did not verify: stale (cloned), forged, unknown."""
        self._offer(BadgeRefused(self.now, 1002, why), Source.PRESENCE)

    def do_resend_badge(self, value: dict[str, str]) -> None:
        """A badge stamped as long ago as said."""
        for who, age in value.items():
            at_us = self.now - round(seconds(age) * 1e6)
            self._offer(Badge(at_us, BADGES[who], -60), Source.PRESENCE)

    def _offer(self, item: Evidence, source: Source) -> None:
        snapshot, refused = accept(self.snapshot(), item, source, self.now)
        if refused is not None:
            self.told(self, "refused", f"{refused.kind} from {refused.source.value}: {refused.why}")
            return
        self.faces, self.strangers = dict(snapshot.faces), snapshot.strangers

    def do_position(self, what: str) -> None:
        """inside, outside, poor (too few satellites), lost."""
        self.position = _fix(what)

    def do_camera(self, health: str) -> None:
        """ok, frozen, black, stalled."""
        self.camera = health

    def do_recorder(self, health: str) -> None:
        """recording again, or what is wrong with it: from then on no picture reaches its disk."""
        self.video = health
        self.video_written = None if health == "recording" else self.now

    def do_recorder_room(self, seconds: int) -> None:
        """For how long there is room."""
        self.video_left_s = seconds

    def do_deadman(self, what: str) -> None:
        """reboot (it opens), weld, stuck (never closes), mend."""
        self.welded, self.stuck = what == "weld", what == "stuck"
        if what == "reboot":
            self.latch = self.contact = False
            self.cause = "power_up"
        elif what == "mend":
            self.contact = self.latch

    def do_clock(self, value: dict[str, str]) -> None:
        """back or forward by a time; quality."""
        if "back" in value:
            self.wall_jump_ms -= round(seconds(value["back"]) * 1000)
        if "forward" in value:
            self.wall_jump_ms += round(seconds(value["forward"]) * 1000)
        self.clock_quality = value.get("quality", self.clock_quality)

    def do_disk(self, what: str) -> None:
        """stalls, works, fails."""
        if what == "stalls":
            self.stalled_since = self.now
            return
        self.stalled_since = None
        self.audit = AuditHealth(what == "works", 0, False)
        late, self.late = self.late, []
        for attempt in late:
            self._durable(attempt)

    def do_log(self, what: str) -> None:
        """nearly_full, begins_anew (the bridge has not witnessed it yet), well."""
        self.audit = AuditHealth(True, 0, False, full=what == "nearly_full", epoch_pending=what == "begins_anew")

    def do_permit(self, value: dict[str, Any]) -> None:
        """The bridge offers a permit: `jti`, `aud`, `level`, `base_level`, `start`, `end`, `people`, `forged`."""
        forged = value.pop("forged", False)
        claims = _claims(value, self.rules, value.get("jti", "HW-2"), self.wall_ms // 1000)
        token = jws.sign(claims, jws.PERMIT, FORGER if forged else SIGNER, "p1")
        self._judged(offers.permit(token, KEYS, "box-1", self.rules, self.durable, self.wall_ms // 1000))

    def do_revoke(self, numbers: list[str]) -> None:
        """A new revocation list; an empty one renews the lease."""
        self.revision += 1
        listed = Revocations("bridge-1", "box-1", self.revision, self.wall_ms // 1000, tuple(numbers))
        token = jws.sign(listed, jws.REVOCATIONS, SIGNER, "p1")
        self._judged(offers.revocations(token, KEYS, "box-1", self.durable))

    def do_command(self, value: dict[str, str]) -> None:
        """suspend or void, with the permit's number."""
        ((verb, number),) = value.items()
        now_s = self.wall_ms // 1000
        asked = Command("bridge-1", "box-1", f"c-{now_s}", Verb(verb), now_s, now_s + 60, number, 0, "case")
        token = jws.sign(asked, jws.COMMAND, COMMANDER, "c1")
        self._judged(offers.command(token, KEYS, "box-1", set(), now_s))

    def _judged(self, judged: offers.Judged) -> None:
        self._tell(judged.notes)
        if judged.response is not None:
            verdict = "accepted" if judged.response.ok else "refused"
            self.told(self, "answer", f"{judged.response.id or '-'} {verdict}: {judged.response.code}")
        if judged.happening is not None:
            self._evaluate_at(self.now, judged.happening)

    def do_gas_test(self, values: dict[str, float]) -> None:
        """A gas test by the shift leader; values by gas, clean where none is given."""
        self.test_gas(**values)

    def do_confirm(self, value: dict[str, str]) -> None:
        """A precondition of the first permit, by a person."""
        for number, who in value.items():
            self._evaluate_at(self.now, Confirmed(self.claims.jti, number, who))

    def do_check_ticket(self, who: str) -> None:
        """A shift leader checks the ticket of the current permit; a refusal is told."""
        assert self.last is not None
        claims = self.last.facts.permit
        asked = TicketChecked(claims.jti if claims else "", who)
        try:
            ticket.judge(replace(self.last.facts, now_us=self.now), asked)
        except ContractError as refused:
            self.told(self, "answer", f"check refused: expected {refused.expected}, got {refused.came}")
        self._evaluate_at(self.now, asked)

    def do_reconfirm(self, who: str) -> None:
        """The guardian's word that an approval which had become too old still stands."""
        permit_now = self.last.facts.permit if self.last else None
        self._evaluate_at(self.now, Reconfirmed(permit_now.jti if permit_now else "", who))

    def do_suspend_here(self, who: str) -> None:
        """`hotbox suspend --relief` by a person who is here."""
        self._evaluate_at(self.now, SuspendedHere(who, relief=True, present=True))

    def do_bypass(self, value: dict[str, Any]) -> None:
        """`hotbox bypass`: leave a failed detector's vote out; `channel`, `by` (two people), `time`."""
        asked = Bypassed(value["channel"], tuple(value["by"]), "head broken", "portable detector", 0)
        asked = replace(asked, seconds=round(seconds(value["time"])))
        assert self.last is not None
        refused = bypassing.problem(self.last.facts, asked)
        if refused is not None:
            self.told(self, "answer", f"bypass refused: expected {refused.expected}, got {refused.came}")
        self._evaluate_at(self.now, asked)

    def do_end_bypass(self, value: dict[str, str]) -> None:
        """A person takes a bypass back."""
        for channel, person in value.items():
            self._evaluate_at(self.now, BypassEnded(channel, person))

    def do_window(self, what: str) -> None:
        """`hotbox reset`: reset or fault (two people)."""
        people = ("leader", "engineer") if what == "fault" else ()
        self._evaluate_at(self.now, ResetRequested(1000, people))

    def do_shut_down(self, _: object) -> None:
        """The process is told to end."""
        self._evaluate_at(self.now, ShutDown())

    def do_restart(self, what: str) -> None:
        """process or power; the relay opens, what is durable comes back."""
        self.boots += what == "power"
        mode, closed = self.durable.mode, self.latch
        notes = super().restart(boot_id=f"boot-{self.boots}")
        self.told(self, "start", f"{what} restart, boot {self.boots}")
        self._tell(notes)
        if closed:
            self.told(self, "relay", "OPEN")
        if self.durable.mode is not mode:
            self.told(self, "mode", f"{mode.value} -> {self.durable.mode.value}")

    def do_sleep(self, how_long: str) -> None:
        """The machine stands still: no evaluation, then one that finds the old evidence and the gap."""
        held = self.snapshot()
        gap_ms = round(seconds(how_long) * 1000)
        # The dead-man does not wait for us.
        self.latch, self.contact, self.cause = False, self.welded, "heartbeat_lost"
        clock = replace(held.clock, t=held.clock.t + gap_ms, at_us=self.now + gap_ms * 1000)
        self.asleep = replace(held, loop_gap_ms=gap_ms, clock=clock)
        self._evaluate_at(self.now + gap_ms * 1000)
        self.asleep = None

    def do_pace(self, value: str) -> None:
        """The kernel runs this often from now on."""
        self.pace_us = round(seconds(value) * 1e6)


def _fix(what: str) -> Position | None:
    """A fix, or None."""
    fixes = {"inside": (True, -20, 9), "outside": (False, 12, 9), "poor": (True, -20, 3)}
    if what == "lost":
        return None
    inside, edge_m, satellites = fixes[what]
    return Position(0, inside, edge_m, 1, satellites, 90)


def _claims(value: dict[str, Any], rules: Rules, jti: str, now_s: int) -> PermitClaims:
    """Claims as the bench makes them, with changes; `start` and `end` are relative to now."""
    changes = dict(value)
    changes.pop("jti", None)
    now_s -= WALL_S
    start_s = now_s + (_signed(changes.pop("start")) if "start" in changes else -60)
    end_s = now_s + (_signed(changes.pop("end")) if "end" in changes else 4 * 3600)
    for field in ("level", "base_level"):
        if field in changes:
            changes[field] = Level(changes[field])
    if "people" in changes:
        changes["people"] = tuple(PEOPLE[name] for name in changes["people"])
    if "preconditions" in changes:
        changes["preconditions"] = tuple(Precondition(**wanted) for wanted in changes["preconditions"])
    if "lease" in changes:
        changes["lease_s"] = round(seconds(changes.pop("lease")))
    if "approved" in changes:
        at = WALL_S + now_s + _signed(changes.pop("approved"))
        changes["approvals"] = tuple(replace(one, at=at) for one in permit().approvals)
    changes.setdefault("as_of", WALL_S + now_s)
    changes.setdefault("iat", changes["as_of"])
    return permit(jti, start_s=start_s, end_s=end_s, rules=rules.name, **changes)


def _signed(text: str) -> int:
    return round(-seconds(text[1:]) if text.startswith("-") else seconds(text))


def line(note: Note) -> str:
    """A note in one line, its reasons on lines of their own when there are several."""
    data = dict(note.data)
    told = [note.type]
    if note.sev.value != "info":
        told.append(f"[{note.sev.value}]")
    reasons = [*([data] if "code" in data else ()), *data.get("reasons", ()), *data.get("others", ())]
    if "code" not in data and data.get("chan"):
        told.append(data["chan"])
    told += [f"{key}={data[key]}" for key in _TOLD if key in data]
    if note.actor[0] != "box":
        told.append(f"by {' '.join(note.actor)}")
    words = [_reason(reason) for reason in reasons]
    if len(words) == 1:
        return "  ".join((*told, *words))
    return "\n".join(("  ".join(told), *(f"{'':23}- {word}" for word in words)))


_TOLD = (
    "was", "now", "ms", "cause", "seconds", "first_out", "by", "resumed", "released", "condition", "serial", "id",
    "level", "verb", "field", "expected", "came",  "nearest",
)  # fmt: skip


def _reason(data: dict[str, Any]) -> str:
    """``gas_high ch4-1 12.5 of 10 %LEL (GB 30871-2022 5.3.2)``."""
    words = [data["code"], *([data["chan"]] if data.get("chan") else ())]
    numbers = [
        f"{data[key] / 1000:.3f}".rstrip("0").rstrip(".") for key in ("value_milli", "limit_milli") if key in data
    ]
    if numbers:
        at_all = "" if "value_milli" in data else "limit "
        words.append(f"{at_all}{' of '.join(numbers)} {data.get('unit', '')}".rstrip())
    if data.get("clause"):
        words.append(f"({data['clause']})")
    return " ".join(words)
