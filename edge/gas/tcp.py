"""Modbus TCP: the transaction id ties a reply to its request, so no quiet time is needed after a failure."""

from pymodbus.client import AsyncModbusTcpClient

from edge.config import Bus
from edge.gas.budget import BusBudget
from edge.gas.modbus import RETRIES, Failure, Session, Trace
from edge.gas.profile import Function


class TcpLine:
    """One connection to a Modbus TCP device or gateway."""

    def __init__(self, bus: Bus, budget: BusBudget) -> None:
        """Needs a running loop; connects at the first request."""
        timeout_s = budget.timeout_ms / 1000

        def make(trace: Trace) -> AsyncModbusTcpClient:
            return AsyncModbusTcpClient(
                bus.host,
                port=bus.port,
                name=bus.name,
                timeout=timeout_s,
                retries=RETRIES,
                reconnect_delay=0,  # Session reconnects: pymodbus would leave a failed first attempt alone
                trace_packet=trace.packet,
                trace_connect=trace.connect,
            )

        self._session = Session(make, timeout_s)

    @property
    def sent_us(self) -> int:
        """CLOCK_BOOTTIME of the last request."""
        return self._session.sent_us

    @property
    def connected(self) -> bool:
        """Whether requests can be sent."""
        return self._session.connected

    async def registers(self, unit_id: int, function: Function, register: int, count: int) -> list[int] | Failure:
        """See `Line.registers`."""
        if not self._session.connected:
            await self._session.connect()
        return await self._session.registers(unit_id, function, register, count)

    async def inputs(self, unit_id: int, address: int, count: int) -> list[bool] | Failure:
        """See `Line.inputs`."""
        if not self._session.connected:
            await self._session.connect()
        return await self._session.inputs(unit_id, address, count)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()
