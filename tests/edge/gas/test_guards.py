"""No answer that belongs to another request passes, whatever comes over the wire."""

import asyncio
import os
import pty
import struct
import tty
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace
from pymodbus.client import AsyncModbusSerialClient
from pymodbus.exceptions import ModbusIOException

from edge.config import Bus
from edge.gas.budget import bus_budget
from edge.gas.modbus import Failure
from edge.gas.rtu import RtuLine
from edge.gas.tcp import TcpLine
from edge.sockets import now_us
from firmware_sim.modbus import Faulty, RtuBus, crc16
from firmware_sim.pty_line import PtyLine
from tests.edge.gas.site import COUNTER_STEP_US, configuration, head


def mbap(transaction, unit, pdu, *, protocol=0):
    return struct.pack(">HHHB", transaction, protocol, 1 + len(pdu), unit) + pdu


def registers(function, *values):
    return struct.pack(f">BB{len(values)}H", function, 2 * len(values), *values)


async def received(reader):
    try:
        return await reader.readexactly(7)
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


@asynccontextmanager
async def tcp_line(answer, *, timeout_ms=0):
    """A line to a server that answers each request (transaction, unit, PDU) with whatever `answer` makes of it."""

    served = []

    async def serve(reader, writer):
        served.append(asyncio.current_task())
        while header := await received(reader):
            transaction, _, length, unit = struct.unpack(">HHHB", header)
            for frame in answer(transaction, unit, await reader.readexactly(length - 1)):
                if frame is None:
                    writer.transport.abort()
                    return
                writer.write(frame)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    bus = Bus("tcp", "tcp", 100, timeout_ms, host="127.0.0.1", port=server.sockets[0].getsockname()[1])
    line = TcpLine(bus, bus_budget(configuration([], []), bus))
    try:
        yield line
    finally:
        line.close()
        server.close()
        await asyncio.gather(*served)


def good(t, u, pdu):
    return [mbap(t, u, registers(pdu[0], 1, 2, 3))]


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (lambda t, u, pdu: [], "no reply within 50 ms"),
        (lambda t, u, pdu: [None], "connection lost while asking"),
        (lambda t, u, pdu: [mbap(t, u, bytes((pdu[0] | 0x80, 4)))], "exception 4"),
        (lambda t, u, pdu: [mbap(t, u, registers(3, 1, 2, 3))], "function code 3 instead of 4"),
        (lambda t, u, pdu: [mbap(t, u, bytes((2, 1, 0xFF)))], "function code 2 instead of 4"),
        (lambda t, u, pdu: [mbap(t, u, registers(4, 1, 2))], "2 registers instead of 3"),
        (lambda t, u, pdu: [mbap(t, u, registers(4, 1, 2, 3, 4))], "4 registers instead of 3"),
        (lambda t, u, pdu: [mbap(t, u, registers(4))], "0 registers instead of 3"),
        (lambda t, u, pdu: [mbap(0, u, registers(4, 1, 2, 3))], "transaction 0 instead of"),
        (lambda t, u, pdu: [mbap(t ^ 0x100, u, registers(4, 1, 2, 3))], "bytes that are no reply within 50 ms"),
        (lambda t, u, pdu: [mbap(t + 1, u, registers(4, 1, 2, 3))], "bytes that are no reply within 50 ms"),
        (lambda t, u, pdu: [mbap(t, u + 1, registers(4, 1, 2, 3))], "bytes that are no reply within 50 ms"),
        (lambda t, u, pdu: [mbap(t, 0, registers(4, 1, 2, 3))], "bytes that are no reply within 50 ms"),
        (lambda t, u, pdu: [mbap(t, u, registers(4, 1, 2, 3), protocol=7)], "bytes that are no reply within 50 ms"),
        (lambda t, u, pdu: [mbap(t, u, registers(4, 1, 2, 3))[:-1]], "bytes that are no reply within 50 ms"),
        (lambda t, u, pdu: [os.urandom(15)], ""),
    ],
)
async def test_on_tcp_a_wrong_answer_is_a_failure_and_the_next_right_one_counts(answer, detail):
    """BOX-06: response class, unit, function code, register count and transaction are all checked."""
    answers = iter([answer, good])

    def first_wrong(*request):
        return next(answers)(*request)

    async with tcp_line(first_wrong) as line:
        failed = await line.registers(1, "input", 0, 3)
        assert isinstance(failed, Failure)
        assert detail in failed.detail
        assert not failed.line
        async with asyncio.timeout(1):
            while isinstance(answered := await line.registers(1, "input", 0, 3), Failure):
                assert answered.line  # a lost connection is not opened twice within 0.1 s
                await asyncio.sleep(0)
        assert answered == [1, 2, 3]


async def test_on_tcp_a_late_answer_is_not_taken_for_the_next_request():
    """BOX-06: the transaction id ties an answer to its request."""
    held = []

    def late(transaction, unit, pdu):
        held.append(mbap(transaction, unit, registers(4, len(held), 0, 0)))
        return held[-2:-1]  # always the answer to the request before

    async with tcp_line(late) as line:
        for _ in range(4):
            assert isinstance(await line.registers(1, "input", 0, 3), Failure)


@pytest.mark.parametrize("extra", [b"\0", bytes(12)])
async def test_on_tcp_a_frame_that_is_longer_than_its_content_is_refused(extra):
    """BOX-06: pymodbus reads past what it does not need; the header must announce just the reply."""

    def longer(transaction, unit, pdu):
        return [mbap(transaction, unit, registers(4, 1, 2, 3) + extra)]

    async with tcp_line(longer) as line:
        answer = await line.registers(1, "input", 0, 3)
        assert isinstance(answer, Failure)
        assert "length" in answer.detail


async def test_a_byte_count_that_is_odd_is_refused():
    """BOX-06: four registers and half a fifth are no answer."""

    def odd(transaction, unit, pdu):
        return [mbap(transaction, unit, bytes((4, 7)) + bytes(7))]

    async with tcp_line(odd) as line:
        assert isinstance(await line.registers(1, "input", 0, 3), Failure)


async def test_on_tcp_a_late_answer_before_the_right_one_is_skipped():
    held = []

    def both(transaction, unit, pdu):
        held.append(mbap(transaction, unit, registers(4, len(held), 0, 0)))
        return held[-2:] if len(held) > 1 else []

    async with tcp_line(both) as line:
        assert isinstance(await line.registers(1, "input", 0, 3), Failure)
        assert await line.registers(1, "input", 0, 3) == [1, 0, 0]


@pytest.mark.parametrize(
    ("body", "detail"),
    [(b"\x02\x02\x00\x00", "16 input bits instead of 8"), (b"\x02\x00", "0 input bits"), (b"\x01\x01\x05", "function")],
)
async def test_inputs_are_guarded_too(body, detail):
    async with tcp_line(lambda t, u, pdu: [mbap(t, u, body)]) as line:
        failed = await line.inputs(10, 0, 5)
        assert isinstance(failed, Failure)
        assert detail in failed.detail


async def test_nobody_there_is_the_lines_failure_not_the_units():
    bus = Bus("tcp", "tcp", 100, 0, host="127.0.0.1", port=1)
    line = TcpLine(bus, bus_budget(configuration([], []), bus))
    assert await line.registers(1, "input", 0, 3) == Failure("not connected", line=True)
    assert not line.connected
    line.close()


async def test_connection_is_tried_at_once_and_then_not_more_often_than_ten_times_a_second():
    tried = []
    bus = Bus("tcp", "tcp", 100, 0, host="127.0.0.1", port=1)
    line = TcpLine(bus, bus_budget(configuration([], []), bus))
    connect = line._session._client.connect

    async def counted():
        tried.append(asyncio.get_running_loop().time())
        return await connect()

    line._session._client.connect = counted
    started = asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() < started + 0.35:
        await line.registers(1, "input", 0, 3)
        await asyncio.sleep(0.002)
    line.close()
    assert tried[0] - started < 0.05
    assert len(tried) == 3  # at once, 0.1 s and 0.3 s


@asynccontextmanager
async def rtu_line(answer, *, baud=115200):
    """A line to a unit that answers each sound request frame with whatever `answer` makes of it."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    loop = asyncio.get_running_loop()

    def request():
        for frame in answer(os.read(master, 256)):
            os.write(master, frame)

    loop.add_reader(master, request)
    bus = Bus("rtu", "rtu", 250, 0, device=os.ttyname(slave), baud=baud)
    line = RtuLine(bus, bus_budget(configuration([], []), bus))
    try:
        yield line, master
    finally:
        line.close()
        loop.remove_reader(master)
        os.close(master)
        os.close(slave)


def sealed(*body):
    return bytes(body) + crc16(bytes(body))


RIGHT = sealed(1, 4, 6, 0, 1, 0, 2, 0, 3)


@pytest.mark.parametrize(
    ("frames", "detail"),
    [
        ([], "no reply"),
        ([sealed(1, 0x84, 4)], "exception 4"),
        ([sealed(1, 3, 6, 0, 1, 0, 2, 0, 3)], "function code 3 instead of 4"),
        ([sealed(1, 4, 4, 0, 1, 0, 2)], "2 registers instead of 3"),
        ([sealed(1, 4, 8, 0, 1, 0, 2, 0, 3, 0, 4)], "4 registers instead of 3"),
        ([sealed(2, 4, 6, 0, 1, 0, 2, 0, 3)], "11 bytes that are no reply"),
        ([sealed(0, 4, 6, 0, 1, 0, 2, 0, 3)], "11 bytes that are no reply"),
        ([RIGHT[:-1] + b"\x00"], "11 bytes that are no reply"),
        ([RIGHT[:-1]], "10 bytes that are no reply"),
        ([RIGHT[4:]], "7 bytes that are no reply"),
        ([b"\x00\xff" * 5], "10 bytes that are no reply"),
    ],
)
async def test_on_a_serial_line_a_wrong_answer_is_a_failure_and_the_next_right_one_counts(frames, detail):
    """BOX-06: damaged, foreign, short, long and empty answers."""
    answers = iter([frames, [RIGHT]])
    async with rtu_line(lambda request: next(answers)) as (line, _):
        failed = await line.registers(1, "input", 0, 3)
        assert isinstance(failed, Failure)
        assert detail in failed.detail
        assert await line.registers(1, "input", 0, 3) == [1, 2, 3]


async def test_on_a_serial_line_nothing_is_sent_before_it_was_silent_for_the_quiet_window():
    """BOX-06: a late answer dies in the quiet window after any failed transaction."""
    asked = []
    loop = asyncio.get_running_loop()

    def answer(request):
        asked.append(loop.time())
        return [RIGHT] if len(asked) > 1 else [sealed(1, 0x84, 4)]

    async with rtu_line(answer) as (line, master):
        assert isinstance(await line.registers(1, "input", 0, 3), Failure)
        quiet_s = line._quiet_s
        late = []
        loop.call_later(quiet_s / 2, lambda: (late.append(loop.time()), os.write(master, RIGHT)))
        assert await line.registers(1, "input", 0, 3) == [1, 2, 3]
        assert asked[1] - late[0] >= quiet_s


async def test_line_that_babbles_without_end_fails_and_does_not_hold_the_poller():
    loop = asyncio.get_running_loop()
    async with rtu_line(lambda request: [sealed(1, 0x84, 4)]) as (line, master):
        assert isinstance(await line.registers(1, "input", 0, 3), Failure)

        async def babble():
            while True:
                os.write(master, b"\x55")
                await asyncio.sleep(0.01)

        noise = asyncio.create_task(babble())
        started = loop.time()
        assert await line.registers(1, "input", 0, 3) == Failure("the line is not silent", line=True)
        assert loop.time() - started < 6 * line._quiet_s
        noise.cancel()


async def test_what_lies_in_the_receive_buffer_is_thrown_away_before_a_request():
    answers = iter([[RIGHT], [sealed(1, 4, 6, 0, 9, 0, 9, 0, 9)]])
    async with rtu_line(lambda request: next(answers)) as (line, master):
        assert await line.registers(1, "input", 0, 3) == [1, 2, 3]
        os.write(master, RIGHT)  # unasked, and read by nobody before the next request goes out
        assert await line.registers(1, "input", 0, 3) == [9, 9, 9]


async def test_a_rate_that_the_line_cannot_do_is_a_line_without_connection(tmp_path, caplog):
    """pyserial raises ValueError: every unit of the bus is silent, and the box runs on; said once."""
    port = PtyLine(tmp_path / "rtu")
    port.open()
    bus = Bus("line", "rtu", 100, 0, device=str(port.link))
    line = RtuLine(replace(bus, baud=-1), bus_budget(configuration([], []), bus))
    assert await line.registers(1, "input", 0, 3) == Failure("not connected", line=True)
    assert "bus line cannot be opened" in caplog.text
    line.close()
    port.close()


async def test_bare_pymodbus_accepts_the_answer_to_an_earlier_request(tmp_path):
    """Negative control: why the guards exist. A unit later than the time-out feeds values one poll old as fresh."""
    unit = Faulty(head("d1", 1), late_ms=150)
    unit.fault = "late"
    bus = RtuBus({1: unit}, PtyLine(tmp_path / "rtu"))
    await bus.start()
    client = AsyncModbusSerialClient(str(tmp_path / "rtu"), baudrate=9600, timeout=0.12, retries=0)
    await client.connect()
    stale = 0
    for _ in range(8):
        asked_us = now_us()
        try:
            reply = await client.read_input_registers(0, count=3, device_id=1)
        except ModbusIOException:
            continue
        age_steps = (asked_us // COUNTER_STEP_US - reply.registers[2]) & 0xFFFF
        stale += not reply.isError() and 1 <= age_steps < 0x8000
    client.close()
    await bus.stop()
    assert stale >= 3
