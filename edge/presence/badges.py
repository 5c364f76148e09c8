"""Rolling badge identifiers: what a badge broadcasts and whether to believe it. Pure.

Manufacturer data of company 0xFFFF, 16 bytes:

    version 2 | badge number 4, big-endian | epoch 2, big-endian | battery 1 | HMAC-SHA256(secret, first 8 bytes)[:8]

The epoch is ``floor(unix time / 8 s) mod 65536`` and is accepted within one of the box's own, so an identifier that was
recorded and is played again goes stale after 16 to 24 s. What this does not stop: a relay or replay within those
seconds, and a recording played again exactly when the epoch comes round (every 6 days 1 hour 38 minutes). The face and
the second person stand against both. The battery is in per cent, 255 when the badge cannot measure it; nobody can make
a badge look full or empty without its secret.

Version 1 had no battery. A badge that still sends it is named and not believed: its battery would end unseen.
"""

import hashlib
import hmac
import stat
import struct
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec

from contracts.errors import ContractError

COMPANY_ID = 0xFFFF
VERSION = 2
EPOCH_S = 8
EPOCH_WINDOW = 1
FULL_PERCENT = 100
UNMEASURED = 255
"""The battery byte of a badge that cannot measure it."""
_SIGNED = struct.Struct(">BIHB")
_SIGNED_1 = struct.Struct(">BIH")
_MAC_BYTES = 8
LENGTH = _SIGNED.size + _MAC_BYTES
_LENGTH_1 = _SIGNED_1.size + _MAC_BYTES


class BadgeVerdict(StrEnum):
    """What to think of one broadcast."""

    OK = "ok"
    STALE = "stale"
    FORGED = "forged"
    UNKNOWN = "unknown"
    OUTDATED = "outdated"
    CLONED = "cloned"
    MALFORMED = "malformed"


class Checked(msgspec.Struct, frozen=True):
    """A verdict, the badge number that the broadcast claims (0 when malformed), and its battery in per cent."""

    verdict: BadgeVerdict
    badge: int
    battery: int | None = None


_MALFORMED = Checked(BadgeVerdict.MALFORMED, 0)


def epoch_at(unix_s: float) -> int:
    """The epoch counter at a time of day."""
    return int(unix_s // EPOCH_S) & 0xFFFF


def _mac(secret: bytes, signed: bytes) -> bytes:
    return hmac.digest(secret, signed, hashlib.sha256)[:_MAC_BYTES]


def identifier(badge: int, secret: bytes, unix_s: float, battery: int | None = FULL_PERCENT) -> bytes:
    """The 16 bytes that a badge broadcasts at a time: for provisioning checks."""
    percent = UNMEASURED if battery is None else battery
    signed = _SIGNED.pack(VERSION, badge, epoch_at(unix_s), percent)
    return signed + _mac(secret, signed)


def check(data: bytes, secrets: Mapping[int, bytes], unix_s: float) -> Checked:
    """Judge the manufacturer data of one broadcast at a time of day.

    The order matters: what is not proven to come from the badge is forged, however old it claims to be.
    """
    if len(data) == _LENGTH_1 and data[0] == 1:
        return _outdated(data, secrets)
    if len(data) != LENGTH or data[0] != VERSION:
        return _MALFORMED
    signed, mac = data[: _SIGNED.size], data[_SIGNED.size :]
    _, badge, epoch, percent = _SIGNED.unpack(signed)
    if percent > FULL_PERCENT and percent != UNMEASURED:
        return _MALFORMED
    secret = secrets.get(badge)
    if secret is None:
        return Checked(BadgeVerdict.UNKNOWN, badge)
    if not hmac.compare_digest(mac, _mac(secret, signed)):
        return Checked(BadgeVerdict.FORGED, badge)
    behind = (epoch_at(unix_s) - epoch) & 0xFFFF
    if EPOCH_WINDOW < behind < 0x10000 - EPOCH_WINDOW:
        return Checked(BadgeVerdict.STALE, badge)
    return Checked(BadgeVerdict.OK, badge, None if percent == UNMEASURED else percent)


def _outdated(data: bytes, secrets: Mapping[int, bytes]) -> Checked:
    """A badge of ours that speaks version 1, or anybody's 15 bytes."""
    signed, mac = data[: _SIGNED_1.size], data[_SIGNED_1.size :]
    badge = _SIGNED_1.unpack(signed)[1]
    secret = secrets.get(badge)
    if secret is None or not hmac.compare_digest(mac, _mac(secret, signed)):
        return _MALFORMED
    return Checked(BadgeVerdict.OUTDATED, badge)


_FIELD = "presence.badges.secrets"
_FORM = '{"<badge number>": "<64 hex digits>", ...} in JSON'
_Number = Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,9}$")]
_Secret = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{64}$")]


def load_secrets(path: Path) -> dict[int, bytes]:
    """Read the provisioned secrets: ``{"<badge number>": "<64 hex digits>"}``, readable by the owner only.

    Raises:
        ContractError: the file is open to others, or not of this form. Secrets are never quoted.
        OSError: it cannot be read.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError as error:
        todo = f"it is made when badges are handed out: {_FORM}, mode 0600"
        raise ContractError(_FIELD, "a file of badge secrets", f"no file at {path}", todo) from error
    if mode & 0o077:
        raise ContractError(_FIELD, "a file of mode 0600", f"mode {mode:04o}", f"chmod 600 {path}")
    try:
        entries = msgspec.json.decode(path.read_bytes(), type=dict[_Number, _Secret])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        # Nothing of the file is quoted, not even where it is wrong.
        raise ContractError(_FIELD, _FORM, f"something else in {path}", "hand out the badges again") from error
    return {int(badge): bytes.fromhex(secret) for badge, secret in entries.items()}
