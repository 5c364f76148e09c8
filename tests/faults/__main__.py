"""``python -m tests.faults [--runs N] [--only WORDS] [--json FILE] [--resume FILE [--again WORDS]] [--page FILE]``: the fault matrix.

Every fault × {RELEASED, LOCKED} against the real box; the page is written when every row was run. With --json each row is
kept as it comes, and --resume goes on with such a file, of the same commit: an unsafe row is run again, and keeps what was
unsafe before. After a change that reaches few rows, --again runs those (and the unsafe ones) beside the results of another
commit, and the page says what each row was run with. Exit code 1: a row is unsafe; 2: it could not be run.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from contracts.struct_types import build_struct_types
from firmware_sim.errors import SimulationError
from tests.bench import machine
from tests.faults import matrix
from tests.faults.page import page
from tests.faults.rows import ROWS
from tests.faults.source import checked_out

PAGE = Path(__file__).parents[2] / "docs" / "fault-matrix.md"
RUNS = 20


class _Kept(msgspec.Struct):
    """What a file of results holds; `source` is the commit that made them."""

    seed: int
    results: list[matrix.Result]
    source: str = ""


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults ARGS=…", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N", help=f"runs of each row and state (default {RUNS})")
    parser.add_argument("--only", metavar="WORDS", help="rows whose name contains this; no page is written")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep every finished row there")
    parser.add_argument("--resume", type=Path, metavar="FILE", help="go on with such a file; also keeps rows there")
    parser.add_argument("--again", metavar="WORDS", help="with --resume: the rows whose name contains this, with what is checked out now")
    parser.add_argument("--page", type=Path, default=PAGE, metavar="FILE", help="where the page goes")
    parser.add_argument("--seed", type=int, help="of the phases at which faults begin")
    asked = parser.parse_args(argv)
    if asked.runs < 1:
        parser.error("--runs: at least 1")
    if asked.again is not None and asked.resume is None:
        parser.error("--again: goes on with the results of a file; name it with --resume")
    return asked


def _again(asked: argparse.Namespace, result: matrix.Result) -> bool:
    return asked.again is not None and asked.again in f"{result.device} {result.fault}"


def _machine() -> str:
    facts = machine.facts()
    return "Machine: " + ", ".join(f"{name} {value}" for name, value in facts.items() if not isinstance(value, (dict, list)))


def main(argv: list[str]) -> int:
    """Run; gives the exit code."""
    asked, console = _arguments(argv), Console()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    seed = random.SystemRandom().randrange(2**32) if asked.seed is None else asked.seed
    rows = [row for row in ROWS if asked.only is None or asked.only in row.name]
    if os.geteuid() != 0:
        console.print("not root: the rows of `host` (clock, disk) are left out and no page is written", style="yellow")
        rows = [row for row in rows if row.lane != "host"]
    whole = len(rows) == len(ROWS)
    todo, source = matrix.works(rows), checked_out()
    kept_in = asked.resume or asked.json
    done: dict[tuple[str, str, str], matrix.Result] = {}
    earlier: dict[tuple[str, str, str], list[str]] = {}
    if asked.resume and asked.resume.exists():
        kept = msgspec.json.decode(asked.resume.read_bytes(), type=_Kept)
        if not source.known or (kept.source != source.text and asked.again is None):
            console.print(
                f"{asked.resume}: expected results of {source.text}, came those of {kept.source or 'an unknown commit'}; "
                "check that commit out, begin anew with --json, or say with --again which rows the change reaches",
                style="red", highlight=False,
            )  # fmt: skip
            return 2
        for result in kept.results:
            result.source = result.source or kept.source
        done = {result.key: result for result in kept.results if result.runs >= asked.runs and result.safe and not _again(asked, result)}
        earlier = {result.key: [*result.before, *result.problems] for result in kept.results if not result.safe}
    left = [work for work in todo if work.empty().key not in done]
    console.print(
        f"{len(todo)} rows, {len(left)} to run, {asked.runs} runs each, seed {seed}; "
        f"about {matrix.estimate_s(left, asked.runs) / 60:.0f} min on an idle machine"
    )
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with tempfile.TemporaryDirectory(prefix="hotbox-faults-") as folder, Progress(*columns, console=console) as bar:
        task = bar.add_task("faults", total=len(todo), completed=len(done))

        def told(result: matrix.Result) -> None:
            result.before, result.source = earlier.get(result.key, []), source.text
            done[result.key] = result
            bar.advance(task)
            worst = "" if result.worst_ms is None else f"{result.worst_ms:.0f} of {result.limit_ms or 0:.0f} ms"
            mark = "[green]✔[/]" if result.safe else "[bold red]✘[/]"
            problem = "" if result.safe else f" [red]{(result.problems or ['not run'])[0]}[/]"
            bar.console.print(f"{mark} {result.state:8} {result.device} {result.fault}  {worst} {result.named}{problem}", highlight=False)
            if kept_in is not None:
                kept_in.write_bytes(msgspec.json.encode(_Kept(seed, list(done.values()), source.text)))

        build_struct_types()  # each lane is a thread
        try:
            matrix.run(left, asked.runs, Path(folder), told, seed=seed)
        except SimulationError as error:
            console.print(f"{error}", style="red")
            return 2
    results = [done[work.empty().key] for work in todo]
    unsafe = [result for result in results if not result.safe]
    if whole:
        asked.page.write_text(page(results, _machine()), encoding="utf-8")
        console.print(f"{asked.page} written")
    console.print(f"{len(unsafe)} unsafe of {len(results)} rows", style="red" if unsafe else "green")
    return 1 if unsafe else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
