"""The log's key is used and not seen: one in a secure element signs as one in a file does (ANT-09)."""

from typing import ClassVar

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from contracts import jws
from contracts.acceptance import AcceptanceClaims
from contracts.checkpoint import Checkpoint, note_key, sign, verify
from contracts.signer import Signer
from edge.audit.report import Outcome
from edge.audit.verify import verify_file
from edge.kiosk.answers import PermitAnswers
from tests.edge.audit.site import Station, append_all, draft, until, witness

KEY = Ed25519PrivateKey.generate()


class Element:
    """A secure element: gives its public half, signs, and lets nobody see the key; it may fall silent."""

    asked: ClassVar[list[int]] = []

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key, self.silent = key, False

    def public_key(self) -> Ed25519PublicKey:
        return self._key.public_key()

    def sign(self, data: bytes, /) -> bytes:
        if self.silent:
            raise OSError("the secure element does not answer")
        self.asked.append(len(data))
        return self._key.sign(data)


def test_a_checkpoint_by_any_signer_verifies_and_is_the_same() -> None:
    element: Signer = Element(KEY)
    checkpoint = Checkpoint("hotbox.example/box-1/1", 3, bytes(32))
    note = sign(checkpoint, checkpoint.origin, element)
    assert note == sign(checkpoint, checkpoint.origin, KEY)
    assert verify(note, note_key(checkpoint.origin, element)) == checkpoint


def test_a_whole_log_is_signed_by_an_element(station: Station) -> None:
    station.key = Element(station.key)  # type: ignore[assignment]
    log = station.open()
    append_all(log, [draft() for _ in range(300)])
    witness(station, log)
    PermitAnswers("box-1", log.origin, station.key)
    log.close()
    log = station.open()
    assert log.health().boot == 2
    witness(station, log)
    log.close()
    assert verify_file(station.path, station.trust()).status is Outcome.OK


def test_an_element_that_falls_silent_ends_the_log_and_acknowledges_nothing(station: Station) -> None:
    """ANT-10: an event that cannot be signed when it must be is one that the log did not take."""
    element = Element(station.key)
    station.key = element  # type: ignore[assignment]
    log = station.open()
    element.silent = True
    told: list[int] = []
    log.append(draft(what="cli.reset"), told.append)
    until(lambda: not log.health().writable, "it goes on without signatures")
    assert told == []
    assert "does not answer" in log.health().error
    assert not log.close()


@given(st.text(min_size=1, max_size=40), st.integers(0, 2**40))
def test_a_token_by_any_signer_is_the_one_that_joserfc_makes(text: str, iat: int) -> None:
    """joserfc is the oracle; Ed25519 signs the same bytes the same way each time."""
    claims = AcceptanceClaims("box-1", text, "ab" * 32, iat)
    pem = KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key = jws.load_private(pem)
    token = jws.sign_with(claims, jws.ACCEPTANCE, Element(KEY), "kid-1")
    assert token == jws.sign(claims, jws.ACCEPTANCE, key, "kid-1")


@pytest.mark.parametrize("typ", [jws.PLACE, jws.ACCEPTANCE])
def test_such_a_token_is_verified_like_any_other(typ: str) -> None:
    claims = AcceptanceClaims("box-1", "HW-1", "ab" * 32, 1_800_000_000)
    pem = KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    token = jws.sign_with(claims, typ, Element(KEY), "kid-1")
    assert jws.verify(token, typ, {"kid-1": jws.load_private(pem)}, AcceptanceClaims) == claims
