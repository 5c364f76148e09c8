"""Evidence: what other processes and drivers tell the interlock, and which source may tell what.

Each item carries `at_us`, the CLOCK_BOOTTIME in microseconds at *capture*. Items from the future or not newer
than the last one of the same kind and subject are rejected; sending an item again never renews it.
"""

from enum import StrEnum
from typing import Annotated, Literal, Union

import msgspec

from contracts.permit import Id, Sha256
from contracts.video import MAX_SEGMENT_BYTES

Micros = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
Text = Annotated[str, msgspec.Meta(max_length=64, pattern=r"\A[ -~]*\Z")]
"""Printable ASCII: whatever a process says, the log can write it down."""
Number = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
BadgeNumber = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]


class Source(StrEnum):
    """The process behind a socket, known by its uid or by the inherited socket pair."""

    INTERLOCK = "interlock"
    VISION = "vision"
    PRESENCE = "presence"
    LINK = "link"
    PANEL = "panel"
    CONTROL = "control"


class _Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    at_us: Micros


# --- presence -----------------------------------------------------------------------------------------------------


class Badge(_Item, frozen=True, tag="badge", omit_defaults=True):
    """A rolling badge identifier that verified: `badge` number, RSSI in dBm, battery in per cent if measured."""

    badge: BadgeNumber
    rssi_dbm: Number
    battery: Percent | None = None


class BadgeRefused(_Item, frozen=True, tag="badge_refused"):
    """A badge that is not believed: `why` is stale, forged, outdated (old firmware), cloned, weak or unknown."""

    badge: BadgeNumber
    why: Text


class Device(_Item, frozen=True, tag="device"):
    """How a device of `presence` is: `device` is radio, gnss or nfc; `health` is ok or what is wrong with it.

    `count` is what it has heard since its process began: broadcasts, sentences, tags.
    """

    device: Literal["radio", "gnss", "nfc"]
    health: Text
    count: Count


class Tap(_Item, frozen=True, tag="tap"):
    """A tag held to the reader: `name` is a person's id, a point's name, or an identifier that nothing is known of."""

    what: Literal["person", "point", "unknown"]
    name: Text


class Position(_Item, frozen=True, tag="position"):
    """A GNSS fix: inside the fence or not, metres to its edge (negative inside), quality, satellites, HDOP x 100."""

    inside: bool
    edge_m: Number
    fix_quality: Number
    satellites: Number
    hdop_centi: Number


# --- vision -------------------------------------------------------------------------------------------------------


class Face(_Item, frozen=True, tag="face", omit_defaults=True):
    """A face that matched an enrolled person; `distance_milli` is the mean of the best two (1000 = 1.0).

    `liveness` is ``proven`` for the frame that completed a challenge, else ``not_proven``. `nonce` is that of the
    `Wanted` under which it was seen. `live_milli` is the score of a passive detector of forgeries, in thousandths, -1
    without one: it is written down and decides nothing. `template` is the digest of the template that it matched, as
    `TemplateUsed` told it: a face of any other counts for nothing.
    """

    person: Text
    distance_milli: Number
    liveness: Text
    engine: Text
    nonce: Text = ""
    live_milli: Number = -1
    template: Text = ""


class FaceRefused(_Item, frozen=True, tag="face_refused"):
    """A face that matched nobody whom the permit names; distance to the nearest of them, -1 without templates."""

    nearest: Text
    distance_milli: Number


class Prompt(_Item, frozen=True, tag="prompt", omit_defaults=True):
    """What a person is asked to do now, one movement at a time; the end of a try is its last word.

    Attributes:
        person: who is asked; `nonce`: in which try.
        action: look (straight at the camera), or the person's own left or right, or blink (shut the eyes).
        number: which movement of `of`; 0 while the person is to look straight first.
        until_us: end of its time, CLOCK_BOOTTIME.
        result: open, passed, failed, or dropped: nobody followed before the first movement was asked for.
        why: of a failure: late, wrong, flat, somebody_else or lost.
    """

    person: Text
    nonce: Text
    action: Literal["look", "left", "right", "blink"]
    number: Count
    of: Count
    until_us: Micros
    result: Literal["open", "passed", "failed", "dropped"] = "open"
    why: Text = ""


FACES_AGAIN_MS = 4_500
"""What `vision` promises while it looks: when it says ``ok``, all faces of a picture at most so old were told before;
otherwise it says `SLOW`. Its word counts for camera_ttl_s: a refused face counts for both together (stranger_s), so
whoever stays in view is never lost between two looks, however slow they are.
"""
SLOW = "slow"
"""Health of a camera whose pictures are good, while recognition does not keep the promise (or has not begun)."""


class Camera(_Item, frozen=True, tag="camera"):
    """The camera's health: ok, slow, stalled, frozen, black, covered, looping, absent; frames since the last report."""

    health: Text
    frames: Number


class FaceKey(_Item, frozen=True, tag="face_key"):
    """The public half of the key that templates are sealed to for this box (`contracts.face.BoxKey`)."""

    key: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{43}\Z")]


class _OfTemplate(_Item, frozen=True):
    person: Text
    permit: Text
    iat: Count
    """When the bridge signed what it said of the template, seconds since 1970; 0 when that is not known."""


class TemplateKept(_OfTemplate, frozen=True, tag="template_kept"):
    """A face template that `link` brought was verified and is kept for the permit; `engine` made its vectors."""

    engine: Text


class TemplateRemoved(_OfTemplate, frozen=True, tag="template_removed"):
    """A face template that was kept for the permit is deleted, and why. Told again until `RemovalLogged` has come."""

    why: Literal["permit_over", "expired", "withdrawn", "unusable"]


class TemplateUsed(_Item, frozen=True, tag="template_used"):
    """The template that a person is compared with, told when it changes and again and again.

    `digest` is the SHA-256 of its sealed file, which tells nothing of a face; "" where there is none. `permit` is the
    one that it came for, "" where it stands. It is used once `TemplateLogged` has come: nobody is recognised by what
    the log does not know.
    """

    person: Text
    permit: Text
    digest: Annotated[str, msgspec.Meta(pattern=r"\A([0-9a-f]{64})?\Z")]
    engine: Text


class TemplateRefused(_OfTemplate, frozen=True, tag="template_refused"):
    """What `link` brought is not believed, or could not be kept; person and permit are "" when nobody could tell."""

    code: Annotated[str, msgspec.Meta(max_length=32, pattern=r"\A[a-z_]+\Z")]


class Video(_Item, frozen=True, tag="video"):
    """How the recorder is: `health` is recording, ready, full, failed, starting or off (this box has none).

    `permit` is the one whose work is recorded, and `written_us` the capture of the newest picture that is in its file,
    0 for none. `left_s`: seconds of recording for which there is room without touching what must be kept; `used_mib` of
    `most_mib` are taken.
    """

    health: Text
    permit: Text
    written_us: Micros
    left_s: Count
    used_mib: Count
    most_mib: Count


RECORDING, READY, OFF = "recording", "ready", "off"
"""Health of a recorder that records, that would, and that there is none of."""


class Segment(_Item, frozen=True, tag="segment"):
    """A recorded segment, offered again and again until `Logged` says that the log has it.

    `boot` is the start of the machine (the kernel's boot_id) that its times belong to: CLOCK_BOOTTIME begins anew with
    each. `offset_ms`: the wall clock less CLOCK_BOOTTIME, as the recorder read it.
    """

    permit: Id
    boot: Text
    first_us: Micros
    last_us: Micros
    offset_ms: Annotated[int, msgspec.Meta(ge=-(2**53) + 1, le=2**53 - 1)]
    frames: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    bytes: Annotated[int, msgspec.Meta(ge=1, le=MAX_SEGMENT_BYTES)]
    commitment: Sha256


# --- link ---------------------------------------------------------------------------------------------------------


class PermitOffer(_Item, frozen=True, tag="permit_offer"):
    """A permit's JWS, unverified. The interlock verifies it itself."""

    jws: Annotated[str, msgspec.Meta(max_length=32768)]


class RevocationOffer(_Item, frozen=True, tag="revocation_offer"):
    """The revocation list's JWS, unverified."""

    jws: Annotated[str, msgspec.Meta(max_length=32768)]


class CommandOffer(_Item, frozen=True, tag="command_offer"):
    """A bridge command's JWS, unverified."""

    jws: Annotated[str, msgspec.Meta(max_length=32768)]


class FaceOffer(_Item, frozen=True, tag="face_offer"):
    """A statement about a face template (`contracts.face`), unread: it is handed on to `vision`, which verifies it.

    Faces are vision's alone: what the interlock believes of them comes from there.
    """

    jws: Annotated[str, msgspec.Meta(max_length=32768)]


class AckOffer(_Item, frozen=True, tag="ack_offer"):
    """A cosigned checkpoint note, unverified."""

    note: Annotated[str, msgspec.Meta(max_length=4096)]


class RemoteGas(_Item, frozen=True, tag="remote_gas"):
    """What a detector fed over MQTT says: value in thousandths of its unit, whether it left its range.

    `kept`: the broker had kept it, so nobody knows how old it is.
    """

    name: Text
    value_milli: Number
    over_range: bool = False
    kept: bool = False


Evidence = Union[  # noqa: UP007 - msgspec reads the union at run time
    Badge, BadgeRefused, Device, Tap, Position, Face, FaceRefused, Prompt, Camera, Video, Segment, FaceKey,
    TemplateKept, TemplateRemoved, TemplateRefused, TemplateUsed, PermitOffer, RevocationOffer, CommandOffer, FaceOffer,
    AckOffer, RemoteGas,
]

MAY_SEND: dict[Source, tuple[type, ...]] = {
    Source.VISION: (
        Face, FaceRefused, Prompt, Camera, Video, Segment, FaceKey, TemplateKept, TemplateRemoved, TemplateRefused,
        TemplateUsed,
    ),
    Source.PRESENCE: (Badge, BadgeRefused, Device, Tap, Position),
    Source.LINK: (PermitOffer, RevocationOffer, CommandOffer, FaceOffer, AckOffer, RemoteGas),
}
"""Which evidence each source may send. `link` can never vouch for a face, a badge, gas or time.

The gas that it tells of may only trip: the air is clean by detectors on the field bus alone.
"""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Evidence)


def encode(item: Evidence) -> bytes:
    """One datagram for the evidence socket."""
    return _encoder.encode(item)


def decode(datagram: bytes) -> Evidence:
    """Read one datagram.

    Raises:
        msgspec.ValidationError: not evidence.
    """
    item: Evidence = _decoder.decode(datagram)
    return item


# --- what the interlock tells the others, on the same socket ------------------------------------------------------


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """A permit that stands: held by this box, and neither over nor taken back."""

    permit: str
    people: tuple[str, ...]


class FaceBundle(msgspec.Struct, frozen=True, tag_field="kind", tag="face_bundle"):
    """For `vision`: a statement about a face template as `link` brought it, unread (see `FaceOffer`)."""

    jws: str


class Wanted(msgspec.Struct, frozen=True, tag_field="kind", tag="wanted"):
    """Whom to look for: the people of the permit. Answers carry `nonce`; those to an older one count as no answer.

    `urgency` is ``idle`` (nothing to release), ``arming`` (look all the time) or ``recheck`` (look now and then).
    `prove`: who of them is to prove to be alive; one nonce is good for one try of one of them.
    `permits` are all permits that stand, each with the ids of its people: what was brought for any other is deleted.
    None says nothing about them. `permit` is the one that decides: a person is compared with what came for it.
    """

    people: tuple[str, ...]
    badges: tuple[int, ...]
    nonce: str
    urgency: str
    prove: tuple[str, ...] = ()
    permits: tuple[Standing, ...] | None = None
    permit: str = ""


class Film(msgspec.Struct, frozen=True, tag_field="kind", tag="film"):
    """For `vision`: what to record. Once a second and at each change of mode.

    `on`: ignition is released, record under `permit`. `keep`: its level asks for that, nothing overwrites it for
    `keep_d` days. `wall_s` is the wall clock where it is believed, else 0: then nothing is old enough to be deleted.
    `certain_s`: so much of it signed time bears out, by CLOCK_BOOTTIME since it was heard; `signed_s`: so much of that
    was itself signed. What must be kept is aged by these alone.
    """

    permit: str
    on: bool
    keep: bool
    keep_d: int
    wall_s: int
    certain_s: int = 0
    signed_s: int = 0


class Logged(msgspec.Struct, frozen=True, tag_field="kind", tag="logged"):
    """For `vision`: the log has the segment with this commitment."""

    commitment: str


class TemplateLogged(msgspec.Struct, frozen=True, tag_field="kind", tag="template_logged"):
    """For `vision`: the log has it that this person is compared with the template of this digest."""

    person: str
    digest: str


class RemovalLogged(msgspec.Struct, frozen=True, tag_field="kind", tag="removal_logged"):
    """For `vision`: the log has it that this template was deleted, which is told until then (see `TemplateRemoved`)."""

    person: str
    permit: str
    iat: int
    why: str


class Told(msgspec.Struct, frozen=True, tag_field="kind", tag="told"):
    """For `link`: the answer to an offer, to be published on up/rsp (a `contracts.topics.Response` as JSON)."""

    response: bytes


class Pulse(msgspec.Struct, frozen=True, tag_field="kind", tag="pulse"):
    """For `link`: the status document (see edge/interlock/status.py) as JSON; once a second and at each change."""

    status: bytes


Message = Wanted | FaceBundle | Film | Logged | TemplateLogged | RemovalLogged | Told | Pulse
_message_decoder = msgspec.json.Decoder(Message)


def encode_message(message: Message) -> bytes:
    """One datagram from the interlock."""
    return _encoder.encode(message)


def decode_message(datagram: bytes) -> Message:
    """Read one datagram from the interlock."""
    message: Message = _message_decoder.decode(datagram)
    return message
