"""Raspberry Pi 3 to 5: gpiozero on its lgpio factory, which finds the right chip on a Pi 5 by itself.

lgpio reports edges in a thread of its own; an eventfd brings them into the loop. Its own error is a plain Exception
that gpiozero passes through (a busy line, a chip that is gone); here it becomes an OSError like every other failure.
"""

import contextlib
import os
import sys
from collections import deque

from gpiozero import DigitalInputDevice, DigitalOutputDevice
from gpiozero.exc import GPIOZeroError
from gpiozero.pins import Factory

from edge.config import GpioChip
from edge.gpio.lines import Edge, Pull
from edge.sockets import now_us

_MOST = 1024  # edges that are kept while nobody looks: a chattering contact must not eat the memory
_PULLS = {Pull.NONE: None, Pull.UP: True, Pull.DOWN: False}


def _failures() -> tuple[type[Exception], ...]:
    """What gpiozero and lgpio raise; asked for when something was raised, for importing lgpio starts its thread."""
    lgpio = sys.modules.get("lgpio")
    return (OSError, GPIOZeroError) if lgpio is None else (OSError, GPIOZeroError, lgpio.error)


class _Output:
    def __init__(self, device: DigitalOutputDevice) -> None:
        self._device = device

    def write(self, active: bool) -> None:
        try:
            self._device.value = active
        except _failures() as error:
            raise OSError(str(error)) from error

    def release(self) -> None:
        with contextlib.suppress(OSError):
            if not self._device.closed:
                self.write(active=False)
        _close(self._device)


class _Input:
    def __init__(self, device: DigitalInputDevice) -> None:
        self._device = device
        self._seen: deque[Edge] = deque(maxlen=_MOST)
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        device.when_activated = lambda: self._note(active=True)
        device.when_deactivated = lambda: self._note(active=False)

    @property
    def fd(self) -> int:
        return self._wake

    def _note(self, *, active: bool) -> None:
        """Called in lgpio's thread, which would end with an error of ours, and with it every line's edges."""
        self._seen.append(Edge(active, now_us()))
        with contextlib.suppress(OSError):  # released meanwhile
            os.eventfd_write(self._wake, 1)

    def read(self) -> bool:
        try:
            return bool(self._device.is_active)
        except _failures() as error:
            raise OSError(str(error)) from error

    def edges(self) -> list[Edge]:
        try:
            os.eventfd_read(self._wake)
        except BlockingIOError:
            return []
        found = []
        while self._seen:
            found.append(self._seen.popleft())
        return found

    def release(self) -> None:
        if self._wake < 0:
            return
        wake, self._wake = self._wake, -1
        self._device.when_activated = self._device.when_deactivated = None
        _close(self._device)
        os.close(wake)


def _close(device: DigitalOutputDevice | DigitalInputDevice) -> None:
    """Give a line back; one whose chip is gone is given back already."""
    try:
        device.close()
    except _failures():
        # Or gpiozero would close it once more when it is collected, and by then the line may be taken anew.
        device._pin = None  # noqa: SLF001


class PiGpio:
    """See `edge.gpio.lines.Gpio`. Tests hand in gpiozero's MockFactory."""

    def __init__(self, chip: GpioChip, factory: Factory | None = None) -> None:
        """Open the chip.

        Raises:
            OSError: this is no Raspberry Pi, or its chip is not ours to use.
        """
        del chip  # gpiozero knows which chip a model's header is on
        if factory is None:
            from gpiozero.pins.lgpio import LGPIOFactory

            try:
                factory = LGPIOFactory()
            except _failures() as error:
                raise OSError(str(error)) from error
        self._factory = factory

    def output(self, line: int) -> _Output:
        """See `Gpio.output`."""
        try:
            return _Output(DigitalOutputDevice(line, initial_value=False, pin_factory=self._factory))
        except _failures() as error:
            raise OSError(f"GPIO line {line}: {error}") from error

    def input(self, line: int, pull: Pull) -> _Input:
        """See `Gpio.input`."""
        resistor = _PULLS[pull]
        # gpiozero takes the active level from the resistor, as we do, and asks for it where there is none.
        active = True if resistor is None else None
        try:
            return _Input(DigitalInputDevice(line, pull_up=resistor, active_state=active, pin_factory=self._factory))
        except _failures() as error:
            raise OSError(f"GPIO line {line}: {error}") from error
