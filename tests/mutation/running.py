"""Runs the tests against each mutant: pytest collects once, then every mutant is a fork that runs the tests which reach it.

A fork runs the tests that killed the function's last mutants first, then those that killed most in its module, then
the quickest, and stops at the first failure. Its limits are in processor time, so a busy machine makes no false time-outs.
"""

import contextlib
import functools
import gc
import math
import os
import resource
import signal
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from _pytest.runner import runtestprotocol

from tests.mutation import switch
from tests.mutation.reaching import Reaching
from tests.mutation.scope import ROOT
from tests.mutation.sowing import Mutant

LIMIT_FACTOR = 10
LIMIT_EXTRA_S = 20
WALL_FACTOR = 20
"""A mutant may use this many times the processor time of its tests, and some more; then it counts as killed."""
MEMORY_BYTES = 4 << 30
_RECENT = 12


class Fate(msgspec.Struct, frozen=True):
    """What became of a mutant: `by` is the test that failed, "" when it survived, "time-out" when it did not end."""

    mutant: Mutant
    by: str
    tests: int
    cpu_s: float


class BaselineError(Exception):
    """The tests fail without any mutant."""


class Runner:
    """A pytest plugin whose test loop is the mutation run.

    Args:
        mutants: what to try.
        jobs: forks at a time.
        told: called with every fate as it is known.
        started: called with the number of tests and their seconds when they passed unchanged.
    """

    def __init__(
        self, mutants: list[Mutant], jobs: int, told: Callable[[Fate], None], started: Callable[[int, float], None]
    ) -> None:
        self._mutants = mutants
        self._jobs = jobs
        self._told = told
        self._started = started
        self._reaching = Reaching(sorted({ROOT / mutant.module for mutant in mutants}))
        self._took_s: dict[str, float] = {}
        self._items: dict[str, pytest.Item] = {}
        self._killers: dict[str, deque[str]] = {}
        self._kills: Counter[tuple[str, str]] = Counter()
        self.failed: list[str] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Once without a mutant, then once for each."""
        self._items = {item.nodeid: item for item in session.items}
        self._baseline(session)
        if self.failed:
            return True
        self._started(len(self._items), sum(self._took_s.values()))
        gc.collect()
        gc.freeze()
        self._all()
        gc.unfreeze()
        return True

    def _baseline(self, session: pytest.Session) -> None:
        self._reaching.start()
        for at, item in enumerate(session.items):
            forget_caches()
            self._reaching.next_test(item.nodeid)
            began = time.process_time()
            following = session.items[at + 1] if at + 1 < len(session.items) else None
            reports = runtestprotocol(item, log=False, nextitem=following)
            self._took_s[item.nodeid] = time.process_time() - began
            self.failed += [f"{item.nodeid}\n{report.longreprtext}" for report in reports if report.failed]
        self._reaching.stop()

    def _all(self) -> None:
        waiting = iter(self._mutants)
        running: dict[int, tuple[Mutant, int, int]] = {}
        try:
            while True:
                while len(running) < self._jobs and (mutant := next(waiting, None)):
                    tests = self._order(mutant)
                    if not tests:
                        self._told(Fate(mutant, "", 0, 0.0))
                        continue
                    pid, read = self._fork(mutant, tests)
                    running[pid] = mutant, read, len(tests)
                if not running:
                    return
                pid, status, usage = os.wait4(-1, 0)
                if pid in running:
                    mutant, read, tests_n = running.pop(pid)
                    self._ended(mutant, read, status, tests_n, usage.ru_utime + usage.ru_stime)
        finally:
            for pid in running:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _order(self, mutant: Mutant) -> list[str]:
        kills, reaching = self._kills, self._reaching.tests(ROOT / mutant.module, mutant.lines)
        tests = sorted(reaching, key=lambda test: (-kills[mutant.module, test], self._took_s[test]))
        known = self._killers.get(mutant.name, deque())
        first = [test for test in known if test in tests]
        return first + [test for test in tests if test not in first]

    def _fork(self, mutant: Mutant, tests: list[str]) -> tuple[int, int]:
        read, write = os.pipe()
        pid = os.fork()
        if pid:
            os.close(write)
            return pid, read
        os.close(read)
        killed_by = "crash"
        try:
            self._limit(sum(self._took_s[test] for test in tests))
            null = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(null, fd)
            switch.choose(mutant.name, mutant.number)
            forget_caches()
            killed_by = self._first_failure(tests)
        finally:
            os.write(write, killed_by.encode())
            os._exit(0)

    def _limit(self, expected_s: float) -> None:
        limit = math.ceil(expected_s * LIMIT_FACTOR + LIMIT_EXTRA_S)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, limit * WALL_FACTOR)

    def _first_failure(self, tests: list[str]) -> str:
        for at, test in enumerate(tests):
            following = self._items[tests[at + 1]] if at + 1 < len(tests) else None
            try:
                reports = runtestprotocol(self._items[test], log=False, nextitem=following)
            except BaseException:  # noqa: BLE001 - a mutant may raise anything, also what ends pytest
                return test
            if any(report.failed for report in reports):
                return test
        return ""

    def _ended(self, mutant: Mutant, read: int, status: int, tests: int, cpu_s: float) -> None:
        with os.fdopen(read, "rb") as pipe:
            by = pipe.read().decode()
        if os.WIFSIGNALED(status):
            by = "time-out" if os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL, signal.SIGALRM) else "crash"
        elif by in self._items:
            known = self._killers.setdefault(mutant.name, deque(maxlen=_RECENT))
            if by in known:
                known.remove(by)
            known.appendleft(by)
            self._kills[mutant.module, by] += 1
        self._told(Fate(mutant, by, tests, cpu_s))


@functools.cache
def _caches() -> tuple[Any, ...]:
    found = [each for each in gc.get_objects() if isinstance(each, functools._lru_cache_wrapper)]
    return tuple(each for each in found if each.__module__.startswith("edge."))


def forget_caches() -> None:
    """Nothing computed before may answer for a mutant."""
    for cached in _caches():
        cached.cache_clear()
