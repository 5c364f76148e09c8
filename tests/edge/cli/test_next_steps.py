"""What `hotbox status` tells to do after a trip."""

from typing import Any

import msgspec
import pytest

from edge.cli.next_steps import lines, next_steps
from edge.cli.words import Words
from edge.interlock.status import CountdownView, ReasonView, RelayProofView, Status
from tests.edge.cli.box import Box

EN, ZH = Words("en"), Words("zh")
EXPIRED = ReasonView(
    "permit_expired", "HW-1", "2026-03-01 14:05:06", "2026-03-01 14:05:00", "", "", "作业票 HW-1 已过期",
    "permit HW-1 has expired", "重新办票", "apply for a new permit",
)  # fmt: skip


def _with(status: Status, failing: dict[str, tuple[ReasonView, ...]], **changes: Any) -> Status:
    """The same box, where these conditions alone fail."""
    verdicts = tuple(
        msgspec.structs.replace(v, ok=v.condition not in failing, reasons=failing.get(v.condition, ()))
        for v in status.verdicts
    )
    return msgspec.structs.replace(status, verdicts=verdicts, **changes)


@pytest.fixture
def status(tripped: Box) -> Status:
    return msgspec.convert(tripped.status(), Status)


def test_after_a_gas_trip_the_gas_comes_first_then_the_reset_then_a_new_gas_test(status: Status) -> None:
    steps = next_steps(status, EN)
    assert steps[0].startswith("first: ch4-1 is over its limit")
    assert "hotbox reset" in next(step for step in steps if "reset key" in step)
    assert "hotbox gas-test" in steps[-2]
    assert steps[-1].startswith("press arm again; permit HW-1 is good until ")


def test_with_an_expired_permit_a_new_one_is_needed(status: Status) -> None:
    """PTW-05: the work ends with its window; what then?"""
    watch = CountdownView("fire_watch", "HW-1", 0, 1_800_000, 3_600_000, "看火", "fire watch")
    expired = _with(status, {"permit": (EXPIRED,)}, countdowns=(watch,))
    steps = next_steps(expired, EN)
    assert len(steps) == 3
    assert "reset key" in steps[0]
    assert steps[1] == "keep the fire watch for another 30:00"
    assert steps[2] == "to work again: permit HW-1 has expired, so apply for a new permit at the bridge"
    assert next_steps(expired, ZH)[2] == "要再动火：作业票 HW-1 已过期，请重新办票"
    assert next_steps(_with(status, {}, permit=None, countdowns=()), EN)[-1].startswith("to work again: apply")


def test_after_the_reset_only_what_is_left_is_told(status: Status) -> None:
    assert next_steps(_with(status, {}, reset_done=True, countdowns=()), EN)[0].startswith("press arm again")


@pytest.mark.parametrize("words", [EN, ZH])
def test_a_fault_needs_the_proof_test_and_then_two_people(status: Status, words: Words) -> None:
    first, second = next_steps(_with(status, {}, state="FAULT"), words)[:2]
    assert "hotbox relay test --by A --by B" in first
    assert "hotbox reset --fault --by A --by B" in second


def test_after_a_proof_test_that_passed_only_the_reset_of_the_fault_is_left(status: Status) -> None:
    passed = RelayProofView("", True, status.since_us + 1, ("A", "B"), ())
    assert "hotbox reset --fault" in next_steps(_with(status, {}, state="FAULT", relay_proof=passed), EN)[0]
    before = RelayProofView("", True, status.since_us, ("A", "B"), ())
    assert "hotbox relay test" in next_steps(_with(status, {}, state="FAULT", relay_proof=before), EN)[0]


@pytest.mark.parametrize("state", ["LOCKED", "PERMISSIVE_OK", "ARMED", "RELEASED"])
def test_without_a_trip_there_is_nothing_to_tell(status: Status, state: str) -> None:
    assert lines(_with(status, {}, state=state), EN, 80) == []


@pytest.mark.parametrize("words", [EN, ZH])
def test_on_a_narrow_terminal_steps_are_folded_not_cut(status: Status, words: Words) -> None:
    shown = lines(status, words, 60)
    assert all(line.cell_len <= 60 for line in shown)
    joined = "".join(line.plain.replace(" ", "") for line in shown)
    assert all(step.replace(" ", "") in joined for step in next_steps(status, words))


def test_status_shows_them(tripped: Box) -> None:
    assert "what to do now" in tripped.hotbox("status").stdout
    assert "接下来" in tripped.hotbox("status", lang="zh").stdout
