"""Runs the matrix: rows × states, spread over lanes that run beside each other; what is done is kept as it comes."""

import queue
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from firmware_sim.errors import SimulationError
from tests.bench.plant import LateError
from tests.faults.lane import DisturbedError, Lane, OtherError
from tests.faults.rig import KINDS, lane
from tests.faults.rows import SAFE, Expect, Row

STATES = ("RELEASED", "LOCKED")
LANES = {"people": 3, "bus": 2, "plant": 1, "camera": 1, "panel": 1, "icpdas": 1, "chain": 1, "host": 1}
"""How many sites and boxes there are of each kind, the longest work first: what they wait for is mostly time."""
AT_ONCE = 6
"""Sites and boxes that run beside each other: more keep two cores so busy that detectors and relays are late."""

_DISTURBED = 3
_OTHERS = 10
"""One run in so many may be opened by what its fault does not reach (a busy machine is late, too); more are unsafe."""
_WHOLE = 4
"""After every so many runs a refused release is watched for as long as a release may take to come about."""
_STARTS = 3


class Result(msgspec.Struct):
    """One row in one state: `worst_ms` of its runs, None where there is no time; `problems` are the unsafe runs.

    `disturbed` are runs that were not so far before the fault: they say nothing about the row and were made again.
    `others` names what opened the contact in time, after a fault that does not reach it: made again, too, but only a few.
    `before` are the unsafe runs of earlier tries of this row, in a run of the matrix that was gone on with. `source` is the
    commit that ran it.
    """

    device: str
    fault: str
    state: str
    expected: str
    why_zh: str
    why_en: str
    limit_ms: float | None = None
    limit: str = ""
    runs: int = 0
    times_ms: list[float] = []
    named: str = ""
    disturbed: int = 0
    problems: list[str] = []
    others: list[str] = []
    before: list[str] = []
    source: str = ""

    @property
    def worst_ms(self) -> float | None:
        """The worst of its times."""
        return max(self.times_ms, default=None)

    @property
    def safe(self) -> bool:
        """Every run did what is expected, in time."""
        return bool(self.runs) and not self.problems

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is the result of."""
        return self.device, self.fault, self.state


class Work(msgspec.Struct, frozen=True):
    """A row in a state."""

    row: Row
    state: str

    def empty(self) -> Result:
        """Its result before the first run."""
        row = self.row
        fault = row.name.removeprefix(row.device).strip()
        expected = row.released if self.state == "RELEASED" else row.locked
        return Result(row.device, fault, self.state, expected.value, *row.why)


def works(rows: Sequence[Row]) -> list[Work]:
    """Every row in both states."""
    return [Work(row, state) for row in rows for state in STATES]


Told = Callable[[Result], None]


def run(todo: Sequence[Work], runs: int, directory: Path, told: Told, *, seed: int, lanes: dict[str, int] = LANES) -> list[Result]:
    """Run `todo`, each `runs` times; `told` gets every finished row. Results are in the order of `todo`.

    Raises:
        SimulationError: a site did not come up.
    """
    queues: dict[str, queue.SimpleQueue[Work]] = {kind: queue.SimpleQueue() for kind in KINDS}
    for work in todo:
        queues[work.row.lane].put(work)
    done: dict[tuple[str, str, str], Result] = {}
    broken: list[Exception] = []
    lock, places = threading.Lock(), threading.BoundedSemaphore(AT_ONCE)

    def finished(result: Result) -> None:
        with lock:
            done[result.key] = result
            told(result)

    def work_off(kind: str, number: int) -> None:
        chance = random.Random(f"{seed} {kind} {number}")
        try:
            with places, ExitStack() as stack:
                used: Lane | None = None
                while not broken:
                    work = queues[kind].get_nowait()
                    used = used or _begin(stack, kind, directory / f"{kind}-{number}", chance)
                    finished(_measure(used, work, runs, broken))
        except queue.Empty:
            return
        except (SimulationError, LateError, OSError) as error:
            broken.append(error)

    threads = []
    for kind, most in lanes.items():
        numbers = range(min(most, queues[kind].qsize()))
        threads += [threading.Thread(target=work_off, args=(kind, number)) for number in numbers]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except BaseException:
        # Stopped: every lane ends its run and its own processes, which would outlive this one.
        broken.append(SimulationError("stopped"))
        for thread in threads:
            thread.join()
        raise
    if broken:
        raise SimulationError(f"a lane broke: {broken[0]}") from broken[0]
    return [done[work.empty().key] for work in todo]


def _begin(stack: ExitStack, kind: str, directory: Path, chance: random.Random) -> Lane:
    """A lane that ends with `stack`; one that did not come up on a busy machine is begun anew."""
    for start in range(1, _STARTS):
        try:
            return stack.enter_context(lane(kind, directory / str(start), chance))
        except LateError as error:
            print(f"{kind}: begun anew: {error}", file=sys.stderr)
    return stack.enter_context(lane(kind, directory / str(_STARTS), chance))


def _measure(used: Lane, work: Work, runs: int, broken: Sequence[Exception] = ()) -> Result:
    result = work.empty()
    expected = Expect(result.expected)
    limit = work.row.limit(used.limits)
    if expected in (Expect.OPENS, Expect.FAULT, Expect.CUT, Expect.REFUSED, Expect.FAILS):
        result.limit_ms, result.limit = round(limit.ms, 1), limit.text
    while result.runs < runs:
        if broken:
            raise broken[0]
        try:
            measured = used.run(work.row, work.state == "RELEASED", whole=result.runs % _WHOLE == 0)
        except DisturbedError as error:
            result.disturbed += 1
            print(f"{work.state}: {error}", file=sys.stderr)
            if result.disturbed > max(_DISTURBED, runs // 2):
                result.runs += 1
                result.problems.append(str(error))
            continue
        except OtherError as error:
            result.others.append(error.cause)
            print(f"{work.state}: {error}", file=sys.stderr)
            if len(result.others) > max(1, runs // _OTHERS):
                result.runs += 1
                result.problems.append(str(error))
            continue
        except LateError as error:
            result.runs += 1
            result.problems.append(str(error))
            print(f"{work.state}: {error}", file=sys.stderr)
            continue
        result.runs += 1
        if measured.named and measured.named not in result.named.split("; "):
            result.named = "; ".join(name for name in (result.named, measured.named) if name)
        if measured.ms is None:
            continue
        result.times_ms.append(round(measured.ms, 1))
        if result.limit_ms is not None and measured.ms > result.limit_ms:
            result.problems.append(f"{measured.ms:.0f} ms, allowed {result.limit_ms:.0f} ms")
    return result


def estimate_s(todo: Sequence[Work], runs: int, lanes: dict[str, int] = LANES) -> float:
    """About how long `run` takes, in seconds, on an otherwise idle machine."""
    a_run = {"people": 9.0, "camera": 8.0, "host": 6.0, "panel": 4.0, "plant": 4.0}
    start = {"people": 20.0, "camera": 45.0}
    by_kind = {kind: sum(work.row.lane == kind for work in todo) for kind in KINDS}
    of = {kind: start.get(kind, 15.0) + count * runs * a_run.get(kind, 2.6) for kind, count in by_kind.items() if count}
    return max([sum(of.values()) / AT_ONCE, *(seconds / lanes[kind] for kind, seconds in of.items())])


def expected_words(result: Result) -> tuple[str, str]:
    """What is expected, Chinese and English."""
    return SAFE[Expect(result.expected)]


def stamp() -> str:
    """The day of a run."""
    return time.strftime("%Y-%m-%d")
