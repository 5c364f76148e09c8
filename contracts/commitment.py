"""What the log says of evidence that may have to be erased: a commitment, which binds to the bytes and tells nothing.

A plain hash of a face or a photo stays guessable for ever by whoever has the picture. A commitment is the SHA-256 of a
random salt and the bytes: with both it proves what was kept; once the salt is erased it proves nothing about anybody,
and the log that holds it is as whole as before.
"""

import hmac
import re
import secrets
from hashlib import sha256

SALT_BYTES = 32
_PREFIX = b"hotbox-evidence-v1\n"
_FORM = re.compile(r"[0-9a-f]{64}")


def fresh_salt() -> bytes:
    """A salt that nobody can guess; one for each piece of evidence."""
    return secrets.token_bytes(SALT_BYTES)


def commit(salt: bytes, body: bytes) -> str:
    """The commitment to some bytes, 64 hex digits.

    Raises:
        ValueError: the salt has another length.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"salt: expected {SALT_BYTES} bytes, got {len(salt)}")
    return sha256(_PREFIX + salt + body).hexdigest()


def opens(commitment: str, salt: bytes, body: bytes) -> bool:
    """Whether these are the bytes that were committed to."""
    return len(salt) == SALT_BYTES and hmac.compare_digest(commitment.encode(), commit(salt, body).encode())


def is_commitment(text: str) -> bool:
    """Whether it has a commitment's form."""
    return _FORM.fullmatch(text) is not None
