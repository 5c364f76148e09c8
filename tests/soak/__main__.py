"""``python -m tests.soak [NAME …] [--seed N] [--json FILE]``: what `make test` shows small, at full size.

Exit code 1: something was lost, missed, broken or too slow; the seed that is printed gives the same run again as far as
chance decided it. 2: this machine lacks what a test needs; says what, and runs the others.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.bench import machine
from tests.soak import backlog, cuts, escalation, fsync, fuse, kills, oracles, speed, stall, tamper
from tests.soak.outcome import MissingMeansError, Outcome, Told

WIDTH = 118


class Soak(NamedTuple):
    """A soak test: what it shows, and how it runs: in an empty folder, with a seed, telling how far it is."""

    what: str
    run: Callable[[Path, int, Told], Outcome]


SOAKS: dict[str, Soak] = {
    "cuts": Soak("no acknowledged event is lost on 20,000 disks that power cuts could leave (3 min)", cuts.run),
    "fuse": Soak("nor on a real file system that is cut 200 times under a running writer (4 min)", fuse.run),
    "fsync": Soak("nor when fsync fails at 100 moments of a writer; under a box, 10 times: it trips and stays locked (10 min)", fsync.run),
    "tamper": Soak("20,000 attempts at the log, by two verifiers: none missed, none crashes one (2 min)", tamper.run),
    "oracles": Soak("20,000 proofs are pymerkle's, the bytes of 20,000 objects rfc8785's (3 min)", oracles.run),
    "speed": Soak("the log is as fast and as small as it must be, at a million events (5 min, on an idle machine)", speed.run),
    "stall": Soak("100 trips while the log's disk hangs are no later than 100 while it writes (20 min, on an idle machine)", stall.run),
    "kills": Soak("broker, ingest, link and interlock killed 100 times each, over two brokers: nothing lost or double (15 min)", kills.run),
    "escalation": Soak("2,000 permits that nobody approves, workers killed at random, on SQLite and PostgreSQL: each threshold once, 2 s late at most (10 min)", escalation.run),
    "backlog": Soak("30 days drain within 5 h at 256 kbit/s while alarms take 2 s at most; then all of it is compared (1 h)", backlog.run),
}
"""A new soak test is one file and one row here."""


def _run(name: str, seed: int, console: Console) -> Outcome:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with tempfile.TemporaryDirectory(prefix="hotbox-soak-") as folder, Progress(*columns, console=console) as bar:
        tasks = {}

        def told(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(f"{name}: {what}", total=of)
            bar.update(tasks[what], completed=done, total=of)

        began = time.monotonic()
        outcome = SOAKS[name].run(Path(folder), seed, told)
        return Outcome({**outcome.figures, "seconds": round(time.monotonic() - began, 1)}, outcome.problems)


def _show(console: Console, name: str, outcome: Outcome) -> None:
    table = Table(title=f"{name}: {SOAKS[name].what}", width=WIDTH, show_header=False)
    table.add_column("figure")
    table.add_column("value", justify="right")
    for what, value in outcome.figures.items():
        table.add_row(what.replace("_", " "), f"{value:,}" if isinstance(value, int) else str(value))
    console.print(table)
    for problem in outcome.problems:
        console.print(f"{name}: {problem}", style="red", markup=False)
    console.print(f"{name}: {'✘' if outcome.problems else '✔'}", style="red" if outcome.problems else "green")


def main(argv: list[str]) -> int:
    """Run the soak tests that are named, or all."""
    parser = argparse.ArgumentParser(prog="make soak ARGS=…", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="; ".join(f"{name}: {soak.what}" for name, soak in SOAKS.items()))
    parser.add_argument("--seed", type=int, metavar="N", help="the same chances again")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    asked = parser.parse_args(argv)
    unknown = [name for name in asked.names if name not in SOAKS]
    if unknown:
        parser.error(f"no soak test called {', '.join(unknown)}; there are {', '.join(SOAKS)}")
    seed = random.SystemRandom().randrange(2**31) if asked.seed is None else asked.seed
    # An end from outside, too, unmounts and removes what was made.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    console = Console(width=WIDTH)
    console.print(f"seed {seed}")
    found: dict[str, Outcome] = {}
    missing: dict[str, str] = {}
    for name in asked.names or SOAKS:
        try:
            found[name] = _run(name, seed, console)
        except MissingMeansError as error:
            missing[name] = str(error)
            console.print(f"{name}: not run: {error}", style="red", markup=False)
            continue
        _show(console, name, found[name])
    if asked.json is not None:
        written: dict[str, Any] = {"machine": machine.facts(), "seed": seed}
        written |= {name: {**outcome.figures, "problems": outcome.problems} for name, outcome in found.items()}
        written |= {name: {"not_run": why} for name, why in missing.items()}
        asked.json.write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if any(outcome.problems for outcome in found.values()):
        return 1
    return 2 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
