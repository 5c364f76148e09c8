"""What a case draws of a channel: everything near alarms and trips, the outline of the rest, and never too much."""

from functools import partial

import pytest

from contracts.event import ActionResult, Actor, Category, Event, Severity
from edge.audit.case.curve import NEAR_MS, TOGETHER, Curve, Point
from edge.audit.case.facts import GasRow
from edge.audit.case.report import _gas
from edge.audit.case.story import MOST_CHANNELS, MOST_POINTS, Story
from edge.audit.case.words import say


def value(t: int, milli: int | None, limit: int | None = None) -> Point:
    return Point(t, GasRow("ch4-1", "%LEL", milli, limit, "good"))


def told(kind: str, t: int, **data: object) -> Event:
    return Event(
        v=1, box="box-1", log=1, seq=t // 1000, boot=1, t=t, m=t * 1000, tq="rtc", te=0, cat=Category.GAS, type=kind,
        sev=Severity.INFO, src="interlock", actor=Actor("box", ""), res=ActionResult.OK, permit="HW-1", corr="1",
        data=data, prev="0" * 64,
    )  # fmt: skip


def curve(points: list[Point], *trips: int, most: int = 100) -> Curve:
    made = Curve(most)
    for point in points:
        made.add(point, trips)
    made.thin(trips)
    return made


@pytest.mark.parametrize(("count", "left_out"), [(100, False), (101, True), (199, True), (200, True), (5000, True)])
def test_as_many_as_are_drawn_stay_whole_and_more_are_thinned(count: int, left_out: bool) -> None:
    made = curve([value(n * 1000, n % 7) for n in range(count)])
    assert len(made.points) <= 100
    assert len(made.points) + made.left_out == count
    assert (made.left_out > 0) is left_out
    assert [point.t for point in made.points] == sorted({point.t for point in made.points})


def recorded(t: int, **limits: object) -> Event:
    row = {"chan": "ch4-1", "gas": "CH4", "unit": "%LEL", "q": "good", "value_milli": 0, **limits}
    return told("gas.record", t, seconds=7200, clause="GB 30871-2022 6.5", values=[row])


def test_a_quiet_case_says_what_its_channels_were_held_against() -> None:
    """Each limit once, drawn and in words with its clause, whether or not a value went beyond it (ANT-10)."""
    story = Story("")
    story.add(recorded(1000, limit_high_milli=10_000, limit_clause="5.3.2 <a>"))
    for t in range(2000, 9000, 1000):
        story.add(recorded(t, limit_low_milli=19_500, limit_high_milli=23_500, limit_clause="5.2.7"))
    story.add(recorded(9000, limit_low_milli=19_500, limit_clause="5.2.7"))
    story.add(recorded(10_000))
    page = _gas(story, partial(say, chinese=False))
    assert [line.partition("</p>")[0] for line in page.split('<p class="hint">')[2:]] == [
        "Limit ≤ 10 %LEL · 5.3.2 &lt;a&gt;", "Limit 19.5–23.5 %LEL · 5.2.7", "Limit ≥ 19.5 %LEL · 5.2.7",
    ]  # fmt: skip
    assert page.count('class="limit"') == 3


def test_of_a_channels_limits_no_more_are_told_than_there_is_room_for() -> None:
    story = Story("")
    for n in range(1, 10):
        story.add(recorded(n * 1000, limit_high_milli=n))
    assert [allowed.high_milli for allowed, _ in story.gas["ch4-1"].allowed] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_quiet_hours_keep_their_lowest_and_highest_values() -> None:
    values = [5] * 3000
    values[100], values[101], values[1700] = 9, -3, 8
    made = curve([value(n * 1000, milli) for n, milli in enumerate(values)])
    assert {(point.t, point.row.value_milli) for point in made.points} >= {(100_000, 9), (101_000, -3)}


def test_the_oldest_are_thinned_first() -> None:
    made = curve([value(n * 1000, n % 5) for n in range(150)])
    assert [point.t for point in made.points][-50:] == [n * 1000 for n in range(100, 150)]


@pytest.mark.parametrize(("away_ms", "whole"), [(NEAR_MS, True), (NEAR_MS + 1, False)])
@pytest.mark.parametrize("before", [True, False])
def test_what_is_near_a_trip_or_an_alarm_stays_whole(away_ms: int, whole: bool, before: bool) -> None:
    at = 10_000_000
    near = [value(at - away_ms - n if before else at + away_ms + n, 7 + n % 3) for n in range(1 if whole else 30)]
    quiet = [value(n * 1000, n % 3) for n in range(2000)]
    later = [value(at + 10 * NEAR_MS + n * 1000, n % 3) for n in range(90)]
    for trips, alarms in (((at,), []), ((), [value(at, 90, 50)])):
        made = curve(sorted([*quiet, *near, *alarms, *later], key=lambda point: point.t), *trips)
        assert ({point.t for point in near} <= {point.t for point in made.points}) is whole


def test_a_late_trip_is_drawn_however_long_it_was_quiet_before() -> None:
    """The first values alone would have filled the drawing."""
    story = Story("HW-1")
    for minute in range(2 * MOST_POINTS + 500):
        row = {"chan": "ch4-1", "unit": "%LEL", "n": 600, "bad": 0, "min_milli": 0, "mean_milli": 10, "max_milli": 20}
        story.add(told("gas.minute", minute * 60_000, ms=60_000, rows=[row]))
    at = (2 * MOST_POINTS + 500) * 60_000
    story.add(told("gas.changed", at - 500, chan="ch4-1", unit="%LEL", value_milli=9000))
    high = {"code": "gas_high", "chan": "ch4-1", "value_milli": 25_000, "limit_milli": 10_000, "unit": "%LEL"}
    story.add(told("interlock.tripped", at, **high, released=True, others=[]))
    made = story.gas["ch4-1"]
    made.thin(story.tripped)
    assert story.tripped == [at]
    assert [(point.t, point.row.value_milli) for point in made.points[-2:]] == [(at - 500, 9000), (at, 25_000)]
    assert made.points[0].t == 0
    assert len(made.points) <= MOST_POINTS


def test_what_surrounds_too_many_alarms_is_thinned_and_the_alarms_stay() -> None:
    points = [value(n * 10_000, 90 if n % 25 == 0 else n % 7, 50 if n % 25 == 0 else None) for n in range(500)]
    made = curve(points)
    assert len(made.points) <= 100
    assert sum(point.row.limit_milli is not None for point in made.points) == 20


def test_more_alarms_than_are_drawn_keep_the_highest() -> None:
    points = [value(n * 10_000, 90 + n % 11, 50) for n in range(3000)]
    points[1234] = value(12_340_000, 999, 50)
    made = curve(points)
    assert len(made.points) <= 100
    assert max(point.row.value_milli or 0 for point in made.points) == 999


def test_a_line_stays_broken_where_nothing_was_read() -> None:
    points = [value(n * 1000, 5) for n in range(300)]
    points[3 * TOGETHER + 2] = value((3 * TOGETHER + 2) * 1000, None)
    made = curve(points)
    assert None in {point.row.value_milli for point in made.points}
    blank = curve([value(n * 1000, None) for n in range(300)])
    assert 0 < len(blank.points) <= 100


def test_channels_beyond_the_most_are_named() -> None:
    story = Story("HW-1")
    for number in range(MOST_CHANNELS + 1):
        story.add(told("gas.changed", 1000, chan=f"c{number:02}", unit="%LEL", value_milli=1))
    assert (len(story.gas), story.gas_not_drawn) == (MOST_CHANNELS, {f"c{MOST_CHANNELS:02}"})
