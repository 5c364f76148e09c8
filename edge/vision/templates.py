"""Enrolment files: what the box keeps of a person's face. Vectors only, never a picture; one file a person, 0600."""

import logging
import os
import re
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from contracts.errors import ContractError, from_msgspec
from faces.engine import Engine
from faces.templates import VERSION, Template, unpack

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SUFFIX = ".face"
_PERSON = re.compile(r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$")

log = logging.getLogger(__name__)


class TemplateStore:
    """The folder of enrolment files, for one engine. Files are read again when they change."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        """Nothing is read or made before it is needed."""
        self.folder = folder
        self._engine = engine
        self._read: dict[str, tuple[tuple[int, int, int], NDArray[np.float32] | None]] = {}

    def path(self, person: str) -> Path:
        """A person's file.

        Raises:
            ContractError: this is no id of a person (and could be a way out of the folder).
        """
        if not _PERSON.fullmatch(person):
            raise ContractError("person", "letters, digits, '.', '_', '-', not starting with '.'", repr(person))
        return self.folder / f"{person}{SUFFIX}"

    def people(self) -> list[str]:
        """Everybody who is enrolled."""
        return sorted(path.stem for path in self.folder.glob(f"*{SUFFIX}") if _PERSON.fullmatch(path.stem))

    def load(self, person: str) -> Template:
        """Read a person's file.

        Raises:
            ContractError: open to others, broken, another person's, or of another engine.
            OSError: it is not there.
        """
        path = self.path(person)
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise ContractError(path.name, "a file of mode 0600", f"mode {mode:04o}", f"chmod 600 {path}")
        try:
            template = msgspec.json.decode(path.read_bytes(), type=Template)
        except msgspec.MsgspecError as error:
            raise from_msgspec(error, f"enrolment file {path.name}") from error
        again = "enrol the person again"
        if template.version != VERSION:
            raise ContractError("version", str(VERSION), str(template.version), again)
        if template.person != person:
            raise ContractError("person", person, template.person, f"{path.name} is somebody else's file")
        if (template.engine, template.model_sha256) != (self._engine.name, self._engine.model_sha256):
            ours = f"{self._engine.name} {self._engine.model_sha256[:12]}"
            raise ContractError("engine", ours, f"{template.engine} {template.model_sha256[:12]}", again)
        return template

    def vectors(self, person: str) -> "NDArray[np.float32] | None":
        """A person's vectors as rows, or None when there is no usable file; the reason is logged once per change."""
        try:
            facts = self.path(person).stat()
        except (OSError, ContractError):
            self._read.pop(person, None)
            return None
        key = (facts.st_ino, facts.st_mtime_ns, facts.st_mode)
        known = self._read.get(person)
        if known is None or known[0] != key:
            rows = None
            try:
                rows = unpack(self.load(person))
            except (OSError, ContractError) as error:
                log.warning("the enrolment of %s is not used: %s", person, error)
            known = self._read[person] = (key, rows)
        return known[1]

    def save(self, template: Template) -> Path:
        """Write a person's file durably, all or nothing; the folder is made 0700 when it is missing."""
        path = self.path(template.person)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self.folder, prefix=".new-")
        try:
            with os.fdopen(descriptor, "wb") as file:  # mkstemp's mode is 0600
                file.write(msgspec.json.encode(template))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return path
