"""Modbus RTU: nothing in a reply says which request it answers, so the line itself must be silent before each request.

pymodbus hands out a late reply to an earlier request as fresh data (seen with 3.16.1). Three guards together keep
it out: after *any* failure nothing is sent until the line has been silent for the quiet window; what lies in the
receive buffer is thrown away before each request; and read lengths rotate (`edge.gas.tag`), for inputs as well.
"""

import asyncio
import termios

from pymodbus.client import AsyncModbusSerialClient

from edge.config import Bus
from edge.gas.budget import BusBudget, character_bits, gap_ms
from edge.gas.modbus import RETRIES, Failure, Session, Trace
from edge.gas.profile import Function

_BABBLE_LIMIT = 4  # quiet windows: a line that never falls silent must not stop the poller's schedule for good


class RtuLine:
    """One serial line with several units."""

    def __init__(self, bus: Bus, budget: BusBudget) -> None:
        """Needs a running loop; opens the port at the first request."""
        timeout_s = budget.timeout_ms / 1000

        def make(trace: Trace) -> AsyncModbusSerialClient:
            return AsyncModbusSerialClient(
                bus.device,
                baudrate=bus.baud,
                parity=bus.parity,
                stopbits=bus.stop_bits,
                name=bus.name,
                timeout=timeout_s,
                retries=RETRIES,
                reconnect_delay=0,  # Session reconnects: pymodbus would leave a failed first attempt alone
                trace_packet=trace.packet,
                trace_connect=trace.connect,
            )

        self._loop = asyncio.get_running_loop()
        self._session = Session(make, timeout_s)
        self._gap_s = gap_ms(bus.baud, character_bits(bus.parity, bus.stop_bits)) / 1000
        self._quiet_s = budget.quiet_ms / 1000
        self._failed_at: float | None = None

    @property
    def sent_us(self) -> int:
        """CLOCK_BOOTTIME of the last request."""
        return self._session.sent_us

    @property
    def connected(self) -> bool:
        """Whether the port is open."""
        return self._session.connected

    async def registers(self, unit_id: int, function: Function, register: int, count: int) -> list[int] | Failure:
        """See `Line.registers`; waits for a silent line first."""
        if not await self._ready():
            return self._session.not_asked("the line is not silent" if self._session.connected else "not connected")
        answer = await self._session.registers(unit_id, function, register, count)
        if isinstance(answer, Failure):
            self._failed_at = self._loop.time()
        return answer

    async def inputs(self, unit_id: int, address: int, count: int) -> list[bool] | Failure:
        """See `Line.inputs`; waits for a silent line first."""
        if not await self._ready():
            return self._session.not_asked("the line is not silent" if self._session.connected else "not connected")
        answer = await self._session.inputs(unit_id, address, count)
        if isinstance(answer, Failure):
            self._failed_at = self._loop.time()
        return answer

    def close(self) -> None:
        """Close the port."""
        self._session.close()

    async def _ready(self) -> bool:
        """Open the port if need be, wait for silence, throw away what came unasked."""
        session = self._session
        if not session.connected and not await session.connect():
            return False
        if self._failed_at is not None:
            if not await self._silent():
                return False
            self._failed_at = None
        pause = session.heard_at + self._gap_s - self._loop.time()
        if pause > 0:
            await asyncio.sleep(pause)
        return self._drain()

    async def _silent(self) -> bool:
        """Wait until nothing has come for the quiet window; False when the line babbles on."""
        started = self._failed_at or 0.0
        give_up = self._loop.time() + _BABBLE_LIMIT * self._quiet_s
        while True:
            now = self._loop.time()
            wait = max(started, self._session.heard_at) + self._quiet_s - now
            if wait <= 0:
                return True
            if now >= give_up:
                return False
            await asyncio.sleep(wait)

    def _drain(self) -> bool:
        """Empty the receive buffer; False when the port is gone."""
        port = getattr(self._session.client.ctx.transport, "sync_serial", None)
        if port is None:
            return False
        try:
            port.reset_input_buffer()
        except (OSError, termios.error):
            self._session.close()
            return False
        return True
