"""A badge is here only after it was strong for the dwell, and gone when it was weak or unheard for the declared time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import BadgeRules
from edge.interlock import rules
from edge.presence.nearness import AWAY, Limits, Trace, hear
from edge.presence.process import nearness

MS = 1000
LIMITS = Limits(here_dbm=-75, gone_dbm=-85, dwell_us=2000 * MS, gone_us=20_000 * MS)


def follow(*heard: tuple[int, int], limits: Limits = LIMITS) -> Trace:
    """Broadcasts as (dBm, ms)."""
    trace = AWAY
    for rssi, ms in heard:
        trace = hear(trace, rssi, ms * MS, limits)
    return trace


def arrive(until_ms: int = 2000) -> list[tuple[int, int]]:
    return [(-60, ms) for ms in range(0, until_ms + 1, 500)]


@pytest.mark.parametrize(("ms", "here"), [(1999, False), (2000, True), (2001, True)])
def test_it_is_here_after_the_dwell_to_the_millisecond(ms, here):
    """PTW-04"""
    assert follow((-60, 0), (-60, 1000), (-60, ms)).here is here


@pytest.mark.rule("badge_dwell_ms")
@pytest.mark.parametrize(("more_ms", "here"), [(-1, False), (0, True), (1, True)])
def test_the_dwell_is_the_packs(more_ms, here):
    """PTW-04"""
    pack = rules.load("gb30871-2022")
    limits = nearness(BadgeRules("secrets.json"), pack)
    assert limits == LIMITS
    row = pack.badge_dwell_ms
    assert row.clause == "policy PTW-04: who walks past is not here"
    assert follow((-75, 0), (-75, row.value // 2), (-75, row.value + more_ms), limits=limits).here is here


@pytest.mark.parametrize(("rssi", "here"), [(-76, False), (-75, True), (-74, True)])
def test_it_comes_only_from_the_upper_threshold_on(rssi, here):
    """PTW-04"""
    assert follow((rssi, 0), (rssi, 1000), (rssi, 2000)).here is here


@pytest.mark.parametrize("rssi", [-76, -86, -120])
def test_one_weak_broadcast_begins_the_dwell_anew(rssi):
    """PTW-04"""
    assert follow((-60, 0), (rssi, 1000), (-60, 2000), (-60, 3999)) == Trace(False, 2_000_000, 3_999_000)
    assert follow((-60, 0), (rssi, 1000), (-60, 2000), (-60, 4000)).here


@pytest.mark.parametrize(("pause_ms", "here"), [(1999, True), (2000, True), (2001, False)])
def test_silence_longer_than_the_dwell_begins_it_anew(pause_ms, here):
    """PTW-04: two broadcasts far apart prove no staying."""
    assert follow((-60, 0), (-60, 500), (-60, 500 + pause_ms)).here is here


@pytest.mark.parametrize(("rssi", "kept"), [(-86, False), (-85, True), (-84, True)])
def test_while_here_it_stays_down_to_the_lower_threshold(rssi, kept):
    """PTW-04"""
    trace = follow(*arrive(), (rssi, 2500))
    assert trace.here
    assert (trace.heard_us == 2_500_000) is kept


@pytest.mark.parametrize(("ms", "here"), [(19_999, True), (20_000, True), (20_001, False)])
def test_unheard_for_the_declared_time_it_is_gone_to_the_millisecond(ms, here):
    """PTW-04: one broadcast after that does not bring it back."""
    assert follow(*arrive(), (-60, 2000 + ms)).here is here


@pytest.mark.parametrize(("ms", "here"), [(19_999, True), (20_000, True), (20_001, False)])
def test_weak_for_the_declared_time_it_is_gone_to_the_millisecond(ms, here):
    """PTW-04: weak broadcasts do not keep it."""
    weak = [(-86, 2000 + at) for at in range(500, ms, 500)]
    assert follow(*arrive(), *weak, (-80, 2000 + ms)).here is here


def test_who_was_gone_comes_back_only_through_the_whole_dwell():
    """PTW-04"""
    back = 30_000
    assert not follow(*arrive(), (-60, back), (-60, back + 1999)).here
    assert follow(*arrive(), (-60, back), (-60, back + 1000), (-60, back + 2000)).here


def test_without_a_dwell_the_first_strong_broadcast_counts():
    limits = Limits(-75, -85, 0, 1000)
    assert follow((-75, 5), limits=limits) == Trace(True, 5000, 5000)
    assert follow((-76, 5), limits=limits) == AWAY


@given(st.lists(st.tuples(st.integers(-110, -40), st.integers(1, 9_000)), max_size=60))
def test_here_is_never_kept_beyond_the_declared_time(steps):
    """PTW-04: whoever counts as here was heard at the lower threshold or above within the declared time."""
    trace, ms, strong = AWAY, 0, None
    for rssi, later in steps:
        ms += later
        trace = hear(trace, rssi, ms * MS, LIMITS)
        strong = ms if rssi >= LIMITS.gone_dbm else strong
        if trace.here:
            assert strong is not None
            assert ms - strong <= 20_000
            assert trace.heard_us == strong * MS
