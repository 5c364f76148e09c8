"""The stricter of two packs is computed: each row its own way, each clause with the pack that it came from."""

import datetime

import msgspec
import pytest

from contracts.errors import ContractError
from contracts.gas import Unit
from contracts.permit import Level
from edge.interlock import rules
from edge.interlock.rules.rows import Days, Flag, Limit, Number, Source, Word
from edge.interlock.rules.strictness import Stricter, compare, directions, stricter_of
from tests.edge.interlock.bench import GB
from tests.edge.interlock.wording import Wording

replace = msgspec.structs.replace
OSHA = rules.load("osha-nfpa")
BOTH = rules.load("strictest")


@pytest.mark.parametrize(
    ("gas", "cn_pct_lel", "winner", "pct_lel"),
    [
        ("CH4", 10.0, "osha-nfpa", 10.0),
        ("H2", 12.5, "osha-nfpa", 10.0),
        ("NH3", 3.3, "gb30871-2022", 3.3),
        ("C3H8", 9.5, "gb30871-2022", 9.5),
        ("C2H2", 8.0, "gb30871-2022", 8.0),
        ("PETROL", 14.3, "osha-nfpa", 10.0),
        ("C6H6", 16.7, "osha-nfpa", 10.0),
        ("C7H8", 18.2, "osha-nfpa", 10.0),
    ],
)
def test_the_unit_trap_is_solved_gas_by_gas(gas: str, cn_pct_lel: float, winner: str, pct_lel: float) -> None:
    """China is stricter for ammonia, America for light aromatics; methane ties at 10 %LEL, which OSHA excludes."""
    assert GB.limit(gas, Unit.PCT_LEL).high == pytest.approx(cn_pct_lel, abs=0.05)
    chosen = BOTH.limit(gas, Unit.PCT_LEL)
    assert chosen.clause.startswith(f"{winner}: ")
    assert chosen.high == pytest.approx(pct_lel, abs=0.05)


@pytest.mark.parametrize("name", sorted(directions()))
def test_every_row_is_at_least_as_strict_as_in_either_pack(name: str) -> None:
    for pack in (GB, OSHA):
        assert compare(name, getattr(BOTH, name), getattr(pack, name)) in (Stricter.SAME, Stricter.LEFT)


@pytest.mark.parametrize("name", sorted(directions()))
def test_every_row_is_one_of_the_two_packs_or_satisfies_both(name: str) -> None:
    row = getattr(BOTH, name)
    sources = [pack.name for pack in (GB, OSHA) if row.clause == f"{pack.name}: {getattr(pack, name).clause}"]
    assert sources
    own = getattr(GB if sources[0] == GB.name else OSHA, name)
    assert replace(row, clause=own.clause) == own


def _toxic(high: float, temperature_c: int) -> Limit:
    return Limit("CO", Unit.MG_M3, "x", high=high, temperature_c=temperature_c)


def test_the_same_milligrams_in_colder_air_are_fewer_ppm_and_so_the_stricter_limit() -> None:
    """INT-06: a limit is judged in every unit that a detector may speak, not in its own alone."""
    warm, cold = _toxic(20, 40), _toxic(20, 0)
    assert stricter_of("CO", warm, cold) is cold
    assert stricter_of("CO", cold, warm) is cold


def test_of_two_limits_that_are_stricter_in_one_unit_each_what_both_allow_is_left() -> None:
    warm, cold = _toxic(20, 40), _toxic(21, 0)
    assert compare("CO", warm, cold) is Stricter.BOTH
    for joined in (stricter_of("CO", warm, cold), stricter_of("CO", cold, warm)):
        for unit in (Unit.PPM, Unit.MG_M3):
            highest = [each.into(unit).high for each in (warm, cold)]
            assert joined.into(unit).high <= min(highest), unit
    both = stricter_of("CO", warm, cold)
    assert both.temperature_c == 40
    assert both.into(Unit.PPM).high == pytest.approx(cold.into(Unit.PPM).high)


@pytest.mark.parametrize("level", list(Level))
def test_a_level_takes_the_stricter_of_each_demand(level: Level) -> None:
    """Grade 2: 72 h in China, a shift in America."""
    both, cn, us = (pack.levels[level] for pack in (BOTH, GB, OSHA))
    assert both.validity_h == min(cn.validity_h, us.validity_h)
    assert both.break_s == min(cn.break_s, us.break_s)
    assert both.camera == (cn.camera or us.camera)
    assert both.continuous_gas == (cn.continuous_gas or us.continuous_gas)


def test_oxygen_in_a_confined_space_keeps_the_chinese_ceiling() -> None:
    """GB 30871-2022 6.4: 19.5 to 21; OSHA has no set of its own and would allow 23.5."""
    inside = BOTH.limit("O2", Unit.VOL_PCT, confined=True)
    assert (inside.low, inside.high) == (19.5, 21)
    assert inside.clause == "gb30871-2022: GB 30871-2022 6.4 a"


def test_a_limit_that_only_one_pack_has_stays() -> None:
    only = replace(OSHA, limits=tuple(limit for limit in OSHA.limits if limit.gas != "HCN"))
    from edge.interlock.rules.strictest import strictest

    limits = {(limit.gas, limit.quantity): limit for limit in strictest(GB, only)["limits"]}
    assert limits["HCN", "toxic"].clause.startswith("gb30871-2022: ")


def test_two_bounds_from_two_packs_name_both() -> None:
    one = Limit("O2", Unit.VOL_PCT, "a", low=20, high=23.5, source=Source.TEXT)
    other = Limit("O2", Unit.VOL_PCT, "b", low=19.5, high=22, source=Source.SECONDARY)
    for left, right in ((one, other), (other, one)):
        joined = stricter_of("O2", left, right)
        assert (joined.low, joined.high) == (20, 22)
        assert joined.clause == f"{left.clause}; {right.clause}"
        assert joined.source is Source.SECONDARY


def test_levels_that_each_ask_for_something_are_joined() -> None:
    one = replace(GB.levels[Level.GRADE_2], validity_h=8, clause="a")
    other = replace(GB.levels[Level.GRADE_2], break_s=60, camera=True, continuous_gas=True, clause="b")
    joined = stricter_of("grade_2", one, other)
    assert (joined.validity_h, joined.break_s, joined.camera, joined.continuous_gas) == (8, 60, True, True)
    assert joined.clause == "a; b"


_DAY = datetime.date(2026, 1, 1)


@pytest.mark.parametrize(
    ("name", "loose", "strict"),
    [
        ("gas_test_age_s", Number(2, "c"), Number(1, "c")),
        ("fire_watch_s", Number(1, "c"), Number(2, "c")),
        ("gas_test_daily", Flag(value=False, clause="c"), Flag(value=True, clause="c")),
        ("liveness", Word("not_proven", "c"), Word("proven", "c")),
        ("clock_quality", Word("rtc", "c"), Word("gps", "c")),
        ("upgrade_days", Days("c"), Days("c", weekdays=(7,))),
        ("upgrade_days", Days("c", weekdays=(7,)), Days("c", (_DAY,), (7,))),
        ("CH4", Limit("CH4", Unit.VOL_PCT, "c", high=0.5), Limit("CH4", Unit.PCT_LEL, "c", high=9)),
        ("CH4", Limit("CH4", Unit.PCT_LEL, "c", high=10), Limit("CH4", Unit.PCT_LEL, "c", below=10)),
        ("O2", Limit("O2", Unit.VOL_PCT, "c", low=19), Limit("O2", Unit.VOL_PCT, "c", low=19.5)),
        ("O2", Limit("O2", Unit.VOL_PCT, "c", low=19), Limit("O2", Unit.VOL_PCT, "c", low=19, high=21)),
    ],
)
def test_each_kind_of_row_knows_which_way_is_stricter(name: str, loose: object, strict: object) -> None:
    assert compare(name, loose, strict) is Stricter.RIGHT
    assert compare(name, strict, loose) is Stricter.LEFT
    assert compare(name, strict, strict) is Stricter.SAME
    assert stricter_of(name, loose, strict) is strict
    assert stricter_of(name, strict, loose) is strict


def test_of_two_equal_rows_the_surer_source_speaks() -> None:
    ours, law = Number(1, "policy"), Number(1, "GB 30871-2022 1", Source.TEXT)
    assert stricter_of("gas_test_age_s", ours, law) is law
    assert stricter_of("gas_test_age_s", law, ours) is law
    assert BOTH.fire_watch_s.clause.startswith("osha-nfpa: NFPA 51B-2019 5.6.1.1")


def test_days_of_both_packs_count() -> None:
    one, other = Days("a", (_DAY,), (6,)), Days("b", (datetime.date(2026, 7, 4),), (7,))
    assert compare("upgrade_days", one, other) is Stricter.BOTH
    joined = stricter_of("upgrade_days", one, other)
    assert joined.dates == (_DAY, datetime.date(2026, 7, 4))
    assert joined.weekdays == (6, 7)


def test_a_number_without_direction_is_nobodys_to_change(wording: Wording) -> None:
    assert compare("unheard_of_s", Number(1, "a"), Number(1, "b")) is Stricter.SAME
    with pytest.raises(ContractError) as caught:
        stricter_of("unheard_of_s", Number(1, "a"), Number(2, "b"))
    assert (caught.value.field, caught.value.expected, caught.value.came) == ("unheard_of_s", "1 (a)", "2")
    wording.check(caught.value)


def test_rows_of_different_kinds_are_never_compared() -> None:
    with pytest.raises(TypeError, match=r"^x: Number and Flag are no rows of one kind$"):
        compare("x", Number(1, "a"), Flag(value=True, clause="b"))


@pytest.mark.parametrize("name", ["validity_h", "break_s"])
def test_of_a_levels_numbers_less_is_stricter(name: str) -> None:
    """They stand in a table of their own; `hotbox rules diff` compares them one by one."""
    assert compare(name, Number(1, "a"), Number(2, "b")) is Stricter.LEFT
    assert compare(name, Number(2, "a"), Number(1, "b")) is Stricter.RIGHT


def test_the_strictest_pack_is_worked_out_from_the_two() -> None:
    """The same whether it is read from its file or worked out here."""
    from edge.interlock.rules.strictest import strictest

    for name, row in strictest(GB, OSHA).items():
        assert row == getattr(BOTH, name), name
