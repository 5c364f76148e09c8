"""A box's log in a process of its own, which writes one event at a time and waits for each to be durable.

    python -m tests.bench.audit_writer FOLDER COUNT

Says ``ready``, writes when it is given a line, says ``done``, and goes away when its standard input ends.
"""

import queue
import sys
import time
from pathlib import Path

from tests.bench import events
from tests.edge.audit.site import Station

_PATIENCE_S = 60.0


def main() -> None:
    """Open, write, close."""
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    log = Station(folder).open()
    durable: queue.SimpleQueue[int] = queue.SimpleQueue()
    print("ready", flush=True)
    if sys.stdin.readline():
        for draft in events.day(count, time.time_ns() // 1_000_000):
            log.append(draft, durable.put)
            durable.get(timeout=_PATIENCE_S)
        print("done", flush=True)
    sys.stdin.read()
    log.close()


if __name__ == "__main__":
    main()
