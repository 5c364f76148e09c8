"""One simulated camera, one engine and one set of enrolled people for all tests of this folder."""

import json
import os
import subprocess
import sys

import msgspec
import pytest

from edge import config, sockets
from edge.sockets import now_us
from edge.vision.enrol import enrol
from faces import loading
from tests.edge.presence.box import Interlock, box, simulated_site

STILL_COMING_US = 300_000
"""A picture of those who stood there before is drawn, sent and looked at for so long."""


@pytest.fixture(scope="package")
def site(tmp_path_factory):
    with simulated_site(tmp_path_factory.mktemp("camera"), "camera") as running:
        yield running


@pytest.fixture(scope="session")
def engine():
    return loading.load()


@pytest.fixture(scope="package")
def stills(site):
    """Five pictures of each person: stills("performer")."""
    folder = site.directory / "stills"
    return lambda person, count=5: [folder / person / f"{number}.jpg" for number in range(1, count + 1)]


@pytest.fixture(scope="package")
def enrolled(site, engine, stills):
    """A box that looks at the camera and knows performer and guardian, not the impostor."""
    boxed = box(site.directory)
    for person in ("performer", "guardian"):
        enrol(boxed, person, stills(person), engine)
    return boxed


@pytest.fixture
def empty_site(site):
    site.set("camera", "empty")
    site.fault("camera", "none")
    return site


class VisionProcess:
    """The real process, started as the supervisor starts it, and the interlock's end of its socket."""

    def __init__(self, boxed, folder):
        whole = msgspec.structs.replace(
            boxed,
            baseline="gb30871-2022",
            buses=(config.Bus("bus", "tcp", 100, 5, host="127.0.0.1"),),
            inputs=config.Inputs(bus="bus", unit_id=1),
            presence=msgspec.structs.replace(boxed.presence, quorum=("badge",), beacon=1009),
        )
        path = folder / "box.yaml"
        path.write_text(json.dumps(msgspec.to_builtins(whole)))
        ours, theirs = sockets.pair()
        number = theirs.fileno()
        command = [sys.executable, "-m", "edge.process", "vision", str(path), f"vision={number}"]
        environment = os.environ | {"HOTBOX_LOG": "INFO"}
        self.process = subprocess.Popen(command, pass_fds=(number,), env=environment)
        theirs.close()
        self.interlock = Interlock(ours)
        self._end = ours

    def stop(self):
        self.process.terminate()
        code = self.process.wait(10)
        self._end.close()
        return code


@pytest.fixture(scope="module")
def vision_process(enrolled, site, tmp_path_factory):
    running = VisionProcess(enrolled, tmp_path_factory.mktemp("box"))
    yield running
    assert running.stop() == 0


@pytest.fixture
async def vision(vision_process, empty_site):
    """The process, looking for nobody, with nobody before its camera."""
    interlock = vision_process.interlock
    interlock.want(urgency="idle")
    interlock.drain()
    empty_us = now_us() + STILL_COMING_US
    await interlock.until(lambda item: getattr(item, "health", "") == "ok" and item.at_us > empty_us)
    interlock.drain()
    return vision_process
