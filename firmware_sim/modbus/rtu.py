"""Modbus RTU on a pseudo-terminal, with the wire time that a pseudo-terminal does not have.

A character is 11 bits (Modbus over serial line V1.02, 2.5.1) and a frame ends after 3.5 silent characters, 1.75 ms
above 19200 baud. A reply goes out in pieces as a UART's FIFO hands them over.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from firmware_sim.modbus.faults import Faulty, Reply, at_other_baud, reply
from firmware_sim.pty_line import PtyLine

_BITS_A_CHARACTER = 11
_FIFO_CHARACTERS = 14
_ATTACH_POLL_S = 0.01
_FIXED_REQUEST = 8


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_TABLE = _crc_table()


def crc16(data: bytes) -> bytes:
    """CRC-16/MODBUS, low byte first as it stands on the wire."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


class RtuBus:
    """Units on one RS-485 line. A `link_drop` of any unit pulls the line's converter: all units are gone."""

    def __init__(self, units: Mapping[int, Faulty], line: PtyLine, baud: int = 9600, turnaround_ms: float = 5) -> None:
        """`turnaround_ms` is the slave's thinking time before its reply starts."""
        self.units = units
        self.line = line
        self._baud = baud
        self._character_s = _BITS_A_CHARACTER / baud
        self._gap_s = 3.5 * self._character_s if baud <= 19200 else 0.00175
        self._turnaround_s = turnaround_ms / 1000
        self._pending = bytearray()
        self._reader: asyncio.Task[None] | None = None
        self._discard: asyncio.TimerHandle | None = None
        self._sending = asyncio.Lock()
        self._replies: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open the line."""
        self.line.open()
        self._reader = asyncio.create_task(self._read())

    def address(self) -> dict[str, Any]:
        """The terminal's link."""
        return {"device": str(self.line.link)}

    async def refresh_link(self) -> None:
        """Pull or plug the line's converter as the units' faults demand."""
        down = any(faulty.link_down for faulty in self.units.values())
        if down and self.line.is_open:
            await self.stop()
        elif not down and not self.line.is_open:
            await self.start()

    async def stop(self) -> None:
        """Hang up."""
        for task in (self._reader, *self._replies):
            if task:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        self._reader = None
        if self._discard:
            self._discard.cancel()
        self._pending.clear()
        self.line.close()

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self.line.attached():
                await asyncio.sleep(_ATTACH_POLL_S)
                continue
            readable = asyncio.Event()
            loop.add_reader(self.line.master, readable.set)
            try:
                await readable.wait()
            finally:
                loop.remove_reader(self.line.master)
            data = self.line.read()
            if data:
                self._received(data)

    def _received(self, data: bytes) -> None:
        self._pending += data
        while len(self._pending) >= _FIXED_REQUEST:
            size = self._request_size()
            if len(self._pending) < size:
                break
            frame = bytes(self._pending[:size])
            if crc16(frame[:-2]) != frame[-2:]:
                break
            del self._pending[:size]
            self._request(frame)
        if self._discard:
            self._discard.cancel()
            self._discard = None
        if self._pending:
            # Half a frame or noise: forgotten after a silence, as every receiver on the line would.
            silence_s = max(self._gap_s, 0.02)
            self._discard = asyncio.get_running_loop().call_later(silence_s, self._pending.clear)

    def _request_size(self) -> int:
        return 9 + self._pending[6] if self._pending[1] in (15, 16) else _FIXED_REQUEST

    def _request(self, frame: bytes) -> None:
        arrived = asyncio.get_running_loop().time() + len(frame) * self._character_s + self._gap_s
        unit_id = frame[0]
        faulty = self.units.get(unit_id)
        if faulty is None or any(unit.line_short for unit in self.units.values()):
            return
        task = asyncio.create_task(self._reply(arrived, unit_id, faulty, frame[1:-2]))
        self._replies.add(task)
        task.add_done_callback(self._replies.discard)

    async def _reply(self, arrived: float, unit_id: int, faulty: Faulty, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(arrived - loop.time())
        # The unit answers with its values of the moment at which the request reached it.
        answer = reply(unit_id, faulty, request)
        if answer is None:
            return
        frame = _frame(answer, self._baud)
        start = arrived + self._turnaround_s + answer.delay_ms / 1000
        await asyncio.sleep(start - loop.time())
        async with self._sending:
            start = max(start, loop.time() - self._character_s)
            for sent in range(0, len(frame), _FIFO_CHARACTERS):
                piece = frame[sent : sent + _FIFO_CHARACTERS]
                await asyncio.sleep(start + (sent + len(piece)) * self._character_s - loop.time())
                self.line.write(piece)


def _frame(answer: Reply, baud: int) -> bytes:
    body = bytes((answer.unit_id,)) + answer.pdu
    crc = crc16(body)
    frame = body + (bytes(byte ^ 0xFF for byte in crc) if answer.bad_frame else crc)
    return at_other_baud(frame, answer.baud, baud) if answer.baud else answer.on_the_way(frame)
