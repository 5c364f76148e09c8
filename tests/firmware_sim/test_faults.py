"""Every fault is listed, in both languages, and the running site understands it by one verb."""

import asyncio
import json
from collections.abc import Iterable

import pytest
from pymodbus.exceptions import ModbusIOException
from typer.testing import CliRunner

from firmware_sim import cli
from firmware_sim.camera import CameraFault
from firmware_sim.client import Site
from firmware_sim.deadman.device import RelayFault
from firmware_sim.errors import SimulationError
from firmware_sim.faults import CATALOGUE, Device
from firmware_sim.gnss import GnssFault
from firmware_sim.host import HostFault
from firmware_sim.inputs import ContactFault
from firmware_sim.modbus.faults import Fault, at_other_baud
from firmware_sim.mqtt_heads import RemoteFault
from firmware_sim.nfc import NfcFault
from firmware_sim.radio import RadioFault, Where
from firmware_sim.relays.board import BoardFault
from tests.edge.eventually import eventually
from tests.firmware_sim.bus import client_of, read
from tests.firmware_sim.conftest import RunningSite

_BY_FIRST_NAME = {device.names.split()[0]: device for device in CATALOGUE}
_OWN = {Fault.FROZEN, Fault.STATUS_FAULT, Fault.OVER_RANGE, Fault.WARM_UP, Fault.DRIFT, Fault.FOLD_BACK, Fault.UNHEARD}
ON_THE_WAY = [fault for fault in Fault if fault not in _OWN]
_KINDS: dict[str, Iterable[str]] = {
    "ch4-1": [fault for fault in Fault if fault is not Fault.UNHEARD], "portable-1": [Fault.UNHEARD],
    "ch4-far": RemoteFault, "arm": ContactFault, "deadman": RelayFault, "gnss": GnssFault, "badges": RadioFault,
    "camera": CameraFault, "host": HostFault, "nfc": NfcFault, "outputs": ON_THE_WAY, "inputs": ON_THE_WAY,
    "relay": (*ON_THE_WAY, *BoardFault),
}  # fmt: skip


ELSEWHERE = ("host", "relay …", "portable-1 …", "ch4-far …")
"""What the default site does not have."""


@pytest.mark.parametrize("name", sorted(_KINDS))
def test_the_list_names_every_fault_that_the_device_knows_and_no_other(name: str) -> None:
    listed = [each.kind for each in _BY_FIRST_NAME[name].faults]
    assert sorted(listed) == sorted(str(kind) for kind in _KINDS[name] if kind != "none")


def test_the_list_names_every_place_of_a_badge_but_here_and_its_battery() -> None:
    listed = {each.kind for each in _BY_FIRST_NAME["performer"].faults}
    assert listed == {str(w) for w in Where if w is not Where.HERE} | {"battery"}


@pytest.mark.parametrize("device", CATALOGUE, ids=lambda device: device.names.split()[0])
def test_both_languages_tell_every_fault(device: Device) -> None:
    assert device.zh
    assert device.en
    assert all(each.zh and each.en for each in device.faults)


@pytest.mark.parametrize(
    "device", [d for d in CATALOGUE if d.names not in ELSEWHERE], ids=lambda device: device.names.split()[0]
)
def test_the_running_site_makes_and_mends_every_fault(site: Site, device: Device) -> None:
    name = device.names.split()[0]
    for each in device.faults:
        assert site.fault(name, each.kind)["asked_us"] > 0
        site.fault(name, "none")
    with pytest.raises(SimulationError, match="allowed: none"):
        site.fault(name, "nonsense")


def test_the_command_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    del capsys
    result = CliRunner().invoke(cli.app, ["faults"], catch_exceptions=False)
    assert result.exit_code == 0
    for device in CATALOGUE:
        assert device.en in result.output
        for each in device.faults:
            assert each.zh in result.output
    as_json = json.loads(CliRunner().invoke(cli.app, ["faults", "--json"], catch_exceptions=False).output)
    assert [device["names"] for device in as_json] == [device.names for device in CATALOGUE]


@pytest.mark.parametrize("fault", ["truncated", "baud", "short"])
async def test_nothing_usable_comes_over_the_line(running: RunningSite, site: Site, fault: str) -> None:
    """BOX-01."""
    site.fault("co-1", fault)
    async with client_of(running.facts, "gas_rtu") as client:
        with pytest.raises(ModbusIOException):
            await read(client)


async def test_a_short_takes_the_neighbours_too(running: RunningSite, site: Site) -> None:
    """BOX-06."""
    site.fault("co-1", "short")
    async with client_of(running.facts, "gas_rtu") as client:
        with pytest.raises(ModbusIOException):
            await read(client, unit_id=2)
    site.fault("ch4-1", "short")
    async with client_of(running.facts, "gas_tcp") as client:
        assert (await read(client, unit_id=2)).exception_code == 11


async def test_a_head_behind_a_gateway_at_another_rate_is_named_by_the_gateway(
    running: RunningSite, site: Site
) -> None:
    site.fault("ch4-1", "baud")
    async with client_of(running.facts, "gas_tcp") as client:
        assert (await read(client)).exception_code == 11
        assert (await read(client, unit_id=2)).registers[0] == 2090


async def test_a_drifting_head_shows_more_and_more(running: RunningSite, site: Site) -> None:
    site.fault("ch4-1", "drift", 20)
    async with client_of(running.facts, "gas_tcp") as client, asyncio.timeout(5):
        while (await read(client)).registers[0] < 50:
            pass
        site.fault("ch4-1", "none")
        assert (await read(client)).registers[0] == 0


async def test_a_head_that_folds_back_reads_clean_after_its_over_range(running: RunningSite, site: Site) -> None:
    """BOX-04: a catalytic bead in too much gas."""
    site.fault("ch4-1", "fold_back", 200)
    async with client_of(running.facts, "gas_tcp") as client, asyncio.timeout(5):
        assert (await read(client)).registers[:2] == [1000, 2]
        while (registers := (await read(client)).registers)[1]:
            pass
        assert registers[:2] == [0, 0]


async def test_a_contact_can_be_broken_stuck_or_bouncing(running: RunningSite, site: Site) -> None:
    """BOX-04."""
    host, port = running.facts["inputs"]["host"], running.facts["inputs"]["port"]
    from pymodbus.client import AsyncModbusTcpClient

    client = AsyncModbusTcpClient(host, port=port, timeout=1, retries=0)
    await client.connect()
    try:

        async def bits() -> list[bool]:
            return (await client.read_discrete_inputs(0, count=9, device_id=10)).bits

        assert (await bits())[6]
        site.fault("mains", "open")
        assert not (await bits())[6]
        site.fault("mains", "none")
        site.fault("arm", "closed")
        assert (await bits())[0]
        site.fault("arm", "none")
        site.fault("stop", "bounce", 5)
        seen: set[bool] = set()

        async def both() -> bool:
            seen.add((await bits())[1])
            return len(seen) == 2

        async with asyncio.timeout(5):
            while not await both():
                pass
        site.fault("stop", "none")
        assert (await bits())[1]
    finally:
        client.close()


async def test_the_camera_comes_back_on_its_port(running: RunningSite, site: Site) -> None:
    port = int(running.facts["camera"]["url"].split(":")[2].split("/")[0])
    site.fault("camera", "disconnect")
    with pytest.raises(OSError, match="Connect"):
        await asyncio.open_connection("127.0.0.1", port)
    site.fault("camera", "none")
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()


async def test_a_late_or_corrupt_controller_still_keeps_its_own_time(site: Site) -> None:
    for fault in ("late", "corrupt", "chatter"):
        assert site.fault("deadman", fault)["deadman"]["fault"] == fault
    site.fault("deadman", "none")
    await eventually(lambda: site.state()["deadman"]["fault"] == "none")


def test_a_receiver_at_the_right_rate_reads_what_was_sent_and_at_another_something_else() -> None:
    sent = bytes(range(256))
    assert at_other_baud(sent, 9600, 9600) == sent
    for read_baud in (4800, 19200):
        assert at_other_baud(sent, 9600, read_baud) != sent
