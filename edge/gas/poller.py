"""Polls one bus: every unit in order, on a fixed schedule, each reading handed on at once.

A unit that fails becomes *suspect* and leaves the cycle, so that it costs the others one time-out once, not one per
cycle. On TCP suspects are asked over a second connection beside the cycle (a unit that breaks the connection breaks
only that one); on a serial line one suspect is asked at the end of each cycle, when there is time for its time-out.
Suspects are asked at once, then with growing pauses up to a second, and come back after three good answers in a row.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from edge.config import BoxConfig, Bus, Channel
from edge.gas.block import BlockRead, reads
from edge.gas.budget import BusBudget, bus_budget, frozen_us, input_lengths, input_span
from edge.gas.detector import Detector
from edge.gas.modbus import Failure, Line
from edge.gas.reading import InputReading, Reading
from edge.gas.rtu import RtuLine
from edge.gas.tag import UNANSWERED_POLLS, Tag, Unanswered
from edge.gas.tcp import TcpLine
from edge.interlock.status import BusView
from edge.sockets import now_us

OnReading = Callable[[Reading], None]
OnInputs = Callable[[InputReading | None], None]


class Deliver(NamedTuple):
    """Who is told what came: of gas channels, of process sensors, of the buttons (None: the module was silent)."""

    reading: OnReading
    sensor: OnReading
    inputs: OnInputs


LINES: dict[str, Callable[[Bus, BusBudget], Line]] = {"tcp": TcpLine, "rtu": RtuLine}
"""The bus drivers. A new one is one file and one row here."""

GOOD_TO_RETURN = 3
LONGEST_PAUSE_S = 1.0


class _Unit:
    """What is polled, and how it behaved lately."""

    def __init__(self) -> None:
        self.suspect = False
        self.retry_at = 0.0
        self._pause_s = 0.0
        self._good = 0

    async def ask(self, line: Line) -> Failure | None:
        """Ask once and hand on what came."""
        raise NotImplementedError

    def failed(self, asked: float, now: float, poll_s: float) -> None:
        """Ask again at once, then after one, two, four ... poll periods, a second at most.

        Counted from when it was asked: a disturbance that swallows two replies must not cost their time-outs too, or
        the value is stale before the third request.
        """
        self._good = 0
        self._pause_s = min(2 * self._pause_s or poll_s, LONGEST_PAUSE_S) if self.suspect else 0.0
        self.retry_at = max(now, asked + self._pause_s)
        self.suspect = True

    def answered(self, now: float, poll_s: float) -> None:
        """Count good answers; enough of them end the suspicion."""
        self._good += 1
        self._pause_s = 0.0
        self.retry_at = now + poll_s
        if self._good >= GOOD_TO_RETURN:
            self.suspect = False


class _BlockUnit(_Unit):
    """A block of registers: the gas channels and process sensors that are read in one request."""

    def __init__(self, block: BlockRead, tag: Tag, budget: BusBudget, deliver: Deliver) -> None:
        super().__init__()
        self._block, self._tag = block, tag
        self._detectors = [
            (Detector(b, frozen_us(budget, b), round(budget.stale_ms * 1000)),
             deliver.reading if isinstance(b, Channel) else deliver.sensor)
            for b in block.blocks
        ]  # fmt: skip

    async def ask(self, line: Line) -> Failure | None:
        block, clock = self._block, asyncio.get_running_loop().time
        if self._tag.free_at() > clock():
            # Another block of this unit was not answered, and every length that this one could ask for with it.
            for detector, to in self._detectors:
                to(detector.failed(now_us(), "an earlier reply may still come"))
            return Failure("an earlier reply may still come")
        count = self._tag.choose(clock())
        answer = await line.registers(block.unit_id, block.function, block.register, count)
        sent_us = line.sent_us
        if isinstance(answer, Failure):
            if not answer.line:
                # Now, not when it was asked for: the line may have kept the request back for some quiet windows.
                self._tag.failed(clock())
            for detector, to in self._detectors:
                to(detector.failed(sent_us, answer.detail))
            return answer
        for detector, to in self._detectors:
            to(detector.decode(answer, sent_us))
        return None

    def failed(self, asked: float, now: float, poll_s: float) -> None:
        super().failed(asked, now, poll_s)
        self.retry_at = max(self.retry_at, self._tag.free_at())


class _InputUnit(_Unit):
    """The button module."""

    def __init__(self, config: BoxConfig, tag: Tag, deliver: OnInputs) -> None:
        super().__init__()
        self._tag = tag
        self._unit_id = config.inputs.unit_id
        self._first = input_span(config)[0]
        self._places = {name: at - self._first for name, at in config.inputs.addresses.items()}
        self._deliver = deliver

    async def ask(self, line: Line) -> Failure | None:
        clock = asyncio.get_running_loop().time
        bits = await line.inputs(self._unit_id, self._first, self._tag.choose(clock()))
        if isinstance(bits, Failure):
            if not bits.line:
                self._tag.failed(clock())
            self._deliver(None)
            return bits
        closed = {name: bits[place] for name, place in self._places.items()}
        self._deliver(InputReading(**closed, at_us=line.sent_us))
        return None

    def failed(self, asked: float, now: float, poll_s: float) -> None:
        super().failed(asked, now, poll_s)
        # No length left: a late "not pressed" would pass as the answer. A silent module is a pressed stop instead.
        self.retry_at = max(self.retry_at, self._tag.free_at())


def _units(config: BoxConfig, bus: Bus, budget: BusBudget, deliver: Deliver) -> list[_Unit]:
    """Everything on this bus; the buttons first, because the E-stop is among them, the process sensors last."""
    units: list[_Unit] = []
    # On TCP the transaction id ties a reply to its request; on a serial line only its length does.
    memory_s = UNANSWERED_POLLS * bus.poll_ms / 1000 if bus.kind == "rtu" else 0.0
    if config.inputs.bus == bus.name:
        units.append(_InputUnit(config, Tag(input_lengths(config), Unanswered(memory_s)), deliver.inputs))
    unanswered: dict[tuple[int, str], Unanswered] = {}
    for block in reads(config, bus.name):
        known = unanswered.setdefault((block.unit_id, block.function), Unanswered(memory_s))
        units.append(_BlockUnit(block, Tag(block.lengths, known), budget, deliver))
    return units


class BusPoller:
    """Polls one bus until cancelled."""

    def __init__(self, config: BoxConfig, bus: Bus, deliver: Deliver) -> None:
        """Callbacks run in the poller's task, before the next request; what they raise ends `run`."""
        self.budget = bus_budget(config, bus)
        self._bus = bus
        self._poll_s = bus.poll_ms / 1000
        self._units = _units(config, bus, self.budget, deliver)
        self._suspected = asyncio.Event()
        self._polls = 0
        self._errors = 0
        self._cycle_s = 0.0
        self._connected = False
        self.cycles = 0
        self.skipped = 0
        """Cycles left out because the one before took longer than the poll period."""

    async def run(self) -> None:
        """Poll until cancelled; connections are closed on the way out."""
        make = LINES[self._bus.kind]
        lines = [make(self._bus, self.budget)]
        name = self._bus.name
        if self._bus.kind == "rtu":
            tasks = [asyncio.create_task(self._cycle_for_ever(lines[0], suspects_at_end=True), name=f"{name} cycle")]
        else:
            lines.append(make(self._bus, self.budget))
            tasks = [
                asyncio.create_task(self._cycle_for_ever(lines[0], suspects_at_end=False), name=f"{name} cycle"),
                asyncio.create_task(self._ask_suspects_for_ever(lines[1]), name=f"{name} suspects"),
            ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for line in lines:
                line.close()

    def view(self) -> BusView:
        """This bus for the status document. `ok`: connected and no unit is suspect."""
        return BusView(
            name=self._bus.name,
            ok=self._connected and not any(unit.suspect for unit in self._units),
            polls=self._polls,
            errors=self._errors,
            cycle_ms=round(self._cycle_s * 1000, 3),
            budget_ms=round(self.budget.needed_ms, 3),
        )

    async def _cycle_for_ever(self, line: Line, *, suspects_at_end: bool) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            started = loop.time()
            for unit in self._units:
                if not unit.suspect:
                    await self._ask(line, unit)
            if suspects_at_end:
                await self._ask_one_suspect(line, due + self._poll_s)
            self._connected = line.connected
            ended = loop.time()
            self._cycle_s = ended - started
            self.cycles += 1
            due += self._poll_s
            if due < ended:
                late = int((ended - due) / self._poll_s)
                self.skipped += late
                due += late * self._poll_s
            await asyncio.sleep(max(0.0, due - ended))

    async def _ask(self, line: Line, unit: _Unit) -> None:
        clock = asyncio.get_running_loop().time
        asked = clock()
        failure = await unit.ask(line)
        self._polls += 1
        if failure is None:
            if unit.suspect:
                unit.answered(clock(), self._poll_s)
            return
        self._errors += 1
        if failure.line and not unit.suspect:
            return
        unit.failed(asked, clock(), self._poll_s)
        self._suspected.set()

    def _due_suspects(self, now: float) -> Sequence[_Unit]:
        return sorted((u for u in self._units if u.suspect and u.retry_at <= now), key=lambda unit: unit.retry_at)

    async def _ask_one_suspect(self, line: Line, until: float) -> None:
        """Serial lines: the suspect that has waited longest, when its time-out ends before the next cycle."""
        if not self._suspected.is_set():
            return
        now = asyncio.get_running_loop().time()
        worst_s = (self.budget.timeout_ms + self.budget.quiet_ms) / 1000
        for unit in self._due_suspects(now)[:1]:
            nobody_else = all(other.suspect for other in self._units)
            overdue = now - unit.retry_at > self._poll_s
            if nobody_else or overdue or now + worst_s <= until:
                await self._ask(line, unit)
        if not any(unit.suspect for unit in self._units):
            self._suspected.clear()

    async def _ask_suspects_for_ever(self, spare: Line) -> None:
        """TCP: beside the cycle, over a connection of their own, which is closed when nobody is suspect."""
        loop = asyncio.get_running_loop()
        while True:
            await self._suspected.wait()
            for unit in self._due_suspects(loop.time()):
                await self._ask(spare, unit)
            waiting = [unit.retry_at for unit in self._units if unit.suspect]
            if not waiting:
                self._suspected.clear()
                spare.close()
                continue
            await asyncio.sleep(max(0.0, min(waiting) - loop.time()))
