"""The smallest pictures that pass for one: built by hand, so that a test can break each part."""

import zlib


def jpeg(width: int = 640, height: int = 480, *, note: bytes = b"gauge", frame: int = 0xC0) -> bytes:
    """A JPEG's segments: SOI, a comment, the frame's header, the scan and EOI."""
    comment = b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    header = bytes([0xFF, frame]) + b"\x00\x0b\x08" + size + b"\x01\x01\x11\x00"
    return b"\xff\xd8" + comment + header + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"scan" * 20 + b"\xff\xd9"


def png(width: int = 640, height: int = 480) -> bytes:
    """A PNG's chunks: IHDR, data and IEND."""
    header = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x00\x00\x00\x00"
    return (
        b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\x0d" + header + zlib.crc32(header).to_bytes(4, "big")
        + b"\x00\x00\x00\x05IDATgauge\x00\x00\x00\x00" + b"\x00\x00\x00\x00IEND\xaeB`\x82"
    )  # fmt: skip
