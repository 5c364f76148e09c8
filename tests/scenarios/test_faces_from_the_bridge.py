"""Enrolled by phone at the bridge, recognised at the box: bridge, link, interlock, vision and camera, and then deleted."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge import sockets
from edge.audit.reader import Reader
from firmware_sim.client import Site
from tests.cloud_bridge.conftest import furnish
from tests.cloud_bridge.enrolling import pictures
from tests.cloud_bridge.running import Bridge, running
from tests.cloud_bridge.test_enrolment import send
from tests.edge.cli.box import PYTHON, Box, make_idle, until
from tests.edge.link.site import free_port
from tests.edge.presence.box import simulated_site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PATIENCE_S = 60


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    with running(tmp_path_factory.mktemp("faces") / "data") as made:
        furnish(made)
        yield made


@pytest.fixture(scope="module")
def camera() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="hb-eye-") as folder, simulated_site(Path(folder), "camera") as site:
        yield site


@pytest.fixture(scope="module")
def box(bridge: Bridge, camera: Site) -> Iterator[Box]:
    """A box where nobody was ever enrolled, joined to the bridge."""
    for made in make_idle():
        public = bridge.data / "public"
        settings = made.read() | {"metrics": {"host": "127.0.0.1", "port": free_port()}}
        settings["bridge"] |= {
            "broker_host": bridge.host, "broker_port": bridge.port, "id": "bridge", "protocol": "3.1.1",
            "permit_keys": str(public / "permit_keys.json"), "command_keys": str(public / "command_keys.json"),
            "witness": str(public / "witness.vkey"), "faces_keys": str(public / "faces_keys.json"),
        }  # fmt: skip
        facts = msgspec.json.decode((camera.directory / "site.json").read_bytes())
        settings["vision"]["camera"] = facts["camera"]["url"]
        made.write(settings)
        pairs = {name: sockets.pair() for name in ("link", "vision")}
        children = []
        try:
            made.start(**{name: ends[0] for name, ends in pairs.items()})
            vkey = (made.folder / "data" / "log.vkey").read_text().strip()
            bridge.cli("box", "add", "box-1", "--vkey", vkey)
            for name, ends in pairs.items():
                number = ends[1].fileno()
                os.set_inheritable(number, True)
                words = [PYTHON, "-m", "edge.process", name, str(made.config), f"{name}={number}"]
                children.append(subprocess.Popen(words, pass_fds=[number]))
            yield made
        finally:
            for child in children:
                child.terminate()
                child.wait(20)
            made.end()
            for ends in pairs.values():
                for end in ends:
                    end.close()


def _events(box: Box, kind: str) -> list[Any]:
    log = Reader.open(box.folder / "data" / "audit" / "audit.db")
    try:
        return [event for event in log.events(0, log.size()) if event.type == kind]
    finally:
        log.close()


def _files(box: Box) -> set[str]:
    return {path.name for path in (box.folder / "faces").glob("*.face")}


def test_a_face_enrolled_at_the_bridge_is_known_at_the_box_while_its_permit_stands(
    bridge: Bridge, camera: Site, box: Box
) -> None:
    """BOX-01, PTW-07, ANT-01: sent for the permit, recognised, deleted with it; each step stands in the log."""
    officer = bridge.visitor("an")
    for code, name in (("performer", "张伟"), ("guardian", "李娜")):
        answer = send(officer, code, name, pictures(code))
        assert answer.status_code == 200, answer.text
    assert _files(box) == set()

    until(lambda: officer.json("/api/v1/boxes/box-1")["baseline"] == "SIMULATION", "the bridge has heard of the box", PATIENCE_S)
    jti = bridge.visitor("shen").apply("box-1")
    for approver in ("fang", "zhou"):
        bridge.visitor(approver).approve(jti)
    wanted = {f"performer@{jti}.face", f"guardian@{jti}.face"}
    until(lambda: _files(box) == wanted, "both templates are at the box", PATIENCE_S)
    until(lambda: officer.get(f"/permits/{jti}/").count("已在盒子") == 2, "and the bridge knows it", PATIENCE_S)

    camera.set("camera", "performer,guardian")
    box.wait_for(lambda s: s["people"] and all(p["face_ok"] for p in s["people"]), "both faces are known")
    camera.set("camera", "impostor")
    until(lambda: _events(box, "identity.refused"), "a stranger's is not", PATIENCE_S)
    camera.set("camera", "empty")
    until(lambda: "performer" in officer.get("/refused-faces/") or jti in officer.get("/refused-faces/"), "and is looked into", PATIENCE_S)

    officer.post(f"/permits/{jti}/revoke", {"reason": "工况变化"}, page=f"/permits/{jti}/")
    until(lambda: _files(box) == set(), "the permit is over: so are its templates", PATIENCE_S)
    until(lambda: len(_events(box, "template.removed")) == 2, "and the log says so", PATIENCE_S)
    assert {(e.data["chan"], e.data["why"]) for e in _events(box, "template.removed")} == {
        ("performer", "permit_over"), ("guardian", "permit_over"),
    }  # fmt: skip
    assert {e.data["chan"] for e in _events(box, "template.kept")} == {"performer", "guardian"}
