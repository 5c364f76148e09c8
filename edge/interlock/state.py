"""What the kernel remembers: the durable part, which survives restarts, and the volatile part, which must not."""

from enum import StrEnum
from functools import cached_property
from hashlib import sha256

import msgspec

from contracts.event import MAX_INT
from contracts.permit import PermitClaims
from edge.interlock.proving import DetectorRecord, Exercise

MAX_PERMITS = 16
MAX_OVER = 1024
"""Ids of finished and of void permits that are kept: more than can end within the longest validity."""
MAX_PHOTOS = 1024
"""Photos that are remembered as used: years of permits with one; the folder of photos remembers them all."""


class Mode(StrEnum):
    """States of the interlock (design, "The interlock kernel")."""

    LOCKED = "LOCKED"
    PERMISSIVE_OK = "PERMISSIVE_OK"
    ARMED = "ARMED"
    RELEASED = "RELEASED"
    TRIPPED = "TRIPPED"
    FAULT = "FAULT"


class Reason(msgspec.Struct, frozen=True):
    """Why: code (see reasons.py), subject (channel, person, group), value against limit in unit, clause.

    Numbers are in thousandths, as the log has no floats. The unit ``unix_s`` marks moments (seconds since 1970), which
    people are shown as day and time.
    """

    code: str
    subject: str = ""
    value_milli: int | None = None
    limit_milli: int | None = None
    unit: str = ""
    clause: str = ""


def milli(value: float | None) -> int | None:
    """Thousandths for a `Reason`; None for what the log cannot keep (NaN, infinity, beyond 2^53)."""
    return round(value * 1000) if value is not None and abs(value * 1000) <= MAX_INT else None


POSITIONS = ("up", "middle", "down")
"""Where a gas test samples (GB 30871-2022 5.3.1 a)."""


class GasPoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value of a gas test before work: `position` is up, middle or down (GB 30871-2022 5.3.1 a)."""

    position: str
    gas: str
    unit: str
    value: float


class GasTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """A gas test entered at the box: analyst, instrument's serial, values; `at_us` and `t` are the time of sampling.

    `calibrated_until_s` is the end of the instrument's own calibration, seconds since 1970, 0 when it was not stated.
    """

    at_us: int
    t: int
    analyst: str
    serial: str
    points: tuple[GasPoint, ...]
    calibrated_until_s: int = 0

    @cached_property
    def sampled(self) -> dict[tuple[str, str], tuple[GasPoint, ...]]:
        """The points of each gas and unit."""
        kinds = dict.fromkeys((point.gas, point.unit) for point in self.points)
        return {kind: tuple(point for point in self.points if (point.gas, point.unit) == kind) for kind in kinds}


class Bypass(msgspec.Struct, frozen=True):
    """A detector whose failure does not vote for a while: who allowed it (two ids), why, what watches instead."""

    channel: str
    by: tuple[str, ...]
    reason: str
    measure: str
    since_us: int
    until_us: int

    def holds(self, now_us: int) -> bool:
        """It has begun and is not over."""
        return self.since_us <= now_us < self.until_us


class Confirmation(msgspec.Struct, frozen=True):
    """That a precondition holds, by a named person: `value_milli` and a photo's commitment when it was measured."""

    person: str
    at_us: int
    value_milli: int | None = None
    photo: str = ""


class Reconfirmation(msgspec.Struct, frozen=True):
    """The guardian's word at the box that an approval which had become too old still stands (PTW-08)."""

    permit: str
    person: str
    at_us: int


class TicketCheck(msgspec.Struct, frozen=True):
    """The shift leader's check of a ticket before ignition: who, when (seconds since 1970), which day of the permit.

    The first day is 0. It holds for that day alone (GB 30871-2022 A.1).
    """

    person: str
    t: int
    day: int


class FireWatch(msgspec.Struct, frozen=True):
    """The fire watch after an opening: whose permit, until when (GB 30871-2022 5.2.14)."""

    permit: str
    started_us: int
    until_us: int


class Opening(msgspec.Struct, frozen=True):
    """The last opening after a release: which permit, when, and whether its gas test was good until then."""

    permit: str
    at_us: int
    by_gas: bool


class ProofStep(msgspec.Struct, frozen=True):
    """One step of a proof test: its name, whether it passed, how long it took, and what was seen when it did not."""

    name: str
    ok: bool
    ms: int
    seen: str = ""


class ProofTest(msgspec.Struct, frozen=True):
    """A finished proof test of the final element: when (`at_us`; `t` in seconds since 1970), by whom, its steps.

    `pulse`: the contact was really closed for a moment.
    """

    at_us: int
    t: int
    by: tuple[str, ...]
    ok: bool
    steps: tuple[ProofStep, ...]
    pulse: bool = False


class ProofRun(msgspec.Struct, frozen=True):
    """A proof test in progress.

    `step_us`: when the running step began. `echo`, `nonce`: what the controller showed then. `boots` and `cycles` are
    from the beginning: they must not move, but for the one closing of a `pulse`, which began at `closed_us` and is over
    then (0: not yet). `proven`: an input says that the load is isolated.
    """

    by: tuple[str, ...]
    began_us: int
    step_us: int
    echo: int = 0
    nonce: str = ""
    boots: int = 0
    cycles: int = 0
    steps: tuple[ProofStep, ...] = ()
    pulse: bool = False
    closed_us: int = 0
    proven: bool = False


class Trace(msgspec.Struct, frozen=True):
    """A feedback contact: what it was when last looked at, and when it changed uncommanded within the last second.

    `obeyed_us`: when the last command was given that it was seen to have followed. `since_us`: when it was first seen
    as it is.
    """

    closed: bool
    changes: tuple[int, ...] = ()
    obeyed_us: int = 0
    since_us: int = 0


class Try(msgspec.Struct, frozen=True):
    """Somebody follows arrows to prove to be alive: who, under which nonce, at which of how many movements."""

    person: str
    nonce: str
    number: int
    of: int


class Durable(msgspec.Struct, frozen=True, dict=True):
    """Kept on disk. Times are CLOCK_BOOTTIME microseconds of the boot `boot_id`.

    Attributes:
        boot_id: the kernel's boot, by which times are judged.
        mode: state.
        since_us: when it was entered.
        attempt: number of the last arming attempt; rises for ever.
        active: permit of the last attempt.
        armed_us: when the attempt began.
        released_us: when the relay was closed.
        deadline_us: end of the run as fixed at the release, on a clock that nobody can set.
        deadline_by: the reason that it then gives: ``deadline`` for the permit's window, ``level_…`` where its level
            begins not to suffice (5.1.1).
        crew: people whose badge and face were both good at the release; nobody else counts until the next one.
        confirmed: the contact followed the closing command.
        first_out: first cause of the latched trip or fault; never overwritten.
        consequences: causes that came after.
        reset_done: the latch was reset, the fire watch may still run.
        over_range: channels that went over range and were not reset since.
        permits: accepted permits, oldest window first.
        finished, void: ids of permits that are over.
        suspended: ids of permits that the bridge suspended and that nobody on site has reset since, current or not.
        preconditions: "permit/id" → its proof.
        photos: commitments of the photos that measurements were entered with, newest last; none counts again.
        checked_in: permit → the last of its days (0 is the first) on which the crew checked in.
        missed: permit and the day of it whose check-in was missed; from then on that day's check-in may be late.
        ticket_checks: permit → its newest check by a shift leader; taken back when the permit is suspended.
        ignited: permits that were released once: their approval has been used.
        reconfirmed: newest re-confirmation of an approval that had become too old.
        revoked: ids on the newest revocation list.
        revision: that list's number; only rises.
        as_of: newest signed bridge time, seconds since 1970.
        gas_test: newest gas test.
        gas_alarm_us: when gas last began or ceased to be over its limit, released or not; a test must be younger.
        opening: last opening after a release.
        fire_watch: running fire watch.
        fault_cleared_by: the two people who took a fault back, last time.
        detectors: channel → its last bump test and calibration; wall clock, so that they survive a boot.
        bypasses: detectors whose failure does not vote for a while.
        bypassed: channel → end of its last bypass (as planned, or earlier), seconds since 1970.
        proof_test: the last finished proof test of the final element.
        cycles: contact → its closings; a contact is known by its serial number.
        clock_offset_ms: wall clock minus CLOCK_BOOTTIME as it is followed; another value is a jump. None until read.
        clock_trusted: the clock condition passed when last evaluated, so the offset tells when things happened.
        clock_back_ms: how far the wall clock was found set back; blocks until a person resets.
        signed_offset_ms: the offset that the bridge's signed time agreed with in this boot.
        signed_ahead_s: how far signed time lay ahead of CLOCK_BOOTTIME, the least of what was heard in this boot.
        lost_s: when the state was found lost, seconds since 1970; revocation lists from before it do not count.
        liveness_failed: person → tries to prove to be alive that failed since the last that did not.
        trying: the try whose arrows are being shown: spent, unless its end says otherwise.
    """

    boot_id: str = ""
    mode: Mode = Mode.LOCKED
    since_us: int = 0
    attempt: int = 0
    active: str = ""
    armed_us: int = 0
    released_us: int = 0
    deadline_us: int = 0
    deadline_by: str = "deadline"
    crew: tuple[str, ...] = ()
    confirmed: bool = False
    first_out: Reason | None = None
    consequences: tuple[Reason, ...] = ()
    reset_done: bool = False
    over_range: tuple[str, ...] = ()
    permits: tuple[PermitClaims, ...] = ()
    finished: tuple[str, ...] = ()
    void: tuple[str, ...] = ()
    suspended: tuple[str, ...] = ()
    preconditions: dict[str, Confirmation] = {}
    photos: tuple[str, ...] = ()
    checked_in: dict[str, int] = {}
    missed: tuple[str, int] = ("", 0)
    ticket_checks: dict[str, TicketCheck] = {}
    ignited: tuple[str, ...] = ()
    reconfirmed: Reconfirmation | None = None
    revoked: tuple[str, ...] = ()
    revision: int = -1
    as_of: int = 0
    gas_test: GasTest | None = None
    gas_alarm_us: int = 0
    opening: Opening | None = None
    fire_watch: FireWatch | None = None
    fault_cleared_by: tuple[str, ...] = ()
    detectors: dict[str, DetectorRecord] = {}
    bypasses: tuple[Bypass, ...] = ()
    bypassed: dict[str, int] = {}
    proof_test: ProofTest | None = None
    cycles: dict[str, int] = {}
    clock_offset_ms: int | None = None
    clock_trusted: bool = False
    clock_back_ms: int = 0
    signed_offset_ms: int | None = None
    signed_ahead_s: int | None = None
    lost_s: int | None = None
    liveness_failed: dict[str, int] = {}
    trying: Try | None = None

    @property
    def latched(self) -> bool:
        """A trip or fault waits for its reset."""
        return self.first_out is not None and not self.reset_done

    @cached_property
    def out_of_service(self) -> frozenset[str]:
        """Channels whose last calibration failed; asked of every channel, several times a step."""
        return frozenset(name for name, record in self.detectors.items() if record.out_of_service)


class Vouch(msgspec.Struct, frozen=True):
    """A supervisor's word for one person who could not prove to be alive: who, by whom, when. Good for one arming."""

    person: str
    by: str
    at_us: int


class Vouching(msgspec.Struct, frozen=True):
    """A supervisor's decision that `uid` typed in: it waits from `at_us` to `until_us` for the supervisor's own hand.

    `by` is the supervisor; `again`: the person may try again, else the supervisor vouches for the person.
    """

    uid: int
    person: str
    by: str
    reason: str
    again: bool
    at_us: int
    until_us: int


class Levels(msgspec.Struct, frozen=True):
    """Last levels of the momentary buttons, to find rising edges; None until first read."""

    arm: bool
    finish: bool
    reset: bool


class Volatile(msgspec.Struct, frozen=True):
    """Forgotten at a restart.

    Attributes:
        levels: last levels of the buttons.
        grace: condition → when it began to fail.
        alarms, faults: channels whose alarm or fault was reported.
        gas_over: gas is over its limit just now.
        verified: people whose face was reported as verified.
        refused_us: when a refused face was last reported; `refused_code`: as what.
        reset_window_until_us: end of the window that `hotbox reset` opened.
        fault_window: end of the window for clearing a fault, and the two people who asked for it.
        stepped_ms: the offset whose jump was reported.
        commanded_us: when the relay command last changed, or the process began.
        opening_since_us: when the relay was told to open and the contact has not followed yet, 0 otherwise.
        recorded_us: when every channel's value was last written down while released, 0 when not released.
        exercises: channel → the bump test or calibration that is going on.
        due: channels that were reported as due for a bump test or a calibration; None until first looked at.
        bypass_warned: channels whose bypass is about to end, as was reported.
        proof_run: proof test in progress.
        traces: relay (the primary has no name) → what its feedback contact did lately.
        identify_until_us: until when the box shows which one it is, 0 if it was not asked.
        entries: unauthorised entries that were reported: door, stranger, numbers of badges.
        devices: device of `presence` → the code of its failure, as was reported.
        low_batteries: badges whose low battery was reported.
        tapped_us: when the newest tag was read that was reported.
        here: people of the permit whose badge was here at the last step.
        voids: person → when what was known of the face became worthless: only a later one counts.
        voids_of: the permit whose people `here` and `voids` are about.
        prompt_us: stamp of the newest prompt that was looked at.
        unanswered_us: when it was last told that a face answered no arrow.
        pause_us: until when nobody is asked to prove anything, after a try that failed.
        vouch: the supervisor's word that stands for this arming, if any.
        vouching: a supervisor's decision that was typed in and waits to be confirmed by hand, if any.
    """

    levels: Levels | None = None
    grace: dict[str, int] = {}
    alarms: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    gas_over: bool = False
    verified: tuple[str, ...] = ()
    refused_us: int = 0
    refused_code: str = ""
    reset_window_until_us: int = 0
    fault_window: tuple[int, tuple[str, ...]] = (0, ())
    stepped_ms: int = 0
    commanded_us: int = 0
    opening_since_us: int = 0
    recorded_us: int = 0
    exercises: dict[str, Exercise] = {}
    due: tuple[str, ...] | None = None
    bypass_warned: tuple[str, ...] = ()
    proof_run: ProofRun | None = None
    traces: dict[str, Trace] = {}
    entries: tuple[str, ...] = ()
    identify_until_us: int = 0
    devices: dict[str, str] = {}
    low_batteries: tuple[int, ...] = ()
    tapped_us: int = -1
    here: tuple[str, ...] = ()
    voids: dict[str, int] = {}
    voids_of: str = ""
    prompt_us: int = -1
    unanswered_us: int = 0
    pause_us: int = 0
    vouch: Vouch | None = None
    vouching: Vouching | None = None


FORGOTTEN = Volatile()


def usable(durable: Durable, permit: PermitClaims, wall_s: int) -> bool:
    """Whether a permit may still decide: not finished, void, revoked or past its window."""
    over = permit.jti in durable.finished or permit.jti in durable.void or permit.jti in durable.revoked
    return not over and wall_s < permit.exp


def current_permit(durable: Durable, wall_s: int) -> PermitClaims | None:
    """The permit that decides now: the armed one, else the watched one, else the usable one that begins first."""
    if durable.mode in (Mode.ARMED, Mode.RELEASED):
        return next((permit for permit in durable.permits if permit.jti == durable.active), None)
    watch = durable.fire_watch
    candidates = [permit for permit in durable.permits if usable(durable, permit, wall_s)]
    for permit in candidates:
        if watch is not None and permit.jti == watch.permit:
            return permit
    if candidates:
        return candidates[0]
    return durable.permits[-1] if durable.permits else None


class DamagedStateError(ValueError):
    """The state file does not say what was written: the caller must treat the state as unknown."""


def encode(durable: Durable) -> bytes:
    """Bytes for the state file: one line of JSON and its SHA-256 in hex."""
    body = msgspec.json.encode(durable)
    return b"%b\n%b\n" % (body, sha256(body).hexdigest().encode())


def decode(file: bytes) -> Durable:
    """Read the state file.

    Raises:
        DamagedStateError: anything but what `encode` made.
    """
    body, _, seal = file.partition(b"\n")
    if seal != sha256(body).hexdigest().encode() + b"\n":
        raise DamagedStateError("the seal does not fit the content")
    try:
        return msgspec.json.decode(body, type=Durable)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DamagedStateError(str(error)) from error
