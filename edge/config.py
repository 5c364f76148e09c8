"""The box's configuration: one YAML file, read once, every key checked. configs/box.example.yaml explains each."""

import ipaddress
import math
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from contracts import yaml_file
from contracts.errors import ContractError, from_msgspec
from contracts.gas import Unit
from contracts.permit import BadgeNumber, Id, Name
from contracts.topics import ROOT
from edge.gas import profile as device_profile
from edge.panel.wiring import Kiosk, Panel, check_panel
from edge.presence.fence import Fence
from faces.loading import EngineSettings

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
"""Where somebody else listens."""
Baud = Annotated[int, msgspec.Meta(ge=1200, le=1_000_000)]
InputAddress = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Dbm = Annotated[int, msgspec.Meta(ge=-126, le=0)]
Millis = Annotated[int, msgspec.Meta(ge=1, le=3_600_000)]
SIMULATION = "SIMULATION"
_LAST_PORT = 65535
_NAME_A_BUS = "name one that stands under `buses`"
_SEE_DATA_SHEET = "see its data sheet"
_NAMED = "configuration; configs/box.example.yaml explains every key"
_COMPARE = "compare with configs/box.example.yaml"
BUTTONS = ("arm", "stop", "finish", "reset", "estop")
"""Inputs that every box has."""
PROOF_INPUTS = ("test_key", "isolated")
"""Inputs that the proof test of the relay asks for: closed means TEST, and that the load is isolated."""
CONTACTS = ("door", "mains", "battery", "enclosure", "flame")
"""Inputs that a box may have: all closed while all is well."""


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Bus(_Section, frozen=True):
    """One field bus. TCP needs `host` and `port`, RTU needs `device` and `baud`."""

    name: Id
    kind: Literal["tcp", "rtu"]
    poll_ms: Millis
    turnaround_ms: Annotated[int, msgspec.Meta(ge=0, le=1000)]
    host: str = ""
    port: Port = 502
    device: str = ""
    baud: Baud = 9600
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1


class ResponseFactor(_Section, frozen=True):
    """What a reading is multiplied by when the channel was calibrated with another gas than the one it guards against.

    `source` says where the number stands: the maker's table for this sensor. A factor below 1 would make gas look
    like less than the sensor shows, and is refused.
    """

    factor: Annotated[float, msgspec.Meta(ge=1, le=20)]
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Channel(_Section, frozen=True):
    """One gas channel: where it is read and what its numbers mean.

    `profile` says what its registers mean (configs/devices, or the path of a site's own file) and fills in what the
    channel leaves out; the block starts at `register`, and `point` names the value where the device has several.
    `scale` multiplies the raw value into `unit` of `calibration_gas`; `response_factor` makes it one of `gas` where
    the two differ. `span` are the values at 4 and 20 mA of a current loop. A flammable gas whose `sensor` is not
    stated counts as measured by a catalytic bead, which needs oxygen.
    """

    name: Id
    bus: Id
    unit_id: Annotated[int, msgspec.Meta(ge=1, le=247)]
    gas: str
    calibration_gas: str
    unit: Unit
    scale: float
    range_low: float
    range_high: float
    register: Annotated[int, msgspec.Meta(ge=0, le=65000)] = 0
    function: Literal["input", "holding"] = "input"
    live_counter: bool = True
    t90_s: Annotated[float, msgspec.Meta(gt=0, le=120)] = 20.0
    sensor: Literal["", "catalytic", "infrared", "electrochemical", "semiconductor", "pid", "paramagnetic"] = ""
    calibration_due: str = ""
    serial: str = ""
    response_factor: ResponseFactor | None = None
    profile: str = device_profile.DEFAULT
    point: str = ""
    span: tuple[float, float] | None = None


class Sensor(_Section, frozen=True):
    """One process sensor: a temperature, the wind, humidity or vibration. It never votes and is no gas.

    It is read as a gas channel is, by its `profile`. `scale` multiplies the raw value into its unit (`SENSOR_UNITS`).
    Beyond `warn_above` or `warn_below` for `warn_after_s` the box warns (INS-01, INS-05), and once more when it is back
    inside by `warn_back_by`; the same for a sensor that says nothing. Without a limit there is no warning.
    """

    name: Id
    bus: Id
    unit_id: Annotated[int, msgspec.Meta(ge=1, le=247)]
    quantity: Literal["temperature", "wind", "humidity", "vibration"]
    scale: float
    range_low: float
    range_high: float
    register: Annotated[int, msgspec.Meta(ge=0, le=65000)] = 0
    function: Literal["input", "holding"] = "input"
    live_counter: bool = True
    profile: str = device_profile.DEFAULT
    point: str = ""
    span: tuple[float, float] | None = None
    warn_above: float | None = None
    warn_below: float | None = None
    warn_after_s: Annotated[float, msgspec.Meta(ge=1, le=86_400)] | None = None
    warn_back_by: float | None = None

    @property
    def unit(self) -> str:
        """What its values are in."""
        return SENSOR_UNITS[self.quantity]

    @property
    def t90_s(self) -> float:
        """Its word counts as soon as it says that it is warm."""
        return 0.0

    @property
    def response_factor(self) -> None:
        """A calibration gas is a gas channel's."""
        return


class Remote(_Section, frozen=True):
    """A gas detector fed over MQTT, through `link`: it may trip and refuse a release, it never satisfies.

    It votes in no group. `scale` makes its numbers `unit`; `profile` says what its messages hold.
    """

    name: Id
    gas: str
    unit: Unit
    topic: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"\A[^+#\x00-\x1f\x7f]+\Z")]
    profile: str = "mqtt"
    scale: Annotated[float, msgspec.Meta(gt=0, le=1_000_000)] = 1.0


SENSOR_UNITS = {"temperature": "°C", "wind": "m/s", "humidity": "%RH", "vibration": "mm/s"}
Block = Channel | Sensor
"""What is read as a block of registers."""


class Group(_Section, frozen=True):
    """Channels that vote together; bad quality is a vote to trip."""

    name: Id
    vote: Literal["1oo1", "1oo2", "2oo3"]
    channels: tuple[Id, ...]


class Inputs(_Section, frozen=True):
    """Buttons and contacts. Stop and E-stop are normally closed. Every number is where that one is wired.

    `kind` ``modbus``: discrete-input addresses of module `unit_id` on `bus`; buttons that are not named lie at 0 to 4.
    ``gpio``: lines of the chip under `gpio`, every button named; `pull` is what holds an open contact's line
    (`edge.gpio.Pull`), so that a broken wire reads open.
    `door`, `mains`, `battery`, `enclosure` and `flame` are contacts that a site may have: closed while all is well
    (door shut, mains there, battery charged, box cool, no flame seen), so that a broken wire says the opposite.
    None: not wired.
    `test_key` (key switch in TEST) and `isolated` (the load is isolated) are closed when they say so: a broken wire
    does not. Without both, `hotbox relay test` can rehearse, but never close the contact.
    `readable`: how many discrete inputs the module has, from address 0 on. Enough of them for another byte in the reply
    let the read length rotate on a serial line, which tells a late reply from the right one; else the module is asked
    nothing for six polls after each failure there, and is silent for that long.
    `reset_is_key`: the reset input is a key switch; with a plain button, `hotbox reset` must open a window first.
    """

    kind: Literal["modbus", "gpio"] = "modbus"
    bus: Id = ""
    unit_id: Annotated[int, msgspec.Meta(ge=1, le=247)] = 0
    readable: Annotated[int, msgspec.Meta(ge=0, le=65536)] = 0
    pull: Literal["", "up", "down", "none"] = ""
    arm: InputAddress | None = None
    stop: InputAddress | None = None
    finish: InputAddress | None = None
    reset: InputAddress | None = None
    estop: InputAddress | None = None
    door: InputAddress | None = None
    mains: InputAddress | None = None
    battery: InputAddress | None = None
    enclosure: InputAddress | None = None
    flame: InputAddress | None = None
    test_key: InputAddress | None = None
    isolated: InputAddress | None = None
    reset_is_key: bool = True

    @property
    def addresses(self) -> dict[str, int]:
        """Address or line of every input that is wired, by its name."""
        usual = {name: place for place, name in enumerate(BUTTONS)} if self.kind == "modbus" else {}
        found = {name: getattr(self, name) for name in (*BUTTONS, *CONTACTS, *PROOF_INPUTS)}
        return usual | {name: at for name, at in found.items() if at is not None}

    @property
    def contacts(self) -> tuple[str, ...]:
        """Those of `CONTACTS` that this site has."""
        return tuple(name for name in CONTACTS if getattr(self, name) is not None)

    @property
    def proof_inputs(self) -> tuple[str, ...]:
        """Those of `PROOF_INPUTS` that this site has."""
        return tuple(name for name in PROOF_INPUTS if getattr(self, name) is not None)


class GpioChip(_Section, frozen=True):
    """The box's own GPIO lines: a Raspberry Pi 3-5, or the chip of an industrial PC (``gpiodetect`` lists them)."""

    family: Literal["pi", "pc"]
    chip: str = "/dev/gpiochip0"


class SeriesRelay(_Section, frozen=True):
    """A relay in series with the primary one; it never stands alone, because it does not latch open by itself.

    ``gpio``: `line` drives it. ``waveshare``: a Modbus RTU board on its own `device`, its relay `channel` held by
    "flash on" for `hold_ms` at a time. `feedback` is the mirror (normally closed) contact of this very relay: a GPIO
    line with pull-up to ground, or an input of the board. An open wire there says "closed".
    """

    name: Id
    kind: Literal["gpio", "waveshare"]
    feedback: Annotated[int, msgspec.Meta(ge=0, le=65535)]
    line: Annotated[int, msgspec.Meta(ge=0, le=1023)] | None = None
    device: str = ""
    baud: Baud = 9600
    unit_id: Annotated[int, msgspec.Meta(ge=1, le=247)] = 1
    channel: Annotated[int, msgspec.Meta(ge=0, le=31)] = 0
    hold_ms: Annotated[int, msgspec.Meta(ge=500, le=2000, multiple_of=100)] = 500
    rated_cycles: Annotated[int, msgspec.Meta(ge=0)] = 0
    serial: str = ""


class Relay(_Section, frozen=True):
    """The final element: the primary relay, which opens and latches by itself, and what stands in series with it.

    ``deadman``: the dead-man controller on its serial line. ``icpdas``: an ICP DAS M-7000 module on a Modbus RTU line
    of its own; output `channel`, the mirror contact at discrete input `feedback` (32 is the maker's 10033), host
    watchdog after `watchdog_ms`; `power_on_coil` is the coil of channel 0's value at power-on (the maker's 00161; some
    types have it at 00193: 192).

    `rated_cycles` is the contact's rated electrical life, 0 when it is not stated; cycles are counted per `serial`, so
    that a new contactor begins at zero.
    """

    device: str
    baud: Baud = 115200
    kind: Literal["deadman", "icpdas"] = "deadman"
    unit_id: Annotated[int, msgspec.Meta(ge=1, le=247)] = 1
    channel: Annotated[int, msgspec.Meta(ge=0, le=31)] = 0
    feedback: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 32
    watchdog_ms: Annotated[int, msgspec.Meta(ge=100, le=25_500, multiple_of=100)] = 100
    power_on_coil: Annotated[int, msgspec.Meta(ge=128, le=255)] = 160
    rated_cycles: Annotated[int, msgspec.Meta(ge=0)] = 0
    serial: str = ""
    series: tuple[SeriesRelay, ...] = ()

    @property
    def serial_lines(self) -> tuple[tuple[str, str], ...]:
        """Key and device of every serial line that it uses."""
        lines = [("relay", self.device)]
        lines += [(f"relay.series.{one.name}", one.device) for one in self.series if one.kind == "waveshare"]
        return tuple(lines)

    @property
    def gpio_lines(self) -> tuple[int, ...]:
        """Lines of the box's own chip that the relays in series have: the coils' and the mirror contacts'."""
        used = [at for one in self.series if one.kind == "gpio" for at in (one.line, one.feedback)]
        return tuple(at for at in used if at is not None)


class BadgeRules(_Section, frozen=True):
    """Bluetooth badges: file of secrets (provisioned, 0600) and adapter.

    A badge comes when it is heard at `rssi_here_dbm` or stronger for the pack's dwell, and stays while it is heard at
    `rssi_gone_dbm` or stronger.
    """

    secrets: str
    rssi_here_dbm: Dbm = -75
    rssi_gone_dbm: Dbm = -85
    adapter: str = ""
    dbus_address: str = ""


class Gnss(_Section, frozen=True):
    """NMEA receiver: on a serial line of its own, or behind a gpsd (``host:port``) that others read too."""

    device: str = ""
    baud: Baud = 9600
    gpsd: str = ""

    @property
    def gpsd_address(self) -> tuple[str, int]:
        """Host and port of `gpsd`.

        Raises:
            ContractError: it does not read.
        """
        host, colon, port = self.gpsd.rpartition(":")
        if not (host and colon and port.isascii() and port.isdigit() and 0 < int(port) <= _LAST_PORT):
            raise ContractError(
                "presence.gnss.gpsd", "host:port, such as 127.0.0.1:2947", self.gpsd, "2947 is gpsd's own port"
            )
        return host.strip("[]"), int(port)


class Nfc(_Section, frozen=True):
    """PN532 tag reader on a serial line and the file of tags (provisioned).

    `check_in`: the crew checks in only once a performer and a guardian have held their cards to it.
    """

    device: str
    tags: str
    baud: Baud = 115200
    check_in: bool = False


class Presence(_Section, frozen=True):
    """Who is here and where: the fence is a polygon of (latitude, longitude); `quorum` lists the proofs of place.

    `quorum_need` of them must hold, every one when it is left out; a sound position outside the fence denies the place
    whatever the others say.
    `beacon` is the number of the badge that is fixed to the site: ``badge`` in the quorum is the hearing of it.
    """

    fence: tuple[tuple[float, float], ...]
    quorum: tuple[Literal["gnss", "badge"], ...]
    quorum_need: Annotated[int, msgspec.Meta(ge=1)] | None = None
    beacon: Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)] = 0
    badges: BadgeRules | None = None
    gnss: Gnss | None = None
    nfc: Nfc | None = None

    @property
    def proofs_needed(self) -> int:
        """How many proofs of the quorum must hold."""
        return len(self.quorum) if self.quorum_need is None else self.quorum_need


class Video(_Section, frozen=True):
    """The recorder: its folder, how much of the disk it may take, how many pictures a second, how fine (JPEG quality).

    `upload`: what goes to the bridge when the line allows: ``kept`` (what the level of its permit asks for), all, none.
    What must be kept and is to go there stays here until it is there.
    """

    folder: Name
    most_mib: Annotated[int, msgspec.Meta(ge=16, le=16_777_216)]
    per_s: Annotated[float, msgspec.Meta(ge=0.5, le=5)] = 5.0
    quality: Annotated[int, msgspec.Meta(ge=30, le=95)] = 70
    upload: Literal["kept", "all", "none"] = "kept"


class Vision(_Section, frozen=True):
    """Camera, enrolled face templates, their key and the face engine, and the recorder if there is one.

    `camera` is a device path, number or URL; `templates` the folder of enrolled faces.
    `template_key` is a file of 0600, or ``credential:NAME`` for one that systemd hands over; left out, it lies in the
    data folder, see `BoxConfig.template_key`. `engine` is dlib's where nothing is said.
    """

    camera: str
    templates: str
    width: Annotated[int, msgspec.Meta(ge=160, le=7680)] = 640
    height: Annotated[int, msgspec.Meta(ge=120, le=4320)] = 480
    template_key: str = ""
    engine: EngineSettings = EngineSettings()
    video: Video | None = None


class Roster(_Section, frozen=True):
    """A person the box knows, with the badge and what the person may do here."""

    id: Id
    name: Name
    badge: BadgeNumber
    may: tuple[
        Literal["reset", "gas_test", "ticket_check", "clear_fault", "calibrate", "bypass", "supervise"], ...
    ] = ()


class Tls(_Section, frozen=True):
    """How the link knows the broker and shows itself: the CA's certificate, the box's own, and its key (PEM files)."""

    ca: Name
    cert: Name
    key: Name


class Bridge(_Section, frozen=True):
    """Where the bridge is and which public keys it speaks with (files written by `hotbox provision`).

    `faces_keys` is whose word on face templates counts; "" takes none from the bridge: faces are enrolled at the box.
    `tls` may be left out for a broker on this machine only. `rate_kbit` is what the line carries upwards, 0 for no
    limit. `protocol` is MQTT's: auto takes 5 where the broker speaks it.
    """

    broker_host: str
    broker_port: Port
    id: Id
    permit_keys: str
    command_keys: str
    witness: str
    protocol: Literal["auto", "3.1.1", "5"] = "auto"
    tls: Tls | None = None
    rate_kbit: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 0
    faces_keys: str = ""


class Storage(_Section, frozen=True):
    """What the audit log may take of its disk, and how long it keeps what the bridge has witnessed."""

    budget_mib: Annotated[int, msgspec.Meta(ge=16, le=1_048_576)] = 2048
    keep_days: Annotated[int, msgspec.Meta(ge=2, le=36_500)] = 90


class Metrics(_Section, frozen=True):
    """Prometheus endpoint of the box."""

    host: str = "127.0.0.1"
    port: Port = 9464


class Clock(_Section, frozen=True):
    """The real-time clock that keeps time while the box is off, as the kernel shows it; "" when there is none."""

    rtc: str = "/sys/class/rtc/rtc0"


class Voice(_Section, frozen=True):
    """The spoken countdown: `command` plays a WAV file whose path is added to it; `synthesizer` is espeak-ng."""

    command: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    language: Literal["zh", "en", "both"] = "zh"
    synthesizer: str = "espeak-ng"


class BoxConfig(_Section, frozen=True):
    """The whole file. `site_rules` is the path of a file with rows that tighten the baseline, or nothing.

    `enclosure` and `wind` name the sensor inside the box and the anemometer; empty where there is none.
    """

    box: Id
    domain: Id
    baseline: Id
    data: str
    run: str
    buses: tuple[Bus, ...]
    channels: tuple[Channel, ...]
    groups: tuple[Group, ...]
    inputs: Inputs
    relay: Relay
    presence: Presence
    vision: Vision
    roster: tuple[Roster, ...]
    bridge: Bridge
    gpio: GpioChip | None = None
    sensors: tuple[Sensor, ...] = ()
    enclosure: str = ""
    wind: str = ""
    remotes: tuple[Remote, ...] = ()
    storage: Storage = Storage()
    metrics: Metrics = Metrics()
    voice: Voice | None = None
    panel: Panel | None = None
    kiosk: Kiosk | None = None
    site_rules: str = ""
    clock: Clock = Clock()
    utc_offset_min: Annotated[int, msgspec.Meta(ge=-720, le=840)] = 480
    uids: dict[Literal["vision", "presence", "link", "panel"], Name | Annotated[int, msgspec.Meta(ge=1)]] = {}

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Channels and sensors."""
        return self.channels + self.sensors

    @property
    def data_dir(self) -> Path:
        """Durable state: audit log, keys, latches."""
        return Path(self.data)

    @property
    def run_dir(self) -> Path:
        """Sockets."""
        return Path(self.run)

    @property
    def photos(self) -> Path:
        """Photos of what was measured by hand."""
        return self.data_dir / "photos"

    @property
    def evidence_socket(self) -> Path:
        """Where the other processes hand in evidence."""
        return self.run_dir / "evidence.sock"

    @property
    def control_socket(self) -> Path:
        """Where the CLI asks."""
        return self.run_dir / "control.sock"

    @property
    def panel_socket(self) -> Path:
        """Where the CLI asks the stack light; beside `run_dir`, which is the interlock's own."""
        return self.run_dir.with_name(f"{self.run_dir.name}-panel") / "panel.sock"

    @property
    def frames_socket(self) -> Path:
        """Where the CLI asks vision for the camera's picture; beside `run_dir`, which is the interlock's own."""
        return self.run_dir.with_name(f"{self.run_dir.name}-vision") / "frames.sock"

    @property
    def template_key(self) -> str:
        """The key of the face templates: vision's own, and never in their folder."""
        return self.vision.template_key or str(self.data_dir / "face-key" / "template.key")

    @property
    def face_box_key(self) -> Path:
        """The key that the bridge seals face templates to: vision's own, beside the one of the templates."""
        return self.data_dir / "face-key" / "box.key"

    @property
    def video_socket(self) -> Path:
        """Where link asks vision for recordings that go up; beside the pictures' socket."""
        return self.frames_socket.with_name("video.sock")

    @property
    def log_key(self) -> Path:
        """The key that signs the log; the interlock's user alone may read it."""
        return self.data_dir / "keys" / "log_key.pem"

    @property
    def place_key(self) -> Path:
        """The key that signs the screen's QR: another one than the log's, and the interlock's alone, too."""
        return self.data_dir / "keys" / "place_key.pem"

    @property
    def place_keys(self) -> Path:
        """Its public half, for all who verify."""
        return self.data_dir / "place_keys.json"

    @property
    def log_vkey(self) -> Path:
        """Its public half, for all who verify."""
        return self.data_dir / "log.vkey"

    @property
    def audit_db(self) -> Path:
        """The log."""
        return self.data_dir / "audit" / "audit.db"


def _unique(field: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ContractError(field, "different names", f"{name} twice", "rename one")


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _pseudo_terminal(device: str) -> bool:
    return str(Path(device).resolve()).startswith("/dev/pts/")


def device_addresses(config: BoxConfig) -> list[tuple[str, str, bool]]:
    """Every field device: config key, address, and whether it is loopback or a pseudo-terminal."""
    found = [
        (f"buses.{bus.name}", bus.host, _loopback(bus.host))
        if bus.kind == "tcp"
        else (f"buses.{bus.name}", bus.device, _pseudo_terminal(bus.device))
        for bus in config.buses
    ]
    if config.gpio is not None:
        found.append(("gpio", config.gpio.family, False))
    found.extend((f"{key}.device", device, _pseudo_terminal(device)) for key, device in config.relay.serial_lines)
    if config.panel is not None and config.panel.kind == "modbus":
        found.append(("panel.host", config.panel.host, _loopback(config.panel.host)))
    gnss = config.presence.gnss
    if gnss and gnss.gpsd:
        found.append(("presence.gnss.gpsd", gnss.gpsd, _loopback(gnss.gpsd_address[0])))
    elif gnss:
        found.append(("presence.gnss.device", gnss.device, _pseudo_terminal(gnss.device)))
    nfc = config.presence.nfc
    if nfc:
        found.append(("presence.nfc.device", nfc.device, _pseudo_terminal(nfc.device)))
    if config.presence.badges:
        bus = config.presence.badges.dbus_address
        found.append(("presence.badges.dbus_address", bus or "system bus", bus.startswith("unix:")))
    camera = urlsplit(config.vision.camera)
    found.append(("vision.camera", config.vision.camera, camera.scheme == "http" and _loopback(camera.hostname or "")))
    return found


def _check_block(field: str, block: Block, buses: tuple[str, ...]) -> None:
    """Refuse a block whose numbers mean nothing, or on a bus that there is none of."""
    if block.bus not in buses:
        raise ContractError(f"{field}.bus", f"one of {', '.join(buses)}", block.bus, _NAME_A_BUS)
    for key in ("scale", "range_low", "range_high"):
        if not math.isfinite(getattr(block, key)):
            raise ContractError(f"{field}.{key}", "a finite number", str(getattr(block, key)), _SEE_DATA_SHEET)
    if not block.range_low < block.range_high:
        raise ContractError(
            f"{field}.range_high", f"above range_low ({block.range_low:g})", f"{block.range_high:g}", _SEE_DATA_SHEET
        )
    if block.scale <= 0:
        raise ContractError(f"{field}.scale", "a positive factor", f"{block.scale:g}", _SEE_DATA_SHEET)


def _check_remotes(config: BoxConfig) -> None:
    """Names of their own, messages that can be read, topics that are not the box's."""
    taken = [block.name for block in config.blocks]
    _unique("remotes (names, those of channels and sensors too)", [*taken, *(remote.name for remote in config.remotes)])
    for index, remote in enumerate(config.remotes):
        if remote.topic.startswith(f"{ROOT}/"):
            raise ContractError(
                f"remotes[{index}].topic", f"a topic outside {ROOT}/", remote.topic, "the box's own line uses those"
            )
        if device_profile.load(remote.profile).kind != "mqtt":
            raise ContractError(
                f"remotes[{index}].profile", "a profile of kind mqtt", remote.profile,
                "a detector on a field bus is described under `channels`",
            )  # fmt: skip


def _address(block: Block) -> str:
    """Where it is read: two of the same address would be one detector counted twice."""
    profile = device_profile.load(block.profile)
    return f"{block.bus}/{block.unit_id}/{block.register + profile.point(block.point, block.name).at}"


def _check_sensors(config: BoxConfig) -> None:
    """Names and addresses of their own, and what `enclosure` and `wind` name is there and measures that."""
    _unique("sensors (names, those of channels too)", [block.name for block in config.blocks])
    _unique("sensors (bus/unit_id/register)", [_address(block) for block in config.blocks])
    for key, named, quantity in (("enclosure", config.enclosure, "temperature"), ("wind", config.wind, "wind")):
        fitting = [sensor.name for sensor in config.sensors if sensor.quantity == quantity]
        if named and named not in fitting:
            raise ContractError(
                key, f"a {quantity} sensor: {', '.join(fitting) or 'there is none'}", named,
                "describe it under `sensors`, or leave the key out",
            )  # fmt: skip
    for index, sensor in enumerate(config.sensors):
        if sensor.quantity == "wind" and sensor.name != config.wind:
            raise ContractError(
                f"sensors[{index}]", f"`wind: {sensor.name}`, because it measures the wind", config.wind or "nothing",
                "name it; an anemometer that nothing names stops no work",
            )  # fmt: skip
        _check_warning(f"sensors[{index}]", sensor)


def _check_warning(field: str, sensor: Sensor) -> None:
    """A limit that the sensor can show and come back from, and a person's word on how long it may be crossed."""
    limits = [(key, value) for key in ("warn_below", "warn_above") if (value := getattr(sensor, key)) is not None]
    others = (("warn_after_s", sensor.warn_after_s), ("warn_back_by", sensor.warn_back_by))
    if not limits:
        for key, value in others:
            if value is not None:
                hint = "say from where on it warns, or leave the key out"
                raise ContractError(f"{field}.{key}", "warn_above or warn_below beside it", "neither", hint)
        return
    if sensor.quantity == "wind":
        hint = "the wind has its own rule: see `wind`"
        raise ContractError(f"{field}.{limits[0][0]}", "nothing for an anemometer", f"{limits[0][1]:g}", hint)
    for key, value in others:
        if value is None:
            hint = "seconds beyond the limit until it warns; how far inside it is normal again, in the sensor's unit"
            raise ContractError(f"{field}.{key}", f"a number beside {limits[0][0]}", "nothing", hint)
    for key, value in limits:
        if not sensor.range_low < value < sensor.range_high:
            between = f"between range_low ({sensor.range_low:g}) and range_high ({sensor.range_high:g})"
            raise ContractError(f"{field}.{key}", between, f"{value:g}", "beyond its range it reports a fault instead")
    low = sensor.range_low if sensor.warn_below is None else sensor.warn_below
    high = sensor.range_high if sensor.warn_above is None else sensor.warn_above
    if sensor.warn_back_by is not None and not 0 < sensor.warn_back_by < high - low:
        wanted = f"above 0 and below {high - low:g}"
        raise ContractError(f"{field}.warn_back_by", wanted, f"{sensor.warn_back_by:g}", "or no value would be normal")


def _check_inputs(config: BoxConfig, buses: tuple[str, ...]) -> None:
    """Each kind of inputs has its own keys; the other kind's would be read by nobody."""
    inputs = config.inputs
    if inputs.kind == "modbus":
        if inputs.bus not in buses:
            raise ContractError("inputs.bus", f"one of {', '.join(buses)}", inputs.bus or "nothing", _NAME_A_BUS)
        if not inputs.unit_id:
            raise ContractError("inputs.unit_id", "the module's unit, 1 to 247", "nothing", _SEE_DATA_SHEET)
        if inputs.pull:
            raise ContractError("inputs.pull", "nothing", inputs.pull, "a module has its own; pull is for kind: gpio")
        last = max(inputs.addresses.values())
        if inputs.readable and inputs.readable <= last:
            raise ContractError(
                "inputs.readable", f"at least {last + 1}, because one is wired to address {last}",
                str(inputs.readable), "how many inputs the module has, from address 0 on; see its data sheet",
            )  # fmt: skip
        return
    if config.gpio is None:
        raise ContractError("gpio", "the chip that the inputs' lines belong to", "nothing", "describe it under `gpio`")
    for key, came in (("bus", inputs.bus), ("unit_id", inputs.unit_id), ("readable", inputs.readable)):
        if came:
            raise ContractError(f"inputs.{key}", "nothing", str(came), "it is for kind: modbus")
    for name in BUTTONS:
        if getattr(inputs, name) is None:
            raise ContractError(f"inputs.{name}", "the number of its GPIO line", "nothing", "every box has this input")
    if not inputs.pull:
        raise ContractError(
            "inputs.pull", "up, down or none", "nothing", "up: contacts to ground; down: contacts to the supply"
        )
    _unique("inputs (lines)", [str(line) for line in inputs.addresses.values()])


LATCHING = ("deadman", "icpdas")
"""Relays that open by themselves and stay open: one of them is always the primary."""
_IN_SERIES = ("gpio", "waveshare")


def check_line(bridge: Bridge) -> None:
    """Refuse to speak MQTT in the clear over a network, where anybody may listen and speak.

    Raises:
        ContractError: the broker is another machine and no certificate is named.
    """
    if bridge.tls is None and not _loopback(bridge.broker_host):
        raise ContractError(
            "bridge.tls", "ca, cert and key, for the broker is not on this machine", f"none for {bridge.broker_host}",
            "get them with `hotbox-bridge mqtt box BOX`, or reach the broker through a tunnel on 127.0.0.1",
        )  # fmt: skip


def _check_series(config: BoxConfig) -> None:
    """Relays in series have names, lines and feedback of their own, and their GPIO is there."""
    series = config.relay.series
    _unique("relay.series", ["relay", *(one.name for one in series)])
    lines = [str(at) for at in config.relay.gpio_lines]
    for index, one in enumerate(series):
        field = f"relay.series[{index}]"
        if one.kind == "gpio" and one.line is None:
            raise ContractError(f"{field}.line", "the GPIO line that drives it", "nothing", "a gpio relay needs line")
        if one.kind == "gpio" and config.gpio is None:
            raise ContractError("gpio", f"a chip, because {field} names a line", "nothing", "add gpio: {family: pi}")
        if one.kind == "waveshare" and not one.device:
            raise ContractError(
                f"{field}.device", "a serial device", "nothing", "a waveshare board needs device and baud"
            )
    if config.inputs.kind == "gpio":
        lines += [str(line) for line in config.inputs.addresses.values()]
    _unique("relay.series (GPIO lines)", lines)


def _receiver(gnss: Gnss) -> str:
    """Where the receiver is; refuses one with two places or none."""
    if bool(gnss.device) == bool(gnss.gpsd):
        raise ContractError(
            "presence.gnss", "device or gpsd", "both" if gnss.device else "neither",
            "name the receiver's own serial line, or the gpsd that reads it",
        )  # fmt: skip
    if gnss.device:
        return gnss.device
    host, port = gnss.gpsd_address
    return f"{host}:{port}"


def _check_vision(config: BoxConfig) -> None:
    """A key beside what it locks would leave the box with it."""
    templates = config.vision.templates
    if templates and Path(config.template_key).is_relative_to(templates):
        raise ContractError(
            "vision.template_key", f"a file outside {templates}", config.template_key,
            "whoever copies the templates must not copy their key with them",
        )  # fmt: skip


def check(config: BoxConfig) -> None:
    """Refuse a configuration that contradicts itself. Bus budgets are checked by `edge.gas.budget`.

    Raises:
        ContractError: names the field, what was expected, what came and what to do.
    """
    buses = {bus.name: bus for bus in config.buses}
    channels = {channel.name: channel for channel in config.channels}
    _unique("buses", [bus.name for bus in config.buses])
    _unique("channels", [channel.name for channel in config.channels])
    _unique("groups", [group.name for group in config.groups])
    _unique("roster", [person.id for person in config.roster])
    for index, bus in enumerate(config.buses):
        if bus.kind == "tcp" and not bus.host:
            raise ContractError(f"buses[{index}].host", "a host", "nothing", "a tcp bus needs host and port")
        if bus.kind == "rtu" and not bus.device:
            raise ContractError(
                f"buses[{index}].device", "a serial device", "nothing", "an rtu bus needs device and baud"
            )
    if config.clock.rtc and not config.clock.rtc.startswith("/"):
        wanted = 'the folder of a real-time clock, such as /sys/class/rtc/rtc0, or "" when the box has none'
        raise ContractError("clock.rtc", wanted, config.clock.rtc, "name the whole path")
    for index, channel in enumerate(config.channels):
        _check_block(f"channels[{index}]", channel, tuple(buses))
    for index, sensor in enumerate(config.sensors):
        _check_block(f"sensors[{index}]", sensor, tuple(buses))
    _unique("channels (bus/unit_id/register)", [_address(channel) for channel in config.channels])
    _check_sensors(config)
    _check_remotes(config)
    voting = [name for group in config.groups for name in group.channels]
    for remote in config.remotes:
        if remote.name in voting:
            raise ContractError(
                "groups.channels", "channels that are read over a field bus", remote.name,
                "a detector fed over MQTT may trip, but its word is never clean air: take it out of the group",
            )  # fmt: skip
    _unique("groups.channels", voting)
    for index, group in enumerate(config.groups):
        if len(group.channels) != int(group.vote[-1]):
            raise ContractError(
                f"groups[{index}].channels", f"{group.vote[-1]} channels for {group.vote}", str(len(group.channels)),
                "add the missing channels or change the vote",
            )  # fmt: skip
        for name in group.channels:
            if name not in channels:
                raise ContractError(
                    f"groups[{index}].channels", f"one of {', '.join(channels)}", name, "describe it under `channels`"
                )
        gases = {(channels[name].gas, channels[name].unit) for name in group.channels}
        if len(gases) > 1:
            raise ContractError(
                f"groups[{index}].channels", "one gas and unit", ", ".join(sorted(f"{g} {u}" for g, u in gases)),
                "only like can vote together: make a group for each",
            )  # fmt: skip
    for name in channels:
        if name not in voting:
            raise ContractError(
                "groups", f"a group for channel {name}", "none", "a channel that no group counts guards nobody"
            )
    _check_inputs(config, tuple(buses))
    if config.panel is not None:
        places = tuple(config.inputs.addresses.values()) if config.inputs.kind == "gpio" else ()
        check_panel(config.panel, gpio=config.gpio is not None, taken=(*places, *config.relay.gpio_lines))
    _check_series(config)
    check_line(config.bridge)
    lines = [*config.relay.serial_lines, *((f"buses.{b.name}", b.device) for b in config.buses if b.kind == "rtu")]
    if config.presence.gnss is not None:
        lines.append(("presence.gnss", _receiver(config.presence.gnss)))
    if config.presence.nfc is not None:
        lines.append(("presence.nfc", config.presence.nfc.device))
    for index, (key, device) in enumerate(lines):
        for other, same in lines[:index]:
            if device == same:
                raise ContractError(
                    f"{key}.device", f"a serial line of its own, not {other}'s", device,
                    "name the other port, best by /dev/serial/by-id",
                )  # fmt: skip
    _check_vision(config)
    Fence.of(config.presence.fence)
    if not config.presence.quorum:
        raise ContractError(
            "presence.quorum", "at least one of gnss, badge", "nothing", "say what proves that the box is at the place"
        )
    _unique("presence.quorum", list(config.presence.quorum))
    if config.presence.proofs_needed > len(config.presence.quorum):
        raise ContractError(
            "presence.quorum_need", f"at most {len(config.presence.quorum)}, for so many proofs are in the quorum",
            str(config.presence.proofs_needed), "leave it out to ask for every one, or name more proofs",
        )  # fmt: skip
    if "gnss" in config.presence.quorum and config.presence.gnss is None:
        raise ContractError(
            "presence.gnss", "a receiver, because the quorum names it", "nothing",
            "add its device, or take gnss out of the quorum",
        )  # fmt: skip
    if "badge" in config.presence.quorum and not config.presence.beacon:
        raise ContractError(
            "presence.beacon", "the number of the badge fixed to the site, because the quorum names badge", "nothing",
            "a worn badge proves no place: fix one to the site, or take badge out of the quorum",
        )  # fmt: skip
    worn = [person.id for person in config.roster if person.badge == config.presence.beacon]
    if worn:
        raise ContractError("presence.beacon", "a badge that nobody wears", f"{worn[0]}'s", "fix one to the site")
    rules = config.presence.badges
    if rules is None:
        raise ContractError("presence.badges", "badge settings", "nothing", "people are known by their badges")
    if not rules.rssi_gone_dbm < rules.rssi_here_dbm:
        raise ContractError(
            "presence.badges.rssi_gone_dbm", f"weaker than rssi_here_dbm ({rules.rssi_here_dbm})",
            str(rules.rssi_gone_dbm), "leave some dB between them, best 10: signals waver",
        )  # fmt: skip


def check_simulation(config: BoxConfig) -> None:
    """Refuse real devices under the SIMULATION baseline; asked before anything is driven.

    Raises:
        ContractError: names the device.
    """
    if config.baseline != SIMULATION:
        return
    for key, address, simulated in device_addresses(config):
        if not simulated:
            raise ContractError(
                key,
                "a loopback address or pseudo-terminal, because the baseline is SIMULATION",
                address,
                "use a real baseline for real devices",
            )


def load(path: Path) -> BoxConfig:
    """Read and check a configuration file.

    Raises:
        ContractError: names the field.
        OSError: the file cannot be read.
    """
    config = read(path)
    check(config)
    return config


def read(path: Path) -> BoxConfig:
    """Read a configuration file without `check`: enough to find sockets and logs when devices are away.

    Raises:
        ContractError: names the field.
        OSError: the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ContractError(str(path), "UTF-8 text", str(error), _COMPARE) from error
    raw = _with_profiles(yaml_file.load(text, str(path), _COMPARE), path.parent)
    _primary_latches(raw)
    try:
        return msgspec.convert(raw, BoxConfig)
    except msgspec.ValidationError as error:
        raise from_msgspec(error, _NAMED, raw, BoxConfig) from error


def _primary_latches(raw: object) -> None:
    """Said before the keys of another kind of relay are called unknown."""
    relay = raw.get("relay") if isinstance(raw, dict) else None
    kind = relay.get("kind") if isinstance(relay, dict) else None
    if kind in _IN_SERIES:
        raise ContractError(
            "relay.kind", " or ".join(LATCHING), str(kind),
            "it does not open and latch by itself when the box dies: list it under relay.series, behind one that does",
        )  # fmt: skip


def _with_profiles(raw: object, folder: Path) -> object:
    """Channels and sensors completed by their profiles; the path of a site's own profile counts from `folder`.

    Raises:
        ContractError: a profile is missing or wrong, or a channel contradicts it.
    """
    if not isinstance(raw, dict):
        return raw
    found = dict(raw)
    for key in ("channels", "sensors"):
        blocks = raw.get(key)
        if isinstance(blocks, list):
            found[key] = [_with_profile(block, f"{key}[{at}]", folder) for at, block in enumerate(blocks)]
    return found


def _with_profile(block: object, field: str, folder: Path) -> object:
    if not isinstance(block, dict):
        return block
    named = block.get("profile")
    if isinstance(named, str) and "/" in named:
        block = {**block, "profile": str(folder / named)}
    return device_profile.complete(block, field)
