"""A hundred trips while the disk below the log hangs, in turns with a hundred while it writes: no later (BOX-01, ANT-10).

Of a hundred trips the p99 is the last but one: on a machine that shares its cores it moves by milliseconds from run to
run with the disk well. A trip that waited for the disk would come most of a second late.
"""

from pathlib import Path
from typing import Any

from tests.bench import disk, report, stall
from tests.bench.plant import LateError
from tests.soak.outcome import MissingMeansError, Outcome, Told, missed

TRIPS = 100
"""On each side."""
MARGIN_MS = 5.0
"""Half a poll of this box: p99 with the disk hanging may be so much above p99 with the disk well."""


def run(folder: Path, seed: int, told: Told, *, trips: int = TRIPS) -> Outcome:
    """The bench `stall`, held to its targets, with that margin.

    Raises:
        MissingMeansError: there can be no disk that stalls here.
    """
    why = disk.why_not()
    if why:
        raise MissingMeansError(why)
    try:
        figures = stall.run(folder, trips, told, seed=seed)
    except LateError as error:
        return Outcome({}, [str(error)])
    return Outcome(figures, problems(figures, trips))


def problems(figures: dict[str, Any], trips: int) -> list[str]:
    """Targets that are missed; too few trips; a cause or a record that is not the one."""
    found = missed(report.stall_rows(figures, MARGIN_MS))
    for side in ("trials", "trials_writing"):
        found += [f"{side}: expected at least {trips}, got {figures[side]}"] if figures[side] < trips else []
    first_out, last, recorded = (figures[name] for name in ("late_first_out", "recorded_last", "recorded_trips"))
    if not first_out.startswith("audit_"):
        found.append(f"stalled for good: expected the log as first cause, got {first_out or 'none'}")
    if last != first_out or recorded < 2 * trips:
        found.append(f"expected more than {2 * trips} trips in the log, the last by {first_out}; got {recorded}, the last by {last}")
    return found
