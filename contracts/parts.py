"""A signed statement as several QR codes: a permit reaches a box without a network through the box's camera.

One part is one code in the alphanumeric mode of QR, at most `LONGEST` characters, so that a phone shows it large:

    HB1/9F86D081884C7D65/2/7/K0:4%E...

magic and version, the first 64 bits of the SHA-256 of the whole in hexadecimal, number and count, and a piece of the
packed whole in base45 (RFC 9285). The digest keeps parts of different permits apart and finds what was read wrongly; it
proves nothing about who made them: that is the signature's business, once the whole is there.

Packed is a mark and what follows: ``R`` the bytes as they are, ``D`` deflated, ``J`` a compact JWS whose three sections
are taken out of base64 before they are deflated, which is half as long again.
"""

import base64
import re
import zlib
from hashlib import sha256

import msgspec

from contracts.errors import ContractError, quote

MAGIC = "HB1"
LONGEST = 221
"""Characters of a part: what a QR of version 8 with error correction M holds, 49 modules a side."""
PIECE = 126
"""Bytes of a piece: 189 characters of base45 beside a head of at most 27."""
MAX_PARTS = 64
MAX_BYTES = 32768
"""Bytes of a whole, packed or not: nothing is unpacked beyond it."""
MOST_WHOLES = 4
"""Permits that are collected beside each other; the one seen longest ago is forgotten first."""
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_NUMBER = "[1-9][0-9]?"
_PART = re.compile(
    rf"{MAGIC}/(?P<whole>[0-9A-F]{{16}})/(?P<index>{_NUMBER})/(?P<count>{_NUMBER})/(?P<piece>[0-9A-Z $%*+./:-]+)"
)
_RAW, _DEFLATED, _JWS = b"R", b"D", b"J"
_SECTION = b"\0"
_AGAIN = "scan the code again"


class Part(msgspec.Struct, frozen=True):
    """One code: which whole, which piece of how many (from 1), and its bytes."""

    whole: str
    index: int
    count: int
    piece: bytes

    def text(self) -> str:
        """What the code says."""
        return f"{MAGIC}/{self.whole}/{self.index}/{self.count}/{_base45(self.piece)}"


class Assembly(msgspec.Struct, frozen=True):
    """The parts of one whole that were read so far; `pieces` by index, in any order, each once."""

    whole: str
    count: int
    pieces: tuple[tuple[int, bytes], ...] = ()

    @property
    def missing(self) -> tuple[int, ...]:
        """Numbers of the parts that were not read yet."""
        have = {index for index, _ in self.pieces}
        return tuple(index for index in range(1, self.count + 1) if index not in have)

    def add(self, part: Part) -> "Assembly":
        """With one more part; the same one again changes nothing.

        Raises:
            ContractError: a part of another whole or of another count, or another piece under a number that is taken.
        """
        if part.whole != self.whole:
            raise ContractError("part.whole", self.whole, part.whole, "this part is of another permit: keep them apart")
        if part.count != self.count:
            raise ContractError("part.count", str(self.count), str(part.count), "scan all parts again, from one screen")
        known = dict(self.pieces).get(part.index)
        if known is None:
            return Assembly(self.whole, self.count, (*self.pieces, (part.index, part.piece)))
        if known != part.piece:
            came = f"another part {part.index}"
            raise ContractError("part.piece", f"part {part.index} as before", came, "scan all parts again")
        return self

    def payload(self) -> bytes:
        """The whole, unpacked and checked against its digest.

        Raises:
            ContractError: parts are missing, it cannot be unpacked, or it is not what the digest says.
        """
        if self.missing:
            listed = ", ".join(map(str, self.missing))
            raise ContractError("parts", f"all {self.count} parts", f"all but {listed}", "scan the missing ones")
        found = _unpack(b"".join(piece for _, piece in sorted(self.pieces)))
        if _digest(found) != self.whole:
            raise ContractError("parts", f"the whole {self.whole}", _digest(found), "scan all parts again")
        return found


class Collection(msgspec.Struct, frozen=True):
    """What a camera has read so far, of a few permits beside each other, the one read last at the end.

    A part that contradicts its permit's others begins that permit anew: whoever shows it shows all parts in turn, and
    one misread or hostile code must not keep the rest from ever becoming whole.
    """

    assemblies: tuple[Assembly, ...] = ()

    @property
    def newest(self) -> Assembly | None:
        """The permit of the part that was read last."""
        return self.assemblies[-1] if self.assemblies else None

    def add(self, part: Part) -> "Collection":
        """With one more part."""
        known = next((each for each in self.assemblies if each.whole == part.whole), None)
        try:
            found = known.add(part) if known is not None else begin(part)
        except ContractError:
            found = begin(part)
        others = self.without(part.whole).assemblies
        return Collection((*others[1 - MOST_WHOLES :], found))

    def without(self, whole: str) -> "Collection":
        """Without one permit: it was handed in, or was not what its digest said."""
        return Collection(tuple(each for each in self.assemblies if each.whole != whole))


def begin(part: Part) -> Assembly:
    """The assembly that a part begins."""
    return Assembly(part.whole, part.count).add(part)


def split(payload: bytes) -> tuple[str, ...]:
    """The parts of a whole, in order, as texts for QR codes.

    Raises:
        ContractError: nothing, or more than `MAX_PARTS` parts hold.
    """
    if not 0 < len(payload) <= MAX_BYTES:
        raise ContractError("payload", f"1 to {MAX_BYTES} bytes", f"{len(payload)} bytes", "carry it on USB")
    packed, whole = _pack(payload), _digest(payload)
    pieces = [packed[at : at + PIECE] for at in range(0, len(packed), PIECE)]
    if len(pieces) > MAX_PARTS:
        came = f"{len(pieces)} parts"
        raise ContractError("payload", f"at most {MAX_PARTS} parts", came, "carry it on USB: too long for codes")
    return tuple(Part(whole, index, len(pieces), piece).text() for index, piece in enumerate(pieces, start=1))


def is_part(text: str) -> bool:
    """Whether a code means to be a part; any other code in the picture is none of ours."""
    return text.startswith(f"{MAGIC}/")


def read(text: str) -> Part:
    """Read one code.

    Raises:
        ContractError: it is no part, or a part that this version would not have written.
    """
    if len(text) > LONGEST:
        raise ContractError("part", f"at most {LONGEST} characters", f"{len(text)} characters", _AGAIN)
    found = _PART.fullmatch(text)
    if found is None:
        raise ContractError("part", f"{MAGIC}/digest/number/count/piece", quote(text), "show the permit's own codes")
    index, count = int(found["index"]), int(found["count"])
    if count > MAX_PARTS or index > count:
        came = f"part {index} of {count}"
        raise ContractError("part.index", f"1 to count, at most {MAX_PARTS}", came, _AGAIN)
    piece = _from_base45(found["piece"])
    if len(piece) > PIECE or (index < count and len(piece) < PIECE):
        wanted = f"{PIECE} bytes" if index < count else f"at most {PIECE} bytes"
        raise ContractError("part.piece", wanted, f"{len(piece)} bytes", _AGAIN)
    return Part(found["whole"], index, count, piece)


def _digest(payload: bytes) -> str:
    return sha256(payload).hexdigest()[:16].upper()


def _pack(payload: bytes) -> bytes:
    """The shortest of the forms that give exactly this back."""
    forms = [_RAW + payload, _DEFLATED + zlib.compress(payload, 9)]
    try:
        taken = _SECTION.join(_from_base64(section) for section in payload.split(b"."))
        if _as_jws(taken) == payload:
            forms.append(_JWS + zlib.compress(taken, 9))
    except ValueError:
        pass
    return min(forms, key=len)


def _unpack(packed: bytes) -> bytes:
    mark, body = packed[:1], packed[1:]
    if mark == _RAW:
        return body  # no longer than all its parts
    if mark not in (_DEFLATED, _JWS):
        raise ContractError("parts", "a whole packed as R, D or J", quote(mark.decode("latin-1")), "update the box")
    inflater = zlib.decompressobj()
    try:
        found = inflater.decompress(body, MAX_BYTES + 1)
    except zlib.error as error:
        raise ContractError("parts", "a deflated whole", str(error), "scan all parts again") from error
    if not inflater.eof or inflater.unused_data:
        came = "more than that" if len(found) > MAX_BYTES else "a stream that is cut or goes on"
        raise ContractError("parts", f"one deflated whole of at most {MAX_BYTES} bytes", came, "scan all parts again")
    if mark == _JWS:
        found = _as_jws(found)
    if len(found) > MAX_BYTES:
        raise ContractError("parts", f"a whole of at most {MAX_BYTES} bytes", f"{len(found)} bytes", "make it again")
    return found


def _as_jws(taken: bytes) -> bytes:
    """Header, payload and signature in base64 without padding; neither of the first two, being JSON, has a NUL."""
    return b".".join(base64.urlsafe_b64encode(section).rstrip(b"=") for section in taken.split(_SECTION, 2))


def _from_base64(section: bytes) -> bytes:
    return base64.b64decode(section + b"=" * (-len(section) % 4), b"-_", validate=True)


def _base45(data: bytes) -> str:
    found = []
    for at in range(0, len(data), 2):
        pair = data[at : at + 2]
        value = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            value, digit = divmod(value, 45)
            found.append(_ALPHABET[digit])
    return "".join(found)


def _from_base45(text: str) -> bytes:
    found = bytearray()
    for at in range(0, len(text), 3):
        group = text[at : at + 3]
        value = sum(_VALUES[letter] * 45**power for power, letter in enumerate(group))
        if len(group) < 2 or value >= 256 ** (len(group) - 1):
            raise ContractError("part.piece", "base45", quote(group), _AGAIN)
        found += value.to_bytes(len(group) - 1, "big")
    return bytes(found)
