"""The state file: one writer thread, newest state wins, durable before `done`.

Written to a temporary file, fsynced, renamed, and the directory fsynced: a reader finds the old state or the new one.
After a failed write nothing is acknowledged any more until the process starts anew; the newest state is still
written, as a latch on a doubtful disk is better than none.
"""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from edge.interlock.state import DamagedStateError, Durable, decode, encode

_logger = logging.getLogger(__name__)


class StateStore:
    """Keeps the durable state. One process, one store."""

    def __init__(self, path: Path) -> None:
        """`path` is the state file; its directory is made when missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._wake = threading.Condition()
        self._waiting: Durable | None = None
        self._done: list[Callable[[], None]] = []
        self._closing = False
        self.failed = ""
        self._thread = threading.Thread(target=self._run, name="state", daemon=True)
        self._thread.start()

    def load(self) -> tuple[Durable | None, bool]:
        """The state on disk and whether a file was there; a damaged file is kept aside and counts as unknown."""
        try:
            body = self._path.read_bytes()
        except FileNotFoundError:
            return None, False
        try:
            return decode(body), True
        except DamagedStateError as error:
            _logger.error("state file %s is damaged (%s): kept as .bad, starting tripped", self._path, error)  # noqa: TRY400
            self._path.replace(self._path.with_suffix(".bad"))
            return None, True

    def begin(self, durable: Durable) -> None:
        """Write the very first state before there is a log: a log without a state would be a state that was lost.

        Raises:
            OSError: the disk does not let us.
        """
        self._write(encode(durable))

    def save(self, durable: Durable, done: Callable[[], None] | None = None) -> None:
        """Hand over a state; never waits. `done` comes from the writer thread once it or a newer one is durable."""
        with self._wake:
            self._waiting = durable
            if done is not None:
                self._done.append(done)
            self._wake.notify()

    def close(self, timeout_s: float = 5.0) -> None:
        """Write what waits and end."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._write_for_ever()
        finally:
            if not self._closing:
                self.failed = self.failed or "the writer thread ended"

    def _write_for_ever(self) -> None:
        while True:
            with self._wake:
                while self._waiting is None and not self._closing:
                    self._wake.wait()
                durable, done = self._waiting, self._done
                self._waiting, self._done = None, []
            if durable is None:
                return
            try:
                self._write(encode(durable))
            except OSError as error:
                self.failed = self.failed or str(error)
                _logger.error("state file %s cannot be written: %s", self._path, error)  # noqa: TRY400
                continue
            if not self.failed:
                self._tell(done)

    @staticmethod
    def _tell(done: list[Callable[[], None]]) -> None:
        for call in done:
            try:
                call()
            except RuntimeError:  # the caller's event loop is gone; the state is durable all the same
                _logger.warning("nobody was left to hear that the state is durable")

    def _write(self, body: bytes) -> None:
        fresh = self._path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            view = memoryview(body)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        fresh.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
