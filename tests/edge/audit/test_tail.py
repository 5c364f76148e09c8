"""`hotbox audit tail`: the newest events, each once, whatever was deleted or begun anew meanwhile (ANT-09)."""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.audit.cli import app
from edge.audit.log import AuditLog
from tests.edge.audit.site import Station, append_all, draft
from tests.edge.audit.test_retention import BATCH, _pruned, quick

__all__ = ["quick"]


def _tail(path: Path, *words: str) -> list[int]:
    done = CliRunner().invoke(app, ["tail", "--db", str(path), "--json", *words])
    assert done.exit_code == 0, done.output
    return [json.loads(line)["seq"] for line in done.output.splitlines()]


def test_more_than_one_batch_is_shown_to_the_end(station: Station) -> None:
    """It used to end after the oldest 1,000 of them."""
    log = station.open(checkpoint_s=60)
    append_all(log, [draft({"n": number}) for number in range(2499)])
    assert _tail(station.path, "-n", "2300") == list(range(200, 2500))
    assert _tail(station.path, "-n", "1000") == list(range(1500, 2500))
    assert _tail(station.path, "-n", "1001") == list(range(1499, 2500))
    log.close()


class Following:
    """`tail -f` in a process of its own."""

    def __init__(self, path: Path, *words: str) -> None:
        program = "from edge.audit.cli import app; app()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, "tail", "--db", str(path), "-f", "--json", *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)

    def next(self) -> tuple[int, int]:
        """Epoch and seq of the next line."""
        event = json.loads(self._lines.get(timeout=20))
        return event["log"], event["seq"]

    def end(self) -> list[str]:
        """What else came."""
        self._process.terminate()
        self._process.communicate()
        return list(self._lines.queue)


@pytest.fixture
def follow(station: Station) -> Callable[..., Following]:
    return lambda *words: Following(station.path, *words)


@pytest.mark.usefixtures("quick")
def test_in_a_pruned_log_no_event_is_shown_twice(station: Station, follow: Callable[..., Following]) -> None:
    """It used to begin below the first that is there, and to go on by how many it had found."""
    log = _pruned(station)
    size = log.health().size
    assert _tail(station.path, "-n", "10000") == list(range(BATCH, size))
    following = follow("-n", "10000")
    assert [following.next() for _ in range(BATCH, size)] == [(1, seq) for seq in range(BATCH, size)]
    more = append_all(log, [draft({"n": 1}), draft({"n": 2})])
    assert [following.next() for _ in more] == [(1, seq) for seq in more]
    assert following.end() == []
    log.close()


def test_a_new_epoch_is_followed_from_its_first_event(station: Station, follow: Callable[..., Following]) -> None:
    log = station.open()
    append_all(log, [draft()])
    following = follow("-n", "1")
    assert following.next() == (1, 1)
    log.close()
    station.path.rename(station.path.with_name("moved.db"))
    second: AuditLog = station.open()
    assert second.health().log == 2
    assert [following.next() for _ in range(2)] == [(2, 0), (2, 1)]
    (seq,) = append_all(second, [draft()])
    assert following.next() == (2, seq)
    assert following.end() == []
    second.close()
