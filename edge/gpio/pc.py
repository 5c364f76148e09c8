"""Industrial PC, or any Linux with a GPIO character device: libgpiod 2 through its Python binding."""

import contextlib
import time
from datetime import timedelta

import gpiod
from gpiod.line import Bias, Clock, Direction, Value
from gpiod.line import Edge as Detect

from edge.config import GpioChip
from edge.gpio.lines import Edge, Pull
from edge.sockets import now_us

_BIAS = {Pull.NONE: Bias.DISABLED, Pull.UP: Bias.PULL_UP, Pull.DOWN: Bias.PULL_DOWN}
_OWNER = "hotbox"


class _Output:
    def __init__(self, request: gpiod.LineRequest, line: int) -> None:
        self._request = request
        self._line = line
        self._released = False

    def write(self, active: bool) -> None:
        try:
            self._request.set_value(self._line, Value.ACTIVE if active else Value.INACTIVE)
        except gpiod.RequestReleasedError as error:
            raise OSError(str(error)) from error

    def release(self) -> None:
        if self._released:
            return
        self._released = True
        with contextlib.suppress(OSError):
            self.write(active=False)
        _give_back(self._request)


class _Input:
    def __init__(self, request: gpiod.LineRequest, line: int) -> None:
        self._request = request
        self._line = line
        self._released = False

    @property
    def fd(self) -> int:
        return int(self._request.fd)

    def read(self) -> bool:
        try:
            return bool(self._request.get_value(self._line) is Value.ACTIVE)
        except gpiod.RequestReleasedError as error:
            raise OSError(str(error)) from error

    def edges(self) -> list[Edge]:
        try:
            if not self._request.wait_edge_events(timedelta(0)):
                return []
            events = self._request.read_edge_events()
        except gpiod.RequestReleasedError as error:
            raise OSError(str(error)) from error
        # The kernel stamps with CLOCK_MONOTONIC; what waited in its queue keeps its age on our clock.
        ahead_us = now_us() - time.monotonic_ns() // 1000
        rising = gpiod.EdgeEvent.Type.RISING_EDGE
        return [Edge(event.event_type is rising, event.timestamp_ns // 1000 + ahead_us) for event in events]

    def release(self) -> None:
        if not self._released:
            self._released = True
            _give_back(self._request)


def _give_back(request: gpiod.LineRequest) -> None:
    """One whose chip is gone is given back already."""
    with contextlib.suppress(OSError, gpiod.RequestReleasedError):
        request.release()


class PcGpio:
    """See `edge.gpio.lines.Gpio`."""

    def __init__(self, chip: GpioChip) -> None:
        """Look whether the chip is there.

        Raises:
            OSError: it is not, or is not ours to use.
        """
        self._chip = chip.chip
        gpiod.Chip(chip.chip).close()

    def output(self, line: int) -> _Output:
        """See `Gpio.output`."""
        settings = gpiod.LineSettings(direction=Direction.OUTPUT, output_value=Value.INACTIVE)
        return _Output(self._take(line, settings), line)

    def input(self, line: int, pull: Pull) -> _Input:
        """See `Gpio.input`."""
        settings = gpiod.LineSettings(
            direction=Direction.INPUT, bias=_BIAS[pull], active_low=pull is Pull.UP, edge_detection=Detect.BOTH,
            event_clock=Clock.MONOTONIC,
        )  # fmt: skip
        return _Input(self._take(line, settings), line)

    def _take(self, line: int, settings: gpiod.LineSettings) -> gpiod.LineRequest:
        try:
            return gpiod.request_lines(self._chip, config={line: settings}, consumer=_OWNER)
        except ValueError as error:  # the chip has no such line
            raise OSError(f"GPIO line {line} of {self._chip}: {error}") from error
