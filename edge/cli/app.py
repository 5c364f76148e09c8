"""Puts the commands together: global options, mounted command lines, Chinese help, errors and exit codes."""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from contracts.errors import ContractError
from edge.cli import printing
from edge.cli.acting import confirm_command, gas_test_command, import_command, permit_show_command, reset_command
from edge.cli.checking import check_command
from edge.cli.choices import Choices, config_path, language
from edge.cli.client import NoAnswer
from edge.cli.provisioning import diag_command, provision_command
from edge.cli.reading import explain_command, status_command
from edge.cli.texts import HELP_ZH
from edge.cli.watching import watch_command

_PROCESSES = ("interlock", "vision", "presence", "link")


def _options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "-c", "--config", show_default=False,
            help="Configuration file. Default: HOTBOX_CONFIG, else /etc/hotbox/box.yaml, else the example of a checkout.",
        ),
    ] = None,
    lang: Annotated[
        str | None, typer.Option(help="zh or en. Default: HOTBOX_LANG or the locale.", show_default=False)
    ] = None,
) -> None:
    """The hot-work interlock box: see, explain, prove. No command can release or force the relay.

    Exit codes: 0 done, 1 refused (the reason is printed), 2 wrong usage, 3 the interlock does not answer.
    """
    context.obj = Choices(config_path(config), language(lang))
    # Command lines of other packages have their own --config; what stands before the command is their default.
    context.default_map = {"enrol": {"config": str(context.obj.config)}}


def _run(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="interlock, vision, presence or link.", show_default=False)
    ] = None,
) -> None:
    """Run the box in the foreground: four processes, restarted when they die. With a name, that process alone.

    Exit codes: 0 ended in order, 1 no such process, 2 refused to start (the reason is on stderr).
    """
    config = context.obj.config
    if name is None:
        from edge import supervisor

        raise typer.Exit(supervisor.run(config))
    if name not in _PROCESSES:
        raise ContractError("NAME", ", ".join(_PROCESSES), name)
    # A fresh interpreter: the interlock holds only what it uses, none of the CLI's libraries.
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "edge.process", name, str(config)])


def _mounted(module: str, name: str) -> Any:
    """A part of another package, or None where that package is not installed (a box without vision)."""
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name and module.startswith(error.name):
            return None
        raise


def build() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
    app.callback()(_options)
    app.command("run")(_run)
    app.command("status")(status_command)
    app.command("watch")(watch_command)
    app.command("explain")(explain_command)
    app.command("reset")(reset_command)
    permit = typer.Typer(no_args_is_help=True, help="The permit on this box.")
    permit.command("show")(permit_show_command)
    permit.command("import")(import_command)
    permit.command("confirm")(confirm_command)
    app.add_typer(permit, name="permit")
    app.command("gas-test")(gas_test_command)
    config = typer.Typer(no_args_is_help=True, help="The configuration file.")
    config.command("check")(check_command)
    app.add_typer(config, name="config")
    audit = _mounted("edge.audit.cli", "app")
    if audit is not None:
        app.add_typer(audit, name="audit")
    enrol = _mounted("edge.vision.cli", "enrol_command")
    if enrol is not None:
        app.command("enrol")(enrol)
    app.command("provision")(provision_command)
    app.command("diag")(diag_command)
    return app


def translate(command: Any, path: str = "hotbox") -> None:
    """Put the Chinese help in, command by command and parameter by parameter."""
    command.help = HELP_ZH.get(path, command.help)
    prefix = path if path == "hotbox" else f"{path}."
    for parameter in command.params:
        key = f"{prefix.rstrip('.')}.{parameter.name}"
        if key in HELP_ZH:
            parameter.help = HELP_ZH[key]
    for name, child in getattr(command, "commands", {}).items():
        translate(child, name if path == "hotbox" else f"{path}.{name}")


def _asked_language(arguments: list[str]) -> str | None:
    """The value of --lang, before the command line is parsed: the help is printed during parsing."""
    for index, word in enumerate(arguments):
        if word == "--lang" and index + 1 < len(arguments):
            return arguments[index + 1]
        if word.startswith("--lang="):
            return word.partition("=")[2]
    return None


def main() -> None:
    """Entry point: exit codes 0 done, 1 refused, 2 wrong usage, 3 the interlock does not answer."""
    command = typer.main.get_command(build())
    asked = _asked_language(sys.argv[1:])
    lang = language(asked if asked in ("zh", "en") else None)
    chosen = Choices(Path(), lang)
    if lang == "zh":
        translate(command)
    try:
        command(prog_name="hotbox")
    except NoAnswer as error:
        printing.no_answer(error, chosen.words)
        raise SystemExit(printing.NO_INTERLOCK) from None
    except ContractError as error:
        printing.refusal(error, chosen.words)
        raise SystemExit(printing.REFUSED) from None
    except OSError as error:
        printing.unreadable(error, chosen.words)
        raise SystemExit(printing.REFUSED) from None
