"""Pictures from outside: JPEG and PNG, of a size that is known before anything is decoded."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faces import pictures

SHADES = np.arange(60 * 80 * 3, dtype=np.uint8).reshape(60, 80, 3)


def encoded(suffix, *options):
    return cv2.imencode(suffix, SHADES, list(options))[1].tobytes()


JPEG, PNG = encoded(".jpg"), encoded(".png")


def claiming(width, height):
    """A PNG of some bytes that says it is so large."""

    def part(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", rows) + part(b"IEND", b"")


@pytest.mark.parametrize(
    "content",
    [
        JPEG, PNG, encoded(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        JPEG[:2] + b"\xff\xe1" + struct.pack(">H", 900) + bytes(898) + JPEG[2:],
        JPEG[:2] + b"\xff\xff\xff\xd0\xff\xfe\x00\x02" + JPEG[2:],
    ],
    ids=["jpeg", "png", "progressive", "with a block before it", "with filling"],
)  # fmt: skip
def test_a_jpeg_or_png_has_its_size_in_its_head_and_is_read(content):
    assert pictures.size_of(content) == (80, 60)
    assert pictures.read(content).shape == (60, 80, 3)


def test_a_file_that_claims_to_be_huge_is_never_decoded(monkeypatch):
    """Some bytes that would take 3 GB."""
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    for width, height in ((40_000, 40_000), (2**31 - 1, 2**31 - 1), (0, 10)):
        assert pictures.read(claiming(width, height)) is None
    large = bytearray(JPEG)
    at = JPEG.index(b"\xff\xc0")
    large[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    assert pictures.size_of(bytes(large)) == (65_535, 65_535)
    assert pictures.read(bytes(large)) is None
    assert pictures.read(JPEG, most_pixels=80 * 60 - 1) is None


def test_a_picture_for_which_there_is_no_memory_is_none(monkeypatch):
    def full(*_):
        raise cv2.error("Failed to allocate")

    monkeypatch.setattr(cv2, "imdecode", full)
    assert pictures.read(JPEG) is None


@pytest.mark.parametrize("suffix", [".bmp", ".tiff", ".webp", ".pgm", ".jp2"])
def test_another_format_is_not_even_tried(monkeypatch, suffix):
    image = SHADES[:, :, 0] if suffix == ".pgm" else SHADES
    content = cv2.imencode(suffix, image)[1].tobytes()
    assert cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) is not None, "OpenCV reads it"
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    assert pictures.read(content) is None


@pytest.mark.parametrize("whole", [JPEG, PNG], ids=["jpeg", "png"])
@given(st.integers(0, 2000), st.integers(0, 2000), st.integers(0, 255))
def test_damaged_pictures_are_read_or_none(whole, end, place, value):
    """Nothing is raised, wherever it was cut or changed, and a size is never made up."""
    body = bytearray(whole)
    body[place % len(body)] = value
    content = bytes(body[: end % len(body) + 1])
    image = pictures.read(content, most_pixels=1 << 20)
    if image is not None:
        assert image.shape[1::-1] == pictures.size_of(content)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xda\x00\x02", b"\xff\xd8\xff\xe0\x00\x00", b"\xff\xd8 and text",
     b"\xff\xd8\xff\xc0\x00\x05\x08\x00\x10\x00\x10", b"\xff\xd8\xff\xc0\x00\x0b\x08", PNG[:20]],
)  # fmt: skip
def test_what_says_no_size_is_no_picture(content):
    assert pictures.size_of(content) is None
    assert pictures.read(content) is None
