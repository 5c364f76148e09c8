"""Recordings on their way up: a segment's file, which the bridge takes apart, and the pieces in which it comes.

The oracles read anew: of a file, chunk by chunk from its bytes; of a piece, its head as Python's own JSON has it.
"""

import json
import random
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from contracts import media, video
from contracts.errors import ContractError
from tests.fuzz.targets import Feed, Target

_TIME = re.compile(rb"hotbox t=(\d{1,60})")
_LONGEST = 400


def _jpeg(chance: random.Random) -> bytes:
    return b"\xff\xd8" + chance.randbytes(chance.randrange(40)) + b"\xff\xd9"


def _files(chance: random.Random) -> list[bytes]:
    found = []
    for _ in range(40):
        times = sorted(chance.sample(range(10**6), chance.randrange(4)))
        chunks = b"".join(video.chunk(video.stamped(_jpeg(chance), at)) for at in times)
        body = video.head(video.Shape(640, 480)) + chunks
        found.append(body[: chance.randrange(200, len(body) + 1)] if chance.random() < 0.2 else body)
    return found


def _file_seal(data: bytes) -> bytes:
    """A head as it must be, and lengths that fit: else nearly everything ends at the first of them."""
    body = bytearray(video.head(video.Shape(640, 480)) + data[video.HEAD_BYTES :])
    at = video.HEAD_BYTES
    for place in [found.start() for found in re.finditer(b"00dc", bytes(body[at:]))]:
        begin = at + place
        end = body.find(b"\xff\xd9", begin)
        if end > 0 and begin + 8 <= end:
            struct.pack_into("<I", body, begin + 4, end + 2 - begin - 8)
    return bytes(body)


def _said(picture: bytes) -> int:
    """The time in a picture's first comment, which ends where its length says; -1 for none."""
    end = 4 + int.from_bytes(picture[4:6], "big")
    said = _TIME.fullmatch(picture, 6, end)
    return int(said[1]) if picture[:4] == b"\xff\xd8\xff\xfe" and end <= len(picture) and said else -1


def _file_feed() -> Feed:
    def feed(data: bytes) -> str | None:
        try:
            found = video.pictures(data)
        except ContractError as error:
            return None if error.expected else f"refused without a word: {data[:_LONGEST]!r}"
        at, last = video.HEAD_BYTES, -1
        for picture in found:
            length = int.from_bytes(data[at + 4 : at + 8], "little")
            said = _said(data[at + 8 : at + 8 + length])
            if data[at : at + 4] != b"00dc" or (picture.at, picture.size) != (at + 8, length):
                return f"{picture} is not at {at}: {data[at : at + 20]!r}"
            if said != picture.at_us or picture.at_us <= last or at + 8 + length > len(data):
                return f"{picture} has no such time: {data[at : at + 40]!r}"
            at, last = at + 8 + length + length % 2, picture.at_us
        return ""

    return feed


@contextmanager
def _file_broken() -> Iterator[None]:
    """Time may go back, and a picture without one has the last one's."""
    with mock.patch.object(video, "_time_of", side_effect=range(10**9)):
        yield


def _pieces(chance: random.Random) -> list[bytes]:
    found = []
    for _ in range(60):
        size = chance.randrange(1, 6000)
        at = chance.randrange(size)
        body = chance.randbytes(min(size - at, chance.choice((0, 1, 100, 4096))))
        found.append(media.pack(media.Piece(chance.randbytes(32).hex(), size, chance.randbytes(32).hex(), at), body))
    return found


def _piece_feed() -> Feed:
    def feed(data: bytes) -> str | None:
        try:
            piece, body = media.unpack(data)
        except ContractError as error:
            return None if error.expected else f"refused without a word: {data[:_LONGEST]!r}"
        line, _, rest = data.partition(b"\n")
        said = json.loads(line)
        if rest != body or {"at": 0, "signed": False, "bound": False, **said} != {
            "commitment": piece.commitment, "size": piece.size, "salt": piece.salt, "at": piece.at,
            "signed": piece.signed, "bound": piece.bound,
        }:  # fmt: skip
            return f"{piece} from {line!r}"
        fits = 0 <= piece.at <= piece.at + len(body) <= piece.size <= 8 * 2**20 and len(body) <= 4096
        names = all(re.fullmatch("[0-9a-f]{64}", name) for name in (piece.commitment, piece.salt))
        return "" if fits and names else f"{piece} with {len(body)} bytes"

    return feed


@contextmanager
def _piece_broken() -> Iterator[None]:
    """Nobody looks whether the bytes fit into what was announced."""
    with mock.patch.object(media, "MAX_PIECE_BYTES", 10**9), mock.patch.object(media, "MAX_SEGMENT_BYTES", 10**9):
        unpack = media.unpack

        def loose(payload: bytes) -> tuple[media.Piece, bytes]:
            try:
                return unpack(payload)
            except ContractError:
                line, _, body = payload.partition(b"\n")
                said = json.loads(line)
                return media.Piece(said["commitment"], said["size"], said["salt"], said["at"]), body

        with mock.patch.object(media, "unpack", loose):
            yield


TARGETS = (
    Target("segments of a recording", 60_000, _files, _file_feed, _file_seal, _file_broken),
    Target("pieces of a recording", 40_000, _pieces, _piece_feed, None, _piece_broken),
)
