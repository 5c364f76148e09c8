"""`hotbox status` and `hotbox explain`: what the interlock sees and why it decides as it does."""

from typing import Annotated

import msgspec
import typer
from rich.cells import cell_len
from rich.text import Text

from contracts.errors import ContractError
from edge.cli import next_steps, printing, sections
from edge.cli.banner import LOOKS
from edge.cli.choices import Choices, choices
from edge.cli.client import Control, status_of
from edge.cli.words import Words
from edge.config import read
from edge.interlock.status import ReasonView, Status, VerdictView

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def ask_status(chosen: Choices) -> tuple[Status, msgspec.Raw]:
    """The status document now, decoded and as it came.

    Raises:
        NoAnswer: no interlock.
        ContractError, OSError: the configuration does not read.
    """
    with Control(read(chosen.config).control_socket) as control:
        raw = control.ask("status")
    return status_of(raw), raw


def status_command(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print the status document unchanged (JSON).")] = False,
) -> None:
    """Show the state on one screen.

    Exit codes: 0, 3 the interlock does not answer.
    """
    chosen = choices(context)
    status, raw = ask_status(chosen)
    if as_json:
        printing.exact(raw)
        return
    console = printing.screen()
    printing.lines(console, picture(status, chosen.words, printing.width(console)))


def state_line(status: Status, words: Words, width: int) -> Text:
    """The state as a band over the whole width: colour, symbol, word, meaning, since when."""
    look = LOOKS[status.state]
    since = words("for", age=words.span((status.at_us - status.since_us) // 1000))
    text = f"  {look.symbol} {words(f'state.{status.state}')}  {sections.meaning(status, words)}"
    return Text(
        sections.pad(text, width - 16) + sections.pad(since, 14, right=True) + "  ", f"bold {look.ink} on {look.paper}"
    )


def picture(status: Status, words: Words, width: int) -> list[Text]:
    """All of `hotbox status`."""
    blank = Text(" " * width, f"on {LOOKS[status.state].paper}")
    lines = [sections.head(status, words, width), blank, state_line(status, words, width), blank]
    lines += sections.first_out(status, words, width)
    lines += next_steps.lines(status, words, width)
    lines += sections.why_not(status, words, width, 1000)
    lines += sections.countdowns(status, words, width, status.at_us)
    lines += sections.gas(status, words, width, 1000)
    lines += sections.people(status, words, width, 1000)
    lines += sections.relay(status, words, width)
    lines += sections.inputs(status, words, width)
    lines += sections.audit(status, words, width)
    return lines + sections.buses(status, words, width)


def explain_command(
    context: typer.Context,
    condition: Annotated[str | None, typer.Argument(help="Only this condition.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Show every condition: verdict, where it counts, reasons, value against limit, clause, age.

    Exit codes: 0, 1 there is no such condition, 3 the interlock does not answer.
    """
    chosen = choices(context)
    status, _ = ask_status(chosen)
    verdicts = status.verdicts
    if condition is not None:
        verdicts = tuple(verdict for verdict in verdicts if verdict.condition == condition)
        if not verdicts:
            names = ", ".join(verdict.condition for verdict in status.verdicts)
            raise ContractError("CONDITION", f"one of {names}", condition)
    if as_json:
        printing.document(verdicts)
        return
    console = printing.screen()
    printing.lines(console, explanation(verdicts, chosen.words, printing.width(console)))


def explanation(verdicts: tuple[VerdictView, ...], words: Words, width: int) -> list[Text]:
    """A line for every condition, and its reasons below it when it fails."""
    name_w = max(max((len(v.condition) for v in verdicts), default=0), 14)
    sets_w = cell_len(words("set.release")) + cell_len(words("set.run")) + 3
    age_w = 9
    text_w = width - name_w - sets_w - age_w - 5
    lines = []
    for verdict in verdicts:
        style = sections.GOOD if verdict.ok else sections.BAD
        line = Text(f"{sections.TICK if verdict.ok else sections.CROSS} ", style)
        line.append(sections.pad(verdict.condition, name_w) + " ", "bold" if not verdict.ok else "")
        sets = " ".join(words(f"set.{name}") for name, on in (("release", verdict.release), ("run", verdict.run)) if on)
        line.append(sections.pad(sets, sets_w), sections.DIM)
        line.append(sections.pad(words.pick(verdict), text_w) + " ")
        line.append(
            sections.pad(words.age(verdict.age_ms) if verdict.age_ms is not None else "", age_w, right=True),
            sections.DIM,
        )
        lines.append(sections.fit(line, width))
        for reason in verdict.reasons:
            lines += _reason(reason, words, width)
    bad = sum(not verdict.ok for verdict in verdicts)
    if len(verdicts) > 1:
        lines.append(Text(words("explain_sum", n=len(verdicts), bad=bad), "bold"))
    return lines


def _reason(reason: ReasonView, words: Words, width: int) -> list[Text]:
    first = Text("    ").append(words.pick(reason), "bold")
    numbers = sections.measure(reason, words)
    if numbers:
        first.append(f"  {numbers}", sections.BAD)
    lines = [first, Text("    → ", sections.NOTE).append(words.todo(reason))]
    if reason.clause:
        lines.append(Text(f"    {words('clause')}: {reason.clause}  [{reason.code}]", sections.DIM))
    else:
        lines.append(Text(f"    [{reason.code}]", sections.DIM))
    return [sections.fit(line, width) for line in lines]
