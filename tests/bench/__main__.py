"""``python -m tests.bench [NAME …] [--json FILE] [--trials N]``: figures beside a baseline of the same run.

Figures are reported, not asserted: the exit code is 0 whatever they are, unless a bench could not run.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.bench import audit, faults, kernel, machine, presence, report, stall, trip, vision

Told = Callable[[str, int, int], None]


class Bench(NamedTuple):
    """A bench: what it measures, its usual number of trials, how it runs and how it is shown."""

    what: str
    trials: int
    run: Callable[[Path, int, Told], dict[str, Any]]
    show: Callable[[Console, dict[str, Any]], bool]


BENCHES: dict[str, Bench] = {
    "trip": Bench("alarm to relay command, beside a bare pymodbus loop", trip.TRIALS, trip.run, report.show_trip),
    "faults": Bench("detector faults to contact open", faults.TRIALS, faults.run, report.show_faults),
    "kernel": Bench("one evaluation with 16 channels, beside a bare loop", kernel.TRIALS, kernel.run, report.show_kernel),
    "presence": Bench(
        "3,000 adverts a second, beside a bare bleak scanner", presence.TRIALS, presence.run, report.show_presence
    ),
    "audit": Bench("the log a second, beside the raw disk", audit.TRIALS, audit.run, report.show_audit),
    "stall": Bench("trips while the log's disk hangs, beside one that writes", stall.TRIALS, stall.run, report.show_stall),
    "vision": Bench("a frame to its verdict, and trips beside a busy vision", vision.TRIALS, vision.run, report.show_vision),
}
"""A new bench is one file and one row here."""


def _run(name: str, trials: int | None, console: Console) -> dict[str, Any]:
    bench = BENCHES[name]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with tempfile.TemporaryDirectory(prefix="hotbox-bench-") as directory, Progress(*columns, console=console) as bar:
        tasks = {}

        def told(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(f"{name}: {what}", total=of)
            bar.update(tasks[what], completed=done)

        load = machine.Load()
        figures = bench.run(Path(directory), bench.trials if trials is None else trials, told)
        return {**figures, "load": load.figures()}


def main(argv: list[str]) -> int:
    """Run the benches that are named, or all."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    known = ", ".join(f"{name}: {bench.what}" for name, bench in BENCHES.items())
    parser.add_argument("names", nargs="*", metavar="NAME", help=known)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--trials", type=int, metavar="N", help="trials of each bench, instead of the usual number")
    asked = parser.parse_args(argv)
    unknown = [name for name in asked.names if name not in BENCHES]
    if unknown:
        parser.error(f"no bench called {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    if asked.trials is not None and asked.trials < 1:
        parser.error("--trials: at least 1")
    console, load = Console(width=report.WIDTH), machine.Load()
    found = {name: _run(name, asked.trials, console) for name in (asked.names or BENCHES)}
    about = {**machine.facts(), **load.figures()}
    met = [BENCHES[name].show(console, figures) for name, figures in found.items()]
    report.show_machine(console, about)
    if not all(met):
        console.print("Some targets are not met; look at the load before looking at the code.", style="yellow")
    if asked.json is not None:
        asked.json.write_text(json.dumps({"machine": about, **found}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
