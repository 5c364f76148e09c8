"""A segment of a recording: an AVI file of JPEG pictures, each with the time of its capture inside.

Any player shows it; a page takes it picture by picture. The boundaries are AVI's own (``00dc`` and a length), the time
is a comment in the picture (``hotbox t=`` and CLOCK_BOOTTIME in microseconds), which travels with it wherever it goes.
What was cut off by a power failure is whole up to its last whole picture.

    RIFF AVI  head (224 bytes): one stream, MJPG, the mean interval of the pictures
    movi      a chunk for each picture
    idx1      where each is, for players that jump
"""

import struct
from typing import Annotated

import msgspec

from contracts.errors import ContractError
from contracts.event import MAX_INT

MAX_SEGMENT_BYTES = 8 * 2**20
MAX_SIDE_PX = 8192
MAX_PICTURES = 10_000
"""No recorder takes so many into one; whoever lists them needs memory for each."""
FIRST_INTERVAL_US = 200_000
"""What the head says while nothing is known of the interval."""
_SECOND_US = 1_000_000
_CHUNK, _KEYFRAME, _HAS_INDEX = b"00dc", 0x10, 0x10
_SOI, _COM, _EOI = b"\xff\xd8", b"\xff\xfe", b"\xff\xd9"
_MARK = b"hotbox t="
_HEAD = struct.Struct("<4sI4s 4sI4s 4sI14I 4sI4s 4sI4s4sIHHIIIIIIiI4H 4sIIiiHH4sIIIII 4sI4s")
_MOVI_AT = _HEAD.size - 4
"""Where the word ``movi`` stands; the index counts from there."""
HEAD_BYTES = _HEAD.size


class Shape(msgspec.Struct, frozen=True):
    """What the head says: size in pixels, how many pictures, their mean interval, the largest one in bytes."""

    width: int
    height: int
    pictures: int = 0
    interval_us: int = FIRST_INTERVAL_US
    largest: int = 0


class Picture(msgspec.Struct, frozen=True):
    """Where a picture lies in the file, and when it was taken (CLOCK_BOOTTIME)."""

    at: int
    size: int
    at_us: Annotated[int, msgspec.Meta(ge=0, le=MAX_INT)]

    @property
    def end(self) -> int:
        """The byte after its chunk, the padding to an even length included."""
        return self.at + self.size + self.size % 2


def head(shape: Shape, movi_bytes: int = 0, index_bytes: int = 0) -> bytes:
    """The first `HEAD_BYTES` of a file whose chunks and index have so many bytes."""
    width, height, interval = shape.width, shape.height, shape.interval_us
    rate = min(2**32 - 1, shape.largest * _SECOND_US // interval)
    return _HEAD.pack(
        b"RIFF", HEAD_BYTES - 8 + movi_bytes + index_bytes, b"AVI ",
        b"LIST", 192, b"hdrl",
        b"avih", 56, interval, rate, 0, _HAS_INDEX, shape.pictures, 0, 1, shape.largest, width, height, 0, 0, 0, 0,
        b"LIST", 116, b"strl",
        b"strh", 56, b"vids", b"MJPG", 0, 0, 0, 0, interval, _SECOND_US, 0, shape.pictures, shape.largest, -1, 0,
        0, 0, width, height,
        b"strf", 40, 40, width, height, 1, 24, b"MJPG", width * height * 3, 0, 0, 0, 0,
        b"LIST", 4 + movi_bytes, b"movi",
    )  # fmt: skip


def stamped(jpeg: bytes, at_us: int) -> bytes:
    """The picture with the time of its capture as its first comment.

    Raises:
        ContractError: it is no JPEG.
    """
    if not (jpeg.startswith(_SOI) and jpeg.endswith(_EOI)):
        raise ContractError("picture", "a whole JPEG", f"{len(jpeg)} bytes of something else")
    text = _MARK + str(at_us).encode()
    return _SOI + _COM + struct.pack(">H", len(text) + 2) + text + jpeg[len(_SOI) :]


def chunk(picture: bytes) -> bytes:
    """A stamped picture as it stands in the file."""
    return _CHUNK + struct.pack("<I", len(picture)) + picture + bytes(len(picture) % 2)


def index(found: tuple[Picture, ...]) -> bytes:
    """The index behind the pictures."""
    rows = b"".join(
        struct.pack("<4sIII", _CHUNK, _KEYFRAME, picture.at - 8 - _MOVI_AT, picture.size) for picture in found
    )
    return b"idx1" + struct.pack("<I", len(rows)) + rows


def shape_of(width: int, height: int, found: tuple[Picture, ...]) -> Shape:
    """What the head says of these pictures: played at their mean interval, they last as long as they took."""
    interval = FIRST_INTERVAL_US
    if len(found) > 1:
        interval = max(1, (found[-1].at_us - found[0].at_us) // (len(found) - 1))
    return Shape(width, height, len(found), interval, max(picture.size for picture in found))


def size_of(body: bytes) -> tuple[int, int]:
    """Width and height in pixels, as the head says.

    Raises:
        ContractError: it is no segment.
    """
    _looked_at(body)
    width, height = struct.unpack_from("<II", body, 64)
    if not (0 < width <= MAX_SIDE_PX and 0 < height <= MAX_SIDE_PX):
        raise ContractError("segment", f"sides of 1 to {MAX_SIDE_PX} pixels", f"{width} x {height}")
    return width, height


def pictures(body: bytes) -> tuple[Picture, ...]:
    """Every whole picture of a segment, in the order in which they were taken; what follows the last one is let be.

    Raises:
        ContractError: it is no segment, one of its pictures has no time, time goes back, or there are too many.
    """
    _looked_at(body)
    found: list[Picture] = []
    at, last_us = HEAD_BYTES, -1
    while body[at : at + 4] == _CHUNK and len(body) >= at + 8:
        (size,) = struct.unpack_from("<I", body, at + 4)
        if len(body) < at + 8 + size:
            break
        picture = Picture(at + 8, size, _time_of(body, at + 8, size))
        if picture.at_us <= last_us:
            raise ContractError(f"segment.pictures[{len(found)}]", f"a time after {last_us}", str(picture.at_us))
        if len(found) == MAX_PICTURES:
            raise ContractError("segment.pictures", f"at most {MAX_PICTURES}", "more")
        found.append(picture)
        at, last_us = picture.end, picture.at_us
    return tuple(found)


def _looked_at(body: bytes) -> None:
    if len(body) < HEAD_BYTES or body[:4] != b"RIFF" or body[8:12] != b"AVI " or body[_MOVI_AT:HEAD_BYTES] != b"movi":
        raise ContractError("segment", "an AVI file of this box", f"{len(body)} bytes of something else")


def _time_of(body: bytes, at: int, size: int) -> int:
    """CLOCK_BOOTTIME of a picture's capture, from its first comment."""
    words = body[at : at + min(size, 64)]
    begin = len(_SOI) + len(_COM) + 2
    if words.startswith(_SOI + _COM) and words[begin:].startswith(_MARK):
        (length,) = struct.unpack_from(">H", words, len(_SOI) + len(_COM))
        end = begin - 2 + length
        number = words[begin + len(_MARK) : end]
        if end <= len(words) and number.isdigit() and int(number) <= MAX_INT:
            return int(number)
    raise ContractError("segment.picture", "the time of its capture", "a picture without one")
