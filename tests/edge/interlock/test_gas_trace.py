"""Every reading of the minute before an alarm and of the minute after it, at the full rate (ANT-10)."""

from typing import Any

import msgspec
import pytest

from contracts import event as events
from contracts.event import MAX_INT, ActionResult, Actor, Category, Event, Severity
from contracts.gas import Unit
from edge.gas.reading import Quality, Reading
from edge.interlock import gas_trace
from edge.interlock.gas_trace import ENDED, PIECE_BYTES, POINTS, TRACE, GasTrace
from tests.edge.interlock.bench import GB, SECOND, channel

AROUND_US = GB.gas_trace_s.value * SECOND
TENTH = SECOND // 10
NAMES = ("ch4-1", "ch4-2")
BEGAN = 10_000 * SECOND


class Air:
    """Two detectors read ten times a second; what the trace gives is collected."""

    def __init__(self, around_us: int = AROUND_US, names: tuple[str, ...] = NAMES, began: int = BEGAN) -> None:
        self.names = names
        self.trace = GasTrace([channel(name, "CH4", Unit.PCT_LEL, "torch") for name in names], around_us=around_us)
        self.now, self.read = began, 0
        self.told: list[tuple[str, dict[str, Any]]] = []

    def breathe(self, seconds: float, *, alarm: bool = False, value: float = 1.5) -> "Air":
        for _ in range(round(seconds * 10)):
            self.now += TENTH
            for name in self.names:
                self.trace.take(Reading(name, value, Quality.GOOD, self.now, 0, None, ""))
            if alarm:
                self.trace.alarm(self.now)
            self.collect()
        return self

    def collect(self) -> None:
        """A turn is at most one piece; there are twenty a second."""
        for _ in range(2):
            piece = self.trace.due(self.now)
            if piece is not None:
                self.told.append(piece)

    def points(self, name: str) -> list[int]:
        """When each point of a channel was read, µs, in the order of the log."""
        pieces = [data for kind, data in self.told if kind == TRACE and data["chan"] == name]
        return [data["m"] + ms * 1000 for data in pieces for ms, *_ in data["points"]]

    def ends(self) -> list[dict[str, Any]]:
        return [data for kind, data in self.told if kind == ENDED]


@pytest.mark.rule("gas_trace_s")
@pytest.mark.parametrize("alarm_s", [0.1, 20])
def test_sixty_seconds_around_an_alarm_are_whole(alarm_s: float) -> None:
    """policy ANT-10: every reading of the minute before an alarm and after it."""
    air = Air().breathe(200)
    first = air.now + TENTH
    air.breathe(alarm_s, alarm=True)
    last = air.now
    air.breathe(120)
    expected = list(range(first - AROUND_US, last + AROUND_US + 1, TENTH))
    for name in NAMES:
        assert air.points(name) == expected
    (end,) = air.ends()
    assert end == {"from_m": first - AROUND_US, "to_m": last + AROUND_US, "points": 2 * len(expected), "dropped": 0}
    assert not air.trace.is_running


def test_what_was_before_the_alarm_is_written_at_once() -> None:
    """Whoever pulls the plug after the alarm does not take the minute before it along."""
    air = Air().breathe(100).breathe(0.1, alarm=True).breathe(11)
    for name in NAMES:
        assert len(air.points(name)) >= 590


def test_a_flapping_alarm_is_one_trace() -> None:
    air = Air().breathe(70)
    for _ in range(6):
        air.breathe(1, alarm=True).breathe(30)
    air.breathe(100)
    assert len(air.ends()) == 1
    for name in NAMES:
        points = air.points(name)
        assert points == sorted(set(points))
        assert len(points) == 599 + 10 * (6 * 31 - 30 + 60) + 1 - 1 + 1


def test_a_second_alarm_soon_after_a_trace_repeats_nothing_of_it() -> None:
    air = Air().breathe(70).breathe(1, alarm=True).breathe(90).breathe(1, alarm=True).breathe(100)
    assert len(air.ends()) == 2
    for name in NAMES:
        points = air.points(name)
        assert points == sorted(set(points))
        assert air.ends()[1]["from_m"] == air.ends()[0]["to_m"] + 1


def test_no_alarm_writes_nothing() -> None:
    assert Air().breathe(300).told == []


def test_a_bad_reading_says_what_it_is_and_a_late_one_is_left_out() -> None:
    made = GasTrace([channel("ch4-1", "CH4", Unit.PCT_LEL, "torch")], around_us=AROUND_US)
    made.take(Reading("ch4-1", 99.5, Quality.OVER_RANGE, BEGAN, 0, None, ""))
    made.take(Reading("ch4-1", 1.0, Quality.GOOD, BEGAN, 0, None, ""))
    made.take(Reading("ch4-1", None, Quality.BAD_FRAME, BEGAN + 2500, 0, None, ""))
    made.take(Reading("ch4-1", -0.25, Quality.GOOD, BEGAN + SECOND, 0, None, ""))
    made.take(Reading("unknown", 1.0, Quality.GOOD, BEGAN + SECOND, 0, None, ""))
    made.alarm(BEGAN + SECOND)
    told = made.due(BEGAN + SECOND + AROUND_US + 1)
    assert told == (TRACE, {
        "chan": "ch4-1", "unit": "%LEL", "m": BEGAN,
        "points": [[0, 99500, "over_range"], [2, None, "bad_frame"], [1000, -250]],
    })  # fmt: skip
    assert made.due(BEGAN + SECOND + AROUND_US + 1) == (
        ENDED, {"from_m": BEGAN + SECOND - AROUND_US, "to_m": BEGAN + SECOND + AROUND_US, "points": 3, "dropped": 0},
    )  # fmt: skip


def test_what_was_dropped_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gas_trace, "MOST_AN_HOUR", 2 * POINTS + 10)
    air = Air().breathe(70).breathe(1, alarm=True).breathe(100)
    (end,) = air.ends()
    written = sum(len(air.points(name)) for name in NAMES)
    assert (end["points"], end["points"] + end["dropped"]) == (written, 2 * (599 + 10 + 600 + 1 - 0))
    assert 2 * POINTS - 20 <= written <= 2 * POINTS + 10


@pytest.mark.parametrize("up_us", [0, 5000 * SECOND, BEGAN])
@pytest.mark.parametrize(("later_s", "written"), [(2400, False), (3600 + 120, True)])
def test_another_hour_has_its_own_share(monkeypatch: pytest.MonkeyPatch, later_s: int, written: bool, up_us: int) -> None:
    """However long the box was up at its first alarm."""
    monkeypatch.setattr(gas_trace, "MOST_AN_HOUR", POINTS)
    air = Air(began=up_us).breathe(70).breathe(1, alarm=True).breathe(100)
    before = len(air.points("ch4-1")) + len(air.points("ch4-2"))
    assert before
    air.now = up_us + later_s * SECOND
    air.breathe(70).breathe(1, alarm=True).breathe(100)
    assert (len(air.points("ch4-1")) + len(air.points("ch4-2")) > before) is written


@pytest.mark.parametrize(("later_us", "written"), [(3600 * SECOND - 1, False), (3600 * SECOND, True)])
def test_an_hours_share_is_there_again_an_hour_later(monkeypatch: pytest.MonkeyPatch, later_us: int, written: bool) -> None:
    monkeypatch.setattr(gas_trace, "MOST_AN_HOUR", 1)
    made = GasTrace([channel("ch4-1", "CH4", Unit.PCT_LEL, "torch")], around_us=AROUND_US)
    for at in (BEGAN, BEGAN + later_us):
        made.take(Reading("ch4-1", 1.0, Quality.GOOD, at, 0, None, ""))
        made.alarm(at)
        kinds = [told and told[0] for told in (made.due(at + 2 * AROUND_US), made.due(at + 2 * AROUND_US))]
        assert kinds == ([TRACE, ENDED] if at == BEGAN or written else [None, ENDED])


@pytest.mark.parametrize(("points", "waits"), [(POINTS - 1, True), (POINTS, False)])
def test_a_piece_is_written_as_soon_as_it_is_full(points: int, waits: bool) -> None:
    made = GasTrace([channel("ch4-1", "CH4", Unit.PCT_LEL, "torch")], around_us=AROUND_US)
    for number in range(points):
        made.take(Reading("ch4-1", 1.0, Quality.GOOD, BEGAN + number * 1000, 0, None, ""))
    made.alarm(BEGAN)
    told = made.due(BEGAN + SECOND)
    assert (told is None) is waits
    assert waits or len(told[1]["points"]) == POINTS  # type: ignore[index]


def test_what_does_not_fill_a_piece_waits_ten_seconds() -> None:
    made = GasTrace([channel("ch4-1", "CH4", Unit.PCT_LEL, "torch")], around_us=AROUND_US)
    for number in range(5):
        made.take(Reading("ch4-1", 1.0, Quality.GOOD, BEGAN + number * TENTH, 0, None, ""))
    made.alarm(BEGAN)
    assert made.due(BEGAN + 10 * SECOND - 1) is None
    told = made.due(BEGAN + 10 * SECOND)
    assert told is not None
    assert len(told[1]["points"]) == 5


def test_a_trace_whose_points_are_all_written_ends_with_its_time_and_not_before() -> None:
    made = GasTrace([channel("ch4-1", "CH4", Unit.PCT_LEL, "torch")], around_us=AROUND_US)
    made.take(Reading("ch4-1", 1.0, Quality.GOOD, BEGAN, 0, None, ""))
    made.alarm(BEGAN)
    assert made.due(BEGAN + 10 * SECOND) is not None
    assert made.due(BEGAN + AROUND_US) is None, "a reading of this very moment may still come"
    told = made.due(BEGAN + AROUND_US + 1)
    assert told is not None
    assert told[0] == ENDED


def test_the_trace_of_a_box_that_has_just_started_begins_with_it() -> None:
    made = GasTrace([channel("ch4-1", "CH4", Unit.PCT_LEL, "torch")], around_us=AROUND_US)
    made.alarm(SECOND)
    assert made.due(2 * AROUND_US) == (ENDED, {"from_m": 0, "to_m": SECOND + AROUND_US, "points": 0, "dropped": 0})


def test_a_reading_that_is_older_than_the_last_is_left_out() -> None:
    made = GasTrace([channel("ch4-1", "CH4", Unit.PCT_LEL, "torch")], around_us=AROUND_US)
    for at in (BEGAN, BEGAN + SECOND, BEGAN + TENTH, BEGAN + SECOND, BEGAN + SECOND + 1000):
        made.take(Reading("ch4-1", 1.0, Quality.GOOD, at, 0, None, ""))
    made.alarm(BEGAN)
    told = made.due(BEGAN + 2 * AROUND_US)
    assert told is not None
    assert [ms for ms, _ in told[1]["points"]] == [0, 1000, 1001]


def test_what_a_running_trace_has_not_written_is_not_forgotten() -> None:
    """The log may be slow just then: nothing of an alarm is lost for that."""
    made = GasTrace([channel("ch4-1", "CH4", Unit.PCT_LEL, "torch")], around_us=AROUND_US)
    times = [BEGAN + number * TENTH for number in range(3000)]
    for at in times:
        made.take(Reading("ch4-1", 1.0, Quality.GOOD, at, 0, None, ""))
        made.alarm(at)
    read = [data["m"] + ms * 1000 for data in _pieces(made, times[-1]) for ms, _ in data["points"]]
    assert read == times


def test_what_is_written_is_forgotten_and_no_point_with_it() -> None:
    """Also where everything that was written is older than the minute before the alarm."""
    made = GasTrace([channel("ch4-1", "CH4", Unit.PCT_LEL, "torch")], around_us=AROUND_US)
    times = [BEGAN + number * TENTH for number in range(720)]
    for at in times:
        made.take(Reading("ch4-1", 1.0, Quality.GOOD, at, 0, None, ""))
        made.alarm(at)
    read: list[int] = []
    for _ in range(3):
        told = made.due(times[-1])
        assert told is not None
        read += [told[1]["m"] + ms * 1000 for ms, _ in told[1]["points"]]
    assert read == times
    later = times[-1] + 2 * AROUND_US
    made.take(Reading("ch4-1", 1.0, Quality.GOOD, later, 0, None, ""))
    made.alarm(later)
    assert [data["m"] for data in _pieces(made, later)] == [later]
    (ring,) = made._rings.values()
    assert len(ring.at) == 1


def _pieces(trace: GasTrace, now_us: int) -> list[dict[str, Any]]:
    """All that is left, once its time is over."""
    told: list[dict[str, Any]] = []
    while piece := trace.due(now_us + AROUND_US + 1):
        if piece[0] == ENDED:
            break
        told.append(piece[1])
    return told


def test_without_an_alarm_only_the_last_minute_is_kept() -> None:
    air = Air().breathe(600)
    assert all(len(ring.at) <= 600 + 512 + 1 for ring in air.trace._rings.values())


def test_a_long_alarm_holds_no_more_than_it_has_to() -> None:
    """What is written is let go of: an alarm of hours must not fill the memory."""
    air = Air().breathe(600, alarm=True)
    assert all(len(ring.at) <= 600 + 2 * 512 + POINTS for ring in air.trace._rings.values())


@pytest.mark.parametrize(
    ("value", "quality", "whole"),
    [(-1234.567, Quality.GOOD, True), (-1234.567, Quality.UNDER_RANGE, False), (-MAX_INT / 1000, Quality.OVER_RANGE, False)],
)
def test_every_piece_fits_a_leaf_whatever_the_numbers_are(value: float, quality: Quality, whole: bool) -> None:
    """A register may say anything, and a record that is refused ends every release."""
    name = "n" * 64
    made = GasTrace([channel(name, "CH4", Unit.PCT_LEL, "torch")], around_us=AROUND_US)
    for number in range(POINTS + 5):
        made.take(Reading(name, value, quality, BEGAN + number * 249_000, 0, None, ""))
    made.alarm(BEGAN + POINTS * 249_000)
    kind, data = made.due(BEGAN + 2 * AROUND_US) or ("", {})
    first = data["points"]
    assert (len(first) == POINTS) is whole
    leaf = events.encode(Event(
        v=1, box="b" * 64, log=1, seq=2**40, boot=9999, t=2**41, m=2**50, tq="sync", te=1000, cat=Category.GAS,
        type=kind, sev=Severity.INFO, src="interlock", actor=Actor("box", ""), res=ActionResult.OK, permit="P" * 64,
        corr="99999", data=data, prev="0" * 64,
    ))  # fmt: skip
    assert len(leaf) <= events.MAX_LEAF_BYTES
    length = sum(len(msgspec.json.encode(point)) + 1 for point in first)
    assert whole or PIECE_BYTES - 40 < length <= PIECE_BYTES, "as many as fit"
    _, then = made.due(BEGAN + 2 * AROUND_US) or ("", {})
    assert then["m"] == BEGAN + len(first) * 249_000, "the next piece goes on there"


def test_a_piece_has_one_point_however_long_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gas_trace, "PIECE_BYTES", 1)
    made = GasTrace([channel("ch4-1", "CH4", Unit.PCT_LEL, "torch")], around_us=AROUND_US)
    for number in range(3):
        made.take(Reading("ch4-1", 1.0, Quality.GOOD, BEGAN + number * TENTH, 0, None, ""))
    made.alarm(BEGAN)
    told = [made.due(BEGAN + 2 * AROUND_US) for _ in range(4)]
    assert [len(data["points"]) for kind, data in filter(None, told) if kind == TRACE] == [1, 1, 1]
    assert told[3] is not None
    assert told[3][1]["points"] == 3


def test_the_last_piece_that_fills_it_to_the_byte_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    made = GasTrace([channel("ch4-1", "CH4", Unit.PCT_LEL, "torch")], around_us=AROUND_US)
    for number in range(3):
        made.take(Reading("ch4-1", 1.0, Quality.GOOD, BEGAN + number * 1000, 0, None, ""))
    made.alarm(BEGAN)
    monkeypatch.setattr(gas_trace, "PIECE_BYTES", 3 * len("[0,1000],"))
    told = made.due(BEGAN + 2 * AROUND_US)
    assert told is not None
    assert told[1]["points"] == [[0, 1000], [1, 1000], [2, 1000]]
