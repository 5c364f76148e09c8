"""A site's limits are judged by what they let through, in every unit and in both kinds of place (INT-06)."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from contracts.errors import ContractError
from contracts.gas import GASES, Unit
from edge.interlock import rules
from edge.interlock.rules.rows import COLDEST_C, HOTTEST_C, Limit, Quantity
from tests.edge.interlock.bench import GB
from tests.edge.interlock.wording import Wording

HEADER = "name: works-3\nzh: 三厂\nen: works 3\ntightens: {pack}\n"
PACKS = {name: rules.load(name) for name in ("gb30871-2022", "osha-nfpa", "strictest", "SIMULATION")}


def _over(body: str, pack: str = "gb30871-2022") -> rules.Rules:
    return rules.over(PACKS[pack], rules.parse_site(HEADER.format(pack=pack) + body, "site.yaml"))


def _refused(body: str, pack: str = "gb30871-2022") -> ContractError:
    with pytest.raises(ContractError) as caught:
        _over(body, pack)
    return caught.value


# --- the same number at another temperature -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pack", "row", "expected", "came"),
    [
        ("gb30871-2022", "{gas: H2S, unit: mg/m3, high: 10, temperature_c: 21, clause: mine}",
         "≤ 7.058 ppm or stricter (GBZ 2.1-2019 MAC: ≤ 10 mg/m3 at 20 °C)", "≤ 7.083 ppm (mine: ≤ 10 mg/m3 at 21 °C)"),
        ("osha-nfpa", "{gas: CO, unit: ppm, high: 50, temperature_c: 24, clause: mine}",
         "≤ 57.244 mg/m3 or stricter (29 CFR 1910.1000 PEL: ≤ 50 ppm at 25 °C)",
         "≤ 57.437 mg/m3 (mine: ≤ 50 ppm at 24 °C)"),
    ],
    ids=["mg of a warmer site", "ppm of a colder site"],
)  # fmt: skip
def test_a_limit_that_another_temperature_loosens_is_refused_with_both_values(
    pack: str, row: str, expected: str, came: str, wording: Wording
) -> None:
    refused = _refused(f"limits: [{row}]", pack)
    assert (refused.expected, refused.came) == (expected, came)
    wording.check(refused)


@pytest.mark.parametrize("temperature_c", [COLDEST_C - 1, HOTTEST_C + 1, 2000, -270, -273, -300])
def test_a_temperature_at_which_nobody_works_is_refused(temperature_c: int) -> None:
    refused = _refused(f"limits: [{{gas: H2S, unit: mg/m3, high: 1, temperature_c: {temperature_c}, clause: mine}}]")
    assert (refused.field, refused.expected, refused.came) == (
        "limits.H2S.temperature_c", f"{COLDEST_C} to {HOTTEST_C}", str(temperature_c),
    )  # fmt: skip


@pytest.mark.parametrize(
    "row",
    [
        "{gas: O2, unit: ppm, low: 195000, clause: mine}",
        "{gas: H2S, unit: mg/m3, high: 1, temperature_c: 61, clause: mine}",
        "{gas: H2S, unit: mg/m3, high: -0.5, clause: mine}",
    ],
    ids=["oxygen that is no share", "too hot", "less than nothing"],
)
def test_a_limit_that_no_air_can_keep_is_refused_and_what_to_write_is_said(row: str, wording: Wording) -> None:
    wording.check(_refused(f"limits: [{row}]"))


@pytest.mark.parametrize(("temperature_c", "high"), [(COLDEST_C, 5.62), (HOTTEST_C, 8.02)])
def test_the_coldest_and_the_hottest_site_may_state_their_own(temperature_c: int, high: float) -> None:
    """The colder the air, the fewer ppm are 10 mg/m3; in the hottest the site states fewer mg/m3."""
    mg = 10 if temperature_c < 20 else 8
    own = _over(f"limits: [{{gas: H2S, unit: mg/m3, high: {mg}, temperature_c: {temperature_c}, clause: mine}}]")
    assert own.limit("H2S", Unit.PPM).high == pytest.approx(high * mg / 10, abs=0.01)


@pytest.mark.parametrize(("value", "ok"), [(0, True), (20, True), (21, False), (61, False)])
def test_the_packs_own_temperature_is_tightened_within_the_same_bounds(value: int, ok: bool) -> None:
    body = f"temperature_c: {{value: {value}, clause: mine}}"
    if ok:
        assert _over(body).temperature_c.value == value
    else:
        _refused(body)


def test_a_pack_says_no_temperature_at_which_nobody_works(wording: Wording) -> None:
    with pytest.raises(ContractError) as caught:
        rules.reading.check(msgspec.structs.replace(GB, temperature_c=rules.Number(HOTTEST_C + 1, "x")))
    assert caught.value.field == "temperature_c.value"
    wording.check(caught.value)
    rules.reading.check(msgspec.structs.replace(GB, temperature_c=rules.Number(HOTTEST_C, "x")))


def test_a_bound_that_is_left_out_is_the_baselines_at_the_rows_own_temperature() -> None:
    """Only `low` is the site's; what stands above it is not refused and not looser in any unit."""
    for temperature_c in (10, 20, 30):
        own = _over(f"limits: [{{gas: CO, unit: ppm, low: 0, temperature_c: {temperature_c}, clause: mine}}]")
        for unit in (Unit.PPM, Unit.MG_M3):
            most, given_ = own.limit("CO", unit).high, GB.limit("CO", unit).high
            assert most is not None
            assert given_ is not None
            assert most <= given_


# --- another kind of limit for the same gas -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "expected", "came"),
    [
        ("{gas: CH4, unit: ppm, high: 5001, clause: mine}",
         "≤ 5000 ppm or stricter (GB 30871-2022 5.3.2 (LEL >= 4 vol%): ≤ 0.5 vol%)",
         "≤ 5001 ppm (mine: ≤ 5001 ppm at 20 °C)"),
        ("{gas: CH4, unit: ppm, low: 0, clause: mine}",
         "≤ 5000 ppm or stricter (GB 30871-2022 5.3.2 (LEL >= 4 vol%): ≤ 0.5 vol%)",
         "≥ 0 ppm (mine: ≥ 0 ppm at 20 °C)"),
        ("{gas: SO2, unit: vol%, high: 0.5, clause: mine}",
         "≤ 3.755 ppm or stricter (GBZ 2.1-2019 PC-STEL: ≤ 10 mg/m3 at 20 °C)", "≤ 5000 ppm (mine: ≤ 0.5 vol%)"),
    ],
    ids=["methane in ppm", "methane in ppm without a top", "sulphur dioxide in vol%"],
)  # fmt: skip
def test_a_row_of_another_kind_opens_no_way_around_the_baselines(row: str, expected: str, came: str, wording: Wording) -> None:
    """The baseline refuses a methane channel in ppm; a site may state a limit for it only below 0.5 vol%."""
    refused = _refused(f"limits: [{row}]")
    assert (refused.expected, refused.came) == (expected, came)
    wording.check(refused)


@pytest.mark.parametrize("high", [5000, 4999])
def test_a_row_of_another_kind_that_is_as_strict_gives_the_gas_a_channel_in_that_unit(high: float) -> None:
    own = _over(f"limits: [{{gas: CH4, unit: ppm, high: {high}, clause: mine}}]")
    assert own.limit("CH4", Unit.PPM).high == high
    assert own.limit("CH4", Unit.PCT_LEL) == GB.limit("CH4", Unit.PCT_LEL)
    with pytest.raises(ContractError):
        GB.limit("CH4", Unit.PPM)


# --- oxygen -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["ppm", "mg/m3", "'%LEL'"])
@pytest.mark.parametrize("table", ["limits", "confined"])
def test_oxygen_is_a_share_of_the_air_and_nothing_else(table: str, unit: str) -> None:
    refused = _refused(f"{table}: [{{gas: O2, unit: {unit}, low: 11, clause: mine}}]")
    assert (refused.field, refused.expected) == (f"{table}.O2.unit", "vol%")
    for pack in PACKS.values():
        for each in (Unit.PPM, Unit.MG_M3, Unit.PCT_LEL):
            with pytest.raises(ContractError):
                pack.limit("O2", each)


def test_a_share_of_the_lel_is_refused_of_what_has_none(wording: Wording) -> None:
    refused = _refused('limits: [{gas: SO2, unit: "%LEL", high: 0.001, clause: mine}]')
    assert refused.field == "limits.SO2.unit"
    wording.check(refused)


# --- numbers that are none ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ("high: .nan", "finite bounds"), ("high: .inf", "finite bounds"), ("low: .nan, high: 0.1", "finite bounds"),
        ("below: .nan", "finite bounds"), ("low: -.inf, high: 0.1", "finite bounds"),
        ("high: -0.1", "an upper bound of zero or more"), ("below: 0", "an upper bound of zero or more"),
        ("low: 0.4, high: 0.1", "low at most high"), ("clause: mine", "low, high or below"),
    ],
)  # fmt: skip
def test_bounds_that_are_no_band_are_refused(bounds: str, expected: str) -> None:
    body = bounds if bounds.startswith("clause") else f"{bounds}, clause: mine"
    refused = _refused(f"limits: [{{gas: CH4, unit: vol%, {body}}}]")
    assert (refused.field, refused.expected) == ("limits.CH4", expected)


def test_a_limit_of_nothing_at_all_is_the_strictest() -> None:
    """API RP 2009: many owners allow 0 %LEL."""
    assert _over("limits: [{gas: CH4, unit: vol%, high: 0, clause: mine}]").limit("CH4", Unit.PCT_LEL).high == 0


def test_two_rows_for_one_gas_are_refused_even_when_both_are_stricter() -> None:
    rows = "{gas: CO, unit: ppm, high: 10, clause: a}, {gas: CO, unit: mg/m3, high: 5, clause: b}"
    assert _refused(f"limits: [{rows}]").field == "limits.CO"


@pytest.mark.parametrize(
    ("body", "field"),
    [("liveness: {value: gps, clause: mine}", "liveness"), ("clock_quality: {value: proven, clause: mine}", "clock_quality")],
)
def test_a_word_of_another_row_is_refused(body: str, field: str) -> None:
    assert _refused(body).field == field


@pytest.mark.parametrize("rule", ["validity_h: -1, break_s: 0", "validity_h: 8, break_s: -1"], ids=["validity", "break"])
def test_a_level_with_less_than_no_time_is_refused(rule: str, wording: Wording) -> None:
    refused = _refused(f"levels: {{grade_2: {{{rule}, camera: true, continuous_gas: true, clause: mine}}}}")
    assert refused.field == "levels.grade_2"
    wording.check(refused)


def test_a_level_may_ask_for_no_time_at_all() -> None:
    row = "validity_h: 0, break_s: 0, camera: true, continuous_gas: true, clause: mine"
    assert _over(f"levels: {{grade_2: {{{row}}}}}").levels[rules.pack.Level.GRADE_2].break_s == 0


# --- holidays -----------------------------------------------------------------------------------------------------


def _days(*more: str) -> str:
    dates = ", ".join([*map(str, GB.upgrade_days.dates), *more])
    return f"upgrade_days: {{weekdays: [6, 7], dates: [{dates}], clause: mine}}"


def test_a_holiday_of_a_later_year_does_not_make_the_rest_of_that_year_plain(wording: Wording) -> None:
    """Days of years that nobody has entered count as holidays (GB 30871-2022 5.1.1); one date may not end that."""
    refused = _refused(_days("2028-05-01"))
    assert (refused.field, refused.came) == ("site_rules.upgrade_days.dates", "2028-05-01")
    wording.check(refused)
    assert _over(_days("2027-12-31")).calendar.unknown_from == GB.calendar.unknown_from


def test_a_baseline_without_holidays_takes_a_sites_own() -> None:
    own = _over("upgrade_days: {weekdays: [], dates: [2030-05-01], clause: mine}", "osha-nfpa")
    assert own.calendar.last_year == 2030


# --- confined space -----------------------------------------------------------------------------------------------


def test_a_sites_tighter_open_limit_holds_in_a_confined_space_too() -> None:
    """GB 30871-2022 6.4: the stricter of both, each side by itself; and the shown row says so."""
    own = _over("limits: [{gas: O2, unit: vol%, low: 20, high: 22, clause: mine}]")
    inside = own.limit("O2", Unit.VOL_PCT, confined=True)
    assert (inside.low, inside.high) == (20, 21)
    assert inside.clause == "GB 30871-2022 6.4 a; mine"
    (row,) = own.confined
    assert (row.low, row.high) == (20, 21)
    assert own.limit("O2", Unit.VOL_PCT).high == 22


def test_an_open_band_that_is_narrower_on_both_sides_is_the_one_inside() -> None:
    own = _over("limits: [{gas: O2, unit: vol%, low: 20, high: 20.9, clause: mine}]")
    assert own.limit("O2", Unit.VOL_PCT, confined=True).clause == "mine"


def test_a_confined_limit_above_the_sites_own_open_one_is_refused(wording: Wording) -> None:
    refused = _refused(
        "limits: [{gas: H2S, unit: mg/m3, high: 5, clause: mine}]\n"
        "confined: [{gas: H2S, unit: mg/m3, high: 5.1, clause: inside}]"
    )
    assert (refused.field, refused.expected, refused.came) == (
        "site_rules.confined.H2S", "≤ 5 mg/m3 or stricter (mine)", "≤ 5.1 mg/m3 (inside)",
    )  # fmt: skip
    wording.check(refused)
    assert _over(
        "limits: [{gas: H2S, unit: mg/m3, high: 5, clause: mine}]\n"
        "confined: [{gas: H2S, unit: mg/m3, high: 5, clause: inside}]"
    ).limit("H2S", Unit.MG_M3, confined=True).high == 5


@pytest.mark.parametrize(
    ("confined", "expected"),
    [((19.5, 23), (20, 22)), ((20.5, 21), (20.5, 21)), ((19.5, 21), (20, 21)), ((20.5, 23), (20.5, 22)), ((20, 22), (20, 22))],
)
def test_the_stricter_side_of_each_counts_inside(confined: tuple[float, float], expected: tuple[float, float]) -> None:
    pack = msgspec.structs.replace(
        GB,
        limits=(Limit("O2", Unit.VOL_PCT, "open", low=20, high=22, source=rules.Source.TEXT),),
        confined=(Limit("O2", Unit.VOL_PCT, "inside", low=confined[0], high=confined[1]),),
    )
    found = pack.limit("O2", Unit.VOL_PCT, confined=True)
    assert (found.low, found.high) == expected
    assert pack.limit("O2", Unit.VOL_PCT).clause == "open"
    whole = {(20.5, 21): "inside", (20, 22): "inside", (19.5, 23): "open"}.get(confined)
    assert whole is None or found.clause == whole
    if whole is None:
        assert found.source is rules.Source.POLICY


# --- two limits at once, and one said otherwise


def _o2(low: float | None, high: float | None, clause: str = "x", source: rules.Source = rules.Source.TEXT) -> Limit:
    return Limit("O2", Unit.VOL_PCT, clause, low=low, high=high, source=source)


@pytest.mark.parametrize(
    ("one", "other", "clause"),
    [
        ((19, 22), (19, 22), "one"), ((19, 22), (19, 23), "one"), ((20, 23), (19, 23), "one"),
        ((19, 23), (19, 22), "other"), ((19, 23), (20, 23), "other"), ((19, 23), (20, 22), "other"),
        ((20, 23), (19, 22), "one; other"), ((19, 22), (20, 23), "other; one"),
    ],
)  # fmt: skip
def test_of_two_limits_each_side_is_the_stricter(one: tuple[float, float], other: tuple[float, float], clause: str) -> None:
    found = _o2(*one, "one").narrowed(_o2(*other, "other", rules.Source.POLICY))
    assert (found.low, found.high, found.clause) == (max(one[0], other[0]), min(one[1], other[1]), clause)
    assert found.source is (rules.Source.TEXT if clause == "one" else rules.Source.POLICY)


def test_a_limit_is_stated_in_every_unit_that_leads_to_it() -> None:
    assert Limit("CO", Unit.PPM, "x", high=1, temperature_c=20).units == (Unit.PPM, Unit.MG_M3)
    assert Limit("CO", Unit.MG_M3, "x", high=1, temperature_c=20).units == (Unit.MG_M3, Unit.PPM)
    assert Limit("CO", Unit.PPM, "x", high=1).units == (Unit.PPM,)
    assert Limit("CH4", Unit.PCT_LEL, "x", high=1).units == (Unit.PCT_LEL, Unit.VOL_PCT)
    assert _o2(19, 21).units == (Unit.VOL_PCT,)
    assert Limit("CL2", Unit.VOL_PCT, "x", high=1).units == (Unit.VOL_PCT,)


def test_a_limit_said_as_it_stands_is_itself() -> None:
    limit = Limit("CO", Unit.MG_M3, "x", high=30, temperature_c=20)
    assert limit.restated(Unit.MG_M3, 20) is limit
    assert limit.restated(Unit.MG_M3, 10) is not limit


@pytest.mark.parametrize("warm", [10, 20, 30])
@pytest.mark.parametrize("unit", [Unit.PPM, Unit.MG_M3])
@pytest.mark.parametrize("side", ["low", "high", "below"])
def test_a_limit_said_otherwise_lets_nothing_more_through_and_hardly_less(warm: int, unit: Unit, side: str) -> None:
    """Not looser in any unit, and in one unit the same but for rounding."""
    for bound in (7.1, 13.3, 29.9, 30.0):
        limit = Limit("CO", Unit.MG_M3, "x", temperature_c=20, **{side: bound})
        found = limit.restated(unit, warm)
        assert (found.unit, found.temperature_c) == (unit, warm)
        assert [name for name in ("low", "high", "below") if getattr(found, name) is not None] == [side]
        shares = [getattr(found.into(each), side) / getattr(limit.into(each), side) for each in limit.units]
        if side == "low":
            assert min(shares) == pytest.approx(1, abs=1e-12)
            assert all(getattr(found.into(each), side) >= getattr(limit.into(each), side) for each in limit.units)
        else:
            assert max(shares) == pytest.approx(1, abs=1e-12)
            assert all(getattr(found.into(each), side) <= getattr(limit.into(each), side) for each in limit.units)


def test_what_rounding_gave_away_is_taken_back() -> None:
    """0.2 vol% of some gases comes back from %LEL as 0.20000000000000004."""
    for code in ("C3H8", "C2H2", "C6H6", "C7H8", "PETROL", "CH4", "H2", "NH3"):
        for number in range(1, 400):
            limit = Limit(code, Unit.VOL_PCT, "x", low=number / 2000, high=number / 1000, below=number / 1000)
            found = limit.restated(Unit.PCT_LEL, None)
            back = found.into(Unit.VOL_PCT)
            assert back.low is not None
            assert back.high is not None
            assert back.below is not None
            assert number / 2000 <= back.low <= math.nextafter(math.nextafter(number / 2000, 1), 1)
            assert number / 1000 >= back.high >= math.nextafter(math.nextafter(number / 1000, 0), 0)
            assert back.below == back.high


def test_a_limit_of_nothing_said_otherwise_is_nothing() -> None:
    assert Limit("CH4", Unit.VOL_PCT, "x", high=0).restated(Unit.PCT_LEL, None).high == 0


# --- a gas of another kind, part by part


@pytest.mark.parametrize(
    ("row", "ok"),
    [("low: 3.755, high: 3.755", True), ("high: 3.755", True), ("low: 19.5", False)],
)
def test_a_share_of_the_air_is_compared_side_by_side(row: str, ok: bool) -> None:
    """10 mg/m3 of SO2 are 3.755 ppm, 0.0003755 vol%."""
    share = row.replace("3.755", "0.0003754")
    body = f"limits: [{{gas: SO2, unit: vol%, {share}, clause: mine}}]"
    if ok:
        assert _over(body).limit("SO2", Unit.VOL_PCT).high == 0.0003754
    else:
        _refused(body)


@pytest.mark.parametrize(("below", "ok"), [(5000, True), (5001, False)])
def test_a_bound_that_is_excluded_counts_as_one(below: int, ok: bool) -> None:
    body = f"limits: [{{gas: CH4, unit: ppm, below: {below}, clause: mine}}]"
    if ok:
        assert _over(body).limit("CH4", Unit.PPM).high == math.nextafter(5000, 0)
    else:
        _refused(body)
    vol = f"limits: [{{gas: SO2, unit: vol%, below: {0.00037 if ok else 0.00038}, clause: mine}}]"
    if ok:
        _over(vol)
    else:
        _refused(vol)


def test_a_lower_bound_of_another_kind_counts_too() -> None:
    low = tuple(msgspec.structs.replace(limit, low=0.1) if limit.gas == "CH4" else limit for limit in GB.limits)
    pack = msgspec.structs.replace(GB, limits=low)
    site = rules.parse_site(HEADER.format(pack="gb30871-2022") + "limits: [{gas: CH4, unit: ppm, low: 999, high: 4000, clause: mine}]", "s")
    with pytest.raises(ContractError):
        rules.over(pack, site)
    rows = {"limits": (Limit("CH4", Unit.PPM, "mine", low=1000, high=4000),)}
    assert rules.over(pack, site._replace(rows=rows)).limit("CH4", Unit.PPM).low == 1000


def test_a_gas_that_the_baseline_has_not_got_takes_the_sites_own_temperature() -> None:
    without = msgspec.structs.replace(GB, limits=tuple(limit for limit in GB.limits if limit.gas != "SO2"))
    body = "temperature_c: {value: 10, clause: mine}\nlimits: [{gas: SO2, unit: mg/m3, high: 5, clause: mine}]"
    own = rules.over(without, rules.parse_site(HEADER.format(pack="gb30871-2022") + body, "s"))
    assert own.limit("SO2", Unit.PPM).high == pytest.approx(1.8135, abs=0.001)


def test_the_first_three_late_days_are_named() -> None:
    refused = _refused(_days("2028-05-04", "2028-05-02", "2028-05-03", "2028-05-01"))
    assert refused.came == "2028-05-01, 2028-05-02, 2028-05-03"


# --- for every row that the check accepts -------------------------------------------------------------------------

_SHARE = st.sampled_from([0.0, 0.5, 0.9, 0.95, 0.99, 0.9999, 1 - 2**-53, 1.0, 1 + 2**-52, 1.0001, 5.0])
_WILD = st.sampled_from([None, 0.0, -1.0, 0.5, 5.0, 10.0, 21.0, 30.0, 5000.0, math.inf, -math.inf, math.nan])
_BOUND = st.one_of(*[st.tuples(_SHARE, st.integers(-1, 1))] * 3, _WILD)
"""A share of the baseline's own bound, some steps of the last binary digit beside it, or anything."""
_WARM = st.one_of(st.none(), st.integers(10, 30), st.sampled_from([-300, -273, COLDEST_C, HOTTEST_C, 2000]))
_RARE = st.one_of(st.none(), st.none(), st.none(), _BOUND)
_ROW = st.tuples(st.sampled_from(list(GASES)), st.sampled_from(list(Unit)), _RARE, _BOUND, _RARE, _WARM)


def _bound(drawn: Any, own: float | None) -> float | None:
    if not isinstance(drawn, tuple):
        return drawn  # type: ignore[no-any-return]
    if own is None:
        return None
    share, steps = drawn
    return math.nextafter(own * share, steps * math.inf) if steps else own * share


def _limit(pack: rules.Rules, drawn: Any) -> Limit:
    code, unit, low, high, below, temperature_c = drawn
    own = next(limit for limit in pack.limits if limit.gas == code)
    if unit in own.units:
        own = own.into(unit)
    return Limit(
        code, unit, "mine", _bound(low, own.low), _bound(high, own.high or own.below),
        _bound(below, own.below or own.high), temperature_c=temperature_c,
    )  # fmt: skip


def _passing(pack: rules.Rules, code: str, unit: Unit, confined: bool) -> Limit | None:
    try:
        return pack.limit(code, unit, confined=confined)
    except ContractError:
        return None


def _share(pack: rules.Rules, code: str, confined: bool) -> tuple[float, float]:
    """What the baseline lets through of a gas as a share of the air in ppm, by the strictest of its limits."""
    low, high = -math.inf, math.inf
    for unit, factor in ((Unit.PPM, 1), (Unit.VOL_PCT, 10_000)):
        limit = _passing(pack, code, unit, confined)
        if limit is not None:
            low, high = max(low, limit.bottom * factor), min(high, limit.top * factor)
    return low, high


@settings(max_examples=500, deadline=None)
@given(
    pack=st.sampled_from(list(PACKS)),
    limits=st.lists(_ROW, max_size=2),
    confined=st.lists(_ROW, max_size=2),
)
def test_no_reading_passes_a_sites_rules_that_its_baseline_refuses(
    pack: str, limits: list[Any], confined: list[Any]
) -> None:
    """INT-06: whatever a site writes, the check refuses it or it is nowhere looser, in any unit and either place."""
    baseline = PACKS[pack]
    rows = {
        table: tuple(_limit(baseline, row) for row in drawn)
        for table, drawn in (("limits", limits), ("confined", confined))
        if drawn
    }
    try:
        own = rules.over(baseline, rules.SiteRules("works-3", pack, rows, "x"))
    except ContractError:
        event("refused")
        return
    event("accepted")
    for code in GASES:
        for unit in Unit:
            for inside in (False, True):
                mine, given_ = (_passing(each, code, unit, inside) for each in (own, baseline))
                if given_ is not None:
                    assert mine is not None
                    assert mine.bottom >= given_.bottom
                    assert mine.top <= given_.top
                elif mine is not None:
                    low, high = _share(baseline, code, inside)
                    share = mine if mine.quantity is Quantity.TOXIC else mine.into(Unit.VOL_PCT)
                    factor = 1 if mine.quantity is Quantity.TOXIC else 10_000
                    if share.unit is Unit.MG_M3:
                        share = share.into(Unit.PPM)
                    assert share.bottom * factor >= low
                    assert share.top * factor <= high * (1 + 1e-12)
