"""What a box has recorded, made with the contracts alone: a segment of drawn pictures, its record, its pieces."""

import io
import time

import msgspec

from contracts.commitment import commit, fresh_salt
from contracts.media import MAX_PIECE_BYTES, Piece, pack
from contracts.video import HEAD_BYTES, Shape, chunk, head, index, pictures, shape_of, size_of, stamped

WIDTH, HEIGHT = 160, 120
OFFSET_MS = 1_700_000_000_000


def jpeg(number: int) -> bytes:
    """A picture with some detail, so that it is no handful of bytes."""
    import cv2
    import numpy as np

    noise = np.random.default_rng(number).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    noise[:40] = number * 9 % 255
    return cv2.imencode(".jpg", noise)[1].tobytes()


class Segment(msgspec.Struct):
    """A segment and what opens its commitment."""

    body: bytes
    salt: bytes
    commitment: str
    first_us: int
    last_us: int
    frames: int

    def record(self, **changes) -> dict:
        """The data of its `video.segment`."""
        return {
            "commitment": self.commitment, "first_us": self.first_us, "last_us": self.last_us, "offset_ms": OFFSET_MS,
            "clock": "own", "frames": self.frames, "bytes": len(self.body), "keep": True, "keep_d": 31,
        } | changes  # fmt: skip

    def piece(self, at: int = 0, size: int = 0, body: bytes | None = None) -> bytes:
        """A message of up/media; without a size it asks."""
        payload = self.body[at : at + size] if body is None else body
        return pack(Piece(self.commitment, len(self.body), self.salt.hex(), at), payload)

    def pieces(self, at: int = 0) -> list[bytes]:
        """All from there on."""
        return [self.piece(place, MAX_PIECE_BYTES) for place in range(at, len(self.body), MAX_PIECE_BYTES)]


def segment(frames: int = 12, first_us: int = 0) -> Segment:
    """A recording that ended a moment ago, unless it is told when it began."""
    first_us = first_us or (time.time_ns() // 1_000_000 - OFFSET_MS) * 1000 - 60_000_000
    out = io.BytesIO()
    out.write(head(Shape(WIDTH, HEIGHT)))
    for number in range(frames):
        out.write(chunk(stamped(jpeg(number), first_us + number * 200_000)))
    body = out.getvalue()
    found = pictures(body)
    end, rows = found[-1].end, index(found)
    body = head(shape_of(*size_of(body), found), end - HEAD_BYTES, len(rows)) + body[HEAD_BYTES:end] + rows
    salt = fresh_salt()
    return Segment(body, salt, commit(salt, body), found[0].at_us, found[-1].at_us, frames)
