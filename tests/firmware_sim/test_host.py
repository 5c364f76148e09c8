"""The machine that the box runs on: its clock can be set and its disk filled, while the machine below stays as it is."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware_sim import host
from firmware_sim.client import Site
from tests.firmware_sim.conftest import RunningSite

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the machine's disk is mounted by root only")

_CLOCKS = "import time; print(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), time.monotonic())"
_WRITE = "import sys; open(sys.argv[1], 'wb').write(bytes(100_000))"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, dict[str, Any]]]:
    """A site with nothing but the machine and what every site has."""
    folder = tmp_path_factory.mktemp("machine")
    config = folder / "site.yaml"
    nothing = ("gas_tcp", "gas_rtu", "inputs", "badges", "gnss", "camera")
    config.write_text("\n".join(f"{name}: null" for name in nothing) + "\nhost: {disk_mib: 4}\n", encoding="utf-8")
    running = RunningSite(folder / "site", "--config", str(config)).wait_until_up()
    with Site(running.directory) as site:
        yield site, running.facts["host"]
    assert running.end() == 0


def _run(facts: dict[str, Any], code: str, *words: str) -> subprocess.CompletedProcess[str]:
    python = host.interpreter(facts, Path(facts["clock"]).with_name("python"))
    return subprocess.run(
        [*host.command(facts), str(python), "-c", code, *words],
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip


def test_setting_the_clock_moves_the_time_of_day_alone(machine: tuple[Site, dict[str, Any]]) -> None:
    """BOX-02: the clocks by which the interlock times itself are not the one that somebody sets."""
    site, facts = machine

    def clocks() -> list[float]:
        return [float(word) for word in _run(facts, _CLOCKS).stdout.split()]

    before = clocks()
    site.fault("host", "clock_step", -7200)
    stepped = clocks()
    site.fault("host", "none")
    after = clocks()
    assert -7200 <= stepped[0] - before[0] < -7200 + 60
    assert 0 <= after[0] - before[0] < 60
    for clock in (1, 2):
        assert 0 <= stepped[clock] - before[clock] < 60


def test_nothing_fits_on_a_full_disk_until_it_is_mended(machine: tuple[Site, dict[str, Any]]) -> None:
    """BOX-08, ANT-10."""
    site, facts = machine
    disk = Path(facts["disk"])
    assert _run(facts, _WRITE, str(disk / "before")).returncode == 0
    site.fault("host", "disk_full")
    full = _run(facts, _WRITE, str(disk / "full"))
    assert "No space left on device" in full.stderr
    site.fault("host", "none")
    assert _run(facts, _WRITE, str(disk / "after")).returncode == 0


def test_the_disk_is_seen_by_the_box_alone(machine: tuple[Site, dict[str, Any]]) -> None:
    _, facts = machine
    assert _run(facts, _WRITE, str(Path(facts["disk"]) / "mine")).returncode == 0
    assert list(Path(facts["disk"]).iterdir()) == []
