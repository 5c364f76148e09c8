"""What the ring of recordings holds and what goes: nothing beyond its bound, and never what must be kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.ring import BLOCK_BYTES, LEAST_FREE_BYTES, Held, bound, on_disk, plan, room

DAY_S = 86_400
NOW_S = 1_800_000_000


def held(name: int, *, size: int = 10, age_d: float = 0, keep: bool = False, keep_d: int = 31) -> Held:
    return Held(f"{name:064x}", size, NOW_S - round(age_d * DAY_S), keep, keep_d)


def names(made: tuple[Held, ...]) -> list[int]:
    return [int(each.commitment, 16) for each in made]


def test_the_oldest_that_need_not_be_kept_give_way() -> None:
    made = plan([held(1, age_d=1), held(2, age_d=3), held(3, age_d=2)], 30, 15, NOW_S)
    assert (names(made.remove), made.fits) == ([2, 3], True)


def test_no_more_goes_than_has_to() -> None:
    assert plan([held(1, age_d=2), held(2, age_d=1)], 30, 10, NOW_S) == plan([], 30, 10, NOW_S)
    assert names(plan([held(1, age_d=2), held(2, age_d=1)], 30, 11, NOW_S).remove) == [1]


def test_what_must_be_kept_is_never_overwritten() -> None:
    """GB 30871-2022 B.3: and where only that is left nothing goes, and nothing is recorded."""
    special = [held(number, age_d=30, keep=True) for number in (1, 2)]
    made = plan([*special, held(3, age_d=1)], 29, 10, NOW_S)
    assert (made.remove, made.fits) == ((), False)
    assert names(plan([*special, held(3, age_d=1)], 30, 10, NOW_S).remove) == [3]


@pytest.mark.parametrize(("age_d", "over"), [(30.9, False), (31, False), (31.001, True)])
@pytest.mark.parametrize("keep", [False, True])
def test_what_was_kept_for_its_time_goes_although_there_is_room(age_d: float, over: bool, keep: bool) -> None:
    """A month, then it is deleted, whoever asked for it."""
    assert bool(plan([held(1, age_d=age_d, keep=keep)], 1000, 10, NOW_S).remove) is over


def test_with_a_clock_that_nobody_believes_nothing_is_old() -> None:
    """A clock set forward by a year must not delete a month of recordings."""
    old = held(1, age_d=400, keep=True)
    assert plan([old], 1000, 10, 0).remove == ()
    assert room([old], 1000, 0) == 990
    assert room([old], 1000, NOW_S) == 1000


def test_room_counts_what_may_be_overwritten() -> None:
    assert room([held(1, keep=True), held(2)], 100, NOW_S) == 90
    assert room([held(1, size=500, keep=True)], 100, NOW_S) == 0


@pytest.mark.parametrize(
    ("free_gib", "most"), [(100, 50), (20.25, 30), (0.25, 10), (0.125, 10 - 0.125), (0, 10 - 0.25)]
)
def test_others_on_the_filesystem_make_the_ring_smaller(free_gib: float, most: float) -> None:
    """The log lies there, too: recordings leave it its room."""
    gib = 2**30
    found = bound(50 * gib, 10 * gib, round(free_gib * gib), 200 * gib)
    assert found == round(most * gib)
    assert gib // 4 == LEAST_FREE_BYTES


def test_of_a_small_filesystem_a_tenth_is_left() -> None:
    assert bound(10**9, 0, 10**8, 10**9) == 0
    assert bound(10**9, 0, 2 * 10**8, 10**9) == 10**8


def test_files_count_by_whole_blocks() -> None:
    assert on_disk(1) == on_disk(BLOCK_BYTES) == 2 * BLOCK_BYTES
    assert on_disk(BLOCK_BYTES + 1, 10) == 5 * BLOCK_BYTES


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 40), st.booleans()), max_size=30),
    st.integers(0, 400),
    st.integers(0, 60),
    st.sampled_from([0, NOW_S]),
)
def test_whatever_lies_there_the_promises_hold(
    rows: list[tuple[int, int, bool]], most: int, need: int, now_s: int
) -> None:
    everything = [held(at, size=size, age_d=age, keep=keep) for at, (size, age, keep) in enumerate(rows)]
    made = plan(everything, most, need, now_s)
    left = [each for each in everything if each not in made.remove]
    assert not any(each.keep and not each.is_over(now_s) for each in made.remove)
    assert not any(each.is_over(now_s) for each in left)
    if made.fits:
        assert sum(each.bytes for each in left) + need <= most
    else:
        assert all(each.is_over(now_s) for each in made.remove)
