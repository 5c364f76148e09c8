"""The box's acceptance of a permit, as its screen shows it: by this box, of this permit, with this content."""

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts import jws
from contracts.acceptance import CLOCKS_S, AcceptanceClaims, Expected, kid_of, sign, verify
from contracts.checkpoint import Checkpoint, note_key
from contracts.checkpoint import sign as sign_note
from contracts.checkpoint import verify as verify_note
from contracts.errors import ContractError

NOW = 1_800_000_000
ISSUED = NOW - 600
PRIVATE, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
PUBLIC = note_key("hotbox.example/box-1/1", PRIVATE)
CLAIMS = AcceptanceClaims("box-1", "HW-1", "ab" * 32, NOW - 30)
EXPECTED = Expected("box-1", "HW-1", "ab" * 32, ISSUED)


def jwk(private):
    return jws.load_private(
        private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def token(private=PRIVATE, kid="", **changes):
    return sign(msgspec.structs.replace(CLAIMS, **changes), private, kid or kid_of(PUBLIC))


def test_the_key_of_the_boxs_log_proves_it():
    """PTW-09: the key that the bridge registered the box with, and no other."""
    assert verify(token(), PUBLIC, EXPECTED, NOW) == CLAIMS


def test_copying_adds_space_and_line_breaks():
    text = token()
    assert verify(f"  {text[:60]}\r\n{text[60:]}\n", PUBLIC, EXPECTED, NOW) == CLAIMS


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (token(OTHER), "signature"),
        (token(kid="hotbox.example/box-2/1+00000000"), "kid"),
        (jws.sign(CLAIMS, jws.PLACE, jwk(PRIVATE), kid_of(PUBLIC)), "typ"),
        (token(box="box-2"), "box"),
        (token(permit="HW-2"), "permit"),
        (token(content_sha256="cd" * 32), "content_sha256"),
        (token(content_sha256="short"), "content_sha256"),
        (token(iat=ISSUED - CLOCKS_S - 1), "iat"),
        (token(iat=NOW + CLOCKS_S + 1), "iat"),
        ("", "signature"),
        ("HB1/0/1/1/AB", "signature"),
    ],
)
def test_what_is_forged_or_of_something_else_is_refused(text, field):
    with pytest.raises(ContractError) as refused:
        verify(text, PUBLIC, EXPECTED, NOW)
    assert refused.value.field == field


@pytest.mark.parametrize("iat", [ISSUED - CLOCKS_S, NOW + CLOCKS_S])
def test_clocks_may_be_five_minutes_apart(iat):
    assert verify(token(iat=iat), PUBLIC, EXPECTED, NOW).iat == iat


def test_an_acceptance_is_no_checkpoint_and_a_checkpoint_no_acceptance():
    """One key signs both, so neither may pass for the other."""
    note = sign_note(Checkpoint(PUBLIC.name, 1, bytes(32)), PUBLIC.name, PRIVATE)
    with pytest.raises(ContractError):
        verify(note, PUBLIC, EXPECTED, NOW)
    with pytest.raises(ContractError):
        verify_note(token(), PUBLIC)
    assert "\n" not in token()
