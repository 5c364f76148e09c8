"""Kinds of rows in a rule pack. Each knows its unit, where its number comes from and which way is stricter.

    kind       value                 stricter
    Limit      bounds of a gas       the narrower band, after conversion
    LevelRule  a hot-work level      shorter, and what must be there
    Number     whole number          as its field says: `Lower`, `Higher`; a plain `Number` is fixed, nobody changes it
    Flag       true or false         true
    Word       one of an order       the later word
    Days       dates or weekdays     the larger set

A row keeps its value, its clause and how sure the clause is.
"""

import datetime
import math
import operator
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from contracts.gas import Unit, convert, gas


class Source(StrEnum):
    """Where a number comes from, so that nobody mistakes our choice for the law's.

    `TEXT`: the standard's text was read. `SECONDARY`: a public source about it. `PROFESSIONAL`: established knowledge,
    not read again. `CLAIM`: one unverified claim, shown and never decided by. `POLICY`: ours; a site may tighten it.
    """

    TEXT = "text"
    SECONDARY = "secondary"
    PROFESSIONAL = "professional"
    CLAIM = "claim"
    POLICY = "policy"


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Quantity(StrEnum):
    """What a limit guards against: a limit against fire says nothing about poison, and no unit leads across."""

    FLAMMABLE = "flammable"
    TOXIC = "toxic"
    OXYGEN = "oxygen"


_SIDES = (
    ("low", max, operator.lt, math.inf),
    ("high", min, operator.gt, -math.inf),
    ("below", min, operator.gt, -math.inf),
)
"""Each bound: the strictest of several, when one is looser than another, and where stricter ones lie."""


class Limit(_Row, frozen=True):
    """A gas passes while ``low <= value <= high`` and ``value < below``, in `unit`.

    `temperature_c` is the temperature by which mg/m3 become ppm; the pack's own unless the row says otherwise.
    """

    gas: str
    unit: Unit
    clause: str
    low: float | None = None
    high: float | None = None
    below: float | None = None
    source: Source = Source.POLICY
    temperature_c: int | None = None

    @property
    def quantity(self) -> Quantity:
        """What it guards against."""
        if self.unit in (Unit.PPM, Unit.MG_M3):
            return Quantity.TOXIC
        return Quantity.OXYGEN if self.gas == "O2" else Quantity.FLAMMABLE

    @property
    def top(self) -> float:
        """The highest value that passes; infinite without an upper bound."""
        high = math.inf if self.high is None else self.high
        return high if self.below is None else min(high, math.nextafter(self.below, -math.inf))

    @property
    def bottom(self) -> float:
        """The lowest value that passes."""
        return -math.inf if self.low is None else self.low

    def into(self, unit: Unit) -> "Limit":
        """The same limit in another unit.

        Raises:
            ContractError: there is no defined way.
        """
        low, high, below = (
            None if bound is None else convert(bound, self.gas, self.unit, unit, self.temperature_c)
            for bound in (self.low, self.high, self.below)
        )
        return msgspec.structs.replace(self, unit=unit, low=low, high=high, below=below)

    @property
    def units(self) -> tuple[Unit, ...]:
        """The units in which it can be stated, its own first."""
        if self.quantity is Quantity.TOXIC:
            pair = (Unit.PPM, Unit.MG_M3) if self.temperature_c is not None else (self.unit,)
        else:
            pair = (Unit.VOL_PCT, Unit.PCT_LEL) if gas(self.gas).lel_vol_pct is not None else (self.unit,)
        return (self.unit, *(unit for unit in pair if unit is not self.unit))

    def restated(self, unit: Unit, temperature_c: int | None) -> "Limit":
        """A limit in `unit` and at `temperature_c` that passes nothing, in any unit, that this one refuses."""
        if (unit, temperature_c) == (self.unit, self.temperature_c):
            return self
        same = [(each, self.into(each)) for each in self.units]
        found = {}
        for name, strictest, looser, way in _SIDES:
            if getattr(self, name) is None:
                continue
            bounds = [(each, getattr(limit, name)) for each, limit in same]
            value = strictest(convert(bound, self.gas, each, unit, temperature_c) for each, bound in bounds)
            while any(looser(convert(value, self.gas, unit, each, temperature_c), bound) for each, bound in bounds):
                value = math.nextafter(value, way)  # what rounding gave away
            found[name] = value
        return msgspec.structs.replace(self, unit=unit, temperature_c=temperature_c, **found)

    def narrowed(self, other: "Limit") -> "Limit":
        """What passes this limit and `other`, which is in the same unit; with the clauses that decide."""
        if self.bottom >= other.bottom and self.top <= other.top:
            return self
        if other.bottom >= self.bottom and other.top <= self.top:
            return other
        lower = max(self, other, key=operator.attrgetter("bottom"))
        upper = min(self, other, key=operator.attrgetter("top"))
        clause, source = f"{lower.clause}; {upper.clause}", max(self.source, other.source, key=tuple(Source).index)
        return msgspec.structs.replace(upper, low=lower.low, clause=clause, source=source)


class LevelRule(_Row, frozen=True):
    """What a hot-work level asks for.

    Longest validity, longest break without a new gas test, camera and continuous gas reading while released.
    """

    validity_h: int
    break_s: int
    camera: bool
    continuous_gas: bool
    clause: str
    source: Source = Source.POLICY


class Number(_Row, frozen=True):
    """A whole number and the clause that it comes from; the end of its name is its unit."""

    value: int
    clause: str
    source: Source = Source.POLICY


class Flag(_Row, frozen=True):
    """Whether something is asked for."""

    value: bool
    clause: str
    source: Source = Source.POLICY


class Word(_Row, frozen=True):
    """A word of a closed set and its clause."""

    value: Literal["proven", "not_proven", "none", "rtc", "sync", "gps"]
    clause: str
    source: Source = Source.POLICY


class Days(_Row, frozen=True):
    """Dates, and weekdays from 1 (Monday) to 7."""

    clause: str
    dates: tuple[datetime.date, ...] = ()
    weekdays: tuple[Annotated[int, msgspec.Meta(ge=1, le=7)], ...] = ()
    source: Source = Source.POLICY


Lower = Annotated[Number, msgspec.Meta(extra={"stricter": "lower"})]
"""A number of which less is stricter, such as an age or a grace."""
Higher = Annotated[Number, msgspec.Meta(extra={"stricter": "higher"})]
"""A number of which more is stricter, such as a fire watch or a distance."""

LIVENESS = ("not_proven", "proven")
CLOCK = ("none", "rtc", "signed", "sync", "gps")
"""Words in their order, the strictest last. A clock is ``signed`` that agreed with the bridge's time in this boot."""

COLDEST_C, HOTTEST_C = -40, 60
"""Air in which a limit in mg/m3 may be stated, so that ppm follow from it: no people work, and no detector is rated,
beyond. Without a bound, a limit at 2000 °C would be 8 times the ppm while its mg/m3 look the same."""

_UNITS = {
    "s": "s", "ms": "ms", "h": "h", "d": "d", "m": "m", "cm": "cm", "v": "V", "c": "°C", "milli": "1/1000",
    "centi": "1/100", "percent": "%", "pct": "vol%", "lel": "%LEL", "grade": "Beaufort", "satellites": "", "count": "",
    "px": "px", "deg": "°",
}  # fmt: skip


def unit_of(name: str) -> str:
    """The unit that a row's name ends with: ``gas_test_age_s`` is in seconds; ``""`` counts something.

    Raises:
        KeyError: the name ends with no known unit.
    """
    return _UNITS[name.rpartition("_")[2]]
