"""200 power cuts of a real file system under a real writer, every second one with readers; the controls must fail."""

from functools import partial
from pathlib import Path
from random import Random

from tests.edge.audit.crash.living import CUTS_A_LIFE, Life, missing_means, until_lost
from tests.soak.outcome import MissingMeansError, Outcome, Told

CUTS = 200
CONTROL_CUTS = 60
"""At most: a control has shown what it is for once it loses something."""
CONTROLS = {
    "synchronous=NORMAL": {"careless": True, "readers": True},
    "a disk that does not sync the WAL": {"liar": "-wal"},
}


def run(folder: Path, seed: int, told: Told) -> Outcome:
    """Lives of ten cuts each."""
    lacking = missing_means()
    if lacking:
        raise MissingMeansError(lacking)
    chance = Random(seed)
    acknowledged, lost, corrupt = 0, 0, 0
    problems: list[str] = []
    for number in range(CUTS):
        if not number % CUTS_A_LIFE:
            life = Life(folder / f"life-{number}", chance, readers=bool(number // CUTS_A_LIFE % 2))
        before = life.acknowledged
        verdict = life.cut()
        acknowledged += life.acknowledged - before
        lost += verdict.lost
        corrupt += bool(verdict.corrupt)
        if verdict.bad:
            problems.append(f"seed {seed}, cut {number}: {verdict.lost} lost, {verdict.corrupt}")
        told("cuts", number + 1, CUTS)
    figures = {"cuts": CUTS, "acknowledged_events": acknowledged, "lost": lost, "corrupt": corrupt}
    for name, how in CONTROLS.items():
        count = partial(told, name, of=CONTROL_CUTS)
        cuts, lost = until_lost(folder / name.replace(" ", "-"), chance, CONTROL_CUTS, **how, told=count)
        figures[f"control: {name}"] = f"lost {lost} events at cut {cuts}" if lost else f"lost nothing at {cuts} cuts"
        if not lost:
            problems.append(f"control {name}: nothing was lost at {cuts} cuts, so they prove nothing")
    return Outcome(figures, problems)
