"""Modbus replies, TCP and RTU, through pymodbus and the guards around it: a real client on a transport without a wire."""

import asyncio
import random
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from edge.gas import modbus
from edge.gas.modbus import RETRIES, Failure, Session, Trace
from firmware_sim.modbus import crc16
from tests.fuzz.targets import Feed, Target

UNIT, COUNT, FUNCTION = 7, 4, 4
INPUTS = 5


class Wire:
    """Stands in for the transport: hands the fuzzed bytes to the client when it has sent its request."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.reply = b""
        self.broken = ""

    def write(self, data: bytes) -> None:
        ctx = self._session.client.ctx
        reply = data[:2] + self.reply[2:] if self.reply[:2] == b"\0\0" else self.reply
        try:
            ctx.data_received(reply)
        except ModbusException:
            # asyncio closes a transport whose protocol raises.
            self._session._on_connect(connected=False)
        if not ctx.response_future.done():
            ctx.response_future.set_exception(TimeoutError())

    def close(self) -> None: ...

    def abort(self) -> None: ...

    def is_closing(self) -> bool:
        return False


def _client(kind: str) -> Callable[[Trace], Any]:
    def make(trace: Trace) -> Any:
        options: dict[str, Any] = {"timeout": 1, "retries": RETRIES, "reconnect_delay": 0, "trace_packet": trace.packet, "trace_connect": trace.connect}
        return AsyncModbusTcpClient("127.0.0.1", **options) if kind == "tcp" else AsyncModbusSerialClient("/dev/null", **options)

    return make


async def _registers(session: Session) -> list[int] | Failure:
    return await session.registers(UNIT, "input", 0, COUNT)


async def _inputs(session: Session) -> list[bool] | Failure:
    return await session.inputs(UNIT, 0, INPUTS)


def _feeder(kind: str, ask: Callable[[Session], Awaitable[Any]], accepts: Callable[[bytes, Any, int], bool]) -> Feed:
    loop = asyncio.new_event_loop()

    async def set_up() -> tuple[Session, Wire]:
        session = Session(_client(kind), 1)
        wire = Wire(session)
        session.client.ctx.transport = wire
        return session, wire

    session, wire = loop.run_until_complete(set_up())

    def feed(data: bytes) -> str | None:
        session.client.ctx.transport = wire
        session.client.ctx.count_until_disconnect = 5
        wire.reply = data
        answer = loop.run_until_complete(ask(session))
        if isinstance(answer, Failure):
            return None
        tid = session.client.ctx.next_tid
        return "" if accepts(data, answer, tid) else f"{answer} from {data.hex()}"

    return feed


def _in_rtu(data: bytes, values: list[int], tid: int) -> bool:
    """Somewhere in the bytes stands a whole frame that says these values."""
    del tid
    body = struct.pack(f">BBB{len(values)}H", UNIT, FUNCTION, 2 * len(values), *values)
    return len(values) == COUNT and body + crc16(body) in data


def _in_tcp(data: bytes, values: list[int], tid: int) -> bool:
    pdu = struct.pack(f">BBB{len(values)}H", UNIT, FUNCTION, 2 * len(values), *values)
    if len(values) != COUNT:
        return False
    first = struct.pack(">HHH", tid, 0, len(pdu)) + pdu
    whole = (struct.pack(">H", tid) + data[2:]) if data[:2] == b"\0\0" else data
    return first in whole


def _bits(bits: list[bool]) -> bytes:
    """A reply that says these discrete inputs, eight a byte."""
    said = bytes(sum(bit << place for place, bit in enumerate(bits[at : at + 8])) for at in range(0, len(bits), 8))
    return bytes((UNIT, 2, len(said))) + said


def _inputs_in_rtu(data: bytes, bits: list[bool], tid: int) -> bool:
    del tid
    return len(bits) == 8 and _rtu_frame(_bits(bits)) in data


def _inputs_in_tcp(data: bytes, bits: list[bool], tid: int) -> bool:
    pdu = _bits(bits)
    whole = (struct.pack(">H", tid) + data[2:]) if data[:2] == b"\0\0" else data
    return len(bits) == 8 and struct.pack(">HHH", tid, 0, len(pdu)) + pdu in whole


def _input_corpus(frame: Callable[[bytes], bytes]) -> Callable[[random.Random], list[bytes]]:
    def corpus(chance: random.Random) -> list[bytes]:
        found = []
        for _ in range(60):
            for unit, function, size in ((UNIT, 2, 1), (UNIT, 2, 1), (UNIT, 2, 2), (UNIT, 1, 1), (8, 2, 1), (UNIT, 4, 2)):
                found.append(frame(bytes((unit, function, size)) + chance.randbytes(size)))
            found.append(frame(bytes((UNIT, 0x82, chance.randrange(12)))))
        return found

    return corpus


def _corpus(frame: Callable[[bytes], bytes]) -> Callable[[random.Random], list[bytes]]:
    def corpus(chance: random.Random) -> list[bytes]:
        found = []
        for _ in range(60):
            for unit, function, count in ((UNIT, 4, COUNT), (UNIT, 4, COUNT), (UNIT, 4, 3), (UNIT, 3, COUNT), (8, 4, COUNT), (UNIT, 2, COUNT)):
                values = struct.pack(f">{count}H", *(chance.randrange(65536) for _ in range(count)))
                found.append(frame(bytes((unit, function, len(values))) + values))
            found.append(frame(bytes((UNIT, 0x84, chance.randrange(12)))))
        return found

    return corpus


def _rtu_frame(body: bytes) -> bytes:
    return body + crc16(body)


def _rtu_seal(data: bytes) -> bytes:
    return _rtu_frame(data[:-2] if len(data) > 2 else data)


def _tcp_frame(body: bytes) -> bytes:
    """Transaction 0 stands for the one that was asked with."""
    return struct.pack(">HHH", 0, 0, len(body)) + body


def _tcp_seal(data: bytes) -> bytes:
    return _tcp_frame(data[6:] or b"\x07")


@contextmanager
def _inputs_broken() -> Iterator[None]:
    """The guards of inputs taken away: neither the reply's class nor its number of bytes is looked at."""

    async def inputs(self: Session, unit_id: int, address: int, count: int) -> Any:
        reply = await self._client.read_discrete_inputs(address, count=count, device_id=unit_id)
        return Failure("exception") if reply.isError() else reply.bits

    with mock.patch.object(modbus.Session, "inputs", _guarded(inputs)):
        yield


@contextmanager
def _broken() -> Iterator[None]:
    """The guards taken away: the number of registers and the reply's class are no longer looked at."""

    async def registers(self: Session, unit_id: int, function: str, register: int, count: int) -> Any:
        del function
        reply = await self._client.read_input_registers(register, count=count, device_id=unit_id)
        return Failure("exception") if reply.isError() else reply.registers

    with mock.patch.object(modbus.Session, "registers", _guarded(registers)):
        yield


def _guarded(registers: Any) -> Any:
    async def call(self: Session, *args: Any) -> Any:
        try:
            return await registers(self, *args)
        except ModbusException:
            return Failure("no reply")

    return call


TARGETS = (
    Target("Modbus RTU replies", 100_000, _corpus(_rtu_frame), lambda: _feeder("rtu", _registers, _in_rtu), _rtu_seal, _broken),
    Target(
        "Modbus RTU inputs", 100_000, _input_corpus(_rtu_frame), lambda: _feeder("rtu", _inputs, _inputs_in_rtu),
        _rtu_seal, _inputs_broken,
    ),
    Target(
        "Modbus TCP inputs", 50_000, _input_corpus(_tcp_frame), lambda: _feeder("tcp", _inputs, _inputs_in_tcp),
        _tcp_seal, _inputs_broken,
    ),
    Target("Modbus TCP replies", 100_000, _corpus(_tcp_frame), lambda: _feeder("tcp", _registers, _in_tcp), _tcp_seal, _broken),
)
