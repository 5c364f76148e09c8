"""A process that changes its log's key and is killed at one of the moments that matter: see `test_rotation`."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.audit import AuditLog, keys
from edge.audit.ledger import Ledger
from tests.edge.audit.site import BOX, DOMAIN, append_all, draft

MOMENTS = ("prepared", "recorded", "renamed", "overwritten")


def die() -> None:
    """As when the power goes, as far as a process can tell."""
    os.kill(os.getpid(), signal.SIGKILL)


def dies_after(call: Callable[..., Any]) -> Callable[..., Any]:
    """The same call, and death after it."""

    def once(*given: Any, **more: Any) -> Any:
        call(*given, **more)
        die()

    return once


def main(path: Path, moment: str) -> None:
    """Write a little, change the key, die at `moment`."""
    key = keys.KeyFile.open(path.parent / "log_key.pem", log=path)
    log = AuditLog.open(path, box=BOX, domain=DOMAIN, key=key)
    append_all(log, [draft({"n": number}) for number in range(3)])
    if moment == "prepared":
        keys.KeyFile.prepare = dies_after(keys.KeyFile.prepare)  # type: ignore[method-assign]
    elif moment == "recorded":
        Ledger.settle = lambda *_given: die()  # type: ignore[method-assign,assignment]
    elif moment == "renamed":
        keys._overwrite = lambda *_given: die()
    else:
        keys._overwrite = dies_after(keys._overwrite)
    log.rotate_key().result(10)
    sys.exit("it should be dead by now")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
