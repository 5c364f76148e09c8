"""Every parser of the outside, fuzzed at small size; and a parser that is broken on purpose is found out."""

import random

import pytest

from tests.fuzz.__main__ import TOTAL, main
from tests.fuzz.mutate import make
from tests.fuzz.run import TARGETS, Report, fuzz
from tests.fuzz.targets import Target

INPUTS = 4_000
SEED = 20261121

by_name = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name.replace(" ", "-"))


def test_a_million_inputs_and_more_by_default() -> None:
    """INT-10."""
    assert TOTAL >= 1_000_000


@by_name
def test_nothing_crashes_a_parser_and_no_garbage_is_accepted(target: Target) -> None:
    """BOX-01, BOX-06: what is accepted is found in the input by an oracle that shares no code with the parser."""
    report = fuzz(target, INPUTS, random.SystemRandom().randrange(2**32))
    assert report.problems == []
    assert report.accepted > INPUTS // 200, "a parser that refuses everything proves nothing"


@by_name
def test_a_parser_that_is_broken_on_purpose_is_found_out(target: Target) -> None:
    with target.broken():
        report = fuzz(target, INPUTS, SEED)
    assert report.wrong + report.crashes > 0
    assert not report.ok


@by_name
def test_the_same_seed_gives_the_same_inputs(target: Target) -> None:
    def some() -> list[bytes]:
        chance = random.Random(SEED)
        corpus = target.corpus(chance)
        return [make(chance, corpus, target.seal) for _ in range(200)]

    assert some() == some()


def test_the_command_prints_its_seed_and_says_by_its_exit_code_how_it_went(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--inputs", "2000", "--seed", "7", "--only", "badge"]) == 0
    assert "seed 7" in capsys.readouterr().out
    target = next(target for target in TARGETS if target.name == "badge broadcasts")
    with target.broken():
        assert main(["--inputs", "20000", "--seed", "7", "--only", "badge"]) == 1
    with pytest.raises(SystemExit):
        main(["--only", "nothing"])


def test_a_parser_that_refuses_everything_is_not_ok() -> None:
    assert not Report("x", inputs=1, problems=[]).ok
