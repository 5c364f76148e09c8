"""Prints lines, documents and refusals; one place decides about colour and width."""

import sys
from collections.abc import Iterable
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from contracts.errors import ContractError
from edge.cli.client import NoAnswer
from edge.cli.words import Words

OK = 0
REFUSED = 1
USAGE = 2
NO_INTERLOCK = 3

_WIDEST = 100
"""A picture wider than this only spreads its columns apart."""


def screen(*, errors: bool = False) -> Console:
    """The terminal: no markup, no guessing of colours; plain text when it is not a terminal or NO_COLOR is set."""
    return Console(stderr=errors, highlight=False, markup=False, soft_wrap=False)


def width(console: Console) -> int:
    """Columns to draw on."""
    return min(_WIDEST, console.width)


def lines(console: Console, found: Iterable[Text | str]) -> None:
    """Print lines as they are, never folded."""
    for line in found:
        console.print(line, no_wrap=True, overflow="ignore", crop=False)


def document(value: Any) -> None:
    """Print a value as JSON, indented."""
    raw = value if isinstance(value, msgspec.Raw) else msgspec.json.encode(value)
    sys.stdout.write(msgspec.json.format(bytes(raw)).decode() + "\n")


def exact(raw: msgspec.Raw) -> None:
    """Print a JSON document unchanged, as one line, at once."""
    sys.stdout.buffer.write(bytes(raw) + b"\n")
    sys.stdout.buffer.flush()


def refusal(error: ContractError, words: Words, title: str = "") -> None:
    """Say on stderr what was expected, what came and what to do."""
    console = screen(errors=True)
    if title:
        console.print(Text(f"✘ {title}", "bold #ff6b61"))
    for key, value in (
        ("field", error.field), ("expected", error.expected), ("came", error.came), ("hint", error.hint),
    ):  # fmt: skip
        if value:
            line = Text().append(f"{'  ' if title else ''}{words(key)}: ", "#8b949e")
            console.print(line.append(value, "bold" if key in ("field", "hint") else ""), soft_wrap=True)


def failure(error: Exception, words: Words) -> int:
    """Say on stderr why a command could not do its work; gives the exit code."""
    if isinstance(error, ContractError):
        refusal(error, words)
        return REFUSED
    console = screen(errors=True)
    if isinstance(error, NoAnswer):
        what, todo, code = words("no_answer", path=error.path, why=error.why), words("no_answer_do"), NO_INTERLOCK
    elif isinstance(error, OSError):
        why = error.strerror or str(error)
        what, todo, code = words("unreadable", path=error.filename or "?", why=why), words("unreadable_do"), REFUSED
    else:
        raise error
    console.print(Text(f"✘ {what}", "bold #ff6b61"), soft_wrap=True)
    console.print(Text(f"  → {todo}"), soft_wrap=True)
    return code
