"""Signed statements: one algorithm, one type, pinned keys."""

import base64
import json

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws as jose
from joserfc.jwk import OctKey

from contracts import jws
from contracts.errors import ContractError
from contracts.permit import Command, PermitClaims, Revocations, Verb
from tests.edge.interlock.bench import permit

KEY = jws.generate_key()
OTHER = jws.generate_key()
KEYS = {"k1": KEY}
LISTED = Revocations("bridge-1", "box-1", 3, 1_800_000_000, ("HW-1",))


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def _token(header: dict[str, object], payload: bytes = b"{}", signature: bytes = b"x" * 64) -> str:
    return f"{_encoded(json.dumps(header).encode())}.{_encoded(payload)}.{_encoded(signature)}"


@pytest.mark.parametrize(
    ("claims", "typ"),
    [
        (permit(), jws.PERMIT),
        (LISTED, jws.REVOCATIONS),
        (Command("bridge-1", "box-1", "c-1", Verb.VOID, 1, 2, "HW-1", 0, "风"), jws.COMMAND),
    ],
    ids=["permit", "revocations", "command"],
)
def test_a_statement_comes_back_as_it_was_signed(claims: msgspec.Struct, typ: str) -> None:
    assert jws.verify(jws.sign(claims, typ, KEY, "k1"), typ, KEYS, type(claims)) == claims


def test_the_header_names_algorithm_type_and_key() -> None:
    head = json.loads(base64.urlsafe_b64decode(jws.sign(LISTED, jws.REVOCATIONS, KEY, "k1").split(".")[0] + "=="))
    assert head == {"alg": "Ed25519", "typ": jws.REVOCATIONS, "kid": "k1"}


def test_a_key_from_a_file_signs() -> None:
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = jws.load_private(pem)
    assert jws.verify(jws.sign(LISTED, jws.REVOCATIONS, key, "k"), jws.REVOCATIONS, {"k": key}, Revocations) == LISTED


GENUINE = jws.sign(LISTED, jws.REVOCATIONS, KEY, "k1")
HEAD = {"alg": "Ed25519", "typ": jws.REVOCATIONS, "kid": "k1"}


def _hmac() -> str:
    """The old trick: the public key as the secret of an HMAC."""
    public = KEY.as_dict(private=False)["x"]
    secret = OctKey.import_key(base64.urlsafe_b64decode(public + "=="))
    return jose.serialize_compact({**HEAD, "alg": "HS256"}, b"{}", secret, algorithms=["HS256"])


@pytest.mark.parametrize(
    ("token", "field"),
    [
        ("", "signature"), ("a.b", "signature"), ("...", "signature"), ("\u00e9.\u00e9.\u00e9", "signature"),
        (_token(HEAD), "signature"), (GENUINE[:-4] + "AAAA", "signature"), (_hmac(), "signature"),
        (_token({**HEAD, "alg": "none"}, signature=b""), "signature"), (jws.sign(LISTED, jws.REVOCATIONS, OTHER, "k1"), "signature"),
        (jws.sign(LISTED, jws.PERMIT, KEY, "k1"), "typ"), (_token({"alg": "Ed25519", "kid": "k1"}), "typ"),
        (jws.sign(LISTED, jws.REVOCATIONS, KEY, "k2"), "kid"), (_token({"alg": "Ed25519", "typ": jws.REVOCATIONS}), "kid"),
        (_token({**HEAD, "kid": 7}), "kid"), (_token({**HEAD, "kid": ["k1"]}), "kid"),
        (_token({**HEAD, "crit": ["b64"], "b64": False}), "signature"), ("a" * 32769, ""),
    ],
    ids=range(17),
)  # fmt: skip
def test_anything_else_is_refused_and_named(token: str, field: str) -> None:
    with pytest.raises(ContractError) as caught:
        jws.verify(token, jws.REVOCATIONS, KEYS, Revocations)
    assert caught.value.field == field


def test_claims_of_another_kind_are_refused_by_their_field() -> None:
    """Even when key and type fit."""
    with pytest.raises(ContractError) as caught:
        jws.verify(jws.sign(LISTED, jws.PERMIT, KEY, "k1"), jws.PERMIT, KEYS, PermitClaims)
    assert caught.value.field in ("rev", "jti")


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b"\xff", b'{"iss":"b","iss":"c"}', b'{"iss":"\xff"}', b'{"\xff":1}'])
def test_a_signed_payload_that_is_not_claims_is_refused(payload: bytes) -> None:
    token = jose.serialize_compact(HEAD, payload, KEY, algorithms=["Ed25519"])
    with pytest.raises(ContractError):
        jws.verify(token, jws.REVOCATIONS, KEYS, Revocations)
