"""What the commands of `hotbox audit` share: the language, where the log and its keys are, how a command ends."""

import contextlib
import json
import os
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
import typer
from rich.console import Console
from typer.core import TyperGroup

from contracts.checkpoint import NoteKey
from contracts.errors import ContractError, printable
from edge.audit import keys
from edge.audit.case.check import exported_keys, extract
from edge.audit.reader import Reader
from edge.config import BoxConfig, load

REFUSED, MISUSE = 1, 3

Db = Annotated[
    Path | None,
    typer.Option("--db", help="Log file, a copy of one, or an export's zip. 日志文件、其副本或导出的压缩包。"),
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output. 输出 JSON。")]
Trust = Annotated[
    Path | None,
    typer.Option("--trust", help="Public keys, one vkey a line, or an export's zip. 公钥(每行一个)或导出的压缩包。"),
]


class MisuseGroup(TyperGroup):
    """Commands whose wrong use ends with 3: elsewhere it is 2, which says here that the log contradicts its witness."""

    def make_context(self, *given: Any, **more: Any) -> Any:
        """Read the words of the group itself."""
        with _misuse():
            return super().make_context(*given, **more)

    def invoke(self, ctx: Any) -> Any:
        """Read the words of a command below it, and run it."""
        with _misuse():
            return super().invoke(ctx)


@contextlib.contextmanager
def _misuse() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if isinstance(error, typer.BadParameter.__bases__):  # click's UsageError, wherever this typer keeps it
            error.exit_code = MISUSE  # type: ignore[attr-defined]
        raise


def is_chinese() -> bool:
    """Whether the terminal's language is Chinese."""
    names = ("HOTBOX_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    return next((os.environ[name] for name in names if os.environ.get(name)), "").lower().startswith("zh")


def say(chinese: str, english: str) -> str:
    """The text in the terminal's language."""
    return chinese if is_chinese() else english


def end(message: str) -> NoReturn:
    """Say what was wrong with the question, and end."""
    Console(stderr=True, soft_wrap=True).print(message, style="bold red", markup=False)
    raise typer.Exit(MISUSE)


def box_config(ctx: typer.Context) -> BoxConfig | None:
    """The configuration of the command line that this one is part of: a path, or something that has one."""
    path = getattr(ctx.obj, "config", ctx.obj)
    if path is None:
        return None
    try:
        return load(Path(path))
    except (ContractError, OSError) as error:
        end(str(error))


def log_path(ctx: typer.Context, db: Path | None) -> Path:
    """Where the log is: as named, or as configured."""
    if db is not None:
        return unpacked(ctx, db)
    config = box_config(ctx)
    if config is None:
        end(say("请用 --db 指定日志文件,或用 -c 指定配置", "name the log file with --db, or a configuration with -c"))
    return config.audit_db


def unpacked(ctx: typer.Context, path: Path) -> Path:
    """The log itself; out of an export's zip it is taken into a folder that goes with the command."""
    if not (path.is_file() and zipfile.is_zipfile(path)):
        return path
    folder = Path(ctx.with_resource(tempfile.TemporaryDirectory(prefix="hotbox-audit-")))
    try:
        return extract(path, folder)
    except (OSError, ContractError) as error:
        end(str(error))


def trusted(ctx: typer.Context, trust: Path | None) -> list[NoteKey]:
    """The keys to trust: the given file's, else the configuration's own and its bridge's."""
    try:
        if trust is not None:
            return exported_keys(trust) if zipfile.is_zipfile(trust) else keys.read_vkeys(trust)
        config = box_config(ctx)
        if config is None:
            end(say("请用 --trust 指定公钥文件,或用 -c 指定配置", "name keys with --trust, or a config with -c"))
        found = keys.read_vkeys(config.log_vkey)
        witness = Path(config.bridge.witness)
        return found + (keys.read_vkeys(witness) if witness.is_file() else [])
    except (OSError, ContractError) as error:
        end(str(error))


def open_log(path: Path) -> Reader:
    """The log, for reading."""
    try:
        return Reader.open(path)
    except (sqlite3.Error, ValueError) as error:
        end(say(f"无法读取 {path}:{error}", f"{path} cannot be read: {error}"))


def json_line(value: Any) -> str:
    """JSON that a terminal does not obey: what is not printable is escaped, everything else stays readable."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def ask_box(ctx: typer.Context, op: str, **fields: Any) -> Any:
    """Put one request to the running box; ends the command when it refuses (1) or does not answer (3)."""
    from edge.cli.client import Control, NoAnswer  # the commands that read a file do without

    config = box_config(ctx)
    if config is None:
        end(say("请用 -c 指定配置", "name a configuration with -c"))
    try:
        with Control(config.control_socket) as control:
            return msgspec.json.decode(control.ask(op, **fields))
    except NoAnswer as error:
        end(str(error))
    except ContractError as error:
        Console(stderr=True, soft_wrap=True).print(printable(str(error)), style="bold red", markup=False)
        raise typer.Exit(REFUSED) from None
