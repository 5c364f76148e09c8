"""What a box does to its disk, recorded: each scene is a stretch of its life in which the power may go."""

import contextlib
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from contracts.checkpoint import Checkpoint, sign
from contracts.event import Category, Severity
from edge.audit import AckVerdict, AuditLog, Draft, retention, ring, schema, upkeep
from edge.audit.keys import KeyFile, load_or_create
from edge.audit.tiles import HASH_BYTES, WIDTH
from edge.interlock.state import Durable, Mode
from edge.interlock.store import StateStore
from tests.edge.audit.crash.disk import Recording, cuts
from tests.edge.audit.crash.judge import CHANGES, EPOCH, LEAVES, PRUNED, WITNESSED, Log, Verdict, lay_out
from tests.edge.audit.crash.recorder import Recorder
from tests.edge.audit.site import PATIENCE_S, Station, draft, until

ROOT = Path(__file__).parents[4]
STATES, SLOTS = "states", "slots"
KEY = "keys/log.pem"
_DAY_MS = 86_400_000

Judge = Callable[..., Verdict]


class Take:
    """One recording: a box's log folder, watched."""

    def __init__(self, folder: Path, said_instead: Mapping[str, str] | None = None) -> None:
        """`folder` is empty; `said_instead` replaces what the log says to SQLite."""
        self.station = Station(folder.resolve())
        self.folder = self.station.path.parent
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ends: set[int] = set()
        self.judge = Log(self.station)
        self._said_instead = said_instead

    @contextlib.contextmanager
    def rolling(self) -> Iterator[None]:
        """Record from here on."""
        self.recorder = Recorder(self.folder)
        with self.recorder.watching(self._said_instead):
            yield

    def open(self, **more: Any) -> AuditLog:
        """Start the log; what it says first is durable when it is open."""
        log = self.station.open(**({"checkpoint_s": 60} | more))
        self.recorder.told(LEAVES, log.health().size)
        self.recorder.told(EPOCH, log.health().log)
        return log

    def write(self, log: AuditLog, *drafts: Draft) -> None:
        """Record them together and wait until each is acknowledged."""
        left = len(drafts)
        ready = threading.Event()

        def done(_: int) -> None:
            nonlocal left
            left -= 1
            # Called by the writer's own thread: what the ledger holds now is what was committed.
            self.recorder.told(LEAVES, log._ledger.size)
            if not left:
                ready.set()

        for one in drafts:
            log.append(one, done)
        assert ready.wait(PATIENCE_S), log.health()

    def witness(self, log: AuditLog) -> None:
        """Have everything witnessed."""
        log.checkpoint_now()
        size = until(lambda: (size := log.health().size) in log._roots and size)
        note = sign(Checkpoint(log.origin, size, log._roots[size]), log.origin, self.station.key)
        assert log.accept_ack(self.station.cosigned(note)) is AckVerdict.ACCEPTED
        until(lambda: log.health().acked == size)
        self.recorder.told(WITNESSED, size)

    def close(self, log: AuditLog) -> None:
        """End in order."""
        assert log.close()
        self.ends.add(log._ledger.size)

    def film(self) -> "Film":
        """The recording, with who judges its cuts."""
        if isinstance(self.judge, Log):
            self.judge.hashes, self.judge.ends = _hashes(self.station.path), frozenset(self.ends)
        return Film(self.recorder.recording(), self.judge)


@dataclass(frozen=True)
class Film:
    """A recording and its judge."""

    recording: Recording
    judge: Judge


def record(scene: str, folder: Path, said_instead: Mapping[str, str] | None = None) -> Film:
    """Play a scene."""
    take = Take(folder, said_instead)
    with pytest.MonkeyPatch.context() as patch:
        SCENES[scene](take, patch)
    return take.film()


def _hashes(path: Path) -> dict[int, bytes]:
    """Every leaf hash of the finished log, those included whose leaves were deleted."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        found = {
            index * WIDTH + number: hashes[number * HASH_BYTES : (number + 1) * HASH_BYTES]
            for index, hashes in db.execute("SELECT idx, hashes FROM tile WHERE level=0")
            for number in range(WIDTH)
        }
        return found | dict(db.execute("SELECT seq, leaf FROM event"))


def _reading(number: int) -> Draft:
    return draft({"n": number, "text": "x" * 300})


def _often(patch: pytest.MonkeyPatch) -> None:
    """The WAL goes into the database every few commits instead of every fifty."""
    patch.setattr(schema, "AUTOCHECKPOINT_PAGES", 12)


# --- scenes -------------------------------------------------------------------------------------------------------


def one_at_a_time(take: Take, _: pytest.MonkeyPatch) -> None:
    """The first start, and one event after the other."""
    with take.rolling():
        log = take.open()
        for number in range(40):
            take.write(log, _reading(number))
        take.close(log)


def in_groups(take: Take, _: pytest.MonkeyPatch) -> None:
    """Ten at a time."""
    with take.rolling():
        log = take.open()
        for number in range(10):
            take.write(log, *(_reading(10 * number + one) for one in range(10)))
        take.close(log)


def checkpointing(take: Take, patch: pytest.MonkeyPatch) -> None:
    """While the WAL goes into the database."""
    _often(patch)
    with take.rolling():
        log = take.open()
        for number in range(30):
            take.write(log, _reading(number), _reading(number))
        take.close(log)


def alarms(take: Take, _: pytest.MonkeyPatch) -> None:
    """Each signed in its own transaction."""
    with take.rolling():
        log = take.open()
        for number in range(25):
            take.write(log, draft({"n": number}, sev=Severity.ALARM, what="interlock.tripped", cat=Category.INTERLOCK))
        take.close(log)


def snapshots(take: Take, patch: pytest.MonkeyPatch) -> None:
    """Decisions that take several leaves: all of them or none."""
    _often(patch)
    items = [{"channel": f"ch4-{number}", "value_milli": number * 100, "note": "甲烷" * 40} for number in range(90)]
    with take.rolling():
        log = take.open()
        for _round in range(8):
            take.write(log, draft({"snapshot": items}, sev=Severity.ALARM, what="interlock.tripped", cat=Category.INTERLOCK))
        take.close(log)


def witnessed(take: Take, patch: pytest.MonkeyPatch) -> None:
    """Events, and what the bridge says of them."""
    _often(patch)
    with take.rolling():
        log = take.open()
        for number in range(8):
            take.write(log, *(_reading(number) for _ in range(4)))
            take.witness(log)
        take.close(log)


def restarts(take: Take, _: pytest.MonkeyPatch) -> None:
    """The log is closed in order and opened again."""
    with take.rolling():
        for number in range(6):
            log = take.open()
            take.write(log, _reading(number))
            take.write(log, _reading(number))
            take.close(log)


def deleting(take: Take, patch: pytest.MonkeyPatch) -> None:
    """What the bridge has witnessed leaves the box."""
    patch.setattr(retention, "BATCH_LEAVES", WIDTH)
    patch.setattr(upkeep, "LOOK_S", 0.01)
    old = time.time_ns() // 1_000_000 - 3 * _DAY_MS
    with take.rolling():
        log = take.open(keep_days=0)
        take.write(log, *(msgspec.structs.replace(draft({"n": number}), t=old) for number in range(2 * WIDTH + 10)))
        take.witness(log)
        take.recorder.from_here()
        log.resting = True
        until(lambda: log.health().pruned == WIDTH)
        take.recorder.told(PRUNED, WIDTH)
        take.write(log, _reading(1))
        take.close(log)


def putting_aside(take: Take, _: pytest.MonkeyPatch) -> None:
    """The log does not verify: it is put aside, and the next epoch begins."""
    take.station.open().close()
    log = take.station.open(checkpoint_s=60)
    for number in range(9):
        log.append(_reading(number))
    until(lambda: not log.health().queue)
    take.judge.aside = _bend(take.station.path, log)
    # While somebody reads, the writer's leaving does not bring the WAL into the database: it has to be moved, too.
    with _being_read(take.station.path), take.rolling():
        log = take.open()
        assert log.health().log == 2
        for number in range(8):
            take.write(log, _reading(number))
        take.close(log)
    take.judge.epoch = 2


_READ = """
import sys
from pathlib import Path
from edge.audit.reader import Reader
reader = Reader.open(Path(sys.argv[1]))
print(reader.size(), flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def _being_read(path: Path) -> Iterator[None]:
    """Another process has the log open, as the link has: two SQLites in one process would not see each other's locks."""
    command = [sys.executable, "-c", _READ, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        assert int(reader.stdout.readline())
        yield
        reader.stdin.close()


def _bend(path: Path, log: AuditLog) -> int:
    """Change the last leaf of a log whose newest commits lie in its WAL, and leave them there; gives its leaves."""
    copy = path.parent / "copy"
    copy.mkdir()
    _take_over(path, copy)
    log.close()
    with contextlib.closing(sqlite3.connect(copy / path.name, isolation_level=None)) as db:
        db.execute("PRAGMA wal_autocheckpoint=0")
        (guard,) = db.execute("SELECT sql FROM sqlite_master WHERE name='event_stays'").fetchone()
        db.execute("DROP TRIGGER event_stays")
        db.execute("UPDATE event SET body=x'7b7d' WHERE seq=(SELECT max(seq) FROM event)")
        db.execute(guard)
        _take_over(copy / path.name, path.parent)
        (leaves,) = db.execute("SELECT count(*) FROM event").fetchone()
    shutil.rmtree(copy)
    return int(leaves)


def _take_over(path: Path, folder: Path) -> None:
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", folder)


def recovering(take: Take, _: pytest.MonkeyPatch) -> None:
    """The power went, comes back, and goes again during the start."""
    with take.rolling():
        log = take.open()
        for number in range(12):
            take.write(log, _reading(number), _reading(number))
        take.close(log)
    found = [cut for cut in cuts(take.recorder.recording(), Random(5), 0.1) if cut.told.get(LEAVES, 0) > 20]
    cut = next(cut for cut in found[len(found) // 2 :] if "audit.db-wal" in cut.files)
    lay_out(cut.files, take.folder)
    take.ends.clear()
    with take.rolling():
        for what, value in cut.told.items():
            take.recorder.told(what, value)
        log = take.open()
        for number in range(8):
            take.write(log, _reading(number))
        take.close(log)


def first_key(take: Take, _: pytest.MonkeyPatch) -> None:
    """The key is made, in a folder of its own, and signs."""
    (take.folder / KEY).parent.mkdir()
    with take.rolling():
        take.station.key = load_or_create(take.folder / KEY, log=take.station.path)
        log = take.open()
        for number in range(6):
            take.write(log, _reading(number))
        take.close(log)
    take.judge.key = KEY


def changing_the_key(take: Take, _: pytest.MonkeyPatch) -> None:
    """Another key signs from a certain record on; which one, the log says."""
    (take.folder / KEY).parent.mkdir()
    take.station.key = key = KeyFile.open(take.folder / KEY, log=take.station.path)
    publics = [key.public_key().public_bytes_raw()]
    with take.rolling():
        log = take.open()
        for number in range(1, 4):
            take.write(log, _reading(number), _reading(number))
            chain = log.rotate_key().result(PATIENCE_S)
            publics.append(chain.newest.public)
            take.recorder.told(LEAVES, chain.firsts[-1])
            take.recorder.told(CHANGES, number)
        take.write(log, _reading(0))
        take.close(log)
    take.judge.key, take.judge.publics = KEY, publics


def trip_ring(take: Take, _: pytest.MonkeyPatch) -> None:
    """Alarms go to the ring, more than it has slots for."""
    path = take.folder / "audit.ring"
    with take.rolling():
        kept = ring.TripRing.open(path, 0)
        for number in range(1, ring.SLOTS + 40):
            kept.put(draft({"n": number}, sev=Severity.ALARM))
            until(lambda: kept.written == number)  # noqa: B023 - it is called at once
            take.recorder.told(SLOTS, number)
        kept.close()

    def judge(folder: Path, told: Mapping[str, int], *, onward: bool) -> Verdict:
        newest = told.get(SLOTS, 0)
        # The slot that is being written has lost what it held before.
        wanted = range(max(1, newest - ring.SLOTS + 2), newest + 1)
        found = {number for number, slot in ring.read(folder / "audit.ring") if slot.data == {"n": number}}
        return Verdict(len(set(wanted) - found))

    take.judge = judge


def state_file(take: Take, _: pytest.MonkeyPatch) -> None:
    """The interlock's own state: the latch of a trip."""
    path = take.folder / "state.json"

    def state(number: int) -> Durable:
        return Durable(boot_id="b", mode=Mode.TRIPPED, attempt=number, finished=("x" * 60,) * number)

    with take.rolling():
        store = StateStore(path)
        for number in range(1, 40):
            done = threading.Event()
            store.save(state(number), done.set)
            assert done.wait(PATIENCE_S)
            take.recorder.told(STATES, number)
        store.close()

    def judge(folder: Path, told: Mapping[str, int], *, onward: bool) -> Verdict:
        store = StateStore(folder / "state.json")
        found, there = store.load()
        store.close()
        newest = told.get(STATES, 0)
        if found is None:
            return Verdict(newest, "the state is damaged" if there else "")
        return Verdict(max(0, newest - found.attempt), "" if found == state(found.attempt) else "another state")

    take.judge = judge


SCENES: dict[str, Callable[[Take, pytest.MonkeyPatch], None]] = {
    "one at a time": one_at_a_time,
    "in groups": in_groups,
    "while the WAL goes into the database": checkpointing,
    "alarms": alarms,
    "decisions of several leaves": snapshots,
    "witnessed": witnessed,
    "restarts": restarts,
    "deleting what is witnessed": deleting,
    "putting a bad log aside": putting_aside,
    "again during the start after a cut": recovering,
    "the first key": first_key,
    "changing the key": changing_the_key,
    "the trip ring": trip_ring,
    "the interlock's state": state_file,
}
