"""`hotbox relay test`: the guided proof test of the final element; `--drill` is the one that never closes."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from contracts.errors import ContractError
from edge.cli import printing, sections
from edge.cli.choices import choices
from edge.cli.client import Control, status_of
from edge.cli.reading import Json
from edge.cli.words import Words
from edge.config import read
from edge.interlock.proof_test import DRILL
from edge.interlock.reasons import CATALOGUE
from edge.interlock.status import RelayProofStepView, RelayProofView

relay_app = typer.Typer(no_args_is_help=True, help="The final element.")


@relay_app.callback()
def _group() -> None:
    """The final element."""


@relay_app.command("test")
def prove_command(
    context: typer.Context,
    by: Annotated[
        list[str] | None,
        typer.Option(help="Id of a person with the right clear_fault whose badge is here; twice.", show_default=False),
    ] = None,
    drill: Annotated[
        bool, typer.Option("--drill", help="Rehearse only, nothing moves: for a box without the inputs for more.")
    ] = False,
    isolated: Annotated[
        bool,
        typer.Option("--isolated", help="With --drill: the welding set is unplugged or isolated; else you are asked."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Prove the final element: two people here, nothing armed or released. A fault is left only after it passed.

    The contact is closed for at most half a second and must fall by itself when heartbeats end: only in LOCKED or
    FAULT, with the key switch in TEST, the load isolated by its input, clean air and no stop. With --drill it stays
    open; key and isolation must be so where their inputs are wired, and where both are a drill does not leave a fault.
    Exit codes: 0 passed, 1 failed or refused, 3 the interlock does not answer.
    """
    chosen = choices(context)
    words = chosen.words
    if drill and not isolated and sys.stdin.isatty():
        isolated = typer.confirm(words("proof_isolated"))
    path = read(chosen.config).control_socket
    with Control(path) as control:
        control.ask("relay_test", people=tuple(by or ()), drill=drill, isolated=isolated)
    result = _follow(path, words, quiet=as_json)
    if as_json:
        printing.document(result)
    if not result.ok:
        raise typer.Exit(printing.REFUSED)


def _follow(path: Path, words: Words, *, quiet: bool) -> RelayProofView:
    """Print each step when it has ended; gives the result."""
    shown = 0
    with Control(path) as control:
        control.watch()
        while True:
            proof = status_of(control.read()).relay_proof
            if proof is None:
                raise ContractError("relay_test", "a proof test in progress", "none: the interlock was restarted")
            if not quiet:
                for step in proof.steps[shown:]:
                    printing.lines(printing.screen(), [_line(step, words)])
            shown = len(proof.steps)
            if not proof.running:
                break
    if not quiet:
        good = proof.ok
        faulted = not good and (proof.steps[-1].seen.split() or [""])[0] not in (*CATALOGUE, "interrupted")
        passed = "proof_passed" if len(proof.steps) <= len(DRILL) else "proof_passed_pulse"
        text = words(passed if good else "proof_failed" if faulted else "proof_stopped")
        mark = sections.TICK if good else sections.CROSS
        printing.lines(printing.screen(), [Text(f"{mark} {text}", sections.GOOD if good else sections.BAD)])
    return proof


def _line(step: RelayProofStepView, words: Words) -> Text:
    line = Text(f"{sections.TICK if step.ok else sections.CROSS} ", sections.GOOD if step.ok else sections.BAD)
    line.append(sections.pad(words(f"proof.{step.name}"), 60))
    line.append(f"{step.ms:5d} ms", sections.DIM)
    if step.seen:
        line.append(f"  {step.seen}", sections.BAD)
    return line
