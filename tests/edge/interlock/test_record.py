"""A reason as the log keeps it: code and subject always, the rest where there is any (KPI-16)."""

import pytest

from contracts.event import MAX_INT
from edge.interlock.record import reason_data
from edge.interlock.state import Reason


def test_a_reason_without_numbers_is_its_code_and_its_subject() -> None:
    assert reason_data(Reason("stop_pressed")) == {"code": "stop_pressed", "chan": ""}


def test_a_reason_keeps_value_limit_unit_and_clause() -> None:
    assert reason_data(Reason("gas_high", "ch4-1", 0, 10_000, "%LEL", "GB 30871-2022 5.3.2")) == {
        "code": "gas_high", "chan": "ch4-1", "value_milli": 0, "limit_milli": 10_000, "unit": "%LEL",
        "clause": "GB 30871-2022 5.3.2",
    }  # fmt: skip


@pytest.mark.parametrize("number", [MAX_INT, -MAX_INT])
def test_the_largest_numbers_that_the_log_keeps_are_kept(number: int) -> None:
    assert reason_data(Reason("gas_high", "ch4-1", number, number)) == {
        "code": "gas_high", "chan": "ch4-1", "value_milli": number, "limit_milli": number,
    }  # fmt: skip


@pytest.mark.parametrize("number", [MAX_INT + 1, -MAX_INT - 1])
def test_a_number_beyond_them_is_left_out_and_the_reason_stands(number: int) -> None:
    """A record must never be refused for a detector's nonsense."""
    assert reason_data(Reason("gas_high", "ch4-1", number, 5)) == {"code": "gas_high", "chan": "ch4-1", "limit_milli": 5}
    assert reason_data(Reason("gas_high", "ch4-1", 5, number)) == {"code": "gas_high", "chan": "ch4-1", "value_milli": 5}
