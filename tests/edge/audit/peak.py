"""What verifying a log takes at its highest, measured in this process: ``python -m tests.edge.audit.peak DB NOTES VKEY``."""

import json
import sys
import tracemalloc
from pathlib import Path

from contracts.checkpoint import NoteKey
from edge.audit.held import read_held
from edge.audit.report import Report
from edge.audit.verify import verify_file


def main(db: Path, notes: Path, vkeys: list[str]) -> None:
    """Print the outcome, the checkpoints, the size and the peak in bytes."""
    trust = [NoteKey.parse(vkey) for vkey in vkeys]

    def verify() -> Report:
        return verify_file(db, trust, read_held(notes))

    verify()  # what is loaded at the first use is not what grows
    tracemalloc.start()
    report = verify()
    peak = tracemalloc.get_traced_memory()[1]
    print(json.dumps([report.status, report.checkpoints, report.size, peak]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
