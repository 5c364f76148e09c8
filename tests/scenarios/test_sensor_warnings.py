"""From a store's damp air and a shaking machine to the people who must see to it: site, box, line and bridge (INS-01, INS-05)."""

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from edge import sockets
from tests.cloud_bridge.conftest import furnish
from tests.cloud_bridge.running import PASSWORD, Bridge, Visitor, running
from tests.edge.cli.box import PYTHON, Box, make_idle, until
from tests.edge.link.site import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PATIENCE_S = 60
SENSORS = [
    {"name": "hum-1", "unit_id": 24, "quantity": "humidity", "range_low": 0, "range_high": 100, "bus": "gas", "scale": 0.1,
     "warn_above": 80, "warn_after_s": 2, "warn_back_by": 5},
    {"name": "vib-1", "unit_id": 25, "quantity": "vibration", "range_low": 0, "range_high": 50, "bus": "gas", "scale": 0.01,
     "warn_above": 7.1, "warn_after_s": 1, "warn_back_by": 0.5},
]  # fmt: skip


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    with running(tmp_path_factory.mktemp("sensors") / "data") as made:
        furnish(made)
        for user, role, name in (("cang", "store_keeper", "仓管 陈仓"), ("wei", "maintenance", "维修 魏强")):
            words = ("user", "add", user, "--role", role, "--display", name, "--password-stdin")
            made.cli(*words, text=f"{PASSWORD}\n")
        yield made


@contextlib.contextmanager
def _linked(box: Box) -> Iterator[None]:
    """Interlock and link, ended as their units would end them."""
    inner, outer = sockets.pair()
    process = None
    try:
        box.start(link=inner)
        os.set_inheritable(outer.fileno(), True)
        process = subprocess.Popen(
            [PYTHON, "-m", "edge.process", "link", str(box.config), f"link={outer.fileno()}"], pass_fds=[outer.fileno()]
        )
        yield
    finally:
        if process is not None:
            process.terminate()
            process.wait(20)
        box.end()
        inner.close()
        outer.close()


@pytest.fixture(scope="module")
def box(bridge: Bridge) -> Iterator[Box]:
    """A box with a sensor in a store and one at a machine, joined to the bridge; its permits are signed by the test."""
    for made in make_idle():
        settings = made.read() | {"metrics": {"host": "127.0.0.1", "port": free_port()}}
        settings["sensors"] += SENSORS
        settings["bridge"] |= {
            "broker_host": bridge.host, "broker_port": bridge.port, "id": "bridge", "protocol": "3.1.1",
            "witness": str(bridge.data / "public" / "witness.vkey"),
        }  # fmt: skip
        made.write(settings)
        made.permit = partial(made.permit, iss="bridge")
        made.start()
        made.end()  # only to have its key
        vkey = (made.folder / "data" / "log.vkey").read_text().strip()
        bridge.cli("box", "add", "box-1", "--vkey", vkey, "--name", "助剂仓盒")
        with _linked(made):
            yield made


def _calls(visitor: Visitor) -> str:
    """What rings for this person; the fragment that every page of theirs fetches."""
    return visitor.get("/calls/")


def _rings(visitor: Visitor, *words: str) -> str:
    return until(
        lambda: all(word in (found := _calls(visitor)) for word in words) and found, f"{words} ring", PATIENCE_S
    )


def _answer(visitor: Visitor) -> None:
    found = re.search(r'action="(/calls/\d+/answer)"', _calls(visitor))
    assert found
    visitor.post(found[1], {"next": "/"}, page="/calls/")


def _told(box: Box, kind: str) -> list[dict[str, Any]]:
    return [event for event in box.status()["events"] if event["type"] == kind]


def test_a_damp_store_reaches_the_store_keeper_and_the_safety_officer(bridge: Bridge, box: Box) -> None:
    """INS-01: both receive, both answer; the released relay stays as it is."""
    assert box.site is not None
    box.release()
    keeper, officer, fitter = (bridge.visitor(user) for user in ("cang", "an", "wei"))
    box.site.set("hum-1", 80)
    box.wait_for(lambda s: any(x["name"] == "hum-1" and x["value"] == 80 for x in s["sensors"]), "hum-1 reads 80 %RH")
    box.site.set("hum-1", 85.5)
    for visitor in (keeper, officer):
        _rings(visitor, "湿度预警", "助剂仓盒", "传感器 hum-1 超过预警上限", "85.5 %RH")
    assert "湿度预警" not in _calls(fitter)
    (warned,) = _told(box, "sensor.warning")
    assert warned["en"] == "a process sensor warns: sensor hum-1 is above its warning limit 85.5 %RH"
    assert box.status()["state"] == "RELEASED", "a warning neither releases nor trips"
    _answer(keeper)
    assert "湿度预警" not in _calls(keeper)
    assert "湿度预警" in _calls(officer)
    _answer(officer)
    page = officer.get("/boxes/box-1/")
    assert "已响应: 仓管 陈仓" in page
    assert "已响应: 安全员 安然" in page
    box.site.set("hum-1", 75.1)
    box.wait_for(lambda s: any(x["name"] == "hum-1" and x["value"] == 75.1 for x in s["sensors"]), "hum-1 reads 75.1 %RH")
    assert not _told(box, "sensor.normal"), "80 less 5 is 75"
    box.site.set("hum-1", 75)
    box.wait_for(lambda _: _told(box, "sensor.normal"), "it is normal again")
    assert box.status()["state"] == "RELEASED"


def test_a_shaking_machine_and_then_its_silent_sensor_are_warning_tickets_for_maintenance(bridge: Bridge, box: Box) -> None:
    """INS-05: threshold and debounce; a sensor that fell silent is a warning of its own."""
    assert box.site is not None
    fitter, officer, keeper = (bridge.visitor(user) for user in ("wei", "an", "cang"))
    box.site.set("vib-1", 9.25)
    for visitor in (fitter, officer):
        _rings(visitor, "设备预警工单", "传感器 vib-1 超过预警上限", "9.25 mm/s")
    assert "设备预警工单" not in _calls(keeper)
    for visitor in (fitter, officer):
        _answer(visitor)
    box.site.fault("vib-1", "silent")
    for visitor in (fitter, officer):
        _rings(visitor, "设备预警工单", "传感器 vib-1 数据中断")
    assert "已响应: 维修 魏强" in keeper.get("/boxes/box-1/")
