"""Buttons and contacts on GPIO lines. An edge wakes the interlock's loop by file descriptor; nothing polls in a thread.

A chip that cannot be read delivers nothing, so its last reading ages out and counts as "no"; it is opened again each
second.
"""

import asyncio
import logging
from collections.abc import Callable

from edge.config import BoxConfig
from edge.gas.reading import InputReading
from edge.gpio import Gpio, InputLine, Pull
from edge.sockets import now_us

_logger = logging.getLogger(__name__)

REOPEN_US = 1_000_000
BUTTONS = ("arm", "finish", "reset")
"""Closed while pressed; every other input is closed while all is well."""


def flickered(levels: dict[str, bool], moved: frozenset[str]) -> dict[str, bool]:
    """The levels that must be believed of the moment before `levels`, when the inputs in `moved` changed meanwhile.

    A contact that changed was open for a while: that is what trips. A button that changed was the other way round:
    that is what its standing still is counted from.
    """
    return {
        name: (not closed if name in BUTTONS else False) if name in moved else closed
        for name, closed in levels.items()
    }


class GpioInputs:
    """The lines of one box. `look` is called at every evaluation and by the loop when a line changes."""

    def __init__(self, config: BoxConfig, gpio: Gpio, deliver: Callable[[InputReading | None], None]) -> None:
        """Nothing is taken before `look`."""
        self._places = config.inputs.addresses
        self._pull = Pull(config.inputs.pull)
        self._gpio = gpio
        self._deliver = deliver
        self._lines: dict[str, InputLine] = {}
        self._awaited: list[int] = []
        self._again_us = 0
        self._told = False

    def look(self) -> None:
        """Read every line and deliver; what flickered since the last look is delivered before it."""
        now = now_us()
        if not self._lines and not self._open(now):
            return
        try:
            edges = {name: line.edges() for name, line in self._lines.items()}
            levels = {name: line.read() for name, line in self._lines.items()}
        except OSError as error:
            self._lose(now, error)
            return
        moved = frozenset(name for name, seen in edges.items() if seen)
        if moved:
            newest = max(edge.at_us for seen in edges.values() for edge in seen)
            self._deliver(InputReading(**flickered(levels, moved), at_us=min(newest, now)))
        self._deliver(InputReading(**levels, at_us=now))

    def close(self) -> None:
        """Give the lines back."""
        loop = asyncio.get_running_loop()
        for descriptor in self._awaited:
            loop.remove_reader(descriptor)
        for line in self._lines.values():
            line.release()
        self._lines, self._awaited = {}, []

    def _open(self, now: int) -> bool:
        if now < self._again_us:
            return False
        self._again_us = now + REOPEN_US
        loop = asyncio.get_running_loop()
        try:
            for name, place in self._places.items():
                line = self._lines[name] = self._gpio.input(place, self._pull)
                loop.add_reader(line.fd, self.look)
                self._awaited.append(line.fd)
        except OSError as error:
            self._lose(now, error)
            return False
        self._told = False
        return True

    def _lose(self, now: int, error: OSError) -> None:
        if not self._told:
            self._told = True
            _logger.error("the GPIO inputs cannot be read, so nothing is known of them: %s", error)
        self.close()
        self._again_us = now + REOPEN_US
        self._deliver(None)


