"""The truth table of the feedback contact, row by row, and all rows there are."""

import itertools

import pytest

from edge.relay.contact import CHATTER_US, ContactVerdict, judge, lately

OK, SETTLING = ContactVerdict.OK, ContactVerdict.SETTLING
WELDED, NOT_CLOSED, LOST = ContactVerdict.WELDED, ContactVerdict.NOT_CLOSED, ContactVerdict.LOST
CHATTER = ContactVerdict.CHATTER

TABLE = [
    # commanded, latch, contact, within settle time, after it
    (False, False, False, OK, OK),
    (False, True, False, SETTLING, WELDED),
    (False, False, True, SETTLING, WELDED),
    (False, True, True, SETTLING, WELDED),
    (True, True, True, OK, OK),
    (True, True, False, SETTLING, NOT_CLOSED),
    (True, False, True, SETTLING, LOST),
    (True, False, False, SETTLING, LOST),
]


def test_the_table_has_every_row_once():
    assert {row[:3] for row in TABLE} == set(itertools.product((False, True), repeat=3))
    assert len(TABLE) == 8


@pytest.mark.parametrize(("commanded", "latch", "contact", "within", "after"), TABLE)
@pytest.mark.parametrize("changes", [0, 3, 4, 5, 50])
def test_truth_table(commanded, latch, contact, within, after, changes):
    """A contact that changed more often than it may chatters, whatever else it shows."""
    for at_us, wanted in ((1_000_000, within), (1_050_000, within), (1_050_001, after), (9_000_000, after)):
        found = judge(
            commanded_closed=commanded, latch_closed=latch, contact_closed=contact,
            since_us=1_000_000, at_us=at_us, settle_ms=50, changes=changes, most_changes=4,
        )  # fmt: skip
        assert found is (CHATTER if changes > 4 else wanted)


def test_a_change_counts_for_one_second():
    assert lately((0, 1, 2), CHATTER_US) == (1, 2)
    assert lately((5,), 5) == (5,)
    assert lately((), 5) == ()
