"""Pictures from outside become pixels, or nothing. JPEG and PNG alone: a decoder that is never asked has no faults.

A file of 10 kB may claim to be a picture of a gigabyte, so its size is read from its head before it is decoded.
"""

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faces.engine import Image

MOST_PIXELS = 1 << 26
"""Of a phone's picture (67 megapixels); three bytes each while it is decoded."""
_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_JPEG = b"\xff\xd8"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's markers of a frame, which say its size."""
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Those without a length."""
_SCAN, _END = 0xDA, 0xD9


def read(content: bytes, most_pixels: int = MOST_PIXELS) -> "Image | None":
    """A JPEG's or PNG's pixels in blue, green, red, upright; None for anything else, and for what is too large."""
    size = size_of(content)
    if size is None or not 0 < size[0] * size[1] <= most_pixels:
        return None
    import cv2
    import numpy as np

    try:
        image: Image | None = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # a size that OpenCV reads otherwise, or no memory for it
        return None
    return image


def size_of(content: bytes) -> tuple[int, int] | None:
    """Width and height in pixels as a JPEG's or PNG's head says; None where none says it."""
    if content.startswith(_PNG) and len(content) >= len(_PNG) + 8:
        width, height = struct.unpack_from(">II", content, len(_PNG))
        return width, height
    return _jpeg_size(content) if content.startswith(_JPEG) else None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Of the first frame; segments before it are skipped by their lengths."""
    at = len(_JPEG)
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF or marker in _BARE:  # filling, or nothing follows
            at += 1 if marker == 0xFF else 2
            continue
        if marker in (_SCAN, _END):
            return None
        (length,) = struct.unpack_from(">H", content, at + 2)
        if marker in _FRAMES:
            if length < 7 or at + 9 > len(content):
                return None
            height, width = struct.unpack_from(">HH", content, at + 5)
            return width, height
        if length < 2:
            return None
        at += 2 + length
    return None
