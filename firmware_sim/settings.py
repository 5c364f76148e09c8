"""What stands on the simulated site; the defaults are the site of the demo, `--config FILE` (YAML) changes them."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from firmware_sim.errors import SimulationError

CENTRE = (31.230400, 121.473700)
"""Latitude and longitude of the default site's middle."""

Layout = Literal[
    "generic-int", "generic-float", "generic-float-low-first", "rtu-fixed-head", "4-20ma-remote-io",
    "portable-multigas-gateway",
]
UnitId = Annotated[int, msgspec.Meta(ge=1, le=247)]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class DetectorSettings(_Section, frozen=True):
    """One gas detector head.

    Attributes:
        name: what `set` and `fault` call it.
        unit_id: its address on the bus.
        gas: what it measures, a code of contracts/gas.py.
        unit: the unit of its values.
        scale: value of one count of its register.
        range_high: end of its range, where `over_range` pins it.
        value: what it shows at start: clean air.
        layout: its product family (firmware_sim/layouts.py), by the name of the box's profile for it.
        slot: its place in a unit that holds several heads: analog input 0 to 7; LEL, O2, CO, H2S as 0 to 3.
    """

    name: str
    unit_id: UnitId
    gas: str
    unit: str
    scale: Annotated[float, msgspec.Meta(gt=0)]
    range_high: float
    value: float = 0.0
    layout: Layout = "generic-int"
    slot: Annotated[int, msgspec.Meta(ge=0, le=7)] = 0


class SensorSettings(_Section, frozen=True):
    """One process sensor, a unit of its own on a bus: `value` is what it shows at start, in `unit`, such as °C."""

    name: str
    unit_id: UnitId
    unit: str
    scale: Annotated[float, msgspec.Meta(gt=0)]
    range_high: float
    value: float


UnitSettings = DetectorSettings | SensorSettings


class TcpSettings(_Section, frozen=True):
    """A Modbus TCP gateway with its detectors and sensors; port 0 is chosen by the system."""

    detectors: Annotated[tuple[DetectorSettings, ...], msgspec.Meta(max_length=16)]
    sensors: Annotated[tuple[SensorSettings, ...], msgspec.Meta(max_length=16)] = ()
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0

    @property
    def units(self) -> tuple[UnitSettings, ...]:
        """Everything on this bus."""
        return self.detectors + self.sensors


class RtuSettings(_Section, frozen=True):
    """A Modbus RTU line with its detectors and sensors."""

    detectors: tuple[DetectorSettings, ...]
    sensors: tuple[SensorSettings, ...] = ()
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600
    turnaround_ms: Annotated[float, msgspec.Meta(ge=0, le=500)] = 5

    @property
    def units(self) -> tuple[UnitSettings, ...]:
        """Everything on this line."""
        return self.detectors + self.sensors


class MqttHeadSettings(_Section, frozen=True):
    """One detector that speaks over MQTT: its topic, and how often it says its value."""

    name: str
    topic: str
    unit: str
    range_high: float
    value: float = 0.0
    every_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 1.0


class MqttSettings(_Section, frozen=True):
    """Where the broker is, and the detectors on it."""

    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    detectors: tuple[MqttHeadSettings, ...]
    host: str = "127.0.0.1"


class InputsSettings(_Section, frozen=True):
    """The input module that the buttons and the E-stop are wired to."""

    unit_id: UnitId = 10
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0


class RelayBoardSettings(_Section, frozen=True):
    """A relay board on a serial line of its own: an ICP DAS M-7000 with host watchdog, or a Waveshare.

    `late_ms` is how late its fault `late` answers unless another time is given.
    """

    name: str
    kind: Literal["icpdas", "waveshare"]
    unit_id: UnitId = 1
    baud: Literal[9600, 19200, 38400, 57600, 115200] = 38400
    turnaround_ms: Annotated[float, msgspec.Meta(ge=0, le=500)] = 1
    late_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] = 150


class OutputsSettings(_Section, frozen=True):
    """The output module that the stack light, the buzzer and their two buttons are wired to."""

    unit_id: UnitId = 30
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0


class BadgeSettings(_Section, frozen=True):
    """A person's badge; one that was not issued here is missing in the file of secrets that the box reads."""

    name: str
    badge: Annotated[int, msgspec.Meta(ge=1, le=2**32 - 1)]
    issued: bool = True


class GnssSettings(_Section, frozen=True):
    """Where the receiver stands at start."""

    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)] = CENTRE[0]
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)] = CENTRE[1]


class TagSettings(_Section, frozen=True):
    """A tag that can be held before the reader: `uid` is its identifier, 4, 7 or 10 bytes in hex."""

    name: str
    uid: Annotated[str, msgspec.Meta(pattern=r"\A([0-9A-F]{8}|[0-9A-F]{14}|[0-9A-F]{20})\Z")]


class CameraSettings(_Section, frozen=True):
    """The camera's port and pictures per second."""

    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    fps: Annotated[float, msgspec.Meta(ge=1, le=15)] = 8


class HostSettings(_Section, frozen=True):
    """The machine that the box runs on: the size of its disk. Root only, with Debian's libfaketime."""

    disk_mib: Annotated[int, msgspec.Meta(ge=4, le=1024)] = 24


def _ch4(number: int, unit_id: int) -> DetectorSettings:
    return DetectorSettings(f"ch4-{number}", unit_id, "CH4", "%LEL", 0.1, 100)


class SiteSettings(_Section, frozen=True):
    """The whole site. A section set to null is left out."""

    gas_tcp: TcpSettings | None = TcpSettings(
        (_ch4(1, 1), DetectorSettings("o2-1", 2, "O2", "vol%", 0.01, 25, 20.9), _ch4(2, 3), _ch4(3, 4)),
        (
            SensorSettings("temp-1", 21, "°C", 0.1, 400, 24.0),
            SensorSettings("box-temp", 22, "°C", 0.1, 125, 31.0),
            SensorSettings("wind-1", 23, "m/s", 0.1, 60, 2.0),
            SensorSettings("hum-1", 24, "%RH", 0.1, 100, 55.0),
            SensorSettings("vib-1", 25, "mm/s", 0.01, 50, 1.8),
        ),
    )
    gas_rtu: RtuSettings | None = RtuSettings(
        (DetectorSettings("co-1", 1, "CO", "ppm", 1, 500), DetectorSettings("h2s-1", 2, "H2S", "ppm", 0.1, 100))
    )
    gas_mqtt: MqttSettings | None = None
    inputs: InputsSettings | None = InputsSettings()
    outputs: OutputsSettings | None = OutputsSettings()
    badges: tuple[BadgeSettings, ...] | None = (
        BadgeSettings("performer", 1001),
        BadgeSettings("guardian", 1002),
        BadgeSettings("leader", 1003),
        BadgeSettings("safety", 1004),
        BadgeSettings("visitor", 9001, issued=False),
    )
    gnss: GnssSettings | None = GnssSettings()
    nfc: tuple[TagSettings, ...] | None = (
        TagSettings("performer", "04A10000000001"),
        TagSettings("guardian", "04A10000000002"),
        TagSettings("point-1", "04B10000000001"),
        TagSettings("stranger", "0B0B0B0B"),
    )
    camera: CameraSettings | None = CameraSettings()
    host: HostSettings | None = None
    relays: tuple[RelayBoardSettings, ...] | None = None


def load(path: Path | None) -> SiteSettings:
    """Read a site file; None is the default site.

    Raises:
        SimulationError: the file cannot be read or says something that is not allowed; the field is named.
    """
    if path is None:
        return SiteSettings()
    try:
        settings = msgspec.yaml.decode(path.read_bytes(), type=SiteSettings)
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise SimulationError(f"{path}: {error}") from error
    boards = [board.name for board in settings.relays or ()]
    if len(set(boards)) < len(boards):
        raise SimulationError(f"{path}: two relay boards are called the same; rename one")
    buses = [bus for bus in (settings.gas_tcp, settings.gas_rtu) if bus is not None]
    names = [unit.name for bus in buses for unit in bus.units]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SimulationError(f"{path}: two detectors are called {', '.join(twice)}; rename one")
    for bus in buses:
        _check_units(path, bus.units)
    return settings


def _check_units(path: Path, units: tuple[UnitSettings, ...]) -> None:
    """Heads share a unit id only in a unit that holds several, each in a slot of its own."""
    seen: dict[int, list[UnitSettings]] = {}
    for unit in units:
        seen.setdefault(unit.unit_id, []).append(unit)
    for unit_id, heads in seen.items():
        layouts = {head.layout if isinstance(head, DetectorSettings) else "" for head in heads}
        slots = {head.slot if isinstance(head, DetectorSettings) else 0 for head in heads}
        if len(heads) > 1 and not (len(layouts) == 1 and layouts <= {*SHARED} and len(slots) == len(heads)):
            raise SimulationError(
                f"{path}: two detectors on one bus share a unit id ({unit_id}); only heads of "
                f"{' or '.join(SHARED)} may, each in a slot of its own"
            )


SHARED = ("4-20ma-remote-io", "portable-multigas-gateway")
"""Families whose units hold several heads."""
