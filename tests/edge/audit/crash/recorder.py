"""Records what a program does to the files below one folder: SQLite's own calls, and what Python does beside them.

SQLite is watched from below by a VFS of apsw's, which passes every call on, syncs excepted: the recording says what they
would have made durable. apsw brings a newer SQLite than Python's; the disks are opened again with Python's own.
Whatever else is written to a file shows when it is synced or renamed.
"""

import itertools
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import pytest

from edge.audit import recovery
from edge.audit.schema import open_writer
from tests.edge.audit.crash.disk import (
    SECTOR,
    Link,
    Recording,
    Rename,
    Resize,
    Step,
    Sync,
    SyncNames,
    Told,
    Unlink,
    Write,
)

_JOURNALS = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_WAL
_NO_MATTER = ("-shm", "audit.lock", "audit.reserve")
"""Nothing of theirs has to survive."""
_NUMBERS = itertools.count()


class Recorder:
    """Watches one folder."""

    def __init__(self, folder: Path) -> None:
        """The folder is there; what is in it by now is durable, and folders in it stay."""
        self.folder = folder.resolve()
        self.steps: list[Step] = []
        self.first = 0
        files = [file for file in sorted(self.folder.rglob("*")) if file.is_file() and _matters(file.name)]
        self.before = {self._name(file): file.read_bytes() for file in files}
        self._names = {name: number for number, name in enumerate(self.before)}
        self._bodies = dict(enumerate(self.before.values()))
        self._inodes: dict[int, int] = {}
        self._numbers = itertools.count(len(self.before))
        self._lock = threading.RLock()
        self._vfs = _Vfs(f"watched-{next(_NUMBERS)}", self)

    def recording(self) -> Recording:
        """What was recorded so far."""
        return Recording(self.before, tuple(self.steps), self.first)

    def told(self, what: str, value: int) -> None:
        """A promise was made just now."""
        self.steps.append(Told(what, value))

    def from_here(self) -> None:
        """Cuts before this moment are not of interest."""
        self.first = len(self.steps)

    @contextmanager
    def watching(self, said_instead: Mapping[str, str] | None = None) -> Iterator[None]:
        """Watch the log's writer and whatever is written beside it; `said_instead` replaces what is said to SQLite."""
        connect = partial(_connect, self._vfs.name, said_instead or {})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(recovery, "open_writer", partial(open_writer, connect=connect))
            for name in ("fsync", "fdatasync"):
                patch.setattr(os, name, partial(self._synced, getattr(os, name)))
            for name in ("rename", "replace"):
                patch.setattr(os, name, partial(self._renamed, getattr(os, name)))
            patch.setattr(os, "unlink", partial(self._unlinked, os.unlink))
            yield

    # --- from SQLite ----------------------------------------------------------------------------------------------

    def opened(self, path: str | None, *, existed: bool) -> int | None:
        """The number of a file that SQLite opened; None of one that nobody has to find again."""
        if path is None or Path(path).parent != self.folder:
            return None
        with self._lock:
            name = Path(path).name
            if not existed or name not in self._names:
                self._names[name] = next(self._numbers)
                self.steps.append(Link(name, self._names[name]))
            return self._names[name]

    def deleted(self, path: str, *, sync: bool) -> None:
        """SQLite deleted a file, and synced the folder."""
        with self._lock:
            if self._names.pop(Path(path).name, None) is not None:
                self.steps.append(Unlink(Path(path).name))
            if sync:
                self.steps.append(SyncNames())

    # --- from Python ----------------------------------------------------------------------------------------------

    def _synced(self, real: Callable[[int], None], handle: int) -> None:
        path, inode = Path(f"/proc/self/fd/{handle}").readlink(), os.fstat(handle).st_ino
        if not path.is_relative_to(self.folder) or not _matters(path.name):
            real(handle)
        elif not path.exists():
            # Another file has its name by now, but a cut may still bring the name back.
            with self._lock:
                if inode in self._inodes:
                    self._changed(self._inodes[inode], os.pread(handle, os.fstat(handle).st_size, 0))
                    self.steps.append(Sync(self._inodes[inode]))
        elif path.is_dir():
            self.steps.append(SyncNames(self._name(path)))
        else:
            with self._lock:
                self.steps.append(Sync(self._take_in(path)))

    def _renamed(self, real: Callable[..., None], old: str | Path, new: str | Path, **more: Any) -> None:
        old, new = Path(old), Path(new)
        if not old.is_relative_to(self.folder) or not _matters(old.name):
            return real(old, new, **more)
        with self._lock:
            if self._name(old) not in self._names and old.exists():
                self._take_in(old)
            real(old, new, **more)
            number = self._names[self._name(new)] = self._names.pop(self._name(old))
            self.steps.append(Rename(self._name(old), self._name(new), number))
        return None

    def _unlinked(self, real: Callable[..., None], path: str | Path, **more: Any) -> None:
        real(path, **more)
        path = Path(path)
        with self._lock:
            if path.is_relative_to(self.folder) and self._names.pop(self._name(path), None) is not None:
                self.steps.append(Unlink(self._name(path)))

    def _name(self, path: Path) -> str:
        """Below the folder; the folder itself has none."""
        return "" if path == self.folder else path.relative_to(self.folder).as_posix()

    def _take_in(self, path: Path) -> int:
        """Note what is in a file now, by the sectors that changed; gives its number."""
        body, name = path.read_bytes(), self._name(path)
        if name not in self._names:
            self._names[name] = next(self._numbers)
            self.steps.append(Link(name, self._names[name]))
        self._inodes[path.stat().st_ino] = self._names[name]
        self._changed(self._names[name], body)
        return self._names[name]

    def _changed(self, number: int, body: bytes) -> None:
        was = self._bodies.get(number, b"")
        if len(body) < len(was):
            self.steps.append(Resize(number, len(body)))
        for at in range(0, len(body), SECTOR):
            sector = body[at : at + SECTOR]
            if sector != was[at : at + SECTOR]:
                self.steps.append(Write(number, at, sector))
        self._bodies[number] = body


def _matters(name: str) -> bool:
    return not name.endswith(_NO_MATTER)


class _Vfs(apsw.VFS):
    def __init__(self, name: str, recorder: Recorder) -> None:
        self.name, self._recorder = name, recorder
        super().__init__(name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> "_File":  # noqa: N802 - as SQLite calls it
        return _File(self._recorder, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802 - as SQLite calls it
        super().xDelete(filename, False)
        self._recorder.deleted(filename, sync=bool(syncdir))


class _File(apsw.VFSFile):
    def __init__(self, recorder: Recorder, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        existed = path is not None and Path(path).exists()
        super().__init__("", name, flags)
        self._recorder, self._number = recorder, recorder.opened(path, existed=existed)
        # What SQLite's unix VFS does: the first sync of a journal that may be new syncs its folder, too.
        self._is_new = bool(flags[0] & apsw.SQLITE_OPEN_CREATE and flags[0] & _JOURNALS)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - as SQLite calls it
        super().xWrite(data, offset)
        self._note(lambda number: Write(number, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - as SQLite calls it
        super().xTruncate(newsize)
        self._note(lambda number: Resize(number, newsize))

    def xSync(self, flags: int) -> None:  # noqa: N802 - as SQLite calls it
        self._note(Sync)
        if self._is_new:
            self._is_new = False
            self._note(lambda _: SyncNames())

    def _note(self, step: Callable[[int], Step]) -> None:
        if self._number is not None:
            self._recorder.steps.append(step(self._number))


class _Rows(list[tuple[Any, ...]]):
    """What a statement gave, like a cursor of sqlite3."""

    rowcount = 0

    def fetchone(self) -> tuple[Any, ...] | None:
        return self.pop(0) if self else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self)


class _Connection:
    """As much of a connection of sqlite3 as the log's writer needs, by apsw."""

    def __init__(self, db: apsw.Connection, said_instead: Mapping[str, str]) -> None:
        self._db, self._said_instead = db, said_instead

    def execute(self, statement: str, values: Iterable[Any] = ()) -> _Rows:
        before = self._db.total_changes()
        with _as_sqlite3():
            rows = _Rows(self._db.execute(self._said_instead.get(statement, statement), tuple(values)))
        rows.rowcount = self._db.total_changes() - before
        return rows

    def executemany(self, statement: str, values: Iterable[Iterable[Any]]) -> None:
        with _as_sqlite3():
            list(self._db.executemany(statement, [tuple(one) for one in values]))

    def close(self) -> None:
        with _as_sqlite3():
            self._db.close()


@contextmanager
def _as_sqlite3() -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        told = sqlite3.DatabaseError(str(error))
        told.sqlite_errorcode = error.extendedresult
        raise told from error


def _connect(vfs: str, said_instead: Mapping[str, str], path: Path) -> _Connection:
    return _Connection(apsw.Connection(str(path), vfs=vfs), said_instead)
