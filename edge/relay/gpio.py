"""A relay on a GPIO line, in series with a latching primary and never alone.

A level does not fall when the box hangs, and on many kernels not even when it dies (`edge.gpio.persist`): what opens
then is the primary. While the loop lives, a heartbeat that fails to come for `HOLD_S` drops the line here.
Feedback: the relay's mirror contact from its own line to ground, with pull-up; closed (active) while the relay is open.
"""

import asyncio
import logging
from collections.abc import Callable

from edge.config import SeriesRelay
from edge.gpio import Gpio, InputLine, OutputLine, Pull
from edge.relay.element import ElementStatus
from edge.sockets import now_us

_log = logging.getLogger(__name__)

HOLD_S = 0.15
_RETRY_S = 1.0


class GpioRelay:
    """See `edge.relay.element.SeriesDriver`."""

    def __init__(self, config: SeriesRelay, gpio: Gpio, on_status: Callable[[ElementStatus], None]) -> None:
        """`on_status` is called in the loop with each edge of the contact and at each heartbeat."""
        self._config = config
        self._gpio = gpio
        self._on_status = on_status
        self._loop: asyncio.AbstractEventLoop | None = None
        self._coil: OutputLine | None = None
        self._mirror: InputLine | None = None
        self._status: ElementStatus | None = None
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._again: asyncio.TimerHandle | None = None
        self.lost = 0

    @property
    def name(self) -> str:
        """See `SeriesDriver.name`."""
        return self._config.name

    @property
    def status(self) -> ElementStatus | None:
        """See `SeriesDriver.status`."""
        return self._status

    def open_port(self) -> None:
        """See `SeriesDriver.open_port`."""
        self._again = None
        self._loop = asyncio.get_running_loop()
        if self._coil is not None or self._config.line is None:
            return
        try:
            self._coil = self._gpio.output(self._config.line)
            self._mirror = self._gpio.input(self._config.feedback, Pull.UP)
            self._loop.add_reader(self._mirror.fd, self._on_edges)
            self._loop.call_soon(self._look)
        except OSError as error:
            self._lose(error)

    def heartbeat(self, closed: bool) -> None:
        """See `SeriesDriver.heartbeat`."""
        if not closed and self._closed:
            self.open_contact()
        elif closed and self._closed:
            self._hold()
        if self._loop is not None:
            self._loop.call_soon(self._look)  # not in here: whoever beats is in the middle of its evaluation

    def close_contact(self) -> bool:
        """See `SeriesDriver.close_contact`; only on a status that says open."""
        if self._coil is None or self._status is None or self._status.contact_closed:
            return False
        try:
            self._coil.write(active=True)
        except OSError as error:
            self._lose(error)
            return False
        self._closed = True
        self._hold()
        return True

    def open_contact(self) -> bool:
        """See `SeriesDriver.open_contact`."""
        self._closed = False
        self._let_go()
        if self._coil is None:
            return False
        try:
            self._coil.write(active=False)
        except OSError as error:
            self._lose(error)
            return False
        return True

    def shut(self) -> None:
        """See `SeriesDriver.shut`."""
        if self._again is not None:
            self._again.cancel()
            self._again = None
        self._release()

    def _hold(self) -> None:
        self._let_go()
        if self._loop is not None:
            self._timer = self._loop.call_later(HOLD_S, self.open_contact)

    def _let_go(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_edges(self) -> None:
        if self._mirror is None:
            return
        try:
            for edge in self._mirror.edges():
                self._tell(contact_closed=not edge.active, at_us=edge.at_us)
        except OSError as error:
            self._lose(error)

    def _look(self) -> None:
        if self._mirror is None:
            return
        at_us = now_us()
        try:
            closed = not self._mirror.read()
        except OSError as error:
            self._lose(error)
            return
        self._tell(contact_closed=closed, at_us=at_us)

    def _tell(self, *, contact_closed: bool, at_us: int) -> None:
        self._status = ElementStatus(self.name, contact_closed, at_us)
        self._on_status(self._status)

    def _lose(self, error: OSError) -> None:
        """The chip or a line is gone: open as far as that goes, forget, try again later."""
        if not self.lost:
            _log.warning("relay %s on GPIO: %s", self.name, error)
        self.lost += 1
        self._release()
        if self._loop is not None and self._again is None:
            self._again = self._loop.call_later(_RETRY_S, self.open_port)

    def _release(self) -> None:
        self._closed = False
        self._let_go()
        coil, mirror, self._coil, self._mirror, self._status = self._coil, self._mirror, None, None, None
        for line in (coil, mirror):
            if line is None:
                continue
            try:
                if line is mirror and self._loop is not None:
                    self._loop.remove_reader(line.fd)
                line.release()
            except OSError as error:
                _log.debug("release of a line of %s: %s", self.name, error)
