"""``make bench-face FACES=DIR [ATTACKS=DIR] [ARGS="--json FILE --page FILE …"]``: what face verification is worth on your pictures.

FACES holds a folder per person (ORL: s1/1.pgm; JPEG, PNG and the like, too); ATTACKS a folder per attack species, and living
people in one called bonafide. Figures are reported, not asserted: the exit code is 0 whatever they are, 2 when a folder or an
engine cannot be used.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

# One thread, as on the box: times and memory would be another machine's.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from contracts.errors import ContractError
from edge import config
from faces.loading import EngineSettings, load
from tests.bench import machine
from tests.bench.drawn import presentation
from tests.bench.face import attacks, folder, identify, page, photographs, rule, tables
from tests.bench.face.look import Eye

PAGE = Path("bench-face.html")
WIDTH = 132
LIVING = 20


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-face", description=__doc__)
    parser.add_argument("--faces", type=Path, metavar="DIR", help="a folder per person")
    parser.add_argument("--attacks", type=Path, metavar="DIR", help="a folder per species of attack")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--page", type=Path, default=PAGE, metavar="FILE", help=f"where the page with plots goes (default {PAGE})")
    parser.add_argument("--rules", default=rule.PACK, metavar="NAME", help=f"rule pack of the limits: configs/rules/NAME.yaml (default {rule.PACK})")
    parser.add_argument("-c", "--config", type=Path, metavar="FILE", help="box configuration whose engine is taken (default: dlib)")
    parser.add_argument("--permits", type=int, default=identify.TRIALS, metavar="N", help="permits drawn for identification")
    parser.add_argument("--draws", type=int, default=attacks.DRAWS, metavar="N", help="challenges drawn for each attack presentation")
    parser.add_argument(
        "--living", type=int, default=LIVING, metavar="N",
        help=f"drawn people who obey, for BPCER where ATTACKS has no films of living ones (default {LIVING})",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, help="of every draw")
    asked = parser.parse_args(argv)
    if asked.faces is None and asked.attacks is None:
        parser.error("expected FACES=DIR, ATTACKS=DIR or both, came neither; name a folder")
    return asked


def main(argv: list[str]) -> int:
    """Run; gives the exit code."""
    asked, console, busy = _arguments(argv), Console(width=WIDTH), machine.Load()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    found: dict[str, Any] = {}
    try:
        settings = config.load(asked.config).vision.engine if asked.config else EngineSettings()
        own, engine = rule.of_pack(asked.rules), load(settings)
        with Progress(*columns, console=console, transient=True) as bar:
            tasks: dict[str, Any] = {}

            def told(what: str, done: int, of: int) -> None:
                if what not in tasks:
                    tasks[what] = bar.add_task(what, total=of)
                bar.update(tasks[what], completed=done)

            looked = None
            if asked.faces is not None:
                eye = Eye(engine, own.policy)
                looked = photographs.look(asked.faces, eye, told)
                found["faces"] = photographs.figures(asked.faces, looked, eye, own, seed=asked.seed, trials=asked.permits)
            if asked.attacks is not None:
                living = [one for person in looked.seen.values() for one in person] if looked else []
                found["attacks"] = attacks.run(
                    asked.attacks, looked.vectors if looked else {}, living, Eye(engine, own.policy), own, told,
                    seed=asked.seed, draws=asked.draws,
                )  # fmt: skip
                if asked.living and found["attacks"]["ways"]["challenge"]["bpcer"] is None:
                    found["attacks"]["drawn_living"] = presentation.living(engine, asked.rules, asked.living, asked.seed, told)
    except (folder.FolderError, ContractError, OSError) as error:
        console.print(str(error), style="red", highlight=False)
        return 2
    found = {"machine": {**machine.facts(), **busy.figures()}, **found}
    if "faces" in found:
        tables.show_faces(console, found["faces"])
    if "attacks" in found:
        tables.show_attacks(console, found["attacks"])
    asked.page.write_text(page.page(found), encoding="utf-8")
    console.print(f"{asked.page} written: the same with plots.", highlight=False)
    if asked.json is not None:
        asked.json.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
