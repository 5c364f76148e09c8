"""A writer in a process of its own, to be killed or starved of disk: prints every seq that was acknowledged."""

import os
import resource
import signal
import sys
from pathlib import Path

from edge.audit import AuditLog
from edge.audit.keys import load_or_create
from tests.edge.audit.site import BOX, DOMAIN, draft


def main() -> None:
    path, limit = Path(sys.argv[1]), int(sys.argv[2])
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
