"""The line's budget: what is live never waits, the backlog keeps to its share (BOX-05, K4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.link.bucket import BURST_BYTES, OVERHEAD_BYTES, QUIET_S, SHARE_BUSY, SHARE_IDLE, Bucket
from tests.edge.link.test_outbox import Clock

RATE = 256
BYTES_PER_S = RATE * 125
FULL = BURST_BYTES - OVERHEAD_BYTES

# What happens after so many ms: a live message, or a try to send backlog.
STEPS = st.lists(
    st.tuples(st.integers(0, 3000), st.sampled_from(["live", "backlog"]), st.integers(1, FULL)), max_size=60
)


@given(STEPS)
def test_backlog_never_takes_more_than_rate_times_time_plus_one_burst(steps) -> None:
    """Over every span, and together with all that is live whenever backlog goes."""
    clock = Clock()
    bucket = Bucket(RATE, clock)
    gone: list[tuple[float, str, int]] = []
    for wait_ms, what, size in steps:
        clock.now += wait_ms / 1000
        if what == "live":
            bucket.live(size)
        elif bucket.wait_s(size) == 0:
            bucket.backlog(size)
        else:
            continue
        gone.append((clock.now, what, size + OVERHEAD_BYTES))
    for begin in range(len(gone)):
        total = backlog = 0
        for at, what, size in gone[begin:]:
            took_s = at - gone[begin][0]
            total += size
            if what == "backlog":
                backlog += size
                assert backlog <= SHARE_IDLE * BYTES_PER_S * took_s + BURST_BYTES + 1
                assert total <= BYTES_PER_S * took_s + BURST_BYTES + 1


@given(STEPS, st.integers(1, FULL))
def test_what_the_bucket_says_to_wait_is_enough_and_not_too_long(steps, size) -> None:
    clock = Clock()
    bucket = Bucket(RATE, clock)
    for wait_ms, what, sent in steps:
        clock.now += wait_ms / 1000
        if what == "live":
            bucket.live(sent)
        elif bucket.wait_s(sent) == 0:
            bucket.backlog(sent)
    wait_s = bucket.wait_s(size)
    if wait_s > 0.001:
        clock.now += wait_s - 0.001
        assert bucket.wait_s(size) > 0
        clock.now += 0.001
    assert bucket.wait_s(size) == pytest.approx(0, abs=1e-6)


def _drained(bucket: Bucket, clock: Clock, seconds: float, live_every_s: float | None) -> float:
    """Bytes of backlog a second, by a sender that waits exactly as it is told."""
    end, next_live, total = clock.now + seconds, clock.now, 0
    while clock.now < end:
        if live_every_s is not None and clock.now >= next_live:
            bucket.live(1)
            next_live += live_every_s
        wait_s = bucket.wait_s(FULL)
        if wait_s <= 1e-9:
            bucket.backlog(FULL)
            total += BURST_BYTES
        else:
            clock.now += wait_s if live_every_s is None else min(wait_s, max(1e-6, next_live - clock.now))
    return total / seconds


def test_backlog_has_nine_tenths_of_a_quiet_line_and_half_of_a_busy_one() -> None:
    clock = Clock()
    bucket = Bucket(RATE, clock)
    assert _drained(bucket, clock, 600, None) == pytest.approx(SHARE_IDLE * BYTES_PER_S, rel=0.01)
    assert _drained(bucket, clock, 600, QUIET_S / 2) == pytest.approx(SHARE_BUSY * BYTES_PER_S, rel=0.01)


def test_live_is_charged_and_the_backlog_pays_for_it() -> None:
    clock = Clock()
    bucket = Bucket(RATE, clock)
    assert bucket.wait_s(FULL) == 0
    bucket.live(10 * BYTES_PER_S)
    spared_s = BURST_BYTES / BYTES_PER_S  # the bucket was full
    assert bucket.wait_s(1) == pytest.approx(10 - spared_s, abs=0.01), "ten seconds of the line are gone"


def test_a_leaf_larger_than_a_piece_waits_for_a_full_bucket_and_goes() -> None:
    clock = Clock()
    bucket = Bucket(RATE, clock)
    assert bucket.wait_s(3 * BURST_BYTES) == 0
    bucket.backlog(3 * BURST_BYTES)
    clock.now += bucket.wait_s(3 * BURST_BYTES)
    assert bucket.wait_s(3 * BURST_BYTES) == pytest.approx(0, abs=1e-6)


def test_rate_0_never_waits() -> None:
    bucket = Bucket(0, Clock())
    for _ in range(100):
        bucket.live(FULL)
        bucket.backlog(FULL)
    assert bucket.wait_s(FULL) == 0
