"""``python -m tests.mutation [--only GLOB]… [--jobs N] [--json FILE]``: change the interlock's code, line by line, and see whether a test notices.

Exit codes: 0 every survivor is argued in tests/mutation/survivors; 1 the list and the run disagree; 2 bad arguments, or
the tests fail before anything was changed.
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.mutation import listed
from tests.mutation.kinds import FORBIDDEN, Kind
from tests.mutation.running import Fate, Runner
from tests.mutation.scope import NOT_NEEDED, PACKAGE, ROOT, TESTS, modules
from tests.mutation.sowing import Finder, Mutant, remembered

CACHE = ROOT / ".mutation"
"""Sown modules of earlier runs, by their text."""


def _chosen(globs: list[str], console: Console) -> list[Path]:
    """Modules that a glob fits."""
    files = [each.partition(":")[0] for each in globs] or ["*"]
    found = [path for path in modules() if any(fnmatch(path.relative_to(PACKAGE).as_posix(), each) for each in files)]
    if not found:
        console.print(f"--only: nothing below {PACKAGE} fits {' '.join(globs)}; try --only 'conditions/*' or --only kernel.py:step")
        raise SystemExit(2)
    return found


def _wanted(mutant: Mutant, globs: list[str]) -> bool:
    path = Path(mutant.module).relative_to(PACKAGE).as_posix()
    return not globs or any(
        fnmatch(path, each.partition(":")[0]) and fnmatch(mutant.function, each.partition(":")[2] or "*") for each in globs
    )


def _run(mutants: list[Mutant], tests_in: list[str], jobs: int, console: Console) -> tuple[list[Fate], int, float]:
    """Every mutant's fate, how many tests there are, and their seconds of processor time."""
    fates: list[Fate] = []
    tests: list[float] = []
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    ) as bars:
        bar = bars.add_task("tests without a mutant", total=len(mutants))

        def told(fate: Fate) -> None:
            fates.append(fate)
            survived = sum(not each.by for each in fates)
            bars.update(bar, advance=1, description=f"{Path(fate.mutant.module).name}: {survived} survived so far")
            if not fate.by and not console.is_terminal:
                print(f"survived: {fate.mutant.shown}", flush=True)
            if not console.is_terminal and len(fates) % 500 == 0:
                print(f"{len(fates):,} of {len(mutants):,}, {survived} survived so far", flush=True)

        def started(number: int, seconds: float) -> None:
            tests.extend((number, seconds))
            bars.update(bar, description=f"{number} tests pass in {seconds:.0f} s")

        runner = Runner(mutants, jobs, told, started)
        options = ["-p", "no:terminalreporter", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:logging", "--capture=no"]
        ignored = [f"--{'deselect' if '::' in path else 'ignore'}={path}" for path in NOT_NEEDED]
        # pytest would import gas_test.py and proof_test.py itself, as tests whose asserts it rewrites, and so unchanged.
        names = ["-o", "python_files=test_*.py"]
        code = pytest.main(["-q", "--tb=short", "-o", "timeout=0", *names, *options, *ignored, *tests_in], plugins=[runner])
    if runner.failed or not tests:
        console.print(*runner.failed[:5], sep="\n", markup=False)
        console.print(f"[red]the tests must pass before anything is changed[/] (pytest says {code})")
        raise SystemExit(2)
    return fates, int(tests[0]), tests[1]


def _table(fates: list[Fate], by: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in (by, "mutants", "killed", "time-outs", "survived", "argued"):
        table.add_column(column, justify="left" if column == by else "right")
    rows: dict[str, Counter[str]] = {}
    for fate in fates:
        mutant = fate.mutant
        row = rows.setdefault(mutant.kind.value if by == "kind" else mutant.module.removeprefix(f"{PACKAGE}/"), Counter())
        row["mutants"] += 1
        row["killed"] += bool(fate.by)
        row["time-outs"] += fate.by == "time-out"
        row["survived"] += not fate.by
        row["argued"] += not fate.by and any(entry.covers(mutant) for entry in _listed(mutant.module))
    order = [kind.value for kind in Kind] if by == "kind" else sorted(rows)
    for name in (name for name in order if name in rows):
        table.add_row(name, *(f"{rows[name][column]:,}" for column in ("mutants", "killed", "time-outs", "survived", "argued")))
    return table


def _listed(module: str, kept: dict[str, list[listed.Survivor]] = {}) -> list[listed.Survivor]:  # noqa: B006 - read once
    if module not in kept:
        kept[module] = listed.read(module)
    return kept[module]


def _judge(fates: list[Fate], console: Console, *, whole: bool) -> dict[str, list[str]]:
    """Print what is wrong; give it too."""
    wrong: dict[str, list[str]] = {"unlisted": [], "unargued": [], "stale": []}
    for module in sorted({fate.mutant.module for fate in fates}):
        mine = [fate for fate in fates if fate.mutant.module == module]
        survived = [fate.mutant for fate in mine if not fate.by]
        found = listed.problems(module, survived, [fate.mutant for fate in mine], whole=whole)
        untouched = {fate.mutant for fate in mine if not fate.tests}
        for mutant in found["unlisted"]:
            note = " (no test comes here)" if mutant in untouched else ""
            wrong["unlisted"].append(mutant.shown)
            console.print(f"# survived, not argued{note}: {mutant.shown}", listed.as_toml(mutant), sep="\n", markup=False, soft_wrap=True)
        for mutant in found["unargued"]:
            wrong["unargued"].append(mutant.shown)
            console.print(f"# may not survive unless it is the same program: {mutant.shown}", markup=False, soft_wrap=True)
        for entry in found["stale"]:
            wrong["stale"].append(f"{module} {entry.function} {entry.before} → {entry.after}")
            console.print(
                f"# listed, but does not survive or does not exist: {wrong['stale'][-1]}", markup=False, soft_wrap=True
            )
    return wrong


def main(argv: list[str]) -> int:
    """Sow, run, judge."""
    parser = argparse.ArgumentParser(prog="make mutation ARGS=…", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="GLOB", help="'rules/*', kernel.py, turn.py:Turn.judge")
    parser.add_argument("--tests", action="append", metavar="PATH", help="only these tests must notice: quicker while writing one")
    parser.add_argument("--again", type=Path, metavar="FILE", help="only what survived in this earlier run's --json")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args(argv)
    if asked.jobs < 1:
        parser.error("--jobs: at least 1")
    console = Console()
    os.chdir(ROOT)
    began = time.monotonic()
    chosen = _chosen(asked.only, console)
    with multiprocessing.Pool(asked.jobs) as pool:
        sown = dict(zip([path.as_posix() for path in chosen], pool.map(partial(remembered, cache=CACHE), chosen), strict=True))
    mutants = [mutant for each in sown.values() for mutant in each.mutants if _wanted(mutant, asked.only)]
    if asked.again:
        survived_before = set(json.loads(asked.again.read_text())["survivors"])
        mutants = [mutant for mutant in mutants if mutant.change in survived_before]
    if not mutants:
        console.print(f"--only: no function fits {' '.join(asked.only)}")
        return 2
    Finder(sown).install()
    fates, tests, tests_s = _run(mutants, asked.tests or list(TESTS), asked.jobs, console)
    took_s = time.monotonic() - began
    wrong = _judge(fates, console, whole=not asked.again and not any(":" in each for each in asked.only))
    console.print(_table(fates, "module"), "", _table(fates, "kind"), sep="\n")
    for fate in fates:
        if fate.by == "time-out":
            console.print(f"time-out: {fate.mutant.shown}", markup=False, soft_wrap=True)
    survived = [fate.mutant for fate in fates if not fate.by]
    bad = sum(map(len, wrong.values()))
    console.print(
        f"{'[red]✘' if bad else '[green]✔'}[/] {len(fates):,} mutants, {len(fates) - len(survived):,} killed,"
        f" {len(survived):,} survived ({sum(m.kind in FORBIDDEN for m in survived)} of a kind that must be argued equivalent),"
        f" {len(wrong['unlisted'])} not argued, {len(wrong['stale'])} stale entries; {tests} tests of {tests_s:.0f} s; {took_s:.0f} s"
    )
    if asked.json:
        asked.json.write_text(
            json.dumps(
                {
                    "mutants": len(fates),
                    "killed": len(fates) - len(survived),
                    "survived": len(survived),
                    "survivors": sorted({mutant.change for mutant in survived}),
                    "by_kind": Counter(mutant.kind.value for mutant in survived),
                    "timeouts": [fate.mutant.shown for fate in fates if fate.by == "time-out"],
                    "took_s": round(took_s),
                    **wrong,
                },
                ensure_ascii=False,
                indent=1,
            )
        )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
