"""One pymodbus client behind guards: a reply that pymodbus accepts is not always the answer.

Guarded: class and function code of the reply, unit, transaction id, number of registers or input bytes. Every way in
which pymodbus reports trouble (raised at the call, raised later, returned) becomes a `Failure`; nothing else is caught.
"""

import asyncio
import logging
import struct
from collections.abc import Callable
from typing import Protocol

import msgspec
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusIOException
from pymodbus.pdu import ExceptionResponse, ModbusPDU
from pymodbus.pdu.bit_message import ReadDiscreteInputsRequest, ReadDiscreteInputsResponse
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersRequest,
    ReadInputRegistersResponse,
)

from edge.cancellation import keep_cancellation
from edge.gas.profile import Function
from edge.sockets import now_us

_logger = logging.getLogger(__name__)

Client = AsyncModbusTcpClient | AsyncModbusSerialClient

_HEADER = struct.Struct(">HHHB")
"""Of a TCP frame: transaction, protocol 0, length of what follows, unit."""

_OVERLONG = "a frame whose length is not its content's"

RETRIES = 0
"""pymodbus repeats under its lock and blocks the whole bus; the poller retries after the others."""
RECONNECT_FIRST_S = 0.1
RECONNECT_LAST_S = 1.0


class Failure(msgspec.Struct, frozen=True):
    """Nothing usable came. `line` says that there was no connection to ask over: no unit is to blame."""

    detail: str
    line: bool = False


class Line(Protocol):
    """What a bus driver offers the poller. None of it raises for what a field device can do."""

    @property
    def sent_us(self) -> int:
        """CLOCK_BOOTTIME at which the last request was sent."""
        ...

    @property
    def connected(self) -> bool:
        """Whether requests can be sent."""
        ...

    async def registers(self, unit_id: int, function: Function, register: int, count: int) -> list[int] | Failure:
        """Read registers of one unit, exactly `count`."""
        ...

    async def inputs(self, unit_id: int, address: int, count: int) -> list[bool] | Failure:
        """Read discrete inputs of one unit, at least `count`."""
        ...

    def close(self) -> None:
        """Close for good."""
        ...


class _Lost(ConnectionException):
    """The connection went while a unit was being asked: that unit may be the reason."""


class Trace(msgspec.Struct, frozen=True):
    """Callbacks that a pymodbus client takes when it is made."""

    packet: Callable[[bool, bytes], bytes]
    connect: Callable[[bool], None]


class Session:
    """A client that connects when asked something, not more often than its back-off allows, and guards each answer."""

    def __init__(self, make: Callable[[Trace], Client], timeout_s: float) -> None:
        """`make` builds the client; needs a running loop."""
        # pymodbus writes an error with its last frames for every time-out: noise here, where each becomes a reading.
        logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)
        self._loop = asyncio.get_running_loop()
        self._timeout_s = timeout_s
        self._client = make(Trace(self._on_packet, self._on_connect))
        self._asking = False
        self._received = 0
        self._heard = b""
        self._may_connect_at = 0.0
        self._backoff_s = 0.0
        self._refused = ""
        self.sent_us = 0
        self.heard_at = 0.0
        """Loop time at which the last bytes came, asked for or not."""

    @property
    def connected(self) -> bool:
        """Whether there is a transport."""
        return self._client.connected

    @property
    def client(self) -> Client:
        """The client, for what only its driver knows how to do."""
        return self._client

    async def connect(self) -> bool:
        """Connect unless that was tried a moment ago: at once after a loss, then after 0.1 s, doubling up to 1 s."""
        now = self._loop.time()
        if now < self._may_connect_at:
            return False
        self._backoff_s = min(max(RECONNECT_FIRST_S, 2 * self._backoff_s), RECONNECT_LAST_S)
        self._may_connect_at = now + self._backoff_s
        self._client.close()
        try:
            return await keep_cancellation(self._client.connect())
        except ValueError as error:  # a serial adapter that cannot do this baud rate, parity or stop bit
            if str(error) != self._refused:
                self._refused = str(error)
                _logger.warning("bus %s cannot be opened: %s", self._client.comm_params.comm_name, error)
            return False

    async def registers(self, unit_id: int, function: Function, register: int, count: int) -> list[int] | Failure:
        """See `Line.registers`."""
        if function == "input":
            request: ModbusPDU = ReadInputRegistersRequest(address=register, count=count, dev_id=unit_id)
            expected: type[ModbusPDU] = ReadInputRegistersResponse
        else:
            request = ReadHoldingRegistersRequest(address=register, count=count, dev_id=unit_id)
            expected = ReadHoldingRegistersResponse
        reply = await self.ask(request, expected)
        if isinstance(reply, Failure):
            return reply
        registers = reply.registers
        if len(registers) != count or not isinstance(registers, list):
            return Failure(f"{len(registers)} registers instead of {count}")
        return registers if self._framed(reply, 2 + 2 * count) else Failure(_OVERLONG)

    async def inputs(self, unit_id: int, address: int, count: int) -> list[bool] | Failure:
        """See `Line.inputs`."""
        request = ReadDiscreteInputsRequest(address=address, count=count, dev_id=unit_id)
        reply = await self.ask(request, ReadDiscreteInputsResponse)
        if isinstance(reply, Failure):
            return reply
        bits = reply.bits
        if len(bits) != (count + 7) // 8 * 8 or not isinstance(bits, list):
            return Failure(f"{len(bits)} input bits instead of {(count + 7) // 8 * 8}")
        return bits if self._framed(reply, 2 + len(bits) // 8) else Failure(_OVERLONG)

    def _framed(self, reply: ModbusPDU, size: int) -> bool:
        """Whether what came says just this: header and byte count announce `size` bytes, function code included.

        pymodbus reads past what it does not need: a frame may be longer than its content, a byte count odd.
        """
        content = bytes((reply.function_code, size - 2))
        head = _HEADER.pack(reply.transaction_id, 0, 1 + size, reply.dev_id)
        return (head if reply.transaction_id else head[-1:]) + content in self._heard

    def heard(self, frame: bytes) -> bool:
        """Whether these bytes stand in what came last."""
        return frame in self._heard

    def not_asked(self, detail: str) -> Failure:
        """A request that could not even be sent, stamped like one that was."""
        self.sent_us = now_us()
        return Failure(detail, line=True)

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    async def ask(self, request: ModbusPDU, expected: type[ModbusPDU]) -> ModbusPDU | Failure:
        """Send one request; gives the reply when it is of that very class, from that unit and to this request."""
        self.sent_us = now_us()
        self._received = 0
        self._asking = True
        try:
            reply = await keep_cancellation(self._client.execute(False, request))
        except ModbusIOException:
            came = f"{self._received} bytes that are no reply" if self._received else "no reply"
            return Failure(f"{came} within {self._timeout_s * 1000:.0f} ms")
        except _Lost:
            return Failure("connection lost while asking")
        except ConnectionException:
            return Failure("not connected", line=True)
        finally:
            self._asking = False
        if type(reply) is not expected:
            if isinstance(reply, ExceptionResponse):
                return Failure(f"exception {reply.exception_code}")
            return Failure(f"function code {reply.function_code} instead of {request.function_code}")
        if reply.dev_id != request.dev_id:
            return Failure(f"unit {reply.dev_id} instead of {request.dev_id}")
        if reply.transaction_id != request.transaction_id:
            return Failure(f"transaction {reply.transaction_id} instead of {request.transaction_id}")
        self._backoff_s = 0.0
        return reply

    def _on_packet(self, sending: bool, data: bytes) -> bytes:
        if not sending:
            self._received = len(data)
            self._heard = data
            self.heard_at = self._loop.time()
        return data

    def _on_connect(self, connected: bool) -> None:
        """Fail the pending request when the connection goes: pymodbus would wait for its time-out."""
        if connected or not self._asking:
            return
        pending = self._client.ctx.response_future
        if not pending.done():
            pending.set_exception(_Lost("connection lost"))
