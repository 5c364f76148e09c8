"""The table of device processes: ``python -m firmware_sim.devices KIND DESCRIPTOR PARENT DIRECTORY SETTINGS``."""

import importlib
import sys

from firmware_sim.settings import SiteSettings

FACTORIES: dict[str, str] = {
    "deadman": "firmware_sim.deadman.device:main",
    "gas_tcp": "firmware_sim.gas:tcp",
    "gas_rtu": "firmware_sim.gas:rtu",
    "gas_mqtt": "firmware_sim.mqtt_heads:device",
    "inputs": "firmware_sim.inputs:InputsDevice",
    "outputs": "firmware_sim.outputs:OutputsDevice",
    "gnss": "firmware_sim.gnss:GnssDevice",
    "badges": "firmware_sim.radio:RadioDevice",
    "nfc": "firmware_sim.nfc:NfcDevice",
    "camera": "firmware_sim.camera:CameraDevice",
    "relays": "firmware_sim.relays.device:RelaysDevice",
    "host": "firmware_sim.host:HostDevice",
}
"""Kind of device → module:factory, imported only in its own process. The dead-man brings its own main loop."""


SLOWEST_FIRST = (
    "camera", "badges", "deadman", "gas_tcp", "gas_rtu", "gas_mqtt", "inputs", "outputs", "gnss", "nfc", "relays",
    "host",
)  # fmt: skip


def wanted(settings: SiteSettings) -> list[str]:
    """The device processes that a site needs, the slowest to start first."""
    return [
        kind
        for kind in SLOWEST_FIRST
        if kind == "deadman" or getattr(settings, kind) is not None
    ]


def main() -> None:
    """Run the device that the command line names."""
    kind = sys.argv.pop(1)
    module, _, name = FACTORIES[kind].partition(":")
    factory = getattr(importlib.import_module(module), name)
    if name == "main":
        factory()
        return
    from firmware_sim.child import main as run  # the dead-man's process stays without asyncio

    run(factory)


if __name__ == "__main__":
    main()
