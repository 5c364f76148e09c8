"""`hotbox run`: the box in the foreground."""

import os
import sys
from typing import Annotated

import typer

from contracts.errors import ContractError
from edge.cli.choices import choices

_PROCESSES = ("interlock", "vision", "presence", "link", "panel")


def run_command(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="interlock, vision, presence, link or panel.", show_default=False)
    ] = None,
) -> None:
    """Run the box in the foreground: its processes, restarted when they die. With a name, that process alone.

    Exit codes: 0 ended in order, 1 no such process, 2 refused to start (the reason is on stderr).
    """
    config = choices(context).config
    if name is not None and name not in _PROCESSES:
        raise ContractError("NAME", ", ".join(_PROCESSES), name)
    if name is None:
        from edge import supervisor

        raise typer.Exit(supervisor.run(config))
    # A fresh interpreter: the interlock holds only what it uses, none of the command line's libraries.
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "edge.process", name, str(config)])  # noqa: S606 - our own
