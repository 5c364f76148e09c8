"""Whom the box believes: the bridge's public keys, from the files that were brought to it. Read once, at the start."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from joserfc.jwk import OKPKey

from contracts.checkpoint import NoteKey
from contracts.errors import ContractError
from edge.audit import keys
from edge.config import BoxConfig
from edge.interlock import offers

_COSIGNER = 4
_Read = TypeVar("_Read")


def bridge_keys(config: BoxConfig) -> offers.Keys:
    """The keys that sign permits and those that sign commands.

    Raises:
        ContractError: a file is missing, cannot be read, or holds something else; names the configuration's key.
    """
    return offers.Keys(
        config.bridge.id,
        _read(config, "permit_keys", config.bridge.permit_keys, offers.load_keys),
        _read(config, "command_keys", config.bridge.command_keys, offers.load_keys),
    )


def faces_keys(config: BoxConfig) -> dict[str, OKPKey]:
    """The keys that sign statements about face templates: read by vision, and by who checks the configuration.

    Raises:
        ContractError: as `bridge_keys`.
    """
    return _read(config, "faces_keys", config.bridge.faces_keys, offers.load_keys)


def witness(config: BoxConfig) -> NoteKey:
    """The bridge's public cosigning key: exactly one line of the file, and of the cosigning kind.

    Raises:
        ContractError: as `bridge_keys`.
    """
    return _read(config, "witness", config.bridge.witness, _one_cosigner)


def _one_cosigner(path: Path) -> NoteKey:
    found = keys.read_vkeys(path)
    if len(found) != 1 or found[0].kind != _COSIGNER:
        came = f"{len(found)} keys" if len(found) != 1 else f"the log key {found[0].name}"
        raise ContractError("", "one cosigner key", came)
    return found[0]


def _read(config: BoxConfig, name: str, file: str, load: Callable[[Path], _Read]) -> _Read:
    field, path = f"bridge.{name}", Path(file)
    todo = f"put the {name} file of `hotbox-bridge box trust {config.box}` there"
    try:
        return load(path)
    except FileNotFoundError as error:
        raise ContractError(field, "a file that the bridge has made", f"no file at {path}", todo) from error
    except OSError as error:
        raise ContractError(field, "a file that this user can read", f"{path}: {error.strerror}", todo) from error
    except ContractError as error:
        raise ContractError(field, error.expected, f"{error.came} in {path}", todo) from error
