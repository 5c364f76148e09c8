"""`hotbox panel`: what the stack light says now, its whole table, lamp test, silence."""

import socket
from pathlib import Path

import msgspec
import typer
from rich.text import Text

from contracts.errors import ContractError
from edge.cli import printing, sections
from edge.cli.choices import choices
from edge.cli.client import NoAnswer, decode
from edge.cli.reading import Json
from edge.cli.words import Words
from edge.config import read
from edge.panel.legend import picture
from edge.panel.patterns import TABLE, Meaning
from edge.panel.process import PanelView
from edge.panel.wiring import LAMPS

ANSWER_S = 3.0
_COLOURS = {"red": "bold #ff6b61", "amber": "bold #e6b800", "green": "bold #3fb950", "white": "bold #ffffff"}

panel_app = typer.Typer(invoke_without_command=True, help="The stack light and the buzzer.")


def ask(path: Path, op: str) -> PanelView:
    """Ask the panel process.

    Raises:
        NoAnswer: it is not there, or stays silent.
        ContractError: it refuses.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as talk:
        talk.settimeout(ANSWER_S)
        try:
            talk.connect(str(path))
            talk.sendall(msgspec.json.encode({"op": op}) + b"\n")
            with talk.makefile("rb") as lines:
                line = lines.readline()
        except OSError as error:
            raise NoAnswer(path, error.strerror or str(error)) from error
    return msgspec.json.decode(decode(line, path), type=PanelView)


@panel_app.callback()
def show_command(context: typer.Context, as_json: Json = False) -> None:
    """Show what the lamps and the buzzer say now.

    Exit codes: 0 shown, 1 the lamps cannot be reached or the request is refused, 3 the panel does not answer.
    """
    if context.invoked_subcommand is None:
        _tell(context, "show", as_json)


@panel_app.command("test")
def lamp_test_command(context: typer.Context, as_json: Json = False) -> None:
    """Light every lamp and sound the buzzer for five seconds; what must not wait goes before."""
    _tell(context, "test", as_json)


@panel_app.command("silence")
def silence_command(context: typer.Context, as_json: Json = False) -> None:
    """Silence the buzzer for the configured time.

    Lamps and latches stay, a new cause sounds again, and evacuation cannot be silenced.
    """
    _tell(context, "silence", as_json)


@panel_app.command("table")
def table_command(context: typer.Context) -> None:
    """Print everything that the lamps can say."""
    words = choices(context).words
    for meaning, show in TABLE.items():
        printing.screen().print(Text(show.zh if words.lang == "zh" else show.en, "bold"))
        for line in _strips(meaning):
            printing.screen().print(line)


def _strips(meaning: Meaning) -> list[Text]:
    lines = []
    for name, row in picture(meaning):
        style = _COLOURS.get(name, sections.NOTE)
        lines.append(Text("  ").append(sections.pad(name, 8), sections.DIM).append(row, style))
    return lines


def _tell(context: typer.Context, op: str, as_json: bool) -> None:
    chosen = choices(context)
    config = read(chosen.config)
    if config.panel is None:
        raise ContractError("panel", "a stack light in the configuration", "none", "see `panel` in box.example.yaml")
    view = ask(config.panel_socket, op)
    if as_json:
        printing.document(view)
    else:
        for line in described(view, chosen.words):
            printing.screen().print(line)
    if not view.output_ok:
        raise typer.Exit(printing.REFUSED)


def described(view: PanelView, words: Words) -> list[Text]:
    """The meaning in words, its rhythm as a picture, and what is lit at this instant."""
    lit = Text("  ")
    for name in LAMPS:
        lit.append("● " if view.levels[name] else "○ ", _COLOURS[name])
    lit.append("♪" if view.levels["buzzer"] else "·", sections.NOTE)
    lines = [Text(view.zh if words.lang == "zh" else view.en, "bold"), lit, *_strips(Meaning(view.meaning))]
    if view.quiet_ms:
        lines.append(Text(f"  {words('panel_quiet', left=words.span(view.quiet_ms))}", sections.SOME))
    if not view.heard:
        lines.append(Text(f"  {words('panel_deaf')}", sections.BAD))
    if not view.output_ok:
        lines.append(Text(f"  {words('panel_unreached')}", sections.BAD))
    return lines
