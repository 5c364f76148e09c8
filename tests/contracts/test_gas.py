"""Units: a factor of twenty lies between 0.5 %LEL and 0.5 vol%."""

import pytest

from contracts.errors import ContractError
from contracts.gas import GASES, Kind, Unit, convert, gas, molar_volume_l


@pytest.mark.parametrize(
    ("code", "limit_vol_pct", "limit_pct_lel"),
    [("CH4", 0.5, 10.0), ("H2", 0.5, 12.5), ("NH3", 0.5, 3.3), ("C3H8", 0.2, 9.5), ("C2H2", 0.2, 8.0),
     ("PETROL", 0.2, 14.3), ("C6H6", 0.2, 16.7), ("C7H8", 0.2, 18.2)],
)  # fmt: skip
def test_the_unit_trap(code: str, limit_vol_pct: float, limit_pct_lel: float) -> None:
    """GB 30871-2022 5.3.2 in %LEL: laxer than 10 %LEL for light aromatics, stricter for ammonia."""
    assert convert(limit_vol_pct, code, Unit.VOL_PCT, Unit.PCT_LEL) == pytest.approx(limit_pct_lel, abs=0.05)
    assert convert(limit_pct_lel, code, Unit.PCT_LEL, Unit.VOL_PCT) == pytest.approx(limit_vol_pct, abs=0.01)


@pytest.mark.parametrize(
    ("code", "mg_m3", "temperature_c", "ppm"),
    [("H2S", 10, 20, 7.06), ("CO", 20, 20, 17.2), ("CO", 30, 20, 25.8), ("NH3", 20, 20, 28.2), ("NH3", 30, 20, 42.4),
     ("CL2", 1, 20, 0.339), ("CO", 30, 25, 26.2), ("CO", 55, 25, 48.0), ("H2S", 13.9, 25, 10.0)],
)  # fmt: skip
def test_milligrams_become_ppm_at_the_packs_temperature(
    code: str, mg_m3: float, temperature_c: float, ppm: float
) -> None:
    """GBZ 2.1-2019 counts at 20 degC, OSHA at 25 degC: the same air, another number."""
    assert convert(mg_m3, code, Unit.MG_M3, Unit.PPM, temperature_c) == pytest.approx(ppm, rel=0.005)
    assert convert(ppm, code, Unit.PPM, Unit.MG_M3, temperature_c) == pytest.approx(mg_m3, rel=0.005)


@pytest.mark.parametrize(("temperature_c", "litres"), [(0, 22.41), (20, 24.05), (25, 24.46)])
def test_a_mole_of_gas_fills_more_when_it_is_warmer(temperature_c: float, litres: float) -> None:
    assert molar_volume_l(temperature_c) == pytest.approx(litres, abs=0.02)


def test_without_a_temperature_milligrams_stay_milligrams() -> None:
    with pytest.raises(ContractError):
        convert(30, "CO", Unit.MG_M3, Unit.PPM)


@pytest.mark.parametrize("code", sorted(GASES))
@pytest.mark.parametrize("unit", list(Unit))
def test_the_same_unit_is_left_alone(code: str, unit: Unit) -> None:
    assert convert(7.25, code, unit, unit) == 7.25


@pytest.mark.parametrize(
    ("code", "unit", "wanted"),
    [("O2", Unit.VOL_PCT, Unit.PCT_LEL), ("CH4", Unit.PPM, Unit.PCT_LEL), ("CH4", Unit.VOL_PCT, Unit.PPM),
     ("CO", Unit.MG_M3, Unit.PPM), ("H2S", Unit.PPM, Unit.VOL_PCT)],
)  # fmt: skip
def test_what_has_no_defined_way_is_refused(code: str, unit: Unit, wanted: Unit) -> None:
    with pytest.raises(ContractError) as caught:
        convert(1.0, code, unit, wanted)
    assert caught.value.field == "unit"


@pytest.mark.parametrize("code", ["", "ch4", "XE", "CH4 "])
def test_an_unknown_gas_is_refused(code: str) -> None:
    with pytest.raises(ContractError) as caught:
        gas(code)
    assert caught.value.field == "gas"


def test_every_gas_that_burns_has_its_lower_explosive_limit() -> None:
    for code, entry in GASES.items():
        assert entry.code == code
        assert entry.zh
        assert (entry.lel_vol_pct is None) == (code in ("O2", "CL2", "SO2"))
        assert entry.kind is not Kind.FLAMMABLE or entry.lel_vol_pct
