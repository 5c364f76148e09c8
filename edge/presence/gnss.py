"""The GNSS receiver on its serial line: read without a thread, opened again when the port goes away."""

import asyncio
import logging
import termios
import time
from collections.abc import Callable

import serial

from edge.config import Gnss
from edge.presence.nmea import LONGEST_SENTENCE, Fix, Merger
from edge.presence.places import Places
from edge.sockets import now_us

RETRY_S = 1.0
GAP_S = 1.5
"""A receiver sends at least once a second. After a longer pause what is read first may have waited in a buffer, also
because this process was stopped, and would be stamped as new: it is thrown away."""
SILENCE_S = 5.0
"""A port that is open and says nothing this long is opened again: USB adapters come back under the same name."""

log = logging.getLogger(__name__)


class GnssReceiver:
    """Reads sentences and hands each fix to `on_fix`."""

    def __init__(self, settings: Gnss, places: Places, on_fix: Callable[[Fix], None]) -> None:
        """Nothing is opened before `run`."""
        self.merger = Merger()
        self._places = places
        self._settings = settings
        self._on_fix = on_fix
        self._buffer = bytearray()
        self._heard = 0.0

    async def run(self) -> None:
        """Read until cancelled."""
        said = False
        while True:
            try:
                # Alone: a second reader would take sentences away, and each would see half of them.
                port = serial.Serial(self._settings.device, self._settings.baud, timeout=0, exclusive=True)
            except (OSError, termios.error, ValueError) as error:  # ValueError: no such baud rate here
                self._places.attached = False
                if not said:
                    log.warning("the GNSS receiver at %s cannot be opened: %s", self._settings.device, error)
                    said = True
                await asyncio.sleep(RETRY_S)
                continue
            said = False
            self._places.attached = True
            log.info("reading the GNSS receiver at %s", self._settings.device)
            try:
                reason = await self._read(port)
            finally:
                port.close()
            log.warning("opening the GNSS receiver again: %s; refused so far: %s", reason, self.merger.refused)
            await asyncio.sleep(RETRY_S)

    async def _read(self, port: serial.Serial) -> str:
        """Read until the port fails or falls silent; says which."""
        loop = asyncio.get_running_loop()
        failed: asyncio.Future[str] = loop.create_future()
        descriptor = port.fileno()
        self._buffer.clear()
        self._heard = float("-inf")
        opened = time.monotonic()

        def readable() -> None:
            try:
                chunk = port.read(4096)
            except (OSError, termios.error) as error:
                loop.remove_reader(descriptor)
                if not failed.done():
                    failed.set_result(str(error))
                return
            self._take(chunk)

        loop.add_reader(descriptor, readable)
        try:
            while True:
                done, _ = await asyncio.wait({failed}, timeout=SILENCE_S)
                if done:
                    return failed.result()
                if time.monotonic() - max(self._heard, opened) > SILENCE_S:
                    return f"nothing heard for {SILENCE_S:.0f} s"
        finally:
            loop.remove_reader(descriptor)

    def _take(self, chunk: bytes) -> None:
        at_us = now_us()
        now = time.monotonic()
        waited = now - self._heard
        self._heard = now
        if waited > GAP_S:
            self._buffer.clear()
            return
        self._buffer += chunk
        *lines, rest = self._buffer.split(b"\n")
        self._buffer = bytearray(rest[-LONGEST_SENTENCE:])
        newest = None
        checksum, void = self.merger.refused.checksum, self.merger.refused.void
        for line in lines:
            newest = self.merger.feed(bytes(line), at_us) or newest
        if self.merger.refused.void > void:
            self._places.refuse("void", at_us)
        elif self.merger.refused.checksum > checksum:
            self._places.refuse("checksum", at_us)
        # Several fixes in one read have waited for each other: only the newest may carry the stamp of now.
        if newest:
            self._on_fix(newest)
