"""What a GPIO family offers. A line is asked for by its number on the chip (BCM numbering on a Raspberry Pi).

A level is not a safety path: a process that stops keeps its outputs, and so do most kernels when it dies
(`edge.gpio.persist`). Whatever is switched by a line stands in series with something that latches open by itself.
"""

import importlib
from enum import StrEnum
from typing import Protocol

import msgspec

from contracts.errors import ContractError
from edge.config import GpioChip


class Pull(StrEnum):
    """The resistor at an input, and with it what "active" is, so that a broken wire always reads inactive.

    ``up``: a contact to ground, active when low. ``down``: a contact to the supply, active when high. ``none``: the
    board has its own resistor to ground, active when high.
    """

    NONE = "none"
    UP = "up"
    DOWN = "down"


class Edge(msgspec.Struct, frozen=True, gc=False):
    """A change of an input: what it is now, and CLOCK_BOOTTIME in microseconds at which it became so."""

    active: bool
    at_us: int


class OutputLine(Protocol):
    """A line that is driven; inactive (low) from the moment it is asked for."""

    def write(self, active: bool) -> None:
        """Drive it.

        Raises:
            OSError: the chip is gone.
        """
        ...

    def release(self) -> None:
        """Drive it inactive, then give it back; never raises, for a line whose chip is gone is given back already.

        It may float from then on, so the board needs its own pull-down.
        """
        ...


class InputLine(Protocol):
    """A line that is read. `fd` becomes readable with each edge, for ``loop.add_reader``."""

    @property
    def fd(self) -> int:
        """Readable when `edges` has something to give."""
        ...

    def read(self) -> bool:
        """Whether it is active now.

        Raises:
            OSError: the chip is gone.
        """
        ...

    def edges(self) -> list[Edge]:
        """What changed since the last call, oldest first; never waits.

        Raises:
            OSError: the chip is gone.
        """
        ...

    def release(self) -> None:
        """Give it back; never raises."""
        ...


class Gpio(Protocol):
    """One chip's lines."""

    def output(self, line: int) -> OutputLine:
        """Take a line as output, driven inactive at once.

        Raises:
            OSError: it is not there, or somebody else has it.
        """
        ...

    def input(self, line: int, pull: Pull) -> InputLine:
        """Take a line as input with edge events.

        Raises:
            OSError: it is not there, or somebody else has it.
        """
        ...


_FAMILIES = {"pi": ("edge.gpio.pi", "PiGpio"), "pc": ("edge.gpio.pc", "PcGpio")}
"""Family → module and class, imported only when a box is configured for it."""


def open_gpio(chip: GpioChip) -> Gpio:
    """The lines of the configured chip.

    Raises:
        ContractError: the family's library is not installed, or finds no such chip on this machine.
    """
    module, name = _FAMILIES[chip.family]
    try:
        made: Gpio = getattr(importlib.import_module(module), name)(chip)
    except (ImportError, OSError) as error:
        raise ContractError(
            "gpio", f"a machine of family {chip.family} with its GPIO", str(error) or type(error).__name__,
            "gpio.family is pi (Raspberry Pi 3-5) or pc (any Linux with /dev/gpiochip*); install the edge extra",
        ) from error  # fmt: skip
    return made
