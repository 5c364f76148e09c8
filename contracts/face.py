"""A person's face template on its way to one box: for one permit alone, sealed to that box, signed by the bridge.

A compact JWS of type ``hotbox-face+jws`` (topic ``dn/faces``). Within it the template is sealed with HPKE (RFC 9180:
X25519, HKDF-SHA256, AES-256-GCM) to the key that the box has told of in its signed log, so neither the broker nor the
process that carries it can read it; box, permit and person are bound into the sealing, so it opens for no other.
A statement without a template takes back what an earlier one brought.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from contracts.errors import ContractError
from contracts.permit import Id, Seconds

MAX_TEMPLATE_BYTES = 12_000
"""Five vectors of 128 numbers take 3.5 kB as JSON; the statement around them stays below `contracts.jws.MAX_BYTES`."""
KEY_BYTES = 32
_CONTEXT = b"hotbox-face-v1"
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)

BoxKey = Annotated[
    str,
    msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{43}\Z", description="an X25519 public key, base64url without padding"),
]


class FaceClaims(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One person's template for one permit, or the end of it.

    Attributes:
        iss: the bridge's id.
        aud: the box's id; no other box accepts or can open it.
        permit: the number of the permit that needs it; it is deleted when that ends.
        person: whose face it is; the permit must name them.
        iat: when it was said, seconds since 1970; of two statements about a person and permit the later one holds.
        exp: the end of the permit; nothing is kept beyond.
        sealed: the template as `seal` made it, "" when it is withdrawn and the box must delete what it has.
    """

    iss: Id
    aud: Id
    permit: Id
    person: Id
    iat: Seconds
    exp: Seconds
    sealed: Annotated[str, msgspec.Meta(max_length=2 * MAX_TEMPLATE_BYTES, pattern=r"\A[A-Za-z0-9_-]*\Z")] = ""

    @property
    def withdrawn(self) -> bool:
        """Whether it takes the template back."""
        return not self.sealed


def published(key: X25519PrivateKey | X25519PublicKey) -> str:
    """The public half of a box's key as its log tells it (`BoxKey`)."""
    public = key.public_key() if isinstance(key, X25519PrivateKey) else key
    return urlsafe_b64encode(public.public_bytes_raw()).rstrip(b"=").decode()


def seal(template: bytes, claims: FaceClaims, box_key: str) -> FaceClaims:
    """The claims with the template sealed to the box's key.

    Raises:
        ContractError: the key is none, or the template is larger than any is.
    """
    if len(template) > MAX_TEMPLATE_BYTES:
        raise ContractError("template", f"at most {MAX_TEMPLATE_BYTES} bytes", f"{len(template)} bytes")
    try:
        public = X25519PublicKey.from_public_bytes(_decoded(box_key))
    except ValueError as error:
        raise ContractError("key", "an X25519 public key of a box", repr(box_key[:50]), "restart its vision") from error
    sealed = _SUITE.encrypt(template, public, info=_context(claims))
    return msgspec.structs.replace(claims, sealed=urlsafe_b64encode(sealed).rstrip(b"=").decode())


def open_sealed(claims: FaceClaims, key: X25519PrivateKey) -> bytes:
    """The template in verified claims.

    Raises:
        ContractError: it was sealed to another key, or for another box, permit or person.
    """
    try:
        return _SUITE.decrypt(_decoded(claims.sealed), key, info=_context(claims))
    except (InvalidTag, ValueError) as error:
        todo = "the bridge seals it again once it has heard of this box's present key"
        raise ContractError("sealed", "a template sealed to this box's key", "another one", todo) from error


def _context(claims: FaceClaims) -> bytes:
    """What the sealing is bound to; ids hold no line breaks."""
    return b"\n".join((_CONTEXT, *(text.encode() for text in (claims.iss, claims.aud, claims.permit, claims.person))))


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
