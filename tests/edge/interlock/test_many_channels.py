"""A box with more channels than an event has room for: no record of a trip is refused for its length (ANT-10, KPI-16).

The bench writes every event as leaves, holds it to its type and makes every decision again from them.
"""

from typing import Any

import pytest

from contracts.event import MAX_INT, MAX_LEAF_BYTES
from contracts.gas import Unit
from edge.gas.reading import Quality
from edge.interlock.conditions import Verdict
from edge.interlock.decision_record import Recorder, digest, read
from edge.interlock.kernel import Step
from edge.interlock.record import MOST_REASONS, reason_data, reasons_data
from edge.interlock.site import confined_limits
from edge.interlock.state import Mode, Reason
from edge.interlock.watching import RECORDED
from tests.edge.interlock.bench import GB, SITE, Bench, group, replace

MANY = 80
LONGEST = "n" * 64
"""As long as the name of a channel may be."""


def _many() -> Bench:
    """Eighty channels with long names, each a group of its own, and the site's usual ones."""
    groups = tuple(
        group(f"g{n:02}-{LONGEST}"[:64], "1oo1", "CH4", Unit.PCT_LEL, f"c{n:02}-{LONGEST}"[:64]) for n in range(MANY)
    )
    groups += SITE.groups
    channels = tuple(one for each in groups for one in each.channels)
    return Bench(replace(SITE, groups=groups, confined=confined_limits(channels, GB)))


@pytest.fixture(scope="module")
def silent() -> Bench:
    """Released, then the whole bus falls silent, then somebody tries the reset and the arm button."""
    bench = _many().prepare().release()
    for gas in bench.gas.values():
        gas.silent_since = bench.now
    bench.run(1.0, ms=100)
    bench.press("reset")
    bench.press("arm")
    return bench


def test_a_trip_by_eighty_channels_at_once_keeps_its_first_out_and_counts_the_rest(silent: Bench) -> None:
    (trip,) = silent.found("interlock.tripped")
    assert (trip.data["code"], trip.data["released"]) == ("gas_stale", True)
    assert len(trip.data["others"]) == MOST_REASONS
    assert len(trip.data["others"]) + trip.data["more"] + 1 >= MANY
    assert silent.mode is Mode.TRIPPED


@pytest.mark.parametrize("kind", ["interlock.reset_refused", "interlock.arm_refused"])
def test_a_refusal_for_eighty_channels_counts_the_rest(silent: Bench, kind: str) -> None:
    (refused,) = silent.found(kind)
    assert len(refused.data["reasons"]) == MOST_REASONS
    assert refused.data["more"] >= MANY - MOST_REASONS


def test_the_decisions_record_has_every_reason(silent: Bench) -> None:
    assert silent.log is not None
    (trip,) = (event for event in silent.log.events if event.type == "interlock.tripped")
    _, verdicts = read(trip.data["snapshot"], silent.log.parts.__getitem__)
    assert len([reason for reason in verdicts["gas"] if reason.startswith("gas_stale") and "-nnn" in reason]) == MANY
    assert "of" in trip.data, "it takes several leaves"


def test_every_channel_is_recorded_while_released_in_as_many_events_as_it_takes(silent: Bench) -> None:
    """GB 30871-2022 6.5."""
    told = [note.data for note in silent.found("gas.record")]
    assert [row["chan"] for data in told for row in data["values"]] == [one.name for one in silent.site.channels]
    assert {len(data["values"]) for data in told[:-1]} == {RECORDED}
    assert all((data["seconds"], data["clause"]) == (told[0]["seconds"], told[0]["clause"]) for data in told)


def test_an_attempt_that_eighty_channels_end_is_told() -> None:
    bench = _many().prepare()
    bench.arm()
    for gas in bench.gas.values():
        gas.quality = Quality.FAULT
    bench.step()
    (told,) = bench.found("release.abandoned")
    assert (len(told.data["reasons"]), told.data["more"] >= MANY - MOST_REASONS) == (MOST_REASONS, True)


@pytest.mark.parametrize(("count", "more"), [(0, None), (MOST_REASONS, None), (MOST_REASONS + 1, 1), (MANY, MANY - MOST_REASONS)])
def test_the_first_reasons_are_told_and_how_many_there_are_besides(count: int, more: int | None) -> None:
    reasons = [Reason("gas_stale", f"c{number}") for number in range(count)]
    data = reasons_data("others", reasons)
    assert data["others"] == [reason_data(reason) for reason in reasons[:MOST_REASONS]]
    assert (data.get("more"), set(data) - {"more"}) == (more, {"others"})


def test_the_longest_reasons_leave_room_in_a_leaf() -> None:
    longest = Reason("gas_out_of_service_", "\u4e2d" * 64, -MAX_INT, -MAX_INT, "unix_s", "GB 30871-2022 5.3.2; GBZ 2.1-2019")
    assert len(repr(reasons_data("others", [longest] * MANY)).encode()) < MAX_LEAF_BYTES - 1500


@pytest.fixture(scope="module")
def last() -> Step:
    step = Bench().prepare().last
    assert step is not None
    return step


def _rows(step: Step, verdicts: dict[str, Verdict]) -> list[dict[str, Any]]:
    rows, _ = Recorder().step(step.given, verdicts)
    return [row for row in rows if row["k"] == "verdicts"]


def test_verdicts_that_fill_half_a_leaf_stay_one_row_and_are_dealt_out_beyond(last: Step) -> None:
    def verdicts(length: int) -> dict[str, Verdict]:
        return {"gas": Verdict((Reason("a", "x" * length), *(Reason("b", str(n)) for n in range(8)))), "stop": Verdict((Reason("c"),))}

    bare = len(repr(digest(verdicts(0))).replace(" ", "")) + len('{"k":"verdicts","v":}')
    at = next(n for n in range(MAX_LEAF_BYTES // 2 - bare - 100, MAX_LEAF_BYTES) if len(_rows(last, verdicts(n))) > 1)
    (row,) = _rows(last, verdicts(at - 1))
    assert row["v"] == digest(verdicts(at - 1))
    first, second, third = _rows(last, verdicts(at))
    assert [list(row["v"]) for row in (first, second, third)] == [["gas"], ["gas"], ["stop"]]
    assert [len(row["v"]["gas"]) for row in (first, second)] == [8, 1]
    rows, parts = Recorder().step(last.given, verdicts(at))
    texts = {part.sha256: "".join(part.pieces) for part in parts}
    given, said = read(rows, texts.__getitem__)
    assert (given, said) == (last.given, digest(verdicts(at)))
