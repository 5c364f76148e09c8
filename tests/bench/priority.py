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
