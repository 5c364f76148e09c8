"""Checkpoints and cosignatures: the published form, and every way to bend them."""

import base64
import struct
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.checkpoint import Checkpoint, NoteKey, cosign, note_key, origin, sign, verify, verify_cosignature
from contracts.errors import ContractError

BOX = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WITNESS = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
NAME = origin("example", "box-1", 1)
POINT = Checkpoint(NAME, 1500, sha256(b"root").digest())
KEY = note_key(NAME, BOX)
WITNESS_KEY = note_key("bridge.example", WITNESS, cosigner=True)
NOTE = sign(POINT, NAME, BOX)
COSIGNED = cosign(NOTE, "bridge.example", WITNESS, 1_800_000_000)


def test_the_text_is_the_published_one() -> None:
    """C2SP tlog-checkpoint: origin, size, root, empty line, em dash, name, base64 of key id and signature."""
    lines = NOTE.split("\n")
    assert lines[:4] == ["hotbox.example/box-1/1", "1500", base64.b64encode(POINT.root).decode(), ""]
    dash, name, signature = lines[4].split(" ")
    raw = base64.b64decode(signature)
    assert (dash, name, len(raw), lines[5:]) == ("\u2014", NAME, 68, [""])
    assert raw[:4] == sha256(NAME.encode() + b"\n\x01" + KEY.public).digest()[:4]
    BOX.public_key().verify(raw[4:], "\n".join(lines[:3]).encode() + b"\n")


def test_a_cosignature_signs_the_time_and_the_text() -> None:
    """C2SP tlog-cosignature v1."""
    raw = base64.b64decode(COSIGNED.split("\n")[5].split(" ")[2])
    assert struct.unpack(">Q", raw[4:12]) == (1_800_000_000,)
    message = b"cosignature/v1\ntime 1800000000\n" + POINT.text().encode()
    WITNESS.public_key().verify(raw[12:], message)
    assert raw[:4] == sha256(b"bridge.example\n\x04" + WITNESS_KEY.public).digest()[:4]


def test_both_signatures_verify() -> None:
    assert verify(NOTE, KEY) == POINT
    assert verify(COSIGNED, KEY) == POINT
    assert verify_cosignature(COSIGNED, WITNESS_KEY) == (POINT, 1_800_000_000)


def test_a_key_line_comes_back_as_it_was() -> None:
    for key in (KEY, WITNESS_KEY):
        assert NoteKey.parse(key.vkey() + "\n") == key


@pytest.mark.parametrize("position", range(0, len(NOTE.encode()), 3))
def test_no_byte_of_a_note_can_change(position: int) -> None:
    body = bytearray(NOTE.encode())
    body[position] ^= 0x01
    with pytest.raises((ContractError, UnicodeDecodeError)):
        verify(body.decode(), KEY)


@pytest.mark.parametrize("position", range(NOTE.encode().__len__(), len(COSIGNED.encode()), 3))
def test_no_byte_of_a_cosignature_can_change(position: int) -> None:
    body = bytearray(COSIGNED.encode())
    body[position] ^= 0x01
    with pytest.raises((ContractError, UnicodeDecodeError)):
        verify_cosignature(body.decode(), WITNESS_KEY)


@pytest.mark.parametrize(
    ("note", "key"),
    [
        (NOTE, note_key(NAME, OTHER)), (NOTE, note_key("hotbox.example/box-2/1", BOX)), (NOTE, WITNESS_KEY),
        (sign(POINT, NAME, OTHER), KEY), ("", KEY), ("\n\n", KEY), (NOTE.rstrip("\n"), KEY), (NOTE + "x\n", KEY),
        (NOTE.replace("1500", "01500"), KEY), (NOTE.replace("1500", "-1"), KEY), (NOTE.replace("\u2014", "-"), KEY),
        (NOTE.replace("\n\n", "\n"), KEY), (NOTE.replace("\n\n", "\nextra\n\n"), KEY),
    ],
)  # fmt: skip
def test_a_note_that_this_key_did_not_sign_is_refused(note: str, key: NoteKey) -> None:
    with pytest.raises(ContractError):
        verify(note, key)


def _signed(text: str) -> str:
    """A note whose signature is right and whose text is not a checkpoint."""
    raw = KEY.id + BOX.sign(text.encode())
    return f"{text}\n\u2014 {NAME} {base64.b64encode(raw).decode()}\n"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (f"{NAME}\n01500\n{base64.b64encode(POINT.root).decode()}\n", "checkpoint.size"),
        (f"{NAME}\n1500\n!!!!\n", "checkpoint.root"), (f"{NAME}\n1500\nAAAA\n", "checkpoint.root"),
        (f"{NAME}\n-1\nAAAA\n", "checkpoint"), (f"{NAME}\n\u0661\nAAAA\n", "checkpoint"), (f"{NAME}\n1500\n", "checkpoint"),
        (f"{NAME}\n{'9' * 5000}\nAAAA\n", "checkpoint.size"), (f"{NAME}\n{2**63}\n{base64.b64encode(POINT.root).decode()}\n", "checkpoint.size"),
    ],
)  # fmt: skip
def test_a_signed_text_that_is_no_checkpoint_is_refused_and_named(text: str, field: str) -> None:
    with pytest.raises(ContractError) as caught:
        verify(_signed(text), KEY)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("note", "key"),
    [
        (NOTE, WITNESS_KEY), (COSIGNED, KEY), (cosign(NOTE, "bridge.example", OTHER, 1), WITNESS_KEY),
        (cosign(NOTE, "other.example", WITNESS, 1), WITNESS_KEY),
        (COSIGNED.replace("1500", "1501"), WITNESS_KEY), (COSIGNED, note_key("bridge.example", WITNESS)),
    ],
)  # fmt: skip
def test_a_cosignature_by_somebody_else_is_refused(note: str, key: NoteKey) -> None:
    """The box's own signature, another witness, another text or a key of the other kind is no acknowledgement."""
    with pytest.raises(ContractError):
        verify_cosignature(note, key)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "a",
        "a+b+c",
        "a+00000000+AAAA",
        KEY.vkey()[:-4],
        KEY.vkey().replace(KEY.id.hex(), "00000000"),
        "+".join("aaa"),
    ],
)
def test_a_key_line_that_is_not_whole_is_refused(line: str) -> None:
    with pytest.raises(ContractError) as caught:
        NoteKey.parse(line)
    assert caught.value.field == "vkey"
