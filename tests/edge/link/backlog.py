"""A box that was long without a line: its log, the real link, a slow line, mosquitto with TLS, the bridge's real ingest.

The log is made by the log's own ledger; this process plays the interlock: it has the log open, takes what the link hands
in, and raises alarms while the backlog drains. What reached the bridge, and when, is read from the bridge's database.
"""

import contextlib
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from cloud_bridge.pki import INGEST
from contracts import jws
from contracts.checkpoint import NoteKey
from edge.audit import AuditLog
from edge.config import Tls
from edge.interlock.evidence import AckOffer, decode
from edge.sockets import MAX_DATAGRAM, pair
from tests.bench import events
from tests.bench.audit import build
from tests.bench.box import write_config
from tests.bench.figures import median, p99
from tests.cloud_bridge.running import ROOT, clean_environment, run_cli
from tests.edge.audit.site import BOX, DOMAIN, Station
from tests.edge.link.mosquitto import mosquitto
from tests.edge.link.site import free_port
from tests.edge.link.slow_line import SlowLine

KBIT = 256
MONTH = 2_600_000
"""Events of thirty days, one a second."""
_START_S = 60.0
_TRIES = 3
_END_S = 15.0
_LOOK_S = 0.05
_KEPT = {"keep_days": 36_500, "budget_mib": 8192}
"""The leaves are of a fixed day and a month of them is large: none may leave the box before both sides were compared."""
_ALL_AT_ONCE = "from cloud_bridge.boxes.models import Box; Box.objects.update(leaves_per_min=1_000_000_000)"
"""Without the slow line the link sends faster than a box usually may; quotas have tests of their own."""

Progress = Callable[[str, int, int], None]


class Drained(NamedTuple):
    """One stretch of draining: seconds, leaves stored, bytes that went up the line, seconds from each alarm to the store.

    `behind` are the leaves that the bridge lacked when the last alarm was raised: 0 would be an idle line.
    """

    seconds: float
    leaves: int
    line_bytes: int
    waits_s: list[float]
    behind: int

    def figures(self, kbit: int) -> dict[str, float]:
        """By name; the hours are those of a month's events at the rate, and at the bytes, that were measured."""
        per_s, per_event = self.leaves / self.seconds, self.line_bytes / self.leaves
        return {
            "seconds": round(self.seconds, 1), "leaves": self.leaves, "leaves_per_s": round(per_s, 1),
            "wire_bytes_per_event": round(per_event, 2), "kbit": kbit,
            "drain_hours": round(MONTH / per_s / 3600, 3), "drain_hours_full_line": round(MONTH * per_event / (kbit * 125) / 3600, 3),
            "leaves_behind_at_the_last_alarm": self.behind, "alarms": len(self.waits_s), "alarm_median_s": round(median(self.waits_s), 3),
            "alarm_p99_s": round(p99(self.waits_s), 3), "alarm_max_s": round(max(self.waits_s), 3),
        }  # fmt: skip


class Rig:
    """Everything that runs. Made by `rig`."""

    def __init__(self, directory: Path, station: Station, log: AuditLog, bridge: Path, line: SlowLine, config: Path) -> None:
        self.station, self.log, self.bridge_db, self.line = station, log, bridge / "bridge.db", line
        self._directory, self._config = directory, config
        self._link: subprocess.Popen[bytes] | None = None
        self._alarms: dict[int, int] = {}
        """Wall ms of each alarm, by its seq."""
        self._received: dict[int, int] = {}
        self._ours, self._theirs = pair()
        self._hearing = threading.Thread(target=self._hear, name="interlock's ear")
        self._hearing.start()

    def _hear(self) -> None:
        while datagram := self._ours.recv(MAX_DATAGRAM):
            item = decode(datagram)
            if isinstance(item, AckOffer):
                self.log.accept_ack(item.note)

    def start_link(self, rate_kbit: int) -> None:
        """The link as the supervisor starts it; one that runs is ended first.

        Raises:
            TimeoutError: it does not come up.
        """
        self.end_link()
        settings = yaml.safe_load(self._config.read_text(encoding="utf-8"))
        settings["bridge"]["rate_kbit"] = rate_kbit
        argv = [sys.executable, "-m", "edge.process", "link", str(self._config), f"link={self._theirs.fileno()}"]
        for _ in range(_TRIES):
            port = free_port()  # nothing keeps it free until the link listens on it
            settings["metrics"] = {"host": "127.0.0.1", "port": port}
            self._config.write_text(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False), encoding="utf-8")
            with (self._directory / "link.log").open("ab") as log:
                self._link = subprocess.Popen(argv, pass_fds=[self._theirs.fileno()], stderr=log)
            if self._comes_up(port):
                return
            self.end_link()
        raise TimeoutError(f"the link does not come up: {self._said()}")

    def _comes_up(self, port: int) -> bool:
        assert self._link is not None
        end = time.monotonic() + _START_S
        while time.monotonic() < end and self._link.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
            threading.Event().wait(_LOOK_S)
        return False

    def _said(self) -> str:
        return (self._directory / "link.log").read_text(encoding="utf-8", errors="replace")[-2000:]

    def end_link(self) -> None:
        """In good order."""
        if self._link is not None:
            self._link.terminate()
            self._link.wait(_END_S)
            self._link = None

    def close(self) -> None:
        """End what this process itself plays."""
        self.end_link()
        self._theirs.close()
        self._hearing.join()
        self._ours.close()

    def link_rss_mib(self) -> float:
        """The most memory that the running link ever had."""
        assert self._link is not None
        lines = Path(f"/proc/{self._link.pid}/status").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024

    def stored(self) -> int:
        """Leaves that the bridge has stored."""
        rows = self._ask("SELECT size FROM boxes_log WHERE box_id = ? AND epoch = 1", BOX)
        return int(rows[0][0]) if rows else 0

    def _ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(f"file:{self.bridge_db}?mode=ro", uri=True, timeout=10)) as db:
            return db.execute(query, values).fetchall()

    def _alarm(self, number: int) -> None:
        t = time.time_ns() // 1_000_000
        self.log.append(events.alarm(t, number), lambda seq: self._alarms.update({seq: t}))

    def _look_for_alarms(self) -> None:
        """Of each alarm, when the bridge first had it: alone, or with the log that holds it."""
        for table in ("boxes_liveevent", "boxes_event"):
            for seq, received in self._ask(f"SELECT seq, received_ms FROM {table} WHERE sev = 'alarm'"):
                self._received[seq] = min(received, self._received.get(seq, received))

    def _behind(self) -> int:
        return self.log.health().size - self.stored()

    def is_drained(self) -> bool:
        """Whether the box knows that the bridge has witnessed everything."""
        health = self.log.health()
        return health.acked == health.size

    def drain(self, seconds: float, alarms: int, chance: random.Random, told: Progress) -> Drained:
        """Let it drain for so long, or until it is drained, with so many alarms at random moments of that time.

        Raises:
            TimeoutError: nothing arrives, or an alarm did not reach the bridge within a minute.
        """
        self.until(lambda: self.stored() > 0, _START_S, "the first leaves at the bridge")
        began, first, passed = time.monotonic(), self.stored(), self.line.up.bytes
        due = sorted(chance.uniform(0.5, seconds) for _ in range(alarms))
        raised, behind = 0, self._behind()
        while (now := time.monotonic() - began) < seconds and (raised < alarms or not self.is_drained()):
            while raised < alarms and due[raised] <= now:
                behind = self._behind()
                self._alarm(raised)
                raised += 1
            self._look_for_alarms()
            told("backlog drains", round(now), round(seconds))
            threading.Event().wait(_LOOK_S)
        took, leaves, bytes_ = time.monotonic() - began, self.stored() - first, self.line.up.bytes - passed
        for number in range(raised, alarms):
            behind = self._behind()
            self._alarm(number)

        def all_arrived() -> bool:
            self._look_for_alarms()
            return len(self._alarms) == alarms and self._alarms.keys() <= self._received.keys()

        self.until(all_arrived, _START_S, "every alarm at the bridge")
        waits = [(self._received[seq] - t) / 1000 for seq, t in self._alarms.items()]
        return Drained(took, leaves, bytes_, waits, behind)

    def until(self, true: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait for something that cannot tell by itself.

        Raises:
            TimeoutError: it did not come.
        """
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end or (self._link is not None and self._link.poll() is not None):
                raise TimeoutError(f"expected {what} within {seconds:.0f} s: {self.stored()} stored, {self.log.health()}; link: {self._said()}")
            threading.Event().wait(_LOOK_S)


def _cli(data: Path, *words: str) -> None:
    done = run_cli(data, *words)
    if done.returncode:
        raise RuntimeError(f"hotbox-bridge {' '.join(words)}: exit code {done.returncode}: {done.stdout}{done.stderr}")


def _box_config(directory: Path, port: int, tls: Tls, witness: Path) -> Path:
    """The link's configuration: the broker at `port`."""
    path = write_config(directory / "box", jws.generate_key(), {}, "/dev/null")
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    for section in ("kiosk", "voice"):
        settings.pop(section, None)
    settings |= {"domain": DOMAIN, "data": str(directory / "data")}
    settings["bridge"] |= {
        "broker_host": "127.0.0.1", "broker_port": port, "protocol": "auto", "witness": str(witness),
        "tls": {"ca": tls.ca, "cert": tls.cert, "key": tls.key},
    }  # fmt: skip
    path.write_text(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


@contextlib.contextmanager
def _ingest(directory: Path, data: Path, port: int) -> Iterator[None]:
    argv = [sys.executable, "-m", "cloud_bridge.cli", "--data", str(data), "ingest", "--broker", f"mqtts://127.0.0.1:{port}"]
    with (directory / "ingest.log").open("ab") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, env=clean_environment(), cwd=ROOT)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def rig(directory: Path, leaves: int, kbit: int, told: Progress) -> Iterator[Rig]:
    """A log of so many leaves, and a line of that rate to a bridge that has none of them; the link is not started yet."""
    directory.mkdir(parents=True, exist_ok=True)
    station = Station(directory / "data")
    build(station, leaves, told)
    data = directory / "bridge"
    _cli(data, "box", "add", BOX, "--vkey", station.trust()[0].vkey())
    _cli(data, "manage", "shell", "--no-imports", "-c", _ALL_AT_ONCE)
    witness = data / "public" / "witness.vkey"
    station.witness = NoteKey.parse(witness.read_text(encoding="utf-8"))
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(mosquitto(data))
        for suffix, text in zip((".pem", ".key"), server.authority.issue(INGEST, "bridge"), strict=True):
            (data / "mqtt" / f"{INGEST}{suffix}").write_text(text, encoding="ascii")
        (data / "mqtt" / f"{INGEST}.key").chmod(0o600)
        tls = server.certificate(BOX)
        server.start()
        stack.enter_context(_ingest(directory, data, server.port))
        line = stack.enter_context(SlowLine(server.port, kbit))
        log = station.open(**_KEPT)
        stack.callback(log.close)
        made = Rig(directory, station, log, data, line, _box_config(directory, line.port, tls, witness))
        stack.callback(made.close)
        yield made
