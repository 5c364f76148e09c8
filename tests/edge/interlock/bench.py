"""A box on the bench: the pure kernel with a world around it in which everything is well until a test changes it.

Nothing is mocked: the kernel takes values. Time is `now`, in microseconds, and moves only by `step`.
"""

import dataclasses

import msgspec

from contracts.events import check
from contracts.gas import GASES, Unit
from contracts.permit import Approval, Level, PermitClaims, Person, Role
from edge.config import CONTACTS
from edge.gas.reading import InputReading, Quality, Reading
from edge.interlock import kernel, rules
from edge.interlock.evidence import Badge, BadgeRefused, Camera, Device, Face, FaceRefused, Position, Prompt, Tap, Video
from edge.interlock.happenings import Acknowledged, GasTested, Happening, PermitAccepted, ProofAsked, TicketChecked
from edge.interlock.kernel import Relay, Step
from edge.interlock.proof_test import Probe
from edge.interlock.proving import DetectorRecord, Proof, Result
from edge.interlock.record import Note
from edge.interlock.restart import recover
from edge.interlock.site import Site, SiteChannel, SiteGroup, SitePerson, SiteSensor, confined_limits
from edge.interlock.snapshot import AuditHealth, Clock, Snapshot
from edge.interlock.state import FORGOTTEN, Durable, GasPoint, GasTest, Mode, Volatile
from edge.interlock.turn import failing
from edge.relay.element import ElementStatus
from edge.relay.protocol import DeadmanStatus
from tests.edge.interlock.memory import Memory, as_written

replace = msgspec.structs.replace
GB = rules.load("gb30871-2022")
SECOND = 1_000_000
BOOT_US = 1_000 * SECOND
WALL_S = 1_800_000_000
"""Wall clock at `BOOT_US`."""
STALE_US = 500_000
SHA = "ab" * 32

PERFORMER = Person("performer", "张作业", Role.PERFORMER, 1001)
GUARDIAN = Person("guardian", "李监护", Role.GUARDIAN, 1002)
RELIEF = Person("relief", "王监护", Role.GUARDIAN, 1005)


def channel(name: str, gas: str, unit: Unit, group: str, *, high: float = 100.0, due_s: int = WALL_S + 90 * 86400) -> SiteChannel:
    """A channel with the pack's limit."""
    return SiteChannel(
        name, gas, GASES[gas].zh, GASES[gas].en, GB.limit(gas, unit), 0.0, high, STALE_US, 20 * SECOND, due_s, group, "tcp",
        catalytic=gas == "CH4",
    )


def group(name: str, vote: str, gas: str, unit: Unit, *names: str) -> SiteGroup:
    """Channels that vote."""
    needed = {"1oo1": 1, "1oo2": 1, "2oo3": 2}[vote]
    return SiteGroup(name, vote, needed, tuple(channel(each, gas, unit, name) for each in names))


def bumped(**changes: object) -> DetectorRecord:
    """A passed bump test of an hour ago."""
    proof = Proof((WALL_S - 3600) * 1000, 0, Result.PASSED, "", 50.0, 49.0, 8_000, "leader", "bottle-1")
    return DetectorRecord(bump=replace(proof, **changes))


BEACON = 1009
"""The badge that is fixed to the site."""

ROSTER = (
    SitePerson("leader", "赵班长", 1003, ("reset", "gas_test", "ticket_check", "clear_fault", "calibrate", "bypass")),
    SitePerson("engineer", "钱工", 1004, ("clear_fault", "bypass")),
    SitePerson("performer", "张作业", 1001, ("ticket_check",)),
    SitePerson("boss", "孙主任", 1006, ("ticket_check", "supervise")),
)
"""The performer and an approver may check tickets too: those of others; the approver knows the people."""

_OPEN = Site(
    "box-1",
    "gb30871-2022",
    (
        group("torch", "1oo1", "CH4", Unit.PCT_LEL, "ch4-1"),
        group("pair", "1oo2", "CH4", Unit.PCT_LEL, "ch4-2", "ch4-3"),
        group("trio", "2oo3", "CH4", Unit.PCT_LEL, "ch4-4", "ch4-5", "ch4-6"),
        group("oxygen", "1oo1", "O2", Unit.VOL_PCT, "o2-1"),
        group("co", "1oo1", "CO", Unit.PPM, "co-1"),
    ),
    ROSTER,
    ("gnss", "badge"),
    reset_is_key=True,
    contacts=CONTACTS,
    beacon=BEACON,
    sensors=(
        SiteSensor("temp-1", "temperature", "°C", -40.0, 400.0, STALE_US, "tcp"),
        SiteSensor("box-temp", "temperature", "°C", -40.0, 125.0, STALE_US, "tcp"),
        SiteSensor("wind-1", "wind", "m/s", 0.0, 60.0, STALE_US, "tcp"),
    ),
    enclosure="box-temp",
    wind="wind-1",
)
SITE = replace(_OPEN, confined=confined_limits(_OPEN.channels, GB))


def permit(
    jti: str = "HW-1", *, start_s: int = -60, end_s: int = 4 * 3600, approved_s: int = -600, **changes: object
) -> PermitClaims:
    """A two-person permit whose window and last approval are given relative to `WALL_S`."""
    claims = PermitClaims(
        iss="bridge-1",
        aud="box-1",
        jti=jti,
        iat=WALL_S - 120,
        nbf=WALL_S + start_s,
        exp=WALL_S + end_s,
        as_of=WALL_S - 120,
        lease_s=8 * 3600,
        work="hot_work",
        level=Level.GRADE_1,
        method="electric welding",
        place="tank farm 3",
        content="weld a bracket",
        rules="gb30871-2022",
        people=(PERFORMER, GUARDIAN),
        approvals=(
            Approval("boss", "孙主任", "site unit", WALL_S + approved_s - 300, SHA),
            Approval("ehs", "周安全", "safety department", WALL_S + approved_s, SHA),
        ),
        content_sha256=SHA,
    )
    return replace(claims, **changes)


CALM = {"temp-1": 24.0, "box-temp": 31.0, "wind-1": 2.0}
"""What the process sensors say while all is well."""
CLEAN = {"CH4": 0.0, "O2": 20.9, "CO": 0.0}


@dataclasses.dataclass
class Gas:
    """What a detector says; `silent_since` stops its readings."""

    value: float | None
    quality: Quality = Quality.GOOD
    silent_since: int | None = None


@dataclasses.dataclass
class Controller:
    """The dead-man controller as the proof test sees it; `deaf` lists probes that it does not answer."""

    echo: int = 1
    boots: int = 1
    cycles: int = 0
    number: int = 0
    heard_us: int = BOOT_US
    drilling: bool = False
    deaf: tuple[Probe, ...] = ()
    slow_ms: int = 5

    @property
    def nonce(self) -> str:
        return f"{self.number:08X}"

    def heartbeat_age_ms(self, now_us: int) -> int:
        return (now_us - self.heard_us) // 1000

    def drop(self, now_us: int) -> str:
        """The drill ends by itself once heartbeats are missing for long enough."""
        if not self.drilling or self.heartbeat_age_ms(now_us) < 180 + self.slow_ms:
            return ""
        self.drilling, self.number = False, self.number + 1
        return "drill"

    def obey(self, step: Step, now_us: int) -> str:
        """Take what the interlock sends after its evaluation; gives a new cause."""
        if not step.quiet:
            self.heard_us, self.echo = now_us, self.echo + 1
        if step.probe is Probe.NONE or step.probe in self.deaf:
            return ""
        self.echo += 1
        self.drilling = step.probe is Probe.DRILL
        if step.probe is not Probe.BAD_CLOSE:
            return ""
        self.number += 1
        return "bad_close"


class Bench:
    """The world, the kernel's memory and what came out of it."""

    def __init__(self, site: Site = SITE, pack: rules.Rules = GB) -> None:
        self.site, self.rules = site, pack
        self.now = BOOT_US
        self.durable, self.volatile = Durable(
            boot_id="boot-1", since_us=BOOT_US, detectors={c.name: bumped() for c in site.channels}
        ), FORGOTTEN
        self.gas = {c.name: Gas(CLEAN[c.gas]) for c in site.channels}
        self.sensors = {sensor.name: Gas(CALM[sensor.name]) for sensor in site.sensors}
        self.pressed: set[str] = set()
        self.inputs_heard = True
        self.inputs_silent_since: int | None = None
        self.badges = dict.fromkeys((1001, 1002, 1003, BEACON), True)
        self.badge_seen: dict[int, int] = {}
        self.unknown_badges: dict[int, int] = {}
        self.refused_badges: dict[int, BadgeRefused] = {}
        self.batteries: dict[int, int] = {}
        self.devices: dict[str, Device] = {}
        self.taps: dict[str, Tap] = {}
        self.faces: dict[str, Face] = {}
        self.looking = {"performer", "guardian"}
        self.prompt: Prompt | None = None
        self.strangers: tuple[FaceRefused, ...] = ()
        self.position: Position | None = Position(0, True, -20, 1, 9, 90)
        self.position_silent_since: int | None = None
        self.camera: str | None = "ok"
        self.camera_silent_since: int | None = None
        self.video: str | None = "recording"
        """What the recorder says; it records for whatever permit was armed last, or for `video_permit`."""
        self.video_permit = ""
        self.video_silent_since: int | None = None
        self.video_written: int | None = None
        """Since when no picture reached the disk."""
        self.video_left_s = 100_000
        self.deadman_silent_since: int | None = None
        self.deadman_heard = True
        self.latch = self.contact = self.stuck = self.welded = False
        self.series: dict[str, bool] = dict.fromkeys(site.series, False)
        """Feedback contacts of the relays in series; `series_stuck` do not follow, `series_silent` say nothing."""
        self.series_stuck: set[str] = set()
        self.series_silent_since: int | None = None
        self.proof_inputs = {"test_key": False, "isolated": False}
        self.cause = "power_up"
        self.controller = Controller()
        self.wall_jump_ms = 0
        self.clock_quality, self.clock_error_ms, self.clock_floor = "sync", 0, 0
        self.audit = AuditHealth(writable=True, age_ms=0, rollback=False)
        self.loop_gap_ms = 0
        self.notes: list[Note] = []
        self.relays: list[Relay] = []
        self.last: Step | None = None
        self.log: Memory | None = Memory()

    # --- the world

    @property
    def wall_ms(self) -> int:
        return WALL_S * 1000 + (self.now - BOOT_US) // 1000 + self.wall_jump_ms

    @property
    def clock(self) -> Clock:
        at_us = self.now - (self.now - BOOT_US) % 1000
        return Clock(self.wall_ms, at_us, self.clock_quality, self.clock_error_ms, self.clock_floor)

    def snapshot(self) -> Snapshot:
        """All evidence of the world at `now`."""
        for badge, here in self.badges.items():
            if here:
                self.badge_seen[badge] = self.now
        for person in self.looking:
            self.faces[person] = Face(self.now, person, 350, "proven", "dlib")
        readings, sensors = (
            {
                name: Reading(name, gas.value, gas.quality, gas.silent_since or self.now, 0, 0, "")
                for name, gas in said.items()
                if gas.quality is not Quality.NEVER
            }
            for said in (self.gas, self.sensors)
        )
        levels = {name: name in self.pressed for name in ("arm", "finish", "reset")}
        healthy = {name: name not in self.pressed for name in ("stop", "estop", *self.site.contacts)}
        position = self.position
        if position is not None:
            position = replace(position, at_us=self.position_silent_since or self.now)
        return Snapshot(
            clock=self.clock,
            audit=self.audit,
            readings=readings,
            sensors=sensors,
            inputs=InputReading(**levels, **healthy, **self.proof_inputs, at_us=self.inputs_silent_since or self.now)
            if self.inputs_heard else None,
            badges={badge: Badge(seen, badge, -60, self.batteries.get(badge)) for badge, seen in self.badge_seen.items()},
            refused_badges=dict(self.refused_badges),
            devices=dict(self.devices),
            taps=dict(self.taps),
            unknown_badges={badge: BadgeRefused(at, badge, "unknown") for badge, at in self.unknown_badges.items()},
            position=position,
            faces=dict(self.faces),
            proofs={who: face for who, face in self.faces.items() if face.liveness == "proven"},
            prompt=self.prompt,
            strangers=self.strangers,
            camera=None if self.camera is None else Camera(self.camera_silent_since or self.now, self.camera, 25),
            video=self._video() if self.video is not None else None,
            deadman=self._status() if self.deadman_heard else None,
            series={
                name: ElementStatus(name, closed, self.series_silent_since or self.now)
                for name, closed in self.series.items()
            },
            loop_gap_ms=self.loop_gap_ms,
        )

    def _video(self) -> Video:
        at_us = self.video_silent_since or self.now
        written = self.video_written if self.video_written is not None else at_us
        of = self.video_permit or self.durable.active
        return Video(at_us, self.video or "", of, written, self.video_left_s, 10, 512)

    def _status(self) -> DeadmanStatus:
        return DeadmanStatus(
            self.controller.echo,
            self.controller.boots,
            self.latch,
            self.contact,
            self.controller.nonce,
            self.controller.heartbeat_age_ms(self.now),
            0,
            self.controller.cycles,
            self.cause,
            0,
            self.deadman_silent_since or self.now,
        )

    # --- the kernel

    def step(self, *happenings: Happening, ms: int = 20) -> Step:
        """Let time pass, then evaluate once; the dead-man follows the command."""
        self.now += ms * 1000
        self.cause = self.controller.drop(self.now) or self.cause
        withheld = self.last is not None and self.last.quiet and self.last.relay is Relay.HOLD
        if self.latch and withheld and self.controller.heartbeat_age_ms(self.now) >= 180 + self.controller.slow_ms:
            self._follow(False, "heartbeat_lost")
        step = kernel.step(
            self.site, self.rules, self.durable, self.volatile, self.snapshot(), self.now, tuple(happenings)
        )
        self.durable, self.volatile, self.last = step.durable, step.volatile, step
        self.notes.extend(step.notes)
        if self.log is not None:
            self.log.write(step)
        self.relays.append(step.relay)
        self.cause = self.controller.obey(step, self.now) or self.cause
        if step.relay is Relay.CLOSE:
            self.controller.cycles += step.durable.mode is not Mode.RELEASED
            self._follow(True, self.cause)
        elif step.relay is Relay.OPEN and self.latch:
            self._follow(False, "commanded")
        return step

    def _follow(self, closed: bool, cause: str) -> None:
        """Latch and contacts move, as far as they can."""
        self.latch, self.cause = closed, cause
        self.contact = not self.stuck if closed else self.welded
        for name in self.series:
            if name not in self.series_stuck:
                self.series[name] = closed

    def run(self, seconds: float, *, ms: int = 40) -> Step:
        """Evaluate for a while."""
        step = self.step(ms=0)
        for _ in range(int(seconds * 1000 / ms)):
            step = self.step(ms=ms)
        return step

    def press(self, *buttons: str) -> Step:
        """A button's rising edge: one reading up, one down; gives the step of the edge."""
        self.pressed -= set(buttons)
        self.step()
        self.pressed |= set(buttons)
        edge = self.step()
        self.pressed -= set(buttons)
        return edge

    def acknowledge(self) -> Step:
        """The log says that the current attempt is durable."""
        return self.step(Acknowledged(self.durable.attempt))

    def test_gas(self, *, positions: tuple[str, ...] = ("up", "middle", "down"), **values: float) -> Step:
        """A gas test with the site's gases; a keyword replaces a gas's value."""
        points = tuple(
            GasPoint(where, c.gas, c.limit.unit.value, values.get(c.gas, CLEAN[c.gas]))
            for where in positions
            for c in {c.gas: c for c in self.site.channels}.values()
        )
        self.now += 1
        test = GasTest(self.now, self.wall_ms // 1000, "leader", "PGM-1", points)
        return self.step(GasTested(test))

    def check_ticket(self, number: str = "", *, by: str = "leader") -> Step:
        """The shift leader checks a ticket, the current one unless another is named."""
        current = self.last.facts.permit if self.last is not None else None
        return self.step(TicketChecked(number or (current.jti if current else ""), by))

    def prove(self, *by: str, pulse: bool = False) -> Step:
        """A proof test of the final element, until it has ended."""
        self.step(ProofAsked(1000, by or ("leader", "engineer"), isolated=not pulse, pulse=pulse))
        for _ in range(200):
            if self.volatile.proof_run is None:
                break
            self.step()
        return self.step(ms=0)

    def prepare(self, claims: PermitClaims | None = None) -> "Bench":
        """Everything that an arming needs: permit, crew, gas test, ticket check."""
        self.step()
        self.step(PermitAccepted(claims or permit()))
        self.test_gas()
        self.check_ticket()
        self.step()
        assert self.mode is Mode.PERMISSIVE_OK, self.missing()
        return self

    def arm(self) -> Step:
        step = self.press("arm")
        assert self.mode is Mode.ARMED, self.missing()
        return step

    def release(self) -> "Bench":
        """From a prepared box to a confirmed release."""
        self.arm()
        self.acknowledge()
        assert self.mode is Mode.RELEASED, self.missing()
        self.step()
        assert self.durable.confirmed
        return self

    # --- what to look at

    @property
    def mode(self) -> Mode:
        return self.durable.mode

    def failing(self) -> set[str]:
        """Release conditions that do not pass."""
        assert self.last is not None
        return {condition.name for condition, _ in failing(self.last.verdicts, release=True)}

    def missing(self) -> set[str]:
        """Codes of the release conditions that do not pass."""
        assert self.last is not None
        return {r.code for _, verdict in failing(self.last.verdicts, release=True) for r in verdict.reasons}

    def found(self, kind: str) -> list[Note]:
        return [note for note in self.notes if note.type == kind]

    def refusal(self) -> set[str]:
        """Codes of the last refused arming, reset or abandoned attempt."""
        kinds = ("interlock.arm_refused", "interlock.reset_refused", "release.abandoned")
        last = next(note for note in reversed(self.notes) if note.type in kinds)
        return {reason["code"] for reason in last.data["reasons"]}

    @property
    def first_out(self) -> str:
        return self.durable.first_out.code if self.durable.first_out else ""

    @property
    def consequences(self) -> set[str]:
        return {reason.code for reason in self.durable.consequences}

    def restart(self, *, boot_id: str = "boot-1", found: Durable | None = None) -> tuple[Note, ...]:
        """The process dies and comes back from its durable state (or from `found`)."""
        kept = found if found is not None else self.durable
        self.durable, notes = recover(
            kept, first_start=False, boot_id=boot_id, now_us=self.now, rules=self.rules, clock=self.clock
        )
        for note in notes:
            assert check(as_written(note)) == "", note
        self.volatile = FORGOTTEN
        # What the camera saw was in the memory of the process that died, and its nonce with it.
        self.faces, self.prompt = {}, None
        self.latch, self.contact = False, self.welded
        self.notes.extend(notes)
        return notes


__all__ = ["Bench", "Volatile", "permit"]
