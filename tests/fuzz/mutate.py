"""Inputs: valid ones, valid ones with a few things wrong, valid ones glued together, and noise."""

import random
from collections.abc import Callable, Sequence

_NOISE = 0.05
_VALID = 0.05
_RESEALED = 0.5
_MOST = 5
_LONGEST = 600

Seal = Callable[[bytes], bytes]


def make(chance: random.Random, corpus: Sequence[bytes], seal: Seal | None) -> bytes:
    """One input; `seal` puts the right checksum on what was changed, so that half of it gets past the checksum."""
    drawn = chance.random()
    if drawn < _NOISE:
        return chance.randbytes(chance.randrange(1, 80))
    data = chance.choice(corpus)
    if drawn < _NOISE + _VALID:
        return data
    for _ in range(chance.randrange(1, _MOST)):
        data = _changed(chance, data, corpus)
    if seal is not None and chance.random() < _RESEALED:
        data = seal(data)
    return data[:_LONGEST]


def _changed(chance: random.Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    at = chance.randrange(len(data) + 1)
    kind = chance.randrange(9)
    if kind == 0 and at < len(data):
        return data[:at] + bytes((data[at] ^ 1 << chance.randrange(8),)) + data[at + 1 :]
    if kind == 1 and at < len(data):
        return data[:at] + chance.randbytes(1) + data[at + 1 :]
    if kind == 2:
        return data[:at] + chance.randbytes(chance.randrange(1, 5)) + data[at:]
    if kind == 3:
        return data[:at] + data[at + chance.randrange(1, 9) :]
    if kind == 4:
        return data[:at]
    if kind == 5:
        return data + chance.choice(corpus)
    if kind == 6:
        return data[:at] + chance.choice(corpus)[at:]
    if kind == 7 and at < len(data):
        return data[:at] + chance.choice(b'0123456789-+.,*$ :{}[]"eE').to_bytes(1, "big") + data[at + 1 :]
    start = chance.randrange(at + 1)
    return data[:at] + data[start:at] + data[at:]
