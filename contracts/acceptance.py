"""The box's answer to a permit that came without a network: what the QR on its screen says once it was accepted.

A compact JWS of type ``hotbox-acceptance+jws``, signed by the key of the box's log: the one key of a box that the
bridge knows already, from its registration. A checkpoint signed by the same key is a text with line breaks, this is
base64 on one line, so neither can ever pass for the other.
"""

from base64 import urlsafe_b64encode
from typing import Annotated

import msgspec
from joserfc.jwk import OKPKey

from contracts import jws
from contracts.checkpoint import NoteKey
from contracts.errors import ContractError
from contracts.permit import Id, Seconds, Sha256
from contracts.signer import Signer

CLOCKS_S = 300
"""How far the clocks of box and bridge may be apart: a box without a network has nobody to set its own by."""


class AcceptanceClaims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """This box holds this permit, with this content, accepted as of `iat` (seconds since 1970)."""

    box: Id
    permit: Id
    content_sha256: Sha256
    iat: Annotated[Seconds, msgspec.Meta(description="seconds since 1970")]


class Expected(msgspec.Struct, frozen=True):
    """What the bridge issued, to whom, and when (seconds since 1970)."""

    box: str
    permit: str
    content_sha256: str
    issued_s: int


def kid_of(key: NoteKey) -> str:
    """The key id: the log's name and the fingerprint that its checkpoints carry."""
    return f"{key.name}+{key.id.hex()}"


def sign(claims: AcceptanceClaims, signer: Signer, kid: str) -> str:
    """The token.

    Raises:
        OSError: the key lies in a device that does not answer.
    """
    return jws.sign_with(claims, jws.ACCEPTANCE, signer, kid)


def verify(token: str, key: NoteKey, expected: Expected, now_s: int) -> AcceptanceClaims:
    """Check that this box accepted exactly this permit.

    Args:
        token: what the QR said; space around and within it, as copying adds it, is not part of it.
        key: the registered key of the box's log.
        expected: the permit as it was issued.
        now_s: the reader's clock, seconds since 1970.

    Raises:
        ContractError: signature, type, key, box, permit, content or time are wrong; the field says which.
    """
    x = urlsafe_b64encode(key.public).rstrip(b"=").decode()
    public = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": x})
    claims = jws.verify("".join(token.split()), jws.ACCEPTANCE, {kid_of(key): public}, AcceptanceClaims)
    for field in ("box", "permit", "content_sha256"):
        wanted, came = getattr(expected, field), getattr(claims, field)
        if came != wanted:
            raise ContractError(field, wanted, came, "scan the box that this permit was issued to")
    if not expected.issued_s - CLOCKS_S <= claims.iat <= now_s + CLOCKS_S:
        wanted = f"between {expected.issued_s} (issued) and {now_s} (now)"
        raise ContractError("iat", wanted, str(claims.iat), "set the clocks of box and bridge")
    return claims
