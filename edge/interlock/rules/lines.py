"""A pack as a list of lines, in the order in which people read it, and the lines in which two packs differ. Pure."""

import msgspec

from contracts.gas import gas
from edge.interlock.rules import describe
from edge.interlock.rules.pack import Rules
from edge.interlock.rules.rows import Days, Flag, Limit, Number, Source, Word, unit_of
from edge.interlock.rules.strictness import Stricter, compare, directions
from edge.interlock.rules.titles import SECTIONS, section_of, title

Value = Number | Flag | Word | Days | Limit


class Line(msgspec.Struct, frozen=True):
    """One row: `id` names it for ever, `name` is its field; titles in both languages."""

    id: str
    section: str
    name: str
    zh: str
    en: str
    row: Value

    @property
    def value(self) -> str:
        """Its value in a few signs."""
        return describe.value(self.row)

    @property
    def unit(self) -> str:
        """Its unit; empty for what has none."""
        if isinstance(self.row, Limit):
            return self.row.unit.value
        return unit_of(self.name) if isinstance(self.row, Number) else ""

    @property
    def clause(self) -> str:
        """Where it comes from."""
        return self.row.clause

    @property
    def source(self) -> Source:
        """How sure that is."""
        return self.row.source


class Difference(msgspec.Struct, frozen=True):
    """A line in which two packs differ; None where one has no such line."""

    id: str
    left: Line | None
    right: Line | None
    stricter: Stricter


def lines(rules: Rules) -> tuple[Line, ...]:
    """Every row of a pack, section by section."""
    found = [*_limits(rules, "limits"), *_limits(rules, "confined"), *_levels(rules)]
    for name in directions():
        zh, en = title(name)
        found.append(Line(name, section_of(name), name, zh, en, getattr(rules, name)))
    order = list(SECTIONS)
    return tuple(sorted(found, key=lambda line: order.index(line.section)))


def differences(left: Rules, right: Rules) -> tuple[Difference, ...]:
    """The lines whose values differ, and which pack is stricter there. Clauses may differ unmentioned."""
    one, other = ({line.id: line for line in lines(rules)} for rules in (left, right))
    found = []
    for key in dict.fromkeys((*one, *other)):
        mine, yours = one.get(key), other.get(key)
        if mine is None or yours is None:
            found.append(Difference(key, mine, yours, Stricter.LEFT if yours is None else Stricter.RIGHT))
            continue
        answer = compare(mine.name, mine.row, yours.row)
        if answer is not Stricter.SAME:
            found.append(Difference(key, mine, yours, answer))
    return tuple(found)


def _limits(rules: Rules, table: str) -> list[Line]:
    found = []
    for limit in rules.limits if table == "limits" else rules.confined:
        known = gas(limit.gas)
        found.append(Line(f"{table}.{limit.gas}.{limit.quantity}", table, limit.gas, known.zh, known.en, limit))
    return found


def _levels(rules: Rules) -> list[Line]:
    found = []
    for level, rule in rules.levels.items():
        for name in ("validity_h", "break_s", "camera", "continuous_gas"):
            value = getattr(rule, name)
            kind = Flag if isinstance(value, bool) else Number
            zh, en = title(name)
            row = kind(value, rule.clause, rule.source)
            found.append(Line(f"levels.{level.value}.{name}", "levels", name, zh, en, row))
    return found
