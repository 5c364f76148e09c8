"""`hotbox provision` and `hotbox diag`: the box's own key and folders, its badges, and what it runs on."""

import platform
import sqlite3
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.text import Text

from contracts.checkpoint import note_key, origin
from edge.cli import printing, sections, tagging
from edge.cli.checking import FILE_FROM, needed_files
from edge.cli.choices import choices
from edge.cli.words import Words
from edge.config import BoxConfig, read
from edge.users import become_owner

_PACKAGES = (
    "hotbox", "msgspec", "cryptography", "joserfc", "pymodbus", "pyserial", "aiomqtt", "bleak", "pynmea2", "zstandard",
    "opencv-python-headless", "dlib-bin", "typer", "rich", "textual", "prometheus-client",
)  # fmt: skip


class Needed(msgspec.Struct, frozen=True):
    """A file that someone else must bring."""

    file: str
    path: str
    zh: str
    en: str


class Provisioned(msgspec.Struct, frozen=True):
    """What stands on the box now, and what the bridge must be told."""

    box: str
    data: str
    log_key: str
    made: bool
    vkey: str
    bridge_command: str
    missing: tuple[Needed, ...]


provision_app = typer.Typer(invoke_without_command=True)


def provision(config: BoxConfig, log_epoch: int | None = None) -> Provisioned:
    """Make the folders and the log key unless they are there; `log_epoch` is the number of a replaced box's next log.

    Raises:
        ContractError: the key file is readable by others, holds no Ed25519 key, or is missing beside a log; or there
            can be no such epoch.
        OSError: the folder cannot be made.
    """
    from edge.audit import keys
    from edge.audit.key_history import chain_in
    from edge.audit.recovery import current_epoch, plan_epoch

    for folder in (config.data_dir, config.data_dir / "audit"):
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    if log_epoch is not None:
        plan_epoch(config.audit_db, log_epoch)
    path = config.log_key
    made = not path.exists()
    key = keys.load_or_create(path, log=config.audit_db)
    epoch = current_epoch(config.audit_db)
    chain = chain_in(config.audit_db, note_key(origin(config.domain, config.box, epoch), key))
    keys.publish_chain(config.log_vkey, chain)
    vkey = chain.keys[0].vkey()  # what the bridge registers; it learns of later ones from the log itself
    command = f"hotbox-bridge box add {config.box} --vkey {vkey}"
    if epoch > 1:
        command = f"hotbox-bridge box authorise {config.box} --epoch {epoch} --user NAME --vkey {vkey}"
    missing = tuple(
        _needed(name, found, config.box) for name, found in needed_files(config).items() if not found.exists()
    )
    return Provisioned(config.box, config.data, str(path), made, vkey, command, missing)


def _needed(name: str, path: Path, box: str) -> Needed:
    key = FILE_FROM.get(name, "from.bridge")
    zh, en = (f"{words(f'file.{name}')}: {words(key, box=box)}" for words in (Words("zh"), Words("en")))
    return Needed(name, str(path), zh, en)


@provision_app.callback()
def provision_command(
    context: typer.Context,
    log_epoch: Annotated[
        int | None,
        typer.Option(
            "--log-epoch", metavar="N", min=2, show_default=False,
            help="On a new card or board: the number of its log, one more than the bridge knows.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make data folders and the log key, print the public key for the bridge, name the files that are missing.

    A box whose card or board was replaced goes on with its next log (--log-epoch): it records at once, and arms when
    two people at the bridge have authorised it.

    Run by root it makes them as the data folder's owner. Exit codes: 0, 1 refused (the key file is not safe, or a
    folder cannot be made).
    """
    if context.invoked_subcommand is not None:
        return
    chosen = choices(context)
    words = chosen.words
    config = read(chosen.config)
    become_owner(config.data_dir)
    done = provision(config, log_epoch)
    if as_json:
        printing.document(done)
        return
    console = printing.screen()
    console.print(Text(f"✔ {words('prov_dirs')}: {done.data}", sections.GOOD), soft_wrap=True)
    state = words("prov_made" if done.made else "prov_kept")
    console.print(Text(f"✔ {words('prov_key')}: {done.log_key} ({state})", sections.GOOD), soft_wrap=True)
    for title, value in (("prov_vkey", done.vkey), ("prov_next", done.bridge_command)):
        console.print(Text(f"\n{words(title)}:", "bold"), soft_wrap=True)
        console.print(Text(value), soft_wrap=True)
    if not done.missing:
        console.print(Text(f"\n✔ {words('prov_complete')}", sections.GOOD), soft_wrap=True)
        return
    console.print(Text(f"\n! {words('prov_missing')}:", sections.SOME), soft_wrap=True)
    for needed in done.missing:
        console.print(Text(f"  {needed.path}\n    ").append(words.pick(needed), sections.DIM), soft_wrap=True)


provision_app.command("badge")(tagging.badge_command)
provision_app.command("badges")(tagging.badges_command)
provision_app.command("tag")(tagging.tag_command)
provision_app.command("tags")(tagging.tags_command)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "–"


def diag_command(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Show versions and surroundings, for a report of a problem."""
    found = {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "kernel": platform.release(),
        "machine": platform.machine(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", "") if sys.platform == "linux" else "",
        "config": str(choices(context).config),
        **{package: _version(package) for package in _PACKAGES},
    }
    if as_json:
        printing.document(found)
        return
    printing.lines(
        printing.screen(), [Text().append(f"{name:24}", sections.DIM).append(value) for name, value in found.items()]
    )
