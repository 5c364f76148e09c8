"""`stall`: trips while the disk below the log hangs, in turns with trips of the same box while it writes.

The box's data lie on a disk that the kernel freezes (`tests.bench.disk`): whoever writes to it or syncs hangs, log, state
file and ring alike. Each stalled trial gives the log something to write, waits until the box itself says that its log is
late (1 s), and then lets gas cross the limit; the disk goes on 2 s after it stopped. Both sides of the comparison wait the
same. At the end the disk hangs for longer than a release may outlive: then the box must open for its log, and say so.
"""

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from edge.config import load
from edge.interlock import rules
from tests.bench.box import Box
from tests.bench.disk import LoopDisk, why_not
from tests.bench.figures import median, p99
from tests.bench.plant import LateError, Plant
from tests.bench.trip import POLL_MS, UNITS, Bench, Progress, Trial, trial

TRIALS = 60
STALL_S = 2.0
_LATE_S = 1.1
"""The box calls its log late after 1 s, and refuses to arm."""
_SLACK_MS = 500.0
_PATIENCE_S = 3.0
_OPENED_S = 15.0
_RECOVERY_S = 30.0
_LOOK_S = 0.02


class Late(NamedTuple):
    """A release that ended because the log was late: after how many ms, its limit, what the box named."""

    took_ms: float
    limit_ms: float
    first_out: str


class Rig:
    """A box whose data lie on a disk that can stall."""

    def __init__(self, bench: Bench, box: Box, config: Path, disk: LoopDisk) -> None:
        self.bench, self.box, self._config, self._disk = bench, box, config, disk

    def trip(self, *, stalled: bool) -> Trial:
        """One whole cycle, from released to released.

        Raises:
            LateError: it did not trip in time, or for another reason than gas.
        """
        plant, units = self.bench.plant, tuple(range(1, UNITS + 1))
        plant.forget()
        try:
            if stalled:
                self._disk.freeze()
            began = time.monotonic()
            self._write_something()
            if stalled:
                self._until_late()
            threading.Event().wait(max(0.0, began + _LATE_S - time.monotonic()))
            plant.order("cross", (self.bench.chance.choice(units),), relay="deadman", after_us=self.bench.chance.randrange(2000 * POLL_MS))
            stamps = plant.wait("tripped", _PATIENCE_S)
            cause = self.box.first_out(_PATIENCE_S)
            if time.monotonic() > began + STALL_S:
                raise LateError("the trip took longer than the stall")
            threading.Event().wait(max(0.0, began + STALL_S - time.monotonic()))
        finally:
            self._disk.thaw()
        plant.order("clear")
        plant.wait("clean", _PATIENCE_S)
        self.bench.release(self.box)
        if cause != "gas_high":
            raise LateError(f"tripped by {cause or 'nothing'}, not by gas")
        return trial(stamps)

    def late(self) -> Late:
        """Released, the disk hangs until the box opens.

        Raises:
            LateError: it did not open.
        """
        config = load(self._config)
        limit_ms = rules.effective(config.baseline, config.site_rules).audit_run_ms.value
        self.bench.plant.forget()
        self._disk.freeze()
        try:
            began = time.monotonic()
            self._write_something()
            self.bench.plant.wait("opened", _OPENED_S)
            took_ms = 1000 * (time.monotonic() - began)
            return Late(took_ms, limit_ms + _SLACK_MS, self.box.first_out(_PATIENCE_S))
        finally:
            self._disk.thaw()

    def _write_something(self) -> None:
        """A command that the log records; nobody waits for that here."""
        with suppress(LateError):
            self.box.test_gas()

    def _until_late(self) -> None:
        end = time.monotonic() + STALL_S
        while time.monotonic() < end:
            verdicts = self.box.ask("status")["result"]["verdicts"]
            if any(reason["code"] == "audit_late" for verdict in verdicts for reason in verdict["reasons"]):
                return
            threading.Event().wait(_LOOK_S)
        raise LateError(f"the log was not late within {STALL_S:g} s: the disk did not stall")

    def recorded(self) -> list[str]:
        """Causes of the trips that the log holds in the end, oldest first.

        Raises:
            LateError: the log does not verify.
        """
        hotbox = [*self._disk.command, str(Path(sys.executable).parent / "hotbox"), "-c", str(self._config), "audit"]
        done = subprocess.run([*hotbox, "verify", "--json"], capture_output=True, text=True, check=False)
        if done.returncode not in (0, 4):
            raise LateError(f"hotbox audit verify: exit code {done.returncode}: {done.stdout}{done.stderr}")
        lines = subprocess.run([*hotbox, "tail", "-n", "10000", "--json"], capture_output=True, text=True, check=True).stdout
        events = [json.loads(line) for line in lines.splitlines()]
        return [event["data"]["code"] for event in events if event["type"] == "interlock.tripped" and event["data"]["released"]]


@contextmanager
def rig(directory: Path, seed: int, told: Progress) -> Iterator[Rig]:
    """Devices, a disk, and a released box on both; all of it ends with the context.

    Raises:
        LateError: there can be no such disk here.
    """
    why = why_not()
    if why:
        raise LateError(why)
    with LoopDisk(directory / "loop") as disk, Plant(directory, UNITS) as plant:
        bench = Bench(plant, directory, random.Random(seed), told)
        with bench.box(POLL_MS, data=disk.place / "data", command=(*disk.command, sys.executable)) as (box, config):
            try:
                yield Rig(bench, box, config, disk)
            finally:
                disk.thaw()


def run(directory: Path, trials: int, told: Progress, *, seed: int | None = None) -> dict[str, Any]:
    """Stalled and not stalled in turns, then the stall that ends a release."""
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    found: dict[bool, list[Trial]] = {True: [], False: []}
    spurious = 0
    with rig(directory, seed, told) as site:
        for number in range(trials):
            for stalled in (True, False):
                try:
                    found[stalled].append(site.trip(stalled=stalled))
                except LateError as error:
                    spurious += 1
                    print(f"spoilt trial: {error}", file=sys.stderr)
                    site.bench.recover(site.box)
            told("trips with a stalled disk", number + 1, trials)
        late = site.late()
        told("stalled for good", 1, 1)
        site.bench.release(site.box)
        causes = site.recorded()
        priority = site.bench.plant.priority
    return {
        **_figures("stalled", found[True]), **_figures("writing", found[False]),
        "late_trip_ms": round(late.took_ms, 1), "late_limit_ms": late.limit_ms, "late_first_out": late.first_out,
        "recorded_trips": len(causes), "recorded_last": causes[-1] if causes else "",
        "trials": len(found[True]), "trials_writing": len(found[False]), "spurious_trips": spurious,
        "stall_s": STALL_S, "poll_ms": POLL_MS, "seed": seed, "device_priority": priority,
    }  # fmt: skip


def _figures(name: str, trials: list[Trial]) -> dict[str, float]:
    decisions, trips = [one.decision for one in trials], [one.trip for one in trials]
    return {
        f"{name}_decision_median_ms": round(median(decisions), 3), f"{name}_decision_p99_ms": round(p99(decisions), 3),
        f"{name}_trip_median_ms": round(median(trips), 3), f"{name}_trip_p99_ms": round(p99(trips), 3),
    }  # fmt: skip
