"""The tag reader on its serial line: wakes it, looks for a tag four times a second, tells each tag once."""

import asyncio
import logging
import termios
from collections.abc import Callable

import serial

from edge.config import Nfc
from edge.presence.pn532 import (
    ACK,
    GET_FIRMWARE,
    LOOK,
    NORMAL_MODE,
    ONE_TRY,
    WAKE_UP,
    Decoder,
    Frame,
    framed,
    tag_of,
)

RETRY_S = 1.0
LOOK_EVERY_S = 0.25
ANSWER_S = 0.5
"""The manual gives a reader 15 ms for its acknowledgement; looking once takes some 30 ms."""
OK, SILENT, ABSENT = "ok", "silent", "absent"

log = logging.getLogger(__name__)


class SilentReaderError(Exception):
    """The reader did not answer, or not what it was asked."""


class NfcReader:
    """Talks with the reader and hands each tag that comes into its field to `on_tag`."""

    def __init__(self, settings: Nfc, on_tag: Callable[[bytes], None]) -> None:
        """Nothing is opened before `run`."""
        self.health = ABSENT
        self.heard = 0
        """Tags since the beginning."""
        self._settings = settings
        self._on_tag = on_tag
        self._decoder = Decoder()
        self._frames: asyncio.Queue[Frame] = asyncio.Queue()
        self._failed = ""

    async def run(self) -> None:
        """Look until cancelled; a port that is gone or a reader that says nothing is tried again each second."""
        said = ""
        while True:
            try:
                port = serial.Serial(self._settings.device, self._settings.baud, timeout=0, exclusive=True)
            except (OSError, termios.error, ValueError) as error:
                self.health, reason = ABSENT, str(error)
            else:
                try:
                    await self._talk(port)
                except (SilentReaderError, OSError, termios.error) as error:
                    self.health, reason = SILENT, str(error)
                finally:
                    asyncio.get_running_loop().remove_reader(port.fileno())
                    port.close()
            if reason != said:
                log.warning("the tag reader at %s: %s; trying each second", self._settings.device, reason)
            said = reason
            await asyncio.sleep(RETRY_S)

    async def _talk(self, port: serial.Serial) -> None:
        """Set the reader up and look for tags until it fails."""
        self._decoder.clear()
        self._frames = asyncio.Queue()
        self._failed = ""
        asyncio.get_running_loop().add_reader(port.fileno(), self._readable, port)
        port.write(WAKE_UP)
        for command in (bytes((GET_FIRMWARE,)), NORMAL_MODE, ONE_TRY):
            await self._ask(port, command)
        here: bytes | None = None
        while True:
            tag = tag_of(await self._ask(port, LOOK))
            self.health = OK
            if tag is not None and tag != here:
                self.heard += 1
                self._on_tag(tag)
            here = tag
            await asyncio.sleep(LOOK_EVERY_S)

    async def _ask(self, port: serial.Serial, command: bytes) -> Frame:
        """Send a command, wait for its acknowledgement and its answer."""
        while not self._frames.empty():
            self._frames.get_nowait()  # what comes late answers nothing any more
        port.write(framed(command))
        try:
            async with asyncio.timeout(ANSWER_S):
                if not (await self._frames.get()).ack:
                    raise SilentReaderError("it answered without acknowledging")
                answer = await self._frames.get()
        except TimeoutError as error:
            # An acknowledgement from our side ends whatever the reader is still at.
            port.write(ACK)
            raise SilentReaderError(self._failed or f"no answer within {ANSWER_S:.1f} s") from error
        if answer.code != command[0] + 1:
            raise SilentReaderError(f"it answered {answer.code:#04x} to {command[0]:#04x}")
        return answer

    def _readable(self, port: serial.Serial) -> None:
        try:
            chunk = port.read(4096)
        except (OSError, termios.error) as error:
            self._failed = str(error)
            asyncio.get_running_loop().remove_reader(port.fileno())
            return
        for frame in self._decoder.feed(chunk):
            self._frames.put_nowait(frame)
