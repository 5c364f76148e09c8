"""``python -m tests.fuzz [--inputs N] [--seed N] [--only WORDS] [--json FILE]``: fuzz every parser of the outside.

A million inputs and more in total, by default. Exit code 1: a parser crashed or accepted garbage; the seed that is printed
gives the same inputs again.
"""

import argparse
import random
import sys
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.fuzz.run import TARGETS, Report, fuzz

TOTAL = sum(target.inputs for target in TARGETS)


def main(argv: list[str]) -> int:
    """Run; gives the exit code."""
    parser = argparse.ArgumentParser(prog="make fuzz ARGS=…", description=__doc__)
    parser.add_argument("--inputs", type=int, default=TOTAL, metavar="N", help=f"in total, shared out (default {TOTAL:,})")
    parser.add_argument("--seed", type=int, help="the same inputs again")
    parser.add_argument("--only", metavar="WORDS", help="parsers whose name contains this")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the outcome there, too")
    asked = parser.parse_args(argv)
    seed = random.SystemRandom().randrange(2**32) if asked.seed is None else asked.seed
    chosen = [target for target in TARGETS if asked.only is None or asked.only.lower() in target.name.lower()]
    if not chosen:
        parser.error(f"--only {asked.only}: there are {', '.join(target.name for target in TARGETS)}")
    console = Console()
    console.print(f"seed {seed}")
    reports: list[Report] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        for target in chosen:
            inputs = max(1, round(target.inputs * asked.inputs / TOTAL))
            task = bar.add_task(target.name, total=inputs)
            reports.append(fuzz(target, inputs, seed, lambda done, task=task: bar.update(task, completed=done)))
    table = Table(title=f"{sum(report.inputs for report in reports):,} inputs, seed {seed}")
    for head in ("parser", "inputs", "accepted", "wrongly", "crashes", "s", ""):
        table.add_column(head, justify="left" if head in ("parser", "") else "right")
    for report in reports:
        verdict = "[green]✔[/]" if report.ok else "[red]✘[/]"
        numbers = (report.inputs, report.accepted, report.wrong, report.crashes)
        table.add_row(report.name, *(f"{number:,}" for number in numbers), f"{report.seconds:.1f}", verdict)
    console.print(table)
    for report in reports:
        for problem in report.problems:
            console.print(f"{report.name}: {problem}", style="red", markup=False)
    if asked.json is not None:
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode({"seed": seed, "targets": reports}), indent=2) + b"\n")
    return 0 if all(report.ok for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
