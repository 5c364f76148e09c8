"""`hotbox status` and `hotbox explain`: what the interlock sees and why it decides as it does."""

from typing import Annotated

import msgspec
import typer
from rich.text import Text

from edge.cli import next_steps, printing, sections
from edge.cli.banner import LOOKS
from edge.cli.choices import Choices, choices
from edge.cli.client import Control, status_of
from edge.cli.words import Words
from edge.config import read
from edge.interlock.status import Status

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
    found = picture(status, chosen.words, printing.width(console))
    if read(chosen.config).panel is not None:
        found += sections.lamps(status, chosen.words, printing.width(console))
    printing.lines(console, found)


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
    lines += sections.identify(status, words, width)
    lines += sections.first_out(status, words, width)
    lines += next_steps.lines(status, words, width)
    lines += sections.bypasses(status, words, width)
    lines += sections.why_not(status, words, width, 1000)
    lines += sections.countdowns(status, words, width, status.at_us)
    lines += sections.gas(status, words, width, 1000)
    lines += sections.people(status, words, width, 1000)
    lines += sections.relay(status, words, width)
    lines += sections.inputs(status, words, width)
    lines += sections.sensors(status, words, width)
    lines += sections.video(status, words, width)
    lines += sections.audit(status, words, width)
    return lines + sections.buses(status, words, width)
