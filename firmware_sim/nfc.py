"""A PN532 tag reader on a pseudo-terminal: acknowledges, answers and is silent as the real one."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Any

from firmware_sim.child import Offer, Request
from firmware_sim.errors import SimulationError, one_of, within
from firmware_sim.pty_line import PtyLine
from firmware_sim.settings import SiteSettings

_START, _ACK = b"\x00\x00\xff", b"\x00\x00\xff\x00\xff\x00"
_ERROR = b"\x00\x00\xff\x01\xff\x7f\x81\x00"
_FIRMWARE, _SAM, _RF, _LIST = 0x02, 0x14, 0x32, 0x4A
_TICK_S = 0.01
_HELD_MS = 800
_LONGEST_MS = 600_000
_UID_BYTES = (4, 7, 10)


class NfcFault(StrEnum):
    """What can be wrong with the reader: `corrupt` changes a bit of every answer, `error` answers with error frames."""

    NONE = "none"
    SILENT = "silent"
    CORRUPT = "corrupt"
    ERROR = "error"


def answer(code: int, data: bytes) -> bytes:
    """A frame from the reader."""
    body = bytes((0xD5, code)) + data
    return _START + bytes((len(body), 0x100 - len(body))) + body + bytes((-sum(body) & 0xFF, 0))


class Pn532:
    """The reader's side of the talk: bytes in, bytes out. `field` is the identifier of the tag before it, or empty."""

    def __init__(self) -> None:
        """Asleep: nothing is answered before it was woken and set up."""
        self.field = b""
        self.set_up = False
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> bytes:
        """What it says to what it hears."""
        self._buffer += chunk
        said = b""
        while (at := self._buffer.find(_START)) >= 0:
            del self._buffer[:at]
            if len(self._buffer) < len(_ACK):
                break
            if self._buffer.startswith(_ACK):  # the host ends what was going on
                del self._buffer[: len(_ACK)]
                continue
            length = self._buffer[3]
            whole = length + 7
            if (length + self._buffer[4]) & 0xFF or length < 2:
                del self._buffer[:1]
                continue
            if len(self._buffer) < whole:
                break
            body = bytes(self._buffer[5 : 5 + length])
            good = not (sum(body) + self._buffer[whole - 2]) & 0xFF and body[0] == 0xD4
            del self._buffer[:whole]
            said += _ACK + self._obey(body[1], body[2:]) if good else b""
        return said

    def _obey(self, command: int, data: bytes) -> bytes:
        match command:
            case _ if command == _FIRMWARE:
                return answer(_FIRMWARE + 1, bytes((0x32, 1, 6, 7)))
            case _ if command == _SAM:
                self.set_up = data[:1] == b"\x01"
                return answer(_SAM + 1, b"")
            case _ if command == _RF:
                return answer(_RF + 1, b"")
            case _ if command == _LIST and self.set_up:
                if not self.field:
                    return answer(_LIST + 1, b"\x00")
                found = bytes((1, 1, 0x00, 0x44, 0x00, len(self.field))) + self.field
                return answer(_LIST + 1, found)
        return _ERROR


class NfcDevice:
    """The reader as one device process."""

    def __init__(self, directory: Path, settings: SiteSettings) -> None:
        """Nothing lies on it."""
        if settings.nfc is None:
            raise SimulationError("this site has no tag reader")
        self._line = PtyLine(directory / "nfc")
        self._tags = {tag.name: bytes.fromhex(tag.uid) for tag in settings.nfc}
        self._reader = Pn532()
        self._fault = NfcFault.NONE
        self._taken: asyncio.TimerHandle | None = None
        self._talking: asyncio.Task[None] | None = None

    async def start(self) -> Offer:
        """Open the line and listen."""
        self._line.open()
        self._talking = asyncio.create_task(self._talk())
        names = ", ".join(f"{name}={uid.hex().upper()}" for name, uid in self._tags.items())
        return Offer(
            {"nfc": {"device": str(self._line.link), "tags": {n: u.hex().upper() for n, u in self._tags.items()}}},
            (f"nfc: {self._line.link} ({names})",),
            press_targets=("nfc",),
            fault_targets=("nfc",),
        )

    async def handle(self, request: Request) -> dict[str, Any]:
        """``press nfc TAG [MS]`` (a name, or an identifier in hex), ``fault nfc KIND``, ``state``."""
        match request.verb, request.args[1:]:
            case "press", (tag, *held) if len(held) <= 1:
                held_ms = within("press nfc", held[0] if held else str(_HELD_MS), 1, _LONGEST_MS, "ms")
                self._hold(self._uid(tag), held_ms)
            case "fault", (kind, *_):
                self._fault = NfcFault(one_of("fault nfc", kind, NfcFault))
            case "state", ():
                pass
            case _:
                tags, faults = "|".join(self._tags), "|".join(NfcFault)
                raise SimulationError(f"expected: press nfc {tags} [MS] | fault nfc {faults}")
        return {"nfc": {"field": self._reader.field.hex().upper(), "fault": self._fault.value}}

    def _uid(self, tag: str) -> bytes:
        try:
            uid = self._tags.get(tag) or bytes.fromhex(tag)
        except ValueError:
            uid = b""
        if len(uid) not in _UID_BYTES:
            known = ", ".join(self._tags)
            raise SimulationError(f"press nfc: {tag!r} is not known; allowed: {known}, or 4, 7 or 10 bytes in hex")
        return uid

    def _hold(self, uid: bytes, ms: float) -> None:
        if self._taken is not None:
            self._taken.cancel()
        self._reader.field = uid
        self._taken = asyncio.get_running_loop().call_later(ms / 1000, self._take_away)

    def _take_away(self) -> None:
        self._reader.field = b""

    async def _talk(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            said = self._reader.feed(self._line.read())
            match self._fault:
                case NfcFault.SILENT:
                    said = b""
                case NfcFault.CORRUPT if said:
                    said = said[:-2] + bytes((said[-2] ^ 0x10,)) + said[-1:]
                case NfcFault.ERROR if said:
                    said = _ACK + _ERROR
            if said:
                self._line.write(said)

    async def stop(self) -> None:
        """Hang up."""
        if self._talking:
            self._talking.cancel()
        self._line.close()
