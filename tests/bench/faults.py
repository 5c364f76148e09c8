"""`faults`: from the start of a fault between detector and box to the open contact, on the simulated site.

Times are the simulated devices' own stamps: the detector's for the start of its fault, the dead-man controller's for
its contact. TCP must trip within 500 ms at a 100 ms poll, RTU within the limit that the bus budget computes.
"""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from joserfc.jwk import OKPKey

from contracts import jws
from edge.config import BoxConfig, load
from edge.gas.budget import bus_budget
from firmware_sim.child import die_with_parent
from firmware_sim.client import Site, facts
from firmware_sim.demo.bottles import APPLIED
from firmware_sim.demo.boxfile import EXAMPLE
from tests.bench.box import Box, write_config
from tests.bench.figures import median
from tests.bench.plant import LateError

TRIALS = 20
TCP_LIMIT_MS = 500.0
TCP_POLL_MS = 100
RTU_POLL_MS = 300
_SITE = {"camera": None, "badges": None, "gnss": None}
"""What plays no role here is left out: people and place are played by the bench."""
CLEAN = {"CH4": 0.0, "O2": 20.9, "CO": 0.0, "H2S": 0.0}
_START_S = 20.0
_TRIP_S = 5.0
_RECOVERY_S = 20.0
_PRESS_MS = 150

Progress = Callable[[str, int, int], None]


class Case(NamedTuple):
    """A fault of one detector."""

    bus: str
    target: str
    kind: str

    @property
    def name(self) -> str:
        return f"{self.bus} {self.kind}"


CASES = (
    *(Case("tcp", "ch4-1", kind) for kind in ("silent", "exception", "link_drop")),
    *(Case("rtu", "co-1", kind) for kind in ("silent", "exception", "link_drop", "crc")),
)


class Rig:
    """A site, a released box and the limits of its buses."""

    def __init__(self, site: Site, box: Box, limits: dict[str, float], chance: random.Random) -> None:
        self.site, self.box, self.limits, self._chance = site, box, limits, chance

    def press(self, button: str) -> None:
        """Press a button for longer than the module's poll period."""
        self.site.press(button, _PRESS_MS)

    def time_to_open_ms(self, case: Case) -> float:
        """One trial: fault at a random phase of the poll, contact open, repaired.

        Raises:
            LateError: it did not trip, or for another reason than the detector's fault.
        """
        self.box.release(self.press, _RECOVERY_S)
        pause_s = self._chance.uniform(0.3, 0.3 + RTU_POLL_MS / 1000)  # everything settled; any phase of either poll
        threading.Event().wait(pause_s)
        began_us = self.site.fault(case.target, case.kind)["fault_us"]
        try:
            opened_us = self._opened_us(began_us, case)
        finally:
            self.site.fault(case.target, "none")
        cause = self.box.first_out(_TRIP_S)
        if not cause.startswith("gas_"):
            raise LateError(f"{case.name}: tripped by {cause}, not by the detector")
        return (opened_us - began_us) / 1000

    def _opened_us(self, began_us: int, case: Case) -> int:
        end = time.monotonic() + _TRIP_S
        while time.monotonic() < end:
            opened_us: int = self.site.state()["deadman"]["contact_open_us"]
            if opened_us > began_us:
                return opened_us
            threading.Event().wait(0.02)
        raise LateError(f"{case.name}: no trip within {_TRIP_S:g} s")


def _parts(site: dict[str, Any]) -> dict[str, Any]:
    buses: list[dict[str, Any]] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["buses"]
    given = {
        "gas-tcp": {**site["gas_tcp"], "poll_ms": TCP_POLL_MS},
        "gas-rtu": {**site["gas_rtu"], "poll_ms": RTU_POLL_MS},
        "inputs": site["inputs"],
    }
    return {"buses": [{**bus, **given[bus["name"]]} for bus in buses if bus["name"] in given]}


class Grounds(NamedTuple):
    """A running site, and how a box on it is set up."""

    site: Site
    path: Path
    key: OKPKey
    config: BoxConfig

    def make_ready(self, box: Box) -> None:
        """Bump-test every detector of a box that has not been here before."""
        box.bump_test(APPLIED, lambda name, on: _expose(self.site, self.config, name, on), _RECOVERY_S)


@contextmanager
def rig(directory: Path, chance: random.Random) -> Iterator[Rig]:
    """Start a site and a box on it; both end with the context."""
    with grounds(directory) as found, Box(found.path, found.key, log=directory / "interlock.log") as box:
        found.make_ready(box)
        rtu = next(bus for bus in found.config.buses if bus.kind == "rtu")
        limits = {"tcp": TCP_LIMIT_MS, "rtu": bus_budget(found.config, rtu).worst_trip_ms}
        yield Rig(found.site, box, limits, chance)


@contextmanager
def grounds(directory: Path) -> Iterator[Grounds]:
    """Start a site, and configure a box for it; the site ends with the context."""
    place = directory / "site"
    settings = directory / "site.yaml"
    settings.write_text(yaml.safe_dump(_SITE), encoding="utf-8")
    parent = os.getpid()
    command = [sys.executable, "-c", "from firmware_sim.cli import main; main()", "site", "--dir", str(place)]
    process = subprocess.Popen(
        [*command, "--config", str(settings)], stdout=subprocess.PIPE, preexec_fn=lambda: die_with_parent(parent)
    )
    try:
        _wait_for_site(place, process)
        found = facts(place)
        deadman = found["deadman"]["device"]
        key = jws.generate_key()
        path = write_config(directory / "box", key, _parts(found), deadman)
        with Site(place) as site:
            yield Grounds(site, path, key, load(path))
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _expose(site: Site, config: BoxConfig, name: str, on: bool) -> None:
    gas = next(channel.gas for channel in config.channels if channel.name == name)
    site.set(name, APPLIED[gas] if on else CLEAN[gas])


def _wait_for_site(place: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_S
    while not (place / "site.json").exists():
        if time.monotonic() > end or process.poll() is not None:
            raise LateError(f"the simulated site did not come up (exit code {process.poll()})")
        threading.Event().wait(0.05)


def run(directory: Path, trials: int, progress: Progress, *, seed: int | None = None) -> dict[str, Any]:
    """All faults, each `trials` times, in turns; per fault n, n_ok, max_ms, median_ms, limit_ms."""
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    times: dict[Case, list[float]] = {case: [] for case in CASES}
    missed: dict[Case, int] = dict.fromkeys(CASES, 0)
    with rig(directory, random.Random(seed)) as site:
        for number in range(trials):
            for case in CASES:
                try:
                    times[case].append(site.time_to_open_ms(case))
                except LateError as error:
                    missed[case] += 1
                    print(error, file=sys.stderr)
                progress(case.name, number + 1, trials)
        limits = site.limits
    report = {case.name.replace(" ", "_"): _figures(times[case], missed[case], limits[case.bus]) for case in CASES}
    return {**report, "trials": trials, "seed": seed}


def _figures(times: list[float], missed: int, limit_ms: float) -> dict[str, float]:
    return {
        "n": len(times) + missed, "n_ok": sum(ms <= limit_ms for ms in times),
        "max_ms": round(max(times, default=float("nan")), 1), "median_ms": round(median(times), 1) if times else float("nan"),
        "limit_ms": round(limit_ms, 1),
    }  # fmt: skip
