"""Ten thousand attempts of 31 kinds, by two verifiers that share no line: none is missed, none crashes one (ANT-09)."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts import checkpoint as checkpoints
from edge.audit import statements, verify
from edge.audit.case import verifier
from edge.audit.report import Outcome
from tests.edge.audit.tampering import BY_NOTES, KINDS, SIZE, WITNESSED, Bench

ATTEMPTS = 10_000
TURNS = 10
FOUND = {Outcome.TAMPERED, Outcome.INCONSISTENT}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


def test_what_nobody_touched_verifies(bench: Bench) -> None:
    """The control of all the others: the log itself is sound."""
    bench.restore()
    report = bench.verify()
    assert (report.status, report.size, report.witnessed) == (Outcome.UNWITNESSED, SIZE, WITNESSED)
    assert bench.second() == report.exit_code == 4
    report = bench.verify(bench.notes)
    assert (report.status, report.size, report.witnessed) == (Outcome.OK, SIZE, SIZE)
    assert bench.second(bench.notes) == report.exit_code == 0


@pytest.mark.parametrize("turn", range(TURNS))
def test_ten_thousand_attempts_none_missed(bench: Bench, turn: int) -> None:
    """At least 320 of each kind, each at its own place: found and named by the first verifier, found by the second."""
    names = list(KINDS)
    tried: Counter[str] = Counter()
    for number in range(turn, ATTEMPTS, TURNS):
        kind = names[(number // TURNS) % len(names)]
        bench.tamper(kind, number)
        held = bench.held(kind)
        report = bench.verify(held)
        assert report.status in FOUND, (kind, number, report)
        assert report.first_bad is not None, (kind, number, report)
        assert 0 <= report.first_bad <= SIZE + 500
        assert bench.second(held) == report.exit_code, (kind, number, report)
        tried[kind] += 1
    assert sum(tried.values()) == ATTEMPTS // TURNS
    assert min(tried.values()) >= 32


@pytest.mark.parametrize("kind", BY_NOTES)
def test_what_only_the_bridges_notes_convict_fits_without_them(bench: Bench, kind: str) -> None:
    """The attempts of these kinds are good ones: the file alone shows nothing, to neither verifier."""
    for number in range(40):
        bench.tamper(kind, number)
        report = bench.verify()
        assert report.status in (Outcome.OK, Outcome.UNWITNESSED), (number, report)
        assert bench.second() == report.exit_code
        assert bench.verify(bench.notes).status is Outcome.INCONSISTENT


def _blind(*_: object) -> bool:
    return True


WEAKER: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "signatures": (lambda patch: patch.setattr(checkpoints, "_valid", _blind), "signature"),
    "roots": (lambda patch: patch.setattr(statements.Statements, "_checkpoint", lambda self, row, _: setattr(self, "_good", row[0])), "edit and rechain"),
    "schema": (lambda patch: patch.setattr(verify, "same_schema", _blind), "planted"),
    "witness records": (lambda patch: patch.setattr(statements.Statements, "_ack", lambda *_: None), "witness record"),
    "frontiers": (lambda patch: patch.setattr(statements.Statements, "_checkpoint", _without_frontier), "frontier"),
}  # fmt: skip
_WHOLE = statements.Statements._checkpoint


def _without_frontier(self: statements.Statements, row: tuple[object, ...], frontier: object) -> None:
    packed = frontier.pack() if frontier is not None else row[2]  # type: ignore[attr-defined]
    _WHOLE(self, (row[0], row[1], packed), frontier)  # type: ignore[arg-type]


@pytest.mark.parametrize("check", WEAKER)
def test_a_verifier_with_one_check_less_misses(bench: Bench, monkeypatch: pytest.MonkeyPatch, check: str) -> None:
    """A test that cannot fail proves nothing: without this check the attempts of its kind pass."""
    weaken, kind = WEAKER[check]
    weaken(monkeypatch)
    missed = 0
    for number in range(40):
        bench.tamper(kind, number)
        missed += bench.verify().status not in FOUND
    assert missed > 0


class _Anything:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


WEAKER_SECOND: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "signatures": (lambda patch: patch.setattr(verifier.Key, "accepts", _blind), "signature"),
    "tables": (lambda patch: patch.setattr(verifier, "OURS", _Anything()), "planted"),
}


@pytest.mark.parametrize("check", WEAKER_SECOND)
def test_so_does_the_second_verifier(bench: Bench, monkeypatch: pytest.MonkeyPatch, check: str) -> None:
    weaken, kind = WEAKER_SECOND[check]
    weaken(monkeypatch)
    missed = 0
    for number in range(40):
        bench.tamper(kind, number)
        missed += bench.second() in (0, 4)
    assert missed > 0


def test_an_attempt_is_the_same_again(bench: Bench, tmp_path: Path) -> None:
    """A seed names an attempt, so that one that was missed can be looked at."""
    bench.tamper("splice", 7)
    first = bench.verify()
    bench.tamper("splice", 7)
    again = bench.verify()
    assert (first.first_bad, first.reason, first.detail) == (again.first_bad, again.reason, again.detail)
