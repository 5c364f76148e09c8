"""Device profiles: what a product family's registers mean, read from configs/devices/*.yaml.

A new detector is a file there, not code. `Profile` says where value, status, live counter and age stand and what they
mean; what differs from head to head (range, calibration, serial) stays with the channel. Everything is checked when the
file is read, so that decoding (edge.gas.decoding) has nothing left to doubt.
"""

import math
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from contracts import yaml_file
from contracts.errors import ContractError, from_msgspec
from contracts.gas import Unit

DEVICES = Path(__file__).resolve().parents[2] / "configs" / "devices"
DEFAULT = "generic-int"
"""The profile of a channel that names none."""

_LONGEST_READ = 125  # registers in one reply (Modbus application protocol 1.1b3, 6.3)
_HINT = "configs/devices/generic-int.yaml explains every key"

Function = Literal["input", "holding"]
At = Annotated[int, msgspec.Meta(ge=0, le=_LONGEST_READ - 1)]
Bit = Annotated[int, msgspec.Meta(ge=0, le=31)]
Code = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**32 - 1)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
Number = Literal["int16", "uint16", "int32", "uint32", "float32"]
WORDS: dict[str, int] = {"int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float32": 2}
"""Registers that a number takes."""
LARGEST: dict[str, float] = {
    "int16": 0x7FFF, "uint16": 0xFFFF, "int32": 0x7FFF_FFFF, "uint32": 0xFFFF_FFFF, "float32": math.inf,
}  # fmt: skip
"""The largest value of each."""

NAMUR_FAULT_LOW_MA = 3.6
NAMUR_UNDER_MA = 3.8
NAMUR_OVER_MA = 20.5
NAMUR_FAULT_HIGH_MA = 21.0
"""NAMUR NE 43: 3.8 to 20.5 mA measure; below 3.6 and above 21 mA the transmitter, or the wire, has failed."""


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Bits(_Section, frozen=True):
    """Bits of a status word by meaning, 0 the lowest. A set bit that stands nowhere here is a fault.

    `sound` are bits that are set while all is well: one that is not is a fault.
    """

    fault: tuple[Bit, ...] = ()
    over_range: tuple[Bit, ...] = ()
    under_range: tuple[Bit, ...] = ()
    warm_up: tuple[Bit, ...] = ()
    harmless: tuple[Bit, ...] = ()
    sound: tuple[Bit, ...] = ()


class Codes(_Section, frozen=True):
    """Whole numbers by meaning. In a status register every other number is a fault; in a value it is a measurement."""

    good: tuple[Code, ...] = ()
    fault: tuple[Code, ...] = ()
    over_range: tuple[Code, ...] = ()
    under_range: tuple[Code, ...] = ()
    warm_up: tuple[Code, ...] = ()


class Word(_Section, frozen=True):
    """A status register: `bits`, or `codes` where it holds a number."""

    at: At
    type: Literal["uint16", "uint32"] = "uint16"
    word_order: Literal["high_first", "low_first"] = "high_first"
    bits: Bits | None = None
    codes: Codes | None = None


class Point(_Section, frozen=True):
    """One measured value. What is None here is the channel's to say.

    `current`: raw x scale + offset are milliamperes of a 4-20 mA loop; the channel's `span` says what 4 and 20 mA mean
    and NAMUR NE 43 what is a fault. `codes` are raw numbers that are no measurement.
    """

    at: At
    type: Number
    word_order: Literal["high_first", "low_first"] = "high_first"
    scale: float | None = None
    offset: float = 0.0
    current: bool = False
    unit: Unit | None = None
    range_low: float | None = None
    range_high: float | None = None
    codes: Codes = Codes()
    status: tuple[Word, ...] = ()


class Counter(_Section, frozen=True):
    """A live counter of 16 bits, which moves at least every `step_ms`."""

    at: At
    step_ms: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 100


class Age(_Section, frozen=True):
    """How old the device says its values are: a gateway goes on showing a head that its radio has lost.

    Older than `max_ms` is a fault, and `max_ms` counts in the process safety time.
    """

    at: At
    scale_ms: Annotated[float, msgspec.Meta(gt=0, le=60_000)]
    max_ms: Annotated[int, msgspec.Meta(ge=1, le=60_000)]


class Signature(_Section, frozen=True):
    """Registers by which a device of this family can be told from others, for `hotbox detector scan`."""

    register: Annotated[int, msgspec.Meta(ge=0, le=65535)]
    values: Annotated[tuple[Annotated[int, msgspec.Meta(ge=0, le=65535)], ...], msgspec.Meta(min_length=1)]
    function: Function = "input"


class Message(_Section, frozen=True):
    """What a detector says over MQTT: a bare number, or JSON with the value under a key."""

    value: str = ""
    over_range: str = ""


class Profile(_Section, frozen=True):
    """One product family. configs/devices/generic-int.yaml explains every key.

    Attributes:
        name: the file's name without ``.yaml``.
        readable: registers that one request may ask for from the channel's `register` on.
        overrides: what a channel may state although this file does.
    """

    zh: str
    en: str
    name: str = ""
    kind: Literal["modbus", "mqtt"] = "modbus"
    function: Function = "input"
    register: Annotated[int, msgspec.Meta(ge=0, le=65000)] = 0
    readable: Annotated[int, msgspec.Meta(ge=0, le=_LONGEST_READ)] = 0
    points: dict[str, Point] = {}
    status: tuple[Word, ...] = ()
    counter: Counter | None = None
    age: Age | None = None
    noisy_still_s: Annotated[float, msgspec.Meta(gt=0, le=86_400)] | None = None
    warm_up_s: Seconds = 0.0
    t90_s: Annotated[float, msgspec.Meta(gt=0, le=120)] | None = None
    sensor: Literal["", "catalytic", "infrared", "electrochemical", "semiconductor", "pid", "paramagnetic"] = ""
    signature: Signature | None = None
    message: Message | None = None
    overrides: tuple[Literal["function", "live_counter", "scale", "unit", "t90_s"], ...] = ()

    def point(self, name: str, field: str) -> Point:
        """The value that a channel reads; a profile with a single one needs no name.

        Raises:
            ContractError: there is none of that name; `field` is the channel's.
        """
        if not name and len(self.points) == 1:
            return next(iter(self.points.values()))
        if name not in self.points:
            expected = f"one of {', '.join(self.points)}: what {self.name} measures"
            raise ContractError(field, expected, repr(name) if name else "nothing", "see its file in configs/devices")
        return self.points[name]

    def words(self, point: Point) -> tuple[Word, ...]:
        """Every status register that speaks of a value."""
        return self.status + point.status

    def said_warm(self, point: Point) -> bool:
        """Whether the device says itself that it warms up."""
        return bool(point.codes.warm_up) or any(
            word.bits.warm_up if word.bits else word.codes and word.codes.warm_up for word in self.words(point)
        )

    def needed(self, point: Point, *, live_counter: bool) -> int:
        """Registers from the block's beginning to the last that this value needs."""
        ends = [point.at + WORDS[point.type], *(word.at + WORDS[word.type] for word in self.words(point))]
        if self.counter is not None and live_counter:
            ends.append(self.counter.at + 1)
        if self.age is not None:
            ends.append(self.age.at + 1)
        return max(ends)


def _refuse(origin: str, field: str, expected: str, came: str, hint: str = _HINT) -> ContractError:
    return ContractError(f"{origin}: {field}", expected, came, hint)


def _check_meanings(origin: str, field: str, table: Bits | Codes) -> None:
    seen: dict[int, str] = {}
    for meaning in table.__struct_fields__:
        for number in getattr(table, meaning):
            if number in seen:
                raise _refuse(origin, field, "one meaning for each", f"{number} as {seen[number]} and as {meaning}")
            seen[number] = meaning


def _check_word(origin: str, field: str, word: Word) -> None:
    if (word.bits is None) == (word.codes is None):
        came = "neither" if word.bits is None else "both"
        raise _refuse(origin, field, "either `bits` or `codes`", came)
    if word.bits is not None:
        top = 16 * WORDS[word.type] - 1
        bits = [bit for meaning in word.bits.__struct_fields__ for bit in getattr(word.bits, meaning)]
        if max(bits, default=0) > top:
            raise _refuse(origin, f"{field}.bits", f"bits 0 to {top} of a {word.type}", str(max(bits)))
        _check_meanings(origin, f"{field}.bits", word.bits)
    if word.codes is not None:
        if not word.codes.good:
            raise _refuse(origin, f"{field}.codes.good", "the numbers that say all is well", "nothing")
        _check_meanings(origin, f"{field}.codes", word.codes)


def _check_point(origin: str, name: str, point: Point) -> None:
    field = f"points.{name}"
    if point.scale is not None and not (math.isfinite(point.scale) and point.scale > 0):
        raise _refuse(origin, f"{field}.scale", "a positive factor", f"{point.scale:g}", "see its register table")
    if not math.isfinite(point.offset):
        raise _refuse(origin, f"{field}.offset", "a finite number", f"{point.offset:g}", "see its register table")
    if point.current and point.scale is None:
        raise _refuse(origin, f"{field}.scale", "milliamperes of one count, because it is a current", "nothing")
    if point.type == "float32" and any(getattr(point.codes, meaning) for meaning in Codes.__struct_fields__):
        raise _refuse(origin, f"{field}.codes", "none: a float32 has no raw codes", "some", "use its status register")
    if point.codes.good:
        raise _refuse(origin, f"{field}.codes.good", "nothing: every other number is a measurement", "some")
    _check_meanings(origin, f"{field}.codes", point.codes)
    for index, word in enumerate(point.status):
        _check_word(origin, f"{field}.status[{index}]", word)


def check(profile: Profile, origin: str) -> None:
    """Refuse a profile that contradicts itself.

    Raises:
        ContractError: names the file and the key.
    """
    if profile.kind == "mqtt":
        for key, there in (("message", profile.message is None), ("points", bool(profile.points))):
            if there:
                expected = "what its messages hold" if key == "message" else "nothing: it has no registers"
                raise _refuse(origin, key, expected, "nothing" if key == "message" else "some")
        return
    if profile.message is not None:
        raise _refuse(origin, "message", "nothing: it is read by registers", "a message")
    if not profile.points:
        raise _refuse(origin, "points", "at least one value that it measures", "none")
    for index, word in enumerate(profile.status):
        _check_word(origin, f"status[{index}]", word)
    for name, point in profile.points.items():
        _check_point(origin, name, point)
        needed = profile.needed(point, live_counter=True)
        if profile.readable < needed:
            expected = f"at least {needed}: what {name} needs"
            raise _refuse(origin, "readable", expected, str(profile.readable), "count value, status, counter and age")


def parse(text: str, origin: str) -> Profile:
    """Read one profile from YAML text; `origin` names the file in errors.

    Raises:
        ContractError: names the file and the key.
    """
    raw = yaml_file.load(text, origin, _HINT)
    try:
        profile = msgspec.convert(raw, Profile)
    except msgspec.ValidationError as error:
        at = from_msgspec(error, "profile", raw, Profile)
        raise _refuse(origin, at.field, at.expected, at.came) from error
    profile = msgspec.structs.replace(profile, name=Path(origin).stem)
    check(profile, origin)
    return profile


def names() -> tuple[str, ...]:
    """The profiles that come with the product."""
    return tuple(sorted(path.stem for path in DEVICES.glob("*.yaml")))


@cache
def load(name: str) -> Profile:
    """A profile by its name in configs/devices, or by the path of a site's own file.

    Raises:
        ContractError: there is none, or it is wrong.
    """
    own = "/" in name
    path = Path(name) if own else DEVICES / f"{name}.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        expected = "a profile's file" if own else f"one of {', '.join(names())}, or the path of a file of your own"
        hint = "copy the nearest file of configs/devices"
        raise ContractError("profile", expected, f"{name} ({why})", hint) from error
    return parse(text, str(path) if own else path.name)


FIXED = ("function", "scale", "unit")
"""What a channel may not state when its profile does, unless `overrides` names it."""
_FILLED = ("range_low", "range_high")


def _same(stated: Any, known: Any) -> bool:
    return bool(stated == known)


def complete(raw: dict[str, Any], field: str) -> dict[str, Any]:
    """A channel or sensor as it stands in the configuration, completed by its profile. What is wrong otherwise is kept.

    Raises:
        ContractError: it states what is not the channel's to say; `field` is where it stands.
    """
    name = raw.get("profile", DEFAULT)
    if not isinstance(name, str):
        return raw
    try:
        profile = load(name)
    except ContractError as error:
        at = f"{field}.profile" if error.field == "profile" else error.field
        raise ContractError(at, error.expected, error.came, error.hint) from error
    if profile.kind == "mqtt":
        expected = "a profile that is read over a field bus"
        hint = "a detector fed over MQTT votes nowhere: describe it under `remotes`"
        raise ContractError(f"{field}.profile", expected, name, hint)
    chosen = raw.get("point", "")
    point = profile.point(chosen if isinstance(chosen, str) else "", f"{field}.point")
    known: dict[str, Any] = {"function": profile.function, "scale": point.scale}
    known["unit"] = None if point.unit is None else point.unit.value
    for key in FIXED:
        stated = raw.get(key)
        if stated is None or known[key] is None or key in profile.overrides or _same(stated, known[key]):
            continue
        expected = f"{known[key]}, as the profile {profile.name} says"
        hint = "leave it out, or name the profile of this device"
        raise ContractError(f"{field}.{key}", expected, str(stated), hint)
    if raw.get("live_counter") is True and profile.counter is None:
        raise ContractError(f"{field}.live_counter", f"false: {profile.name} has none", "true", "leave it out")
    if raw.get("live_counter") is False and profile.counter is not None and "live_counter" not in profile.overrides:
        raise ContractError(f"{field}.live_counter", f"true: {profile.name} has one", "false", "leave it out")
    t90 = raw.get("t90_s")
    if profile.t90_s is not None and isinstance(t90, int | float) and t90 < profile.t90_s:
        expected = f"not below the {profile.t90_s:g} s of the profile {profile.name}"
        raise ContractError(f"{field}.t90_s", expected, f"{t90:g}", "a sampling line makes it longer, never shorter")
    found: dict[str, Any] = {key: value for key, value in known.items() if value is not None}
    found |= {"register": profile.register, "live_counter": profile.counter is not None}
    found |= {key: value for key in _FILLED if (value := getattr(point, key)) is not None}
    found |= _current(raw, point, field)
    if "quantity" in raw:  # a process sensor: its quantity is its unit, and it needs no oxygen
        found.pop("unit", None)
    else:
        found |= {"t90_s": profile.t90_s} if profile.t90_s is not None else {}
        found |= {"sensor": profile.sensor} if profile.sensor else {}
    single = {"point": ""} if len(profile.points) == 1 else {}
    return {**found, **raw, **single}


def _current(raw: dict[str, Any], point: Point, field: str) -> dict[str, Any]:
    """The range of a 4-20 mA loop: what NAMUR NE 43 calls a measurement of its span."""
    span = raw.get("span")
    if not point.current:
        if span is not None:
            expected = "nothing: this device shows values, no current"
            raise ContractError(f"{field}.span", expected, str(span), "delete it")
        return {}
    if not (isinstance(span, list) and len(span) == 2 and all(isinstance(end, int | float) for end in span)):
        hint = "copy the transmitter's range, such as [0, 100]"
        raise ContractError(f"{field}.span", "the values at 4 and at 20 mA", str(span or "nothing"), hint)
    low, high = (float(end) for end in span)
    if not low < high:
        raise ContractError(f"{field}.span", "a second value above the first", str(span), "4 mA first, then 20 mA")
    return {"range_low": of_current(NAMUR_UNDER_MA, low, high), "range_high": of_current(NAMUR_OVER_MA, low, high)}


def of_current(ma: float, low: float, high: float) -> float:
    """What a current means on a loop whose 4 mA are `low` and whose 20 mA are `high`."""
    return round(low + (ma - 4) / 16 * (high - low), 6)
