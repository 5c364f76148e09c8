"""A writer in a process of its own, to be killed or starved of disk: prints every seq that was acknowledged.

``python -m tests.edge.audit.writer DATABASE BYTES [careless]``: no file grows beyond BYTES, 0 for no limit; a careless
one says synchronous=NORMAL where the log says FULL.
"""

import os
import resource
import signal
import sqlite3
import sys
from functools import partial
from pathlib import Path
from typing import Any

from edge.audit import AuditLog, recovery
from edge.audit.keys import load_or_create
from edge.audit.schema import open_writer
from tests.edge.audit.site import BOX, DOMAIN, draft


class _Careless(sqlite3.Connection):
    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        return super().execute(sql.replace("synchronous=FULL", "synchronous=NORMAL"), *values)


def _careless(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=_Careless)


def main() -> None:
    path, limit, *how = Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
    if "careless" in how:
        recovery.open_writer = partial(open_writer, connect=_careless)
    log = AuditLog.open(path, box=BOX, domain=DOMAIN, key=load_or_create(path.parent / "log.pem"))
    if limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    number = 0
    while log.health().writable:
        if log.health().queue < 64:
            log.append(draft({"n": number, "text": "x" * 300}), lambda seq: os.write(1, b"%d\n" % seq) and None)
            number += 1
    for _ in range(100):
        log.append(draft({"after": "the error"}), lambda seq: os.write(1, b"%d\n" % seq) and None)
    health = log.health()
    os.write(2, f"{health.writable} {health.overflowed} {health.error} {log.close()}\n".encode())


if __name__ == "__main__":
    main()
