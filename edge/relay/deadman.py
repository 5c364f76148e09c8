"""Driver of the dead-man controller on a serial line: synchronous, non-blocking, one write per call.

Bytes that the line has not taken are worse than lost ones: heartbeats that wait in a buffer would go on sustaining
the contact after the interlock has died. So nothing is written while more than two heartbeats wait in the
output queue, OPEN throws the queue away first, and closing the port does too.
"""

import array
import asyncio
import fcntl
import logging
import os
import termios
from collections.abc import Callable

import msgspec
import serial

from edge.config import Relay
from edge.relay import protocol
from edge.relay.protocol import DeadmanStatus
from edge.sockets import now_us

_log = logging.getLogger(__name__)

_REOPEN_FIRST_S = 0.1
_REOPEN_LAST_S = 1.0
_READ_SIZE = 1024
_QUEUE_LIMIT = 80  # bytes: two heartbeats
_FRESH_US = 300_000  # a status line comes at least every 100 ms


class DeadmanCounts(msgspec.Struct):
    """What happened on the line since start."""

    sent: int = 0
    refused: int = 0
    """Writes that the line did not take, or that were held back because it takes nothing."""
    statuses: int = 0
    bad_lines: int = 0
    opened: int = 0
    """Times the port was opened."""
    lost: int = 0
    """Times the port went away."""


class DeadManRelay:
    """See `edge.relay.driver.RelayDriver`."""

    def __init__(self, config: Relay, on_status: Callable[[DeadmanStatus], None]) -> None:
        """`on_status` is called in the loop with each sound status line."""
        self._config = config
        self._on_status = on_status
        self._loop: asyncio.AbstractEventLoop | None = None
        self._port: serial.Serial | None = None
        self._fd = -1
        self._seq = 0
        self._torn = False
        self._buffer = b""
        self._status: DeadmanStatus | None = None
        self._reopen: asyncio.TimerHandle | None = None
        self._reopen_s = _REOPEN_FIRST_S
        self._shut = False
        self._queued = array.array("i", [0])
        self.counts = DeadmanCounts()

    @property
    def connected(self) -> bool:
        """Whether the port is open."""
        return self._fd >= 0

    @property
    def status(self) -> DeadmanStatus | None:
        """The last status since the port was opened."""
        return self._status

    def open_port(self) -> bool:
        """See `RelayDriver.open_port`."""
        self._loop = asyncio.get_running_loop()
        if self._shut or self.connected:
            return self.connected
        try:
            port = serial.Serial(self._config.device, self._config.baud, timeout=0, write_timeout=0, exclusive=True)
        except (OSError, termios.error, ValueError) as error:  # ValueError: the adapter cannot do this baud rate
            if self._reopen_s <= _REOPEN_FIRST_S:
                _log.warning("dead-man controller %s: %s", self._config.device, error)
            self._try_again()
            return False
        self._port, self._fd = port, port.fileno()
        self._buffer, self._status, self._torn = b"", None, False
        self._reopen_s = _REOPEN_FIRST_S
        self.counts.opened += 1
        self._loop.add_reader(self._fd, self._on_readable)
        self.open_contact()
        return self.connected

    def heartbeat(self, closed: bool) -> bool:
        """See `RelayDriver.heartbeat`."""
        return self._write(protocol.heartbeat(self._next(), closed=closed))

    def close_contact(self) -> bool:
        """See `RelayDriver.close_contact`; quotes the nonce of a status line not older than 300 ms."""
        nonce = self._open_nonce()
        if nonce is None:
            return False
        return self._write(protocol.close(self._next(), nonce))

    def open_contact(self) -> bool:
        """See `RelayDriver.open_contact`."""
        self._discard_output()
        return self._write(protocol.open_(self._next()))

    def drill(self) -> bool:
        """See `RelayDriver.drill`."""
        nonce = self._open_nonce()
        if nonce is None:
            return False
        return self._write(protocol.drill(self._next(), nonce))

    def false_close(self) -> bool:
        """See `RelayDriver.false_close`. Refused when anything is closed."""
        nonce = self._open_nonce()
        if nonce is None:
            return False
        return self._write(protocol.close(self._next(), protocol.wrong(nonce)))

    def watch_drop(self) -> bool:
        """See `RelayDriver.watch_drop`: the controller tells by itself."""
        return self.connected

    def discard_input(self) -> None:
        """See `RelayDriver.discard_input`."""
        self._buffer = b""
        if self._fd >= 0:
            try:
                termios.tcflush(self._fd, termios.TCIFLUSH)
            except (OSError, termios.error) as error:
                self._lose(error)

    def shut(self) -> None:
        """See `RelayDriver.shut`."""
        self._shut = True
        if self._reopen is not None:
            self._reopen.cancel()
            self._reopen = None
        if self.connected:
            self.open_contact()
        self._close(discard=False)

    def _open_nonce(self) -> str | None:
        """The nonce of a fresh status line that says open, latch and contact alike."""
        status = self._status
        if status is None or status.latch_closed or status.contact_closed or now_us() - status.at_us > _FRESH_US:
            return None
        return status.nonce

    def _next(self) -> int:
        self._seq = (self._seq + 1) & protocol.SEQ_MASK
        return self._seq

    def _write(self, line: bytes) -> bool:
        if self._fd < 0:
            self.counts.refused += 1
            return False
        if self._torn:
            line = b"\n" + line  # ends the half line that went out before
        try:
            fcntl.ioctl(self._fd, termios.TIOCOUTQ, self._queued)
            if self._queued[0] > _QUEUE_LIMIT:
                self.counts.refused += 1
                return False
            written = os.write(self._fd, line)
        except BlockingIOError:
            self.counts.refused += 1
            return False
        except OSError as error:
            self._lose(error)
            return False
        self._torn = written < len(line)
        if self._torn:
            self.counts.refused += 1
            return False
        self.counts.sent += 1
        return True

    def _discard_output(self) -> None:
        if self._fd < 0:
            return
        try:
            if self._queued_bytes():
                termios.tcflush(self._fd, termios.TCOFLUSH)
                self._torn = True
        except (OSError, termios.error) as error:
            self._lose(error)

    def _queued_bytes(self) -> int:
        fcntl.ioctl(self._fd, termios.TIOCOUTQ, self._queued)
        return self._queued[0]

    def _on_readable(self) -> None:
        try:
            data = os.read(self._fd, _READ_SIZE)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error)
            return
        if not data:
            self._lose(OSError("end of file"))
            return
        at_us = now_us()
        lines = (self._buffer + data).split(b"\n")
        self._buffer = lines.pop()[-protocol.MAX_LINE - 1 :]
        for line in lines:
            status = protocol.parse(line, at_us)
            if status is None:
                self.counts.bad_lines += 1
                continue
            self.counts.statuses += 1
            self._status = status
            self._on_status(status)

    def _lose(self, error: BaseException) -> None:
        """The device is gone: forget its nonce, report, try again later."""
        _log.warning("dead-man controller %s lost: %s", self._config.device, error)
        self.counts.lost += 1
        self._close(discard=True)
        if not self._shut:
            self._try_again()

    def _close(self, *, discard: bool) -> None:
        if self._port is None or self._loop is None:
            return
        self._loop.remove_reader(self._fd)
        if discard:
            try:
                # the kernel would otherwise wait up to 30 s in close() for bytes that nobody takes
                termios.tcflush(self._fd, termios.TCIOFLUSH)
            except (OSError, termios.error) as error:
                _log.debug("flush on close: %s", error)
        self._fd = -1
        self._status = None
        port, self._port = self._port, None
        try:
            port.close()
        except (OSError, termios.error) as error:
            _log.debug("close: %s", error)

    def _try_again(self) -> None:
        if self._loop is None or self._reopen is not None:
            return
        self._reopen = self._loop.call_later(self._reopen_s, self._reopen_now)
        self._reopen_s = min(2 * self._reopen_s, _REOPEN_LAST_S)

    def _reopen_now(self) -> None:
        self._reopen = None
        self.open_port()
