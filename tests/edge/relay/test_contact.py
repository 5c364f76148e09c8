"""The truth table of the feedback contact, row by row."""

import pytest

from edge.relay.contact import ContactVerdict, judge

OK, SETTLING = ContactVerdict.OK, ContactVerdict.SETTLING
WELDED, NOT_CLOSED, LOST = ContactVerdict.WELDED, ContactVerdict.NOT_CLOSED, ContactVerdict.LOST

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


@pytest.mark.parametrize(("commanded", "latch", "contact", "within", "after"), TABLE)
def test_truth_table(commanded, latch, contact, within, after):
    for at_us, wanted in ((1_000_000, within), (1_050_000, within), (1_050_001, after), (9_000_000, after)):
        assert wanted is judge(
            commanded_closed=commanded, latch_closed=latch, contact_closed=contact,
            since_us=1_000_000, at_us=at_us, settle_ms=50,
        )  # fmt: skip
