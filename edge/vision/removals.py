"""Deletions of face templates that the log has not confirmed: ids and times, in a file beside the templates."""

import logging
import os
import tempfile
from collections.abc import Collection
from pathlib import Path

import msgspec

from contracts.errors import UNREADABLE
from edge.interlock.evidence import TemplateRemoved

log = logging.getLogger(__name__)
REMOVALS = "removals.json"
MOST = 1024
"""All templates of all permits that a box can hold, several times over; beyond it the oldest go."""

Key = tuple[str, str, int, str]
"""Person, permit, the signed second of the statement, and why."""


def key_of(removed: TemplateRemoved) -> Key:
    """Which deletion it is: told twice, it is one."""
    return removed.person, removed.permit, removed.iat, removed.why


class Removals:
    """What was deleted and must still come into the log. A template that is gone cannot be told of a second time."""

    def __init__(self, path: Path) -> None:
        """Read what is there; a file that cannot be read is told, and begun anew."""
        self._path = path
        self._waiting: dict[Key, TemplateRemoved] = {}
        try:
            found = msgspec.json.decode(path.read_bytes(), type=tuple[TemplateRemoved, ...])
        except FileNotFoundError:
            return
        except (OSError, *UNREADABLE) as error:
            log.warning("%s cannot be read; the log may lack deletions of face templates: %s", path, error)
            return
        self._waiting = {key_of(removed): removed for removed in found}

    @property
    def waiting(self) -> tuple[TemplateRemoved, ...]:
        """What the log has not confirmed, the oldest first."""
        return tuple(self._waiting.values())

    def add(self, removed: TemplateRemoved) -> None:
        """This was deleted; where the disk does not take it, it is remembered while this process lives."""
        self._keep(dict([*self._waiting.items()][1 - MOST :]) | {key_of(removed): removed})

    def logged(self, keys: Collection[Key]) -> None:
        """The log has these."""
        left = {key: removed for key, removed in self._waiting.items() if key not in keys}
        if len(left) < len(self._waiting):
            self._keep(left)

    def _keep(self, waiting: dict[Key, TemplateRemoved]) -> None:
        self._waiting = waiting
        try:
            _write(self._path, msgspec.json.encode(self.waiting))
        except OSError as error:
            log.warning("%s cannot be written: %s", self._path, error)


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:  # mkstemp's mode is 0600
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
