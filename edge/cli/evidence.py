"""`hotbox evidence`: the photos that the log speaks of by their commitments, and erasing one for good."""

from typing import Annotated

import typer
from rich.text import Text

from contracts.errors import printable
from edge.cli import printing, sections
from edge.cli.acting import ask
from edge.cli.choices import choices
from edge.cli.reading import Json
from edge.config import read
from edge.interlock import photos

_SENTENCE = 200
"""What the log keeps of a reason."""

evidence_app = typer.Typer(no_args_is_help=True, help="Photos that the log speaks of by their commitments.")


@evidence_app.command("list")
def list_command(context: typer.Context, as_json: Json = False) -> None:
    """Show every kept photo, and whether it is still what the log committed to. No interlock need run.

    Exit codes: 0 all are, 1 one is not.
    """
    chosen = choices(context)
    found = photos.listed(read(chosen.config).photos)
    if as_json:
        printing.document(found)
    else:
        lines = []
        for photo in found:
            mark, style = (sections.CROSS, sections.BAD) if photo.sound is False else (sections.TICK, sections.GOOD)
            word = chosen.words({True: "photo_sound", False: "photo_changed", None: "photo_plain"}[photo.sound])
            lines.append(Text(f"{mark} {photo.file}  {photo.bytes} B  {word}", style))
        printing.lines(printing.screen(), lines or [Text(chosen.words("photo_none"))])
    raise typer.Exit(printing.REFUSED if any(photo.sound is False for photo in found) else printing.OK)


@evidence_app.command("erase")
def erase_command(
    context: typer.Context,
    commitment: Annotated[str, typer.Argument(help="The photo's commitment, as the log and `list` say it.")],
    by: Annotated[str, typer.Option(help="Id of the person of the roster who erases it.")],
    why: Annotated[str, typer.Option(help="Why, in a sentence; it goes into the log.")],
) -> None:
    """Erase a photo and its salt for good. The log says who did it and why, and stays whole.

    The record is on the disk first. What could not be removed is recorded, too, and can be erased again.
    Exit codes: 0 erased, 1 refused or failed, 3 the interlock does not answer.
    """
    chosen = choices(context)
    ask(chosen, "evidence_erase", commitment=commitment, person=by, reason=why.strip())
    try:
        photos.erase(read(chosen.config).photos, commitment)
    except OSError as error:
        failed = printable(f"it failed: {error.strerror}", _SENTENCE)
        ask(chosen, "evidence_erase", commitment=commitment, person=by, reason=failed, failed=True)
        raise
    text = Text(f"{sections.TICK} {chosen.words('photo_erased', what=commitment)}", sections.GOOD)
    printing.lines(printing.screen(), [text])
