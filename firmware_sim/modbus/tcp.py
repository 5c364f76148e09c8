"""Modbus TCP: the MBAP framing, each request answered by itself so that one dead unit slows nobody."""

import asyncio
import struct
from collections.abc import Mapping
from typing import Any, cast

from firmware_sim.modbus import pdu
from firmware_sim.modbus.faults import Faulty, Reply, reply

_HEADER = struct.Struct(">HHHB")
_MAX_ADU = 260


class _Connection(asyncio.Protocol):
    def __init__(self, bus: "TcpBus") -> None:
        self._bus = bus
        self._pending = bytearray()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._bus.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._bus.closed(self)

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while len(self._pending) >= _HEADER.size:
            transaction, protocol, length, unit_id = _HEADER.unpack_from(self._pending)
            if protocol != 0 or not 3 <= length <= _MAX_ADU - 6:
                self.drop()
                return
            if len(self._pending) < 6 + length:
                return
            request = bytes(self._pending[_HEADER.size : 6 + length])
            del self._pending[: 6 + length]
            self._answer(transaction, unit_id, request)

    def _answer(self, transaction: int, unit_id: int, request: bytes) -> None:
        faulty = self._bus.units.get(unit_id)
        gone = Reply(unit_id, pdu.exception(request[0], pdu.TARGET_FAILED_TO_RESPOND))
        if faulty is None or any(unit.line_short for unit in self._bus.units.values()):
            self._send(_frame(transaction, gone))
            return
        answer = reply(unit_id, faulty, request)
        if answer is None:
            return
        if answer.baud:
            # Behind a gateway the line's rate is the gateway's: it understands nothing and says so.
            answer = gone
        frame = _frame(transaction, answer)
        if answer.delay_ms:
            asyncio.get_running_loop().call_later(answer.delay_ms / 1000, self._send, frame)
        else:
            self._send(frame)

    def _send(self, frame: bytes) -> None:
        if self.transport and not self.transport.is_closing():
            self.transport.write(frame)

    def drop(self) -> None:
        """Close the connection at once."""
        if self.transport:
            self.transport.abort()


def _frame(transaction: int, answer: Reply) -> bytes:
    # TCP has its own checksum, so a damaged frame here is one whose header belongs to no request.
    if answer.bad_frame:
        transaction ^= 0xFFFF
    return answer.on_the_way(_HEADER.pack(transaction, 0, 1 + len(answer.pdu), answer.unit_id) + answer.pdu)


class TcpBus:
    """Units behind one TCP port, as behind one Modbus gateway.

    A `link_drop` of any unit closes the port: every unit behind it loses its link, as with a real gateway.
    """

    def __init__(self, units: Mapping[int, Faulty], host: str = "127.0.0.1", port: int = 0) -> None:
        """Nothing is opened before `start`."""
        self.units = units
        self.host = host
        self.port = port
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    def opened(self, connection: _Connection) -> None:
        """A reader connected; one that the system had taken in just before the link went down loses it, too."""
        self._connections.add(connection)
        if self._server is None:
            connection.drop()

    def closed(self, connection: _Connection) -> None:
        """A reader is gone."""
        self._connections.discard(connection)

    async def start(self) -> None:
        """Listen; a port of 0 is chosen by the system once and kept over link drops."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), self.host, self.port, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    def address(self) -> dict[str, Any]:
        """Host and port."""
        return {"host": self.host, "port": self.port}

    async def refresh_link(self) -> None:
        """Open or close the port as the units' faults demand."""
        down = any(faulty.link_down for faulty in self.units.values())
        if down and self._server:
            await self.stop()
        elif not down and self._server is None:
            await self.start()

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            connection.drop()
