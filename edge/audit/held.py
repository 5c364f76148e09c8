"""Notes about a log that are kept elsewhere, such as those that the bridge holds: read, checked, put in order.

A box of a month has more than a hundred thousand of them. They go through a private file that SQLite makes and
removes, so that they take no memory.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from contracts.checkpoint import NoteKey, verify_cosignature
from contracts.errors import ContractError
from contracts.key_chain import KeyChain

NOTE_BYTES = 8192


class Held:
    """Size, root and cosigning time (0: only signed by the box) of the notes that speak of one log."""

    def __init__(self) -> None:
        """None yet."""
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("CREATE TABLE note (size INTEGER, root BLOB, time_s INTEGER)")
        self.given = 0
        self.kept = 0

    def close(self) -> None:
        """Remove the file."""
        self._db.close()

    def take(self, notes: Iterable[str], keys: KeyChain, witnesses: Sequence[NoteKey]) -> None:
        """Take the notes of the log whose keys these are; others are counted only.

        Raises:
            ContractError: a note speaks of this log and neither a witness nor the box signed it.
            OSError: a note cannot be read.
        """
        for note in notes:
            self.given += 1
            if note.split("\n", 1)[0] != keys.origin:
                continue
            found = cosigned(note, witnesses)
            if found is None:
                checkpoint = keys.verify(note)
                found = checkpoint.origin, checkpoint.size, checkpoint.root, 0
            self._db.execute("INSERT INTO note VALUES (?, ?, ?)", found[1:])
            self.kept += 1

    def in_order(self) -> Iterator[tuple[int, bytes, int]]:
        """Smallest size first."""
        return iter(self._db.execute("SELECT size, root, time_s FROM note ORDER BY size, root, time_s"))


def cosigned(note: str, witnesses: Sequence[NoteKey]) -> tuple[str, int, bytes, int] | None:
    """Origin, size, root and time of a note that one of the witnesses cosigned."""
    for witness in witnesses:
        try:
            checkpoint, time_s = verify_cosignature(note, witness)
        except (ContractError, ValueError):
            continue
        return checkpoint.origin, checkpoint.size, checkpoint.root, time_s
    return None


def read_held(folder: Path) -> Iterator[str]:
    """The notes in a folder, one a file, in no order.

    Raises:
        OSError: the folder or (while reading) a file cannot be read.
    """
    entries = os.scandir(folder)

    def notes() -> Iterator[str]:
        with entries:
            for entry in entries:
                if entry.is_file():
                    with Path(entry.path).open("rb") as file:
                        yield file.read(NOTE_BYTES + 1).decode("utf-8", "replace")

    return notes()
