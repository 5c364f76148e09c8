"""Rolling badge identifiers as the badges compute them.

Sixteen bytes of manufacturer data: version (1), badge number (4, big-endian), epoch counter (2, big-endian, eight
seconds each), battery in per cent (1) and the first eight bytes of HMAC-SHA256 over these eight. A copied payload is
stale after its epoch.
"""

import hashlib
import hmac
import struct

COMPANY_ID = 0xFFFF
EPOCH_S = 8
FULL_PERCENT = 100
_VERSION = 2


def payload(secret: bytes, badge: int, unix_s: float, battery: int = FULL_PERCENT) -> bytes:
    """What a badge advertises at a moment."""
    head = struct.pack(">BIHB", _VERSION, badge, int(unix_s) // EPOCH_S & 0xFFFF, battery)
    return head + hmac.digest(secret, head, hashlib.sha256)[:8]


def old_payload(secret: bytes, badge: int, unix_s: float) -> bytes:
    """What a badge with firmware of version 1 advertises: no battery."""
    head = struct.pack(">BIH", 1, badge, int(unix_s) // EPOCH_S & 0xFFFF)
    return head + hmac.digest(secret, head, hashlib.sha256)[:8]
