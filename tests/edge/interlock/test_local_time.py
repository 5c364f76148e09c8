"""Moments reach people as day and time, not as seconds since 1970."""

import os
import re
import time
from collections.abc import Iterator

import pytest

from edge.interlock.local_time import keep_site_clock, local_time, zone_name
from edge.interlock.state import Reason
from edge.interlock.texts import describe
from edge.interlock.view import reason_view

_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def test_a_second_is_told_as_day_and_time() -> None:
    assert _TIME.fullmatch(local_time(1_772_000_000))


@pytest.mark.parametrize("far", [2**40, 2**62, 253_402_300_800])
def test_a_moment_that_no_calendar_reaches_ends_nothing(far: int) -> None:
    """A permit's claims go up to 2^40 s; the status document is made in the interlock's own loop."""
    assert str(far) in local_time(far)


def test_an_expired_permits_reason_shows_times() -> None:
    view = reason_view(Reason("permit_expired", "HW-1", 1_772_000_060_000, 1_772_000_000_000, "unix_s"))
    assert _TIME.fullmatch(view.value)
    assert _TIME.fullmatch(view.limit)
    assert view.unit == ""


def test_other_units_are_shown_as_numbers() -> None:
    view = reason_view(Reason("gas_high", "ch4-1", 12_500, 10_000, "%LEL"))
    assert (view.value, view.limit, view.unit) == ("12.5", "10", "%LEL")


def test_an_events_sentence_holds_no_seconds_since_1970() -> None:
    first = {"code": "permit_expired", "chan": "HW-1", "value_milli": 1_772_000_060_000, "unit": "unix_s"}
    for text in describe("interlock.tripped", {"first_out": first, **first}):
        assert "1772000060" not in text
        assert "unix_s" not in text


@pytest.fixture
def own_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process in its machine's zone, which is put back."""
    monkeypatch.setenv("TZ", os.environ.get("TZ", "UTC"))
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("own_zone")
@pytest.mark.parametrize(
    ("offset_min", "told", "zone"),
    [
        (480, "2026-02-25 14:13:20", "UTC+8"),
        (0, "2026-02-25 06:13:20", "UTC+0"),
        (330, "2026-02-25 11:43:20", "UTC+5:30"),
        (-210, "2026-02-25 02:43:20", "UTC-3:30"),
        (840, "2026-02-25 20:13:20", "UTC+14"),
        (-720, "2026-02-24 18:13:20", "UTC-12"),
    ],
)
def test_moments_are_told_by_the_sites_clock(offset_min: int, told: str, zone: str) -> None:
    """Whoever reads the box and the bridge's pages reads the same time, whatever zone the box's machine is set to."""
    keep_site_clock(offset_min)
    assert local_time(1_772_000_000) == told
    assert zone_name(1_772_000_000) == zone
