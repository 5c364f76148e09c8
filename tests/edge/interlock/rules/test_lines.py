"""A pack as people read it: every row has its place, its words, its value in a few signs."""

import pytest

from contracts.gas import Unit
from edge.interlock import rules
from edge.interlock.rules.describe import bounds, describe, number, value
from edge.interlock.rules.lines import differences, lines
from edge.interlock.rules.rows import Days, Flag, Limit, Number
from edge.interlock.rules.strictness import Stricter

GB = rules.load("gb30871-2022")


def test_every_row_of_a_pack_is_one_line_with_value_unit_clause_and_source() -> None:
    """What the box goes by can be read on the box."""
    found = {line.id: line for line in lines(GB)}
    age = found["gas_test_age_s"]
    assert (age.value, age.unit, age.clause) == ("1800", "s", GB.gas_test_age_s.clause)
    assert age.source is GB.gas_test_age_s.source
    oxygen = next(line for name, line in found.items() if name.startswith("limits.O2."))
    assert (oxygen.value, oxygen.unit) == ("19.5–23.5", "vol%")
    assert found["levels.special.camera"].unit == ""
    assert {line.section for line in found.values()} >= {"limits", "levels"}


def test_two_packs_differ_line_by_line_and_each_says_which_is_stricter() -> None:
    other = rules.load("osha-nfpa")
    found = {difference.id: difference for difference in differences(GB, other)}
    assert found["levels.special.camera"].stricter is Stricter.LEFT
    assert found["levels.grade_2.break_s"].stricter is Stricter.RIGHT
    assert "fire_watch_s" not in found
    assert not differences(GB, GB)
    back = {difference.id: difference for difference in differences(other, GB)}
    assert found.keys() == back.keys()
    alone = [difference for difference in found.values() if difference.left is None or difference.right is None]
    assert alone
    assert all(each.stricter is (Stricter.LEFT if each.right is None else Stricter.RIGHT) for each in alone)


@pytest.mark.parametrize(
    ("name", "row", "said"),
    [
        ("gas_test_age_s", 1800, "1800 s = 30 min"),
        ("fire_watch_s", 3600, "3600 s = 1 h"),
        ("fire_watch_s", 120, "120 s = 2 min"),
        ("fire_watch_s", 119, "119 s"),
        ("fire_watch_s", 121, "121 s"),
        ("attempt_s", 2, "2 s"),
        ("face_distance_milli", 500, "500 = 0.5"),
        ("position_max_hdop_centi", 250, "250 = 2.5"),
        ("position_min_satellites", 4, "4"),
    ],
)
def test_a_number_is_said_as_its_pack_has_it_and_as_a_person_would(name: str, row: int, said: str) -> None:
    assert number(name, Number(row, "policy")) == said


def test_flags_days_levels_and_limits_are_said_in_a_few_signs() -> None:
    assert [value(Flag(flag, "policy")) for flag in (True, False)] == ["yes", "no"]
    assert value(GB.liveness) == "proven"
    assert value(Days("policy")) == "0 dates; weekdays –"
    assert value(next(iter(GB.levels.values()))) == "8 h, break 1800 s, camera, continuous gas"
    high, low = Limit("CH4", Unit.PCT_LEL, "policy", high=10.0), Limit("O2", Unit.VOL_PCT, "policy", low=19.5)
    below = Limit("CH4", Unit.PCT_LEL, "policy", low=1.0, below=10.0)
    assert [bounds(row) for row in (high, low, below)] == ["≤ 10", "≥ 19.5", "1 to < 10"]
    assert describe("limits", high) == "≤ 10 %LEL"
    assert describe("attempt_s", Number(2, "policy")) == "2 s"
    assert describe("reset_is_key", Flag(True, "policy")) == "yes"
