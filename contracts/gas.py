"""Gases, units and lower explosive limits.

LEL values are the ones of the standards page's unit table (GB 30871-2022 5.3.2 turns on LEL >= 4 vol%).
A reading without gas and unit is meaningless and is refused: comparing %LEL with vol% is a factor of 20.
"""

from enum import StrEnum

import msgspec

from contracts.errors import ContractError


class Unit(StrEnum):
    """Units that readings and limits may carry."""

    PCT_LEL = "%LEL"
    VOL_PCT = "vol%"
    PPM = "ppm"
    MG_M3 = "mg/m3"


class Kind(StrEnum):
    """What a gas does to people."""

    FLAMMABLE = "flammable"
    TOXIC = "toxic"
    OXYGEN = "oxygen"


class Gas(msgspec.Struct, frozen=True):
    """A gas: Chinese and English name, LEL in vol% where it burns, molar mass in g/mol."""

    code: str
    zh: str
    en: str
    kind: Kind
    molar_mass_g: float
    lel_vol_pct: float | None = None


GASES: dict[str, Gas] = {
    gas.code: gas
    for gas in (
        Gas("CH4", "甲烷", "methane", Kind.FLAMMABLE, 16.04, 5.0),
        Gas("H2", "氢气", "hydrogen", Kind.FLAMMABLE, 2.016, 4.0),
        Gas("C3H8", "丙烷", "propane", Kind.FLAMMABLE, 44.10, 2.1),
        Gas("C2H2", "乙炔", "acetylene", Kind.FLAMMABLE, 26.04, 2.5),
        Gas("C6H6", "苯", "benzene", Kind.FLAMMABLE, 78.11, 1.2),
        Gas("C7H8", "甲苯", "toluene", Kind.FLAMMABLE, 92.14, 1.1),
        Gas("PETROL", "汽油蒸气", "petrol vapour", Kind.FLAMMABLE, 72.0, 1.4),
        Gas("NH3", "氨", "ammonia", Kind.FLAMMABLE, 17.03, 15.0),
        Gas("O2", "氧气", "oxygen", Kind.OXYGEN, 32.00),
        Gas("CO", "一氧化碳", "carbon monoxide", Kind.TOXIC, 28.01, 12.5),
        Gas("H2S", "硫化氢", "hydrogen sulphide", Kind.TOXIC, 34.08, 4.0),
        Gas("CL2", "氯气", "chlorine", Kind.TOXIC, 70.90),
        Gas("SO2", "二氧化硫", "sulphur dioxide", Kind.TOXIC, 64.06),
        Gas("HCN", "氰化氢", "hydrogen cyanide", Kind.TOXIC, 27.03, 5.6),
    )
}


def gas(code: str) -> Gas:
    """Look a gas up by its code.

    Raises:
        ContractError: an unknown gas.
    """
    found = GASES.get(code)
    if found is None:
        raise ContractError("gas", f"one of {', '.join(GASES)}", repr(code), "add the gas to contracts/gas.py first")
    return found


_GAS_CONSTANT = 8.314462618
_PRESSURE_KPA = 101.325


def molar_volume_l(temperature_c: float) -> float:
    """Litres that a mole of gas fills at 101.325 kPa: 24.06 at 20 degC (Chinese limits), 24.47 at 25 degC (US)."""
    return _GAS_CONSTANT * (temperature_c + 273.15) / _PRESSURE_KPA


def convert(value: float, code: str, unit: Unit, wanted: Unit, temperature_c: float | None = None) -> float:
    """Convert between vol% and %LEL through the gas's own LEL, and between mg/m3 and ppm at a temperature.

    No way leads from one pair to the other: what a detector for explosive mixtures says about poison is nothing.

    Raises:
        ContractError: an unknown gas, a gas without LEL, no temperature, or no defined way between the two units.
    """
    if unit is wanted:
        return value
    known = gas(code)
    lel = known.lel_vol_pct
    match (unit, wanted):
        case (Unit.PCT_LEL, Unit.VOL_PCT) if lel is not None:
            return value * lel / 100
        case (Unit.VOL_PCT, Unit.PCT_LEL) if lel is not None:
            return value * 100 / lel
        case (Unit.MG_M3, Unit.PPM) if temperature_c is not None:
            return value * molar_volume_l(temperature_c) / known.molar_mass_g
        case (Unit.PPM, Unit.MG_M3) if temperature_c is not None:
            return value * known.molar_mass_g / molar_volume_l(temperature_c)
        case _:
            raise ContractError(
                "unit",
                f"a unit that converts to {wanted.value} for {code}",
                unit.value,
                "state the limit in the detector's unit",
            )
