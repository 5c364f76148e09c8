"""`hotbox face`: a supervisor's decision on somebody who could not prove a living face. It is recorded as that."""

from typing import Annotated

import msgspec
import typer
from rich.text import Text

from edge.cli import printing, sections
from edge.cli.acting import ask
from edge.cli.choices import choices
from edge.cli.reading import Json

face_app = typer.Typer(no_args_is_help=True, help="Faces before the box's camera.")


class _Decided(msgspec.Struct, frozen=True):
    person: str
    by: str
    decision: str
    window_s: int
    confirm: str


@face_app.callback()
def _face() -> None:
    """Faces before the box's camera."""


@face_app.command("vouch")
def vouch_command(
    context: typer.Context,
    person: Annotated[str, typer.Argument(help="Id of the person whose tries are used up.")],
    by: Annotated[str, typer.Option(help="Id of the supervisor, badge here, who does not work on this permit.")],
    reason: Annotated[str, typer.Option(help="Why; it goes into the log.")],
    again: Annotated[bool, typer.Option("--again", help="Let the person try again instead of vouching.")] = False,
    as_json: Json = False,
) -> None:
    """Decide on somebody who could not prove a living face: vouch for one arming, or grant new tries.

    It counts once the supervisor confirms it at the box by hand: own card, or the reset key where there is no reader.

    Exit codes: 0 waits for that, 1 refused, 3 the interlock does not answer.
    """
    chosen = choices(context)
    raw = ask(chosen, "face_vouch", person=person, by=by, reason=reason.strip(), again=again)
    if as_json:
        printing.document(raw)
        return
    done = msgspec.json.decode(raw, type=_Decided)
    text = chosen.words(f"face_{done.decision}", who=done.person, by=done.by)
    todo = chosen.words(f"face_by_{done.confirm}", by=done.by, s=done.window_s)
    printing.lines(printing.screen(), [Text(f"! {text}", sections.SOME), Text(f"→ {todo}", sections.NOTE)])
