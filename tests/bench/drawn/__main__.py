"""``make faces [ARGS="--probes N --trials N --only SPECIES --json FILE --resume"]``: the drawn cast, recognised and attacked.

Everything is synthetic. The page docs/faces.md is written when all species were run. With --json every finished trial is kept,
and --resume goes on with such a file. Exit code 1: a target is missed; 2: it could not be run.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from edge.interlock import rules
from edge.vision.policy import policy_of
from faces.loading import load
from firmware_sim.attacks import Species
from tests.bench import machine
from tests.bench.drawn import page, presentation, recognition
from tests.bench.drawn.presentation import Box, Outcome
from tests.bench.drawn.shown import Remembering
from tests.bench.face.rule import PACK
from tests.faults.source import checked_out

PAGE = Path(__file__).parents[3] / "docs" / "faces.md"
LIVING = 200
UNSTOPPED = 50
"""Trials of what a challenge does not stop: the number is known before."""
MOST_REJECTS = MOST_ACCEPTED = 0.02
MOST_MEDIAN_S = 15.0
"""A person who obeys passes within this time, half of the first tries at least."""


class _Kept(msgspec.Struct):
    """What a file of results holds; `source` is the commit that made them."""

    source: str
    recognition: dict[str, Any] | None = None
    apart: float = 0.0
    outcomes: dict[str, list[Outcome]] = msgspec.field(default_factory=dict)


def trials_of(species: Species, trials: int) -> int:
    """How many of a species are run."""
    if species is Species.GENUINE:
        return min(LIVING, trials)
    return trials if species in presentation.STOPPED else min(UNSTOPPED, trials)


def main(argv: list[str]) -> int:
    """Run; gives the exit code."""
    asked, console = _arguments(argv), Console(width=120)
    source = checked_out()
    kept = _Kept(source.text)
    if asked.resume and asked.json and asked.json.exists():
        kept = msgspec.json.decode(asked.json.read_bytes(), type=_Kept)
    pack, engine = rules.load(PACK), load()
    policy = policy_of(pack)
    templates = recognition.templates(engine, policy)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())

    def keep() -> None:
        if asked.json:
            asked.json.write_bytes(msgspec.json.encode(kept))

    with Progress(*columns, console=console) as bar:
        tasks: dict[str, Any] = {}

        def told(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=of)
            bar.update(tasks[what], completed=done)

        if kept.recognition is None and not asked.only:
            answers = recognition.ask(engine, templates, recognition.probes(asked.probes, asked.seed), told)
            kept.recognition = recognition.figures(answers, templates, policy)
            kept.apart = recognition.nearest_templates(templates)
            keep()
        box = Box(Remembering(engine), templates, pack)
        for species in Species:
            if asked.only and species.value not in asked.only:
                continue
            own, of = kept.outcomes.setdefault(species.value, []), trials_of(species, asked.trials)
            for seed in range(len(own), of):
                own.append(presentation.run(box, species, asked.seed * 100_000 + seed))
                told(species.value, len(own), of)
                if len(own) % 10 == 0:
                    keep()
            keep()
    outcomes = {Species(name): own for name, own in kept.outcomes.items() if own}
    found = {"recognition": kept.recognition, "apart": kept.apart, "challenge": presentation.figures(outcomes, pack, PACK)}
    missed = show(console, found)
    if kept.recognition is not None and len(outcomes) == len(Species):
        facts = machine.facts()
        about = "Machine: " + ", ".join(f"{name} {value}" for name, value in facts.items())
        asked.page.write_text(page.page(found, about, kept.source), encoding="utf-8")
        console.print(f"{asked.page} written")
    return 1 if missed else 0


def show(console: Console, found: dict[str, Any]) -> list[str]:
    """Say it in lines; gives the targets that are missed."""
    missed = []
    console.print("SYNTHETIC: everybody is drawn. It proves the plumbing, never accuracy.", style="bold yellow")
    seen = found["recognition"]
    if seen is not None:
        console.print(
            f"false accepts {seen['false_accepts']} of {seen['impostor_trials']}, nearest {seen['nearest_impostor']:.3f};"
            f" of a permit's two {seen['permit_false_accepts']} of {seen['permit_trials']};"
            f" false rejects {seen['false_rejects']} of {seen['probes']} ({seen['without_face']} without a face);"
            f" templates at least {found['apart']:.3f} apart", highlight=False,
        )  # fmt: skip
        if seen["false_accepts"] or seen["permit_false_accepts"]:
            missed.append("false accepts")
        if seen["false_reject_rate"] > MOST_REJECTS:
            missed.append("false rejects")
    for name, row in found["challenge"]["species"].items():
        console.print(f"{name:10} accepted {row['accepted']} of {row['trials']}  {row['ends']}", highlight=False)
        if row["meant_to_stop"] and row["rate"] > MOST_ACCEPTED:
            missed.append(name)
    for name, row in found["challenge"]["genuine"].items():
        console.print(
            f"{name:10} refused {row['refused']} of {row['trials']}, first try {row['passed_first']},"
            f" median {row['passed_median_s']} s, longest {row['passed_longest_s']} s  {row['ends']}", highlight=False,
        )  # fmt: skip
        if row["passed_median_s"] is None or row["passed_median_s"] > MOST_MEDIAN_S:
            missed.append(f"{name}: median time")
    if missed:
        console.print(f"missed: {', '.join(missed)}", style="red")
    return missed


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faces ARGS=…", description=__doc__)
    parser.add_argument("--probes", type=int, default=recognition.PROBES, metavar="N", help="pictures of the cast to recognise")
    parser.add_argument("--trials", type=int, default=presentation.TRIALS, metavar="N", help="trials of each attack species")
    parser.add_argument("--only", action="append", choices=[species.value for species in Species], help="these species alone; no page is written")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep every result there")
    parser.add_argument("--resume", action="store_true", help="go on with the file of --json")
    parser.add_argument("--page", type=Path, default=PAGE, metavar="FILE", help="where the page goes")
    parser.add_argument("--seed", type=int, default=1, help="of every draw")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
