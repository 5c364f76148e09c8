"""Writes docs/rules.md: every row of the rule packs, its number, unit and clause, and the test that proves its edge.

    python -m tests.rulebook docs/rules.md

The tests say themselves which row they prove: ``@pytest.mark.rule("gas_test_age_s")``. The table is made from the packs
and from what pytest collects; a test fails when the page is not what this writes.
"""

import ast
import collections
import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import faces.policy
from edge.interlock import rules
from edge.interlock.rules import Days, Flag, Limit, Number, Rules
from edge.interlock.rules.describe import number, value
from edge.interlock.rules.lines import Line, differences, lines
from edge.interlock.rules.strictness import Stricter, directions
from edge.interlock.rules.titles import SECTIONS, SOURCES

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "rules.md"
KERNEL = ROOT / "edge" / "interlock"
PRESENCE = ROOT / "edge" / "presence"
VISION = ROOT / "edge" / "vision"
_ANSWER = "RULEBOOK_ANSWER"
_TESTS = ("tests/edge/interlock", "tests/edge/presence", "tests/edge/vision", "tests/contracts")


def pytest_collection_finish(session: pytest.Session) -> None:
    """As a plugin of a collecting run: write down which test proves which row."""
    where = os.environ.get(_ANSWER)
    if where is None:
        return
    found = collections.defaultdict(collections.Counter)
    for item in session.items:
        for mark in item.iter_markers("rule"):
            for row in mark.args:
                found[row][item.nodeid.partition("[")[0]] += 1
    Path(where).write_text(json.dumps(found), encoding="utf-8")


def proofs() -> dict[str, dict[str, int]]:
    """Row → test function → number of cases, as pytest collects them."""
    marked = [
        str(path.relative_to(ROOT))
        for folder in _TESTS
        for path in sorted((ROOT / folder).rglob("test_*.py"))
        if "mark.rule(" in path.read_text(encoding="utf-8")
    ]
    # Whatever measures or spreads the asking run has no part in this one.
    surroundings = {key: value for key, value in os.environ.items() if not key.startswith(("COV_", "PYTEST_"))}
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "rules.json"
        command = [
            sys.executable, "-m", "pytest", "--collect-only", "-qq", "-p", "tests.rulebook", "-p", "no:cacheprovider",
            *marked,
        ]  # fmt: skip
        done = subprocess.run(
            command, cwd=ROOT, env={**surroundings, _ANSWER: str(answer), "PYTHONPATH": str(ROOT)}, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
        found: dict[str, dict[str, int]] = json.loads(answer.read_text(encoding="utf-8"))
    return found


_READ_BY = {
    "accepts_liveness": ("liveness",),
    "asks_for_proof": ("liveness",),
    "accepts_clock": ("clock_quality",),
    "calendar": ("upgrade_days", "night_from_h", "night_to_h"),
}
"""Rows that the kernel reads by way of a pack's own functions."""


@functools.cache
def decided() -> frozenset[str]:
    """Fields of a pack that the box decides by: an attribute of something called rules or pack, or of a level's rule."""
    found = set(faces.policy.ROWS)  # vision reads them by name
    for path in sorted((*KERNEL.rglob("*.py"), *PRESENCE.rglob("*.py"), *VISION.rglob("*.py"))):
        if "rules" in path.relative_to(ROOT).parts or path.name in ("view.py", "status.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and _is_rules(node.value):
                found.update(_READ_BY.get(node.attr, (node.attr,)))
    return frozenset(found) & {*directions(), *rules.LevelRule.__struct_fields__} - {"clause", "source"}


def _is_rules(node: ast.expr) -> bool:
    """``rules``, ``f.rules``, ``pack``, ``level`` (a level's rule) and ``rules.levels[...]``."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Attribute) and node.value.attr == "levels"
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in ("rules", "_rules", "pack", "level")


def is_decided(line: Line) -> bool:
    """Whether the kernel decides by a line: gas limits always, others when it reads them."""
    return isinstance(line.row, Limit) or line.name in decided() or line.name == "temperature_c"


def page(known: dict[str, dict[str, int]]) -> str:
    """The whole page; `known` are the `proofs`."""
    cn, us, both, sim = (rules.load(name) for name in ("gb30871-2022", "osha-nfpa", "strictest", "SIMULATION"))
    parts = [_HEAD.format(signs="\n".join(f"| {sign} | {zh} | {en} |" for sign, zh, en in SOURCES.values()))]
    us_lines = {line.id: line for line in lines(us)}
    winner = {change.id: change.stricter for change in differences(cn, us)}
    cn_lines = {line.id: line for line in lines(cn)}
    every = us_lines | cn_lines
    for section, (zh, en) in SECTIONS.items():
        here = [line for line in every.values() if line.section == section]
        if not here:
            continue
        parts.append(f"\n## {en[0].upper()}{en[1:]} · {zh}\n\n{_TABLE}")
        for line in here:
            sides = [_cell(own.get(line.id)) for own in (cn_lines, us_lines)]
            stricter = {Stricter.LEFT: "gb30871-2022", Stricter.RIGHT: "osha-nfpa"}.get(
                winner.get(line.id, Stricter.SAME), "same"
            )
            name = f"`{line.id}`<br>{line.en}<br>{line.zh}"
            parts.append(f"| {name} | {sides[0]} | {sides[1]} | {stricter} | {_proof(line, known)} |")
    parts.append(_simulation(cn, sim))
    parts.append(f"\n`strictest` is worked out from the two: {len(differences(both, cn))} of its rows are stricter than"
                 f" gb30871-2022, {len(differences(both, us))} stricter than osha-nfpa.\n")  # fmt: skip
    return "\n".join(parts)


def _cell(line: Line | None) -> str:
    if line is None:
        return "none"
    match line.row:
        case Number():
            said = number(line.name, line.row)
        case Flag():
            said = value(line.row)
        case Days():
            said = f"{len(line.row.dates)} days; weekdays {', '.join(map(str, line.row.weekdays)) or 'none'}"
        case _:
            said = f"{line.value} {line.unit}".rstrip()
    sign = SOURCES[line.source.value][0]
    return f"**{said}**<br>{line.clause} [{sign}]".replace("<br>|", "<br>").replace("|", "\\|")


def _proof(line: Line, known: dict[str, dict[str, int]]) -> str:
    tests = known.get(line.id, {}) | known.get(line.name, {})
    if tests:
        return "<br>".join(
            f"[{node.rpartition('::')[2]}](../{node.partition('::')[0]}) ×{count}"
            for node, count in sorted(tests.items())
        )
    return "**no test**" if is_decided(line) else "data: shown, decided at the bridge"


def _simulation(cn: Rules, sim: Rules) -> str:
    rows = [f"| `{change.id}` | {_cell(change.left)} | {_cell(change.right)} |" for change in differences(cn, sim)]
    return "\n".join([_SIMULATION, *rows])


_HEAD = """# Rule packs · 规则包

Made by `python -m tests.rulebook docs/rules.md` from `configs/rules/` and the tests; do not edit. `hotbox rules show`,
`check` and `diff` say the same on a box. The kernel has no number of its own: each stands here with its clause.

A site may tighten a row (`site_rules` in the box's configuration) and never loosen one: a weaker value is refused at
the start with both values shown. `strictest` takes the stricter of the two packs, row by row. Every decision record
carries the hash of the pack that really decided.

How sure a clause is:

| sign | 依据 | source |
|---|---|---|
{signs}

"same": both packs ask for the same. A gas limit holds in its own unit; it is converted through the gas's own LEL, or
from mg/m3 at the pack's temperature, never from fire to poison. A confined space has limits of its own where they
are listed; the open ones hold there otherwise."""

_TABLE = """| rule · 规则 | gb30871-2022 | osha-nfpa | stricter | test at the limit and a hair to each side |
|---|---|---|---|---|"""

_SIMULATION = """
## What `SIMULATION` changes · 仿真基线的不同之处

Accepted only when every device address is loopback or a pseudo-terminal.

| rule | gb30871-2022 | SIMULATION |
|---|---|---|"""


def main() -> None:
    """Write the page to the file that is named, or to the terminal."""
    text = page(proofs())
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
