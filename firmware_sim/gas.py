"""Gas detectors and process sensors: what their registers show, and the device processes of their two buses."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from firmware_sim.adjustment import Adjustment
from firmware_sim.child import Offer, Request
from firmware_sim.clock import now_us
from firmware_sim.errors import SimulationError, number, one_of, within
from firmware_sim.layouts import LAYOUTS, Said
from firmware_sim.modbus import Fault, Faulty, RtuBus, TcpBus, pdu
from firmware_sim.pty_line import PtyLine
from firmware_sim.settings import SHARED, DetectorSettings, SiteSettings, UnitSettings

_RTU_LATE_MS = 150
_TCP_LATE_MS = 350
_LATEST_MS = 60_000
_DRIFT_A_S = 0.05
"""Share of the range."""
_FOLD_BACK_MS = 600
_BAUDS = (300, 921_600)
PORTABLE = "portable-multigas-gateway"
"""The family whose gateway shows for how long it has not heard a head."""


class Detector:
    """One gas detector head, or one process sensor; its family's register table is in firmware_sim/layouts.py."""

    def __init__(self, settings: UnitSettings) -> None:
        """Clean air, or the sensor's value at start."""
        self.settings = settings
        self.value = settings.value
        self.set_us = now_us()
        self.fault_us = 0
        self.fault = Fault.NONE
        self.fault_value = 0.0
        self.adjustment = Adjustment()
        self._frozen: tuple[int, ...] = ()
        self._last_heard = settings.value

    def set(self, value: float) -> int:
        """Expose it to gas, heat, wind, damp or vibration; returns the moment (CLOCK_BOOTTIME in microseconds)."""
        self.value = value
        self.set_us = now_us()
        return self.set_us

    def set_fault(self, fault: Fault, value: float | None = None) -> None:
        """Make one of the head's own faults; others are made on the bus.

        `value`: what it shows more each second when it drifts; milliseconds until an over-range folds back.
        """
        self.fault = Fault.NONE
        self._last_heard = self.value
        if fault is Fault.FROZEN:
            self._frozen = tuple(self.registers())
        if fault is Fault.DRIFT:
            self.fault_value = _DRIFT_A_S * self.settings.range_high if value is None else value
        if fault is Fault.FOLD_BACK:
            self.fault_value = _FOLD_BACK_MS if value is None else value
        self.fault = fault

    def _shown(self) -> float:
        """What the sensor's element says, in the head's unit."""
        since_s = (now_us() - self.fault_us) / 1e6
        if self.fault is Fault.DRIFT:
            return self.value + self.fault_value * since_s
        if self.fault is Fault.UNHEARD:
            return self._last_heard
        if self.fault is Fault.FOLD_BACK:
            # Too much gas for a catalytic bead, which then burns less and less of it and reads like clean air.
            over = since_s * 1000 < self.fault_value
            return 2 * self.settings.range_high if over else self.settings.value
        return self.value

    def registers(self) -> Sequence[int]:
        """The register table of this moment."""
        if self.fault is Fault.FROZEN:
            return self._frozen
        return LAYOUTS[_layout(self.settings)]((self.said(),))

    def said(self) -> Said:
        """What it measures and says of itself, whatever registers show it."""
        settings = self.settings
        return Said(
            settings.name, settings.unit_id, settings.slot if isinstance(settings, DetectorSettings) else 0,
            self.adjustment.of(self._shown(), settings.scale), settings.scale, settings.range_high,
            self.fault is Fault.STATUS_FAULT, self.fault is Fault.OVER_RANGE, self.fault is Fault.WARM_UP,
            (now_us() - self.fault_us) / 1e6 if self.fault is Fault.UNHEARD else 0.0,
        )  # fmt: skip

    def discrete_inputs(self) -> Sequence[bool]:
        """A detector has none."""
        return ()

    def respond(self, request: bytes) -> bytes:
        """Its tables, and the registers by which it is adjusted."""
        return self.adjustment.respond(request) or pdu.from_tables(self, request)


def _layout(settings: UnitSettings) -> str:
    return settings.layout if isinstance(settings, DetectorSettings) else "generic-int"


class SharedUnit:
    """A unit of several heads: a remote-I/O module, a portable behind its gateway."""

    def __init__(self, heads: Sequence[Detector]) -> None:
        """Heads of one family, each in a slot of its own."""
        self._heads = heads
        self._layout = LAYOUTS[_layout(heads[0].settings)]
        self._frozen: Sequence[int] = ()

    def registers(self) -> Sequence[int]:
        """The register table of this moment; one frozen head is a module that stands still."""
        if not any(head.fault is Fault.FROZEN for head in self._heads):
            self._frozen = ()
        elif self._frozen:
            return self._frozen
        table = self._layout([head.said() for head in self._heads])
        if any(head.fault is Fault.FROZEN for head in self._heads):
            self._frozen = table
        return table

    def discrete_inputs(self) -> Sequence[bool]:
        """It has none."""
        return ()


def units_of(heads: Sequence[Detector], late_ms: int) -> dict[int, Faulty]:
    """The units of a bus: a head each, or several heads of one unit id together."""
    found: dict[int, list[Detector]] = {}
    for head in heads:
        found.setdefault(head.settings.unit_id, []).append(head)
    return {
        unit_id: Faulty(SharedUnit(of) if _layout(of[0].settings) in SHARED else of[0], late_ms=late_ms)
        for unit_id, of in found.items()
    }


class Bus(Protocol):
    """What TCP and RTU buses have in common."""

    async def start(self) -> None:
        """Open."""

    def address(self) -> dict[str, Any]:
        """Where it is, as site.json says it."""

    async def refresh_link(self) -> None:
        """Open or close as the units' faults demand."""

    async def stop(self) -> None:
        """Close."""


async def set_bus_fault(bus: Bus, faulty: Faulty, args: Sequence[str]) -> Fault:
    """Carry out ``fault NAME KIND [VALUE]`` on one unit of a bus; VALUE is ms for `late`, a rate for `baud`."""
    if not 1 <= len(args) <= 2:
        raise SimulationError(f"expected: fault NAME KIND [VALUE]; kinds: {', '.join(Fault)}")
    fault = Fault(one_of("fault", args[0], Fault))
    if len(args) == 2 and fault is Fault.LATE:
        faulty.late_ms = int(within("late", args[1], 0, _LATEST_MS, "ms"))
    if len(args) == 2 and fault is Fault.BAUD:
        faulty.baud = int(within("baud", args[1], *_BAUDS, "baud"))
    faulty.fault = fault
    await bus.refresh_link()
    return fault


class GasBus:
    """A bus with its detectors, as one device process."""

    def __init__(self, key: str, bus: Bus, units: Mapping[int, Faulty], heads: Sequence[Detector]) -> None:
        """`key` is the bus's name in site.json."""
        self._key = key
        self._bus = bus
        self._by_name = {head.settings.name: (head, units[head.settings.unit_id]) for head in heads}

    async def start(self) -> Offer:
        """Open the bus."""
        await self._bus.start()
        names = tuple(self._by_name)
        where = self._bus.address()
        told = ":".join(str(part) for part in where.values())
        return Offer({self._key: where}, (f"{self._key}: {told} ({', '.join(names)})",), names, (), names)

    async def handle(self, request: Request) -> dict[str, Any]:
        """``set NAME VALUE``, ``fault NAME KIND [VALUE]``, ``state``."""
        if request.verb == "state":
            state: dict[str, dict[str, Any]] = {"gas": {}, "sensors": {}}
            for name, (head, faulty) in self._by_name.items():
                kind = "gas" if isinstance(head.settings, DetectorSettings) else "sensors"
                state[kind][name] = _view(head, faulty)
            return state
        name, *args = request.args
        head, faulty = self._by_name[name]
        if request.verb == "fault":
            head.fault_us = now_us()
            if args[:1] == [Fault.UNHEARD] and _layout(head.settings) != PORTABLE:
                raise SimulationError(f"fault {name} unheard: expected a {PORTABLE}, got a {_layout(head.settings)}")
            fault = await set_bus_fault(self._bus, faulty, args)
            head.set_fault(fault, _own_value(fault, args, head.settings.range_high))
        else:
            if len(args) != 1:
                raise SimulationError(f"expected: set {name} VALUE in {head.settings.unit}")
            head.set(number(name, args[0]))
        return _view(head, faulty)

    async def stop(self) -> None:
        """Close the bus."""
        await self._bus.stop()


def _own_value(fault: Fault, args: Sequence[str], top: float) -> float | None:
    if len(args) == 2 and fault is Fault.DRIFT:
        return within("drift", args[1], -top, top, "a second")
    if len(args) == 2 and fault is Fault.FOLD_BACK:
        return within("fold_back", args[1], 1, _LATEST_MS, "ms")
    return None


def _view(head: Detector, faulty: Faulty) -> dict[str, Any]:
    gas = {"gas": head.settings.gas} if isinstance(head.settings, DetectorSettings) else {}
    return {
        "value": head.value,
        "unit": head.settings.unit,
        **gas,
        "fault": faulty.fault.value,
        "set_us": head.set_us,
        "fault_us": head.fault_us,
        "requests": faulty.requests,
        "zero": head.adjustment.zero,
        "span": head.adjustment.span,
    }


def tcp(directory: Path, settings: SiteSettings) -> GasBus:
    """The TCP bus of a site."""
    del directory
    bus = settings.gas_tcp
    if bus is None:
        raise SimulationError("this site has no TCP bus")
    heads = [Detector(unit) for unit in bus.units]
    units = units_of(heads, _TCP_LATE_MS)
    return GasBus("gas_tcp", TcpBus(units, port=bus.port), units, heads)


def rtu(directory: Path, settings: SiteSettings) -> GasBus:
    """The RTU bus of a site."""
    bus = settings.gas_rtu
    if bus is None:
        raise SimulationError("this site has no RTU bus")
    heads = [Detector(unit) for unit in bus.units]
    units = units_of(heads, _RTU_LATE_MS)
    line = PtyLine(directory / "gas-rtu")
    return GasBus("gas_rtu", RtuBus(units, line, bus.baud, bus.turnaround_ms), units, heads)
