"""Modbus that others wrote: mbpoll reads the simulated detectors, and the box reads a server made of libmodbus."""

import asyncio
import struct
from pathlib import Path

import pytest

from edge.gas.poller import BusPoller
from edge.gas.reading import Quality
from firmware_sim.gas import Detector, units_of
from firmware_sim.modbus import RtuBus, TcpBus
from firmware_sim.pty_line import PtyLine
from tests.edge.gas.foreign import foreign_rtu, foreign_tcp
from tests.edge.gas.site import Heard, configuration
from tests.edge.gas.test_profiles import FAMILIES, channel, head


async def mbpoll(*arguments: str) -> dict[str, str]:
    """Register number (from 1) → what mbpoll read."""
    process = await asyncio.create_subprocess_exec(
        "mbpoll", "-1", "-q", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(20):
        out, _ = await process.communicate()
    said = out.decode()
    assert process.returncode == 0, said
    lines = (line.split(":", 1) for line in said.splitlines() if line.startswith("["))
    return {number.strip("[]"): value.strip().split()[0] for number, value in lines}


@pytest.mark.parametrize("kind", ["tcp", "rtu"])
async def test_mbpoll_reads_and_writes_the_simulated_detectors(kind: str, tmp_path: Path) -> None:
    """A foreign client sees what the box sees: value, status, live counter; a fixed head's holding registers; a float.
    It adjusts a head as a technician's handset does."""
    heads = [
        Detector(head("d1", "generic-int", value=12.5)),
        Detector(head("d2", "rtu-fixed-head", unit_id=2, value=12.5)),
        Detector(head("d3", "generic-float", unit_id=3, value=12.5)),
    ]
    units = units_of(heads, 150)
    bus = TcpBus(units) if kind == "tcp" else RtuBus(units, PtyLine(tmp_path / "rtu"), 19200)
    await bus.start()
    line = (
        ("-m", "tcp", "-p", str(bus.port)) if isinstance(bus, TcpBus) else ("-m", "rtu", "-b", "19200", "-P", "none")
    )
    where = "127.0.0.1" if isinstance(bus, TcpBus) else str(tmp_path / "rtu")
    try:
        first = await mbpoll(*line, "-a", "1", "-t", "3", "-r", "1", "-c", "3", where)
        assert (first["1"], first["2"]) == ("125", "0")
        async with asyncio.timeout(10):
            while (await mbpoll(*line, "-a", "1", "-t", "3", "-r", "3", where))["3"] == first["3"]:
                pass  # the counter moves ten times a second, and mbpoll may ask twice within one count
        fixed = await mbpoll(*line, "-a", "2", "-t", "4", "-r", "1", "-c", "2", where)
        assert (int(fixed["1"]) & 0x8000, fixed["2"]) == (0x8000, "125")
        assert (await mbpoll(*line, "-a", "2", "-t", "4", "-r", "257", where))["257"] == str(0x4644)
        await mbpoll(*line, "-a", "2", "-t", "4", "-r", "514", where, "800")
        assert (await mbpoll(*line, "-a", "2", "-t", "4", "-r", "514", where))["514"] == "800"
        assert (await mbpoll(*line, "-a", "2", "-t", "4", "-r", "2", where))["2"] == "100"
        floats = await mbpoll(*line, "-a", "3", "-t", "3:float", "-B", "-r", "1", where)
        assert float(floats["1"]) == 12.5
    finally:
        await bus.stop()


@pytest.mark.parametrize("kind", ["tcp", "rtu"])
async def test_the_box_reads_a_server_made_of_libmodbus(kind: str) -> None:
    """BOX-06: framing, addresses and word order agree with an implementation that nobody here wrote."""
    high, low = struct.unpack(">HH", struct.pack(">f", 12.5))
    with foreign_tcp() if kind == "tcp" else foreign_rtu() as foreign:
        foreign.show([high, low, 0, 1])
        bus = {"name": "b", "poll_ms": 150, "turnaround_ms": 20, **foreign.where}
        config = configuration([bus], [channel("d1", "generic-float", **FAMILIES["generic-float"], live_counter=False)])
        heard = Heard()
        task = asyncio.create_task(BusPoller(config, config.buses[0], heard.deliver).run())
        try:
            await heard.until(lambda: heard.good("d1") and heard.of("d1")[-1].value == 12.5, 10)
            foreign.show([high, low, 1, 2])
            await heard.until(lambda: heard.of("d1")[-1].quality is Quality.FAULT, 10)
            foreign.show([*struct.unpack(">HH", struct.pack(">f", 41.0)), 0, 3])
            await heard.until(lambda: heard.of("d1")[-1].value == 41.0, 10)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
