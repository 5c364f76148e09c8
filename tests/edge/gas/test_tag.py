"""Read lengths as a sequence tag: no length is asked for while its reply may still come (BOX-06)."""

import pytest

from edge.gas.tag import Tag, Unanswered


def test_read_length_rotates_so_that_an_answer_to_an_earlier_request_has_another_length():
    tag = Tag((3, 4, 5, 6), Unanswered(0.6))
    lengths = [tag.choose(now) for now in range(40)]
    assert set(lengths) == {3, 4, 5, 6}
    for age in (1, 2, 3):
        assert all(now != before for before, now in zip(lengths, lengths[age:], strict=False))


def test_a_length_without_answer_is_left_out_until_its_reply_can_come_no_more():
    tag = Tag((3, 4, 5, 6), Unanswered(0.6))
    assert tag.choose(0.0) == 3
    tag.failed(0.0)
    assert [tag.choose(now / 10) for now in range(1, 6)] == [4, 5, 6, 4, 5]
    assert [tag.choose(now / 10) for now in range(6, 8)] == [6, 3]


@pytest.mark.parametrize(("now", "free"), [(0.59, False), (0.6, True)])
def test_where_no_length_is_left_the_unit_is_silent_for_as_long_as_a_reply_may_come(now, free):
    tag = Tag((2,), Unanswered(0.6))
    assert tag.choose(0.0) == 2
    tag.failed(0.0)
    assert (tag.free_at() <= now) is free


def test_two_blocks_of_one_unit_do_not_take_each_others_answers():
    """A reply names unit, function and length, no address: what one block left unanswered bars the other."""
    unanswered = Unanswered(0.6)
    one, other = Tag((3, 4), unanswered), Tag((4, 5), unanswered)
    for _ in range(2):
        one.choose(0.0)
        one.failed(0.0)
    assert [other.choose(0.1), other.choose(0.2)] == [5, 5]
    assert one.free_at() == 0.6


def test_where_something_else_ties_a_reply_to_its_request_every_length_is_free():
    tag = Tag((3, 4), Unanswered(0.0))
    assert tag.choose(1.0) == 3
    tag.failed(1.0)
    assert tag.free_at() <= 1.0
