"""How a recording goes up: in pieces that may be asked for again. up/media carries a piece, dn/media the answer.

A piece says where it belongs and needs nothing that came before. One without bytes asks how much the bridge has. Only
what the log speaks of is taken (``video.segment``), and it counts once its commitment opens.
"""

from typing import Annotated, Literal

import msgspec

from contracts.errors import ContractError, from_msgspec
from contracts.permit import Sha256
from contracts.video import MAX_SEGMENT_BYTES

MAX_PIECE_BYTES = 4096
"""0.13 s of a line with 256 kbit/s: nothing waits for a piece longer than that."""
_MAX_HEAD_BYTES = 1024


class Piece(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Head of up/media: whose bytes follow, of how many, and from where on. `salt` opens the commitment, in hex."""

    commitment: Sha256
    size: Annotated[int, msgspec.Meta(ge=1, le=MAX_SEGMENT_BYTES)]
    salt: Sha256
    at: Annotated[int, msgspec.Meta(ge=0, le=MAX_SEGMENT_BYTES)] = 0


class MediaAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """dn/media: the bridge has `have` bytes of it.

    `state` is ``want`` (go on from there), ``held`` (it has all, and it is what was committed to), ``later`` (ask again
    in a while) or ``refused`` (never send it again). `again`: something was missing, send from `have` on once more.
    """

    commitment: Sha256
    have: Annotated[int, msgspec.Meta(ge=0, le=MAX_SEGMENT_BYTES)]
    state: Literal["want", "held", "later", "refused"]
    again: bool = False
    detail: Annotated[str, msgspec.Meta(max_length=200)] = ""


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
