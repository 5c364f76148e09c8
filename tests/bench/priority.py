"""The scheduling that measured and measuring processes ask for."""

import os
from contextlib import suppress

INTERLOCK_PRIORITY = 20
"""What edge.interlock.process asks for itself; the bare loop gets the same."""


def prefer(priority: int) -> str:
    """Real-time priority if allowed, else a better nice value; says which."""
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
        return f"SCHED_FIFO {priority}"
    with suppress(PermissionError):
        return f"nice {os.nice(-10)}"
    return "normal priority"


def may_use_realtime() -> bool:
    """Whether `prefer` would get real-time priority; asked in a child that ends at once."""
    child = os.fork()
    if not child:
        os._exit(0 if prefer(INTERLOCK_PRIORITY).startswith("SCHED_FIFO") else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
