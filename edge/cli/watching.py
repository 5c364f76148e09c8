"""`hotbox watch`: the live screen, or one JSON document a line for scripts."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from contracts.errors import ContractError
from edge.cli import printing
from edge.cli.choices import choices
from edge.cli.client import NoAnswer, follow
from edge.config import read

_LOST = b'{"lost": true}\n'


def watch_command(
    context: typer.Context,
    as_json: Annotated[
        bool, typer.Option("--json", help='One status document a line; {"lost": true} while the interlock is away.')
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(help="Save one frame as SVG to this file and end.", show_default=False)
    ] = None,
    size: Annotated[str, typer.Option(help="Columns x lines of the frame, with --picture.")] = "120x40",
) -> None:
    """Show everything live on the whole screen. Keys: q quit, l language, e explain.

    Exit codes: 0 ended by q or Ctrl-C, 1 not on a terminal.
    """
    chosen = choices(context)
    path = read(chosen.config).control_socket
    if as_json:
        _lines(path)
        return
    columns, rows = _size(size)
    if picture is not None:
        from edge.cli.watch_app import take_picture  # textual takes a quarter of a second to load

        take_picture(path, chosen.lang, picture, columns, rows)
        return
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        # A full screen in a file is codes that nobody can read, and no key would end it.
        words = chosen.words
        raise ContractError("watch", words("watch_terminal"), words("watch_no_terminal"), words("watch_instead"))
    from edge.cli.watch_app import WatchApp

    WatchApp(path, chosen.lang).run()


def _size(text: str) -> tuple[int, int]:
    columns, _, rows = text.partition("x")
    if not (columns.isdigit() and rows.isdigit()) or int(columns) < 60 or int(rows) < 16:
        raise ContractError("--size", "COLUMNSxLINES of at least 60x16, such as 120x40", text)
    return int(columns), int(rows)


def _lines(path: Path) -> None:
    try:
        for found in follow(path):
            if isinstance(found, NoAnswer):
                sys.stdout.buffer.write(_LOST)
                sys.stdout.buffer.flush()
            else:
                printing.exact(found)
    except (KeyboardInterrupt, BrokenPipeError):
        # The reader has seen enough. Nothing is left to flush to it.
        sys.stdout = None
