"""The machine that the box runs on: its clock can be set and its disk filled, while the machine below stays as it is."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware_sim import host
from firmware_sim.client import Site
from tests.firmware_sim.conftest import RunningSite

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the machine's disk is mounted by root only")

_CLOCKS = "import time; print(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), time.monotonic())"
_TWO_THREADS = """
import sys, threading, time
sys.setswitchinterval(0.000_5)
done = [0, 0]
def work(which, end):
    while time.monotonic() < end:
        for _ in range(100):
            done[which] += 1
threads = [threading.Thread(target=work, args=(which, time.monotonic() + 1)) for which in (0, 1)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sum(done))
"""
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


def test_two_threads_of_a_program_get_as_much_done_on_its_time_as_on_the_true_one(
    machine: tuple[Site, dict[str, Any]],
) -> None:
    """The interlock's loop and its log's writer share an interpreter; libfaketime can make each hand-over cost 0.1 ms."""
    _, facts = machine
    here = subprocess.run([sys.executable, "-c", _TWO_THREADS], capture_output=True, text=True, timeout=20, check=True)
    assert int(_run(facts, _TWO_THREADS).stdout) > int(here.stdout) / 4


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
