"""One running site for all tests of this folder; every test finds it mended and quiet."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.client import Site, facts

ROOT = Path(__file__).parents[2]


class RunningSite:
    """A site's process, its directory and a connection to it."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        command = [sys.executable, "-c", "from firmware_sim.cli import main; main()"]
        self.process = subprocess.Popen(
            [*command, "site", "--dir", str(directory), *options], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        self.facts: dict[str, Any] = {}

    def wait_until_up(self) -> "RunningSite":
        """It prints its lines only when site.json is there."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline(), "the site did not come up"
        self.facts = facts(self.directory)
        return self

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
        code = self.process.wait(10)
        if self.process.stdout:
            self.process.stdout.close()
        return code


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    site = RunningSite(tmp_path_factory.mktemp("site")).wait_until_up()
    yield site
    assert site.end() == 0


@pytest.fixture
def site(running: RunningSite) -> Iterator[Site]:
    """A connection; whatever the test broke is mended afterwards."""
    with Site(running.directory) as connection:
        yield connection
        for name in connection.state()["gas"]:
            connection.fault(name, "none")
            connection.set(name, 20.9 if name == "o2-1" else 0)
        for target in ("inputs", "deadman", "gnss", "badges", "camera"):
            connection.fault(target, "none")
        connection.fault("deadman", "reboot")
        connection.set("gnss", "here")
        connection.set("estop", "closed")
        connection.set("camera", "empty")
        for name in connection.state()["badges"]:
            connection.set("badge", name, "away")
