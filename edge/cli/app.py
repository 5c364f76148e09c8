"""Puts the commands together: global options, commands loaded when they are asked for, Chinese help, exit codes."""

import contextlib
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from contracts.errors import ContractError
from edge.cli.choices import Choices, config_path, language
from edge.cli.client import NoAnswer
from edge.cli.texts import HELP_ZH
from edge.config import read
from edge.interlock.local_time import keep_site_clock

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("edge.cli.running", "run_command"),
    "status": ("edge.cli.reading", "status_command"),
    "watch": ("edge.cli.watching", "watch_command"),
    "explain": ("edge.cli.explaining", "explain_command"),
    "reset": ("edge.cli.acting", "reset_command"),
    "suspend": ("edge.cli.acting", "suspend_command"),
    "permit": ("edge.cli.permits", "permit_app"),
    "relay": ("edge.cli.relay", "relay_app"),
    "panel": ("edge.cli.panel", "panel_app"),
    "gas-test": ("edge.cli.acting", "gas_test_command"),
    "detector": ("edge.cli.detectors", "detector_app"),
    "bypass": ("edge.cli.bypassing", "bypass_app"),
    "face": ("edge.cli.vouching", "face_app"),
    "audit": ("edge.audit.cli", "app"),
    "evidence": ("edge.cli.evidence", "evidence_app"),
    "video": ("edge.cli.video", "video_app"),
    "enrol": ("edge.vision.cli", "enrol_command"),
    "config": ("edge.cli.checking", "config_app"),
    "rules": ("edge.cli.rulebook", "rules_app"),
    "provision": ("edge.cli.provisioning", "provision_app"),
    "diag": ("edge.cli.provisioning", "diag_command"),
}
"""Each command's module and name there: a function, or a typer app with commands of its own."""


def _options(
    context: typer.Context,
    config: Annotated[
        str | None,
        typer.Option(
            "-c",
            "--config",
            show_default=False,
            metavar="FILE",
            help="Configuration file. Default: HOTBOX_CONFIG, /etc/hotbox/box.yaml, or a checkout's example.",
        ),
    ] = None,
    lang: Annotated[
        str | None, typer.Option(help="zh or en. Default: HOTBOX_LANG or the locale.", show_default=False)
    ] = None,
) -> None:
    """The hot-work interlock box: see, explain, prove. No command can release or force the relay.

    Exit codes: 0 done, 1 refused (the reason is printed), 2 wrong usage, 3 the interlock does not answer.
    """
    chosen = Choices(config_path(Path(config) if config else None), language(lang))
    context.obj = chosen
    with contextlib.suppress(ContractError, OSError):  # a file that cannot be read is the command's to tell
        keep_site_clock(read(chosen.config).utc_offset_min)
    # Command lines of other packages have their own --config; what stands before the command is their default.
    context.default_map = {"enrol": {"config": str(chosen.config)}}
    os.environ["HOTBOX_LANG"] = chosen.lang


class LazyGroup(TyperGroup):
    """Loads a command's module when it is asked for: `hotbox status` never pays for the others' libraries."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names, in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Build one command; None when there is no such name."""
        del ctx
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            self.commands[cmd_name] = _build(cmd_name)
        return self.commands.get(cmd_name)


def _build(name: str) -> Any:
    module, attribute = COMMANDS[name]
    found: typer.Typer | Callable[..., None] = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        command: Any = get_group(found)
        command.name = name
    else:
        alone = typer.Typer(add_completion=False)
        alone.command(name)(found)
        command = get_command(alone)
    if os.environ.get("HOTBOX_LANG") == "zh":
        translate(command, name)
    return command


def build() -> Any:
    """The whole command line."""
    app = typer.Typer(cls=LazyGroup, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
    app.callback()(_options)
    return get_command(app)


def translate(command: Any, path: str) -> None:
    """Put the Chinese help in, command by command and parameter by parameter."""
    command.help = HELP_ZH.get(path, command.help)
    for parameter in command.params:
        parameter.help = HELP_ZH.get(f"{path}.{parameter.name}", getattr(parameter, "help", None))
    for name, child in getattr(command, "commands", {}).items():
        translate(child, f"{path}.{name}")


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
    asked = _asked_language(sys.argv[1:])
    lang = language(asked if asked in ("zh", "en") else None)
    os.environ["HOTBOX_LANG"] = lang
    command = build()
    if lang == "zh":
        translate(command, "hotbox")
    try:
        command(prog_name="hotbox")
    except (NoAnswer, ContractError, OSError) as error:
        from edge.cli import printing

        raise SystemExit(printing.failure(error, Choices(Path(), lang).words)) from None
