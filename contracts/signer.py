"""Who signs for a box: the log's checkpoints and what its screen shows."""

from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Signer(Protocol):
    """An Ed25519 key that can be used and need not be seen: one in a file, or one in a secure element.

    `Ed25519PrivateKey` is one as it is. Both methods may raise OSError where the key lies in another device.
    """

    def public_key(self) -> Ed25519PublicKey:
        """The public half."""
        ...

    def sign(self, data: bytes, /) -> bytes:
        """The 64 bytes of the signature (RFC 8032) over `data`."""
        ...
