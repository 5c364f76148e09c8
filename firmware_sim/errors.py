"""The one error that people at the simulated site see."""

import math
from collections.abc import Iterable


class SimulationError(ValueError):
    """A command that the simulated site does not understand; the message names what is allowed."""


def one_of(what: str, value: str, allowed: Iterable[str]) -> str:
    """Hand `value` back when it is allowed.

    Raises:
        SimulationError: it is not; the message lists what is.
    """
    names = list(allowed)
    if value not in names:
        raise SimulationError(f"{what}: {value!r} is not known; allowed: {', '.join(names)}")
    return value


def number(what: str, text: str) -> float:
    """Read a finite number that a person typed.

    Raises:
        SimulationError: it is not one.
    """
    try:
        value = float(text)
    except ValueError as error:
        raise SimulationError(f"{what}: expected a number, got {text!r}") from error
    if not math.isfinite(value):
        raise SimulationError(f"{what}: expected a finite number, got {text!r}")
    return value


def within(what: str, text: str, low: float, high: float, unit: str) -> float:
    """Read a number that a person typed and that must lie within bounds, both included.

    Raises:
        SimulationError: it is none, or outside.
    """
    value = number(what, text)
    if not low <= value <= high:
        raise SimulationError(f"{what}: expected {low:g} to {high:g} {unit}, got {text}")
    return value
