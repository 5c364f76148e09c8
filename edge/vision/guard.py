"""What keeps the vision process small and alive: limits on memory, and a watchdog that ends a process that hangs.

The interlock never waits for it: silence is "not present". The watchdog is there so that silence does not last: it ends
the process, and supervisor or systemd start it again.
"""

import contextlib
import ctypes
import faulthandler
import os
import resource
import socket

HUNG_S = 8.0
"""No sign of life for so long is a hang: a look at `MOST_FACES` faces takes 2 s on the slowest box."""
DATA_BYTES = 512 << 20
"""What the process may hold of its own; 150 MiB are used, and whatever grows beyond this is a leak."""
_ARENAS, _MAPPED_FROM, _TRIMMED_FROM = -8, -3, -1
"""glibc's M_ARENA_MAX, M_MMAP_THRESHOLD and M_TRIM_THRESHOLD."""
_PICTURE_BYTES = 128 << 10


def bound() -> None:
    """Limit this process's own memory, and let no core file keep what it knew of faces.

    One heap for all threads, and pictures given back as soon as they are dropped: 5 MiB less at 640x480. Another C
    library than glibc has its own ways.
    """
    for kind, most in ((resource.RLIMIT_DATA, DATA_BYTES), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(kind)
        strictest = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (strictest, strictest))
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    if tune is not None:
        for option, value in ((_ARENAS, 1), (_MAPPED_FROM, _PICTURE_BYTES), (_TRIMMED_FROM, _PICTURE_BYTES)):
            tune(option, value)


class Watchdog:
    """Ends the process when it is not fed for `HUNG_S`, even while a library holds the interpreter.

    systemd's own watchdog (WatchdogSec=) is fed with it, for a process that is stopped altogether.
    """

    def __init__(self) -> None:
        """Nothing is watched before the first `feed`."""
        self._notify = os.environ.get("NOTIFY_SOCKET", "")

    def feed(self) -> None:
        """All is well."""
        # A thread of C counts, so neither a loop without end nor a lock that is never let go can stop it.
        faulthandler.dump_traceback_later(HUNG_S, exit=True)
        if self._notify:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
                address = self._notify
                line.connect(f"\0{address[1:]}" if address.startswith("@") else address)
                line.send(b"WATCHDOG=1")

    def stop(self) -> None:
        """The process ends in order and may take its time."""
        faulthandler.cancel_dump_traceback_later()
