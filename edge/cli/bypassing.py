"""`hotbox bypass`: leave a failed detector's vote out for a while. Never for gas, never the last healthy one."""

from typing import Annotated

import typer
from rich.text import Text

from edge.cli import printing, sections
from edge.cli.acting import ask
from edge.cli.choices import choices
from edge.cli.reading import Json, ask_status

bypass_app = typer.Typer(no_args_is_help=True, help="Detectors whose failure does not vote for a while.")


@bypass_app.command("list")
def list_command(context: typer.Context, as_json: Json = False) -> None:
    """Show every running bypass: who allowed it, why, what watches instead, how long.

    Exit codes: 0, 3 the interlock does not answer.
    """
    chosen = choices(context)
    status, _ = ask_status(chosen)
    if as_json:
        printing.document(status.bypasses)
        return
    console = printing.screen()
    shown = sections.bypasses(status, chosen.words, printing.width(console))
    printing.lines(console, shown or [Text(chosen.words("bypass_none"))])


@bypass_app.command("set")
def set_command(
    context: typer.Context,
    channel: Annotated[str, typer.Argument(help="Gas channel whose detector failed.")],
    by: Annotated[list[str], typer.Option(help="Id of a person who allows it; twice, both badges must be here.")],
    reason: Annotated[str, typer.Option(help="Why the detector cannot vote.")],
    measure: Annotated[str, typer.Option(help="What watches instead, such as a portable detector and who reads it.")],
    minutes: Annotated[float, typer.Option(help="How long; the rule pack has the longest.")],
    as_json: Json = False,
) -> None:
    """Begin a bypass. It ends by itself; gas over its limit still trips, and the others of the group vote 1ooN.

    Exit codes: 0 it runs, 1 refused, 3 the interlock does not answer.
    """
    chosen = choices(context)
    words = chosen.words
    raw = ask(
        chosen, "bypass", channel=channel, people=tuple(by), reason=reason.strip(), measure=measure.strip(),
        minutes=minutes,
    )
    if as_json:
        printing.document(raw)
        return
    left = words.span(round(minutes * 60_000))
    text = Text(f"! {words('bypass_begun', channel=channel, left=left)}", sections.SOME)
    printing.lines(printing.screen(), [text])


@bypass_app.command("end")
def end_command(
    context: typer.Context,
    channel: Annotated[str, typer.Argument(help="Gas channel.")],
    by: Annotated[str, typer.Option(help="Id of the person who ends it.")],
) -> None:
    """End a bypass before its time. Anybody of the roster may.

    Exit codes: 0 ended, 1 refused, 3 the interlock does not answer.
    """
    chosen = choices(context)
    ask(chosen, "bypass_end", channel=channel, person=by)
    text = Text(f"{sections.TICK} {chosen.words('bypass_over', channel=channel)}", sections.GOOD)
    printing.lines(printing.screen(), [text])
