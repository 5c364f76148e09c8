"""Attempts at the log, each at a place of its own; both verifiers must find every one.

Three of the kinds leave a file in which everything fits: for these, both are given the notes that the bridge holds.
"""

from collections import Counter
from pathlib import Path

from edge.audit.report import Outcome as Verified
from tests.edge.audit.crash.cutting import scratch
from tests.edge.audit.tampering import BY_NOTES, KINDS, Bench
from tests.soak.outcome import Outcome, Told

ATTEMPTS = 20_000
FOUND = {Verified.TAMPERED, Verified.INCONSISTENT}
_TELL_EVERY = 50


def run(_: Path, seed: int, told: Told) -> Outcome:
    """As many attempts of each kind as of any other."""
    with scratch() as memory:
        return _attempts(Bench(memory), seed, told)


def _attempts(bench: Bench, seed: int, told: Told) -> Outcome:
    names = list(KINDS)
    tried: Counter[str] = Counter()
    missed, crashed, otherwise = 0, 0, 0
    problems: list[str] = []
    for number in range(ATTEMPTS):
        kind, chance = names[number % len(names)], seed * ATTEMPTS + number
        bench.tamper(kind, chance)
        tried[kind] += 1
        try:
            report, second = bench.verify(bench.held(kind)), bench.second(bench.held(kind))
        except Exception as error:  # noqa: BLE001 - a verifier that crashes is what is looked for
            crashed += 1
            problems.append(f"{kind} {chance}: {type(error).__name__}: {error}")
            continue
        if report.status not in FOUND or report.first_bad is None:
            missed += 1
            problems.append(f"{kind} {chance}: {report.status}")
        if second != report.exit_code:
            otherwise += 1
            problems.append(f"{kind} {chance}: exit code {report.exit_code}, by the second verifier {second}")
        if not (number + 1) % _TELL_EVERY:
            told("attempts", number + 1, ATTEMPTS)
    figures = {"attempts": sum(tried.values()), "kinds": len(tried), "fewest_of_a_kind": min(tried.values())}
    figures["with_the_bridges_notes"] = sum(tried[kind] for kind in BY_NOTES)
    figures |= {"missed": missed, "crashed_a_verifier": crashed, "verifiers_disagreed": otherwise}
    return Outcome(figures, problems[:20])
