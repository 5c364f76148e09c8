"""What stands before the command: which configuration, which language. Every command finds it in `context.obj`."""

import os
from pathlib import Path
from typing import Literal

import msgspec
import typer

from contracts.errors import ContractError
from edge.cli.words import Words

Lang = Literal["zh", "en"]
INSTALLED = Path("/etc/hotbox/box.yaml")
_CHECKOUT = Path(__file__).resolve().parents[2] / "configs" / "box.example.yaml"


class Choices(msgspec.Struct, frozen=True):
    """The configuration file and the language of the answers; as a path it is the configuration file."""

    config: Path
    lang: Lang

    def __fspath__(self) -> str:
        """For mounted command lines that expect a path in the context."""
        return str(self.config)

    @property
    def words(self) -> Words:
        """The catalogue in this language."""
        return Words(self.lang)


def language(wanted: str | None) -> Lang:
    """The language asked for, or that of HOTBOX_LANG and the locale: Chinese for zh*, else English.

    Raises:
        ContractError: another language was asked for.
    """
    if wanted not in (None, "zh", "en"):
        raise ContractError("--lang", "zh or en", str(wanted))
    asked = (wanted, *(os.environ.get(name) for name in ("HOTBOX_LANG", "LC_ALL", "LC_MESSAGES", "LANG")))
    first = next((value for value in asked if value), "en")
    return "zh" if first.startswith("zh") else "en"


def config_path(wanted: Path | None) -> Path:
    """The file asked for, or HOTBOX_CONFIG, or the installed one, or the example of a checkout."""
    if wanted is not None:
        return wanted
    named = os.environ.get("HOTBOX_CONFIG")
    if named:
        return Path(named)
    return _CHECKOUT if _CHECKOUT.is_file() and not INSTALLED.is_file() else INSTALLED


def choices(context: typer.Context) -> Choices:
    """What the main callback has put there."""
    found = context.find_root().obj
    if not isinstance(found, Choices):
        raise TypeError(f"expected Choices in the context, got {type(found).__name__}")
    return found
