"""`hotbox rules`: read a rule pack as people do, check one before it is used, and see how two differ."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from contracts import yaml_file
from contracts.errors import ContractError
from edge.cli import printing
from edge.cli.choices import choices
from edge.cli.packs import asked
from edge.cli.sections import BAD, DIM, GOOD, NOTE, SOME
from edge.cli.shadowing import replay_command
from edge.cli.words import Words
from edge.interlock import rules
from edge.interlock.rules import Days, Flag, Limit, Number, Rules, Source, describe
from edge.interlock.rules.lines import Difference, Line, differences, lines
from edge.interlock.rules.strictness import Stricter
from edge.interlock.rules.titles import SECTIONS, SOURCES

rules_app = typer.Typer(no_args_is_help=True, help="Rule packs: every limit, timer and clause.")
rules_app.command("replay")(replay_command)
_WIDE = 124
"""From this width the rows' titles have a column of their own."""
_COUNTED = ("text", "secondary", "professional", "claim", "policy")


class Checked(msgspec.Struct, frozen=True):
    """What was found out about an accepted file; `tightens` and `changes` speak of a site's own rules."""

    ok: bool
    file: str
    name: str
    simulation: bool
    sha256: str
    rows: int
    sources: dict[str, int]
    tightens: str
    changes: tuple[dict[str, Any], ...]


@rules_app.callback()
def _rules() -> None:
    """Rule packs: every limit, timer and clause."""


# --- check --------------------------------------------------------------------------------------------------------


@rules_app.command("check")
def check_command(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A rule pack, or a site's own rules over one.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a pack, or a site's own rules: does it read, and is no row weaker than the baseline's.

    Exit codes: 0 accepted, 1 refused.
    """
    words = choices(context).words
    try:
        found, changes = _checked(file)
    except ContractError as error:
        if as_json:
            problem = {"field": error.field, "expected": error.expected, "came": error.came, "hint": error.hint}
            printing.document({"ok": False, "file": str(file), "error": problem})
        else:
            printing.refusal(error, words, words("rules_refused", path=file))
        raise typer.Exit(printing.REFUSED) from None
    if as_json:
        printing.document(found)
        return
    console = printing.screen()
    console.print(Text(f"✔ {words('rules_ok', path=found.file)}", GOOD), soft_wrap=True)
    of = words("rules_tightens", name=found.tightens) if found.tightens else words("rules_rows", n=found.rows)
    console.print(Text(f"  {found.name}  {of}  {found.sha256[:12]}", DIM))
    if found.simulation:
        console.print(Text("! ", SOME).append(words("warn_simulation")))
    if changes:
        console.print()
        console.print(_difference_table(changes, (found.tightens, found.name), words))
    elif not found.tightens:
        parts = [f"{SOURCES[name][0]} {found.sources[name]} {words(f'source.{name}')}" for name in found.sources]
        console.print(Text("  " + " · ".join(parts), DIM), soft_wrap=True)


def _checked(file: Path) -> tuple[Checked, tuple[Difference, ...]]:
    text = file.read_text(encoding="utf-8")
    raw = yaml_file.load(text, file.name)
    changes: tuple[Difference, ...] = ()
    if isinstance(raw, dict) and "tightens" in raw:
        site = rules.parse_site(text, file.name)
        baseline = rules.load(site.tightens)
        pack, name, tightens = rules.over(baseline, site), site.name, baseline.name
        changes = differences(baseline, pack)
    else:
        pack = rules.parse(text, file.name)
        name, tightens = pack.name, ""
    found = lines(pack)
    counts = {source: sum(line.source.value == source for line in found) for source in _COUNTED}
    return Checked(
        True, str(file), name, pack.simulation, pack.sha256, len(found), {k: n for k, n in counts.items() if n},
        tightens, tuple(_difference_data(change) for change in changes),
    ), changes  # fmt: skip


# --- show ---------------------------------------------------------------------------------------------------------


@rules_app.command("show")
def show_command(
    context: typer.Context,
    pack: Annotated[
        str | None,
        typer.Argument(help="Name of a pack or a file; without it the rules of this box.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show every row with value, unit, clause and how sure the clause is.

    Exit codes: 0 done, 1 there is no such pack or it is refused.
    """
    chosen = choices(context)
    found = asked(pack, chosen)
    if as_json:
        printing.document({
            "name": found.name, "zh": found.zh, "en": found.en, "simulation": found.simulation, "site": found.site,
            "sha256": found.sha256, "rows": [_line_data(line) for line in lines(found)],
        })  # fmt: skip
        return
    _show(found, printing.screen(), chosen.words)


def _show(pack: Rules, console: Console, words: Words) -> None:
    head = Text(f"{pack.name}", "bold").append(f"  {words.pick(pack)}", "")
    console.print(head)
    over = f"  {words('rules_site', name=pack.site)}" if pack.site else ""
    console.print(Text(f"sha256 {pack.sha256[:12]}{over}", DIM))
    wide = console.width >= _WIDE
    found = lines(pack)
    for section, (zh, en) in SECTIONS.items():
        here = [line for line in found if line.section == section]
        if not here:
            continue
        console.print()
        console.print(Text(zh if words.lang == "zh" else en, "bold"))
        console.print(_lines_table(here, words, wide=wide))
    signs = [f"{SOURCES[source.value][0]} {words(f'source.{source.value}')}" for source in Source]
    console.print(Text("\n" + " · ".join(signs), DIM), soft_wrap=True)


def _lines_table(found: list[Line], words: Words, *, wide: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style=DIM, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, width=31 if wide else 30, overflow="fold")
    table.add_column(no_wrap=True, width=17, overflow="fold")
    if wide:
        table.add_column(width=32, overflow="fold")
    table.add_column(no_wrap=True, width=1)
    table.add_column(overflow="fold", style=DIM)
    for line in found:
        cells = [Text(_label(line)), Text(_value(line, words), "bold")]
        if wide:
            cells.append(Text(words.pick(line)))
        elif words.lang == "zh":
            cells[0] = Text(line.zh if line.section != "levels" else f"{_level(line, words)} {line.zh}")
        sign = Text(SOURCES[line.source.value][0], NOTE if line.source is Source.TEXT else SOME)
        table.add_row(*cells, sign, line.clause)
    return table


def _level(line: Line, words: Words) -> str:
    return words(f"level.{line.id.split('.')[1]}")


def _label(line: Line) -> str:
    """The row's key without the table that its section names."""
    return line.id.partition(".")[2] if line.section in ("limits", "confined", "levels") else line.id


def _value(line: Line, words: Words) -> str:
    match line.row:
        case Flag(value):
            return words("rule_yes" if value else "rule_no")
        case Days():
            days = ", ".join(map(str, line.row.weekdays)) or "–"
            return words("rule_days", n=len(line.row.dates), days=days)
        case Number():
            return describe.number(line.name, line.row)
        case _:
            return f"{line.value} {line.unit}".rstrip()


# --- diff ---------------------------------------------------------------------------------------------------------


@rules_app.command("diff")
def diff_command(
    context: typer.Context,
    a: Annotated[str, typer.Argument(metavar="A", help="Name of a pack, or a file.", show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", help="Name of a pack, or a file.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the rows in which two packs differ, and which of them is stricter there.

    Exit codes: 0 done, 1 there is no such pack or it is refused.
    """
    chosen = choices(context)
    left, right = asked(a, chosen), asked(b, chosen)
    found = differences(left, right)
    names = tuple(pack.name + (f"+{pack.site}" if pack.site else "") for pack in (left, right))
    if as_json:
        rows = [_difference_data(change) for change in found]
        printing.document({"left": names[0], "right": names[1], "rows": rows})
        return
    console, words = printing.screen(), chosen.words
    if not found:
        console.print(Text(f"✔ {words('rules_same')}", GOOD))
        return
    console.print(_difference_table(found, (names[0], names[1]), words))
    count = {side: sum(change.stricter is side for change in found) for side in Stricter}
    console.print(Text(
        "\n" + words("rules_sum", n=len(found), a=names[0], na=count[Stricter.LEFT],
                     b=names[1], nb=count[Stricter.RIGHT]), DIM,
    ), soft_wrap=True)  # fmt: skip


def _difference_table(found: tuple[Difference, ...], names: tuple[str, str], words: Words) -> Table:
    table = Table(box=None, pad_edge=False, header_style=DIM, padding=(0, 2, 0, 0))
    for head in (words("rule"), names[0], names[1]):
        table.add_column(head, overflow="fold")
    table.add_column(words("stricter"), no_wrap=True)
    for change in found:
        left, right = (_side(line, change, words) for line in (change.left, change.right))
        first, second = change.stricter is Stricter.LEFT, change.stricter is Stricter.RIGHT
        arrow = {Stricter.LEFT: f"◀ {names[0]}", Stricter.RIGHT: f"▶ {names[1]}"}.get(
            change.stricter, f"◆ {words('both_differ')}"
        )
        shown = change.left or change.right
        assert shown is not None  # noqa: S101 - a difference has a side
        name = Text(change.id)
        if words.lang == "zh":
            name.append(f" {shown.zh}", DIM)
        table.add_row(
            name, Text(left, GOOD if first else ""), Text(right, GOOD if second else ""),
            Text(arrow, BAD if change.stricter is Stricter.BOTH else ""),
        )  # fmt: skip
    return table


def _side(line: Line | None, change: Difference, words: Words) -> str:
    """A value; a limit also in the other side's unit, so that the two can be compared."""
    if line is None:
        return words("rule_none")
    said = _value(line, words)
    other = change.left if line is change.right else change.right
    if isinstance(line.row, Limit) and other is not None and isinstance(other.row, Limit):
        unit = other.row.unit
        if unit is not line.row.unit:
            same = msgspec.structs.replace(line, row=line.row.into(unit))
            return f"{said} = {_value(same, words)}"
    return said


def _line_data(line: Line) -> dict[str, Any]:
    return {
        "id": line.id, "section": line.section, "zh": line.zh, "en": line.en, "value": line.value, "unit": line.unit,
        "clause": line.clause, "source": line.source.value, "row": line.row,
    }  # fmt: skip


def _difference_data(change: Difference) -> dict[str, Any]:
    return {
        "id": change.id,
        "left": None if change.left is None else _line_data(change.left),
        "right": None if change.right is None else _line_data(change.right),
        "stricter": change.stricter.value,
    }
