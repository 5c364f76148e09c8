"""Quiet hours by the site's clock: over midnight, over both changes of summer time."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_bridge.notify.quiet import is_quiet, over_at

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
NIGHT = time(22), time(7)


def over(local: str, begins: time, ends: time, zone=SHANGHAI) -> str:
    now = datetime.fromisoformat(local)
    now = now if now.tzinfo else now.replace(tzinfo=zone)
    end = over_at(now.astimezone(UTC), begins, ends, zone)
    return end.astimezone(zone).isoformat() if end else ""


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-07-01T21:59:59", ""),
        ("2026-07-01T22:00:00", "2026-07-02T07:00:00+08:00"),
        ("2026-07-01T23:59:59", "2026-07-02T07:00:00+08:00"),
        ("2026-07-02T00:00:00", "2026-07-02T07:00:00+08:00"),
        ("2026-07-02T06:59:59", "2026-07-02T07:00:00+08:00"),
        ("2026-07-02T07:00:00", ""),
        ("2026-12-31T23:00:00", "2027-01-01T07:00:00+08:00"),
    ],
)
def test_the_night_goes_over_midnight(now, end):
    assert over(now, *NIGHT) == end


def test_quiet_hours_within_a_day():
    assert over("2026-07-01T12:30:00", time(12), time(14)) == "2026-07-01T14:00:00+08:00"
    assert over("2026-07-01T14:00:00", time(12), time(14)) == ""


def test_equal_times_and_missing_ones_mean_no_quiet_hours():
    now = datetime(2026, 7, 1, tzinfo=UTC)
    assert over_at(now, time(7), time(7), SHANGHAI) is None
    assert over_at(now, None, None, SHANGHAI) is None
    assert over_at(now, time(0), None, SHANGHAI) is None


def test_the_night_of_the_change_to_summer_time_is_an_hour_shorter():
    assert over("2026-03-28T23:00:00", *NIGHT, BERLIN) == "2026-03-29T07:00:00+02:00"
    asleep = datetime(2026, 3, 29, 7, tzinfo=BERLIN).astimezone(UTC) - datetime(2026, 3, 28, 22, tzinfo=BERLIN).astimezone(UTC)
    assert asleep == timedelta(hours=8)


def test_an_end_that_the_change_leaves_out_is_over_when_the_clock_has_jumped_over_it():
    assert over("2026-03-29T01:00:00", time(22), time(2, 30), BERLIN) == "2026-03-29T03:30:00+02:00"


def test_an_end_that_comes_twice_is_over_the_first_time():
    assert over("2026-10-25T01:00:00", time(22), time(2, 30), BERLIN) == "2026-10-25T02:30:00+02:00"


def test_in_the_hour_that_comes_again_the_second_end_is_waited_for():
    assert over("2026-10-25T02:10:00+01:00", time(22), time(2, 30), BERLIN) == "2026-10-25T02:30:00+01:00"


ZONES = st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(ZONES, MOMENTS, st.times().map(lambda t: t.replace(second=0, microsecond=0)),
       st.times().map(lambda t: t.replace(second=0, microsecond=0)))  # fmt: skip
def test_quiet_hours_always_end_within_a_day_and_it_is_not_quiet_then(zone, now, begins, ends):
    zone = ZoneInfo(zone)
    end = over_at(now, begins, ends, zone)
    assert (end is not None) == is_quiet(now.astimezone(zone).time(), begins, ends)
    if end is not None:
        assert now < end <= now + timedelta(hours=25, minutes=30)
        assert not is_quiet(end.astimezone(zone).time(), begins, ends)
