"""What the log does a second and what it costs, at full size: a target of `make bench ARGS="audit"` that is missed fails."""

from pathlib import Path

from tests.bench import audit, disk, report
from tests.bench.plant import LateError
from tests.soak.outcome import MissingMeansError, Outcome, Told, missed


def run(folder: Path, _: int, told: Told, *, leaves: int = audit.TRIALS) -> Outcome:
    """The bench, held to its targets. They are for a machine that does nothing else.

    Raises:
        MissingMeansError: what reaches a block device cannot be counted here.
    """
    why = disk.why_not()
    if why:
        raise MissingMeansError(why)
    try:
        figures = audit.run(folder, leaves, told)
    except LateError as error:
        return Outcome({}, [str(error)])
    return Outcome(figures, missed(report.audit_rows(figures)))
