"""A disk whose fsync fails, by strace, under a writer and under a whole box; what must hold then is asserted here.

What was written before a failed fsync may be gone although the next one succeeds: the kernel may have dropped it. So the
log never tries again; it has to be opened anew.
"""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from contracts.checkpoint import NoteKey
from edge.audit import AuditLog
from edge.audit.keys import load_or_create, read_vkeys
from edge.audit.reader import Reader
from edge.audit.report import Outcome
from edge.audit.verify import verify_file
from tests.bench.box import Box
from tests.bench.faults import Grounds, grounds
from tests.edge.audit.site import BOX, DOMAIN

ROOT = Path(__file__).parents[3]
ERRORS = ("EIO", "ENOSPC")
CALLS = "fsync,fdatasync"
PRESS_MS = 150
PATIENCE_S = 20.0
SOUND = (Outcome.OK, Outcome.UNWITNESSED)


def _strace(error: str, *more: str) -> list[str]:
    return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={CALLS}", "-e", f"inject={CALLS}:error={error}", *more]


# --- the writer ---------------------------------------------------------------------------------------------------


def under_a_writer(folder: Path, error: str, when: str) -> int:
    """Syncs of a thread fail as strace's `when` says: nothing is acknowledged after it, the next start is clean.

    Returns how many events were acknowledged before it.

    Raises:
        AssertionError: it is not so.
    """
    path = folder / "audit.db"
    command = _strace(f"{error}:when={when}", "--seccomp-bpf", sys.executable, "-m", "tests.edge.audit.writer", str(path), "0")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=True)
    acknowledged = [int(line) for line in done.stdout.split()]
    writable, overflowed, *rest = done.stderr.decode().splitlines()[-1].split()
    assert (writable, rest[-1]) == ("False", "False"), done.stderr
    assert int(overflowed) >= 100, "drafts after the error are dropped and counted"
    assert "OperationalError:" in rest
    assert acknowledged == list(range(acknowledged[0], acknowledged[0] + len(acknowledged))), "in order, none after the error"
    log = AuditLog.open(path, box=BOX, domain=DOMAIN, key=load_or_create(path.parent / "log.pem"))
    trust = [NoteKey.parse(log.vkey())]
    assert log.health().log == 1
    assert log.close()
    reader = Reader.open(path)
    boot = next(event for event in reversed(reader.events(0, 10**6)) if event.type == "system.boot")
    reader.close()
    assert boot.data["last_seq"] >= acknowledged[-1]
    assert boot.data["clean"] is False
    assert verify_file(path, trust).status in SOUND
    return len(acknowledged)


def from_the_first_on(folder: Path, error: str) -> None:
    """No sync works at all: the log does not open; once they do, it does.

    Raises:
        AssertionError: it is not so.
    """
    path = folder / "audit.db"
    load_or_create(path.parent / "log.pem")
    command = _strace(f"{error}:when=1+", "--seccomp-bpf", sys.executable, "-m", "tests.edge.audit.writer", str(path), "0")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert not done.stdout, "nothing was acknowledged"
    log = AuditLog.open(path, box=BOX, domain=DOMAIN, key=load_or_create(path.parent / "log.pem"))
    assert log.health().log == 1
    assert log.close()


# --- the whole interlock ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def tested(folder: Path) -> Iterator[Grounds]:
    """A site, and a box that has tested its detectors."""
    with grounds(folder) as found:
        with _box(found) as box:
            found.make_ready(box)
        yield found


@contextlib.contextmanager
def _box(place: Grounds) -> Iterator[Box]:
    with Box(place.path, place.key, log=place.path.parent / "interlock.log") as box:
        yield box


def _press(place: Grounds, button: str) -> None:
    place.site.press(button, PRESS_MS)


@contextlib.contextmanager
def _failing(box: Box, error: str) -> Iterator[None]:
    """Every fsync of the running interlock fails, in all its threads."""
    command = _strace(error, "-p", str(box.process.pid))
    with subprocess.Popen(command, stderr=subprocess.PIPE) as strace:
        try:
            end, pause = time.monotonic() + PATIENCE_S, threading.Event()
            while not _is_traced(box.process.pid):
                assert strace.poll() is None, strace.stderr.read()
                assert time.monotonic() < end
                pause.wait(0.01)
            yield
        finally:
            strace.terminate()


def _is_traced(pid: int) -> bool:
    threads = [(task / "status").read_text(encoding="ascii") for task in Path(f"/proc/{pid}/task").iterdir()]
    return all("TracerPid:\t0\n" not in thread for thread in threads)


def _write(box: Box) -> None:
    """A refused command is recorded, too."""
    assert not box.ask("detector_test_stop", channel="ch4-1")["ok"]


def _log_is_sound(place: Grounds, size: int) -> None:
    trust = read_vkeys(place.config.log_vkey)
    report = verify_file(place.config.audit_db, trust)
    assert report.status in SOUND, report
    reader = Reader.open(place.config.audit_db)
    boots = [event for event in reader.events(0, 10**6) if event.type == "system.boot"]
    reader.close()
    assert boots[-1].data["clean"] is False
    assert boots[-1].data["last_seq"] >= size - 1, "what was durable before is there"


def under_a_box(place: Grounds, error: str) -> None:
    """Released it trips, with the log as first cause; locked it stays so; nothing arms, and the next start is clean.

    Raises:
        AssertionError: it is not so.
    """
    with _box(place) as box:
        box.release(lambda button: _press(place, button), PATIENCE_S)
        with _failing(box, error):
            _write(box)
            assert box.first_out(PATIENCE_S).startswith("audit_"), box.why_not()
            size = box.ask("status")["result"]["audit"]["size"]
        _stays_locked(place, box)
        audit = box.ask("status")["result"]["audit"]
        assert (audit["writable"], audit["size"]) == (False, size), "although the disk is well again"
    with _box(place) as box:
        box.make_ready(lambda button: _press(place, button), PATIENCE_S)
        _log_is_sound(place, size)
        with _failing(box, error):
            _write(box)
            assert box.wait("LOCKED", "TRIPPED", seconds=PATIENCE_S), box.why_not()
        _stays_locked(place, box)
    with _box(place) as box:
        box.release(lambda button: _press(place, button), PATIENCE_S)


def _stays_locked(place: Grounds, box: Box) -> None:
    for button in ("reset", "arm"):
        _press(place, button)
        assert not box.wait("ARMED", "RELEASED", "PERMISSIVE_OK", seconds=1.0)
    why = box.ask("status")["result"]
    found = {reason["code"] for verdict in why["verdicts"] for reason in verdict["reasons"]}
    assert "audit_unwritable" in found, box.why_not()
    refused = box.ask("ticket_check", permit="HW-1", person="wang")["error"]
    assert (refused["field"], refused["came"]) == ("log", "the audit log cannot be written"), "nobody is told yes without a record"
    assert box.ask("detector_test_stop", channel="ch4-1")["error"]["field"] != "log", "what ends something is not hindered"
