"""Enrolment files: what the box keeps of a person's face. Vectors only, never a picture; sealed, one file each, 0600.

PERSON.face           stands until it is removed
PERSON@PERMIT.face    came for a permit and ends with it
"""

import contextlib
import logging
import os
import re
import stat
import tempfile
import time
from collections.abc import Callable, Collection
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from contracts.errors import ContractError
from faces import seal
from faces.engine import Identity
from faces.keyfile import key_path, make_key, read_key
from faces.templates import Template, unpack

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SUFFIX = ".face"
_NEW = ".new-"
_WRITTEN_S = 600.0
"""No file takes so long to be written."""
_PERSON = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_FILE = re.compile(rf"(?P<person>{_PERSON.pattern})(@(?P<permit>[A-Za-z0-9._-]{{1,64}}))?{re.escape(SUFFIX)}")

log = logging.getLogger(__name__)


class Entry(msgspec.Struct, frozen=True):
    """One enrolment without its vectors. `why` says what is wrong with one that is not used; times as in `Template`."""

    person: str
    permit: str
    engine: str
    created: int
    expires: int
    usable: bool
    why: str


class Chosen(NamedTuple):
    """What a person is compared with; `digest` is the SHA-256 of the sealed file, which tells nothing of the face."""

    template: Template
    rows: "NDArray[np.float32]"
    digest: str


class Rows(Protocol):
    """Whoever gives the rows of a person's template."""

    def vectors(self, person: str) -> "NDArray[np.float32] | None":
        """None without any that may be used."""


class _Facts(NamedTuple):
    """What changes when a file does."""

    inode: int
    changed_ns: int
    mode: int


class _Read(NamedTuple):
    """A file as it was read: its template, or why there is none."""

    file: _Facts
    key: _Facts | None
    template: Template | None
    rows: "NDArray[np.float32] | None"
    digest: str
    why: str


class TemplateStore:
    """The folder of enrolment files, for one engine and one key. Files are read again when they change."""

    def __init__(self, folder: Path, engine: Identity, key: str) -> None:
        """Nothing is read or made before it is needed; `key` is a path, or ``credential:NAME`` for systemd's."""
        self.folder = folder
        self._engine = engine
        self._key = key
        self._known: dict[Path, _Read] = {}

    def path(self, person: str, permit: str = "") -> Path:
        """A person's file.

        Raises:
            ContractError: this is no id of a person or permit (and could be a way out of the folder).
        """
        name = f"{person}@{permit}{SUFFIX}" if permit else f"{person}{SUFFIX}"
        found = _FILE.fullmatch(name)
        if found is None or (found["person"], found["permit"] or "") != (person, permit):
            raise ContractError("person", "letters, digits, '.', '_', '-', not starting with '.'", repr(person))
        return self.folder / name

    def people(self) -> list[str]:
        """Everybody who is enrolled."""
        return sorted({person for _, person, _ in self._files()})

    def entries(self, now_s: float | None = None) -> list[Entry]:
        """Every enrolment and whether it is used, by person and permit."""
        now_s = time.time() if now_s is None else now_s
        return [self._entry(path, person, permit, now_s) for path, person, permit in self._files()]

    def load(self, person: str, permit: str = "") -> Template:
        """Read a person's file.

        Raises:
            ContractError: open to others, not sealed, broken, another person's or permit's, or of another engine.
            OSError: it or the key is not there.
        """
        return self._load(person, permit)[0]

    def _load(self, person: str, permit: str) -> tuple[Template, str]:
        """A person's template and the digest of its file."""
        path = self.path(person, permit)
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise ContractError(path.name, "a file of mode 0600", f"mode {mode:04o}", f"chmod 600 {path}")
        content = path.read_bytes()
        seal.head(content)  # what is wrong with the file itself is said even where there is no key yet
        template = seal.open_sealed(content, read_key(self._key), person)
        if template.permit != permit:
            came = template.permit or "no permit"
            raise ContractError("permit", permit or "no permit", came, f"{path.name} was made for something else")
        if (template.engine, template.model_sha256) != (self._engine.name, self._engine.model_sha256):
            ours = f"{self._engine.name} {self._engine.model_sha256[:12]}"
            came = f"{template.engine} {template.model_sha256[:12]}"
            raise ContractError("engine", ours, came, "enrol the person again")
        return template, sha256(content).hexdigest()

    def choose(self, person: str, permit: str = "", now_s: float | None = None) -> Chosen | None:
        """The person's usable template for this permit, else the standing one; one that came for another serves none.

        When it was made decides nothing: that is what somebody wrote into it. Why a file is not used is logged once per
        change.
        """
        now_s = time.time() if now_s is None else now_s
        for scope in dict.fromkeys((permit, "")):
            found = self._usable(person, scope, now_s)
            if found is not None:
                return found
        return None

    def vectors(self, person: str, permit: str = "", now_s: float | None = None) -> "NDArray[np.float32] | None":
        """The rows of what `choose` finds."""
        chosen = self.choose(person, permit, now_s)
        return chosen.rows if chosen is not None else None

    def others(self, person: str, now_s: float | None = None) -> "dict[str, NDArray[np.float32]]":
        """The rows of all that everybody else has here, whatever it came for: nobody may come near any of them."""
        import numpy as np

        now_s = time.time() if now_s is None else now_s
        rows: dict[str, list[NDArray[np.float32]]] = {}
        for _, owner, permit in self._files():
            found = self._usable(owner, permit, now_s) if owner != person else None
            if found is not None:
                rows.setdefault(owner, []).append(found.rows)
        return {owner: np.concatenate(several) for owner, several in rows.items()}

    def _usable(self, person: str, permit: str, now_s: float) -> Chosen | None:
        try:
            path = self.path(person, permit)
        except ContractError:
            return None
        if not path.exists():
            return None
        read = self._look(path, person, permit)
        if read.template is None or read.rows is None or _expired(read.template.expires, now_s):
            return None
        return Chosen(read.template, read.rows, read.digest)

    def save(self, template: Template, announce: Callable[[str], None] | None = None) -> Path:
        """Seal a template and write it durably, all or nothing; a missing key or folder (0700) is made.

        `announce` hears the digest of the file that there will be before anything is written, and may refuse.
        """
        path = self.path(template.person, template.permit)
        content = seal.seal(template, make_key(self._key))
        if announce is not None:
            announce(sha256(content).hexdigest())
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self.folder, prefix=_NEW)
        try:
            with os.fdopen(descriptor, "wb") as file:  # mkstemp's mode is 0600
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        self._sync()
        return path

    def remove(self, person: str, permit: str | None = None) -> list[Entry]:
        """Delete a person's enrolments: all of them, or that of one permit ("" is the standing one). What was deleted.

        Raises:
            ContractError: this is no id of a person or permit.
        """
        self.path(person, permit or "")
        now_s = time.time()
        gone = []
        for path, owner, scope in self._files(person):
            if owner == person and permit in (None, scope):
                gone.append(self._entry(path, owner, scope, now_s))
                path.unlink(missing_ok=True)
                self._known.pop(path, None)
        if gone:
            self._sync()
        return gone

    def purge(
        self, now_s: float, permits: Collection[str] | None = None, announce: Callable[[Entry], None] | None = None
    ) -> list[Entry]:
        """Delete what has expired and, when `permits` are told, what came for a permit that is none of them.

        `announce` hears of each before it is deleted.
        What a power cut left of a file that was being written goes, too: it is somebody's template.
        """
        gone = []
        for left in self.folder.glob(f"{_NEW}*"):
            with contextlib.suppress(FileNotFoundError):
                if abs(time.time() - left.stat().st_mtime) > _WRITTEN_S:
                    left.unlink()
        for entry in self.entries(now_s):
            ended = permits is not None and bool(entry.permit) and entry.permit not in permits
            if ended or _expired(entry.expires, now_s):
                if announce is not None:
                    announce(entry)
                gone += self.remove(entry.person, entry.permit)
        return gone

    def digest(self, person: str, permit: str) -> str:
        """The SHA-256 of a file as it is, whatever it is.

        Raises:
            ContractError: this is no id of a person or permit.
            OSError: it cannot be read.
        """
        return sha256(self.path(person, permit).read_bytes()).hexdigest()

    def migrate(self, announce: Callable[[str, str], None] | None = None) -> list[str]:
        """Seal the plain files of version 1; the people whose files they were. `announce` as in `save`, and whose.

        Raises:
            ContractError: a plain file that is none; those before it are sealed.
            OSError: a file cannot be read or written.
        """
        done = []
        for path, person, permit in self._files():
            content = path.read_bytes()
            if seal.is_sealed(content):
                continue
            template = seal.open_plain(content)
            if (template.person, template.permit) != (person, permit):
                raise ContractError("person", person, template.person, f"{path.name} is somebody else's file")
            self.save(template, partial(announce, person) if announce is not None else None)
            done.append(person)
        return done

    def _files(self, person: str = "") -> list[tuple[Path, str, str]]:
        """Files with whose and what for they are; with a person, those whose names begin so."""
        found = []
        for path in self.folder.glob(f"{person}*{SUFFIX}"):
            parts = _FILE.fullmatch(path.name)
            if parts is not None:
                found.append((path, parts["person"], parts["permit"] or ""))
        return sorted(found)

    def _look(self, path: Path, person: str, permit: str) -> _Read:
        """A file as it is now; read again only when it or the key has changed."""
        try:
            file, key = _facts(path), _key_facts(self._key)
        except OSError as error:
            self._known.pop(path, None)
            return _Read(_Facts(0, 0, 0), None, None, None, "", str(error))
        known = self._known.get(path)
        if known is not None and (known.file, known.key) == (file, key):
            return known
        try:
            template, digest = self._load(person, permit)
            read = _Read(file, key, template, unpack(template), digest, "")
        except (OSError, ContractError) as error:
            log.warning("the enrolment %s is not used: %s", path.name, error)
            read = _Read(file, key, None, None, "", str(error))
        self._known[path] = read
        return read

    def _entry(self, path: Path, person: str, permit: str, now_s: float) -> Entry:
        read = self._look(path, person, permit)
        try:
            head = seal.head(path.read_bytes())
        except (OSError, ContractError):
            return Entry(person, permit, "", 0, 0, usable=False, why=read.why)
        old = _expired(head.expires, now_s)
        why = read.why or ("expired" if old else "")
        return Entry(person, permit, head.engine, head.created, head.expires, usable=not why, why=why)

    def _sync(self) -> None:
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _expired(expires: int, now_s: float) -> bool:
    return bool(expires) and now_s >= expires


def _facts(path: Path) -> _Facts:
    facts = path.stat()
    return _Facts(facts.st_ino, facts.st_mtime_ns, facts.st_mode)


def _key_facts(key: str) -> _Facts | None:
    """The key file's; None when there is none."""
    try:
        return _facts(key_path(key))
    except (OSError, ContractError):
        return None
