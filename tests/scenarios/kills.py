"""Kill -9 of broker, bridge, ingest, link and interlock in random order, while the box has much to record.

`python -m tests.scenarios.kills --kills 100 [--seed N] [--dir DIR]` makes a longer run than the test and prints the
counts of both sides.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from edge.audit.reader import Reader
from firmware_sim.client import Site
from firmware_sim.demo.processes import code
from firmware_sim.demo.stage import BOX, Stage
from tests.scenarios import both_sides

KINDS = ("broker", "bridge", "ingest", "link", "interlock")
OWN = ("broker", "bridge")
"""The stage starts these; the others are children that their supervisor starts again."""
PAUSE_S = (0.6, 1.6)
DOWN_S = (0.0, 0.8)
BACK_S = 30.0
RECOVERY_S = 60.0
FLIP_S = 0.08
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


class Killer:
    """Kills, and starts again what no supervisor starts."""

    def __init__(self, stage: Stage, chance: random.Random) -> None:
        self._stage, self._chance = stage, chance
        self._down: dict[str, float] = {}
        self.killed: Counter[str] = Counter()

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
            return size == acked > 0 and all(self._pid(kind) for kind in KINDS)

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
        stage.close()


def run(stage: Stage, kills: int, chance: random.Random, say: Callable[[str], None] = lambda _: None) -> Killer:
    """Kill in random order during a run, then let everything recover until the bridge has witnessed all.

    Raises:
        TimeoutError: something does not come back, or the log is not witnessed to its end.
    """
    killer = Killer(stage, chance)
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


def main() -> int:
    """Exit code 0 when both sides hold the same."""
    parser = argparse.ArgumentParser(prog="python -m tests.scenarios.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--dir", type=Path, help="where everything is kept (default: a temporary folder)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hotbox-kills-") as temporary:
        print(f"seed {arguments.seed}", flush=True)
        with stage_set((arguments.dir or Path(temporary)).resolve(), print) as stage:
            began = time.monotonic()
            killer = run(stage, arguments.kills, random.Random(arguments.seed), lambda line: print(line, flush=True))
            seconds = time.monotonic() - began
            box = both_sides.box_leaves(log_file(stage))
            bridge = both_sides.bridge_leaves(stage.bridge_dir / "bridge.db", BOX)
            found = both_sides.differences(box, bridge)
            doubts = both_sides.bridge_doubts(stage.bridge_dir / "bridge.db", BOX)
            codes = [
                code(["hotbox", "-c", str(stage.config), "audit", "verify"], {}),
                code(["hotbox-bridge", "audit", "verify", BOX], stage.env),
            ]
    print(f"{dict(killer.killed)} in {seconds:.0f} s; {len(box)} events at the box, {len(bridge)} at the bridge")
    print("\n".join((*found, *doubts, *(f"exit code {number}: {text.strip()}" for number, text in codes))))
    return int(bool(found or doubts or any(number for number, _ in codes)))


if __name__ == "__main__":
    sys.exit(main())
