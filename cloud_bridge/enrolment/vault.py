"""The key that templates are sealed with at the bridge: a file beside the database, for the enrolment process alone.

``DIR/faces/template.key`` (0600). While the key is being changed, ``template.key.next`` lies beside it, and at the end
of the change, until it is destroyed, ``template.key.old``: every template says in its head which of them opens it, so a
change that a power cut ends is simply finished.
"""

import os
from pathlib import Path

from cloud_bridge.datadir import DataDir
from contracts.errors import ContractError
from faces.keyfile import make_key, read_key
from faces.seal import head, key_id, open_sealed, seal
from faces.templates import Template

LOCK = "faces"
"""Held while templates are written, so that none is sealed with a key that is just going."""


class Vault:
    """Seals with the present key, opens with it and with the coming one."""

    def __init__(self, data: DataDir) -> None:
        """The keys of a data directory; the first one is made when there is none."""
        self.path = data.faces / "template.key"
        self.coming = data.faces / "template.key.next"
        self.old = data.faces / "template.key.old"
        if not self.path.exists() and not self.coming.exists():
            make_key(str(self.path))

    def seal(self, template: Template) -> bytes:
        """Sealed with the coming key while there is one, else with the present one."""
        return seal(template, read_key(str(self.coming if self.coming.exists() else self.path)))

    def open(self, sealed: bytes, person: str) -> Template:
        """The template of a person.

        Raises:
            ContractError: sealed with a key that is not here, changed, or another person's.
        """
        wanted = head(sealed).key
        # The old one opens nothing any more that was not lost otherwise, and may be half destroyed: it is not read.
        keys = {key_id(key): key for path in (self.path, self.coming) if path.exists() for key in [read_key(str(path))]}
        if wanted not in keys:
            there = f"the key {wanted} of this template in {self.path.parent}"
            raise ContractError("key", there, ", ".join(keys), "restore the key from its backup, or enrol again")
        return open_sealed(sealed, keys[wanted], person)


def overwrite_deleted() -> None:
    """From here on this connection overwrites what it deletes: a sealed template in a free page is one still."""
    from django.db import connection

    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete=ON")


def change_key(data: DataDir) -> int:
    """Seal every template with a new key, then destroy the old one; gives how many. An interrupted change goes on.

    Raises:
        ContractError: a template does not open; nothing is lost, both keys stay.
        OSError: a key cannot be written.
    """
    from django.db import transaction

    from cloud_bridge.enrolment.models import FaceTemplate

    with data.lock(LOCK):
        vault = Vault(data)
        end_change(vault)
        make_key(str(vault.coming))  # the one of an interrupted change, if there is one
        with transaction.atomic():
            held = list(FaceTemplate.objects.select_related("person"))
            for row in held:
                row.sealed = vault.seal(vault.open(bytes(row.sealed), row.person.code))
                row.save(update_fields=["sealed"])
        if vault.path.exists():
            vault.path.rename(vault.old)
        vault.coming.rename(vault.path)
        _sync(vault.path.parent)
        end_change(vault)
    return len(held)


def end_change(vault: Vault) -> None:
    """Destroy the old key once the new one is in its place, on the disk; no template is sealed with it any more."""
    if vault.old.exists() and vault.path.exists():
        _sync(vault.path.parent)
        _destroy(vault.old)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _destroy(path: Path) -> None:
    """What a flash card keeps of overwritten blocks is beyond any file system."""
    if path.exists():
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        _sync(path.parent)
