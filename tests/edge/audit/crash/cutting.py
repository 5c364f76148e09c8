"""Cuts a film everywhere and counts what its judge finds."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any, NamedTuple

from tests.edge.audit.crash.disk import cuts
from tests.edge.audit.crash.judge import lay_out
from tests.edge.audit.crash.scenes import Film, record

ONWARD_EVERY = 8
"""On so many disks of which one the box goes on; all are looked at."""
_KEPT = 5

Lies = Callable[[str], bool]


def truth(_: str) -> bool:
    """A disk that syncs when it says so."""
    return False


@dataclass
class Found:
    """Disks looked at; of these so many lost acknowledged events (the most on one), and so many were broken."""

    states: int = 0
    losing: int = 0
    most_lost: int = 0
    corrupt: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def bad(self) -> int:
        """Disks on which a promise was broken."""
        return self.losing + self.corrupt


def cut_everywhere(
    film: Film, folder: Path, seed: int, *, share: float = 1.0, draws: int = 1, lies: Lies = truth,
    told: Callable[[], object] = int, enough: int = sys.maxsize,
) -> Found:  # fmt: skip
    """Look at the disks that a cut could leave, as `disk.cuts` chooses them.

    Args:
        film: what was recorded.
        folder: where the disks are laid out, one after the other.
        seed: gives the same disks again.
        share, draws, lies: as for `disk.cuts`.
        told: called for each disk.
        enough: stop when so many broke a promise.
    """
    found, chance = Found(), Random(seed)
    for cut in cuts(film.recording, chance, share, draws, lies):
        lay_out(cut.files, folder)
        verdict = film.judge(folder, cut.told, onward=not found.states % ONWARD_EVERY)
        found.states += 1
        found.losing += bool(verdict.lost)
        found.most_lost = max(found.most_lost, verdict.lost)
        found.corrupt += bool(verdict.corrupt)
        if verdict.bad and len(found.examples) < _KEPT:
            found.examples.append(f"seed {seed}, after step {cut.step}: {verdict.lost} lost, {verdict.corrupt}; told {dict(cut.told)}")
        told()
        if found.bad >= enough:
            break
    return found


class Control(NamedTuple):
    """What is said to SQLite instead, and whose syncs do nothing."""

    said_instead: Mapping[str, str] = MappingProxyType({})
    lies: Lies = truth


CONTROLS = {
    "synchronous=NORMAL": Control({"PRAGMA synchronous=FULL": "PRAGMA synchronous=NORMAL"}),
    "a disk that does not sync the WAL": Control(lies=lambda name: name.endswith("-wal")),
    "a disk that never syncs": Control(lies=lambda _: True),
    "a rollback journal, its end not synced": Control({"PRAGMA journal_mode=WAL": "PRAGMA journal_mode=DELETE"}),
    "a folder that is never synced": Control(lies=lambda name: not name),
}
"""What the log must not do, and disks that nothing helps against: each breaks promises, or the cuts prove nothing."""
CONTROL_SCENE = "one at a time"


def control(name: str, folder: Path, seed: int, **more: Any) -> Found:
    """Cut the first scene as this control has it; `more` as for `cut_everywhere`."""
    how = CONTROLS[name]
    film = record(CONTROL_SCENE, folder / "set", how.said_instead)
    return cut_everywhere(film, folder / "disk", seed, lies=how.lies, **more)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder in memory where there is one: thousands of disks are laid out in it."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="hotbox-cuts-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)
