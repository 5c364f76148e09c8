"""What the ring of recordings holds and what goes: nothing beyond its bound, and never what must be kept."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.ring import BLOCK_BYTES, LEAST_FREE_BYTES, Held, Now, bound, on_disk, plan, room

DAY_S = 86_400
NOW_S = 1_800_000_000
NOW = Now(NOW_S, NOW_S, NOW_S)


def held(name: int, *, size: int = 10, age_d: float = 0, keep: bool = False, keep_d: int = 31) -> Held:
    return Held(f"{name:064x}", size, NOW_S - round(age_d * DAY_S), keep, keep_d)


def names(made: tuple[Held, ...]) -> list[int]:
    return [int(each.commitment, 16) for each in made]


def test_the_oldest_that_need_not_be_kept_give_way() -> None:
    made = plan([held(1, age_d=1), held(2, age_d=3), held(3, age_d=2)], 30, 15, NOW)
    assert (names(made.remove), made.fits) == ([2, 3], True)


def test_no_more_goes_than_has_to() -> None:
    assert plan([held(1, age_d=2), held(2, age_d=1)], 30, 10, NOW) == plan([], 30, 10, NOW)
    assert names(plan([held(1, age_d=2), held(2, age_d=1)], 30, 11, NOW).remove) == [1]


def test_what_must_be_kept_is_never_overwritten() -> None:
    """GB 30871-2022 B.3: and where only that is left nothing goes, and nothing is recorded."""
    special = [held(number, age_d=30, keep=True) for number in (1, 2)]
    made = plan([*special, held(3, age_d=1)], 29, 10, NOW)
    assert (made.remove, made.fits) == ((), False)
    assert names(plan([*special, held(3, age_d=1)], 30, 10, NOW).remove) == [3]


@pytest.mark.parametrize(("age_d", "over"), [(30.9, False), (31, False), (31.001, True)])
@pytest.mark.parametrize("keep", [False, True])
def test_what_was_kept_for_its_time_goes_although_there_is_room(age_d: float, over: bool, keep: bool) -> None:
    """A month, then it is deleted, whoever asked for it."""
    assert bool(plan([held(1, age_d=age_d, keep=keep)], 1000, 10, NOW).remove) is over


def test_with_a_clock_that_nobody_believes_nothing_is_old() -> None:
    for keep in (False, True):
        old = held(1, age_d=400, keep=keep)
        assert plan([old], 1000, 10, Now(0, NOW_S, NOW_S)).remove == ()
        assert plan([old], 1000, 10, NOW).remove == (old,)
    assert room([old], 1000, Now(0, NOW_S, NOW_S)) == 990
    assert room([old], 1000, NOW) == 1000


YEAR_S = 365 * DAY_S


@pytest.mark.parametrize(
    ("now", "over"),
    [
        (Now(NOW_S + YEAR_S), (False, False)),
        (Now(NOW_S + YEAR_S, NOW_S, NOW_S), (False, False)),
        (Now(NOW_S + YEAR_S, NOW_S + 32 * DAY_S, NOW_S), (True, False)),
        (Now(NOW_S + 32 * DAY_S, NOW_S + 32 * DAY_S, NOW_S + 31 * DAY_S), (True, False)),
        (Now(NOW_S + 32 * DAY_S, NOW_S + 32 * DAY_S, NOW_S + 32 * DAY_S), (True, True)),
    ],
    ids=["nothing signed", "a believed clock set forward by a year", "not signed", "not yet signed", "signed"],
)
def test_a_clock_set_forward_by_a_year_deletes_nothing_that_must_be_kept(now: Now, over: tuple[bool, bool]) -> None:
    """GB 30871-2022 B.3: believed or not. The only copy goes once somebody has signed that its time is over."""
    fresh = held(1, keep=True)
    both = (msgspec.structs.replace(fresh, at_bridge=True), fresh)
    for segment, goes in zip(both, over, strict=True):
        assert segment.is_over(now) is goes
        assert bool(plan([segment], 1000, 10, now).remove) is goes
        assert room([segment], 1000, now) == (1000 if goes else 990)
    owed = msgspec.structs.replace(fresh, owed=True)
    assert not owed.is_over(now)
    assert room([owed], 1000, now) == 990
    assert msgspec.structs.replace(held(1), owed=True).is_over(now)
    assert held(1).is_over(now), "the control: what need not be kept goes by the clock that is believed"


def test_room_counts_what_may_be_overwritten() -> None:
    assert room([held(1, keep=True), held(2)], 100, NOW) == 90
    assert room([held(1, size=500, keep=True)], 100, NOW) == 0


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
    st.sampled_from([Now(), Now(NOW_S), Now(NOW_S + YEAR_S, NOW_S), NOW]),
)
def test_whatever_lies_there_the_promises_hold(
    rows: list[tuple[int, int, bool]], most: int, need: int, now: Now
) -> None:
    everything = [held(at, size=size, age_d=age, keep=keep) for at, (size, age, keep) in enumerate(rows)]
    made = plan(everything, most, need, now)
    left = [each for each in everything if each not in made.remove]
    assert not any(each.keep and not each.is_over(now) for each in made.remove)
    assert not any(each.is_over(now) for each in left)
    if made.fits:
        assert sum(each.bytes for each in left) + need <= most
    else:
        assert all(each.is_over(now) for each in made.remove)
