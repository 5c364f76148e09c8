"""Rolling badge identifiers as the badges compute them.

Fifteen bytes of manufacturer data: version (1), badge number (4, big-endian), epoch counter (2, big-endian, eight
seconds each) and the first eight bytes of HMAC-SHA256 over these seven. A copied payload is stale after its epoch.
"""

import hashlib
import hmac
import struct

COMPANY_ID = 0xFFFF
EPOCH_S = 8
_VERSION = 1


def payload(secret: bytes, badge: int, unix_s: float) -> bytes:
    """What a badge advertises at a moment."""
    head = struct.pack(">BIH", _VERSION, badge, int(unix_s) // EPOCH_S & 0xFFFF)
    return head + hmac.digest(secret, head, hashlib.sha256)[:8]
