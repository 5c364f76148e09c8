"""Pieces of a recording on their way up, and the bridge's answers."""

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from contracts.checkpoint import note_key
from contracts.errors import ContractError
from contracts.media import (
    MAX_PIECE_BYTES,
    MediaAnswer,
    Piece,
    check_answer,
    is_to,
    pack,
    read_answer,
    sign_answer,
    to_piece,
    unpack,
)
from contracts.video import MAX_SEGMENT_BYTES

NAME, SALT = "ab" * 32, "cd" * 32


@given(st.binary(max_size=MAX_PIECE_BYTES), st.integers(0, 1000))
def test_a_piece_comes_as_it_went(body: bytes, at: int) -> None:
    piece = Piece(NAME, at + len(body) + 1, SALT, at)
    assert unpack(pack(piece, body)) == (piece, body)


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b"", "a head"),
        (b"no newline", "a head"),
        (b"x" * 2000 + b"\n", "a head"),
        (b"{}\n", "commitment"),
        (b"\xff\xfe\n", "JSON"),
        (b'{"commitment":"zz","size":1,"salt":"%s"}\n' % SALT.encode(), "commitment"),
        (pack(Piece(NAME, MAX_SEGMENT_BYTES, SALT), b"")[:-1], "a head"),
        (msgspec.json.encode({"commitment": NAME, "size": MAX_SEGMENT_BYTES + 1, "salt": SALT}) + b"\n", "size"),
        (pack(Piece(NAME, 9, SALT), b"0123456789"), "9 in all"),
        (pack(Piece(NAME, 9, SALT, 5), b"01234"), "9 in all"),
        (pack(Piece(NAME, 10_000, SALT), bytes(MAX_PIECE_BYTES + 1)), "at most"),
    ],
)
def test_what_is_no_piece_is_refused_in_words(payload: bytes, told: str) -> None:
    with pytest.raises(ContractError, match=told):
        unpack(payload)


def test_an_answer_comes_as_it_went() -> None:
    answer = MediaAnswer(NAME, 4096, "want", again=True, detail="a gap")
    assert read_answer(msgspec.json.encode(answer)) == answer


@pytest.mark.parametrize("payload", [b"", b"{}", b"\xff", b'{"commitment":"%s","have":1,"state":"perhaps"}' % NAME.encode()])
def test_what_is_no_answer_is_refused_in_words(payload: bytes) -> None:
    with pytest.raises(ContractError):
        read_answer(payload)


def test_a_last_word_is_signed_for_one_box_one_segment_and_one_state() -> None:
    key = Ed25519PrivateKey.generate()
    witness = note_key("bridge", key, cosigner=True)
    signed = sign_answer(MediaAnswer(NAME, 10, "held"), "box-1", key)
    check_answer(read_answer(msgspec.json.encode(signed)), "box-1", witness)
    for other in (
        msgspec.structs.replace(signed, state="refused"), msgspec.structs.replace(signed, commitment="ef" * 32),
        MediaAnswer(NAME, 10, "held"), sign_answer(signed, "box-1", Ed25519PrivateKey.generate()),
    ):  # fmt: skip
        with pytest.raises(ContractError, match="signature"):
            check_answer(other, "box-1", witness)
    with pytest.raises(ContractError, match="signature"):
        check_answer(signed, "box-2", witness)


def test_an_answer_is_to_one_piece_and_signed_for_it() -> None:
    """ANT-11: what the bridge says to somebody else's piece ends nothing of the box's."""
    key = Ed25519PrivateKey.generate()
    witness = note_key("bridge", key, cosigner=True)
    own, plain = Piece(NAME, 10, SALT, signed=True, bound=True), MediaAnswer(NAME, 10, "refused")
    assert is_to(to_piece(plain, own), msgspec.structs.replace(own, at=3)), "whatever part of it"
    assert not is_to(plain, own)
    for other in (Piece(NAME, 11, SALT), Piece(NAME, 10, "ce" * 32), Piece("ef" * 32, 10, SALT)):
        answer = sign_answer(to_piece(msgspec.structs.replace(plain, commitment=other.commitment), other), "box-1", key)
        assert not is_to(answer, own)
        check_answer(answer, "box-1", witness)
        forged = msgspec.structs.replace(to_piece(plain, own), signature=answer.signature)
        with pytest.raises(ContractError, match="signature"):
            check_answer(forged, "box-1", witness)
    unbound = sign_answer(plain, "box-1", key)
    with pytest.raises(ContractError, match="signature"):
        check_answer(msgspec.structs.replace(to_piece(plain, own), signature=unbound.signature), "box-1", witness)


def test_an_answer_to_an_older_box_is_as_it_always_was() -> None:
    """It does not ask for a signature, and would not read one."""
    assert set(msgspec.json.decode(msgspec.json.encode(MediaAnswer(NAME, 10, "held")))) == {"commitment", "have", "state"}
    assert b"signed" not in pack(Piece(NAME, 10, SALT), b"")
    assert b"bound" not in pack(Piece(NAME, 10, SALT, signed=True), b"")
    assert unpack(pack(Piece(NAME, 10, SALT, signed=True), b""))[0].signed
