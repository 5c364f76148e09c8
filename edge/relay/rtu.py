"""A relay board's own Modbus RTU line: one question at a time, each answer held against its question.

Nothing in an RTU reply says which request it answers (findings/hardware 1). After a failure nothing is *read* until
the line has been silent for as long as an answer may take, and what came unasked is thrown away before each request.
OPEN alone does not wait: an order that may be lost is repeated, an order that waits is late.

A board that is later than that would still be believed: its reply to the last question looks like the answer to this
one. But a board answers in the order in which it was asked. So a function that was left unanswered is read again only
once another one, asked after it, was answered; until then its replies count for nothing.
"""

import asyncio
import contextlib
import termios
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pymodbus.client import AsyncModbusSerialClient
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadCoilsResponse,
    WriteSingleCoilRequest,
    WriteSingleCoilResponse,
)
from pymodbus.pdu.register_message import WriteSingleRegisterRequest, WriteSingleRegisterResponse

from edge.gas.modbus import RETRIES, Failure, Session, Trace

_COILS, _INPUTS, _REGISTERS = 1, 2, 3
"""Functions that read."""
TIMEOUT_S = 0.06
"""No answer within this is none. A board answers in a few milliseconds; the rest is the wire and this machine."""


_FORGOTTEN_S = 2.0
"""A reply later than this is expected no more: thirty times what a board needs."""

_Answer = TypeVar("_Answer")


class Unanswered:
    """What one board was asked, in order, and has not surely answered.

    A reply belongs at the latest to the last question of its function and at the earliest to the first: as the first's
    it is taken, since everything asked before that one is then over.
    """

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self._asked: list[tuple[int, float]] = []

    def ask(self, function: int, now: float) -> None:
        """A question leaves."""
        self._asked = [(code, at) for code, at in self._asked if now - at < _FORGOTTEN_S] + [(function, now)]

    def answer(self, function: int) -> None:
        """A sound reply came while this function was asked."""
        codes = [code for code, _ in self._asked]
        del self._asked[: codes.index(function) + 1]

    def waits(self, function: int, now: float) -> bool:
        """A reply to an earlier question of this function may still come."""
        return any(code == function and now - at < _FORGOTTEN_S for code, at in self._asked)


class RelayLine:
    """The line of one board. Calls must not overlap; none raises for what a field device can do."""

    def __init__(self, name: str, device: str, baud: int, unit_id: int, *, coil: int, contact: int) -> None:
        """Needs a running loop; opens the port at the first request. `coil` and `contact` can always be read."""

        def make(trace: Trace) -> AsyncModbusSerialClient:
            return AsyncModbusSerialClient(
                device, baudrate=baud, name=name, timeout=TIMEOUT_S, retries=RETRIES, reconnect_delay=0,
                trace_packet=trace.packet, trace_connect=trace.connect,
            )  # fmt: skip

        self._loop = asyncio.get_running_loop()
        self._session = Session(make, TIMEOUT_S)
        self._unit_id = unit_id
        self._gap_s = max(3.5 * 11 / baud, 0.00175)
        self._quiet_until = 0.0
        self._coil, self._contact = coil, contact
        self._unanswered = Unanswered()
        self.reconnects = 0

    @property
    def connected(self) -> bool:
        """Whether the port is open."""
        return self._session.connected

    async def connect(self) -> bool:
        """Open the port unless that was tried a moment ago."""
        return self._session.connected or await self._session.connect()

    async def coils(self, address: int, count: int) -> list[bool] | None:
        """Function 01, exactly `count`; None when nothing sound came."""
        if not await self._may_read(_COILS):
            return None
        request = ReadCoilsRequest(address=address, count=count, dev_id=self._unit_id)
        reply = await self.ask(request, ReadCoilsResponse)
        return None if reply is None or len(reply.bits) != (count + 7) // 8 * 8 else list(reply.bits[:count])

    async def input(self, address: int) -> bool | None:
        """Function 02, one input; None when nothing sound came."""
        return await self._input(address) if await self._may_read(_INPUTS) else None

    async def register(self, address: int) -> int | None:
        """Function 03, one register; None when nothing sound came."""
        if not await self._may_read(_REGISTERS):
            return None
        words = await self._exchange(
            _REGISTERS, lambda: self._session.registers(self._unit_id, "holding", address, 1)
        )
        return None if words is None else words[0]

    async def write_coil(self, address: int, *, on: bool) -> bool:
        """Function 05; True when it was echoed. Does not wait for a silent line."""
        request = WriteSingleCoilRequest(address=address, bits=[on], dev_id=self._unit_id)
        reply = await self.ask(request, WriteSingleCoilResponse)
        # The very frame comes back: pymodbus reads values as "on" that mean nothing.
        frame = self._session.client.ctx.framer.buildFrame(request)
        return reply is not None and (reply.address, reply.bits) == (address, [on]) and self._session.heard(frame)

    async def write_register(self, address: int, value: int) -> bool:
        """Function 06; True when it was echoed."""
        request = WriteSingleRegisterRequest(address=address, registers=[value], dev_id=self._unit_id)
        reply = await self.ask(request, WriteSingleRegisterResponse)
        return reply is not None and (reply.address, reply.registers) == (address, [value])

    async def echoed(self, request: ModbusPDU) -> bool:
        """Send a function 05 that pymodbus does not know; True when its address came back.

        The echo's value says nothing here: pymodbus reads any value but FF00 and 0000 as "on".
        """
        reply = await self.ask(request, WriteSingleCoilResponse)
        return reply is not None and reply.address == request.address

    async def ask(self, request: ModbusPDU, expected: type[ModbusPDU]) -> ModbusPDU | None:
        """One exchange without waiting for silence; None when nothing sound came."""
        return await self._exchange(request.function_code, lambda: self._session.ask(request, expected))

    async def _exchange(self, function: int, exchange: Callable[[], Awaitable[_Answer | Failure]]) -> _Answer | None:
        if not self._drain():
            return None
        pause = self._session.heard_at + self._gap_s - self._loop.time()
        if pause > 0:
            await asyncio.sleep(pause)
        self._unanswered.ask(function, self._loop.time())
        answer = await exchange()
        if isinstance(answer, Failure):
            self._quiet_until = self._loop.time() + TIMEOUT_S
            return None
        self._unanswered.answer(function)
        return answer

    async def _input(self, address: int) -> bool | None:
        bits = await self._exchange(_INPUTS, lambda: self._session.inputs(self._unit_id, address, 1))
        return None if bits is None else bits[0]

    async def _may_read(self, function: int) -> bool:
        """The line is silent and no old reply of this function can come; else another function is asked first."""
        if not await self._quiet():
            return False
        if not self._unanswered.waits(function, self._loop.time()):
            return True
        if function == _COILS:
            await self._input(self._contact)
        else:
            request = ReadCoilsRequest(address=self._coil, count=1, dev_id=self._unit_id)
            await self.ask(request, ReadCoilsResponse)
        return not self._unanswered.waits(function, self._loop.time())

    async def _quiet(self) -> bool:
        """Wait until nothing that was asked before can still be answered; False when the line babbles or is gone."""
        for _ in range(4):
            silent_at = max(self._quiet_until, self._session.heard_at + TIMEOUT_S if self._quiet_until else 0.0)
            wait = silent_at - self._loop.time()
            if wait <= 0:
                self._quiet_until = 0.0
                return self._drain()
            await asyncio.sleep(wait)
        return False

    def _drain(self) -> bool:
        """Throw away what came unasked and what the line has not taken; False when the port is gone."""
        transport: Any = self._session.client.ctx.transport
        port = getattr(transport, "sync_serial", None)
        if port is None:
            return False
        try:
            transport.flush()
            port.reset_input_buffer()
            port.reset_output_buffer()
        except (OSError, termios.error):
            self._session.close()
            return False
        return True

    def say_last(self, request: ModbusPDU) -> None:
        """Write one request past everything else, wait for nothing, and close the port."""
        client = self._session.client
        port = getattr(client.ctx.transport, "sync_serial", None)
        if self._drain() and port is not None:
            with contextlib.suppress(OSError, termios.error):
                port.write(client.ctx.framer.buildFrame(request))
        self._session.close()
