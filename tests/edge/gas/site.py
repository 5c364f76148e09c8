"""Detectors on simulated buses in the test's own loop, a configuration for them, and an ear for what is delivered."""

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from edge.config import BoxConfig
from edge.gas.poller import BusPoller, Deliver
from edge.gas.reading import InputReading, Quality, Reading
from edge.sockets import now_us
from firmware_sim.gas import Detector
from firmware_sim.inputs import InputModule
from firmware_sim.modbus import Fault, Faulty, RtuBus, TcpBus
from firmware_sim.pty_line import PtyLine
from firmware_sim.settings import DetectorSettings, SensorSettings

INPUT_UNIT = 10
COUNTER_STEP_US = 50_000
"""The simulated live counter shows the moment at which the answer was made, in steps of 50 ms."""


def configuration(
    buses: list[dict], channels: list[dict], sensors: tuple[dict, ...] = (), *, inputs_bus: str = "", **inputs: int
) -> BoxConfig:
    """A box with these buses and channels; the parts that play no role here are empty."""
    return msgspec.convert(
        {
            "box": "box-1",
            "domain": "test",
            "baseline": "SIMULATION",
            "data": "data",
            "run": "run",
            "buses": buses,
            "channels": channels,
            "sensors": sensors,
            "groups": [],
            "inputs": {"bus": inputs_bus or "elsewhere", "unit_id": INPUT_UNIT, **inputs},
            "relay": {"device": "deadman"},
            "presence": {"fence": [], "quorum": []},
            "vision": {"camera": "", "templates": ""},
            "roster": [],
            "bridge": {
                "broker_host": "",
                "broker_port": 1,
                "id": "bridge",
                "permit_keys": "",
                "command_keys": "",
                "witness": "",
            },
        },
        BoxConfig,
    )


def channel(name: str, bus: str, unit_id: int, **changes: object) -> dict:
    """A methane channel in %LEL, 0.1 a count."""
    return {
        "name": name,
        "bus": bus,
        "unit_id": unit_id,
        "gas": "CH4",
        "calibration_gas": "CH4",
        "unit": "%LEL",
        "scale": 0.1,
        "range_low": -5,
        "range_high": 100,
        **changes,
    }


SENSOR_UNIT = 21


def sensor(bus: str, **changes: object) -> dict:
    """The thermometer temp-1 in °C, 0.1 a count."""
    return {
        "name": "temp-1",
        "bus": bus,
        "unit_id": SENSOR_UNIT,
        "quantity": "temperature",
        "scale": 0.1,
        "range_low": -40,
        "range_high": 400,
        **changes,
    }


def head(name: str, unit_id: int) -> Detector:
    """The simulated detector for such a channel."""
    return Detector(DetectorSettings(name, unit_id, "CH4", "%LEL", 0.1, 100))


class Heard:
    """Everything that pollers delivered."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.sensors: list[Reading] = []
        self.inputs: list[InputReading | None] = []
        self.delivered_us: dict[int, int] = {}
        self._changed = asyncio.Event()

    def on_reading(self, reading: Reading) -> None:
        self.readings.append(reading)
        self.delivered_us[id(reading)] = now_us()
        self._changed.set()

    def on_sensor(self, reading: Reading) -> None:
        self.sensors.append(reading)
        self._changed.set()

    @property
    def deliver(self) -> Deliver:
        return Deliver(self.on_reading, self.on_sensor, self.on_inputs)

    def on_inputs(self, reading: InputReading | None) -> None:
        self.inputs.append(reading)
        self._changed.set()

    async def until(self, true: Callable[[], object], within_s: float = 5.0) -> None:
        """Wait until something delivered makes it true."""
        async with asyncio.timeout(within_s):
            while not true():
                self._changed.clear()
                await self._changed.wait()

    def of(self, name: str, since_us: int = 0) -> list[Reading]:
        """One channel's readings whose requests were sent at or after `since_us`."""
        return [r for r in self.readings if r.channel == name and r.at_us >= since_us]

    def good(self, name: str, since_us: int = 0) -> list[Reading]:
        return [r for r in self.of(name, since_us) if r.quality is Quality.GOOD]

    async def polls(self, name: str, count: int, since_us: int | None = None) -> None:
        """Wait for `count` more attempts at a channel."""
        since = now_us() if since_us is None else since_us
        await self.until(lambda: len(self.of(name, since)) >= count, 20)


def answered_before_asked(reading: Reading) -> bool:
    """The reading's live counter is from before its own request: someone else's answer passed as fresh."""
    asked = reading.at_us // COUNTER_STEP_US
    return reading.counter is not None and (asked - reading.counter) % 0x10000 in range(1, 0x8000)


class Rig:
    """One simulated bus with detectors named d1, d2, ..., and the poller on it."""

    def __init__(self, bus: TcpBus | RtuBus, units: dict[int, Faulty], config: BoxConfig, module: InputModule) -> None:
        self.bus = bus
        self.units = units
        self.config = config
        self.module = module
        self.heard = Heard()
        self.poller = BusPoller(config, config.buses[0], self.heard.deliver)

    async def fault(self, unit_id: int, fault: Fault) -> int:
        """Break a unit (or heal it); returns when."""
        faulty = self.units[unit_id]
        if isinstance(faulty.unit, Detector):
            faulty.unit.set_fault(fault)
        faulty.fault = fault
        at_us = now_us()
        await self.bus.refresh_link()
        return at_us

    def set(self, unit_id: int, value: float) -> int:
        """Expose a detector to gas; returns when."""
        detector = self.units[unit_id].unit
        assert isinstance(detector, Detector)
        return detector.set(value)


@asynccontextmanager
async def running(rig: Rig):
    """Poll until the block ends; the poller must not have ended by itself."""
    task = asyncio.create_task(rig.poller.run())
    try:
        yield rig
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await rig.bus.stop()


def _units(count: int, late_ms: int) -> tuple[dict[int, Faulty], InputModule]:
    module = InputModule()
    units = {number: Faulty(head(f"d{number}", number), late_ms=late_ms) for number in range(1, count + 1)}
    thermometer = Detector(SensorSettings("temp-1", SENSOR_UNIT, "°C", 0.1, 400, 24.0))
    units[SENSOR_UNIT] = Faulty(thermometer, late_ms=late_ms)
    return {**units, INPUT_UNIT: Faulty(module, late_ms=late_ms)}, module


@asynccontextmanager
async def tcp_rig(
    count: int,
    *,
    poll_ms: int = 100,
    turnaround_ms: int = 5,
    inputs: bool = False,
    late_ms: int = 350,
    contacts: dict[str, int] | None = None,
    sensors: bool = False,
):
    """Detectors on a simulated TCP gateway, being polled."""
    units, module = _units(count, late_ms)
    bus = TcpBus(units)
    await bus.start()
    tcp = {
        "name": "tcp",
        "kind": "tcp",
        "poll_ms": poll_ms,
        "turnaround_ms": turnaround_ms,
        "host": "127.0.0.1",
        "port": bus.port,
    }
    channels = [channel(f"d{number}", "tcp", number) for number in range(1, count + 1)]
    thermometer = (sensor("tcp"),) if sensors else ()
    config = configuration([tcp], channels, thermometer, inputs_bus="tcp" if inputs else "", **contacts or {})
    async with running(Rig(bus, units, config, module)) as rig:
        yield rig


@asynccontextmanager
async def rtu_rig(
    count: int, folder: Path, *, poll_ms: int = 250, baud: int = 9600, late_ms: int = 150, sensors: bool = False,
    readable: int | None = None,
):  # fmt: skip
    """Detectors on a simulated serial line, being polled; with the buttons' module where `readable` is given."""
    units, module = _units(count, late_ms)
    bus = RtuBus(units, PtyLine(folder / "rtu"), baud)
    await bus.start()
    rtu = {
        "name": "rtu",
        "kind": "rtu",
        "poll_ms": poll_ms,
        "turnaround_ms": 10,
        "device": str(folder / "rtu"),
        "baud": baud,
    }
    channels = [channel(f"d{number}", "rtu", number) for number in range(1, count + 1)]
    thermometer = (sensor("rtu"),) if sensors else ()
    buttons = {} if readable is None else {"inputs_bus": "rtu", "readable": readable}
    async with running(Rig(bus, units, configuration([rtu], channels, thermometer, **buttons), module)) as rig:
        yield rig
