"""A stale, late or foreign reply is never accepted: randomised exchanges with a slave that is late by 0.5 to 5 polls."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusSerialClient
from pymodbus.exceptions import ModbusIOException

from edge.config import Bus
from edge.gas.budget import bus_budget
from edge.gas.modbus import Failure
from edge.gas.poller import LINES
from edge.gas.tag import UNANSWERED_POLLS, Tag, Unanswered
from edge.sockets import now_us
from firmware_sim.modbus import Fault, Faulty, RtuBus, TcpBus
from firmware_sim.pty_line import PtyLine
from tests.edge.gas.site import configuration

POLL_MS = 60
LATE_POLLS = (0.5, 5.0)
LATE_SHARE = 0.5
REGISTERS = 3
EXCHANGES = {"rtu": 6000, "rtu without a length to rotate": 2000, "tcp": 2000}
"""Ten thousand in all; many lines beside each other, because a late slave mostly keeps its line waiting."""
LINES_OF = {"rtu": 20, "rtu without a length to rotate": 14, "tcp": 8}
CONTROL_EXCHANGES = 400


class Clockwork:
    """A unit whose registers say which unit it is and when they were answered; each answer comes late or in time."""

    def __init__(self, unit_id: int, seed: int) -> None:
        self.unit_id = unit_id
        self.faulty = Faulty(self)
        self._random = random.Random(seed)

    def registers(self) -> Sequence[int]:
        late = self._random.random() < LATE_SHARE
        self.faulty.fault = Fault.LATE if late else Fault.NONE
        self.faulty.late_ms = round(self._random.uniform(*LATE_POLLS) * POLL_MS)
        at_us = now_us()
        return (self.unit_id, at_us >> 16 & 0xFFFF, at_us & 0xFFFF, 0, 0, 0)

    def discrete_inputs(self) -> Sequence[bool]:
        return ()


def older_us(registers: Sequence[int], sent_us: int) -> int:
    """How long before the request was sent this was answered; 0 when after it."""
    ahead = (sent_us - (registers[1] << 16 | registers[2])) % 2**32
    return ahead if ahead < 2**31 else 0


class Count:
    """What came of the exchanges."""

    def __init__(self) -> None:
        self.asked = self.right = self.wrong = self.overdue = 0
        """`overdue`: the machine itself held a reply back for longer than a line is held to (`UNANSWERED_POLLS`)."""

    def take(self, answer: Sequence[int] | Failure, unit_id: int, sent_us: int) -> None:
        self.asked += 1
        if not isinstance(answer, Failure):
            old_us = older_us(answer, sent_us)
            if answer[0] == unit_id and old_us > UNANSWERED_POLLS * POLL_MS * 1000:
                self.overdue += 1
            elif answer[0] != unit_id or old_us:
                self.wrong += 1
            else:
                self.right += 1


def _bus(kind: str, number: int, folder: Path, tcp: TcpBus | None) -> Bus:
    if tcp is not None:
        return Bus(f"b{number}", "tcp", POLL_MS, 0, host="127.0.0.1", port=tcp.port)
    return Bus(f"b{number}", "rtu", POLL_MS, 5, device=str(folder / f"line-{number}"), baud=115200)


async def _exchange(bus: Bus, count: Count, wanted: int, lengths: tuple[int, ...], memory_s: float) -> None:
    """One line with two units, asked in turn as the poller asks: a length each time, or silence where none is free."""
    loop = asyncio.get_running_loop()
    line = LINES[bus.kind](bus, bus_budget(configuration([], []), bus))
    tags = {unit_id: Tag(lengths, Unanswered(memory_s)) for unit_id in (1, 2)}
    due = loop.time()
    try:
        while count.asked < wanted:
            for unit_id, tag in tags.items():
                now = loop.time()
                if tag.free_at() > now:
                    continue
                answer = await line.registers(unit_id, "input", 0, tag.choose(now))
                if isinstance(answer, Failure):
                    if answer.line:
                        continue
                    tag.failed(loop.time())
                count.take(answer, unit_id, line.sent_us)
            due = max(due + POLL_MS / 1000, loop.time())
            await asyncio.sleep(due - loop.time())
    finally:
        line.close()


async def _lines(kind: str, folder: Path, wanted: int, lengths: tuple[int, ...], memory_s: float) -> Count:
    """Exchanges on several lines at once until there are as many as wanted."""
    count, simulated = Count(), []
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(LINES_OF.get(kind, 14)):
                units = {unit_id: Clockwork(unit_id, number * 10 + unit_id).faulty for unit_id in (1, 2)}
                bus: TcpBus | RtuBus
                if kind == "tcp":
                    bus = TcpBus(units)
                else:
                    bus = RtuBus(units, PtyLine(folder / f"line-{number}"), 115200, turnaround_ms=1)
                simulated.append(bus)
                await bus.start()
                where = _bus(kind, number, folder, bus if isinstance(bus, TcpBus) else None)
                group.create_task(_exchange(where, count, wanted, lengths, memory_s))
    finally:
        for bus in simulated:
            await bus.stop()
    return count


@pytest.mark.parametrize("kind", EXCHANGES)
async def test_no_stale_late_or_foreign_reply_is_accepted(kind: str, tmp_path: Path) -> None:
    """BOX-06: 10,000 exchanges, half of them answered 0.5 to 5 polls late, without a live counter to help."""
    lengths = (REGISTERS,) if "without" in kind else tuple(range(REGISTERS, REGISTERS + 4))
    memory_s = 0.0 if kind == "tcp" else UNANSWERED_POLLS * POLL_MS / 1000
    count = await _lines(kind, tmp_path, EXCHANGES[kind], lengths, memory_s)
    assert count.asked >= EXCHANGES[kind]
    assert count.wrong == 0
    assert count.overdue <= count.asked / 500
    assert count.right >= count.asked / 5


async def test_without_length_and_memory_old_replies_pass_as_fresh(tmp_path: Path) -> None:
    """Negative control: the quiet window alone is not enough when a slave may be later than it."""
    count = await _lines("control", tmp_path, CONTROL_EXCHANGES * 4, (REGISTERS,), 0.0)
    assert count.wrong > 0


async def test_bare_pymodbus_takes_them_for_fresh(tmp_path: Path) -> None:
    """Negative control: the same slave without any of our guards."""
    count = Count()

    async def ask(number: int) -> None:
        units = {unit_id: Clockwork(unit_id, number * 10 + unit_id).faulty for unit_id in (1, 2)}
        bus = RtuBus(units, PtyLine(tmp_path / f"line-{number}"), 115200, turnaround_ms=1)
        await bus.start()
        client = AsyncModbusSerialClient(str(tmp_path / f"line-{number}"), baudrate=115200, timeout=0.03, retries=0)
        await client.connect()
        try:
            while count.asked < CONTROL_EXCHANGES:
                for unit_id in (1, 2):
                    sent_us = now_us()
                    try:
                        reply = await client.read_input_registers(0, count=REGISTERS, device_id=unit_id)
                    except ModbusIOException:
                        count.take(Failure("no reply"), unit_id, sent_us)
                        continue
                    count.take(reply.registers, unit_id, sent_us)
        finally:
            client.close()
            await bus.stop()

    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(ask(number))
    assert count.wrong > 0
