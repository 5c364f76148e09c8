"""A permit in several QR codes: what a phone's screen, and whoever else holds a code before the camera, may say.

The oracle reads a code anew, by a pattern and one long number of its own, and holds a whole to the few that were made.
"""

import base64
import random
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from contracts import parts
from contracts.errors import ContractError
from tests.fuzz.targets import Feed, Target

_CODE = re.compile(r"HB1/([0-9A-F]{16})/([1-9][0-9]?)/([1-9][0-9]?)/([0-9A-Z $%*+./:-]{2,189})", re.ASCII)
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_made: set[bytes] = set()


def _corpus(chance: random.Random) -> list[bytes]:
    found: list[bytes] = []
    for length in (1, 40, 90, 120, 125, 126, 300, 700, 1500):
        section = base64.urlsafe_b64encode(chance.randbytes(length)).rstrip(b"=")
        for payload in (chance.randbytes(length), b"permit " * length, b".".join((section, b"e30", section))):
            _made.add(payload)
            found += [text.encode() for text in parts.split(payload)]
    bomb = parts.Part("0" * 16, 1, 1, b"D" + zlib.compress(bytes(90_000), 9)[: parts.PIECE - 1])
    return [*found, bomb.text().encode(), b"WIFI:S:plant;;", b"HB1/"]


def _seal(data: bytes) -> bytes:
    """The right number of letters: a piece of another length than its part's is refused before it is looked at."""
    head, slash, piece = data.rpartition(b"/")
    return (head + slash + (piece + b"0" * 189)[:189])[: parts.LONGEST]


def _feed() -> Feed:
    read = parts.Collection()

    def feed(data: bytes) -> str | None:
        nonlocal read
        text = data.decode("latin-1")
        try:
            part = parts.read(text)
        except ContractError as error:
            return None if error.expected else f"refused without a word: {data!r}"
        if wrong := _misread(text, part):
            return wrong
        read = read.add(part)
        found = read.newest
        assert found is not None
        if len(read.assemblies) > parts.MOST_WHOLES:
            return "more than can be remembered"
        if found.missing:
            return ""
        read = read.without(part.whole)
        try:
            whole = found.payload()
        except ContractError:
            return None
        return "" if whole in _made else f"a whole that nobody made: {whole[:40]!r}"

    return feed


def _misread(text: str, part: parts.Part) -> str:
    found = _CODE.fullmatch(text)
    if found is None:
        return f"no code: {text!r}"
    groups = [found[4][at : at + 3] for at in range(0, len(found[4]), 3)]
    numbers = [(sum(_LETTERS.index(letter) * 45**power for power, letter in enumerate(group)), len(group) - 1) for group in groups]
    if any(not length or value >> 8 * length for value, length in numbers):
        return f"no base45: {text!r}"
    piece = b"".join(value.to_bytes(length, "big") for value, length in numbers)
    said = (found[1], int(found[2]), int(found[3]), piece)
    if said != (part.whole, part.index, part.count, part.piece):
        return f"{part} from {text!r}"
    whole = part.index <= part.count <= 64 and (len(piece) == 126 or part.index == part.count)
    return "" if whole else f"part {part.index} of {part.count} with {len(piece)} bytes"


@contextmanager
def _broken() -> Iterator[None]:
    """The digest is no longer looked at."""

    def payload(self: parts.Assembly) -> bytes:
        return parts._unpack(b"".join(piece for _, piece in sorted(self.pieces)))

    with mock.patch.object(parts.Assembly, "payload", payload):
        yield


TARGETS = (Target("QR codes of a permit", 100_000, _corpus, _feed, _seal, _broken),)
