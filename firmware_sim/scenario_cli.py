"""`hotbox-sim scenario`: list and play what happens on sites."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from firmware_sim import scenario as scenarios
from firmware_sim.demo.processes import DemoError, call
from firmware_sim.errors import SimulationError

_CODES = "from edge.interlock.reasons import CATALOGUE; print(*CATALOGUE)"

scenario_app = typer.Typer(
    no_args_is_help=True, help="List and play what happens on sites; each asserts what the box does."
)


def box_codes() -> frozenset[str]:
    """The reasons that the installed box knows; asked of its own Python, as the site imports nothing of it."""
    return frozenset(call(["python", "-c", _CODES], {}).split())


@scenario_app.command("list")
def list_command() -> None:
    """The shipped scenarios with their titles."""
    for name in scenarios.names():
        found = scenarios.load(name)
        print(f"{name:28} {found.title.zh} | {found.title.en}")


@scenario_app.command("check")
def check_command(files: Annotated[list[str], typer.Argument(metavar="FILE...")]) -> None:
    """Read scenario files and say what is wrong with them; nothing is played."""
    codes = box_codes()
    for file in files:
        print(f"{file}: {len(scenarios.load(file, codes).steps)} steps, ok")


@scenario_app.command("run")
def run_command(
    context: typer.Context,
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE...]", help="YAML files or names of shipped ones.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Play all shipped scenarios.")] = False,
    directory: Annotated[Path | None, typer.Option("--dir", help="A running site; without it one is started.")] = None,
    box: Annotated[Path | None, typer.Option("--box", help="The configuration of the box that runs on --dir.")] = None,
    again: Annotated[
        int, typer.Option(min=0, metavar="N", help="Play one that failed up to N times more, on a busy machine.")
    ] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the outcome as JSON.")] = None,
) -> None:
    """Play scenarios against the real box on the simulated site, in turn, and say what came of each expectation.

    Exit codes: 0 every expectation held, 1 one did not, 2 a file or the call is wrong.
    """
    from rich.console import Console

    from firmware_sim.play import running

    given = files or []
    if every:
        given = [*given, *scenarios.names()]
    if not given:
        raise SimulationError("scenario run what? give a YAML file, the name of a shipped scenario, or --all")
    codes = box_codes()
    chosen = [(name.removesuffix(".yaml"), scenarios.load(name, codes)) for name in given]
    site = directory or context.obj
    if (site is None) is not (box is None):
        raise SimulationError("expected both --dir SITE and --box CONFIG of a running pair, or neither; got one")
    attached = running.Attached(site, box) if site is not None and box is not None else None
    console = Console()
    try:
        outcomes = running.play_all(chosen, attached, console, again)
    except DemoError as error:
        raise SimulationError(str(error)) from error
    if len(outcomes) > 1:
        console.print(running.table(outcomes))
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(outcomes), indent=2) + b"\n")
    if not all(outcome.ok for outcome in outcomes):
        raise typer.Exit(1)
