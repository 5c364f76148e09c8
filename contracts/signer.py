"""Who signs for a box: the log's checkpoints and what its screen shows."""

from typing import Protocol, runtime_checkable

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


@runtime_checkable
class RotatingSigner(Signer, Protocol):
    """A signer whose key can be changed: the next one is made ready, and signs once the log says so."""

    def prepare(self) -> Signer:
        """A new key, kept durably beside the one in force; it signs nothing for this signer yet.

        Raises:
            OSError: it cannot be kept.
        """
        ...

    def settle(self, public: bytes) -> bool:
        """Sign with the key that has this public half (32 bytes) from now on, the one in force or the prepared one.

        The other one is removed. False when neither is it; then nothing was changed.
        """
        ...
