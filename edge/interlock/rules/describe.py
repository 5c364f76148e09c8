"""Says a row's value in a few signs, the same in every language: ``1800 s``, ``19.5-23.5 vol%``, ``< 10 %LEL``."""

from edge.interlock.rules.rows import Days, Flag, LevelRule, Limit, Number, Word, unit_of

_PARTS = {"1/1000": 1000, "1/100": 100}


def plain(value: float) -> str:
    """A number without what says nothing: 7.05, 10, 0.2."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def bounds(limit: Limit) -> str:
    """A limit's band without its unit."""
    if limit.below is not None and (limit.high is None or limit.below <= limit.high):
        top, sign = plain(limit.below), "<"
    elif limit.high is not None:
        top, sign = plain(limit.high), "≤"
    else:
        return f"≥ {plain(limit.bottom)}"
    if limit.low is None:
        return f"{sign} {top}"
    return f"{plain(limit.low)}–{top}" if sign == "≤" else f"{plain(limit.low)} to < {top}"


def value(row: Number | Flag | Word | Days | Limit | LevelRule) -> str:
    """A row's value without its unit."""
    match row:
        case Number(number):
            return str(number)
        case Flag(flag):
            return "yes" if flag else "no"
        case Word(word):
            return word
        case Days():
            return f"{len(row.dates)} dates; weekdays {', '.join(map(str, row.weekdays)) or '–'}"
        case Limit():
            return bounds(row)
        case _:
            parts = (f"{row.validity_h} h", f"break {row.break_s} s", row.camera and "camera",
                     row.continuous_gas and "continuous gas")  # fmt: skip
            return ", ".join(part for part in parts if part)


def number(name: str, row: Number) -> str:
    """A number as its pack has it, and as a person would say it: ``1800 s = 30 min``, ``500 = 0.5``."""
    unit = unit_of(name)
    if unit in _PARTS:
        return f"{row.value} = {plain(row.value / _PARTS[unit])}"
    said = f"{row.value} {unit}".rstrip()
    if unit == "s" and row.value >= 120 and row.value % 60 == 0:
        long = f"{row.value // 3600} h" if row.value % 3600 == 0 else f"{row.value // 60} min"
        return f"{said} = {long}"
    return said


def describe(name: str, row: Number | Flag | Word | Days | Limit | LevelRule) -> str:
    """A row's value with its unit."""
    unit = row.unit.value if isinstance(row, Limit) else unit_of(name) if isinstance(row, Number) else ""
    return f"{value(row)} {unit}".rstrip()
