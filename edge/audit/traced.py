"""The trace of a log that lies here, or of a part of it (`contracts.trace`)."""

from collections.abc import Iterator

from contracts.event import MAX_LEAF_BYTES
from contracts.runs import Interval, Trace
from contracts.trace import trace
from edge.audit.reader import Reader

_BATCH = 500


def leaves(reader: Reader) -> Iterator[bytes]:
    """Every leaf that is still here, in order."""
    for start in range(reader.first(), reader.size(), _BATCH):
        yield from reader.leaves(start, _BATCH, _BATCH * MAX_LEAF_BYTES)


def traced(reader: Reader, permit: str, first: int, last: int) -> Trace:
    """Of all runs those under a permit, or all with "", that reach into ``[first, last]``.

    The whole log is gone through in any case: what a run needs stands before it.

    Raises:
        ContractError: a leaf is no event.
        sqlite3.Error: the file cannot be read.
    """
    whole = trace(leaves(reader))

    def asked(runs: tuple[Interval, ...]) -> tuple[Interval, ...]:
        within = (run for run in runs if run.last >= first and run.first <= last)
        return tuple(run for run in within if not permit or run.permit == permit)

    return Trace(asked(whole.intervals), whole.first, asked(whole.unjudged))
