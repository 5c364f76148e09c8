"""From registers to what they say, by the device's profile: pure, without memory and without a clock.

    Sample   the number, its value in the channel's unit, what status and codes say, live counter, age

No smoothing and no outlier removal: what the detector says is what the interlock gets.
"""

import math
import struct
from collections.abc import Iterable, Sequence

import msgspec

from edge.config import Block
from edge.gas.profile import (
    LARGEST,
    NAMUR_FAULT_HIGH_MA,
    NAMUR_FAULT_LOW_MA,
    WORDS,
    Bits,
    Codes,
    Point,
    Profile,
    Word,
    load,
    of_current,
)


class Sample(msgspec.Struct, frozen=True):
    """What one block of registers says about one value.

    Attributes:
        raw: the number in its registers; of a float32 its 32 bits.
        value: in the channel's unit, before its response factor; None when the number is none.
        fault: why it is broken, empty when it is not.
        over_range, under_range, warm_up: what the device says itself.
        counter: the live counter, None without one.
        age_ms: how old the device says the value is, 0 when it does not say.
    """

    raw: int
    value: float | None
    fault: str
    over_range: bool
    under_range: bool
    warm_up: bool
    counter: int | None
    age_ms: float


def profile_of(block: Block) -> Profile:
    """The profile of a channel or sensor."""
    return load(block.profile)


def point_of(block: Block) -> Point:
    """What a channel or sensor reads of its device."""
    return profile_of(block).point(block.point, block.name)


def needed(block: Block) -> int:
    """Registers that a channel or sensor needs, from its `register` on."""
    return profile_of(block).needed(point_of(block), live_counter=block.live_counter)


def largest(block: Block) -> float:
    """The largest value that its registers can hold; of a 4-20 mA loop that which is still a measurement."""
    point = point_of(block)
    if point.current and block.span is not None:
        return of_current(NAMUR_FAULT_HIGH_MA, *block.span)
    held = LARGEST[point.type]
    return held if math.isinf(held) else round(held * block.scale + point.offset, 6)


def number(registers: Sequence[int], at: int, kind: str, word_order: str) -> tuple[int, float]:
    """The number at `at`: its bits as they stand there, signed where it is, and what they mean.

    `word_order` says which register of two holds the high word.
    """
    if WORDS[kind] == 1:
        held = registers[at]
        raw = held - 0x10000 if kind == "int16" and held & 0x8000 else held
        return raw, float(raw)
    high, low = registers[at : at + 2]
    if word_order == "low_first":
        high, low = low, high
    bits = high << 16 | low
    if kind == "float32":
        return bits, float(struct.unpack(">f", struct.pack(">I", bits))[0])
    raw = bits - 0x1_0000_0000 if kind == "int32" and bits & 0x8000_0000 else bits
    return raw, float(raw)


def sample(block: Block, profile: Profile, point: Point, registers: Sequence[int]) -> Sample:
    """What a block of registers, from the channel's `register` on, says about its value."""
    raw, measured = number(registers, point.at, point.type, point.word_order)
    meanings = {_coded(point.codes, raw)}
    faults = ["value code for a fault"] if "fault" in meanings else []
    value: float | None = None
    if math.isfinite(measured):
        value = round(measured * block.scale + point.offset, 6)
    else:
        faults.append("value is not a number")
    if point.current and value is not None and block.span is not None:
        current, value = value, of_current(value, *block.span)
        if not NAMUR_FAULT_LOW_MA <= current <= NAMUR_FAULT_HIGH_MA:
            faults.append(f"{current:g} mA (NAMUR NE 43)")
    for word in profile.words(point):
        held, _ = number(registers, word.at, word.type, word.word_order)
        said, fault = status_of(word, held)
        meanings |= said
        faults += [fault] if fault else []
    if meanings & {"fault", "over_range", "under_range", "warm_up"} and _coded(point.codes, raw):
        value = None  # a code is no measurement
    counter = registers[profile.counter.at] if profile.counter is not None and block.live_counter else None
    age_ms = 0.0
    if profile.age is not None:
        age_ms = registers[profile.age.at] * profile.age.scale_ms
        if age_ms > profile.age.max_ms:
            faults.append(f"the gateway heard it {age_ms / 1000:g} s ago")
    return Sample(
        raw, value, "; ".join(faults), "over_range" in meanings, "under_range" in meanings, "warm_up" in meanings,
        counter, age_ms,
    )  # fmt: skip


def _coded(codes: Codes, raw: int) -> str:
    """What a raw number stands for, or nothing."""
    for meaning in ("fault", "over_range", "under_range", "warm_up", "good"):
        if raw in getattr(codes, meaning):
            return meaning
    return ""


def status_of(word: Word, held: int) -> tuple[set[str], str]:
    """What a status register says, and its fault in words; empty without one."""
    if word.codes is not None:
        said = _coded(word.codes, held)
        return {said}, f"status {held}" if said in ("", "fault") else ""
    return _bits(word.bits or Bits(), word, held)


def _mask(bits: Iterable[int]) -> int:
    return sum(1 << bit for bit in bits)


def _bits(bits: Bits, word: Word, held: int) -> tuple[set[str], str]:
    said = {meaning for meaning in ("over_range", "under_range", "warm_up") if held & _mask(getattr(bits, meaning))}
    known = _mask((*bits.over_range, *bits.under_range, *bits.warm_up, *bits.harmless, *bits.sound))
    missing = _mask(bits.sound) & ~held
    if held & ~known or missing:
        return said, f"status word 0x{held:0{4 * WORDS[word.type]}X}"
    return said, ""
