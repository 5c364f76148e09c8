"""The child that sees the pictures: a few stills in, a template or a refusal out, and then it is gone.

It holds no key, knows no database, and confines itself before it reads a byte: it can write to no file, so no picture
is ever on a disk; it has one thread, so much memory and so much time. Once its engine is loaded it can open nothing any
more, neither a file nor a line to anybody, and start no process. What a picture does to a decoder ends with it.

    python -m cloud_bridge.enrolment.measure PACK < `Measure` > `Answer`
"""

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cloud_bridge.enrolment import wire

if TYPE_CHECKING:
    from faces.engine import Engine
    from faces.policy import Policy

MEMORY_BYTES = 512 * 2**20
"""Of its own; 150 MiB are used (as `edge.vision` is limited)."""
CPU_S = 60
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38


def confine() -> None:
    """No files, no core dump, no growth, no end of its own choosing: none of it can be taken back."""
    for limit, most in (
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(limit, (most, most))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.prctl(_PR_SET_DUMPABLE, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # One thread each: the other cores are the bridge's.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")


def shut() -> None:
    """From now on there are the descriptors and the thread that there are, and never others."""
    for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC):
        resource.setrlimit(limit, (0, 0))


def measured(asked: wire.Measure, engine: "Engine", limits: "Policy") -> wire.Answer:
    """What the stills are worth, by the same checks as at a box, with the limits of a rule pack."""
    from faces import enrolment
    from faces.refusals import EnrolmentRefusedError

    stills = [enrolment.decode(str(number), body) for number, body in enumerate(asked.stills, 1)]
    try:
        made = enrolment.enrol(engine, asked.person, stills, limits, {}, created=asked.created)
    except EnrolmentRefusedError as refused:
        return wire.Answer(ok=False, why=refused.why.value, zh=refused.zh, en=refused.en)
    return wire.Answer(ok=True, template=msgspec.json.encode(made.template), stills=len(made.template.vectors))


def main(pack: Path) -> int:
    """Measure what comes on standard input."""
    confine()
    from faces import enrolment, loading, policy, refusals  # noqa: F401 - what is needed is loaded before `shut`

    engine, limits = loading.load(), policy.read(pack)
    shut()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    asked = wire.unpacked(source.read(wire.length(source.read(wire.LENGTH))), wire.Measure)
    sink.write(wire.packed(measured(asked, engine, limits)))
    sink.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
