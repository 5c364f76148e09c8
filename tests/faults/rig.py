"""How a lane's site and box are started.

What a fault's path does not touch is played over the box's inherited sockets, as in the benches: a `people` lane runs
the real presence process, a `camera` lane the real vision, a `panel` lane the real panel process, a `host` lane a machine
whose clock and disk can be broken. An `icpdas` lane has the ICP DAS module k1 for its relay, a `chain` lane the
dead-man controller with the Waveshare board k2 in series. A `plant` lane has process sensors, a portable at its gateway,
and the real link process with a broker, on which a detector speaks over MQTT.
"""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import yaml

from contracts import jws
from contracts.permit import Level
from edge.config import load
from edge.interlock import rules
from edge.interlock.evidence import Source
from firmware_sim import host
from firmware_sim.child import die_with_parent
from firmware_sim.client import Site, facts
from firmware_sim.demo.bottles import APPLIED
from firmware_sim.demo.boxfile import EXAMPLE
from firmware_sim.errors import SimulationError
from firmware_sim.settings import DetectorSettings, MqttHeadSettings, MqttSettings, SiteSettings
from tests.bench.box import Box, write_config
from tests.bench.faults import CLEAN, RTU_POLL_MS, TCP_POLL_MS
from tests.bench.plant import LateError
from tests.edge.link.site import free_port, start_broker
from tests.faults.lane import Lane
from tests.faults.limits import Limits
from tests.faults.panel import panel_reaches

KINDS = ("bus", "icpdas", "chain", "panel", "people", "camera", "host", "plant")
REAL = {"people": (Source.PRESENCE,), "camera": (Source.VISION,), "plant": (Source.LINK,)}
_NOBODY = ("badges", "gnss", "camera")
_LEFT_OUT = {"people": ("camera",), "camera": ("badges", "gnss")}
_ADDED: dict[str, dict[str, Any]] = {
    "host": {"host": {}},
    "icpdas": {"relays": [{"name": "k1", "kind": "icpdas", "baud": 115_200}]},
    "chain": {"relays": [{"name": "k2", "kind": "waveshare"}]},
}
_FAR_TOPIC = "plant/tank-farm/ch4-far"
_PORTABLE = "portable-multigas-gateway"
_START_S = 30.0
_BUMP_S = 60.0


def _parts(site: dict[str, Any]) -> dict[str, Any]:
    buses: list[dict[str, Any]] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["buses"]
    given = {
        "gas-tcp": {**site["gas_tcp"], "poll_ms": TCP_POLL_MS},
        "gas-rtu": {**site["gas_rtu"], "poll_ms": RTU_POLL_MS},
        "inputs": site["inputs"],
    }
    return {"buses": [{**bus, **given[bus["name"]]} for bus in buses if bus["name"] in given]}


def _plant(port: int) -> dict[str, Any]:
    """A detector on the broker, and a portable's flammable-gas sensor behind its gateway."""
    usual = SiteSettings().gas_tcp
    assert usual is not None
    portable = DetectorSettings("portable-1", 5, "CH4", "%LEL", 0.1, 100, layout=_PORTABLE)
    far = MqttHeadSettings("ch4-far", _FAR_TOPIC, "%LEL", 100)
    tcp = msgspec.structs.replace(usual, detectors=(*usual.detectors, portable))
    built: dict[str, Any] = msgspec.to_builtins({"gas_tcp": tcp, "gas_mqtt": MqttSettings(port, (far,))})
    return built


def _configure_plant(config: dict[str, Any], site: dict[str, Any]) -> None:
    """Sensors, portable and the detector on MQTT; the simulated gateway has all but the last as its units."""
    example = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    (plant,) = (bus for bus in example["buses"] if bus["name"] == "plant")
    config["buses"].append({**plant, **site["gas_tcp"]})
    config.update({key: example[key] for key in ("enclosure", "wind")})
    config["sensors"] = [each for each in example["sensors"] if each["name"] in (example["enclosure"], example["wind"])]
    config["channels"].append(
        {"name": "portable-1", "bus": "gas-tcp", "unit_id": 5, "profile": _PORTABLE, "point": "lel", "gas": "CH4",
         "calibration_gas": "CH4", "calibration_due": config["channels"][0]["calibration_due"]}
    )  # fmt: skip
    config["groups"].append({"name": "portable", "vote": "1oo1", "channels": ["portable-1"]})
    config["remotes"] = [{"name": "ch4-far", "gas": "CH4", "unit": "%LEL", "topic": _FAR_TOPIC}]
    # A real link serves both, and box follows box.
    config["metrics"] = {"host": "127.0.0.1", "port": free_port()}
    del config["kiosk"]
    # The embedded broker's.
    config["bridge"].update(broker_port=site["gas_mqtt"]["port"], protocol="3.1.1")


def _configure(kind: str, path: Path, site: dict[str, Any]) -> None:
    """Put in what the lane's real processes need."""
    config: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    if kind == "people":
        config["presence"]["badges"].update(secrets=site["badges"], dbus_address=site["dbus"]["address"])
        config["presence"]["gnss"]["device"] = site["gnss"]["device"]
        tags = path.with_name("tags.json")
        tags.write_bytes(msgspec.json.encode({site["nfc"]["tags"]["guardian"]: {"person": "guardian"}}))
        config["presence"]["nfc"] = {"device": site["nfc"]["device"], "tags": str(tags)}
    if kind == "camera":
        config["vision"]["camera"] = site["camera"]["url"]
    if kind == "host":
        config["data"] = site["host"]["disk"] + "/data"
    if kind == "panel":
        config["panel"] = {**yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["panel"], **site["outputs"]}
    if kind == "plant":
        _configure_plant(config, site)
    if kind == "icpdas":
        config["relay"] = _board(site, "k1")
    if kind == "chain":
        config["relay"]["series"] = [{"name": "k2", "feedback": 0, **_board(site, "k2")}]
    path.write_text(yaml.safe_dump(config, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _board(site: dict[str, Any], name: str) -> dict[str, Any]:
    return dict(site["relays"][name])


def _enrol(path: Path, site: dict[str, Any]) -> None:
    for name in ("performer", "guardian"):
        stills = sorted((Path(site["stills"]) / name).glob("*.jpg"))
        words = [word for still in stills for word in ("--still", str(still))]
        command = [sys.executable, "-c", "from edge.cli import main; main()", "-c", str(path), "enrol", name, *words]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


def _people_arrive(kind: str, site: Site) -> None:
    if kind == "people":
        for name in ("performer", "guardian", "leader", "safety"):
            site.set("badge", name, "here")
    if kind == "camera":
        site.set("camera", "performer,guardian")


@contextmanager
def lane(kind: str, directory: Path, chance: random.Random) -> Iterator[Lane]:
    """Start a site and a box of a kind; both end with the context."""
    directory.mkdir(parents=True)
    place, settings = directory / "site", directory / "site.yaml"
    left_out: dict[str, Any] = dict.fromkeys(_LEFT_OUT.get(kind, _NOBODY))
    stack = ExitStack()
    added = _ADDED.get(kind, {})
    if kind == "plant":
        broker = start_broker()
        stack.callback(broker.stop)
        added = _plant(broker.port)
    settings.write_text(yaml.safe_dump({**left_out, **added}), encoding="utf-8")
    parent = os.getpid()
    command = [sys.executable, "-c", "from firmware_sim.cli import main; main()", "site", "--dir", str(place)]
    with (directory / "site.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--config", str(settings)], stdout=log, stderr=log, preexec_fn=lambda: die_with_parent(parent)
        )
    boxes: list[Box] = []
    beside: list[subprocess.Popen[bytes]] = []
    try:
        _wait_for_site(place, process)
        found = facts(place)
        key = jws.generate_key()
        path = write_config(directory / "box", key, _parts(found), found["deadman"]["device"])
        _configure(kind, path, found)
        python: tuple[str, ...] = (sys.executable,)
        if kind == "camera":
            _enrol(path, found)
        if kind == "host":
            python = (*host.command(found["host"]), str(host.interpreter(found["host"], directory / "python")))

        def start() -> Box:
            for old in boxes:
                old.__exit__()
            level = Level.SPECIAL if kind == "camera" else Level.GRADE_1
            log = directory / "interlock.log"
            boxes[:] = [Box(path, key, log=log, real=REAL.get(kind, ()), level=level, command=python)]
            return boxes[0]

        config = load(path)
        limits = Limits(config, rules.effective(config.baseline, config.site_rules))
        with Site(place) as site:
            _people_arrive(kind, site)
            box = start()
            gases = {channel.name: channel.gas for channel in config.channels}

            def expose(name: str, on: bool) -> None:
                site.set(name, APPLIED[gases[name]] if on else CLEAN[gases[name]])

            box.bump_test(APPLIED, expose, _BUMP_S)
            if kind == "panel":
                beside.append(_start_panel(path, directory))
                _wait_for_lamps(config.panel_socket)
            yield Lane(kind, site, box, limits, chance, start)
    finally:
        for other in beside:
            other.terminate()
            other.wait()
        for box in boxes:
            box.__exit__()
        process.terminate()
        process.wait()
        stack.close()


def _start_panel(path: Path, directory: Path) -> subprocess.Popen[bytes]:
    parent = os.getpid()
    with (directory / "panel.log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "edge.process", "panel", str(path)], stderr=log,
            preexec_fn=lambda: die_with_parent(parent),
        )  # fmt: skip


def _wait_for_lamps(path: Path) -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end:
        with suppress(OSError):
            if panel_reaches(path):
                return
        threading.Event().wait(0.05)
    raise LateError("the panel did not reach its lamps")


def _wait_for_site(place: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_S
    while not (place / "site.json").exists():
        if time.monotonic() > end or process.poll() is not None:
            raise SimulationError(f"the simulated site did not come up (exit code {process.poll()})")
        threading.Event().wait(0.05)
