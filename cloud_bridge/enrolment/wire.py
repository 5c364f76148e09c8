"""What web workers and the enrolment process say to each other, and the process to the child that sees the pictures.

Each message is its length (4 bytes, big-endian) and msgpack. Pictures are in memory only, on every side.
"""

from typing import Annotated, TypeVar

import msgspec

from contracts.errors import UNREADABLE, ContractError
from contracts.permit import Id

MAX_STILL_BYTES = 384 * 1024
MAX_BYTES = 2 * 1024 * 1024
LENGTH = 4
Still = Annotated[bytes, msgspec.Meta(min_length=1, max_length=MAX_STILL_BYTES)]
Message = TypeVar("Message", bound=msgspec.Struct)


class Enrol(msgspec.Struct, frozen=True):
    """To the process: these are pictures of the person whose consent this is; `by` is who took them."""

    person: Id
    consent: int
    by: str
    by_name: str
    stills: Annotated[tuple[Still, ...], msgspec.Meta(max_length=8)]


class Measure(msgspec.Struct, frozen=True):
    """To the child: the same without anything that says who it is; `created` is in seconds since 1970."""

    person: Id
    created: int
    stills: tuple[Still, ...]


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """From both: done, or why not in both languages.

    `template` (from the child alone) is the template as JSON. `nearest` is whom the person resembles so much that
    somebody must look first whether they are two, with the distance in thousandths.
    """

    ok: bool
    why: str = ""
    zh: str = ""
    en: str = ""
    template: bytes = b""
    stills: int = 0
    nearest: str = ""
    nearest_milli: int = 0


def packed(message: msgspec.Struct) -> bytes:
    """A message with its length before it."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(LENGTH) + body


def length(first: bytes) -> int:
    """How long the message is that begins so.

    Raises:
        ContractError: longer than any.
    """
    found = int.from_bytes(first)
    if found > MAX_BYTES:
        raise ContractError("enrolment", f"at most {MAX_BYTES} bytes", str(found), "take smaller pictures")
    return found


def unpacked(body: bytes, kind: type[Message]) -> Message:
    """Read a message.

    Raises:
        ContractError: it is none.
    """
    try:
        return msgspec.msgpack.decode(body, type=kind)
    except UNREADABLE as error:
        raise ContractError("enrolment", f"a {kind.__name__}", str(error), "take the pictures again") from error
