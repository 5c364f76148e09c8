"""A pymodbus client as production uses it, on the running site's buses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

Client = AsyncModbusTcpClient | AsyncModbusSerialClient
COUNT = 6


@asynccontextmanager
async def client_of(facts: dict[str, Any], bus: str, timeout_s: float = 0.1) -> AsyncIterator[Client]:
    """Connected to `gas_tcp`, `gas_rtu` or `inputs`, without retries."""
    where = facts[bus]
    client: Client
    if "device" in where:
        client = AsyncModbusSerialClient(
            where["device"], baudrate=9600, timeout=timeout_s, retries=0, reconnect_delay=0.05, reconnect_delay_max=0.1
        )
    else:
        client = AsyncModbusTcpClient(
            where["host"],
            port=where["port"],
            timeout=timeout_s,
            retries=0,
            reconnect_delay=0.05,
            reconnect_delay_max=0.1,
        )
    assert await client.connect()
    try:
        yield client
    finally:
        client.close()


async def read(client: Client, unit_id: int = 1, count: int = COUNT) -> Any:
    """One read of input registers from address 0."""
    return await client.read_input_registers(0, count=count, device_id=unit_id)
