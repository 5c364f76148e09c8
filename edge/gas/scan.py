"""Which units answer on a bus, and which profile fits what they show. Asks one thing at a time, on a line of its own.

A unit is there when it answers anything, an exception included. A profile fits by what only its family shows: a
signature, status words without an unknown bit, a live counter that moves, a value that can be one.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from edge.gas.decoding import number, status_of
from edge.gas.modbus import Failure, Line
from edge.gas.profile import NAMUR_FAULT_HIGH_MA, NAMUR_FAULT_LOW_MA, Function, Profile, load, names

_ABSENT = ("exception 10", "exception 11")
"""A gateway's word for a unit that it cannot reach (Modbus application protocol 1.1b3, 7)."""
COUNTER_S = 0.15
"""Between the two looks at a live counter: longer than the step of most, so that a standing one says something."""
_TINY, _HUGE = 1e-4, 1e6
"""What a float that measures something lies between, when it is not 0."""
_SIGNATURE, _COUNTER, _WORD, _VALUE, _AGE, _ROOM = 10, 4, 3, 2, 1, 1
"""What each sign is worth."""


class Fit(msgspec.Struct, frozen=True):
    """How well a profile fits: the larger the better, and not at all below 1."""

    profile: str
    score: int


class Unit(msgspec.Struct, frozen=True):
    """A unit that answered.

    Attributes:
        fits: the profiles that fit, the best first; several of the same score cannot be told apart just now.
        registers: what it shows from the best profile's register on, or nothing.
    """

    unit_id: int
    fits: tuple[Fit, ...]
    registers: tuple[int, ...]


class Lost(Exception):  # noqa: N818 - not the caller's mistake
    """The line itself cannot be asked: why."""


def fit(profile: Profile, first: Sequence[int], second: Sequence[int] | None) -> int:
    """What two looks at a unit's registers are worth for a profile, its signature left aside.

    A second look that got no answer (None) says nothing of the live counter, for the profile or against it.
    """
    point = next(iter(profile.points.values()))
    worth = 0
    for word in profile.words(point):
        held, _ = number(first, word.at, word.type, word.word_order)
        worth += -_WORD if status_of(word, held)[1] else _WORD
    raw, value = number(first, point.at, point.type, point.word_order)
    if point.current and point.scale is not None:
        possible = NAMUR_FAULT_LOW_MA <= value * point.scale + point.offset <= NAMUR_FAULT_HIGH_MA
    else:
        possible = math.isfinite(value) and (not value or point.type != "float32" or _TINY < abs(value) < _HUGE)
    worth += _VALUE if possible and raw not in point.codes.fault else -_VALUE
    if profile.counter is not None and second is not None:
        moved = (second[profile.counter.at] - first[profile.counter.at]) & 0xFFFF
        slow = profile.counter.step_ms > COUNTER_S * 1000
        worth += _COUNTER if 0 < moved < 0x8000 else (0 if slow and not moved else -_COUNTER)
    if profile.age is not None:
        worth += _AGE if first[profile.age.at] * profile.age.scale_ms <= profile.age.max_ms else -_WORD
    return worth


def families() -> tuple[Profile, ...]:
    """The profiles that are read over a bus."""
    return tuple(found for found in map(load, names()) if found.kind == "modbus")


async def _look(line: Line, unit_id: int, profile: Profile) -> tuple[int, list[int]] | None:
    """What a unit is worth for a profile, and its registers; None when it does not have them."""
    needed = profile.needed(next(iter(profile.points.values())), live_counter=True)
    where = (unit_id, profile.function, profile.register)
    first = await _ask(line, *where, profile.readable)
    room = _ROOM if not isinstance(first, Failure) else 0
    if isinstance(first, Failure):
        first = await _ask(line, *where, needed)
    if isinstance(first, Failure):
        return None
    second: list[int] | None = first
    if profile.counter is not None:
        await asyncio.sleep(COUNTER_S)
        again = await _ask(line, *where, needed)
        second = None if isinstance(again, Failure) else again
    worth = room + fit(profile, first, second)
    if profile.signature is not None:
        sign = profile.signature
        held = await _ask(line, unit_id, sign.function, sign.register, len(sign.values))
        worth += _SIGNATURE if not isinstance(held, Failure) and tuple(held) == sign.values else -_SIGNATURE
    return worth, first


async def _ask(line: Line, unit_id: int, function: Function, register: int, count: int) -> list[int] | Failure:
    """Registers, or why not; asked twice: one lost frame or connection neither hides a unit nor speaks against it."""
    answer = await line.registers(unit_id, function, register, count)
    if isinstance(answer, Failure) and not answer.detail.startswith("exception"):
        answer = await line.registers(unit_id, function, register, count)
    return answer


async def scan(line: Line, units: Sequence[int], may: Callable[[], None]) -> AsyncIterator[tuple[int, Unit | None]]:
    """Ask every unit; yields each with what was found, None when it is silent.

    Args:
        line: a line that nobody else uses.
        units: ids to ask.
        may: called before each unit; raises what ends the scan.

    Raises:
        Lost: the line cannot be asked at all.
    """
    known = families()
    for unit_id in units:
        may()
        answer = await _ask(line, unit_id, "input", 0, 1)
        if isinstance(answer, Failure):
            if answer.line:
                raise Lost(answer.detail)
            if not answer.detail.startswith("exception") or answer.detail in _ABSENT:
                yield unit_id, None
                continue
        found: list[tuple[Fit, list[int]]] = []
        for profile in known:
            looked = await _look(line, unit_id, profile)
            if looked is not None and looked[0] > 0:
                found.append((Fit(profile.name, looked[0]), looked[1]))
        found.sort(key=lambda one: -one[0].score)
        best = tuple(found[0][1]) if found else ()
        yield unit_id, Unit(unit_id, tuple(one for one, _ in found), best)
