"""The one error that people at the simulated site see."""

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
    """Read a number that a person typed.

    Raises:
        SimulationError: it is not one.
    """
    try:
        return float(text)
    except ValueError as error:
        raise SimulationError(f"{what}: expected a number, got {text!r}") from error
