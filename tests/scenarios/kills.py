"""Kill -9 of broker, bridge, ingest, link and interlock, while the box has much to record.

Two stages: `Units` has every process by itself, and all kinds are killed at the same time (`tests.scenarios.units`);
the demo's stage has the supervisors of box and bridge, which start again what was killed, and are killed too, one at a
time. `python -m tests.soak kills` makes a longer run.
"""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from contracts.event import decode
from edge.audit.reader import Reader
from firmware_sim.client import Site
from firmware_sim.demo.processes import DemoError
from firmware_sim.demo.stage import Stage
from tests.scenarios.both_sides import Leaf
from tests.scenarios.units import Killer, Units, kill_all

KINDS = ("broker", "bridge", "ingest", "link", "interlock")
OWN = ("broker", "bridge")
"""The stage starts these; the others are children that their supervisor starts again."""
PAUSE_S = (0.6, 1.6)
DOWN_S = (0.0, 0.8)
BACK_S = 30.0
RECOVERY_S = 60.0
FLIP_S = 0.08
EVENTS_A_KILL = 3
GASES = {"ch4-1": (0.0, 18.0), "o2-1": (20.9, 17.5)}
"""Channels with clean air and air beyond the limit."""


class Noise:
    """Things happen at the site, several a second: gas comes and goes, people, buttons. Each makes the box record."""

    def __init__(self, directory: Path, chance: random.Random) -> None:
        self._site, self._chance = Site(directory), chance
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._make)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()
        self._site.close()

    def _make(self) -> None:
        over = dict.fromkeys(GASES, False)
        turn = 0
        while not self._ended.wait(FLIP_S):
            turn += 1
            name = self._chance.choice(list(GASES))
            over[name] = not over[name]
            self._site.set(name, GASES[name][over[name]])
            if turn % 7 == 0:
                self._site.press("arm", 150)
            if turn % 20 == 0:
                self._site.set("badge", "performer", "here" if turn % 40 else "away")
        self._end_with_an_alarm()

    def _end_with_an_alarm(self) -> None:
        """An alarm is signed at once; after anything else the next checkpoint may be fifteen seconds away."""
        for name, (clean, _) in GASES.items():
            self._site.set(name, clean)
        threading.Event().wait(1.0)  # for the box to have polled clean air
        self._site.set("ch4-1", GASES["ch4-1"][True])


def order(kills: int, chance: random.Random) -> list[str]:
    """Each kind equally often, in random order."""
    drawn = [KINDS[number % len(KINDS)] for number in range(kills)]
    chance.shuffle(drawn)
    return drawn


def _children(pid: int) -> Iterator[int]:
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        yield from (int(child) for child in tasks.read_text(encoding="ascii").split())


def _is(pid: int, kind: str) -> bool:
    """Whether this child is the box's or the bridge's process of that name; a fork that has no name yet is not."""
    comm = Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip()
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return comm == f"hb-{kind}" or words[2:4] == [b"edge.process", kind.encode()]


class Supervised:
    """Kills one at a time, and starts again what no supervisor starts.

    Attributes:
        killed: how often each kind.
        at_work: how many of these hit one that was up: all, as each kill waits for that.
    """

    def __init__(self, stage: Stage, chance: random.Random) -> None:
        self._stage, self._chance = stage, chance
        self._down: dict[str, float] = {}
        self.killed: Counter[str] = Counter()
        self.at_work = self.killed

    def kill(self, kind: str) -> None:
        """Kill -9 one that runs; waits for it to be back after an earlier kill.

        Raises:
            TimeoutError: it does not come back.
        """
        self._until(lambda: self._killed(kind), BACK_S, f"{kind} to run again")
        self.killed[kind] += 1

    def _killed(self, kind: str) -> bool:
        pid = self._pid(kind)
        if pid is None:
            return False
        if kind in OWN:
            self._stage.kill(kind)
            self._down[kind] = time.monotonic() + self._chance.uniform(*DOWN_S)
        else:
            os.kill(pid, signal.SIGKILL)
        return True

    def wait(self, seconds: float) -> None:
        """Let things happen, and bring back what is down."""
        with suppress(TimeoutError):
            self._until(lambda: False, seconds, "")

    def until_witnessed(self) -> int:
        """Wait until the bridge has witnessed the whole log; gives its size.

        Raises:
            TimeoutError: it did not.
        """

        def done() -> bool:
            size, acked = log_sizes(self._stage)
            return size == acked > 0 and all(self._pid(kind) for kind in KINDS) and is_held_still(self._stage)

        self._until(done, RECOVERY_S, "the whole log to be witnessed")
        return log_sizes(self._stage)[0]

    def _until(self, true: Callable[[], bool], seconds: float, what: str) -> None:
        end, pause = time.monotonic() + seconds, threading.Event()
        while not true():
            now = time.monotonic()
            if now > end:
                raise TimeoutError(
                    f"expected {what} within {seconds:.0f} s; log size and witnessed: {log_sizes(self._stage)}"
                )
            for name in OWN:
                # A bridge that finds its port still taken by the one that was killed ends; systemd would try again, too.
                if self._stage.pid(name) is None and now >= self._down.setdefault(name, now + 0.3):
                    self._stage.launch(name)
                    del self._down[name]
            pause.wait(0.05)

    def _pid(self, kind: str) -> int | None:
        if kind in OWN:
            return self._stage.pid(kind)
        parent = self._stage.pid("bridge" if kind == "ingest" else "box")
        with suppress(FileNotFoundError, ProcessLookupError):
            return next((child for child in _children(parent) if _is(child, kind)), None) if parent else None
        return None


def log_sizes(stage: Stage) -> tuple[int, int]:
    """Durable and witnessed leaves of the box's log."""
    reader = Reader.open(log_file(stage))
    try:
        witnessed = reader.witnessed()
        return reader.size(), witnessed.size if witnessed else 0
    finally:
        reader.close()


def is_held_still(stage: Stage) -> bool:
    """Freeze the interlock, so that both sides can be counted and verified; False when it had just written more."""
    pid = _interlock(stage)
    if pid is None:
        return False
    os.kill(pid, signal.SIGSTOP)
    size, acked = log_sizes(stage)
    if size == acked:
        return True
    os.kill(pid, signal.SIGCONT)
    return False


def _let_go(stage: Stage) -> None:
    pid = _interlock(stage)
    if pid is not None:
        os.kill(pid, signal.SIGCONT)


def _interlock(stage: Stage) -> int | None:
    with suppress(OSError, DemoError):
        return stage.pid("interlock") if isinstance(stage, Units) else stage.interlock_pid()
    return None


def log_file(stage: Stage) -> Path:
    """The box's database."""
    return stage.box_dir / "data" / "audit" / "audit.db"


@contextmanager
def stage_set(directory: Path, say: Callable[[str], None] = lambda _: None) -> Iterator[Stage]:
    """The whole site on this machine; ends with the context."""
    stage = Stage(directory, say)
    try:
        stage.set()
        stage.box.state("LOCKED", seconds=30)
        yield stage
    finally:
        _let_go(stage)
        stage.close()


def run_supervised(stage: Stage, kills: int, chance: random.Random, say: Callable[[str], None] = lambda _: None) -> Supervised:
    """Kill in random order during a run, then let everything recover until the bridge has witnessed all.

    Raises:
        TimeoutError: something does not come back, or the log is not witnessed to its end.
    """
    killer = Supervised(stage, chance)
    with Noise(stage.site_dir, chance):
        for number, kind in enumerate(order(kills, chance), 1):
            killer.wait(chance.uniform(*PAUSE_S))
            killer.kill(kind)
            say(f"{number:>3} {kind:<9} log size, witnessed: {log_sizes(stage)}")
        killer.wait(1.0)
    began = time.monotonic()
    size = killer.until_witnessed()
    say(f"{size} leaves witnessed {time.monotonic() - began:.1f} s after the end")
    return killer


def too_little(leaves: list[Leaf], killer: Killer | Supervised) -> list[str]:
    """What of the kills does not show in the box's log; empty when each came while there was something to lose.

    At least three events a kill, and one start after an unclean end for each interlock that was killed at work; one that
    was killed before it had opened the log ended nothing.
    """
    unclean = sum(event.type == "system.boot" and event.data["clean"] is False for event in (decode(leaf.body) for leaf in leaves))
    least, most = killer.at_work["interlock"], killer.killed["interlock"]
    found = []
    if len(leaves) < EVENTS_A_KILL * killer.killed.total():
        found.append(f"{len(leaves)} events were recorded in {killer.killed.total()} kills, too few for these to matter")
    if not least <= unclean <= most:
        found.append(f"expected {least} to {most} starts after an unclean end, the log has {unclean}")
    return found


@contextmanager
def units_set(directory: Path, broker: str = "embedded", say: Callable[[str], None] = lambda _: None) -> Iterator[Units]:
    """The whole site on this machine, every process by itself; ends with the context."""
    stage = Units(directory, say, broker)
    try:
        stage.set()
        stage.site = Site(stage.site_dir)
        yield stage
    finally:
        _let_go(stage)
        stage.close()


def run_units(
    stage: Units, each: int, chance: random.Random, told: Callable[[int], None] = lambda _: None, *, only_at_work: bool = False,
) -> Killer:  # fmt: skip
    """Kill every kind so many times, all at once, then let everything recover until the bridge has witnessed all.

    With `only_at_work` a kill of one that was not up does not count.

    Raises:
        TimeoutError: something does not come back, or the log is not witnessed to its end.
    """
    with Noise(stage.site_dir, chance):
        killer = kill_all(stage, each, chance, told, only_at_work=only_at_work)
    pause, end = threading.Event(), time.monotonic() + RECOVERY_S
    while True:
        killer.look()
        size, acked = log_sizes(stage)
        if size == acked > 0 and killer.is_done() and is_held_still(stage):
            return killer
        if time.monotonic() > end:
            raise TimeoutError(f"expected the whole log to be witnessed within {RECOVERY_S:.0f} s: {acked} of {size} leaves are")
        pause.wait(0.05)
