"""Feeds inputs to a target and counts: refused, rightly accepted, and what must not be."""

import random
import time
from collections.abc import Callable

import msgspec

from tests.fuzz.codes import TARGETS as CODES
from tests.fuzz.modbus import TARGETS as MODBUS
from tests.fuzz.mutate import make
from tests.fuzz.notes import TARGETS as NOTES
from tests.fuzz.recordings import TARGETS as RECORDINGS
from tests.fuzz.relays import TARGETS as RELAYS
from tests.fuzz.targets import TARGETS as PURE
from tests.fuzz.targets import Target

TARGETS: tuple[Target, ...] = (*MODBUS, *RELAYS, *PURE, *CODES, *NOTES, *RECORDINGS)
_TOLD_EVERY = 5_000


class Report(msgspec.Struct):
    """What came of one target: the first few inputs that crashed it or were wrongly accepted stand in `problems`."""

    name: str
    inputs: int = 0
    accepted: int = 0
    wrong: int = 0
    crashes: int = 0
    seconds: float = 0.0
    problems: list[str] = []

    @property
    def ok(self) -> bool:
        """No crash, nothing wrongly accepted, and something accepted: a parser that refuses all proves nothing."""
        return not self.wrong and not self.crashes and bool(self.accepted)


def fuzz(target: Target, inputs: int, seed: int, told: Callable[[int], None] = lambda done: None) -> Report:
    """Feed `inputs` inputs; the same seed gives the same ones."""
    chance = random.Random(f"{seed} {target.name}")
    corpus, feed, report = target.corpus(chance), target.feed(), Report(target.name, problems=[])
    began = time.monotonic()
    for number in range(inputs):
        data = make(chance, corpus, target.seal)
        try:
            verdict = feed(data)
        except Exception as error:  # noqa: BLE001 - whatever a parser raises is a crash of its process
            report.crashes += 1
            _keep(report, f"input {number} {data!r}: {type(error).__name__}: {error}")
            feed = target.feed()
            continue
        if verdict == "":
            report.accepted += 1
        elif verdict is not None:
            report.wrong += 1
            _keep(report, f"input {number}: {verdict}")
        if number % _TOLD_EVERY == _TOLD_EVERY - 1:
            told(number + 1)
    report.inputs = inputs
    report.seconds = round(time.monotonic() - began, 1)
    told(inputs)
    return report


def _keep(report: Report, problem: str) -> None:
    if len(report.problems) < 5:
        report.problems.append(problem[:400])
