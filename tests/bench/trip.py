"""`trip`: from the reply that carries the alarm to the relay command, beside a bare pymodbus loop of the same run.

Interlock and bare loop take turns in blocks on the same detectors; the one whose turn it is not is stopped. Every
trial of the interlock is a whole cycle: released, crossing of a random detector at a random phase of the poll,
trip, clean air, gas test, reset at the box, arm, released again.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from contracts import jws
from edge.config import load
from edge.gas.budget import bus_budget
from tests.bench.box import Box, write_config
from tests.bench.device import ALARM, INPUT_UNIT
from tests.bench.device import Event as Stamps
from tests.bench.figures import Cost, cost, median, p99
from tests.bench.plant import LateError, Plant

UNITS = 8
POLL_MS = 10
COST_POLL_MS = 100
LIMIT = 100
"""Counts above which the bare loop opens: 10 %LEL, below the interlock's own limit, as it has only one."""
TRIALS = 2000
_BLOCKS = 20
_COST_S = 16.0
_SETTLED_US = 15_000
_PATIENCE_S = 3.0
_RECOVERY_S = 20.0
_NS = 1e6

Progress = Callable[[str, int, int], None]


class Trial(NamedTuple):
    """One trip in milliseconds."""

    decision: float
    trip: float
    line: float


class Result(NamedTuple):
    """Trials of one side; `spurious` counts trips that nobody asked for."""

    trials: list[Trial]
    spurious: int


def parts(plant: Plant, poll_ms: int, *, voting: bool) -> dict[str, Any]:
    """Configuration for eight methane heads: each a group, or the first three voting 2oo3."""
    names = [f"ch4-{unit}" for unit in range(1, UNITS + 1)]
    together = names[:3] if voting else []
    groups = [{"name": name, "vote": "1oo1", "channels": [name]} for name in names if name not in together]
    if together:
        groups.append({"name": "three", "vote": "2oo3", "channels": together})
    return {
        "buses": [
            {"name": "gas", "kind": "tcp", "host": "127.0.0.1", "port": plant.gas_port, "poll_ms": poll_ms, "turnaround_ms": 0},
            {"name": "inputs", "kind": "tcp", "host": "127.0.0.1", "port": plant.inputs_port, "poll_ms": max(20, poll_ms // 2), "turnaround_ms": 0},
        ],
        "channels": [
            {"name": name, "bus": "gas", "unit_id": unit, "gas": "CH4", "calibration_gas": "CH4", "unit": "%LEL",
             "scale": 0.1, "range_low": -5, "range_high": 100, "sensor": "infrared"}
            for unit, name in enumerate(names, 1)
        ],
        "groups": groups,
        "inputs": {"bus": "inputs", "unit_id": INPUT_UNIT},
    }  # fmt: skip


class Bench:
    """Devices, a directory, a source of chance and where to tell how far it is."""

    def __init__(self, plant: Plant, directory: Path, chance: random.Random, progress: Progress) -> None:
        self.plant, self._directory, self.chance, self.progress = plant, directory, chance, progress
        self._key = jws.generate_key()
        self._boxes = 0
        self.rearmed = 0
        """Attempts to arm that did not become a release."""

    @contextmanager
    def box(
        self, poll_ms: int, *, voting: bool = False, data: Path | None = None, command: Sequence[str] = (sys.executable,),
    ) -> Iterator[tuple[Box, Path]]:  # fmt: skip
        """A fresh interlock on these devices, released; and its configuration.

        `data` is where it keeps its log instead of beside its configuration; `command` runs Python for it.
        """
        self._boxes += 1
        directory = self._directory / f"box-{self._boxes}"
        settings = parts(self.plant, poll_ms, voting=voting) | ({} if data is None else {"data": str(data)})
        config = write_config(directory, self._key, settings, self.plant.deadman)
        with Box(config, self._key, log=directory / "interlock.log", command=command) as box:
            box.bump_test({"CH4": ALARM / 10}, self._expose, _RECOVERY_S)
            box.release(self.press, _RECOVERY_S)
            yield box, config

    @contextmanager
    def bare(self, poll_ms: int) -> Iterator[subprocess.Popen[bytes]]:
        """The bare loop on these devices."""
        arguments = [str(value) for value in (self.plant.gas_port, UNITS, poll_ms, LIMIT, os.getpid())]
        command = [sys.executable, "-m", "tests.bench.bare", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process
        finally:
            process.terminate()
            process.wait()

    def _expose(self, channel: str, on: bool) -> None:
        """Give a head 25 %LEL of methane, or clean air again."""
        self.plant.order("expose", (int(channel.rpartition("-")[2]),), on=on)

    def press(self, button: str) -> None:
        """Press a button until the interlock has read it."""
        self.plant.order("press", button=button)

    def _after_us(self) -> int:
        """When to cross: at a random phase of the poll, a moment after everything has settled."""
        return self.chance.randrange(_SETTLED_US, _SETTLED_US + 2 * POLL_MS * 1000)

    def trip_box(self, box: Box, units: tuple[int, ...]) -> Trial:
        """One whole cycle."""
        plant = self.plant
        plant.forget()
        plant.order("cross", (self.chance.choice(units),), relay="deadman", after_us=self._after_us())
        stamps = plant.wait("tripped", _PATIENCE_S)
        plant.order("clear")
        plant.wait("clean", _PATIENCE_S)
        cause = box.first_out(_PATIENCE_S)
        self.release(box)
        if cause != "gas_high":
            raise LateError(f"tripped by {cause or 'nothing'}, not by gas")
        return trial(stamps)

    def release(self, box: Box) -> None:
        """Gas test, reset, arm, until the contact is closed; again when an attempt was abandoned for a slow disk."""
        end = time.monotonic() + _RECOVERY_S
        while time.monotonic() < end:
            box.make_ready(self.press, _RECOVERY_S)
            self.press("arm")
            with suppress(LateError):
                self.plant.wait("closed", 0.7)
                return
            self.rearmed += 1
        raise LateError(f"not released within {_RECOVERY_S:g} s: {box.why_not()}")

    def trip_bare(self) -> Trial:
        """Energise, cross, open, clean."""
        plant = self.plant
        plant.order("energise")
        plant.order("cross", (self.chance.randint(1, UNITS),), relay="coil", after_us=self._after_us())
        stamps = plant.wait("tripped", _PATIENCE_S)
        plant.order("clear")
        plant.wait("clean", _PATIENCE_S)
        return trial(stamps)

    def box_block(self, box: Box, units: tuple[int, ...], count: int, result: list[Trial], *, told: str, of: int) -> int:
        """Run trials; gives how many were spoilt by a trip that nobody asked for."""
        spurious = 0
        for _ in range(count):
            try:
                result.append(self.trip_box(box, units))
            except LateError as error:
                spurious += 1
                print(f"spoilt trial: {error}", file=sys.stderr)
                self.recover(box)
            self.progress(told, len(result) + spurious, of)
        return spurious

    def recover(self, box: Box) -> None:
        """Clean air everywhere, then released again."""
        self.plant.order("clear")
        box.wait("TRIPPED", seconds=0.5)
        box.release(self.press, _RECOVERY_S)


def trial(stamps: Stamps) -> Trial:
    """Differences in milliseconds."""
    if not 0 < stamps.cross <= stamps.reply <= stamps.command <= stamps.open:
        raise LateError(f"a trip that the crossing did not cause: {stamps}")
    return Trial((stamps.command - stamps.reply) / _NS, (stamps.open - stamps.cross) / _NS, stamps.line / _NS)


def compare(bench: Bench, trials: int) -> tuple[Result, Result]:
    """Interlock and bare loop in turns."""
    ours: list[Trial] = []
    theirs: list[Trial] = []
    spurious = 0
    blocks = max(1, min(_BLOCKS, trials // 10))
    with bench.box(POLL_MS) as (box, _), bench.bare(POLL_MS) as bare:
        for block in range(blocks):
            count = trials * (block + 1) // blocks - trials * block // blocks
            bare.send_signal(signal.SIGUSR1)
            spurious += bench.box_block(box, tuple(range(1, UNITS + 1)), count, ours, told="interlock", of=trials)
            box.pause()
            bare.send_signal(signal.SIGUSR2)
            for _ in range(count):
                theirs.append(bench.trip_bare())
                bench.progress("bare loop", len(theirs), trials)
            bare.send_signal(signal.SIGUSR1)
            box.go_on()
            bench.recover(box)
    return Result(ours, spurious), Result(theirs, 0)


def isolate(bench: Bench, trials: int) -> tuple[Result, Result, float]:
    """Healthy, and one head of a 2oo3 group dead, in turns; the heads outside the group cross. And one time-out."""
    healthy: list[Trial] = []
    dead: list[Trial] = []
    spurious = [0, 0]
    blocks = max(1, min(_BLOCKS // 2, trials // 10))
    others = tuple(range(4, UNITS + 1))
    with bench.box(POLL_MS, voting=True) as (box, path):
        config = load(path)
        timeout_ms = bus_budget(config, config.buses[0]).timeout_ms
        for block in range(blocks):
            count = trials * (block + 1) // blocks - trials * block // blocks
            for index, (result, told) in enumerate(((healthy, "all heads healthy"), (dead, "one head of 2oo3 dead"))):
                bench.plant.order("silence", (3,), on=result is dead)
                spurious[index] += bench.box_block(box, others, count, result, told=told, of=trials)
        bench.plant.order("silence", (3,), on=False)
    return Result(healthy, spurious[0]), Result(dead, spurious[1]), timeout_ms


def _costs(bench: Bench) -> tuple[Cost, Cost]:
    """What interlock (released) and bare loop cost at a 100 ms poll."""
    with bench.box(COST_POLL_MS) as (box, _):
        bench.progress("cost of the interlock", 0, 1)
        ours = cost(box.process.pid, _COST_S)
        bench.progress("cost of the interlock", 1, 1)
        if not box.wait("RELEASED", seconds=0):
            raise LateError(f"the box did not stay released while its cost was taken: {box.why_not()}")
    with bench.bare(COST_POLL_MS) as bare:
        bench.progress("cost of the bare loop", 0, 1)
        theirs = cost(bare.pid, _COST_S)
        bench.progress("cost of the bare loop", 1, 1)
    return ours, theirs


def run(directory: Path, trials: int, progress: Progress, *, seed: int | None = None) -> dict[str, Any]:
    """The whole bench; metrics by name."""
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    isolated = min(max(20, trials // 5), 400)
    with Plant(directory, UNITS) as plant:
        bench = Bench(plant, directory, random.Random(seed), progress)
        ours, theirs = compare(bench, trials)
        healthy, dead, timeout_ms = isolate(bench, isolated)
        our_cost, their_cost = _costs(bench)
        priority, rearmed = plant.priority, bench.rearmed
    figures = {**_figures(ours.trials, our_cost), **{f"bare_{k}": v for k, v in _figures(theirs.trials, their_cost).items()}}
    figures |= {
        "isolation_p99_ms": p99([t.trip for t in dead.trials]),
        "trip_healthy_p99_ms": p99([t.trip for t in healthy.trials]),
        "one_timeout_ms": timeout_ms,
    }
    lines = [t.line for t in ours.trials]
    figures |= {"line_median_ms": median(lines), "line_p99_ms": p99(lines)}
    return {
        **{name: round(value, 3) for name, value in figures.items()},
        "trials": len(ours.trials), "bare_trials": len(theirs.trials), "isolation_trials": len(dead.trials),
        "spurious_trips": ours.spurious + healthy.spurious + dead.spurious,
        "rearmed": rearmed, "poll_ms": POLL_MS, "detectors": UNITS, "seed": seed, "device_priority": priority,
        "cost_state": "RELEASED", "cost_poll_ms": COST_POLL_MS,
    }  # fmt: skip


def _figures(trials: list[Trial], spent: Cost) -> dict[str, float]:
    decisions, trips = [t.decision for t in trials], [t.trip for t in trials]
    return {
        "decision_median_ms": median(decisions), "decision_p99_ms": p99(decisions), "decision_max_ms": max(decisions),
        "trip_median_ms": median(trips), "trip_p99_ms": p99(trips), "trip_max_ms": max(trips),
        "cpu_pct": spent.cpu_pct, "rss_mib": spent.rss_mib,
    }  # fmt: skip
