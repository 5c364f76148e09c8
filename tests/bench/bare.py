"""The baseline: a bare pymodbus loop that reads every detector and opens a coil when a value exceeds its limit.

    python -m tests.bench.bare PORT UNITS POLL_MS LIMIT PARENT

No quality, no vote, no latch, no log, no people: only what any gas trip must do at the least. It rests between two
polls on SIGUSR1 and goes on at SIGUSR2.
"""

import asyncio
import gc
import signal
import sys

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from firmware_sim.child import die_with_parent
from tests.bench.priority import INTERLOCK_PRIORITY, prefer

_TIMEOUT_S = 0.05
_REGISTERS = 3


async def poll_for_ever(port: int, units: int, poll_s: float, limit: int) -> None:
    """Poll on a fixed schedule, resting when told."""
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=_TIMEOUT_S, retries=0)
    await client.connect()
    loop = asyncio.get_running_loop()
    awake = asyncio.Event()
    awake.set()
    loop.add_signal_handler(signal.SIGUSR1, awake.clear)
    loop.add_signal_handler(signal.SIGUSR2, awake.set)
    print("up", flush=True)
    due = loop.time()
    while await awake.wait():
        for unit in range(1, units + 1):
            try:
                answer = await client.read_input_registers(0, count=_REGISTERS, device_id=unit)
                if not answer.isError() and answer.registers[0] > limit:
                    await client.write_coil(0, False, device_id=unit)
            except ModbusException:
                # A reply that came too late on a busy machine: the next poll goes on.
                continue
        due = max(due + poll_s, loop.time())
        await asyncio.sleep(due - loop.time())


def main() -> None:
    """Run until told to end."""
    port, units, poll_ms, limit, parent = map(int, sys.argv[1:])
    die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    prefer(INTERLOCK_PRIORITY)
    asyncio.run(poll_for_ever(port, units, poll_ms / 1000, limit))


if __name__ == "__main__":
    main()
