"""``python -m tests.prove [--transitions N] [--seed S] [--json FILE]``: search the kernel's states for a broken promise.

Exit codes: 0 nothing broken, 1 a promise was broken (printed with its path), 2 bad arguments.
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from edge.interlock.state import Mode
from tests.prove.explore import Found, ViolationError, explore
from tests.prove.invariants import INVARIANTS

TRANSITIONS = 1_200_000


def _search(transitions: int, seed: int, told: "multiprocessing.Queue[object]") -> None:
    try:
        found = Found()
        for number, found in enumerate(explore(transitions, seed)):
            if number % 20 == 0:
                told.put((seed, found.transitions))
        told.put(found)
    except ViolationError as broken:
        told.put(f"seed {seed}: {broken}")


def _show(console: Console, found: Found, took_s: float) -> None:
    modes = Table(title="evaluations from (row) to (column)", box=None, pad_edge=False)
    modes.add_column("")
    for mode in Mode:
        modes.add_column(mode.value, justify="right")
    for before in Mode:
        modes.add_row(before.value, *(f"{found.changes[before, after]:,}" if found.changes[before, after] else "·" for after in Mode))
    console.print(modes)
    console.print("failed while released:", ", ".join(f"{k} {v:,}" for k, v in found.failed_while_released.most_common()))
    console.print("first-outs:", ", ".join(f"{k} {v:,}" for k, v in found.first_outs.most_common()))
    console.print(
        f"[green]✔[/] {found.transitions:,} evaluations, {found.shapes:,} different situations, {found.releases:,} releases,"
        f" {found.held:,} evaluations with the relay held, {len(INVARIANTS) + 1} promises, none broken, {took_s:.0f} s"
    )


def main(argv: list[str]) -> int:
    """Search on every core."""
    parser = argparse.ArgumentParser(prog="make prove ARGS=…", description=__doc__)
    parser.add_argument("--transitions", type=int, default=TRANSITIONS, metavar="N")
    parser.add_argument("--seed", type=int, default=int(time.time()), metavar="S", help="repeats a search")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args(argv)
    if asked.transitions < 1:
        parser.error("--transitions: at least 1")
    console, began = Console(width=118), time.monotonic()
    workers = len(os.sched_getaffinity(0))
    told: multiprocessing.Queue[object] = multiprocessing.Queue()
    searches = [
        multiprocessing.Process(target=_search, args=(-(-asked.transitions // workers), asked.seed + number, told))
        for number in range(workers)
    ]
    for search in searches:
        search.start()
    total, done, ended, broken = Found(), dict.fromkeys(range(workers), 0), 0, []
    columns = (TextColumn("prove, seed {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(str(asked.seed), total=asked.transitions)
        while ended < workers:
            said = told.get()
            if isinstance(said, tuple):
                done[said[0] - asked.seed] = said[1]
                bar.update(task, completed=sum(done.values()))
            else:
                ended += 1
                if isinstance(said, Found):
                    total.join(said)
                    bar.update(task, completed=total.transitions)
                else:
                    broken.append(str(said))
    for search in searches:
        search.join()
    for said in broken:
        console.print(f"✘ {said}", style="red", markup=False)
    if broken:
        return 1
    _show(console, total, time.monotonic() - began)
    if asked.json is not None:
        figures = {
            "transitions": total.transitions, "situations": total.shapes, "releases": total.releases,
            "invariants": len(INVARIANTS) + 1, "took_s": round(time.monotonic() - began, 1), "seed": asked.seed,
        }  # fmt: skip
        asked.json.write_text(json.dumps({"prove": figures}, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
