"""Modbus application protocol V1.1b3: what a unit answers to a PDU, whatever frames it."""

import struct
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

READ_COILS = 1
READ_DISCRETE_INPUTS = 2
READ_HOLDING_REGISTERS = 3
READ_INPUT_REGISTERS = 4
WRITE_COIL = 5
WRITE_REGISTER = 6
WRITE_COILS = 15
WRITE_REGISTERS = 16

ILLEGAL_FUNCTION = 1
ILLEGAL_DATA_ADDRESS = 2
ILLEGAL_DATA_VALUE = 3
DEVICE_FAILURE = 4
TARGET_FAILED_TO_RESPOND = 11

_MAX_REGISTERS = 125
_MAX_BITS = 2000


class Unit(Protocol):
    """What stands behind a unit id: a table of registers, a table of discrete inputs, or both (empty = not there)."""

    def registers(self) -> Sequence[int]:
        """Registers from address 0, each 0..65535; function codes 3 and 4 read the same table."""

    def discrete_inputs(self) -> Sequence[bool]:
        """Discrete inputs from address 0, function code 2."""


@runtime_checkable
class Responder(Protocol):
    """A unit that is more than tables: it answers every request by itself."""

    def respond(self, request: bytes) -> bytes:
        """The reply PDU."""


def exception(function: int, code: int) -> bytes:
    """An exception reply."""
    return bytes((function | 0x80, code))


def registers_reply(function: int, values: Sequence[int]) -> bytes:
    """A normal reply of function codes 3 and 4."""
    return struct.pack(f">BB{len(values)}H", function, 2 * len(values), *values)


def bits_reply(function: int, bits: Sequence[bool]) -> bytes:
    """A normal reply of function codes 1 and 2."""
    size = (len(bits) + 7) // 8
    packed = sum(bool(bit) << index for index, bit in enumerate(bits))
    return bytes((function, size)) + packed.to_bytes(size, "little")


def answer(unit: Unit, request: bytes) -> bytes:
    """The reply PDU of a healthy unit to a request PDU."""
    return unit.respond(request) if isinstance(unit, Responder) else from_tables(unit, request)


def from_tables(unit: Unit, request: bytes) -> bytes:
    """What a unit's tables say; every other function than reading them is exception 1."""
    function = request[0]
    if function not in (READ_DISCRETE_INPUTS, READ_HOLDING_REGISTERS, READ_INPUT_REGISTERS):
        return exception(function, ILLEGAL_FUNCTION)
    if len(request) != 5:
        return exception(function, ILLEGAL_DATA_VALUE)
    start, count = struct.unpack(">HH", request[1:])
    if function == READ_DISCRETE_INPUTS:
        bits = unit.discrete_inputs()
        if not 1 <= count <= _MAX_BITS:
            return exception(function, ILLEGAL_DATA_VALUE)
        if start + count > len(bits):
            return exception(function, ILLEGAL_DATA_ADDRESS if bits else ILLEGAL_FUNCTION)
        return bits_reply(function, bits[start : start + count])
    values = unit.registers()
    if not 1 <= count <= _MAX_REGISTERS:
        return exception(function, ILLEGAL_DATA_VALUE)
    if start + count > len(values):
        return exception(function, ILLEGAL_DATA_ADDRESS if values else ILLEGAL_FUNCTION)
    return registers_reply(function, values[start : start + count])
