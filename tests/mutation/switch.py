"""The switch between a function and its mutants. The mutated modules import it; see `sowing`."""

import functools
from collections.abc import Callable
from typing import Any

_switches: dict[str, tuple[dict[str, Callable[..., Any]], list[Callable[..., Any]]]] = {}


def switched(mutants: dict[str, Callable[..., Any]], name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a function stand for itself until one of its `mutants` is chosen; `name` is "module:function"."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        chosen = [function]
        _switches[name] = mutants, chosen

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            return chosen[0](*args, **kwargs)

        return call

    return decorate


def choose(name: str, number: int) -> None:
    """From now on the function `name` is its mutant `number`."""
    mutants, chosen = _switches[name]
    chosen[0] = mutants[str(number)]
