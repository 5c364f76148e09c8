"""`audit`: what the log does a second, what it costs the disk and the line, beside the raw disk of the same run.

Everything is the box's own: `AuditLog` with its thread and its group commit for the rates, a log of a million leaves made
by its `Ledger` for verification (the `hotbox audit verify` command) and recovery, the link's `Outbox` for what goes over
the line. Rates of a disk vary up to five times between two runs on the same machine: read them beside `fdatasync_per_s`.
"""

import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from edge.audit import AuditLog
from edge.audit.ledger import Ledger
from edge.audit.recovery import Owner, begin, keep_epoch
from edge.audit.schema import open_reader
from edge.link.bucket import OVERHEAD_BYTES
from edge.link.outbox import Outbox
from tests.bench import disk, events
from tests.bench.figures import median, p99
from tests.bench.plant import LateError
from tests.edge.audit.site import BOX, DOMAIN, Station

TRIALS = 1_000_000
"""Leaves of the log that is verified and recovered; the other counts follow from it."""
PRODUCERS = 10
TAIL = 250
"""Leaves that no checkpoint covers when the power goes: the most that recovery has to read again."""
RECOVERIES = 5
_RECORD_BYTES = 400
_CHUNK = 5000
_PATIENCE_S = 60.0
_START_MS = 1_790_000_000_000

Progress = Callable[[str, int, int], None]

VERIFY = """
import atexit, sys
from pathlib import Path
def told():
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(line.split()[1], file=sys.stderr)
atexit.register(told)
from edge.cli import main
main()
"""
"""The command, and at its end the most memory that it ever had in KiB: the kernel's count for a child has its parent's."""


class Rate(NamedTuple):
    """Durable events a second, and how long a producer waited for each, in milliseconds."""

    per_s: float
    waits_ms: list[float]


def fdatasync_rate(path: Path, count: int) -> float:
    """Appends of the size of a leaf a second, each durable before the next: what the disk itself can do."""
    record = os.urandom(_RECORD_BYTES)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        began = time.perf_counter()
        for _ in range(count):
            os.write(handle, record)
            os.fdatasync(handle)
        return count / (time.perf_counter() - began)
    finally:
        os.close(handle)
        path.unlink()


def _produce(log: AuditLog, count: int, seed: int, waits_ms: list[float]) -> None:
    durable: queue.SimpleQueue[int] = queue.SimpleQueue()
    for draft in list(events.day(count, _START_MS, seed)):
        began = time.perf_counter()
        log.append(draft, durable.put)
        durable.get(timeout=_PATIENCE_S)
        waits_ms.append(1000 * (time.perf_counter() - began))


def producers(folder: Path, number: int, each: int) -> Rate:
    """So many threads, each of which hands over its next event when the last one is durable.

    Raises:
        LateError: not every event was acknowledged.
    """
    log = Station(folder).open()
    waits = [list[float]() for _ in range(number)]
    threads = [threading.Thread(target=_produce, args=(log, each, 1 + at, waits[at])) for at in range(number)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    size, closed = log.health().size, log.close()
    done = sum(map(len, waits))
    if not closed or done != number * each or size < done:
        raise LateError(f"{done} of {number * each} events were acknowledged, the log holds {size}")
    return Rate(done / took, [wait for one in waits for wait in one])


def build(station: Station, count: int, told: Progress) -> None:
    """A log of `count` leaves, and then some, by the log's own ledger; it ends as by a power cut, with a long tail."""
    station.path.parent.mkdir(parents=True, exist_ok=True)
    db, ended, _ = begin(station.path, Owner(BOX, DOMAIN, station.key), _START_MS // 1000)
    ledger = Ledger(db, station.path, Owner(BOX, DOMAIN, station.key), ended)
    drafts = events.day(count, _START_MS)
    ledger.start([next(drafts)])
    keep_epoch(station.path, ledger.log)
    while ledger.size < count:
        ledger.begin()
        for _ in range(min(_CHUNK, count - ledger.size)):
            ledger.insert(next(drafts))
        ledger.commit()
        told("leaves", ledger.size, count)
    ledger.close()


def _cut_power(station: Station) -> None:
    """Go on with the log, and leave it as a power cut would: a tail without a checkpoint, everything in the WAL."""
    owner = Owner(BOX, DOMAIN, station.key)
    db, ended, _ = begin(station.path, owner, _START_MS // 1000)
    ledger = Ledger(db, station.path, owner, ended)
    drafts = events.day(TAIL + 1, _START_MS)
    ledger.start([next(drafts)])
    ledger.begin()
    for draft in drafts:
        ledger.insert(draft)
    ledger.commit()
    # While somebody else has the file open, closing does not fold the WAL into it.
    with contextlib.closing(open_reader(station.path)) as reader:
        reader.execute("SELECT max(seq) FROM event").fetchone()
        ledger.close()


def _forget(path: Path) -> None:
    """Have the kernel drop the file from its cache: after a power cut nothing is in it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)


def recover(station: Station) -> float:
    """Milliseconds from a power cut's remains to a log that records: opened, its end verified, its start durable."""
    _cut_power(station)
    wal = station.path.with_name(station.path.name + "-wal")
    if not wal.stat().st_size:
        raise LateError("nothing was left in the WAL: this is no power cut")
    for path in (station.path, wal):
        _forget(path)
    began = time.perf_counter()
    log = station.open()
    took = 1000 * (time.perf_counter() - began)
    log.close()
    return took


class Verified(NamedTuple):
    """What `hotbox audit verify` said, and the most memory that it had."""

    size: int
    seconds: float
    rss_mib: float


def verify(station: Station) -> Verified:
    """Run the command on the log.

    Raises:
        LateError: it found something wrong.
    """
    trust = station.path.with_name("trust.txt")
    trust.write_text("".join(key.vkey() + "\n" for key in station.trust()), encoding="utf-8")
    words = ["audit", "verify", "--db", str(station.path), "--trust", str(trust), "--json"]
    done = subprocess.run([sys.executable, "-c", VERIFY, *words], capture_output=True, text=True, check=False)
    if done.returncode != 4:  # nothing is witnessed: there is no bridge here
        raise LateError(f"hotbox audit verify: exit code {done.returncode}: {done.stdout}{done.stderr}")
    said = msgspec.json.decode(done.stdout)
    return Verified(said["size"], said["seconds"], int(done.stderr.split()[-1]) / 1024)


class Wire(NamedTuple):
    """What the link would send: leaves, pieces, bytes with what MQTT, TLS and TCP add to each message."""

    leaves: int
    pieces: int
    bytes: int


def wire(station: Station, at_most: int) -> Wire:
    """Take the backlog piece by piece out of the link's own outbox, as if the bridge kept all of it."""
    outbox = Outbox(station.path)
    try:
        outbox.poll()
        outbox.connected()
        leaves = pieces = size = 0
        while leaves < at_most and (piece := outbox.batch()) is not None:
            outbox.sent(piece)
            leaves, pieces = piece.end, pieces + 1
            size += len(piece.payload) + OVERHEAD_BYTES
            note = outbox.checkpoint()
            size += len(note) + OVERHEAD_BYTES if note is not None else 0
            outbox.held(outbox.origin, piece.end)
        return Wire(leaves, pieces, size)
    finally:
        outbox.close()


def device_bytes(folder: Path, count: int) -> float | None:
    """Bytes that reach a block device for each event that is committed alone; None where no disk can be made."""
    why = disk.why_not()
    if why:
        print(f"device_bytes_per_event: not measured: {why}", file=sys.stderr)
        return None
    with disk.LoopDisk(folder) as made:
        argv = [*made.command, sys.executable, "-m", "tests.bench.audit_writer", str(made.place / "box"), str(count)]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdin is not None
            assert writer.stdout is not None
            _expect(writer.stdout.readline(), "ready")
            before = made.written()
            writer.stdin.write("go\n")
            writer.stdin.flush()
            _expect(writer.stdout.readline(), "done")
            after = made.written()
            writer.stdin.close()
            writer.wait(_PATIENCE_S)
    return (after - before) / count


def _expect(line: str, word: str) -> None:
    if line.strip() != word:
        raise LateError(f"the writer: expected {word!r}, got {line.strip()!r}")


def run(directory: Path, trials: int, told: Progress) -> dict[str, Any]:
    """The whole bench; metrics by name. `trials` are the leaves of the large log."""
    single = min(5000, max(200, trials // 50))
    station = Station(directory / "large")
    with _told("disk", told):
        raw = [fdatasync_rate(directory / "raw", single)]
    with _told("one producer", told):
        one = producers(directory / "one", 1, single)
    with _told("ten producers", told):
        ten = producers(directory / "ten", PRODUCERS, single // 2)
    with _told("disk again", told):
        raw.append(fdatasync_rate(directory / "raw", single))
    with _told("bytes to a block device", told):
        device = device_bytes(directory / "loop", min(2000, single))
    build(station, trials, told)
    with _told("verify", told):
        verified = verify(station)
    with _told("wire", told):
        sent = wire(station, min(trials, 50_000))
    took = []
    for number in range(RECOVERIES):
        took.append(recover(station))
        told("recovery", number + 1, RECOVERIES)
    return {
        "one_producer_per_s": round(one.per_s, 1),
        "ten_producers_per_s": round(ten.per_s, 1),
        "ten_producers_p99_ms": round(p99(ten.waits_ms), 3),
        "verify_per_s": round(verified.size / verified.seconds, 1),
        "recovery_ms": round(median(took), 3),
        "device_bytes_per_event": None if device is None else round(device, 1),
        "wire_bytes_per_event": round(sent.bytes / sent.leaves, 2),
        "fdatasync_per_s": round(sum(raw) / len(raw), 1),
        "verify_rss_mib": round(verified.rss_mib, 1),
        "one_producer_p99_ms": round(p99(one.waits_ms), 3),
        "recovery_max_ms": round(max(took), 3),
        "leaves": verified.size, "events_one_by_one": single, "leaves_a_piece": round(sent.leaves / sent.pieces, 1),
    }  # fmt: skip


@contextlib.contextmanager
def _told(what: str, told: Progress) -> Iterator[None]:
    """One step of which nothing can be said while it runs."""
    told(what, 0, 1)
    yield
    told(what, 1, 1)
