"""How a recording goes up: in pieces that may be asked for again. up/media carries a piece, dn/media the answer.

A piece says where it belongs and needs nothing that came before. One without bytes asks how much the bridge has. Only
what the log speaks of is taken (``video.segment``), and it counts once its commitment opens.

``held`` and ``refused`` end a segment at the box: the bridge signs them with the key of its cosignatures, or whoever
may publish on the box's topics could keep a recording from ever leaving it. An answer names the piece that it answers,
by size and salt: what the bridge says to somebody else's piece is not heard. A box that knows of this says so in its
pieces (`Piece.signed`, `Piece.bound`): an older one would not read the answer.
"""

import hashlib
from typing import Annotated, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from contracts.checkpoint import NoteKey
from contracts.errors import ContractError, from_msgspec
from contracts.permit import Sha256
from contracts.video import MAX_SEGMENT_BYTES

MAX_PIECE_BYTES = 4096
"""0.13 s of a line with 256 kbit/s: nothing waits for a piece longer than that."""
_MAX_HEAD_BYTES = 1024
FINAL = ("held", "refused")
"""What the bridge says for good."""


class Piece(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Head of up/media: whose bytes follow, of how many, and from where on. `salt` opens the commitment, in hex.

    `signed`: the box wants the last word on it signed. `bound`: it wants to see which piece an answer is to.
    """

    commitment: Sha256
    size: Annotated[int, msgspec.Meta(ge=1, le=MAX_SEGMENT_BYTES)]
    salt: Sha256
    at: Annotated[int, msgspec.Meta(ge=0, le=MAX_SEGMENT_BYTES)] = 0
    signed: bool = False
    bound: bool = False


class MediaAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """dn/media: the bridge has `have` bytes of it.

    `state` is ``want`` (go on from there), ``held`` (it has all, and it is what was committed to), ``later`` (ask again
    in a while) or ``refused`` (never send it again). `again`: something was missing, send from `have` on once more.
    `size`, `opens`: of the piece that it answers, and the SHA-256 of its salt, for a box that wants to see them
    (`to_piece`). `signature`: of the bridge, over box, commitment, these two and state, in hex (`sign_answer`).
    """

    commitment: Sha256
    have: Annotated[int, msgspec.Meta(ge=0, le=MAX_SEGMENT_BYTES)]
    state: Literal["want", "held", "later", "refused"]
    again: bool = False
    detail: Annotated[str, msgspec.Meta(max_length=200)] = ""
    signature: Annotated[str, msgspec.Meta(pattern=r"\A([0-9a-f]{128})?\Z")] = ""
    size: Annotated[int, msgspec.Meta(ge=0, le=MAX_SEGMENT_BYTES)] = 0
    opens: Annotated[str, msgspec.Meta(pattern=r"\A([0-9a-f]{64})?\Z")] = ""


def _opens(piece: Piece) -> str:
    return hashlib.sha256(bytes.fromhex(piece.salt)).hexdigest()


def to_piece(answer: MediaAnswer, piece: Piece) -> MediaAnswer:
    """The same answer, to this piece of whoever sent it."""
    return msgspec.structs.replace(answer, size=piece.size, opens=_opens(piece))


def is_to(answer: MediaAnswer, piece: Piece) -> bool:
    """Whether an answer is to a piece of this segment, as its box has it, and to nobody else's under its name."""
    return (answer.commitment, answer.size, answer.opens) == (piece.commitment, piece.size, _opens(piece))


def _message(box: str, answer: MediaAnswer) -> bytes:
    """What is signed; it begins like no other text that this key signs."""
    if not answer.opens:  # to a box of before
        return f"hotbox/media-answer/v1\n{box}\n{answer.commitment}\n{answer.state}\n".encode()
    told = f"{box}\n{answer.commitment}\n{answer.size}\n{answer.opens}\n{answer.state}\n"
    return f"hotbox/media-answer/v2\n{told}".encode()


def sign_answer(answer: MediaAnswer, box: str, key: Ed25519PrivateKey) -> MediaAnswer:
    """The same answer to that box, signed by the bridge."""
    return msgspec.structs.replace(answer, signature=key.sign(_message(box, answer)).hex())


def check_answer(answer: MediaAnswer, box: str, witness: NoteKey) -> None:
    """That an answer to that box is the bridge's.

    Raises:
        ContractError: nobody signed it, or somebody else did.
    """
    key = Ed25519PublicKey.from_public_bytes(witness.public)
    try:
        key.verify(bytes.fromhex(answer.signature), _message(box, answer))
    except InvalidSignature as error:
        came = "another signature" if answer.signature else "none"
        todo = "update the bridge first; then check which bridge answered"
        raise ContractError("answer.signature", f"the signature of {witness.name}", came, todo) from error


def pack(piece: Piece, body: bytes) -> bytes:
    """up/media: head, newline, bytes as they are."""
    return msgspec.json.encode(piece) + b"\n" + body


def unpack(payload: bytes) -> tuple[Piece, bytes]:
    """Undo `pack`.

    Raises:
        ContractError: no head, too large, or bytes beyond the size that it states.
    """
    line, gap, body = payload.partition(b"\n")
    if not gap or len(line) > _MAX_HEAD_BYTES:
        raise ContractError("piece", f"a head of at most {_MAX_HEAD_BYTES} bytes, a newline, bytes", f"{len(payload)}")
    try:
        piece = msgspec.json.decode(line, type=Piece)
    except msgspec.MsgspecError as error:
        raise from_msgspec(error, "piece", line, Piece) from error
    except UnicodeDecodeError as error:
        raise ContractError("piece", "UTF-8 JSON", str(error)) from error
    if len(body) > MAX_PIECE_BYTES or piece.at + len(body) > piece.size:
        wanted = f"at most {MAX_PIECE_BYTES} bytes, {piece.size} in all"
        raise ContractError("piece", wanted, f"{len(body)} bytes from {piece.at} on")
    return piece, body


def read_answer(payload: bytes) -> MediaAnswer:
    """dn/media.

    Raises:
        ContractError: it is none.
    """
    try:
        return msgspec.json.decode(payload, type=MediaAnswer)
    except msgspec.MsgspecError as error:
        raise from_msgspec(error, "answer", payload, MediaAnswer) from error
    except UnicodeDecodeError as error:
        raise ContractError("answer", "UTF-8 JSON", str(error)) from error
