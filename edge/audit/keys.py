"""The box's log key: Ed25519, PEM, readable by its owner alone; and its public half as a vkey line."""

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.checkpoint import NoteKey, note_key
from contracts.errors import ContractError
from contracts.signer import Signer
from edge.audit.schema import sync_directory


def load_or_create(path: Path, *, log: Path | None = None) -> Ed25519PrivateKey:
    """The key in the PEM file at `path`, made there (mode 0600) when there is none.

    Args:
        path: the key's file.
        log: the database that this key signs. While it is there a missing key is a loss and no first start: another
            one would not verify what is recorded, and the good log would be taken for a bad one.

    Raises:
        ContractError: others may read the file, it holds no Ed25519 key, or it is missing beside a log.
        OSError: the folder cannot be read or written.
    """
    try:
        pem = path.read_bytes()
    except FileNotFoundError:
        if log is not None and log.exists():
            hint = f"restore it from its backup; if it is lost for good, rename {log.name}: the next epoch then begins"
            hint = f"{hint} with a new key, and does not arm before the bridge has witnessed it"
            raise ContractError(str(path), f"the key that signed {log}", "no such file", hint) from None
        return _create(path)
    if path.stat().st_mode & 0o077:
        raise ContractError(str(path), "mode 0600", oct(path.stat().st_mode & 0o777), f"chmod 600 {path}")
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise ContractError(str(path), "an Ed25519 key in PEM", str(error), "restore it from its backup") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ContractError(str(path), "an Ed25519 key", type(key).__name__)
    return key


def _create(path: Path) -> Ed25519PrivateKey:
    """A new key, durable before anything is signed with it: file, name, and the folders that were made for it."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    made = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)  # of a process of the same number that the power cut off
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    for folder in (path.parent, *(folder.parent for folder in made)):
        sync_directory(folder)
    return key


def publish(path: Path, name: str, signer: Signer) -> NoteKey:
    """Write the public half as one vkey line to `path` that everybody may read; `name` is the log's origin."""
    public = note_key(name, signer)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(public.vkey() + "\n", encoding="utf-8")
    fresh.chmod(0o644)  # whatever the umask: who may enter the folder may verify
    fresh.rename(path)
    return public


def read_vkeys(path: Path) -> list[NoteKey]:
    """The public keys in a file, one vkey a line; empty lines and lines with ``#`` in front are skipped.

    Raises:
        ContractError: a line is not a vkey.
        OSError: the file cannot be read.
    """
    return parse_vkeys(path.read_text(encoding="utf-8", errors="replace"))


def parse_vkeys(text: str) -> list[NoteKey]:
    """The public keys in a text, as `read_vkeys`.

    Raises:
        ContractError: a line is not a vkey.
    """
    lines = [line.strip() for line in text.splitlines()]
    return [NoteKey.parse(line) for line in lines if line and not line.startswith("#")]
