"""The key of templates: a file of its own, or a credential of systemd; never in the templates' folder or database."""

import os
import secrets
import stat
from pathlib import Path

from contracts.errors import ContractError
from faces.seal import KEY_BYTES, fresh_key

CREDENTIAL = "credential:"
"""A key named so comes from systemd (LoadCredential=, LoadCredentialEncrypted=)."""


def read_key(where: str) -> bytes:
    """The key in a file of 64 hex digits, or in a credential that systemd hands over (``credential:NAME``).

    Raises:
        ContractError: the file is open to others or holds something else; or there is no such credential.
        OSError: it is not there, or may not be read.
    """
    path = key_path(where)
    if not where.startswith(CREDENTIAL):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise ContractError(path.name, "a key file of mode 0600", f"mode {mode:04o}", f"chmod 600 {path}")
    text = path.read_text(encoding="ascii", errors="replace").strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        came = f"{len(text)} characters that are no key"
        raise ContractError(path.name, f"{2 * KEY_BYTES} hex digits", came, "put the right file there")
    return key


def key_path(where: str) -> Path:
    """Where the key lies.

    Raises:
        ContractError: a credential is named, and this process was not given any.
    """
    if not where.startswith(CREDENTIAL):
        return Path(where)
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        todo = "LoadCredentialEncrypted= in the unit; by hand, systemd-run with the same property"
        raise ContractError("template_key", f"the systemd credential {where.removeprefix(CREDENTIAL)}", "none", todo)
    return Path(folder) / where.removeprefix(CREDENTIAL)


def make_key(where: str) -> bytes:
    """Make a key file (0600, its folder 0700) where there is none; the one that is there otherwise.

    Raises:
        ContractError: a credential is named: it comes from outside; or the file that is there is no key.
        OSError: it cannot be written.
    """
    if where.startswith(CREDENTIAL):
        return read_key(where)
    path = key_path(where)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(fresh_key().hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(new, path)  # whole or not at all, and never over a key that somebody else made meanwhile
        except FileExistsError:
            return read_key(where)
    finally:
        new.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return read_key(where)
