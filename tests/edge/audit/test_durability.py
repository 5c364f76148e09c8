"""What was acknowledged is there after the process was killed or the disk was full (BOX-05, ANT-09)."""

import subprocess
import sys
from pathlib import Path

from contracts.checkpoint import NoteKey
from edge.audit import AuditLog
from edge.audit.keys import load_or_create
from edge.audit.reader import Reader
from edge.audit.report import Outcome
from edge.audit.verify import verify_file
from tests.edge.audit.site import BOX, DOMAIN

ROOT = Path(__file__).parents[3]


def _writer(path: Path, limit: int = 0) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.edge.audit.writer", str(path), str(limit)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _reopen(path: Path) -> AuditLog:
    return AuditLog.open(path, box=BOX, domain=DOMAIN, key=load_or_create(path.parent / "log.pem"))


def test_no_acknowledged_event_is_lost_when_the_writer_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    acknowledged = -1
    for kill_after in (5, 300, 900):
        told = 0
        with _writer(path) as writer:
            assert writer.stdout is not None
            for line in writer.stdout:
                acknowledged = int(line)
                told += 1
                if told == kill_after:
                    writer.kill()
            assert writer.wait(10) == -9
        log = _reopen(path)
        log.close()
        reader = Reader.open(path)
        events = reader.events(0, 10**6)
        reader.close()
        assert [event.seq for event in events] == list(range(len(events)))
        boot = events[-1]
        assert boot.type == "system.boot"
        assert boot.data["clean"] is False
        assert boot.data["last_seq"] >= acknowledged
        assert log.health().log == 1
    report = verify_file(path, [NoteKey.parse(log.vkey())])
    assert report.status is Outcome.UNWITNESSED, report


def test_nothing_is_acknowledged_once_the_disk_is_full(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    with _writer(path, limit=400_000) as writer:
        out, err = writer.communicate(timeout=10)
    acknowledged = [int(line) for line in out.split()]
    writable, overflowed, *rest = err.decode().splitlines()[-1].split()
    assert writable == "False", err
    assert int(overflowed) >= 100, "drafts after the error are dropped and counted"
    assert rest[-1] == "False", "close tells that the end is not clean"
    assert any("Error" in word for word in rest)
    assert acknowledged == list(range(1, len(acknowledged) + 1)), "in order, and none after the error"
    log = _reopen(path)
    log.close()
    reader = Reader.open(path)
    boot = reader.events(reader.size() - 1, 1)[0]
    reader.close()
    assert boot.data["last_seq"] >= acknowledged[-1]
    assert boot.data["clean"] is False
