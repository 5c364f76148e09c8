"""A relay board's replies through the box's own line: coils, an input, a register, and the echoes of what is written.

An echo that is believed says that the board took an order: it must repeat the order, bit for bit.
"""

import asyncio
import random
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from edge.relay.rtu import RelayLine, Unanswered
from firmware_sim.modbus import crc16
from tests.fuzz.modbus import Wire
from tests.fuzz.targets import Feed, Target

UNIT = 7
COILS_AT, COILS = 0, 8
INPUT_AT, REGISTER_AT, COIL_AT = 3, 5, 2
WRITTEN = 0x1234


class _Port:
    """What a line empties before it asks."""

    def reset_input_buffer(self) -> None: ...

    def reset_output_buffer(self) -> None: ...


class _SerialWire(Wire):
    sync_serial = _Port()

    def flush(self) -> None: ...


def _frame(*body: int) -> bytes:
    return bytes(body) + crc16(bytes(body))


async def _ask(line: RelayLine, data: bytes) -> tuple[Any, list[bytes]]:
    """The question that an input looks like an answer to; with what came of it the frames that may say so."""
    match data[1] & 0x7F if len(data) > 1 else 0:
        case 2:
            closed = await line.input(INPUT_AT)
            return closed, [_frame(UNIT, 2, 1, bits) for bits in range(256) if bool(bits & 1) is closed]
        case 3:
            value = await line.register(REGISTER_AT)
            return value, [] if value is None else [_frame(UNIT, 3, 2, *struct.pack(">H", value))]
        case 5:
            on = len(data) % 2 == 0
            taken = await line.write_coil(COIL_AT, on=on)
            return taken or None, [_frame(UNIT, 5, 0, COIL_AT, 0xFF if on else 0, 0)]
        case 6:
            taken = await line.write_register(REGISTER_AT, WRITTEN)
            return taken or None, [_frame(UNIT, 6, 0, REGISTER_AT, *struct.pack(">H", WRITTEN))]
    coils = await line.coils(COILS_AT, COILS)
    return coils, [_frame(UNIT, 1, 1, sum(bit << at for at, bit in enumerate(coils or ())))]


def _feed() -> Feed:
    loop = asyncio.new_event_loop()

    async def set_up() -> tuple[RelayLine, _SerialWire]:
        line = RelayLine("k1", "/dev/null", 115200, UNIT, coil=COILS_AT, contact=INPUT_AT)
        wire = _SerialWire(line._session)
        return line, wire

    line, wire = loop.run_until_complete(set_up())

    def feed(data: bytes) -> str | None:
        ctx = line._session.client.ctx
        ctx.transport, ctx.count_until_disconnect = wire, 5
        wire.reply = data
        # As if the last question was long ago and answered: the line waits for nothing.
        line._quiet_until, line._session.heard_at, line._unanswered = 0.0, 0.0, Unanswered()
        answer, right = loop.run_until_complete(_ask(line, data))
        if answer is None:
            return None
        return "" if any(frame in data for frame in right) else f"{answer} from {data.hex()}"

    return feed


def _corpus(chance: random.Random) -> list[bytes]:
    found = []
    for _ in range(40):
        bits, value = chance.randrange(256), struct.pack(">H", chance.randrange(65536))
        for unit in (UNIT, UNIT, UNIT, 8):
            found += [
                _frame(unit, 1, 1, bits), _frame(unit, 2, 1, bits), _frame(unit, 3, 2, *value),
                _frame(unit, 5, 0, COIL_AT, 0xFF, 0), _frame(unit, 5, 0, COIL_AT, 0, 0), _frame(unit, 5, 0, COIL_AT, *value),
                _frame(unit, 6, 0, REGISTER_AT, *struct.pack(">H", WRITTEN)), _frame(unit, 6, 0, REGISTER_AT, *value),
            ]  # fmt: skip
        found.append(_frame(UNIT, 0x80 | chance.choice((1, 2, 3, 5, 6)), chance.randrange(12)))
    return found


def _seal(data: bytes) -> bytes:
    body = data[:-2] if len(data) > 2 else data
    return body + crc16(body)


@contextmanager
def _broken() -> Iterator[None]:
    """An echo's content is no longer held against the order."""

    async def write_register(self: RelayLine, address: int, value: int) -> bool:
        from pymodbus.pdu.register_message import WriteSingleRegisterRequest, WriteSingleRegisterResponse

        request = WriteSingleRegisterRequest(address=address, registers=[value], dev_id=self._unit_id)
        return await self.ask(request, WriteSingleRegisterResponse) is not None

    with mock.patch.object(RelayLine, "write_register", write_register):
        yield


TARGETS = (Target("relay board replies", 50_000, _corpus, _feed, _seal, _broken),)
