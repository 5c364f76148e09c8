"""Makes a box's configuration for the simulated site: the example file with the site's addresses put in."""

from pathlib import Path
from typing import Any

import msgspec
import yaml

from firmware_sim.demo.bottles import certificate

EXAMPLE = Path(__file__).resolve().parents[2] / "configs" / "box.example.yaml"


_PROOF = """\
# The simulated site's own rules: faces are proven alive, as at every real one.
name: drawn-people
zh: 仿真现场自定规则
en: rules of the simulated site
tightens: SIMULATION
liveness: {value: proven, clause: "policy ANT-01"}
"""


class Places(msgspec.Struct, frozen=True):
    """Where things are: the site's directory, the box's directory, the trust files' directory, the broker.

    `proof`: people must prove living faces, which the simulation's rules do not ask for by themselves.
    """

    site: Path
    box: Path
    trust: Path
    broker_host: str
    broker_port: int
    metrics_port: int
    kiosk_port: int = 0
    proof: bool = False


def box_config(places: Places, *, box: str = "box-1") -> dict[str, Any]:
    """The example configuration for this site, ready to be written as YAML."""
    site = msgspec.json.decode((places.site / "site.json").read_bytes())
    config: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    buses = {bus["name"]: bus for bus in config["buses"]}
    buses["gas-tcp"].update(site["gas_tcp"])
    buses["gas-rtu"].update(device=site["gas_rtu"]["device"], poll_ms=400, turnaround_ms=60)
    buses["inputs"].update(site["inputs"])
    # The simulated gateway has the sensors as units beside the detectors.
    buses["plant"].update(site["gas_tcp"])
    config.update(
        box=box,
        baseline="SIMULATION",
        data=str(places.box / "data"),
        run=str(places.box / "run"),
        kiosk={"host": "127.0.0.1", "port": places.kiosk_port},
        metrics={"host": "127.0.0.1", "port": places.metrics_port},
    )
    for channel in config["channels"]:
        channel["calibration_due"] = certificate()
    config["panel"].update(site["outputs"])
    config["relay"]["device"] = site["deadman"]["device"]
    config["presence"]["badges"].update(secrets=site["badges"], dbus_address=site["dbus"]["address"])
    config["presence"]["gnss"]["device"] = site["gnss"]["device"]
    config["vision"].update(camera=site["camera"]["url"], templates=str(places.box / "data" / "faces"))
    config["vision"]["video"].update(folder=str(places.box / "data" / "video"), most_mib=512, upload="all")
    config["bridge"].update(
        broker_host=places.broker_host,
        broker_port=places.broker_port,
        tls=None,  # on this machine
        protocol="3.1.1",  # the embedded broker's
        permit_keys=str(places.trust / "permit_keys.json"),
        command_keys=str(places.trust / "command_keys.json"),
        witness=str(places.trust / "witness.vkey"),
        faces_keys=str(places.trust / "faces_keys.json"),
    )
    return config


def write(places: Places, *, box: str = "box-1") -> Path:
    """Write the configuration; gives its path."""
    places.box.mkdir(parents=True, exist_ok=True)
    config = box_config(places, box=box)
    if places.proof:
        own = places.box / "site-rules.yaml"
        own.write_text(_PROOF, encoding="utf-8")
        config["site_rules"] = str(own)
    path = places.box / "box.yaml"
    path.write_text(yaml.safe_dump(config, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path
