"""The box's log key: Ed25519, PEM, readable by its owner alone; and its public half as a vkey line."""

import contextlib
import logging
import os
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from contracts.checkpoint import NoteKey, note_key
from contracts.errors import ContractError
from contracts.key_chain import KeyChain
from contracts.signer import Signer
from edge.audit.schema import sync_directory

_logger = logging.getLogger(__name__)


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
    if not path.exists():
        if log is not None and log.exists():
            hint = f"restore it from its backup; if it is lost for good, rename {log.name}: the next epoch then begins"
            hint = f"{hint} with a new key, and does not arm before the bridge has witnessed it"
            raise ContractError(str(path), f"the key that signed {log}", "no such file", hint)
        return _create(path)
    return _load(path)


def _load(path: Path) -> Ed25519PrivateKey:
    pem = path.read_bytes()
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
    made = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _store(path, key)
    for folder in (path.parent, *(folder.parent for folder in made)):
        sync_directory(folder)
    return key


def _store(path: Path, key: Ed25519PrivateKey) -> None:
    """Write the file and give it its name; the caller makes the name durable."""
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)  # of a process of the same number that the power cut off
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)


def _public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


class KeyFile:
    """The log's key in its file, and beside it (``.next``) the one that it is being changed to: a `RotatingSigner`.

    The log decides which of the two signs: the change is a record in it. A power cut between that record and the
    renaming of the file is made good at the next start, by `settle`.
    """

    def __init__(self, path: Path, key: Ed25519PrivateKey) -> None:
        """Use `KeyFile.open`."""
        self._path, self._key = path, key
        self._coming = path.with_name(f"{path.name}.next")

    @classmethod
    def open(cls, path: Path, *, log: Path | None = None) -> Self:
        """As `load_or_create`."""
        return cls(path, load_or_create(path, log=log))

    def public_key(self) -> Ed25519PublicKey:
        """The public half of the key in force."""
        return self._key.public_key()

    def sign(self, data: bytes, /) -> bytes:
        """Its signature."""
        return self._key.sign(data)

    def prepare(self) -> Ed25519PrivateKey:
        """A new key, durable in ``.next``.

        Raises:
            OSError: it cannot be written, or the last change of key could not be brought to its end.
        """
        self._tidy()
        if self._coming.exists():
            raise OSError(f"{self._coming} holds the key in force and cannot be renamed to {self._path}")
        key = Ed25519PrivateKey.generate()
        _store(self._coming, key)
        sync_directory(self._coming.parent)
        return key

    def settle(self, public: bytes) -> bool:
        """Sign with the key that has this public half; see `RotatingSigner`.

        What cannot be renamed or removed now is tried again at the next start.
        """
        if _public(self._key) != public:
            coming = self._prepared()
            if coming is None or _public(coming) != public:
                return False
            self._key = coming
        self._tidy()
        return True

    def _prepared(self) -> Ed25519PrivateKey | None:
        with contextlib.suppress(ContractError, OSError):
            return _load(self._coming)
        return None

    def _tidy(self) -> None:
        """Have the key in force be the one in the file, and the only one."""
        try:
            if not self._coming.exists():
                return
            coming = self._prepared()
            if coming is None or _public(coming) != _public(self._key):
                if _public(_load(self._path)) != _public(self._key):
                    return  # neither file holds the key in force: nothing is thrown away
                _wipe(self._coming)
                self._coming.unlink()
                sync_directory(self._path.parent)
                return
            with self._path.open("r+b") as old:
                self._coming.rename(self._path)
                sync_directory(self._path.parent)
                # Only now: had the power gone before, the old key would have been wanted once more.
                _overwrite(old.fileno())
        except (ContractError, OSError):
            _logger.exception("the log's key files in %s are not as they should be", self._path.parent)


def _wipe(path: Path) -> None:
    with path.open("r+b") as file:
        _overwrite(file.fileno())


def _overwrite(handle: int) -> None:
    """Zeros over a secret that is no longer used. Flash may keep the old cells all the same."""
    os.pwrite(handle, bytes(os.fstat(handle).st_size), 0)
    os.fsync(handle)


def publish(path: Path, name: str, signer: Signer) -> NoteKey:
    """Write the public half as one vkey line to `path` that everybody may read; `name` is the log's origin."""
    public = note_key(name, signer)
    publish_chain(path, KeyChain.begin(public))
    return public


def publish_chain(path: Path, chain: KeyChain) -> None:
    """Write the log's public keys, oldest first, one a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text("".join(key.vkey() + "\n" for key in chain.keys), encoding="utf-8")
    fresh.chmod(0o644)  # whatever the umask: who may enter the folder may verify
    fresh.rename(path)


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
