"""The audit log's leaf: one event as canonical JSON bytes.

Canonical means: keys sorted, no whitespace, no floats, ASCII keys, integers within 2^53, text in NFC, at
most 8 KiB. Under these rules msgspec's sorted encoding equals RFC 8785 byte for byte (findings/audit 7).
"""

import unicodedata
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from contracts.errors import ContractError, from_msgspec
from contracts.merkle import leaf_hash

MAX_LEAF_BYTES = 8192
MAX_INT = 2**53 - 1
FIRST_PREV = "0" * 64
_Whole = Annotated[int, msgspec.Meta(ge=-MAX_INT, le=MAX_INT)]
"""What JSON readers keep. Reading a leaf holds to it at no cost; `encode` looks for itself."""


class Category(StrEnum):
    """What an event is about."""

    PERMIT = "permit"
    IDENTITY = "identity"
    GAS = "gas"
    INTERLOCK = "interlock"
    BYPASS = "bypass"
    CLI = "cli"
    CLOCK = "clock"
    AUDIT = "audit"
    SYSTEM = "system"
    CONFIG = "config"


class Severity(StrEnum):
    """How loud an event is; `ALARM` and above travel on the live lane."""

    INFO = "info"
    WARNING = "warning"
    ALARM = "alarm"


class ActionResult(StrEnum):
    """How the action that an event records ended."""

    OK = "ok"
    DENIED = "denied"
    FAILED = "failed"


class Actor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who or what acted: `k` is ``box``, ``person``, ``cli`` or ``bridge``."""

    k: str
    id: str
    uid: _Whole | None = None


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One leaf. Every key is always present.

    Attributes:
        v: format, 1.
        box: the box's id.
        log: log epoch, rising when a card or board was replaced.
        seq: leaf index, 0 first.
        boot: boot counter of the log.
        t: wall clock in ms since 1970.
        m: CLOCK_BOOTTIME in microseconds.
        tq: quality of `t`: none, rtc, sync or gps.
        te: error bound of `t` in ms.
        cat: category.
        type: what happened, such as ``interlock.tripped``.
        sev: severity.
        src: process that reported it.
        actor: who acted.
        res: how it ended.
        permit: the permit's id or "".
        corr: attempt or command that ties events together, or "".
        data: details, typed by `type`.
        prev: hex leaf hash of the event before, 64 zeros for the first.
    """

    v: _Whole
    box: str
    log: _Whole
    seq: _Whole
    boot: _Whole
    t: _Whole
    m: _Whole
    tq: str
    te: _Whole
    cat: Category
    type: str
    sev: Severity
    src: str
    actor: Actor
    res: ActionResult
    permit: str
    corr: str
    data: dict[str, Any]
    prev: str


_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(Event)
_INTEGERS = ("v", "log", "seq", "boot", "t", "m", "te")


def _is_plain(value: Any) -> bool:
    """Whether a value has a canonical form and nothing within: decided without making up its name."""
    kind = type(value)
    if kind is str:
        return bool(value.isascii() or unicodedata.is_normalized("NFC", value))
    if kind is int:
        return bool(-MAX_INT <= value <= MAX_INT)
    return value is None or kind is bool


def _check(value: Any, field: str) -> None:
    """Refuse what has no canonical form."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise ContractError(f"{field}.{key}", "an ASCII key", repr(key))
            kind = type(item)
            # Most of a log is this: a call a value would cost a tenth of verifying it.
            if (kind is int and -MAX_INT <= item <= MAX_INT) or (kind is str and item.isascii()):
                continue
            if not _is_plain(item):
                _check(item, f"{field}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            if not _is_plain(item):
                _check(item, f"{field}[{index}]")
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        if abs(value) > MAX_INT:
            raise ContractError(field, "an integer below 2^53", str(value), "scale it or send it as text")
    elif isinstance(value, str):
        if not value.isascii() and not unicodedata.is_normalized("NFC", value):
            raise ContractError(field, "text in NFC", repr(value), "normalise it before logging")
    else:
        raise ContractError(
            field, "text, integer, list or object", type(value).__name__, "floats have no canonical form: scale them"
        )


def _check_integers(event: Event) -> None:
    """Refuse numbers outside of `data` that JSON readers do not keep."""
    for field in _INTEGERS:
        if not -MAX_INT <= getattr(event, field) <= MAX_INT:
            raise ContractError(field, "an integer below 2^53", str(getattr(event, field)), "scale it")
    if event.actor.uid is not None and not -MAX_INT <= event.actor.uid <= MAX_INT:
        raise ContractError("actor.uid", "an integer below 2^53", str(event.actor.uid))


def encode(event: Event) -> bytes:
    """Canonical bytes of an event: what the log keeps, hashes and sends.

    Raises:
        ContractError: a value has no canonical form or the leaf exceeds 8 KiB.
    """
    _check(event.data, "data")
    _check_integers(event)
    body = _encoder.encode(event)
    if len(body) > MAX_LEAF_BYTES:
        raise ContractError("event", f"at most {MAX_LEAF_BYTES} bytes", f"{len(body)} bytes", "split it over leaves")
    return body


def decode(body: bytes) -> Event:
    """Read a leaf and make sure that these are its only possible bytes.

    Raises:
        ContractError: not an event, or not canonical (whitespace, key order, duplicate keys, floats).
    """
    try:
        event = _decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise from_msgspec(error, "event") from error
    except UnicodeDecodeError as error:
        raise ContractError("", "UTF-8 JSON", str(error), "this leaf is damaged") from error
    _check(event.data, "data")
    if _encoder.encode(event) != body:
        raise ContractError(
            "", "canonical JSON", "other bytes for the same event", "this leaf was not written by a box"
        )
    return event


def check(value: Any, field: str) -> None:
    """Make sure that a value may stand in an event's `data`.

    Raises:
        ContractError: it has no canonical form; `field` names it.
    """
    _check(value, field)


def hash_of(body: bytes) -> str:
    """Hex leaf hash: the `prev` of the event that follows."""
    return leaf_hash(body).hex()
