"""The gas of every minute and every change worth a note: a record beside the trip path (ANT-10)."""

import statistics
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import event as events
from contracts.gas import Unit
from edge.gas.reading import Quality, Reading
from edge.interlock.gas_history import CHANGED, MINUTE, ROWS, GasHistory, mean, step_milli
from edge.interlock.rules import Limit
from tests.edge.interlock.bench import GB, SECOND, channel

PERCENT, MINUTE_US = GB.gas_change_percent.value, GB.gas_summary_s.value * SECOND
CH4, O2 = channel("ch4-1", "CH4", Unit.PCT_LEL, "torch"), channel("o2-1", "O2", Unit.VOL_PCT, "oxygen")


def reading(name: str, value: float | None, at_us: int, quality: Quality = Quality.GOOD) -> Reading:
    return Reading(name, value, quality, at_us, 0, None, "")


def history(*channels: str) -> GasHistory:
    made = [channel(name, "CH4", Unit.PCT_LEL, "torch") for name in channels] or [CH4, O2]
    return GasHistory(made, change_percent=PERCENT, minute_us=MINUTE_US)


@given(st.lists(st.integers(-5000, 100_000), min_size=1, max_size=80))
def test_a_minute_has_min_mean_max_of_every_reading(values: list[int]) -> None:
    made = history("ch4-1")
    made.due(0, cut=False)
    for number, value in enumerate(values):
        made.take(reading("ch4-1", value / 1000, number))
    told = dict(made.due(MINUTE_US, cut=False))
    (row,) = told[MINUTE]["rows"]
    assert row == {
        "chan": "ch4-1", "unit": "%LEL", "n": len(values), "bad": 0, "age_ms": (MINUTE_US - len(values) + 1) // 1000, "min_milli": min(values),
        "mean_milli": round(Fraction(sum(values), len(values))), "max_milli": max(values),
    }  # fmt: skip
    assert abs(row["mean_milli"] - statistics.mean(values)) <= 0.5


@pytest.mark.parametrize(("total", "count", "expected"), [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (8, 3, 3), (7, 3, 2), (0, 9, 0)])
def test_a_mean_between_two_numbers_is_the_even_one(total: int, count: int, expected: int) -> None:
    assert mean(total, count) == expected


def test_bad_quality_is_counted_not_averaged() -> None:
    made = history("ch4-1")
    made.due(0, cut=False)
    made.take(reading("ch4-1", 2.0, 1))
    for quality in Quality:
        if quality is not Quality.GOOD:
            made.take(reading("ch4-1", 99.0, 2, quality))
    made.take(reading("ch4-1", None, 3))
    made.take(reading("ch4-1", float("nan"), 4))
    (row,) = dict(made.due(MINUTE_US, cut=False))[MINUTE]["rows"]
    assert (row["n"], row["bad"], row["max_milli"]) == (1, len(Quality) - 1 + 2, 2000)


def test_a_minute_without_a_good_reading_tells_no_value() -> None:
    made = history("ch4-1")
    made.due(0, cut=False)
    made.take(reading("ch4-1", None, 1, Quality.BAD_FRAME))
    made.take(reading("elsewhere", 5.0, 1))
    assert made.due(MINUTE_US, cut=False) == [(MINUTE, {"ms": 60_000, "rows": [{"chan": "ch4-1", "unit": "%LEL", "n": 0, "bad": 1}]})]


@pytest.mark.rule("gas_summary_s")
@pytest.mark.parametrize(("after_us", "told"), [(MINUTE_US - 1, False), (MINUTE_US, True), (MINUTE_US + 1, True)])
def test_a_minute_is_told_when_it_is_over(after_us: int, told: bool) -> None:
    """policy ANT-10: no second of a release without a gas value of its minute."""
    made = history()
    assert made.due(7, cut=False) == []
    assert bool(made.due(7 + after_us, cut=False)) is told
    # The next one begins there.
    assert made.due(7 + after_us + (MINUTE_US - 1 if told else 0), cut=False) == []


@pytest.mark.parametrize(("after_us", "told"), [(0, False), (1, True), (30 * SECOND, True)])
def test_the_end_of_a_release_cuts_the_minute_short(after_us: int, told: bool) -> None:
    made = history()
    made.due(5, cut=False)
    found = made.due(5 + after_us, cut=True)
    assert [data["ms"] for _, data in found] == ([after_us // 1000] if told else [])


def test_each_minute_counts_anew() -> None:
    made = history("ch4-1")
    made.due(0, cut=False)
    made.take(reading("ch4-1", 9.0, 1))
    made.due(MINUTE_US, cut=False)
    made.take(reading("ch4-1", 9.1, MINUTE_US + 1))
    (row,) = dict(made.due(2 * MINUTE_US, cut=False))[MINUTE]["rows"]
    assert (row["n"], row["min_milli"], row["max_milli"]) == (1, 9100, 9100)


@pytest.mark.rule("gas_change_percent")
@pytest.mark.parametrize(("value", "told"), [(0.499, False), (0.5, True), (0.501, True), (-0.499, False), (-0.5, True)])
def test_a_value_is_told_when_it_is_the_packs_share_of_the_limit_away(value: float, told: bool) -> None:
    """policy ANT-10: a change by a twentieth of the limit is told (10 %LEL: 0.5)."""
    made = history("ch4-1")
    made.take(reading("ch4-1", 0.0, 0))
    assert made.due(0, cut=False) == [(CHANGED, {"chan": "ch4-1", "unit": "%LEL", "value_milli": 0})]
    made.take(reading("ch4-1", value, SECOND))
    changed = {"chan": "ch4-1", "unit": "%LEL", "value_milli": round(value * 1000), "was_milli": 0}
    assert made.due(SECOND, cut=False) == ([(CHANGED, changed)] if told else [])


@pytest.mark.parametrize("up_us", [0, 3600 * SECOND])
@pytest.mark.parametrize(("after_us", "told"), [(SECOND - 1, 0), (SECOND, 1), (SECOND + 1, 1)])
def test_a_channel_is_told_once_a_second_at_most(after_us: int, told: int, up_us: int) -> None:
    made = history("ch4-1")
    made.take(reading("ch4-1", 0.0, up_us))
    made.due(up_us, cut=False)
    made.take(reading("ch4-1", 5.0, up_us + after_us))
    assert len(made.due(up_us + after_us, cut=False)) == told


def test_a_slow_drift_is_told_against_what_was_told_last() -> None:
    made = history("ch4-1")
    for second in range(11):
        made.take(reading("ch4-1", second / 10, second * 2 * SECOND))
    assert [data["value_milli"] for _, data in made.due(0, cut=False)] == [0, 500, 1000]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(None, 10.0, 500), (19.5, 23.5, 200), (19.5, None, 975), (None, 0.001, 1), (None, None, 1)],
)
def test_the_share_is_of_the_band_or_of_the_one_bound(low: float | None, high: float | None, expected: int) -> None:
    if low is None and high is None:
        with pytest.raises(ValueError, match="empty"):
            step_milli(Limit("X", Unit.VOL_PCT, "clause"), PERCENT)
        return
    assert step_milli(Limit("X", Unit.VOL_PCT, "clause", low=low, high=high), PERCENT) == expected


def test_many_channels_are_told_in_pieces_that_fit_a_leaf() -> None:
    names = [f"a-long-name-of-a-channel-{number}" for number in range(ROWS + 1)]
    made = history(*names)
    made.due(0, cut=False)
    for name in names:
        made.take(reading(name, 99.999, 1))
    minutes = [data for kind, data in made.due(MINUTE_US, cut=False) if kind == MINUTE]
    assert [len(data["rows"]) for data in minutes] == [ROWS, 1]
    assert all(len(str(data)) < events.MAX_LEAF_BYTES - 1024 for data in minutes)
