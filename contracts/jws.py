"""Signed statements (EdDSA JWS, compact) of bridge and box, told apart by `typ` and pinned `kid`.

The header names the fully specified algorithm `Ed25519` of RFC 9864, which retired the ambiguous name `EdDSA`;
the signature is the same.
"""

from base64 import urlsafe_b64encode
from typing import TypeVar

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from contracts.errors import UNREADABLE, ContractError, from_msgspec
from contracts.signer import Signer

Claims = TypeVar("Claims", bound=msgspec.Struct)

PERMIT = "hotbox-permit+jws"
REVOCATIONS = "hotbox-revocations+jws"
COMMAND = "hotbox-command+jws"
PLACE = "hotbox-place+jwt"
ACCEPTANCE = "hotbox-acceptance+jws"
FACE = "hotbox-face+jws"

MAX_BYTES = 32768
_ALGORITHMS = ["Ed25519"]


def generate_key() -> OKPKey:
    """A new Ed25519 signing key."""
    return OKPKey.generate_key("Ed25519")


def load_private(pem: bytes) -> OKPKey:
    """Read a private key from PEM."""
    return OKPKey.import_key(pem)


class _KeySet(msgspec.Struct, frozen=True):
    keys: list[dict[str, str]]


def public_keys(body: bytes, name: str) -> dict[str, OKPKey]:
    """The Ed25519 public keys of a JWK set by key id; `name` is what the set is called in a refusal.

    Raises:
        ContractError: not a key set, or a private key, which has no business where others are verified.
    """
    try:
        found = msgspec.json.decode(body, type=_KeySet)
    except UNREADABLE as error:
        raise ContractError(name, "a JWK set", "something else", "provision the box again") from error
    if not found.keys:
        raise ContractError(name, "at least one key", "none", "provision the box again")
    keys = {}
    for key in found.keys:
        if "d" in key:
            raise ContractError(name, "public keys only", "a private key", "remove it and provision again")
        try:
            keys[key["kid"]] = OKPKey.import_key({**key})
        except (JoseError, KeyError, ValueError) as error:
            raise ContractError(name, "Ed25519 keys with kid", str(error), "provision the box again") from error
    return keys


def sign(claims: msgspec.Struct, typ: str, key: OKPKey, kid: str) -> str:
    """Sign claims as a compact JWS."""
    header = {"alg": "Ed25519", "typ": typ, "kid": kid}
    return jws.serialize_compact(header, msgspec.json.encode(claims, order="sorted"), key, algorithms=_ALGORITHMS)


def sign_with(claims: msgspec.Struct, typ: str, signer: Signer, kid: str) -> str:
    """Sign claims as a compact JWS with a key that need not be seen: the same token as `sign` makes.

    Raises:
        OSError: the key lies in a device that does not answer.
    """
    header = msgspec.json.encode({"alg": "Ed25519", "typ": typ, "kid": kid})
    said = b".".join(_base64(part) for part in (header, msgspec.json.encode(claims, order="sorted")))
    return b".".join((said, _base64(signer.sign(said)))).decode()


def _base64(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")


def verify(token: str, typ: str, keys: dict[str, OKPKey], claims: type[Claims]) -> Claims:
    """Check signature, type and key id, then read the claims.

    Args:
        token: compact JWS.
        typ: the only accepted type.
        keys: pinned public keys by key id.
        claims: struct to read the payload into.

    Raises:
        ContractError: with field ``signature``, ``typ``, ``kid`` or the offending claim.
    """
    if len(token) > MAX_BYTES:
        raise ContractError("", f"at most {MAX_BYTES} bytes", f"{len(token)} bytes")
    try:
        unverified = jws.extract_compact(token.encode())
        header = unverified.headers()
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ContractError("signature", "a compact JWS", repr(token[:40]), "send the token unchanged") from error
    if header.get("typ") != typ:
        raise ContractError("typ", typ, repr(header.get("typ")), "this key may not say this kind of thing")
    kid = header.get("kid")
    key = keys.get(kid) if isinstance(kid, str) else None
    if key is None:
        raise ContractError("kid", f"one of {', '.join(sorted(keys))}", repr(kid), "provision the signer's public key")
    try:
        verified = jws.deserialize_compact(token, key, algorithms=_ALGORITHMS)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ContractError(
            "signature", f"a valid EdDSA signature by {kid}", "an invalid one", "treat it as forged"
        ) from error
    try:
        return msgspec.json.decode(verified.payload, type=claims)
    except UNREADABLE as error:
        raise from_msgspec(error, typ, verified.payload, claims) from error


def peek(token: str, claims: type[Claims]) -> tuple[str, Claims]:
    """Key id and claims of a token *without* checking anything: for display and tests, never for a decision."""
    unverified = jws.extract_compact(token.encode())
    return str(unverified.headers().get("kid")), msgspec.json.decode(unverified.payload, type=claims)
