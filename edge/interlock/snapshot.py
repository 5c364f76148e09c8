"""The newest evidence of each kind, and the rules by which new evidence is accepted."""

from typing import TypeVar

import msgspec

from edge.gas.reading import InputReading, Reading
from edge.interlock.evidence import (
    MAY_SEND,
    Badge,
    BadgeRefused,
    Camera,
    Device,
    Evidence,
    Face,
    FaceRefused,
    Position,
    Prompt,
    RemoteGas,
    Source,
    Tap,
    TemplateUsed,
    Video,
)
from edge.relay.element import ElementStatus
from edge.relay.protocol import DeadmanStatus


class Clock(msgspec.Struct, frozen=True):
    """The wall clock as the interlock read it itself: ms since 1970 at `at_us`, quality, error, known floor (ms)."""

    t: int
    at_us: int
    quality: str
    error_ms: int
    floor: int

    def wall_s(self, now_us: int) -> int:
        """Seconds since 1970 at `now_us`."""
        return (self.t + (now_us - self.at_us) // 1000) // 1000


class AuditHealth(msgspec.Struct, frozen=True):
    """The log as the kernel sees it: `age_ms` is how long the oldest unwritten event waits, 0 when none does.

    `full`: its storage is so full that a release might not be recorded to its end. `epoch_pending`: it follows a log
    that was lost, and the bridge has not witnessed it yet.
    """

    writable: bool
    age_ms: int
    rollback: bool
    full: bool = False
    epoch_pending: bool = False


class Snapshot(msgspec.Struct, frozen=True):
    """All current evidence. `readings` are of gas channels, `sensors` of process sensors, which are no gas.

    `unknown_badges` are badges of our kind that this box holds no secret of; `refused_badges` those that it knows and
    does not believe. `devices` are what `presence` works with: the radio, the GNSS receiver, the tag reader. `taps` are
    the last reading of each tag, by what and whom it stands for.
    `series` are the relays in series with the primary one, by name.
    `loop_gap_ms` is the gap before this step when it was longer than the dead-man time.

    `strangers` are the refused faces, newest last, without those that a newer one at least as strange stands for: one
    camera frame may show several, and a face that is nearly known must not hide the stranger beside or before it. They
    count only while fresh.

    `proofs` are the faces with which people last proved to be alive; `prompt` is what somebody was last asked to do.

    `templates` are what people are compared with: another one voids what was seen of them before.

    `remotes` are the last words of detectors fed over MQTT.
    """

    clock: Clock
    audit: AuditHealth
    readings: dict[str, Reading] = {}
    sensors: dict[str, Reading] = {}
    inputs: InputReading | None = None
    badges: dict[int, Badge] = {}
    refused_badges: dict[int, BadgeRefused] = {}
    unknown_badges: dict[int, BadgeRefused] = {}
    devices: dict[str, Device] = {}
    taps: dict[str, Tap] = {}
    position: Position | None = None
    faces: dict[str, Face] = {}
    proofs: dict[str, Face] = {}
    prompt: Prompt | None = None
    strangers: tuple[FaceRefused, ...] = ()
    camera: Camera | None = None
    video: Video | None = None
    deadman: DeadmanStatus | None = None
    series: dict[str, ElementStatus] = {}
    loop_gap_ms: int = 0
    remotes: dict[str, RemoteGas] = {}
    templates: dict[str, TemplateUsed] = {}


class Refused(msgspec.Struct, frozen=True):
    """Evidence that was not accepted: from whom, which kind, why."""

    source: Source
    kind: str
    why: str


def _refusals(snapshot: Snapshot, item: BadgeRefused) -> dict[int, BadgeRefused]:
    return snapshot.unknown_badges if item.why == "unknown" else snapshot.refused_badges


def _tag(item: Tap) -> str:
    return f"{item.what} {item.name}"


def _previous(snapshot: Snapshot, item: Evidence) -> int | None:
    """Stamp of the last item of the same kind and subject, None when there was none."""
    last: Badge | BadgeRefused | Device | Tap | Position | Face | Prompt | Camera | Video | RemoteGas | None
    match item:
        case Badge():
            last = snapshot.badges.get(item.badge)
        case BadgeRefused():
            last = _refusals(snapshot, item).get(item.badge)
        case Device():
            last = snapshot.devices.get(item.device)
        case Tap():
            last = snapshot.taps.get(_tag(item))
        case Position():
            last = snapshot.position
        case Face():
            last = snapshot.faces.get(item.person)
        case FaceRefused():
            # Faces of one frame share its stamp.
            return snapshot.strangers[-1].at_us - 1 if snapshot.strangers else None
        case Prompt():
            last = snapshot.prompt
        case Camera():
            last = snapshot.camera
        case Video():
            last = snapshot.video
        case RemoteGas():
            last = snapshot.remotes.get(item.name)
        case TemplateUsed():
            used = snapshot.templates.get(item.person)
            return None if used is None else used.at_us
        case _:
            last = None
    return None if last is None else last.at_us


PROVEN = "proven"
"""`Face.liveness` of the frame that completed a challenge."""
MAX_SUBJECTS = 64
"""Badges, faces and tags that are kept; the one seen longest ago makes room."""
MAX_STRANGERS = 32
_Subject = TypeVar("_Subject", int, str)
_Seen = TypeVar("_Seen", Badge, BadgeRefused, Face, Tap, RemoteGas, TemplateUsed)


def _kept(held: dict[_Subject, _Seen]) -> dict[_Subject, _Seen]:
    """Without the one seen longest ago when there are too many."""
    if len(held) > MAX_SUBJECTS:
        del held[min(held, key=lambda subject: held[subject].at_us)]
    return held


def _strange(item: FaceRefused) -> int:
    """How far from everybody who is named; a face that nothing is known of is the furthest."""
    return item.distance_milli if item.distance_milli >= 0 else 2**31


def _with(strangers: tuple[FaceRefused, ...], item: FaceRefused) -> tuple[FaceRefused, ...]:
    """With a newer refused face; what is older and no stranger says nothing more, so nobody is crowded out."""
    return (*(old for old in strangers if _strange(old) > _strange(item)), item)[-MAX_STRANGERS:]


def accept(snapshot: Snapshot, item: Evidence, source: Source, now_us: int) -> tuple[Snapshot, Refused | None]:
    """Take one item in, or say why not. Offers from `link` and segments pass this check too, but are not kept here."""
    kind = type(item).__name__
    if not isinstance(item, MAY_SEND.get(source, ())):
        return snapshot, Refused(source, kind, "this source may not send it")
    if item.at_us > now_us:
        return snapshot, Refused(source, kind, "stamped in the future")
    previous = _previous(snapshot, item)
    if previous is not None and item.at_us <= previous:
        return snapshot, Refused(source, kind, "not newer than the last")
    if isinstance(item, RemoteGas) and item.kept and previous is not None:
        return snapshot, Refused(source, kind, "kept by the broker, while a word of known age stands")
    if isinstance(item, Face) and item.template != _digest(snapshot, item.person):
        return snapshot, Refused(source, kind, "seen with a template that was not told")
    replace = msgspec.structs.replace
    match item:
        case Badge():
            return replace(snapshot, badges=_kept({**snapshot.badges, item.badge: item})), None
        case BadgeRefused():
            held = _kept({**_refusals(snapshot, item), item.badge: item})
            if item.why == "unknown":
                return replace(snapshot, unknown_badges=held), None
            return replace(snapshot, refused_badges=held), None
        case Device():
            return replace(snapshot, devices={**snapshot.devices, item.device: item}), None
        case Tap():
            return replace(snapshot, taps=_kept({**snapshot.taps, _tag(item): item})), None
        case Position():
            return replace(snapshot, position=item), None
        case Face():
            faces = _kept({**snapshot.faces, item.person: item})
            if item.liveness != PROVEN:
                return replace(snapshot, faces=faces), None
            return replace(snapshot, faces=faces, proofs=_kept({**snapshot.proofs, item.person: item})), None
        case Prompt():
            return replace(snapshot, prompt=item), None
        case FaceRefused():
            return replace(snapshot, strangers=_with(snapshot.strangers, item)), None
        case Camera():
            return replace(snapshot, camera=item), None
        case Video():
            return replace(snapshot, video=item), None
        case RemoteGas():
            return replace(snapshot, remotes=_kept({**snapshot.remotes, item.name: item})), None
        case TemplateUsed():
            return _compare(snapshot, item), None
    return snapshot, None


def _digest(snapshot: Snapshot, person: str) -> str:
    used = snapshot.templates.get(person)
    return used.digest if used is not None else ""


def _compare(snapshot: Snapshot, item: TemplateUsed) -> Snapshot:
    """With what a person is compared with; what was seen by another template is no longer known of anybody."""
    replace, person = msgspec.structs.replace, item.person
    held = replace(snapshot, templates=_kept({**snapshot.templates, person: item}))
    if item.digest == _digest(snapshot, person):
        return held
    faces = {who: face for who, face in snapshot.faces.items() if who != person}
    proofs = {who: face for who, face in snapshot.proofs.items() if who != person}
    return replace(held, faces=faces, proofs=proofs)
